/** `GET /healthz`: that the Worker answers. It asks nobody else, so that a watcher cannot load the database. */
import { Hono } from "hono";
import type { HttpDeps, HttpEnv } from "./deps.ts";

export const health = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>().get("/", (c) => c.json({ status: "ok", version: deps.version }));

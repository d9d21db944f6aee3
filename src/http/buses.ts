/** `PUT /v1/buses/{bus}`: making a bus, as often as one likes. For the root key alone. */
import { Hono } from "hono";
import { isBusName } from "../core/ids.ts";
import { BUSES_MAX, EFFECTIVE_MS } from "../core/limits.ts";
import { refusal } from "../core/problem.ts";
import { requires } from "./auth.ts";
import { refuses } from "./conditions.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";

export const buses = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>().put("/:bus", requires(deps, "root"), refuses("if-match"), async (c) => {
    const name = c.req.param("bus");
    if (!isBusName(name))
      return problem(c, refusal("invalid-request", "The name of a bus must be 1 to 32 of a-z, 0-9 and hyphen"));
    const put = await deps.buses.put(name, deps.clock.now());
    if (put === "limit-reached") return problem(c, refusal("limit-reached", `There are ${BUSES_MAX} buses, the limit`));
    const { bus, created } = put;
    if (created) deps.routes.applied({ kind: "bus", version: bus.version, bus: bus.bus });
    const answer = {
      bus: bus.bus,
      created_at: new Date(bus.createdMs).toISOString(),
      updated_at: new Date(bus.updatedMs).toISOString(),
      version: bus.version,
      effective_at: new Date((created ? deps.clock.now() : bus.updatedMs) + EFFECTIVE_MS).toISOString(),
    };
    return c.json(answer, created ? 201 : 200, { etag: `"${bus.version}"` });
  });

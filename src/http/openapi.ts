/** `GET /openapi.json`: the contract as an OpenAPI document. It is made when an isolate is asked for it first, and kept as text. */
import { Hono } from "hono";
import { sha256Hex } from "../core/digest.ts";
import { OPENAPI_MAX_AGE_SECONDS } from "../core/limits.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";

interface Text {
  readonly text: string;
  readonly etag: string;
}

async function textOf(version: string): Promise<Text> {
  // Imported here, because none of it is needed until somebody asks: an isolate starts without it.
  const { openApiDocument } = await import("./contract/document.ts");
  const text = JSON.stringify(openApiDocument(version));
  return { text, etag: `"${(await sha256Hex(text)).slice(0, 32)}"` };
}

export function openapi({ version }: HttpDeps): Hono<HttpEnv> {
  let made: Text | null = null;
  return new Hono<HttpEnv>().get("/", async (c) => {
    // Two first requests make it twice: a promise must not be shared between requests.
    made ??= await textOf(version);
    const { text, etag } = made;
    const headers = { etag, "cache-control": `public, max-age=${OPENAPI_MAX_AGE_SECONDS}` };
    const known = (c.req.header("if-none-match") ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
    if (known.includes(etag) || known.includes("*")) return c.body(null, 304, headers);
    return c.body(text, 200, { ...headers, "content-type": "application/json" });
  });
}

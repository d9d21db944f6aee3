/**
 * Publishing from browsers (the CORS protocol of the Fetch standard): which answers a page of another origin may read. Only keys that
 * name their origins are for browsers, only their publishes are, and never with credentials other than the key itself.
 */
import { createMiddleware } from "hono/factory";
import { ATTRIBUTE_NAME_CHARS_MAX, ATTRIBUTES_MAX, PREFLIGHT_SECONDS } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import type { KeyGrant } from "../ports.ts";
import type { HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";

/** Request headers of a publish that a page sets itself. */
const REQUEST_HEADERS = new Set([
  "authorization",
  "content-type",
  "content-encoding",
  "idempotency-key",
  "prefer",
  "traceparent",
  "tracestate",
  "fantail-hops",
  "fantail-bus",
]);
const ATTRIBUTE_HEADER = new RegExp(`^ce-[a-z0-9]{1,${ATTRIBUTE_NAME_CHARS_MAX}}$`);
const ALLOW_ORIGIN = "access-control-allow-origin";
const EXPOSED_HEADERS = "x-request-id, retry-after, preference-applied";

/** Why a request with that header `Origin` may not use the key, null when it may. */
export function originRefusal(grant: KeyGrant | null, origin: string | null): Refusal | null {
  const allowed = grant?.allowedOrigins ?? null;
  if (allowed === null || (origin !== null && allowed.includes(origin))) return null;
  return refusal(
    "forbidden",
    "The key is only for the origins it is made for, and the header origin names none of them",
  );
}

/**
 * Refuses the keys of browsers to everyone else, and lets the pages that they are for read every answer, problems included. Comes
 * behind `requires`.
 */
export const crossOrigin = createMiddleware<HttpEnv>(async (c, next) => {
  const { grant } = c.var.access;
  const origin = c.req.header("origin") ?? null;
  const refused = originRefusal(grant, origin);
  if (refused !== null) return problem(c, { ...refused, headers: { vary: "origin" } });
  await next();
  if (origin !== null && (grant?.allowedOrigins ?? null) !== null) letRead(c.res.headers, origin);
  return undefined;
});

/**
 * Lets a page read that its key is not valid (any more), or that nobody can tell: it would take that for a lost connection, and come back
 * for ever. It sent the key itself, and learns nothing else. Comes before `requires`.
 */
export const readableRefusals = createMiddleware<HttpEnv>(async (c, next) => {
  await next();
  const origin = c.req.header("origin");
  const isUnknown = c.res.status === 401 || c.res.status >= 500;
  if (isUnknown && origin !== undefined && isOrigin(origin) && !c.res.headers.has(ALLOW_ORIGIN))
    letRead(c.res.headers, origin);
});

function letRead(headers: Headers, origin: string): void {
  headers.set(ALLOW_ORIGIN, origin);
  headers.set("access-control-expose-headers", EXPOSED_HEADERS);
  headers.append("vary", "origin");
}

/**
 * Adds to the answer to OPTIONS what a browser asks before it publishes. It has no key yet, so that every origin may ask; the publish
 * itself is refused to those that the key does not name.
 */
export const preflight = createMiddleware<HttpEnv>(async (c, next) => {
  await next();
  const { headers } = c.res;
  headers.append("vary", "origin, access-control-request-method, access-control-request-headers");
  const origin = c.req.header("origin");
  if (origin === undefined || !isOrigin(origin) || c.req.header("access-control-request-method") === undefined) return;
  headers.set(ALLOW_ORIGIN, origin);
  headers.set("access-control-allow-methods", "POST");
  headers.set("access-control-max-age", String(PREFLIGHT_SECONDS));
  const names = allowedHeaders(c.req.header("access-control-request-headers") ?? "");
  if (names.length > 0) headers.set("access-control-allow-headers", names.join(", "));
});

/** As browsers write the origin of a page; "null", which many pages share, is none. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function allowedHeaders(asked: string): string[] {
  const names = new Set(asked.split(",").map((name) => name.trim().toLowerCase()));
  return [...names]
    .filter((name) => REQUEST_HEADERS.has(name) || ATTRIBUTE_HEADER.test(name))
    .slice(0, REQUEST_HEADERS.size + ATTRIBUTES_MAX);
}

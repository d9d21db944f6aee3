/**
 * `Idempotency-Key`: a request that comes again is not carried out again. It draws what it drew the first time, so that whatever was made
 * before an answer got lost is found, not made twice; once it is answered, the answer itself comes again.
 */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { sha256Hex } from "../core/digest.ts";
import { IDEMPOTENCY_SEED_BYTES } from "../core/limits.ts";
import { refusal } from "../core/problem.ts";
import type { IdempotencyPlace, IdempotentAnswer, Remembered } from "../ports.ts";
import { managementBody } from "./body.ts";
import { idempotencyKeyOf } from "./conditions.ts";
import type { Draw, HttpDeps, HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";

/** The headers of an answer that belong to what was made; the others belong to the request. */
const KEPT_HEADERS = ["content-type", "etag", "location"];

/** What this request draws from. Every draw must come in the same order when it is repeated. */
export const drawOf = (c: Context<HttpEnv>, { clock, random }: HttpDeps): Draw =>
  c.var.draw ?? { now: clock.now(), random };

/** Stands behind `requires`: two holders of keys may choose the same `Idempotency-Key`. @throws Unavailable */
export const idempotent = (deps: HttpDeps) =>
  createMiddleware<HttpEnv>(async (c, next) => {
    const key = idempotencyKeyOf(c.req.raw.headers);
    if (!key.ok) return problem(c, key.error);
    if (key.value === null) return next();
    const body = await managementBody(c);
    if (!body.ok) return problem(c, body.error);
    const { bus, actor } = c.var.access;
    const place = { bus, actor, key: key.value };
    const fingerprint = await fingerprintOf(c.req.raw, body.value);
    const seed = deps.random.bytes(IDEMPOTENCY_SEED_BYTES);
    const known = await deps.idempotency.begin(place, { fingerprint, beganMs: deps.clock.now(), seed });
    if (known.fingerprint !== fingerprint)
      return problem(c, refusal("idempotency-key-reused", "The idempotency-key came with another request within 24 h"));
    if (known.answer !== null) return replayed(known.answer);
    c.set("draw", { now: known.beganMs, random: { bytes: seeded(known.seed) } });
    await next();
    await remember(c, deps, { place, request: known });
    return undefined;
  });

/** 2xx is kept, 4xx leaves nothing, and after 5xx the seed stays. An answer that cannot be kept is made again from the same seed. */
async function remember(
  c: Context<HttpEnv>,
  { idempotency, logger }: HttpDeps,
  { place, request }: { place: IdempotencyPlace; request: Remembered },
): Promise<void> {
  const { res } = c;
  if (res.status >= 500) return;
  try {
    if (res.status >= 400) return await idempotency.forget(place, request.fingerprint);
    const headers = KEPT_HEADERS.flatMap((name) => {
      const value = res.headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    const answer = { status: res.status, headers: Object.fromEntries(headers), body: await res.clone().text() };
    await idempotency.finish(place, request, answer);
  } catch (error) {
    logger.warn("idempotency.not_kept", { bus: place.bus, status: res.status, error: String(error) });
  }
}

/** SHA-256 of method, path and the body without its content coding. Neither of the first two can hold a line feed. */
async function fingerprintOf(request: Request, body: Uint8Array): Promise<string> {
  const head = new TextEncoder().encode(`${request.method}\n${new URL(request.url).pathname}\n`);
  const bytes = new Uint8Array(head.byteLength + body.byteLength);
  bytes.set(head);
  bytes.set(body, head.byteLength);
  return sha256Hex(bytes);
}

/** Hands the bytes of a seed out one after another. */
function seeded(seed: Uint8Array<ArrayBuffer>): (count: number) => Uint8Array<ArrayBuffer> {
  let drawn = 0;
  return (count) => {
    const bytes = seed.slice(drawn, drawn + count);
    drawn += count;
    if (bytes.byteLength < count) throw new Error("The request draws more than its seed has");
    return bytes;
  };
}

function replayed({ status, headers, body }: IdempotentAnswer): Response {
  return new Response(body, { status, headers: { ...headers, "idempotent-replayed": "true" } });
}

/**
 * Whether a publish may go on: its key, the origin it comes from, the key's rate and types, the sizes of its bus. Asked before the
 * body is read and again before anything is accepted, because an upload may take minutes.
 */
import type { Context } from "hono";
import type { BusRules } from "../core/bus.ts";
import { fitsEventLimit } from "../core/cloudevents/json.ts";
import type { CloudEvent } from "../core/event.ts";
import { EVENT_BYTES_MAX, RATE_PERIOD_SECONDS, RATE_REQUESTS, REQUEST_BYTES_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { withTrace, type Trace } from "../core/trace.ts";
import { allowsType, namedTypes } from "../core/type-limit.ts";
import { atMost } from "../core/words.ts";
import type { KeyGrant } from "../ports.ts";
import { authorize } from "./auth.ts";
import { tooLarge, type BodyLimit } from "./body-source.ts";
import { originRefusal } from "./cors.ts";
import type { Access, HttpDeps, HttpEnv } from "./deps.ts";

/** What a publish may do at this moment. */
export interface Admission {
  readonly bus: string;
  readonly grant: KeyGrant | null;
  readonly rules: BusRules;
}

/** What the request's key and bus allow by now. @throws Unavailable */
export async function admit(c: Context<HttpEnv>, deps: HttpDeps): Promise<Result<Admission, Refusal>> {
  const access = await authorize(c, deps, { required: ["publish"] });
  if (!access.ok) return access;
  const refused = originRefusal(access.value.grant, c.req.header("origin") ?? null);
  return refused === null ? admission(c, deps, access.value) : err(refused);
}

/** What that access allows on its bus. @throws Unavailable */
export async function admission(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  { bus, grant }: Access,
): Promise<Result<Admission, Refusal>> {
  const rules = deps.routes.rules(bus) ?? (await deps.routes.bus(bus, c.env.background))?.rules;
  if (rules === undefined) return err(refusal("bus-not-found", `There is no bus ${bus}`));
  return ok({ bus, grant, rules });
}

/** Counts one publish of the key; root is not counted. Null when it may go on. */
export async function rateRefusal({ rateLimits }: HttpDeps, grant: KeyGrant | null): Promise<Refusal | null> {
  if (grant === null || (await rateLimits.take(grant.rateLimit, grant.id))) return null;
  const limit = `${RATE_REQUESTS[grant.rateLimit]} publishes in ${RATE_PERIOD_SECONDS} s`;
  return refusal(
    "rate-limited",
    `The key has made more than ${limit}, the limit of its rate_limit "${grant.rateLimit}"`,
  );
}

/** What the bus takes as one request. */
export function requestLimit({ requestBytesMax }: BusRules): BodyLimit {
  const bytesMax = Math.min(requestBytesMax, REQUEST_BYTES_MAX);
  return bytesMax < REQUEST_BYTES_MAX ? { bytesMax, of: "request_bytes_max of the bus" } : { bytesMax };
}

/** Why a line of NDJSON is too long for the bus: each is what a request of its own would be. Null when it is not. */
export function lineRefusal({ byteLength }: Uint8Array, { rules }: Admission): Refusal | null {
  const limit = requestLimit(rules);
  return byteLength <= limit.bytesMax ? null : tooLarge(limit, "line");
}

/** The event with its trace, if the key may publish its type and the bus takes its size. `pointer` says where it stands in the body. */
export function permitted(
  event: CloudEvent,
  { grant, rules }: Admission,
  { pointer, trace }: { readonly pointer: string; readonly trace: Trace | null },
): Result<CloudEvent, Refusal> {
  const types = grant?.types ?? null;
  if (types !== null && !allowsType(types, event.type)) {
    const detail = `The key may not publish this type, it is limited to ${namedTypes(types)}`;
    return err(refusal("forbidden", detail, [{ pointer: `${pointer}/type`, detail }]));
  }
  const bytesMax = Math.min(rules.eventBytesMax, EVENT_BYTES_MAX);
  if (fitsEventLimit(event, bytesMax)) return ok(withTrace(event, trace, bytesMax));
  const detail = `The event ${atMost(bytesMax, "bytes")} as JSON, the event_bytes_max of the bus`;
  return err(refusal("payload-too-large", detail, [{ pointer, detail }]));
}

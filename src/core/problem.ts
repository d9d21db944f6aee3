/**
 * The registry of public problems (RFC 9457): one slug, one status, one title. `docs/problems.md` has a heading per slug.
 * Pure: it makes values; `http/` renders them.
 */
import { FAULT_NAME_CHARS_MAX, FAULTS_MAX } from "./limits.ts";

export const PROBLEM_BASE = "https://fantail.dev/problems/";

export const PROBLEMS = {
  "malformed-body": { status: 400, title: "The body cannot be read" },
  "malformed-json": { status: 400, title: "The body is not valid JSON" },
  "invalid-parameter": { status: 400, title: "A query parameter is not valid" },
  "invalid-header": { status: 400, title: "A request header is not valid" },
  unauthorized: { status: 401, title: "A valid key is required" },
  forbidden: { status: 403, title: "The key does not allow this" },
  "not-found": { status: 404, title: "There is no such thing" },
  "bus-not-found": { status: 404, title: "There is no such bus" },
  "method-not-allowed": { status: 405, title: "The method is not allowed here" },
  "attempt-in-progress": { status: 409, title: "An attempt is in progress" },
  "event-erased": { status: 409, title: "The event is erased" },
  "bus-being-deleted": { status: 409, title: "The bus is being deleted" },
  "limit-reached": { status: 409, title: "A limit of this bus is reached" },
  "version-mismatch": { status: 412, title: "The resource has changed" },
  "payload-too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "The content type is not supported" },
  "invalid-event": { status: 422, title: "The event is not valid" },
  "invalid-request": { status: 422, title: "The request is not valid" },
  "idempotency-key-reused": { status: 422, title: "The idempotency key belongs to another request" },
  "too-many-hops": { status: 422, title: "The event runs in a circle" },
  "too-many-streams": { status: 429, title: "Too many streams are open" },
  "rate-limited": { status: 429, title: "Too many requests" },
  "internal-error": { status: 500, title: "Something went wrong on our side" },
  unavailable: { status: 503, title: "Not confirmed" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemSlug = keyof typeof PROBLEMS;

/** What is wrong with one member of the request. `pointer` is a JSON Pointer (RFC 6901) into the body. */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/** The caller's fault, or our weather: a problem without the request it belongs to. */
export interface Refusal {
  readonly slug: ProblemSlug;
  /** One sentence, sentence case, no final period; names the field and the limit. Never a secret, never a body. */
  readonly detail: string;
  readonly errors?: readonly Fault[];
}

export function refusal(slug: ProblemSlug, detail: string, errors?: readonly Fault[]): Refusal {
  return errors === undefined ? { slug, detail } : { slug, detail, errors };
}

/** The refusal of what has these faults, at least one: it tells the first, and how many more there are. */
export function refusalOfFaults(slug: ProblemSlug, faults: readonly Fault[]): Refusal {
  const [first] = faults;
  // Of more than can be listed, whoever lists them says how many there are.
  const others = faults.length > 1 && faults.length <= FAULTS_MAX ? `; ${faults.length - 1} more in errors` : "";
  return refusal(slug, `${first?.detail ?? ""}${others}`, faults);
}

/** The pointer to a member of what `parent` points to, or to that alone when the name is over FAULT_NAME_CHARS_MAX. */
export function memberPointer(parent: string, name: string): string {
  return name.length > FAULT_NAME_CHARS_MAX ? parent : `${parent}/${pointerToken(name)}`;
}

/** One reference token of a JSON Pointer, escaped (RFC 6901 §3). */
export function pointerToken(name: string | number): string {
  return String(name).replaceAll("~", "~0").replaceAll("/", "~1");
}

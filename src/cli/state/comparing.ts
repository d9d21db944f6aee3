/**
 * When a subscription or key that a file asks for is the one that is there, and what a merge patch of one member says. Pure; names of things
 * are matched elsewhere.
 */
import type { Key, Subscription } from "../../client/api.ts";
import { isList, isMembers, type Members } from "../../core/json-value.ts";
import { RETRY_PERMANENT_DEFAULT, RETRY_SCHEDULE_SECONDS_DEFAULT, TIMEOUT_MS_DEFAULT } from "../../core/limits.ts";
import { parseTimestamp } from "../../core/timestamp.ts";

/** How things of one kind are compared. */
export interface Comparing {
  readonly kind: "subscription" | "key";
  /** Every member that is compared, with its default; one that the file may leave to others only if it is given. */
  readonly complete: (members: Members) => Members;
  /** Never shown, and never read back. */
  readonly written: readonly string[];
}

export const SUBSCRIPTIONS: Comparing = {
  kind: "subscription",
  complete: (given) => ({
    sink:
      typeof given["sink"] === "string" && URL.canParse(given["sink"]) ? new URL(given["sink"]).href : given["sink"],
    types: isList(given["types"]) && given["types"].length > 0 ? given["types"] : null,
    source: given["source"] ?? null,
    filters: given["filters"] ?? [],
    format: given["format"] ?? "structured",
    headers: namesOf(given["headers"]),
    timeout_ms: given["timeout_ms"] ?? TIMEOUT_MS_DEFAULT,
    retry: retryOf(given["retry"]),
    rate: given["rate"] ?? null,
    concurrency: given["concurrency"] ?? null,
    ...(given["status"] === undefined || given["status"] === null ? {} : { status: given["status"] }),
  }),
  written: ["secret", "headers"],
};

export const KEYS: Comparing = {
  kind: "key",
  complete: (given) => ({
    scopes: isList(given["scopes"]) ? given["scopes"].map(String).toSorted() : [],
    types: given["types"] ?? null,
    allowed_origins: given["allowed_origins"] ?? null,
    rate_limit: given["rate_limit"] ?? "standard",
    expires_at: timeOf(given["expires_at"]),
  }),
  written: [],
};

/** Only which there are: their values cannot be read back. */
const namesOf = (headers: unknown): readonly string[] =>
  isMembers(headers)
    ? Object.entries(headers)
        .filter(([, value]) => value !== null)
        .map(([name]) => name.toLowerCase())
        .toSorted()
    : [];

function retryOf(retry: unknown): Members {
  const { schedule_s = null, permanent = null }: Members = isMembers(retry) ? retry : {};
  return {
    schedule_s: schedule_s ?? [...RETRY_SCHEDULE_SECONDS_DEFAULT],
    permanent: permanent ?? [...RETRY_PERMANENT_DEFAULT],
  };
}

function timeOf(time: unknown): unknown {
  const ms = typeof time === "string" ? parseTimestamp(time) : null;
  return ms === null ? (time ?? null) : new Date(ms).toISOString();
}

/** What one member is sent as: a merge patch goes into `headers` and `retry`, so what is gone must be said. */
export function patchOf(member: string, members: Members, now: Subscription | Key): unknown {
  const { [member]: value = null } = members;
  if (member === "headers") return headersPatch(members, now);
  return member === "retry" && isMembers(value) ? { schedule_s: null, permanent: null, ...value } : value;
}

function headersPatch(members: Members, now: Subscription | Key): Members {
  const wanted = isMembers(members["headers"]) ? members["headers"] : {};
  const names = new Set(namesOf(wanted));
  const gone = namesOf("headers" in now ? now.headers : {}).filter((name) => !names.has(name));
  return { ...Object.fromEntries(gone.map((name) => [name, null])), ...wanted };
}

/** Of JSON values; the order of members says nothing. */
export function isSame(one: unknown, other: unknown): boolean {
  if (isList(one))
    return isList(other) && one.length === other.length && one.every((part, index) => isSame(part, other[index]));
  if (!isMembers(one)) return one === other;
  if (!isMembers(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isSame(one[name], other[name]))
  );
}

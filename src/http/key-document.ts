/**
 * A key as its JSON document: how a request's members become settings, and how it is shown. The key itself is in no document; what is
 * stored, and when, is not decided here.
 */
import type { Members } from "../core/json-value.ts";
import { KEY_EXPIRY_MS_MAX } from "../core/limits.ts";
import type { Fault } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { DAY_MS, timestampOrNull } from "../core/timestamp.ts";
import { atMost, faultAt } from "../core/words.ts";
import { SCOPES, type Change, type Key, type KeyLimits } from "../ports.ts";
import { keyBody } from "./contract/keys.ts";
import { namedAs } from "./merge-patch.ts";
import { check } from "./schema.ts";
import { versioned } from "./versioned.ts";

/** The members that a caller sets. */
export const KEY_MEMBERS = namedAs(keyBody.shape);
/** What answers show and nobody sets, and what differs in answers about the same version. */
export const KEY_SHOWN = {
  readOnly: ["id", "bus", "replaced_by", "status", "created_at", "updated_at", "version"],
  passing: ["effective_at", "last_used_at"],
} as const;

/** What a caller sets of a key. */
export type KeySettings = KeyLimits & Pick<Key, "name">;

/** The settings that a document states, or all its faults. `knownMs` is an end that was checked when it was set. */
export function readKey(
  members: Members,
  { now, knownMs }: { readonly now: number; readonly knownMs: number | null },
): Result<KeySettings, readonly Fault[]> {
  const checked = check(keyBody, members);
  if (!checked.ok) return checked;
  const { name, types, allowed_origins: origins, rate_limit: rateLimit, expires_at: expiresMs } = checked.value;
  const scopes = SCOPES.filter((scope) => checked.value.scopes.includes(scope));
  const faults = expiresMs === null || expiresMs === knownMs ? [] : endFaults(expiresMs, now);
  if (faults.length > 0) return err(faults);
  return ok({ name, scopes, types: unique(types), allowedOrigins: unique(origins), rateLimit, expiresMs });
}

function endFaults(expiresMs: number, now: number): readonly Fault[] {
  const pointer = "/expires_at";
  if (expiresMs <= now) return [faultAt(pointer, "must be in the future")];
  if (expiresMs <= now + KEY_EXPIRY_MS_MAX) return [];
  return [faultAt(pointer, `${atMost(KEY_EXPIRY_MS_MAX / DAY_MS)} days ahead`)];
}

const unique = (list: readonly string[] | null) => list && [...new Set(list)];

/** The document of a key, as a target for merging. */
export const documentOf = (key: KeySettings): Members => ({
  name: key.name,
  scopes: key.scopes,
  types: key.types,
  allowed_origins: key.allowedOrigins,
  rate_limit: key.rateLimit,
  expires_at: timestampOrNull(key.expiresMs),
});

export const sameSettings = (a: KeySettings, b: KeySettings): boolean =>
  JSON.stringify(documentOf(a)) === JSON.stringify(documentOf(b));

export const isExpired = ({ expiresMs }: KeyLimits, now: number): boolean => expiresMs !== null && expiresMs <= now;

/** The key as an answer shows it. `committedMs` is when its last change was stored. */
export function renderedKey(key: Key, { now, committedMs }: { readonly now: number; readonly committedMs: number }) {
  return {
    id: key.id,
    bus: key.bus,
    ...documentOf(key),
    last_used_at: timestampOrNull(key.lastUsedMs),
    replaced_by: key.replacedBy,
    status: isExpired(key, now) ? "expired" : "active",
    ...versioned(key, committedMs),
  };
}

/** The key as the caches take it. */
export function changeOfKey(key: Key): Change {
  const { id, bus, version, hash, scopes, types, allowedOrigins, rateLimit, expiresMs } = key;
  return { kind: "key", version, bus, id, grant: { id, hash, scopes, types, allowedOrigins, rateLimit, expiresMs } };
}

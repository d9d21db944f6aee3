/** What a key allows as its row has it, for whoever reads rows of `keys`. */
import type { KeyLimits, RateTier, Scope } from "../ports.ts";

export interface LimitsRow {
  /** JSON text of Scope[]. */
  readonly scopes: string;
  /** JSON text of string[], as is the next. */
  readonly types: string | null;
  readonly allowed_origins: string | null;
  readonly rate_limit: RateTier;
  readonly expires_ms: number | null;
}

export interface GrantRow extends LimitsRow {
  /** SHA-256 in hex. */
  readonly hash: string;
}

/** A GrantRow as one column of JSON: its lists stay the JSON texts that they are. */
export const GRANT_JSON = `json_object('hash', hash, 'scopes', scopes, 'types', types, 'allowed_origins', allowed_origins,
  'rate_limit', rate_limit, 'expires_ms', expires_ms)`;

export function toLimits(row: LimitsRow): KeyLimits {
  const scopes: readonly Scope[] = JSON.parse(row.scopes);
  return {
    scopes,
    types: listOrNull(row.types),
    allowedOrigins: listOrNull(row.allowed_origins),
    rateLimit: row.rate_limit,
    expiresMs: row.expires_ms,
  };
}

function listOrNull(text: string | null): readonly string[] | null {
  return text === null ? null : JSON.parse(text);
}

/** Of an UPDATE, what makes a tombstone of a key: it keeps nothing but its place. */
export const KEY_TOMBSTONE =
  "status = 'deleted', hash = '', name = NULL, types = NULL, allowed_origins = NULL, replaced_by = NULL";

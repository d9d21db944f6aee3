/**
 * Cursors: where a list goes on, as one opaque word. Pure.
 * They are not signed: a forged one is a place in the caller's own list, because every list is read by the bus of the caller's key.
 */
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { isList } from "./json-value.ts";
import { CURSOR_CHARS_MAX } from "./limits.ts";
import { refusal, type Refusal } from "./problem.ts";
import { err, ok, type Result } from "./result.ts";

/** Rises when the meaning of the parts changes: a cursor from before is refused then, not misread. */
const CURSOR_VERSION = 1;

/** The list that a cursor belongs to. */
export type CursorKind =
  | "events"
  | "deliveries"
  | "subscriptions"
  | "keys"
  | "buses"
  | "audit"
  | "health"
  | "metrics"
  | "backtest";

/** The place as base64url (RFC 4648 §5, no padding) of a JSON array: version, kind, parts. */
export function encodeCursor(kind: CursorKind, parts: readonly string[]): string {
  const bytes = new TextEncoder().encode(JSON.stringify([CURSOR_VERSION, kind, ...parts]));
  return encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Read after `cursor`. */
export const CURSOR_WORDS = "must be a next_cursor of this list";
export const foreignCursor = refusal("invalid-parameter", `cursor ${CURSOR_WORDS}`);

/** The parts of a cursor of that kind. Refused (`invalid-parameter`): what `encodeCursor` did not make for this kind and version. */
export function decodeCursor(kind: CursorKind, text: string): Result<readonly string[], Refusal> {
  const refused = err(foreignCursor);
  if (text.length > CURSOR_CHARS_MAX || !/^[\w-]+$/.test(text)) return refused;
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  const bytes = decodeBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, "="));
  if (bytes === null) return refused;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return refused;
  }
  if (!isList(value)) return refused;
  const [version, given, ...parts] = value;
  if (version !== CURSOR_VERSION || given !== kind || !parts.every((part) => typeof part === "string")) return refused;
  return ok(parts);
}

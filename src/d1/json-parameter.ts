/** Bulk rows travel as one JSON parameter each statement (D1 binds at most 100), cut where a parameter would grow too long. */
import { cut } from "../core/cut.ts";
import { D1_PARAMETER_BYTES_MAX } from "../core/limits.ts";
import { utf8Bytes } from "../core/utf8.ts";

const BRACKETS_BYTES = 2;

/** The rows of such a parameter, ?1, each read once: every `->>` of a text reads all of it. LIMIT keeps SQLite from merging the two. */
export const PARAMETER_ROWS = "(SELECT jsonb(value) AS value FROM json_each(?1) LIMIT -1)";

/** JSON arrays of at most D1_PARAMETER_BYTES_MAX bytes that hold the items in order; one empty array for no items. */
export function jsonParameters(items: readonly unknown[]): string[] {
  const members = items.map((item) => JSON.stringify(item));
  const room = { itemsMax: Number.POSITIVE_INFINITY, bytesMax: D1_PARAMETER_BYTES_MAX - BRACKETS_BYTES };
  const parts = cut(members, (member) => utf8Bytes(member) + 1, room);
  return parts.length === 0 ? ["[]"] : parts.map((part) => `[${part.join(",")}]`);
}

/** Reading the query parameters of lists, by a schema of `contract/`. Unknown and repeated ones are refused: they are mistakes. */
import type * as z from "zod";
import { type CursorKind, encodeCursor, foreignCursor } from "../core/cursor.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { GIVEN_ONCE, shortName, UNKNOWN } from "../core/words.ts";
import { check } from "./schema.ts";

/** The parameters of that URL, or `invalid-parameter` naming all that are wrong. */
export function readQuery<T>(url: string, schema: z.ZodType<T>): Result<T, Refusal> {
  const given = [...new URL(url).searchParams];
  const names = new Set<string>();
  const repeated = new Set<string>();
  for (const [name] of given) (names.has(name) ? repeated : names).add(name);
  const checked = check(schema, Object.fromEntries(given));
  if (checked.ok && repeated.size === 0) return checked;
  const faults = checked.ok ? [] : checked.error.map(({ detail }) => detail);
  return err(
    refusal(
      "invalid-parameter",
      [...faults, ...[...repeated].map((name) => `${shortName(name)} ${GIVEN_ONCE}`)].join("; "),
    ),
  );
}

/** Why a URL is refused where nothing reads its parameters; null when it has none. */
export function queryRefusal(url: string): Refusal | null {
  const names = new Set(new URL(url).searchParams.keys());
  if (names.size === 0) return null;
  return refusal("invalid-parameter", [...names].map((name) => `${shortName(name)} ${UNKNOWN}`).join("; "));
}

/** Where a list goes on, if each part of the cursor is what it must be in its places; null at its start. */
export function partsOf(
  cursor: readonly string[] | undefined,
  isPart: readonly ((text: string) => boolean)[],
): Result<readonly string[] | null, Refusal> {
  if (cursor === undefined) return ok(null);
  return cursor.length === isPart.length && cursor.every((part, index) => isPart[index]?.(part))
    ? ok(cursor)
    : err(foreignCursor);
}

/** The same of a list whose places are ids. */
export function placeOf(
  cursor: readonly string[] | undefined,
  isId: (text: string) => boolean,
): Result<string | null, Refusal> {
  const parts = partsOf(cursor, [isId]);
  return parts.ok ? ok(parts.value?.[0] ?? null) : parts;
}

/** The `next_cursor` of a page: where the next one goes on, null at the end. */
export function nextCursor(kind: CursorKind, next: readonly string[] | string | null): string | null {
  if (next === null) return null;
  return encodeCursor(kind, typeof next === "string" ? [next] : next);
}

/** `since` and `until` as the filters of a list take them. */
export const spanOf = ({
  since,
  until,
}: {
  readonly since: number | undefined;
  readonly until: number | undefined;
}) => ({
  ...(since === undefined ? {} : { sinceMs: since }),
  ...(until === undefined ? {} : { untilMs: until }),
});

/** The query parameters of lists: what each means, and what is refused. Unknown and repeated ones are: they are mistakes. */
import * as z from "zod";
import { decodeCursor, type CursorKind } from "../core/cursor.ts";
import { ATTRIBUTE_VALUE_BYTES_MAX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { parseTimestamp } from "../core/timestamp.ts";
import { check } from "./schema.ts";

/** A parameter that is decoded from its text; the error says what it must be. */
const decoded = <T>(decode: (text: string) => Result<T, string>) =>
  z.string().transform((text, context) => {
    const value = decode(text);
    if (value.ok) return value.value;
    context.addIssue(value.error);
    return z.NEVER;
  });

/** A non-empty text, such as the attribute of an event. */
export const textParameter = z.string().min(1).max(ATTRIBUTE_VALUE_BYTES_MAX).exactOptional();

/** An id that `isId` knows. */
export const idParameter = (name: string, isId: (text: string) => boolean) =>
  decoded((text) => (isId(text) ? ok(text) : err(`${name} is not an id of such a thing`))).exactOptional();

/** A time as in RFC 3339, as Unix milliseconds; before 1970 is 0. */
export const timeParameter = z
  .stringFormat("datetime", (text) => parseTimestamp(text) !== null)
  .transform((text) => Math.max(0, parseTimestamp(text) ?? 0))
  .exactOptional();

/** `limit` and `cursor` of the lists of that kind. */
export const pageParameters = (kind: CursorKind) => ({
  limit: decoded((text) => {
    const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    return limit >= 1 && limit <= LIST_LIMIT_MAX
      ? ok(limit)
      : err(`limit must be an integer from 1 to ${LIST_LIMIT_MAX}`);
  }).prefault(String(LIST_LIMIT_DEFAULT)),
  cursor: decoded((text) => {
    const cursor = decodeCursor(kind, text);
    return cursor.ok ? cursor : err(cursor.error.detail);
  }).exactOptional(),
});

/** The parameters of that URL, or `invalid-parameter` naming all that are wrong. */
export function readQuery<T>(url: string, schema: z.ZodType<T>): Result<T, Refusal> {
  const given = [...new URL(url).searchParams];
  const names = new Set(given.map(([name]) => name));
  if (names.size < given.length) return err(refusal("invalid-parameter", "A parameter is given more than once"));
  const checked = check(schema, Object.fromEntries(given));
  if (checked.ok) return checked;
  return err(refusal("invalid-parameter", checked.error.map(({ detail }) => detail).join("; ")));
}

/** Where a list goes on whose places are ids; null at its start. */
export function placeOf(
  cursor: readonly string[] | undefined,
  isId: (text: string) => boolean,
): Result<string | null, Refusal> {
  if (cursor === undefined) return ok(null);
  const [id] = cursor;
  return id !== undefined && isId(id) && cursor.length === 1
    ? ok(id)
    : err(refusal("invalid-parameter", "cursor names no place in this list"));
}

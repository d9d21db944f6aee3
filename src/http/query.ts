/** Reading the query parameters of lists, by a schema of `contract/`. Unknown and repeated ones are refused: they are mistakes. */
import type * as z from "zod";
import { FAULT_NAME_CHARS_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
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
  return err(refusal("invalid-parameter", [...faults, ...[...repeated].map(twice)].join("; ")));
}

const twice = (name: string): string =>
  `${name.length > FAULT_NAME_CHARS_MAX ? `A name of ${name.length} characters` : name} is given more than once`;

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

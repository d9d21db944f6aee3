/**
 * What the schemas of all resources share: names, times, ids, pages. Where it is a request's, the same schema validates. Nothing here
 * knows a resource or a route.
 */
import * as z from "zod";
import type { oas31 } from "zod-openapi";
import { CURSOR_WORDS, decodeCursor, type CursorKind } from "../../core/cursor.ts";
import { ID_PATTERNS, isBusName, isSubscriptionId } from "../../core/ids.ts";
import {
  ATTRIBUTE_VALUE_BYTES_MAX,
  CURSOR_CHARS_MAX,
  LIST_LIMIT_DEFAULT,
  LIST_LIMIT_MAX,
  NAME_CHARS_MAX,
} from "../../core/limits.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { parseTimestamp } from "../../core/timestamp.ts";
import { integerFault, integerOf, WELL_FORMED } from "../../core/words.ts";

export type JsonSchema = oas31.SchemaObject;

// ---- Requests ----------------------------------------------------------------------------------------------------

/** A member whose rules are those of core/: no schema checks it, the document says what core/ takes. */
export const ruledByCore = (schema: JsonSchema) =>
  z
    .unknown()
    .meta({ override: { ...schema } })
    .optional();

/** A text that UTF-8 can hold: half a character would come back as another. The document cannot say that. */
export const wellFormed = (text: string): boolean => text.isWellFormed();

/** What people call a thing, null without a name. */
export const nameMember = z
  .string()
  .min(1)
  .max(NAME_CHARS_MAX)
  .refine(wellFormed, WELL_FORMED)
  .meta({ description: "What people call it.", examples: ["billing"] })
  .nullable()
  .default(null);

/** A time as in RFC 3339, as Unix milliseconds; before 1970 is 0. */
export const timeText = z
  .stringFormat("datetime", (text) => parseTimestamp(text) !== null)
  .transform((text) => Math.max(0, parseTimestamp(text) ?? 0));

const timeParameter = (description: string) =>
  timeText
    .meta({ override: { type: "string", format: "date-time" } })
    .exactOptional()
    .meta({ param: { description } });

/** `since` and `until` of a list. */
export const spanParameters = (what: string) => ({
  since: timeParameter(`Only what was ${what} at that time or after.`),
  until: timeParameter(`Only what was ${what} before that time.`),
});

/** A parameter that is decoded from its text; the error is read after its name. */
const decoded = <T>(decode: (text: string) => Result<T, string>) =>
  z.string().transform((text, context) => {
    const value = decode(text);
    if (value.ok) return value.value;
    context.addIssue(value.error);
    return z.NEVER;
  });

/** A non-empty text, such as the attribute of an event. */
export const textParameter = (description: string) =>
  z.string().min(1).max(ATTRIBUTE_VALUE_BYTES_MAX).exactOptional().meta({ param: { description } });

/** One of some words. */
export const wordParameter = <const T extends readonly string[]>(words: T, description: string) =>
  z.enum(words).exactOptional().meta({ param: { description } });

interface IdRule {
  readonly isId: (text: string) => boolean;
  readonly pattern: string;
}

/** An id that `isId` knows; `words` say what it must be. */
const idText = (words: string, { isId, pattern }: IdRule) =>
  decoded((text) => (isId(text) ? ok(text) : err(words))).meta({ override: { type: "string", pattern } });

/** The same as a parameter that may be left out. */
export const idParameter = (words: string, { description, ...rule }: IdRule & { readonly description: string }) =>
  idText(words, rule).exactOptional().meta({ param: { description } });

/** The id of a subscription. */
export const subscriptionId = idText("must be the id of a subscription, sub_ and 26 characters", {
  isId: isSubscriptionId,
  pattern: ID_PATTERNS.subscription,
});

/** A whole number within bounds, which may be left out. */
export const countParameter = (
  { min, max, otherwise }: { readonly min: number; readonly max: number; readonly otherwise: number },
  description: string,
) =>
  decoded((text) => {
    const count = integerOf(text);
    const fault = integerFault(count, { min, max });
    return fault === null ? ok(count) : err(fault);
  })
    .prefault(String(otherwise))
    .meta({ override: { type: "integer", minimum: min, maximum: max, default: otherwise }, param: { description } });

/** `limit` and `cursor` of the lists of that kind. */
export const pageParameters = (kind: CursorKind, limit = { max: LIST_LIMIT_MAX, otherwise: LIST_LIMIT_DEFAULT }) => ({
  limit: countParameter(
    { min: 1, ...limit },
    "Entries of one page, at most. A page may be shorter and still not be the last.",
  ),
  cursor: cursorText(kind)
    .exactOptional()
    .meta({ param: { description: "`next_cursor` of the page before, as it is." } }),
});

/** A cursor of the lists of that kind, as its parts. */
export function cursorText(kind: CursorKind) {
  return decoded((text) => {
    const cursor = decodeCursor(kind, text);
    return cursor.ok ? cursor : err(CURSOR_WORDS);
  }).meta({ override: { type: "string", maxLength: CURSOR_CHARS_MAX, pattern: "^[A-Za-z0-9_-]+$" } });
}

/** An id in a path: another one is not found. */
export const pathId = (description: string, example: string) => z.string().meta({ param: { description, example } });

/** The name of a bus in a path. */
export const busName = z
  .string()
  .refine(isBusName)
  .meta({ override: { pattern: ID_PATTERNS.bus }, param: { description: "The name of the bus.", example: "eu" } });

/** Members as a request may write them: null stands for the default, as absence does. */
export const orNull = <T extends z.ZodType>(schema: T) => schema.nullable().optional();

/** Read-only members, which a patch may repeat as they are. */
export const repeated = (names: readonly string[]) =>
  Object.fromEntries(
    names.map((name) => [name, z.unknown().meta({ description: "Read-only: as it is, or absent." }).optional()]),
  );

// ---- Answers -----------------------------------------------------------------------------------------------------

/** An id as answers show it. */
export const idOf = (kind: keyof typeof ID_PATTERNS, description: string) =>
  z.string().regex(new RegExp(ID_PATTERNS[kind])).meta({ description });

/** A time as answers show it: UTC, with milliseconds. */
export const time = (description: string) =>
  z.string().meta({ description, override: { format: "date-time", pattern: "\\.\\d{3}Z$" } });

export const count = (description: string) => z.int().min(0).meta({ description });

const version = z.int().min(1).meta({ description: "Rises with every change. In quotes it is the ETag." });

/** What anything that has a version ends with. */
export const versioned = {
  created_at: time("When it was made."),
  updated_at: time("When it was changed last."),
  version,
  effective_at: time("From then on the last change holds at every location of the network."),
};

/** One page of a list. */
export const pageOf = <T extends z.ZodType>(id: string, entry: T) =>
  z
    .object({
      data: z.array(entry),
      next_cursor: z.string().nullable().meta({ description: "The `cursor` of the next page; null at the end." }),
    })
    .meta({ id });

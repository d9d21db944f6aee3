/**
 * The words for what is wrong with a request: one form for each kind of fault, wherever it is found. A detail is the name of the member
 * and then these: `types.0 must not be empty`. It judges nothing.
 */
import { FAULT_NAME_CHARS_MAX } from "./limits.ts";
import type { Fault } from "./problem.ts";

export const REQUIRED = "is required";
export const UNKNOWN = "is not known";
export const NOT_EMPTY = "must not be empty";
export const GIVEN_ONCE = "must be given once";
export const WELL_FORMED = "must not hold lone surrogates";
const A_TIME = "a time as in RFC 3339, like 2026-01-31T12:00:00Z";
export const TIME = `must be ${A_TIME}`;
export const RESUME_FROM = `must be last, latest or ${A_TIME}`;
export const BUS_NAME = "must be 1 to 32 of a-z, 0-9 and hyphen";
/** Of the name of an attribute. */
export const ATTRIBUTE_NAME = "must be named with a-z and 0-9 only";

export type Kind = "a string" | "an integer" | "an array" | "an object";
export type Unit = "characters" | "bytes" | "entries" | "attributes" | "lines" | "fields";

export const mustBe = (kind: Kind): string => `must be ${kind}`;
export const oneOf = (values: readonly unknown[]): string => `must be one of ${values.join(", ")}`;

/** Of a number; with a unit, of what has so many. */
export const atMost = (max: number | bigint, unit?: Unit): string => `must ${bounded("at most", max, unit)}`;
export const atLeast = (min: number | bigint, unit?: Unit): string => `must ${bounded("at least", min, unit)}`;

function bounded(bound: string, figure: number | bigint, unit: Unit | undefined): string {
  return unit === undefined ? `be ${bound} ${figure}` : `have ${bound} ${figure} ${unit}`;
}

/** The integer that a text of digits says, for `integerFault`; of any other text none. */
export const integerOf = (text: string): number => (/^-?\d+$/.test(text) ? Number(text) : Number.NaN);

/** What is wrong with the number, null when it is an integer within these bounds. */
export function integerFault(
  value: number,
  { min, max }: { readonly min: number; readonly max: number },
): string | null {
  if (!Number.isInteger(value)) return mustBe("an integer");
  if (value < min) return atLeast(min);
  return value > max ? atMost(max) : null;
}

/** What a pointer points to, as a sentence names it: the path with dots. */
export function memberName(pointer: string): string {
  if (pointer === "") return "The body";
  return pointer.slice(1).split("/").map(readToken).join(".");
}

const readToken = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");

/** A fault of what the pointer points to. */
export const faultAt = (pointer: string, words: string): Fault => ({
  pointer,
  detail: `${memberName(pointer)} ${words}`,
});

/** A name that a sender made up, in a sentence. `whole` is how it is told if it is not too long. */
export const shortName = (name: string, whole = name): string =>
  name.length > FAULT_NAME_CHARS_MAX ? `A name of ${name.length} characters` : whole;

/** That a name is too long, in which case it is not repeated. */
export const longName = (name: string, charsMax: number): string =>
  `A name of ${name.length} characters ${atMost(charsMax, "characters")}`;

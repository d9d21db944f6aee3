/**
 * The values of CloudEvents SQL, its errors, and how one type becomes another (CESQL 1.0.0 §3.1, §3.3, §3.7). It evaluates nothing.
 */

/** A String, an Integer of 32 bits, or a Boolean. */
export type SqlValue = string | number | boolean;

/** Why an evaluation failed (§3.3), the ParseError aside, which `parseSql` tells. */
export type SqlError = "math" | "cast" | "missingFunction" | "functionEvaluation" | "missingAttribute" | "generic";

/** An error with the value that goes with it: the zero value of the type that was asked for, unless a function says otherwise. */
export interface SqlFailure {
  readonly error: SqlError;
  readonly value: SqlValue;
}

/** What evaluating gives. A failure is the only one of them that is an object. */
export type Outcome = SqlValue | SqlFailure;

export const isFailure = (outcome: Outcome): outcome is SqlFailure => typeof outcome === "object";

/** One failure of each error, all with the same value. */
export type Failures = Readonly<Record<SqlError, SqlFailure>>;

const failures = (value: SqlValue): Failures => ({
  math: { error: "math", value },
  cast: { error: "cast", value },
  missingFunction: { error: "missingFunction", value },
  functionEvaluation: { error: "functionEvaluation", value },
  missingAttribute: { error: "missingAttribute", value },
  generic: { error: "generic", value },
});

/** Failures with the zero value of each type, made once: most events fail some filter of a large bus, by an attribute they lack. */
export const NO_BOOLEAN = failures(false);
export const NO_INTEGER = failures(0);
export const NO_STRING = failures("");

const INTEGER_MIN = -2_147_483_648;
const INTEGER_MAX = 2_147_483_647;

/** Whether the number is an Integer of CloudEvents: 32 bits, signed. */
export const isInteger32 = (value: number): boolean =>
  Number.isInteger(value) && value >= INTEGER_MIN && value <= INTEGER_MAX;

const INTEGER = /^[+-]?[0-9]+$/;

/** The value as an Integer; null when the text is none, or one of more than 32 bits. */
export function toInteger(value: SqlValue): number | null {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (!INTEGER.test(value)) return null;
  // Zero has no sign here, and "-0" is zero.
  const integer = Number(value) + 0;
  return isInteger32(integer) ? integer : null;
}

/** The value as a Boolean; null when the text is neither `true` nor `false`, in any case of letters. */
export function toBoolean(value: SqlValue): boolean | null {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return value !== 0;
  // The two exact spellings first: they need no copy.
  const lower = value === "true" || value === "false" ? value : value.toLowerCase();
  if (lower === "true") return true;
  return lower === "false" ? false : null;
}

/** The value as a String, which every value has: the canonical string of an attribute. */
export const toText = (value: SqlValue): string => (typeof value === "string" ? value : String(value));

/** The value as the type that `example` has; null when it cannot be cast to it. */
export function castTo(example: SqlValue, value: SqlValue): SqlValue | null {
  if (typeof example === "string") return toText(value);
  return typeof example === "number" ? toInteger(value) : toBoolean(value);
}

/**
 * How a value is checked by a schema of `contract/`: faults in the words of `core/words.ts`, with JSON Pointers.
 */
import type * as z from "zod";
import { memberPointer, refusalOfFaults, type Fault, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import {
  atLeast,
  atMost,
  mustBe,
  NOT_EMPTY,
  oneOf,
  REQUIRED,
  shortName,
  TIME,
  UNKNOWN,
  type Kind,
  type Unit,
} from "../core/words.ts";

/** The value as the schema has it, or all its faults. */
export function check<T>(schema: z.ZodType<T>, value: unknown): Result<T, readonly Fault[]> {
  const parsed = schema.safeParse(value, { error: messageOf });
  if (parsed.success) return ok(parsed.data);
  const faults = new Map<string, Fault>();
  const issues = parsed.error.issues.toSorted((a, b) => Number(isBoundOfAll(a)) - Number(isBoundOfAll(b)));
  for (const fault of issues.flatMap(faultsOf)) {
    // The first of a member says most: a text instead of an array is also an array that is too long.
    if (!faults.has(fault.pointer)) faults.set(fault.pointer, fault);
  }
  return err([...faults.values()]);
}

/** A request body with faults. */
export const invalidRequest = (faults: readonly Fault[]): Refusal => refusalOfFaults("invalid-request", faults);

/** Zod's own bound of integers, which says less than that of the member. */
const isBoundOfAll = (issue: z.core.$ZodIssue): boolean =>
  (issue.code === "too_big" && issue.maximum === Number.MAX_SAFE_INTEGER) ||
  (issue.code === "too_small" && issue.minimum === Number.MIN_SAFE_INTEGER);

function faultsOf(issue: z.core.$ZodIssue): readonly Fault[] {
  const pointer = pointerOf(issue.path);
  // One fault for each unknown member: that is where the typo is.
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      pointer: memberPointer(pointer, key),
      detail: `${shortName(key, nameOf([...issue.path, key]))} ${UNKNOWN}`,
    }));
  // What a schema says by itself are words alone: it does not know where it stands.
  return [{ pointer, detail: issue.code === "custom" ? `${nameOf(issue.path)} ${issue.message}` : issue.message }];
}

type Path = readonly PropertyKey[];

const pointerOf = (path: Path): string =>
  path.reduce<string>((parent, name) => memberPointer(parent, String(name)), "");
const nameOf = (path: Path): string => path.map(String).join(".") || "The body";

const EXPECTED: Readonly<Record<string, Kind>> = {
  string: "a string",
  int: "an integer",
  // No number of the API has a fraction.
  number: "an integer",
  array: "an array",
  object: "an object",
};

const UNITS: Readonly<Record<string, Unit>> = { string: "characters", array: "entries" };

const messageOf = (issue: z.core.$ZodRawIssue): string =>
  issue.code === "custom" ? wordsOf(issue) : `${nameOf(issue.path ?? [])} ${wordsOf(issue)}`;

function wordsOf(issue: z.core.$ZodRawIssue): string {
  if (issue.code === "invalid_type" && issue.input === undefined) return REQUIRED;
  if (issue.code === "invalid_type") {
    const kind = EXPECTED[issue.expected];
    return kind === undefined ? `must be ${issue.expected}` : mustBe(kind);
  }
  if (issue.code === "invalid_value") return oneOf(issue.values);
  if (issue.code === "too_big") return atMost(issue.maximum, UNITS[issue.origin]);
  if (issue.code === "too_small" && UNITS[issue.origin] !== undefined && issue.minimum === 1) return NOT_EMPTY;
  if (issue.code === "too_small") return atLeast(issue.minimum, UNITS[issue.origin]);
  if (issue.code === "invalid_format" && issue.format === "datetime") return TIME;
  return "is not valid";
}

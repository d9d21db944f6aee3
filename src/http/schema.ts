/**
 * How a value is checked by a schema of `contract/`: faults in our words, with JSON Pointers.
 */
import type * as z from "zod";
import { FAULT_NAME_CHARS_MAX } from "../core/limits.ts";
import { memberPointer, refusal, type Fault, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";

/** The value as the schema has it, or all its faults. */
export function check<T>(schema: z.ZodType<T>, value: unknown): Result<T, readonly Fault[]> {
  const parsed = schema.safeParse(value, { error: messageOf });
  if (parsed.success) return ok(parsed.data);
  const faults = new Map<string, Fault>();
  for (const fault of parsed.error.issues.flatMap(faultsOf)) {
    // The first of a member says most: a text instead of an array is also an array that is too long.
    if (!faults.has(fault.pointer)) faults.set(fault.pointer, fault);
  }
  return err([...faults.values()]);
}

/** A request body with faults. */
export function invalidRequest(faults: readonly Fault[]): Refusal {
  const [first] = faults;
  return refusal(
    "invalid-request",
    faults.length === 1 && first ? first.detail : `The request has ${faults.length} faults`,
    faults,
  );
}

function faultsOf(issue: z.core.$ZodIssue): readonly Fault[] {
  const pointer = pointerOf(issue.path);
  // One fault for each unknown member: that is where the typo is.
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      pointer: memberPointer(pointer, key),
      detail: `${shortName(key, nameOf([...issue.path, key]))} is not known`,
    }));
  return [{ pointer, detail: issue.message }];
}

/** A name that a sender made up, in a sentence. `whole` is how it is told if it is not too long. */
export const shortName = (name: string, whole = name): string =>
  name.length > FAULT_NAME_CHARS_MAX ? `A name of ${name.length} characters` : whole;

type Path = readonly PropertyKey[];

const pointerOf = (path: Path): string =>
  path.reduce<string>((parent, name) => memberPointer(parent, String(name)), "");
const nameOf = (path: Path): string => path.map(String).join(".") || "The body";

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string",
  int: "an integer",
  number: "a number",
  array: "an array",
  object: "an object",
};

const UNITS: Readonly<Record<string, string>> = { string: "characters", array: "entries" };

function sizeOf(origin: string, bound: string): string {
  const unit = UNITS[origin];
  return unit === undefined ? `be ${bound}` : `have ${bound} ${unit}`;
}

function messageOf(issue: z.core.$ZodRawIssue): string {
  const name = nameOf(issue.path ?? []);
  if (issue.code === "invalid_type" && issue.input === undefined) return `${name} is required`;
  if (issue.code === "invalid_type") return `${name} must be ${EXPECTED[issue.expected] ?? issue.expected}`;
  if (issue.code === "invalid_value") return `${name} must be one of ${issue.values.join(", ")}`;
  if (issue.code === "too_big") return `${name} must ${sizeOf(issue.origin, `at most ${issue.maximum}`)}`;
  if (issue.code === "too_small" && UNITS[issue.origin] !== undefined && issue.minimum === 1)
    return `${name} must not be empty`;
  if (issue.code === "too_small") return `${name} must ${sizeOf(issue.origin, `at least ${issue.minimum}`)}`;
  if (issue.code === "invalid_format" && issue.format === "datetime") return `${name} must be a time as in RFC 3339`;
  return `${name} is not valid`;
}

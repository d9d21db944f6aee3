/**
 * The values that a pattern lists for one path: a scalar to be equal to, or an object with one operator. Each becomes a test. It knows nothing
 * of paths and fields (`read-pattern.ts`).
 */
import { isList, isMembers } from "../json-value.ts";
import { ATTRIBUTE_VALUE_BYTES_MAX, WILDCARD_STARS_MAX } from "../limits.ts";
import { fitsUtf8 } from "../utf8.ts";
import { atMost, mustBe, NOT_EMPTY, oneOf, WELL_FORMED } from "../words.ts";
import { parseCidr } from "./cidr.ts";
import { folded } from "./fold.ts";
import type { Leaf } from "./pattern.ts";
import type { Place, Reading } from "./reading.ts";
import { equalToAny, isScalar, type Range, type Scalar, type Test } from "./test.ts";
import { parseWildcard } from "./wildcard.ts";

/** Null, with a fault told, when it is not valid. */
type OperatorReader = (operand: unknown, place: Place, reading: Reading) => Test | "absent" | null;

const OPERATORS: ReadonlyMap<string, OperatorReader> = new Map<string, OperatorReader>([
  ["prefix", affixReader("prefix")],
  ["suffix", affixReader("suffix")],
  ["equals-ignore-case", textReader((text) => ({ kind: "folded-equal", text: folded(text) }))],
  ["wildcard", readWildcard],
  ["anything-but", readAnythingBut],
  ["numeric", readNumeric],
  ["cidr", readCidr],
  ["exists", readExists],
  ["exactly", textReader((text) => ({ kind: "equal", value: text }))],
]);

/** What a pattern may ask of a value. */
export const OPERATOR_NAMES: readonly string[] = [...OPERATORS.keys()];

export const isOperator = (name: string): boolean => OPERATORS.has(name);

/** The leaf that a list of values states: any of them holds. */
export function readLeaf(values: readonly unknown[], place: Place, reading: Reading): Leaf | null {
  if (values.length === 0) return reading.fault(place, NOT_EMPTY);
  const tests: Test[] = [];
  let orAbsent = false;
  let isValid = true;
  for (const [index, value] of values.entries()) {
    const read = readValue(value, { parent: place, name: index }, reading);
    if (read === null) isValid = false;
    else if (read === "absent") orAbsent = true;
    else tests.push(read);
  }
  return isValid ? { test: joined(tests), orAbsent } : null;
}

function readValue(value: unknown, place: Place, reading: Reading): Test | "absent" | null {
  if (isMembers(value)) return readOperator(value, place, reading);
  if (!isScalar(value)) return reading.fault(place, "must be a value or an object with an operator, not an array");
  // It would be stored as null.
  if (typeof value === "number" && !Number.isFinite(value)) return reading.fault(place, INEXACT);
  const wrong = typeof value === "string" ? textFault(value) : null;
  return wrong === null ? { kind: "equal", value } : reading.fault(place, wrong);
}

function readOperator(value: Readonly<Record<string, unknown>>, place: Place, reading: Reading) {
  const [name, ...others] = Object.keys(value);
  if (name === undefined || others.length > 0)
    return reading.fault(place, `must have exactly one member, an operator of ${OPERATOR_NAMES.join(", ")}`);
  const read = OPERATORS.get(name);
  const inside = { parent: place, name };
  if (read === undefined) return reading.unknown(inside, name, `an operator is one of ${OPERATOR_NAMES.join(", ")}`);
  return read(value[name], inside, reading);
}

/** Several tests as one: equal values are looked up, whatever their number. */
function joined(tests: readonly Test[]): Test | null {
  const equals: Scalar[] = [];
  const folds: string[] = [];
  const all: Test[] = [];
  for (const test of tests) {
    if (test.kind === "equal") equals.push(test.value);
    else if (test.kind === "folded-equal") folds.push(test.text);
    else all.push(test);
  }
  const [fold, ...moreFolds] = folds;
  if (fold !== undefined)
    all.unshift(
      moreFolds.length === 0 ? { kind: "folded-equal", text: fold } : { kind: "folded-among", texts: new Set(folds) },
    );
  const [first, ...rest] = equals;
  if (first !== undefined) all.unshift(equalToAny([first, ...rest]));
  const [only, ...more] = all;
  if (only === undefined || more.length === 0) return only ?? null;
  return { kind: "one-of", tests: all };
}

// ---- Operators on text -------------------------------------------------------------------------------------------

function textReader(make: (text: string) => Test): OperatorReader {
  return (operand, place, reading) => {
    if (typeof operand !== "string") return reading.fault(place, mustBe("a string"));
    const wrong = textFault(operand);
    return wrong === null ? make(operand) : reading.fault(place, wrong);
  };
}

/** What is wrong with a text that an event is to be compared with. */
export function textFault(text: string): string | null {
  // It has no UTF-8: no event carries one, and stored it would come back as another character.
  if (!text.isWellFormed()) return WELL_FORMED;
  return fitsUtf8(text, ATTRIBUTE_VALUE_BYTES_MAX) ? null : atMost(ATTRIBUTE_VALUE_BYTES_MAX, "bytes");
}

function affixReader(kind: "prefix" | "suffix"): OperatorReader {
  const plain = textReader((text) => ({ kind, text }));
  const ignoringCase = textReader((text) => ({ kind: `folded-${kind}`, text: folded(text) }));
  return (operand, place, reading) => {
    if (!isMembers(operand)) return plain(operand, place, reading);
    const inner = memberOf(operand, ["equals-ignore-case"], place, reading);
    return inner === null ? null : ignoringCase(operand[inner], { parent: place, name: inner }, reading);
  };
}

/** The name of the only member, when it is one of `names`. */
function memberOf(
  value: Readonly<Record<string, unknown>>,
  names: readonly string[],
  place: Place,
  reading: Reading,
): string | null {
  const [name, ...others] = Object.keys(value);
  if (name !== undefined && others.length === 0 && names.includes(name)) return name;
  return reading.fault(place, `must have exactly one member, ${names.join(" or ")}`);
}

function readWildcard(operand: unknown, place: Place, reading: Reading): Test | null {
  if (typeof operand !== "string") return reading.fault(place, mustBe("a string"));
  const parts = parseWildcard(operand);
  const wrong = textFault(operand) ?? (parts.ok ? null : parts.error);
  if (wrong !== null || !parts.ok) return reading.fault(place, wrong ?? "");
  const { value } = parts;
  if (value.length - 1 > WILDCARD_STARS_MAX)
    return reading.fault(place, `must have at most ${WILDCARD_STARS_MAX} stars`);
  const [first = "", last = ""] = value;
  if (value.length === 1) return { kind: "equal", value: first };
  if (value.length > 2) return { kind: "wildcard", parts: value };
  // With its star at one end it is simpler than it looks.
  if (last === "") return { kind: "prefix", text: first };
  return first === "" ? { kind: "suffix", text: last } : { kind: "wildcard", parts: value };
}

// ---- anything-but ------------------------------------------------------------------------------------------------

const EXCLUDED: ReadonlyMap<string, OperatorReader> = new Map<string, OperatorReader>([
  ["prefix", filled(affixReader("prefix"))],
  ["suffix", filled(affixReader("suffix"))],
  ["equals-ignore-case", textReader((text) => ({ kind: "folded-equal", text: folded(text) }))],
  ["wildcard", readWildcard],
]);

/** Every text begins and ends with the empty one: to exclude that is to exclude all. */
function filled(read: OperatorReader): OperatorReader {
  return (operand, place, reading) => {
    if (isMembers(operand)) return reading.fault(place, mustBe("a string"));
    return operand === "" ? reading.fault(place, NOT_EMPTY) : read(operand, place, reading);
  };
}

function readAnythingBut(operand: unknown, place: Place, reading: Reading): Test | null {
  if (isMembers(operand)) {
    const name = memberOf(operand, [...EXCLUDED.keys()], place, reading);
    const read = name === null ? undefined : EXCLUDED.get(name);
    if (name === null || read === undefined) return null;
    return noneOf(operand[name], { parent: place, name }, reading, read);
  }
  const values = isList(operand) ? operand : [operand];
  const [first] = values;
  if (isList(operand) && values.length === 0) return reading.fault(place, NOT_EMPTY);
  const kind = typeof first;
  if ((kind !== "string" && kind !== "number") || values.some((value) => typeof value !== kind))
    return reading.fault(place, "must be a string, a number, an array of strings, an array of numbers or an object");
  return noneOf(operand, place, reading, (value, at) => {
    if (typeof value === "number" && !reading.isExact(at)) return reading.fault(at, INEXACT);
    const wrong = typeof value === "string" ? textFault(value) : null;
    if (wrong !== null) return reading.fault(at, wrong);
    return isScalar(value) ? { kind: "equal", value } : null;
  });
}

function noneOf(operand: unknown, place: Place, reading: Reading, read: OperatorReader): Test | null {
  if (!isList(operand)) {
    const test = read(operand, place, reading);
    return test === null || test === "absent" ? null : { kind: "none-of", tests: [test] };
  }
  if (operand.length === 0) return reading.fault(place, NOT_EMPTY);
  const tests = operand.map((value, index) => read(value, { parent: place, name: index }, reading));
  const valid = tests.filter((test) => test !== null && test !== "absent");
  const test = valid.length === tests.length ? joined(valid) : null;
  return test === null ? null : { kind: "none-of", tests: test.kind === "one-of" ? test.tests : [test] };
}

// ---- Numbers, addresses, presence --------------------------------------------------------------------------------

const INEXACT = "must be a number that a double keeps exactly, as RFC 8259 §6 advises";

/** One comparison or two: `["=", 5]`, `[">", 0, "<=", 5]`. */
function readNumeric(operand: unknown, place: Place, reading: Reading): Test | null {
  if (!isList(operand)) return reading.fault(place, mustBe("an array"));
  const [operator, value, upperOperator, upper, ...others] = operand;
  const at = (name: number): Place => ({ parent: place, name });
  if (typeof operator !== "string" || !["=", "<", "<=", ">", ">="].includes(operator))
    return reading.fault(at(0), oneOf(["=", "<", "<=", ">", ">="]));
  if (typeof value !== "number" || !Number.isFinite(value)) return reading.fault(at(1), "must be a number");
  if (!reading.isExact(at(1))) return reading.fault(at(1), INEXACT);
  if (operator === "=" && operand.length === 2) return { kind: "equal", value };
  const bound = {
    low: Number.NEGATIVE_INFINITY,
    high: Number.POSITIVE_INFINITY,
    lowIncluded: true,
    highIncluded: true,
  };
  if (operator.startsWith("<") && operand.length === 2)
    return rangeOf({ ...bound, high: value, highIncluded: operator === "<=" });
  const lower = { ...bound, low: value, lowIncluded: operator === ">=" };
  if (operator.startsWith(">") && operand.length === 2) return rangeOf(lower);
  if (!operator.startsWith(">") || others.length > 0)
    return reading.fault(place, `must be one comparison, or one with > or >= and one with < or <= after it`);
  if (upperOperator !== "<" && upperOperator !== "<=") return reading.fault(at(2), oneOf(["<", "<="]));
  if (typeof upper !== "number" || !Number.isFinite(upper)) return reading.fault(at(3), "must be a number");
  if (!reading.isExact(at(3))) return reading.fault(at(3), INEXACT);
  if (value >= upper) return reading.fault(at(3), `must be over ${value}, the lower bound`);
  return rangeOf({ ...lower, high: upper, highIncluded: upperOperator === "<=" });
}

const rangeOf = (range: Range): Test => ({ kind: "range", range });

function readCidr(operand: unknown, place: Place, reading: Reading): Test | null {
  if (typeof operand !== "string") return reading.fault(place, mustBe("a string"));
  const network = parseCidr(operand);
  return network.ok ? { kind: "cidr", network: network.value } : reading.fault(place, network.error);
}

function readExists(operand: unknown, place: Place, reading: Reading): Test | "absent" | null {
  if (typeof operand !== "boolean") return reading.fault(place, "must be true or false");
  return operand ? { kind: "present" } : "absent";
}

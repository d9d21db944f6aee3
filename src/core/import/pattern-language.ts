/**
 * The language that EventBridge and SNS share: fields, lists of values, operators, `$or`. It finds what is not valid in it and changes
 * nothing; what a field means in a CloudEvent is decided by the translators.
 */
import { isList, isMembers, type Members } from "../json-value.ts";
import { memberPointer } from "../problem.ts";
import { mustBe, NOT_EMPTY, WELL_FORMED } from "../words.ts";
import { type Findings, refuse } from "./findings.ts";

/** What one service takes of it. */
export interface Language {
  /** The service, as a sentence names it. */
  readonly service: string;
  readonly operators: ReadonlyMap<string, OperandCheck>;
  /** Numbers are taken from -numberMax to numberMax, with so many digits after the point. */
  readonly numberMax: number;
  readonly fractionDigitsMax: number;
  /** What is wrong with a string that is compared to, beyond what is wrong in all of them. */
  readonly textFault: (text: string) => string | null;
}

/** What is wrong with an operator's operand, in words that follow its name; null when nothing is. */
export type OperandCheck = (operand: unknown, language: Language) => string | null;

export interface Place {
  readonly pointer: string;
  /** Names of the fields around it, outermost first. */
  readonly path: readonly string[];
  readonly insideOr: boolean;
}

/** One reading of a pattern. */
export interface Reading {
  readonly language: Language;
  readonly findings: Findings;
  /** What is wrong with the name of a field. */
  readonly nameFault: (name: string) => string | null;
  /** Told of the values of each field, once they are known to be valid. */
  readonly field: (values: readonly unknown[], place: Place) => void;
}

/** Names that a field of a `$or` branch cannot have. */
const OPERATORS = ["prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "cidr", "exists"];

/** Reads the fields of an object below the top of a pattern, to any depth. */
export function readFields(members: Members, place: Place, reading: Reading): void {
  for (const [name, value] of Object.entries(members)) {
    const pointer = memberPointer(place.pointer, name);
    if (name === "$or") {
      readBranches(value, { ...place, pointer }, reading, (branch, inside) => readBranch(branch, inside, reading));
      continue;
    }
    const wrong = name.isWellFormed() ? reading.nameFault(name) : WELL_FORMED;
    if (wrong !== null) refuse(reading.findings, pointer, wrong);
    readField(value, { ...place, pointer, path: [...place.path, name] }, reading);
  }
}

function readBranch(branch: Members, place: Place, reading: Reading): void {
  for (const name of Object.keys(branch)) {
    if (!OPERATORS.includes(name)) continue;
    refuse(reading.findings, memberPointer(place.pointer, name), "must not be named like an operator inside $or");
  }
  readFields(branch, place, reading);
}

/** Reads what stands under the name of a field: more fields, or the list of its values. */
export function readField(value: unknown, place: Place, reading: Reading): void {
  const { findings } = reading;
  if (isMembers(value)) {
    if (Object.keys(value).length === 0) refuse(findings, place.pointer, NOT_EMPTY);
    readFields(value, place, reading);
    return;
  }
  if (!isList(value)) {
    refuse(findings, place.pointer, "must be an object of fields or an array of values");
    return;
  }
  if (value.length === 0) refuse(findings, place.pointer, NOT_EMPTY);
  const faults = findings.faults.length;
  for (const [index, entry] of value.entries()) readValue(entry, `${place.pointer}/${index}`, reading);
  if (findings.faults.length === faults) reading.field(value, place);
}

/** Reads the branches of `$or` with `read` and gives what it gave, in their order; null when they are not valid as a whole. */
export function readBranches<T>(
  value: unknown,
  place: Place,
  { findings }: Reading,
  read: (branch: Members, place: Place) => T,
): readonly T[] | null {
  const { pointer } = place;
  if (!isList(value) || value.length < 2) return refuse(findings, pointer, "must be an array of at least 2 objects");
  return value.flatMap((branch, index) => {
    const inside = { ...place, pointer: `${pointer}/${index}`, insideOr: true };
    if (isMembers(branch) && Object.keys(branch).length > 0) return [read(branch, inside)];
    refuse(findings, inside.pointer, isMembers(branch) ? NOT_EMPTY : mustBe("an object"));
    return [];
  });
}

function readValue(value: unknown, pointer: string, { findings, language }: Reading): void {
  if (value === null || typeof value === "boolean") return;
  if (!isMembers(value)) {
    const wrong = typeof value === "number" ? bareNumberFault(value) : textFault(value, language);
    if (wrong !== null) refuse(findings, pointer, wrong);
    return;
  }
  const operator = operatorOf(value);
  const known = [...language.operators.keys()];
  if (operator === null) {
    refuse(findings, pointer, `must have exactly one member, an operator of ${known.join(", ")}`);
    return;
  }
  const [name, operand] = operator;
  const check = language.operators.get(name);
  const at = memberPointer(pointer, name);
  const wrong =
    check === undefined
      ? `is no operator that ${language.service} documents (${known.join(", ")}): if Fantail has it, write the pattern by hand`
      : check(operand, language);
  if (wrong !== null) refuse(findings, at, wrong);
}

/** The operator that a value of a list is, with its operand; null of a value that is compared as it is, and of what is neither. */
export function operatorOf(value: unknown): readonly [name: string, operand: unknown] | null {
  if (!isMembers(value)) return null;
  const [only, ...others] = Object.entries(value);
  return only === undefined || others.length > 0 ? null : only;
}

function textFault(value: unknown, language: Language): string | null {
  if (typeof value !== "string") return "must be a string, a number, true, false, null or an operator";
  return value.isWellFormed() ? language.textFault(value) : WELL_FORMED;
}

function bareNumberFault(value: number): string | null {
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return null;
  return `must be within ±${Number.MAX_SAFE_INTEGER}: JSON readers round what is beyond`;
}

function numberFault(value: unknown, { service, numberMax, fractionDigitsMax }: Language): string | null {
  if (typeof value !== "number") return "must compare with numbers";
  if (Math.abs(value) > numberMax)
    return `must be within ±${numberMax}, as ${service} says; beyond, its verdict is not known`;
  if (Number(value.toFixed(fractionDigitsMax)) === value) return null;
  return `must have at most ${fractionDigitsMax} digits after the point, to which ${service} compares and Fantail does not round`;
}

export const checkText: OperandCheck = (operand, language) =>
  typeof operand === "string" ? textFault(operand, language) : mustBe("a string");

/** An empty one would exclude every string: the language refuses it inside `anything-but`. */
export const checkTextNotEmpty: OperandCheck = (operand, language) =>
  operand === "" ? NOT_EMPTY : checkText(operand, language);

export const checkTextOrIgnoreCase: OperandCheck = (operand, language) => {
  if (!isMembers(operand)) return typeof operand === "string" ? checkText(operand, language) : TEXT_OR_IGNORE_CASE;
  const [name, text] = operatorOf(operand) ?? [];
  return name === "equals-ignore-case" ? checkText(text, language) : TEXT_OR_IGNORE_CASE;
};
const TEXT_OR_IGNORE_CASE = 'must be a string or {"equals-ignore-case": string}';

export const checkWildcard: OperandCheck = (operand, language) => {
  const wrong = checkText(operand, language);
  if (wrong !== null || typeof operand !== "string") return wrong;
  const plain = operand.replaceAll(/\\[*\\]/g, "");
  if (plain.includes("\\")) return "must escape only * and \\ with a backslash";
  return /\*\*/.test(operand.replaceAll(/\\[*\\]/g, "x")) ? "must not have two * in a row" : null;
};

export const checkExists: OperandCheck = (operand) => (typeof operand === "boolean" ? null : "must be true or false");

export const checkCidr: OperandCheck = (operand) =>
  typeof operand === "string" && /^[0-9a-fA-F:.]{2,45}\/\d{1,3}$/.test(operand)
    ? null
    : "must be a range of addresses like 10.0.0.0/24";

const BOTTOMS: readonly unknown[] = [">", ">="];
const TOPS: readonly unknown[] = ["<", "<="];

export const checkNumeric: OperandCheck = (operand, language) => {
  if (!isList(operand) || (operand.length !== 2 && operand.length !== 4)) return NUMERIC;
  const [first, from, second, to] = operand;
  const wrong = numberFault(from, language) ?? (operand.length === 4 ? numberFault(to, language) : null);
  if (wrong !== null) return wrong;
  if (operand.length === 2) return [...BOTTOMS, ...TOPS, "="].includes(first) ? null : NUMERIC;
  if (!BOTTOMS.includes(first) || !TOPS.includes(second)) return NUMERIC;
  return Number(from) < Number(to) ? null : "must have a bottom less than its top";
};
const NUMERIC = 'must be like ["=", 5], [">", 5] or [">", 0, "<=", 5]';

/** Of `anything-but`, which takes values, and an object with one of these operators. */
export function anythingBut(inner: ReadonlyMap<string, OperandCheck>): OperandCheck {
  const shape = `must be strings or numbers, not both${inner.size === 0 ? "" : `, or an object with one of ${[...inner.keys()].join(", ")}`}`;
  return (operand, language) => {
    if (isMembers(operand)) {
      const [name, text] = operatorOf(operand) ?? [];
      const check = name === undefined ? undefined : inner.get(name);
      return check === undefined ? shape : firstFault(listOf(text), check, language);
    }
    const values = listOf(operand);
    const kinds = new Set(values.map((value) => typeof value));
    if (kinds.size !== 1) return shape;
    if (kinds.has("string")) return firstFault(values, checkText, language);
    return kinds.has("number") ? firstFault(values, numberFault, language) : shape;
  };
}

const listOf = (value: unknown): readonly unknown[] => (isList(value) ? value : [value]);

function firstFault(values: readonly unknown[], check: OperandCheck, language: Language): string | null {
  if (values.length === 0) return NOT_EMPTY;
  return values.map((value) => check(value, language)).find((wrong) => wrong !== null) ?? null;
}

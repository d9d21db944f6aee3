/**
 * The language that EventBridge and SNS share: fields, lists of values, operators, `$or`. It finds what is not valid in it and changes
 * nothing; what a field means in a CloudEvent is decided by the translators.
 */
import { readLeaf } from "../filters/read-values.ts";
import { createReading } from "../filters/reading.ts";
import { isList, isMembers, type Members } from "../json-value.ts";
import { memberPointer } from "../problem.ts";
import { mustBe, NOT_EMPTY, WELL_FORMED } from "../words.ts";
import { exactnessFault, type Findings, refuse } from "./findings.ts";
import { branchNameFault } from "./verdicts.ts";

/** What one service takes of it. */
export interface Language {
  /** The service, as a sentence names it. */
  readonly service: string;
  /** Its operators; what each takes less of than Fantail does. */
  readonly operators: ReadonlyMap<string, OperandLimit>;
  /** Numbers in operators are taken from -numberMax to numberMax, with so many digits after the point. */
  readonly numberMax: number;
  readonly fractionDigitsMax: number;
  /** What is wrong with a string that is compared to, beyond what is wrong in all of them. */
  readonly textFault: (text: string) => string | null;
}

/** Why the service does not take an operand that Fantail takes, in words that follow its name; null when it does. */
export type OperandLimit = (operand: unknown) => string | null;

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
    const wrong = name === "$or" ? null : branchNameFault(name);
    if (wrong !== null) refuse(reading.findings, memberPointer(place.pointer, name), wrong);
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
  const faults = findings.faults.length;
  const known = value.map((entry, index) => (isKnown(entry, `${place.pointer}/${index}`, reading) ? entry : REFUSED));
  const leaf = createReading(findings.isExact);
  readLeaf(known, place, leaf);
  findings.faults.push(...leaf.faults);
  if (findings.faults.length === faults) reading.field(value, place);
}

/** Stands for a value that is refused already, and is none that Fantail refuses. */
const REFUSED = null;

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

/** Whether the service takes the value; if not, there are faults. What the value must be in all of them is not asked. */
function isKnown(value: unknown, pointer: string, reading: Reading): boolean {
  const { findings, language } = reading;
  const faults = findings.faults.length;
  if (typeof value === "number") {
    const wrong = exactnessFault(value, pointer, findings) ?? bareNumberFault(value);
    if (wrong !== null) refuse(findings, pointer, wrong);
  } else if (isMembers(value)) readOperator(value, pointer, reading);
  else if (typeof value === "string") readOperand(value, { pointer, hasNumbers: false }, reading);
  else if (isList(value)) refuse(findings, pointer, "must be a string, a number, true, false, null or an operator");
  return findings.faults.length === faults;

  function bareNumberFault(number: number): string | null {
    if (Math.abs(number) <= Number.MAX_SAFE_INTEGER) return null;
    return `must be within ±${Number.MAX_SAFE_INTEGER}: JSON readers round what is beyond, and ${language.service} may not`;
  }
}

function readOperator(value: Members, pointer: string, reading: Reading): void {
  const { findings, language } = reading;
  const operator = operatorOf(value);
  const known = [...language.operators.keys()];
  if (operator === null) {
    refuse(findings, pointer, `must have exactly one member, an operator of ${known.join(", ")}`);
    return;
  }
  const [name, operand] = operator;
  const limit = language.operators.get(name);
  const at = memberPointer(pointer, name);
  const wrong =
    limit === undefined
      ? `is no operator that ${language.service} documents (${known.join(", ")}): if Fantail has it, write the pattern by hand`
      : limit(operand);
  if (wrong !== null) refuse(findings, at, wrong);
  else readOperand(operand, { pointer: at, hasNumbers: name === "numeric" || name === "anything-but" }, reading);
}

/** Reads the strings and numbers that an operand has, in whatever form. */
function readOperand(
  value: unknown,
  { pointer, hasNumbers }: { readonly pointer: string; readonly hasNumbers: boolean },
  reading: Reading,
): void {
  const { findings, language } = reading;
  if (typeof value === "string" || (typeof value === "number" && hasNumbers)) {
    const wrong =
      typeof value === "string"
        ? language.textFault(value)
        : (exactnessFault(value, pointer, findings) ?? numberFault(value, language));
    if (wrong !== null) refuse(findings, pointer, wrong);
  } else if (isList(value) || isMembers(value)) {
    for (const [name, inner] of Object.entries(value))
      readOperand(inner, { pointer: memberPointer(pointer, name), hasNumbers }, reading);
  }
}

function numberFault(value: number, { service, numberMax, fractionDigitsMax }: Language): string | null {
  if (Math.abs(value) > numberMax)
    return `must be within ±${numberMax}, as ${service} says; beyond, its verdict is not known`;
  if (Number(value.toFixed(fractionDigitsMax)) === value) return null;
  return `must have at most ${fractionDigitsMax} digits after the point, to which ${service} compares and Fantail does not round`;
}

/** The operator that a value of a list is, with its operand; null of a value that is compared as it is, and of what is neither. */
export function operatorOf(value: unknown): readonly [name: string, operand: unknown] | null {
  if (!isMembers(value)) return null;
  const [only, ...others] = Object.entries(value);
  return only === undefined || others.length > 0 ? null : only;
}

/** Of an operator that the service has as Fantail has it. */
export const anyOperand: OperandLimit = () => null;

/** Of one that Fantail also lets ignore case. */
export const textOnly: OperandLimit = (operand) => (isMembers(operand) ? mustBe("a string") : null);

/** Of `anything-but`, which takes values, and an object with one of these operators. */
export const anythingButOnly =
  (...names: readonly string[]): OperandLimit =>
  (operand) => {
    if (!isMembers(operand) || names.includes(operatorOf(operand)?.[0] ?? "")) return null;
    return `must be strings or numbers, not both, or an object with one of ${names.join(", ")}`;
  };

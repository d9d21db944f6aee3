/**
 * The functions of CloudEvents SQL (CESQL 1.0.0 §3.5): which there are, what they take, and what they give. Characters are Unicode code
 * points. Who evaluates and casts the arguments is `evaluate.ts`.
 */
import { SQL_STRING_CHARS_MAX } from "../limits.ts";
import {
  type Failures,
  isInteger32,
  NO_BOOLEAN,
  NO_INTEGER,
  NO_STRING,
  type Outcome,
  type SqlValue,
  toInteger,
  toText,
} from "./values.ts";

/** A function as an expression calls it. */
export interface SqlFunction {
  /** The types of what it must be given, each as its zero value. */
  readonly parameters: readonly SqlValue[];
  /** The type of any more, null when it takes no more. */
  readonly rest: SqlValue | null;
  /** What it gives when an argument fails. */
  readonly failures: Failures;
  /** Its arguments have the types of its parameters. */
  readonly apply: (given: readonly SqlValue[]) => Outcome;
}

const BOOLEAN = false;
const INTEGER = 0;
const STRING = "";

/** A function that takes so many arguments and no more. */
const taking = (parameters: readonly SqlValue[], failures: Failures, apply: SqlFunction["apply"]): SqlFunction => ({
  parameters,
  rest: null,
  failures,
  apply,
});

/** An argument that is there, of the type that the parameter says. */
const textAt = (given: readonly SqlValue[], index: number): string => toText(given[index] ?? "");
const integerAt = (given: readonly SqlValue[], index: number): number => toInteger(given[index] ?? 0) ?? 0;

/** By name in capitals. SUBSTRING is the one with two, told apart by how many arguments it is given. */
const FUNCTIONS: ReadonlyMap<string, readonly SqlFunction[]> = new Map<string, readonly SqlFunction[]>([
  // The casts of §3.7 by name: what casts the argument has done all there is to do.
  ["INT", [taking([INTEGER], NO_INTEGER, (given) => integerAt(given, 0))]],
  ["BOOL", [taking([BOOLEAN], NO_BOOLEAN, ([value]) => value === true)]],
  ["STRING", [taking([STRING], NO_STRING, (given) => textAt(given, 0))]],
  ["LENGTH", [taking([STRING], NO_INTEGER, (given) => countCharacters(textAt(given, 0)))]],
  ["CONCAT", [{ parameters: [], rest: STRING, failures: NO_STRING, apply: (given) => join("", given, 0) }]],
  [
    "CONCAT_WS",
    [{ parameters: [STRING], rest: STRING, failures: NO_STRING, apply: (given) => join(textAt(given, 0), given, 1) }],
  ],
  ["LOWER", [taking([STRING], NO_STRING, (given) => bounded(textAt(given, 0).toLowerCase()))]],
  ["UPPER", [taking([STRING], NO_STRING, (given) => bounded(textAt(given, 0).toUpperCase()))]],
  ["TRIM", [taking([STRING], NO_STRING, (given) => trim(textAt(given, 0)))]],
  ["LEFT", [taking([STRING, INTEGER], NO_STRING, (given) => left(textAt(given, 0), integerAt(given, 1)))]],
  ["RIGHT", [taking([STRING, INTEGER], NO_STRING, (given) => right(textAt(given, 0), integerAt(given, 1)))]],
  [
    "SUBSTRING",
    [
      taking([STRING, INTEGER], NO_STRING, (given) => substring(textAt(given, 0), integerAt(given, 1), null)),
      taking([STRING, INTEGER, INTEGER], NO_STRING, (given) =>
        substring(textAt(given, 0), integerAt(given, 1), integerAt(given, 2)),
      ),
    ],
  ],
  ["ABS", [taking([INTEGER], NO_INTEGER, (given) => absolute(integerAt(given, 0)))]],
]);

/** The function of that name, in capitals, which takes so many arguments; null when there is none. */
export function findFunction(name: string, count: number): SqlFunction | null {
  const takes = ({ parameters, rest }: SqlFunction): boolean =>
    rest === null ? count === parameters.length : count >= parameters.length;
  return FUNCTIONS.get(name)?.find(takes) ?? null;
}

const bounded = (text: string): Outcome => (text.length <= SQL_STRING_CHARS_MAX ? text : NO_STRING.functionEvaluation);

/** What is given from `first` on, with the separator between; its length is known before any of it is copied. */
function join(separator: string, given: readonly SqlValue[], first: number): Outcome {
  let chars = separator.length * Math.max(0, given.length - first - 1);
  for (let index = first; index < given.length; index += 1) chars += textAt(given, index).length;
  if (chars > SQL_STRING_CHARS_MAX) return NO_STRING.functionEvaluation;
  return (first === 0 ? given : given.slice(first)).join(separator);
}

function absolute(value: number): Outcome {
  const positive = Math.abs(value);
  return isInteger32(positive) ? positive : { error: "math", value: positive - 1 };
}

// ---- Characters --------------------------------------------------------------------------------------------------

/** The index after the character that begins at `index`. */
function nextIndex(text: string, index: number): number {
  const code = text.codePointAt(index);
  return code !== undefined && code > 0xffff ? index + 2 : index + 1;
}

function countCharacters(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index = nextIndex(text, index)) count += 1;
  return count;
}

/** The index of the character after `count` characters, at most the text's length. */
function indexAfter(text: string, count: number): number {
  let index = 0;
  for (let passed = 0; passed < count && index < text.length; passed += 1) index = nextIndex(text, index);
  return index;
}

function left(text: string, count: number): Outcome {
  if (count < 0) return { error: "functionEvaluation", value: text };
  return text.slice(0, indexAfter(text, count));
}

function right(text: string, count: number): Outcome {
  if (count < 0) return { error: "functionEvaluation", value: text };
  return text.slice(indexAfter(text, Math.max(0, countCharacters(text) - count)));
}

/** `position` counts from 1, or from the end when it is negative; without `count` it is all that follows. */
function substring(text: string, position: number, count: number | null): Outcome {
  if (count !== null && count < 0) return NO_STRING.functionEvaluation;
  if (position === 0) return "";
  const length = countCharacters(text);
  if (Math.abs(position) > length) return NO_STRING.functionEvaluation;
  const rest = text.slice(indexAfter(text, position > 0 ? position - 1 : length + position));
  return count === null ? rest : rest.slice(0, indexAfter(rest, count));
}

/** Unicode's White_Space, which `String.prototype.trim` differs from: that knows no U+0085 and takes U+FEFF. */
const WHITE_SPACE = /\p{White_Space}/u;

function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && WHITE_SPACE.test(text.charAt(start))) start += 1;
  while (end > start && WHITE_SPACE.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

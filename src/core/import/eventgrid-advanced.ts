/** Advanced filters of Event Grid: each one is a filter, or two. The sources are named in eventgrid.ts. */
import { isList, isMembers, type Members } from "../json-value.ts";
import { memberPointer } from "../problem.ts";
import { mustBe, NOT_EMPTY, oneOf, REQUIRED, UNKNOWN } from "../words.ts";
import { EVENT_TYPE_NOTE, extensionFault, type Key, readKey, type Schema } from "./eventgrid-keys.ts";
import { exactnessFault, type Findings, refuse } from "./findings.ts";
import { caseFault, hasCase, type Part, patternValue, sqlComparison, sqlFault } from "./ignore-case.ts";
import { nested } from "./imported.ts";
import { valueFault } from "./verdicts.ts";

/** `read`: compared element by element; `none`: the caller says that there are none; `refused`: they would match here, not in Event Grid. */
type Arrays = "read" | "none" | "refused";

export interface Context {
  readonly findings: Findings;
  readonly schema: Schema | null;
  readonly arrays: Arrays;
}

/** `absent`: what an event without the key comes to; null where the documentation does not say. */
type Operator =
  | { readonly of: "strings"; readonly part: Part; readonly negated: boolean; readonly absent: boolean }
  | { readonly of: "numbers" | "ranges"; readonly negated: boolean; readonly absent: boolean | null }
  | { readonly of: "number"; readonly sign: string; readonly absent: false }
  | { readonly of: "boolean"; readonly absent: false }
  | { readonly of: "null"; readonly negated: boolean; readonly absent: boolean };

const strings = (part: Part, negated = false): Operator => ({
  of: "strings",
  part,
  negated,
  absent: negated && part === "in",
});
const number = (sign: string): Operator => ({ of: "number", sign, absent: false });

const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["NumberIn", { of: "numbers", negated: false, absent: false }],
  ["NumberNotIn", { of: "numbers", negated: true, absent: true }],
  ["NumberLessThan", number("<")],
  ["NumberLessThanOrEquals", number("<=")],
  ["NumberGreaterThan", number(">")],
  ["NumberGreaterThanOrEquals", number(">=")],
  ["NumberInRange", { of: "ranges", negated: false, absent: false }],
  ["NumberNotInRange", { of: "ranges", negated: true, absent: null }],
  ["BoolEquals", { of: "boolean", absent: false }],
  ["StringContains", strings("contains")],
  ["StringNotContains", strings("contains", true)],
  ["StringBeginsWith", strings("begins")],
  ["StringNotBeginsWith", strings("begins", true)],
  ["StringEndsWith", strings("ends")],
  ["StringNotEndsWith", strings("ends", true)],
  ["StringIn", strings("in")],
  ["StringNotIn", strings("in", true)],
  ["IsNullOrUndefined", { of: "null", negated: false, absent: true }],
  ["IsNotNull", { of: "null", negated: true, absent: false }],
]);

/** One advanced filter, read so far. */
interface Entry {
  readonly operator: Operator;
  readonly key: Key;
  readonly values: readonly unknown[];
  readonly pointer: string;
}

const NOTE_EMPTY =
  "In a pattern a member that is an object or an empty array counts as one that is not there; Event Grid takes any value but null for one that is.";
const NO_ARRAYS =
  "must be true, or no_arrays of the request: as it is, Event Grid does not match an array at such a key, and a pattern would compare its elements";

/** The array `advancedFilters` as filters that all must hold; empty with faults. */
export function readAdvanced(value: unknown, pointer: string, context: Context): readonly unknown[] {
  const { findings, arrays } = context;
  if (value === undefined || value === null) return [];
  if (!isList(value)) {
    refuse(findings, pointer, mustBe("an array"));
    return [];
  }
  const entries = value.flatMap((entry, index) => readEntry(entry, `${pointer}/${index}`, context) ?? []);
  if (arrays === "refused" && entries.some(({ key }) => key.kind === "data")) {
    refuse(findings, "/filter/enableAdvancedFilteringOnArrays", NO_ARRAYS);
  }
  const present = new Set(entries.filter(({ operator }) => operator.absent === false).map(({ key }) => keyText(key)));
  return entries.flatMap((entry) => {
    if (entry.operator.absent === null && !present.has(keyText(entry.key))) {
      refuse(findings, entry.pointer, UNSAID);
      return [];
    }
    return translate(entry, findings);
  });
}

const UNSAID =
  "must come with a filter IsNotNull on the same key: Event Grid's documentation does not say what becomes of events without it";

const keyText = (key: Key): string => JSON.stringify(key);

function readEntry(value: unknown, pointer: string, { findings, schema }: Context): Entry | null {
  if (!isMembers(value)) return refuse(findings, pointer, mustBe("an object"));
  for (const member of Object.keys(value)) {
    if (["operatorType", "key", "value", "values"].includes(member)) continue;
    refuse(findings, memberPointer(pointer, member), `${UNKNOWN} as a member of an advanced filter`);
  }
  const { operatorType: name, key: named } = value;
  const operator = typeof name === "string" ? OPERATORS.get(name) : undefined;
  if (operator === undefined) refuse(findings, `${pointer}/operatorType`, oneOf([...OPERATORS.keys()]));
  const key = typeof named === "string" ? readKey(named, schema) : mustBe("a string");
  if (typeof key === "string") refuse(findings, `${pointer}/key`, key);
  else if (typeof named === "string" && named.toLowerCase() === "eventtype") findings.notes.add(EVENT_TYPE_NOTE);
  if (operator === undefined || typeof key === "string") return null;
  const values = readValues(operator, value, { pointer, findings });
  return values === null ? null : { operator, key, values, pointer };
}

/** The values that an operator compares with; null with faults. */
function readValues(
  operator: Operator,
  { value, values }: Members,
  { pointer, findings }: { readonly pointer: string; readonly findings: Findings },
): readonly unknown[] | null {
  const single = operator.of === "number" || operator.of === "boolean";
  const [used, unused] = single ? ["value", "values"] : ["values", "value"];
  const [given, extra] = single ? [value, values] : [values, value];
  const takes = operator.of === "null" ? [] : [used];
  if ((extra ?? null) !== null || (operator.of === "null" && (given ?? null) !== null)) {
    const at = `${pointer}/${(extra ?? null) === null ? used : unused}`;
    return refuse(findings, at, takes.length === 0 ? "must be absent" : `must be absent: this operator takes ${used}`);
  }
  if (operator.of === "null") return [];
  if ((given ?? null) === null) return refuse(findings, `${pointer}/${used}`, REQUIRED);
  if (!single && !isList(given)) return refuse(findings, `${pointer}/${used}`, mustBe("an array"));
  const list = single ? [given] : isList(given) ? given : [];
  if (list.length === 0) return refuse(findings, `${pointer}/${used}`, NOT_EMPTY);
  const faults = findings.faults.length;
  for (const [index, entry] of list.entries()) {
    const at = single ? `${pointer}/${used}` : `${pointer}/${used}/${index}`;
    const wrong = entryFault(operator, entry, { pointer: at, findings });
    if (wrong !== null) refuse(findings, at, wrong);
  }
  return findings.faults.length === faults ? list : null;
}

interface At {
  readonly pointer: string;
  readonly findings: Findings;
}

function entryFault(operator: Operator, value: unknown, at: At): string | null {
  if (operator.of === "boolean") return typeof value === "boolean" ? null : "must be true or false";
  if (operator.of === "strings") {
    if (typeof value !== "string") return mustBe("a string");
    if (value === "" && operator.part !== "in") return NOT_EMPTY;
    return caseFault(value) ?? valueFault(patternValue(operator.part, value));
  }
  if (operator.of !== "ranges") return numberFault(value, at);
  if (!isList(value) || value.length !== 2) return "must be an array of two numbers";
  const [low, high] = value;
  const inside = (index: number): At => ({ ...at, pointer: `${at.pointer}/${index}` });
  const wrong = numberFault(low, inside(0)) ?? numberFault(high, inside(1));
  return wrong ?? (Number(low) <= Number(high) ? null : "must not begin above its end");
}

function numberFault(value: unknown, { pointer, findings }: At): string | null {
  if (typeof value !== "number") return "must be a number";
  const inexact = exactnessFault(value, pointer, findings);
  if (inexact !== null || Math.abs(value) <= Number.MAX_SAFE_INTEGER) return inexact;
  return `must be within ±${Number.MAX_SAFE_INTEGER}: JSON readers round what is beyond`;
}

function translate(entry: Entry, findings: Findings): readonly unknown[] {
  const { operator, key } = entry;
  if (operator.of === "null") return translateNull(key, operator.negated, findings);
  if (operator.of === "strings") return translateStrings(entry, operator, findings);
  if (key.kind === "data") {
    const values =
      operator.of === "number" ? [{ numeric: [operator.sign, entry.values[0]] }] : entry.values.map(numeric);
    const filter = patternOf(key, values);
    return "negated" in operator && operator.negated ? [{ not: filter }] : [filter];
  }
  const words =
    key.kind === "text"
      ? `must be an operator of strings: ${key.name} is always a string`
      : `must be an operator of strings: ${key.name} is a string wherever it came in a header; have the producer put it into the data, and filter by that`;
  refuse(findings, `${entry.pointer}/operatorType`, words);
  return [];
}

/** A range as a value of a pattern, where a bottom is less than its top; of a number or a boolean itself. */
function numeric(value: unknown): unknown {
  if (!isList(value)) return value;
  const [low, high] = value;
  return low === high ? low : { numeric: [">=", low, "<=", high] };
}

const pathOf = (key: Key): readonly string[] => (key.kind === "data" ? ["data", ...key.path] : [key.name]);

const patternOf = (key: Key, values: readonly unknown[]) => ({ pattern: nested(pathOf(key), values) });

/** An attribute is never null: a CloudEvent without a value has no attribute (CloudEvents 1.0.2 JSON format §2.2). */
function translateNull(key: Key, negated: boolean, findings: Findings): readonly unknown[] {
  if (key.kind !== "data") return [patternOf(key, [{ exists: negated }])];
  findings.notes.add(NOTE_EMPTY);
  if (!negated) return [patternOf(key, [{ exists: false }, null])];
  return [patternOf(key, [{ exists: true }]), { not: patternOf(key, [null]) }];
}

function translateStrings(
  { key, values, pointer }: Entry,
  { part, negated, absent }: Operator & { readonly of: "strings" },
  findings: Findings,
): readonly unknown[] {
  const texts = values.filter((value) => typeof value === "string");
  const cased = part === "contains" ? texts.findIndex(hasCase) : -1;
  if (key.kind === "extension" || (key.kind === "text" && cased >= 0)) {
    return translateToSql({ name: key.name, texts, pointer }, { part, negated, absent }, findings);
  }
  if (cased >= 0) {
    refuse(findings, `${pointer}/values/${cased}`, CASED);
    return [];
  }
  const filter = patternOf(
    key,
    texts.map((text) => patternValue(part, text)),
  );
  if (!negated) return [filter];
  if (absent || (key.kind === "text" && key.required)) return [{ not: filter }];
  if (key.kind === "data") findings.notes.add(NOTE_EMPTY);
  return [patternOf(key, [{ exists: true }]), { not: filter }];
}

const CASED =
  "must be without letters: Event Grid ignores their case, and wildcard, the only operator that looks inside a string of the data, respects it; if the case is known, write a wildcard by hand";

function translateToSql(
  { name, texts, pointer }: { readonly name: string; readonly texts: readonly string[]; readonly pointer: string },
  { part, negated, absent }: { readonly part: Part; readonly negated: boolean; readonly absent: boolean },
  findings: Findings,
): readonly unknown[] {
  const unnamed = extensionFault(name);
  if (unnamed !== null) refuse(findings, `${pointer}/key`, unnamed);
  const wrongs = texts.map(sqlFault);
  for (const [index, wrong] of wrongs.entries()) {
    if (wrong !== null) refuse(findings, `${pointer}/values/${index}`, wrong);
  }
  if (unnamed !== null || wrongs.some((wrong) => wrong !== null)) return [];
  // Without the attribute an expression is an error and does not hold: a `not` around it does.
  if (negated && absent) return [{ not: { sql: sqlComparison(name, part, { texts, negated: false }) } }];
  return [{ sql: sqlComparison(name, part, { texts, negated }) }];
}

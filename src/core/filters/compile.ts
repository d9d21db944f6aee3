/** From what a subscription wants to the condition that is evaluated. Decides nothing about what is valid: `read-filters.ts` does. */
import { parseSql } from "../sql/parse.ts";
import type { SqlExpression } from "../sql/syntax.ts";
import type { Wanted } from "../subscription.ts";
import { choiceOf, isPlainAlternative } from "./choice.ts";
import type { Comparisons, Filter } from "./filter.ts";
import type { Condition } from "./holds.ts";
import type { Field } from "./pattern.ts";
import { createReading } from "./reading.ts";
import { readPattern } from "./read-pattern.ts";
import { equalToAny, type Test } from "./test.ts";

const NOTHING: Condition = { kind: "all", of: [] };

/** The condition of all that is wanted. @throws Error on a filter that was never valid. */
export function compileWanted({ types, source, filters }: Wanted): Condition {
  const conditions = filters.map(compileFilter);
  if (source !== null)
    conditions.unshift({ kind: "attribute", name: "source", test: { kind: "equal", value: source } });
  const [type, ...otherTypes] = types ?? [];
  if (type !== undefined)
    conditions.unshift({ kind: "attribute", name: "type", test: equalToAny([type, ...otherTypes]) });
  return all(conditions);
}

/** The condition that a filter states. @throws Error on one that was never valid. */
export function compileFilter(filter: Filter): Condition {
  if ("exact" in filter) return compared(filter.exact, (value) => ({ kind: "equal", value }));
  if ("prefix" in filter) return compared(filter.prefix, (text) => ({ kind: "prefix", text }));
  if ("suffix" in filter) return compared(filter.suffix, (text) => ({ kind: "suffix", text }));
  if ("all" in filter) return all(filter.all.map(compileFilter));
  if ("any" in filter) return any(filter.any.map(compileFilter));
  if ("not" in filter) return { kind: "not", of: compileFilter(filter.not) };
  if ("pattern" in filter) return compilePattern(filter.pattern);
  if ("sql" in filter) return { kind: "sql", expression: compileSql(filter.sql) };
  throw new Error(`No dialect in ${Object.keys(filter).join(", ")}`);
}

function compared(comparisons: Comparisons, testOf: (text: string) => Test): Condition {
  return all(
    Object.entries(comparisons).map(([name, text]) => ({ kind: "attribute", name, test: testOf(text) }) as const),
  );
}

function compilePattern(pattern: unknown): Condition {
  const reading = createReading();
  const alternatives = readPattern(pattern, { place: { pointer: "" }, keyFault: () => null }, reading);
  if (alternatives === null) throw new Error(`A pattern cannot be read: ${reading.faults[0]?.detail}`);
  if (alternatives.length < CHOICE_MIN) return any(alternatives.map(fieldsOf));
  const [plain, others] = [
    alternatives.filter(isPlainAlternative),
    alternatives.filter((one) => !isPlainAlternative(one)),
  ];
  const choice = plain.length === 0 ? [] : [{ kind: "choice", of: plain, root: choiceOf(plain) } as const];
  return any([...choice, ...others.map(fieldsOf)]);
}

/** So few alternatives are evaluated faster one by one. */
const CHOICE_MIN = 4;

const fieldsOf = (fields: Field): Condition => ({ kind: "fields", fields });

/** @throws Error on an expression that was never valid. */
export function compileSql(text: string): SqlExpression {
  const expression = parseSql(text);
  if (!expression.ok) throw new Error(`An SQL expression cannot be read: ${expression.error.detail}`);
  return expression.value;
}

/** One condition stands for itself: most subscriptions have one or two, and a large bus has many of them. */
function all(conditions: readonly Condition[]): Condition {
  const flat = conditions.flatMap((condition) => (condition.kind === "all" ? condition.of : condition));
  const [only, ...others] = flat;
  if (only === undefined) return NOTHING;
  return others.length === 0 ? only : { kind: "all", of: flat };
}

function any(conditions: readonly Condition[]): Condition {
  const [only, ...others] = conditions;
  return only !== undefined && others.length === 0 ? only : { kind: "any", of: conditions };
}

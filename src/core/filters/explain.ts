/**
 * Why a subscription takes an event, or why not: every clause of what it wants with what the event has there. It decides nothing: whether
 * the event is taken is asked of the same condition that routes.
 */
import { canonicalString, isAttributeValue } from "../event.ts";
import { isList, isMembers, type Members } from "../json-value.ts";
import { EXPLAIN_CHARS_MAX, EXPLAIN_VALUES_MAX } from "../limits.ts";
import { pointerToken } from "../problem.ts";
import { evaluateSql } from "../sql/evaluate.ts";
import type { Wanted } from "../subscription.ts";
import { compileFilter, compileSql, compileWanted } from "./compile.ts";
import { own } from "./fields.ts";
import type { Comparisons, Filter } from "./filter.ts";
import { holds } from "./holds.ts";
import { readLeaf } from "./read-values.ts";
import { createReading } from "./reading.ts";
import type { Leaf } from "./pattern.ts";
import { isSatisfied } from "./shortfall.ts";
import { passes, type Scalar } from "./test.ts";
import type { EventView, Keys } from "./view.ts";

export interface Clause {
  /** JSON Pointer into `{types, source, filters}`. */
  readonly pointer: string;
  /** What stands at the pointer. */
  readonly wanted: unknown;
  /**
   * What the event has there: a value, or an array of the values of an array's elements, those that decide first, at most EXPLAIN_VALUES_MAX of
   * them. A text of over EXPLAIN_CHARS_MAX characters is shown by its two ends with … between them, a number that no double holds as a
   * text, and an object or an empty array as {} or []. For `sql`, what it evaluates to. Left out where the event has nothing, and of
   * clauses that hold others.
   */
  readonly observed?: unknown;
  readonly matched: boolean;
}

export interface Explanation {
  readonly matched: boolean;
  /** In the order in which they are written; `any`, `not` and `$or` stand before the clauses in them, which may fail or must. */
  readonly clauses: readonly Clause[];
}

/** Why an event is taken, or not. @throws Error on filters that were never valid. */
export function explain(wanted: Wanted, event: EventView): Explanation {
  const { form } = event;
  const { types, source, filters } = wanted;
  const clauses: Clause[] = [];
  const has = (name: string, texts: readonly string[]): boolean => texts.some((text) => own(form, name) === text);
  if (types !== null && types.length > 0)
    clauses.push({
      pointer: "/types",
      wanted: types,
      ...observedAt(form, "type"),
      matched: has("type", types),
    });
  if (source !== null)
    clauses.push({
      pointer: "/source",
      wanted: source,
      ...observedAt(form, "source"),
      matched: has("source", [source]),
    });
  for (const [index, filter] of filters.entries()) clauses.push(...clausesOf(filter, `/filters/${index}`, event));
  return { matched: holds(compileWanted(wanted), event), clauses };
}

function clausesOf(filter: Filter, pointer: string, event: EventView): readonly Clause[] {
  const { form } = event;
  if ("exact" in filter) return compared(filter.exact, `${pointer}/exact`, event, (exact) => ({ exact }));
  if ("prefix" in filter) return compared(filter.prefix, `${pointer}/prefix`, event, (prefix) => ({ prefix }));
  if ("suffix" in filter) return compared(filter.suffix, `${pointer}/suffix`, event, (suffix) => ({ suffix }));
  if ("all" in filter) return inside(filter.all, `${pointer}/all`, event);
  const matched = holds(compileFilter(filter), event);
  if ("any" in filter)
    return [{ pointer: `${pointer}/any`, wanted: filter.any, matched }, ...inside(filter.any, `${pointer}/any`, event)];
  if ("not" in filter)
    return [
      { pointer: `${pointer}/not`, wanted: filter.not, matched },
      ...clausesOf(filter.not, `${pointer}/not`, event),
    ];
  if ("sql" in filter)
    return [{ pointer: `${pointer}/sql`, wanted: filter.sql, observed: evaluated(filter.sql, form), matched }];
  return patternClauses(filter.pattern, `${pointer}/pattern`, event, matched);
}

const inside = (filters: readonly Filter[], pointer: string, event: EventView): readonly Clause[] =>
  filters.flatMap((filter, index) => clausesOf(filter, `${pointer}/${index}`, event));

function compared(
  comparisons: Comparisons,
  pointer: string,
  event: EventView,
  filterOf: (one: Comparisons) => Filter,
): readonly Clause[] {
  return Object.entries(comparisons).map(([name, text]) => ({
    pointer: `${pointer}/${pointerToken(name)}`,
    wanted: text,
    ...observedAt(event.form, name),
    matched: holds(compileFilter(filterOf({ [name]: text })), event),
  }));
}

function observedAt(form: Members, name: string): { readonly observed?: unknown } {
  const value = own(form, name);
  return isAttributeValue(value) ? { observed: short(canonicalString(value)) } : {};
}

/** The value of the expression, and the error that makes it fail, if there is one. */
function evaluated(sql: string, form: Members) {
  const { value, error } = evaluateSql(compileSql(sql), form);
  return { value: short(value), error };
}

// ---- Patterns ----------------------------------------------------------------------------------------------------

interface At {
  readonly pointer: string;
  readonly path: readonly string[];
}

/** The clauses of its fields; the pattern itself before them, where they alone do not tell its verdict. */
function patternClauses(pattern: Members, pointer: string, event: EventView, matched: boolean): readonly Clause[] {
  event.look(leafPaths(pattern, []));
  const { clauses, holds: fieldsHold } = fieldClauses(pattern, { pointer, path: [] }, event);
  return fieldsHold === matched ? clauses : [{ pointer, wanted: pattern, matched }, ...clauses];
}

/** Of all lists of values in it. */
function leafPaths(object: Members, above: Keys): readonly Keys[] {
  return Object.entries(object).flatMap(([key, value]) => {
    if (key === "$or" && isList(value))
      return value.flatMap((branch) => (isMembers(branch) ? leafPaths(branch, above) : []));
    const path = [...above, ...key.split(".")];
    return isMembers(value) ? leafPaths(value, path) : [path];
  });
}

interface Fields {
  readonly clauses: readonly Clause[];
  /** Whether each field holds by itself. */
  readonly holds: boolean;
}

function fieldClauses(object: Members, { pointer, path }: At, event: EventView): Fields {
  const parts = Object.entries(object).map(([key, value]): Fields => {
    const at = {
      pointer: `${pointer}/${pointerToken(key)}`,
      path: key === "$or" ? path : [...path, ...key.split(".")],
    };
    if (isMembers(value)) return fieldClauses(value, at, event);
    if (!isList(value)) throw new Error(`A pattern has no value at ${at.pointer}`);
    return key === "$or" ? branchClauses(value, at, event) : leafClause(value, at, event);
  });
  return { clauses: parts.flatMap(({ clauses }) => clauses), holds: parts.every((part) => part.holds) };
}

function branchClauses(branches: readonly unknown[], at: At, event: EventView): Fields {
  const parts = branches.map((branch, index) =>
    fieldClauses(isMembers(branch) ? branch : {}, { ...at, pointer: `${at.pointer}/${index}` }, event),
  );
  const matched = parts.some((part) => part.holds);
  const whole = { pointer: at.pointer, wanted: branches, matched };
  return { clauses: [whole, ...parts.flatMap(({ clauses }) => clauses)], holds: matched };
}

function leafClause(wanted: readonly unknown[], { pointer, path }: At, event: EventView): Fields {
  const leaf = readLeaf(wanted, { pointer }, createReading());
  if (leaf === null) throw new Error(`A pattern cannot be read at ${pointer}`);
  const matched = isSatisfied(leaf, path, event);
  return { clauses: [{ pointer, wanted, ...observedOf(leaf, path, event), matched }], holds: matched };
}

/** What decides comes first: of many values it must not be the one that is left out. */
function observedOf({ test }: Leaf, path: readonly string[], event: EventView): { readonly observed?: unknown } {
  const { values: there, parts } = event.at(path);
  const [first] = there;
  if (first === undefined) return parts === null ? {} : { observed: parts === "object" ? {} : [] };
  if (there.length === 1) return { observed: short(first) };
  const deciding = test === null ? undefined : there.find((value) => passes(test, value));
  const shown = deciding === undefined ? there : [deciding, ...there.toSpliced(there.indexOf(deciding), 1)];
  return { observed: shown.slice(0, EXPLAIN_VALUES_MAX).map(short) };
}

/** Never half a character at a cut. */
function short<T extends Scalar>(value: T): T | string {
  if (typeof value === "number" && !Number.isFinite(value)) return `${value}`;
  if (typeof value !== "string" || value.length <= EXPLAIN_CHARS_MAX) return value;
  const half = EXPLAIN_CHARS_MAX / 2;
  return `${value.slice(0, half)}…${value.slice(-half)}`.toWellFormed();
}

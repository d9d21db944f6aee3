/** How far an event is from being taken: for a list of the nearest misses. It decides nothing. */
import { canonicalString, isAttributeValue } from "../event.ts";
import type { Members } from "../json-value.ts";
import { sqlHolds } from "../sql/evaluate.ts";
import { own } from "./fields.ts";
import { type Condition, holds } from "./holds.ts";
import { type Field, isLeaf } from "./pattern.ts";
import { passes } from "./test.ts";
import type { EventView, Keys } from "./view.ts";

/** How many parts of the condition fail, each by itself; 0 if and only if it holds. */
export function shortfall(condition: Condition, event: EventView): number {
  if (holds(condition, event)) return 0;
  switch (condition.kind) {
    case "all":
      return condition.of.reduce((sum, inner) => sum + shortfall(inner, event), 0);
    case "any":
      return least(condition.of.map((inner) => shortfall(inner, event)));
    case "fields":
      return failing(condition.fields, event);
    case "choice":
    case "not":
    case "attribute":
    case "sql":
      return 1;
  }
}

const least = (counts: readonly number[]): number => counts.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);

/** Where each field holds by itself, it is that no element of an array has them together. */
function failing(fields: Field, event: EventView): number {
  event.look(leafPaths(fields, []));
  return Math.max(1, failingFields(fields, [], event));
}

function leafPaths(first: Field, above: Keys): readonly Keys[] {
  const paths: Keys[] = [];
  for (let field: Field | null = first; field !== null; field = field.next) {
    const path = [...above, field.key];
    if (isLeaf(field)) paths.push(path);
    if (field.inner !== null) paths.push(...leafPaths(field.inner, path));
  }
  return paths;
}

function failingFields(first: Field, above: readonly string[], event: EventView): number {
  let count = 0;
  for (let field: Field | null = first; field !== null; field = field.next) {
    const path = [...above, field.key];
    if (isLeaf(field) && !isSatisfied(field, path, event)) count += 1;
    if (field.inner !== null) count += failingFields(field.inner, path, event);
  }
  return count;
}

/** Whether the leaf holds at the path, whatever is asked beside it. */
export function isSatisfied(
  { test, orAbsent }: Pick<Field, "test" | "orAbsent">,
  path: readonly string[],
  event: EventView,
): boolean {
  const { values } = event.at(path);
  return (orAbsent && values.length === 0) || (test !== null && values.some((value) => passes(test, value)));
}

/** The same by attributes alone, without a look into the data: what cannot be told by them counts as if it held. */
export function attributesFailing(condition: Condition, form: Members): number {
  switch (condition.kind) {
    case "all":
      return condition.of.reduce((sum, inner) => sum + attributesFailing(inner, form), 0);
    case "any":
      return least(condition.of.map((inner) => attributesFailing(inner, form)));
    case "attribute": {
      const value = own(form, condition.name);
      return isAttributeValue(value) && passes(condition.test, canonicalString(value)) ? 0 : 1;
    }
    case "fields":
      return topFieldsFailing(condition.fields, form);
    case "sql":
      return sqlHolds(condition.expression, form) ? 0 : 1;
    case "choice":
    case "not":
      return 0;
  }
}

function topFieldsFailing(first: Field, form: Members): number {
  let count = 0;
  for (let field: Field | null = first; field !== null; field = field.next) {
    const { key, test, orAbsent, inner } = field;
    if (inner !== null || test === null) continue;
    const value = own(form, key);
    const isThere = isAttributeValue(value) && passes(test, value);
    // What is no plain value is data.
    if (!isThere && !(value === undefined && orAbsent) && typeof value !== "object") count += 1;
  }
  return count;
}

/** How often an event is walked to evaluate the condition, at most: for a bound on work. */
export function walksOf(condition: Condition): number {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.of.reduce((sum, inner) => sum + walksOf(inner), 0);
    case "not":
      return walksOf(condition.of);
    case "fields":
      return condition.fields.mayBeAbsent ? leavesIn(condition.fields) : 1;
    case "choice":
      return 1;
    case "attribute":
    case "sql":
      return 0;
  }
}

/** What may be absent is looked for in every element of an array, one after the other. */
function leavesIn(first: Field): number {
  let count = 0;
  for (let field: Field | null = first; field !== null; field = field.next)
    count += Number(isLeaf(field)) + (field.inner === null ? 0 : leavesIn(field.inner));
  return count;
}

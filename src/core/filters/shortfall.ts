/** How far an event is from being taken: for a list of the nearest misses. It decides nothing. */
import type { Members } from "../json-value.ts";
import { type Condition, holds } from "./holds.ts";
import type { Field } from "./pattern.ts";
import { passes } from "./test.ts";
import { someValue } from "./values.ts";

/** How many parts of the condition fail, each by itself; 0 if and only if it holds. */
export function shortfall(condition: Condition, form: Members): number {
  if (holds(condition, form)) return 0;
  switch (condition.kind) {
    case "all":
      return condition.of.reduce((sum, inner) => sum + shortfall(inner, form), 0);
    case "any":
      return condition.of.reduce((least, inner) => Math.min(least, shortfall(inner, form)), Number.POSITIVE_INFINITY);
    case "fields":
      // Where each field holds by itself, it is that no element of an array has them together.
      return Math.max(1, failingFields(condition.fields, [], form));
    case "not":
    case "attribute":
    case "sql":
      return 1;
  }
}

function failingFields(first: Field, above: readonly string[], form: Members): number {
  let failing = 0;
  for (let field: Field | null = first; field !== null; field = field.next) {
    const path = [...above, field.key];
    const { test, orAbsent, inner } = field;
    if (test !== null || orAbsent) failing += Number(!isSatisfied({ test, orAbsent }, path, form));
    if (inner !== null) failing += failingFields(inner, path, form);
  }
  return failing;
}

/** Whether the leaf holds at the path, whatever is asked beside it. */
export function isSatisfied(
  { test, orAbsent }: Pick<Field, "test" | "orAbsent">,
  path: readonly string[],
  form: Members,
): boolean {
  if (test !== null && someValue(form, path, (value) => passes(test, value))) return true;
  return orAbsent && !someValue(form, path, () => true);
}

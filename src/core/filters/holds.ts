/**
 * Conditions: filters made ready for many events, and whether one holds. An event is seen in its JSON form: attributes at the top,
 * `data` below. The work is at most the size of the event times the number of patterns in the condition, their `$or` aside.
 */
import { canonicalString, isAttributeValue } from "../event.ts";
import { sqlHolds } from "../sql/evaluate.ts";
import type { SqlExpression } from "../sql/syntax.ts";
import { choiceHolds, type ChoiceNode } from "./choice.ts";
import { hasFields, own } from "./fields.ts";
import type { Field } from "./pattern.ts";
import { passes, type Test } from "./test.ts";
import type { EventView } from "./view.ts";

/** A filter, compiled: plain data, so that an index can look into it. */
export type Condition =
  | { readonly kind: "all"; readonly of: readonly Condition[] }
  | { readonly kind: "any"; readonly of: readonly Condition[] }
  | { readonly kind: "not"; readonly of: Condition }
  /** The canonical string of a context attribute. An attribute that is absent fails every test. */
  | { readonly kind: "attribute"; readonly name: string; readonly test: Test }
  | { readonly kind: "fields"; readonly fields: Field }
  /** Any of these, as one walk. They may have been let go of, once it is known where they are found. */
  | { readonly kind: "choice"; readonly of: readonly Field[]; readonly root: ChoiceNode }
  | { readonly kind: "sql"; readonly expression: SqlExpression };

export function holds(condition: Condition, event: EventView): boolean {
  switch (condition.kind) {
    case "all":
      for (const inner of condition.of) if (!holds(inner, event)) return false;
      return true;
    case "any":
      for (const inner of condition.of) if (holds(inner, event)) return true;
      return false;
    case "not":
      return !holds(condition.of, event);
    case "attribute": {
      const value = own(event.form, condition.name);
      return isAttributeValue(value) && passes(condition.test, canonicalString(value));
    }
    case "fields":
      return hasFields(condition.fields, event);
    case "choice":
      return choiceHolds(condition.root, event);
    case "sql":
      return sqlHolds(condition.expression, event.form);
  }
}

/** What a subscription costs in the memory of an isolate, estimated: it decides which buses are kept. */
import type { ChoiceNode } from "../filters/choice.ts";
import type { Condition } from "../filters/holds.ts";
import type { Field } from "../filters/pattern.ts";
import type { Test } from "../filters/test.ts";
import type { SqlExpression } from "../sql/syntax.ts";

/** An entry with its id and its place in the map of entries, and a bucket with its place: measured in Node, rounded. */
const ENTRY_BYTES = 250;
const BUCKET_BYTES = 300;
/** An object of the condition with what it takes to point to it. */
const NODE_BYTES = 50;
const TEXT_BYTES = 25;

/** Bytes of a subscription with that condition, found in so many buckets, as if it shared nothing. */
export const entryBytes = (condition: Condition, buckets: number): number =>
  ENTRY_BYTES + BUCKET_BYTES * buckets + conditionBytes(condition);

function conditionBytes(condition: Condition): number {
  switch (condition.kind) {
    case "all":
    case "any":
      return condition.of.reduce((sum, inner) => sum + conditionBytes(inner), NODE_BYTES);
    case "not":
      return NODE_BYTES + conditionBytes(condition.of);
    case "attribute":
      return NODE_BYTES + testBytes(condition.test);
    case "fields":
      return NODE_BYTES + fieldsBytes(condition.fields);
    case "choice":
      return NODE_BYTES + choiceBytes(condition.root);
    case "sql":
      return NODE_BYTES + expressionBytes(condition.expression);
  }
}

function fieldsBytes(first: Field): number {
  let bytes = 0;
  for (let field: Field | null = first; field !== null; field = field.next) {
    bytes += NODE_BYTES + (field.test === null ? 0 : testBytes(field.test));
    if (field.inner !== null) bytes += fieldsBytes(field.inner);
  }
  return bytes;
}

/** Maps have room to grow. */
const MAP_ENTRY_BYTES = 60;

function choiceBytes({ children, equal, others, needs }: ChoiceNode): number {
  let bytes = 5 * NODE_BYTES + MAP_ENTRY_BYTES * (children.size + equal.size + needs.size);
  for (const child of children.values()) bytes += choiceBytes(child);
  for (const [value, alternatives] of equal) bytes += textBytes(String(value)) + NODE_BYTES + 8 * alternatives.length;
  for (const { test } of others) bytes += NODE_BYTES + testBytes(test);
  return bytes;
}

function testBytes(test: Test): number {
  switch (test.kind) {
    case "equal":
      return NODE_BYTES + textBytes(String(test.value));
    case "among":
      return [...test.values].reduce((sum: number, value) => sum + textBytes(String(value)), NODE_BYTES);
    case "folded-among":
      return [...test.texts].reduce((sum, text) => sum + textBytes(text), NODE_BYTES);
    case "prefix":
    case "suffix":
    case "folded-equal":
    case "folded-prefix":
    case "folded-suffix":
      return NODE_BYTES + textBytes(test.text);
    case "wildcard":
      return test.parts.reduce((sum, part) => sum + textBytes(part), NODE_BYTES);
    case "range":
    case "cidr":
      return 3 * NODE_BYTES;
    case "present":
      return NODE_BYTES;
    case "none-of":
    case "one-of":
      return test.tests.reduce((sum, inner) => sum + testBytes(inner), NODE_BYTES);
  }
}

/** Two for each character: some may be outside Latin-1. */
const textBytes = (text: string): number => TEXT_BYTES + 2 * text.length;

function expressionBytes(expression: SqlExpression): number {
  switch (expression.kind) {
    case "literal":
      return NODE_BYTES + textBytes(String(expression.value));
    case "attribute":
    case "exists":
      return NODE_BYTES + textBytes(expression.name);
    case "not":
    case "minus":
      return NODE_BYTES + expressionBytes(expression.operand);
    case "arithmetic":
    case "comparison":
    case "equality":
    case "logic":
      return NODE_BYTES + expressionBytes(expression.left) + expressionBytes(expression.right);
    case "like":
      return NODE_BYTES + expressionBytes(expression.operand) + 2 * JSON.stringify(expression.pattern).length;
    case "in":
      return expression.elements.reduce(
        (sum, element) => sum + expressionBytes(element),
        NODE_BYTES + expressionBytes(expression.operand),
      );
    case "call":
      return expression.given.reduce((sum, given) => sum + expressionBytes(given), NODE_BYTES);
  }
}

/**
 * What a CloudEvents SQL expression is worth for an event (CESQL 1.0.0 §3). It fails fast (§4.1): an operator with an operand that failed
 * has the zero value of its own type, and the first error is the one that is told. It sees context attributes, never data.
 */
import { isAttributeValue } from "../event.ts";
import type { Members } from "../json-value.ts";
import { matchesLike } from "./like.ts";
import type { ArithmeticOperator, ComparisonOperator, SqlExpression } from "./syntax.ts";
import {
  castTo,
  isFailure,
  isInteger32,
  NO_BOOLEAN,
  NO_INTEGER,
  type Outcome,
  type SqlError,
  type SqlFailure,
  type SqlValue,
  toBoolean,
  toInteger,
  toText,
} from "./values.ts";

/** The event's JSON form, or its attributes alone: `data` is no name of an attribute, so no expression asks for it. */
type Attributes = Members;
type Of<Kind extends SqlExpression["kind"]> = Extract<SqlExpression, { kind: Kind }>;

/** The value of the expression, and why it is not to be trusted, if so. Only own properties of `attributes` are attributes. */
export function evaluateSql(
  expression: SqlExpression,
  attributes: Attributes,
): { readonly value: SqlValue; readonly error: SqlError | null } {
  const outcome = evaluate(expression, attributes);
  return isFailure(outcome) ? outcome : { value: outcome, error: null };
}

/** Whether an event with these attributes passes the expression as a filter: its value is the Boolean true, and no error arose (§1.2). */
export function sqlHolds(expression: SqlExpression, attributes: Attributes): boolean {
  return evaluate(expression, attributes) === true;
}

function evaluate(expression: SqlExpression, attributes: Attributes): Outcome {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "attribute":
      return readAttribute(expression.name, attributes);
    case "exists":
      return Object.hasOwn(attributes, expression.name);
    case "not":
      return negate(expression.operand, attributes);
    case "minus":
      return minus(expression.operand, attributes);
    case "arithmetic":
      return calculate(expression, attributes);
    case "comparison":
      return compare(expression, attributes);
    case "equality":
      return equate(expression, attributes);
    case "logic":
      return combine(expression, attributes);
    case "like":
      return like(expression, attributes);
    case "in":
      return isElement(expression, attributes);
    case "call":
      return call(expression, attributes);
  }
}

/** What the type of a missing attribute would be nobody knows, so its value is false (§3.2). */
function readAttribute(name: string, attributes: Attributes): Outcome {
  // `constructor` is a legal attribute name, and an object may inherit one.
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  if (!isAttributeValue(value)) return NO_BOOLEAN.missingAttribute;
  // A number that is no Integer has no type here but String (§3.2).
  return typeof value === "number" && !isInteger32(value) ? String(value) : value;
}

function negate(operand: SqlExpression, attributes: Attributes): Outcome {
  const value = evaluateBoolean(operand, attributes);
  return typeof value === "boolean" ? !value : value;
}

/** The expression's value as a Boolean, or the failure to be one. */
function evaluateBoolean(expression: SqlExpression, attributes: Attributes): boolean | SqlFailure {
  const outcome = evaluate(expression, attributes);
  if (isFailure(outcome)) return NO_BOOLEAN[outcome.error];
  return toBoolean(outcome) ?? NO_BOOLEAN.cast;
}

function minus(operand: SqlExpression, attributes: Attributes): Outcome {
  const outcome = evaluate(operand, attributes);
  if (isFailure(outcome)) return NO_INTEGER[outcome.error];
  const value = toInteger(outcome);
  return value === null ? NO_INTEGER.cast : (0 - value) | 0;
}

function calculate({ operator, left, right }: Of<"arithmetic">, attributes: Attributes): Outcome {
  const x = evaluate(left, attributes);
  if (isFailure(x)) return NO_INTEGER[x.error];
  const y = evaluate(right, attributes);
  if (isFailure(y)) return NO_INTEGER[y.error];
  const a = toInteger(x);
  const b = toInteger(y);
  return a === null || b === null ? NO_INTEGER.cast : arithmetic(operator, a, b);
}

/**
 * Of 32 bits, in two's complement: what is too large wraps around. The specification leaves that open, and both of its authors' libraries
 * do so.
 */
function arithmetic(operator: ArithmeticOperator, x: number, y: number): Outcome {
  switch (operator) {
    case "+":
      return (x + y) | 0;
    case "-":
      return (x - y) | 0;
    case "*":
      return Math.imul(x, y);
    case "/":
      return y === 0 ? NO_INTEGER.math : (x / y) | 0;
    case "%":
      return y === 0 ? NO_INTEGER.math : (x % y) | 0;
  }
}

function compare({ operator, left, right }: Of<"comparison">, attributes: Attributes): Outcome {
  const x = evaluate(left, attributes);
  if (isFailure(x)) return NO_BOOLEAN[x.error];
  const y = evaluate(right, attributes);
  if (isFailure(y)) return NO_BOOLEAN[y.error];
  const a = toInteger(x);
  const b = toInteger(y);
  return a === null || b === null ? NO_BOOLEAN.cast : isOrdered(operator, a, b);
}

function isOrdered(operator: ComparisonOperator, x: number, y: number): boolean {
  switch (operator) {
    case "<":
      return x < y;
    case "<=":
      return x <= y;
    case ">":
      return x > y;
    case ">=":
      return x >= y;
  }
}

/** The left operand is cast to the type of the right one (§3.7). */
function equate({ left, right, isNegated }: Of<"equality">, attributes: Attributes): Outcome {
  const x = evaluate(left, attributes);
  if (isFailure(x)) return NO_BOOLEAN[x.error];
  const y = evaluate(right, attributes);
  if (isFailure(y)) return NO_BOOLEAN[y.error];
  const cast = castTo(y, x);
  return cast === null ? NO_BOOLEAN.cast : (cast === y) !== isNegated;
}

/** A right operand that cannot matter is not evaluated, so it cannot fail either (§3.4.2). */
function combine({ operator, left, right }: Of<"logic">, attributes: Attributes): Outcome {
  const x = evaluateBoolean(left, attributes);
  if (typeof x !== "boolean") return x;
  if (operator === "AND" && !x) return false;
  if (operator === "OR" && x) return true;
  const y = evaluateBoolean(right, attributes);
  if (typeof y !== "boolean") return y;
  // What is left of AND and OR is what their right operand says.
  return operator === "XOR" ? x !== y : y;
}

function like({ operand, pattern, isNegated }: Of<"like">, attributes: Attributes): Outcome {
  const value = evaluate(operand, attributes);
  if (isFailure(value)) return NO_BOOLEAN[value.error];
  return matchesLike(toText(value), pattern) !== isNegated;
}

/** Elements are cast to the type of the operand (§3.7). Those after an equal one are not looked at. */
function isElement({ operand, elements, isNegated }: Of<"in">, attributes: Attributes): Outcome {
  const value = evaluate(operand, attributes);
  if (isFailure(value)) return NO_BOOLEAN[value.error];
  for (const expression of elements) {
    const element = evaluate(expression, attributes);
    if (isFailure(element)) return NO_BOOLEAN[element.error];
    const cast = castTo(value, element);
    if (cast === null) return NO_BOOLEAN.cast;
    if (cast === value) return !isNegated;
  }
  return isNegated;
}

function call({ called, given }: Of<"call">, attributes: Attributes): Outcome {
  if (called === null) return NO_BOOLEAN.missingFunction;
  const values: SqlValue[] = [];
  for (const expression of given) {
    const outcome = evaluate(expression, attributes);
    if (isFailure(outcome)) return called.failures[outcome.error];
    const example = called.parameters[values.length] ?? called.rest;
    const value = example === null ? outcome : castTo(example, outcome);
    if (value === null) return called.failures.cast;
    values.push(value);
  }
  return called.apply(values);
}

/**
 * Which attribute values an expression cannot do without: for an index that finds expressions by them. It may know less than there is to
 * know, and never claims more.
 */
import { onlyMatch } from "./like.ts";
import type { SqlExpression } from "./syntax.ts";
import { type SqlValue, toBoolean, toInteger, toText } from "./values.ts";

/** The attribute is there and its canonical string is one of the values, or the expression does not hold. */
export interface SqlRequirement {
  readonly attribute: string;
  /** Each once. None at all: the expression never holds. */
  readonly values: readonly string[];
}

type Requirements = ReadonlyMap<string, ReadonlySet<string>>;

const NOTHING: Requirements = new Map();

/**
 * What of `sqlHolds` can be told from single attributes, one entry for each: every entry must be true of an event that passes. It comes from
 * `attribute = 'text'`, the same the other way round, `attribute IN ('text', …)`, `attribute LIKE 'text without wildcards'`, and from what
 * AND and OR make of these. It says nothing about events that a `not` around the expression lets pass.
 */
export function sqlRequires(expression: SqlExpression): readonly SqlRequirement[] {
  return [...requirements(expression)].map(([attribute, values]) => ({ attribute, values: [...values] }));
}

/** What must be true for the expression to be true, or to be cast to true, without error. */
function requirements(expression: SqlExpression): Requirements {
  switch (expression.kind) {
    case "equality":
      return expression.isNegated ? NOTHING : ofEquality(expression.left, expression.right);
    case "like":
      return expression.isNegated ? NOTHING : ofOperand(expression.operand, onlyMatch(expression.pattern));
    case "in":
      return expression.isNegated ? NOTHING : ofElements(expression.operand, expression.elements);
    case "logic": {
      // XOR holds when either side is false.
      if (expression.operator === "XOR") return NOTHING;
      const [left, right] = [requirements(expression.left), requirements(expression.right)];
      // A right side that is not evaluated is one that need not be true: it belongs to an OR.
      return expression.operator === "AND" ? both(left, right) : either(left, right);
    }
    case "literal":
    case "attribute":
    case "exists":
    case "not":
    case "minus":
    case "arithmetic":
    case "comparison":
    case "call":
      return NOTHING;
  }
}

/** The left side is cast to the type of the right one. */
function ofEquality(left: SqlExpression, right: SqlExpression): Requirements {
  if (right.kind === "attribute" && left.kind === "literal") return one(right.name, new Set(canonicals(left.value)));
  // Cast to an Integer or a Boolean, an attribute may have been written in endless ways: 7, +7, 007.
  return right.kind === "literal" && typeof right.value === "string" ? ofOperand(left, right.value) : NOTHING;
}

function ofOperand(operand: SqlExpression, text: string | null): Requirements {
  return operand.kind === "attribute" && text !== null ? one(operand.name, new Set([text])) : NOTHING;
}

function ofElements(operand: SqlExpression, elements: readonly SqlExpression[]): Requirements {
  if (operand.kind !== "attribute") return NOTHING;
  const values = new Set<string>();
  for (const element of elements) {
    if (element.kind !== "literal") return NOTHING;
    for (const value of canonicals(element.value)) values.add(value);
  }
  return one(operand.name, values);
}

/** The canonical strings of all attributes that the literal equals once it is cast to the attribute's type. */
function canonicals(literal: SqlValue): readonly string[] {
  const values = [toText(literal)];
  const [integer, boolean] = [toInteger(literal), toBoolean(literal)];
  if (integer !== null) values.push(String(integer));
  if (boolean !== null) values.push(String(boolean));
  return values;
}

const one = (attribute: string, values: ReadonlySet<string>): Requirements => new Map([[attribute, values]]);

function both(left: Requirements, right: Requirements): Requirements {
  const all = new Map(left);
  for (const [attribute, values] of right) {
    const others = all.get(attribute);
    all.set(attribute, others === undefined ? values : new Set([...values].filter((value) => others.has(value))));
  }
  return all;
}

function either(left: Requirements, right: Requirements): Requirements {
  const shared = new Map<string, ReadonlySet<string>>();
  for (const [attribute, values] of left) {
    const others = right.get(attribute);
    if (others !== undefined) shared.set(attribute, new Set([...values, ...others]));
  }
  return shared;
}

/**
 * Which attribute values an expression cannot do without: for an index that finds expressions by them. It may know less than there is to
 * know, and never claims more.
 */
import { anchorOf, type LikePattern } from "./like.ts";
import type { SqlExpression } from "./syntax.ts";
import { type SqlValue, toBoolean, toInteger, toText } from "./values.ts";

/**
 * The attribute is there, and its canonical string is one of the values, or begins with one of the prefixes, or ends with one of the
 * suffixes; else the expression does not hold. Each once; none at all: it never holds.
 */
export interface SqlRequirement {
  readonly attribute: string;
  readonly values: readonly string[];
  readonly prefixes: readonly string[];
  readonly suffixes: readonly string[];
}

interface Texts {
  readonly values: ReadonlySet<string>;
  readonly prefixes: ReadonlySet<string>;
  readonly suffixes: ReadonlySet<string>;
}

type Requirements = ReadonlyMap<string, Texts>;

const NOTHING: Requirements = new Map();
const NONE: ReadonlySet<string> = new Set();

/**
 * What of `sqlHolds` can be told from single attributes, one entry for each: every entry must be true of an event that passes. It comes from
 * `attribute = 'text'`, the same the other way round, `attribute IN ('text', …)`, `attribute LIKE 'text'` with the text before its first wildcard
 * or behind its last, and from what AND and OR make of these. It says nothing about events that a `not` around the expression lets pass.
 */
export function sqlRequires(expression: SqlExpression): readonly SqlRequirement[] {
  return [...requirements(expression)].map(([attribute, { values, prefixes, suffixes }]) => ({
    attribute,
    values: [...values],
    prefixes: [...prefixes],
    suffixes: [...suffixes],
  }));
}

/** What must be true for the expression to be true, or to be cast to true, without error. */
function requirements(expression: SqlExpression): Requirements {
  switch (expression.kind) {
    case "equality":
      return expression.isNegated ? NOTHING : ofEquality(expression.left, expression.right);
    case "like":
      return expression.isNegated ? NOTHING : ofLike(expression.operand, expression.pattern);
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
  if (right.kind === "attribute" && left.kind === "literal") return oneOf(right.name, new Set(canonicals(left.value)));
  // Cast to an Integer or a Boolean, an attribute may have been written in endless ways: 7, +7, 007.
  return right.kind === "literal" && typeof right.value === "string" ? ofOperand(left, right.value) : NOTHING;
}

function ofOperand(operand: SqlExpression, text: string): Requirements {
  return operand.kind === "attribute" ? oneOf(operand.name, new Set([text])) : NOTHING;
}

/** One of its ends is enough: the longer one. */
function ofLike(operand: SqlExpression, pattern: LikePattern): Requirements {
  if (operand.kind !== "attribute") return NOTHING;
  const { text, isWhole, end } = anchorOf(pattern);
  if (isWhole) return oneOf(operand.name, new Set([text]));
  if (text === "") return NOTHING;
  const found = new Set([text]);
  return new Map([
    [operand.name, { values: NONE, prefixes: end === "first" ? found : NONE, suffixes: end === "last" ? found : NONE }],
  ]);
}

function ofElements(operand: SqlExpression, elements: readonly SqlExpression[]): Requirements {
  if (operand.kind !== "attribute") return NOTHING;
  const values = new Set<string>();
  for (const element of elements) {
    if (element.kind !== "literal") return NOTHING;
    for (const value of canonicals(element.value)) values.add(value);
  }
  return oneOf(operand.name, values);
}

/** The canonical strings of all attributes that the literal equals once it is cast to the attribute's type. */
function canonicals(literal: SqlValue): readonly string[] {
  const values = [toText(literal)];
  const [integer, boolean] = [toInteger(literal), toBoolean(literal)];
  if (integer !== null) values.push(String(integer));
  if (boolean !== null) values.push(String(boolean));
  return values;
}

const oneOf = (attribute: string, values: ReadonlySet<string>): Requirements =>
  new Map([[attribute, { values, prefixes: NONE, suffixes: NONE }]]);

const hasAffixes = ({ prefixes, suffixes }: Texts): boolean => prefixes.size + suffixes.size > 0;

const shared = (some: ReadonlySet<string>, others: ReadonlySet<string>): ReadonlySet<string> =>
  new Set([...some].filter((text) => others.has(text)));

function both(left: Requirements, right: Requirements): Requirements {
  const all = new Map(left);
  for (const [attribute, texts] of right) {
    const others = all.get(attribute);
    if (others === undefined || hasAffixes(others)) all.set(attribute, texts);
    else if (!hasAffixes(texts)) all.set(attribute, { ...others, values: shared(others.values, texts.values) });
  }
  return all;
}

function either(left: Requirements, right: Requirements): Requirements {
  const common = new Map<string, Texts>();
  for (const [attribute, { values, prefixes, suffixes }] of left) {
    const others = right.get(attribute);
    if (others === undefined) continue;
    common.set(attribute, {
      values: new Set([...values, ...others.values]),
      prefixes: new Set([...prefixes, ...others.prefixes]),
      suffixes: new Set([...suffixes, ...others.suffixes]),
    });
  }
  return common;
}

/**
 * The syntax tree of a CloudEvents SQL expression (CESQL 1.0.0 §2). Types only: `parse.ts` makes it, `evaluate.ts` gives it a value.
 */
import type { SqlFunction } from "./functions.ts";
import type { LikePattern } from "./like.ts";
import type { SqlValue } from "./values.ts";

export type ArithmeticOperator = "*" | "/" | "%" | "+" | "-";
export type ComparisonOperator = "<" | "<=" | ">" | ">=";
export type LogicOperator = "AND" | "OR" | "XOR";

/**
 * An expression as plain data; parentheses have left no trace but the shape. It has at most SQL_NODES_MAX nodes, so it may be walked
 * recursively. `isNegated` is `!=`, `<>`, `NOT LIKE` and `NOT IN`.
 */
export type SqlExpression =
  | { readonly kind: "literal"; readonly value: SqlValue }
  | { readonly kind: "attribute"; readonly name: string }
  | { readonly kind: "exists"; readonly name: string }
  | { readonly kind: "not"; readonly operand: SqlExpression }
  | { readonly kind: "minus"; readonly operand: SqlExpression }
  | {
      readonly kind: "arithmetic";
      readonly operator: ArithmeticOperator;
      readonly left: SqlExpression;
      readonly right: SqlExpression;
    }
  | {
      readonly kind: "comparison";
      readonly operator: ComparisonOperator;
      readonly left: SqlExpression;
      readonly right: SqlExpression;
    }
  | {
      readonly kind: "equality";
      readonly isNegated: boolean;
      readonly left: SqlExpression;
      readonly right: SqlExpression;
    }
  | {
      readonly kind: "logic";
      readonly operator: LogicOperator;
      readonly left: SqlExpression;
      readonly right: SqlExpression;
    }
  | {
      readonly kind: "like";
      readonly isNegated: boolean;
      readonly operand: SqlExpression;
      readonly pattern: LikePattern;
    }
  | {
      readonly kind: "in";
      readonly isNegated: boolean;
      readonly operand: SqlExpression;
      readonly elements: readonly SqlExpression[];
    }
  /** `name` in capitals; `called` is null when no function has it and takes so many arguments. */
  | {
      readonly kind: "call";
      readonly name: string;
      readonly called: SqlFunction | null;
      readonly given: readonly SqlExpression[];
    };

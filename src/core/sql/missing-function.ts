/** Calls that can only fail. */
import { shortName } from "../words.ts";
import type { SqlExpression } from "./syntax.ts";

/** The first function that an expression calls and that there is not, as `NAME with 2 arguments`; null when there are all. */
export function missingFunction(expression: SqlExpression): string | null {
  switch (expression.kind) {
    case "literal":
    case "attribute":
    case "exists":
      return null;
    case "not":
    case "minus":
    case "like":
      return missingFunction(expression.operand);
    case "arithmetic":
    case "comparison":
    case "equality":
    case "logic":
      return missingFunction(expression.left) ?? missingFunction(expression.right);
    case "in":
      return firstMissing([expression.operand, ...expression.elements]);
    case "call":
      if (expression.called === null) return named(expression);
      return firstMissing(expression.given);
  }
}

function firstMissing(expressions: readonly SqlExpression[]): string | null {
  for (const expression of expressions) {
    const missing = missingFunction(expression);
    if (missing !== null) return missing;
  }
  return null;
}

/** A name that is long is not repeated. */
function named({ name, given }: SqlExpression & { kind: "call" }): string {
  const count = given.length === 1 ? "1 argument" : `${given.length} arguments`;
  return `${shortName(name)} with ${count}`;
}

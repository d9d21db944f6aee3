// Random expressions and events that have to do with one another: few names, few values, values of one type that look like another.
import fc from "fast-check";
import type { AttributeValue } from "../../../src/core/event.ts";
import { parseSql } from "../../../src/core/sql/parse.ts";
import type { SqlExpression } from "../../../src/core/sql/syntax.ts";

/** The expression that the text is; a text that is none fails the test. */
export function sqlOf(text: string): SqlExpression {
  const result = parseSql(text);
  if (!result.ok) throw new Error(`${text}: ${JSON.stringify(result.error)}`);
  return result.value;
}

const NAMES = ["type", "a", "b", "constructor"];
const TEXTS = [
  "",
  "x",
  "xy",
  "7",
  "+7",
  "007",
  "-0",
  "0",
  "1",
  "true",
  "TRUE",
  "false",
  "2147483648",
  "a_b",
  "😀",
  "\\",
];

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

const literal = fc.oneof(
  fc.constantFrom(...TEXTS).map(quoted),
  fc.constantFrom("0", "1", "7", "+7", "-1", "2147483647", "-2147483648"),
  fc.constantFrom("TRUE", "false"),
);
const attribute = fc.constantFrom(...NAMES, "missing");
const pattern = fc.constantFrom("'x'", "'x%'", "'%7'", "'_'", "'a\\_b'", "'%'", "''", "'true'", "'7'");

/** Texts of expressions, all of which can be parsed. */
export const expression: fc.Arbitrary<string> = fc.letrec<{ any: string; atom: string }>((tie) => {
  const { any, atom } = { any: tie("any"), atom: tie("atom") };
  const not = fc.constantFrom("", "NOT ");
  return {
    atom: fc.oneof(
      literal,
      attribute,
      attribute.map((name) => `EXISTS ${name}`),
    ),
    any: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      atom,
      // What an index makes use of, so that it is not rare.
      fc.tuple(attribute, fc.constantFrom("=", "!="), literal).map((parts) => parts.join(" ")),
      fc.tuple(literal, fc.constantFrom("=", "<>"), attribute).map((parts) => parts.join(" ")),
      fc
        .tuple(attribute, not, fc.array(fc.oneof(literal, atom), { minLength: 1, maxLength: 3 }))
        .map(([name, negation, elements]) => `${name} ${negation}IN (${elements.join(", ")})`),
      fc.tuple(atom, not, pattern).map(([operand, negation, text]) => `${operand} ${negation}LIKE ${text}`),
      fc
        .tuple(any, fc.constantFrom("AND", "OR", "XOR", "AND", "OR"), any)
        .map(([left, operator, right]) => `${left} ${operator} ${right}`),
      fc
        .tuple(any, fc.constantFrom("=", "!=", "<", ">=", "+", "-", "*", "/", "%"), any)
        .map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
      any.map((operand) => `NOT (${operand})`),
      any.map((operand) => `-(${operand})`),
      any.map((operand) => `(${operand})`),
      fc
        .tuple(fc.constantFrom("INT", "BOOL", "STRING", "LENGTH", "LOWER", "ABS", "NOSUCH"), any)
        .map(([name, given]) => `${name}(${given})`),
      fc
        .tuple(fc.constantFrom("CONCAT", "LEFT", "SUBSTRING"), any, any)
        .map(([name, first, second]) => `${name}(${first}, ${second})`),
    ),
  };
}).any;

/** Attributes of every type, some of them absent. */
export const attributes: fc.Arbitrary<Readonly<Record<string, AttributeValue>>> = fc.dictionary(
  fc.constantFrom(...NAMES),
  fc.oneof(fc.constantFrom(...TEXTS), fc.constantFrom(0, 1, 7, -1, 2_147_483_647, -2_147_483_648), fc.boolean()),
  { noNullPrototype: false },
);

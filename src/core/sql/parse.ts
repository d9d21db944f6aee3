/**
 * Reads a CloudEvents SQL expression (CESQL 1.0.0 §2, precedence of §3.6). It decides what is an expression, never what one is worth. It
 * is recursive only where something stands inside something else, which SQL_DEPTH_MAX bounds.
 */
import { ATTRIBUTE_NAME_CHARS_MAX, SQL_CHARS_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { atMost, WELL_FORMED } from "../words.ts";
import { findFunction } from "./functions.ts";
import { compileLike } from "./like.ts";
import {
  expected,
  fail,
  inside,
  isAtEnd,
  isNext,
  made,
  type Parsed,
  peek,
  type Reading,
  type SqlFault,
  take,
} from "./reading.ts";
import type { SqlExpression } from "./syntax.ts";
import { readTokens, type SqlToken } from "./tokens.ts";
import { isInteger32 } from "./values.ts";

/**
 * The expression that the text is. Refused are: a text over SQL_CHARS_MAX or with lone surrogates, what is not of the grammar, integers of
 * more than 32 bits, the name `data` (no attribute has it), and what is over SQL_DEPTH_MAX or SQL_NODES_MAX. A call of a function that
 * there is not is an expression: it fails when it is evaluated (§3.5).
 */
export function parseSql(text: string): Result<SqlExpression, SqlFault> {
  if (text.length > SQL_CHARS_MAX) return err({ position: SQL_CHARS_MAX, detail: atMost(SQL_CHARS_MAX, "characters") });
  // As a pattern it would match half a character.
  if (!text.isWellFormed()) return err({ position: loneSurrogate(text), detail: WELL_FORMED });
  const reading: Reading = { text, tokens: readTokens(text), at: 0, depth: 0, nodes: 0, fault: null };
  const expression = parseExpression(reading);
  if (expression !== null && !isAtEnd(reading)) expected(reading, "an operator or the end");
  return expression === null || reading.fault !== null ? err(faultOf(reading)) : ok(expression);
}

const loneSurrogate = (text: string): number => text.search(/\p{Surrogate}/u);

/** Every reading without an expression has one. */
const faultOf = ({ fault }: Reading): SqlFault => fault ?? { position: 0, detail: "must be an expression" };

// ---- Operations --------------------------------------------------------------------------------------------------

type Join = (left: SqlExpression, right: SqlExpression) => SqlExpression;

const LOGIC: ReadonlyMap<string, Join> = new Map(
  (["AND", "OR", "XOR"] as const).map((operator): [string, Join] => [
    operator,
    (left, right) => ({ kind: "logic", operator, left, right }),
  ]),
);

/**
 * Operands with AND, OR and XOR between: one precedence for all three (§3.6). Whatever follows one of them is its right operand, as in the
 * grammar of the specification's authors, so that an operand that decides leaves all of the rest unevaluated.
 */
function parseExpression(reading: Reading): Parsed {
  const operands: SqlExpression[] = [];
  const operators: { readonly join: Join; readonly position: number }[] = [];
  for (;;) {
    const operand = parseOperation(reading, 1);
    if (operand === null) return null;
    operands.push(operand);
    const token = peek(reading);
    const join = token.kind === "word" ? LOGIC.get(token.text) : undefined;
    if (join === undefined) break;
    reading.at += 1;
    operators.push({ join, position: token.position });
  }
  let right: Parsed = operands.pop() ?? null;
  for (const { join, position } of operators.toReversed()) {
    const left = operands.pop();
    if (left === undefined || right === null) return null;
    right = made(reading, position, join(left, right));
  }
  return right;
}

interface BinaryOperator {
  /** The higher, the tighter it binds. Operators of one power go from left to right (§3.6). */
  readonly power: number;
  readonly join: Join;
}

const equality = (isNegated: boolean): Join => {
  return (left, right) => ({ kind: "equality", isNegated, left, right });
};

const BINARY: ReadonlyMap<string, BinaryOperator> = new Map<string, BinaryOperator>([
  ["=", { power: 1, join: equality(false) }],
  ["!=", { power: 1, join: equality(true) }],
  ["<>", { power: 1, join: equality(true) }],
  ...(["<", "<=", ">", ">="] as const).map((operator): [string, BinaryOperator] => [
    operator,
    { power: 1, join: (left, right) => ({ kind: "comparison", operator, left, right }) },
  ]),
  ...(["+", "-", "*", "/", "%"] as const).map((operator): [string, BinaryOperator] => [
    operator,
    {
      power: operator === "+" || operator === "-" ? 2 : 3,
      join: (left, right) => ({ kind: "arithmetic", operator, left, right }),
    },
  ]),
]);

/** An operand, and the comparing and calculating operators after it that bind at least so tightly. */
function parseOperation(reading: Reading, powerMin: number): Parsed {
  let left = parseOperand(reading);
  while (left !== null) {
    const token = peek(reading);
    const operator = token.kind === "sign" ? BINARY.get(token.text) : undefined;
    if (operator === undefined || operator.power < powerMin) return left;
    reading.at += 1;
    const right = parseOperation(reading, operator.power + 1);
    left = right === null ? null : made(reading, token.position, operator.join(left, right));
  }
  return null;
}

/** NOT and minus bind tighter than LIKE and IN, which bind tighter than all others. */
function parseOperand(reading: Reading): Parsed {
  let operand = parseUnary(reading);
  while (operand !== null) {
    const { position } = peek(reading);
    const isNegated = take(reading, "word", "NOT");
    if (take(reading, "word", "LIKE")) {
      const token = peek(reading);
      if (token.kind !== "string") return expected(reading, "a string after LIKE");
      reading.at += 1;
      operand = made(reading, position, { kind: "like", isNegated, operand, pattern: compileLike(token.text) });
    } else if (take(reading, "word", "IN")) {
      if (!take(reading, "sign", "(")) return expected(reading, "( after IN");
      const elements = inside(reading, (within) => parseList(within, []));
      operand = elements === null ? null : made(reading, position, { kind: "in", isNegated, operand, elements });
    } else return isNegated ? expected(reading, "LIKE or IN after NOT") : operand;
  }
  return null;
}

function parseUnary(reading: Reading): Parsed {
  const token = peek(reading);
  const { position } = token;
  if (take(reading, "word", "NOT")) {
    const operand = inside(reading, parseUnary);
    return operand === null ? null : made(reading, position, { kind: "not", operand });
  }
  if (token.kind !== "sign" || (token.text !== "-" && token.text !== "+")) return parsePrimary(reading);
  const next = reading.tokens[reading.at + 1];
  // A sign that touches the digits is theirs: -2147483648 is an integer, and 2147483648 is none.
  if (next?.kind === "digits" && next.position === token.end) {
    reading.at += 2;
    return parseInteger(reading, position, token.text + next.text);
  }
  if (token.text === "+") return expected(reading, "an expression");
  reading.at += 1;
  const operand = inside(reading, parseUnary);
  return operand === null ? null : made(reading, position, { kind: "minus", operand });
}

// ---- What operators work on --------------------------------------------------------------------------------------

/** Words that are no names (§2.2, §2.3). */
const KEYWORDS = new Set(["AND", "OR", "XOR", "NOT", "LIKE", "EXISTS", "IN", "TRUE", "FALSE"]);

function parsePrimary(reading: Reading): Parsed {
  const token = peek(reading);
  if (take(reading, "sign", "(")) return inside(reading, parseRest);
  if (token.kind === "end" || token.kind === "sign") return expected(reading, "an expression");
  if (token.kind === "word" && KEYWORDS.has(token.text)) return parseKeyword(reading, token.text);
  reading.at += 1;
  if (token.kind === "digits") return parseInteger(reading, token.position, token.text);
  if (token.kind === "string") return made(reading, token.position, { kind: "literal", value: token.text });
  if (isNext(reading, "sign", "(")) return parseCall(reading, token);
  const name = attributeName(reading, token);
  return name === null ? null : made(reading, token.position, { kind: "attribute", name });
}

/** What follows an opening parenthesis. */
function parseRest(reading: Reading): Parsed {
  const expression = parseExpression(reading);
  if (expression === null || take(reading, "sign", ")")) return expression;
  return expected(reading, "an operator or )");
}

function parseKeyword(reading: Reading, keyword: string): Parsed {
  const { position } = peek(reading);
  if (keyword !== "TRUE" && keyword !== "FALSE" && keyword !== "EXISTS") return expected(reading, "an expression");
  reading.at += 1;
  if (keyword !== "EXISTS") return made(reading, position, { kind: "literal", value: keyword === "TRUE" });
  const token = peek(reading);
  if (token.kind !== "word" || KEYWORDS.has(token.text)) return expected(reading, "an attribute after EXISTS");
  reading.at += 1;
  const name = attributeName(reading, token);
  return name === null ? null : made(reading, position, { kind: "exists", name });
}

function parseInteger(reading: Reading, position: number, text: string): Parsed {
  const value = Number(text) + 0;
  if (!isInteger32(value)) return fail(reading, position, "must have integers from -2147483648 to 2147483647");
  return made(reading, position, { kind: "literal", value });
}

type Word = Extract<SqlToken, { kind: "word" }>;

function attributeName(reading: Reading, { text, position }: Word): string | null {
  if (text.includes("_")) return fail(reading, position, "must name attributes with a-z and 0-9 only");
  if (text.length > ATTRIBUTE_NAME_CHARS_MAX) {
    return fail(reading, position, `must name attributes with at most ${ATTRIBUTE_NAME_CHARS_MAX} characters`);
  }
  if (text === "DATA") return fail(reading, position, "must name attributes, which data is not");
  return text.toLowerCase();
}

function parseCall(reading: Reading, { text, position }: Word): Parsed {
  if (!/^[A-Z][A-Z_]*$/.test(text)) return fail(reading, position, "must name functions with letters and _ only");
  reading.at += 1;
  const given = inside(reading, parseArguments);
  if (given === null) return null;
  return made(reading, position, {
    kind: "call",
    name: text.toUpperCase(),
    called: findFunction(text, given.length),
    given,
  });
}

function parseArguments(reading: Reading): readonly SqlExpression[] | null {
  return take(reading, "sign", ")") ? [] : parseList(reading, []);
}

/** Expressions with commas between, up to the closing parenthesis; at least one. */
function parseList(reading: Reading, read: SqlExpression[]): readonly SqlExpression[] | null {
  do {
    const expression = parseExpression(reading);
    if (expression === null) return null;
    read.push(expression);
  } while (take(reading, "sign", ","));
  return take(reading, "sign", ")") ? read : expected(reading, "an operator, a comma or )");
}

/**
 * How far the reading of a CloudEvents SQL expression has come: the token that is next, the limits, and the first fault. What may follow
 * what is decided in `parse.ts`.
 */
import { FAULT_NAME_CHARS_MAX, SQL_DEPTH_MAX, SQL_NODES_MAX } from "../limits.ts";
import type { SqlExpression } from "./syntax.ts";
import type { SqlToken } from "./tokens.ts";

/** Why a text is no expression. */
export interface SqlFault {
  /** Where: an index of UTF-16 code units from 0, at most the text's length. */
  readonly position: number;
  /** What was expected there, to be read after the expression's name: `must have ) here, not the end`. */
  readonly detail: string;
}

/** One reading of one text. */
export interface Reading {
  readonly text: string;
  readonly tokens: readonly SqlToken[];
  /** The token that is read next. */
  at: number;
  depth: number;
  nodes: number;
  /** The first, after which nothing is read. */
  fault: SqlFault | null;
}

/** Null when there is a fault. */
export type Parsed = SqlExpression | null;

const END: SqlToken = { kind: "end", position: 0, end: 0, detail: null };

export const peek = ({ tokens, at }: Reading): SqlToken => tokens[at] ?? END;

export function isNext(reading: Reading, kind: "word" | "sign", text: string): boolean {
  const token = peek(reading);
  return token.kind === kind && token.text === text;
}

/** Passes the token if it is that one. */
export function take(reading: Reading, kind: "word" | "sign", text: string): boolean {
  const isThere = isNext(reading, kind, text);
  if (isThere) reading.at += 1;
  return isThere;
}

/** Null, so that a parser can return it. The first fault stays: the others follow from it. */
export function fail(reading: Reading, position: number, detail: string): null {
  reading.fault ??= { position, detail };
  return null;
}

/** Tells what should be here, unless what is here cannot even be read. */
export function expected(reading: Reading, what: string): null {
  const token = peek(reading);
  const unreadable = token.kind === "end" ? token.detail : null;
  const detail = unreadable ?? `must have ${what} here, not ${tokenName(reading, token)}`;
  return fail(reading, token.position, detail);
}

/** Whether all of the text is read. */
export function isAtEnd(reading: Reading): boolean {
  const token = peek(reading);
  return token.kind === "end" && token.detail === null;
}

function tokenName({ text }: Reading, { kind, position, end }: SqlToken): string {
  if (kind === "end") return "the end";
  if (kind === "string") return "a string";
  return end - position > FAULT_NAME_CHARS_MAX ? `a word of ${end - position} characters` : text.slice(position, end);
}

/** Counts the expression, which may be one too many. `position` is where what it adds begins. */
export function made(reading: Reading, position: number, expression: SqlExpression): Parsed {
  reading.nodes += 1;
  if (reading.nodes <= SQL_NODES_MAX) return expression;
  return fail(reading, position, `must have at most ${SQL_NODES_MAX} literals, attributes, operators and calls`);
}

/** Parses what stands one level deeper. */
export function inside<T>(reading: Reading, parse: (reading: Reading) => T | null): T | null {
  const { position } = peek(reading);
  if (reading.depth >= SQL_DEPTH_MAX) {
    return fail(reading, position, `must nest at most ${SQL_DEPTH_MAX} levels of parentheses, NOT and minus`);
  }
  reading.depth += 1;
  const parsed = parse(reading);
  reading.depth -= 1;
  return parsed;
}

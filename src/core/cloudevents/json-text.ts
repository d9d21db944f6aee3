/**
 * JSON as text: where in a valid text the values stand, so that they can be carried on as they were written. One pass, no recursion,
 * however deep the text nests. It says how deep that is; whether that is too deep is decided by the caller.
 */
import { faultOffset } from "./json-fault.ts";
import { err, ok, type Result } from "../result.ts";

/** Where a value stands: `text.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** Levels of arrays and objects in the value: 0 for a scalar, 1 for `[]`. */
  readonly depth: number;
}

/** The values of an object's members by name. Of members with the same name the last one counts, as with JSON.parse. */
export type MemberSpans = ReadonlyMap<string, Span>;

/**
 * The value of a JSON text (RFC 8259), or the place of its first fault, "line 2, column 5": both from 1, a column is a UTF-16 unit.
 * V8's parser does not recurse either.
 */
export function parseJson(text: string): Result<unknown, string> {
  try {
    return ok(JSON.parse(text));
  } catch {
    // The engine's message quotes the text and does not always tell where.
    return err(placeOf(text, faultOffset(text) ?? 0));
  }
}

function placeOf(text: string, offset: number): string {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", lineStart)) {
    line += 1;
    lineStart = at + 1;
  }
  return `line ${line}, column ${offset - lineStart + 1}`;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Where the one value of a valid JSON text stands, without the white space around it. */
export function valueSpan(text: string): Span {
  return spanAt(text, skipSpace(text, 0));
}

/** The members of a valid JSON text, null when its value is not an object. */
export function memberSpans(text: string): MemberSpans | null {
  const start = skipSpace(text, 0);
  return text.charCodeAt(start) === OPEN_BRACE ? membersAt(text, start).spans : null;
}

/** The same for each element of a valid JSON text whose value is an array. */
export function elementMemberSpans(text: string): (MemberSpans | null)[] {
  const elements: (MemberSpans | null)[] = [];
  let index = skipSpace(text, skipSpace(text, 0) + 1);
  while (index < text.length && text.charCodeAt(index) !== CLOSE_BRACKET) {
    if (text.charCodeAt(index) === OPEN_BRACE) {
      const { spans, end } = membersAt(text, index);
      elements.push(spans);
      index = end;
    } else {
      elements.push(null);
      index = spanAt(text, index).end;
    }
    index = skipComma(text, index);
  }
  return elements;
}

function membersAt(text: string, open: number): { readonly spans: MemberSpans; readonly end: number } {
  const spans = new Map<string, Span>();
  let index = skipSpace(text, open + 1);
  while (text.charCodeAt(index) === QUOTE) {
    const nameEnd = endOfString(text, index);
    const name = nameOf(text.slice(index, nameEnd));
    const colon = skipSpace(text, nameEnd);
    const span = spanAt(text, skipSpace(text, colon + 1));
    spans.set(name, span);
    index = skipComma(text, span.end);
  }
  return { spans, end: index + 1 };
}

/** The name that a string token spells: "d\u0061ta" is data. */
function nameOf(token: string): string {
  return token.includes("\\") ? String(JSON.parse(token)) : token.slice(1, -1);
}

function spanAt(text: string, start: number): Span {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return { start, end: endOfString(text, start), depth: 0 };
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return { start, end: endOfWord(text, start), depth: 0 };
  let index = start;
  let open = 0;
  let depth = 0;
  do {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfString(text, index);
      continue;
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      open += 1;
      if (open > depth) depth = open;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) open -= 1;
    index += 1;
  } while (open > 0);
  return { start, end: index, depth };
}

/** Behind the quotation mark that closes the string: the next one with an even number of backslashes before it. */
function endOfString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (text.charCodeAt(close - 1) === BACKSLASH && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close + 1;
}

function isEscaped(text: string, index: number): boolean {
  let before = index - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (index - before) % 2 === 0;
}

/** Behind a number, true, false or null. */
function endOfWord(text: string, start: number): number {
  let index = start;
  for (let code = text.charCodeAt(index); isWordCode(code); code = text.charCodeAt(index)) index += 1;
  return index;
}

/** Not a comma, a closing bracket, white space or the end (NaN). */
const isWordCode = (code: number): boolean =>
  code > 0x20 && code !== COMMA && code !== CLOSE_BRACKET && code !== CLOSE_BRACE;

function skipComma(text: string, index: number): number {
  const next = skipSpace(text, index);
  return text.charCodeAt(next) === COMMA ? skipSpace(text, next + 1) : next;
}

/** Between tokens nothing else is as low as white space. */
function skipSpace(text: string, start: number): number {
  let index = start;
  while (text.charCodeAt(index) <= 0x20) index += 1;
  return index;
}

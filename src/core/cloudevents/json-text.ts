/**
 * JSON as text: its value, and where in the text parts of it stand, so that they can be carried on as they were written. One pass
 * without recursion looks for the places and measures how deep the text nests, before anything is built from it; then the engine
 * parses. It knows nothing of events.
 */
import { err, ok, type Result } from "../result.ts";
import { faultOffset } from "./json-fault.ts";
import { QUOTE, COMMA, COLON, OPEN_BRACKET, BACKSLASH, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE } from "./characters.ts";

/** Where a value stands: `text.slice(start, end)`, without the white space around it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A pass over a text that may not be JSON. `index` only grows; at the text's length everything ends. */
interface Scan {
  readonly text: string;
  index: number;
  /** Levels of arrays and objects that may yet be opened. */
  levels: number;
  /** The bracket that opens one level too many; the pass is over then. */
  tooDeepAt: number | null;
}

/** What to look for in a text on the way. It is right only about valid JSON; about other texts it ends, with any answer. */
export type Outline<T> = (scan: Scan) => T;

/**
 * The value of a JSON text (RFC 8259) and its outline. The error tells the place of the first fault, "line 2, column 5", both from 1, a
 * column is a UTF-16 unit; arrays and objects nested over `depthMax` levels are a fault (§9 allows such a limit).
 */
export function outlineJson<T>(
  text: string,
  depthMax: number,
  outlineOf: Outline<T>,
): Result<{ readonly value: unknown; readonly outline: T }, string> {
  const scan: Scan = { text, index: 0, levels: depthMax, tooDeepAt: null };
  skipSpace(scan);
  const outline = outlineOf(scan);
  if (scan.tooDeepAt !== null)
    return err(`${placeOf(text, scan.tooDeepAt)}, where it nests over ${depthMax} levels, the limit`);
  try {
    return ok({ value: JSON.parse(text), outline });
  } catch {
    // The engine's message quotes the text, and does not always say where.
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

/** The place of the value itself. */
export const valueSpan: Outline<Span> = (scan) => {
  const start = scan.index;
  skipValue(scan);
  return { start, end: scan.index };
};

/**
 * The outline of the value of the member with that name; null when there is none, or the value is not an object. Of members with the same
 * name the last one counts, as with JSON.parse.
 */
export function memberOutline<T>(name: string, outlineOf: Outline<T>): Outline<T | null> {
  return (scan) => {
    if (codeAt(scan) === OPEN_BRACE) return findMember(scan, name, outlineOf);
    skipValue(scan);
    return null;
  };
}

/** The place of that value. */
export const memberSpan = (name: string): Outline<Span | null> => memberOutline(name, valueSpan);

/** The same for each element of an array; empty when the value is not an array. */
export function elementMemberSpans(name: string): Outline<readonly (Span | null)[]> {
  const spanOf = memberSpan(name);
  return (scan) => {
    const spans: (Span | null)[] = [];
    if (codeAt(scan) !== OPEN_BRACKET) {
      skipValue(scan);
      return spans;
    }
    descend(scan);
    while (isWordCode(codeAt(scan))) {
      spans.push(spanOf(scan));
      skipSeparator(scan, COMMA);
    }
    ascend(scan);
    return spans;
  };
}

function findMember<T>(scan: Scan, name: string, outlineOf: Outline<T>): T | null {
  let found: T | null = null;
  descend(scan);
  while (codeAt(scan) === QUOTE) {
    const nameStart = scan.index;
    skipString(scan);
    const isFound = spells(scan.text.slice(nameStart, scan.index), name);
    skipSeparator(scan, COLON);
    if (isFound) found = outlineOf(scan);
    else skipValue(scan);
    skipSeparator(scan, COMMA);
  }
  ascend(scan);
  return found;
}

/** Whether a string token stands for that text: "d\u0061ta" for data. */
function spells(token: string, text: string): boolean {
  if (!token.includes("\\")) return token === `"${text}"`;
  try {
    return JSON.parse(token) === text;
  } catch {
    // The text is not JSON, which its parser will say.
    return false;
  }
}

/** Not a number at the end. */
const codeAt = ({ text, index }: Scan): number => text.charCodeAt(index);

/** Into an array or object. */
function descend(scan: Scan): void {
  if (scan.levels === 0) return stopTooDeep(scan, scan.index);
  scan.levels -= 1;
  scan.index += 1;
  skipSpace(scan);
}

/** Behind the bracket that closes it. */
function ascend(scan: Scan): void {
  scan.levels += 1;
  if (scan.index < scan.text.length) scan.index += 1;
}

function stopTooDeep(scan: Scan, at: number): void {
  scan.tooDeepAt ??= at;
  scan.index = scan.text.length;
}

function skipValue(scan: Scan): void {
  const first = codeAt(scan);
  if (first === QUOTE) skipString(scan);
  else if (first === OPEN_BRACE || first === OPEN_BRACKET) skipNested(scan);
  else skipWord(scan);
}

function skipNested(scan: Scan): void {
  const { text, levels } = scan;
  let index = scan.index;
  let open = 0;
  do {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfString(text, index);
      continue;
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      open += 1;
      if (open > levels) return stopTooDeep(scan, index);
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) open -= 1;
    index += 1;
  } while (open > 0 && index < text.length);
  scan.index = index;
}

function skipString(scan: Scan): void {
  scan.index = endOfString(scan.text, scan.index);
}

/** Behind the quotation mark that closes the string: the next one with an even number of backslashes before it. */
function endOfString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (text.charCodeAt(close - 1) === BACKSLASH && isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close < 0 ? text.length : close + 1;
}

function isEscaped(text: string, index: number): boolean {
  let before = index - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (index - before) % 2 === 0;
}

/** Behind a number, true, false or null: behind anything that is not a separator, so that a pass over no JSON ends too. */
function skipWord(scan: Scan): void {
  for (let code = codeAt(scan); isWordCode(code); code = codeAt(scan)) scan.index += 1;
}

const isWordCode = (code: number): boolean =>
  code > 0x20 && code !== COMMA && code !== CLOSE_BRACKET && code !== CLOSE_BRACE;

function skipSeparator(scan: Scan, separator: number): void {
  skipSpace(scan);
  if (codeAt(scan) !== separator) return;
  scan.index += 1;
  skipSpace(scan);
}

/** Between tokens nothing else is as low as white space. */
function skipSpace(scan: Scan): void {
  while (codeAt(scan) <= 0x20) scan.index += 1;
}

/** Where a text stops being JSON (RFC 8259). Only for texts that JSON.parse has refused: it builds nothing. */
import { QUOTE, COMMA, COLON, OPEN_BRACKET, BACKSLASH, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE } from "./characters.ts";

const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;

/** What may come next. `first-…` also takes the bracket that closes what was just opened. */
type State = "value" | "first-value" | "name" | "first-name" | "after-value";

/** How far a token goes, or where it goes wrong. */
interface Token {
  readonly end: number;
  readonly valid: boolean;
}

/** The offset of the first character that cannot stand there, the text's length when it ends too early, null for valid JSON. */
export function faultOffset(text: string): number | null {
  const closers: number[] = [];
  let state: State = "value";
  let index = 0;
  for (;;) {
    index = skipSpace(text, index);
    const code = text.charCodeAt(index);
    const closer = closers.at(-1);
    if (state === "after-value" && closer === undefined) return index === text.length ? null : index;
    if (code === closer && (state === "after-value" || state === "first-value" || state === "first-name")) {
      closers.pop();
      state = "after-value";
      index += 1;
    } else if (state === "after-value") {
      if (code !== COMMA) return index;
      state = closer === CLOSE_BRACE ? "name" : "value";
      index += 1;
    } else if (state === "name" || state === "first-name") {
      const name = readName(text, index);
      if (!name.valid) return name.end;
      state = "value";
      index = name.end;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      closers.push(code === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET);
      state = code === OPEN_BRACE ? "first-name" : "first-value";
      index += 1;
    } else {
      const scalar = readScalar(text, index);
      if (!scalar.valid) return scalar.end;
      state = "after-value";
      index = scalar.end;
    }
  }
}

/** What JSON takes for white space; the other spaces of Unicode are faults. */
function skipSpace(text: string, start: number): number {
  let index = start;
  for (let code = text.charCodeAt(index); code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;)
    code = text.charCodeAt(++index);
  return index;
}

/** A member's name and its colon. */
function readName(text: string, start: number): Token {
  const name = readString(text, start);
  if (!name.valid) return name;
  const colon = skipSpace(text, name.end);
  return text.charCodeAt(colon) === COLON ? { end: colon + 1, valid: true } : { end: colon, valid: false };
}

function readScalar(text: string, start: number): Token {
  switch (text.charAt(start)) {
    case '"':
      return readString(text, start);
    case "t":
      return readWord(text, start, "true");
    case "f":
      return readWord(text, start, "false");
    case "n":
      return readWord(text, start, "null");
    default:
      return readNumber(text, start);
  }
}

function readWord(text: string, start: number, word: string): Token {
  let length = 0;
  while (length < word.length && text.charCodeAt(start + length) === word.charCodeAt(length)) length += 1;
  return { end: start + length, valid: length === word.length };
}

const ESCAPES = new Set(Array.from('"\\/bfnrtu', (escape) => escape.charCodeAt(0)));
const ESCAPE_U = 0x75;

function readString(text: string, start: number): Token {
  if (text.charCodeAt(start) !== QUOTE) return { end: start, valid: false };
  let index = start + 1;
  for (;;) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) return { end: index + 1, valid: true };
    // Control characters must be escaped; at the end of the text there is no code.
    if (!(code >= 0x20)) return { end: index, valid: false };
    index += 1;
    if (code !== BACKSLASH) continue;
    const escape = text.charCodeAt(index);
    if (!ESCAPES.has(escape)) return { end: index, valid: false };
    index += 1;
    if (escape !== ESCAPE_U) continue;
    const hexEnd = index + 4;
    while (index < hexEnd && isHexDigit(text.charCodeAt(index))) index += 1;
    if (index < hexEnd) return { end: index, valid: false };
  }
}

/** [-] (0 | 1-9 digits) [. digits] [(e | E) [+ | -] digits] */
function readNumber(text: string, start: number): Token {
  const whole = text.charCodeAt(start) === MINUS ? start + 1 : start;
  let index = text.charCodeAt(whole) === ZERO ? whole + 1 : skipDigits(text, whole);
  if (index === whole) return { end: index, valid: false };
  if (text.charCodeAt(index) === DOT) {
    const fraction = index + 1;
    index = skipDigits(text, fraction);
    if (index === fraction) return { end: index, valid: false };
  }
  if (text.charAt(index).toLowerCase() === "e") {
    const sign = text.charCodeAt(index + 1);
    const exponent = sign === PLUS || sign === MINUS ? index + 2 : index + 1;
    index = skipDigits(text, exponent);
    if (index === exponent) return { end: index, valid: false };
  }
  return { end: index, valid: true };
}

function skipDigits(text: string, start: number): number {
  let index = start;
  while (isDigit(text.charCodeAt(index))) index += 1;
  return index;
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
const isHexDigit = (code: number): boolean =>
  isDigit(code) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);

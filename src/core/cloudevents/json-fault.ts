/** Where a text stops being JSON (RFC 8259). Only for texts that JSON.parse has refused: it builds nothing and does not hurry. */

const OPENERS: Readonly<Record<string, { readonly closer: string; readonly state: State }>> = {
  "{": { closer: "}", state: "first-name" },
  "[": { closer: "]", state: "first-value" },
};
const WORDS: Readonly<Record<string, string>> = { t: "true", f: "false", n: "null" };
/** What JSON takes for white space; the other spaces of Unicode are faults. */
const SPACES = " \t\n\r";

/** What may come next. `first-…` also takes the bracket that closes what was just opened. */
type State = "value" | "first-value" | "name" | "first-name" | "after-value";

/** How far a token goes, or where it goes wrong. */
interface Token {
  readonly end: number;
  readonly valid: boolean;
}

/** The offset of the first character that cannot belong there, the text's length when it ends too early, null for valid JSON. */
export function faultOffset(text: string): number | null {
  const closers: string[] = [];
  let state: State = "value";
  let index = 0;
  for (;;) {
    while (index < text.length && SPACES.includes(text.charAt(index))) index += 1;
    const next = text.charAt(index);
    const closer = closers.at(-1);
    if (state === "after-value" && closer === undefined) return index === text.length ? null : index;
    if (next === closer && (state === "after-value" || state.startsWith("first-"))) {
      closers.pop();
      state = "after-value";
      index += 1;
    } else if (state === "after-value") {
      if (next !== ",") return index;
      state = closer === "}" ? "name" : "value";
      index += 1;
    } else if (state === "name" || state === "first-name") {
      const name = readName(text, index);
      if (!name.valid) return name.end;
      state = "value";
      index = name.end;
    } else {
      const opener = OPENERS[next];
      if (opener !== undefined) closers.push(opener.closer);
      const token = opener === undefined ? readScalar(text, index) : { end: index + 1, valid: true };
      if (!token.valid) return token.end;
      state = opener?.state ?? "after-value";
      index = token.end;
    }
  }
}

/** A member's name and its colon. */
function readName(text: string, start: number): Token {
  const name = readString(text, start);
  if (!name.valid) return name;
  let index = name.end;
  while (index < text.length && SPACES.includes(text.charAt(index))) index += 1;
  return text.charAt(index) === ":" ? { end: index + 1, valid: true } : { end: index, valid: false };
}

function readScalar(text: string, start: number): Token {
  const first = text.charAt(start);
  if (first === '"') return readString(text, start);
  const word = WORDS[first];
  return word === undefined ? readNumber(text, start) : readWord(text, start, word);
}

function readWord(text: string, start: number, word: string): Token {
  let length = 0;
  while (length < word.length && text.charAt(start + length) === word.charAt(length)) length += 1;
  return { end: start + length, valid: length === word.length };
}

function readString(text: string, start: number): Token {
  if (text.charAt(start) !== '"') return { end: start, valid: false };
  let index = start + 1;
  for (;;) {
    const next = text.charAt(index);
    if (next === '"') return { end: index + 1, valid: true };
    // Control characters are to be escaped, and at the end there is none.
    if (next < " ") return { end: index, valid: false };
    index += 1;
    if (next !== "\\") continue;
    const escape = text.charAt(index);
    if (escape === "" || !'"\\/bfnrtu'.includes(escape)) return { end: index, valid: false };
    index += 1;
    if (escape !== "u") continue;
    const hexEnd = skipWhile(text, index, /[0-9a-f]/i, index + 4);
    if (hexEnd < index + 4) return { end: hexEnd, valid: false };
    index = hexEnd;
  }
}

function readNumber(text: string, start: number): Token {
  let index = text.charAt(start) === "-" ? start + 1 : start;
  const whole = skipWhile(text, index, /\d/, text.charAt(index) === "0" ? index + 1 : text.length);
  if (whole === index) return { end: index, valid: false };
  index = whole;
  if (text.charAt(index) === ".") {
    const fraction = skipWhile(text, index + 1, /\d/, text.length);
    if (fraction === index + 1) return { end: fraction, valid: false };
    index = fraction;
  }
  if (text.charAt(index) === "e" || text.charAt(index) === "E") {
    const digits = "+-".includes(text.charAt(index + 1)) && index + 1 < text.length ? index + 2 : index + 1;
    const exponent = skipWhile(text, digits, /\d/, text.length);
    if (exponent === digits) return { end: exponent, valid: false };
    index = exponent;
  }
  return { end: index, valid: true };
}

function skipWhile(text: string, start: number, allowed: RegExp, end: number): number {
  let index = start;
  while (index < end && allowed.test(text.charAt(index))) index += 1;
  return index;
}

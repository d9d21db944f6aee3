/**
 * The words and signs of a CloudEvents SQL expression (CESQL 1.0.0 §2). It knows where each begins and ends, and nothing of what may
 * follow what.
 */

interface Span {
  /** Index of its first code unit in the text. */
  readonly position: number;
  /** Index after its last. */
  readonly end: number;
}

export type SqlToken =
  /** Letters, digits and underscores, not digits alone. `text` is in capitals: keywords and names mean the same in any case. */
  | (Span & { readonly kind: "word"; readonly text: string })
  /** Digits, without a sign, as they stand. */
  | (Span & { readonly kind: "digits"; readonly text: string })
  /** `text` is without quotes and escapes. */
  | (Span & { readonly kind: "string"; readonly text: string })
  | (Span & { readonly kind: "sign"; readonly text: string })
  /** The end of the text, or what cannot be read: `detail` says what is wrong there. Nothing follows it. */
  | (Span & { readonly kind: "end"; readonly detail: string | null });

const WORD = /[A-Za-z0-9_]+/y;
const DIGITS = /^[0-9]+$/;
const SPACE = new Set([" ", "\t", "\r", "\n"]);
const SIGNS = new Set(["(", ")", ",", "*", "/", "%", "+", "-", "=", "<", ">"]);
const LONG_SIGNS = new Set(["!=", "<>", ">=", "<="]);

/** The tokens of the text, in order; the last is the only one of the kind `end`. */
export function readTokens(text: string): readonly SqlToken[] {
  const tokens: SqlToken[] = [];
  let at = 0;
  for (;;) {
    while (SPACE.has(text.charAt(at))) at += 1;
    const token = readToken(text, at);
    tokens.push(token);
    if (token.kind === "end") return tokens;
    at = token.end;
  }
}

function readToken(text: string, position: number): SqlToken {
  const character = text.charAt(position);
  if (character === "") return { kind: "end", position, end: position, detail: null };
  if (character === "'" || character === '"') return readString(text, position);
  const long = text.slice(position, position + 2);
  if (LONG_SIGNS.has(long)) return { kind: "sign", text: long, position, end: position + 2 };
  if (SIGNS.has(character)) return { kind: "sign", text: character, position, end: position + 1 };
  WORD.lastIndex = position;
  const [word] = WORD.exec(text) ?? [];
  if (word === undefined) {
    const shown = String.fromCodePoint(text.codePointAt(position) ?? 0);
    return { kind: "end", position, end: position, detail: `must not have ${JSON.stringify(shown)} here` };
  }
  const end = position + word.length;
  if (DIGITS.test(word)) return { kind: "digits", text: word, position, end };
  return { kind: "word", text: word.toUpperCase(), position, end };
}

/**
 * A string literal. Only its own quote is escaped by `\`; any other `\` is a character, and takes the one after it along: so `'\\'` is
 * closed and holds two of them.
 */
function readString(text: string, position: number): SqlToken {
  const quote = text.charAt(position);
  let value = "";
  let from = position + 1;
  for (let at = from; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === quote) return { kind: "string", text: value + text.slice(from, at), position, end: at + 1 };
    if (character !== "\\") continue;
    at += 1;
    if (text.charAt(at) !== quote) continue;
    value += text.slice(from, at - 1);
    from = at;
  }
  return { kind: "end", position, end: position, detail: `must close the string that begins with ${quote} here` };
}

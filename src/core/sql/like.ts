/**
 * The patterns of LIKE (CESQL 1.0.0 §3.4.3): `%` is any run of characters, `_` one character, `\%` and `\_` are themselves, and so is every
 * other `\`. A pattern is compared piece by piece without ever going back behind one, so the cost is at most value × pattern.
 */

/** Stands in a piece for `_`: no code unit is negative. */
const ANY_CHARACTER = -1;

/** UTF-16 code units in a row, or ANY_CHARACTER. */
type Piece = readonly number[];

/** What stands before, between and after the `%` of a pattern; never empty. */
export interface LikePattern {
  readonly first: Piece;
  /** In their order. */
  readonly middle: readonly Piece[];
  /** Null without any `%`: then the first is all there is. */
  readonly last: Piece | null;
}

/** What of a string is looked at, so that a test can count the looks. */
export type CodeUnits = Pick<string, "length" | "charCodeAt">;

/** The pattern of a string literal whose own escapes are read. Every text is a pattern. */
export function compileLike(text: string): LikePattern {
  const pieces: number[][] = [];
  let piece: number[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    const next = text[index + 1];
    if (character === "\\" && (next === "%" || next === "_")) {
      index += 1;
      piece.push(text.charCodeAt(index));
    } else if (character === "%") {
      pieces.push(piece);
      piece = [];
    } else piece.push(character === "_" ? ANY_CHARACTER : text.charCodeAt(index));
  }
  const [first, ...middle] = pieces;
  if (first === undefined) return { first: piece, middle, last: null };
  // `%%` is `%`.
  return { first, middle: middle.filter(({ length }) => length > 0), last: piece };
}

/** The only text that the pattern matches; null when it has wildcards. */
export function onlyMatch({ first, last }: LikePattern): string | null {
  if (last !== null || first.includes(ANY_CHARACTER)) return null;
  return first.map((unit) => String.fromCharCode(unit)).join("");
}

/** Whether all of the value matches. */
export function matchesLike(value: CodeUnits, { first, middle, last }: LikePattern): boolean {
  let at = matchForward(value, first, 0);
  if (last === null || at === -1) return at === value.length;
  const end = matchBackward(value, last);
  if (end < at) return false;
  for (const piece of middle) {
    // The leftmost place is as good as any: whatever follows has the most room there.
    at = findPiece(value, piece, at);
    if (at === -1 || at > end) return false;
  }
  return true;
}

/** Where the piece ends that begins at `start`, -1 when it does not stand there. */
function matchForward(value: CodeUnits, piece: Piece, start: number): number {
  let at = start;
  for (const unit of piece) {
    if (at >= value.length) return -1;
    if (unit === ANY_CHARACTER) at += isPair(value, at) ? 2 : 1;
    else if (value.charCodeAt(at) === unit) at += 1;
    else return -1;
  }
  return at;
}

/** Where the piece begins that ends the value, -1 when it does not. */
function matchBackward(value: CodeUnits, piece: Piece): number {
  let at = value.length;
  for (let index = piece.length - 1; index >= 0; index -= 1) {
    if (at <= 0) return -1;
    const unit = piece[index];
    if (unit === ANY_CHARACTER) at -= at >= 2 && isPair(value, at - 2) ? 2 : 1;
    else if (value.charCodeAt(at - 1) === unit) at -= 1;
    else return -1;
  }
  return at;
}

/**
 * Where the leftmost such piece from `from` on ends, -1 when there is none. It may begin inside a surrogate pair only with `_`, and then
 * the pair as a whole would have done as well: `from` is never inside one.
 */
function findPiece(value: CodeUnits, piece: Piece, from: number): number {
  for (let start = from; start + piece.length <= value.length; start += 1) {
    const end = matchForward(value, piece, start);
    if (end !== -1) return end;
  }
  return -1;
}

/** Whether a character of two code units begins there (a surrogate pair). */
function isPair(value: CodeUnits, at: number): boolean {
  if ((value.charCodeAt(at) & 0xfc00) !== 0xd800 || at + 1 >= value.length) return false;
  return (value.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
}

/**
 * The patterns of LIKE (CESQL 1.0.0 §3.4.3): `%` is any run of characters, `_` one character, `\%` and `\_` are themselves, and so is every
 * other `\`. Characters are Unicode code points. A pattern is compared piece by piece without ever going back behind one.
 */

/** Stands in a piece for `_`: no code point is negative. */
const ANY_CHARACTER = -1;

/** Code points in a row, or ANY_CHARACTER. */
type Piece = readonly number[];

/** What stands before, between and after the `%` of a pattern. */
export interface LikePattern {
  readonly first: Piece;
  /** In their order, none of them empty. */
  readonly middle: readonly Piece[];
  /** Null without any `%`: then the first is all there is. */
  readonly last: Piece | null;
}

/** What of a string is looked at, so that a test can count the looks. */
export type Characters = Pick<string, "length" | "codePointAt">;

/** The pattern of a string literal whose own escapes are read. Every text is a pattern. */
export function compileLike(text: string): LikePattern {
  const characters = Array.from(text);
  const pieces: number[][] = [];
  let piece: number[] = [];
  for (let index = 0; index < characters.length; index += 1) {
    const next = characters[index + 1];
    const isEscape = characters[index] === "\\" && (next === "%" || next === "_");
    if (isEscape) index += 1;
    const character = characters[index];
    if (character === "%" && !isEscape) {
      pieces.push(piece);
      piece = [];
    } else piece.push(character === "_" && !isEscape ? ANY_CHARACTER : (character?.codePointAt(0) ?? 0));
  }
  const [first, ...middle] = pieces;
  if (first === undefined) return { first: piece, middle, last: null };
  // `%%` is `%`.
  return { first, middle: middle.filter(({ length }) => length > 0), last: piece };
}

/** A text that every match has at one end, the longer of both; `isWhole`: there is nothing else in it. */
export function anchorOf({ first, last }: LikePattern): {
  readonly text: string;
  readonly end: "first" | "last";
  readonly isWhole: boolean;
} {
  const text = textOf(untilWildcard(first));
  if (last === null) return { text, end: "first", isWhole: !first.includes(ANY_CHARACTER) };
  const tail = textOf(untilWildcard(last.toReversed()).toReversed());
  return tail.length > text.length
    ? { text: tail, end: "last", isWhole: false }
    : { text, end: "first", isWhole: false };
}

const untilWildcard = (piece: Piece): Piece =>
  piece.includes(ANY_CHARACTER) ? piece.slice(0, piece.indexOf(ANY_CHARACTER)) : piece;

const textOf = (piece: Piece): string => piece.map((character) => String.fromCodePoint(character)).join("");

/** Whether all of the value matches. */
export function matchesLike(value: Characters, { first, middle, last }: LikePattern): boolean {
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

// Places in a value are indexes of code units, always where a character begins.

const widthOf = (character: number): number => (character > 0xffff ? 2 : 1);

/** Where the piece ends that begins at `start`, -1 when it does not stand there. */
function matchForward(value: Characters, piece: Piece, start: number): number {
  let at = start;
  for (const wanted of piece) {
    const character = value.codePointAt(at);
    if (character === undefined || (character !== wanted && wanted !== ANY_CHARACTER)) return -1;
    at += widthOf(character);
  }
  return at;
}

/** Where the piece begins that ends the value, -1 when it does not. */
function matchBackward(value: Characters, piece: Piece): number {
  let at = value.length;
  for (let index = piece.length - 1; index >= 0; index -= 1) {
    if (at === 0) return -1;
    // Two code units before, there may be a character of two.
    const pair = at > 1 ? (value.codePointAt(at - 2) ?? 0) : 0;
    const character = pair > 0xffff ? pair : value.codePointAt(at - 1);
    const wanted = piece[index];
    if (character !== wanted && wanted !== ANY_CHARACTER) return -1;
    at -= pair > 0xffff ? 2 : 1;
  }
  return at;
}

/** Up to so many comparisons trying every place is cheaper than what keeps `findByBits` from more. */
const PLAIN_COMPARISONS_MAX = 32_768;

/** Where the leftmost such piece from `from` on ends, -1 when there is none. */
function findPiece(value: Characters, piece: Piece, from: number): number {
  if ((value.length - from) * piece.length > PLAIN_COMPARISONS_MAX) return findByBits(value, piece, from);
  let start = from;
  // A character has at least one code unit.
  while (start + piece.length <= value.length) {
    const end = matchForward(value, piece, start);
    if (end !== -1) return end;
    start += widthOf(value.codePointAt(start) ?? 0);
  }
  return -1;
}

/**
 * The same, looking at each character once (Shift-And, Baeza-Yates and Gonnet 1992): bit n of `found` says that the first n + 1 characters of
 * the piece end here. 32 places are tried at a time, so that `%aaa…_b%` on a value of `aaa…` cannot hold up other subscriptions.
 */
function findByBits(value: Characters, piece: Piece, from: number): number {
  const words = Math.ceil(piece.length / 32);
  const masks = masksOf(piece, words);
  const wildcards = masks.get(ANY_CHARACTER) ?? new Uint32Array(words);
  const found = new Uint32Array(words);
  const lastBit = 1 << ((piece.length - 1) % 32);
  for (let at = from; at < value.length;) {
    const character = value.codePointAt(at) ?? 0;
    at += widthOf(character);
    const mask = masks.get(character) ?? wildcards;
    let carry = 1;
    for (let word = 0; word < words; word += 1) {
      const before = found[word] ?? 0;
      found[word] = ((before << 1) | carry) & (mask[word] ?? 0);
      carry = before >>> 31;
    }
    if (((found[words - 1] ?? 0) & lastBit) !== 0) return at;
  }
  return -1;
}

/** For each character of the piece the places where it may stand, those of `_` included. */
function masksOf(piece: Piece, words: number): ReadonlyMap<number, Uint32Array> {
  const wildcards = new Uint32Array(words);
  for (const [place, wanted] of piece.entries()) if (wanted === ANY_CHARACTER) setBit(wildcards, place);
  const masks = new Map([[ANY_CHARACTER, wildcards]]);
  for (const [place, wanted] of piece.entries()) {
    const mask = masks.get(wanted) ?? wildcards.slice();
    setBit(mask, place);
    masks.set(wanted, mask);
  }
  return masks;
}

function setBit(bits: Uint32Array, place: number): void {
  const word = Math.floor(place / 32);
  bits[word] = (bits[word] ?? 0) | (1 << (place % 32));
}

/**
 * Base64 (RFC 4648 §4) in its strict form: bytes to text and back, each text for exactly one sequence of bytes.
 * Linear in time and memory; it never guesses at what a sloppy text may have meant.
 */

const ALPHABET = new TextEncoder().encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const PAD = 61;
/** A value that no digit has: one OR over a group of digits finds it. */
const NONE = 64;
const VALUES = new Uint8Array(128).fill(NONE);
for (const [value, code] of ALPHABET.entries()) VALUES[code] = value;

/** The bytes as base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  for (let from = 0, to = 0; from < bytes.length; from += 3, to += 4) {
    const second = bytes[from + 1];
    const third = bytes[from + 2];
    const group = ((bytes[from] ?? 0) << 16) | ((second ?? 0) << 8) | (third ?? 0);
    text[to] = ALPHABET[group >>> 18] ?? PAD;
    text[to + 1] = ALPHABET[(group >>> 12) & 63] ?? PAD;
    text[to + 2] = second === undefined ? PAD : (ALPHABET[(group >>> 6) & 63] ?? PAD);
    text[to + 3] = third === undefined ? PAD : (ALPHABET[group & 63] ?? PAD);
  }
  return new TextDecoder().decode(text);
}

/**
 * The bytes of a base64 text; null when it is none: other characters (white space and the URL-safe alphabet too), missing padding,
 * or bits behind the last byte that are not zero (RFC 4648 §3.5). So `encodeBase64(decodeBase64(text))` is the text.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const digits = text.length - padding;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let from = 0, to = 0; from < digits; from += 4, to += 3) {
    const a = valueAt(text, from);
    const b = valueAt(text, from + 1);
    // Behind the last digit stands padding, which adds nothing.
    const c = from + 2 < digits ? valueAt(text, from + 2) : 0;
    const d = from + 3 < digits ? valueAt(text, from + 3) : 0;
    if ((a | b | c | d) >= NONE) return null;
    const group = (a << 18) | (b << 12) | (c << 6) | d;
    // Writes behind the end of a typed array do nothing.
    bytes[to] = group >>> 16;
    bytes[to + 1] = group >>> 8;
    bytes[to + 2] = group;
    const rest = digits - from;
    if ((rest === 2 && (group & 0xffff) !== 0) || (rest === 3 && (group & 0xff) !== 0)) return null;
  }
  return bytes;
}

function valueAt(text: string, index: number): number {
  return VALUES[text.charCodeAt(index)] ?? NONE;
}

/** UTF-8, strictly: what is not UTF-8 is told, never replaced. Pure; it knows nothing of events. */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const exactDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes of UTF-8 that a UTF-16 unit takes at most. */
const UNIT_BYTES_MAX = 3;
/** Where texts are written to be counted: a place of their own for each would cost more than the counting. */
const scratch = new Uint8Array(16_384);

/** How many bytes the text has in UTF-8. */
export function utf8Bytes(text: string): number {
  const fits = text.length * UNIT_BYTES_MAX <= scratch.length;
  return fits ? encoder.encodeInto(text, scratch).written : encoder.encode(text).byteLength;
}

/** Whether the text has at most so many bytes in UTF-8. Texts that are short beyond doubt are not encoded to find out. */
export function fitsUtf8(text: string, bytesMax: number): boolean {
  return text.length * UNIT_BYTES_MAX <= bytesMax || utf8Bytes(text) <= bytesMax;
}

/** The bytes as text without a byte order mark in front (RFC 8259 §8.1 lets a parser ignore it), null when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  return decodeWith(decoder, bytes);
}

/** The same with the mark kept, so that encoding the text gives these bytes again. */
export function decodeUtf8Exactly(bytes: Uint8Array): string | null {
  return decodeWith(exactDecoder, bytes);
}

function decodeWith(strict: typeof exactDecoder, bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

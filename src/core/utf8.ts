/** UTF-8, strictly: what is not UTF-8 is told, never replaced. Pure; it knows nothing of events. */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const exactDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** How many bytes the text has in UTF-8. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).byteLength;
}

/** Whether the text has at most so many bytes in UTF-8. Texts that are short beyond doubt are not encoded to find out. */
export function fitsUtf8(text: string, bytesMax: number): boolean {
  return text.length * 3 <= bytesMax || utf8Bytes(text) <= bytesMax;
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

/** How long a message says that its body is, where HTTP holds it to that. Pure. */

/** RFC 9110 §8.6; so many digits are a number without loss. */
const DIGITS = /^\d{1,15}$/;

/**
 * Bytes of the body, null when they are not known before: no length is stated, or a transfer coding overrules it (RFC 9112 §6.3), or a
 * content coding makes it that of something else. A body that has one ends there, or breaks off.
 */
export function statedLength(headers: Pick<Headers, "get" | "has">): number | null {
  const length = headers.get("content-length");
  const isCoded = headers.has("transfer-encoding") || headers.has("content-encoding");
  return length === null || isCoded || !DIGITS.test(length) ? null : Number(length);
}

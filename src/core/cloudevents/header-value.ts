/**
 * Attributes as HTTP headers (CloudEvents HTTP binding 1.0.2 §3.1.3): their names, how values are written in them and read out of
 * them. It does not know which attributes are allowed.
 */

/** Before an attribute's name in its header's. */
export const HEADER_PREFIX = "ce-";

/** §3.1.3.2. Control characters are encoded too, though attributes have none. */
export function encodeHeaderValue(value: string): string {
  return value.replace(/[^!#$&-~]+/gu, (part) => encodeURIComponent(part));
}

/**
 * §3.1.3.2: first quoted strings are unquoted (RFC 9110 §5.6.4), then one round of percent-decoding. Null: a quote left open, a
 * percent sign without two hex digits, bytes that are not UTF-8, characters that a sender must encode (how many bytes they were is lost).
 */
export function decodeHeaderValue(header: string): string | null {
  if (!/^[\t -~]*$/.test(header)) return null;
  const value = header.includes('"') ? unquote(header) : header;
  if (value === null || !value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return null;
  }
}

function unquote(header: string): string | null {
  let text = "";
  let quoted = false;
  for (let index = 0; index < header.length; index++) {
    const next = header.charAt(index);
    if (next === '"') quoted = !quoted;
    else if (quoted && next === "\\") {
      index += 1;
      text += header.charAt(index);
    } else text += next;
  }
  return quoted ? null : text;
}

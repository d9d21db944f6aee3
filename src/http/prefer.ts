/** The header `Prefer` (RFC 7240): the one preference that is known here. All others, and what cannot be read, are passed over (§2). */

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const WORD = `(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*")`;
const PREFERENCE = new RegExp(`^[ \\t]*(${TOKEN})(?:[ \\t]*=[ \\t]*(${WORD}))?[ \\t]*(?:;|$)`);
/** Elements of a list (RFC 9110 §5.6.1): a comma inside quotes parts none. */
const ELEMENT = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;

/** The answer to who asked for as little as possible carries this. */
export const MINIMAL_APPLIED = { "preference-applied": "return=minimal" };

/** Whether `return=minimal` is asked for. Of several preferences with one name the first counts (§2). */
export function prefersMinimal(header: string | null): boolean {
  for (const [element] of (header ?? "").matchAll(ELEMENT)) {
    const [, name, value] = PREFERENCE.exec(element) ?? [];
    if (name?.toLowerCase() === "return") return value === "minimal" || value === '"minimal"';
  }
  return false;
}

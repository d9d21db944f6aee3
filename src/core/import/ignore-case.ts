/**
 * Strings that are compared without regard to case, in the pattern language and in CESQL. Event Grid says that it ignores case and not how:
 * a literal is taken only where every way comes to the same.
 */
import { WELL_FORMED } from "../words.ts";

/** Whether the text has letters that have a case. */
export const hasCase = (text: string): boolean => text.toLowerCase() !== text || text.toUpperCase() !== text;

/** What is wrong with a literal that is compared without regard to case. */
export function caseFault(text: string): string | null {
  if (!text.isWellFormed()) return WELL_FORMED;
  const odd = Array.from(text).find((character) => !foldsSimply(character));
  return odd === undefined
    ? null
    : `must not hold ${odd}: it is not one letter in both cases, and Event Grid does not say how it ignores that`;
}

function foldsSimply(character: string): boolean {
  const [lower, upper] = [character.toLowerCase(), character.toUpperCase()];
  if (lower.length !== character.length || upper.length !== character.length) return false;
  // The lower case of a sigma depends on what follows it.
  if (lower === "σ" || (character !== lower && character !== upper)) return false;
  return lower.toUpperCase() === upper && upper.toLowerCase() === lower;
}

export type Part = "in" | "begins" | "ends" | "contains";

/** The value of a pattern that a literal is: without letters it is one that respects case, which says the same and is easier to read. */
export function patternValue(part: Part, text: string): unknown {
  if (part === "contains") return { wildcard: `*${text.replaceAll(/[*\\]/g, String.raw`\$&`)}*` };
  const compared = hasCase(text) ? { "equals-ignore-case": text } : text;
  if (part === "in") return compared;
  return part === "begins" ? { prefix: compared } : { suffix: compared };
}

/** What is wrong with a literal in CESQL, whose strings have one escape, that of their own quote. */
export function sqlFault(text: string): string | null {
  if (text.includes("\\")) return "must not hold a backslash: whether CESQL reads it as an escape is not settled";
  return text.includes("'") && text.includes('"')
    ? "must not hold both kinds of quotes: CESQL has one around them"
    : null;
}

/**
 * A CESQL expression (CloudEvents SQL 1.0 §3) that holds when the attribute, as a string in lower case, is one of the literals, or has one
 * as the given part. With `negated` it holds when it is none. On an event without the attribute it is an error, so it holds for neither.
 */
export function sqlComparison(
  name: string,
  part: Part,
  { texts, negated }: { texts: readonly string[]; negated: boolean },
): string {
  const lower = texts.map((text) => text.toLowerCase());
  const not = negated ? "NOT " : "";
  if (part === "in") return `LOWER(${name}) ${not}IN (${lower.map(sqlString).join(", ")})`;
  const patterns = lower.map((text) => {
    const literal = text.replaceAll(/[%_]/g, String.raw`\$&`);
    return sqlString(`${part === "begins" ? "" : "%"}${literal}${part === "ends" ? "" : "%"}`);
  });
  return patterns.map((pattern) => `LOWER(${name}) ${not}LIKE ${pattern}`).join(negated ? " AND " : " OR ");
}

const sqlString = (text: string): string => (text.includes("'") ? `"${text}"` : `'${text}'`);

/** Words of CESQL: an attribute of that name cannot be told from them. */
const SQL_WORDS = ["and", "or", "xor", "not", "like", "in", "exists", "true", "false"];

/** Whether the name of an attribute is one in CESQL too. */
export const isSqlName = (name: string): boolean => /^[a-z][a-z0-9]*$/.test(name) && !SQL_WORDS.includes(name);

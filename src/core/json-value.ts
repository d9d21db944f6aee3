/** JSON values: read, and what one is. Pure; it looks at nothing inside. */

/** The text as a JSON value; undefined when it is none. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A JSON object whose members are not yet known. */
export type Members = Readonly<Record<string, unknown>>;

export const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `Array.isArray` without its `any`. */
export const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

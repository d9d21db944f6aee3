/** What a parsed JSON value is. Pure; it looks at nothing inside. */

/** A JSON object whose members are not yet known. */
export type Members = Readonly<Record<string, unknown>>;

export const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `Array.isArray` without its `any`. */
export const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** Which event types a person wants to see: names, with `*` for any text. Pure. */

export interface Patterns {
  readonly matches: (type: string) => boolean;
  /** The type, when it is but one: then the router can choose. Null: it is not, or all are wanted. */
  readonly only: string | null;
  readonly isAll: boolean;
}

/** All types, if there are none. */
export function patternsOf(texts: readonly string[]): Patterns {
  const [first, ...others] = texts;
  if (first === undefined) return { matches: () => true, only: null, isAll: true };
  const tests = texts.map(testOf);
  return {
    matches: (type) => tests.some((test) => test(type)),
    only: others.length === 0 && !first.includes("*") ? first : null,
    isAll: false,
  };
}

function testOf(text: string): (type: string) => boolean {
  if (!text.includes("*")) return (type) => type === text;
  const source = text
    .split("*")
    .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}/-]/g, String.raw`\$&`))
    .join(".*");
  const pattern = new RegExp(`^${source}$`, "su");
  return (type) => pattern.test(type);
}

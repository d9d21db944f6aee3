/** The event types that a key is limited to. Pure; who holds such a key is decided elsewhere. */

/** Types that a refusal names: a key can have a hundred. */
const NAMED_MAX = 10;

/** Whether an event of that type may be published: each entry is a type, or the beginning of types when it ends in `*`; null allows all. */
export function allowsType(types: readonly string[] | null, type: string): boolean {
  if (types === null) return true;
  return types.some((entry) => (entry.endsWith("*") ? type.startsWith(entry.slice(0, -1)) : entry === type));
}

/** The limit in words, to be read after "limited to". */
export function namedTypes(types: readonly string[]): string {
  const named = types.slice(0, NAMED_MAX).join(", ");
  return types.length > NAMED_MAX ? `${named} and ${types.length - NAMED_MAX} more` : named;
}

/** What an entry of the audit changed. */

type Document = Readonly<Record<string, unknown>> | null;

interface Difference {
  readonly member: string;
  /** Undefined: it was not there. */
  readonly before: unknown;
  readonly after: unknown;
}

/** They change with every change, and say nothing of it. */
const PASSING = new Set(["updated_at", "effective_at", "version"]);

/** The members that are not alike; of what was made or deleted, all. */
export function differencesOf(before: Document, after: Document): readonly Difference[] {
  const members = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...members]
    .map((member) => ({ member, before: before?.[member], after: after?.[member] }))
    .filter((one) => !PASSING.has(one.member) && JSON.stringify(one.before) !== JSON.stringify(one.after));
}

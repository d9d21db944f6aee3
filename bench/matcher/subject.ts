/** The matcher under test: how it is filled, and what it would refuse. */
import { parseWanted } from "../../src/core/filters/read-filters.ts";
import { createMatcher, type Matcher } from "../../src/core/matcher/matcher.ts";
import type { Wanted } from "../../src/core/subscription.ts";

/** An event in its JSON form: context attributes at the top level, `data` below, as `JSON.parse` gives it. */
export type Form = Readonly<Record<string, unknown>>;

/** A row of the database, as the isolate reads it: what is stored was checked when it was written. */
export const readWanted = (text: string): Wanted => JSON.parse(text);

/** A subscription's row: its id, and its `wanted` as JSON text. */
export interface SubjectRow {
  readonly id: string;
  readonly wanted: string;
}

/** A matcher with all of these subscriptions. */
export function loaded(rows: readonly SubjectRow[]): Matcher {
  const matcher = createMatcher();
  for (const { id, wanted } of rows) matcher.set(id, readWanted(wanted));
  return matcher;
}

/** Why a subscription with this `wanted` would be refused; null when it is accepted. */
export function refusal(text: string): string | null {
  const parsed = parseWanted(JSON.parse(text));
  return parsed.ok ? null : parsed.error.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()).join("; ");
}

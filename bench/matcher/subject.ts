/**
 * The matcher under test, in the shape that the whole bench uses. It is the only file here that knows how `src/` spells it:
 * where the two differ, the difference is bridged here.
 */
import { parseWanted } from "../../src/core/filter.ts";
import { createMatcher as createIndex } from "../../src/core/matcher.ts";
import type { Wanted } from "../../src/core/subscription.ts";

/** An event in its JSON form: context attributes at the top level, `data` below, as `JSON.parse` gives it. */
export type Form = Readonly<Record<string, unknown>>;

export interface Subject {
  set(id: string, wanted: Wanted): void;
  delete(id: string): void;
  match(form: Form): string[];
  readonly size: number;
}

export function createMatcher(): Subject {
  const index = createIndex();
  return {
    set: (id, wanted) => index.set(id, wanted),
    delete: (id) => index.delete(id),
    match: (form) => index.match(eventOf(form)),
    get size() {
      return index.size;
    },
  };
}

function eventOf(form: Form): Parameters<ReturnType<typeof createIndex>["match"]>[0] {
  const attributes: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(form)) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") attributes[name] = value;
  }
  const { source, type } = form;
  return { id: "", source: String(source), type: String(type), attributes, data: { kind: "none" } };
}

/** A row of the database, as the isolate reads it: what is stored was checked when it was written. */
export const readWanted = (text: string): Wanted => JSON.parse(text);

/** A subscription's row: its id, and its `wanted` as JSON text. */
export interface SubjectRow {
  readonly id: string;
  readonly wanted: string;
}

/** A matcher with all of these subscriptions. */
export function loaded(rows: readonly SubjectRow[]): Subject {
  const matcher = createMatcher();
  for (const { id, wanted } of rows) matcher.set(id, readWanted(wanted));
  return matcher;
}

/** Why a subscription with this `wanted` would be refused; null when it is accepted. */
export function refusal(text: string): string | null {
  const parsed = parseWanted(JSON.parse(text));
  return parsed.ok ? null : parsed.error.map(({ pointer, detail }) => `${pointer} ${detail}`.trim()).join("; ");
}

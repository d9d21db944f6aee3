/** An event as lists read it: without its body. */
import type { EventSummary } from "../ports.ts";

export interface EventRow {
  readonly bus: string;
  readonly seq: string;
  readonly event_id: string;
  readonly accepted_ms: number;
  readonly matched: number;
  readonly duplicates: number;
  readonly bytes: number;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  readonly erased_ms: number | null;
}

export function toSummary(row: EventRow): EventSummary {
  const { bus, seq, id, source, type, subject, matched, duplicates, bytes } = row;
  const { event_id: eventId, accepted_ms: acceptedMs, erased_ms: erasedMs } = row;
  return { eventId, bus, seq, id, source, type, subject, acceptedMs, matched, duplicates, bytes, erasedMs };
}

export const EVENT_COLUMNS = "bus, seq, event_id, accepted_ms, matched, duplicates, bytes, id, source, type, subject";

/** The body of the event of `row`, wherever it is; null when it is no longer on record. Primary key of `bodies`. */
export const bodyOf = (row: string): string =>
  `coalesce(${row}.body, (SELECT b.body FROM bodies b WHERE b.event_id = ${row}.event_id)) AS body`;

/** Collects the values of a statement that is put together from parts; the answer is the placeholder. */
export type Bind = (value: string | number) => string;

/** What the event of `row` must have, as conditions. What an erasure left says nothing any more but its type, and so matches nothing else. */
export function attributesAre(
  row: string,
  wanted: { readonly id?: string; readonly type?: string; readonly source?: string; readonly subject?: string },
  bind: Bind,
): string[] {
  return (["id", "type", "source", "subject"] as const).flatMap((name) => {
    const value = wanted[name];
    if (value === undefined) return [];
    const isIt = `${row}.${name} = ${bind(value)}`;
    return name === "type" ? [isIt] : [isIt, `${row}.id <> ''`];
  });
}

/** When the event of `row` was erased: its id is empty then, so that no other event is looked up. Primary key of `erasures`. */
export const erasedMs = (row: string): string =>
  `iif(${row}.id = '', (SELECT x.erased_ms FROM erasures x WHERE x.event_id = ${row}.event_id), NULL) AS erased_ms`;

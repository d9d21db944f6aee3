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

/** When the event of `row` was erased: its id is empty then, so that no other event is looked up. Primary key of `erasures`. */
export const erasedMs = (row: string): string =>
  `iif(${row}.id = '', (SELECT x.erased_ms FROM erasures x WHERE x.event_id = ${row}.event_id), NULL) AS erased_ms`;

/** An event on record as lists show it. */
import { timestamp, timestampOrNull } from "../core/timestamp.ts";
import type { EventOnRecord, EventSummary } from "../ports.ts";

/** What is erased is null, not empty. */
export const renderedEvent = (event: EventSummary) => ({
  event_id: event.eventId,
  bus: event.bus,
  id: event.erasedMs === null ? event.id : null,
  source: event.erasedMs === null ? event.source : null,
  type: event.type,
  subject: event.subject,
  accepted_at: timestamp(event.acceptedMs),
  matched: event.matched,
  duplicates: event.duplicates,
  bytes: event.bytes,
  erased_at: timestampOrNull(event.erasedMs),
});

/** The same with the event itself, as JSON: spliced in as the text it has, never parsed and written anew. */
export function eventInFull(event: EventOnRecord): string {
  const head = JSON.stringify(renderedEvent(event)).slice(0, -1);
  return `${head},"event":${event.body ?? "null"}}`;
}

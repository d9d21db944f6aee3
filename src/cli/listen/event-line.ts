/** How an event of the stream is shown. */
import type { StreamedEvent } from "../../client/api.ts";
import { harmless, type Output } from "../output.ts";
import type { Forwarded } from "./forwarding.ts";

/** `12:30:05  order.created  evt_…  eu/42` */
export function eventLine({ type, event_id, subject, source, accepted_at }: StreamedEvent, out: Output): string {
  const where = subject ?? source;
  const parts = [out.paint("faint", clockOf(accepted_at)), out.paint("strong", harmless(type)), event_id];
  return [...parts, ...(where === null ? [] : [harmless(where)])].join("  ");
}

/** The same with what the local server said: `200 12 ms`. */
export function forwardedLine(event: StreamedEvent, forwarded: Forwarded, out: Output): string {
  const { status, error, durationMs, attempts, isDelivered } = forwarded;
  const said = out.paint(isDelivered ? "good" : "bad", harmless(String(status ?? error)));
  const again = attempts === 1 ? "" : `  attempt ${attempts}`;
  return `${eventLine(event, out)}  ${said}  ${durationMs} ms${again}`;
}

/** What of an event stands in NDJSON, with what became of it. */
export const forwardedRow = (event: StreamedEvent, forwarded: Forwarded | null) => ({
  event_id: event.event_id,
  id: event.id,
  source: event.source,
  type: event.type,
  subject: event.subject,
  accepted_at: event.accepted_at,
  outcome: forwarded === null ? "skipped" : forwarded.isDelivered ? "delivered" : "failed",
  status: forwarded?.status ?? null,
  error: forwarded?.error ?? null,
  attempts: forwarded?.attempts ?? 0,
  duration_ms: forwarded?.durationMs ?? null,
});

/** Of the day, where the person is. */
const clockOf = (time: string): string => new Date(time).toLocaleTimeString("en-GB");

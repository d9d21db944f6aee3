/** How events go on record: the statement that claim, adopt and failed first attempts share. */
import { BUS_CLOCK_MS } from "../core/limits.ts";
import type { EventParcel } from "../core/parcel.ts";
import { noteArrivals } from "./arrivals.ts";
import { jsonParameters, PARAMETER_ROWS } from "./json-parameter.ts";

/**
 * Nothing of a deleted bus, or of an earlier one of its name, and nothing that was erased goes on record again, whatever messages still
 * carry of it.
 * Indexes: primary keys of `buses` and `erasures`, events_event_id.
 */
const INSERT_EVENTS = `
  INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type, subject, body)
  SELECT j.value ->> 'bus', j.value ->> 'seq', j.value ->> 'eventId', j.value ->> 'receipt', j.value ->> 'acceptedMs',
    j.value ->> 'hops', j.value ->> 'matched', j.value ->> 'bytes', j.value ->> 'id', j.value ->> 'source', j.value ->> 'type',
    j.value ->> 'subject', j.value ->> 'body'
  FROM ${PARAMETER_ROWS} j CROSS JOIN buses b ON b.bus = j.value ->> 'bus'
  WHERE b.status = 'active' AND b.created_ms <= j.value ->> 'acceptedMs' + ${BUS_CLOCK_MS} AND NOT EXISTS (SELECT 1 FROM erasures x WHERE x.event_id = j.value ->> 'eventId')
  ON CONFLICT DO NOTHING`;

/** Statements that put events on record, if they are not, and note in which order: as many as their bytes need. */
export function insertEvents(db: D1Database, events: readonly EventParcel[], now: number): D1PreparedStatement[] {
  const rows = events.map(
    ({ kind: _kind, part: _part, subscriptionIds: _subscriptionIds, logLevel: _logLevel, ...event }) => event,
  );
  const inserts = jsonParameters(rows).map((parameter) => db.prepare(INSERT_EVENTS).bind(parameter));
  return [noteArrivals(db, events, now), ...inserts];
}

/** For the event `e` of a statement: what it said is erased, and nobody may get it any more. Index: primary key. */
export const IS_ERASED = "EXISTS (SELECT 1 FROM erasures x WHERE x.event_id = e.event_id)";

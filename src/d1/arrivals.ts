/** In which order events come on record: the statement that notes it, and the places that it gives. */
import { BUS_CLOCK_MS } from "../core/limits.ts";
import type { EventParcel } from "../core/parcel.ts";

/**
 * The place of the first of several rows that go behind all others of the table; `now` is SQL for the clock's word. In the transaction nobody comes
 * between, and no clock turns it back.
 */
export const nextPlace = (table: "arrivals" | "settles", now: string): string =>
  `max(${now}, coalesce((SELECT max(place) FROM ${table}), 0) + 1)`;

/**
 * Events that the statements behind it put on record: what these pass over is passed over here. ?1 triples of bus, event id and time of acceptance, ?2 now.
 * Indexes: primary keys, events_event_id.
 */
const INSERT_ARRIVALS = `
  INSERT INTO arrivals (place, bus, events)
  SELECT ${nextPlace("arrivals", "?2")} + row_number() OVER (ORDER BY bus) - 1, bus, events FROM (
    SELECT bus, json_group_array(event_id) AS events FROM (
      SELECT DISTINCT b.bus, j.value ->> 1 AS event_id FROM json_each(?1) j CROSS JOIN buses b ON b.bus = j.value ->> 0
      WHERE b.status = 'active' AND b.created_ms <= j.value ->> 2 + ${BUS_CLOCK_MS}
        AND NOT EXISTS (SELECT 1 FROM erasures x WHERE x.event_id = j.value ->> 1)
        AND NOT EXISTS (SELECT 1 FROM events e WHERE e.event_id = j.value ->> 1))
    GROUP BY bus)`;

/** To be run right before the events are put on record. */
export function noteArrivals(db: D1Database, events: readonly EventParcel[], now: number): D1PreparedStatement {
  const triples = events.map(({ bus, eventId, acceptedMs }) => [bus, eventId, acceptedMs]);
  return db.prepare(INSERT_ARRIVALS).bind(JSON.stringify(triples), now);
}

/** What settles wrote, one row for each of them and bus: for streams of deliveries, and for metrics. */
import type { Settlement } from "../core/delivery.ts";
import { timeOf } from "../core/ids.ts";
import { nextPlace } from "./arrivals.ts";
import { PARAMETER_ROWS } from "./json-parameter.ts";

/** What a settlement leaves in `settles.entries`; null when no attempt was made and nothing ended. */
function settleEntry({ key, outcome, attempt }: Settlement): readonly unknown[] | null {
  const { subscriptionId, seq, run } = key;
  if (outcome.kind === "released") return null;
  const state = outcome.kind === "retry" ? "waiting" : outcome.kind;
  const succeeded = attempt === null ? null : Number(outcome.kind === "delivered");
  const deliveryMs =
    outcome.kind === "delivered" && attempt !== null
      ? // Two isolates' clocks: what was accepted by one may be delivered by the other before.
        Math.max(0, attempt.at_ms + attempt.duration_ms - timeOf(seq))
      : null;
  return [subscriptionId, seq, run, state, succeeded, attempt?.duration_ms ?? null, deliveryMs];
}

/** A row of ?1 below: bus, number of the attempt, entry; none when it leaves nothing. */
export function settledNews(settlement: Settlement): readonly (readonly unknown[])[] {
  const entry = settleEntry(settlement);
  return entry === null ? [] : [[settlement.key.bus, settlement.attempt?.attempt ?? null, entry]];
}

/**
 * ?1 rows of `settledNews`, ?2 the token, ?3 now: of those that T1 is about to write, which is why it comes right before. `isOurs` is T1's condition on a row
 * `o` and its delivery. Primary keys.
 */
export const insertSettles = (isOurs: string): string => `
  INSERT INTO settles (place, bus, lane, entries)
  SELECT ${nextPlace("settles", "?3")} + row_number() OVER (ORDER BY bus) - 1, bus,
    coalesce((SELECT lane FROM claims WHERE token = ?2), 'fast'), entries
  FROM (
    SELECT o.bus, json_group_array(json(o.entry)) AS entries FROM (
      SELECT value ->> 0 AS bus, value ->> 1 AS attempt, value -> 2 AS entry, value ->> '$[2][0]' AS subscription_id,
        value ->> '$[2][1]' AS seq, value ->> '$[2][2]' AS run, value ->> '$[2][3]' AS state
      FROM ${PARAMETER_ROWS}) o
    CROSS JOIN deliveries
      ON deliveries.bus = o.bus AND deliveries.seq = o.seq AND deliveries.subscription_id = o.subscription_id AND deliveries.run = o.run
    WHERE ${isOurs} GROUP BY o.bus)`;

/**
 * ?1 triples of bus, event id and entry, ?2 now. The delivery of an event that is on record is under its place there, which another publish may have made;
 * that of an event that is not has none, and an empty id. Index: events_event_id.
 */
const INSERT_FIRST = `
  INSERT INTO settles (place, bus, lane, entries)
  SELECT ${nextPlace("settles", "?2")} + row_number() OVER (ORDER BY bus) - 1, bus, 'fast', entries FROM (
    SELECT j.value ->> 0 AS bus, json_group_array(json_set(j.value -> 2, '$[1]',
      coalesce((SELECT e.seq FROM events e WHERE e.event_id = j.value ->> 1), j.value ->> '$[2][1]'))) AS entries
    FROM json_each(?1) j GROUP BY 1)`;

/** The same of first attempts that are not claimed, behind what puts their events on record. No row tells a repetition from news: it is noted twice. */
export function noteFirst(db: D1Database, settlements: readonly Settlement[], now: number): D1PreparedStatement[] {
  const triples = settlements.flatMap((settlement) => {
    const entry = settleEntry(settlement);
    const eventId = settlement.outcome.kind === "delivered" ? "" : settlement.eventId;
    return entry === null ? [] : [[settlement.key.bus, eventId, entry]];
  });
  return triples.length === 0 ? [] : [db.prepare(INSERT_FIRST).bind(JSON.stringify(triples), now)];
}

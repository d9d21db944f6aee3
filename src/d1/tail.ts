/**
 * What happens, in the order in which it is written: events that come on record, and deliveries that are settled. Both are read from a place onward, of
 * all buses together and a bounded number of rows at a time, so that a look that finds nothing gets further too.
 */
import { SETTLES_KEPT_MS, STREAM_ENTRIES_MAX, STREAM_ROWS_MAX, STREAMS_PER_BUS_MAX } from "../core/limits.ts";
import type { DeliveryOnRecord, EventOnRecord, Tail, TailPlace } from "../ports.ts";
import { DELIVERY_COLUMNS, type DeliveryRow, lastAttempt, toDelivery } from "./delivery-row.ts";
import { eventsAt } from "./event-bodies.ts";
import { attributesAre, bodyOf, erasedMs, EVENT_COLUMNS, type EventRow, toSummary } from "./event-summary.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

/** More than any row has entries: the place behind all of them. */
const ROW_END = 1_000_000;

/** The rows of one look: ?2 the place to begin with, which may have entries left. Primary key. */
const look = (table: "arrivals" | "settles"): string =>
  `SELECT * FROM ${table} WHERE place >= ?2 ORDER BY place LIMIT ${STREAM_ROWS_MAX}`;

/** How far it gets. ?1 is not used, so that both statements of a look are bound alike. */
const reach = (table: "arrivals" | "settles"): string =>
  `SELECT max(place) AS place, count(*) AS rows FROM (${look(table)}) WHERE ?1 = ?1`;

/** ?1 the bus, ?2 and ?3 the place, ?4 bytes. Indexes: primary keys, events_event_id. */
const newEvents = (kept: readonly string[]): string => `
  WITH asked AS MATERIALIZED (
    SELECT a.place, j.key AS n, e.seq, e.bytes FROM (${look("arrivals")}) a CROSS JOIN json_each(a.events) j
    CROSS JOIN events e ON e.event_id = j.value
    WHERE a.bus = ?1 AND (a.place, j.key) > (?2, ?3) AND ${["e.bus = ?1", ...kept].join(" AND ")}),
  sized AS (SELECT *, sum(bytes) OVER (ORDER BY place, n) - bytes AS before, row_number() OVER (ORDER BY place, n) AS nth FROM asked)
  SELECT z.place, z.n, (SELECT count(*) FROM asked) AS asked, ${EVENT_COLUMNS.replaceAll(/\w+/g, "e.$&")}, ${erasedMs("e")},
    ${bodyOf("e")}
  FROM sized z CROSS JOIN events e ON e.bus = ?1 AND e.seq = z.seq
  WHERE z.nth = 1 OR z.nth <= ${STREAM_ENTRIES_MAX} AND z.before + z.bytes <= ?4 ORDER BY z.place, z.n`;

/**
 * ?1 the bus, ?2 and ?3 the place, ?4 the subscription. Of a delivery that was settled twice in a row the state is the last one; what is not on record has its
 * place, and nothing else. Primary keys.
 */
const SETTLED_DELIVERIES = `
  WITH asked AS MATERIALIZED (
    SELECT s.place, j.key AS n, j.value ->> 1 AS seq, j.value ->> 2 AS run FROM (${look("settles")}) s CROSS JOIN json_each(s.entries) j
    WHERE s.bus = ?1 AND (s.place, j.key) > (?2, ?3) AND j.value ->> 0 = ?4 ORDER BY s.place, j.key LIMIT ${STREAM_ENTRIES_MAX} + 1)
  SELECT k.place, k.n, e.event_id, e.type, ${DELIVERY_COLUMNS.replaceAll(/\w+/g, "d.$&")},
    ${lastAttempt("d")}
  FROM asked k LEFT JOIN deliveries d ON d.bus = ?1 AND d.seq = k.seq AND d.subscription_id = ?4 AND d.run = k.run
  LEFT JOIN events e ON e.bus = d.bus AND e.seq = d.seq ORDER BY k.place, k.n`;

interface Placed {
  readonly place: number;
  readonly n: number;
}
type EventNews = EventRow & Placed & Pick<EventOnRecord, "body"> & { readonly asked: number };
type DeliveryNews = Placed & (DeliveryRow | { readonly event_id: null });

/** ?1 the bus, ?2 the id, ?3 now, ?4 the end of its lease. Primary key. */
const OPEN = `
  INSERT INTO streams (bus, id, lease_ms)
  SELECT ?1, ?2, ?4 WHERE (SELECT count(*) FROM streams WHERE bus = ?1 AND lease_ms > ?3) < ${STREAMS_PER_BUS_MAX}`;
const FORGET_OLD = "DELETE FROM streams WHERE bus = ?1 AND lease_ms <= ?2";

const placeOf = ({ place, n }: Placed): TailPlace => ({ place, n });

/** The tail over D1. All methods @throw Unavailable. */
export function d1Tail({ db }: { readonly db: D1Database }): Tail {
  /** One transaction: what is read is what is there up to where it gets. */
  async function lookFrom(
    table: "arrivals" | "settles",
    { bus, after, sql, values }: { bus: string; after: TailPlace; sql: string; values: readonly (string | number)[] },
  ): Promise<{ readonly found: D1Result | undefined; readonly end: TailPlace; readonly isFull: boolean }> {
    const [reached, found] = await weather(() =>
      db.batch([
        db.prepare(reach(table)).bind(bus, after.place),
        db.prepare(sql).bind(bus, after.place, after.n, ...values),
      ]),
    );
    const [end] = rowsOf<{ readonly place: number | null; readonly rows: number }>(reached);
    // Behind the last entry of its row, unless there is no row at that place any more.
    const place = end?.place ?? null;
    return { found, end: place === null ? after : { place, n: ROW_END }, isFull: end?.rows === STREAM_ROWS_MAX };
  }

  return {
    async end(of) {
      const table = of === "events" ? "arrivals" : "settles";
      const place = await weather(() => db.prepare(`SELECT max(place) AS place FROM ${table}`).first<number>("place"));
      return { place: place ?? 0, n: ROW_END };
    },

    async isOver({ place }, now) {
      const first = await weather(() => db.prepare("SELECT min(place) AS place FROM settles").first<number>("place"));
      // The newest of what is over is kept: before that something may have been removed, and behind it nothing was.
      return first !== null && first > place && first <= now - SETTLES_KEPT_MS;
    },

    async events(bus, filters, { after, bytesMax }) {
      const values: (string | number)[] = [bytesMax];
      // The three before it are the place's.
      const kept = attributesAre("e", filters, (value) => `?${values.push(value) + 3}`);
      const { found, end, isFull } = await lookFrom("arrivals", { bus, after, sql: newEvents(kept), values });
      const rows = rowsOf<EventNews>(found);
      const last = rows.at(-1);
      const isCut = last !== undefined && rows.length < last.asked;
      return {
        entries: rows.map((row) => ({ place: placeOf(row), event: { ...toSummary(row), body: row.body } })),
        place: isCut ? placeOf(last) : end,
        more: isCut || isFull,
      };
    },

    async deliveries(bus, subscriptionId, { after }) {
      const values = [subscriptionId];
      const { found, end, isFull } = await lookFrom("settles", { bus, after, sql: SETTLED_DELIVERIES, values });
      const rows = rowsOf<DeliveryNews>(found);
      const shown = rows.slice(0, STREAM_ENTRIES_MAX);
      const last = shown.at(-1);
      const isCut = last !== undefined && rows.length > shown.length;
      return {
        entries: shown.flatMap((row): { place: TailPlace; delivery: DeliveryOnRecord }[] =>
          row.event_id === null ? [] : [{ place: placeOf(row), delivery: toDelivery(row) }],
        ),
        place: isCut ? placeOf(last) : end,
        more: isCut || isFull,
      };
    },

    bodies: (bus, seqs) => eventsAt(db, bus, seqs),

    async open(bus, id, { now, leaseMs }) {
      const [, opened] = await weather(() =>
        db.batch([db.prepare(FORGET_OLD).bind(bus, now), db.prepare(OPEN).bind(bus, id, now, leaseMs)]),
      );
      return (opened?.meta.changes ?? 0) > 0;
    },

    async close(bus, id) {
      await weather(() => db.prepare("DELETE FROM streams WHERE bus = ?1 AND id = ?2").bind(bus, id).run());
    },
  };
}

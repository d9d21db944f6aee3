/**
 * The record of events and deliveries, for people: lists, single reads, the manual retry, erasure. Lists go from a place downward in
 * (bus, seq, subscription, run), which no write moves, so that pages neither repeat nor skip a row while others write.
 */
import { timeOrderedFloor } from "../core/ids.ts";
import { LIST_SCAN_ROWS_MAX } from "../core/limits.ts";
import type { DeliveryStatus, EventOnRecord, EventRecord } from "../ports.ts";
import { DELIVERY_COLUMNS, type DeliveryRow, lastAttempt, toDelivery } from "./delivery-row.ts";
import { eraseEvent } from "./erasure.ts";
import { eventBodies } from "./event-bodies.ts";
import {
  attributesAre,
  type Bind,
  bodyOf,
  erasedMs,
  EVENT_COLUMNS,
  type EventRow,
  toSummary,
} from "./event-summary.ts";
import { pageOf, type Scanned } from "./page.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

/** Sorts after every seq, subscription id and run: "~" is above all letters. */
const TOP = "~";

/** A place in the order of deliveries; events have only the first part. */
type Place = readonly [seq: string, subscriptionId: string, run: string];

const isBefore = (a: Place, b: Place): boolean => {
  const index = a.findIndex((part, at) => part !== b[at]);
  return index >= 0 && (a[index] ?? "") < (b[index] ?? "");
};

/** What a list may read: below `upper`, down to `floor`. The cursor and `until` are one bound, so that the index starts there. */
function bounds(
  filters: { readonly sinceMs?: number; readonly untilMs?: number },
  cursor: readonly string[] | null,
): { readonly upper: Place; readonly floor: string } {
  const [seq = "", subscriptionId = "", run = ""] = cursor ?? [TOP];
  const place: Place = [seq, subscriptionId, run];
  const until: Place = [filters.untilMs === undefined ? TOP : floorOf(filters.untilMs), "", ""];
  const floor = filters.sinceMs === undefined ? "" : floorOf(filters.sinceMs);
  return { upper: isBefore(place, until) ? place : until, floor };
}

/** Instants before 1970 have no place in the order: every event comes after them. */
const floorOf = (ms: number): string => timeOrderedFloor(Math.max(0, ms));

function binder(): { readonly bind: Bind; readonly values: readonly (string | number)[] } {
  const values: (string | number)[] = [];
  return { values, bind: (value) => `?${values.push(value)}` };
}

/**
 * A bounded scan, newest first, as a statement for `pageOf`. `source` is what the index answers, `kept` what the filter keeps of
 * it, a row `found`. Without a filter each row is kept, and the end of the scan need not be looked up: the page is full before.
 */
function scan(parts: {
  readonly columns: string;
  readonly source: string;
  readonly order: readonly string[];
  readonly kept: readonly string[];
}): string {
  const { columns, source, order, kept } = parts;
  const place = order.join(", ");
  const downward = `ORDER BY ${order.map((column) => `${column} DESC`).join(", ")}`;
  const rows = `SELECT ${columns} ${source} ${downward} LIMIT ${LIST_SCAN_ROWS_MAX}`;
  if (kept.length === 0) return `SELECT *, 1 AS matches, 0 AS ends FROM (${rows}) ${downward}`;
  return `
    WITH ending AS MATERIALIZED (SELECT ${place} ${source} ${downward} LIMIT 1 OFFSET ${LIST_SCAN_ROWS_MAX - 1})
    SELECT *, ${kept.join(" AND ")} AS matches, (${place}) IS (SELECT ${place} FROM ending) AS ends
      FROM (${rows}) found WHERE matches OR ends ${downward}`;
}

/** The unique index events_event_id. A body that travelled by reference is in `bodies`, by its primary key. */
const EVENT = `
  SELECT ${EVENT_COLUMNS}, ${erasedMs("events")},
    ${bodyOf("events")}
  FROM events WHERE event_id = ?1 AND bus = ?2`;

/** The unique index events_event_id, then the primary key of `deliveries`. */
const DELIVERY = `
  SELECT d.bus, d.seq, d.subscription_id, d.run, d.state, d.attempt, d.due_ms, d.cause, d.attempts, e.event_id, e.type
  FROM events e CROSS JOIN deliveries d ON d.bus = e.bus AND d.seq = e.seq
  WHERE e.event_id = ?1 AND e.bus = ?2 AND d.subscription_id = ?3 AND d.run = ?4`;

/** Whether the event of a delivery is erased. Primary keys of `events` and `erasures`. */
const IS_ERASED = `EXISTS (
  SELECT 1 FROM events e CROSS JOIN erasures x ON x.event_id = e.event_id WHERE e.bus = ?1 AND e.seq = ?2)`;

/**
 * Primary keys of `deliveries` and `claims`. Whoever was waiting keeps his place in the schedule; all others start it anew.
 * A deleted subscription's delivery waits too: its claim cancels it.
 */
const RETRY = `
  UPDATE deliveries SET tries = iif(state = 'waiting', tries, 0), state = 'waiting', due_ms = ?5, claim = NULL, cause = 'retry'
  WHERE bus = ?1 AND seq = ?2 AND subscription_id = ?3 AND run = ?4
    AND NOT (state = 'claimed'
      AND EXISTS (SELECT 1 FROM claims WHERE token = deliveries.claim AND lease_ms > ?5))
    AND NOT ${IS_ERASED}
  RETURNING state`;

/** Primary key, and those of RETRY. */
const READ_REFUSED = `
  SELECT ${IS_ERASED} AS erased FROM deliveries WHERE bus = ?1 AND seq = ?2 AND subscription_id = ?3 AND run = ?4`;

/** An open delivery is pending until an attempt of it has finished; then it is retrying. */
function statusIs(status: DeliveryStatus): string {
  const open = "state IN ('claimed', 'waiting')";
  if (status === "pending") return `${open} AND attempts = '[]'`;
  if (status === "retrying") return `${open} AND attempts <> '[]'`;
  return `state = '${status}'`;
}

type DeliveryFilters = Parameters<EventRecord["deliveries"]>[1];

/**
 * Where a list of deliveries looks, and what is left for the filter. Dead ones: index deliveries_dead. Held ones of a
 * subscription: index deliveries_held, whose order is that of the list while the subscription is one. All others: primary key.
 */
function deliverySource(
  bus: string,
  filters: DeliveryFilters,
  range: { readonly upper: Place; readonly floor: string; readonly bind: Bind },
): { readonly source: string; readonly kept: readonly string[] } {
  const { upper, floor, bind } = range;
  const [seq, subscriptionId, run] = upper.map(bind);
  const below = `bus = ${bind(bus)} AND (seq, subscription_id, run) < (${seq}, ${subscriptionId}, ${run}) AND seq >= ${bind(floor)}`;
  const ofSubscription =
    filters.subscriptionId === undefined ? [] : [`subscription_id = ${bind(filters.subscriptionId)}`];
  if (filters.status === "dead")
    return {
      source: `FROM deliveries INDEXED BY deliveries_dead WHERE state = 'dead' AND ${below}`,
      kept: ofSubscription,
    };
  if (filters.status === "held" && filters.subscriptionId !== undefined) {
    const held = `state = 'held' AND ${ofSubscription.join("")} AND seq <= ${seq} AND ${below}`;
    return { source: `FROM deliveries INDEXED BY deliveries_held WHERE ${held}`, kept: [] };
  }
  const ofStatus = filters.status === undefined ? [] : [statusIs(filters.status)];
  return { source: `FROM deliveries WHERE ${below}`, kept: [...ofSubscription, ...ofStatus] };
}

/** The record over D1. All methods @throw Unavailable. */
export function d1Record({ db }: { readonly db: D1Database }): EventRecord {
  /** The range of one event's deliveries, null when it is not on record. Unique index events_event_id. */
  async function seqOf(bus: string, eventId: string): Promise<string | null> {
    const statement = db.prepare("SELECT seq FROM events WHERE event_id = ?1 AND bus = ?2").bind(eventId, bus);
    return await weather(() => statement.first<string>("seq"));
  }

  return {
    async events(bus, filters, { limit, cursor }) {
      const { upper, floor } = bounds(filters, cursor);
      const { bind, values } = binder();
      // Primary key, read backward.
      const source = `FROM events WHERE bus = ${bind(bus)} AND seq < ${bind(upper[0])} AND seq >= ${bind(floor)}`;
      const kept = attributesAre("found", filters, bind);
      const scanned = scan({ columns: EVENT_COLUMNS, source, order: ["seq"], kept });
      const statement = `SELECT s.*, ${erasedMs("s")} FROM (${scanned} LIMIT ${bind(limit + 1)}) s ORDER BY s.seq DESC`;
      const { results } = await weather(() =>
        db
          .prepare(statement)
          .bind(...values)
          .all<EventRow & Scanned>(),
      );
      const { page, last } = pageOf(results, limit);
      return { rows: page.map(toSummary), next: last === null ? null : [last.seq] };
    },

    bodies(bus, span, { limit, bytesMax, cursor }) {
      const { upper, floor } = bounds(span, cursor);
      return eventBodies(db, bus, { below: upper[0], floor, limit, bytesMax });
    },

    async event(bus, eventId) {
      const statement = db.prepare(EVENT).bind(eventId, bus);
      const row = await weather(() => statement.first<EventRow & Pick<EventOnRecord, "body">>());
      return row === null ? null : { ...toSummary(row), body: row.body };
    },

    async deliveries(bus, filters, { limit, cursor }) {
      let range = bounds(filters, cursor);
      if (filters.eventId !== undefined) {
        const seq = await seqOf(bus, filters.eventId);
        if (seq === null || seq < range.floor) return { rows: [], next: null };
        const top: Place = [seq, TOP, TOP];
        range = { upper: isBefore(range.upper, top) ? range.upper : top, floor: seq };
      }
      const { bind, values } = binder();
      const { source, kept } = deliverySource(bus, filters, { ...range, bind });
      const order = ["seq", "subscription_id", "run"];
      const scanned = scan({ columns: `${DELIVERY_COLUMNS}, attempts`, source, order, kept });
      // The scan, then the primary key of `events` for each row of the page.
      const statement = `
        SELECT ${DELIVERY_COLUMNS.replaceAll(/\w+/g, "d.$&")}, e.event_id, e.type, d.matches, d.ends,
          ${lastAttempt("d")}
        FROM (${scanned} LIMIT ${bind(limit + 1)}) d CROSS JOIN events e ON e.bus = d.bus AND e.seq = d.seq
        ORDER BY d.seq DESC, d.subscription_id DESC, d.run DESC`;
      const { results } = await weather(() =>
        db
          .prepare(statement)
          .bind(...values)
          .all<DeliveryRow & Scanned>(),
      );
      const { page, last } = pageOf(results, limit);
      return { rows: page.map(toDelivery), next: last === null ? null : [last.seq, last.subscription_id, last.run] };
    },

    async delivery(bus, eventId, subscriptionId, run) {
      const statement = db.prepare(DELIVERY).bind(eventId, bus, subscriptionId, run);
      const row = await weather(() => statement.first<DeliveryRow>());
      return row === null ? null : toDelivery(row);
    },

    async retry({ bus, seq, subscriptionId, run }, now) {
      const [retried, refused] = await weather(() =>
        db.batch([
          db.prepare(RETRY).bind(bus, seq, subscriptionId, run, now),
          db.prepare(READ_REFUSED).bind(bus, seq, subscriptionId, run),
        ]),
      );
      if (rowsOf(retried).length > 0) return "waiting";
      const [there] = rowsOf<{ readonly erased: number }>(refused);
      if (there === undefined) return null;
      return there.erased === 1 ? "event-erased" : "attempt-in-progress";
    },

    erase: (bus, eventId, { now, note }) => eraseEvent(db, { bus, eventId, now, note }),
  };
}

/**
 * Retention and the size guard: which events go next, and how a page of them is closed and removed. A page is read first, then removed in
 * one batch(): what it names by primary key is looked at again there.
 */
import { timeOrderedFloor } from "../core/ids.ts";
import {
  EXPIRED_KEPT_MS,
  RETENTION_DAYS_MAX,
  RETENTION_DELIVERIES_MAX,
  RETENTION_EVENTS_MAX,
  SHORTEN_SPARES_MS,
} from "../core/limits.ts";
import { DAY_MS } from "../core/timestamp.ts";
import type { RetentionOptions, SweepLog } from "../ports.ts";
import { type DeliveryKeyRow, toKey } from "./delivery-key.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

/** The floor of bus `b`, below which its events are older than its retention: ?1 has one for each number of days, ?2 is the default. */
const FLOOR = `(?1 ->> CAST(min(coalesce(b.retention_days, ?2), ${RETENTION_DAYS_MAX}) AS INTEGER))`;

/** Both. */
function floorsFor({ now, retentionDays }: RetentionOptions): readonly [string, number] {
  const days = Array.from({ length: RETENTION_DAYS_MAX + 1 }, (_, index) => index);
  return [JSON.stringify(days.map((count) => timeOrderedFloor(now - count * DAY_MS))), retentionDays];
}

/**
 * One page of retention: events below the floor of their bus, after the place (?3 bus, ?4 seq), until their deliveries are as many as a
 * step may touch; a wider event is a page of its own. Deleted buses are purged instead. Index: primary key of events, per bus.
 */
const OLD_EVENTS = `
  SELECT bus, seq, event_id FROM (
    SELECT bus, seq, event_id, sum(matched) OVER (ORDER BY bus, seq) - matched AS before FROM (
      SELECT e.bus, e.seq, e.event_id, e.matched FROM buses b
      CROSS JOIN events e ON e.bus = b.bus AND e.seq < ${FLOOR} AND e.seq > iif(b.bus = ?3, ?4, '')
      WHERE b.bus >= ?3 AND b.status = 'active' ORDER BY b.bus, e.seq LIMIT ${RETENTION_EVENTS_MAX}))
  WHERE before < ${RETENTION_DELIVERIES_MAX} ORDER BY bus, seq`;

/** The first event of that bus after a seq. Primary key: a seek. */
const firstAfter = (bus: string, seq: string): string =>
  `(SELECT min(f.seq) FROM events f WHERE f.bus = ${bus} AND f.seq > ${seq})`;

/**
 * The oldest events of all buses after ?1 and below ?3, oldest first, until their bytes are ?2 or their deliveries as many as a step may touch. The
 * queue of the recursion, ordered by seq, merges the buses: it begins with the first event of each, and each that is taken puts the next
 * one of its bus there. So it costs a few seeks for each bus and each event taken, whatever is on record. Index: primary key of events.
 */
const OLDEST_EVENTS = `
  WITH RECURSIVE oldest (bus, seq) AS (
    SELECT e.bus, e.seq FROM buses b CROSS JOIN events e ON e.bus = b.bus AND e.seq = ${firstAfter("b.bus", "?1")}
    WHERE b.status = 'active'
    UNION ALL
    SELECT e.bus, e.seq FROM oldest o CROSS JOIN events e ON e.bus = o.bus AND e.seq = ${firstAfter("o.bus", "o.seq")}
    ORDER BY 2 LIMIT ${RETENTION_EVENTS_MAX})
  SELECT bus, seq, event_id, accepted_ms FROM (
    SELECT e.bus, e.seq, e.event_id, e.accepted_ms,
      sum(e.matched) OVER (ORDER BY e.seq) - e.matched AS deliveries, sum(e.bytes) OVER (ORDER BY e.seq) - e.bytes AS bytes
    FROM oldest o CROSS JOIN events e ON e.bus = o.bus AND e.seq = o.seq)
  WHERE deliveries < ${RETENTION_DELIVERIES_MAX} AND bytes < ?2 AND seq < ?3 ORDER BY seq`;

/** The page again, as JSON [bus, seq, event_id] each. */
const pageAt = (parameter: "?1" | "?3"): string =>
  `SELECT value ->> 0 AS bus, value ->> 1 AS seq, value ->> 2 AS event_id FROM json_each(${parameter})`;
const PAGE = pageAt("?1");
const OPEN = `('waiting', 'held', 'claimed')`;

/** An open delivery is closed before anything of it goes; one in flight is left for the next sweep. `due_ms` says when: ?2 now. */
const EXPIRE = `
  UPDATE deliveries SET state = 'dead', cause = 'expired', due_ms = ?2, claim = NULL
  WHERE (bus, seq, subscription_id, run) IN (
    SELECT d.bus, d.seq, d.subscription_id, d.run FROM (${PAGE}) p CROSS JOIN deliveries d ON d.bus = p.bus AND d.seq = p.seq
    WHERE d.state IN ${OPEN} AND NOT (d.state = 'claimed' AND EXISTS (
      SELECT 1 FROM claims c WHERE c.token = d.claim AND c.lease_ms > ?2))
    LIMIT ${RETENTION_DELIVERIES_MAX})
  RETURNING bus, seq, subscription_id, run, attempt`;

/** Deliveries of events of which nothing is open, and what expired was closed long enough ago (?2 = now - kept). */
const REMOVE_DELIVERIES = `
  DELETE FROM deliveries WHERE (bus, seq, subscription_id, run) IN (
    SELECT d.bus, d.seq, d.subscription_id, d.run FROM (${PAGE}) p CROSS JOIN deliveries d ON d.bus = p.bus AND d.seq = p.seq
    WHERE NOT EXISTS (
      SELECT 1 FROM deliveries kept WHERE kept.bus = p.bus AND kept.seq = p.seq
        AND (kept.state IN ${OPEN} OR kept.cause = 'expired' AND kept.due_ms > ?2))
    LIMIT ${RETENTION_DELIVERIES_MAX})`;

/** Events of the page that have no deliveries, or none any more. */
export const bare = (page: string): string => `SELECT p.bus, p.seq, p.event_id FROM (${page}) p
  WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.bus = p.bus AND d.seq = p.seq)`;
/** Not one that was stored again lately (after ?2): another publish of the event is about to be claimed, and its record will have it. */
const REMOVE_BODIES = `DELETE FROM bodies WHERE event_id IN (SELECT event_id FROM (${bare(PAGE)})) AND stored_ms < ?2`;
const REMOVE_EVENTS = `DELETE FROM events WHERE (bus, seq) IN (SELECT bus, seq FROM (${bare(PAGE)}))`;

/** Up to when events are going now that their bus would have kept. Primary keys. */
const NOTE_SHORTENED = `
  UPDATE meta SET shortened_ms = s.ms FROM (
    SELECT max(e.accepted_ms) + 1 AS ms FROM (${bare(pageAt("?3"))}) p
    CROSS JOIN buses b ON b.bus = p.bus
    CROSS JOIN events e ON e.bus = p.bus AND e.seq = p.seq
    WHERE e.seq >= ${FLOOR}) s
  WHERE meta.shortened_ms < s.ms`;

interface OldEvent {
  readonly bus: string;
  readonly seq: string;
  readonly event_id: string;
}

const pageOf = (events: readonly OldEvent[]): string =>
  JSON.stringify(events.map(({ bus, seq, event_id }) => [bus, seq, event_id]));

/** Removes what may go of a page. `keptSince`: what expired later than that stays. */
async function removePage(
  db: D1Database,
  events: readonly OldEvent[],
  options: {
    readonly now: number;
    readonly keptSince: number;
    /** Runs when the deliveries are gone and the events are not. */
    readonly between?: readonly D1PreparedStatement[];
  },
) {
  const { now, keptSince, between = [] } = options;
  const page = pageOf(events);
  const results = await weather(() =>
    db.batch([
      db.prepare(EXPIRE).bind(page, now),
      db.prepare(REMOVE_DELIVERIES).bind(page, keptSince),
      ...between,
      db.prepare(REMOVE_BODIES).bind(page, now - SHORTEN_SPARES_MS),
      db.prepare(REMOVE_EVENTS).bind(page),
    ]),
  );
  const eventIds = new Map(events.map(({ bus, seq, event_id }) => [`${bus} ${seq}`, event_id]));
  const expired = rowsOf<DeliveryKeyRow & { readonly attempt: number }>(results[0]).map((row) => {
    return { key: toKey(row), eventId: eventIds.get(`${row.bus} ${row.seq}`) ?? "", attempt: row.attempt };
  });
  const deliveries = results[1]?.meta.changes ?? 0;
  const last = results.at(-1)?.meta;
  return {
    expired,
    removed: last?.changes ?? 0,
    bytes: last?.size_after ?? 0,
    /** There is more of it than a step may touch: it is its own next page. */
    isCut: Math.max(expired.length, deliveries) >= RETENTION_DELIVERIES_MAX,
  };
}

/** The steps over D1. All methods @throw Unavailable. */
export function d1Retention({
  db,
}: {
  readonly db: D1Database;
}): Pick<SweepLog, "retain" | "database" | "noteDatabase" | "shorten"> {
  return {
    async retain(options, after) {
      const { now } = options;
      const old = db.prepare(OLD_EVENTS).bind(...floorsFor(options), after?.bus ?? "", after?.seq ?? "");
      const { results } = await weather(() => old.all<OldEvent>());
      const last = results.at(-1);
      if (last === undefined) return { expired: [], removed: 0, next: null };
      const keptSince = now - EXPIRED_KEPT_MS;
      const { expired, removed, isCut } = await removePage(db, results, { now, keptSince });
      const next = isCut ? (after ?? { bus: "", seq: "" }) : { bus: last.bus, seq: last.seq };
      return { expired, removed, next };
    },

    async database() {
      const read = db.prepare("SELECT database_bytes, failures_only FROM meta");
      const { results, meta } = await weather(() =>
        read.all<{ readonly database_bytes: number; readonly failures_only: number }>(),
      );
      const [noted] = results;
      if (noted === undefined) throw new Error("The table meta has lost its row");
      return { bytes: meta.size_after, notedBytes: noted.database_bytes, failuresOnly: noted.failures_only === 1 };
    },

    async noteDatabase({ bytes, failuresOnly }) {
      const note = db.prepare("UPDATE meta SET database_bytes = ?1, failures_only = ?2");
      await weather(() => note.bind(bytes, failuresOnly ? 1 : 0).run());
    },

    async shorten(options, after) {
      const { now, bytes } = options;
      const found = await weather(() =>
        db
          .prepare(OLDEST_EVENTS)
          .bind(after ?? "", bytes, timeOrderedFloor(now - SHORTEN_SPARES_MS))
          .all<OldEvent & { readonly accepted_ms: number }>(),
      );
      const last = found.results.at(-1);
      if (last === undefined)
        return { expired: [], removed: 0, reachedMs: null, bytes: found.meta.size_after, next: null };
      const between = [db.prepare(NOTE_SHORTENED).bind(...floorsFor(options), pageOf(found.results))];
      // What expired is not kept: with very many open deliveries nothing would go for a day.
      const step = await removePage(db, found.results, { now, keptSince: now, between });
      const { expired, removed } = step;
      return {
        expired,
        removed,
        reachedMs: last.accepted_ms,
        bytes: step.bytes,
        next: step.isCut ? (after ?? "") : last.seq,
      };
    },
  };
}

/**
 * The sweep's steps, each one D1 batch() and bounded: lost alarms and dead leases (S1-S3 of docs/delivery.md), held deliveries whose
 * subscription changed, retention, tombstones.
 */
import {
  EXPIRED_KEPT_MS,
  RETENTION_DELIVERIES_MAX,
  RETENTION_EVENTS_MAX,
  SWEEP_CLAIMS_MAX,
  SWEEP_GRACE_MS,
  SWEEP_REPEAT_MS,
  SWEEP_ROWS_MAX,
  TOMBSTONE_MS,
} from "../core/limits.ts";
import { timeOrderedFloor } from "../core/ids.ts";
import type { Wake } from "../core/wakes.ts";
import type { SweepLog } from "../ports.ts";
import { type DeliveryKeyRow, keyList, toKey } from "./delivery-key.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

/** Batches whose lease ended a grace ago, ?1 = now - grace. `claims` holds only what is in flight, so reading it whole is cheap. */
const DEAD_CLAIMS = `SELECT token, lease_ms, keys FROM claims WHERE lease_ms <= ?1 ORDER BY lease_ms, token LIMIT ${SWEEP_CLAIMS_MAX}`;

/** S1. Index: primary key of deliveries, from the keys of the claim. */
const FREE_DELIVERIES = `
  UPDATE deliveries SET state = 'waiting', due_ms = k.lease_ms, claim = NULL, cause = 'crashed'
  FROM (
    SELECT c.token, c.lease_ms, j.value ->> 0 AS bus, j.value ->> 1 AS seq, j.value ->> 2 AS subscription_id, j.value ->> 3 AS run
    FROM (${DEAD_CLAIMS}) c, json_each(c.keys) j) k
  WHERE deliveries.bus = k.bus AND deliveries.seq = k.seq AND deliveries.subscription_id = k.subscription_id
    AND deliveries.run = k.run AND deliveries.claim = k.token AND deliveries.state = 'claimed'`;

/** S2. */
const END_DEAD_CLAIMS = `DELETE FROM claims WHERE token IN (SELECT token FROM (${DEAD_CLAIMS})) RETURNING token`;

/**
 * S3: rows that are overdue. ?1 now - grace, ?2 the same for those that were woken or given back: their alarm is more likely late in a
 * queue than lost. Index: deliveries_due.
 */
const READ_OVERDUE = `
  SELECT bus, seq, subscription_id, run, due_ms FROM deliveries INDEXED BY deliveries_due
  WHERE state = 'waiting' AND due_ms <= ?1 AND (coalesce(cause, '') NOT IN ('overdue', 'released') OR due_ms <= ?2)
  ORDER BY due_ms LIMIT ${SWEEP_ROWS_MAX}`;

/** S3, when their alarms are sent: due again now. ?2 now, ?3 now - grace. Index: primary key. */
const MARK_WOKEN = `
  UPDATE deliveries SET due_ms = ?2, cause = 'overdue'
  FROM (SELECT value ->> 0 AS bus, value ->> 1 AS seq, value ->> 2 AS subscription_id, value ->> 3 AS run FROM json_each(?1)) k
  WHERE deliveries.bus = k.bus AND deliveries.seq = k.seq AND deliveries.subscription_id = k.subscription_id
    AND deliveries.run = k.run AND deliveries.state = 'waiting' AND deliveries.due_ms <= ?3`;

/**
 * Held rows whose subscription is active again, or gone. The subscriptions that hold anything are found by hopping through
 * deliveries_held, a few seeks each, whatever the size of their backlogs; a subscription is of one bus, that of any of its rows.
 */
const UNHOLD = `
  WITH RECURSIVE holders (id) AS (
    SELECT min(subscription_id) FROM deliveries INDEXED BY deliveries_held WHERE state = 'held'
    UNION ALL
    SELECT (SELECT min(subscription_id) FROM deliveries INDEXED BY deliveries_held
            WHERE state = 'held' AND subscription_id > holders.id)
    FROM holders WHERE holders.id IS NOT NULL),
  freed AS (
    SELECT d.bus, d.seq, d.subscription_id, d.run, s.status IS NOT 'active' AS gone
    FROM (
      SELECT id, (SELECT bus FROM deliveries INDEXED BY deliveries_held
                  WHERE state = 'held' AND subscription_id = holders.id LIMIT 1) AS bus
      FROM holders WHERE id IS NOT NULL) h
    LEFT JOIN subscriptions s ON s.bus = h.bus AND s.id = h.id
    CROSS JOIN deliveries d INDEXED BY deliveries_held ON d.state = 'held' AND d.subscription_id = h.id
    WHERE s.id IS NULL OR s.status IN ('active', 'deleted') LIMIT ${SWEEP_ROWS_MAX})
  UPDATE deliveries SET state = iif(f.gone, 'cancelled', 'waiting'), due_ms = iif(f.gone, NULL, ?1),
    cause = iif(f.gone, 'subscription-deleted', 'released')
  FROM freed f
  WHERE deliveries.bus = f.bus AND deliveries.seq = f.seq AND deliveries.subscription_id = f.subscription_id
    AND deliveries.run = f.run AND deliveries.state = 'held'
  RETURNING deliveries.bus, deliveries.seq, deliveries.subscription_id, deliveries.run, deliveries.due_ms`;

/**
 * One page of retention: events below the floor ?1, after the place (?2 bus, ?3 seq), until their deliveries are as many as a step
 * may touch; a wider event is a page of its own. Index: primary key of events, per bus.
 */
const OLD_EVENTS = `
  SELECT bus, seq, event_id FROM (
    SELECT bus, seq, event_id, sum(matched) OVER (ORDER BY bus, seq) - matched AS before FROM (
      SELECT e.bus, e.seq, e.event_id, e.matched FROM buses b
      CROSS JOIN events e ON e.bus = b.bus AND e.seq < ?1 AND e.seq > iif(b.bus = ?2, ?3, '')
      WHERE b.bus >= ?2 ORDER BY e.bus, e.seq LIMIT ${RETENTION_EVENTS_MAX}))
  WHERE before < ${RETENTION_DELIVERIES_MAX} ORDER BY bus, seq`;

/** The page again, ?1 as JSON [bus, seq, event_id] each. */
const PAGE = `SELECT value ->> 0 AS bus, value ->> 1 AS seq, value ->> 2 AS event_id FROM json_each(?1)`;
const OPEN = `('waiting', 'held', 'claimed')`;

/** An open delivery is closed before anything of it goes; one in flight is left for the next sweep. `due_ms` says when: ?2 now. */
const EXPIRE = `
  UPDATE deliveries SET state = 'dead', cause = 'expired', due_ms = ?2, claim = NULL
  WHERE (bus, seq, subscription_id, run) IN (
    SELECT d.bus, d.seq, d.subscription_id, d.run FROM (${PAGE}) p CROSS JOIN deliveries d ON d.bus = p.bus AND d.seq = p.seq
    WHERE d.state IN ${OPEN} AND NOT (d.state = 'claimed' AND EXISTS (
      SELECT 1 FROM claims c WHERE c.token = d.claim AND c.lease_ms > ?2))
    LIMIT ${RETENTION_DELIVERIES_MAX})`;

/** Deliveries of events of which nothing is open, and what expired was closed long enough ago (?2 = now - kept). */
const REMOVE_DELIVERIES = `
  DELETE FROM deliveries WHERE (bus, seq, subscription_id, run) IN (
    SELECT d.bus, d.seq, d.subscription_id, d.run FROM (${PAGE}) p CROSS JOIN deliveries d ON d.bus = p.bus AND d.seq = p.seq
    WHERE NOT EXISTS (
      SELECT 1 FROM deliveries kept WHERE kept.bus = p.bus AND kept.seq = p.seq
        AND (kept.state IN ${OPEN} OR kept.cause = 'expired' AND kept.due_ms > ?2))
    LIMIT ${RETENTION_DELIVERIES_MAX})`;

/** Events of the page that have no deliveries, or none any more. */
const BARE = `SELECT p.bus, p.seq, p.event_id FROM (${PAGE}) p
  WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.bus = p.bus AND d.seq = p.seq)`;
const REMOVE_BODIES = `DELETE FROM bodies WHERE event_id IN (SELECT event_id FROM (${BARE}))`;
const REMOVE_EVENTS = `DELETE FROM events WHERE (bus, seq) IN (SELECT bus, seq FROM (${BARE}))`;

/** Bodies of publishes that were never confirmed. Index: bodies_stored. */
const PURGE_BODIES = `
  DELETE FROM bodies WHERE event_id IN (
    SELECT b.event_id FROM bodies b WHERE b.stored_ms < ?1
      AND NOT EXISTS (SELECT 1 FROM events e WHERE e.event_id = b.event_id) LIMIT ${SWEEP_ROWS_MAX})`;

const tombstones = (table: "subscriptions" | "keys"): string =>
  `SELECT bus, id, version FROM ${table} WHERE status = 'deleted' AND updated_ms < ?1 ORDER BY updated_ms LIMIT ${SWEEP_ROWS_MAX}`;

/** Who knows less than the highest erased tombstone must load from 0. Index: subscriptions_deleted, keys_deleted. */
const RAISE_PURGED = `
  UPDATE meta SET purged_version = max(purged_version,
    coalesce((SELECT max(version) FROM (${tombstones("subscriptions")})), 0),
    coalesce((SELECT max(version) FROM (${tombstones("keys")})), 0))
  WHERE EXISTS (${tombstones("subscriptions")}) OR EXISTS (${tombstones("keys")})`;
const PURGE_SUBSCRIPTIONS = `DELETE FROM subscriptions WHERE (bus, id) IN (SELECT bus, id FROM (${tombstones("subscriptions")}))`;
const PURGE_KEYS = `DELETE FROM keys WHERE (bus, id) IN (SELECT bus, id FROM (${tombstones("keys")}))`;

interface WokenRow extends DeliveryKeyRow {
  /** Null: it is not to be woken (cancelled). */
  readonly due_ms: number | null;
}

/** On the slow lane: what the sweep wakes is late already, often many at once, and must not hold up what is new. */
function toWakes(rows: readonly WokenRow[]): Wake[] {
  return rows.flatMap((row) => (row.due_ms === null ? [] : [{ key: toKey(row), slow: true, dueMs: row.due_ms }]));
}

interface OldEvent {
  readonly bus: string;
  readonly seq: string;
  readonly event_id: string;
}

const changesOf = (result: D1Result | undefined): number => result?.meta.changes ?? 0;

export function d1Sweep({ db }: { db: D1Database }): SweepLog {
  return {
    async lostAlarms(now) {
      const before = now - SWEEP_GRACE_MS;
      const [freed, ended, overdue] = await weather(() =>
        db.batch([
          db.prepare(FREE_DELIVERIES).bind(before),
          db.prepare(END_DEAD_CLAIMS).bind(before),
          db.prepare(READ_OVERDUE).bind(before, now - SWEEP_REPEAT_MS),
        ]),
      );
      const wakes = toWakes(rowsOf<WokenRow>(overdue));
      const more = wakes.length === SWEEP_ROWS_MAX || rowsOf(ended).length === SWEEP_CLAIMS_MAX;
      return { freed: changesOf(freed), wakes, more };
    },

    async woken(wakes, now) {
      const keys = JSON.stringify(wakes.map(({ key }) => keyList(key)));
      await weather(() =>
        db
          .prepare(MARK_WOKEN)
          .bind(keys, now, now - SWEEP_GRACE_MS)
          .run(),
      );
    },

    async unhold(now) {
      const result = await weather(() => db.prepare(UNHOLD).bind(now).run());
      const rows = rowsOf<WokenRow>(result);
      const resumed = toWakes(rows);
      return { resumed, cancelled: rows.length - resumed.length, more: rows.length === SWEEP_ROWS_MAX };
    },

    async retain(beforeMs, now, after) {
      const floor = timeOrderedFloor(beforeMs);
      const found = await weather(() =>
        db
          .prepare(OLD_EVENTS)
          .bind(floor, after?.bus ?? "", after?.seq ?? "")
          .all<OldEvent>(),
      );
      const last = found.results.at(-1);
      if (last === undefined) return { expired: 0, removed: 0, next: null };
      const page = JSON.stringify(found.results.map(({ bus, seq, event_id }) => [bus, seq, event_id]));
      const closedBefore = now - EXPIRED_KEPT_MS;
      const [expired, deliveries, , events] = await weather(() =>
        db.batch([
          db.prepare(EXPIRE).bind(page, now),
          db.prepare(REMOVE_DELIVERIES).bind(page, closedBefore),
          db.prepare(REMOVE_BODIES).bind(page),
          db.prepare(REMOVE_EVENTS).bind(page),
        ]),
      );
      const isCut = Math.max(changesOf(expired), changesOf(deliveries)) >= RETENTION_DELIVERIES_MAX;
      return {
        expired: changesOf(expired),
        removed: changesOf(events),
        // What one step could not finish is its own next page.
        next: isCut ? (after ?? { bus: "", seq: "" }) : { bus: last.bus, seq: last.seq },
      };
    },

    async purge(beforeMs, now) {
      const tombstonesBefore = now - TOMBSTONE_MS;
      const [bodies, , subscriptions, keys] = await weather(() =>
        db.batch([
          db.prepare(PURGE_BODIES).bind(beforeMs),
          db.prepare(RAISE_PURGED).bind(tombstonesBefore),
          db.prepare(PURGE_SUBSCRIPTIONS).bind(tombstonesBefore),
          db.prepare(PURGE_KEYS).bind(tombstonesBefore),
        ]),
      );
      const counts = [bodies, subscriptions, keys].map(changesOf);
      return {
        bodies: changesOf(bodies),
        tombstones: changesOf(subscriptions) + changesOf(keys),
        more: counts.some((count) => count >= SWEEP_ROWS_MAX),
      };
    },
  };
}

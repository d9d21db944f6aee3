/**
 * The sweep's steps, each one D1 batch() and bounded: lost alarms and dead leases (S1-S3 of docs/delivery.md), held deliveries whose
 * subscription changed, retention, tombstones.
 */
import {
  EXPIRED_KEPT_MS,
  RETENTION_EVENTS_MAX,
  SLOW_ATTEMPT_MS,
  SWEEP_CLAIMS_MAX,
  SWEEP_GRACE_MS,
  SWEEP_ROWS_MAX,
  TOMBSTONE_MS,
} from "../core/limits.ts";
import { timeOrderedFloor } from "../core/ids.ts";
import type { Wake } from "../core/wakes.ts";
import type { SweepLog } from "../ports.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

/** Batches whose lease ended a grace ago, ?1 = now - grace. `claims` holds only what is in flight, so reading it whole is cheap. */
const DEAD_CLAIMS = `SELECT token, lease_ms, keys FROM claims WHERE lease_ms <= ?1 ORDER BY lease_ms LIMIT ${SWEEP_CLAIMS_MAX}`;

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

/** Whether a wake-up belongs on the slow lane: the last attempt took long or timed out, or the row was given back. */
const SLOW = `(coalesce(cause, '') = 'released'
  OR coalesce(attempts ->> '$[#-1].duration_ms', 0) > ${SLOW_ATTEMPT_MS}
  OR substr(coalesce(attempts ->> '$[#-1].error', ''), 1, 7) = 'timeout')`;
const WOKEN = `RETURNING bus, seq, subscription_id, run, due_ms, ${SLOW} AS slow`;

/** S3: overdue rows are due again now, so that the next sweep does not wake them a second time. Index: deliveries_due. */
const TAKE_OVERDUE = `
  UPDATE deliveries SET due_ms = ?2 WHERE (bus, seq, subscription_id, run) IN (
    SELECT bus, seq, subscription_id, run FROM deliveries INDEXED BY deliveries_due
    WHERE state = 'waiting' AND due_ms <= ?1 ORDER BY due_ms LIMIT ${SWEEP_ROWS_MAX})
  ${WOKEN}`;

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
  RETURNING deliveries.bus, deliveries.seq, deliveries.subscription_id, deliveries.run, deliveries.due_ms, 0 AS slow`;

/** One page of retention: events below the floor ?1, after the place (?2 bus, ?3 seq). Index: primary key of events, per bus. */
const OLD_EVENTS = `
  SELECT e.bus, e.seq, e.event_id FROM buses b
  CROSS JOIN events e ON e.bus = b.bus AND e.seq < ?1 AND e.seq > iif(b.bus = ?2, ?3, '')
  WHERE b.bus >= ?2 ORDER BY e.bus, e.seq LIMIT ${RETENTION_EVENTS_MAX}`;

const LEASE_IS_LIVE = `deliveries.state = 'claimed' AND EXISTS (
  SELECT 1 FROM claims c WHERE c.token = deliveries.claim AND c.lease_ms > ?4)`;

/** An open delivery is closed before anything of it goes; one in flight is left for the next sweep. `due_ms` says when: ?4 now. */
const EXPIRE = `
  UPDATE deliveries SET state = 'dead', cause = 'expired', due_ms = ?4, claim = NULL
  WHERE (bus, seq) IN (SELECT bus, seq FROM (${OLD_EVENTS}))
    AND state IN ('waiting', 'held', 'claimed') AND NOT (${LEASE_IS_LIVE})`;

/** Events of the page that may go: nothing of them is open, and what expired was closed long enough ago (?4 = now - kept). */
const REMOVABLE = `
  SELECT o.bus, o.seq, o.event_id FROM (${OLD_EVENTS}) o WHERE NOT EXISTS (
    SELECT 1 FROM deliveries d WHERE d.bus = o.bus AND d.seq = o.seq
      AND (d.state IN ('waiting', 'held', 'claimed') OR d.cause = 'expired' AND d.due_ms > ?4))`;

const REMOVE_BODIES = `DELETE FROM bodies WHERE event_id IN (SELECT event_id FROM (${REMOVABLE}))`;
const REMOVE_DELIVERIES = `DELETE FROM deliveries WHERE (bus, seq) IN (SELECT bus, seq FROM (${REMOVABLE}))`;
const REMOVE_EVENTS = `DELETE FROM events WHERE (bus, seq) IN (SELECT bus, seq FROM (${REMOVABLE}))`;

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

interface WokenRow {
  readonly bus: string;
  readonly seq: string;
  readonly subscription_id: string;
  readonly run: string;
  /** Null: it is not to be woken (cancelled). */
  readonly due_ms: number | null;
  readonly slow: number;
}

function toWakes(rows: readonly WokenRow[]): Wake[] {
  return rows.flatMap(({ bus, seq, subscription_id: subscriptionId, run, due_ms: dueMs, slow }) =>
    dueMs === null ? [] : [{ key: { bus, seq, subscriptionId, run }, slow: slow === 1, dueMs }],
  );
}

const changesOf = (result: D1Result | undefined): number => result?.meta.changes ?? 0;

export function d1Sweep({ db }: { db: D1Database }): SweepLog {
  return {
    async lostAlarms(now) {
      const before = now - SWEEP_GRACE_MS;
      const [freed, ended, taken] = await weather(() =>
        db.batch([
          db.prepare(FREE_DELIVERIES).bind(before),
          db.prepare(END_DEAD_CLAIMS).bind(before),
          db.prepare(TAKE_OVERDUE).bind(before, now),
        ]),
      );
      const wakes = toWakes(rowsOf<WokenRow>(taken));
      const more = wakes.length === SWEEP_ROWS_MAX || rowsOf(ended).length === SWEEP_CLAIMS_MAX;
      return { freed: changesOf(freed), wakes, more };
    },

    async unhold(now) {
      const result = await weather(() => db.prepare(UNHOLD).bind(now).run());
      const rows = rowsOf<WokenRow>(result);
      const resumed = toWakes(rows);
      return { resumed, cancelled: rows.length - resumed.length, more: rows.length === SWEEP_ROWS_MAX };
    },

    async retain(beforeMs, now, after) {
      const place = [timeOrderedFloor(beforeMs), after?.bus ?? "", after?.seq ?? ""] as const;
      const closedBefore = now - EXPIRED_KEPT_MS;
      const results = await weather(() =>
        db.batch([
          db.prepare(OLD_EVENTS).bind(...place),
          db.prepare(EXPIRE).bind(...place, now),
          db.prepare(REMOVE_BODIES).bind(...place, closedBefore),
          // Events last: the page is read from them, and one without deliveries stays removable.
          db.prepare(REMOVE_DELIVERIES).bind(...place, closedBefore),
          db.prepare(REMOVE_EVENTS).bind(...place, closedBefore),
        ]),
      );
      const page = rowsOf<{ bus: string; seq: string }>(results[0]);
      const last = page.at(-1);
      return {
        expired: changesOf(results[1]),
        removed: changesOf(results[4]),
        next: page.length === RETENTION_EVENTS_MAX && last !== undefined ? { bus: last.bus, seq: last.seq } : null,
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

/**
 * The sweep's steps, each one D1 batch() and bounded. Here: lost alarms and dead leases (S1-S3 of docs/delivery.md), and held deliveries
 * whose subscription changed. Retention, erasure and purges are in files of their own.
 */
import { SWEEP_CLAIMS_MAX, SWEEP_GRACE_MS, SWEEP_REPEAT_MS, SWEEP_ROWS_MAX } from "../core/limits.ts";
import type { Wake } from "../core/wakes.ts";
import type { SweepLog } from "../ports.ts";
import { type DeliveryKeyRow, keyList, toKey } from "./delivery-key.ts";
import { eraseRest } from "./erasure.ts";
import { readySinks } from "./health.ts";
import { d1Lag } from "./lag.ts";
import { d1MetricFold } from "./metric-fold.ts";
import { d1Purge } from "./purge.ts";
import { d1Retention } from "./retention.ts";
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
  WHERE state = 'waiting' AND due_ms <= ?1
    AND (coalesce(cause, '') NOT IN ('overdue', 'released', 'resumed', 'forwarded', 'crowded', 'rate') OR due_ms <= ?2)
  ORDER BY due_ms LIMIT ${SWEEP_ROWS_MAX}`;

/** S3, when their alarms are sent: due again now. ?2 now, ?3 now - grace. Index: primary key. */
const MARK_WOKEN = `
  UPDATE deliveries SET due_ms = ?2, cause = 'overdue'
  FROM (SELECT value ->> 0 AS bus, value ->> 1 AS seq, value ->> 2 AS subscription_id, value ->> 3 AS run FROM json_each(?1)) k
  WHERE deliveries.bus = k.bus AND deliveries.seq = k.seq AND deliveries.subscription_id = k.subscription_id
    AND deliveries.run = k.run AND deliveries.state = 'waiting' AND deliveries.due_ms <= ?3`;

/**
 * Held rows whose subscription is active again, or gone; one that goes on from a later place skips those before it. The subscriptions that hold anything are found by hopping through
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
    SELECT d.bus, d.seq, d.subscription_id, d.run,
      CASE WHEN s.status IS NOT 'active' THEN 'subscription-deleted' WHEN d.seq < s.resume_from THEN 'skipped' END AS ended
    FROM (
      SELECT id, (SELECT bus FROM deliveries INDEXED BY deliveries_held
                  WHERE state = 'held' AND subscription_id = holders.id LIMIT 1) AS bus
      FROM holders WHERE id IS NOT NULL) h
    LEFT JOIN subscriptions s ON s.bus = h.bus AND s.id = h.id
    CROSS JOIN deliveries d INDEXED BY deliveries_held ON d.state = 'held' AND d.subscription_id = h.id
    WHERE s.id IS NULL OR s.status IN ('active', 'deleted') LIMIT ${SWEEP_ROWS_MAX})
  UPDATE deliveries SET state = iif(f.ended IS NULL, 'waiting', 'cancelled'), due_ms = iif(f.ended IS NULL, ?1, NULL),
    cause = coalesce(f.ended, 'released')
  FROM freed f
  WHERE deliveries.bus = f.bus AND deliveries.seq = f.seq AND deliveries.subscription_id = f.subscription_id
    AND deliveries.run = f.run AND deliveries.state = 'held'
  RETURNING deliveries.bus, deliveries.seq, deliveries.subscription_id, deliveries.run, deliveries.due_ms`;

interface WokenRow extends DeliveryKeyRow {
  /** Null: it is not to be woken (cancelled). */
  readonly due_ms: number | null;
}

/** On the slow lane: what the sweep wakes is late already, often many at once, and must not hold up what is new. */
function toWakes(rows: readonly WokenRow[]): Wake[] {
  return rows.flatMap((row) => (row.due_ms === null ? [] : [{ key: toKey(row), slow: true, dueMs: row.due_ms }]));
}

const changesOf = (result: D1Result | undefined): number => result?.meta.changes ?? 0;

/** The sweep over D1. All methods @throw Unavailable. */
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

    readySinks: (before, after) => readySinks(db, before, after),
    erase: () => eraseRest(db),
    ...d1Lag({ db }),
    ...d1MetricFold({ db }),
    ...d1Retention({ db }),
    ...d1Purge({ db }),
  };
}

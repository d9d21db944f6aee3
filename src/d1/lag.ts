/**
 * How far behind subscriptions are: the oldest delivery of each that waits. The subscriptions of which something waits are found by hopping through
 * deliveries_waiting, a few seeks each, whatever the size of their backlogs.
 */
import { LAG_SUBSCRIPTIONS_MAX } from "../core/limits.ts";
import type { SweepLog } from "../ports.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

/** The first of a subscription in the index. Index: deliveries_waiting. */
const first = (column: string, subscription: string): string => `
  (SELECT ${column} FROM deliveries INDEXED BY deliveries_waiting
   WHERE state = 'waiting' AND subscription_id = ${subscription} ORDER BY bus, seq LIMIT 1)`;

/** ?1 accepted before, ?2 the subscription behind which it begins. `next` is the last that was looked at. Indexes: deliveries_waiting, primary keys. */
const LAGGING = `
  WITH RECURSIVE waiting (id, place) AS (
    SELECT (SELECT min(subscription_id) FROM deliveries INDEXED BY deliveries_waiting WHERE state = 'waiting' AND subscription_id > ?2), 1
    UNION ALL
    SELECT (SELECT min(subscription_id) FROM deliveries INDEXED BY deliveries_waiting
            WHERE state = 'waiting' AND subscription_id > waiting.id), place + 1
    FROM waiting WHERE waiting.id IS NOT NULL AND place < ${LAG_SUBSCRIPTIONS_MAX}),
  oldest AS (
    SELECT id, place, ${first("bus", "waiting.id")} AS bus, ${first("seq", "waiting.id")} AS seq FROM waiting WHERE id IS NOT NULL)
  SELECT o.id, o.bus, o.place, e.accepted_ms AS oldest_ms,
    e.accepted_ms < ?1 AND s.status = 'active' AND coalesce(h.lagging, 0) = 0 AS lags
  FROM oldest o
  LEFT JOIN events e ON e.bus = o.bus AND e.seq = o.seq
  LEFT JOIN subscriptions s ON s.bus = o.bus AND s.id = o.id
  LEFT JOIN health h ON h.bus = o.bus AND h.subscription_id = o.id
  ORDER BY o.place`;

/** ?1 pairs of bus and subscription. Primary key. */
const TOLD = `
  INSERT INTO health (bus, subscription_id, lagging)
  SELECT s.bus, s.id, 1 FROM json_each(?1) j
  CROSS JOIN subscriptions s ON s.bus = j.value ->> 0 AND s.id = j.value ->> 1 AND s.status <> 'deleted' WHERE true
  ON CONFLICT DO UPDATE SET lagging = 1`;

/** ?1 accepted before. Indexes: health_lagging, deliveries_waiting, primary key of events. */
const CAUGHT_UP = `
  UPDATE health INDEXED BY health_lagging SET lagging = 0
  WHERE lagging = 1 AND NOT EXISTS (
    SELECT 1 FROM events e WHERE e.bus = health.bus AND e.accepted_ms < ?1
      AND e.seq = (SELECT seq FROM deliveries INDEXED BY deliveries_waiting
        WHERE state = 'waiting' AND subscription_id = health.subscription_id AND bus = health.bus ORDER BY seq LIMIT 1))`;

interface LagRow {
  readonly id: string;
  readonly bus: string;
  readonly place: number;
  readonly oldest_ms: number | null;
  readonly lags: number | null;
}

/** The steps over D1. All methods @throw Unavailable. */
export function d1Lag({ db }: { readonly db: D1Database }): Pick<SweepLog, "lagging" | "told" | "caughtUp"> {
  return {
    async lagging(before, after) {
      const result = await weather(() =>
        db
          .prepare(LAGGING)
          .bind(before, after ?? "")
          .all(),
      );
      const rows = rowsOf<LagRow>(result);
      const last = rows.at(-1);
      return {
        lagging: rows.flatMap(({ bus, id, oldest_ms: oldestMs, lags }) =>
          lags === 1 && oldestMs !== null ? [{ bus, subscriptionId: id, oldestMs }] : [],
        ),
        next: last?.place === LAG_SUBSCRIPTIONS_MAX ? last.id : null,
      };
    },

    async told(lagging) {
      const pairs = JSON.stringify(lagging.map(({ bus, subscriptionId }) => [bus, subscriptionId]));
      await weather(() => db.prepare(TOLD).bind(pairs).run());
    },

    async caughtUp(before) {
      await weather(() => db.prepare(CAUGHT_UP).bind(before).run());
    },
  };
}

/** The read side of health, for people: how one sink is doing and how far it is behind, and which of a bus are in trouble. It writes nothing. */
import type { Breaker, Lane } from "../core/health.ts";
import { LIST_SCAN_ROWS_MAX } from "../core/limits.ts";
import type { HealthRecord, SinkHealth } from "../ports.ts";
import { ON_LIVING_BUS } from "./bus-row.ts";
import { pageOf, type Scanned } from "./page.ts";
import { weather } from "./unavailable.ts";

interface HealthRow {
  readonly bus: string;
  readonly subscription_id: string;
  readonly lane: Lane;
  readonly breaker: Breaker;
  readonly latency_ms: number | null;
  readonly failure_rate: number;
  readonly failures: number;
  readonly failing_since_ms: number | null;
  readonly opened_ms: number | null;
  readonly probe_ms: number | null;
  readonly paused_until_ms: number;
}

const toDomain = (row: HealthRow): SinkHealth => ({
  bus: row.bus,
  subscriptionId: row.subscription_id,
  lane: row.lane,
  breaker: row.breaker,
  latencyMs: row.latency_ms,
  failureRate: row.failure_rate,
  failures: row.failures,
  failingSinceMs: row.failing_since_ms,
  openedMs: row.opened_ms,
  probeMs: row.probe_ms,
  pausedUntilMs: row.paused_until_ms,
});

/** The oldest delivery in that state. The first entry of an index that has only those, the subscription's in order. */
const oldestIn = (state: "waiting" | "held"): string => `
  SELECT * FROM (
    SELECT seq FROM deliveries INDEXED BY deliveries_${state}
    WHERE state = '${state}' AND subscription_id = ?2 AND bus = ?1 ORDER BY seq, run LIMIT 1)`;

/** The oldest that is in flight: by the keys of the few batches that name the subscription at all, then the primary key. */
const OLDEST_CLAIMED = `
  SELECT min(d.seq) FROM claims c CROSS JOIN json_each(c.keys) j
  CROSS JOIN deliveries d ON d.bus = j.value ->> 0 AND d.seq = j.value ->> 1 AND d.subscription_id = ?2 AND d.run = j.value ->> 3
  WHERE instr(c.keys, ?2) > 0 AND j.value ->> 0 = ?1 AND j.value ->> 2 = ?2 AND d.state = 'claimed' AND d.claim = c.token`;

/** When the oldest event was accepted whose delivery has not ended; null without one. Three rows at the most, by the primary key of `events`. */
const OLDEST_MS = `
  SELECT min(e.accepted_ms)
  FROM (${oldestIn("waiting")} UNION ALL ${oldestIn("held")} UNION ALL ${OLDEST_CLAIMED}) o
  CROSS JOIN events e ON e.bus = ?1 AND e.seq = o.seq`;

/** Before its first attempt a sink has no row, and is well. Primary keys of `subscriptions`, `buses` and `health`. */
const GET = `
  SELECT s.bus, s.id AS subscription_id, coalesce(h.lane, 'fast') AS lane, coalesce(h.breaker, 'closed') AS breaker, h.latency_ms,
    coalesce(h.failure_rate, 0) AS failure_rate, coalesce(h.failures, 0) AS failures, h.failing_since_ms, h.opened_ms, h.probe_ms,
    coalesce(h.paused_until_ms, 0) AS paused_until_ms, (${OLDEST_MS}) AS oldest_ms
  FROM subscriptions s LEFT JOIN health h ON h.bus = s.bus AND h.subscription_id = s.id
  WHERE s.bus = ?1 AND s.id = ?2 AND s.status <> 'deleted' AND ${ON_LIVING_BUS}`;

/** At ?5. */
const IN_TROUBLE = "(lane = 'slow' OR breaker <> 'closed' OR failures > 0 OR paused_until_ms > ?5)";

/** What health_troubled has: a pause may be over. */
const TROUBLED = `health INDEXED BY health_troubled
  WHERE (lane = 'slow' OR breaker <> 'closed' OR failures > 0 OR paused_until_ms > 0) AND bus = ?1 AND subscription_id < ?2`;

/** Newest subscription first; those that the filter drops are passed over. Index: health_troubled, read backward. */
const LIST = `
  WITH ending AS MATERIALIZED (SELECT subscription_id FROM ${TROUBLED} ORDER BY subscription_id DESC LIMIT 1 OFFSET ?3 - 1)
  SELECT *, ${IN_TROUBLE} AND (?6 IS NULL OR lane = ?6) AND (?7 IS NULL OR breaker = ?7) AS matches,
      subscription_id IS (SELECT subscription_id FROM ending) AS ends
    FROM (SELECT * FROM ${TROUBLED} ORDER BY subscription_id DESC LIMIT ?3)
    WHERE matches OR ends ORDER BY subscription_id DESC LIMIT ?4 + 1`;

/** Sorts after every id of a subscription, which begin with "sub_". */
const TOP = "t";

/** The record of health over D1. All methods @throw Unavailable. */
export function d1HealthRecord({ db }: { readonly db: D1Database }): HealthRecord {
  return {
    async get(bus, subscriptionId) {
      const statement = db.prepare(GET).bind(bus, subscriptionId);
      const row = await weather(() => statement.first<HealthRow & { readonly oldest_ms: number | null }>());
      return row === null ? null : { ...toDomain(row), oldestUndeliveredMs: row.oldest_ms };
    },

    async list(bus, { lane = null, breaker = null }, { limit, before, now }) {
      const statement = db.prepare(LIST).bind(bus, before ?? TOP, LIST_SCAN_ROWS_MAX, limit, now, lane, breaker);
      const { results } = await weather(() => statement.all<HealthRow & Scanned>());
      const { page, last } = pageOf(results, limit);
      return { rows: page.map(toDomain), next: last?.subscription_id ?? null };
    },
  };
}

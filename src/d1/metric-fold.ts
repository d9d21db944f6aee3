/**
 * How settles and arrivals become counts: the sweep adds what is behind the places in `meta` to the minute it was written in and to what is counted of all
 * time, and moves the places, in one transaction. So each is counted once, whoever sweeps at the same time.
 */
import {
  EXPIRED_KEPT_MS,
  METRIC_HOURS_KEPT_MS,
  METRIC_MINUTES_KEPT_MS,
  METRIC_ROWS_MAX,
  SETTLES_KEPT_MS,
  SWEEP_ROWS_MAX,
} from "../core/limits.ts";
import type { SweepLog } from "../ports.ts";
import { added, COUNT_COLUMNS, ENTRY_COUNTS, SETTLED_COLUMNS, sumsOf } from "./metric-columns.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

/** Rows that are not counted yet, the oldest first. Primary key. */
export const uncounted = (table: "arrivals" | "settles"): string =>
  `SELECT * FROM ${table} WHERE place > (SELECT ${table}_counted FROM meta) ORDER BY place LIMIT ${METRIC_ROWS_MAX}`;

const KEY = "step_s, at_ms, bus, subscription_id";
const MINUTE = "place - place % 60000";

/** Primary keys. */
const COUNT_SETTLES = `
  INSERT INTO metrics (${KEY}, ${SETTLED_COLUMNS.join(", ")})
  WITH counted AS MATERIALIZED (
    SELECT ${MINUTE} AS at_ms, bus, subscription_id, ${sumsOf(SETTLED_COLUMNS)} FROM (
      SELECT s.place, s.bus, e.value ->> 0 AS subscription_id, ${ENTRY_COUNTS} FROM (${uncounted("settles")}) s, json_each(s.entries) e)
    GROUP BY 1, 2, 3)
  SELECT * FROM (
    SELECT 60, at_ms, bus, subscription_id, ${SETTLED_COLUMNS.join(", ")} FROM counted
    UNION ALL SELECT 60, at_ms, bus, '', ${sumsOf(SETTLED_COLUMNS)} FROM counted GROUP BY at_ms, bus
    UNION ALL SELECT 0, 0, bus, subscription_id, ${sumsOf(SETTLED_COLUMNS)} FROM counted GROUP BY bus, subscription_id
    UNION ALL SELECT 0, 0, bus, '', ${sumsOf(SETTLED_COLUMNS)} FROM counted GROUP BY bus) WHERE true
  ON CONFLICT DO UPDATE SET ${added(SETTLED_COLUMNS)}`;

const COUNT_ARRIVALS = `
  INSERT INTO metrics (${KEY}, events)
  WITH counted AS MATERIALIZED (
    SELECT ${MINUTE} AS at_ms, bus, sum(json_array_length(events)) AS events FROM (${uncounted("arrivals")}) GROUP BY 1, 2)
  SELECT * FROM (
    SELECT 60, at_ms, bus, '', events FROM counted
    UNION ALL SELECT 0, 0, bus, '', sum(events) FROM counted GROUP BY bus) WHERE true
  ON CONFLICT DO UPDATE SET ${added(["events"])}`;

/** Answers whether there is more. */
const MOVE_PLACES = `
  UPDATE meta SET settles_counted = coalesce((SELECT max(place) FROM (${uncounted("settles")})), settles_counted),
    arrivals_counted = coalesce((SELECT max(place) FROM (${uncounted("arrivals")})), arrivals_counted)
  RETURNING EXISTS (SELECT 1 FROM settles WHERE place > settles_counted) OR EXISTS (SELECT 1 FROM arrivals WHERE place > arrivals_counted) AS more`;

/** The oldest minutes that are kept no longer, before ?1. Primary key. */
const OLD_MINUTES = `SELECT * FROM metrics WHERE step_s = 60 AND at_ms < ?1 ORDER BY at_ms, bus, subscription_id LIMIT ${SWEEP_ROWS_MAX}`;

const ADD_UP = `
  INSERT INTO metrics (${KEY}, ${COUNT_COLUMNS.join(", ")})
  SELECT 3600, at_ms - at_ms % 3600000, bus, subscription_id, ${sumsOf(COUNT_COLUMNS)} FROM (${OLD_MINUTES}) WHERE true GROUP BY 2, 3, 4
  ON CONFLICT DO UPDATE SET ${added(COUNT_COLUMNS)}`;

const removal = (rows: string): string => `DELETE FROM metrics WHERE (${KEY}) IN (SELECT ${KEY} FROM (${rows}))`;

const OLD_HOURS = `SELECT * FROM metrics WHERE step_s = 3600 AND at_ms < ?1 ORDER BY at_ms LIMIT ${SWEEP_ROWS_MAX}`;

/**
 * What nobody reads any more: counted, and older than that. The newest of it stays, so that places go on from it, and whoever has read as far as that has
 * missed nothing. Primary key.
 */
const passed = (table: "arrivals" | "settles", before: string): string => `
  DELETE FROM ${table} WHERE place IN (
    SELECT t.place FROM (
      SELECT max(place) AS place FROM ${table} WHERE place <= (SELECT min(${before}, ${table}_counted) FROM meta)) newest
    CROSS JOIN ${table} t ON t.place < newest.place ORDER BY t.place LIMIT ${SWEEP_ROWS_MAX})`;

/** ?1 before. */
const PASSED_SETTLES = passed("settles", "?1");
/** Events are on record for as long as the most patient bus says, and a day longer when their deliveries expired: ?1 now, ?2 the days of those that do not say. */
const PASSED_ARRIVALS = passed(
  "arrivals",
  `(SELECT ?1 - ${EXPIRED_KEPT_MS} - 86400000 * max(coalesce(b.retention_days, ?2)) FROM buses b WHERE b.status = 'active')`,
);

type Purged = Awaited<ReturnType<SweepLog["purge"]>>;

const isFull = ({ meta }: D1Result): boolean => meta.changes >= SWEEP_ROWS_MAX;

/** Minutes become hours, and old hours go. @throws Unavailable */
export async function purgeMetrics(db: D1Database, now: number): Promise<Purged> {
  const minutesBefore = now - METRIC_MINUTES_KEPT_MS;
  const [, minutes, hours] = await weather(() =>
    db.batch([
      db.prepare(ADD_UP).bind(minutesBefore),
      db.prepare(removal(OLD_MINUTES)).bind(minutesBefore),
      db.prepare(removal(OLD_HOURS)).bind(now - METRIC_HOURS_KEPT_MS),
    ]),
  );
  const results = [minutes, hours].flatMap((result) => (result === undefined ? [] : [result]));
  return { removed: results.reduce((sum, { meta }) => sum + meta.changes, 0), more: results.some(isFull) };
}

/** What streams can go on from no more. @throws Unavailable */
export async function purgeNews(db: D1Database, now: number, retentionDays: number): Promise<Purged> {
  const results = await weather(() =>
    db.batch([
      db.prepare(PASSED_SETTLES).bind(now - SETTLES_KEPT_MS),
      db.prepare(PASSED_ARRIVALS).bind(now, retentionDays),
    ]),
  );
  return { removed: results.reduce((sum, { meta }) => sum + meta.changes, 0), more: results.some(isFull) };
}

/** The counting over D1. @throws Unavailable */
export function d1MetricFold({ db }: { readonly db: D1Database }): Pick<SweepLog, "count"> {
  return {
    async count() {
      const statements = [COUNT_SETTLES, COUNT_ARRIVALS, MOVE_PLACES].map((sql) => db.prepare(sql));
      const results = await weather(() => db.batch(statements));
      const [left] = rowsOf<{ readonly more: number }>(results.at(-1));
      return { more: left?.more === 1 };
    },
  };
}

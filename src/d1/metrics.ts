/** Counts for people: of a span in steps, by subscription, and of all time. What the sweep has not counted yet is added from the rows it will count. */
import { METRIC_HOURS_KEPT_MS, METRIC_MINUTES_KEPT_MS, METRIC_SERIES_MAX, LIST_SCAN_ROWS_MAX } from "../core/limits.ts";
import type { Metrics } from "../ports.ts";
import { timeOf } from "../core/ids.ts";
import { COUNT_COLUMNS, type CountsRow, ENTRY_COUNTS, SETTLED_COLUMNS, sumsOf, toCounts } from "./metric-columns.ts";
import { uncounted } from "./metric-fold.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Counts of every column, those that are not there as 0. */
const padded = (columns: readonly string[]): string =>
  COUNT_COLUMNS.map((column) => (columns.includes(column) ? column : `0 AS ${column}`)).join(", ");

const OF_METRICS = COUNT_COLUMNS.map((column) => `m.${column}`).join(", ");

/**
 * Counts of bus ?1 and subscription ?2 ('': of the bus) by the time they are of. ?3 and ?4 JSON arrays of the minutes and hours to look at, ?5 and ?6 from
 * when to when of what is not counted yet. Each row of metrics is looked up by its whole key.
 */
const COUNTS = `
  SELECT m.at_ms, 60000 AS step_ms, ${OF_METRICS}
    FROM json_each(?3) j CROSS JOIN metrics m ON m.step_s = 60 AND m.at_ms = j.value AND m.bus = ?1 AND m.subscription_id = ?2
  UNION ALL SELECT m.at_ms, 3600000, ${OF_METRICS}
    FROM json_each(?4) j CROSS JOIN metrics m ON m.step_s = 3600 AND m.at_ms = j.value AND m.bus = ?1 AND m.subscription_id = ?2
  UNION ALL SELECT place, 1, ${padded(SETTLED_COLUMNS)} FROM (
    SELECT s.place, ${ENTRY_COUNTS} FROM (${uncounted("settles")}) s, json_each(s.entries) e
    WHERE s.bus = ?1 AND (?2 = '' OR e.value ->> 0 = ?2)) WHERE place >= ?5 AND place < ?6
  UNION ALL SELECT place, 1, ${padded(["events"])} FROM (
    SELECT place, json_array_length(events) AS events FROM (${uncounted("arrivals")}) WHERE bus = ?1 AND ?2 = '') WHERE place >= ?5 AND place < ?6`;

/** ?7 the step. An earlier bus of the name may have left counts. */
const SERIES = `
  SELECT c.at_ms - c.at_ms % ?7 AS at_ms, ${sumsOf(COUNT_COLUMNS)} FROM (${COUNTS}) c
  WHERE c.at_ms + c.step_ms > (SELECT created_ms FROM buses WHERE bus = ?1) GROUP BY 1 ORDER BY 1`;

/** Of each of these subscriptions (?2) of bus ?1 in these minutes (?3). Primary key, whole. */
const BY_SUBSCRIPTION = `
  SELECT m.subscription_id, ${sumsOf(COUNT_COLUMNS, "m")}
  FROM json_each(?2) k CROSS JOIN json_each(?3) j
  CROSS JOIN metrics m ON m.step_s = 60 AND m.at_ms = j.value AND m.bus = ?1 AND m.subscription_id = k.value GROUP BY 1`;

/** Primary key. */
const TOTALS = `
  SELECT * FROM metrics WHERE step_s = 0 AND at_ms = 0 AND bus = ?1 ORDER BY subscription_id LIMIT ${METRIC_SERIES_MAX + 2}`;

/** Deliveries that wait, of all buses: the first that are due. Index: deliveries_due. */
const WAITING = `
  SELECT count(*) FILTER (WHERE bus = ?1) AS waiting, min(seq) FILTER (WHERE bus = ?1) AS oldest, count(*) AS scanned
  FROM (SELECT bus, seq FROM deliveries INDEXED BY deliveries_due WHERE state = 'waiting' ORDER BY due_ms LIMIT ${LIST_SCAN_ROWS_MAX})`;
/** Index: deliveries_held. */
const HELD = `
  SELECT count(*) FILTER (WHERE bus = ?1) AS held, count(*) AS scanned
  FROM (SELECT bus FROM deliveries INDEXED BY deliveries_held WHERE state = 'held' LIMIT ${LIST_SCAN_ROWS_MAX})`;

const isFull = (scanned = 0): boolean => scanned >= LIST_SCAN_ROWS_MAX;

/** The starts of all steps of a span, as a JSON array. */
function startsIn(sinceMs: number, untilMs: number, stepMs: number): string {
  const first = Math.floor(sinceMs / stepMs) * stepMs;
  const count = Math.max(0, Math.ceil((untilMs - first) / stepMs));
  return JSON.stringify(Array.from({ length: count }, (_, index) => first + index * stepMs));
}

/** The minutes and hours of a span in which counts may be, at `now`. Between the two there is an hour in which both may have some. */
function placesIn({ sinceMs, untilMs }: { readonly sinceMs: number; readonly untilMs: number }, now: number) {
  const minutesFrom = Math.max(sinceMs, now - METRIC_MINUTES_KEPT_MS - HOUR_MS);
  const hoursUntil = Math.min(untilMs, now - METRIC_MINUTES_KEPT_MS + MINUTE_MS);
  const hoursFrom = Math.max(sinceMs, now - METRIC_HOURS_KEPT_MS - HOUR_MS);
  return [
    startsIn(minutesFrom, Math.min(untilMs, now + HOUR_MS), MINUTE_MS),
    startsIn(hoursFrom, hoursUntil, HOUR_MS),
  ] as const;
}

interface SeriesRow extends CountsRow {
  readonly at_ms: number;
}

interface SubscriptionRow extends CountsRow {
  readonly subscription_id: string;
}

/** Metrics over D1. All methods @throw Unavailable. */
export function d1Metrics({ db }: { readonly db: D1Database }): Metrics {
  return {
    async series(bus, { subscriptionId, sinceMs, untilMs, stepMs, now }) {
      const [minutes, hours] = placesIn({ sinceMs, untilMs }, now);
      const statement = db.prepare(SERIES).bind(bus, subscriptionId ?? "", minutes, hours, sinceMs, untilMs, stepMs);
      const result = await weather(() => statement.all());
      return rowsOf<SeriesRow>(result).map((row) => ({ atMs: row.at_ms, counts: toCounts(row) }));
    },

    async bySubscription(bus, subscriptionIds, { sinceMs, untilMs }) {
      const minutes = startsIn(sinceMs, untilMs, MINUTE_MS);
      const statement = db.prepare(BY_SUBSCRIPTION).bind(bus, JSON.stringify(subscriptionIds), minutes);
      const result = await weather(() => statement.all());
      const found = rowsOf<SubscriptionRow>(result).map((row) => [row.subscription_id, toCounts(row)] as const);
      return new Map(found);
    },

    async totals(bus) {
      const result = await weather(() => db.prepare(TOTALS).bind(bus).all());
      const [first, ...others] = rowsOf<SubscriptionRow>(result).map((row) => ({
        subscriptionId: row.subscription_id,
        counts: toCounts(row),
      }));
      const ofBus = first?.subscriptionId === "" ? first.counts : toCounts({});
      return {
        bus: ofBus,
        subscriptions: others.slice(0, METRIC_SERIES_MAX),
        isCut: others.length > METRIC_SERIES_MAX,
      };
    },

    async backlog(bus) {
      const [waiting, held] = await weather(() =>
        db.batch([db.prepare(WAITING).bind(bus), db.prepare(HELD).bind(bus)]),
      );
      const [waits] = rowsOf<{ waiting: number; oldest: string | null; scanned: number }>(waiting);
      const [holds] = rowsOf<{ held: number; scanned: number }>(held);
      return {
        waiting: waits?.waiting ?? 0,
        held: holds?.held ?? 0,
        isLeast: isFull(waits?.scanned) || isFull(holds?.scanned),
        oldestAcceptedMs: waits?.oldest == null ? null : timeOf(waits.oldest),
      };
    },
  };
}

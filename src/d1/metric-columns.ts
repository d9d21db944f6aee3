/** The columns of `metrics` that are counts, and how they come of the rows of `settles`. */
import { LATENCY_BOUNDS_MS } from "../core/histogram.ts";
import type { Counts } from "../ports.ts";

const BUCKETS = LATENCY_BOUNDS_MS.length + 1;
const bucketNames = (letter: "a" | "d"): string[] => Array.from({ length: BUCKETS }, (_, index) => `${letter}${index}`);

const ATTEMPT_BUCKETS = bucketNames("a");
const DELIVERY_BUCKETS = bucketNames("d");

/** What of a settled delivery is counted. */
const SETTLED = ["succeeded", "failed", "slow_lane", "delivered", "dead", "attempt_ms", "delivery_ms"] as const;

/** Counts of what `settles` has. */
export const SETTLED_COLUMNS: readonly string[] = [...SETTLED, ...ATTEMPT_BUCKETS, ...DELIVERY_BUCKETS];
/** All counts. */
export const COUNT_COLUMNS: readonly string[] = ["events", ...SETTLED_COLUMNS];

/** Sums of these of a row, or of the only one there is, each under its own name. */
export const sumsOf = (columns: readonly string[], row?: string): string =>
  columns.map((column) => `sum(${row === undefined ? column : `${row}.${column}`}) AS ${column}`).join(", ");

/** What is added to a row that is there already. */
export const added = (columns: readonly string[]): string =>
  columns.map((column) => `${column} = metrics.${column} + excluded.${column}`).join(", ");

const bucketOf = (name: string, value: string, index: number): string => {
  const [over, upTo] = [LATENCY_BOUNDS_MS[index - 1], LATENCY_BOUNDS_MS[index]];
  const conditions = [
    ...(over === undefined ? [] : [`${value} > ${over}`]),
    ...(upTo === undefined ? [] : [`${value} <= ${upTo}`]),
  ];
  return `coalesce(${value} IS NOT NULL AND ${conditions.join(" AND ")}, 0) AS ${name}`;
};

/** The counts of one entry, of `settles.entries`, which `e` has as `value`, in a row with its `lane`. */
export const ENTRY_COUNTS = `
  coalesce(e.value ->> 4 = 1, 0) AS succeeded, coalesce(e.value ->> 4 = 0, 0) AS failed,
  e.value ->> 4 IS NOT NULL AND s.lane = 'slow' AS slow_lane,
  e.value ->> 3 = 'delivered' AS delivered, e.value ->> 3 = 'dead' AS dead,
  coalesce(e.value ->> 5, 0) AS attempt_ms, coalesce(e.value ->> 6, 0) AS delivery_ms,
  ${ATTEMPT_BUCKETS.map((name, index) => bucketOf(name, "e.value ->> 5", index)).join(", ")},
  ${DELIVERY_BUCKETS.map((name, index) => bucketOf(name, "e.value ->> 6", index)).join(", ")}`;

/** Counts of a row of metrics; of what it has not, 0. */
export interface CountsRow extends Partial<Readonly<Record<"events" | (typeof SETTLED)[number], number>>> {
  readonly [bucket: `a${number}` | `d${number}`]: number;
}

const bucketsIn = (row: CountsRow, letter: "a" | "d"): readonly number[] =>
  Array.from({ length: BUCKETS }, (_, index) => row[`${letter}${index}`] ?? 0);

export function toCounts(row: CountsRow): Counts {
  const { events = 0, succeeded = 0, failed = 0, slow_lane: slowLane = 0, delivered = 0, dead = 0 } = row;
  return {
    events,
    succeeded,
    failed,
    slowLane,
    delivered,
    dead,
    attemptMs: { sum: row.attempt_ms ?? 0, counts: bucketsIn(row, "a") },
    deliveryMs: { sum: row.delivery_ms ?? 0, counts: bucketsIn(row, "d") },
  };
}

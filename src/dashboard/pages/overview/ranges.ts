/** The times that the overview looks at. */

export interface Range {
  /** In the URL. */
  readonly name: string;
  readonly label: string;
  readonly ms: number;
  /** Seconds of one point. */
  readonly step: 60 | 300 | 3600 | 86400;
  /** How often it is asked for anew. */
  readonly everyMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const RANGES: readonly [Range, ...Range[]] = [
  { name: "1h", label: "1 h", ms: HOUR_MS, step: 60, everyMs: 10_000 },
  { name: "6h", label: "6 h", ms: 6 * HOUR_MS, step: 300, everyMs: 30_000 },
  { name: "24h", label: "24 h", ms: DAY_MS, step: 300, everyMs: 60_000 },
  { name: "7d", label: "7 d", ms: 7 * DAY_MS, step: 3600, everyMs: 60_000 },
  { name: "30d", label: "30 d", ms: 30 * DAY_MS, step: 86_400, everyMs: 60_000 },
];

/** The range of that name; the first for any other. */
export const rangeOf = (name: string | undefined): Range => RANGES.find((range) => range.name === name) ?? RANGES[0];

/** A moment for the request to be under way: what is older than the router keeps is refused. */
const WAY_MS = 5 * 60_000;

/** When it begins. */
export const sinceOf = ({ ms }: Range, now: number): Date => new Date(now - (ms < 30 * DAY_MS ? ms : ms - WAY_MS));

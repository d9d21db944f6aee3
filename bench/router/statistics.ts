/** What is said of some measured values: their median, quantiles and spread, how they compare with a reference, and how they are written. */
import type { Metric } from "./results.ts";

type Values = ArrayLike<number>;

/** In the values' own unit. The spread is from the lowest to the highest; all are NaN where a value is missing. */
export interface Summary {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  readonly count: number;
}

interface Options {
  /** Leave out what was not measured; otherwise one NaN makes the answer NaN. */
  readonly ignoresNaN?: boolean;
}

/** A copy in ascending order; null when there is nothing to say. */
function sorted(values: Values, { ignoresNaN = false }: Options): Float64Array | null {
  // The order of a typed array is by number, with NaN last.
  const ascending = Float64Array.from(values).toSorted();
  let count = ascending.length;
  while (count > 0 && Number.isNaN(ascending[count - 1])) count -= 1;
  if (count === 0 || (count < ascending.length && !ignoresNaN)) return null;
  return ascending.subarray(0, count);
}

/** Of an even number of values the mean of the two in the middle; of none NaN. */
export function median(values: Values, options: Options = {}): number {
  const ascending = sorted(values, options);
  if (ascending === null) return Number.NaN;
  const middle = (ascending.length - 1) / 2;
  return ((ascending[Math.floor(middle)] ?? Number.NaN) + (ascending[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

/** By nearest rank: the lowest value that at least this share (0 to 1) of the values does not exceed; so always a measured one. */
export function quantile(values: Values, share: number, options: Options = {}): number {
  const ascending = sorted(values, options);
  if (ascending === null) return Number.NaN;
  // 0.07 × 100 is 7.000000000000001: what a product is off by must not move the rank.
  const rank = Math.ceil(share * ascending.length - 1e-9);
  return ascending[Math.min(Math.max(rank, 1), ascending.length) - 1] ?? Number.NaN;
}

export function summarise(values: Values): Summary {
  return { median: median(values), lowest: quantile(values, 0), highest: quantile(values, 1), count: values.length };
}

/** Fantail by reference, run by run, so that what slows a whole run down cancels out. None where there is no reference. */
export function ratiosOf({ name, fantail, reference }: Metric): readonly number[] {
  if (reference === null) return [];
  if (reference.values.length !== fantail.length)
    throw new Error(`${name}: ${fantail.length} runs, and ${reference.values.length} of ${reference.name}`);
  return fantail.map((value, run) => value / (reference.values[run] ?? Number.NaN));
}

/** By the median of the ratios. An aim that nothing shows is not met; null: there is none. */
export function meetsAim(metric: Metric): boolean | null {
  if (metric.aim === null) return null;
  const ratio = median(ratiosOf(metric));
  return "atLeast" in metric.aim ? ratio >= metric.aim.atLeast : ratio <= metric.aim.atMost;
}

/** `1,235`, `12.3`, `0.523`: three digits that count, whole numbers from a hundred upward; `–` for what was not measured. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 99.95) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

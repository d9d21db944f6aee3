/** Latencies as a histogram: bounds, counts, and what quantiles they allow to tell. Pure. */

/** Upper bounds of all but the last count, inclusive. What takes longer is in the last one: a sink has a minute at most. */
export const LATENCY_BOUNDS_MS = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000] as const;

/**
 * The latency below which that part of the counted ones is, in milliseconds: on a straight line between the bounds of the count it falls into. Of the
 * last count, which has no upper bound, its lower one. Null: nothing is counted.
 */
export function quantileOf(counts: readonly number[], fraction: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = fraction * total;
  let below = 0;
  for (const [index, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const lower = index === 0 ? 0 : (LATENCY_BOUNDS_MS[index - 1] ?? 0);
      const upper = LATENCY_BOUNDS_MS[index] ?? lower;
      return Math.round(lower + (upper - lower) * ((rank - below) / count));
    }
    below += count;
  }
  return LATENCY_BOUNDS_MS.at(-1) ?? null;
}

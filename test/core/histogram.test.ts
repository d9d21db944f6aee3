// Quantiles of histograms: never outside of the bounds between which the true one lies.
import fc from "fast-check";
import { expect, it } from "vitest";
import { LATENCY_BOUNDS_MS, quantileOf } from "../../src/core/histogram.ts";

const NONE = Array.from({ length: LATENCY_BOUNDS_MS.length + 1 }, () => 0);

const countsOf = (values: readonly number[]): number[] => {
  const counts = [...NONE];
  for (const value of values) {
    const index = LATENCY_BOUNDS_MS.findIndex((bound) => value <= bound);
    const at = index < 0 ? counts.length - 1 : index;
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
};

it("of nothing there is none", () => expect(quantileOf(NONE, 0.5)).toBeNull());

it.each([
  [[5], 0.5, 5],
  [[10, 10], 1, 10],
  [[11, 20], 0.5, 18],
  [[60, 70, 80, 90], 0.5, 75],
  [[40_000], 0.99, 30_000],
])("of %j, %d is %d", (values, fraction, expected) => expect(quantileOf(countsOf(values), fraction)).toBe(expected));

it("it lies between the bounds of the true one, and rises", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1 }), (values) => {
      const sorted = values.toSorted((a, b) => a - b);
      const counts = countsOf(values);
      let before = 0;
      for (const fraction of [0.01, 0.5, 0.95, 0.99, 1]) {
        const told = quantileOf(counts, fraction) ?? Number.NaN;
        const truth = sorted[Math.ceil(fraction * sorted.length) - 1] ?? Number.NaN;
        const upper = LATENCY_BOUNDS_MS.find((bound) => truth <= bound) ?? 30_000;
        const lower = LATENCY_BOUNDS_MS.findLast((bound) => truth > bound) ?? 0;
        expect(told).toBeGreaterThanOrEqual(Math.max(lower, before));
        expect(told).toBeLessThanOrEqual(upper);
        before = told;
      }
    }),
  );
});

import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { Metric } from "../../../bench/router/results.ts";
import { formatNumber, median, meetsAim, quantile, ratiosOf, summarise } from "../../../bench/router/statistics.ts";

const metric = (over: Partial<Metric>): Metric => ({
  name: "ack p99",
  unit: "ms",
  fantail: [20, 30, 90],
  reference: { name: "floor", values: [10, 10, 10] },
  aim: null,
  ...over,
});

describe("median()", () => {
  it.each([
    [[7], 7],
    [[9, 1, 5], 5],
    [[10, 9, 100, 1], 9.5],
    [[-3, 20, 100], 20],
  ])("of %j is %d", (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it("is NaN where there is nothing, or something was not measured", () => {
    expect(median([])).toBeNaN();
    expect(median([1, Number.NaN, 3])).toBeNaN();
    expect(median([Number.NaN], { ignoresNaN: true })).toBeNaN();
  });

  it("leaves out what was not measured when it is asked to", () => {
    expect(median([1, Number.NaN, 3], { ignoresNaN: true })).toBe(2);
  });

  it("leaves the values as they are", () => {
    const values = new Float64Array([3, 1, 2]);
    median(values);
    expect([...values]).toEqual([3, 1, 2]);
  });
});

describe("quantile()", () => {
  const hundred = Float64Array.from({ length: 100 }, (_, index) => 100 - index);

  it.each([
    [0, 1],
    [0.005, 1],
    [0.01, 1],
    [0.011, 2],
    [0.07, 7],
    [0.5, 50],
    [0.99, 99],
    [0.991, 100],
    [1, 100],
  ])("%d of 1 to 100 is %d, by nearest rank", (share, expected) => {
    expect(quantile(hundred, share)).toBe(expected);
  });

  it("is a value that was measured, at least so many not above it, and fewer below it", () => {
    const values = fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100 }), (some, percent) => {
        const found = quantile(some, percent / 100);
        expect(some.some((value) => value === found)).toBe(true);
        expect(some.filter((value) => value <= found).length * 100).toBeGreaterThanOrEqual(percent * some.length);
        expect(some.filter((value) => value < found).length * 100).toBeLessThan(percent * some.length);
      }),
    );
  });

  it("counts only what was measured when it is asked to, in typed arrays too", () => {
    const values = new Float32Array([Number.NaN, 4, Number.NaN, 2, 8, 6]);
    expect(quantile(values, 0.5)).toBeNaN();
    expect(quantile(values, 0.5, { ignoresNaN: true })).toBe(4);
    expect(quantile(values, 1, { ignoresNaN: true })).toBe(8);
    expect(quantile(new Float64Array(0), 0.5, { ignoresNaN: true })).toBeNaN();
  });
});

test("summarise() has the median and the spread, of one run too", () => {
  expect(summarise([5, 1, 3])).toEqual({ median: 3, lowest: 1, highest: 5, count: 3 });
  expect(summarise([5])).toEqual({ median: 5, lowest: 5, highest: 5, count: 1 });
});

describe("ratiosOf()", () => {
  it("pairs the runs", () => {
    // Slower in the second run, both of them: neither median nor mean of the figures has these ratios.
    const values = [10, 40, 10];
    expect(ratiosOf(metric({ fantail: [20, 80, 30], reference: { name: "floor", values } }))).toEqual([2, 2, 3]);
  });

  it("has none without a reference", () => {
    expect(ratiosOf(metric({ reference: null }))).toEqual([]);
  });

  it("refuses runs that have no partner", () => {
    expect(() => ratiosOf(metric({ fantail: [1, 2] }))).toThrow("ack p99: 2 runs, and 3 of floor");
  });
});

describe("meetsAim()", () => {
  // The ratios are 2, 3 and 9.
  it.each([
    [{ atMost: 3 }, true],
    [{ atMost: 2.9 }, false],
    [{ atLeast: 3 }, true],
    [{ atLeast: 3.1 }, false],
    [null, null],
  ])("%j: %j", (aim, expected) => {
    expect(meetsAim(metric({ aim }))).toBe(expected);
  });

  it("does not take for met what was not measured", () => {
    for (const aim of [{ atMost: 3 }, { atLeast: 0 }]) {
      expect(meetsAim(metric({ aim, fantail: [1, Number.NaN, 1] }))).toBe(false);
      expect(meetsAim(metric({ aim, reference: null }))).toBe(false);
    }
  });
});

test.each([
  [0, "0"],
  [0.52345, "0.523"],
  [12.345, "12.3"],
  [99.94, "99.9"],
  [99.96, "100"],
  [812.4, "812"],
  [1_234_567.8, "1,234,568"],
  [-0.04, "-0.04"],
  [Number.NaN, "–"],
  [Number.POSITIVE_INFINITY, "–"],
])("formatNumber(%d) is %s", (value, expected) => {
  expect(formatNumber(value)).toBe(expected);
});

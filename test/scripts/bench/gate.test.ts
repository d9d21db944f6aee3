import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compare, type Comparison, type Figure, CLEAR_LOSS } from "../../../bench/router/gate.ts";

const figure = (ratios: readonly number[], better: Figure["better"] = "higher"): Figure => ({
  name: "publish, 1 kB",
  better,
  ratios,
});

/** The examples are told in tenths. */
const TENTH = 0.1;
const verdict = (old: Figure, now: Figure): Comparison["verdict"] | undefined =>
  compare([old], [now], TENTH)[0]?.verdict;

const scaled = ({ ratios, ...rest }: Figure, factor: number): Figure => ({
  ...rest,
  ratios: ratios.map((ratio) => ratio * factor),
});

const NOISE = [1, 0.97, 1.03, 1.01, 0.99];

describe("compare()", () => {
  it.each([
    ["a clear loss", 0.8, "lost"],
    ["a loss within the margin", 0.95, "same"],
    ["no change", 1, "same"],
    ["a gain within the margin", 1.05, "same"],
    ["a clear gain", 1.25, "better"],
  ] as const)("judges %s, whichever way is better", (_, factor, expected) => {
    expect(verdict(figure(NOISE), scaled(figure(NOISE), factor))).toBe(expected);
    expect(verdict(figure(NOISE, "lower"), scaled(figure(NOISE, "lower"), 1 / factor))).toBe(expected);
  });

  it("answers the medians as they were measured", () => {
    const [answer] = compare([figure([2, 4, 3], "lower")], [figure([6, 5, 7], "lower")]);
    expect(answer).toEqual({ name: "publish, 1 kB", baseline: 3, measured: 6, verdict: "lost" });
  });

  it("takes no loss for one that the noise explains", () => {
    // A fifth worse at the median, and the ranges between the quartiles touch.
    expect(verdict(figure([0.7, 0.8, 1, 1.2, 1.3]), figure([0.6, 0.7, 0.8, 0.9, 1.1]))).toBe("same");
    // As much, with rounds that lie close.
    expect(verdict(figure([0.98, 0.99, 1, 1.01, 1.02]), figure([0.78, 0.79, 0.8, 0.81, 0.82]))).toBe("lost");
  });

  it("lets neither one bad round make a loss nor one good round hide it", () => {
    expect(verdict(figure(NOISE), figure([1, 0.97, 0.1, 1.01, 0.99]))).toBe("same");
    expect(verdict(figure(NOISE), figure([0.8, 0.81, 0.79, 0.8, 1.5]))).toBe("lost");
  });

  it("knows only the margin when there is one round", () => {
    expect(verdict(figure([1]), figure([1 / (1 + TENTH * 0.9)]))).toBe("same");
    expect(verdict(figure([1]), figure([1 / (1 + TENTH * 1.1)]))).toBe("lost");
    expect(compare([figure([1])], [figure([0.8])])[0]?.verdict).toBe("same");
    expect(compare([figure([1])], [figure([1 / (1 + CLEAR_LOSS * 1.01)])])[0]?.verdict).toBe("lost");
  });

  it("refuses what cannot be compared, rather than pass it", () => {
    expect(() => compare([figure(NOISE)], [])).toThrow("has a baseline and was not measured");
    expect(() => compare([], [figure(NOISE)])).toThrow("has no baseline");
    expect(() => verdict(figure(NOISE), figure(NOISE, "lower"))).toThrow("which way is better has changed");
    expect(() => verdict(figure(NOISE), figure([]))).toThrow("no rounds");
    for (const ratio of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => verdict(figure([1, ratio]), figure(NOISE))).toThrow("is no ratio above zero");
  });
});

/** Powers of two, by which multiplication is exact, and ratios far from where it stops being so. */
const ratio = fc.double({ min: 2 ** -20, max: 2 ** 20, noNaN: true });
const ratios = fc.array(ratio, { minLength: 1, maxLength: 12 });
const better = fc.constantFrom("higher" as const, "lower" as const);
const figures = fc.record({ name: fc.constant("some"), better, ratios });
const powers = fc.integer({ min: -10, max: 10 }).map((exponent) => 2 ** exponent);

const worse = (of: Figure, factor: number): Figure => scaled(of, of.better === "higher" ? 1 / factor : factor);

describe("compare(), whatever was measured", () => {
  it("finds the same the same", () => {
    fc.assert(
      fc.property(figures, (some) => {
        expect(verdict(some, some)).toBe("same");
      }),
    );
  });

  it("finds nothing lost where each round is as good or better", () => {
    const gains = fc.array(fc.double({ min: 1, max: 100, noNaN: true }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(figures, gains, (some, gain) => {
        const now = some.ratios.map((value, index) =>
          some.better === "higher" ? value * (gain[index] ?? 1) : value / (gain[index] ?? 1),
        );
        expect(verdict(some, { ...some, ratios: now })).not.toBe("lost");
      }),
    );
  });

  it("finds lost what is twice as bad in all rounds, however wide they lie, and better the other way round", () => {
    fc.assert(
      fc.property(figures, (some) => {
        expect(verdict(some, worse(some, 2))).toBe("lost");
        expect(verdict(worse(some, 2), some)).toBe("better");
      }),
    );
  });

  it("finds the opposite when old and new change places", () => {
    const opposite = { lost: "better", better: "lost", same: "same" } as const;
    fc.assert(
      fc.property(figures, ratios, (some, others) => {
        const now = { ...some, ratios: others };
        expect(verdict(now, some)).toBe(opposite[verdict(some, now) ?? "same"]);
      }),
    );
  });

  it("finds the same on every scale", () => {
    fc.assert(
      fc.property(figures, ratios, powers, (some, others, power) => {
        const now = { ...some, ratios: others };
        expect(verdict(scaled(some, power), scaled(now, power))).toBe(verdict(some, now));
      }),
    );
  });

  it("finds nothing lost within the margin", () => {
    fc.assert(
      fc.property(figures, fc.double({ min: 1, max: 1 + TENTH * 0.99, noNaN: true }), (some, factor) => {
        expect(verdict(some, worse(some, factor))).toBe("same");
      }),
    );
  });
});

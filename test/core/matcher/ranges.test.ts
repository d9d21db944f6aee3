// Against a list of all ranges. `hits.mark` is read at each node of the tree that is visited: so visits are counted.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isInRange, type Range } from "../../../src/core/filters/test.ts";
import { Ranges } from "../../../src/core/matcher/ranges.ts";
import { entryNamed, found, countingHits, tallyOf } from "./structure.ts";

const range = (low: number, high: number, lowIncluded = false, highIncluded = false): Range => ({
  low,
  high,
  lowIncluded,
  highIncluded,
});
/** At a node: for itself, for a child that is not visited, when it is found, and to note what remains. */
const LOOKS_MAX = 6;
const over = (low: number): Range => range(low, Number.POSITIVE_INFINITY, false, true);

// Neighbours among doubles are where an exclusive bound shows, and both zeros are one number.
const bound = fc.constantFrom(
  -Number.MAX_VALUE,
  -1,
  -Number.MIN_VALUE,
  -0,
  0,
  Number.MIN_VALUE,
  1,
  1 + Number.EPSILON,
  2,
  3,
  Number.MAX_VALUE,
);
const value = fc.oneof(bound, fc.constantFrom(1 - Number.EPSILON / 2, 2.5, -Infinity, Infinity));
const ranges: fc.Arbitrary<Range> = fc.oneof(
  fc
    .tuple(bound, bound, fc.boolean(), fc.boolean())
    .filter(([low, high]) => low < high)
    .map(([low, high, lowIncluded, highIncluded]) => range(low, high, lowIncluded, highIncluded)),
  fc.tuple(bound, fc.boolean()).map(([low, included]) => range(low, Number.POSITIVE_INFINITY, included, true)),
  fc.tuple(bound, fc.boolean()).map(([high, included]) => range(Number.NEGATIVE_INFINITY, high, true, included)),
);

describe("Ranges", () => {
  it("finds the ranges that the values of an event are in, each once, whatever came and went before", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), range: ranges }),
      fc.record({ kind: fc.constant("add" as const), range: ranges }),
      fc.record({ kind: fc.constant("drop" as const), place: fc.nat() }),
      fc.record({ kind: fc.constant("event" as const), values: fc.array(value, { maxLength: 6 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { tree, entries, add, drop } = filled([]);
        for (const [index, one] of steps.entries()) {
          if (one.kind === "add") add(one.range, `range ${index}`);
          else if (one.kind === "drop") drop(one.place);
          else {
            const expected = entries.filter((entry) => one.values.some((asked) => isInRange(entry.range, asked)));
            const ids = found(index + 1, (hits) => one.values.forEach((asked) => tree.look(asked, hits)));
            expect(ids).toEqual(expected.map(({ id }) => id).toSorted());
          }
        }
        while (entries.length > 0) drop(0);
        // Private members and all.
        expect(tree).toEqual(new Ranges(tree.tally));
      }),
      { numRuns: 2_000 },
    );
  });

  it("keeps bounds apart that differ in whether they are included only", () => {
    const bounds = [true, false].flatMap((low) => [true, false].map((high) => range(1, 2, low, high)));
    const { tree } = filled(bounds);
    const foundOf = (asked: number) => found(asked + 1, (hits) => tree.look(asked, hits));
    expect(foundOf(1)).toEqual(["0", "1"]);
    expect(foundOf(1.5)).toEqual(["0", "1", "2", "3"]);
    expect(foundOf(2)).toEqual(["0", "2"]);
  });

  it("has one bucket for equal ranges, and none for others", () => {
    const { tree } = filled([range(1, 2), range(1, 3)]);
    expect(tree.find(range(1, 2))).toBe(tree.bucket(range(1, 2)));
    expect(tree.find(range(1, 2))).not.toBe(tree.find(range(1, 3)));
    expect(tree.find(range(1, 2, true))).toBeUndefined();
    expect(tree.find(range(1, 2, false, true))).toBeUndefined();
    expect(tree.find(over(1))).toBeUndefined();
  });

  const COUNT = 20_000;
  /** An order that looks random, and was the order of priorities of a tree that such bounds made a list of. */
  const scattered = (count: number): number => {
    const mixed = Math.imul(count, 0x9e37_79b1);
    return Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b) >>> 0;
  };
  const ORDERS: Record<string, (index: number) => number> = {
    ascending: (index) => index,
    descending: (index) => COUNT - index,
    scattered: (index) => scattered(index + 1),
    "from both ends": (index) => (index % 2 === 0 ? index : COUNT * 2 - index),
  };

  it.each(Object.entries(ORDERS))("is no deeper than its number asks for: %s", (_, lowOf) => {
    const lows = Array.from({ length: COUNT }, (__, index) => lowOf(index));
    const { tree, drop } = filled(lows.map((low) => range(low, low + 0.5, true, true)));
    const check = (of: readonly number[], depthMax: number): void => {
      const counts = of.map((low, index) => {
        const { hits, looks } = countingHits(index + 1);
        tree.look(low, hits);
        return { found: hits.ids.length, looks: looks() };
      });
      expect(counts.filter((count) => count.found !== 1)).toEqual([]);
      expect(Math.max(...counts.map(({ looks }) => looks))).toBeLessThanOrEqual(LOOKS_MAX * depthMax);
    };
    // 1.44 log2(n): what is balanced by height is no deeper.
    check(lows, 21);
    for (let index = 0; index < COUNT - 100; index += 1) drop(0);
    check(lows.slice(-100), 10);
    for (let index = 0; index < 100; index += 1) drop(0);
    expect(found(1, (hits) => lows.forEach((low) => tree.look(low, hits)))).toEqual([]);
    expect(lows.some((low) => tree.find(range(low, low + 0.5, true, true)) !== undefined)).toBe(false);
  });

  it("makes one tree of three ranges, whatever their order", () => {
    const orders = [
      [1, 2, 3],
      [1, 3, 2],
      [2, 1, 3],
      [2, 3, 1],
      [3, 1, 2],
      [3, 2, 1],
    ];
    const tally = tallyOf();
    const trees = orders.map((lows) => {
      const tree = new Ranges(tally);
      for (const low of lows) tree.bucket(over(low));
      return tree;
    });
    for (const tree of trees) expect(tree).toEqual(trees[0]);
  });

  /** Visits of an event with the values 0.5, 1.5, …: `found` counts ranges. */
  function visits(of: readonly Range[], values: number): { readonly found: number; readonly looks: number } {
    const { tree } = filled(of);
    const { hits, looks } = countingHits(1);
    for (let index = 0; index < values; index += 1) tree.look(index + 0.5, hits);
    return { found: hits.ids.length, looks: looks() };
  }
  const listOf = (length: number, make: (index: number) => Range) => Array.from({ length }, (_, index) => make(index));

  it.each<[string, Range[], number]>([
    ["all found by the first", listOf(1_000, (index) => over(-index)), 1_000],
    ["every second one never found", listOf(1_000, (index) => range(-index, index % 2 ? 1e6 : -index + 0.5)), 500],
    ["one more by each", listOf(1_000, (index) => over(index)), 1_000],
    ["one fewer by each", listOf(1_000, (index) => range(-1, index + 0.75)), 1_000],
    ["none", listOf(1_000, (index) => range(index + 0.75, index + 1)), 0],
  ])("visits each range once for all values of an event: %s", (_, of, expected) => {
    const { found: count, looks } = visits(of, 10_000);
    expect(count).toBe(expected);
    // A single way down for each value, and one for each range that is found.
    expect(looks).toBeLessThanOrEqual((10_000 + expected) * LOOKS_MAX * 15);
    // 10,000 values and 1,000 ranges at each would be ten times that at least.
    expect((10_000 + expected) * LOOKS_MAX * 15).toBeLessThan(10_000 * 1_000);
  });

  it.each<[string, Range[], number]>([
    ["lower", listOf(1_000, (index) => range(5, 6 + index)), 5],
    ["upper", listOf(1_000, (index) => range(-index, 5)), 5],
    ["lower and upper", listOf(1_000, (index) => (index % 2 === 0 ? range(5, 6 + index) : range(-index, 5))), 5],
  ])("does not visit the ranges that an exclusive bound ends at the value: %s", (_, of, asked) => {
    const { tree } = filled(of);
    const { hits, looks } = countingHits(1);
    tree.look(asked, hits);
    expect(hits.ids).toEqual([]);
    expect(looks()).toBeLessThanOrEqual(LOOKS_MAX * 15);
  });
});

/** A tree with these ranges, and a list of what is in it. */
function filled(of: readonly Range[]) {
  const tree = new Ranges(tallyOf());
  const entries: { readonly range: Range; readonly id: string; readonly drop: () => void }[] = [];
  const add = (added: Range, id: string): void => {
    entries.push({ range: added, id, drop: entryNamed(id, tree.bucket(added)) });
  };
  for (const [index, one] of of.entries()) add(one, String(index));
  const drop = (place: number): void => {
    for (const { drop: dropOne } of entries.splice(place % (entries.length + 1), 1)) dropOne();
  };
  return { tree, entries, add, drop };
}

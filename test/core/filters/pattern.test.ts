// Patterns against a reading of the language that was written apart from src/.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileFilter } from "../../../src/core/filters/compile.ts";
import { holds } from "../../../src/core/filters/holds.ts";
import { EventView } from "../../../src/core/filters/view.ts";
import type { Members } from "../../../src/core/json-value.ts";
import { eventObjects, isAmbiguous, isWithinLimits, patterns, patternValues } from "./arbitraries.ts";
import { matches } from "./reference.ts";

const takes = (pattern: Members, event: Members): boolean => holds(compileFilter({ pattern }), new EventView(event));

describe("a pattern", () => {
  it("holds when the reference says so", () => {
    fc.assert(
      fc.property(
        patterns,
        eventObjects.filter((event) => !isAmbiguous(event)),
        (pattern, event) => {
          expect(takes(pattern, event)).toBe(matches(pattern, event));
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it("lets a value fix the elements in which what is below its path must be absent", () => {
    const pattern = { a: ["x"], "a.b": [{ exists: false }] };
    for (const [a, expected] of [
      ["x", true],
      [["x", { b: 0 }], false],
      [[["x"], [{ b: 0 }]], true],
      [[[["x"], { b: 0 }]], true],
      [[["x", { b: 0 }], ["x"]], true],
    ] as const) {
      expect(matches(pattern, { a })).toBe(expected);
      expect(takes(pattern, { a })).toBe(expected);
    }
    const nested = { a: ["x", { exists: false }], "a.b": [{ exists: false }] };
    for (const [asked, a] of [
      [pattern, ["x", { b: 0 }, ["x"]]],
      [nested, [7, ["x"]]],
      [nested, ["x", { b: 0 }, ["x"]]],
    ] as const)
      expect([matches(asked, { a }), takes(asked, { a })]).toEqual([true, true]);
    const below = { data: { a: ["x"], "a.b": [{ exists: false }] } };
    const event = { data: [{ a: "x" }, { a: { b: 0 } }] };
    expect([matches(below, event), takes(below, event)]).toEqual([true, true]);
  });

  it("holds when the reference says so, of many alternatives", () => {
    const many = fc
      .tuple(fc.array(patterns, { minLength: 4, maxLength: 9 }), fc.option(patterns))
      .map(([branches, beside]) => ({ ...beside, $or: branches }))
      .filter((pattern) => isWithinLimits(pattern));
    const tally = { choices: 0, held: 0 };
    fc.assert(
      fc.property(
        many,
        eventObjects.filter((event) => !isAmbiguous(event)),
        (pattern, event) => {
          const condition = compileFilter({ pattern });
          if (JSON.stringify(condition).includes('"choice"')) tally.choices += 1;
          const held = takes(pattern, event);
          if (held) tally.held += 1;
          expect(held).toBe(matches(pattern, event));
        },
      ),
      { numRuns: 3_000 },
    );
    expect(Math.min(tally.choices, tally.held)).toBeGreaterThan(300);
  });

  it("holds on one value when the reference says so", () => {
    const value = fc.constantFrom(
      "",
      "a",
      "A",
      "ab",
      "aB",
      "ba",
      "bab",
      "é",
      "É",
      "*",
      0,
      1,
      1.5,
      2,
      3,
      10,
      true,
      false,
      null,
    );
    fc.assert(
      fc.property(patternValues, value, (values, one) => {
        const [pattern, event] = [{ v: values }, { v: one }];
        expect(takes(pattern, event)).toBe(matches(pattern, event));
      }),
      { numRuns: 3_000 },
    );
  });

  it("holds or its negation does, never both", () => {
    fc.assert(
      fc.property(patterns, eventObjects, (pattern, event) => {
        expect(holds(compileFilter({ not: { pattern } }), new EventView(event))).toBe(!takes(pattern, event));
      }),
    );
  });
});

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

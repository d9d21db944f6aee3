// Whether a text fits: against the definition, and how much of the text is looked at.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Characters, fitsWildcard } from "../../../src/core/filters/wildcard.ts";

/** The definition, tried out at every place: exponential, and so for few parts. */
function byDefinition([first = "", ...others]: readonly string[], value: string): boolean {
  if (others.length === 0) return value === first;
  if (!value.startsWith(first)) return false;
  const rest = value.slice(first.length);
  for (let start = 0; start <= rest.length; start += 1) if (byDefinition(others, rest.slice(start))) return true;
  return false;
}

const letters = (length: { readonly minLength?: number; readonly maxLength: number }) =>
  fc.array(fc.constantFrom("a", "a", "b", "😀"), length).map((units) => units.join(""));

describe("fitsWildcard()", () => {
  it("does what the definition says", () => {
    const parts = fc.array(letters({ maxLength: 3 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(parts, letters({ maxLength: 9 }), (wanted, value) => {
        expect(fitsWildcard(wanted, value)).toBe(byDefinition(wanted, value));
      }),
      { numRuns: 5_000 },
    );
  });

  it("fits what is made to fit", () => {
    const runs = fc.array(fc.tuple(letters({ maxLength: 4 }), letters({ maxLength: 4 })), { minLength: 1 });
    fc.assert(
      fc.property(runs, letters({ maxLength: 4 }), (pairs, last) => {
        const value = pairs.map(([part, run]) => part + run).join("") + last;
        expect(fitsWildcard([...pairs.map(([part]) => part), last], value)).toBe(true);
      }),
    );
  });

  /** The leftmost place of each part, tried at every one. */
  function byPlaces(parts: readonly string[], value: string): boolean {
    const last = parts.at(-1) ?? "";
    let from = (parts[0] ?? "").length;
    if (!value.startsWith(parts[0] ?? "") || !value.endsWith(last)) return false;
    for (const part of parts.slice(1, -1)) {
      while (from <= value.length && !value.startsWith(part, from)) from += 1;
      from += part.length;
    }
    return from + last.length <= value.length;
  }

  it("finds long parts as it finds short ones", () => {
    // Repeated, with a character here and there that is another one: parts nearly stand at many places, and some do.
    const long = fc
      .tuple(letters({ minLength: 1, maxLength: 4 }), fc.integer({ min: 190, max: 230 }), fc.array(fc.nat(999)))
      .map(([period, length, flaws]) => {
        const units = Array.from({ length }, (_, index) => period.charAt(index % period.length));
        for (const flaw of flaws.slice(0, 2)) units[flaw % length] = "b";
        return units.join("");
      });
    const tally = { fitting: 0, other: 0 };
    fc.assert(
      fc.property(
        fc.array(long, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(2), fc.nat(40)), { maxLength: 10 }),
        (middle, pieces) => {
          // Of ends of the parts, then all of them, and what is behind.
          const value = pieces.map(([part, start]) => (middle[part % middle.length] ?? "").slice(start)).join("");
          const parts = ["", ...middle, ""];
          const fits = byPlaces(parts, value);
          tally[fits ? "fitting" : "other"] += 1;
          expect(fitsWildcard(parts, value)).toBe(fits);
        },
      ),
      { numRuns: 3_000 },
    );
    expect(Math.min(tally.fitting, tally.other)).toBeGreaterThan(200);
  });

  const as = (length: number): string => "a".repeat(length);

  it.each<[string, readonly string[], string, boolean]>([
    ["at the very end", ["", as(201), ""], `b${as(201)}`, true],
    ["one short of it", ["", as(201), ""], `b${as(200)}`, false],
    ["across a star", ["", as(201), as(201), ""], as(402), true],
    ["not overlapping", ["", as(201), as(201), ""], as(401), false],
    ["not overlapping the beginning", [as(10), as(201), ""], as(210), false],
    ["not overlapping the end", ["", as(201), as(10)], as(210), false],
    ["up to both ends", [as(10), as(201), as(10)], as(221), true],
    ["behind a false start", ["", `${as(150)}b${as(100)}c`, ""], `${as(150)}b${as(150)}b${as(100)}c`, true],
  ])("finds a long part %s", (_, parts, value, fits) => {
    expect(fitsWildcard(parts, value)).toBe(fits);
  });

  /** How many characters are looked at for parts that are too long for `indexOf`. */
  function looks(parts: readonly string[], value: string): number {
    let count = 0;
    const counted: Characters = {
      length: value.length,
      startsWith: (text) => value.startsWith(text),
      endsWith: (text) => value.endsWith(text),
      indexOf(text, from) {
        expect(text.length).toBeLessThanOrEqual(250);
        return value.indexOf(text, from);
      },
      charCodeAt(index) {
        count += 1;
        return value.charCodeAt(index);
      },
    };
    expect(fitsWildcard(parts, counted)).toBe(fitsWildcard(parts, value));
    return count;
  }

  const many = as(100_000);
  it.each<[string, readonly string[], string]>([
    ["a flaw at the beginning", ["", `b${as(3_900)}`, ""], many],
    ["a flaw early on", ["", `${as(300)}b${as(3_600)}`, ""], many],
    ["a flaw at the end", ["", `${as(3_900)}b`, ""], many],
    ["many parts, of which the last is not there", ["", ...Array<string>(15).fill(as(250)), `${as(250)}b`, ""], many],
    ["nearly periodic", ["", `${"ab".repeat(150)}b${"ab".repeat(1_500)}`, ""], "ab".repeat(50_000)],
    ["a part that is nowhere", ["", "c".repeat(300), ""], many],
  ])("looks at each character once at most: %s", (_, parts, value) => {
    expect(fitsWildcard(parts, value)).toBe(false);
    expect(looks(parts, value)).toBeLessThanOrEqual(value.length);
  });

  it("does not look for a part that is longer than what remains", () => {
    expect(looks(["", as(100_001), ""], many)).toBe(0);
  });
});

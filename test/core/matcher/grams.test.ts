// Against a list of all texts.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Grams } from "../../../src/core/matcher/grams.ts";
import { entryNamed, found, tallyOf } from "./structure.ts";

const unit = fc.constantFrom("a", "a", "b", "😀", "😁");
const gram = fc.array(unit, { minLength: 1, maxLength: 4 }).map((units) => units.join(""));
const value = fc.array(unit, { maxLength: 12 }).map((units) => units.join(""));

describe("Grams", () => {
  it("finds the texts that a value contains, each once, and a drop leaves the others", () => {
    fc.assert(
      fc.property(
        fc.array(gram, { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.array(value, { minLength: 1, maxLength: 8 }),
        (texts, places, values) => {
          const tally = tallyOf();
          const grams = new Grams(tally);
          const entries = texts.map((text, id) => ({ text, id, drop: entryNamed(String(id), grams.bucket(text)) }));
          let mark = 0;
          const check = (): void => {
            expect(tally.entries).toBe(entries.length);
            for (const text of texts)
              expect(grams.find(text)?.key).toBe(entries.some((entry) => entry.text === text) ? text : undefined);
            for (const asked of values) {
              mark += 1;
              const expected = entries.filter(({ text }) => asked.includes(text)).map(({ id }) => String(id));
              expect(found(mark, (hits) => grams.look(asked, hits))).toEqual(expected.toSorted());
            }
          };
          check();
          for (const place of places) {
            for (const { drop } of entries.splice(place % (entries.length + 1), 1)) drop();
            check();
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("finds nothing once all have gone", () => {
    const grams = new Grams(tallyOf());
    for (const drop of ["a", "ab", "abc"].map((text) => entryNamed(text, grams.bucket(text)))) drop();
    expect(found(1, (hits) => grams.look("abc", hits))).toEqual([]);
    expect(["a", "ab", "abc"].filter((text) => grams.find(text) !== undefined)).toEqual([]);
  });
});

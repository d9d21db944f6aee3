// Against a list of all texts, from both ends, over an alphabet so small that they share most of what they have.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Affixes } from "../../../src/core/matcher/affixes.ts";
import { entryNamed, found, tallyOf } from "./structure.ts";

// Two pairs with a half in common each, and halves on their own.
const unit = fc.constantFrom("a", "a", "b", "😀", "😁", "\ud83d", "\ude00");
const text = fc.array(unit, { maxLength: 6 }).map((units) => units.join(""));
const ends = fc.constantFrom("beginning" as const, "end" as const);
const isAtEnd = (end: "beginning" | "end", value: string, affix: string): boolean =>
  end === "beginning" ? value.slice(0, affix.length) === affix : value.slice(value.length - affix.length) === affix;

describe("Affixes", () => {
  it("finds the texts that a value begins or ends with, and a drop leaves the others", () => {
    fc.assert(
      fc.property(
        ends,
        fc.array(text, { maxLength: 15 }),
        fc.array(fc.nat(), { maxLength: 15 }),
        fc.array(text, { minLength: 1, maxLength: 8 }),
        (end, texts, places, values) => {
          const tally = tallyOf();
          const tree = new Affixes(end, tally);
          const entries = texts.map((affix, id) => ({ affix, id, drop: entryNamed(String(id), tree.bucket(affix)) }));
          let mark = 0;
          const check = (): void => {
            expect(tally.entries).toBe(entries.length);
            for (const affix of texts) {
              const isThere = entries.some((entry) => entry.affix === affix);
              expect(tree.find(affix)?.key).toBe(isThere ? affix : undefined);
            }
            for (const value of values) {
              mark += 1;
              const fitting = entries.filter(({ affix }) => value.length >= affix.length && isAtEnd(end, value, affix));
              const expected = fitting.map(({ id }) => String(id));
              expect(found(mark, (hits) => tree.look(value, hits))).toEqual(expected.toSorted());
            }
          };
          check();
          for (const place of places) {
            for (const { drop } of entries.splice(place % (entries.length + 1), 1)) drop();
            check();
          }
          for (const { drop } of entries.splice(0)) drop();
          // Private members and all.
          expect(tree).toEqual(new Affixes(end, tally));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it.each(["beginning", "end"] as const)("has the empty text at the %s of every value", (end) => {
    const tree = new Affixes(end, tallyOf());
    const drop = entryNamed("empty", tree.bucket(""));
    expect(found(1, (hits) => tree.look("", hits))).toEqual(["empty"]);
    expect(found(2, (hits) => tree.look("a", hits))).toEqual(["empty"]);
    drop();
    expect(found(3, (hits) => tree.look("", hits))).toEqual([]);
    expect(tree.find("")).toBeUndefined();
  });

  it("finds no text that ends in the middle of another", () => {
    const tree = new Affixes("beginning", tallyOf());
    for (const affix of ["abcd", "abxy"]) entryNamed(affix, tree.bucket(affix));
    expect(["", "a", "ab", "abc", "abcde"].filter((affix) => tree.find(affix) !== undefined)).toEqual([]);
    expect(found(1, (hits) => tree.look("abc", hits))).toEqual([]);
  });
});

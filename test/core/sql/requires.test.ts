import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalString } from "../../../src/core/event.ts";
import { sqlHolds } from "../../../src/core/sql/evaluate.ts";
import { sqlRequires } from "../../../src/core/sql/requires.ts";
import { attributes, expression, sqlOf } from "./expressions.ts";

/** By attribute, values sorted; beginnings and ends with dots. */
const required = (text: string) =>
  Object.fromEntries(
    sqlRequires(sqlOf(text)).map(({ attribute, values, prefixes, suffixes }) => [
      attribute,
      [...values.toSorted(), ...prefixes.map((prefix) => `${prefix}…`), ...suffixes.map((suffix) => `…${suffix}`)],
    ]),
  );

describe("sqlRequires() names what an expression cannot do without", () => {
  it.each<[string, Readonly<Record<string, readonly string[]>>]>([
    ["type = 'x'", { type: ["x"] }],
    ["(((TYPE = 'x')))", { type: ["x"] }],
    ["'x' = type", { type: ["x"] }],
    ["type IN ('x', 'y', 'x')", { type: ["x", "y"] }],
    ["type LIKE 'x'", { type: ["x"] }],
    ["type LIKE 'a\\_b\\%'", { type: ["a_b%"] }],
    ["type LIKE ''", { type: [""] }],
    ["type = 'x' AND source = 'y'", { type: ["x"], source: ["y"] }],
    ["type = 'x' AND LENGTH(id) > 3 AND source = 'y'", { type: ["x"], source: ["y"] }],
    ["type = 'x' OR type = 'y'", { type: ["x", "y"] }],
    ["type = 'x' OR type IN ('y', 'z') OR type LIKE 'x'", { type: ["x", "y", "z"] }],
    ["(type = 'x' AND source = 's') OR (type = 'y' AND id = 'i')", { type: ["x", "y"] }],
    ["type IN ('x', 'y') AND type IN ('y', 'z')", { type: ["y"] }],
    ["type LIKE 'x%'", { type: ["x…"] }],
    ["type LIKE 'x_y%'", { type: ["x…"] }],
    ["type LIKE 'ab_'", { type: ["ab…"] }],
    ["type LIKE '%.created'", { type: ["….created"] }],
    ["type LIKE 'x%yz'", { type: ["…yz"] }],
    ["type LIKE '%😀_é'", { type: ["…é"] }],
    ["type LIKE 'x%' OR type = 'y' OR type LIKE '%z'", { type: ["y", "x…", "…z"] }],
    ["type LIKE 'x%' AND type = 'xy'", { type: ["xy"] }],
    ["type = 'xy' AND type LIKE 'x%'", { type: ["xy"] }],
    ["n LIKE '7%'", { n: ["7…"] }],
    // It never holds.
    ["type = 'x' AND type = 'y'", { type: [] }],
    // The literal is cast to the type that the attribute has.
    ["'007' = n", { n: ["007", "7"] }],
    ["'TRUE' = n", { n: ["TRUE", "true"] }],
    ["7 = n", { n: ["7", "true"] }],
    ["0 = n", { n: ["0", "false"] }],
    ["TRUE = n", { n: ["1", "true"] }],
    ["n IN ('+7', -1, FALSE)", { n: ["+7", "-1", "0", "7", "false", "true"] }],
    // Whatever is left of an OR without it is lost.
    ["type = 'x' AND (source = 's' OR EXISTS id)", { type: ["x"] }],
    ["constructor = 'x'", { constructor: ["x"] }],
  ])("%s", (text, requirements) => {
    // Also of an attribute that every object seems to have.
    expect(Object.entries(required(text))).toEqual(Object.entries(requirements));
  });

  it.each([
    // Cast to the type on the right, an attribute has endless spellings.
    "n = 7",
    "n = TRUE",
    "type = source",
    "type != 'x'",
    "type <> 'x'",
    "NOT (type = 'x')",
    "NOT type = 'x'",
    "type NOT IN ('x')",
    "type NOT LIKE 'x'",
    "type LIKE '%'",
    "type LIKE '%x%'",
    "type LIKE '_x%'",
    "type LIKE 'x%' OR EXISTS id",
    "type LIKE '_'",
    "type IN ('x', source)",
    "'x' IN (type)",
    "LOWER(type) = 'x'",
    "'x' = 'x'",
    "type = 'x' OR source = 'y'",
    "type = 'x' OR EXISTS id",
    "type = 'x' XOR type = 'y'",
    "(type = 'x') = TRUE",
    "(type = 'x') = FALSE",
    "BOOL(type = 'x')",
    "n > 7",
    "type",
    "TRUE",
  ])("and claims nothing of %s", (text) => {
    expect(sqlRequires(sqlOf(text))).toEqual([]);
  });

  it("is right whenever an expression holds", () => {
    const tally = { held: 0, claimed: 0 };
    fc.assert(
      fc.property(expression, attributes, (text, event) => {
        const parsed = sqlOf(text);
        if (!sqlHolds(parsed, event)) return;
        const requirements = sqlRequires(parsed);
        tally.held += 1;
        tally.claimed += requirements.length > 0 ? 1 : 0;
        for (const { attribute, values, prefixes, suffixes } of requirements) {
          expect(Object.hasOwn(event, attribute)).toBe(true);
          const shown = canonicalString(event[attribute] ?? "");
          const isMet = [
            values.includes(shown),
            prefixes.some((prefix) => shown.startsWith(prefix)),
            suffixes.some((suffix) => shown.endsWith(suffix)),
          ];
          expect(isMet).toContain(true);
        }
        expect(new Set(requirements.map(({ attribute }) => attribute)).size).toBe(requirements.length);
      }),
      { numRuns: 20_000 },
    );
    // The law was put to the test, and not of expressions alone that claim nothing.
    expect(tally.held).toBeGreaterThan(1_000);
    expect(tally.claimed).toBeGreaterThan(100);
  });

  it("takes an expression of SQL_NODES_MAX nodes in its stride", () => {
    const chain = (operator: string) => Array.from({ length: 250 }, (_, n) => `a='${n}'`).join(operator);
    expect(sqlRequires(sqlOf(chain(" OR ")))[0]?.values).toHaveLength(250);
    expect(sqlRequires(sqlOf(chain(" AND ")))).toEqual([{ attribute: "a", values: [], prefixes: [], suffixes: [] }]);
  });
});

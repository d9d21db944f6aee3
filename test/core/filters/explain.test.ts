// Explanations: each clause with what the event has there, and never another verdict than the matcher's.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explain } from "../../../src/core/filters/explain.ts";
import type { Filter } from "../../../src/core/filters/filter.ts";
import { EventView } from "../../../src/core/filters/view.ts";
import { EXPLAIN_CHARS_MAX, EXPLAIN_VALUES_MAX } from "../../../src/core/limits.ts";
import { createMatcher } from "../../../src/core/matcher/matcher.ts";
import type { Wanted } from "../../../src/core/subscription.ts";
import { eventObjects, patterns } from "./arbitraries.ts";

const FORM = {
  specversion: "1.0",
  id: "1",
  type: "order.created",
  source: "/shop",
  subject: "eu/42",
  priority: 7,
  data: {
    total: 90,
    currency: "EUR",
    items: [
      { sku: "a", qty: 1 },
      { sku: "b", qty: 5 },
    ],
    note: null,
  },
};

const ofFilters = (...filters: Filter[]): Wanted => ({ types: null, source: null, filters });
const clausesOf = (...filters: Filter[]) => explain(ofFilters(...filters), new EventView(FORM)).clauses;

describe("explain()", () => {
  it("tells types and source, and nothing of what is not wanted", () => {
    const wanted = { types: ["order.paid", "order.created"], source: "/app", filters: [] };
    expect(explain(wanted, new EventView(FORM))).toEqual({
      matched: false,
      clauses: [
        { pointer: "/types", wanted: wanted.types, observed: "order.created", matched: true },
        { pointer: "/source", wanted: "/app", observed: "/shop", matched: false },
      ],
    });
    expect(explain({ types: [], source: null, filters: [] }, new EventView(FORM))).toEqual({
      matched: true,
      clauses: [],
    });
  });

  it("tells each attribute, as the string that is compared, and nothing where there is none", () => {
    expect(clausesOf({ exact: { priority: "8", region: "eu" } }, { prefix: { subject: "eu/" } })).toEqual([
      { pointer: "/filters/0/exact/priority", wanted: "8", observed: "7", matched: false },
      { pointer: "/filters/0/exact/region", wanted: "eu", matched: false },
      { pointer: "/filters/1/prefix/subject", wanted: "eu/", observed: "eu/42", matched: true },
    ]);
  });

  it("tells any and not before what is in them", () => {
    const any: Filter = { any: [{ suffix: { subject: "43" } }, { not: { exact: { type: "order.created" } } }] };
    expect(clausesOf({ all: [any] }).map(({ pointer, matched }) => [pointer, matched])).toEqual([
      ["/filters/0/all/0/any", false],
      ["/filters/0/all/0/any/0/suffix/subject", false],
      ["/filters/0/all/0/any/1/not", false],
      ["/filters/0/all/0/any/1/not/exact/type", true],
    ]);
  });

  it("tells the value of an expression, and the error that makes it fail", () => {
    expect(clausesOf({ sql: "priority + 1 = 8" }, { sql: "missing = 1" })).toEqual([
      { pointer: "/filters/0/sql", wanted: "priority + 1 = 8", observed: { value: true, error: null }, matched: true },
      {
        pointer: "/filters/1/sql",
        wanted: "missing = 1",
        observed: { value: false, error: "missingAttribute" },
        matched: false,
      },
    ]);
  });

  it("tells each field of a pattern with the values there", () => {
    const pattern = {
      type: ["order.created"],
      "data.total": [{ numeric: [">", 100] }],
      data: { items: { sku: ["b"] }, note: [null], coupon: [{ exists: false }], "a/b~c": ["x"] },
    };
    expect(clausesOf({ pattern })).toEqual([
      { pointer: "/filters/0/pattern/type", wanted: ["order.created"], observed: "order.created", matched: true },
      {
        pointer: "/filters/0/pattern/data.total",
        wanted: [{ numeric: [">", 100] }],
        observed: 90,
        matched: false,
      },
      { pointer: "/filters/0/pattern/data/items/sku", wanted: ["b"], observed: ["b", "a"], matched: true },
      { pointer: "/filters/0/pattern/data/note", wanted: [null], observed: null, matched: true },
      { pointer: "/filters/0/pattern/data/coupon", wanted: [{ exists: false }], matched: true },
      { pointer: "/filters/0/pattern/data/a~1b~0c", wanted: ["x"], matched: false },
    ]);
  });

  it("tells the pattern itself where each field holds, but no element has them together", () => {
    const pattern = { data: { items: { sku: ["a"], qty: [5] } } };
    expect(clausesOf({ pattern }).map(({ pointer, matched }) => [pointer, matched])).toEqual([
      ["/filters/0/pattern", false],
      ["/filters/0/pattern/data/items/sku", true],
      ["/filters/0/pattern/data/items/qty", true],
    ]);
  });

  it("tells $or before its branches", () => {
    const pattern = { $or: [{ type: ["x"] }, { data: { currency: ["EUR"] } }] };
    expect(clausesOf({ pattern }).map(({ pointer, matched }) => [pointer, matched])).toEqual([
      ["/filters/0/pattern/$or", true],
      ["/filters/0/pattern/$or/0/type", false],
      ["/filters/0/pattern/$or/1/data/currency", true],
    ]);
  });

  it("shows as many values and characters as the limit, not more", () => {
    const many = Array.from({ length: EXPLAIN_VALUES_MAX + 1 }, (_, index) => index);
    const [values, text] = explain(
      ofFilters({ pattern: { data: { many: [EXPLAIN_VALUES_MAX], text: ["x"] } } }),
      new EventView({ ...FORM, data: { many, text: `😀${"é".repeat(EXPLAIN_CHARS_MAX)}z` } }),
    ).clauses;
    // The one that decides is not what is left out.
    expect(values?.observed).toEqual([EXPLAIN_VALUES_MAX, ...many.slice(0, EXPLAIN_VALUES_MAX - 1)]);
    const half = EXPLAIN_CHARS_MAX / 2;
    expect(text?.observed).toBe(`😀${"é".repeat(half - 2)}…${"é".repeat(half - 1)}z`);
  });

  it("shows what is there and has no value: an object, an empty array, a number over every double", () => {
    const pattern = { data: { o: [{ exists: true }], e: ["x"], i: [null], n: ["x"], deep: { x: ["x"] } } };
    const form = { ...FORM, data: { o: { k: 1 }, e: [], i: Number.POSITIVE_INFINITY, deep: [{ x: {} }] } };
    const { clauses } = explain(ofFilters({ pattern }), new EventView(form));
    expect(clauses.map(({ observed }) => observed)).toEqual([{}, [], "Infinity", undefined, {}]);
    expect(clauses[3]).not.toHaveProperty("observed");
  });

  it("gives the matcher's verdict, and one failing clause at the least where that is no", () => {
    fc.assert(
      fc.property(patterns, eventObjects, (pattern, data) => {
        const form = { ...FORM, data };
        const wanted = ofFilters({ pattern: { data: pattern } });
        const matcher = createMatcher();
        matcher.set("sub", wanted);
        const { matched, clauses } = explain(wanted, new EventView(form));
        expect(matched).toBe(matcher.match(form).length === 1);
        if (!matched) expect(clauses.some((clause) => !clause.matched)).toBe(true);
      }),
    );
  });
});

describe("nearest()", () => {
  it("has those that take the event first, then by how much is missing, at most so many", () => {
    const matcher = createMatcher();
    matcher.set("takes", ofFilters({ exact: { type: "order.created" } }));
    matcher.set("all", ofFilters());
    matcher.set("two", { types: ["x"], source: "/other", filters: [] });
    matcher.set("one", { types: ["order.created"], source: "/other", filters: [] });
    matcher.set("three", { types: ["x"], source: "/other", filters: [{ pattern: { data: { total: [1] } } }] });
    matcher.set("array", ofFilters({ pattern: { data: { items: { sku: ["a"], qty: [5] } } } }));
    const ids = matcher.nearest(new EventView(FORM), { limit: 10, walksMax: Infinity });
    expect(ids.slice(0, 2).toSorted()).toEqual(["all", "takes"]);
    expect(ids.slice(2, 4).toSorted()).toEqual(["array", "one"]);
    expect(ids.slice(4)).toEqual(["two", "three"]);
    expect(matcher.nearest(new EventView(FORM), { limit: 3, walksMax: Infinity })).toEqual(ids.slice(0, 3));
    expect(matcher.nearest(new EventView(FORM), { limit: 1, walksMax: Infinity })).toHaveLength(1);
  });

  it("looks into data as long as the walks last, and puts what seems near behind what is", () => {
    const matcher = createMatcher();
    for (let index = 0; index < 20; index++)
      matcher.set(
        `data${index}`,
        ofFilters({ pattern: { type: ["order.created"], data: { [`f${index}`]: [1], total: [2] } } }),
      );
    matcher.set("type", { types: ["x"], source: null, filters: [] });
    for (const walksMax of [0, 5, 1_000]) {
      const values = new EventView(FORM);
      const ids = matcher.nearest(values, { limit: 21, walksMax });
      expect(values.walks).toBeLessThanOrEqual(walksMax + 2);
      expect(ids.toSorted()).toEqual([...Array.from({ length: 20 }, (_, index) => `data${index}`), "type"].toSorted());
    }
  });

  it("is what match() says, as far as that goes", () => {
    const wanteds = fc.array(
      patterns.map((pattern) => ofFilters({ pattern })),
      { maxLength: 10 },
    );
    fc.assert(
      fc.property(wanteds, eventObjects, (list, form) => {
        const matcher = createMatcher();
        for (const [index, wanted] of list.entries()) matcher.set(`s${index}`, wanted);
        const taken = matcher.match(form);
        const ids = matcher.nearest(new EventView(form), { limit: list.length, walksMax: Infinity });
        expect(ids.slice(0, taken.length).toSorted()).toEqual(taken.toSorted());
        expect(ids.toSorted()).toEqual(list.map((_, index) => `s${index}`).toSorted());
      }),
    );
  });
});

// The matcher against a naive reading of what subscriptions want: the index must never be seen in the answers.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { compileWanted } from "../../../src/core/filters/compile.ts";
import type { Filter } from "../../../src/core/filters/filter.ts";
import { holds as conditionHolds } from "../../../src/core/filters/holds.ts";
import { EventView } from "../../../src/core/filters/view.ts";
import type { Members } from "../../../src/core/json-value.ts";
import { createMatcher } from "../../../src/core/matcher/matcher.ts";
import type { Wanted } from "../../../src/core/subscription.ts";
import { eventObjects, isAmbiguous, patterns } from "../filters/arbitraries.ts";
import { matches } from "../filters/reference.ts";

const ALL: Wanted = { types: null, source: null, filters: [] };

function eventOf(type: string, source: string, others: Members = {}): Members {
  return { ...others, specversion: "1.0", id: "1", source, type };
}

/** Written apart from src/, straight from docs/filters.md. */
function holds(filter: Filter, event: Members): boolean {
  const compared = (wanted: Readonly<Record<string, string>>, method: (value: string, part: string) => boolean) =>
    Object.entries(wanted).every(([name, part]) => {
      const found = Object.entries(event).find(([attribute]) => attribute === name);
      return found !== undefined && method(String(found[1]), part);
    });
  if ("exact" in filter) return compared(filter.exact, (value, part) => value === part);
  if ("prefix" in filter) return compared(filter.prefix, (value, part) => value.slice(0, part.length) === part);
  if ("suffix" in filter) return compared(filter.suffix, (value, part) => value.slice(-part.length) === part);
  if ("all" in filter) return !filter.all.some((inner) => !holds(inner, event));
  if ("any" in filter) return filter.any.some((inner) => holds(inner, event));
  if ("pattern" in filter) return matches(filter.pattern, event);
  if ("not" in filter) return !holds(filter.not, event);
  throw new Error("No test makes such a filter");
}

function takes(wanted: Wanted, event: Members): boolean {
  if (wanted.types !== null && wanted.types.length > 0 && !wanted.types.includes(String(event["type"]))) return false;
  if (wanted.source !== null && wanted.source !== event["source"]) return false;
  return wanted.filters.every((filter) => holds(filter, event));
}

// Few words, so that most of what is generated meets.
const type = fc.constantFrom("a", "ab", "b", "1 a", "constructor", "__proto__");
const source = fc.constantFrom("/a", "/b", "a", "ba", "1 a");
const comparisons = fc
  .record({ type, source, n: fc.constantFrom("1", "true", "a") }, { requiredKeys: [] })
  .map((entries) => Object.fromEntries(Object.entries(entries)))
  .filter((entries) => Object.keys(entries).length > 0);
const { filter: filters } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, depthIdentifier: "filter" },
    fc.record({ exact: comparisons }),
    fc.record({ exact: comparisons }),
    fc.record({ prefix: comparisons }),
    fc.record({ suffix: comparisons }),
    patterns.map((pattern) => ({ pattern: { data: pattern } })),
    patterns.map((pattern) => ({ pattern: { n: ["a", 1, true], data: pattern } })),
    fc.record({
      pattern: fc.record({
        type: fc.array(type, { minLength: 1, maxLength: 2 }),
        n: fc.constantFrom([1], ["1"], [{ exists: false }]),
      }),
    }),
    fc.record({ all: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie("filter") }),
  ),
}));
const wanteds: fc.Arbitrary<Wanted> = fc.record({
  types: fc.option(fc.array(type, { maxLength: 3 })),
  source: fc.option(source, { freq: 2 }),
  filters: fc.array(filters, { maxLength: 3 }),
});
const events = fc
  .tuple(
    type,
    source,
    fc.dictionary(fc.constant("n"), fc.constantFrom(1, true, "a", "1")),
    fc.option(eventObjects.filter((data) => !isAmbiguous(data))),
  )
  .map(([eventType, eventSource, others, data]) =>
    eventOf(eventType, eventSource, data === null ? others : { ...others, data }),
  );

it("match() agrees with a naive reading of every subscription", () => {
  fc.assert(
    fc.property(
      fc.array(wanteds, { maxLength: 20 }),
      fc.array(events, { minLength: 1, maxLength: 5 }),
      (list, sent) => {
        const matcher = createMatcher();
        for (const [index, wanted] of list.entries()) matcher.set(`sub_${index}`, wanted);
        expect(matcher.size).toBe(list.length);
        for (const event of sent) {
          const expected = list.flatMap((wanted, index) => (takes(wanted, event) ? [`sub_${index}`] : []));
          expect(matcher.match(event).toSorted()).toEqual(expected.toSorted());
        }
      },
    ),
    { numRuns: 500 },
  );
});

it("set() and delete() in any order leave what a fresh matcher would hold", () => {
  const change = fc.record({ id: fc.constantFrom("s1", "s2", "s3", "s4"), wanted: fc.option(wanteds) });
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 30 }),
      fc.array(events, { minLength: 1, maxLength: 5 }),
      (changes, sent) => {
        const matcher = createMatcher();
        const last = new Map<string, Wanted>();
        for (const { id, wanted } of changes) {
          if (wanted === null) {
            matcher.delete(id);
            last.delete(id);
          } else {
            matcher.set(id, wanted);
            last.set(id, wanted);
          }
        }
        const fresh = createMatcher();
        for (const [id, wanted] of last) fresh.set(id, wanted);
        expect(matcher.size).toBe(fresh.size);
        for (const event of sent) expect(matcher.match(event).toSorted()).toEqual(fresh.match(event).toSorted());
      },
    ),
    { numRuns: 500 },
  );
});

/** Few expressions, which are true of some events, false of others, and fail on others. */
const sqls = fc.constantFrom(
  "type = 'a'",
  "type = 'a' OR source = '/b'",
  "type LIKE 'a%' AND n = 1",
  "n LIKE '1%'",
  "source LIKE '%b'",
  "n IN ('a', 'true')",
  "NOT EXISTS n",
  "LENGTH(type) > 1",
  "n = 'x' OR TRUE",
  "n = 1 XOR type = 'b'",
  "UPPER(type) = 'A'",
  "LOWER(type) = 'A'",
  "TRIM(type) = 'A'",
  "LEFT(type, 1) = 'a'",
  "RIGHT(type, 1) = 'a'",
  "n = 'x' AND n = 'y'",
);

it("match() agrees with each condition by itself, in every dialect, whatever was there before", () => {
  const any = fc.oneof(
    filters,
    sqls.map((sql): Filter => ({ sql })),
    sqls.map((sql): Filter => ({ not: { sql } })),
    fc.tuple(sqls, filters).map(([sql, filter]): Filter => ({ any: [{ sql }, filter] })),
  );
  const some = fc.record({
    types: fc.option(fc.array(type, { maxLength: 2 })),
    source: fc.option(source),
    filters: fc.array(any, { maxLength: 2 }),
  });
  fc.assert(
    fc.property(
      fc.array(some, { maxLength: 12 }),
      fc.array(some, { maxLength: 12 }),
      fc.array(events, { minLength: 1, maxLength: 4 }),
      (before, list, sent) => {
        const matcher = createMatcher();
        for (const [index, wanted] of before.entries()) matcher.set(`s${index}`, wanted);
        for (const [index, wanted] of list.entries()) matcher.set(`s${index}`, wanted);
        for (let index = list.length; index < before.length; index++) matcher.delete(`s${index}`);
        for (const event of sent) {
          const expected = list.flatMap((wanted, index) =>
            conditionHolds(compileWanted(wanted), new EventView(event)) ? [`s${index}`] : [],
          );
          expect(matcher.match(event).toSorted()).toEqual(expected.toSorted());
        }
        for (const index of list.keys()) matcher.delete(`s${index}`);
        expect([matcher.size, matcher.bytes]).toEqual([0, 0]);
        for (const event of sent) expect(matcher.match(event)).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});

it("match() names exactly one of a filter and its negation", () => {
  fc.assert(
    fc.property(filters, events, (filter, event) => {
      const matcher = createMatcher();
      matcher.set("yes", { ...ALL, filters: [filter] });
      matcher.set("no", { ...ALL, filters: [{ not: filter }] });
      expect(matcher.match(event)).toHaveLength(1);
    }),
  );
});

it("match() keeps apart what differs in a function alone", () => {
  const matcher = createMatcher();
  for (const name of ["UPPER", "LOWER", "TRIM"])
    matcher.set(name, { ...ALL, filters: [{ sql: `${name}(type) = 'A'` }] });
  expect(matcher.match(eventOf("a", "/s"))).toEqual(["UPPER"]);
});

it("bytes comes back to nothing, whatever was shared", () => {
  const matcher = createMatcher();
  const empty = matcher.bytes;
  for (let index = 0; index < 5_000; index++)
    matcher.set("s", { ...ALL, filters: [{ pattern: { data: { a: [`v${index}`], b: [{ prefix: `p${index}` }] } } }] });
  expect(matcher.bytes).toBeGreaterThan(empty);
  matcher.delete("s");
  expect(matcher.bytes).toBe(empty);
});

it.each([0, 1])("match() looks at few of those that share a popular type, whatever came first (%i)", (first) => {
  const matcher = createMatcher();
  const groups = [
    () => Array.from({ length: 2_000 }, (_, index) => ({ ...ALL, types: [`type-${index}`] })),
    () =>
      Array.from({ length: 2_000 }, (_, index) => ({
        ...ALL,
        types: ["popular"],
        filters: [{ pattern: { data: { tenant: [`t${index}`] } } }],
      })),
  ];
  for (const group of [first, 1 - first])
    for (const [index, wanted] of (groups[group]?.() ?? []).entries()) matcher.set(`${group}.${index}`, wanted);
  let looks = 0;
  const data = new Proxy(
    { tenant: "t7" },
    {
      get(target, name) {
        looks += 1;
        return Reflect.get(target, name);
      },
    },
  );
  expect(matcher.match({ ...eventOf("popular", "/s"), data })).toEqual(["1.7"]);
  expect(looks).toBeLessThan(100);
});

it("match() names a subscription once, however often its type is listed", () => {
  const matcher = createMatcher();
  matcher.set("s", { ...ALL, types: ["a", "a", "b"] });
  expect(matcher.match(eventOf("a", "/s"))).toEqual(["s"]);
  matcher.delete("s");
  expect(matcher.match(eventOf("a", "/s"))).toEqual([]);
});

it("match() keeps type and source apart wherever one ends", () => {
  const matcher = createMatcher();
  matcher.set("s", { ...ALL, types: ["ab"], source: "c" });
  expect(matcher.match(eventOf("a", "bc"))).toEqual([]);
  expect(matcher.match(eventOf("abc", ""))).toEqual([]);
  expect(matcher.match(eventOf("ab", "c"))).toEqual(["s"]);
  matcher.set("t", { ...ALL, types: ["a b"], source: "c" });
  expect(matcher.match(eventOf("a", "b c"))).toEqual([]);
  expect(matcher.match(eventOf("a b", "c"))).toEqual(["t"]);
});

it("match() takes nothing when types and an exact filter contradict each other", () => {
  const matcher = createMatcher();
  matcher.set("s", { ...ALL, types: ["a"], filters: [{ exact: { type: "b" } }] });
  matcher.set("t", { ...ALL, source: "/a", filters: [{ exact: { source: "/b" } }] });
  for (const [eventType, eventSource] of [
    ["a", "/a"],
    ["b", "/b"],
    ["a", "/b"],
    ["b", "/a"],
  ] as const)
    expect(matcher.match(eventOf(eventType, eventSource))).toEqual([]);
});

it("set() replaces what the subscription wanted, and a shared condition outlives one of its users", () => {
  const matcher = createMatcher();
  const eu: Wanted = { ...ALL, filters: [{ prefix: { subject: "eu/" } }] };
  matcher.set("s", eu);
  matcher.set("t", eu);
  matcher.set("s", { ...ALL, types: ["other"] });
  expect(matcher.match(eventOf("a", "/s", { subject: "eu/1" }))).toEqual(["t"]);
  expect(matcher.match(eventOf("other", "/s", { subject: "us/1" }))).toEqual(["s"]);
  expect(matcher.size).toBe(2);
});

it("delete() of an id that is not in changes nothing", () => {
  const matcher = createMatcher();
  matcher.set("s", ALL);
  matcher.delete("t");
  expect(matcher.size).toBe(1);
  expect(matcher.match(eventOf("a", "/s"))).toEqual(["s"]);
});

it("match() finds one of many subscriptions, and deletion leaves none", () => {
  const matcher = createMatcher();
  const count = 20_000;
  for (let index = 0; index < count; index++)
    matcher.set(`s${index}`, { ...ALL, types: [`t${index % 1_000}`], source: `/${index}` });
  expect(matcher.size).toBe(count);
  expect(matcher.match(eventOf("t7", "/19007"))).toEqual(["s19007"]);
  expect(matcher.match(eventOf("t8", "/19007"))).toEqual([]);
  for (let index = 0; index < count; index++) matcher.delete(`s${index}`);
  expect(matcher.size).toBe(0);
  expect(matcher.match(eventOf("t7", "/19007"))).toEqual([]);
});

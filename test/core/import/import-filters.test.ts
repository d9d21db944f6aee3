// Translations of other services' filters: the vectors, which are the examples of their documentation and their traps, and each law on
// generated filters and events, with both languages read naively.
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { importFilters, type ImportRequest } from "../../../src/core/import/import-filters.ts";
import type { ImportedFilters } from "../../../src/core/import/imported.ts";
import { JSON_DEPTH_MAX } from "../../../src/core/limits.ts";
import { advancedFilterTakes, eventBridgeTakes, snsBodyTakes } from "./naive-sources.ts";
import { type Json, type Members, takes } from "./naive-target.ts";

interface Vector {
  readonly name: string;
  readonly request: ImportRequest;
  readonly result: ImportedFilters;
  readonly yes: readonly Members[];
  readonly no: readonly Members[];
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL("../../vectors/import.json", import.meta.url).pathname, "utf8"),
);

function translated(request: ImportRequest): ImportedFilters {
  const result = importFilters(request);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

describe("importFilters()", () => {
  it.each(vectors)("translates $name", ({ request, result, yes, no }) => {
    expect(importFilters(request)).toEqual({ ok: true, value: result });
    expect(yes.filter((event) => !takes(result, event))).toEqual([]);
    expect(no.filter((event) => takes(result, event))).toEqual([]);
  });

  it("has vectors of every service", () => {
    const count = (from: string) => vectors.filter(({ request }) => request.from === from).length;
    expect(Math.min(count("eventbridge"), count("sns"), count("eventgrid"))).toBeGreaterThanOrEqual(25);
    expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length);
  });
});

const word = fc.constantFrom("a", "b", "ab", "A", "ba", "");
const scalar: fc.Arbitrary<Json> = fc.oneof(word, fc.constantFrom(1, 2, 1.5, true, false, null));
const field = fc.constantFrom("x", "y", "z");

const operator: fc.Arbitrary<Json> = fc.oneof(
  scalar,
  fc.record({ prefix: fc.oneof(word, fc.record({ "equals-ignore-case": word })) }),
  fc.record({ suffix: word }),
  fc.record({ "equals-ignore-case": word }),
  fc.record({ wildcard: fc.constantFrom("a*", "*b", "*", "a*b") }),
  fc.record({
    "anything-but": fc.oneof(fc.constantFrom("a", 1), fc.constant(["a", "b"]), fc.constant({ prefix: "a" })),
  }),
  fc.record({ numeric: fc.constantFrom<Json>(["=", 1], [">", 1], [">=", 1, "<", 2]) }),
  fc.record({ exists: fc.boolean() }),
);

const fields = (depth: number): fc.Arbitrary<Members> => {
  const values: fc.Arbitrary<Json> = fc.array(operator, { minLength: 1, maxLength: 3 });
  return fc.dictionary(field, depth === 0 ? values : fc.oneof(values, fields(depth - 1)), { minKeys: 1, maxKeys: 3 });
};

const withOr = (inner: fc.Arbitrary<Members>): fc.Arbitrary<Members> =>
  fc
    .tuple(inner, fc.option(fc.array(inner, { minLength: 2, maxLength: 3 }), { nil: undefined }))
    .map(([members, branches]) => (branches === undefined ? members : { ...members, $or: branches }));

const payload: fc.Arbitrary<Members> = fc.dictionary(
  field,
  fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }), fc.dictionary(field, scalar, { maxKeys: 2 })),
  { maxKeys: 3 },
);

const required = { specversion: "1.0", id: "1" };

describe("a translation takes what the other service takes", () => {
  const texts = fc.array(fc.oneof(word, fc.record({ prefix: word }), fc.record({ exists: fc.boolean() })), {
    minLength: 1,
    maxLength: 2,
  });
  const envelope: fc.Arbitrary<Members> = fc.record(
    { source: texts, "detail-type": texts, region: texts, detail: withOr(fields(1)) },
    { requiredKeys: [] },
  );
  const cloudEvent: fc.Arbitrary<Members> = fc
    .record(
      { source: fc.constantFrom("a", "b"), type: fc.constantFrom("a", "b"), data: payload, awsregion: word },
      { requiredKeys: ["source", "type", "data"] },
    )
    .map((event) => ({ ...required, ...event }));

  it("of EventBridge, on every event", () => {
    const pattern = withOr(envelope.filter((members) => Object.keys(members).length > 0));
    fc.assert(
      fc.property(pattern, cloudEvent, (rule, event) => {
        const result = translated({ from: "eventbridge", rule, attributes: { region: "awsregion" } });
        expect(takes(result, event)).toBe(eventBridgeTakes(rule, event));
      }),
      { numRuns: 1_000 },
    );
  });

  it("of SNS message bodies, on every body without null or empty strings in arrays", () => {
    const body = payload.filter((members) =>
      Object.values(members).every((value) => !Array.isArray(value) || (!value.includes(null) && !value.includes(""))),
    );
    fc.assert(
      fc.property(withOr(fields(1)), body, (policy, data) => {
        const result = importFilters({ from: "sns", policy, scope: "MessageBody" });
        fc.pre(result.ok);
        const event = { ...required, source: "a", type: "a", data };
        expect(result.ok && takes(result.value, event)).toBe(snsBodyTakes(policy, data));
      }),
      { numRuns: 500 },
    );
  });

  const text = fc.constantFrom("a", "B", "ab", "Ab", "1-2", "x_y%", "*");
  const advanced: fc.Arbitrary<Members> = fc
    .record({
      key: fc.constantFrom("data.x", "data.y.z", "subject", "ext", "type"),
      operatorType: fc
        .constantFrom("StringIn", "StringNotIn", "StringContains", "StringNotContains", "StringBeginsWith")
        .chain((name) => fc.constantFrom(name, "StringNotBeginsWith", "StringEndsWith", "StringNotEndsWith")),
      values: fc.array(text, { minLength: 1, maxLength: 3 }),
    })
    .map((filter) => filter);
  const numbers: fc.Arbitrary<Members> = fc.oneof(
    fc.record({
      key: fc.constantFrom("data.x", "data.y.z"),
      operatorType: fc.constantFrom("NumberIn", "NumberNotIn"),
      values: fc.array(fc.constantFrom(1, 2, 1.5), { minLength: 1, maxLength: 2 }),
    }),
    fc.record({
      key: fc.constantFrom("data.x", "data.y.z"),
      operatorType: fc.constantFrom(
        "NumberLessThan",
        "NumberLessThanOrEquals",
        "NumberGreaterThan",
        "NumberGreaterThanOrEquals",
      ),
      value: fc.constantFrom(1, 2, 1.5),
    }),
    fc.record({
      key: fc.constantFrom("data.x", "data.y.z"),
      operatorType: fc.constantFrom("NumberInRange", "NumberNotInRange"),
      values: fc.constantFrom(
        [[1, 1.5]],
        [[1, 1]],
        [
          [0, 1],
          [2, 3],
        ],
      ),
    }),
    fc.record({
      key: fc.constantFrom("data.x", "data.y.z"),
      operatorType: fc.constant("BoolEquals"),
      value: fc.boolean(),
    }),
    fc.record({
      key: fc.constantFrom("data.x", "data.y.z", "subject", "ext"),
      operatorType: fc.constantFrom("IsNotNull", "IsNullOrUndefined"),
    }),
  );
  const key: fc.Arbitrary<Json> = fc.oneof(
    text,
    fc.constantFrom(1, 2, 1.5, true, false, null),
    fc.array(text, { minLength: 1, maxLength: 2 }),
    fc.array(fc.constantFrom(1, 2), { minLength: 1, maxLength: 2 }),
  );
  const gridEvent: fc.Arbitrary<Members> = fc
    .record(
      {
        subject: text,
        ext: fc.oneof(text),
        data: fc.record({ x: key, y: fc.record({ z: key }, { requiredKeys: [] }) }, { requiredKeys: [] }),
      },
      { requiredKeys: ["data"] },
    )
    .chain((event) => text.map((type) => ({ ...required, source: "a", type, ...event })));

  it("of Event Grid, on every event whose members are scalars or arrays of them", () => {
    const filters = fc.array(fc.oneof(advanced, numbers), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(filters, gridEvent, (advancedFilters, event) => {
        const filter = { advancedFilters, enableAdvancedFilteringOnArrays: true };
        const result = importFilters({ from: "eventgrid", filter });
        fc.pre(result.ok);
        const wanted = advancedFilters.every((one) => advancedFilterTakes(one, event, true));
        expect(result.ok && takes(result.value, event)).toBe(wanted);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("importFilters() on any JSON", () => {
  const pointsInto = (request: object, pointer: string): boolean => {
    let node: unknown = request;
    for (const token of pointer.split("/").slice(1)) {
      if (typeof node !== "object" || node === null) return false;
      node = Object.entries(node).find(([name]) => name === token.replaceAll("~1", "/").replaceAll("~0", "~"))?.[1];
    }
    return true;
  };

  it("never throws, and points into the request", () => {
    const from = fc.constantFrom("eventbridge", "sns", "eventgrid");
    const value = fc.oneof(fc.jsonValue(), withOr(fields(2)), fc.constant(undefined));
    const nearly = fc.record({ EventPattern: fc.json(), FilterPolicy: fc.json(), advancedFilters: fc.jsonValue() });
    fc.assert(
      fc.property(from, fc.oneof(value, nearly), value, fc.boolean(), (which, subject, other, body) => {
        const request: ImportRequest =
          which === "eventbridge"
            ? { from: which, rule: subject, attributes: other }
            : which === "sns"
              ? { from: which, policy: subject, attributes: other, scope: body ? "MessageBody" : undefined }
              : { from: which, filter: subject, schema: other, no_arrays: body };
        const result = importFilters(request);
        if (result.ok) return;
        expect(result.error.length).toBeGreaterThan(0);
        expect(result.error.filter(({ pointer }) => !pointsInto(request, pointer))).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses what is nested too deep, and reads what is just not", () => {
    const nestedRule = (levels: number): unknown => {
      let value: unknown = ["x"];
      for (let level = 0; level < levels - 2; level++) value = { a: value };
      return { detail: value };
    };
    expect(importFilters({ from: "eventbridge", rule: nestedRule(JSON_DEPTH_MAX) }).ok).toBe(true);
    for (const levels of [JSON_DEPTH_MAX + 1, 100_000]) {
      const rule = nestedRule(levels);
      const detail = `must nest at most ${JSON_DEPTH_MAX} levels`;
      expect(importFilters({ from: "eventbridge", rule })).toEqual({
        ok: false,
        error: [{ pointer: "/rule", detail: `rule ${detail}` }],
      });
      expect(importFilters({ from: "sns", policy: rule, scope: "MessageBody" }).ok).toBe(false);
      expect(importFilters({ from: "eventgrid", filter: rule }).ok).toBe(false);
    }
    const text = `{"detail":${'{"a":'.repeat(5_000)}[1]${"}".repeat(5_000)}}`;
    const result = importFilters({ from: "eventbridge", rule: { EventPattern: text } });
    expect(result.ok ? [] : result.error.map(({ pointer }) => pointer)).toEqual(["/rule/EventPattern"]);
  });
});

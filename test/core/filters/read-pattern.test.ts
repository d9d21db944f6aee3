// Patterns that are refused: where, in which words, and at which limits.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFilters } from "../../../src/core/filters/read-filters.ts";
import { exactness } from "../../../src/core/inexact.ts";
import {
  ATTRIBUTE_NAME_CHARS_MAX,
  ATTRIBUTE_VALUE_BYTES_MAX,
  PATTERN_ALTERNATIVES_MAX,
  PATTERN_DEPTH_MAX,
  PATTERN_FIELDS_MAX,
  PATTERN_PATH_CHARS_MAX,
  WILDCARD_STARS_MAX,
} from "../../../src/core/limits.ts";

function faultsOf(pattern: unknown) {
  const result = parseFilters([{ pattern }], "/filters");
  return result.ok ? [] : result.error;
}

/** Of what stands under `data.v`: the pointer behind that, and the words behind the name. */
function faultsOfValue(value: unknown) {
  return faultsOf({ data: { v: value } }).map(({ pointer, detail }) => [
    pointer.replace("/filters/0/pattern/data/v", ""),
    detail.replace(/^filters\.0\.pattern\.data\.v(\.\S+)? /, ""),
  ]);
}

const OPERATORS =
  "an operator is one of prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, cidr, exists, exactly";
const NETWORK = "must be a network like 10.0.0.0/8 or 2001:db8::/32";
const EXCLUDED = "must be a string, a number, an array of strings, an array of numbers or an object";

describe("a value of a pattern is refused", () => {
  it.each<[unknown, string, string]>([
    [[], "", "must not be empty"],
    ["x", "", "must be an object or an array of values"],
    [1, "", "must be an object or an array of values"],
    [null, "", "must be an object or an array of values"],
    [{}, "", "must not be empty"],
    [[["x"]], "/0", "must be a value or an object with an operator, not an array"],
    [["x", {}], "/1", `must have exactly one member, ${OPERATORS.replace(" is one", "")}`],
    [[{ prefix: "a", suffix: "b" }], "/0", `must have exactly one member, ${OPERATORS.replace(" is one", "")}`],
    [[{ prefixes: "a" }], "/0/prefixes", `is not known, ${OPERATORS}`],
    [[{ not: "a" }], "/0/not", `is not known, ${OPERATORS}`],
    [[{ prefix: 3 }], "/0/prefix", "must be a string"],
    [[{ prefix: { wildcard: "a*" } }], "/0/prefix", "must have exactly one member, equals-ignore-case"],
    [[{ suffix: { "equals-ignore-case": 5 } }], "/0/suffix/equals-ignore-case", "must be a string"],
    [[{ "equals-ignore-case": ["a"] }], "/0/equals-ignore-case", "must be a string"],
    [[{ exactly: 33 }], "/0/exactly", "must be a string"],
    [["\ud800"], "/0", "must not hold lone surrogates"],
    [[{ prefix: "\udfff" }], "/0/prefix", "must not hold lone surrogates"],
    [["x".repeat(ATTRIBUTE_VALUE_BYTES_MAX + 1)], "/0", `must have at most ${ATTRIBUTE_VALUE_BYTES_MAX} bytes`],
    [[{ wildcard: 5 }], "/0/wildcard", "must be a string"],
    [[{ wildcard: "a**b" }], "/0/wildcard", "must not have ** as at character 2"],
    [[{ wildcard: "a\\b" }], "/0/wildcard", "must have \\ only before * or \\, at character 2 it has not"],
    [[{ wildcard: "a\\" }], "/0/wildcard", "must have \\ only before * or \\, at character 2 it has not"],
    [[{ "anything-but": [] }], "/0/anything-but", "must not be empty"],
    [[{ "anything-but": null }], "/0/anything-but", EXCLUDED],
    [[{ "anything-but": true }], "/0/anything-but", EXCLUDED],
    [[{ "anything-but": ["a", 1] }], "/0/anything-but", EXCLUDED],
    [
      [{ "anything-but": { cidr: "10.0.0.0/8" } }],
      "/0/anything-but",
      "must have exactly one member, prefix or suffix or equals-ignore-case or wildcard",
    ],
    [[{ "anything-but": { prefix: "" } }], "/0/anything-but/prefix", "must not be empty"],
    [[{ "anything-but": { prefix: ["a", ""] } }], "/0/anything-but/prefix/1", "must not be empty"],
    [[{ "anything-but": { suffix: [] } }], "/0/anything-but/suffix", "must not be empty"],
    [
      [{ "anything-but": { wildcard: ["a", "b**"] } }],
      "/0/anything-but/wildcard/1",
      "must not have ** as at character 2",
    ],
    [[{ numeric: 5 }], "/0/numeric", "must be an array"],
    [[{ numeric: [] }], "/0/numeric/0", "must be one of =, <, <=, >, >="],
    [[{ numeric: ["<>", 1] }], "/0/numeric/0", "must be one of =, <, <=, >, >="],
    [[{ numeric: ["=", "5"] }], "/0/numeric/1", "must be a number"],
    [[{ numeric: ["<"] }], "/0/numeric/1", "must be a number"],
    [
      [{ numeric: ["<", 5, ">", 1] }],
      "/0/numeric",
      "must be one comparison, or one with > or >= and one with < or <= after it",
    ],
    [
      [{ numeric: [">", 1, "<", 5, "<", 6] }],
      "/0/numeric",
      "must be one comparison, or one with > or >= and one with < or <= after it",
    ],
    [[{ numeric: [">", 1, "=", 5] }], "/0/numeric/2", "must be one of <, <="],
    [[{ numeric: [">", 1, "<", "5"] }], "/0/numeric/3", "must be a number"],
    [[{ numeric: [">", 5, "<", 5] }], "/0/numeric/3", "must be over 5, the lower bound"],
    [[{ cidr: 10 }], "/0/cidr", "must be a string"],
    [[{ cidr: "10.0.0.0" }], "/0/cidr", NETWORK],
    [[{ cidr: "10.0.0.0/8/8" }], "/0/cidr", NETWORK],
    [[{ cidr: "10.0.0.256/8" }], "/0/cidr", NETWORK],
    [[{ cidr: "10.0.0.0/-1" }], "/0/cidr", NETWORK],
    [[{ cidr: "1::2::3/8" }], "/0/cidr", NETWORK],
    [[{ cidr: "10.0.0.0/32" }], "/0/cidr", "must have at most 31 bits in its mask"],
    [[{ cidr: "2001:db8::/128" }], "/0/cidr", "must have at most 127 bits in its mask"],
    [[{ exists: "true" }], "/0/exists", "must be true or false"],
  ])("%j", (value, pointer, words) => {
    expect(faultsOfValue(value)).toEqual([[pointer, words]]);
  });

  it("that is a number over every double, which would be stored as null", () => {
    expect(faultsOfValue([JSON.parse("1e400")])).toEqual([
      ["/0", "must be a number that a double keeps exactly, as RFC 8259 §6 advises"],
    ]);
  });

  it("with every fault of the list, in order", () => {
    expect(faultsOfValue([{ prefix: 1 }, "ok", { cidr: "x" }, [1]]).map(([pointer]) => pointer)).toEqual([
      "/0/prefix",
      "/2/cidr",
      "/3",
    ]);
  });
});

describe("a pattern is refused", () => {
  it.each<[unknown, string, string]>([
    [[1], "", "filters.0.pattern must be an object"],
    ["x", "", "filters.0.pattern must be an object"],
    [{}, "", "filters.0.pattern must not be empty"],
    [
      { detail: { total: [1] } },
      "/detail",
      "filters.0.pattern.detail is an attribute, and those have no parts: what a producer sends is below data",
    ],
    [
      { "subject.x": [1] },
      "/subject.x",
      "filters.0.pattern.subject.x is an attribute, and those have no parts: what a producer sends is below data",
    ],
    [
      { ["a".repeat(ATTRIBUTE_NAME_CHARS_MAX + 1)]: [1] },
      `/${"a".repeat(ATTRIBUTE_NAME_CHARS_MAX + 1)}`,
      `filters.0.pattern.${"a".repeat(ATTRIBUTE_NAME_CHARS_MAX + 1)} must have at most ${ATTRIBUTE_NAME_CHARS_MAX} characters`,
    ],
    [
      { "detail-type": ["x"] },
      "/detail-type",
      "filters.0.pattern.detail-type is at no event's top: there are attributes, named with a-z and 0-9, and data",
    ],
    [{ $or: { a: ["x"] } }, "/$or", "filters.0.pattern.$or must be an array"],
    [{ $or: [] }, "/$or", "filters.0.pattern.$or must have at least 2 entries"],
    [{ $or: [{ type: ["x"] }] }, "/$or", "filters.0.pattern.$or must have at least 2 entries"],
    [{ $or: [{ type: ["x"] }, ["y"]] }, "/$or/1", "filters.0.pattern.$or.1 must be an object"],
    [{ $or: [{ type: ["x"] }, {}] }, "/$or/1", "filters.0.pattern.$or.1 must not be empty"],
    [
      { $or: [{ type: ["x"] }, { prefix: ["y"] }] },
      "/$or/1/prefix",
      "filters.0.pattern.$or.1.prefix is the name of an operator, which no field in $or may have",
    ],
    [
      { data: { $or: [{ regex: ["x"] }, { a: ["y"] }] } },
      "/data/$or/0/regex",
      "filters.0.pattern.data.$or.0.regex is the name of an operator, which no field in $or may have",
    ],
  ])("%j", (pattern, pointer, detail) => {
    expect(faultsOf(pattern)).toEqual([{ pointer: `/filters/0/pattern${pointer}`, detail }]);
  });

  it("over each limit, not at it", () => {
    const nested = (levels: number): unknown => (levels === 0 ? ["x"] : { data: nested(levels - 1) });
    expect(faultsOf(nested(PATTERN_DEPTH_MAX))).toEqual([]);
    expect(faultsOf(nested(PATTERN_DEPTH_MAX + 1))[0]?.detail).toMatch(
      ` must nest at most ${PATTERN_DEPTH_MAX} levels`,
    );

    const path = (chars: number) => ({ data: { [".".repeat(chars - 5)]: ["x"] } });
    expect(faultsOf(path(PATTERN_PATH_CHARS_MAX))).toEqual([]);
    expect(faultsOf(path(PATTERN_PATH_CHARS_MAX + 1))).toEqual([
      {
        pointer: "/filters/0/pattern/data",
        detail: `filters.0.pattern.data must have paths of at most ${PATTERN_PATH_CHARS_MAX} characters`,
      },
    ]);

    const stars = (count: number) => ({ type: [{ wildcard: "a*".repeat(count) }] });
    expect(faultsOf(stars(WILDCARD_STARS_MAX))).toEqual([]);
    expect(faultsOf(stars(WILDCARD_STARS_MAX + 1))).toMatchObject([
      { detail: `filters.0.pattern.type.0.wildcard must have at most ${WILDCARD_STARS_MAX} stars` },
    ]);
  });

  it("over as many alternatives as the limit, not with so many", () => {
    const branches = (count: number) => Array.from({ length: count }, (_, index) => ({ type: [`t${index}`] }));
    const product = (last: number) => ({
      data: { $or: branches(10) },
      $or: [{ a: ["x"], $or: branches(10) }, ...branches(last)],
    });
    expect(faultsOf(product(PATTERN_ALTERNATIVES_MAX / 10 - 10))).toEqual([]);
    expect(faultsOf(product(PATTERN_ALTERNATIVES_MAX / 10 - 9))).toMatchObject([
      {
        pointer: "/filters/0/pattern/$or",
        detail: `filters.0.pattern.$or must make at most ${PATTERN_ALTERNATIVES_MAX} alternatives with all $or and all patterns of the filters`,
      },
    ]);
  });

  it("over as many fields as the limit, not with so many", () => {
    const fields = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, ["x"]]));
    const branches = Array.from({ length: 500 }, (_, index) => ({ type: [`t${index}`] }));
    expect(faultsOf({ data: { ...fields(PATTERN_FIELDS_MAX / 500 - 1) }, $or: branches })).toEqual([]);
    expect(faultsOf({ data: { ...fields(PATTERN_FIELDS_MAX / 500) }, $or: branches })).toMatchObject([
      {
        detail: `filters.0.pattern must have at most ${PATTERN_FIELDS_MAX} fields in all alternatives of the filters together`,
      },
    ]);
  });

  it("over the limits in all patterns of the filters together", () => {
    const branches = (count: number) => Array.from({ length: count }, (_, index) => ({ type: [`t${index}`] }));
    const filters = (last: number) => [
      { pattern: { $or: branches(PATTERN_ALTERNATIVES_MAX / 2) } },
      { not: { pattern: { $or: branches(last) } } },
    ];
    expect(parseFilters(filters(PATTERN_ALTERNATIVES_MAX / 2), "/filters").ok).toBe(true);
    const over = parseFilters(filters(PATTERN_ALTERNATIVES_MAX / 2 + 1), "/filters");
    expect(over.ok ? [] : over.error).toMatchObject([{ pointer: "/filters/1/not/pattern" }]);
  });

  it("that is large at once, not once all of it has been copied", () => {
    const fields = Object.fromEntries(Array.from({ length: 4_000 }, (_, index) => [`f${index}`, ["x"]]));
    let looked = 0;
    const branch = () =>
      new Proxy(
        { type: ["x"] },
        {
          ownKeys(target) {
            looked += 1;
            return Reflect.ownKeys(target);
          },
        },
      );
    const faults = faultsOf({ data: fields, $or: Array.from({ length: 10_000 }, branch) });
    expect(faults).toHaveLength(1);
    expect(looked).toBeLessThan(100);
  });

  it("with numbers that no double keeps, where they would be compared as numbers", () => {
    const read = (values: string) => {
      const text = `{"filters":[{"pattern":{"data":{"v":${values}}}}]}`;
      const { filters } = JSON.parse(text);
      const result = parseFilters(filters, "/filters", exactness(text));
      return result.ok ? [] : result.error.map(({ pointer }) => pointer.replace("/filters/0/pattern/data/v/0/", ""));
    };
    expect(read('[{"numeric":["=",9007199254740993]}]')).toEqual(["numeric/1"]);
    expect(read('[{"numeric":[">",0,"<",9007199254740993]}]')).toEqual(["numeric/3"]);
    expect(read('[{"numeric":["=",1e400]}]')).toEqual(["numeric/1"]);
    expect(read('[{"anything-but":9007199254740993}]')).toEqual(["anything-but"]);
    expect(read('[{"anything-but":[1,9007199254740993]}]')).toEqual(["anything-but/1"]);
    expect(read('[9007199254740993, {"numeric":["=",9007199254740992]}]')).toEqual([]);
  });

  it("never by an exception, whatever JSON it is", () => {
    const key = fc.constantFrom(
      "data",
      "a",
      "$or",
      "prefix",
      "numeric",
      "anything-but",
      "__proto__",
      "constructor",
      "a.b",
    );
    const { json } = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 6, depthIdentifier: "json" },
        fc.constantFrom(null, "", "a", "a*", ">", 1, true, -0, 1e308),
        fc.array(tie("json"), { maxLength: 4 }),
        fc.dictionary(key, tie("json"), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(json, (pattern) => {
        for (const { pointer, detail } of faultsOf(pattern)) {
          expect(pointer.startsWith("/filters/0/pattern")).toBe(true);
          expect(detail).toMatch(/^(filters\.0\.pattern|A name)/);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

// Filters: what they accept and reject, what is refused and where, what hostile input costs. The examples of docs/filters.md are cases.
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFilters, parseWanted } from "../../../src/core/filters/read-filters.ts";
import { compileFilter } from "../../../src/core/filters/compile.ts";
import type { Filter } from "../../../src/core/filters/filter.ts";
import { holds } from "../../../src/core/filters/holds.ts";
import { EventView } from "../../../src/core/filters/view.ts";
import { isOperator, OPERATOR_NAMES } from "../../../src/core/filters/read-values.ts";
import { createMatcher } from "../../../src/core/matcher/matcher.ts";
import {
  ATTRIBUTE_NAME_CHARS_MAX,
  ATTRIBUTE_VALUE_BYTES_MAX,
  ATTRIBUTES_MAX,
  FAULT_NAME_CHARS_MAX,
  FILTER_BYTES_MAX,
  FILTER_DEPTH_MAX,
  FILTER_NODES_MAX,
  FILTERS_MAX,
  PATTERN_ALTERNATIVES_MAX,
  PATTERN_DEPTH_MAX,
  PATTERN_FIELDS_MAX,
  PATTERN_PATH_CHARS_MAX,
  SQL_CHARS_MAX,
  SQL_DEPTH_MAX,
  SQL_NODES_MAX,
  SQL_STRING_CHARS_MAX,
  TYPES_MAX,
  WILDCARD_STARS_MAX,
} from "../../../src/core/limits.ts";
import { parseSql } from "../../../src/core/sql/parse.ts";

type Attributes = Readonly<Record<string, unknown>>;

interface Vectors {
  readonly match: readonly { name: string; filter: unknown; yes: readonly Attributes[]; no: readonly Attributes[] }[];
  readonly invalid: readonly { name: string; filters: unknown; pointers: readonly string[] }[];
}

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url).pathname, "utf8");
const vectors: Vectors = JSON.parse(read("../vectors/filters.json"));
const document = read("../../docs/filters.md");
const examples: readonly { filter: unknown; matching: readonly Attributes[]; not_matching: readonly Attributes[] }[] = [
  ...document.matchAll(/```json\n(.*?)```/gs),
].map(([, text = ""]) => JSON.parse(text));

function parsed(filter: unknown): Filter {
  const result = parseFilters([filter], "/filters");
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  const [only] = result.value;
  if (only === undefined) throw new Error("no filter");
  return only;
}

/** Everything in a JSON value, itself included. */
function partsOf(value: unknown): unknown[] {
  return typeof value === "object" && value !== null ? [value, ...Object.values(value).flatMap(partsOf)] : [value];
}

/** The members of all objects in a JSON value. */
const membersIn = (value: unknown): [string, unknown][] =>
  partsOf(value).flatMap((part) =>
    typeof part === "object" && part !== null && !Array.isArray(part) ? Object.entries(part) : [],
  );

/** What the examples have under the name of a dialect, at any depth. */
const shownAs = (dialect: string): unknown[] =>
  examples.flatMap(({ filter }) => membersIn(filter).flatMap(([name, value]) => (name === dialect ? [value] : [])));

/** The operators that a pattern uses, those inside of others behind the name of these. */
const operatorsIn = (pattern: unknown): string[] =>
  membersIn(pattern).flatMap(([name, operand]) => {
    if (name === "$or") return [name];
    if (!isOperator(name)) return [];
    const isObject = typeof operand === "object" && operand !== null && !Array.isArray(operand);
    return [name, ...(isObject ? Object.keys(operand).map((inner) => `${name} ${inner}`) : [])];
  });

/** The operators of an expression: the kind of each node, with what tells it from others of the kind. */
function operationsIn(text: string): string[] {
  const expression = parseSql(text);
  if (!expression.ok) throw new Error(JSON.stringify(expression.error));
  return partsOf(expression.value).flatMap((part) => {
    if (typeof part !== "object" || part === null || !("kind" in part)) return [];
    if ("operator" in part) return [`${String(part.kind)} ${String(part.operator)}`];
    return [`${String(part.kind)}${"isNegated" in part && part.isNegated === true ? " negated" : ""}`];
  });
}

/** Whether events are taken: as the condition says, and as the matcher finds. */
function takerOf(filter: Filter): (event: Attributes) => boolean {
  const condition = compileFilter(filter);
  const matcher = createMatcher();
  matcher.set("sub", { types: null, source: null, filters: [filter] });
  return (event) => {
    const taken = holds(condition, new EventView(event));
    expect(matcher.match(event)).toEqual(taken ? ["sub"] : []);
    return taken;
  };
}

function faultsOf(result: ReturnType<typeof parseFilters> | ReturnType<typeof parseWanted>) {
  return result.ok ? [] : result.error;
}

const pointersOf = (filters: unknown) => faultsOf(parseFilters(filters, "/filters")).map(({ pointer }) => pointer);

/** `levels` times `all` around one comparison. */
function nested(levels: number): unknown {
  let filter: unknown = { exact: { type: "a" } };
  for (let level = 0; level < levels; level++) filter = level % 2 === 0 ? { all: [filter] } : { not: filter };
  return filter;
}

const comparison = { exact: { type: "a" } };
const repeated = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe("compileFilter()", () => {
  it.each(vectors.match)("takes and passes over what it should: $name", ({ filter, yes, no }) => {
    const takes = takerOf(parsed(filter));
    expect(yes.filter((event) => !takes(event))).toEqual([]);
    expect(no.filter(takes)).toEqual([]);
  });

  it.each(examples.map((example) => ({ ...example, text: JSON.stringify(example.filter) })))(
    "does what docs/filters.md says: $text",
    ({ filter, matching, not_matching }) => {
      const takes = takerOf(parsed(filter));
      expect(matching.filter((event) => !takes(event))).toEqual([]);
      expect(not_matching.filter(takes)).toEqual([]);
    },
  );

  it("has an example of every dialect in docs/filters.md", () => {
    const shown = new Set(examples.flatMap(({ filter }) => Object.keys(parsed(filter))));
    expect([...shown].toSorted()).toEqual(["all", "any", "exact", "not", "pattern", "prefix", "sql", "suffix"]);
  });

  it("has an event that is not taken in every example of docs/filters.md", () => {
    expect(examples.filter(({ not_matching }) => not_matching.length === 0)).toEqual([]);
  });

  it("has an example of every operator of patterns in docs/filters.md, and of every one inside another", () => {
    const shown = new Set(shownAs("pattern").flatMap(operatorsIn));
    const inside = [
      ...["prefix", "suffix"].map((outer) => `${outer} equals-ignore-case`),
      ...["prefix", "suffix", "equals-ignore-case", "wildcard"].map((inner) => `anything-but ${inner}`),
    ];
    expect([...shown].toSorted()).toEqual([...OPERATOR_NAMES, ...inside, "$or"].toSorted());
  });

  it("has an example of every operator and function of SQL in docs/filters.md", () => {
    const expressions = shownAs("sql").map(String);
    const shown = new Set(expressions.flatMap(operationsIn));
    expect([...shown].toSorted()).toEqual(
      [
        ["literal", "attribute", "exists", "not", "minus", "call"],
        ["equality", "equality negated", "like", "like negated", "in", "in negated"],
        ["AND", "OR", "XOR"].map((operator) => `logic ${operator}`),
        ["<", "<=", ">", ">="].map((operator) => `comparison ${operator}`),
        ["+", "-", "*", "/", "%"].map((operator) => `arithmetic ${operator}`),
      ]
        .flat()
        .toSorted(),
    );
    // The table of functions is not exported: its names are read from where they stand.
    const names = [...read("../../src/core/sql/functions.ts").matchAll(/\[\s*"([A-Z_]+)",/g)].map(
      ([, name = ""]) => name,
    );
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !expressions.some((text) => new RegExp(`\\b${name}\\(`).test(text)))).toEqual([]);
    expect(names.filter((name) => !document.includes(`\`${name}(`))).toEqual([]);
  });

  it("disagrees with its negation on every event", () => {
    const word = fc.constantFrom("a", "b", "ab", "ba", "20", "true");
    const comparisons = fc.dictionary(fc.constantFrom("subject", "n", "constructor"), word, { minKeys: 1 });
    const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
      filter: fc.oneof(
        { maxDepth: 4, depthIdentifier: "filter" },
        fc.record({ exact: comparisons }),
        fc.record({ prefix: comparisons }),
        fc.record({ suffix: comparisons }),
        fc.record({ all: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }) }),
        fc.record({ any: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }) }),
        fc.record({ not: tie("filter") }),
      ),
    }));
    const value = fc.oneof(word, fc.integer({ min: -30, max: 30 }), fc.boolean());
    const event = fc.dictionary(fc.constantFrom("subject", "n", "constructor"), value);
    fc.assert(
      fc.property(filter, event, (generated, attributes) => {
        expect(takerOf({ not: generated })(attributes)).toBe(!takerOf(generated)(attributes));
        // What was read means the same as what was written.
        expect(takerOf(parsed(generated))(attributes)).toBe(takerOf(generated)(attributes));
      }),
    );
  });
});

describe("parseFilters()", () => {
  it("has the limits that docs/filters.md states", () => {
    const figures = [
      `| ${TYPES_MAX} strings`,
      `| ${FILTERS_MAX} filters`,
      `| ${FILTER_NODES_MAX} `,
      `| ${FILTER_DEPTH_MAX} `,
      `| 1 to ${ATTRIBUTES_MAX} `,
      `| 1 to ${ATTRIBUTE_NAME_CHARS_MAX} characters`,
      `| 1 to ${ATTRIBUTE_VALUE_BYTES_MAX.toLocaleString("en")} bytes`,
      `| ${FILTER_BYTES_MAX.toLocaleString("en")} bytes`,
      `| pattern: levels of objects and of \`$or\`, the pattern itself included | ${PATTERN_DEPTH_MAX} |`,
      `| pattern: characters of a path, its dots included | ${PATTERN_PATH_CHARS_MAX.toLocaleString("en")} |`,
      `| patterns: ways to choose one branch of every \`$or\`, all filters together | ${PATTERN_ALTERNATIVES_MAX.toLocaleString("en")} |`,
      `| patterns: fields of all these ways together | ${PATTERN_FIELDS_MAX.toLocaleString("en")} |`,
      `| pattern: stars of one \`wildcard\` | ${WILDCARD_STARS_MAX} |`,
      `| sql: characters of the expression | ${SQL_CHARS_MAX.toLocaleString("en")} |`,
      `| sql: levels of parentheses, arguments, lists of \`IN\`, \`NOT\` and minus in one another | ${SQL_DEPTH_MAX} |`,
      `| sql: literals, attributes, operators and function calls | ${SQL_NODES_MAX.toLocaleString("en")} |`,
      `| sql: characters of a String that a function makes | ${SQL_STRING_CHARS_MAX.toLocaleString("en")};`,
    ];
    // Cells are padded.
    const table = document.replaceAll(/ {2,}/g, " ");
    expect(figures.filter((figure) => !table.includes(figure))).toEqual([]);
  });

  it.each(vectors.invalid)("refuses with a pointer: $name", ({ filters, pointers }) => {
    expect(pointersOf(filters)).toEqual(pointers);
  });

  it("answers a copy that equals what was sent", () => {
    const sent = vectors.match.slice(0, FILTERS_MAX).map(({ filter }) => filter);
    const result = parseFilters(sent, "/filters");
    expect(result).toEqual({ ok: true, value: sent });
  });

  it("names the dialects to who asks for another", () => {
    expect(faultsOf(parseFilters([{ regex: {} }], "/f"))).toEqual([
      {
        pointer: "/f/0/regex",
        detail: "f.0.regex is not known, a dialect is one of exact, prefix, suffix, all, any, not, pattern, sql",
      },
    ]);
  });

  it("takes as many filters as the limit, not one more", () => {
    expect(pointersOf(repeated(FILTERS_MAX, comparison))).toEqual([]);
    expect(pointersOf(repeated(FILTERS_MAX + 1, comparison))).toEqual(["/filters"]);
  });

  it("takes as many levels as the limit, not one more", () => {
    expect(pointersOf([nested(FILTER_DEPTH_MAX)])).toEqual([]);
    const [fault, ...others] = faultsOf(parseFilters([nested(FILTER_DEPTH_MAX + 1)], "/filters"));
    expect(others).toEqual([]);
    expect(fault?.detail).toMatch(
      new RegExp(`^filters[.].* must nest at most ${FILTER_DEPTH_MAX} levels of all, any and not$`),
    );
  });

  it("takes as many dialect objects as the limit, not one more", () => {
    const of = (count: number) => [{ any: repeated(count - 3, comparison) }, { not: comparison }];
    expect(pointersOf(of(FILTER_NODES_MAX))).toEqual([]);
    const [fault, ...others] = faultsOf(parseFilters(of(FILTER_NODES_MAX + 1), "/filters"));
    expect(others).toEqual([]);
    expect(fault).toEqual({
      pointer: "/filters/1/not",
      detail: `filters must have at most ${FILTER_NODES_MAX} dialect objects in all; what follows was not read`,
    });
  });

  it("takes as many attributes as the limit, not one more", () => {
    const of = (count: number) => [
      { exact: Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, "x"])) },
    ];
    expect(pointersOf(of(ATTRIBUTES_MAX))).toEqual([]);
    expect(pointersOf(of(ATTRIBUTES_MAX + 1))).toEqual(["/filters/0/exact"]);
  });

  it("takes names and values as long as the limit, not longer", () => {
    const named = (chars: number) => [{ exact: { ["a".repeat(chars)]: "x" } }];
    expect(pointersOf(named(ATTRIBUTE_NAME_CHARS_MAX))).toEqual([]);
    expect(pointersOf(named(ATTRIBUTE_NAME_CHARS_MAX + 1))).toHaveLength(1);
    // Two bytes each.
    const valued = (chars: number) => [{ exact: { type: "é".repeat(chars) } }];
    expect(pointersOf(valued(ATTRIBUTE_VALUE_BYTES_MAX / 2))).toEqual([]);
    expect(pointersOf(valued(ATTRIBUTE_VALUE_BYTES_MAX / 2 + 1))).toEqual(["/filters/0/exact/type"]);
  });

  it("stops walking at the limits", () => {
    let walked = 0;
    const counted = () =>
      new Proxy(
        { exact: { type: "a" } },
        {
          ownKeys(target) {
            walked += 1;
            return Reflect.ownKeys(target);
          },
        },
      );
    expect(pointersOf([{ any: Array.from({ length: 10 * FILTER_NODES_MAX }, counted) }])).toHaveLength(1);
    expect(walked).toBeLessThan(FILTER_NODES_MAX);
    expect(pointersOf([nested(100_000)])).toHaveLength(1);
  });

  it("tells every fault, so that their number is true", () => {
    const wrong = {
      exact: Object.fromEntries(Array.from({ length: ATTRIBUTES_MAX }, (_, index) => [`A${index}`, "x"])),
    };
    const pointers = pointersOf(repeated(FILTERS_MAX, wrong));
    expect(new Set(pointers).size).toBe(FILTERS_MAX * ATTRIBUTES_MAX);
    expect(pointers).toHaveLength(FILTERS_MAX * ATTRIBUTES_MAX);
  });

  it("repeats a name up to the limit, and points to what holds a longer one", () => {
    const pointersWith = (chars: number) => {
      const name = "N".repeat(chars);
      return pointersOf([{ [name]: {} }, { exact: { [name]: "x" } }]);
    };
    const longest = "N".repeat(FAULT_NAME_CHARS_MAX);
    expect(pointersWith(FAULT_NAME_CHARS_MAX)).toEqual([`/filters/0/${longest}`, `/filters/1/exact/${longest}`]);
    expect(pointersWith(FAULT_NAME_CHARS_MAX + 1)).toEqual(["/filters/0", "/filters/1/exact"]);
  });

  it("refuses half a character, and takes a whole one of the same kind", () => {
    expect(pointersOf([{ exact: { type: "a\ud83d\ude00" } }])).toEqual([]);
    expect(pointersOf([{ exact: { type: "a\ud83d" } }, { prefix: { type: "\ude00" } }])).toEqual([
      "/filters/0/exact/type",
      "/filters/1/prefix/type",
    ]);
  });

  it("never throws, whatever JSON it is given, and always says where", () => {
    const dialect = fc.constantFrom("exact", "prefix", "all", "any", "not", "sql", "__proto__", "constructor");
    const { json } = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 6, depthIdentifier: "json" },
        fc.constantFrom(null, "", "a", 1, true),
        fc.array(tie("json"), { maxLength: 3 }),
        fc.dictionary(dialect, tie("json"), { maxKeys: 2 }),
      ),
    }));
    fc.assert(
      fc.property(json, (value) => {
        const result = parseFilters(value, "/filters");
        if (result.ok) expect(result.value).toEqual(value);
        else expect(result.error.every(({ pointer }) => pointer.startsWith("/filters"))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("parseWanted()", () => {
  const nothing = { types: null, source: null, filters: [] };

  it("reads absent and null as all", () => {
    expect(parseWanted({})).toEqual({ ok: true, value: nothing });
    expect(parseWanted({ types: null, source: null, filters: null })).toEqual({ ok: true, value: nothing });
  });

  it("keeps what it takes", () => {
    const wanted = { types: ["a", "b"], source: "/s", filters: [comparison] };
    expect(parseWanted(wanted)).toEqual({ ok: true, value: wanted });
    expect(parseWanted({ ...nothing, types: [] })).toEqual({ ok: true, value: { ...nothing, types: [] } });
  });

  it.each([
    [{ types: "a" }, ["/types"]],
    [{ types: {} }, ["/types"]],
    [{ types: ["a", "", 1, null] }, ["/types/1", "/types/2", "/types/3"]],
    [{ source: "" }, ["/source"]],
    [{ source: ["/s"] }, ["/source"]],
    [{ source: "s".repeat(ATTRIBUTE_VALUE_BYTES_MAX + 1) }, ["/source"]],
    [{ types: ["\ud800", "\ud83d\ude00"] }, ["/types/0"]],
    [{ source: "/s\udfff" }, ["/source"]],
    [{ filters: {} }, ["/filters"]],
    [{ types: 1, source: 2, filters: 3 }, ["/types", "/source", "/filters"]],
  ])("refuses with pointers: %j", (request, pointers) => {
    expect(faultsOf(parseWanted(request)).map(({ pointer }) => pointer)).toEqual(pointers);
  });

  it("takes as many types as the limit, not one more", () => {
    expect(parseWanted({ types: repeated(TYPES_MAX, "a") }).ok).toBe(true);
    expect(faultsOf(parseWanted({ types: repeated(TYPES_MAX + 1, "a") }))).toEqual([
      { pointer: "/types", detail: `types must have at most ${TYPES_MAX} entries` },
    ]);
  });

  it("tells the faults of all members, past any number of them", () => {
    const filters = repeated(2, {
      exact: Object.fromEntries(repeated(ATTRIBUTES_MAX, 0).map((_, i) => [`A${i}`, "x"])),
    });
    const faults = faultsOf(parseWanted({ types: repeated(TYPES_MAX, ""), source: "", filters }));
    expect(faults).toHaveLength(TYPES_MAX + 1 + 2 * ATTRIBUTES_MAX);
  });

  it("takes as many bytes as the limit, not one more", () => {
    // Each type has its quotes and a comma.
    const types = repeated(4, "a".repeat(4_000));
    const used = JSON.stringify({ ...nothing, types: [...types, ""] }).length;
    const filled = (bytes: number) => parseWanted({ types: [...types, "a".repeat(bytes - used)] });
    expect(filled(FILTER_BYTES_MAX).ok).toBe(true);
    expect(faultsOf(filled(FILTER_BYTES_MAX + 1))).toEqual([
      {
        pointer: "",
        detail: `types, source and filters must have at most ${FILTER_BYTES_MAX} bytes as JSON together`,
      },
    ]);
  });
});

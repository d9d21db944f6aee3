/** Events and filters whose shape is made to be slow: deep, wide, with many members, and with conditions that multiply. */
import { type AdversarialCase, listOf, ofFilters, ofPattern, PRODUCT } from "./adversarial-values.ts";

/** `inner` under so many members named `name`. */
function nested(depth: number, name: string, inner: unknown): object {
  let value = inner;
  for (let level = 0; level < depth; level += 1) value = { [name]: value };
  return { data: value };
}

function nestedArrays(depth: number, inner: unknown): unknown {
  let value = inner;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}

const DEEP: readonly AdversarialCase[] = [
  {
    name: "deeper members",
    size: 31,
    builds: true,
    make: (size) => ({ wanted: [ofPattern(nested(size, "d", ["x"]))], event: nested(size, "d", "x") }),
  },
  {
    name: "deeper arrays",
    size: 31,
    builds: false,
    make: (size) => ({
      wanted: [ofPattern({ data: { tags: ["x"] } })],
      event: { data: { tags: nestedArrays(size, "x") } },
    }),
  },
  {
    name: "deeper, an array at each level",
    size: 15,
    builds: true,
    make: (size) => {
      let pattern: unknown = ["x"];
      let value: unknown = "y";
      for (let level = 0; level < size; level += 1) {
        pattern = { one: pattern, other: ["z"] };
        value = [{ one: value, other: "z" }, { one: "x" }];
      }
      return { wanted: [ofPattern({ data: pattern ?? {} })], event: { data: value } };
    },
  },
];

/** Elements of which each satisfies one field, and none both. */
const halves = (length: number): object[] =>
  listOf(length, (index) => (index % 2 === 0 ? { a: "x", b: "no" } : { a: "no", b: "y" }));

const ARRAYS: readonly AdversarialCase[] = [
  {
    name: "wide array, two fields",
    size: 25_000,
    builds: false,
    make: (size) => ({
      wanted: [ofPattern({ data: { items: { a: ["x"], b: ["y"] } } })],
      event: { data: { items: halves(size) } },
    }),
  },
  {
    name: "wide array, one value",
    size: 25_000,
    builds: false,
    make: (size) => ({
      wanted: [ofPattern({ data: { tags: ["x"] } }), ofPattern({ data: { tags: [{ "anything-but": ["x"] }] } })],
      event: { data: { tags: listOf(size, () => "x") } },
    }),
  },
  {
    name: "three wide arrays",
    size: 2_000,
    builds: false,
    make: (size) => ({
      wanted: [ofPattern({ data: { xs: { a: ["x"] }, ys: { b: ["y"] }, zs: { c: ["none"] } } })],
      event: { data: { xs: halves(size), ys: halves(size), zs: halves(size) } },
    }),
  },
  {
    name: "wide arrays in a wide array",
    size: 10_000,
    builds: false,
    make: (size) => {
      const width = Math.round(Math.sqrt(size));
      const group = (index: number): object => ({ name: index % 2 === 0 ? "x" : "y", items: halves(width) });
      const pattern = { data: { groups: { name: ["x"], items: { a: ["x"], b: ["y"] } } } };
      return { wanted: [ofPattern(pattern)], event: { data: { groups: listOf(size / width, group) } } };
    },
  },
  {
    name: "two fields, more elements",
    size: 1_000,
    builds: false,
    make: (size) => ({ wanted: pairs(500), event: { data: { items: listOf(size, () => ({ a: "x", b: "none" })) } } }),
  },
  {
    name: "two fields, more of them",
    size: 1_000,
    builds: true,
    make: (size) => ({ wanted: pairs(size), event: { data: { items: listOf(500, () => ({ a: "x", b: "none" })) } } }),
  },
  {
    name: "two fields, each its element",
    exponentMax: PRODUCT,
    size: 1_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => ofPattern({ data: { items: { a: [`a${index}`], b: [`b${index}`] } } })),
      event: { data: { items: listOf(size, (index) => ({ a: `a${index}`, b: `b${index + 1}` })) } },
    }),
  },
];

/** All ask for the same field, and each for another of its own. */
const pairs = (count: number): object[] =>
  listOf(count, (index) => ofPattern({ data: { items: { a: ["x"], b: [`b${index}`] } } }));

const fieldsOf = (names: readonly string[]): object => ({
  data: Object.fromEntries(names.map((name, index) => [name, index])),
});
/** Names that are numbers, all of them multiples of a power of two. */
const numbered = (index: number): string => String(index * 2 ** 18);

const MEMBERS: readonly AdversarialCase[] = [
  {
    name: "paths of their own, one there",
    size: 2_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => ofPattern({ data: { [`field${index}`]: [17] } })),
      event: { data: { field17: 17 } },
    }),
  },
  {
    name: "paths of their own, all there",
    // The same slower way, of maps that leave the cache.
    exponentMax: 1.6,
    size: 1_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => ofPattern({ data: { [`field${index}`]: [index] } })),
      event: fieldsOf(listOf(size, (index) => `field${index}`)),
    }),
  },
  {
    name: "paths that are numbers",
    size: 1_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => ofPattern({ data: { [numbered(index)]: [{ exists: true }] } })),
      event: fieldsOf(listOf(size, (index) => numbered(index))),
    }),
  },
  {
    name: "members that nobody asks for",
    size: 10_000,
    builds: false,
    make: (size) => ({
      wanted: [ofPattern({ data: { wanted: ["x"] } })],
      event: fieldsOf(listOf(size, (index) => `field${index}`)),
    }),
  },
  {
    name: "absent members",
    // Each is evaluated for every event. Beyond some thousand names the engine looks a missing member up in a slower way.
    exponentMax: PRODUCT,
    size: 1_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => ofPattern({ data: { [`field${index}`]: [{ exists: false }] } })),
      event: { data: { other: 1 } },
    }),
  },
];

const CONDITIONS: readonly AdversarialCase[] = [
  {
    name: "$or beside $or",
    // Alternatives multiply, up to PATTERN_ALTERNATIVES_MAX: with one more it is refused.
    exponentMax: 6,
    size: 4,
    builds: true,
    make: (size) => {
      const either = { $or: [{ a: ["x"] }, { b: ["y"] }] };
      const pattern = Object.fromEntries(listOf(size, (index) => [`p${index}`, either]));
      const value = Object.fromEntries(
        listOf(size, (index) => [`p${index}`, index < size - 1 ? { a: "x", b: "y" } : {}]),
      );
      return { wanted: [ofPattern({ data: pattern })], event: { data: value } };
    },
  },
  {
    name: "any beside any",
    size: 5,
    builds: true,
    make: (size) => ({
      wanted: [
        ofFilters(
          ...listOf(size, (index) => ({
            any: [{ exact: { [`a${index}`]: "x" } }, { not: { prefix: { [`a${index}`]: "x" } } }],
          })),
        ),
      ],
      event: Object.fromEntries(listOf(size, (index) => [`a${index}`, "xy"])),
    }),
  },
  {
    name: "any, more of them",
    size: 40,
    builds: true,
    make: (size) => ({
      wanted: [ofFilters({ any: listOf(size, (index) => ({ suffix: { subject: `${index}b` } })) })],
      event: { subject: "a".repeat(4_000) },
    }),
  },
  {
    name: "sql, more terms",
    // What each OR requires is a copy of what its sides do: at most SQL_NODES_MAX of them.
    exponentMax: PRODUCT,
    size: 50,
    builds: true,
    make: (size) => ({
      wanted: [ofFilters({ sql: listOf(size, (index) => `subject = 'value-${index}'`).join(" OR ") })],
      event: { subject: "other" },
    }),
  },
  {
    name: "sql LIKE '%a%a…%b', longer",
    size: 1_000,
    builds: false,
    make: (size) => ({
      wanted: [ofFilters({ sql: `subject LIKE '${"%a".repeat(16)}%b'` })],
      event: { subject: "a".repeat(size) },
    }),
  },
];

export const SHAPE_CASES: readonly AdversarialCase[] = [...DEEP, ...ARRAYS, ...MEMBERS, ...CONDITIONS];

/** What is slow when two things meet that grow together, such as the values of an event and the ranges they are held against; and orders. */
import { type AdversarialCase, listOf, ofPattern, PRODUCT } from "./adversarial-values.ts";

const onValue = (...tests: readonly unknown[]): object => ofPattern({ data: { value: tests } });
const membersOf = (count: number, make: (index: number) => readonly [string, unknown]): object =>
  Object.fromEntries(listOf(count, make));

/** Numbers of one digit: as many as an event has room for when the case is largest. */
const digits = (count: number): object => ({ data: { value: listOf(count, (index) => index % 10) } });
const NUMBERS_PER_RANGE = 500;

/** Looks random: such an order was once that of the priorities of a tree, which it made a list of. */
function scattered(count: number): number {
  const mixed = Math.imul(count, 0x9e37_79b1);
  return Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b) >>> 0;
}

const RANGES: readonly AdversarialCase[] = [
  {
    name: "ranges x numbers, all found",
    size: 250,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue({ numeric: [">", -index - 1, "<", index + 10] })),
      event: digits(NUMBERS_PER_RANGE * size),
    }),
  },
  {
    name: "ranges x numbers, every second found",
    size: 250,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue({ numeric: [">", -index - 1, "<", index % 2 === 0 ? 10 : -index] })),
      event: digits(NUMBERS_PER_RANGE * size),
    }),
  },
  {
    name: "ranges x numbers, bounds at them",
    size: 250,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) =>
        onValue({ numeric: index % 2 === 0 ? [">", 9, "<", index + 10] : [">", -index, "<", 0] }),
      ),
      event: digits(NUMBERS_PER_RANGE * size),
    }),
  },
  {
    name: "ranges in an order made for a tree",
    size: 5_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue({ numeric: [">", scattered(index + 1)] })),
      event: { data: { value: 0 } },
    }),
  },
  {
    name: "ranges in rising order",
    size: 5_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue({ numeric: [">", index] })),
      event: { data: { value: 0 } },
    }),
  },
];

const LEVEL = "a.b";

const DOTS: readonly AdversarialCase[] = [
  {
    name: "keys with dots, more of them",
    size: 10_000,
    builds: false,
    make: (size) => ({
      wanted: [ofPattern({ data: { a: { b0: [0], b1: ["none"] } } })],
      event: { data: membersOf(size, (index) => [`a.b${index}`, index]) },
    }),
  },
  {
    name: "keys with dots x subscriptions",
    exponentMax: PRODUCT,
    size: 250,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => ofPattern({ data: { a: { b0: [0], [`b${index}`]: ["none", index + 1] } } })),
      event: { data: membersOf(10 * size, (index) => [`a.b${index}`, index]) },
    }),
  },
  {
    name: "keys with dots at each level",
    size: 30,
    builds: false,
    make: (size) => {
      let value: unknown = "x";
      for (let level = 0; level < size; level += 1) value = { [LEVEL]: value, "c.d": "y", [`e${level}`]: level };
      const path = listOf(size, () => LEVEL).join(".");
      return { wanted: [ofPattern({ data: { [path]: ["x"], "c.d": ["z", "y"] } })], event: { data: value } };
    },
  },
  {
    name: "keys with dots, longer",
    size: 1_000,
    builds: false,
    make: (size) => ({
      wanted: [ofPattern({ data: { a: { b: [0] }, c: ["x"] } })],
      event: { data: { ["a.".repeat(size)]: 0, "a.b": 0, c: "y" } },
    }),
  },
];

const KEYS_PER_ALTERNATIVE = 160;

const ALTERNATIVES: readonly AdversarialCase[] = [
  {
    name: "wide event x alternatives",
    size: 140,
    builds: true,
    make: (size) => ({
      // None holds, and no value of the event says so.
      wanted: [
        ofPattern({ type: ["a.b"], data: { $or: listOf(size, (index) => ({ [`a${index}`]: [{ exists: false }] })) } }),
      ],
      event: { data: membersOf(KEYS_PER_ALTERNATIVE * size, (index) => [`a${index}`, 0]) },
    }),
  },
  {
    name: "wide event x subscriptions",
    size: 140,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => ofPattern({ type: ["a.b"], data: { [`a${index}`]: [{ exists: false }] } })),
      event: { data: membersOf(KEYS_PER_ALTERNATIVE * size, (index) => [`a${index}`, 0]) },
    }),
  },
];

const fieldsOf = (count: number) => membersOf(count, (index) => [`f${index}`, [0]]);
const branchesOf = (count: number) => listOf(count, (index) => ({ [`b${index}`]: [0] }));

const READING: readonly AdversarialCase[] = [
  {
    name: "reading fields x branches",
    size: 170,
    builds: false,
    reads: true,
    make: (size) => ({
      wanted: [
        ofPattern({
          data: {
            ...fieldsOf(size),
            $or: branchesOf(size),
          },
        }),
      ],
      event: {},
    }),
  },
  {
    name: "reading branches x fields",
    size: 170,
    builds: false,
    reads: true,
    make: (size) => ({
      wanted: [
        ofPattern({
          data: {
            $or: branchesOf(size),
            ...fieldsOf(size),
          },
        }),
      ],
      event: {},
    }),
  },
];

const ofType = (type: string): object => ({ types: [type], source: null, filters: [] });
const popular = (index: number): object => ({
  types: ["popular"],
  source: null,
  filters: [{ pattern: { data: { tenant: [`tenant-${index}`] } } }],
});
const ofTenant = { type: "popular", data: { tenant: "tenant-17" } };
/** One subscription takes the event whatever their number: it is to be found without the others. */
const FOUND_ALONE = 0.5;

const ORDERS: readonly AdversarialCase[] = [
  {
    name: "many types, then one of many tenants",
    size: 1_000,
    builds: true,
    matchExponentMax: FOUND_ALONE,
    make: (size) => ({
      wanted: [...listOf(size, (index) => ofType(`type-${index}`)), ...listOf(size, popular)],
      event: ofTenant,
    }),
  },
  {
    name: "one type of many tenants, then many",
    size: 1_000,
    builds: true,
    matchExponentMax: FOUND_ALONE,
    make: (size) => ({
      wanted: [...listOf(size, popular), ...listOf(size, (index) => ofType(`type-${index}`))],
      event: ofTenant,
    }),
  },
  {
    name: "many types and tenants in turn",
    size: 1_000,
    builds: true,
    matchExponentMax: FOUND_ALONE,
    make: (size) => ({
      wanted: listOf(size, (index) => [ofType(`type-${index}`), popular(index)]).flat(),
      event: ofTenant,
    }),
  },
];

export const PRODUCT_CASES: readonly AdversarialCase[] = [...RANGES, ...DOTS, ...ALTERNATIVES, ...READING, ...ORDERS];

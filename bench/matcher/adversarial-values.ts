/** Texts, numbers and lists that are made to be slow: one thing grows per case, so that what it costs can be seen growing with it. */

export interface AdversarialCase {
  readonly name: string;
  /** The smallest size; it is doubled twice. */
  readonly size: number;
  /** False where a subscription's size or number does not grow. */
  readonly builds: boolean;
  /** True where the first subscription is only read, as when it is written, and may be refused: of some the refusal is slow. */
  readonly reads?: boolean;
  /** What the growth of a match may have at most, where what it finds does not grow. */
  readonly matchExponentMax?: number;
  /** What any growth may have, where another one than that of one size is right: the case says why. */
  readonly exponentMax?: number;
  make(size: number): {
    readonly wanted: readonly object[];
    /** Members of the event beside its required attributes. */
    readonly event: object;
  };
}

/** Subscriptions and event grow together: each that is found is evaluated on all of the event. */
export const PRODUCT = 2.1;

export const ofPattern = (pattern: object): object => ofFilters({ pattern });
export const ofFilters = (...filters: readonly object[]): object => ({ types: null, source: null, filters });
export const listOf = <T>(length: number, make: (index: number) => T): T[] =>
  Array.from({ length }, (_, index) => make(index));

const onValue = (...tests: readonly unknown[]): object => ofPattern({ data: { value: tests } });
const valued = (value: unknown): object => ({ data: { value } });
const as = (length: number): string => "a".repeat(length);
const stars = (count: number, end: string): string => `${"*a".repeat(count)}*${end}`;

const WILDCARDS: readonly AdversarialCase[] = [
  {
    name: "*a*a…*b*c, longer value",
    size: 65_536,
    builds: false,
    make: (size) => ({ wanted: [onValue({ wildcard: stars(16, "b*c") })], event: valued(`${as(size)}c`) }),
  },
  {
    name: "*a*a…*b*, more stars",
    size: 16,
    builds: true,
    make: (size) => ({ wanted: [onValue({ wildcard: stars(size, "b*") })], event: valued(as(65_536)) }),
  },
  {
    name: "*a*a…*b*c, more of them",
    size: 250,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue({ wildcard: stars(8, `${index}b*c`) })),
      event: valued(`${as(4_096)}c`),
    }),
  },
  {
    name: "*baaa…*, longer value",
    size: 65_536,
    builds: false,
    make: (size) => ({ wanted: [onValue({ wildcard: `*b${as(1_000)}*` })], event: valued(as(size)) }),
  },
  {
    name: "*baaa…*, longer of both",
    size: 512,
    builds: false,
    make: (size) => ({ wanted: [onValue({ wildcard: `*b${as(size)}*` })], event: valued(as(256 * size)) }),
  },
  {
    name: "*aaa…b*, longer of both",
    size: 512,
    builds: false,
    make: (size) => ({ wanted: [onValue({ wildcard: `*${as(size)}b*` })], event: valued(as(256 * size)) }),
  },
  {
    name: "*aaa…baaa…*, longer of both",
    size: 1_000,
    builds: false,
    // V8 has shifts from the last 250 characters of a needle, which are all the same here.
    make: (size) => ({
      wanted: [onValue({ wildcard: `*${as(300)}b${as(size - 301)}*` })],
      event: valued(as(256 * size)),
    }),
  },
  {
    name: "3 kB wildcard, longer value",
    size: 262_144,
    builds: false,
    make: (size) => ({
      wanted: [
        onValue({
          wildcard: listOf(31, () => `*${as(100)}`)
            .join("")
            .concat("*"),
        }),
      ],
      event: valued(`${as(99)}b`.repeat(size / 100)),
    }),
  },
  {
    name: "*a*b*, more with one start",
    size: 500,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue({ wildcard: `${as(64)}*b*${index}` })),
      event: valued(`${as(64)}${"ab".repeat(500)}`),
    }),
  },
  {
    name: "anything-but of wildcards",
    size: 25,
    builds: true,
    make: (size) => ({
      wanted: [onValue({ "anything-but": { wildcard: listOf(size, (index) => stars(8, `${index}b*c`)) } })],
      event: valued(`${as(4_096)}c`),
    }),
  },
];

const ENDS: readonly AdversarialCase[] = [
  {
    name: "long common prefix",
    size: 5_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue({ prefix: `${as(200)}${index}` })),
      event: valued(`${as(200)}17 and more`),
    }),
  },
  {
    name: "prefixes a, aa, aaa, …",
    size: 500,
    builds: false,
    make: (size) => ({ wanted: listOf(size, (index) => onValue({ prefix: as(index + 1) })), event: valued(as(size)) }),
  },
  {
    name: "prefixes ab, aab, aaab, …",
    size: 500,
    builds: false,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue({ prefix: `${as(index + 1)}b` })),
      event: valued(as(size + 1)),
    }),
  },
  {
    name: "suffixes a, aa, aaa, …",
    size: 500,
    builds: false,
    make: (size) => ({ wanted: listOf(size, (index) => onValue({ suffix: as(index + 1) })), event: valued(as(size)) }),
  },
  {
    name: "ignoring case, longer value",
    size: 262_144,
    builds: false,
    make: (size) => ({
      wanted: [
        onValue({ "equals-ignore-case": as(1_000) }, { prefix: { "equals-ignore-case": "b" } }),
        onValue({ suffix: { "equals-ignore-case": "b" } }),
      ],
      event: valued(as(size)),
    }),
  },
];

/** All have one value under the hash that many languages give to strings. */
const colliding = (index: number): string => listOf(12, (bit) => (((index >> bit) & 1) === 0 ? "Aa" : "BB")).join("");

const SETS: readonly AdversarialCase[] = [
  {
    name: "alternatives in all",
    size: 25_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size / 100, (index) => onValue(...listOf(100, (one) => `value-${index}-${one}`))),
      event: valued("value-17-17"),
    }),
  },
  {
    name: "alternatives of one",
    size: 250,
    builds: true,
    make: (size) => ({ wanted: [onValue(...listOf(size, (index) => `v${index}`))], event: valued("v17") }),
  },
  {
    name: "one hot value",
    size: 5_000,
    builds: true,
    make: (size) => ({ wanted: listOf(size, () => onValue("hot")), event: valued("hot") }),
  },
  {
    name: "anything-but, one long list",
    size: 250,
    builds: true,
    make: (size) => ({
      wanted: [onValue({ "anything-but": listOf(size, (index) => `v${index}`) })],
      event: valued("w"),
    }),
  },
  {
    name: "anything-but, many lists",
    size: 1_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue({ "anything-but": listOf(50, (one) => `v${index}-${one}`) })),
      event: valued("w"),
    }),
  },
  {
    name: "values of one hash",
    size: 1_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue(colliding(index))),
      event: valued(listOf(size, (index) => colliding(index))),
    }),
  },
  {
    name: "ranges around the number",
    size: 5_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue({ numeric: [">", -index - 1, "<", index + 1] })),
      event: valued(0.5),
    }),
  },
  {
    name: "ranges beside the number",
    size: 5_000,
    builds: true,
    make: (size) => ({
      wanted: listOf(size, (index) => onValue({ numeric: [">", index + 1, "<", 2 * index + 3] })),
      event: valued(0.5),
    }),
  },
];

export const VALUE_CASES: readonly AdversarialCase[] = [...WILDCARDS, ...ENDS, ...SETS];

/**
 * One class per operator: subscriptions with values of their own, and events that a handful of them take. Where an operator by
 * itself takes nearly every event, a tenant's `source` stands beside it, as it would in life.
 */
import type { Chance } from "./data.ts";

/** What subscription `index` asks for: a pattern, and for other dialects their filters, which say the same. */
interface Asked {
  readonly pattern: object;
  readonly filters?: readonly object[];
}

interface OperatorClass {
  readonly name: string;
  ask(index: number): Asked;
  /** An event for `size` subscriptions: its members beside those that every event has. */
  event(random: Chance, size: number): object;
}

/** Subscriptions of one tenant. */
const TENANT = 5;
const source = (index: number): string => `/tenants/${Math.floor(index / TENANT)}`;
const mixedCase = (text: string, odd: boolean): string => (odd ? text.toUpperCase() : text);

/** A class on one member of the data. */
function onValue(name: string, test: (index: number) => unknown, value: (index: number) => unknown): OperatorClass {
  return {
    name,
    ask: (index) => ({ pattern: { data: { value: [test(index)] } } }),
    event: ({ int }, size) => ({ data: { value: value(int(size)) } }),
  };
}

/** A class whose test takes nearly every event, beside a tenant. */
function beside(name: string, test: (index: number) => unknown, value: (random: Chance) => object): OperatorClass {
  return {
    name,
    ask: (index) => ({ pattern: { source: [source(index)], data: { value: [test(index)] } } }),
    event: (random, size) => ({ source: source(random.int(size)), data: value(random) }),
  };
}

const ipv4 = (index: number): string => `${10 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
const ipv6 = (index: number): string => `2001:db8:${(index >> 16).toString(16)}:${(index & 0xffff).toString(16)}:`;

const VALUES: readonly OperatorClass[] = [
  onValue(
    "exact",
    (index) => `value-${index}`,
    (index) => `value-${index}`,
  ),
  onValue(
    "prefix",
    (index) => ({ prefix: `k${index}` }),
    (index) => `k${index}/path/of/some/file.json`,
  ),
  onValue(
    "suffix",
    (index) => ({ suffix: `${index}.json` }),
    (index) => `path/of/some/file-${index}.json`,
  ),
  onValue(
    "equals-ignore-case",
    (index) => ({ "equals-ignore-case": mixedCase(`value-${index}`, index % 2 === 1) }),
    (index) => mixedCase(`value-${index}`, index % 3 === 1),
  ),
  onValue(
    "prefix, ignore case",
    (index) => ({ prefix: { "equals-ignore-case": mixedCase(`k${index}`, index % 2 === 1) } }),
    (index) => mixedCase(`k${index}/path/of/some/file.json`, index % 3 === 1),
  ),
  onValue(
    "suffix, ignore case",
    (index) => ({ suffix: { "equals-ignore-case": mixedCase(`${index}.json`, index % 2 === 1) } }),
    (index) => mixedCase(`path/of/some/file-${index}.json`, index % 3 === 1),
  ),
  onValue(
    "wildcard like a prefix",
    (index) => ({ wildcard: `k${index}*` }),
    (index) => `k${index}/path/of/some/file.json`,
  ),
  onValue(
    "wildcard like a suffix",
    (index) => ({ wildcard: `*${index}.json` }),
    (index) => `path/of/some/file-${index}.json`,
  ),
  onValue(
    "wildcard contains",
    (index) => ({ wildcard: `*-${index}-*` }),
    (index) => `path/of/some-${index}-file.json`,
  ),
  onValue(
    "wildcard of both ends",
    (index) => ({ wildcard: `path/*-${index}.json` }),
    (index) => `path/of/some/file-${index}.json`,
  ),
  onValue(
    "numeric =",
    (index) => ({ numeric: ["=", index + 0.5] }),
    (index) => index + 0.5,
  ),
  onValue(
    "numeric >",
    (index) => ({ numeric: [">", index] }),
    (index) => (index % 10) + 0.5,
  ),
  onValue(
    "numeric range",
    (index) => ({ numeric: [">=", index * 10, "<", index * 10 + 50] }),
    (index) => index * 10 + 5,
  ),
  onValue(
    "cidr v4",
    (index) => ({ cidr: `${ipv4(index)}.0/24` }),
    (index) => `${ipv4(index)}.7`,
  ),
  onValue(
    "cidr v6",
    (index) => ({ cidr: `${ipv6(index)}:/64` }),
    (index) => `${ipv6(index)}:7`,
  ),
];

const TENANTS: readonly OperatorClass[] = [
  beside(
    "anything-but",
    (index) => ({ "anything-but": [`value-${index % 7}`, `value-${index % 11}`] }),
    ({ int }) => ({ value: `value-${int(11)}` }),
  ),
  beside(
    "anything-but prefix",
    (index) => ({ "anything-but": { prefix: `k${index % 7}` } }),
    ({ int }) => ({ value: `k${int(7)}/path` }),
  ),
  beside(
    "exists: false",
    () => ({ exists: false }),
    ({ int }) => (int(2) === 0 ? { value: "there" } : { other: "there" }),
  ),
];

const SHAPES: readonly OperatorClass[] = [
  {
    name: "exists: true, own paths",
    ask: (index) => ({ pattern: { data: { [`field${index}`]: [{ exists: true }] } } }),
    event: ({ int }, size) => ({
      data: { [`field${int(size)}`]: 1, [`field${int(size)}`]: 2, [`field${int(size)}`]: 3, other: 4 },
    }),
  },
  {
    name: "array of strings",
    ask: (index) => ({ pattern: { data: { tags: [`tag-${index}`] } } }),
    event: ({ int }, size) => ({ data: { tags: Array.from({ length: 5 }, () => `tag-${int(size)}`) } }),
  },
  {
    name: "array, two fields",
    ask: (index) => ({ pattern: { data: { items: { sku: [`sku-${index}`], qty: [{ numeric: [">", 3] }] } } } }),
    event: ({ int }, size) => ({
      data: { items: Array.from({ length: 5 }, () => ({ sku: `sku-${int(size)}`, qty: int(9) })) },
    }),
  },
  {
    name: "$or",
    ask: (index) => ({ pattern: { $or: [{ data: { one: [`a-${index}`] } }, { data: { other: [`b-${index}`] } }] } }),
    event: ({ int }, size) => ({ data: { one: `a-${int(size)}`, other: `b-${int(size)}` } }),
  },
];

const DIALECTS: readonly OperatorClass[] = [
  {
    name: "sql",
    ask: (index) => ({
      pattern: { subject: [`value-${index}`], priority: [{ numeric: [">", 3] }] },
      filters: [{ sql: `subject = 'value-${index}' AND priority > 3` }],
    }),
    event: ({ int }, size) => ({ subject: `value-${int(size)}`, priority: int(9) }),
  },
  {
    name: "CloudEvents exact",
    ask: (index) => ({
      pattern: { subject: [`value-${index}`] },
      filters: [{ exact: { subject: `value-${index}` } }],
    }),
    event: ({ int }, size) => ({ subject: `value-${int(size)}` }),
  },
  {
    name: "CloudEvents prefix",
    ask: (index) => ({
      pattern: { subject: [{ prefix: `k${index}` }] },
      filters: [{ prefix: { subject: `k${index}` } }],
    }),
    event: ({ int }, size) => ({ subject: `k${int(size)}/path/of/some/file.json` }),
  },
  {
    name: "CloudEvents suffix",
    ask: (index) => ({
      pattern: { subject: [{ suffix: `${index}.json` }] },
      filters: [{ suffix: { subject: `${index}.json` } }],
    }),
    event: ({ int }, size) => ({ subject: `path/of/some/file-${int(size)}.json` }),
  },
  {
    name: "CloudEvents not",
    ask: (index) => ({
      pattern: { source: [source(index)], subject: [{ "anything-but": { prefix: `k${index % 7}` } }] },
      filters: [{ exact: { source: source(index) } }, { not: { prefix: { subject: `k${index % 7}` } } }],
    }),
    event: ({ int }, size) => ({ source: source(int(size)), subject: `k${int(7)}/path` }),
  },
];

export const OPERATOR_CLASSES: readonly OperatorClass[] = [...VALUES, ...TENANTS, ...SHAPES, ...DIALECTS];
export type { OperatorClass };

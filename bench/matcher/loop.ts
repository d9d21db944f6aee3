/**
 * What a user would write without a matcher: a predicate per rule that reads the event's members directly, and a loop over all
 * of them. Rules of one shape share one function's code and differ in its constants, as predicates written by hand do.
 */
import { BlockList } from "node:net";
import type { Form } from "./subject.ts";

export type Predicate = (form: Form) => boolean;

/** Members that hold arrays in the bench's events: whoever writes a predicate knows where they are. */
export const ARRAYS: ReadonlySet<string> = new Set(["items", "tags", "coordinates"]);

/** What stands before a predicate is made: its JavaScript, and the constants that it calls `k0`, `k1`, … */
class Draft {
  readonly constants: unknown[] = [];

  constant(value: unknown): string {
    this.constants.push(value);
    return `k${this.constants.length - 1}`;
  }
}

type Maker = (...constants: readonly unknown[]) => Predicate;

/** Makes predicates of event patterns, given as JSON text. */
export function predicates(): (pattern: string) => Predicate {
  const makers = new Map<string, Maker>();
  return (pattern) => {
    const draft = new Draft();
    const code = conditionOf(JSON.parse(pattern), "e", draft);
    const key = `${draft.constants.length} ${code}`;
    const maker = makers.get(key) ?? makerOf(code, draft.constants.length);
    makers.set(key, maker);
    return maker(...draft.constants);
  };
}

function makerOf(code: string, constants: number): Maker {
  const names = Array.from({ length: constants }, (_, index) => `k${index}`);
  // Written-out member names are what makes a predicate fast, and there is no other way to write them from data.
  // oxlint-disable-next-line typescript/no-implied-eval
  const make: unknown = new Function("some", ...names, `return (e) => ${code}`);
  if (typeof make !== "function") throw new Error("A function is made of code");
  return (...values) => make(some, ...values);
}

/** Arrays in arrays are looked into as well, as GeoJSON has them. */
function some(value: unknown, holds: (value: unknown) => boolean): boolean {
  if (!Array.isArray(value)) return holds(value);
  for (const element of value) if (some(element, holds)) return true;
  return false;
}

function conditionOf(pattern: object, place: string, draft: Draft): string {
  const conditions = Object.entries(pattern).map(([name, wanted]: [string, unknown]) => {
    if (name === "$or") return anyOf(wanted, (branch) => conditionOf(asObject(branch), place, draft));
    const member = `${place}?.[${JSON.stringify(name)}]`;
    const inside = (at: string): string =>
      Array.isArray(wanted)
        ? anyOf(wanted, (alternative) => testOf(alternative, at, draft))
        : conditionOf(asObject(wanted), at, draft);
    if (!ARRAYS.has(name)) return inside(member);
    const element = `e${place.length}`;
    return `some(${member}, (${element}) => ${inside(element)})`;
  });
  return `(${conditions.join(" && ")})`;
}

function anyOf(list: unknown, condition: (wanted: unknown) => string): string {
  if (!Array.isArray(list)) throw new Error("Alternatives are an array");
  return `(${list.map((wanted: unknown) => condition(wanted)).join(" || ")})`;
}

function testOf(wanted: unknown, at: string, draft: Draft): string {
  if (typeof wanted !== "object" || wanted === null) return `${at} === ${draft.constant(wanted)}`;
  const [operator, value] = operatorOf(wanted);
  switch (operator) {
    case "prefix":
      return textTest(at, "startsWith", value, draft);
    case "suffix":
      return textTest(at, "endsWith", value, draft);
    case "equals-ignore-case":
      return `(typeof ${at} === "string" && ${at}.toLowerCase() === ${draft.constant(String(value).toLowerCase())})`;
    case "wildcard":
      return `(typeof ${at} === "string" && ${draft.constant(wildcardRegex(String(value)))}.test(${at}))`;
    case "numeric":
      return numericTest(at, value, draft);
    case "exists":
      return value === true ? `${at} !== undefined` : `${at} === undefined`;
    case "anything-but":
      return `(${at} !== undefined && !${excluded(at, value, draft)})`;
    case "cidr":
      return `(typeof ${at} === "string" && ${cidrTest(at, String(value), draft)})`;
    default:
      throw new Error(`The loop has no ${operator}`);
  }
}

function textTest(at: string, method: "startsWith" | "endsWith", value: unknown, draft: Draft): string {
  if (typeof value === "string") return `(typeof ${at} === "string" && ${at}.${method}(${draft.constant(value)}))`;
  const [, text] = operatorOf(asObject(value));
  const folded = draft.constant(String(text).toLowerCase());
  return `(typeof ${at} === "string" && ${at}.toLowerCase().${method}(${folded}))`;
}

function numericTest(at: string, value: unknown, draft: Draft): string {
  const tests = pairs(value).map(([sign, bound]) => `${at} ${sign === "=" ? "===" : sign} ${draft.constant(bound)}`);
  return `(typeof ${at} === "number" && ${tests.join(" && ")})`;
}

/** The signs and bounds of a `numeric`. */
export function pairs(value: unknown): [string, unknown][] {
  if (!Array.isArray(value)) throw new Error("A numeric has an array");
  const list: unknown[] = value;
  return list.flatMap((sign, index) => (index % 2 === 0 ? [[String(sign), list[index + 1]]] : []));
}

function excluded(at: string, value: unknown, draft: Draft): string {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return anyOf(
    list.flatMap((entry) => (isObject(entry) ? spread(entry) : [entry])),
    (entry) => testOf(entry, at, draft),
  );
}

/** An operator with a list of values, as one operator for each. */
export function spread(entry: object): object[] {
  const [operator, value] = operatorOf(entry);
  return Array.isArray(value) ? value.map((one: unknown) => ({ [operator]: one })) : [entry];
}

function cidrTest(at: string, network: string, draft: Draft): string {
  const [address = "", mask] = network.split("/");
  const family = address.includes(":") ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(address, Number(mask), family);
  return `${draft.constant(list)}.check(${at}, ${draft.constant(family)})`;
}

export const wildcardRegex = (wildcard: string): RegExp =>
  new RegExp(
    `^${wildcard
      .split("*")
      .map((part) => RegExp.escape(part))
      .join(".*")}$`,
    "s",
  );

export function operatorOf(wanted: object): [string, unknown] {
  const [entry] = Object.entries(wanted);
  if (entry === undefined) throw new Error("An operator has a name");
  return entry;
}

export const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

export function asObject(value: unknown): object {
  if (!isObject(value)) throw new Error("A pattern is an object");
  return value;
}

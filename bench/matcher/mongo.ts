/** Event patterns in the query language of MongoDB, which `mingo` and `sift` evaluate. */
import { ARRAYS, asObject, isObject, operatorOf, pairs, spread, wildcardRegex } from "./loop.ts";

export type Query = Record<string, unknown>;

/** The query of an event pattern, given as JSON text; null when the language cannot say it. */
export function mongoQuery(pattern: string): Query | null {
  try {
    return all(queriesOf(asObject(JSON.parse(pattern)), ""));
  } catch (error) {
    if (error instanceof Inexpressible) return null;
    throw error;
  }
}

class Inexpressible extends Error {}

/** One member of its own where the names allow it, which both packages evaluate the fastest. */
function all(queries: readonly Query[]): Query {
  const names = queries.flatMap((query) => Object.keys(query));
  return new Set(names).size === names.length ? Object.assign({}, ...queries) : { $and: queries };
}

function queriesOf(pattern: object, prefix: string): Query[] {
  return Object.entries(pattern).flatMap(([name, wanted]: [string, unknown]): Query[] => {
    if (name === "$or") return [{ $or: asList(wanted).map((branch) => all(queriesOf(asObject(branch), prefix))) }];
    const path = prefix + name;
    if (Array.isArray(wanted)) return [leaf(path, wanted)];
    const inside = asObject(wanted);
    if (ARRAYS.has(name) && Object.keys(inside).length > 1)
      return [{ [path]: { $elemMatch: all(queriesOf(inside, "")) } }];
    return queriesOf(inside, `${path}.`);
  });
}

function leaf(path: string, alternatives: readonly unknown[]): Query {
  if (alternatives.every((wanted) => !isObject(wanted)))
    return { [path]: alternatives.length === 1 ? alternatives[0] : { $in: alternatives } };
  const [only, ...others] = alternatives.map((wanted) => ({ [path]: condition(wanted) }));
  return only === undefined || others.length > 0 ? { $or: [only, ...others] } : only;
}

function condition(wanted: unknown): unknown {
  if (!isObject(wanted)) return { $eq: wanted };
  const [operator, value] = operatorOf(wanted);
  switch (operator) {
    case "numeric":
      return Object.fromEntries(pairs(value).map(([sign, bound]) => [COMPARISONS.get(sign) ?? sign, bound]));
    case "exists":
      return { $exists: value };
    case "anything-but":
      return { $exists: true, ...exclusion(value) };
    case "cidr":
      throw new Inexpressible();
    default:
      return { $regex: regexOf(operator, value) };
  }
}

const COMPARISONS = new Map([
  ["=", "$eq"],
  ["<", "$lt"],
  ["<=", "$lte"],
  [">", "$gt"],
  [">=", "$gte"],
]);

function exclusion(value: unknown): Query {
  const list = asList(value).flatMap((entry) => (isObject(entry) ? spread(entry) : [entry]));
  if (!list.some(isObject)) return list.length === 1 ? { $ne: list[0] } : { $nin: list };
  const sources = list.map((entry) => {
    const [operator, text] = operatorOf(asObject(entry));
    const { source, flags } = regexOf(operator, text);
    return { source: `(?:${source})`, flags };
  });
  return { $not: { $regex: new RegExp(sources.map(({ source }) => source).join("|"), sources[0]?.flags) } };
}

function regexOf(operator: string, value: unknown): RegExp {
  if (isObject(value)) {
    const [, text] = operatorOf(value);
    return new RegExp(regexOf(operator, text).source, "i");
  }
  const text = String(value);
  if (operator === "prefix") return new RegExp(`^${RegExp.escape(text)}`);
  if (operator === "suffix") return new RegExp(`${RegExp.escape(text)}$`);
  if (operator === "equals-ignore-case") return new RegExp(`^${RegExp.escape(text)}$`, "i");
  if (operator === "wildcard") return wildcardRegex(text);
  throw new Inexpressible();
}

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

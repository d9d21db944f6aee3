// Fantail's filters, read as simply as they can be: what a translation is held against. For the forms that translations have, no more.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type Members = { readonly [name: string]: Json };

export interface Wanted {
  readonly types: readonly string[] | null;
  readonly source: string | null;
  readonly filters: readonly unknown[];
}

export const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const isList = (value: unknown): value is readonly Json[] => Array.isArray(value);

/** A scalar as text. */
export const textOf = (value: Json | undefined): string =>
  typeof value === "string" ? value : JSON.stringify(value ?? null);

const escaped = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);

export function takes({ types, source, filters }: Wanted, event: Members): boolean {
  if (types !== null && !types.some((type) => type === event["type"])) return false;
  if (source !== null && source !== event["source"]) return false;
  return filters.every((filter) => holds(filter, event));
}

function holds(filter: unknown, event: Members): boolean {
  if (!isMembers(filter) || Object.keys(filter).length !== 1) throw new Error(`no filter: ${JSON.stringify(filter)}`);
  const { pattern, not, all, sql, prefix, suffix } = filter;
  if (isMembers(pattern)) return matches(pattern, event);
  if (not !== undefined) return !holds(not, event);
  if (isList(all)) return all.every((inner) => holds(inner, event));
  if (typeof sql === "string") return holdsSql(sql, event);
  if (isMembers(prefix)) return comparisons(prefix, event, (text, start) => text.startsWith(start));
  if (isMembers(suffix)) return comparisons(suffix, event, (text, end) => text.endsWith(end));
  throw new Error(`no filter: ${JSON.stringify(filter)}`);
}

const comparisons = (wanted: Members, event: Members, holdsFor: (text: string, wanted: string) => boolean): boolean =>
  Object.entries(wanted).every(
    ([name, text]) => event[name] !== undefined && holdsFor(textOf(event[name]), textOf(text)),
  );

// ---- sql: LOWER(name) [NOT] IN (…), and LOWER(name) [NOT] LIKE '…' joined by OR or AND ----

function holdsSql(sql: string, event: Members): boolean {
  const string = String.raw`'(?:[^'])*'|"(?:[^"])*"`;
  const membership = new RegExp(`^LOWER\\((\\w+)\\) (NOT )?IN \\(((?:${string})(?:, (?:${string}))*)\\)$`).exec(sql);
  if (membership !== null) {
    const [, name = "", negated, list = ""] = membership;
    const value = attribute(event, name);
    if (value === null) return false;
    const texts = [...list.matchAll(new RegExp(string, "g"))].map(([text]) => text.slice(1, -1));
    return texts.includes(value.toLowerCase()) !== (negated !== undefined);
  }
  const likes = [...sql.matchAll(new RegExp(`LOWER\\((\\w+)\\) (NOT )?LIKE (${string})( OR | AND |$)`, "g"))];
  if (likes.map(([text]) => text).join("") !== sql) throw new Error(`no such sql: ${sql}`);
  const verdicts = likes.map(([, name = "", negated, pattern = ""]) => {
    const value = attribute(event, name);
    return value === null ? null : like(value.toLowerCase(), pattern.slice(1, -1)) !== (negated !== undefined);
  });
  if (verdicts.includes(null)) return false;
  return sql.includes(" AND LOWER") ? verdicts.every(Boolean) : verdicts.some(Boolean);
}

function attribute(event: Members, name: string): string | null {
  const value = event[name];
  return value === undefined || value === null ? null : textOf(value);
}

function like(value: string, pattern: string): boolean {
  const parts = [...pattern.matchAll(/\\[%_]|[^]/gu)].map(([part]) =>
    part === "%" ? "[^]*" : part === "_" ? "[^]" : escaped(part.replace(/^\\(?=[%_])/, "")),
  );
  return new RegExp(`^${parts.join("")}$`, "u").test(value);
}

// ---- pattern ----

/** Field paths with their values, for each way through the `$or`s; a branch replaces what is outside of it. */
type Way = ReadonlyMap<string, readonly Json[]>;

function ways(pattern: Members, path: string): readonly Way[] {
  let found: readonly Way[] = [new Map()];
  for (const [name, value] of Object.entries(pattern).toSorted(([one]) => (one === "$or" ? 1 : -1))) {
    const next = name === "$or" ? orWays(value, path) : fieldWays(value, path === "" ? name : `${path}.${name}`);
    found = found.flatMap((way) => next.map((more) => new Map([...way, ...more])));
  }
  return found;
}

const orWays = (value: Json, path: string): readonly Way[] =>
  isList(value) ? value.flatMap((branch) => (isMembers(branch) ? ways(branch, path) : [])) : [];

const fieldWays = (value: Json, path: string): readonly Way[] =>
  isMembers(value) ? ways(value, path) : [new Map([[path, isList(value) ? value : []]])];

export type Leaf = (leaf: Json, value: Json) => boolean;

/** `compare` says whether a value of a pattern takes a leaf of the event: that of the language, if none is given. */
export function matches(pattern: Members, event: Members, compare: Leaf = takesLeaf): boolean {
  return ways(pattern, "").some((way) => {
    const absences = [...way].filter(
      ([path, values]) => values.some(isAbsence) && leavesOf(event, path.split(".")).length === 0,
    );
    const rest = [...way].filter(([path]) => !absences.some(([absent]) => absent === path));
    return fits(
      rest.map(([path, values]) => [path.split("."), values]),
      event,
      compare,
    );
  });
}

const isAbsence = (value: Json): boolean => isMembers(value) && value["exists"] === false;

/** All fields under one array are looked for in the same element. */
function fits(
  fields: readonly (readonly [readonly string[], readonly Json[]])[],
  node: Json | undefined,
  compare: Leaf,
): boolean {
  if (fields.length === 0) return true;
  if (isList(node)) return node.some((element) => fits(fields, element, compare));
  const here = fields.filter(([path]) => path.length === 0);
  const below = fields.filter(([path]) => path.length > 0);
  if (
    !here.every(([, values]) => node !== undefined && !isMembers(node) && values.some((value) => compare(node, value)))
  )
    return false;
  const names = new Set(below.map(([[name = ""]]) => name));
  return [...names].every((name) =>
    fits(
      below.filter(([[first]]) => first === name).map(([[, ...path], values]) => [path, values]),
      isMembers(node) && Object.hasOwn(node, name) ? node[name] : undefined,
      compare,
    ),
  );
}

function leavesOf(node: Json | undefined, path: readonly string[]): readonly Json[] {
  if (node === undefined) return [];
  if (isList(node)) return node.flatMap((element) => leavesOf(element, path));
  const [name, ...rest] = path;
  if (name === undefined) return isMembers(node) ? [] : [node];
  return isMembers(node) && Object.hasOwn(node, name) ? leavesOf(node[name], rest) : [];
}

export function takesLeaf(leaf: Json, value: Json): boolean {
  if (!isMembers(value)) return leaf === value;
  const [[name, operand] = ["", null]] = Object.entries(value);
  const text = typeof leaf === "string" ? leaf : null;
  switch (name) {
    case "exists":
      return operand === true;
    case "prefix":
      return text !== null && onText(operand, text, (one, other) => one.startsWith(other));
    case "suffix":
      return text !== null && onText(operand, text, (one, other) => one.endsWith(other));
    case "equals-ignore-case":
      return text !== null && text.toLowerCase() === textOf(operand).toLowerCase();
    case "wildcard":
      return text !== null && wildcard(textOf(operand), text);
    case "numeric":
      return typeof leaf === "number" && isList(operand) && numeric(operand, leaf);
    case "cidr":
      return text !== null && inIpv4Range(textOf(operand), text);
    case "anything-but": {
      const excluded = isMembers(operand)
        ? Object.entries(operand).flatMap(([inner, texts]) =>
            (isList(texts) ? texts : [texts]).map((one) => ({ [inner]: one })),
          )
        : isList(operand)
          ? operand
          : [operand];
      return !excluded.some((one) => takesLeaf(leaf, one));
    }
    default:
      throw new Error(`no operator: ${name}`);
  }
}

function onText(operand: Json | undefined, text: string, holdsFor: (one: string, other: string) => boolean): boolean {
  if (!isMembers(operand)) return holdsFor(text, textOf(operand));
  return holdsFor(text.toLowerCase(), textOf(operand["equals-ignore-case"]).toLowerCase());
}

function wildcard(pattern: string, text: string): boolean {
  const parts = [...pattern.matchAll(/\\[*\\]|[^]/gu)].map(([part]) =>
    part === "*" ? "[^]*" : escaped(part.at(-1) ?? ""),
  );
  return new RegExp(`^${parts.join("")}$`, "u").test(text);
}

function numeric(operand: readonly Json[], leaf: number): boolean {
  const pairs = [operand.slice(0, 2), operand.slice(2)].filter((pair) => pair.length === 2);
  return pairs.every(([sign, bound]) => {
    const than = Number(bound);
    if (sign === "=") return leaf === than;
    if (sign === "<") return leaf < than;
    if (sign === "<=") return leaf <= than;
    return sign === ">" ? leaf > than : leaf >= than;
  });
}

function inIpv4Range(range: string, address: string): boolean {
  const [base = "", bits = "0"] = range.split("/");
  const number = (text: string): number => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  return /^[\d.]+$/.test(address) && Math.floor(number(address) / size) === Math.floor(number(base) / size);
}

/**
 * Which subscriptions take an event: an index that is changed one subscription at a time. It decides nothing about what a filter means
 * (`filter.ts`) and does no I/O.
 */
import type { CloudEvent } from "./event.ts";
import { compileFilter, type Condition, type Filter } from "./filter.ts";
import type { Wanted } from "./subscription.ts";

export interface Matcher {
  /** Adds the subscription, or replaces what it wanted. */
  set(id: string, wanted: Wanted): void;
  /** Takes it out, if it is in. */
  delete(id: string): void;
  /** Ids of the subscriptions that take the event, each once, in no order. */
  match(event: CloudEvent): string[];
  /** Ids of at most `limit` subscriptions: those that take the event, then those that nearly do. */
  nearest(event: CloudEvent, limit: number): readonly string[];
  /** How many subscriptions are in. */
  readonly size: number;
}

interface Entry {
  readonly id: string;
  /** Where the index has it. */
  readonly keys: readonly string[];
  /** What the index does not answer; null when it answers all. */
  readonly rest: SharedCondition | null;
}

/** One for all subscriptions that state the same: on a large bus many differ in type and source only. */
interface SharedCondition {
  /** The filters as JSON. */
  readonly text: string;
  readonly condition: Condition;
  uses: number;
}

/** Stands for any type or any source: neither is ever empty. */
const ANY = "";

/** The length keeps apart what a separator could not: a type may hold any character. */
const keyOf = (type: string, source: string): string => `${type.length} ${type}${source}`;

/**
 * An empty matcher. Subscriptions are found by exact type and exact source, whether `types` and `source` or a top-level `exact` filter
 * asks for them; only what is found there is evaluated. So the cost of an event grows with the subscriptions that ask for its type and
 * source, or for neither.
 */
export function createMatcher(): Matcher {
  const entries = new Map<string, Entry>();
  const index = new Map<string, Set<Entry>>();
  const conditions = new Map<string, SharedCondition>();

  function share(filters: readonly Filter[]): SharedCondition {
    const text = JSON.stringify(filters);
    const shared = conditions.get(text) ?? { text, condition: compileFilter({ all: filters }), uses: 0 };
    shared.uses += 1;
    conditions.set(text, shared);
    return shared;
  }

  function release(shared: SharedCondition): void {
    shared.uses -= 1;
    if (shared.uses === 0) conditions.delete(shared.text);
  }

  function remove(id: string): void {
    const entry = entries.get(id);
    if (entry === undefined) return;
    entries.delete(id);
    if (entry.rest !== null) release(entry.rest);
    for (const key of entry.keys) {
      const bucket = index.get(key);
      bucket?.delete(entry);
      if (bucket?.size === 0) index.delete(key);
    }
  }

  function match({ type, source, attributes }: CloudEvent): string[] {
    const ids: string[] = [];
    for (const key of [keyOf(type, source), keyOf(type, ANY), keyOf(ANY, source), keyOf(ANY, ANY)]) {
      for (const { id, rest } of index.get(key) ?? []) {
        if (rest === null || rest.condition(attributes)) ids.push(id);
      }
    }
    return ids;
  }

  return {
    set(id, wanted) {
      remove(id);
      const { keys, rest } = split(wanted);
      const entry: Entry = { id, keys, rest: rest.length === 0 ? null : share(rest) };
      entries.set(id, entry);
      for (const key of keys) {
        const bucket = index.get(key);
        if (bucket === undefined) index.set(key, new Set([entry]));
        else bucket.add(entry);
      }
    },
    delete: remove,
    match,
    nearest: (event, limit) => [...new Set([...match(event), ...entries.keys()])].slice(0, limit),
    get size() {
      return entries.size;
    },
  };
}

/** What the index answers, as its keys, and the filters that remain to be evaluated. All of it is ANDed. */
function split(wanted: Wanted): { readonly keys: readonly string[]; readonly rest: readonly Filter[] } {
  let types = wanted.types ?? [];
  let source = wanted.source ?? ANY;
  const rest: Filter[] = [];
  for (const filter of wanted.filters) {
    if (!("exact" in filter)) {
      rest.push(filter);
      continue;
    }
    const others: [string, string][] = [];
    for (const [name, value] of Object.entries(filter.exact)) {
      if (name === "type" && types.length === 0) types = [value];
      else if (name === "source" && source === ANY) source = value;
      else others.push([name, value]);
    }
    if (others.length > 0) rest.push({ exact: Object.fromEntries(others) });
  }
  const keys = new Set((types.length === 0 ? [ANY] : types).map((type) => keyOf(type, source)));
  return { keys: [...keys], rest };
}

/**
 * Which subscriptions take an event: an index that is changed one subscription at a time. It decides nothing about what a filter means
 * (`filters/`) and does no I/O. Each subscription is found by what tells it best from the others, a value at a path of the event; only
 * what is found is evaluated. So the cost of an event grows with its own size and with the subscriptions that ask for something it has.
 */
import { compileWanted } from "../filters/compile.ts";
import { own } from "../filters/fields.ts";
import type { Condition } from "../filters/holds.ts";
import { isScalar } from "../filters/test.ts";
import { EventView } from "../filters/view.ts";
import { isList, isMembers, type Members } from "../json-value.ts";
import type { Wanted } from "../subscription.ts";
import { type Bucket, type Entry, type Hits, putIn, take, takeOut } from "./bucket.ts";
import { Keyed } from "./keyed.ts";
import { nearest, type NearestBounds } from "./nearest.ts";
import { Place } from "./place.ts";
import { type Access, bestCover, type Cover } from "./probes.ts";
import { Sharing } from "./sharing.ts";
import { entryBytes } from "./size.ts";

export interface Matcher {
  /** Adds the subscription, or replaces what it wanted. @throws Error on filters that were never valid; then it is not in. */
  set(id: string, wanted: Wanted): void;
  /** Takes it out, if it is in. */
  delete(id: string): void;
  /** Ids of the subscriptions that take the event, each once, in no order. `form` is the event in its JSON form, which is only read. */
  match(form: Members): string[];
  /** Ids of at most `limit` subscriptions: those that take the event, then the others in the order of `nearest.ts`. */
  nearest(event: EventView, bounds: NearestBounds): string[];
  /** How many subscriptions are in. */
  readonly size: number;
  /** Estimate of what they cost in memory. */
  readonly bytes: number;
}

/** A path in the index: what is looked up there, and what lies below it. */
interface Node {
  readonly key: string;
  readonly parent: Node | null;
  place: Place | null;
  /** The same for what is asked of an attribute's canonical string. */
  canonical: Place | null;
  children: Map<string, Node> | null;
}

const nodeOf = (key: string, parent: Node | null): Node => ({
  key,
  parent,
  place: null,
  canonical: null,
  children: null,
});

/** An empty matcher. */
export function createMatcher(): Matcher {
  const entries = new Map<string, Entry>();
  const root = nodeOf("", null);
  /** What every event is held against. */
  const always = new Keyed<null>({ count: () => undefined });
  const shared = new Sharing();
  let mark = 0;
  let bytes = 0;

  function remove(id: string): void {
    const entry = entries.get(id);
    if (entry === undefined) return;
    entries.delete(id);
    bytes -= entry.bytes;
    if (entries.size === 0) shared.forget();
    const { buckets } = entry;
    for (const bucket of "home" in buckets ? [buckets] : buckets) takeOut(bucket, entry);
  }

  function matched(event: EventView): string[] {
    mark += 1;
    const hits: Hits = { event, mark, ids: [] };
    lookAtTop(root, event.form, hits);
    const every = always.find(null);
    if (every !== undefined) take(every, hits);
    return hits.ids;
  }

  return {
    set(id, wanted) {
      remove(id);
      const condition = compileWanted(wanted);
      const cover = bestCover(condition, (access) => likelihoodOf(root, access));
      const buckets = cover === null ? [always.bucket(null)] : bucketsOf(root, cover);
      const [only, ...others] = buckets;
      const rest = cover === null ? condition : cover.rest();
      const entry: Entry = {
        id,
        condition: rest === null || holdsAlways(rest) ? null : shared.share(withoutAlternatives(rest)),
        bytes: entryBytes(condition, buckets.length),
        buckets: only !== undefined && others.length === 0 ? only : buckets,
        seen: 0,
      };
      for (const bucket of buckets) putIn(bucket, entry);
      entries.set(id, entry);
      bytes += entry.bytes;
    },
    delete: remove,
    match: (form) => matched(new EventView(form)),
    nearest(event, { limit, walksMax }) {
      const taken = matched(event);
      const isTaken = new Set(taken);
      const others = [...entries.values()].filter(({ id }) => !isTaken.has(id));
      return [...taken, ...nearest(others, { event, mark }, { limit, walksMax })].slice(0, limit);
    },
    get size() {
      return entries.size;
    },
    get bytes() {
      return bytes + shared.bytes;
    },
  };
}

const holdsAlways = (condition: Condition): boolean => condition.kind === "all" && condition.of.length === 0;

/** What was needed to find it is no more: the walk that evaluates all of a choice has all of it. */
function withoutAlternatives(condition: Condition): Condition {
  switch (condition.kind) {
    case "all":
    case "any":
      return { kind: condition.kind, of: condition.of.map(withoutAlternatives) };
    case "not":
      return { kind: "not", of: withoutAlternatives(condition.of) };
    case "choice":
      return { ...condition, of: [] };
    case "attribute":
    case "fields":
    case "sql":
      return condition;
  }
}

// ---- Changing it -------------------------------------------------------------------------------------------------

function likelihoodOf(root: Node, { path, probes, isCanonical }: Access): number {
  let node: Node | undefined = root;
  for (const key of path) node = node?.children?.get(key);
  const known = isCanonical ? node?.canonical : node?.place;
  let sum = 0;
  for (const probe of probes) sum += (known ?? NOWHERE).likelihood(probe);
  // Every place is one more look-up for each event, and in data there is a way to go.
  return known == null && path.length > 1 ? sum + OPENING : sum;
}

/** What a path is like that nobody asked for yet. */
const NOWHERE = new Place(() => undefined);
const OPENING = 0.02;

/** The buckets of all accesses, each once, made where there are none. */
function bucketsOf(root: Node, { accesses }: Cover): readonly Bucket[] {
  const buckets = new Set<Bucket>();
  for (const { path, probes, isCanonical } of accesses) {
    // It never holds.
    if (probes.length === 0) continue;
    const node = nodeAt(root, path);
    const at = isCanonical ? canonicalOf(node) : placeOf(node);
    for (const probe of probes) buckets.add(at.bucket(probe));
  }
  return [...buckets];
}

function placeOf(node: Node): Place {
  node.place ??= new Place(() => {
    node.place = null;
    forget(node);
  });
  return node.place;
}

function canonicalOf(node: Node): Place {
  node.canonical ??= new Place(() => {
    node.canonical = null;
    forget(node);
  });
  return node.canonical;
}

function nodeAt(root: Node, path: readonly string[]): Node {
  let node = root;
  for (const key of path) {
    node.children ??= new Map();
    const next: Node = node.children.get(key) ?? nodeOf(key, node);
    node.children.set(key, next);
    node = next;
  }
  return node;
}

/** Takes out paths at which nothing is looked up any more. */
function forget(node: Node): void {
  const { parent } = node;
  if (parent === null || node.place !== null || node.canonical !== null || node.children !== null) return;
  parent.children?.delete(node.key);
  if (parent.children?.size === 0) parent.children = null;
  forget(parent);
}

// ---- Looking an event up -----------------------------------------------------------------------------------------

function look(node: Node, value: unknown, hits: Hits): void {
  if (isList(value)) {
    for (const element of value) look(node, element, hits);
  } else if (isMembers(value)) lookBelow(node, value, hits);
  else if (isScalar(value)) {
    node.place?.look(value, hits);
    if (node.canonical !== null && value !== null) node.canonical.look(String(value), hits);
  }
}

/** At the top, through the shorter of two lists: what is asked for, or what is there. */
function lookAtTop(root: Node, form: Members, hits: Hits): void {
  if (root.children === null) return;
  if (root.children.size > FEW_CHILDREN) return lookBelow(root, form, hits);
  // Those who are found look at its keys too, so that is done once.
  const object = hits.event.spelling.plain(form);
  for (const child of root.children.values()) {
    const value = own(object, child.key);
    if (value !== undefined) look(child, value, hits);
  }
}

const FEW_CHILDREN = 4;

/** Deeper objects may be many and small: what is there is looked at as it comes. */
function lookBelow({ children }: Node, object: Members, hits: Hits): void {
  if (children === null) return;
  for (const key in object) {
    const child = children.get(key);
    if (child !== undefined) look(child, object[key], hits);
    else if (key.includes(".")) lookAlong(children, key.split("."), { value: object[key], hits });
  }
}

/** A key with dots is a path. */
function lookAlong(
  children: ReadonlyMap<string, Node>,
  [first = "", ...rest]: readonly string[],
  { value, hits }: { readonly value: unknown; readonly hits: Hits },
): void {
  let node = children.get(first);
  for (const key of rest) node = node?.children?.get(key);
  if (node !== undefined) look(node, value, hits);
}

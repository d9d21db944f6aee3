/** One cold load beside another, in a process of its own: it prints what it held. */
import { emptyBus, learn, type CachedBus } from "../../src/cached-bus.ts";
import { ROUTES_CHANGES_MAX } from "../../src/core/limits.ts";
import type { Change } from "../../src/ports.ts";
import { chance, routerRules, subscriptionId, wantedOf, type Chance } from "./data.ts";
import { createMatcher, type Matcher } from "../../src/core/matcher/matcher.ts";
import { readWanted, type SubjectRow } from "./subject.ts";
import { liveBytes, stopwatch, usedBytes } from "./timing.ts";

/** Rows with patterns as the router's rules have them, and rows with `types` and `source` only. */
export const KINDS = ["patterns", "types and source"] as const;
export type Kind = (typeof KINDS)[number];
/** The matcher by itself, and all that an isolate holds of a bus. */
export const HOLDERS = ["the matcher", "the whole bus"] as const;
export type Holder = (typeof HOLDERS)[number];
/** Collected before each look, or looked at with the garbage that is there. */
export type Mode = "collected" | "as it comes";

/** Bytes above what there was before, typed arrays included. */
export interface Load {
  /** Of one index, when it is loaded. */
  readonly oneBytes: number;
  /** At the most until then. */
  readonly peakOneBytes: number;
  /** At the most while another was loaded beside it. */
  readonly peakTwoBytes: number;
  /** When the first was let go. */
  readonly afterBytes: number;
  readonly loadMs: number;
}

/** Pages between two looks at the collected heap. */
const LOOK_PAGES = 10;
const BUS = "main";

/** One row of `count`. */
export function rowOf(kind: Kind, random: Chance, at: { index: number; count: number }): SubjectRow {
  const id = subscriptionId(random);
  if (kind === "patterns") return { id, wanted: wantedOf(patterns(at.count)[at.index] ?? "{}") };
  const source = `/tenants/tenant-${String(random.int(at.count / 5)).padStart(5, "0")}`;
  const types = [`com.acme.${random.pick(["orders", "users", "billing"])}.${random.pick(["created", "deleted"])}`];
  return { id, wanted: JSON.stringify({ types, source, filters: [] }) };
}

const made = new Map<number, readonly string[]>();
function patterns(count: number): readonly string[] {
  const rules = made.get(count) ?? routerRules(count);
  made.set(count, rules);
  return rules;
}

/** The answers of the database, outside the heap until they are read. */
function answers(kind: Kind, count: number): Buffer[] {
  const random = chance(3);
  const pages: Buffer[] = [];
  for (let from = 0; from < count; from += ROUTES_CHANGES_MAX) {
    const changes = Array.from({ length: Math.min(ROUTES_CHANGES_MAX, count - from) }, (_, offset): Change => {
      const { id, wanted } = rowOf(kind, random, { index: from + offset, count });
      return { kind: "subscription", version: from + offset + 1, bus: BUS, id, wanted };
    });
    pages.push(Buffer.from(JSON.stringify(changes)));
  }
  made.clear();
  return pages;
}

type Held = Matcher | CachedBus;

const refuse = (name: string, fields: object): never => {
  throw new Error(`${name} ${JSON.stringify(fields)}`);
};

/** Reads one answer after the other into something new; `look` is called behind each. */
function read(holder: Holder, pages: readonly Buffer[], look: (page: number) => void): Held {
  const bus = emptyBus(BUS);
  const matcher = createMatcher();
  for (const [page, bytes] of pages.entries()) {
    const changes: Change[] = JSON.parse(bytes.toString());
    for (const change of changes) {
      if (holder === "the whole bus") learn(bus, change, { info: refuse, warn: refuse, error: refuse });
      else if (change.kind === "subscription" && change.wanted !== null)
        matcher.set(change.id, readWanted(change.wanted));
    }
    look(page);
  }
  return holder === "the whole bus" ? bus : matcher;
}

function run({ kind, holder, count, mode }: { kind: Kind; holder: Holder; count: number; mode: Mode }): Load {
  const pages = answers(kind, count);
  const base = liveBytes();
  let peak = 0;
  const look = (page: number): void => {
    if (mode === "collected" && page % LOOK_PAGES !== 0) return;
    peak = Math.max(peak, (mode === "collected" ? liveBytes() : usedBytes()) - base);
  };
  const elapsed = stopwatch();
  // Held by the list alone, so that the first is garbage as soon as it is out of it.
  const held: Held[] = [];
  held.push(read(holder, pages, look));
  const loadMs = elapsed();
  look(0);
  const oneBytes = liveBytes() - base;
  const peakOneBytes = peak;
  held.push(read(holder, pages, look));
  look(0);
  held.shift();
  return { oneBytes, peakOneBytes, peakTwoBytes: peak, afterBytes: liveBytes() - base, loadMs };
}

if (import.meta.main) console.log(JSON.stringify(run(JSON.parse(process.argv[2] ?? "{}"))));

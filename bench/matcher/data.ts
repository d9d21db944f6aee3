/** What is matched: the recorded sets of the corpora when they are there, and seeded generators of the same shapes. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const FOLDER = resolve(process.env["FANTAIL_CORPORA"] ?? "../shared/corpora", "bench");

export interface Chance {
  /** From 0 to below `end`. */
  readonly int: (end: number) => number;
  readonly pick: <T>(list: readonly T[]) => T;
}

/** The same numbers at every run: mulberry32. */
export function chance(seed: number): Chance {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    int: (end) => Math.floor(next() * end),
    pick: <T>(list: readonly T[]): T => {
      const picked = list[Math.floor(next() * list.length)];
      if (picked === undefined) throw new Error("There is nothing to pick from");
      return picked;
    },
  };
}

const ID_CHARS = "0123456789abcdefghjkmnpqrstvwxyz".split("");

/** A subscription's id, as long as real ones. */
export function subscriptionId({ pick }: Chance): string {
  const body = Array.from({ length: 26 }, () => pick(ID_CHARS));
  return `sub_${body.join("")}`;
}

/** The text of a subscription's `wanted` with one pattern, itself given as JSON text. */
export const wantedOf = (pattern: string): string => `{"types":null,"source":null,"filters":[{"pattern":${pattern}}]}`;

/** Rules as patterns and events, both as JSON texts. */
export interface RuleSet {
  readonly rules: readonly string[];
  readonly events: readonly string[];
  /** Indices of the rules that take each of the first events; null when nobody recorded them. */
  readonly matches: readonly (readonly number[])[] | null;
}

const DOMAINS = "orders users billing inventory shipping auth search media devices alerts".split(" ");
const VERBS = ["created", "updated", "deleted", "failed", "completed", "expired", "viewed", "queued"];
const REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "ap-south-1"];
const CURRENCIES = ["USD", "EUR", "GBP", "JPY"];
const tenant = (index: number): string => `/tenants/tenant-${String(index).padStart(5, "0")}`;
const tenantsOf = (rules: number): number => Math.max(50, Math.floor(rules / 5));

/** The router's rules: a tenant's `source`, and beside it what subscriptions of many kinds ask for. */
export function routerRules(count: number): string[] {
  const random = chance(7);
  return Array.from({ length: count }, () => JSON.stringify(routerRule(random, tenantsOf(count))));
}

function routerRule({ int, pick }: Chance, tenants: number): object {
  const source = [tenant(int(tenants))];
  const domain = pick(DOMAINS);
  const verb = pick(VERBS);
  switch (int(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return { type: [`com.acme.${domain}.${verb}`], source };
    case 4:
      return { type: [{ prefix: `com.acme.${domain}.` }], source };
    case 5:
      return { source, data: { amount: [{ numeric: [">", int(900)] }], currency: [pick(CURRENCIES)] } };
    case 6:
      return { source, data: { region: [{ "anything-but": [pick(REGIONS)] }], status: [{ exists: true }] } };
    case 7:
      return { source, subject: [{ suffix: pick([".png", ".json", ".csv"]) }] };
    case 8:
      return { source, data: { items: { sku: [`sku-${int(500)}`] } } };
    default:
      return { source, type: [{ wildcard: `com.*.${verb}` }] };
  }
}

function routerEvent({ int, pick }: Chance, tenants: number, index: number): object {
  return {
    specversion: "1.0",
    id: `evt-${index}`,
    source: tenant(int(tenants)),
    type: `com.acme.${pick(DOMAINS)}.${pick(VERBS)}`,
    time: "2026-08-01T12:00:00Z",
    subject: `files/${int(1e6)}${pick([".png", ".json", ".csv", ".txt"])}`,
    datacontenttype: "application/json",
    data: {
      amount: int(1_000),
      currency: pick(CURRENCIES),
      region: pick(REGIONS),
      status: pick(["ok", "bad"]),
      customer: { id: `c${int(1e5)}`, email: `u${int(1e5)}@example.com` },
      items: Array.from({ length: int(4) }, () => ({ sku: `sku-${int(500)}`, qty: 1 + int(9) })),
    },
  };
}

/** The recorded set of so many rules, or a generated one. */
export function routerSet(count: number): RuleSet {
  const path = (part: string): string => join(FOLDER, `router-n${count}.${part}.txt`);
  if (!existsSync(path("matches"))) {
    const random = chance(11);
    const events = Array.from({ length: 5_000 }, (_, index) =>
      JSON.stringify(routerEvent(random, tenantsOf(count), index)),
    );
    return { rules: routerRules(count), events, matches: null };
  }
  const lines = (part: string): string[] => readFileSync(path(part), "utf8").replace(/\n$/, "").split("\n");
  const matches = lines("matches").map((line) =>
    line
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(Number),
  );
  return { rules: lines("rules"), events: lines("events"), matches };
}

export const CITY_LOT_LINES = 213_068;

export interface CityLots {
  readonly count: number;
  /** Lines as texts of their own, made anew at each call: all of them together would fill the heap. */
  slice(from: number, to: number): string[];
  /** Sets of rules by their class, with how many of all CITY_LOT_LINES each rule takes. */
  readonly classes: ReadonlyMap<string, { readonly rules: readonly string[]; readonly expected: readonly number[] }>;
}

/** The first `count` lines, made by the generator of the corpora; null without the corpora. */
export function cityLots(count: number): CityLots | null {
  const generator = join(FOLDER, "gen_citylots2.mjs");
  if (!existsSync(generator)) return null;
  const folder = mkdtempSync(join(tmpdir(), "fantail-bench-"));
  try {
    const file = join(folder, "lines.json");
    execFileSync(process.execPath, [generator, file, String(count)]);
    const bytes = readFileSync(file);
    return { count, slice: slicer(bytes), classes: cityLotRules() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function slicer(bytes: Buffer): CityLots["slice"] {
  const starts = [0];
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, end + 1)) starts.push(end + 1);
  return (from, to) =>
    starts.slice(from, to).map((start, index) => bytes.toString("utf8", start, (starts[from + index + 1] ?? 0) - 1));
}

function cityLotRules(): CityLots["classes"] {
  const text = readFileSync(join(FOLDER, "event-ruler-citylots2-rules.json"), "utf8");
  const sets: Record<string, { rules: string[]; expectedMatches: number[] }> = JSON.parse(text);
  return new Map(
    Object.entries(sets).map(([name, set]) => [name, { rules: set.rules, expected: set.expectedMatches }]),
  );
}

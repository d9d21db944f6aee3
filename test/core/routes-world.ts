/**
 * A world for the routes: a table of changes with its counter, a feed whose queries are run and answered when the test says so,
 * and a clock that is moved by hand.
 */
import { DEFAULT_BUS_SETTINGS, type BusSettings } from "../../src/core/bus.ts";
import { ROUTES_CHANGES_MAX } from "../../src/core/limits.ts";
import type { CloudEvent } from "../../src/core/event.ts";
import type { Lane } from "../../src/core/health.ts";
import type { Wanted } from "../../src/core/subscription.ts";
import {
  type BusRoutes,
  type Change,
  type ChangeFeed,
  type Clock,
  type KeyGrant,
  type KeyLimits,
  Unavailable,
} from "../../src/ports.ts";

export interface HandClock extends Clock {
  /** Moves the time, wakes who slept until then, and lets all that follows from it happen. */
  advance(ms: number): Promise<void>;
}

/** Lets everything happen that waits for nothing but its turn. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function handClock(): HandClock {
  let now = 1_800_000_000_000;
  let sleepers: { readonly until: number; readonly wake: () => void }[] = [];
  return {
    now: () => now,
    sleep: (ms) => new Promise((wake) => sleepers.push({ until: now + ms, wake })),
    async advance(ms) {
      now += ms;
      for (const { wake } of sleepers.filter(({ until }) => until <= now)) wake();
      sleepers = sleepers.filter(({ until }) => until > now);
      await settle();
    },
  };
}

type Page = Awaited<ReturnType<ChangeFeed["since"]>>;

/** A query on its way: `run` takes its snapshot, `answer` brings it back. */
export interface Query {
  readonly from: number;
  readonly buses: readonly string[];
  run(): void;
  answer(): Promise<void>;
  fail(): Promise<void>;
}

export type SubscriptionChange = Extract<Change, { kind: "subscription" }>;

export interface World {
  readonly feed: ChangeFeed;
  /** All queries ever sent. */
  readonly queries: Query[];
  /** What becomes of a query: at once answered, at once failed, or left to the test. */
  mode: "prompt" | "failing" | "manual";
  /** The database is nearly full. */
  failuresOnly: boolean;
  /** Makes or changes a bus; in place of a deleted one it makes another. */
  putBus(bus: string, settings?: Partial<BusSettings>): Change;
  dropBus(bus: string): Change;
  /** Erases what the bus has, without a trace. */
  sweepBus(bus: string): void;
  put(bus: string, id: string, wanted: Wanted | string): SubscriptionChange;
  drop(bus: string, id: string): SubscriptionChange;
  /** A settle changes the lane of a subscription's sink. */
  lane(bus: string, id: string, lane: Lane): Change;
  /** As it is in the database. */
  laneOf(bus: string, id: string): Lane;
  grant(bus: string, id: string, limits?: Partial<KeyLimits>): Change;
  revoke(bus: string, id: string): Change;
  /** Erases all tombstones. */
  purge(): void;
  /** Sets the counter back, as a restored database has it. */
  restore(version: number): void;
  version(): number;
}

/** A key that may publish, with no other limit. */
export const grantOf = (id: string): KeyGrant => ({
  id,
  hash: `hash of ${id}`,
  scopes: ["publish"],
  types: null,
  allowedOrigins: null,
  rateLimit: "standard",
  expiresMs: null,
});

export const wants = (...types: string[]): Wanted => ({ types, source: null, filters: [] });

export function newWorld(): World {
  let version = 1;
  let purgedVersion = 0;
  const rows = new Map<string, Change>();
  const isTombstone = (change: Change): boolean =>
    (change.kind === "subscription" && change.wanted === null) ||
    (change.kind === "key" && change.grant === null) ||
    (change.kind === "bus" && change.settings === null);

  function stamp<C extends Change>(id: string, change: C): C {
    rows.set(`${change.bus} ${id}`, change);
    return change;
  }

  function page(from: number, buses: readonly string[]): Page {
    const changes = [...rows.values()]
      .filter((change) => change.version > from && buses.includes(change.bus))
      .toSorted((a, b) => a.version - b.version)
      .slice(0, ROUTES_CHANGES_MAX);
    const loaded = from > 0 ? [] : [...rows.values()].filter(({ kind, bus }) => kind === "bus" && buses.includes(bus));
    return { changes: [...loaded, ...changes], version, purgedVersion, failuresOnly: world.failuresOnly };
  }

  const laneOf = (bus: string, id: string): Lane => {
    const row = rows.get(`${bus} lane ${id}`);
    return row?.kind === "lane" ? row.lane : "fast";
  };
  const putLane = (bus: string, id: string, lane: Lane): Change =>
    stamp(`lane ${id}`, { kind: "lane", version: ++version, bus, id, lane });

  /** A bus that takes the place of a deleted one is another bus. */
  function busChange(bus: string, settings: BusSettings | null): Change {
    const known = rows.get(`${bus} `);
    const isSame = known?.kind === "bus" && (known.settings !== null || settings === null);
    const createdMs = isSame ? known.createdMs : version;
    return { kind: "bus", version: ++version, bus, createdMs, settings };
  }

  const world: World = {
    mode: "prompt",
    failuresOnly: false,
    queries: [],
    version: () => version,
    feed: {
      since(from, buses) {
        const { promise, resolve, reject } = Promise.withResolvers<Page>();
        let snapshot: Page | undefined;
        const query: Query = {
          from,
          buses,
          run: () => void (snapshot ??= page(from, buses)),
          answer: () => (resolve(snapshot ?? page(from, buses)), settle()),
          fail: () => (reject(new Unavailable("The database does not answer")), settle()),
        };
        world.queries.push(query);
        if (world.mode === "prompt") void query.answer();
        if (world.mode === "failing") void query.fail();
        return promise;
      },
    },
    putBus: (bus, settings = {}) => stamp("", busChange(bus, { ...DEFAULT_BUS_SETTINGS, ...settings })),
    dropBus: (bus) => stamp("", busChange(bus, null)),
    sweepBus(bus) {
      for (const [name, change] of rows) if (change.bus === bus && change.kind !== "bus") rows.delete(name);
    },
    put(bus, id, wanted) {
      const before = rows.get(`${bus} ${id}`);
      const text = typeof wanted === "string" ? wanted : JSON.stringify(wanted);
      const change = stamp(id, { kind: "subscription" as const, version: ++version, bus, id, wanted: text });
      // What becomes active again begins on lane `fast`, in the same transaction.
      const wasActive = before?.kind === "subscription" && before.wanted !== null;
      if (!wasActive && laneOf(bus, id) === "slow") putLane(bus, id, "fast");
      return change;
    },
    drop: (bus, id) => stamp(id, { kind: "subscription", version: ++version, bus, id, wanted: null }),
    lane: putLane,
    laneOf,
    grant: (bus, id, limits = {}) =>
      stamp(id, {
        kind: "key",
        version: ++version,
        bus,
        id,
        grant: { ...grantOf(id), ...limits },
      }),
    revoke: (bus, id) => stamp(id, { kind: "key", version: ++version, bus, id, grant: null }),
    purge() {
      for (const [name, change] of rows) {
        if (!isTombstone(change)) continue;
        purgedVersion = Math.max(purgedVersion, change.version);
        rows.delete(name);
        if (change.kind === "subscription") rows.delete(`${change.bus} lane ${change.id}`);
      }
    },
    restore(to) {
      version = to;
      for (const [name, change] of rows) if (change.version > to) rows.delete(name);
    },
  };
  return world;
}

function event(type: string): CloudEvent {
  const attributes = { specversion: "1.0", id: "1", source: "/s", type };
  return { id: "1", source: "/s", type, attributes, data: { kind: "none" } };
}

/** Ids that take an event of that type, in order; null for no bus. */
export const takers = (routes: BusRoutes | null, type: string): string[] | null =>
  routes === null ? null : [...routes.match(event(type))].toSorted();

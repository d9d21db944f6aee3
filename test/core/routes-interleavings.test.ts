/**
 * Random schedules of changes, requests and answers: queries overlap, end in any order, fail or never end. Pages have three rows
 * and memory may hold two buses, so that paging, erased tombstones and eviction meet all of it.
 */
import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { ROUTES_STALE_MS } from "../../src/core/limits.ts";
import type { BusRoutes, Change, Routes } from "../../src/ports.ts";
import { createRoutes, emptyRoutesState } from "../../src/routes.ts";
import { fakeLogger } from "../fakes.ts";
import { handClock, newWorld, settle, type SubscriptionChange, takers, wants } from "./routes-world.ts";

const limits = vi.hoisted(() => ({ bytes: Number.POSITIVE_INFINITY }));
vi.mock(import("../../src/core/limits.ts"), async (original) => {
  const real = await original();
  return Object.defineProperties(
    { ...real },
    {
      ROUTES_CHANGES_MAX: { enumerable: true, value: 3 },
      ROUTES_BYTES_MAX: { enumerable: true, get: () => limits.bytes },
    },
  );
});
afterEach(() => {
  limits.bytes = Number.POSITIVE_INFINITY;
});

const BUSES = ["b0", "b1", "b2"] as const;
const IDS = ["sub_0", "sub_1", "sub_2", "sub_3", "sub_4"] as const;
const ALL = "all";

const aBus = fc.constantFrom(...BUSES);
const anId = fc.constantFrom(...IDS);
const nth = fc.nat(7);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("put" as const), bus: aBus, id: anId, here: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("drop" as const), bus: aBus, id: anId, here: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("lane" as const),
      bus: aBus,
      id: anId,
      lane: fc.constantFrom("fast" as const, "slow" as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("request" as const), bus: aBus }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("run" as const), nth }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("answer" as const), nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), nth }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("tick" as const), ms: fc.constantFrom(1, 900, 2_001, 5_001, 5_001) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("purge" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("end" as const), bus: aBus, here: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("make" as const), bus: aBus, here: fc.boolean() }) },
);

function schedule() {
  const world = newWorld();
  for (const bus of BUSES) world.putBus(bus);
  const clock = handClock();
  const state = emptyRoutesState();
  const background = (): void => undefined;
  const routes = createRoutes({ feed: world.feed, clock, logger: fakeLogger(), state });
  /** Per row, the versions it ever had, and whether it was there then. */
  const history = new Map<string, Map<number, boolean>>();
  const rowsOf = (bus: string) => IDS.map((id) => `${bus} ${id}`);

  function commit(change: SubscriptionChange): Change {
    const row = `${change.bus} ${change.id}`;
    history.set(
      row,
      (history.get(row) ?? new Map<number, boolean>([[0, false]])).set(change.version, change.wanted !== null),
    );
    return change;
  }
  const put = (bus: string, id: string): Change => {
    const version = world.version() + 1;
    return commit(world.put(bus, id, wants(ALL, `v${version}`)));
  };
  const drop = (bus: string, id: string): Change => commit(world.drop(bus, id));

  /** Buses that were deleted, or took the place of one that was. */
  const ended = new Set<string>();
  const living = new Set<string>(BUSES);
  /** Deletes the bus and all that it has, at once: what is left of it in the cache is told by nothing but its own row. */
  function end(bus: string): Change {
    const change = world.dropBus(bus);
    world.sweepBus(bus);
    living.delete(bus);
    ended.add(bus);
    for (const row of rowsOf(bus)) if (history.has(row)) history.get(row)?.set(change.version, false);
    return change;
  }
  function make(bus: string): Change {
    living.add(bus);
    return world.putBus(bus);
  }

  /** The version of each row that is shown; a row that is not shown has the newest version at which it was away. */
  function shown(bus: string, found: BusRoutes): Map<string, number> {
    const versions = new Map<string, number>();
    for (let version = 0; version <= world.version(); version++)
      for (const id of takers(found, `v${version}`) ?? []) versions.set(`${bus} ${id}`, version);
    const newestAway = (row: string): number =>
      Math.max(0, ...[...(history.get(row) ?? [])].filter(([, there]) => !there).map(([at]) => at));
    return new Map(rowsOf(bus).map((row) => [row, versions.get(row) ?? newestAway(row)]));
  }

  /** What a load from the beginning would show. */
  const truth = (bus: string): string[] | null =>
    living.has(bus)
      ? rowsOf(bus).flatMap((row, index) => ([...(history.get(row) ?? [])].at(-1)?.[1] ? [IDS[index] ?? ""] : []))
      : null;

  return { world, clock, state, routes, background, put, drop, end, make, ended, living, shown, truth, rowsOf };
}

async function showsTheTruth(
  routes: Routes,
  { truth, world }: Pick<ReturnType<typeof schedule>, "truth" | "world">,
): Promise<void> {
  for (const bus of BUSES) {
    const found = await routes.bus(bus, () => undefined);
    const active = takers(found, ALL);
    expect(active).toEqual(truth(bus));
    for (const id of active ?? []) expect(found?.laneOf(id), `${bus} ${id}`).toBe(world.laneOf(bus, id));
  }
}

/** Attempts are made of subscriptions that are active only. */
const isActive = ({ truth }: Pick<ReturnType<typeof schedule>, "truth">, { bus, id }: { bus: string; id: string }) =>
  truth(bus)?.includes(id) === true;

test.each([
  ["with room for all", Number.POSITIVE_INFINITY],
  ["with room for two buses", 2 * 2_000 + 6 * 700],
])(
  "any interleaving of changes and refreshes, %s, ends with what a fresh load holds, and hides nothing made here",
  async (_, bytes) => {
    limits.bytes = bytes;
    const property = fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
      const at = schedule();
      const { world, clock, routes, background } = at;
      world.mode = "manual";
      const open = () => world.queries.filter((query) => !ended.has(query));
      const ended = new Set<(typeof world.queries)[number]>();
      const made = new Map<string, number>();
      const newest = new Map<string, number>();
      const failures: unknown[] = [];

      async function request(bus: string): Promise<void> {
        const madeBefore = new Map(made);
        // A request may be refused while the database does not answer.
        const found = await routes.bus(bus, background).catch(() => null);
        if (found === null) return;
        for (const [row, version] of at.shown(bus, found)) {
          if (version < (madeBefore.get(row) ?? 0)) failures.push({ row, version, made: madeBefore.get(row) });
          // A bus that was let go and loaded again may be as old as the rules allow.
          if (bytes === Number.POSITIVE_INFINITY && !at.ended.has(bus) && version < (newest.get(row) ?? 0))
            failures.push({ row, version, before: newest.get(row) });
          newest.set(row, version);
        }
      }

      for (const todo of steps) {
        if (todo.do === "end" || todo.do === "make") {
          if (at.living.has(todo.bus) !== (todo.do === "end")) continue;
          const change = at[todo.do](todo.bus);
          if (todo.here) routes.applied(change);
        } else if (todo.do === "put" || todo.do === "drop") {
          if (!at.living.has(todo.bus)) continue;
          const change = at[todo.do](todo.bus, todo.id);
          if (todo.here) {
            routes.applied(change);
            made.set(`${todo.bus} ${todo.id}`, change.version);
          }
        } else if (todo.do === "lane") {
          if (isActive(at, todo)) world.lane(todo.bus, todo.id, todo.lane);
        } else if (todo.do === "request") void request(todo.bus);
        else if (todo.do === "tick") await clock.advance(todo.ms);
        else if (todo.do === "purge") world.purge();
        else {
          const query = open()[todo.nth];
          if (query === undefined) continue;
          await query[todo.do]();
          if (todo.do !== "run") ended.add(query);
        }
        await settle();
        expect(failures).toEqual([]);
      }

      world.mode = "prompt";
      await clock.advance(ROUTES_STALE_MS + 1);
      for (const query of open()) await query.answer();
      await clock.advance(ROUTES_STALE_MS + 1);
      expect(failures).toEqual([]);
      await showsTheTruth(routes, at);
      await showsTheTruth(
        createRoutes({ feed: world.feed, clock, logger: fakeLogger(), state: emptyRoutesState() }),
        at,
      );
      for (const held of at.state.buses.values()) expect(held.ahead.size).toBe(0);
    });
    await fc.assert(property, { numRuns: 300 });
  },
  60_000,
);

test("every change is live within ROUTES_STALE_MS while D1 answers, whoever asks and when", async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
    const at = schedule();
    const { clock, routes, background } = at;
    const committed = new Map<string, { readonly atMs: number; readonly version: number }[]>();
    for (const todo of steps) {
      if (todo.do === "put" || todo.do === "drop") {
        const { version } = at[todo.do](todo.bus, todo.id);
        const row = `${todo.bus} ${todo.id}`;
        committed.set(row, [...(committed.get(row) ?? []), { atMs: clock.now(), version }]);
      } else if (todo.do === "tick") await clock.advance(todo.ms);
      else if (todo.do === "request") {
        const found = await routes.bus(todo.bus, background);
        if (found === null) throw new Error("The bus is missing");
        for (const [row, version] of at.shown(todo.bus, found)) {
          const due = (committed.get(row) ?? []).filter(({ atMs }) => atMs < clock.now() - ROUTES_STALE_MS);
          expect(version).toBeGreaterThanOrEqual(due.at(-1)?.version ?? 0);
        }
      }
    }
  });
  await fc.assert(property, { numRuns: 200 });
}, 60_000);

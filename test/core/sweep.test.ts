// The sweep as a use case, over a log that says what it is told: what it decides at its limits and past them, and what it asks for.
import { expect, it } from "vitest";
import {
  DATABASE_NOTED_FRACTION,
  FAILURES_ONLY_END_FRACTION,
  FAILURES_ONLY_FRACTION,
  SHORTEN_FRACTION,
  SWEEP_BUDGET_MS,
  SWEEP_STEPS_MAX,
} from "../../src/core/limits.ts";
import { PURGES, type SweepLog } from "../../src/ports.ts";
import { createSweep } from "../../src/sweep.ts";
import { fakeLogger } from "../fakes.ts";

const ROOM = 10_000_000;
const KEY = { bus: "default", seq: "s", subscriptionId: "sub_a", run: "" };
const EXPIRED = { key: KEY, eventId: "evt_a", attempt: 1 };

function stage(change: Partial<SweepLog> = {}) {
  const database = { bytes: 0, notedBytes: 0, failuresOnly: false };
  const noted: { bytes: number; failuresOnly: boolean }[] = [];
  const shortened: { bytes: number; after: string | null }[] = [];
  const asked: string[] = [];
  const told: string[] = [];
  let now = 1_800_000_000_000;
  const logger = fakeLogger();
  const log: SweepLog = {
    lostAlarms: async () => ({ freed: 0, wakes: [], more: false }),
    woken: async () => {},
    unhold: async () => ({ resumed: [], cancelled: 0, more: false }),
    readySinks: async () => [],
    lagging: async () => ({ lagging: [], next: null }),
    told: async () => {},
    caughtUp: async () => {},
    count: async () => ({ more: false }),
    erase: async () => ({ deliveries: 0, more: false }),
    retain: async () => ({ expired: [], removed: 0, next: null }),
    database: async () => ({ ...database }),
    noteDatabase: async (state) => {
      noted.push(state);
      database.notedBytes = state.bytes;
      database.failuresOnly = state.failuresOnly;
    },
    shorten: async ({ bytes }, after) => {
      shortened.push({ bytes, after });
      return { expired: [], removed: 0, reachedMs: null, bytes: database.bytes, next: null };
    },
    purge: async (what) => {
      asked.push(what);
      return { removed: 0, more: false };
    },
    ...change,
  };
  const { sweep } = createSweep({
    log,
    lanes: { send: async () => {}, poison: async () => {} },
    tell: async (notices) => void told.push(...notices.map(({ type }) => type)),
    clock: { now: () => now, sleep: async () => {} },
    logger,
    retentionDays: 7,
    databaseBytes: ROOM,
  });
  return { sweep, database, noted, shortened, asked, told, logger, advance: (ms: number) => void (now += ms) };
}

it("shortens past its limit, by what is over it, and not at it", async () => {
  const { sweep, database, shortened } = stage();
  database.bytes = SHORTEN_FRACTION * ROOM;
  await sweep();
  expect(shortened).toEqual([]);
  database.bytes += 1;
  await sweep();
  expect(shortened).toEqual([{ bytes: 1, after: null }]);
});

it("records failures only past its limit, and until it is under the other one", async () => {
  const { sweep, database, noted, logger } = stage();
  const at = async (bytes: number): Promise<boolean> => {
    database.bytes = bytes;
    await sweep();
    return database.failuresOnly;
  };
  expect(await at(FAILURES_ONLY_FRACTION * ROOM)).toBe(false);
  expect(await at(FAILURES_ONLY_FRACTION * ROOM + 1)).toBe(true);
  expect(noted.at(-1)).toEqual({ bytes: FAILURES_ONLY_FRACTION * ROOM + 1, failuresOnly: true });
  expect(await at(FAILURES_ONLY_END_FRACTION * ROOM)).toBe(true);
  expect(await at(FAILURES_ONLY_END_FRACTION * ROOM - 1)).toBe(false);
  expect(await at(FAILURES_ONLY_FRACTION * ROOM)).toBe(false);
  const lines = logger.lines.filter(({ name }) => name === "database.failures_only");
  expect(lines.map(({ level, fields }) => [level, fields["on"], fields["fraction"]])).toEqual([
    ["error", true, FAILURES_ONLY_FRACTION],
    ["info", false, FAILURES_ONLY_END_FRACTION],
  ]);
});

it("notes the size when it changed by more than its part, up or down", async () => {
  const { sweep, database, noted } = stage();
  const step = DATABASE_NOTED_FRACTION * ROOM;
  const sizes: number[] = [];
  for (const bytes of [step, step + 1, 1, step + 1 + step, step + 1 + step + 1, step + 1]) {
    database.bytes = bytes;
    await sweep();
    sizes.push(noted.length);
  }
  expect(sizes).toEqual([0, 1, 1, 1, 2, 3]);
});

it("goes from place to place while it is over its limit, and stops when a step leads nowhere or its budget is over", async () => {
  const places: (string | null)[] = [];
  const answers = ["a", "b", null];
  const world = stage({
    shorten: async (_options, after) => {
      places.push(after);
      world.advance(1);
      return { expired: [EXPIRED], removed: 2, reachedMs: 5, bytes: ROOM, next: answers[places.length - 1] ?? null };
    },
  });
  world.database.bytes = ROOM;
  await world.sweep();
  expect(places).toEqual([null, "a", "b"]);
  expect(world.told).toEqual(["delivery.dead", "delivery.dead", "delivery.dead"]);
  expect(world.logger.lines.filter(({ name }) => name === "sweep.shortened")).toMatchObject([
    { level: "warn", fields: { bytes: ROOM, fraction: 1, before: "1970-01-01T00:00:00.005Z", expired: 3, removed: 6 } },
  ]);

  let steps = 0;
  const slow = stage({
    shorten: async () => {
      steps += 1;
      slow.advance(SWEEP_BUDGET_MS / 2);
      return { expired: [], removed: 1, reachedMs: 5, bytes: ROOM, next: String(steps) };
    },
  });
  slow.database.bytes = ROOM;
  await slow.sweep();
  expect(steps).toBe(2);
});

it("takes a bounded number of steps for each part, also when the clock stands still", async () => {
  const steps = { erase: 0, buses: 0, audit: 0 };
  const { sweep } = stage({
    erase: async () => ({ deliveries: ++steps.erase, more: true }),
    purge: async (what) => {
      if (what !== "buses" && what !== "audit") return { removed: 0, more: false };
      return { removed: ++steps[what], more: true };
    },
  });
  await sweep();
  expect(steps).toEqual({ erase: SWEEP_STEPS_MAX, buses: SWEEP_STEPS_MAX, audit: SWEEP_STEPS_MAX });
});

it("asks for every purge, whichever of them fails, and shortens after them", async () => {
  for (const broken of PURGES) {
    const order: string[] = [];
    const { sweep, database, logger } = stage({
      purge: async (what) => {
        order.push(what);
        if (what === broken) throw new Error("no");
        return { removed: 0, more: false };
      },
      shorten: async () => {
        order.push("shorten");
        return { expired: [], removed: 0, reachedMs: null, bytes: 0, next: null };
      },
    });
    database.bytes = ROOM;
    await expect(sweep()).rejects.toThrow("no");
    expect(order).toEqual([...PURGES, "shorten"]);
    const failed = logger.lines.filter(({ name }) => name === "sweep.failed");
    expect(failed.map(({ fields }) => fields["step"])).toEqual([`purge_${broken}`]);
  }
});

// The limiter of one subscription, in worlds of many batches: what is pushed in any window, what waits for how long, and what comes back.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  LEASE_MS,
  PACE_ABSENT_MS,
  PACE_BATCHES_MAX,
  PACE_IDLE_MS,
  PACE_PERMIT_MS,
  PACE_WINDOW_MS_MIN,
  PUSHES_PER_SUBSCRIPTION_MAX,
  RETRY_DELAY_SECONDS_MAX,
} from "../../src/core/limits.ts";
import { ask, done, forgottenMs, type Grant, type PaceAsk, type PaceState } from "../../src/core/pace.ts";
import type { Pace } from "../../src/core/subscription.ts";

const START_MS = 1_800_000_000_000;
/** Deliveries of one batch. */
const BATCH_MAX = 25;

const rateOf = (limit: number, periodSeconds: number): Pace => ({ rate: { limit, periodSeconds }, concurrency: null });
const windowOf = ({ rate }: Pace): number => Math.max((rate?.periodSeconds ?? 0) * 1_000, PACE_WINDOW_MS_MIN);
/** What the limit allows in its window. */
const allowanceOf = (pace: Pace): number =>
  ((pace.rate?.limit ?? Infinity) * windowOf(pace)) / ((pace.rate?.periodSeconds ?? 1) * 1_000);

/** A limiter as its one object runs it. Its state goes through JSON each time, as through storage. */
function limiter(pace: Pace) {
  let state: PaceState | null = null;
  let tokens = 0;
  const kept = (next: PaceState): PaceState => JSON.parse(JSON.stringify(next));
  return {
    pace,
    state: () => state,
    ask(now: number, wanted: Partial<PaceAsk>): Grant & { readonly token: string } {
      const token = wanted.token ?? `batch-${++tokens}`;
      const result = ask(state, { pace: this.pace, fresh: 0, returning: 0, expectedMs: 100, ...wanted, token }, now);
      state = kept(result.state);
      return { ...result.grant, token };
    },
    done(now: number, token: string, unused = 0): void {
      if (state !== null) state = kept(done(state, { token, unused }, now));
    },
  };
}

/** The most that any window of that length, its end not included, has. */
function mostIn(windowMs: number, uses: readonly number[]): number {
  const sorted = uses.toSorted((a, b) => a - b);
  let first = 0;
  let most = 0;
  sorted.forEach((at, index) => {
    while (at - (sorted[first] ?? at) >= windowMs) first += 1;
    most = Math.max(most, index - first + 1);
  });
  return most;
}

interface Waiting {
  readonly atMs: number;
  readonly bornMs: number;
}

interface World {
  readonly pace: Pace;
  /** When batches bring how many fresh deliveries. */
  readonly arrivals: readonly { readonly atMs: number; readonly fresh: number }[];
  /** How late a deferred delivery is back, against its slot; asked once for each. */
  readonly lateMs: () => number;
  /** In [0, 1]: how much of PACE_PERMIT_MS passes before a permit is used. */
  readonly delay: () => number;
  /** In [0, 1]: how much of what it was granted a batch uses. The rest comes back 2 s later. */
  readonly used?: () => number;
}

/** Runs until nothing waits, or so many batches were asked for. */
function run({ pace, arrivals, lateMs, delay, used = () => 1 }: World, batchesMax = 20_000) {
  const limits = limiter(pace);
  const uses: number[] = [];
  const waits: number[] = [];
  const fresh = arrivals.toSorted((a, b) => a.atMs - b.atMs);
  const waiting: Waiting[] = [];
  const ends: { readonly atMs: number; readonly token: string; readonly unused: number }[] = [];
  for (let batches = 0; batches < batchesMax && (fresh.length > 0 || waiting.length > 0); batches++) {
    waiting.sort((a, b) => a.atMs - b.atMs);
    const now = Math.min(fresh[0]?.atMs ?? Infinity, waiting[0]?.atMs ?? Infinity);
    for (const end of ends.splice(0)) {
      if (end.atMs <= now) limits.done(end.atMs, end.token, end.unused);
      else ends.push(end);
    }
    const ready = waiting.findIndex(({ atMs }) => atMs > now);
    const back = waiting.splice(0, Math.min(BATCH_MAX, ready === -1 ? waiting.length : ready));
    const isArrival = fresh[0]?.atMs === now;
    const count = isArrival ? (fresh.shift()?.fresh ?? 0) : 0;
    const all = [...back, ...Array.from({ length: count }, () => ({ atMs: now, bornMs: now }))];
    const { allowed, deferMs, token } = limits.ask(now, { returning: back.length, fresh: count });
    expect(allowed + deferMs.length).toBe(all.length);
    const pushed = Math.ceil(allowed * used());
    all.slice(0, pushed).forEach(({ bornMs }) => {
      const at = now + Math.floor(delay() * PACE_PERMIT_MS);
      uses.push(at);
      waits.push(at - bornMs);
    });
    ends.push({ atMs: now + PACE_PERMIT_MS, token, unused: allowed - pushed });
    const dues = [...Array.from({ length: allowed - pushed }, () => now + 2_000), ...deferMs];
    all.slice(pushed).forEach(({ bornMs }, index) => {
      const slot = dues[index] ?? 0;
      expect(slot).toBeGreaterThan(now);
      waiting.push({ bornMs, atMs: Math.max(now + 1, Math.floor(slot + lateMs())) });
    });
  }
  return { uses, waits, state: limits.state() };
}

const rates = fc.oneof(
  fc.record({ limit: fc.integer({ min: 1, max: 40 }), periodSeconds: fc.integer({ min: 1, max: 120 }) }),
  fc.record({ limit: fc.integer({ min: 1, max: 1_500 }), periodSeconds: fc.constantFrom(60, 61, 600, 86_400) }),
);
/** Chance that is the same when a world is run again. */
const chances = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 50 });
function inTurn(values: readonly number[]): () => number {
  let index = 0;
  return () => values[index++ % values.length] ?? 0;
}
const bursts = fc.array(
  fc.record({ atMs: fc.integer({ min: 0, max: 150_000 }), fresh: fc.integer({ min: 0, max: 60 }) }),
  { minLength: 1, maxLength: 40 },
);

describe("a rate", () => {
  it("is never exceeded in any window, whatever batches ask, however late their permits are used and what they give back", () => {
    const worlds = fc.record({ rate: rates, bursts, delays: chances, lates: chances, used: chances });
    fc.assert(
      fc.property(worlds, ({ rate, bursts: list, delays, lates, used }) => {
        const pace: Pace = { rate, concurrency: null };
        const late = inTurn(lates);
        const use = inTurn(used);
        const world = {
          pace,
          arrivals: list.map(({ atMs, fresh }) => ({ atMs: START_MS + atMs, fresh })),
          delay: inTurn(delays),
          lateMs: () => late() * 8_000 - 1_000,
          used: use,
        };
        const { uses } = run(world, 400);
        expect(mostIn(windowOf(pace), uses)).toBeLessThanOrEqual(Math.ceil(allowanceOf(pace) - 1e-9));
      }),
      { numRuns: 200 },
    );
  });

  it("is not exceeded by permits that come back late, in another order, and after others were granted", () => {
    const steps = fc.array(
      fc.record({
        waitMs: fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 2_500 })),
        wanted: fc.oneof(fc.constant(40), fc.integer({ min: 0, max: 40 })),
        used: fc.constantFrom(0, 0.2, 1),
        /** Its end is told after so many further asks. */
        lag: fc.integer({ min: 0, max: 6 }),
      }),
      { minLength: 3, maxLength: 30 },
    );
    const [toleranceMs, intervalMs] = [2_000, 105];
    fc.assert(
      fc.property(steps, (list) => {
        const limits = limiter(rateOf(600, 60));
        const uses: number[] = [];
        const ends: { readonly at: number; readonly token: string; readonly unused: number }[] = [];
        let now = START_MS;
        list.forEach(({ waitMs, wanted, used, lag }, index) => {
          now += waitMs;
          for (const { token, unused } of ends.filter(({ at }) => at === index)) limits.done(now, token, unused);
          const { allowed, token } = limits.ask(now, { returning: wanted });
          const pushed = Math.floor(allowed * used);
          for (let count = 0; count < pushed; count++) uses.push(now);
          ends.push({ at: index + 1 + lag, token, unused: allowed - pushed });
        });
        for (const windowMs of [1, 10, 100, 1_000, 5_000, 20_000])
          expect(mostIn(windowMs, uses)).toBeLessThanOrEqual(Math.ceil((windowMs + toleranceMs) / intervalMs));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    [1_000, 1],
    [600, 60],
    [10, 60],
    [10_000, 86_400],
  ])(
    "gives a backlog all but a twentieth of %i in %i s, if it comes back within a second of its slots",
    (limit, periodSeconds) => {
      const pace = rateOf(limit, periodSeconds);
      const count = Math.min(5_000, Math.ceil(allowanceOf(pace) * 9));
      const lateMsMax = 1_000;
      fc.assert(
        fc.property(chances, chances, (lates, delays) => {
          const late = inTurn(lates);
          const { uses } = run({
            pace,
            arrivals: Array.from({ length: Math.ceil(count / BATCH_MAX) }, (_, index) => ({
              atMs: START_MS + index,
              fresh: Math.min(BATCH_MAX, count - index * BATCH_MAX),
            })),
            delay: inTurn(delays),
            // Alarms come in whole seconds, and never before their time.
            lateMs: () => late() * lateMsMax,
          });
          // Each of them, not only the last: one that is back late, and then pushed late, is that much behind.
          const evenMs = windowOf(pace) / (0.95 * allowanceOf(pace));
          const behindMs = uses.toSorted((a, b) => a - b).map((at, index) => at - START_MS - index * evenMs);
          expect(Math.max(...behindMs)).toBeLessThanOrEqual(lateMsMax + PACE_PERMIT_MS);
        }),
        { numRuns: 3 },
      );
    },
  );

  it("spreads thousands that many batches bring at once, and none waits for long behind those that came later", () => {
    const pace = rateOf(6_000, 60);
    const intervalMs = 10.5;
    fc.assert(
      fc.property(chances, chances, (lates, delays) => {
        const late = inTurn(lates);
        const herd = Array.from({ length: 80 }, (_, index) => ({ atMs: START_MS + index, fresh: BATCH_MAX }));
        // And a stream of its own behind it, at 95 % of what is given.
        const stream = Array.from({ length: 400 }, (_, index) => ({ atMs: START_MS + 100 + index * 110, fresh: 10 }));
        const { waits } = run({
          pace,
          arrivals: [...herd, ...stream],
          delay: inTurn(delays),
          lateMs: () => late() * 15_000,
        });
        const backlogMs = 80 * BATCH_MAX * intervalMs;
        expect(waits.length).toBe(80 * BATCH_MAX + 4_000);
        expect(Math.max(...waits)).toBeLessThan(3 * (backlogMs + 15_000));
      }),
      { numRuns: 3 },
    );
  });

  it("gives slots that are one interval apart, each once, behind what was deferred before", () => {
    const limits = limiter(rateOf(10, 60));
    const first = limits.ask(START_MS, { fresh: 4 });
    expect(first).toMatchObject({ allowed: 1, deferMs: [6_300, 12_600, 18_900].map((ms) => START_MS + ms) });
    const second = limits.ask(START_MS + 50, { fresh: 2 });
    expect(second).toMatchObject({ allowed: 0, width: 0, deferMs: [25_200, 31_500].map((ms) => START_MS + ms) });
  });

  it("lets who returns pass before who is fresh, as long as there is a queue", () => {
    const limits = limiter(rateOf(10, 60));
    const [slot = 0] = limits.ask(START_MS, { fresh: 2 }).deferMs;
    expect(limits.ask(slot - 1, { fresh: 1 }).allowed).toBe(0);
    const { allowed, deferMs } = limits.ask(slot, { returning: 1, fresh: 1 });
    expect([allowed, deferMs.length]).toEqual([1, 1]);
  });

  it("sends who returns and finds no permit to the front, not behind the queue", () => {
    const limits = limiter(rateOf(600, 60));
    const { deferMs } = limits.ask(START_MS, { fresh: 1_000 });
    const [slot = 0] = deferMs;
    const herd = limits.ask(slot, { returning: 100 });
    expect(herd.allowed).toBeLessThan(30);
    expect(Math.max(...herd.deferMs)).toBeLessThan(slot + 15_000);
    expect(limits.ask(slot, { fresh: 1 }).deferMs[0]).toBeGreaterThan(deferMs.at(-1) ?? Infinity);
  });

  it("does not wait for a queue that does not come", () => {
    const limits = limiter(rateOf(60, 60));
    limits.ask(START_MS, { fresh: 5_000 });
    expect(limits.ask(START_MS + 8_000, { fresh: 1 }).allowed).toBe(0);
    expect(limits.ask(START_MS + 5_000 + PACE_ABSENT_MS, { fresh: 1 }).allowed).toBe(1);
    expect(limits.ask(START_MS + 7_000 + PACE_ABSENT_MS, { fresh: 1 }).allowed).toBe(1);
  });

  it("has no slot more than 24 h ahead, and spreads those that would be later", () => {
    const limits = limiter(rateOf(1, 60));
    const { deferMs } = limits.ask(START_MS, { fresh: 5_000 });
    const dayMs = RETRY_DELAY_SECONDS_MAX * 1_000;
    expect(Math.max(...deferMs)).toBeLessThanOrEqual(START_MS + dayMs);
    const hours = Map.groupBy(deferMs, (ms) => Math.floor((ms - START_MS) / 3_600_000));
    expect(Math.max(...[...hours.values()].map(({ length }) => length))).toBeLessThan(500);
  });

  it.each([0, 1, 4])("takes permits once when a batch asks again within the second, after %i other asks", (others) => {
    const limits = limiter(rateOf(600, 60));
    const first = limits.ask(START_MS, { fresh: 10, returning: 15, token: "again" });
    for (let index = 0; index < others; index++) limits.ask(START_MS + 1, { fresh: 5 });
    const before = limits.state();
    expect(limits.ask(START_MS + 500, { fresh: 10, returning: 15, token: "again" })).toEqual(first);
    expect(limits.state()?.nextMs).toBe(before?.nextMs);
    expect(limits.state()?.horizonMs).toBe(before?.horizonMs);
  });

  it("takes back what was not used, once", () => {
    const limits = limiter(rateOf(600, 60));
    const { allowed, token } = limits.ask(START_MS, { fresh: 100 });
    const nextMs = limits.state()?.nextMs ?? 0;
    limits.done(START_MS + 900, token, allowed - 1);
    limits.done(START_MS + 950, token, allowed - 1);
    limits.done(START_MS + 950, "nobody", 5);
    expect(nextMs - (limits.state()?.nextMs ?? 0)).toBeCloseTo((allowed - 1) * 105);
    // More than it was given is no more than all.
    const second = limits.ask(START_MS + 1_000, { returning: 100 });
    const before = limits.state()?.nextMs ?? 0;
    limits.done(START_MS + 1_000, second.token, 1_000);
    expect(before - (limits.state()?.nextMs ?? 0)).toBeCloseTo(second.allowed * 105);
  });

  it("remembers a bounded number of batches", () => {
    const limits = limiter(rateOf(1_000, 1));
    for (let index = 0; index < 3 * PACE_BATCHES_MAX; index++) limits.ask(START_MS + index, { fresh: 1 });
    expect(limits.state()?.batches.length).toBe(PACE_BATCHES_MAX);
    limits.ask(START_MS + LEASE_MS * 2, { fresh: 1 });
    expect(limits.state()?.batches.length).toBe(1);
  });
});

describe("a change of the pace", () => {
  it("takes effect with the next ask, and keeps the queue in proportion", () => {
    const limits = limiter(rateOf(60, 60));
    limits.ask(START_MS, { fresh: 200 });
    const horizon = () => ((limits.state()?.horizonMs ?? 0) - START_MS) / 1_050;
    const queued = horizon();
    limits.pace = rateOf(6, 60);
    limits.ask(START_MS, {});
    expect(horizon()).toBeCloseTo(queued * 10);
    limits.pace = rateOf(6_000, 60);
    limits.ask(START_MS, {});
    expect(horizon()).toBeCloseTo(queued / 100);
    // The whole queue of 200 is two seconds now.
    expect(limits.ask(START_MS + 2_200, { fresh: 10 }).allowed).toBe(10);
  });

  it("ends the queue when the rate is removed, and begins anew when there is one again", () => {
    const limits = limiter(rateOf(6, 60));
    limits.ask(START_MS, { fresh: 200 });
    limits.pace = { rate: null, concurrency: null };
    expect(limits.ask(START_MS + 1, { fresh: 100, returning: 50 })).toMatchObject({ allowed: 150, deferMs: [] });
    limits.pace = rateOf(6, 60);
    expect(limits.ask(START_MS + 2, { fresh: 10 }).allowed).toBe(1);
  });

  it("takes no permits back that were given at another rate", () => {
    const limits = limiter(rateOf(6_000, 60));
    const { token } = limits.ask(START_MS, { fresh: 100 });
    limits.pace = rateOf(6, 60);
    limits.ask(START_MS + 10, {});
    const before = limits.state()?.nextMs;
    limits.done(START_MS + 20, token, 100);
    expect(limits.state()?.nextMs).toBe(before);
  });
});

describe("a clock that goes back", () => {
  it("neither blocks nor gives more than the limit", () => {
    const jumps = fc.array(fc.integer({ min: 0, max: 40_000_000 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(rates, jumps, ({ limit }, backs) => {
        const pace = rateOf(limit, 60);
        const limits = limiter(pace);
        const uses: number[] = [];
        let offset = 0;
        for (let second = 0; second < 400; second++) {
          if (second % 100 === 99) offset -= backs[Math.floor(second / 100) % backs.length] ?? 0;
          const real = START_MS + second * 1_000;
          const { allowed } = limits.ask(real + offset, { returning: 30 });
          for (let index = 0; index < allowed; index++) uses.push(real);
        }
        expect(mostIn(60_000, uses)).toBeLessThanOrEqual(limit);
        expect(uses.length).toBeGreaterThanOrEqual(Math.floor(0.9 * Math.min((limit * 400) / 60, 30 * 400)) - 5);
      }),
      { numRuns: 50 },
    );
  });
});

describe("a concurrency", () => {
  const wide = (concurrency: number): Pace => ({ rate: null, concurrency });

  it("is never exceeded by what live batches hold, and everything gets its turn", () => {
    const steps = fc.array(
      fc.record({
        waitMs: fc.integer({ min: 0, max: 20_000 }),
        count: fc.integer({ min: 0, max: 30 }),
        end: fc.constantFrom("done", "twice", "late", "crash"),
        heldMs: fc.integer({ min: 0, max: 60_000 }),
      }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), steps, (concurrency, list) => {
        const limits = limiter(wide(concurrency));
        const held = new Map<string, { width: number; untilMs: number; dones: number }>();
        let now = START_MS;
        const endThem = (): void => {
          for (const [token, { untilMs, dones }] of held) {
            if (untilMs > now) continue;
            held.delete(token);
            for (let index = 0; index < dones; index++) limits.done(now, token);
          }
        };
        for (const { waitMs, count, end, heldMs } of list) {
          now += waitMs;
          endThem();
          const { width, allowed, token } = limits.ask(now, { returning: count });
          expect(width).toBeLessThanOrEqual(PUSHES_PER_SUBSCRIPTION_MAX);
          expect(width > 0).toBe(allowed > 0);
          const ends = { done: 1, twice: 2, late: 1, crash: 0 }[end];
          const untilMs = now + (end === "late" || end === "crash" ? LEASE_MS : heldMs);
          if (width > 0) held.set(token, { width, untilMs, dones: ends });
          const all = [...held.values()].reduce((sum, one) => sum + one.width, 0);
          expect(all).toBeLessThanOrEqual(concurrency);
          if (count > 0 && all < concurrency) expect(width).toBeGreaterThan(0);
        }
        now += LEASE_MS;
        endThem();
        expect(limits.ask(now, { returning: 5 }).width).toBe(Math.min(concurrency, PUSHES_PER_SUBSCRIPTION_MAX));
      }),
      { numRuns: 300 },
    );
  });

  it("defers all when there is no place, spread by how long a push takes", () => {
    const limits = limiter(wide(2));
    expect(limits.ask(START_MS, { fresh: 10, expectedMs: 1_000 })).toMatchObject({
      allowed: 10,
      width: 2,
      deferMs: [],
    });
    const over = limits.ask(START_MS, { fresh: 3, expectedMs: 1_000 });
    expect(over).toMatchObject({ allowed: 0, width: 0, deferMs: [2_000, 2_500, 3_000].map((ms) => START_MS + ms) });
    expect(limits.ask(START_MS, { fresh: 1, expectedMs: 1_000 }).deferMs).toEqual([START_MS + 3_500]);
  });

  it("lets who returns pass before who is fresh", () => {
    const limits = limiter(wide(1));
    const { token } = limits.ask(START_MS, { fresh: 1 });
    const [slot = 0] = limits.ask(START_MS, { fresh: 1 }).deferMs;
    limits.done(START_MS + 100, token);
    expect(limits.ask(slot - 1, { fresh: 1 }).allowed).toBe(0);
    expect(limits.ask(slot, { returning: 1 }).allowed).toBe(1);
  });

  it("leases once when a batch asks again, also when its permits are over", () => {
    const limits = limiter({ rate: { limit: 6_000, periodSeconds: 60 }, concurrency: 3 });
    limits.ask(START_MS, { fresh: 5, token: "one" });
    for (const afterMs of [10, 900, 2_000, 3_500]) {
      expect(limits.ask(START_MS + afterMs, { fresh: 5, token: "one" })).toMatchObject({ allowed: 5, width: 2 });
      expect(limits.state()?.batches.map(({ leased }) => leased)).toEqual([2]);
    }
    expect(limits.ask(START_MS + 3_600, { fresh: 5 }).width).toBe(1);
    expect(limits.ask(START_MS + 3_700, { fresh: 5 }).width).toBe(0);
  });

  it("is narrower than what is leased after it was lowered, and takes no permits meanwhile", () => {
    const limits = limiter({ rate: { limit: 6_000, periodSeconds: 60 }, concurrency: 4 });
    const tokens = [1, 2].map(() => limits.ask(START_MS, { fresh: 2 }).token);
    limits.pace = { ...limits.pace, concurrency: 2 };
    const nextMs = limits.state()?.nextMs;
    expect(limits.ask(START_MS + 10, { fresh: 2 }).width).toBe(0);
    limits.done(START_MS + 20, tokens[0] ?? "");
    expect(limits.ask(START_MS + 20, { returning: 2 }).width).toBe(0);
    expect(limits.state()?.nextMs).toBe(nextMs);
    limits.done(START_MS + 30, tokens[1] ?? "");
    expect(limits.ask(START_MS + 30, { returning: 2 }).width).toBe(2);
  });
});

it("a state may be forgotten when nobody asked for a day and no permit is ahead", () => {
  const daily = limiter(rateOf(1, 86_400));
  daily.ask(START_MS, { fresh: 1 });
  const state = daily.state();
  expect(state !== null && forgottenMs(state)).toBeGreaterThan(START_MS + PACE_IDLE_MS);
  const quick = limiter(rateOf(10, 1));
  quick.ask(START_MS, { fresh: 1 });
  const other = quick.state();
  expect(other && forgottenMs(other)).toBe(START_MS + PACE_IDLE_MS);
});

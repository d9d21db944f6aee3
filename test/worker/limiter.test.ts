// The real Durable Object in workerd, and the adapter before it: many batches at once, evictions, an alarm, and objects that do not answer.
import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { PACE_ASKS_MAX, PACE_IDLE_MS, PACE_PERMIT_MS, PACE_RETRY_MS, PACE_TIMEOUT_MS } from "../../src/core/limits.ts";
import type { Grant, PaceState } from "../../src/core/pace.ts";
import type { Pace } from "../../src/core/subscription.ts";
import { durableLimiters, type LimiterNamespace } from "../../src/limiter.ts";
import type { Clock, PaceRequest, Permits } from "../../src/ports.ts";
import { fakeLogger, fakeRandom } from "../fakes.ts";
import { handClock } from "./hand-clock.ts";

const SLOW: Pace = { rate: { limit: 100, periodSeconds: 3_600 }, concurrency: null };
/** What an hour's rate of 100 gives at once. */
const BURST = 4;

let subscriptions = 0;
const subscription = () => ({ bus: "default", subscriptionId: `sub_${++subscriptions}` });
const wants = (fresh: number, pace: Pace = SLOW) => ({ pace, fresh, returning: 0, expectedMs: 100 });
const stubOf = ({ bus, subscriptionId }: ReturnType<typeof subscription>) =>
  env.LIMITERS.getByName(`${bus}/${subscriptionId}`);

const workersClock: Clock = { now: () => Date.now(), sleep: (ms) => new Promise((done) => setTimeout(done, ms)) };

function limitersOver(namespace: LimiterNamespace = env.LIMITERS, clock: Clock = workersClock) {
  const logger = fakeLogger();
  const limiters = durableLimiters({ namespace, clock, random: fakeRandom(), logger });
  /** All answers, by subscription. */
  const ask = async (requests: readonly PaceRequest[], token: string): Promise<Map<string, Permits>> => {
    const answers = await Promise.all(limiters.ask(requests, token));
    return new Map(answers.map((permits, index) => [requests[index]?.subscriptionId ?? "", permits]));
  };
  return { logger, clock, limiters, ask, done: limiters.done };
}

const stored = (stub: ReturnType<typeof stubOf>): Promise<PaceState | undefined> =>
  runInDurableObject(stub, (_, state) => state.storage.kv.get<PaceState>("state"));

it("gives fifty batches that ask at once the burst, once, and each of the rest a slot of its own", async () => {
  const one = subscription();
  const { ask, logger } = limitersOver();
  const beforeMs = Date.now();
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => ask([{ ...one, ...wants(10) }], `batch-${index}`)),
  );
  const grants = answers.flatMap((answer) => answer.get(one.subscriptionId) ?? []);
  expect(grants.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(BURST);
  const slots = grants.flatMap(({ deferMs }) => deferMs).toSorted((a, b) => a - b);
  expect(slots.length).toBe(500 - BURST);
  expect(slots.slice(1).every((slot, index) => slot - (slots[index] ?? 0) >= 36_000)).toBe(true);
  for (const { untilMs } of grants) expect(untilMs).toBeGreaterThanOrEqual(beforeMs + PACE_PERMIT_MS);
  expect(logger.lines).toEqual([]);
});

it.each([
  ["an eviction", (stub: ReturnType<typeof stubOf>) => evictDurableObject(stub)],
  ["a crash", () => abortAllDurableObjects()],
])("remembers after %s what it granted and deferred, and what is leased", async (_, end) => {
  const one = subscription();
  const pace: Pace = { ...SLOW, concurrency: 2 };
  const { ask, done } = limitersOver();
  const get = async (fresh: number, token: string) =>
    (await ask([{ ...one, ...wants(fresh, pace) }], token)).get(one.subscriptionId);
  const first = await get(BURST + 5, "one");
  expect(first).toMatchObject({ allowed: BURST, width: 2 });
  await end(stubOf(one));
  const second = await get(1, "two");
  expect(second?.allowed).toBe(0);
  expect(second?.deferMs[0]).toBeGreaterThan(first?.deferMs.at(-1) ?? Infinity);
  expect((await stored(stubOf(one)))?.batches.map(({ leased }) => leased)).toEqual([2, 0]);
  // Unused permits come back, and so do places.
  await done({ ...one, unused: 1 }, "one");
  await end(stubOf(one));
  const returning = { ...one, ...wants(0, pace), returning: 3 };
  expect((await ask([returning], "three")).get(one.subscriptionId)).toMatchObject({ allowed: 1, width: 1 });
});

it("does not count one subscription with another, nor of another bus", async () => {
  const one = subscription();
  const { ask } = limitersOver();
  const asked = [one, subscription(), subscription()].map((each) => ({ ...each, ...wants(BURST) }));
  const grants = await ask(asked, "batch");
  expect([...grants.values()].map(({ allowed }) => allowed)).toEqual([BURST, BURST, BURST]);
  const elsewhere = await ask([{ ...one, bus: "other", ...wants(BURST) }], "batch");
  expect(elsewhere.get(one.subscriptionId)?.allowed).toBe(BURST);
});

it("has one alarm, which forgets what nobody asked for in a day, and nothing sooner", async () => {
  const one = subscription();
  const stub = stubOf(one);
  const { ask } = limitersOver();
  const alarm = () => runInDurableObject(stub, (_, state) => state.storage.getAlarm());
  const beforeMs = Date.now();
  await ask([{ ...one, ...wants(1) }], "one");
  const set = await alarm();
  expect(set).toBeGreaterThanOrEqual(beforeMs + PACE_IDLE_MS);
  await ask([{ ...one, ...wants(1) }], "two");
  expect(await alarm()).toBe(set);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(await stored(stub)).toBeDefined();
  expect(await alarm()).toBeGreaterThanOrEqual(beforeMs + PACE_IDLE_MS);

  await runInDurableObject(stub, (_, { storage }) => {
    const state = storage.kv.get<PaceState>("state");
    const agoMs = PACE_IDLE_MS + 1;
    if (state !== undefined)
      storage.kv.put("state", { ...state, nowMs: state.nowMs - agoMs, nextMs: state.nextMs - agoMs });
  });
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(await stored(stub)).toBeUndefined();
  expect(await alarm()).toBeNull();
  expect((await ask([{ ...one, ...wants(9) }], "three")).get(one.subscriptionId)?.allowed).toBe(BURST);
  expect(await alarm()).not.toBeNull();
});

it("is told of what was never asked, and keeps nothing of it", async () => {
  const { done } = limitersOver();
  const one = subscription();
  await done({ ...one, unused: 3 }, "batch");
  expect(await stored(stubOf(one))).toBeUndefined();
});

const GRANTED: Grant = { allowed: 1, width: 1, deferMs: [] };

it("grants nothing where an object fails, spreads what was asked for, and says so in one line", async () => {
  const [good, bad, worse] = [subscription(), subscription(), subscription()];
  const clock = handClock();
  const answer = async (name: string): Promise<Grant> => {
    if (name.endsWith(good.subscriptionId)) return GRANTED;
    throw new Error("Durable Object is overloaded.");
  };
  const namespace = {
    getByName: (name: string) => ({ ask: () => answer(name), done: () => answer(name).then(() => {}) }),
  };
  const { ask, done, logger } = limitersOver(namespace, clock);
  const grants = await ask(
    [good, bad, worse].map((one) => ({ ...one, ...wants(4), returning: 3 })),
    "batch",
  );
  expect(grants.get(good.subscriptionId)).toEqual({ ...GRANTED, untilMs: clock.now() + PACE_PERMIT_MS, granted: 1 });
  for (const { subscriptionId } of [bad, worse]) {
    const { allowed, width, deferMs, granted } = grants.get(subscriptionId) ?? { ...GRANTED, allowed: 9, granted: 9 };
    // It may have granted all of them, and be about to be told that none was used.
    expect([allowed, width, deferMs.length, granted]).toEqual([0, 0, 7, 7]);
    expect(Math.min(...deferMs)).toBeGreaterThanOrEqual(clock.now() + PACE_RETRY_MS);
    expect(Math.max(...deferMs)).toBeLessThanOrEqual(clock.now() + 2 * PACE_RETRY_MS);
    expect(new Set(deferMs).size).toBeGreaterThan(1);
  }
  await done({ ...bad, unused: 0 }, "batch");
  const fields = { token: "batch", subscription_id: bad.subscriptionId, error: "Error: Durable Object is overloaded." };
  expect(logger.lines).toEqual([
    { level: "warn", name: "rate.unavailable", fields: { ...fields, subscriptions: 2 } },
    { level: "warn", name: "rate.not_freed", fields },
  ]);
});

it("waits no longer than its time for all of them together, and does not use what comes later", async () => {
  const clock = handClock();
  let open = 0;
  let asked = 0;
  const late: (() => void)[] = [];
  const hang = (): Promise<Grant> => {
    open += 1;
    asked += 1;
    return new Promise((resolve) => void late.push(() => resolve({ ...GRANTED, allowed: 5 })));
  };
  const namespace = { getByName: () => ({ ask: hang, done: async () => {} }) };
  const { ask, logger } = limitersOver(namespace, clock);
  const all = Array.from({ length: PACE_ASKS_MAX + 5 }, () => ({ ...subscription(), ...wants(1) }));
  const grants = ask(all, "batch");
  await clock.pass(PACE_TIMEOUT_MS);
  const answered = await grants;
  expect([open, asked]).toEqual([PACE_ASKS_MAX, PACE_ASKS_MAX]);
  for (const answer of late) answer();
  await Promise.resolve();
  expect(answered.size).toBe(all.length);
  expect([...answered.values()].every(({ allowed, deferMs }) => allowed === 0 && deferMs.length === 1)).toBe(true);
  // Who was not asked granted nothing.
  expect([...answered.values()].reduce((sum, { granted }) => sum + granted, 0)).toBe(PACE_ASKS_MAX);
  expect(logger.lines).toMatchObject([{ name: "rate.unavailable", fields: { subscriptions: all.length } }]);
});

it("hands on each answer when it comes", async () => {
  const [hanging, good] = [subscription(), subscription()];
  const ask = (name: string): Promise<Grant> =>
    name.endsWith(good.subscriptionId) ? Promise.resolve(GRANTED) : new Promise(() => {});
  const { limiters } = limitersOver(
    { getByName: (name) => ({ ask: () => ask(name), done: async () => {} }) },
    handClock(),
  );
  const [, answer] = limiters.ask(
    [hanging, good].map((one) => ({ ...one, ...wants(1) })),
    "batch",
  );
  expect(await answer).toMatchObject({ allowed: 1 });
});

it("has no time limit on what it grants without a rate", async () => {
  const one = subscription();
  const { ask } = limitersOver();
  const grants = await ask([{ ...one, ...wants(7, { rate: null, concurrency: 1 }) }], "batch");
  expect(grants.get(one.subscriptionId)).toEqual({ allowed: 7, width: 1, deferMs: [], untilMs: null, granted: 7 });
});

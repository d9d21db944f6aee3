// The pace of a subscription from end to end: whatever comes, and however many batches at a time, its sink gets what it asked for; evenly; and nobody else waits for it.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { PACE_RETRY_MS, PACE_TIMEOUT_MS, RELEASE_DELAY_MS, SETTLE_EARLY_MS } from "../../src/core/limits.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import type { LimiterNamespace } from "../../src/limiter.ts";
import { handLimiters } from "./hand-limiters.ts";
import type { TestRouter } from "./router.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
let router: TestRouter;
let one: SinkClient;
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
  one = sink();
});
afterEach(async () => {
  expect(await stage.faults()).toEqual({});
  expect(await stage.claims()).toBe(0);
});

async function states(id: string): Promise<Record<string, number>> {
  const { results } = await env.DB.prepare(
    "SELECT state || coalesce(':' || cause, '') AS state, count(*) AS count FROM deliveries WHERE subscription_id = ?1 GROUP BY 1",
  )
    .bind(id)
    .all<{ state: string; count: number }>();
  return Object.fromEntries(results.map(({ state, count }) => [state, count]));
}

/** Hands out what is due as batches of so many messages, all at the same time. */
async function deliverAtOnce(size: number): Promise<void> {
  for (;;) {
    const due = router.held.filter(({ delaySeconds }) => delaySeconds <= 0);
    if (due.length === 0) return;
    for (const message of due) router.held.splice(router.held.indexOf(message), 1);
    const batches: Promise<unknown>[] = [];
    for (const queue of new Set(due.map((message) => message.queue))) {
      const ofQueue = due.filter((message) => message.queue === queue);
      while (ofQueue.length > 0) batches.push(router.handle(ofQueue.splice(0, size)));
    }
    await Promise.all(batches);
  }
}

/** One second. */
async function tick(): Promise<void> {
  stage.clock.advance(1_000);
  const held = router.take();
  for (const message of held) router.held.push({ ...message, delaySeconds: Math.max(0, message.delaySeconds - 1) });
}

it(
  "many batches at a time never exceed the rate, nothing is burnt, all comes in the end",
  { timeout: 120_000 },
  async () => {
    const { id } = await router.subscribe({ sink: one.url, rate: { limit: 120, period_s: 60 } });
    for (let index = 0; index < 300; index++) await router.publish({ type: "t", data: index });
    const perSecond: number[] = [];
    let before = 0;
    for (let second = 0; second < 200 && before < 300; second++) {
      await deliverAtOnce(5);
      const { length } = await one.requests();
      perSecond.push(length - before);
      before = length;
      await tick();
    }
    expect(before).toBe(300);
    expect(await states(id)).toEqual({ delivered: 300 });
    const { results } = await env.DB.prepare("SELECT max(attempt) AS attempt FROM deliveries").all();
    expect(results).toEqual([{ attempt: 1 }]);
    const windows = perSecond.map((_, from) => perSecond.slice(from, from + 60).reduce((sum, count) => sum + count, 0));
    expect(Math.max(...windows)).toBeLessThanOrEqual(126);
    // At 2 a second they take 150 s; 95 % of the rate is what a backlog gets, and wake-ups come in whole seconds.
    expect(perSecond.length).toBeLessThanOrEqual(175);
  },
);

it(
  "a slow sink gets its rate too: what was deferred comes back as such by lane slow",
  { timeout: 120_000 },
  async () => {
    const { id } = await router.subscribe({ sink: one.url, rate: { limit: 120, period_s: 60 } });
    await router.publish({ type: "t" });
    await deliverAtOnce(5);
    await env.DB.exec("UPDATE health SET lane = 'slow', latency_ms = 900000, version = (SELECT version FROM meta) + 1");
    await env.DB.exec("UPDATE meta SET version = version + 1");
    for (let index = 0; index < 120; index++) await router.publish({ type: "t", data: index });
    for (let second = 0; second < 80; second++) {
      await env.DB.exec("UPDATE health SET latency_ms = 900000, lane = 'slow'");
      await deliverAtOnce(5);
      await tick();
    }
    // At 2 a second less its tolerance, and whole seconds.
    expect((await states(id))["delivered"]).toBeGreaterThan(100);
  },
);

it("what is over waits with cause rate, on lane fast, and its sink's health says nothing of it", async () => {
  const { id } = await router.subscribe({ sink: one.url, rate: { limit: 1, period_s: 60 } });
  for (let index = 0; index < 3; index++) await router.publish({ type: "t", data: index });
  await router.handle(router.take().map((message) => ({ ...message, queue: "fantail-fast-0" })));
  expect(await states(id)).toEqual({ delivered: 1, "waiting:rate": 2 });
  expect(router.take().every(({ queue }) => queue.startsWith("fantail-fast"))).toBe(true);
});

it("what is over of a slow sink waits for lane slow, and goes from there", async () => {
  const { id } = await router.subscribe({ sink: one.url, rate: { limit: 1, period_s: 60 } });
  await env.DB.prepare(
    "INSERT INTO health (bus, subscription_id, lane, latency_ms) VALUES ('default', ?1, 'slow', 5000)",
  )
    .bind(id)
    .run();
  for (let index = 0; index < 3; index++) await router.publish({ type: "t", data: index });
  await router.handle(router.take(), "fantail-slow-0");
  expect(await states(id)).toEqual({ delivered: 1, "waiting:rate": 2 });
  const wakes = router.take();
  expect(wakes.map(({ queue }) => queue.slice(0, "fantail-slow".length))).toEqual(wakes.map(() => "fantail-slow"));
  expect(wakes.length).toBeGreaterThan(0);
});

it("a concurrency is held across batches, and its places are free when a batch is done", async () => {
  const { id } = await router.subscribe({ sink: one.url, concurrency: 1 });
  await one.program([{ delayMs: 300 }], { status: 200 });
  for (let index = 0; index < 4; index++) await router.publish({ type: "t", data: index });
  const messages = router.take();
  await Promise.all(messages.map((message) => router.handle([message])));
  expect((await one.state()).concurrentMax).toBe(1);
  expect(await states(id)).toMatchObject({ delivered: 1 });
  for (let second = 0; second < 30; second++) {
    await tick();
    await deliverAtOnce(1);
  }
  expect(await states(id)).toEqual({ delivered: 4 });
  expect((await one.state()).concurrentMax).toBe(1);
});

it("a limiter that does not answer lets nothing through, and nobody else waits for it", async () => {
  const other = sink();
  const hanging = {
    getByName: () => ({ ask: () => new Promise<never>(() => {}), done: () => new Promise<never>(() => {}) }),
  };
  stage = await createStage({ LIMITERS: hanging as never });
  router = stage.router;
  const { id } = await router.subscribe({ sink: one.url, rate: { limit: 100, period_s: 1 } });
  await router.subscribe({ sink: other.url });
  await router.publish({ type: "t" });
  const handling = router.handle(router.take());
  await other.waitFor(1);
  await stage.clock.pass(PACE_TIMEOUT_MS);
  // It may have granted something, and is told that nothing was used.
  await stage.clock.pass(PACE_TIMEOUT_MS);
  await handling;
  expect(await one.requests()).toEqual([]);
  expect(stage.lines("rate.not_freed")).toHaveLength(1);
  expect(stage.lines("rate.unavailable")).toHaveLength(1);
  expect(await states(id)).toEqual({ "waiting:rate": 1 });
  expect(router.take().map(({ delaySeconds }) => delaySeconds)).toEqual([
    Math.ceil((PACE_RETRY_MS - PACE_TIMEOUT_MS) / 1_000),
  ]);
  expect(SETTLE_EARLY_MS).toBeGreaterThan(PACE_TIMEOUT_MS);
});

/** Limiters of which those of one subscription never answer. */
function limitersWith(hanging: () => string) {
  const never = (): Promise<never> => new Promise(() => {});
  const own: { limiters: LimiterNamespace | null } = { limiters: null };
  const LIMITERS: LimiterNamespace = {
    getByName(name) {
      if (name.endsWith(hanging())) return { ask: never, done: never };
      if (own.limiters === null) throw new Error("There is no clock yet");
      return own.limiters.getByName(name);
    },
  };
  return { own, variables: { LIMITERS: LIMITERS as never } };
}

it("a limiter that does not answer burns no permit of another in its batch", async () => {
  const other = sink();
  let hanging = "nobody";
  const { own, variables } = limitersWith(() => hanging);
  stage = await createStage(variables);
  router = stage.router;
  own.limiters = handLimiters(stage.clock);
  const rate = { limit: 1, period_s: 60 };
  ({ id: hanging } = await router.subscribe({ sink: one.url, rate }));
  const { id } = await router.subscribe({ sink: other.url, rate });
  await router.publish({ type: "t" });
  const handling = router.handle(router.take());
  // Before the time of the one is over, and so before that of the other's permit.
  await other.waitFor(1);
  await stage.attempted(1);
  await stage.clock.pass(PACE_TIMEOUT_MS);
  await stage.clock.pass(PACE_TIMEOUT_MS);
  await handling;
  expect(await states(id)).toEqual({ delivered: 1 });
  expect(await states(hanging)).toEqual({ "waiting:rate": 1 });
});

it("a place is free when the last push of its subscription has ended, whoever else hangs in the batch", async () => {
  const [hangs, done] = [sink(), Promise.withResolvers<void>()];
  const own: { limiters: LimiterNamespace | null } = { limiters: null };
  const LIMITERS: LimiterNamespace = {
    getByName(name) {
      const limiter = own.limiters?.getByName(name);
      if (limiter === undefined) throw new Error("There is no clock yet");
      return { ask: (request) => limiter.ask(request), done: (use) => limiter.done(use).then(done.resolve) };
    },
  };
  stage = await createStage({ LIMITERS: LIMITERS as never });
  router = stage.router;
  own.limiters = handLimiters(stage.clock);
  await hangs.program([], { hang: true });
  await router.subscribe({ sink: hangs.url, types: ["t"] });
  const { id } = await router.subscribe({ sink: one.url, concurrency: 1 });
  await router.publish({ type: "t" });
  const handling = router.handle(router.take());
  await hangs.waitForArrivals(1);
  await done.promise;
  await router.publish({ type: "u" });
  await router.handle(router.take());
  expect(await one.requests()).toHaveLength(2);
  await hangs.forget();
  await handling;
  expect(await states(id)).toEqual({ delivered: 2 });
});

it("permits whose answer was lost are given back", async () => {
  let isLost = true;
  const own: { limiters: LimiterNamespace | null } = { limiters: null };
  const LIMITERS: LimiterNamespace = {
    getByName(name) {
      const limiter = own.limiters?.getByName(name);
      if (limiter === undefined) throw new Error("There is no clock yet");
      const lost = (): never => {
        throw new Error("The answer was lost");
      };
      return { ask: (request) => limiter.ask(request).then((grant) => (isLost ? lost() : grant)), done: limiter.done };
    },
  };
  stage = await createStage({ LIMITERS: LIMITERS as never });
  router = stage.router;
  own.limiters = handLimiters(stage.clock);
  const { id } = await router.subscribe({ sink: one.url, rate: { limit: 1, period_s: 86_400 } });
  await router.publish({ type: "t" });
  await router.handle(router.take());
  expect(await states(id)).toEqual({ "waiting:rate": 1 });
  isLost = false;
  const [wake, ...none] = router.take();
  expect(none).toEqual([]);
  if (wake === undefined) throw new Error("Nothing is woken");
  stage.clock.advance(wake.delaySeconds * 1_000);
  await router.handle([wake]);
  expect(await states(id)).toEqual({ delivered: 1 });
});

it("what a limiter names no slot for comes back a little later", async () => {
  const forgetful = {
    getByName: () => ({ ask: async () => ({ allowed: 1, width: 1, deferMs: [] }), done: async () => {} }),
  };
  stage = await createStage({ LIMITERS: forgetful as never });
  router = stage.router;
  const { id } = await router.subscribe({ sink: one.url, rate: { limit: 1, period_s: 60 } });
  for (let index = 0; index < 2; index++) await router.publish({ type: "t", data: index });
  await router.handle(router.take().map((message) => ({ ...message, queue: "fantail-fast-0" })));
  expect(await states(id)).toEqual({ delivered: 1, "waiting:rate": 1 });
  expect(router.take().map(({ delaySeconds }) => delaySeconds)).toEqual([RELEASE_DELAY_MS / 1_000]);
});

it("is not asked about subscriptions without a pace", async () => {
  const limiters = { getByName: () => expect.fail("Nobody asked for a pace") };
  stage = await createStage({ LIMITERS: limiters as never });
  router = stage.router;
  await router.subscribe({ sink: one.url });
  await router.publish({ type: "t" });
  await router.drain();
  expect(await one.requests()).toHaveLength(1);
});

it("holds at the log level failures too: what is over goes on record", async () => {
  await router.json("/v1/buses/default", { ...router.post("", { log_level: "failures" }), method: "PATCH" });
  const { id } = await router.subscribe({ sink: one.url, rate: { limit: 1, period_s: 60 } });
  for (let index = 0; index < 3; index++) await router.publish({ type: "t", data: index });
  await router.handle(router.take().map((message) => ({ ...message, queue: "fantail-fast-0" })));
  expect(await one.requests()).toHaveLength(1);
  expect(await states(id)).toEqual({ "waiting:rate": 2 });
  await env.DB.exec("UPDATE events SET matched = 1");
});

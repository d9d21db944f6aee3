// What is pushed on which lane, and what only passes through: forwarded, parked, in turn by bus. Real D1 and sinks, a hand-moved clock.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  BREAKER_OPEN_MS,
  PARKED_MS,
  PUSHES_MAX,
  SLOW_ATTEMPT_MS,
  SWEEP_GRACE_MS,
  SWEEP_REPEAT_MS,
} from "../../src/core/limits.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import { isClaim } from "./flaky-db.ts";
import type { Held, TestRouter } from "./router.ts";
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
  const { "matched more or less than it has deliveries": _, ...faults } = await stage.faults();
  expect(faults).toEqual({});
  expect(await stage.claims()).toBe(0);
});

let published = 0;
async function publish(count = 1, headers: Record<string, string> = {}): Promise<Held[]> {
  for (let index = 0; index < count; index++) {
    const event = { type: "t", source: "/s", id: `e${(published += 1)}` };
    expect((await router.publish(event, { headers })).status).toBe(202);
  }
  return router.take();
}

const on = (lane: "fast" | "slow", messages: readonly Held[]): Promise<unknown> =>
  router.handle(messages, `fantail-${lane}-0`);
const kindOf = ({ body }: Held): string => /"kind":"(\w+)"/.exec(String(body))?.[1] ?? "";

/** What settles of before would have left of a sink. */
async function sinkIs(subscriptionId: string, health: Record<string, string | number>): Promise<void> {
  const names = Object.keys(health);
  await env.DB.prepare(
    `INSERT INTO health (bus, subscription_id, ${names.join(", ")}) VALUES ('default', ?, ${names.map(() => "?").join(", ")})`,
  )
    .bind(subscriptionId, ...Object.values(health))
    .run();
}
const SLOW = { lane: "slow", latency_ms: 5_000 };

const deliveries = async (): Promise<Record<string, unknown>[]> =>
  (
    await env.DB.prepare(
      "SELECT state, cause, attempt, tries, due_ms, attempts FROM deliveries ORDER BY cause, seq",
    ).all()
  ).results;
const parkingOf = (id: string): Promise<number | null> =>
  env.DB.prepare("SELECT parking FROM health WHERE subscription_id = ?1").bind(id).first<number>("parking");

describe("a slow sink", () => {
  it("is pushed to on lane slow, and only there", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    await sinkIs(id, SLOW);
    const messages = await publish(2);
    await on("fast", messages.slice(0, 1));
    expect(await one.requests()).toHaveLength(0);
    await on("slow", messages.slice(1));
    expect(await one.requests()).toHaveLength(1);
  });

  it("costs what is forwarded no attempt: the first one is number 1, on lane slow, at once", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    await sinkIs(id, SLOW);
    await on("fast", await publish());
    const nothing = { attempt: 0, tries: 0, attempts: "[]" };
    expect(await deliveries()).toEqual([
      { state: "waiting", cause: "forwarded", due_ms: stage.clock.now(), ...nothing },
    ]);
    expect(stage.lines("batch").at(-1)?.fields).toMatchObject({ lane: "fast", claimed: 0, forwarded: 1 });
    const [wake, ...none] = router.take();
    expect(none).toEqual([]);
    expect(wake).toMatchObject({ delaySeconds: 0, queue: expect.stringMatching(/^fantail-slow-/) });
    if (wake === undefined) return;
    await router.handle([wake]);
    expect((await one.requests()).map(({ headers }) => headers["fantail-attempt"])).toEqual(["1"]);
    expect(await deliveries()).toMatchObject([{ state: "delivered", attempt: 1, tries: 1 }]);
  });

  it("leaves the fast sinks of the same message to be pushed there and then", async () => {
    const other = sink();
    const { id } = await router.subscribe({ sink: one.url });
    await router.subscribe({ sink: other.url });
    await sinkIs(id, SLOW);
    await on("fast", await publish());
    expect([(await one.requests()).length, (await other.requests()).length]).toEqual([0, 1]);
  });

  it("is forwarded to once, though its message comes to lane fast twice, and at the same time", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    await sinkIs(id, SLOW);
    const messages = await publish();
    await Promise.all([on("fast", messages), on("fast", messages)]);
    const wakes = router.take();
    await Promise.all(wakes.map((wake) => router.handle([wake])));
    await on("fast", messages);
    expect(await one.requests()).toHaveLength(1);
    expect(await deliveries()).toMatchObject([{ state: "delivered", attempt: 1 }]);
  });

  it("is woken by the sweep when the forwarding was lost: not before SWEEP_REPEAT_MS", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    await sinkIs(id, SLOW);
    await on("fast", await publish());
    router.take();
    stage.clock.advance(SWEEP_REPEAT_MS - 1);
    await router.sweep();
    expect(router.take()).toEqual([]);
    stage.clock.advance(1);
    await router.sweep();
    const [wake, ...none] = router.take();
    expect(none).toEqual([]);
    if (wake === undefined) throw new Error("Nothing is woken");
    await router.handle([wake]);
    expect(await deliveries()).toMatchObject([{ state: "delivered", attempt: 1 }]);
  });

  it("is not forgotten when the forwarding cannot be sent", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    await sinkIs(id, SLOW);
    const messages = await publish();
    for (const name of ["DELIVERIES_SLOW_0", "DELIVERIES_SLOW_1"] as const) router.modes[name] = "fail";
    await on("fast", messages);
    expect(stage.lines("wake.failed")).toHaveLength(1);
    expect(await deliveries()).toMatchObject([{ state: "waiting", cause: "forwarded" }]);
  });
});

describe("lane slow", () => {
  it("takes buses in turn: a bus with many hanging sinks leaves a place to another's one", async () => {
    await router.json("/v1/buses/other", { method: "PUT" });
    const headers = { "fantail-bus": "other" };
    const good = sink();
    await one.program([], { hang: true });
    for (let index = 0; index < PUSHES_MAX; index++) await router.subscribe({ sink: one.url, timeout_ms: 60_000 });
    await router.json("/v1/subscriptions", router.post("", { sink: good.url }, { headers }));
    const messages = [...(await publish(5)), ...(await publish(1, headers))];
    const handling = on("slow", messages);
    // The last to come, the first or second to go: four hang, and the fifth place is free again.
    await good.waitFor(1);
    await one.waitForArrivals(PUSHES_MAX);
    expect(await one.state()).toMatchObject({ concurrentNow: PUSHES_MAX });
    expect(await good.requests()).toHaveLength(1);
    await one.forget();
    stage.clock.advance(60_000);
    await handling;
  });

  it("tells nobody of a push that hangs: its sink is known to be slow, and its turn goes on", async () => {
    await one.program([{ hang: true }], { status: 200 });
    const { id } = await router.subscribe({ sink: one.url });
    await sinkIs(id, SLOW);
    const handling = on("slow", await publish(3));
    await one.waitFor(2);
    await stage.clock.pass(SLOW_ATTEMPT_MS);
    await one.forget();
    await handling;
    expect((await deliveries()).filter(({ cause }) => cause === "released")).toEqual([]);
  });
});

describe("on a bus that records failures only", () => {
  beforeEach(() =>
    router.json("/v1/buses/default", { ...router.post("", { log_level: "failures" }), method: "PATCH" }),
  );

  it("a slow sink's first attempts on lane fast go through the claim, and are forwarded", async () => {
    const other = sink();
    const { id } = await router.subscribe({ sink: one.url });
    await router.subscribe({ sink: other.url });
    await sinkIs(id, SLOW);
    await on("fast", await publish());
    expect(await one.requests()).toHaveLength(0);
    expect(await other.requests()).toHaveLength(1);
    expect(await deliveries()).toMatchObject([{ state: "waiting", cause: "forwarded", attempt: 0 }]);
    for (const wake of router.take()) await router.handle([wake]);
    expect(await one.requests()).toHaveLength(1);
    expect(await deliveries()).toMatchObject([{ state: "delivered", attempt: 1 }]);
  });

  it("on lane slow they are claimed, so that they count for what their bus has of it", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    await sinkIs(id, SLOW);
    const messages = await publish(3);
    stage.flaky.calls.length = 0;
    await on("slow", messages);
    expect(await one.requests()).toHaveLength(3);
    expect(stage.flaky.calls.filter(isClaim)).toHaveLength(1);
    expect((await deliveries()).map(({ state }) => state)).toEqual(["delivered", "delivered", "delivered"]);
  });

  it.each(["fast", "slow"] as const)("an open breaker parks them on record, on lane %s", async (lane) => {
    const { id } = await router.subscribe({ sink: one.url });
    const now = stage.clock.now();
    const open = { breaker: "open", opened_ms: now, openings: 1, probe_ms: now + BREAKER_OPEN_MS, parking: 1 };
    await sinkIs(id, { ...SLOW, ...open });
    await on(lane, await publish(2));
    expect(await one.requests()).toHaveLength(0);
    const parked = {
      state: "waiting",
      cause: "breaker",
      due_ms: now + PARKED_MS,
      attempt: 0,
      tries: 0,
      attempts: "[]",
    };
    expect(await deliveries()).toEqual([parked, parked]);
    expect(router.take()).toEqual([]);
  });

  it("a pause parks them on record, and its end lets them go", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    await sinkIs(id, { paused_until_ms: stage.clock.now() + 60_000, parking: 1 });
    await on("fast", await publish(2));
    expect(await deliveries()).toMatchObject([{ cause: "retry-after" }, { cause: "retry-after" }]);
    stage.clock.advance(60_000 + SWEEP_GRACE_MS);
    await router.sweep();
    for (const message of router.take()) await router.handle([message]);
    for (const message of router.take()) await router.handle([message]);
    expect(await deliveries()).toMatchObject([{ state: "delivered" }, { state: "delivered" }]);
  });
});

describe("what is parked", () => {
  it("by a claim that began before the pause ended, and came to the database after it, is found by the sweep", async () => {
    await one.program([{ status: 429, headers: { "retry-after": "60" } }], { status: 200 });
    const { id } = await router.subscribe({ sink: one.url, retry: { schedule_s: [3_600] } });
    await on("fast", await publish());
    const resumes = router.take().filter((message) => kindOf(message) === "resume");
    expect(resumes.map(({ delaySeconds }) => delaySeconds)).toEqual([60]);

    const messages = await publish();
    stage.clock.advance(59_999);
    const gate = Promise.withResolvers<"pass">();
    const arrived = Promise.withResolvers<void>();
    stage.flaky.fate = (statements) => {
      if (!isClaim(statements)) return "pass";
      arrived.resolve();
      return gate.promise;
    };
    const late = on("fast", messages);
    await arrived.promise;
    stage.clock.advance(1);
    // The pause is over, and nothing waits for it: yet.
    await on("slow", resumes);
    gate.resolve("pass");
    await late;
    stage.flaky.fate = () => "pass";
    expect(await deliveries()).toMatchObject([{ cause: "retry" }, { cause: "retry-after" }]);

    stage.clock.advance(SWEEP_GRACE_MS);
    await router.sweep();
    for (const message of router.take()) await router.handle([message]);
    for (const message of router.take()) await router.handle([message]);
    expect(await deliveries()).toMatchObject([{ state: "delivered" }, { cause: "retry" }]);
    expect(await parkingOf(id)).toBe(0);
  });

  it("is looked for by the sweep only where there is any: a dead sink that nobody sends to costs no message", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    const now = stage.clock.now();
    const open = { breaker: "open", opened_ms: now, openings: 1, probe_ms: now + BREAKER_OPEN_MS, parking: 1 };
    await sinkIs(id, { ...SLOW, ...open });
    stage.clock.advance(BREAKER_OPEN_MS + SWEEP_GRACE_MS);
    await router.sweep();
    expect(router.take()).toEqual([]);
    await env.DB.prepare("UPDATE health SET probe_ms = ?1")
      .bind(stage.clock.now() + 1)
      .run();
    await on("slow", await publish());
    stage.clock.advance(1 + SWEEP_GRACE_MS);
    await router.sweep();
    const alarms = router.take();
    expect(alarms.map(kindOf)).toEqual(["resume"]);
    await on("slow", alarms);
    for (const message of router.take()) await router.handle([message]);
    expect(await deliveries()).toMatchObject([{ state: "delivered", attempt: 1 }]);
  });

  it("goes at a manual retry only as far as the breaker", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    const now = stage.clock.now();
    const open = { breaker: "open", opened_ms: now, openings: 1, probe_ms: now + BREAKER_OPEN_MS, parking: 1 };
    await sinkIs(id, { ...SLOW, ...open });
    await on("slow", await publish());
    const [delivery] = await stage.record(id);
    await router.json(`/v1/deliveries/${delivery?.id}/retry`, { method: "POST" });
    await router.settled();
    for (const message of router.take()) await router.handle([message]);
    expect(await one.requests()).toHaveLength(0);
    expect(await deliveries()).toMatchObject([{ state: "waiting", cause: "breaker", attempt: 0 }]);
  });

  it("of a subscription that is deleted is cancelled when its breaker's time comes", async () => {
    const { id } = await router.subscribe({ sink: one.url, retry: { schedule_s: [3_600] } });
    await one.program([], { status: 500 });
    await on("fast", await publish(5));
    const alarms = router.take().filter((message) => kindOf(message) === "resume");
    await on("slow", await publish(12));
    expect(await router.request(`/v1/subscriptions/${id}`, { method: "DELETE" })).toMatchObject({ status: 204 });
    stage.clock.advance(BREAKER_OPEN_MS);
    for (let step = 0; step < 3; step++) {
      await on("slow", alarms.splice(0));
      const held = router.take();
      for (const message of held.filter((each) => kindOf(each) === "wake")) await router.handle([message]);
      alarms.push(...held.filter((each) => kindOf(each) === "resume"));
      stage.clock.advance(2_000);
    }
    const cancelled = (await deliveries()).filter(
      ({ state, cause }) => state === "cancelled" && cause === "subscription-deleted",
    );
    expect(cancelled).toHaveLength(12);
    expect(await one.requests()).toHaveLength(5);
  });
});

// The outcome table from end to end: what a sink answers, what the API then says, what is attempted next and when.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CLAIM_RETRY_MS,
  CRASHES_SPARE,
  PUSHES_PER_SUBSCRIPTION_MAX,
  RELEASE_DELAY_MS,
  INLINE_BYTES_MAX,
  LEASE_MS,
  PERMANENT_TRIES_MAX,
  RETRY_DELAY_SECONDS_MAX,
} from "../../src/core/limits.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import { isClaim } from "./flaky-db.ts";
import type { Held, TestRouter } from "./router.ts";
import { createStage, type DeliveryView, type Stage } from "./stage.ts";

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

/** Subscribes the sink, publishes one event and handles it: the subscription's id. */
async function firstAttempt(subscription: Record<string, unknown> = {}): Promise<string> {
  const { id } = await router.subscribe({ sink: one.url, ...subscription });
  await router.publish({ type: "t", source: "/s", id: "1" });
  await router.drain();
  return id;
}

/** The one delivery of the subscription. */
async function delivery(id: string): Promise<DeliveryView> {
  const [only, ...rest] = await stage.record(id);
  expect(rest).toEqual([]);
  if (only === undefined) throw new Error("There is no delivery");
  return only;
}

const isResume = ({ body }: Held): boolean => String(body).includes('"kind":"resume"');

const onlyWake = (): Held => {
  const [wake, ...rest] = router.take().filter((message) => !isResume(message));
  expect(rest).toEqual([]);
  if (wake === undefined) throw new Error("Nothing is woken");
  return wake;
};

/** Hands out the one wake-up when its queue would: how long that was delayed, in seconds. */
async function nextAttempt(): Promise<number> {
  const wake = onlyWake();
  stage.clock.advance(wake.delaySeconds * 1_000);
  expect((await router.handle([wake])).map(({ verdict }) => verdict)).toEqual(["ack"]);
  return wake.delaySeconds;
}

const patch = (id: string, change: Record<string, unknown>): Promise<Response> =>
  router.request(`/v1/subscriptions/${id}`, { ...router.post("", change), method: "PATCH" });
const retry = (deliveryId: string): Promise<Response> =>
  router.request(`/v1/deliveries/${deliveryId}/retry`, { method: "POST" });

describe("an answer", () => {
  it.each([200, 201, 204, 299])("%i is delivered, and nothing more is attempted", async (status) => {
    await one.program([], { status });
    const id = await firstAttempt();
    expect(await delivery(id)).toMatchObject({
      status: "delivered",
      cause: null,
      attempt: 1,
      due_at: null,
      attempts: [{ attempt: 1, status, error: null, answer: null }],
    });
    expect(router.take()).toEqual([]);
  });

  it.each([301, 302, 303, 307, 308])("%i is a failure, and is not followed", async (status) => {
    const elsewhere = sink();
    await one.program([{ status, headers: { location: elsewhere.url } }]);
    const id = await firstAttempt({ retry: { schedule_s: [30] } });
    expect(await delivery(id)).toMatchObject({ status: "retrying", attempts: [{ status, error: null }] });
    expect(await nextAttempt()).toBe(30);
    expect(await delivery(id)).toMatchObject({ status: "delivered", attempts: [{ status }, { status: 200 }] });
    expect(await elsewhere.requests()).toEqual([]);
  });

  it.each([
    { asked: "120", schedule_s: 30, delaySeconds: 120 },
    { asked: "10", schedule_s: 30, delaySeconds: 30 },
    { asked: "soon", schedule_s: 30, delaySeconds: 30 },
    { asked: "999999999", schedule_s: 30, delaySeconds: RETRY_DELAY_SECONDS_MAX },
    { asked: new Date(1_800_000_000_000 + 90_000).toUTCString(), schedule_s: 30, delaySeconds: 90 },
  ])("503 with Retry-After $asked after a schedule of $schedule_s s waits $delaySeconds s", async (expected) => {
    const { asked, schedule_s, delaySeconds } = expected;
    await one.program([{ status: 503, headers: { "retry-after": asked }, body: "busy" }]);
    const beganMs = stage.clock.now();
    const id = await firstAttempt({ retry: { schedule_s: [schedule_s] } });
    expect(await delivery(id)).toMatchObject({
      status: "retrying",
      cause: "retry",
      due_at: new Date(beganMs + delaySeconds * 1_000).toISOString(),
      attempts: [{ attempt: 1, status: 503, answer: "busy" }],
    });
    expect(await nextAttempt()).toBe(delaySeconds);
    expect(await delivery(id)).toMatchObject({ status: "delivered", attempt: 2 });
  });

  it("of a permanent status is attempted three times, then it is dead: rejected", async () => {
    await one.program([], { status: 400, body: "no such thing" });
    const id = await firstAttempt({ retry: { schedule_s: [10, 20, 30, 40] } });
    expect(await delivery(id)).toMatchObject({ status: "retrying", attempt: 1 });
    expect(await nextAttempt()).toBe(10);
    expect(await nextAttempt()).toBe(20);
    expect(await delivery(id)).toMatchObject({
      status: "dead",
      cause: "rejected",
      attempt: PERMANENT_TRIES_MAX,
      due_at: null,
      attempts: [1, 2, 3].map((attempt) => ({ attempt, status: 400, answer: "no such thing" })),
    });
    expect(router.take()).toEqual([]);
    expect(await one.requests()).toHaveLength(PERMANENT_TRIES_MAX);
  });

  it("that fails as often as the schedule has entries, and once more, is dead: exhausted", async () => {
    await one.program([{ status: 500 }, { reset: true }, { status: 404 }]);
    const id = await firstAttempt({ retry: { schedule_s: [10, 20] } });
    expect(await nextAttempt()).toBe(10);
    expect(await nextAttempt()).toBe(20);
    const dead = await delivery(id);
    expect(dead).toMatchObject({ status: "dead", cause: "exhausted", attempt: 3, due_at: null });
    expect(dead.attempts.map(({ status }) => status)).toEqual([500, null, 404]);
    expect(dead.attempts[1]?.error).toMatch(/^connection: /);
    expect(router.take()).toEqual([]);
  });

  it("that fails without a schedule is dead at once", async () => {
    await one.program([], { status: 500 });
    const id = await firstAttempt({ retry: { schedule_s: [] } });
    expect(await delivery(id)).toMatchObject({ status: "dead", cause: "exhausted", attempt: 1 });
    expect(router.take()).toEqual([]);
  });

  it("that does not come in time is a failure, retried on the slow lane", async () => {
    await one.program([{ hang: true }]);
    const id = await firstAttempt({ timeout_ms: 1_000, retry: { schedule_s: [30] } });
    const failed = await delivery(id);
    expect(failed).toMatchObject({ status: "retrying", attempts: [{ status: null }] });
    expect(failed.attempts[0]?.error).toMatch(/^timeout: .*1000 ms/);
    expect(router.held.map(({ queue }) => queue.slice(0, -2))).toEqual(["fantail-slow"]);
    expect(await nextAttempt()).toBe(30);
    expect(await delivery(id)).toMatchObject({ status: "delivered", attempt: 2 });
  });

  it("410 of one of many in a batch ends no more than those that were open: the rest is held", async () => {
    await one.program([], { status: 410 });
    const { id } = await router.subscribe({ sink: one.url });
    for (let index = 0; index < 10; index++) await router.publish({ type: "t", source: "/s", id: `many-${index}` });
    await router.handle(router.take());
    expect((await one.requests()).length).toBeLessThanOrEqual(PUSHES_PER_SUBSCRIPTION_MAX);
    stage.clock.advance(RELEASE_DELAY_MS * 2);
    await router.handle(router.take());
    const states = (await stage.record(id)).map(({ status }) => status).toSorted();
    expect(states.filter((status) => status === "held").length).toBeGreaterThanOrEqual(
      10 - PUSHES_PER_SUBSCRIPTION_MAX,
    );
    expect((await one.requests()).length).toBeLessThanOrEqual(PUSHES_PER_SUBSCRIPTION_MAX);
  });

  it("410 is dead: gone; the subscription is disabled, and what else it had is held and pushed no more", async () => {
    await one.program([{ status: 503 }, { status: 410 }]);
    const id = await firstAttempt({ retry: { schedule_s: [60] } });
    const waiting = onlyWake();
    // Matched before anybody knew.
    await router.publish({ type: "t", source: "/s", id: "3" });
    const matched = router.take();
    await router.publish({ type: "t", source: "/s", id: "2" });
    await router.drain();
    expect(await router.json(`/v1/subscriptions/${id}`)).toMatchObject({ status: "disabled", disabled_reason: "gone" });

    stage.clock.advance(60_000);
    await router.handle([waiting]);
    await router.handle(matched);
    const byEvent = new Map<string, DeliveryView>();
    for (const found of await stage.record(id)) {
      const event = await router.json<{ id: string }>(`/v1/events/${found.event_id}`);
      byEvent.set(event.id, found);
    }
    expect(byEvent.get("1")).toMatchObject({
      status: "held",
      cause: "subscription-disabled",
      attempt: 1,
      due_at: null,
    });
    expect(byEvent.get("2")).toMatchObject({ status: "dead", cause: "gone", attempt: 1, attempts: [{ status: 410 }] });
    expect(byEvent.get("3")).toMatchObject({
      status: "held",
      cause: "subscription-disabled",
      attempt: 0,
      attempts: [],
    });
    expect(await one.requests()).toHaveLength(2);
    // New events match it all the same, and are held.
    const answer = await router.publish({ type: "t", source: "/s", id: "4" });
    expect(await answer.json()).toMatchObject({ events: [{ matched: 1, subscription_ids: [id] }] });
    await router.drain();
    expect(await one.requests()).toHaveLength(2);

    // Active again, it gets what was held, and the dead one only when asked for.
    expect((await patch(id, { status: "active" })).status).toBe(200);
    await router.settled();
    await router.drain();
    const after = await stage.record(id);
    expect(after.map(({ status }) => status).toSorted()).toEqual(["dead", "delivered", "delivered", "delivered"]);
    expect(await router.json(`/v1/subscriptions/${id}`)).toMatchObject({ status: "active", disabled_reason: null });
  });
});

it("410 whose disabling fails is dead all the same, and the next 410 disables", async () => {
  await one.program([], { status: 410 });
  stage.flaky.fate = (statements) => (statements.some((sql) => sql.includes("'disabled'")) ? "fail-before" : "pass");
  const id = await firstAttempt();
  expect(stage.lines("disable.failed")).toHaveLength(1);
  expect(await delivery(id)).toMatchObject({ status: "dead", cause: "gone" });
  expect(await router.json(`/v1/subscriptions/${id}`)).toMatchObject({ status: "active" });
  stage.flaky.fate = () => "pass";
  await router.publish({ type: "t", source: "/s", id: "2" });
  await router.drain();
  expect(await router.json(`/v1/subscriptions/${id}`)).toMatchObject({ status: "disabled", disabled_reason: "gone" });
});

describe("no attempt is made", () => {
  it("of a delivery whose attempts left no trace, two beyond the schedule: dead, crashed", async () => {
    const { clock, flaky } = stage;
    const { id } = await router.subscribe({ sink: one.url, retry: { schedule_s: [5] } });
    await router.publish({ type: "t" });
    const messages = router.take();
    for (let crash = 0; crash < 2 + CRASHES_SPARE; crash++) {
      // Claimed, and never heard of again.
      flaky.fate = (statements) => (isClaim(statements) ? "fail-after" : "pass");
      const work = router.handle(messages);
      await clock.pass(CLAIM_RETRY_MS);
      await work;
      clock.advance(LEASE_MS);
    }
    flaky.fate = () => "pass";
    expect((await router.handle(messages)).map(({ verdict }) => verdict)).toEqual(["ack"]);
    expect(await delivery(id)).toMatchObject({
      status: "dead",
      cause: "crashed",
      attempt: 3 + CRASHES_SPARE,
      due_at: null,
      attempts: [],
    });
    expect(await one.requests()).toEqual([]);
    expect(router.take()).toEqual([]);
    clock.advance(LEASE_MS);
    await router.sweep();
  });

  it("of a delivery whose schedule was shortened below what it has had: dead, exhausted", async () => {
    await one.program([{ status: 503 }, { status: 503 }]);
    const id = await firstAttempt({ retry: { schedule_s: [1, 1, 1] } });
    stage.clock.advance(2_000);
    await router.handle(router.take());
    await router.json(`/v1/subscriptions/${id}`, router.post("", { retry: { schedule_s: [] } }, { method: "PATCH" }));
    stage.clock.advance(2_000);
    await router.handle(router.take());
    expect(await delivery(id)).toMatchObject({ status: "dead", cause: "exhausted" });
    expect((await delivery(id)).attempts).toHaveLength(2);
    expect(await one.requests()).toHaveLength(2);
  });

  it("of an event whose body is no longer on record: dead, body-missing", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    await router.publish({ type: "t", data: "x".repeat(INLINE_BYTES_MAX) });
    await env.DB.prepare("DELETE FROM bodies").run();
    await router.drain();
    expect(await delivery(id)).toMatchObject({ status: "dead", cause: "body-missing", due_at: null, attempts: [] });
    expect(await one.requests()).toEqual([]);
    expect(router.take()).toEqual([]);
  });

  it("for a paused subscription: held, and delivered when it is resumed", async () => {
    await one.program([{ status: 503 }]);
    const id = await firstAttempt({ retry: { schedule_s: [30] } });
    const waiting = onlyWake();
    await router.publish({ type: "t", source: "/s", id: "2" });
    await patch(id, { status: "paused" });
    await router.drain();
    stage.clock.advance(30_000);
    await router.handle([waiting]);
    const held = (await stage.record(id)).map(({ status, cause, attempt }) => `${status} ${cause} ${attempt}`);
    expect(new Set(held)).toEqual(new Set(["held subscription-paused 0", "held subscription-paused 1"]));
    expect(router.take()).toEqual([]);
    expect(await one.requests()).toHaveLength(1);
    // Nothing moves them but the resumption.
    stage.clock.advance(3_600_000);
    await router.sweep();
    expect(router.take()).toEqual([]);

    await patch(id, { status: "active" });
    await router.settled();
    await router.drain();
    const states = (await stage.record(id)).map(({ status, attempt }) => `${status} ${attempt}`);
    expect(new Set(states)).toEqual(new Set(["delivered 1", "delivered 2"]));
    expect(await one.requests()).toHaveLength(3);
  });

  it("for a subscription resumed while the database was away: the sweep delivers", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    await router.publish({ type: "t" });
    await patch(id, { status: "paused" });
    await router.drain();
    stage.flaky.fate = (statements) =>
      statements.some((sql) => sql.includes("WITH RECURSIVE holders")) ? "fail-before" : "pass";
    expect((await patch(id, { status: "active" })).status).toBe(200);
    await router.settled();
    stage.flaky.fate = () => "pass";
    expect(router.held).toEqual([]);
    await router.sweep();
    await router.drain();
    expect(await delivery(id)).toMatchObject({ status: "delivered", attempt: 1 });
  });

  it("for a deleted subscription: cancelled, whether it was new, waiting or held", async () => {
    await one.program([{ status: 503 }]);
    const ofWaiting = await firstAttempt({ retry: { schedule_s: [30] } });
    const waiting = onlyWake();
    await patch(ofWaiting, { types: ["none"] });
    const ofHeld = await router.subscribe({ sink: one.url, types: ["t"] });
    await router.publish({ type: "t", source: "/s", id: "held" });
    await patch(ofHeld.id, { status: "paused" });
    await router.drain();
    const ofNew = await router.subscribe({ sink: one.url });
    await router.publish({ type: "new", source: "/s", id: "new" });
    const ids = [ofWaiting, ofHeld.id, ofNew.id];
    for (const id of ids) {
      expect((await router.request(`/v1/subscriptions/${id}`, { method: "DELETE" })).status).toBe(204);
    }
    await router.drain();
    stage.clock.advance(30_000);
    await router.handle([waiting]);
    await router.sweep();
    expect(router.take()).toEqual([]);
    for (const id of ids) {
      expect(await delivery(id)).toMatchObject({ status: "cancelled", cause: "subscription-deleted", due_at: null });
    }
    expect(await one.requests()).toHaveLength(1);
  });
});

describe("a manual retry", () => {
  it("restarts the schedule and goes on counting attempts", async () => {
    await one.program([], { status: 500 });
    const id = await firstAttempt({ retry: { schedule_s: [10] } });
    await nextAttempt();
    const dead = await delivery(id);
    expect(dead).toMatchObject({ status: "dead", cause: "exhausted", attempt: 2 });

    const answer = await retry(dead.id);
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ id: dead.id, status: "retrying" });
    expect((await delivery(id)).due_at).toBe(new Date(stage.clock.now()).toISOString());
    // Twice is once: the second wake-up finds nothing to do.
    expect((await retry(dead.id)).status).toBe(202);
    expect(router.held).toHaveLength(2);
    await router.drain();
    expect(await one.requests()).toHaveLength(3);
    // The whole schedule again, from its first entry.
    expect(await nextAttempt()).toBe(10);
    expect(await delivery(id)).toMatchObject({ status: "dead", cause: "exhausted", attempt: 4 });
    expect((await delivery(id)).attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    const requests = await one.requests();
    expect(requests.map(({ headers }) => headers["fantail-attempt"])).toEqual(["1", "2", "3", "4"]);
    expect(new Set(requests.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([dead.id]));
  });

  it("of a delivered one delivers it again under the same id", async () => {
    const id = await firstAttempt();
    const { id: deliveryId } = await delivery(id);
    expect((await retry(deliveryId)).status).toBe(202);
    await router.drain();
    expect(await delivery(id)).toMatchObject({
      status: "delivered",
      attempt: 2,
      attempts: [{ attempt: 1 }, { attempt: 2 }],
    });
    expect((await one.requests()).map(({ headers }) => headers["webhook-id"])).toEqual([deliveryId, deliveryId]);
  });

  it("of a waiting one makes it due now, and its old wake-up does nothing", async () => {
    await one.program([{ status: 500 }]);
    const id = await firstAttempt({ retry: { schedule_s: [3_600] } });
    const old = onlyWake();
    expect((await retry((await delivery(id)).id)).status).toBe(202);
    await router.drain();
    expect(await delivery(id)).toMatchObject({ status: "delivered", attempt: 2 });
    stage.clock.advance(3_600_000);
    await router.handle([old]);
    expect(await one.requests()).toHaveLength(2);
  });

  it("is refused while an attempt is in flight, and taken after it", async () => {
    await one.program([{ hang: true }]);
    const { id } = await router.subscribe({ sink: one.url, retry: { schedule_s: [] } });
    await router.publish({ type: "t" });
    const work = router.handle(router.take());
    await one.waitForArrivals(1);
    const { id: deliveryId } = await delivery(id);
    const refused = await retry(deliveryId);
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ type: "https://fantail.dev/problems/attempt-in-progress" });
    expect(router.held).toEqual([]);
    await one.forget();
    await work;
    expect(await delivery(id)).toMatchObject({ status: "dead", cause: "exhausted", attempt: 1 });
    expect((await retry(deliveryId)).status).toBe(202);
    await router.drain();
    expect(await delivery(id)).toMatchObject({ status: "delivered", attempt: 2 });
  });

  it("after a batch that crashed is taken once its lease is over", async () => {
    const { clock, flaky } = stage;
    const { id } = await router.subscribe({ sink: one.url });
    await router.publish({ type: "t" });
    flaky.fate = (statements) => (isClaim(statements) ? "fail-after" : "pass");
    const work = router.handle(router.take());
    await clock.pass(CLAIM_RETRY_MS);
    await work;
    flaky.fate = () => "pass";
    const { id: deliveryId } = await delivery(id);
    clock.advance(LEASE_MS - 1);
    expect((await retry(deliveryId)).status).toBe(409);
    clock.advance(1);
    expect((await retry(deliveryId)).status).toBe(202);
    await router.drain();
    expect(await delivery(id)).toMatchObject({ status: "delivered", attempt: 2, attempts: [{ attempt: 2 }] });
    clock.advance(LEASE_MS);
    await router.sweep();
  });

  it("of one that is held or cancelled attempts nothing while its subscription takes nothing", async () => {
    const { id } = await router.subscribe({ sink: one.url });
    await router.publish({ type: "t" });
    await patch(id, { status: "paused" });
    await router.drain();
    const { id: deliveryId } = await delivery(id);
    expect((await retry(deliveryId)).status).toBe(202);
    await router.drain();
    expect(await delivery(id)).toMatchObject({ status: "held", cause: "subscription-paused" });
    await router.request(`/v1/subscriptions/${id}`, { method: "DELETE" });
    await router.sweep();
    expect((await retry(deliveryId)).status).toBe(202);
    await router.drain();
    expect(await delivery(id)).toMatchObject({ status: "cancelled", cause: "subscription-deleted" });
    expect(await one.requests()).toEqual([]);
  });

  it("of one that timed out is woken on the slow lane", async () => {
    await one.program([{ hang: true }]);
    const id = await firstAttempt({ timeout_ms: 1_000, retry: { schedule_s: [] } });
    expect(await delivery(id)).toMatchObject({ status: "dead", cause: "exhausted" });
    expect((await retry((await delivery(id)).id)).status).toBe(202);
    expect(router.held.map(({ queue }) => queue.slice(0, -2))).toEqual(["fantail-slow"]);
    await router.drain();
    expect(await delivery(id)).toMatchObject({ status: "delivered", attempt: 2 });
  });
});

// What a queue gave up on, or nobody can read: it is kept, put on record and delivered; never dead because a queue gave up.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  INLINE_BYTES_MAX,
  POISON_RETRY_SECONDS,
  SETTLE_RETRY_MS,
  SWEEP_GRACE_MS,
  SWEEP_REPEAT_MS,
} from "../../src/core/limits.ts";
import { sink } from "../sink-client.ts";
import { isSettle } from "./flaky-db.ts";
import type { Handled, Held, TestRouter } from "./router.ts";
import { createStage, type Stage } from "./stage.ts";

const POISON = "fantail-poison";

let stage: Stage;
let router: TestRouter;
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
});
afterEach(async () => {
  expect(await stage.faults()).toEqual({});
});

const message = (body: unknown, queue = "fantail-fast-0"): Held => ({ queue, body, delaySeconds: 0, attempts: 0 });
const verdicts = (handled: readonly Handled[]) => handled.map(({ verdict }) => verdict);

/** As the platform moves it after 100 retries. */
const givenUp = (messages: readonly Held[]): Held[] => messages.map(({ body }) => message(body, POISON));
const adopt = async (messages: readonly Held[]) => verdicts(await router.handle(givenUp(messages), POISON));

const UNDECODABLE: readonly [name: string, body: unknown][] = [
  ["empty", ""],
  ["no JSON", "hello"],
  ["JSON that is no object", "[]"],
  ["no version", '{"kind":"wake","keys":[]}'],
  ["a later version", '{"v":2,"kind":"wake","keys":[]}'],
  ["an unknown kind", '{"v":1,"kind":"replay"}'],
  ["half a parcel", '{"v":1,"kind":"event","bus":"default"}'],
  ["a key without its run", '{"v":1,"kind":"wake","keys":[{"bus":"default","seq":"a","subscriptionId":"b"}]}'],
  ["an unknown outcome", '{"v":1,"kind":"outcomes","token":"t","settlements":[{"outcome":{"kind":"lost"}}]}'],
];

describe("deliver", () => {
  it.each(UNDECODABLE)("puts %s on the poison queue as it is, and acks it", async (_name, body) => {
    expect(verdicts(await router.handle([message(body)]))).toEqual(["ack"]);
    expect(router.take()).toEqual([{ queue: POISON, body, delaySeconds: 0, attempts: 0 }]);
    expect(stage.lines("message.undecodable")).toHaveLength(1);
    // What is in it may be anybody's data.
    expect(JSON.stringify(stage.logger.lines)).not.toContain("hello");
  });

  it("puts what is no text there as JSON", async () => {
    expect(verdicts(await router.handle([message({ kind: "old" })]))).toEqual(["ack"]);
    expect(router.take()).toMatchObject([{ queue: POISON, body: '{"kind":"old"}' }]);
  });

  it("keeps it on its lane, later and later, while the poison queue does not take it", async () => {
    router.modes.DELIVERIES_POISON = "fail";
    const one = message("hello");
    expect(verdicts(await router.handle([one]))).toEqual([{ retryAfterSeconds: 5 }]);
    expect(verdicts(await router.handle([one]))).toEqual([{ retryAfterSeconds: 10 }]);
    router.modes.DELIVERIES_POISON = "confirm";
    expect(verdicts(await router.handle([one]))).toEqual(["ack"]);
    expect(router.take()).toHaveLength(1);
  });

  it("delivers what came in the same batch", async () => {
    const one = sink();
    await router.subscribe({ sink: one.url });
    await router.publish({ type: "t" });
    const [good] = router.take();
    if (good === undefined) throw new Error("Nothing was published");
    const handled = await router.handle([message("hello"), good, message("{}")]);
    expect(verdicts(handled)).toEqual(["ack", "ack", "ack"]);
    expect(await one.requests()).toHaveLength(1);
    expect(router.take()).toHaveLength(2);
  });
});

describe("adopt", () => {
  it.each(UNDECODABLE)("keeps %s and looks again in an hour", async (_name, body) => {
    const [held] = givenUp([message(body)]);
    if (held === undefined) throw new Error("There is no message");
    for (let look = 0; look < 3; look++) {
      expect(verdicts(await router.handle([held]))).toEqual([{ retryAfterSeconds: POISON_RETRY_SECONDS }]);
    }
    expect(router.take()).toEqual([]);
  });

  it("puts an event on record with its deliveries waiting, due now and woken on the slow lane", async () => {
    const { clock } = stage;
    const [first, second] = [sink(), sink()];
    const ids = [];
    for (const { url } of [first, second]) ids.push((await router.subscribe({ sink: url })).id);
    await router.publish({ type: "t", source: "/s", id: "1", data: "kept" });
    const parcels = router.take();
    clock.advance(3_600_000);
    expect(await adopt(parcels)).toEqual(["ack"]);
    for (const id of ids) {
      expect(await stage.record(id)).toMatchObject([
        { status: "pending", attempt: 0, due_at: new Date(clock.now()).toISOString(), attempts: [] },
      ]);
    }
    expect(router.held.map(({ queue, delaySeconds }) => [queue.slice(0, -2), delaySeconds])).toEqual([
      ["fantail-slow", 0],
      ["fantail-slow", 0],
    ]);
    await router.drain();
    for (const one of [first, second]) {
      const requests = await one.requests();
      expect(requests.map(({ headers }) => headers["fantail-attempt"])).toEqual(["1"]);
      expect(JSON.parse(atob(requests[0]?.bodyBase64 ?? ""))).toMatchObject({ id: "1", data: "kept" });
    }
    expect(await stage.claims()).toBe(0);
  });

  it("twice, or beside the same event delivered, is as once", async () => {
    const one = sink();
    const { id } = await router.subscribe({ sink: one.url });
    await router.publish({ type: "t", source: "/s", id: "1" });
    const parcels = router.take();
    expect(await adopt(parcels)).toEqual(["ack"]);
    expect(await adopt(parcels)).toEqual(["ack"]);
    expect(router.held).toHaveLength(1);
    await router.drain();
    expect(await one.requests()).toHaveLength(1);
    const before = await stage.record(id);

    expect(await adopt(parcels)).toEqual(["ack"]);
    expect(router.held).toEqual([]);
    expect(await router.handle(parcels)).toMatchObject([{ verdict: "ack" }]);
    expect(await stage.record(id)).toEqual(before);
    expect(before).toMatchObject([{ status: "delivered", attempt: 1 }]);
    expect(await one.requests()).toHaveLength(1);
    expect(await router.json("/v1/events")).toMatchObject({ data: [{ duplicates: 0 }] });
  });

  it("of an event that a batch is pushing leaves it to that batch", async () => {
    const one = sink();
    await one.program([], { hang: true });
    const { id } = await router.subscribe({ sink: one.url });
    await router.publish({ type: "t" });
    const parcels = router.take();
    const work = router.handle(parcels);
    await one.waitForArrivals(1);
    expect(await adopt(parcels)).toEqual(["ack"]);
    expect(router.take()).toEqual([]);
    await one.forget();
    expect(verdicts(await work)).toEqual(["ack"]);
    expect(await stage.record(id)).toMatchObject([{ status: "retrying", attempt: 1 }]);
  });

  it("of an event that matched nothing puts it on record", async () => {
    await router.publish({ type: "nobody", source: "/s", id: "1" });
    expect(await adopt(router.take())).toEqual(["ack"]);
    expect(router.held).toEqual([]);
    expect(await router.json("/v1/events")).toMatchObject({ data: [{ id: "1", matched: 0 }] });
  });

  it("of one part of an event completes it, also when its body travels by reference", async () => {
    const sinks = Array.from({ length: 11 }, () => sink());
    for (const { url } of sinks) await router.subscribe({ sink: url });
    await router.publish({ type: "t", source: "/s", id: "1", data: "x".repeat(INLINE_BYTES_MAX) });
    const [arrived, lost, ...rest] = router.take();
    if (arrived === undefined || lost === undefined) throw new Error("An event of 11 deliveries is two parcels");
    expect(rest).toEqual([]);
    await router.handle([arrived]);
    expect(await adopt([lost])).toEqual(["ack"]);
    await router.drain();
    for (const one of sinks) expect(await one.requests()).toHaveLength(1);
  });

  it("does not wake for a subscription that is gone, and holds for one that is paused", async () => {
    const [deleted, paused] = [sink(), sink()];
    const ofDeleted = await router.subscribe({ sink: deleted.url });
    const ofPaused = await router.subscribe({ sink: paused.url });
    await router.publish({ type: "t" });
    const parcels = router.take();
    await router.request(`/v1/subscriptions/${ofDeleted.id}`, { method: "DELETE" });
    await router.request(`/v1/subscriptions/${ofPaused.id}`, {
      ...router.post("", { status: "paused" }),
      method: "PATCH",
    });
    expect(await adopt(parcels)).toEqual(["ack"]);
    await router.drain();
    expect(await stage.record(ofDeleted.id)).toMatchObject([{ status: "cancelled", cause: "subscription-deleted" }]);
    expect(await stage.record(ofPaused.id)).toMatchObject([{ status: "held", cause: "subscription-paused" }]);
    expect(await deleted.requests()).toEqual([]);
    expect(await paused.requests()).toEqual([]);
  });

  it("acks a wake-up: its row is overdue, and the sweep wakes it", async () => {
    const { clock } = stage;
    const one = sink();
    await one.program([{ status: 503 }]);
    await router.subscribe({ sink: one.url, retry: { schedule_s: [30] } });
    await router.publish({ type: "t" });
    await router.handle(router.take());
    const wakes = router.take();
    expect(wakes).toHaveLength(1);
    expect(await adopt(wakes)).toEqual(["ack"]);
    expect(router.held).toEqual([]);
    clock.advance(30_000 + SWEEP_GRACE_MS);
    await router.sweep();
    await router.drain();
    expect(await one.requests()).toHaveLength(2);
  });

  it("settles outcomes, and keeps them while D1 refuses", async () => {
    const { clock, flaky } = stage;
    const one = sink();
    const { id } = await router.subscribe({ sink: one.url });
    await router.publish({ type: "t" });
    flaky.fate = (statements) => (isSettle(statements) ? "fail-before" : "pass");
    const work = router.handle(router.take());
    for (const waitMs of SETTLE_RETRY_MS) await clock.pass(waitMs);
    await work;
    const outcomes = givenUp(router.take());
    expect(verdicts(await router.handle(outcomes))).toEqual([{ retryAfterSeconds: POISON_RETRY_SECONDS }]);
    expect(verdicts(await router.handle(outcomes))).toEqual([{ retryAfterSeconds: POISON_RETRY_SECONDS }]);
    expect(await stage.claims()).toBe(1);
    flaky.fate = () => "pass";
    expect(verdicts(await router.handle(outcomes))).toEqual(["ack"]);
    expect(verdicts(await router.handle(outcomes))).toEqual(["ack"]);
    expect(await stage.claims()).toBe(0);
    expect(await stage.record(id)).toMatchObject([{ status: "delivered", attempt: 1, attempts: [{ attempt: 1 }] }]);
    expect((await stage.record(id))[0]?.attempts).toHaveLength(1);
    expect(await one.requests()).toHaveLength(1);
  });

  it("keeps an event while D1 is away, without holding up what it can do", async () => {
    const { flaky } = stage;
    await router.publish({ type: "t" });
    const parcels = givenUp(router.take());
    flaky.fate = () => "fail-before";
    expect(verdicts(await router.handle([...parcels, message("hello", POISON)]))).toEqual([
      { retryAfterSeconds: POISON_RETRY_SECONDS },
      { retryAfterSeconds: POISON_RETRY_SECONDS },
    ]);
    flaky.fate = () => "pass";
    expect(verdicts(await router.handle(parcels))).toEqual(["ack"]);
    expect(await env.DB.prepare("SELECT count(*) AS count FROM events").first("count")).toBe(1);
  });

  it("whose answer is lost, or whose wake-up fails, leaves the deliveries to the sweep", async () => {
    const { clock, flaky } = stage;
    const one = sink();
    await router.subscribe({ sink: one.url });
    await router.publish({ type: "t" });
    const parcels = givenUp(router.take());
    flaky.fate = () => "fail-after";
    expect(verdicts(await router.handle(parcels))).toEqual([{ retryAfterSeconds: POISON_RETRY_SECONDS }]);
    flaky.fate = () => "pass";
    expect(verdicts(await router.handle(parcels))).toEqual(["ack"]);
    expect(router.held).toEqual([]);
    clock.advance(SWEEP_REPEAT_MS);
    await router.sweep();
    await router.drain();
    expect(await one.requests()).toHaveLength(1);
  });
});

// The log level `failures`: what is delivered at its first attempt leaves nothing, and what is not goes on like any other delivery.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CLAIM_RETRY_MS,
  INLINE_BYTES_MAX,
  LEASE_MS,
  MESSAGE_RETRY_SECONDS_MIN,
  ORPHAN_BODIES_KEPT_MS,
  PARCEL_DELIVERIES_MAX,
  SETTLE_RETRY_MS,
  SPENT_BODY_KEPT_MS,
  UNCLAIMED_HANDOUTS_MAX,
} from "../../src/core/limits.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import type { Held, TestRouter } from "./router.ts";
import { consume, createStage, timesSeen, type Stage } from "./stage.ts";

let stage: Stage;
let router: TestRouter;
let good: SinkClient;
let bad: SinkClient;
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
  [good, bad] = [sink(), sink()];
  await bad.program([], { status: 503 });
  await setLevel("failures");
});
afterEach(async () => {
  const { "matched more or less than it has deliveries": _, ...faults } = await stage.faults();
  expect(faults).toEqual({});
  expect(await stage.claims()).toBe(0);
});

const setLevel = async (log_level: "all" | "failures"): Promise<unknown> =>
  router.json("/v1/buses/default", { ...router.post("", { log_level }), method: "PATCH" });

async function rows(): Promise<Record<string, number>> {
  const tables = ["events", "deliveries", "bodies", "claims"].map(
    (name) => `(SELECT count(*) FROM ${name}) AS ${name}`,
  );
  return (await env.DB.prepare(`SELECT ${tables.join(", ")}`).first<Record<string, number>>()) ?? {};
}
const NOTHING = { events: 0, deliveries: 0, bodies: 0, claims: 0 };

const publish = async (id: string, data: unknown = 1): Promise<void> => {
  const answer = await router.publish({ type: "t", source: "/s", id, data });
  expect(answer.status).toBe(202);
};

/** Hands out all messages as one batch. */
const deliver = async (): Promise<void> => {
  const handled = await router.handle(router.take());
  expect(handled.map(({ verdict }) => verdict)).toEqual(handled.map(() => "ack"));
};

/** Puts first attempts on record that were not delivered. */
const isRecording = (statements: readonly string[]): boolean =>
  statements.some((sql) => sql.includes("INSERT INTO events"));

const onlyMessage = (): Held => {
  const [only, ...rest] = router.take();
  expect(rest).toEqual([]);
  if (only === undefined) throw new Error("There is no message");
  return only;
};

describe("what is delivered at its first attempt", () => {
  it("writes one row a batch, which counts all of it, and makes two D1 calls", async () => {
    for (let index = 0; index < 3; index++) await router.subscribe({ sink: good.url });
    // What is known of a sink is written at its first attempt.
    await publish("first");
    await deliver();
    for (let index = 0; index < 25; index++) await publish(`e${index}`);
    const [written, calls] = [stage.flaky.rowsWritten(), stage.flaky.calls.length];
    await deliver();
    expect(await good.requests()).toHaveLength(78);
    expect(stage.flaky.rowsWritten() - written).toBe(1);
    expect(stage.flaky.calls.length - calls).toBe(2);
    expect(await rows()).toEqual(NOTHING);
    expect(stage.lines("batch").at(-1)?.fields).toMatchObject({ unclaimed: 75, claimed: 0, delivered: 75 });
  });

  it("is signed, and numbered as a first attempt", async () => {
    await router.subscribe({ sink: good.url });
    await publish("1");
    await deliver();
    const [request] = await good.requests();
    expect(request?.headers).toMatchObject({ "fantail-attempt": "1", "webhook-id": expect.stringMatching(/^dlv_/) });
  });

  it("is published again as a new event: nothing knows it", async () => {
    await router.subscribe({ sink: good.url });
    for (const id of ["1", "1"]) {
      await publish(id);
      await deliver();
    }
    expect([...timesSeen(await good.requests()).values()]).toEqual([2]);
  });

  it("is claimed when its message was handed out too often: what ends its isolates must not repeat the others for ever", async () => {
    const { id } = await router.subscribe({ sink: good.url });
    await publish("1");
    const message = onlyMessage();
    message.attempts = UNCLAIMED_HANDOUTS_MAX - 1;
    await router.handle([message]);
    expect(await rows()).toEqual(NOTHING);
    // The isolate ended before it could say so.
    for (let handouts = 0; handouts < 2; handouts++) await router.handle([message]);
    expect(await good.requests()).toHaveLength(2);
    expect((await stage.record(id))[0]).toMatchObject({ status: "delivered", attempt: 1 });
  });

  it("is pushed once when a batch holds it twice", async () => {
    await router.subscribe({ sink: good.url });
    await publish("1");
    await publish("1");
    await deliver();
    expect(await good.requests()).toHaveLength(1);
  });

  it("travels nowhere when it matches nothing", async () => {
    await router.subscribe({ sink: good.url, types: ["other"] });
    await publish("1");
    expect(router.take()).toEqual([]);
  });

  it("leaves its large body to the next purge but one hour", async () => {
    await router.subscribe({ sink: good.url });
    await publish("1", "x".repeat(INLINE_BYTES_MAX));
    expect(await rows()).toMatchObject({ bodies: 1 });
    await deliver();
    expect(await good.requests()).toHaveLength(1);
    stage.clock.advance(SPENT_BODY_KEPT_MS);
    await router.sweep();
    expect(await rows()).toMatchObject({ bodies: 1 });
    stage.clock.advance(1);
    await router.sweep();
    expect(await rows()).toEqual(NOTHING);
  });

  it("keeps a large body that other parcels need", async () => {
    for (let index = 0; index <= PARCEL_DELIVERIES_MAX; index++) await router.subscribe({ sink: good.url });
    await publish("1", "x".repeat(INLINE_BYTES_MAX));
    const [first, ...others] = router.take();
    if (first === undefined) throw new Error("There is no message");
    await router.handle([first]);
    stage.clock.advance(ORPHAN_BODIES_KEPT_MS);
    await router.sweep();
    await router.handle(others);
    expect(await good.requests()).toHaveLength(PARCEL_DELIVERIES_MAX + 1);
    expect(await rows()).toMatchObject({ deliveries: 0, bodies: 1 });
    stage.clock.advance(1);
    await router.sweep();
    expect(await rows()).toEqual(NOTHING);
  });
});

describe("what is not", () => {
  it("is put on record with its event, its attempt and its next one, alone", async () => {
    await router.subscribe({ sink: good.url });
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [60] } });
    await publish("1", { total: 1.1 });
    await deliver();
    expect(await rows()).toEqual({ events: 1, deliveries: 1, bodies: 0, claims: 0 });
    const [delivery] = await stage.record(id);
    expect(delivery).toMatchObject({ status: "retrying", attempt: 1, attempts: [{ attempt: 1, status: 503 }] });
    const wake = onlyMessage();
    expect(wake.delaySeconds).toBe(60);

    await bad.program([], { status: 200 });
    stage.clock.advance(60_000);
    expect((await router.handle([wake])).map(({ verdict }) => verdict)).toEqual(["ack"]);
    expect((await stage.record(id))[0]).toMatchObject({ status: "delivered", attempt: 2 });
    const requests = await bad.requests();
    expect(requests.map(({ headers }) => headers["fantail-attempt"])).toEqual(["1", "2"]);
    expect([...timesSeen(requests).values()]).toEqual([2]);
    expect(requests[0]?.bodyBase64).toBe(requests[1]?.bodyBase64);
    expect(await good.requests()).toHaveLength(1);
  });

  it("ends dead when the schedule is empty, and a manual retry revives it", async () => {
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [] } });
    await publish("1");
    await deliver();
    const [delivery] = await stage.record(id);
    expect(delivery).toMatchObject({ status: "dead", cause: "exhausted" });
    await bad.program([], { status: 200 });
    expect((await router.request(`/v1/deliveries/${delivery?.id}/retry`, { method: "POST" })).status).toBe(202);
    await deliver();
    expect((await stage.record(id))[0]).toMatchObject({ status: "delivered", attempt: 2 });
  });

  it("disables the subscription of a sink that is gone", async () => {
    await bad.program([], { status: 410 });
    const { id } = await router.subscribe({ sink: bad.url });
    await publish("1");
    await deliver();
    expect((await stage.record(id))[0]).toMatchObject({ status: "dead", cause: "gone" });
    expect(await router.json(`/v1/subscriptions/${id}`)).toMatchObject({
      status: "disabled",
      disabled_reason: "gone",
    });
  });

  it("is held when its subscription is paused, and cancelled when that is gone: both are on record", async () => {
    const paused = await router.subscribe({ sink: good.url });
    const deleted = await router.subscribe({ sink: good.url });
    await publish("1");
    await router.request(`/v1/subscriptions/${paused.id}`, {
      ...router.post("", { status: "paused" }),
      method: "PATCH",
    });
    await router.request(`/v1/subscriptions/${deleted.id}`, { method: "DELETE" });
    await deliver();
    expect((await stage.record(paused.id))[0]).toMatchObject({ status: "held" });
    expect((await stage.record(deleted.id))[0]).toMatchObject({ status: "cancelled" });
    expect(await good.requests()).toEqual([]);
  });

  it("is given back uncounted after a timeout of its subscription, on record", async () => {
    const hanging = sink();
    await hanging.program([], { hang: true });
    const { id } = await router.subscribe({ sink: hanging.url, timeout_ms: 1_000, retry: { schedule_s: [600] } });
    for (const event of ["1", "2", "3", "4"]) await publish(event);
    await deliver();
    const record = await stage.record(id);
    expect(record.map(({ attempt }) => attempt).toSorted((a, b) => a - b)).toEqual([0, 0, 1, 1]);
    expect(new Set(record.map(({ status }) => status))).toEqual(new Set(["pending", "retrying"]));
    await hanging.forget();
  });

  it("is not pushed again by its message when that comes back: the row rules", async () => {
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [600] } });
    await publish("1");
    const message = onlyMessage();
    await router.handle([message]);
    router.take();
    await router.handle([message]);
    expect(await bad.requests()).toHaveLength(1);
    expect((await stage.record(id))[0]).toMatchObject({ status: "retrying", attempt: 1 });
  });

  it("counts another publish of it, once", async () => {
    await router.subscribe({ sink: bad.url, retry: { schedule_s: [600] } });
    await publish("1");
    await deliver();
    router.take();
    await publish("1");
    const message = onlyMessage();
    await router.handle([message]);
    await router.handle([message]);
    const list = await router.json<{ data: { duplicates: number }[] }>("/v1/events");
    expect(list.data).toMatchObject([{ duplicates: 1 }]);
  });

  it("is another delivery than one of another run, in the same batch", async () => {
    const { id } = await router.subscribe({ sink: good.url });
    await publish("1");
    const message = onlyMessage();
    await router.handle([message], "fantail-poison");
    router.take();
    await env.DB.exec("UPDATE deliveries SET run = 'job_1'");
    const row = await env.DB.prepare("SELECT bus, seq FROM deliveries").first<{ bus: string; seq: string }>();
    const keys = [{ ...row, subscriptionId: id, run: "job_1" }];
    await router.handle([message, { ...message, body: JSON.stringify({ v: 1, kind: "wake", keys }) }]);
    const states = await env.DB.prepare("SELECT run, state FROM deliveries").all();
    expect(states.results).toEqual([{ run: "job_1", state: "delivered" }]);
    expect(await good.requests()).toHaveLength(2);
  });

  it("keeps its large body", async () => {
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [60] } });
    await publish("1", "x".repeat(INLINE_BYTES_MAX));
    await deliver();
    stage.clock.advance(60_000);
    await bad.program([], { status: 200 });
    await deliver();
    expect((await stage.record(id))[0]).toMatchObject({ status: "delivered" });
    const [first, second] = await bad.requests();
    expect(first?.bodyBase64).toBe(second?.bodyBase64);
  });
});

describe("when the database is away", () => {
  it("at the look-up nothing is pushed, and the message comes back", async () => {
    await router.subscribe({ sink: good.url });
    await publish("1");
    stage.flaky.fate = () => "fail-before";
    const handling = router.handle(router.take());
    await stage.clock.pass(CLAIM_RETRY_MS);
    expect((await handling).map(({ verdict }) => verdict)).toEqual([{ retryAfterSeconds: MESSAGE_RETRY_SECONDS_MIN }]);
    expect(await good.requests()).toEqual([]);
  });

  it("at the settle what failed travels as a message, and only that", async () => {
    await router.subscribe({ sink: good.url });
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [60] } });
    await publish("1");
    stage.flaky.fate = (statements) => (isRecording(statements) ? "fail-before" : "pass");
    const handling = router.handle(router.take());
    for (const waitMs of SETTLE_RETRY_MS) await stage.clock.pass(waitMs);
    expect((await handling).map(({ verdict }) => verdict)).toEqual(["ack"]);
    const again = onlyMessage();
    stage.flaky.fate = () => "pass";
    await consume(stage, again);
    expect(await good.requests()).toHaveLength(1);
    expect((await stage.record(id))[0]).toMatchObject({ status: "retrying", attempt: 1 });
    expect(await bad.requests()).toHaveLength(2);
  });

  it("and the sink asked for time, its message comes when that is over", async () => {
    await bad.program([], { status: 429, headers: { "retry-after": "600" } });
    await router.subscribe({ sink: bad.url });
    const other = sink();
    await other.program([], { status: 503 });
    await router.subscribe({ sink: other.url, retry: { schedule_s: [5] } });
    await publish("1");
    stage.flaky.fate = (statements) => (isRecording(statements) ? "fail-before" : "pass");
    const handling = router.handle(router.take());
    for (const waitMs of SETTLE_RETRY_MS) await stage.clock.pass(waitMs);
    await handling;
    const waitedMs = SETTLE_RETRY_MS.reduce((sum, ms) => sum + ms, 0);
    const delays = router.take().map(({ delaySeconds }) => delaySeconds);
    expect(delays.toSorted((a, b) => a - b)).toEqual([MESSAGE_RETRY_SECONDS_MIN, 600 - Math.floor(waitedMs / 1_000)]);
  });

  it("and the queues are too: the message comes back after the lease, a knowing second push", async () => {
    await router.subscribe({ sink: bad.url });
    await publish("1");
    stage.flaky.fate = (statements) => (isRecording(statements) ? "fail-before" : "pass");
    for (const name of ["DELIVERIES_FAST_0", "DELIVERIES_FAST_1"] as const) router.modes[name] = "fail";
    const handling = router.handle(router.take());
    for (const waitMs of SETTLE_RETRY_MS) await stage.clock.pass(waitMs);
    const leftMs = LEASE_MS - SETTLE_RETRY_MS.reduce((sum, ms) => sum + ms, 0);
    const verdicts = (await handling).map(({ verdict }) => verdict);
    expect(verdicts).toEqual([{ retryAfterSeconds: Math.ceil(leftMs / 1_000) }]);
    expect(stage.lines("outcomes.lost")).toMatchObject([{ fields: { second_pushes: 1 } }]);
  });

  it("and the answer of a settle is lost, it is settled once", async () => {
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [60] } });
    await publish("1");
    let lost = false;
    stage.flaky.fate = (statements) => {
      if (lost || !isRecording(statements)) return "pass";
      lost = true;
      return "fail-after";
    };
    const handling = router.handle(router.take());
    await stage.clock.pass(SETTLE_RETRY_MS[0]);
    await handling;
    expect(await stage.record(id)).toMatchObject([{ status: "retrying", attempt: 1, attempts: [{ attempt: 1 }] }]);
    expect(router.take()).toHaveLength(1);
  });
});

it("both levels meet in one batch, each in its own way", async () => {
  await router.subscribe({ sink: good.url });
  await publish("light");
  await setLevel("all");
  await publish("recorded");
  await deliver();
  expect(await good.requests()).toHaveLength(2);
  expect(await rows()).toEqual({ events: 1, deliveries: 1, bodies: 0, claims: 0 });
  const list = await router.json<{ data: { id: string }[] }>("/v1/events");
  expect(list.data.map(({ id }) => id)).toEqual(["recorded"]);
});

it("a parcel that a queue gave up on is adopted: then its deliveries are on record", async () => {
  const { id } = await router.subscribe({ sink: good.url });
  await publish("1");
  await router.handle(router.take(), "fantail-poison");
  expect((await stage.record(id))[0]).toMatchObject({ status: "pending" });
});

it("what a deleted bus still has in its queues is dropped", async () => {
  const bus = { "fantail-bus": "gone" };
  await router.json("/v1/buses/gone", { method: "PUT" });
  await router.json("/v1/buses/gone", { ...router.post("", { log_level: "failures" }), method: "PATCH" });
  await router.json("/v1/subscriptions", router.post("", { sink: good.url }, { headers: bus }));
  expect((await router.publish({ type: "t" }, { headers: bus })).status).toBe(202);
  expect((await router.request("/v1/buses/gone", { method: "DELETE" })).status).toBe(204);
  await deliver();
  expect(await good.requests()).toEqual([]);
  expect(await rows()).toEqual(NOTHING);
});

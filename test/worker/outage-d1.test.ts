// D1 refuses, or acts and loses its answer, or hangs: nothing is lost, and what a sink saw it does not see again, but for the one
// case in which nobody could write down that it did.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CLAIM_RETRY_MS,
  INLINE_BYTES_MAX,
  LEASE_MS,
  ROUTES_LOAD_TIMEOUT_MS,
  ROUTES_OUTAGE_MS,
  ROUTES_QUERY_TIMEOUT_MS,
  SETTLE_EARLY_MS,
  SETTLE_RETRY_MS,
  SWEEP_GRACE_MS,
  UNAVAILABLE_RETRY_SECONDS,
} from "../../src/core/limits.ts";
import { sink } from "../sink-client.ts";
import { isClaim, isSettle } from "./flaky-db.ts";
import type { Held, TestRouter } from "./router.ts";
import { consume, createStage, type Stage, timesSeen } from "./stage.ts";

let stage: Stage;
let router: TestRouter;
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
});
afterEach(async () => {
  stage.flaky.fate = () => "pass";
  expect(await stage.faults()).toEqual({});
});

/** What the fate of each call of a kind is, in order; then it passes. */
function fates(is: (statements: readonly string[]) => boolean, list: ("fail-before" | "fail-after")[]): void {
  stage.flaky.fate = (statements) => (is(statements) ? (list.shift() ?? "pass") : "pass");
}

const never = (): Promise<"pass"> => new Promise(() => {});
const verdicts = (handled: readonly { readonly verdict: unknown }[]) => handled.map(({ verdict }) => verdict);
const only = (messages: readonly Held[]): Held => {
  expect(messages).toHaveLength(1);
  const [message] = messages;
  if (message === undefined) throw new Error("There is no message");
  return message;
};

/** Handles everything on the queues while D1 refuses each settle: five times, with the waits between. */
async function handleWithoutSettling(messages: readonly Held[]) {
  const work = router.handle(messages);
  for (const waitMs of SETTLE_RETRY_MS) await stage.clock.pass(waitMs);
  return work;
}

describe("settle", () => {
  it("refused for 60 s costs no second push: the outcomes travel as a message until they are written", async () => {
    const { clock, flaky } = stage;
    const [healthy, failing, gone] = [sink(), sink(), sink()];
    await failing.program([{ status: 503 }, { status: 503 }]);
    await gone.program([], { status: 410 });
    const subscriptions = await Promise.all(
      [healthy, failing, gone].map(({ url }) => router.subscribe({ sink: url, retry: { schedule_s: [300, 600] } })),
    );
    const [ofHealthy = "", ofFailing = "", ofGone = ""] = subscriptions.map(({ id }) => id);
    await router.publish({ type: "t", source: "/s", id: "1" });
    await router.publish({ type: "t", source: "/s", id: "2" });
    const beganMs = clock.now();
    flaky.fate = (statements) => (isSettle(statements) && clock.now() < beganMs + 60_000 ? "fail-before" : "pass");

    expect(verdicts(await handleWithoutSettling(router.take()))).toEqual(["ack", "ack"]);
    expect(flaky.calls.filter(isSettle)).toHaveLength(1 + SETTLE_RETRY_MS.length);
    const handedOver = only(router.take());
    expect(handedOver.delaySeconds).toBe(5);
    expect(JSON.parse(String(handedOver.body))).toMatchObject({ kind: "outcomes" });
    expect(stage.lines("batch").at(-1)?.fields).toMatchObject({ claimed: 6, handed_over: true });
    // Until they are written the rows are in flight, also for whoever sweeps or asks for an attempt by hand.
    await router.sweep();
    const [inFlight] = await stage.record(ofHealthy);
    expect((await router.request(`/v1/deliveries/${inFlight?.id}/retry`, { method: "POST" })).status).toBe(409);
    expect(router.take()).toEqual([]);

    expect(await consume(stage, handedOver)).toEqual([5, 15, 15, 15]);
    expect(clock.now() - beganMs).toBe(71_200);
    for (const one of [healthy, failing, gone]) expect([...timesSeen(await one.requests()).values()]).toEqual([1, 1]);
    expect(await stage.claims()).toBe(0);
    const states = async (id: string) =>
      (await stage.record(id)).map(({ status, attempt, attempts }) => [
        status,
        attempt,
        attempts.map((made) => made.status),
      ]);
    expect(await states(ofHealthy)).toEqual([
      ["delivered", 1, [200]],
      ["delivered", 1, [200]],
    ]);
    expect(await states(ofFailing)).toEqual([
      ["retrying", 1, [503]],
      ["retrying", 1, [503]],
    ]);
    expect(await states(ofGone)).toEqual([
      ["dead", 1, [410]],
      ["dead", 1, [410]],
    ]);
    expect(await router.json(`/v1/subscriptions/${ofGone}`)).toMatchObject({
      status: "disabled",
      disabled_reason: "gone",
    });

    // What waits was woken for when it is due, not for when D1 came back.
    const wakes = router.take();
    expect(new Set(wakes.map(({ delaySeconds }) => delaySeconds))).toEqual(new Set([Math.ceil(300 - 71.2)]));
    clock.advance(229_000);
    for (const wake of wakes) expect(verdicts(await router.handle([wake]))).toEqual(["ack"]);
    expect(await states(ofFailing)).toEqual([
      ["delivered", 2, [503, 200]],
      ["delivered", 2, [503, 200]],
    ]);
    expect([...timesSeen(await failing.requests()).values()]).toEqual([2, 2]);
  });

  it("whose answer is lost writes each attempt once", async () => {
    const [healthy, failing] = [sink(), sink()];
    await failing.program([{ status: 500 }]);
    const ids = [];
    for (const { url } of [healthy, failing]) ids.push((await router.subscribe({ sink: url })).id);
    await router.publish({ type: "t" });
    fates(isSettle, ["fail-after", "fail-after"]);
    const work = router.handle(router.take());
    await stage.clock.pass(SETTLE_RETRY_MS[0]);
    await stage.clock.pass(SETTLE_RETRY_MS[1]);
    expect(verdicts(await work)).toEqual(["ack"]);
    for (const [index, status] of [200, 500].entries()) {
      const [delivery] = await stage.record(ids[index] ?? "");
      expect(delivery).toMatchObject({ attempt: 1, attempts: [{ attempt: 1, status }] });
    }
    expect(await healthy.requests()).toHaveLength(1);
    expect(await failing.requests()).toHaveLength(1);
    expect(await stage.claims()).toBe(0);
    expect(router.take()).toHaveLength(1);
  });

  it("whose answer is lost while a push is open writes each attempt once, and ends the claim at the end", async () => {
    const { clock } = stage;
    const [fast, slow] = [sink(), sink()];
    await slow.program([{ hang: true }]);
    const ofFast = await router.subscribe({ sink: fast.url });
    const ofSlow = await router.subscribe({ sink: slow.url });
    await router.publish({ type: "t" });
    fates(isSettle, ["fail-after"]);
    const work = router.handle(router.take());
    await stage.attempted(1);
    await slow.waitForArrivals(1);
    await clock.pass(SETTLE_EARLY_MS);
    await expect.poll(() => stage.lines("settle.failed")).toHaveLength(1);
    expect(await stage.record(ofFast.id)).toMatchObject([{ status: "delivered", attempts: [{ attempt: 1 }] }]);
    expect(await stage.claims()).toBe(1);
    await slow.forget();
    expect(verdicts(await work)).toEqual(["ack"]);
    expect(await stage.record(ofFast.id)).toMatchObject([{ status: "delivered", attempts: [{ attempt: 1 }] }]);
    expect(await stage.record(ofSlow.id)).toMatchObject([
      { status: "retrying", attempts: [{ attempt: 1, status: null }] },
    ]);
    expect((await stage.record(ofFast.id))[0]?.attempts).toHaveLength(1);
    expect(await stage.claims()).toBe(0);
  });

  it("that fails, and no queue takes the outcomes: pushed again after the lease, and said so in the log", async () => {
    const { clock } = stage;
    const one = sink();
    const { id } = await router.subscribe({ sink: one.url, types: ["t"] });
    await router.publish({ type: "t", source: "/s", id: "1" });
    await router.publish({ type: "t", source: "/s", id: "2" });
    // Ends dead without a push, this time and the next: no second push.
    const bodiless = await router.subscribe({ sink: one.url, types: ["bodiless"] });
    await router.publish({ type: "bodiless", data: "x".repeat(INLINE_BYTES_MAX) });
    await env.DB.prepare("DELETE FROM bodies").run();
    const messages = router.take();
    expect(messages).toHaveLength(3);
    stage.flaky.fate = (statements) => (isSettle(statements) ? "fail-before" : "pass");
    router.modes.DELIVERIES_FAST_0 = router.modes.DELIVERIES_FAST_1 = "fail";
    const beganMs = clock.now();
    const handled = await handleWithoutSettling(messages);
    const delaySeconds = Math.ceil((beganMs + LEASE_MS - clock.now()) / 1_000);
    expect(verdicts(handled)).toEqual(messages.map(() => ({ retryAfterSeconds: delaySeconds })));
    expect(stage.lines("outcomes.lost")).toMatchObject([{ level: "error", fields: { second_pushes: 2 } }]);
    expect(stage.lines("batch").at(-1)?.fields).toMatchObject({ handed_over: false });
    expect(router.held).toEqual([]);

    router.modes.DELIVERIES_FAST_0 = router.modes.DELIVERIES_FAST_1 = "confirm";
    stage.flaky.fate = () => "pass";
    clock.advance(delaySeconds * 1_000);
    expect(verdicts(await router.handle(messages))).toEqual(["ack", "ack", "ack"]);
    expect(await stage.record(bodiless.id)).toMatchObject([{ status: "dead", cause: "body-missing", attempts: [] }]);
    const requests = await one.requests();
    expect([...timesSeen(requests).values()]).toEqual([2, 2]);
    expect(requests.map(({ headers }) => headers["fantail-attempt"])).toEqual(["1", "1", "2", "2"]);
    for (const delivery of await stage.record(id)) {
      expect(delivery).toMatchObject({ status: "delivered", attempt: 2 });
      expect(delivery.attempts.map(({ attempt }) => attempt)).toEqual([2]);
    }
    // The first batch's claim is nobody's: the sweep takes it, and nothing else.
    clock.advance(SWEEP_GRACE_MS);
    await router.sweep();
    expect(await stage.claims()).toBe(0);
    expect(router.take()).toEqual([]);
  });
});

describe("claim", () => {
  it("whose answer is lost once makes one push", async () => {
    const one = sink();
    const { id } = await router.subscribe({ sink: one.url });
    await router.publish({ type: "t" });
    fates(isClaim, ["fail-after"]);
    const work = router.handle(router.take());
    await stage.clock.pass(CLAIM_RETRY_MS);
    expect(verdicts(await work)).toEqual(["ack"]);
    expect(await one.requests()).toHaveLength(1);
    expect(await stage.record(id)).toMatchObject([{ status: "delivered", attempt: 1, attempts: [{ attempt: 1 }] }]);
    expect(await router.json("/v1/events")).toMatchObject({ data: [{ duplicates: 0 }] });
    expect(await stage.claims()).toBe(0);
  });

  it("whose answer is lost twice pushes nothing until its own lease is over", async () => {
    const { clock } = stage;
    const one = sink();
    const { id } = await router.subscribe({ sink: one.url });
    await router.publish({ type: "t" });
    const message = only(router.take());
    fates(isClaim, ["fail-after", "fail-after"]);
    const work = router.handle([message]);
    await clock.pass(CLAIM_RETRY_MS);
    const leaseEndsMs = clock.now() + LEASE_MS;
    expect(verdicts(await work)).toEqual([{ retryAfterSeconds: 5 }]);

    clock.advance(5_000);
    expect(verdicts(await router.handle([message]))).toEqual([{ retryAfterSeconds: LEASE_MS / 1_000 - 5 }]);
    clock.advance(leaseEndsMs - clock.now() - 1);
    expect(verdicts(await router.handle([message]))).toEqual([{ retryAfterSeconds: 1 }]);
    expect(await one.requests()).toEqual([]);
    clock.advance(1);
    expect(verdicts(await router.handle([message]))).toEqual(["ack"]);
    const requests = await one.requests();
    expect(requests.map(({ headers }) => headers["fantail-attempt"])).toEqual(["2"]);
    expect(await stage.record(id)).toMatchObject([{ status: "delivered", attempt: 2, attempts: [{ attempt: 2 }] }]);
    clock.advance(SWEEP_GRACE_MS);
    await router.sweep();
    expect(await stage.claims()).toBe(0);
    expect(await one.requests()).toHaveLength(1);
  });

  it("refused again and again is retried at 5·2^n seconds, at most 600, and claims nothing", async () => {
    const { clock } = stage;
    const one = sink();
    await router.subscribe({ sink: one.url });
    await router.publish({ type: "t" });
    const message = only(router.take());
    stage.flaky.fate = (statements) => (isClaim(statements) ? "fail-before" : "pass");
    const delays: unknown[] = [];
    for (let delivery = 1; delivery <= 9; delivery++) {
      const work = router.handle([message]);
      await clock.pass(CLAIM_RETRY_MS);
      delays.push(...verdicts(await work));
    }
    expect(delays).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600].map((retryAfterSeconds) => ({ retryAfterSeconds })));
    expect(await one.requests()).toEqual([]);
    stage.flaky.fate = () => "pass";
    expect(verdicts(await router.handle([message]))).toEqual(["ack"]);
    expect((await one.requests()).map(({ headers }) => headers["fantail-attempt"])).toEqual(["1"]);
  });
});

/** A 503 that says when to come again. */
async function expectUnavailable(answer: Response): Promise<void> {
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe(String(UNAVAILABLE_RETRY_SECONDS));
  expect(await answer.json()).toMatchObject({ type: "https://fantail.dev/problems/unavailable" });
}

const newKey = async (): Promise<string> =>
  (await router.json<{ key: string }>("/v1/keys", router.post("/v1/keys", { scopes: ["publish"] }))).key;

describe("D1 away", () => {
  const away = (): void => void (stage.flaky.fate = () => "fail-before");

  it("publishing goes on with the routes of up to 15 min ago, and everything is delivered when D1 is back", async () => {
    const { clock } = stage;
    const one = sink();
    const { id } = await router.subscribe({ sink: one.url });
    const key = await newKey();
    const checkedMs = clock.now();
    expect((await router.publish({ type: "t", source: "/s", id: "0" }, { key })).status).toBe(202);
    away();
    const ages = [1_000, 2_001, 5_001, 60_000, ROUTES_OUTAGE_MS];
    for (const [index, ageMs] of ages.entries()) {
      clock.advance(checkedMs + ageMs - clock.now());
      for (const as of [{ key }, {}]) {
        const answer = await router.publish({ type: "t", source: "/s", id: `${index} ${"key" in as}` }, as);
        expect(answer.status, `${ageMs} ms`).toBe(202);
        expect(await answer.json()).toMatchObject({ events: [{ matched: 1 }] });
      }
      await router.settled();
      const warned = stage
        .lines("routes.stale")
        .some(({ level, fields }) => level === "warn" && fields["age_ms"] === ageMs);
      expect(warned, `${ageMs} ms`).toBe(ageMs > 5_000);
    }
    const published = ages.length * 2 + 1;
    const waiting = router.take();
    expect(waiting).toHaveLength(published);
    const work = router.handle(waiting);
    await clock.pass(CLAIM_RETRY_MS);
    expect(verdicts(await work)).toEqual(waiting.map(() => ({ retryAfterSeconds: 5 })));

    await expectUnavailable(await router.publish({ type: "t", source: "/s", id: "late" }, { key }));
    await expectUnavailable(await router.publish({ type: "t", source: "/s", id: "late" }));
    expect(router.take()).toEqual([]);

    stage.flaky.fate = () => "pass";
    expect((await router.publish({ type: "t", source: "/s", id: "late" }, { key })).status).toBe(202);
    expect(verdicts(await router.handle([...waiting, ...router.take()])).every((verdict) => verdict === "ack")).toBe(
      true,
    );
    const seen = timesSeen(await one.requests());
    expect(seen.size).toBe(published + 1);
    expect([...seen.values()].every((times) => times === 1)).toBe(true);
    expect((await stage.record(id)).every(({ status, attempt }) => status === "delivered" && attempt === 1)).toBe(true);
  });

  it("a key that this isolate does not know is neither let in nor called invalid", async () => {
    const { clock } = stage;
    await router.publish({ type: "t" });
    const elsewhere = stage.isolate();
    const { key } = await elsewhere.json<{ key: string }>("/v1/keys", router.post("/v1/keys", { scopes: ["publish"] }));
    away();
    clock.advance(10_000);
    await expectUnavailable(await router.publish({ type: "t" }, { key }));
    // One that nobody can have made needs no D1 to be refused.
    expect(
      (await router.publish({ type: "t" }, { key: `${key.slice(0, -1)}${key.endsWith("0") ? 1 : 0}` })).status,
    ).toBe(401);
  });

  it("a hanging D1 is waited for no longer than its timeouts", async () => {
    const { clock } = stage;
    const key = await newKey();
    expect((await router.publish({ type: "t" }, { key })).status).toBe(202);
    stage.flaky.fate = never;
    clock.advance(10_000);
    const publishing = router.publish({ type: "t" }, { key });
    // The key is asked for before the body is read and after it, then the routes.
    let waits = 0;
    const ended = publishing.then(() => true);
    while (waits < 9 && !(await Promise.race([ended, clock.pass(ROUTES_QUERY_TIMEOUT_MS).then(() => false)])))
      waits += 1;
    expect((await publishing).status).toBe(202);
    expect(waits).toBeGreaterThanOrEqual(1);
    expect(waits).toBeLessThanOrEqual(3);
    const cold = stage.isolate().publish({ type: "t" }, { key });
    await clock.pass(ROUTES_LOAD_TIMEOUT_MS);
    await expectUnavailable(await cold);
  });

  it("a body that needs D1 on its way is not accepted, and its repetition is", async () => {
    const one = sink();
    await router.subscribe({ sink: one.url });
    const event = { type: "t", source: "/s", id: "large", data: "x".repeat(INLINE_BYTES_MAX) };
    const small = { type: "t", source: "/s", id: "small" };
    expect((await router.publish(small)).status).toBe(202);
    away();
    await expectUnavailable(await router.publish(event));
    expect(router.held).toHaveLength(1);
    // Stored, but nobody learned of it: repeated, it is stored once.
    fates((statements) => statements.some((sql) => sql.includes("INTO bodies")), ["fail-after"]);
    await expectUnavailable(await router.publish(event));
    expect(router.held).toHaveLength(1);
    expect((await router.publish(event)).status).toBe(202);
    await router.handle(router.take());
    const requests = await one.requests();
    expect(requests).toHaveLength(2);
    expect(Math.max(...requests.map(({ bodyBase64 }) => atob(bodyBase64).length))).toBeGreaterThan(INLINE_BYTES_MAX);
    expect(await router.json("/v1/events")).toMatchObject({ data: [{ duplicates: 0 }, { duplicates: 0 }] });
  });

  const ID = "0".repeat(26);
  it.each([
    ["GET", "/v1/subscriptions"],
    ["POST", "/v1/subscriptions"],
    ["GET", `/v1/subscriptions/sub_${ID}`],
    ["PATCH", `/v1/subscriptions/sub_${ID}`],
    ["DELETE", `/v1/subscriptions/sub_${ID}`],
    ["GET", "/v1/events"],
    ["GET", `/v1/events/evt_${ID}`],
    ["GET", "/v1/deliveries"],
    ["GET", `/v1/deliveries/dlv_${ID}${ID}`],
    ["POST", `/v1/deliveries/dlv_${ID}${ID}/retry`],
    ["POST", "/v1/keys"],
    ["GET", "/v1/keys"],
    ["DELETE", `/v1/keys/key_${ID}`],
    ["PUT", "/v1/buses/other"],
    ["POST", "/v1/events"],
  ])(
    "%s %s says 503 and when to come again, in a cold isolate and, what needs D1, in a warm one",
    async (method, path) => {
      const key = await newKey();
      await router.publish({ type: "t" });
      const bodies: Record<string, unknown> = {
        "/v1/subscriptions": { sink: "https://sink.example/" },
        "/v1/keys": { scopes: ["read"] },
        "/v1/events": { type: "t" },
      };
      const hasBody = ["POST", "PATCH", "PUT"].includes(method);
      const init = hasBody ? { ...router.post(path, bodies[path] ?? {}), method } : { method };
      away();
      await expectUnavailable(await stage.isolate().request(path, init));
      const warm = await router.request(path, init);
      if (path === "/v1/events" && method === "POST") {
        expect(warm.status).toBe(202);
        await expectUnavailable(await stage.isolate().request(path, { ...init, key }));
      } else await expectUnavailable(warm);
    },
  );
});

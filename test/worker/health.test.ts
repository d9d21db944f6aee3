// One bad sink: how it is noticed, what is spared it and everybody else, and how it comes back. Real D1 and sinks, a hand-moved clock.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  BREAKER_DOUBLINGS_MAX,
  BREAKER_FAILURES,
  BREAKER_OPEN_MS,
  CROWDED_DELAY_MS,
  DEFER_SECONDS_MAX,
  FAILING_DISABLE_MS,
  LEASE_MS,
  PARKED_MS,
  ROUTES_STALE_MS,
  SETTLE_RETRY_MS,
  SLOW_ATTEMPT_MS,
  SLOW_BATCHES_PER_BUS_MAX,
  SWEEP_GRACE_MS,
} from "../../src/core/limits.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import { isSettle } from "./flaky-db.ts";
import type { Held, TestRouter } from "./router.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
let router: TestRouter;
let bad: SinkClient;
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
  bad = sink();
});
afterEach(async () => {
  const { "matched more or less than it has deliveries": _, ...faults } = await stage.faults();
  expect(faults).toEqual({});
  expect(await stage.claims()).toBe(0);
});

interface HealthRow {
  readonly lane: string;
  readonly breaker: string;
  readonly failures: number;
  readonly latency_ms: number | null;
  readonly failure_rate: number;
  readonly openings: number;
  readonly probe_ms: number | null;
  readonly probe: string | null;
  readonly paused_until_ms: number;
  readonly parking: number;
  readonly version: number;
}

const health = (id: string): Promise<HealthRow | null> =>
  env.DB.prepare("SELECT * FROM health WHERE subscription_id = ?1").bind(id).first<HealthRow>();

let published = 0;
async function publish(count: number, type = "t"): Promise<void> {
  for (let index = 0; index < count; index++)
    expect((await router.publish({ type, source: "/s", id: `e${(published += 1)}` })).status).toBe(202);
}

const kindOf = ({ body }: Held): string => /"kind":"(\w+)"/.exec(String(body))?.[1] ?? "";

/** Hands out what is due, oldest first, batch after batch, until nothing is due any more. */
async function deliverDue(): Promise<void> {
  for (;;) {
    const [first] = router.held.filter(({ delaySeconds }) => delaySeconds === 0);
    if (first === undefined) return;
    const batch = router.held
      .filter(({ delaySeconds, queue }) => delaySeconds === 0 && queue === first.queue)
      .slice(0, 25);
    for (const message of batch) router.held.splice(router.held.indexOf(message), 1);
    await router.handle(batch);
  }
}

/** Moves the clock and hands out what has become due. Messages that were sent before keep what is left of their delay. */
async function pass(seconds: number): Promise<void> {
  stage.clock.advance(seconds * 1_000);
  const held = router.take();
  for (const message of held)
    router.held.push({ ...message, delaySeconds: Math.max(0, message.delaySeconds - seconds) });
  await deliverDue();
}

async function states(id: string): Promise<Record<string, number>> {
  const { results } = await env.DB.prepare(
    "SELECT state || coalesce(':' || cause, '') AS state, count(*) AS count FROM deliveries WHERE subscription_id = ?1 GROUP BY 1",
  )
    .bind(id)
    .all<{ state: string; count: number }>();
  return Object.fromEntries(results.map(({ state, count }) => [state, count]));
}

/** A subscription whose breaker is open: its sink answered 500 as often as it takes. Its first failures wait for their schedule. */
async function broken(settings: Record<string, unknown> = {}): Promise<string> {
  await bad.program([], { status: 500 });
  const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [86_400] }, ...settings });
  await publish(BREAKER_FAILURES);
  await deliverDue();
  expect(await health(id)).toMatchObject({ breaker: "open", failures: BREAKER_FAILURES, openings: 1, lane: "slow" });
  return id;
}

describe("a push that stays open", () => {
  it("makes its sink slow at once, while the batch goes on; what follows is forwarded, not pushed", async () => {
    await bad.program([], { hang: true });
    const good = sink();
    const { id } = await router.subscribe({ sink: bad.url, timeout_ms: 15_000 });
    await router.subscribe({ sink: good.url });
    await publish(5);
    const handling = router.handle(router.take());
    await bad.waitForArrivals(2);
    await good.waitFor(5);
    await stage.clock.pass(SLOW_ATTEMPT_MS);
    const marked = async (): Promise<HealthRow | null> => {
      for (;;) {
        const row = await health(id);
        if (row !== null) return row;
      }
    };
    expect(await marked()).toMatchObject({ lane: "slow", breaker: "closed", failures: 0 });

    // The batch still holds its two pushes; another one of lane `fast` meets the sink, and leaves it alone.
    await publish(1);
    const [message] = router.take().filter((one) => kindOf(one) === "event");
    if (message === undefined) throw new Error("Nothing was published");
    await router.handle([{ ...message, queue: "fantail-fast-0" }]);
    expect(await bad.state()).toMatchObject({ concurrentNow: 2 });
    expect(await states(id)).toMatchObject({ "waiting:forwarded": 1 });
    const forwarded = router.take().filter(({ queue }) => queue.startsWith("fantail-slow"));
    expect(forwarded.map(kindOf)).toContain("wake");
    await bad.forget();
    await handling;
  });

  it("is followed by the edge: publishes go to lane slow once the routes have learned it, and back", async () => {
    const { id } = await router.subscribe({ sink: bad.url });
    await publish(1);
    await deliverDue();
    await env.DB.batch([
      env.DB.prepare("UPDATE health SET lane = 'slow', latency_ms = 900, version = (SELECT version FROM meta) + 1"),
      env.DB.prepare("UPDATE meta SET version = version + 1"),
    ]);
    stage.clock.advance(ROUTES_STALE_MS + 1);
    await publish(1);
    const [slow, ...none] = router.take();
    expect(none).toEqual([]);
    expect(slow?.queue).toMatch(/^fantail-slow/);
    if (slow === undefined) return;
    // It is well: the first attempt that shows it brings it back.
    await router.handle([slow]);
    expect(await bad.requests()).toHaveLength(2);
    expect(await health(id)).toMatchObject({ lane: "fast" });
    stage.clock.advance(ROUTES_STALE_MS + 1);
    await publish(1);
    expect(router.take().map(({ queue }) => queue.slice(0, 12))).toEqual(["fantail-fast"]);
  });

  it("costs each subscription its own lane only: the others of the event stay on fast, each slow one has its own message", async () => {
    const ids = await Promise.all([0, 1, 2].map(() => router.subscribe({ sink: bad.url })));
    await publish(1);
    await deliverDue();
    for (const [index, { id }] of ids.slice(0, 2).entries())
      await env.DB.prepare("UPDATE health SET lane = 'slow', version = ?2 WHERE subscription_id = ?1")
        .bind(id, 900 + index)
        .run();
    await env.DB.prepare("UPDATE meta SET version = 901").run();
    stage.clock.advance(ROUTES_STALE_MS + 1);
    await publish(1);
    expect(
      router
        .take()
        .map(({ queue }) => queue.slice(8, 12))
        .toSorted(),
    ).toEqual(["fast", "slow", "slow"]);
  });
});

describe("the breaker", () => {
  it(`opens after ${BREAKER_FAILURES} failures in a row, within the batch too; the rest is not burnt`, async () => {
    await bad.program([], { status: 500 });
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [86_400] } });
    await publish(25);
    await router.handle(router.take());
    const { length } = await bad.requests();
    // Two at a time: one may be under way when the last failure is seen.
    expect(length).toBeGreaterThanOrEqual(BREAKER_FAILURES);
    expect(length).toBeLessThanOrEqual(BREAKER_FAILURES + 1);
    expect(await health(id)).toMatchObject({ breaker: "open" });
    await pass(3);
    const parked = await states(id);
    expect(parked).toEqual({ "waiting:retry": length, "waiting:breaker": 25 - length });
    const { results } = await env.DB.prepare(
      "SELECT attempt, tries, due_ms FROM deliveries WHERE cause = 'breaker'",
    ).all();
    for (const row of results) expect(row).toMatchObject({ attempt: 0, tries: 0 });
    expect(results[0]?.["due_ms"]).toBe(stage.clock.now() + PARKED_MS);
    const shown = (await stage.record(id)).filter(({ cause }) => cause === "breaker");
    expect(shown[0]).toMatchObject({ status: "pending", due_at: null });
  });

  it("does not open for one failure less, nor when a success is between", async () => {
    const failures = Array.from({ length: BREAKER_FAILURES - 1 }, () => ({ status: 500 }));
    await bad.program([...failures, { status: 200 }, ...failures], { status: 200 });
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [86_400] } });
    for (let index = 0; index < 2 * BREAKER_FAILURES; index++) {
      await publish(1);
      await deliverDue();
    }
    expect(await health(id)).toMatchObject({ breaker: "closed", failures: 0 });
    expect(await bad.requests()).toHaveLength(2 * BREAKER_FAILURES);
  });

  it("opens by the rate of failures when no five come in a row", async () => {
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [86_400] } });
    await bad.program(Array.from({ length: 200 }, (_, index) => ({ status: index % 4 === 3 ? 200 : 500 })));
    let rounds = 0;
    while ((await health(id))?.breaker !== "open" && rounds < 100) {
      await publish(1);
      await deliverDue();
      rounds += 1;
    }
    expect((await health(id))?.failure_rate).toBeGreaterThanOrEqual(0.5);
    expect(rounds).toBeGreaterThan(BREAKER_FAILURES);
    expect(rounds).toBeLessThan(60);
  });

  it("is not opened by what says nothing about the sink: refusals for good, and 429 with Retry-After", async () => {
    await bad.program([], { status: 422 });
    const { id } = await router.subscribe({ sink: bad.url });
    await publish(2 * BREAKER_FAILURES);
    await deliverDue();
    expect(await health(id)).toMatchObject({ breaker: "closed", failures: 0 });
    expect(await bad.requests()).toHaveLength(2 * BREAKER_FAILURES);
  });

  it("while it is open, its sink sees only probes: one at each due time, later and later; the log says no attempt of the others", async () => {
    const id = await broken();
    const before = (await bad.requests()).length;
    await publish(30);
    await deliverDue();
    expect(await bad.requests()).toHaveLength(before);
    expect(await states(id)).toEqual({ "waiting:retry": BREAKER_FAILURES, "waiting:breaker": 30 });
    let waitMs = BREAKER_OPEN_MS;
    for (let probes = 1; probes <= BREAKER_DOUBLINGS_MAX + 2; probes++) {
      await pass(waitMs / 1_000 - 1);
      expect(await bad.requests()).toHaveLength(before + probes - 1);
      await pass(1);
      expect(await bad.requests()).toHaveLength(before + probes);
      waitMs = Math.min(waitMs * 2, BREAKER_OPEN_MS << BREAKER_DOUBLINGS_MAX);
      expect(await health(id)).toMatchObject({ breaker: "open", probe: null, probe_ms: stage.clock.now() + waitMs });
    }
  });

  it("lets exactly one probe through, however many batches meet it at that moment", async () => {
    const id = await broken();
    await publish(20);
    const messages = router.take().filter((message) => kindOf(message) === "event");
    stage.clock.advance(BREAKER_OPEN_MS);
    const before = (await bad.requests()).length;
    await bad.program([{ status: 500, delayMs: 200 }], { status: 500 });
    await Promise.all(messages.map((message) => router.handle([{ ...message, queue: "fantail-slow-0" }])));
    expect(await bad.requests()).toHaveLength(before + 1);
    expect(await states(id)).toMatchObject({ "waiting:breaker": 19 });
  });

  it("closes with a probe that succeeds; what was parked goes out in growing steps, each once", async () => {
    const id = await broken();
    await publish(60);
    await deliverDue();
    await bad.program([], { status: 200 });
    await pass(BREAKER_OPEN_MS / 1_000);
    expect(await health(id)).toMatchObject({ breaker: "closed", openings: 0, failures: 0, lane: "fast", parking: 1 });
    for (let step = 0; step < 6; step++) await pass(2);
    expect(await states(id)).toEqual({ "waiting:retry": BREAKER_FAILURES, delivered: 60 });
    expect(await health(id)).toMatchObject({ parking: 0 });
    const ids = (await bad.requests())
      .filter(({ status }) => status === 200)
      .map(({ headers }) => headers["webhook-id"]);
    expect(new Set(ids).size).toBe(60);
    expect(ids).toHaveLength(60);
  });

  it("stops giving out when the sink fails again in the middle of it", async () => {
    const id = await broken();
    await publish(40);
    await deliverDue();
    await bad.program([{ status: 200 }], { status: 500 });
    await pass(BREAKER_OPEN_MS / 1_000);
    const before = (await bad.requests()).length;
    for (let step = 0; step < 6; step++) await pass(2);
    expect(await health(id)).toMatchObject({ breaker: "open" });
    // Two at a time: one may be under way when the last failure is seen; and one is a probe.
    expect((await bad.requests()).length - before).toBeLessThanOrEqual(BREAKER_FAILURES + 2);
  });

  it("whose probe ends with its isolate lets the next one go when that lease is over", async () => {
    const id = await broken();
    await publish(3);
    await deliverDue();
    stage.clock.advance(BREAKER_OPEN_MS);
    await bad.program([{ hang: true }], { status: 200 });
    const resume = router.take().filter((message) => kindOf(message) === "resume");
    await router.handle(resume.slice(0, 1));
    const [wake] = router.take().filter((message) => kindOf(message) === "wake");
    if (wake === undefined) throw new Error("There is no probe");
    // It never comes back: its settle fails for good, and so do its messages.
    stage.flaky.fate = (statements) => (isSettle(statements) ? "fail-before" : "pass");
    for (const name of ["DELIVERIES_FAST_0", "DELIVERIES_FAST_1"] as const) router.modes[name] = "fail";
    const dead = router.handle([wake]);
    await bad.waitForArrivals(BREAKER_FAILURES + 1);
    expect(await health(id)).toMatchObject({ breaker: "half-open", probe_ms: stage.clock.now() + LEASE_MS });
    await bad.forget();
    for (const waitMs of SETTLE_RETRY_MS) await stage.clock.pass(waitMs);
    await dead;
    stage.flaky.fate = () => "pass";
    router.modes.DELIVERIES_FAST_0 = router.modes.DELIVERIES_FAST_1 = "confirm";
    stage.clock.advance(LEASE_MS + SWEEP_GRACE_MS);
    await router.sweep();
    await deliverDue();
    for (let step = 0; step < 4; step++) await pass(2);
    expect(await health(id)).toMatchObject({ breaker: "closed" });
    expect(await states(id)).toMatchObject({ delivered: 3 });
  });

  it("whose alarm is lost is found by the sweep", async () => {
    const id = await broken();
    await publish(3);
    await deliverDue();
    router.take();
    await bad.program([], { status: 200 });
    stage.clock.advance(BREAKER_OPEN_MS + SWEEP_GRACE_MS);
    await router.sweep();
    await deliverDue();
    for (let step = 0; step < 3; step++) await pass(2);
    expect(await states(id)).toMatchObject({ delivered: 3 });
  });

  it("counts a settle whose answer was lost once", async () => {
    await bad.program([], { status: 500 });
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [86_400] } });
    await publish(BREAKER_FAILURES - 1);
    let lost = false;
    stage.flaky.fate = (statements) => {
      if (lost || !isSettle(statements)) return "pass";
      lost = true;
      return "fail-after";
    };
    const handling = router.handle(router.take());
    await stage.clock.pass(SETTLE_RETRY_MS[0]);
    await handling;
    expect(await health(id)).toMatchObject({ breaker: "closed", failures: BREAKER_FAILURES - 1 });
  });

  it("shut by failing: what waited is held while it is disabled, and is skipped or goes on as it is resumed", async () => {
    const id = await broken({ status: "active" });
    await publish(30);
    await deliverDue();
    await env.DB.prepare("UPDATE subscriptions SET status = 'disabled', disabled_reason = 'failing'").run();
    await pass(BREAKER_OPEN_MS / 1_000);
    expect(await states(id)).toEqual({ "waiting:retry": BREAKER_FAILURES, "held:subscription-disabled": 30 });
    expect(await bad.requests()).toHaveLength(BREAKER_FAILURES);
  });

  it("resumed from the latest, skips what was parked too, at once", async () => {
    const id = await broken();
    await publish(30);
    await deliverDue();
    await env.DB.prepare("UPDATE subscriptions SET status = 'disabled', disabled_reason = 'failing'").run();
    await bad.program([], { status: 200 });
    stage.clock.advance(1);
    const patch = { status: "active", resume_from: "latest" };
    await router.json(`/v1/subscriptions/${id}`, { ...router.post("", patch), method: "PATCH" });
    await router.settled();
    await deliverDue();
    expect(await states(id)).toEqual({ "waiting:retry": BREAKER_FAILURES, "cancelled:skipped": 30 });
    await publish(1);
    await deliverDue();
    expect(await states(id)).toMatchObject({ delivered: 1 });
  });

  it("whose probe finds no room in its own rate waits before the next, and burns nothing", async () => {
    const id = await broken();
    const patch = { rate: { limit: 1, period_s: 86_400 } };
    await router.json(`/v1/subscriptions/${id}`, { ...router.post("", patch), method: "PATCH" });
    await publish(60);
    await deliverDue();
    await pass(BREAKER_OPEN_MS / 1_000);
    const { length } = stage.flaky.calls;
    await pass((2 * BREAKER_OPEN_MS) / 1_000);
    expect(stage.flaky.calls.length - length).toBeLessThan(20);
    expect(await bad.requests()).toHaveLength(BREAKER_FAILURES + 1);
    expect(await health(id)).toMatchObject({ breaker: "open", probe_ms: stage.clock.now() + BREAKER_OPEN_MS });
  });

  it("many that end one pause make one chain of steps: what is let go is bounded, whoever asks", async () => {
    await bad.program(
      Array.from({ length: 40 }, (_, index) => ({ status: 429, headers: { "retry-after": `${20 + index}` } })),
    );
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [86_400] } });
    await publish(40);
    const messages = router.take();
    await Promise.all(messages.map((message) => router.handle([message])));
    await publish(200);
    await deliverDue();
    const resumes = router.held.filter((message) => kindOf(message) === "resume");
    expect(resumes.length).toBeGreaterThan(1);
    stage.clock.advance(60_000);
    for (const message of resumes) await router.handle([message]);
    expect(await states(id)).toMatchObject({ "waiting:resumed": 10 });
    const rest = router.take().filter((message) => kindOf(message) === "resume" && !resumes.includes(message));
    expect(rest).toHaveLength(1);
    // Nobody takes what was let go: the next step lets go as much less.
    stage.clock.advance(2_000);
    for (const message of rest) await router.handle([message]);
    expect(await states(id)).toMatchObject({ "waiting:resumed": 100 });
  });

  it("begins anew with another sink, and what was parked goes there at once", async () => {
    const id = await broken();
    await publish(3);
    await deliverDue();
    const other = sink();
    await router.json(`/v1/subscriptions/${id}`, { ...router.post("", { sink: other.url }), method: "PATCH" });
    await router.settled();
    await deliverDue();
    for (let step = 0; step < 3; step++) await pass(2);
    expect(await other.requests()).toHaveLength(3);
    expect(await health(id)).toMatchObject({ breaker: "closed", lane: "fast" });
  });

  it("goes with its subscription", async () => {
    const id = await broken();
    await publish(20);
    await deliverDue();
    await router.request(`/v1/subscriptions/${id}`, { method: "DELETE" });
    const before = (await bad.requests()).length;
    await router.sweep();
    await deliverDue();
    expect(await states(id)).toEqual({ "waiting:retry": BREAKER_FAILURES, "cancelled:subscription-deleted": 20 });
    expect(await health(id)).toBeNull();
    await pass(86_400);
    expect(await states(id)).toEqual({ "cancelled:subscription-deleted": BREAKER_FAILURES + 20 });
    expect(await health(id)).toBeNull();
    expect(await bad.requests()).toHaveLength(before);
  });
});

it("a sink that has only failed for five days is disabled, one hour less it is not", async () => {
  const id = await broken();
  const status = async (): Promise<unknown> => (await router.json(`/v1/subscriptions/${id}`))["status"];
  const since = async (ms: number): Promise<void> => {
    await env.DB.prepare("UPDATE health SET failing_since_ms = ?1, probe_ms = ?2")
      .bind(stage.clock.now() - ms, stage.clock.now())
      .run();
    await publish(1);
    await deliverDue();
  };
  await since(FAILING_DISABLE_MS - 3_600_000);
  expect(await status()).toBe("active");
  await since(FAILING_DISABLE_MS);
  expect(await router.json(`/v1/subscriptions/${id}`)).toMatchObject({
    status: "disabled",
    disabled_reason: "failing",
  });
  // Switched on again, it is tried again.
  await bad.program([], { status: 200 });
  await router.json(`/v1/subscriptions/${id}`, { ...router.post("", { status: "active" }), method: "PATCH" });
  expect(await health(id)).toMatchObject({ breaker: "closed", failures: 0 });
});

describe("what a sink asks for", () => {
  it.each([429, 503])("%i with Retry-After pauses the sink, not only the delivery", async (status) => {
    await bad.program([{ status, headers: { "retry-after": "60" } }], { status: 200 });
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [5] } });
    await publish(1);
    await deliverDue();
    await publish(10);
    await deliverDue();
    expect(await bad.requests()).toHaveLength(1);
    expect(await states(id)).toEqual({ "waiting:retry": 1, "waiting:retry-after": 10 });
    await pass(59);
    expect(await bad.requests()).toHaveLength(1);
    await pass(1);
    for (let step = 0; step < 3; step++) await pass(2);
    expect(await states(id)).toEqual({ delivered: 11 });
  });

  it("Retry-After of another status is for the delivery alone, and one that says nothing is ignored and counted", async () => {
    await bad.program([
      { status: 500, headers: { "retry-after": "60" } },
      { status: 429, headers: { "retry-after": "soon" } },
    ]);
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [5] } });
    await publish(3);
    await deliverDue();
    expect(await bad.requests()).toHaveLength(3);
    expect((await health(id))?.paused_until_ms).toBe(0);
    expect(stage.lines("batch").filter(({ fields }) => fields["ignored"] === 1)).toHaveLength(1);
  });

  it("webhook-delivery: disable ends all requests, whatever the status is", async () => {
    await bad.program([{ status: 200, headers: { "webhook-delivery": "disable" } }]);
    const { id } = await router.subscribe({ sink: bad.url });
    await publish(1);
    await deliverDue();
    expect(await router.json(`/v1/subscriptions/${id}`)).toMatchObject({
      status: "disabled",
      disabled_reason: "receiver",
    });
    expect(await states(id)).toEqual({ delivered: 1 });
  });

  it("webhook-delivery: abort ends the delivery, and nothing else", async () => {
    await bad.program([{ status: 500, headers: { "webhook-delivery": "Abort" } }]);
    const { id } = await router.subscribe({ sink: bad.url });
    await publish(2);
    await deliverDue();
    expect(await states(id)).toEqual({ "dead:aborted": 1, delivered: 1 });
    expect(await health(id)).toMatchObject({ failures: 0 });
  });

  it.each([1, 90, DEFER_SECONDS_MAX])(
    "webhook-delivery: defer=%i is when the next attempt is made",
    async (seconds) => {
      await bad.program([{ status: 503, headers: { "webhook-delivery": `defer=${seconds}`, "retry-after": "5" } }]);
      const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [600] } });
      await publish(1);
      await deliverDue();
      expect((await stage.record(id))[0]).toMatchObject({
        due_at: new Date(stage.clock.now() + seconds * 1_000).toISOString(),
      });
    },
  );

  it.each([
    "defer=0",
    `defer=${DEFER_SECONDS_MAX + 1}`,
    "defer=-1",
    "defer=1e3",
    "defer",
    "defer=",
    "stop",
    "abort, disable",
    "",
  ])("webhook-delivery: %s is ignored and counted", async (value) => {
    await bad.program([{ status: 500, headers: { "webhook-delivery": value } }]);
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [600] } });
    await publish(1);
    await deliverDue();
    expect(await router.json(`/v1/subscriptions/${id}`)).toMatchObject({ status: "active" });
    expect((await stage.record(id))[0]).toMatchObject({ due_at: new Date(stage.clock.now() + 600_000).toISOString() });
    expect(stage.lines("batch").at(-1)?.fields).toMatchObject({ ignored: 1 });
  });
});

describe("lane slow", () => {
  it("is shared: a bus that fills its part of the batches waits, another one goes on", async () => {
    await router.json("/v1/buses/other", { method: "PUT" });
    const other = sink();
    const headers = { "fantail-bus": "other" };
    await router.json("/v1/subscriptions", router.post("", { sink: other.url }, { headers }));
    const { id } = await router.subscribe({ sink: bad.url });
    const full = Array.from(
      { length: SLOW_BATCHES_PER_BUS_MAX },
      (_, index) => `('t${index}', ${stage.clock.now() + LEASE_MS}, '[]', 'slow', 'default')`,
    );
    await env.DB.prepare(`INSERT INTO claims (token, lease_ms, keys, lane, bus) VALUES ${full.join(", ")}`).run();
    await publish(1);
    await router.publish({ type: "t" }, { headers });
    await router.handle(router.take().map((message) => ({ ...message, queue: "fantail-slow-0" })));
    expect(await other.requests()).toHaveLength(1);
    expect(await bad.requests()).toHaveLength(0);
    expect(await states(id)).toEqual({ "waiting:crowded": 1 });
    await env.DB.prepare("DELETE FROM claims WHERE token = 't0'").run();
    await pass(CROWDED_DELAY_MS / 1_000);
    expect(await bad.requests()).toHaveLength(1);
    await env.DB.prepare("DELETE FROM claims WHERE token LIKE 't%'").run();
  });
});

describe("lane slow, too", () => {
  it("charges a batch to the bus that has most of it", async () => {
    await router.json("/v1/buses/zzz", { method: "PUT" });
    const headers = { "fantail-bus": "zzz" };
    await router.json("/v1/subscriptions", router.post("", { sink: bad.url }, { headers }));
    await router.subscribe({ sink: bad.url });
    await bad.program([], { hang: true });
    await publish(1);
    for (let index = 0; index < 3; index++) await router.publish({ type: "t" }, { headers });
    const handling = router.handle(router.take().map((message) => ({ ...message, queue: "fantail-slow-0" })));
    await bad.waitForArrivals(3);
    const { results } = await env.DB.prepare("SELECT lane, bus FROM claims").all();
    expect(results).toEqual([{ lane: "slow", bus: "zzz" }]);
    await bad.forget();
    await handling;
  });

  it("lets go what is parked without reading what else waits for the sink", async () => {
    const id = await broken();
    await publish(12);
    await deliverDue();
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
       INSERT INTO deliveries (bus, seq, subscription_id, state, attempt, tries, due_ms, cause)
       SELECT 'default', printf('00%024d', i), ?1, 'waiting', 0, 0, ?2, iif(i % 2, 'rate', 'retry') FROM n`,
    )
      .bind(id, stage.clock.now() + 900_000)
      .run();
    await env.DB.exec("UPDATE health SET breaker = 'closed', probe_ms = NULL, opened_ms = NULL");
    const { length } = stage.flaky.executed;
    const resume = router.held.filter((message) => kindOf(message) === "resume").slice(0, 1);
    await router.handle(resume);
    const reads = stage.flaky.executed.slice(length).map(({ rowsRead }) => rowsRead);
    expect(await states(id)).toMatchObject({ "waiting:resumed": 10, "waiting:breaker": 2 });
    expect(Math.max(...reads)).toBeLessThan(250);
    await env.DB.exec("DELETE FROM deliveries WHERE seq LIKE '00%'");
  });
});

it("a sink that is well is not written after each batch, and one that becomes slower is", async () => {
  const { id } = await router.subscribe({ sink: bad.url });
  await publish(1);
  await deliverDue();
  const first = await health(id);
  const written = async (): Promise<number> => {
    const before = stage.flaky.rowsWritten();
    await publish(1);
    await deliverDue();
    return stage.flaky.rowsWritten() - before;
  };
  const usual = await written();
  expect(await health(id)).toEqual(first);
  await env.DB.prepare("UPDATE health SET latency_ms = 800").run();
  expect(await written()).toBe(usual + 1);
  expect((await health(id))?.latency_ms).toBeLessThan(800);
});

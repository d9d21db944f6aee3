// What operators hear: events on their own bus, for any sink that subscribes there; once each, and never about that bus.
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { BREAKER_FAILURES, BREAKER_OPEN_MS, LAG_OVER_MS, LAG_TOLD_MS, ROUTES_STALE_MS } from "../../src/core/limits.ts";
import { OPERATOR_BUS } from "../../src/core/notice.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import type { TestRouter } from "./router.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
let router: TestRouter;
let bad: SinkClient;
let operator: SinkClient;
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
  [bad, operator] = [sink(), sink()];
});

const AS_OPERATOR = { headers: { "fantail-bus": OPERATOR_BUS } };

async function listen(): Promise<void> {
  await router.json("/v1/subscriptions", router.post("", { sink: operator.url }, AS_OPERATOR));
  stage.clock.advance(ROUTES_STALE_MS + 1);
}

async function publish(count: number): Promise<void> {
  for (let index = 0; index < count; index++) await router.publish({ type: "t" });
}

interface Told {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  readonly data: Record<string, unknown>;
}

async function told(): Promise<Told[]> {
  const requests = await operator.requests();
  return requests.map(({ bodyBase64 }) => JSON.parse(atob(bodyBase64)));
}

it("the bus is there, cannot be deleted, and keeps what nobody takes nowhere", async () => {
  expect(await router.json(`/v1/buses/${OPERATOR_BUS}`)).toMatchObject({ log_level: "failures" });
  expect((await router.request(`/v1/buses/${OPERATOR_BUS}`, { method: "DELETE" })).status).toBe(403);
  await bad.program([], { status: 410 });
  await router.subscribe({ sink: bad.url });
  await publish(1);
  await router.drain();
  expect(router.take()).toEqual([]);
  const events = await env.DB.prepare("SELECT count(*) AS count FROM events WHERE bus = ?1")
    .bind(OPERATOR_BUS)
    .first("count");
  expect(events).toBe(0);
});

it("tells of a sink that is gone, and of the delivery that met it", async () => {
  await listen();
  await bad.program([], { status: 410, body: "secret-answer" });
  const { id } = await router.subscribe({ sink: bad.url });
  await publish(1);
  await router.drain();
  const [dead, disabled, ...none] = (await told()).toSorted((a, b) => (a.type < b.type ? -1 : 1));
  expect(none).toEqual([]);
  const [delivery] = await stage.record(id);
  expect(dead).toMatchObject({
    type: "delivery.dead",
    source: "/buses/default",
    subject: id,
    data: {
      bus: "default",
      subscription_id: id,
      delivery_id: delivery?.id,
      event_id: delivery?.event_id,
      cause: "gone",
      attempt: 1,
    },
  });
  expect(disabled).toMatchObject({ type: "subscription.disabled", subject: id, data: { reason: "gone" } });
  expect(JSON.stringify(await told())).not.toContain("secret-answer");
});

it("tells once that a breaker opened, however many probes fail", async () => {
  await listen();
  await bad.program([], { status: 500 });
  const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [86_400] } });
  await publish(BREAKER_FAILURES);
  await router.drain();
  stage.clock.advance(BREAKER_OPEN_MS);
  await publish(2);
  await router.drain();
  expect(await told()).toMatchObject([{ type: "breaker.opened", subject: id, data: { failures: BREAKER_FAILURES } }]);
});

it("tells of a backlog that lags, once, and again when it had caught up in between; not of a paused one", async () => {
  await listen();
  await bad.program([], { status: 500 });
  const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [86_400] } });
  const paused = await router.subscribe({ sink: bad.url, status: "paused" });
  await publish(1);
  await router.drain();
  const types = async (): Promise<string[]> => (await told()).map(({ type }) => type);
  const sweep = async (ms: number): Promise<void> => {
    stage.clock.advance(ms);
    await router.sweep();
    await router.drain();
  };
  await sweep(LAG_TOLD_MS - 1);
  expect(await types()).toEqual([]);
  await sweep(2);
  await sweep(60_000);
  const [lagging] = await told();
  expect(await types()).toEqual(["backlog.lagging"]);
  expect(lagging).toMatchObject({ subject: id, data: { lag_s: LAG_TOLD_MS / 1_000 } });
  expect(paused.id).not.toBe(id);
  await env.DB.prepare("UPDATE events SET accepted_ms = ?1")
    .bind(stage.clock.now() - LAG_OVER_MS + 1_000)
    .run();
  await sweep(0);
  await sweep(LAG_TOLD_MS);
  expect(await types()).toEqual(["backlog.lagging", "backlog.lagging"]);
});

it("never tells of its own bus: what follows from a notice makes no other", async () => {
  await operator.program([], { status: 410 });
  await listen();
  await bad.program([], { status: 410 });
  await router.subscribe({ sink: bad.url });
  await publish(1);
  await router.drain();
  stage.clock.advance(ROUTES_STALE_MS + 1);
  await router.drain();
  expect((await told()).every(({ source }) => source === "/buses/default")).toBe(true);
  expect(router.take()).toEqual([]);
});

it("a notice that cannot be told is a line in the log, and holds nothing up", async () => {
  await listen();
  await bad.program([], { status: 410 });
  const { id } = await router.subscribe({ sink: bad.url });
  await publish(1);
  const messages = router.take();
  for (const name of ["DELIVERIES_FAST_0", "DELIVERIES_FAST_1"] as const) router.modes[name] = "fail";
  expect((await router.handle(messages)).map(({ verdict }) => verdict)).toEqual(["ack"]);
  expect(stage.lines("notices.not_told").length).toBeGreaterThan(0);
  expect(await router.json(`/v1/subscriptions/${id}`)).toMatchObject({ status: "disabled" });
});

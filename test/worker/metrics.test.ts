// Metrics: what was settled is counted once, whoever counts, whenever it is asked for, and however old it is.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import {
  BUS_NAME_REST_MS,
  METRIC_HOURS_KEPT_MS,
  METRIC_MINUTES_KEPT_MS,
  METRIC_ROWS_MAX,
  SETTLES_KEPT_MS,
} from "../../src/core/limits.ts";
import type { MetricsInSteps as Metrics } from "../../src/client/index.ts";
import { d1Purge } from "../../src/d1/purge.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import { count, run } from "./records.ts";
import type { TestRouter } from "./router.ts";
import { createStage, type Stage } from "./stage.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

let stage: Stage;
let router: TestRouter;
let good: SinkClient;
let id: string;
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
  good = sink();
  ({ id } = await router.subscribe({ sink: good.url, retry: { schedule_s: [3_600] } }));
});

/** Lets waits pass until the work is done. */
async function passing(work: Promise<unknown>): Promise<void> {
  const state = { isDone: false };
  void work.then(() => (state.isDone = true));
  while (!state.isDone) {
    stage.clock.advance(200);
    await scheduler.wait(1);
  }
}

const publish = async (ids: readonly string[], init = {}): Promise<void> => {
  for (const one of ids) await router.publish({ type: "t", source: "/s", id: one, data: 1 }, init);
  await router.drain();
};

const metrics = (query = "", init = {}): Promise<Metrics> => router.json(`/v1/metrics${query}`, init);
const pointsWith = ({ data }: Metrics) => data.filter(({ attempts }) => attempts.succeeded + attempts.failed > 0);
const sumOf = (counts: readonly number[]): number => counts.reduce((sum, one) => sum + one, 0);

describe("counts", () => {
  it("are there at once, and the same when the sweep has counted", async () => {
    await publish(["1", "2", "3"]);
    await good.program([], { status: 500 });
    await publish(["4"]);
    const before = await metrics();
    await router.sweep();
    expect(await count("settles WHERE place > (SELECT settles_counted FROM meta)")).toBe(0);
    expect(await metrics()).toEqual(before);
    await router.sweep();
    expect(await metrics()).toEqual(before);
    expect(before.total).toMatchObject({
      events: 4,
      attempts: { succeeded: 3, failed: 1, slow_lane: 0 },
      deliveries: { delivered: 3, dead: 0 },
    });
    expect(sumOf(before.total.attempt_ms.counts)).toBe(4);
    expect(sumOf(before.total.delivery_ms.counts)).toBe(3);
    expect(before.backlog).toMatchObject({
      waiting: 1,
      held: 0,
      is_least: false,
      oldest_accepted_at: expect.any(String),
    });
  });

  it("are of the minute in which they were settled", async () => {
    await publish(["1"]);
    stage.clock.advance(2 * MINUTE_MS);
    await publish(["2", "3"]);
    const { data, since, step_s } = await metrics();
    expect([data.length, step_s]).toEqual([60, 60]);
    expect(data[0]?.at).toBe(since);
    expect(data.slice(-3).map(({ attempts }) => attempts.succeeded)).toEqual([1, 0, 2]);
  });

  it("are of one subscription when it is named, and of each in their list", async () => {
    stage.clock.advance(1);
    const other = await router.subscribe({ sink: sink().url, types: ["other"] });
    await publish(["1", "2"]);
    await router.sweep();
    const [mine, theirs] = [await metrics(`?subscription_id=${id}`), await metrics(`?subscription_id=${other.id}`)];
    expect([mine.total.attempts.succeeded, theirs.total.attempts.succeeded]).toEqual([2, 0]);
    expect([mine.total.events, mine.backlog]).toEqual([null, null]);
    expect(theirs.total.attempt_ms).toMatchObject({ p50: null, p95: null, p99: null });
    const list = await router.json<{ data: { subscription_id: string; deliveries: object }[]; next_cursor: string }>(
      "/v1/metrics/subscriptions?limit=1",
    );
    expect(list.data).toMatchObject([{ subscription_id: other.id, deliveries: { delivered: 0 } }]);
    const next = await router.json<typeof list>(`/v1/metrics/subscriptions?cursor=${list.next_cursor}`);
    expect(next.data).toMatchObject([{ subscription_id: id, deliveries: { delivered: 2 } }]);
  });

  it("are of each bus where two are in one batch", async () => {
    const headers = { "fantail-bus": "eu" };
    await router.json("/v1/buses/eu", { ...router.post("", {}), method: "PUT" });
    await router.json("/v1/subscriptions", router.post("", { sink: good.url }, { headers }));
    await router.publish({ type: "t", source: "/s", id: "1", data: 1 });
    for (const one of ["2", "3"]) await router.publish({ type: "t", source: "/s", id: one, data: 1 }, { headers });
    await router.handle(router.take(), "fantail-fast-0");
    expect([await count("arrivals"), await count("settles")]).toEqual([2, 2]);
    for (const isCounted of [false, true]) {
      if (isCounted) await router.sweep();
      expect((await metrics()).total).toMatchObject({ events: 1, attempts: { succeeded: 1 } });
      expect((await metrics("", { headers })).total).toMatchObject({ events: 2, attempts: { succeeded: 2 } });
    }
  });

  it("are of one bus", async () => {
    await router.json("/v1/buses/eu", { ...router.post("", {}), method: "PUT" });
    await publish(["1"]);
    await router.sweep();
    expect((await metrics("", { headers: { "fantail-bus": "eu" } })).total).toMatchObject({
      events: 0,
      attempts: { succeeded: 0 },
    });
  });

  it("have what ended dead", async () => {
    await good.program([], { status: 410 });
    await publish(["1"]);
    expect((await metrics()).total).toMatchObject({ attempts: { failed: 1 }, deliveries: { dead: 1 } });
  });

  it("are the same when two sweeps count at the same time", async () => {
    await publish(["1", "2", "3"]);
    const other = stage.isolate();
    await Promise.all([router.sweep(), other.sweep()]);
    expect((await metrics()).total).toMatchObject({ events: 3, attempts: { succeeded: 3 } });
  });

  it("go on when a settle is repeated whose answer was lost", async () => {
    stage.flaky.fate = (statements) => {
      if (!statements.some((sql) => sql.includes("INSERT INTO settles"))) return "pass";
      stage.flaky.fate = () => "pass";
      return "fail-after";
    };
    await router.publish({ type: "t", source: "/s", id: "1", data: 1 });
    const handling = router.handle(router.take());
    await passing(handling);
    expect(stage.lines("settle.failed")).toHaveLength(1);
    expect((await metrics()).total).toMatchObject({
      events: 1,
      attempts: { succeeded: 1 },
      deliveries: { delivered: 1 },
    });
  });

  it("are there of a bus that records failures only", async () => {
    await router.json("/v1/buses/default", { ...router.post("", { log_level: "failures" }), method: "PATCH" });
    await publish(["1", "2"]);
    await good.program([], { status: 500 });
    await publish(["3"]);
    expect((await metrics()).total).toMatchObject({
      events: 1,
      attempts: { succeeded: 2, failed: 1 },
      deliveries: { delivered: 2 },
    });
  });
});

describe("in time", () => {
  it("minutes become hours, and a span has both", async () => {
    await publish(["1"]);
    await router.sweep();
    stage.clock.advance(METRIC_MINUTES_KEPT_MS + 2 * 3_600_000);
    await publish(["2"]);
    await router.sweep();
    expect(await count("metrics WHERE step_s = 3600")).toBeGreaterThan(0);
    const since = new Date(stage.clock.now() - 3 * DAY_MS).toISOString();
    const all = await metrics(`?since=${since}`);
    expect([all.step_s, all.total.attempts.succeeded, pointsWith(all).length]).toEqual([3_600, 2, 2]);
    expect((await metrics(`?since=${since}&step=86400`)).total).toEqual(all.total);
  });

  it("old hours go, and so does what streams can go on from no more", async () => {
    await publish(["1", "2"]);
    await publish(["3"]);
    await router.sweep();
    stage.clock.advance(METRIC_HOURS_KEPT_MS + 2 * DAY_MS);
    await publish(["4"]);
    expect(await count("settles")).toBeGreaterThan(2);
    await router.sweep();
    await router.sweep();
    expect(await count("metrics WHERE step_s = 3600")).toBe(0);
    // The newest of what is over, and what is not.
    expect([await count("settles"), await count("arrivals")]).toEqual([2, 2]);
    // The counters of all time go on.
    expect(await (await router.request("/metrics")).text()).toContain('fantail_events_total{bus="default"} 4');
  });

  it("what is not counted yet stays, however old it is", async () => {
    await publish(["1", "2"]);
    const { purge } = d1Purge({ db: env.DB });
    const options = { now: stage.clock.now() + SETTLES_KEPT_MS * 40, retentionDays: 7 };
    expect((await purge("news", options)).removed).toBe(0);
    await router.sweep();
    await purge("news", options);
    // The last one stays, so that places go on from it.
    expect([await count("settles"), await count("arrivals")]).toEqual([1, 1]);
  });

  it("the hour in which a bus was made is its own", async () => {
    const headers = { "fantail-bus": "eu" };
    stage.clock.advance(30 * MINUTE_MS);
    await router.json("/v1/buses/eu", { ...router.post("", {}), method: "PUT" });
    await router.json("/v1/subscriptions", router.post("", { sink: good.url }, { headers }));
    stage.clock.advance(10_000);
    await publish(["1"], { headers });
    await router.sweep();
    stage.clock.advance(METRIC_MINUTES_KEPT_MS + 2 * 3_600_000);
    await router.sweep();
    const since = new Date(stage.clock.now() - 4 * DAY_MS).toISOString();
    expect((await metrics(`?since=${since}`, { headers })).total).toMatchObject({
      events: 1,
      attempts: { succeeded: 1 },
    });
  });

  it("a sweep counts as many as there are, step by step", async () => {
    await run(
      `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
       INSERT INTO settles (place, bus, lane, entries) SELECT n, 'default', 'slow', json_array(json_array(?2, 's', '', 'delivered', 1, 20, 30)) FROM n`,
      METRIC_ROWS_MAX * 2 + 1,
      id,
    );
    await router.sweep();
    const text = await (await router.request("/metrics")).text();
    expect(text).toContain(
      `fantail_slow_lane_attempts_total{bus="default",subscription_id="${id}"} ${METRIC_ROWS_MAX * 2 + 1}`,
    );
  });

  it("a bus that takes a name sees nothing of the one before", async () => {
    const headers = { "fantail-bus": "eu" };
    const put = () => router.json("/v1/buses/eu", { ...router.post("", {}), method: "PUT" });
    await put();
    await router.json("/v1/subscriptions", router.post("", { sink: good.url }, { headers }));
    stage.clock.advance(10_000);
    await publish(["1"], { headers });
    await router.sweep();
    await router.request("/v1/buses/eu", { method: "DELETE" });
    stage.clock.advance(BUS_NAME_REST_MS + MINUTE_MS);
    for (let sweeps = 0; sweeps < 3; sweeps++) await router.sweep();
    await put();
    stage.clock.advance(10_000);
    expect((await metrics("", { headers })).total).toMatchObject({ events: 0, attempts: { succeeded: 0 } });
    expect(await (await router.request("/metrics", { headers })).text()).toContain('fantail_events_total{bus="eu"} 0');
  });
});

describe("for Prometheus", () => {
  it("are in its format: each metric described once, histograms cumulative", async () => {
    await publish(["1", "2"]);
    await router.sweep();
    const answer = await router.request("/metrics");
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const lines = (await answer.text()).split("\n");
    const described = lines.flatMap((line) => /^# TYPE (\w+) /.exec(line)?.[1] ?? []);
    expect(new Set(described).size).toBe(described.length);
    for (const line of lines.filter((one) => one !== "" && !one.startsWith("#"))) {
      const [, name = ""] =
        /^([a-z_]+?)(?:_bucket|_sum|_count)?\{(?:[a-z_]+="[^"\\\n]*",?)+\} -?[0-9.e+-]+$/.exec(line) ?? [];
      expect([line, described.some((one) => one === name || line.startsWith(`${one}{`))]).toEqual([line, true]);
    }
    const buckets = lines.filter((line) => line.startsWith("fantail_attempt_duration_seconds_bucket"));
    expect(buckets.at(-1)).toMatch(/le="\+Inf"\} 2$/);
    const values = buckets.map((line) => Number(line.split(" ").at(-1)));
    expect(values).toEqual(values.toSorted((a, b) => a - b));
  });
});

describe("what cannot be told is refused", () => {
  it.each([
    ["since=2027-01-15T08:00:00Z&until=2027-01-15T08:00:00Z", "since must be before until"],
    ["since=2026-12-01T00:00:00Z", "since must be at most 30 days ago"],
    ["since=2027-01-10T00:00:00Z&step=60", "step must be at least 3600 for what is over 48 h old"],
    ["since=2027-01-13T12:00:00Z&step=60", "step must give at most 1500 points"],
    ["step=61", "step must be one of 60, 300, 3600, 86400"],
    ["step=x", "step must be one of 60, 300, 3600, 86400"],
    ["subscription_id=sub_1", "subscription_id must be the id of a subscription, sub_ and 26 characters"],
    ["limit=1", "limit is not known"],
  ])("%s: %s", async (query, detail) => {
    const answer = await router.request(`/v1/metrics?${query}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ detail });
  });

  it("more subscriptions than a page has", async () => {
    expect((await router.request("/v1/metrics/subscriptions?limit=51")).status).toBe(400);
    expect((await router.request("/v1/metrics/subscriptions?limit=50")).status).toBe(200);
  });
});

it("nothing is left of a subscription in the counts of all time when its tombstone is gone", async () => {
  await publish(["1"]);
  await router.sweep();
  await router.request(`/v1/subscriptions/${id}`, { method: "DELETE" });
  stage.clock.advance(2 * DAY_MS);
  await router.sweep();
  expect(
    await env.DB.prepare("SELECT count(*) AS n FROM metrics WHERE step_s = 0 AND subscription_id = ?1")
      .bind(id)
      .first("n"),
  ).toBe(0);
});

// The read side of health over real D1: how far a subscription is behind, which sinks are in trouble, and what it costs to ask.
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { timeOrderedId } from "../../src/core/ids.ts";
import {
  BREAKER_FAILURES,
  LEASE_MS,
  LIST_LIMIT_MAX,
  LIST_ROWS_READ_MAX,
  LIST_SCAN_ROWS_MAX,
} from "../../src/core/limits.ts";
import { d1HealthRecord } from "../../src/d1/health-record.ts";
import { sink } from "../sink-client.ts";
import { rows, run } from "./records.ts";
import { createStage, type Stage } from "./stage.ts";
import { watched } from "./watched-db.ts";

const store = d1HealthRecord({ db: env.DB });
const NOW = 1_800_000_000_000;
const numbered = (number: number): string => `sub_${String(number).padStart(26, "0")}`;
const [OURS, OTHER] = [numbered(1), numbered(2)];
const PAGE = { limit: LIST_LIMIT_MAX, before: null, now: NOW };

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
});

const putBus = (bus: string) =>
  run("INSERT INTO buses (bus, version, created_ms, updated_ms) VALUES (?1, 1, 0, 0) ON CONFLICT DO NOTHING", bus);

async function putSubscription(id: string, { bus = "default", status = "active" } = {}): Promise<void> {
  await putBus(bus);
  await run(
    `INSERT INTO subscriptions (bus, id, version, status, sink, format, timeout_ms, created_ms, updated_ms, retry, wanted, secrets, headers)
     VALUES (?1, ?2, 1, ?3, '', 'structured', 1000, 0, 0, '', '{}', '', '')`,
    bus,
    id,
    status,
  );
}

interface Seed {
  readonly bus?: string;
  readonly subscriptionId?: string;
  readonly acceptedMs: number;
  readonly state: string;
  readonly run?: string;
  /** Of the batch that has it in its keys, whatever its state is by now; the row's own unless it went on to another. */
  readonly token?: string;
  readonly claim?: string;
}

/** An event with one delivery, and the batch that names it. */
async function put(seed: Seed): Promise<void> {
  const { bus = "default", subscriptionId = OURS, acceptedMs, state, run: replay = "", token = null } = seed;
  const seq = timeOrderedId(acceptedMs, crypto.getRandomValues(new Uint8Array(10)));
  const claim = state === "claimed" ? (seed.claim ?? token) : null;
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type)
       VALUES (?1, ?2, 'evt_' || ?2, 'r', ?3, 0, 1, 2, ?2, '/s', 't')`,
    ).bind(bus, seq, acceptedMs),
    env.DB.prepare(
      `INSERT INTO deliveries (bus, seq, subscription_id, run, state, attempt, tries, due_ms, claim)
       VALUES (?1, ?2, ?3, ?4, ?5, 1, 1, iif(?5 = 'waiting', ?6, NULL), ?7)`,
    ).bind(bus, seq, subscriptionId, replay, state, acceptedMs, claim),
    ...(token === null
      ? []
      : [
          env.DB.prepare(
            `INSERT INTO claims (token, lease_ms, keys) VALUES (?1, ?2, json_array(json_array(?3, ?4, ?5, ?6)))
             ON CONFLICT (token) DO UPDATE SET keys = json_insert(keys, '$[#]', json_array(?3, ?4, ?5, ?6))`,
          ).bind(token, NOW + LEASE_MS, bus, seq, subscriptionId, replay),
        ]),
  ]);
}

const oldest = async (id = OURS, bus = "default"): Promise<number | null | undefined> =>
  (await store.get(bus, id))?.oldestUndeliveredMs;

describe("how far it is behind", () => {
  beforeEach(async () => {
    for (const id of [OURS, OTHER]) await putSubscription(id);
  });

  it("is nothing without a delivery, and with such as have ended", async () => {
    expect(await oldest()).toBeNull();
    for (const state of ["delivered", "dead", "cancelled"]) await put({ state, acceptedMs: NOW });
    expect(await oldest()).toBeNull();
  });

  it.each(["waiting", "held", "claimed"])("is that of the oldest that is %s", async (state) => {
    await put({ state, acceptedMs: NOW - 5, token: "a" });
    await put({ state, acceptedMs: NOW - 9, token: "b", run: "job_1" });
    await put({ state, acceptedMs: NOW - 7, token: "a" });
    // Neither of another subscription, nor of one of that id on another bus, nor what has ended.
    await putBus("eu");
    const older = { state, acceptedMs: NOW - 99, token: "a" };
    await put({ ...older, subscriptionId: OTHER });
    await put({ ...older, bus: "eu" });
    await put({ state: "delivered", acceptedMs: NOW - 99, token: "a" });
    expect(await oldest()).toBe(NOW - 9);
  });

  it("is that of the oldest of all three", async () => {
    for (const [index, state] of ["waiting", "held", "claimed", "waiting"].entries()) {
      await put({ state, acceptedMs: NOW - index, token: "a" });
      expect(await oldest()).toBe(NOW - index);
    }
  });

  it("counts what a batch has under its own token, not what went on to another", async () => {
    await put({ state: "claimed", acceptedMs: NOW - 9, token: "ended", claim: "another" });
    expect(await oldest()).toBeNull();
    await put({ state: "claimed", acceptedMs: NOW - 5, token: "ended" });
    expect(await oldest()).toBe(NOW - 5);
    // A batch that crashed still has it, until somebody frees it.
    await run("UPDATE claims SET lease_ms = 0");
    expect(await oldest()).toBe(NOW - 5);
  });

  it("is what looking at every delivery would find", async () => {
    const seeds = fc.array(
      fc.record({
        subscriptionId: fc.constantFrom(OURS, OTHER),
        acceptedMs: fc.integer({ min: NOW - 50, max: NOW }),
        state: fc.constantFrom("waiting", "held", "claimed", "delivered", "dead", "cancelled"),
        run: fc.constantFrom("", "job_1"),
        token: fc.constantFrom("a", "b", "c"),
      }),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(seeds, async (world) => {
        await env.DB.batch(["deliveries", "events", "claims"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
        for (const seed of world) await put(seed);
        for (const id of [OURS, OTHER]) {
          const open = world.filter(
            ({ subscriptionId, state }) => subscriptionId === id && ["waiting", "held", "claimed"].includes(state),
          );
          const expected = open.length === 0 ? null : Math.min(...open.map(({ acceptedMs }) => acceptedMs));
          expect(await oldest(id)).toBe(expected);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("costs a few rows however much waits and is held, and searches no table that grows", async () => {
    const backlog = `WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2999)`;
    for (const state of ["waiting", "held", "delivered"])
      await run(
        `${backlog} INSERT INTO deliveries (bus, seq, subscription_id, state, attempt, tries)
         SELECT 'default', ?1 || printf('%025d', n), ?2, ?1, 1, 1 FROM numbers`,
        state,
        OURS,
      );
    await put({ state: "claimed", acceptedMs: NOW, token: "a" });
    await put({ state: "waiting", acceptedMs: NOW - 1 });
    // Batches of others: looked at, not opened.
    await run(
      `${backlog} INSERT INTO claims (token, lease_ms, keys) SELECT 'other' || b.n, 0, (
         SELECT json_group_array(json_array('default', 's' || k.n, ?1, '')) FROM numbers k WHERE k.n < 250) FROM numbers b WHERE b.n < 100`,
      OTHER,
    );
    const { db, rowsRead, plans } = watched(env.DB);
    expect(await d1HealthRecord({ db }).get("default", OURS)).toMatchObject({ oldestUndeliveredMs: NOW - 1 });
    expect(rowsRead()).toBeLessThanOrEqual(100 + 20);
    const steps = await plans();
    expect(
      steps.filter((step) => /^SCAN (d|deliveries|e|events|h|health|s|subscriptions|buses)\b|TEMP B-TREE/.test(step)),
    ).toEqual([]);
    for (const index of ["deliveries_waiting", "deliveries_held"])
      expect(steps.some((step) => step.startsWith(`SEARCH deliveries USING`) && step.includes(index))).toBe(true);
  });
});

describe("one sink", () => {
  it("is read in every column, of that bus alone, and as long as subscription and bus are there", async () => {
    await putSubscription(OURS);
    const known = { bus: "default", subscriptionId: OURS };
    const well = { lane: "fast", breaker: "closed", latencyMs: null, failureRate: 0, failures: 0, pausedUntilMs: 0 };
    const none = { failingSinceMs: null, openedMs: null, probeMs: null, oldestUndeliveredMs: null };
    expect(await store.get("default", OURS)).toEqual({ ...known, ...well, ...none });
    await run(
      `INSERT INTO health (bus, subscription_id, lane, latency_ms, failure_rate, failures, failing_since_ms, breaker, opened_ms, openings,
         closed_ms, probe_ms, probe, paused_until_ms) VALUES ('default', ?1, 'slow', 12.5, 0.25, 3, 4, 'half-open', 5, 6, 7, 8, 'token', 9)`,
      OURS,
    );
    const read = { lane: "slow", breaker: "half-open", latencyMs: 12.5, failureRate: 0.25, failures: 3 };
    const times = { failingSinceMs: 4, openedMs: 5, probeMs: 8, pausedUntilMs: 9 };
    expect(await store.get("default", OURS)).toEqual({ ...known, ...read, ...times, oldestUndeliveredMs: null });
    expect((await store.list("default", {}, PAGE)).rows).toEqual([{ ...known, ...read, ...times }]);
    await putBus("eu");
    expect(await store.get("eu", OURS)).toBeNull();
    expect((await store.list("eu", {}, PAGE)).rows).toEqual([]);
    for (const status of ["paused", "disabled"]) {
      await run("UPDATE subscriptions SET status = ?1", status);
      expect(await store.get("default", OURS)).toMatchObject(read);
    }
    await run("UPDATE buses SET status = 'deleted' WHERE bus = 'default'");
    expect(await store.get("default", OURS)).toBeNull();
    await run("UPDATE buses SET status = 'active' WHERE bus = 'default'");
    await run("UPDATE subscriptions SET status = 'deleted'");
    expect(await store.get("default", OURS)).toBeNull();
  });
});

interface Page {
  readonly data: readonly { readonly subscription_id: string }[];
  readonly next_cursor: string | null;
}

describe("the sinks in trouble", () => {
  const insert = (number: number, columns: Readonly<Record<string, unknown>> = {}) => {
    const names = Object.keys(columns).map((name) => `, ${name}`);
    const places = Object.keys(columns).map((_, index) => `, ?${index + 2}`);
    return run(
      `INSERT INTO health (bus, subscription_id${names.join("")}) VALUES ('default', ?1${places.join("")})`,
      numbered(number),
      ...Object.values(columns),
    );
  };
  const listed = async (filters: Parameters<typeof store.list>[1] = {}, now = NOW) =>
    (await store.list("default", filters, { ...PAGE, now })).rows.map(({ subscriptionId }) =>
      Number(subscriptionId.slice(4)),
    );

  it("are those that are slow, shut, failing or paused; each alone is enough", async () => {
    await insert(1, { failure_rate: 0.4, latency_ms: 1_900, parking: 1, closed_ms: NOW });
    await insert(2, { lane: "slow" });
    await insert(3, { breaker: "open" });
    await insert(4, { breaker: "half-open", lane: "slow" });
    await insert(5, { failures: 1 });
    await insert(6, { paused_until_ms: NOW + 1 });
    await insert(7, { paused_until_ms: NOW });
    expect(await listed()).toEqual([6, 5, 4, 3, 2]);
    expect(await listed({}, NOW + 1)).toEqual([5, 4, 3, 2]);
    expect(await listed({ lane: "slow" })).toEqual([4, 2]);
    expect(await listed({ lane: "fast" })).toEqual([6, 5, 3]);
    expect(await listed({ breaker: "closed" })).toEqual([6, 5, 2]);
    expect(await listed({ breaker: "half-open", lane: "slow" })).toEqual([4]);
    expect(await listed({ breaker: "open", lane: "slow" })).toEqual([]);
  });

  it("come in pages, newest first, nothing twice and nothing left out, while others get well", async () => {
    await run(
      `WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 299)
       INSERT INTO health (bus, subscription_id, failures) SELECT 'default', printf('sub_%026d', n), n % 3 FROM numbers`,
    );
    const expected = Array.from({ length: 300 }, (_, index) => 299 - index).filter((number) => number % 3 > 0);
    for (const limit of [67, 199, LIST_LIMIT_MAX]) {
      const numbers: number[] = [];
      let path: string | null = `/v1/health?limit=${limit}`;
      while (path !== null) {
        const { data, next_cursor }: Page = await stage.router.json(path);
        expect(data.length).toBeLessThanOrEqual(limit);
        numbers.push(...data.map(({ subscription_id }) => Number(subscription_id.slice(4))));
        path = next_cursor && `/v1/health?limit=${limit}&cursor=${next_cursor}`;
      }
      expect(numbers).toEqual(expected);
    }
    const first = await store.list("default", {}, { ...PAGE, limit: 2 });
    expect(first.next).toBe(numbered(298));
    await run("UPDATE health SET failures = 0 WHERE subscription_id IN (?1, ?2)", numbered(298), numbered(296));
    const second = await store.list("default", {}, { ...PAGE, limit: 1, before: first.next });
    expect(second.rows.map(({ subscriptionId }) => subscriptionId)).toEqual([numbered(295)]);
  });

  it.each([LIST_SCAN_ROWS_MAX - 1, LIST_SCAN_ROWS_MAX])(
    "cost a bounded number of rows behind %d whose pause is over",
    async (well) => {
      await insert(0, { failures: 1 });
      await run(
        `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
       INSERT INTO health (bus, subscription_id, paused_until_ms) SELECT 'default', printf('sub_%026d', n), 1 FROM numbers`,
        well,
      );
      const { db, rowsRead, plans } = watched(env.DB);
      const first = await d1HealthRecord({ db }).list("default", {}, PAGE);
      expect(rowsRead()).toBeLessThanOrEqual(LIST_ROWS_READ_MAX);
      expect((await plans()).filter((line) => /^SCAN health|TEMP B-TREE/.test(line))).toEqual([]);
      expect(first.rows).toHaveLength(well < LIST_SCAN_ROWS_MAX ? 1 : 0);
      expect(first.next).not.toBeNull();
      const second = await store.list("default", {}, { ...PAGE, before: first.next });
      expect(second).toMatchObject({
        rows: well < LIST_SCAN_ROWS_MAX ? [] : [{ subscriptionId: numbered(0) }],
        next: null,
      });
    },
  );

  it("passes over sinks that are well without reading them", async () => {
    await insert(0, { failures: 1 });
    await run(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
       INSERT INTO health (bus, subscription_id) SELECT 'default', printf('sub_%026d', n) FROM numbers`,
      10 * LIST_SCAN_ROWS_MAX,
    );
    const { db, rowsRead } = watched(env.DB);
    expect(await d1HealthRecord({ db }).list("default", {}, PAGE)).toMatchObject({
      rows: [{ failures: 1 }],
      next: null,
    });
    expect(rowsRead()).toBeLessThan(10);
  });
});

describe("the whole way", () => {
  interface HealthView {
    readonly lane: string;
    readonly breaker: string;
    readonly failures: number;
    readonly latency_ms: number | null;
    readonly oldest_undelivered_at: string | null;
    readonly lag_s: number | null;
  }
  const healthOf = (id: string) => stage.router.json<HealthView>(`/v1/subscriptions/${id}/health`);
  const publish = async (id: string): Promise<void> =>
    expect((await stage.router.publish({ type: "t", source: "/s", id })).status).toBe(202);
  const patch = (id: string, change: object) =>
    stage.router.request(`/v1/subscriptions/${id}`, {
      method: "PATCH",
      body: JSON.stringify(change),
      headers: { "content-type": "application/merge-patch+json" },
    });

  it("an event lags while it is pushed, waits and is held, and no more when it is delivered", async () => {
    const { router, clock } = stage;
    const hanging = sink();
    await hanging.program([{ hang: true }]);
    const { id } = await router.subscribe({ sink: hanging.url, retry: { schedule_s: [60] } });
    const acceptedAt = new Date(clock.now()).toISOString();
    await publish("e1");
    // What no batch has claimed is not on record yet.
    expect(await healthOf(id)).toMatchObject({ lag_s: null, latency_ms: null });
    const handling = router.handle(router.take());
    await hanging.waitForArrivals(1);
    clock.advance(1_500);
    expect(await healthOf(id)).toMatchObject({ oldest_undelivered_at: acceptedAt, lag_s: 1.5 });
    await hanging.forget();
    await handling;
    clock.advance(8_500);
    expect(await healthOf(id)).toMatchObject({ lag_s: 10, failures: 1 });
    expect(await rows("SELECT state FROM deliveries")).toEqual([{ state: "waiting" }]);
    const [wake] = router.take().filter(({ delaySeconds }) => delaySeconds > 0);
    if (wake === undefined) throw new Error("Nothing wakes the delivery");

    await patch(id, { status: "paused" });
    clock.advance(60_000);
    await router.handle([wake]);
    expect(await rows("SELECT state FROM deliveries")).toEqual([{ state: "held" }]);
    expect(await healthOf(id)).toMatchObject({ oldest_undelivered_at: acceptedAt, lag_s: 70 });

    await patch(id, { status: "active" });
    await router.settled();
    await router.drain();
    expect(await rows("SELECT state FROM deliveries")).toEqual([{ state: "delivered" }]);
    expect(await healthOf(id)).toMatchObject({ oldest_undelivered_at: null, lag_s: null, failures: 0 });
  });

  it("a sink that fails is listed until it is another, or its subscription is gone", async () => {
    const { router } = stage;
    const bad = sink();
    await bad.program([], { status: 500 });
    const { id } = await router.subscribe({ sink: bad.url, retry: { schedule_s: [86_400] } });
    const { id: good } = await router.subscribe({ sink: sink().url });
    for (let index = 0; index < BREAKER_FAILURES; index++) await publish(`e${index}`);
    await router.drain();
    const listed = async (query = "") => (await router.json<Page>(`/v1/health${query}`)).data;
    expect(await listed()).toMatchObject([
      { subscription_id: id, breaker: "open", lane: "slow", failures: BREAKER_FAILURES },
    ]);
    expect(await listed("?breaker=closed")).toEqual([]);
    expect(await healthOf(good)).toMatchObject({ lane: "fast", breaker: "closed", failures: 0, lag_s: null });

    await patch(id, { sink: sink().url });
    expect(await listed()).toEqual([]);
    await run("UPDATE health SET failures = 1");
    expect(await listed()).toHaveLength(2);
    await router.request(`/v1/subscriptions/${id}`, { method: "DELETE" });
    expect(await listed()).toMatchObject([{ subscription_id: good }]);
    expect((await router.request(`/v1/subscriptions/${id}/health`)).status).toBe(404);
  });
});

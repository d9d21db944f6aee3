// Filters tried on what is on record, over real D1: which events a page has, what it reads, and how it differs from a subscription; and
// explanations of a publish and of an event on record.
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { timeOrderedFloor } from "../../src/core/ids.ts";
import {
  BACKTEST_BODIES_BYTES_MAX,
  BACKTEST_EVENTS_MAX,
  EVENT_BYTES_MAX,
  LIST_ROWS_READ_MAX,
} from "../../src/core/limits.ts";
import { createVault } from "../../src/core/vault.ts";
import { decodeBase64 } from "../../src/core/base64.ts";
import { d1Record } from "../../src/d1/record.ts";
import { d1Subscriptions } from "../../src/d1/subscriptions.ts";
import type { EventOnRecord } from "../../src/ports.ts";
import { flakyDb } from "./flaky-db.ts";
import { run } from "./records.ts";
import { createTestRouter, type TestRouter } from "./router.ts";
import { watched } from "./watched-db.ts";

const db = env.DB;
const record = d1Record({ db });
/** Long ago: what is published meanwhile is newer. */
const NOW = 1_700_000_000_000;
const ALL = { limit: BACKTEST_EVENTS_MAX, bytesMax: BACKTEST_BODIES_BYTES_MAX, cursor: null };

let buses = 0;
let filled = 0;
const newBus = () => `backtest-${++buses}`;
const seqAt = (ms: number, nth = 0) => timeOrderedFloor(ms).slice(0, 20) + String(nth).padStart(6, "0");
const numberOf = ({ seq }: { readonly seq: string }) => Number(seq.slice(20));

interface Seed {
  readonly bus: string;
  readonly count: number;
  /** In SQL, of the number `i` from 1 on. */
  readonly type?: string;
  readonly bytes?: number | string;
  /** Which of them have their body in `bodies`, have none, or are erased. */
  readonly referred?: string;
  readonly bodyless?: string;
  readonly erased?: string;
}

/** Events with bodies of their own, of one millisecond each. */
async function fill(seed: Seed): Promise<void> {
  const { bus, count, type = "'t'", bytes = 100, referred = "0", bodyless = "0", erased = "0" } = seed;
  const numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)";
  const head = `'{"specversion":"1.0","id":"' || i || '","source":"/s","type":"' || ${type} || '","data":"'`;
  const body = `${head} || printf('%.*c', ${bytes} - length(${head}) - 2, 'x') || '"}'`;
  const id = `printf('evt_%06d%020d', ${++filled}, i)`;
  const seq = "?3 || printf('%06d', i)";
  const place = [bus, count, seqAt(NOW).slice(0, 20)];
  await run(
    `INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type, body)
     ${numbers} SELECT ?1, ${seq}, ${id}, 'r', ${NOW}, 0, 0, ${bytes}, iif(${erased}, '', i), iif(${erased}, '', '/s'), ${type},
       iif(${erased} OR ${referred} OR ${bodyless}, NULL, ${body}) FROM n`,
    ...place,
  );
  await run(
    `INSERT INTO bodies (event_id, stored_ms, body) ${numbers} SELECT ${id}, 0, ${body} FROM n WHERE ${referred} AND NOT (${erased})`,
    ...place.slice(0, 2),
  );
  await run(
    `INSERT INTO erasures (event_id, bus, erased_ms) ${numbers} SELECT ${id}, ?1, ${NOW} FROM n WHERE ${erased}`,
    ...place.slice(0, 2),
  );
}

describe("bodies()", () => {
  test("answers every column, newest first, with bodies from both tables, null where there is none", async () => {
    const bus = newBus();
    await fill({ bus, count: 4, referred: "i = 2", bodyless: "i = 3", erased: "i = 4" });
    await fill({ bus: newBus(), count: 1 });
    const { rows, next } = await record.bodies(bus, {}, ALL);
    expect(next).toBeNull();
    expect(rows.map(numberOf)).toEqual([4, 3, 2, 1]);
    expect(rows.map(({ body, erasedMs }) => [body?.length ?? null, erasedMs])).toEqual([
      [null, NOW],
      [null, null],
      [100, null],
      [100, null],
    ]);
    const { body, ...summary } = rows[3] as EventOnRecord;
    expect(JSON.parse(body ?? "")).toMatchObject({ id: "1", type: "t" });
    expect((await record.events(bus, {}, { limit: 10, cursor: null })).rows[3]).toEqual(summary);
  });

  test("keeps to its span and goes on from its cursor", async () => {
    const bus = newBus();
    for (const at of [0, 1, 2, 3, 4])
      await run(
        `INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type, body)
         VALUES (?1, ?2, ?1 || ?3, 'r', ?4, 0, 0, 2, 'i', '/s', 't', '{}')`,
        bus,
        seqAt(NOW + at, at),
        at,
        NOW + at,
      );
    const span = { sinceMs: NOW + 1, untilMs: NOW + 4 };
    expect((await record.bodies(bus, span, ALL)).rows.map(numberOf)).toEqual([3, 2, 1]);
    const first = await record.bodies(bus, span, { ...ALL, limit: 2 });
    expect([first.rows.map(numberOf), first.next]).toEqual([[3, 2], [seqAt(NOW + 2, 2)]]);
    const second = await record.bodies(bus, span, { ...ALL, limit: 2, cursor: first.next });
    expect([second.rows.map(numberOf), second.next]).toEqual([[1], null]);
    expect((await record.bodies(bus, { sinceMs: NOW + 5 }, ALL)).rows).toEqual([]);
    expect((await record.bodies(bus, { untilMs: 0 }, ALL)).rows).toEqual([]);
  });

  test.each([
    [3, null],
    [4, "more"],
  ])("a page of 3 of %d events", async (count, more) => {
    const bus = newBus();
    await fill({ bus, count });
    const { rows, next } = await record.bodies(bus, {}, { ...ALL, limit: 3 });
    expect([rows.length, next === null ? null : "more"]).toEqual([3, more]);
  });

  test.each([
    ["all fit to the byte", 500, [5, 4, 3, 2, 1], false],
    ["the last one is a byte over", 499, [5, 4, 3, 2], true],
    ["one fits", 100, [5], true],
    ["none fits, and one comes all the same", 99, [5], true],
    ["nothing fits at all", 0, [5], true],
  ])("bytes: %s", async (_, bytesMax, numbers, more) => {
    const bus = newBus();
    await fill({ bus, count: 5, referred: "i % 2" });
    const { rows, next } = await record.bodies(bus, {}, { ...ALL, bytesMax });
    expect([rows.map(numberOf), next !== null]).toEqual([numbers, more]);
    if (next !== null) {
      const rest = await record.bodies(bus, {}, { ...ALL, cursor: next });
      expect([...rows, ...rest.rows].map(numberOf)).toEqual([5, 4, 3, 2, 1]);
    }
  });

  test("what is erased takes no bytes", async () => {
    const bus = newBus();
    await fill({ bus, count: 5, erased: "i > 2" });
    expect((await record.bodies(bus, {}, { ...ALL, bytesMax: 200 })).rows).toHaveLength(5);
  });

  test("reads a bounded number of rows of many, by their keys, and no body of the next page", async () => {
    const bus = newBus();
    await fill({ bus, count: 3 * BACKTEST_EVENTS_MAX, referred: "i <= 2000", erased: "i > 2000 AND i % 2" });
    const { db: reading, rowsRead, plans } = watched(db);
    const reader = d1Record({ db: reading });
    const numbers: number[] = [];
    let cursor: readonly string[] | null = null;
    do {
      const page: Awaited<ReturnType<typeof reader.bodies>> = await reader.bodies(bus, {}, { ...ALL, cursor });
      expect(rowsRead()).toBeLessThanOrEqual(LIST_ROWS_READ_MAX);
      expect(page.rows.every(({ body, erasedMs }) => (body?.length === 100) === (erasedMs === null))).toBe(true);
      numbers.push(...page.rows.map(numberOf));
      cursor = page.next;
    } while (cursor !== null);
    expect(numbers).toEqual(Array.from({ length: 3 * BACKTEST_EVENTS_MAX }, (_, i) => 3 * BACKTEST_EVENTS_MAX - i));
    const lines = await plans();
    expect(lines.filter((line) => /SCAN (?:e|b|x|events|bodies|erasures)\b/.test(line))).toEqual([]);
    expect(lines.some((line) => /SEARCH events USING PRIMARY KEY \(bus=\? AND seq>\? AND seq<\?\)/.test(line))).toBe(
      true,
    );
  });

  test("a page of the largest events is as large as it may be", async () => {
    const bus = newBus();
    await fill({ bus, count: 9, bytes: EVENT_BYTES_MAX, referred: "1" });
    const { rows, next } = await record.bodies(bus, {}, ALL);
    expect(rows).toHaveLength(Math.floor(BACKTEST_BODIES_BYTES_MAX / EVENT_BYTES_MAX));
    expect(next).not.toBeNull();
  });
});

describe("wanted()", () => {
  test("answers those of the bus, whatever their status, in one query by their keys", async () => {
    const { db: reading, plans } = watched(db);
    const vault = createVault([decodeBase64(env.ENCRYPTION_KEY) ?? new Uint8Array(32)]);
    const store = d1Subscriptions({
      db: reading,
      vault,
      random: { bytes: (n) => new Uint8Array(n), fraction: () => 0 },
    });
    await run("INSERT INTO buses (bus, version, created_ms, updated_ms) VALUES ('w', 1, 0, 0), ('v', 1, 0, 0)");
    const wanted = { types: ["a"], source: null, filters: [] };
    for (const [bus, id, status] of [
      ["w", "sub_1", "active"],
      ["w", "sub_2", "paused"],
      ["w", "sub_3", "disabled"],
      ["w", "sub_4", "deleted"],
      ["v", "sub_5", "active"],
    ])
      await run(
        `INSERT INTO subscriptions (bus, id, version, status, sink, format, timeout_ms, created_ms, updated_ms, retry, wanted, secrets, headers)
         VALUES (?1, ?2, 1, ?3, '', 'structured', 1, 0, 0, '', ?4, '', '')`,
        bus,
        id,
        status,
        JSON.stringify(wanted),
      );
    const ids = ["sub_1", "sub_2", "sub_3", "sub_4", "sub_5", "sub_6"];
    const found = await store.wanted("w", ids);
    expect(found).toEqual(new Map(["sub_1", "sub_2", "sub_3"].map((id) => [id, wanted])));
    expect(await store.wanted("w", [])).toEqual(new Map());
    expect((await plans()).filter((line) => /SCAN (?:s|buses|subscriptions)\b/.test(line))).toEqual([]);
    await run("UPDATE buses SET status = 'deleted' WHERE bus = 'w'");
    expect(await store.wanted("w", ids)).toEqual(new Map());
  });
});

// ---- Over the whole router ---------------------------------------------------------------------------------------

interface Page {
  readonly examined: number;
  readonly skipped: number;
  readonly matched: number;
  readonly sample: readonly { readonly id: string }[];
  readonly difference: Record<
    "gained" | "lost",
    { readonly count: number; readonly sample: readonly { id: string }[] }
  >;
  readonly next_cursor: string | null;
}

/** A router, and a bus of its own that the root key names. */
async function onBus(overrides: Partial<Env> = {}) {
  const router = createTestRouter(overrides);
  const bus = newBus();
  const headers = { "fantail-bus": bus };
  await router.json(`/v1/buses/${bus}`, { method: "PUT" });
  const post = <T>(path: string, body: unknown): Promise<T> =>
    router.json<T>(path, router.post(path, body, { headers }));
  return {
    router,
    bus,
    headers,
    post,
    backtest: (body: object) => post<Page>("/v1/filters/backtest", body),
    publish: (event: object, query = "") =>
      post<{ events: [{ event_id: string; matched: number; explain?: unknown }] }>(`/v1/events${query}`, event),
    get: <T>(path: string) => router.json<T>(path, { headers }),
  };
}

const settle = async (router: TestRouter): Promise<void> => {
  await router.drain();
  await router.settled();
};

const idsOf = (sample: readonly { readonly id: string }[]) => sample.map(({ id }) => id);

describe("POST /v1/filters/backtest", () => {
  test("tries published events, inline and by reference, and passes over what is erased", async () => {
    const { router, headers, publish, backtest } = await onBus();
    const big = "x".repeat(EVENT_BYTES_MAX - 1_000);
    const event = (id: string, type: string, data?: unknown) => ({ id, source: "/s", type, data });
    for (const each of [event("1", "a"), event("2", "b", big), event("3", "a", big), event("4", "a")])
      await publish(each);
    const { events } = await publish(event("5", "a"));
    await settle(router);
    expect(await backtest({ types: ["a"] })).toMatchObject({ examined: 5, skipped: 0, matched: 4, next_cursor: null });
    await router.request(`/v1/events/${events[0].event_id}`, { method: "DELETE", headers });
    const page = await backtest({ types: ["a"] });
    expect(page).toMatchObject({ examined: 4, skipped: 1, matched: 3 });
    expect(idsOf(page.sample).toSorted()).toEqual(["1", "3", "4"]);
  });

  test("says what a change of a subscription would gain and lose", async () => {
    const { router, publish, post, backtest } = await onBus();
    for (const type of ["a", "b", "b", "c", "d"]) await publish({ type });
    await settle(router);
    const { id } = await post<{ id: string }>("/v1/subscriptions", {
      sink: "https://a.example.com/",
      types: ["a", "b"],
      status: "paused",
    });
    const asked = { filters: [{ any: [{ exact: { type: "b" } }, { exact: { type: "c" } }] }], subscription_id: id };
    const { matched, difference } = await backtest(asked);
    expect([matched, difference.gained.count, difference.lost.count]).toEqual([3, 1, 1]);
    const same = await backtest({ types: ["b", "a"], subscription_id: id });
    expect(same).toMatchObject({ matched: 3, difference: { gained: { count: 0 }, lost: { count: 0 } } });
  });

  test("adds up over pages that end by number, and by bytes, while events come in", async () => {
    const { router, bus, publish, backtest } = await onBus();
    await fill({
      bus,
      count: 2_500,
      type: "iif(i % 10, 'common', 'rare')",
      referred: "i % 3 = 0",
      erased: "i % 7 = 0",
    });
    const total = { examined: 0, skipped: 0, matched: 0, pages: 0 };
    for (let cursor: string | null = null, isFirst = true; isFirst || cursor !== null; isFirst = false) {
      const page: Page = await backtest({ types: ["rare"], cursor });
      total.examined += page.examined;
      total.skipped += page.skipped;
      total.matched += page.matched;
      total.pages += 1;
      cursor = page.next_cursor;
      await publish({ type: "rare" });
      await settle(router);
    }
    // Every tenth but those that are every seventieth.
    expect(total).toEqual({ examined: 2_500 - 357, skipped: 357, matched: 250 - 35, pages: 3 });
    const large = newBus();
    await router.json(`/v1/buses/${large}`, { method: "PUT" });
    await fill({ bus: large, count: 20, bytes: 1_000_000, referred: "1" });
    const examined: number[] = [];
    for (let cursor: string | null = null, isFirst = true; isFirst || cursor !== null; isFirst = false) {
      const path = "/v1/filters/backtest";
      const page: Page = await router.json(path, router.post(path, { cursor }, { headers: { "fantail-bus": large } }));
      examined.push(page.examined);
      cursor = page.next_cursor;
    }
    expect(examined).toEqual([8, 8, 4]);
  });

  test("is 503 without the database, and changes nothing of it with it", async () => {
    const flaky = flakyDb(db);
    const { router, headers, backtest } = await onBus({ DB: flaky.db });
    const before = flaky.rowsWritten();
    await backtest({});
    expect(flaky.rowsWritten()).toBe(before);
    flaky.fate = () => "fail-before";
    const path = "/v1/filters/backtest";
    expect((await router.request(path, router.post(path, {}, { headers }))).status).toBe(503);
  });
});

describe("explanations", () => {
  test("of an event on record: by what the subscription takes by now, with the delivery that was made", async () => {
    const { router, headers, publish, post, get } = await onBus();
    const { id } = await post<{ id: string }>("/v1/subscriptions", { sink: "https://a.example.com/", types: ["a"] });
    const { events } = await publish({ type: "a", subject: "eu/1", data: { n: 1 } });
    const path = `/v1/events/${events[0].event_id}/explain?subscription_id=${id}`;
    // It is not on record before its parcel is claimed.
    expect((await router.request(path, { headers })).status).toBe(404);
    await router.json(`/v1/subscriptions/${id}`, {
      method: "PATCH",
      body: JSON.stringify({ status: "paused", filters: [{ prefix: { subject: "us/" } }] }),
      headers: { ...headers, "content-type": "application/merge-patch+json" },
    });
    await settle(router);
    const explained = await get<{ matched: boolean; explain: { matched: boolean }[]; delivery_id: string }>(path);
    expect([explained.matched, explained.explain.map(({ matched }) => matched)]).toEqual([false, [true, false]]);
    expect(await get(`/v1/deliveries/${explained.delivery_id}`)).toMatchObject({ status: "held", subscription_id: id });
    await router.request(`/v1/events/${events[0].event_id}`, { method: "DELETE", headers });
    const gone = await router.request(path, { headers });
    expect([gone.status, await gone.json()]).toMatchObject([404, { detail: expect.stringContaining("erased") }]);
  });

  test("of a publish: the event is on its way, and the answer says who takes it and who nearly does", async () => {
    const { router, post, publish } = await onBus();
    const sink = "https://a.example.com/";
    const other = await post<{ id: string }>("/v1/subscriptions", { sink, types: ["b"] });
    const taker = await post<{ id: string }>("/v1/subscriptions", { sink, types: ["a"] });
    const { events } = await publish({ type: "a" }, "?explain=true");
    expect(events[0]).toMatchObject({
      matched: 1,
      explain: [
        { subscription_id: taker.id, matched: true },
        { subscription_id: other.id, matched: false },
      ],
    });
    expect(router.held).toHaveLength(1);
  });

  test("of a publish while the database is away: it is accepted, and not explained", async () => {
    const flaky = flakyDb(db);
    const { router, post, publish } = await onBus({ DB: flaky.db });
    await post("/v1/subscriptions", { sink: "https://a.example.com/" });
    await publish({ type: "a" });
    router.take();
    flaky.fate = (statements) => (statements.some((sql) => sql.includes("s.wanted")) ? "fail-before" : "pass");
    const { events } = await publish({ type: "a" }, "?explain=1");
    expect(events[0]).toMatchObject({ status: "accepted", matched: 1, explain: null });
    expect(router.held).toHaveLength(1);
    flaky.fate = () => "fail-before";
    expect((await publish({ type: "a" }, "?explain=1")).events[0]).toMatchObject({ matched: 1, explain: null });
  });
});

// Retention by bus: each has its own floor, deleted ones none, and what it costs does not grow with what is on record.
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import {
  EXPIRED_KEPT_MS,
  INLINE_BYTES_MAX,
  ORPHAN_BODIES_KEPT_MS,
  RETENTION_DELIVERIES_MAX,
  RETENTION_EVENTS_MAX,
  SWEEP_ROWS_MAX,
} from "../../src/core/limits.ts";
import { sink } from "../sink-client.ts";
import { count, putEvents, rows, run, widen } from "./records.ts";
import { createStage, type Stage } from "./stage.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** RETENTION_DAYS of the tests' environment. */
const RETENTION_DAYS = 7;

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
});

const busOf = (bus: string, retentionDays: number | null) =>
  run(
    `INSERT INTO buses (bus, version, created_ms, updated_ms, retention_days) VALUES (?1, 1, 0, 0, ?2)
     ON CONFLICT DO UPDATE SET retention_days = excluded.retention_days`,
    bus,
    retentionDays,
  );

const DELIVERED = [{ state: "delivered" }];
const agesOn = async (bus: string): Promise<number[]> =>
  (await rows<{ ms: number }>("SELECT accepted_ms AS ms FROM events WHERE bus = ?1 ORDER BY seq", bus)).map(
    ({ ms }) => stage.clock.now() - ms,
  );

it("removes by the retention of each bus, at its end and not a minute sooner", async () => {
  const days = { one: 1, thirty: 30, same: RETENTION_DAYS, default: null };
  for (const [bus, retentionDays] of Object.entries(days)) await busOf(bus, retentionDays);
  const now = stage.clock.now();
  const seeds = Object.entries(days).flatMap(([bus, retentionDays]) => {
    const endMs = (retentionDays ?? RETENTION_DAYS) * DAY_MS;
    return [endMs + 31 * DAY_MS, endMs + MINUTE_MS, endMs - MINUTE_MS, 0].map((age) => ({
      bus,
      acceptedMs: now - age,
      states: DELIVERED,
      byReference: age % DAY_MS === 0,
    }));
  });
  await putEvents(seeds);
  await stage.router.sweep();
  for (const [bus, retentionDays] of Object.entries(days)) {
    expect(await agesOn(bus), bus).toEqual([(retentionDays ?? RETENTION_DAYS) * DAY_MS - MINUTE_MS, 0]);
  }
  expect([await count("deliveries"), await count("bodies")]).toEqual([8, 4]);
  expect(await stage.faults()).toEqual({});

  // Two minutes later each has lost its next one.
  stage.clock.advance(2 * MINUTE_MS);
  await stage.router.sweep();
  for (const bus of Object.keys(days)) expect(await agesOn(bus), bus).toEqual([2 * MINUTE_MS]);
});

it("follows a change of the retention with the next sweep", async () => {
  await busOf("eu", 30);
  const now = stage.clock.now();
  await putEvents([20, 10, 2].map((age) => ({ bus: "eu", acceptedMs: now - age * DAY_MS, states: DELIVERED })));
  await stage.router.sweep();
  expect(await agesOn("eu")).toHaveLength(3);
  await busOf("eu", 3);
  await stage.router.sweep();
  expect(await agesOn("eu")).toEqual([2 * DAY_MS]);
  await busOf("eu", null);
  stage.clock.advance(5 * DAY_MS - MINUTE_MS);
  await stage.router.sweep();
  expect(await agesOn("eu")).toHaveLength(1);
  stage.clock.advance(2 * MINUTE_MS);
  await stage.router.sweep();
  expect(await agesOn("eu")).toEqual([]);
});

it("keeps no longer than the longest retention what a bus asks for beyond it", async () => {
  await busOf("eu", 4_000);
  const now = stage.clock.now();
  await putEvents([31, 29].map((age) => ({ bus: "eu", acceptedMs: now - age * DAY_MS, states: DELIVERED })));
  await stage.router.sweep();
  expect(await agesOn("eu")).toEqual([29 * DAY_MS]);
});

it("closes by the retention of its bus, and keeps what it closed for a day", async () => {
  await busOf("short", 1);
  const now = stage.clock.now();
  const open = (bus: string) => ({ bus, acceptedMs: now - 2 * DAY_MS, states: [{ state: "waiting" }] });
  await putEvents([open("short"), open("default")]);
  await stage.router.sweep();
  expect(await rows("SELECT bus, state, cause FROM deliveries ORDER BY bus")).toEqual([
    { bus: "default", state: "waiting", cause: "overdue" },
    { bus: "short", state: "dead", cause: "expired" },
  ]);
  stage.clock.advance(EXPIRED_KEPT_MS - MINUTE_MS);
  await stage.router.sweep();
  expect(await agesOn("short")).toHaveLength(1);
  stage.clock.advance(2 * MINUTE_MS);
  await stage.router.sweep();
  expect([await agesOn("short"), await agesOn("default")]).toEqual([[], [3 * DAY_MS + MINUTE_MS]]);
});

it("goes through very many buses with different floors in pages, and reads no more than a page asks for", async () => {
  const buses = 3_000;
  await run(
    `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
     INSERT INTO buses (bus, version, created_ms, updated_ms, retention_days) SELECT printf('b%05d', i), 1, 0, 0, nullif(i % 31, 0) FROM n`,
    buses,
  );
  const now = stage.clock.now();
  const seeds = Array.from({ length: buses }, (_, index) => {
    const days = index % 31 === 0 ? RETENTION_DAYS : index % 31;
    const bus = `b${String(index).padStart(5, "0")}`;
    return [1, -1].map((sign) => ({ bus, acceptedMs: now - days * DAY_MS - sign * MINUTE_MS, states: DELIVERED }));
  });
  for (let at = 0; at < buses; at += 500) await putEvents(seeds.slice(at, at + 500).flat());
  stage.flaky.executed.length = 0;
  await stage.router.sweep();
  expect([await count("events"), await count("deliveries")]).toEqual([buses, buses]);
  const pages = stage.flaky.executed.filter(({ sql }) => sql.includes("e.seq > iif(b.bus"));
  expect(pages).toHaveLength(buses / RETENTION_EVENTS_MAX + 1);
  // Each page goes on at the bus where the one before ended, and no page passes over more than it takes.
  expect(Math.max(...pages.map(({ rowsRead }) => rowsRead))).toBeLessThan(10 * RETENTION_EVENTS_MAX);
});

it("removes an event with 100,000 open deliveries in steps, without reading all of them for each", async () => {
  const [eventId = ""] = await putEvents([
    { bus: "default", acceptedMs: stage.clock.now() - 8 * DAY_MS, states: DELIVERED },
  ]);
  const wide = 100_000;
  await widen(eventId, wide, { state: "waiting" });
  await stage.router.sweep();
  expect(await count("deliveries WHERE cause = 'expired'")).toBe(wide);
  stage.clock.advance(EXPIRED_KEPT_MS + MINUTE_MS);
  stage.flaky.executed.length = 0;
  // It had one from the start: one more than a sweep has steps for.
  await stage.router.sweep();
  expect([await count("deliveries"), await count("events")]).toEqual([1, 1]);
  await stage.router.sweep();
  expect([await count("deliveries"), await count("events")]).toEqual([0, 0]);
  const removals = stage.flaky.executed.filter(({ sql }) => sql.includes("DELETE FROM deliveries"));
  expect(removals.length).toBeGreaterThan(wide / RETENTION_DELIVERIES_MAX);
  expect(Math.max(...removals.map(({ rowsRead }) => rowsRead))).toBeLessThan(2 * wide);
});

it("leaves deleted buses to their purge", async () => {
  await busOf("gone", 1);
  await run("UPDATE buses SET status = 'deleted', updated_ms = ?1 WHERE bus = 'gone'", stage.clock.now());
  await putEvents([{ bus: "gone", acceptedMs: stage.clock.now() - 9 * DAY_MS, states: [{ state: "waiting" }] }]);
  await stage.router.sweep();
  expect(stage.lines("sweep.retention")).toEqual([]);
  expect(await count("events")).toBe(0);
});

it("removes bodies without an event after ORPHAN_BODIES_KEPT_MS and looks at each body once", async () => {
  await busOf("long", 30);
  const now = stage.clock.now();
  const orphaned = (id: string, storedMs: number) =>
    run("INSERT INTO bodies (event_id, stored_ms, body) VALUES (?1, ?2, '{}')", id, storedMs);
  // Bodies of events that stay for three weeks more, many at one moment.
  const kept = SWEEP_ROWS_MAX * 2 + 3;
  for (let at = 0; at < kept; at += 700)
    await putEvents(
      Array.from({ length: Math.min(700, kept - at) }, () => ({
        bus: "long",
        acceptedMs: now - 9 * DAY_MS,
        states: [],
        byReference: true,
      })),
    );
  await orphaned("evt_old", now - 9 * DAY_MS);
  await orphaned("evt_over", now - ORPHAN_BODIES_KEPT_MS - 1);
  await orphaned("evt_at", now - ORPHAN_BODIES_KEPT_MS);
  await stage.router.sweep();
  expect(
    await rows("SELECT event_id FROM bodies WHERE event_id LIKE 'evt\\___%' ESCAPE '\\' AND length(event_id) < 10"),
  ).toEqual([{ event_id: "evt_at" }]);
  expect(await count("bodies")).toBe(kept + 1);

  // Nobody looks at them again, and what is stored later has its turn.
  stage.flaky.executed.length = 0;
  await stage.router.sweep();
  const looked = stage.flaky.executed.filter(({ sql }) => sql.includes("bodies_stored"));
  expect(looked.map(({ rowsRead }) => rowsRead)).toEqual([expect.any(Number)]);
  expect(looked[0]?.rowsRead).toBeLessThan(5);
  stage.clock.advance(1);
  await stage.router.sweep();
  expect(await count("bodies WHERE event_id = 'evt_at'")).toBe(0);

  // A body that is stored again begins anew.
  await orphaned("evt_again", now - DAY_MS);
  stage.clock.advance(2 * DAY_MS);
  await run("UPDATE bodies SET stored_ms = ?1 WHERE event_id = 'evt_again'", stage.clock.now());
  stage.clock.advance(ORPHAN_BODIES_KEPT_MS);
  await stage.router.sweep();
  expect(await count("bodies WHERE event_id = 'evt_again'")).toBe(1);
  stage.clock.advance(1);
  await stage.router.sweep();
  expect(await count("bodies WHERE event_id = 'evt_again'")).toBe(0);
});

it("spares a body whose event comes on record between the look and the removal", async () => {
  const now = stage.clock.now();
  await run("INSERT INTO bodies (event_id, stored_ms, body) VALUES ('evt_late', ?1, '{}')", now - 8 * DAY_MS);
  stage.flaky.fate = async (statements) => {
    if (statements.some((sql) => sql.includes("bodies_checked_ms = ?1")))
      await env.DB.prepare(
        `INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type)
         VALUES ('default', 'zz', 'evt_late', 'r', ?1, 0, 0, 2, 'i', '/s', 't')`,
      )
        .bind(now)
        .run();
    return "pass" as const;
  };
  await stage.router.sweep();
  expect(await count("bodies")).toBe(1);
});

it("leaves the body of an event that is published once more when its retention ends", async () => {
  const { router, clock } = stage;
  const good = sink();
  const { id } = await router.subscribe({ sink: good.url });
  const publish = () => router.publish({ type: "t", source: "/s", id: "1", data: "x".repeat(INLINE_BYTES_MAX) });
  await publish();
  await router.drain();
  clock.advance(RETENTION_DAYS * DAY_MS + 1);
  await publish();
  await router.sweep();
  expect(await count("events")).toBe(0);
  await router.drain();
  expect(await stage.record(id)).toMatchObject([{ status: "delivered", cause: null }]);
  // With that event it goes, like any.
  clock.advance(RETENTION_DAYS * DAY_MS + 1);
  await router.sweep();
  expect([await count("events"), await count("bodies")]).toEqual([0, 0]);
});

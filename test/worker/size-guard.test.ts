// The size of the database, read from D1 itself: over a part of it the oldest events go, over another nothing but failures is recorded.
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { timeOrderedId } from "../../src/core/ids.ts";
import {
  DATABASE_NOTED_FRACTION,
  FAILURES_ONLY_END_FRACTION,
  FAILURES_ONLY_FRACTION,
  INLINE_BYTES_MAX,
  LEASE_MS,
  ORPHAN_BODIES_KEPT_MS,
  ORPHAN_BODIES_KEPT_TIGHT_MS,
  PARCEL_DELIVERIES_MAX,
  RETENTION_DELIVERIES_MAX,
  RETENTION_EVENTS_MAX,
  SHORTEN_FRACTION,
  SHORTEN_SPARES_MS,
  SWEEP_BUDGET_MS,
} from "../../src/core/limits.ts";
import { d1Changes } from "../../src/d1/changes.ts";
import { sink } from "../sink-client.ts";
import { count, putEvents, rows, run, widen, type EventSeed } from "./records.ts";
import { createStage, type Stage } from "./stage.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const DATABASE_BYTES = 10_000_000;
const smallStage = (): Promise<Stage> => createStage({ DATABASE_MB: String(DATABASE_BYTES / 1_000_000) });

const sizeNow = async (): Promise<number> => (await run("SELECT 1")).meta.size_after;

interface Meta {
  readonly database_bytes: number;
  readonly failures_only: number;
  readonly shortened_ms: number;
}
const metaNow = async (): Promise<Meta> => {
  const [meta] = await rows<Meta>("SELECT database_bytes, failures_only, shortened_ms FROM meta");
  if (meta === undefined) throw new Error("No meta");
  return meta;
};

/** Events of some 5 kB each, accepted at these times, until the database has that size. */
async function fillWith(seedAt: (index: number) => EventSeed, untilFraction: number): Promise<number> {
  let events = 0;
  while ((await sizeNow()) <= untilFraction * DATABASE_BYTES) {
    await putEvents(Array.from({ length: 100 }, (_, index) => ({ size: 4_000, ...seedAt(events + index) })));
    events += 100;
  }
  return events;
}

/** Bytes that no step of the sweep may remove: bodies of publishes that may still be claimed. */
async function fillForGood(stage: Stage, fraction: number): Promise<void> {
  while ((await sizeNow()) <= fraction * DATABASE_BYTES)
    await run(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5)
       INSERT INTO bodies (event_id, stored_ms, body) SELECT 'evt_' || hex(randomblob(8)), ?1, printf('%4000s', '') FROM n`,
      stage.clock.now(),
    );
}

const BUSES = ["default", "eu", "us", "zoo"];

it("sees the size shrink when rows go", async () => {
  await smallStage();
  const empty = await sizeNow();
  await fillWith(() => ({ bus: "default", acceptedMs: 1_700_000_000_000, states: [] }), 0.3);
  expect(await sizeNow()).toBeGreaterThan(0.3 * DATABASE_BYTES);
  await run("DELETE FROM events");
  // What was taken for trees stays theirs: a few pages.
  expect(await sizeNow()).toBeLessThan(empty + 100_000);
});

it("leaves everything on record under its limit, and notes the size only when it changed", async () => {
  const stage = await smallStage();
  const now = stage.clock.now();
  const events = await fillWith(
    (index) => ({ bus: "default", acceptedMs: now - HOUR_MS + index, states: [{ state: "delivered" }] }),
    SHORTEN_FRACTION - 0.1,
  );
  await stage.router.sweep();
  expect(await count("events")).toBe(events);
  const noted = (await metaNow()).database_bytes;
  expect(noted).toBe(await sizeNow());
  expect(stage.lines("sweep.shortened")).toEqual([]);

  await run("UPDATE meta SET database_bytes = ?1", noted - 0.9 * DATABASE_NOTED_FRACTION * DATABASE_BYTES);
  stage.flaky.executed.length = 0;
  await stage.router.sweep();
  expect(stage.flaky.executed.filter(({ sql }) => sql.includes("SET database_bytes"))).toEqual([]);
  await run("UPDATE meta SET database_bytes = ?1", noted - 1.1 * DATABASE_NOTED_FRACTION * DATABASE_BYTES);
  await stage.router.sweep();
  expect((await metaNow()).database_bytes).toBe(await sizeNow());
});

it("removes the oldest events over all buses, in their order, until it is under its limit, and says so", async () => {
  const stage = await smallStage();
  const now = stage.clock.now();
  // Times go up and down over the buses, and one bus has the oldest and the youngest.
  const seed = (index: number): EventSeed => ({
    bus: BUSES[(index * 7) % 4] ?? "",
    acceptedMs: now - 2 * DAY_MS + ((index * 7_919) % 10_007) * 1_000,
    states: [{ state: "delivered" }],
    byReference: index % 10 === 0,
  });
  await fillWith(seed, SHORTEN_FRACTION + 0.1);
  const before = await rows<{ seq: string; ms: number }>("SELECT seq, accepted_ms AS ms FROM events ORDER BY seq");
  await stage.router.sweep();

  expect(await sizeNow()).toBeLessThanOrEqual(SHORTEN_FRACTION * DATABASE_BYTES);
  const left = await rows<{ seq: string; ms: number }>("SELECT seq, accepted_ms AS ms FROM events ORDER BY seq");
  const removed = before.length - left.length;
  expect(removed).toBeGreaterThan(0);
  // Not one that is younger than any that stays, and no more than the excess asks for.
  expect(left).toEqual(before.slice(removed));
  expect(removed).toBeLessThan(before.length * 0.2);
  expect((await metaNow()).shortened_ms).toBe((before[removed - 1]?.ms ?? 0) + 1);
  expect([await count("deliveries"), await stage.faults()]).toEqual([left.length, {}]);
  expect(await count("bodies b WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.event_id = b.event_id)")).toBe(0);
  const [line, ...others] = stage.lines("sweep.shortened");
  expect(others).toEqual([]);
  expect(line).toMatchObject({
    level: "warn",
    fields: {
      expired: 0,
      removed,
      bytes: await sizeNow(),
      before: new Date(before[removed - 1]?.ms ?? 0).toISOString(),
    },
  });
  // Under it nothing more goes.
  await stage.router.sweep();
  expect(await count("events")).toBe(left.length);
});

it("is effective with many open deliveries: they are closed and go, without a day's grace; what is in flight stays", async () => {
  const stage = await smallStage();
  const now = stage.clock.now();
  await run("INSERT INTO claims (token, lease_ms, keys) VALUES ('live', ?1, '[]')", now + LEASE_MS);
  const [inFlight = ""] = await putEvents([
    { bus: "zoo", acceptedMs: now - 3 * DAY_MS, states: [{ state: "claimed", claim: "live" }], byReference: true },
  ]);
  const [wide = ""] = await putEvents([{ bus: "eu", acceptedMs: now - 2 * DAY_MS, states: [] }]);
  await widen(wide, 2 * RETENTION_DELIVERIES_MAX + 1, { state: "held" });
  await fillWith(
    (index) => ({ bus: BUSES[index % 4] ?? "", acceptedMs: now - DAY_MS + index, states: [{ state: "waiting" }] }),
    0.95,
  );
  // Nothing of it is due, or it would be woken: these wait for their retries.
  await run("UPDATE deliveries SET due_ms = ?1 WHERE state = 'waiting'", now + HOUR_MS);
  await run(
    `INSERT INTO subscriptions (bus, id, version, status, sink, format, timeout_ms, created_ms, updated_ms, retry, wanted, secrets, headers)
     SELECT 'eu', subscription_id, 1, 'paused', '', 'structured', 1000, 0, 0, '', '', '', '' FROM deliveries WHERE state = 'held'`,
  );
  await stage.router.sweep();
  expect(await sizeNow()).toBeLessThanOrEqual(SHORTEN_FRACTION * DATABASE_BYTES);
  expect(await count("events WHERE event_id = ?1", inFlight)).toBe(1);
  expect(await count("bodies WHERE event_id = ?1", inFlight)).toBe(1);
  expect(await count("events WHERE event_id = ?1", wide)).toBe(0);
  const [line] = stage.lines("sweep.shortened");
  expect(line?.fields["expired"]).toBeGreaterThan(2 * RETENTION_DELIVERIES_MAX);
  // Each that was closed is gone, none was removed while it was open, and those that stay are as they were.
  expect(await count("deliveries WHERE state = 'dead'")).toBe(0);
  expect(await stage.faults()).toEqual({});
});

it("says nothing of a shortened retention when what goes was past its retention anyway", async () => {
  const stage = await smallStage();
  const now = stage.clock.now();
  await fillWith(
    (index) => ({ bus: "default", acceptedMs: now - 8 * DAY_MS + index, states: [{ state: "waiting" }] }),
    0.75,
  );
  await stage.router.sweep();
  // Retention closed them and would keep them for a day.
  expect(await sizeNow()).toBeLessThanOrEqual(SHORTEN_FRACTION * DATABASE_BYTES);
  expect(await count("deliveries WHERE cause = 'expired'")).toBeGreaterThan(0);
  expect((await metaNow()).shortened_ms).toBe(0);
  expect(stage.lines("sweep.shortened")).toHaveLength(1);
});

it("finds the oldest among 10,000 buses with a few reads for each, and never twice the same", async () => {
  const stage = await smallStage();
  const now = stage.clock.now();
  const buses = 10_000;
  await run(
    `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
     INSERT INTO buses (bus, version, created_ms, updated_ms) SELECT printf('b%05d', i), 1, 0, 0 FROM n`,
    buses,
  );
  // The order of time is not that of the names.
  await fillWith(
    (index) => ({
      bus: `b${String((index * 7_919) % buses).padStart(5, "0")}`,
      acceptedMs: now - DAY_MS + index * 1_000,
      states: [],
    }),
    0.9,
  );
  const before = await rows<{ seq: string }>("SELECT seq FROM events ORDER BY seq");
  stage.flaky.executed.length = 0;
  await stage.router.sweep();
  const left = await rows<{ seq: string }>("SELECT seq FROM events ORDER BY seq");
  expect(left).toEqual(before.slice(before.length - left.length));
  const finds = stage.flaky.executed.filter(({ sql }) => sql.includes("WITH RECURSIVE oldest"));
  expect(finds.length).toBeGreaterThan(0);
  expect(Math.max(...finds.map(({ rowsRead }) => rowsRead))).toBeLessThan(4 * buses + 20 * RETENTION_EVENTS_MAX);
  // Under the limit nobody looks.
  stage.flaky.executed.length = 0;
  await stage.router.sweep();
  expect(stage.flaky.executed.filter(({ sql }) => sql.includes("WITH RECURSIVE oldest"))).toEqual([]);
});

it("spares events when a deleted bus makes room enough", async () => {
  const stage = await smallStage();
  const now = stage.clock.now();
  await putEvents([{ bus: "default", acceptedMs: now - 6 * DAY_MS, states: [] }]);
  await fillWith((index) => ({ bus: "gone", acceptedMs: now - DAY_MS + index, states: [] }), SHORTEN_FRACTION + 0.1);
  await run("UPDATE buses SET status = 'deleted', updated_ms = ?1 WHERE bus = 'gone'", now);
  await stage.router.sweep();
  expect([await count("events"), stage.lines("sweep.shortened")]).toEqual([1, []]);
});

it("spares events while a deleted bus is still being emptied, in as many sweeps as that takes", async () => {
  const stage = await smallStage();
  const now = stage.clock.now();
  await putEvents([{ bus: "default", acceptedMs: now - DAY_MS, states: [] }]);
  await fillWith((index) => ({ bus: "gone", acceptedMs: now - HOUR_MS + index, states: [] }), 0.97);
  await run("UPDATE buses SET status = 'deleted', updated_ms = ?1 WHERE bus = 'gone'", now);
  stage.flaky.fate = (statements) => {
    if (statements.some((sql) => sql.includes("DELETE FROM erasures"))) stage.clock.advance(SWEEP_BUDGET_MS);
    return "pass";
  };
  await stage.router.sweep();
  expect(await sizeNow()).toBeGreaterThan(SHORTEN_FRACTION * DATABASE_BYTES);
  expect([await count("events WHERE bus = 'default'"), stage.lines("sweep.shortened")]).toEqual([1, []]);
  for (let sweeps = 0; sweeps < 5; sweeps++) await stage.router.sweep();
  expect([await count("events"), stage.lines("sweep.shortened")]).toEqual([1, []]);
  // Then it looks again.
  stage.flaky.fate = () => "pass";
  await fillWith(
    (index) => ({ bus: "default", acceptedMs: now - DAY_MS + index, states: [] }),
    SHORTEN_FRACTION + 0.05,
  );
  await stage.router.sweep();
  expect(stage.lines("sweep.shortened")).toHaveLength(1);
});

it("ends within its budget, and the next sweep goes on", async () => {
  const stage = await smallStage();
  const now = stage.clock.now();
  const events = await fillWith(
    (index) => ({ bus: "default", acceptedMs: now - DAY_MS + index, states: [], size: 900 }),
    0.95,
  );
  let steps = 0;
  stage.flaky.fate = (statements) => {
    if (!statements.some((sql) => sql.includes("SET shortened_ms"))) return "pass";
    steps += 1;
    stage.clock.advance(SWEEP_BUDGET_MS);
    return "pass";
  };
  await stage.router.sweep();
  expect(steps).toBe(1);
  const left = await count("events");
  expect(left).toBeLessThan(events);
  expect(await sizeNow()).toBeGreaterThan(SHORTEN_FRACTION * DATABASE_BYTES);
  for (let sweeps = 0; sweeps < 5; sweeps++) await stage.router.sweep();
  expect(await sizeNow()).toBeLessThanOrEqual(SHORTEN_FRACTION * DATABASE_BYTES);
  expect(await count("events")).toBeGreaterThan(0);
});

it("spares what is an hour old or younger when something else fills the database: its retries go on", async () => {
  const stage = await smallStage();
  await fillForGood(stage, SHORTEN_FRACTION);
  const since = stage.clock.now() - SHORTEN_SPARES_MS;
  const waiting = { state: "waiting" } as const;
  const [old = "", young = ""] = await putEvents([
    { bus: "eu", acceptedMs: since - 1, states: [waiting] },
    { bus: "default", acceptedMs: since, states: [waiting] },
  ]);
  // Its retry is an hour away, so that the sweep does not wake it.
  await run("UPDATE deliveries SET due_ms = ?1", stage.clock.now() + HOUR_MS);
  await stage.router.sweep();
  expect([await count("events WHERE event_id = ?1", old), await count("events WHERE event_id = ?1", young)]).toEqual([
    0, 1,
  ]);
  expect(await rows("SELECT state, cause FROM deliveries")).toEqual([{ state: "waiting", cause: null }]);
  expect(stage.lines("sweep.shortened")).toMatchObject([{ fields: { expired: 1, removed: 1 } }]);
});

it("ends when nothing is left to remove, and does not fail for that", async () => {
  const stage = await smallStage();
  await fillForGood(stage, SHORTEN_FRACTION);
  await putEvents([{ bus: "eu", acceptedMs: stage.clock.now() - DAY_MS, states: [{ state: "dead" }] }]);
  await stage.router.sweep();
  expect(await count("events")).toBe(0);
  await stage.router.sweep();
  expect(stage.lines("sweep.shortened").map(({ fields }) => fields["removed"])).toEqual([1, 0]);
  expect(stage.lines("sweep.failed")).toEqual([]);
});

it("records failures only over its limit until it is well under it, everywhere, and publishing goes on", async () => {
  const stage = await smallStage();
  const changes = d1Changes({ db: env.DB });
  const failuresOnly = async (): Promise<boolean> => (await changes.since(0, ["default"])).failuresOnly;
  const removeBodies = (bytes: number) =>
    run("DELETE FROM bodies WHERE event_id IN (SELECT event_id FROM bodies LIMIT ?1)", Math.ceil(bytes / 4_100));
  await fillForGood(stage, FAILURES_ONLY_FRACTION - 0.02);
  await stage.router.sweep();
  expect([await failuresOnly(), stage.lines("database.failures_only")]).toEqual([false, []]);

  await fillForGood(stage, FAILURES_ONLY_FRACTION);
  await stage.router.sweep();
  expect(await failuresOnly()).toBe(true);
  expect(stage.lines("database.failures_only")).toMatchObject([{ level: "error", fields: { on: true } }]);
  expect((await metaNow()).database_bytes).toBe(await sizeNow());
  expect((await stage.router.publish({ type: "t", source: "/s", id: "1" })).status).toBe(202);

  // Between the two figures it stays, without a word.
  await removeBodies((FAILURES_ONLY_FRACTION - FAILURES_ONLY_END_FRACTION - 0.02) * DATABASE_BYTES);
  expect(await sizeNow()).toBeGreaterThan(FAILURES_ONLY_END_FRACTION * DATABASE_BYTES);
  await stage.router.sweep();
  expect([await failuresOnly(), stage.lines("database.failures_only").length]).toEqual([true, 1]);

  await removeBodies(0.04 * DATABASE_BYTES);
  expect(await sizeNow()).toBeLessThan(FAILURES_ONLY_END_FRACTION * DATABASE_BYTES);
  await stage.router.sweep();
  expect(await failuresOnly()).toBe(false);
  expect(stage.lines("database.failures_only").at(-1)).toMatchObject({ level: "info", fields: { on: false } });
});

it("is not kept over its limits by bodies of large events that leave no record", async () => {
  const stage = await smallStage();
  const { router, clock } = stage;
  await router.json("/v1/buses/default", { ...router.post("", { log_level: "failures" }), method: "PATCH" });
  const good = sink();
  for (let index = 0; index <= PARCEL_DELIVERIES_MAX; index++) await router.subscribe({ sink: good.url });
  const publish = (id: string) =>
    router.publish({ type: "t", source: "/s", id, data: "x".repeat(2 * INLINE_BYTES_MAX) });
  // And more than the sweep takes away of what they leave to be counted.
  for (let index = 0; (await sizeNow()) <= (FAILURES_ONLY_FRACTION + 0.03) * DATABASE_BYTES; index++) {
    expect((await publish(`wide${index}`)).status).toBe(202);
    await router.drain();
  }
  clock.advance(ORPHAN_BODIES_KEPT_TIGHT_MS);
  await router.sweep();
  expect((await metaNow()).failures_only).toBe(1);
  expect(await sizeNow()).toBeGreaterThan(FAILURES_ONLY_FRACTION * DATABASE_BYTES);
  clock.advance(1);
  await router.sweep();
  expect(await count("bodies")).toBe(0);
  await router.sweep();
  expect((await metaNow()).failures_only).toBe(0);

  // What is spent from here on lies behind the place up to which bodies were looked at, and goes all the same.
  const { data } = await router.json<{ data: { id: string }[] }>("/v1/subscriptions");
  for (const { id } of data.slice(1)) await router.request(`/v1/subscriptions/${id}`, { method: "DELETE" });
  await publish("narrow");
  await router.drain();
  clock.advance(ORPHAN_BODIES_KEPT_MS);
  await router.sweep();
  expect(await count("bodies")).toBe(0);
}, 60_000);

it("begins and ends in two sweeps when shortening helps, and takes no version for it", async () => {
  const stage = await smallStage();
  const now = stage.clock.now();
  const version = () => env.DB.prepare("SELECT version FROM meta").first<number>("version");
  const before = await version();
  await fillWith(
    (index) => ({ bus: "default", acceptedMs: now - DAY_MS + index, states: [] }),
    FAILURES_ONLY_FRACTION + 0.05,
  );
  await stage.router.sweep();
  expect((await metaNow()).failures_only).toBe(1);
  await stage.router.sweep();
  expect((await metaNow()).failures_only).toBe(0);
  expect(await version()).toBe(before);
});

it("does every other step when the size cannot be read, and shortens when only its note fails", async () => {
  const stage = await smallStage();
  const now = stage.clock.now();
  await fillWith(
    (index) => ({ bus: "default", acceptedMs: now - DAY_MS + index, states: [] }),
    SHORTEN_FRACTION + 0.05,
  );
  await putEvents([{ bus: "default", acceptedMs: now - 9 * DAY_MS, states: [] }]);
  stage.flaky.fate = (statements) =>
    statements.some((sql) => sql.includes("database_bytes, failures_only")) ? "fail-before" : "pass";
  await expect(stage.router.sweep()).rejects.toThrow("The database does not answer");
  expect(await count("events WHERE accepted_ms < ?1", now - 7 * DAY_MS)).toBe(0);
  expect(stage.lines("sweep.failed").map(({ fields }) => fields["step"])).toEqual(["measure", "shorten"]);

  stage.flaky.fate = (statements) =>
    statements.some((sql) => sql.includes("SET database_bytes")) ? "fail-before" : "pass";
  await expect(stage.router.sweep()).rejects.toThrow("The database does not answer");
  expect(await sizeNow()).toBeLessThanOrEqual(SHORTEN_FRACTION * DATABASE_BYTES);
});

it("leaves no delivery behind when an event is claimed between the look and the removal", async () => {
  const stage = await smallStage();
  const now = stage.clock.now();
  await fillWith(
    (index) => ({ bus: "default", acceptedMs: now - DAY_MS + index, states: [{ state: "waiting" }] }),
    SHORTEN_FRACTION + 0.02,
  );
  let claimed = "";
  stage.flaky.fate = async (statements) => {
    if (claimed !== "" || !statements.some((sql) => sql.includes("SET shortened_ms"))) return "pass" as const;
    claimed = timeOrderedId(now, new Uint8Array(10));
    await run("INSERT INTO claims (token, lease_ms, keys) VALUES (?1, ?2, '[]')", claimed, now + LEASE_MS);
    await run(
      `UPDATE deliveries SET state = 'claimed', claim = ?1, due_ms = NULL
       WHERE (bus, seq) IN (SELECT bus, seq FROM events ORDER BY bus, seq LIMIT 3)`,
      claimed,
    );
    return "pass" as const;
  };
  await stage.router.sweep();
  expect(await count("deliveries WHERE claim = ?1", claimed)).toBe(3);
  expect(await stage.faults()).toEqual({});
});

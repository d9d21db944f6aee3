// A deleted bus: the sweep removes all that it had, in steps, and nothing of any other; last its tombstone, which the caches must have heard of.
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { timeOrderedId } from "../../src/core/ids.ts";
import {
  BUS_CLOCK_MS,
  BUS_NAME_REST_MS,
  LEASE_MS,
  RETENTION_DELIVERIES_MAX,
  RETENTION_EVENTS_MAX,
  SWEEP_BUDGET_MS,
  SWEEP_GRACE_MS,
  SWEEP_ROWS_MAX,
  TOMBSTONE_MS,
} from "../../src/core/limits.ts";
import { d1Changes } from "../../src/d1/changes.ts";
import { sink } from "../sink-client.ts";
import { count, putEvents, run, widen } from "./records.ts";
import { createStage, type Stage } from "./stage.ts";

const DAY_MS = 86_400_000;
const TABLES = ["events", "deliveries", "subscriptions", "keys", "audit", "idempotency"];

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
});

const onBus = async (bus: string): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const table of TABLES) counts[table] = await count(`${table} WHERE bus = ?1`, bus);
  return counts;
};
const NOTHING = Object.fromEntries(TABLES.map((table) => [table, 0]));

const makeBus = (bus: string) =>
  run(
    "INSERT INTO buses (bus, version, created_ms, updated_ms) VALUES (?1, 1, ?2, ?2) ON CONFLICT DO NOTHING",
    bus,
    stage.clock.now(),
  );

/** As BusStore.delete leaves it. Answers the version. */
async function deleteBus(bus: string): Promise<number> {
  await env.DB.batch([
    env.DB.prepare("UPDATE meta SET version = version + 1"),
    env.DB.prepare(
      "UPDATE buses SET status = 'deleted', updated_ms = ?2, version = (SELECT version FROM meta) WHERE bus = ?1",
    ).bind(bus, stage.clock.now()),
  ]);
  return (await env.DB.prepare("SELECT version FROM meta").first<number>("version")) ?? 0;
}

/** Rows of every kind, so many of each. */
async function fillBus(bus: string, many: number): Promise<void> {
  const now = stage.clock.now();
  await makeBus(bus);
  const numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)";
  await run(
    `${numbers} INSERT INTO subscriptions (bus, id, version, status, sink, format, timeout_ms, created_ms, updated_ms, retry, wanted, secrets, headers)
     SELECT ?1, printf('sub_%026d', i), i + 1, iif(i % 2, 'active', 'deleted'), '', 'structured', 1000, ?3, ?3, '', '{}', '', '' FROM n`,
    bus,
    many,
    now,
  );
  await run(
    `${numbers} INSERT INTO keys (bus, id, version, status, hash, scopes, created_ms, updated_ms)
     SELECT ?1, printf('key_%026d', i), i + 1, 'active', ?1 || i, '["publish"]', ?3, ?3 FROM n`,
    bus,
    many,
    now,
  );
  await run(
    `${numbers} INSERT INTO audit (bus, id, at_ms, actor, action, target) SELECT ?1, printf('aud_%026d', i), ?3, 'root', 'key.created', 'x' FROM n`,
    bus,
    many,
    now,
  );
  await run(
    `${numbers} INSERT INTO idempotency (bus, actor, key, fingerprint, began_ms, seed) SELECT ?1, 'root', 'k' || i, 'f', ?3, 's' FROM n`,
    bus,
    many,
    now,
  );
  const states = ["waiting", "held", "delivered", "dead", "cancelled"].map((state) => ({ state }));
  for (let at = 0; at < many; at += 400)
    await putEvents(
      Array.from({ length: Math.min(400, many - at) }, (_, index) => ({
        bus,
        acceptedMs: now - 1_000 - at - index,
        states: states.slice(0, index % 6),
        byReference: index % 3 === 0,
      })),
    );
  await run("UPDATE deliveries SET due_ms = ?1 WHERE state = 'waiting'", now + DAY_MS);
}

it("removes everything that it had in bounded steps, and nothing of the others", async () => {
  const many = 2 * SWEEP_ROWS_MAX + 3;
  // Names before and after it, in the order of the keys.
  for (const bus of ["default", "gona", "gonez"]) await fillBus(bus, 20);
  await fillBus("gone", many);
  await run("UPDATE deliveries SET state = 'dead' WHERE state = 'held'");
  const others = await Promise.all(["default", "gona", "gonez"].map(onBus));
  const bodies = await count("bodies");
  const goneBodies = await count("bodies b JOIN events e ON e.event_id = b.event_id WHERE e.bus = 'gone'");
  await deleteBus("gone");
  stage.flaky.executed.length = 0;
  await stage.router.sweep();
  expect(await onBus("gone")).toEqual(NOTHING);
  expect(await Promise.all(["default", "gona", "gonez"].map(onBus))).toEqual(others);
  expect(await count("bodies")).toBe(bodies - goneBodies);
  expect(await count("buses WHERE bus = 'gone' AND status = 'deleted'")).toBe(1);
  expect(await stage.faults()).toEqual({});
  const steps = stage.flaky.executed.filter(({ sql }) => sql.includes("DELETE FROM events") && sql.includes("buses b"));
  expect(steps.length).toBeGreaterThanOrEqual(many / RETENTION_EVENTS_MAX);
  const reads = stage.flaky.executed.map(({ sql, rowsRead }) => ({ sql: sql.slice(0, 70), rowsRead }));
  expect(reads.filter(({ rowsRead }) => rowsRead > 8 * RETENTION_DELIVERIES_MAX)).toEqual([]);
  expect(stage.lines("sweep.purged").every(({ fields }) => fields["what"] === "buses")).toBe(true);
});

it("removes a wide event's deliveries before the event, so that no step leaves one without the other", async () => {
  await makeBus("gone");
  const now = stage.clock.now();
  const [wide = ""] = await putEvents([
    { bus: "gone", acceptedMs: now, states: [] },
    ...Array.from({ length: 3 }, (_, index) => ({
      bus: "gone",
      acceptedMs: now + 1 + index,
      states: [{ state: "dead" }],
    })),
  ]);
  await widen(wide, 3 * RETENTION_DELIVERIES_MAX, { state: "delivered" });
  await deleteBus("gone");
  const orphans: number[] = [];
  stage.flaky.fate = async (statements) => {
    if (statements.some((sql) => sql.includes("DELETE FROM deliveries")))
      orphans.push(
        await count("deliveries d WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.bus = d.bus AND e.seq = d.seq)"),
      );
    return "pass" as const;
  };
  await stage.router.sweep();
  expect(orphans.length).toBeGreaterThan(3);
  expect(Math.max(...orphans)).toBe(0);
  expect(await onBus("gone")).toEqual(NOTHING);
});

it("keeps to its budget, goes on with the next sweep, and takes one bus after the other", async () => {
  for (const bus of ["gone-a", "gone-b"]) {
    await fillBus(bus, SWEEP_ROWS_MAX + 1);
    await deleteBus(bus);
    stage.clock.advance(1);
  }
  let steps = 0;
  stage.flaky.fate = (statements) => {
    if (statements.some((sql) => sql.includes("DELETE FROM idempotency") && sql.includes("buses b"))) {
      steps += 1;
      stage.clock.advance(SWEEP_BUDGET_MS);
    }
    return "pass";
  };
  await stage.router.sweep();
  expect(steps).toBe(1);
  expect((await onBus("gone-b"))["keys"]).toBe(SWEEP_ROWS_MAX + 1);
  for (let sweeps = 0; sweeps < 8; sweeps++) await stage.router.sweep();
  expect([await onBus("gone-a"), await onBus("gone-b")]).toEqual([NOTHING, NOTHING]);
});

it("settles what was in flight while it was purged, which finds nothing and brings nothing back", async () => {
  const one = sink();
  await one.program([
    { status: 503, delayMs: 300 },
    { status: 200, delayMs: 300 },
  ]);
  await makeBus("gone");
  const headers = { "fantail-bus": "gone" };
  await stage.router.json("/v1/subscriptions", stage.router.post("", { sink: one.url, types: ["t"] }, { headers }));
  for (const id of ["1", "2"])
    expect(
      (
        await stage.router.publish(
          { type: "t", source: "/s", id },
          { headers: { ...headers, "content-type": "application/json" } },
        )
      ).status,
    ).toBe(202);
  const pushing = stage.router.handle(stage.router.take());
  while ((await count("claims")) === 0) await one.requests();
  await deleteBus("gone");
  await stage.router.sweep();
  expect(await onBus("gone")).toEqual(NOTHING);
  expect((await pushing).map(({ verdict }) => verdict)).toEqual(["ack", "ack"]);
  expect(await one.requests()).toHaveLength(2);
  expect(await onBus("gone")).toEqual(NOTHING);
  expect(await stage.claims()).toBe(0);
  // Its alarms find nothing either.
  stage.clock.advance(DAY_MS);
  const alarms = stage.router.take();
  if (alarms.length > 0) await stage.router.handle(alarms);
  await stage.router.sweep();
  expect([await onBus("gone"), await stage.claims(), await stage.faults()]).toEqual([NOTHING, 0, {}]);
});

it("frees the lease of a batch that died with it", async () => {
  await fillBus("gone", 5);
  const token = timeOrderedId(stage.clock.now(), new Uint8Array(10));
  await run("UPDATE deliveries SET state = 'claimed', claim = ?1, due_ms = NULL WHERE state = 'waiting'", token);
  await run(
    `INSERT INTO claims (token, lease_ms, keys)
     SELECT ?1, ?2, json_group_array(json_array(bus, seq, subscription_id, run)) FROM deliveries WHERE claim = ?1`,
    token,
    stage.clock.now() + LEASE_MS,
  );
  await deleteBus("gone");
  await stage.router.sweep();
  expect([await onBus("gone"), await stage.claims()]).toEqual([NOTHING, 1]);
  stage.clock.advance(LEASE_MS + SWEEP_GRACE_MS);
  await stage.router.sweep();
  expect([await onBus("gone"), await stage.claims()]).toEqual([NOTHING, 0]);
});

it("removes also what came after its purge, and its tombstone stays for as long", async () => {
  await makeBus("gone");
  await deleteBus("gone");
  await stage.router.sweep();
  stage.clock.advance(TOMBSTONE_MS + 1);
  // A batch that began before the deletion, or a message of before it: both tables, one table.
  stage.flaky.fate = async (statements) => {
    if (statements.some((sql) => sql.includes("DELETE FROM buses")))
      await run(
        "INSERT INTO deliveries (bus, seq, subscription_id, state, attempt, tries) VALUES ('gone', 's', 'sub_x', 'delivered', 1, 1)",
      );
    return "pass" as const;
  };
  await stage.router.sweep();
  expect(await count("buses WHERE bus = 'gone'")).toBe(1);
  stage.flaky.fate = () => "pass";
  await stage.router.sweep();
  expect([await onBus("gone"), await count("buses WHERE bus = 'gone'")]).toEqual([NOTHING, 0]);
});

it("erases the tombstone a day after the deletion, and raises what the caches must know", async () => {
  await fillBus("gone", 3);
  const version = await deleteBus("gone");
  const purged = () => env.DB.prepare("SELECT purged_version FROM meta").first<number>("purged_version");
  await stage.router.sweep();
  stage.clock.advance(TOMBSTONE_MS);
  await stage.router.sweep();
  expect([await count("buses WHERE bus = 'gone'"), (await purged()) ?? 0]).toEqual([1, 0]);
  stage.clock.advance(1);
  await stage.router.sweep();
  expect([await count("buses WHERE bus = 'gone'"), await purged()]).toEqual([0, version]);
  const { changes, purgedVersion } = await d1Changes({ db: env.DB }).since(0, ["gone"]);
  expect([changes, purgedVersion]).toEqual([[], version]);
});

it("an isolate that slept through all of it does not route to the bus any more", async () => {
  await makeBus("gone");
  const headers = { "fantail-bus": "gone", "content-type": "application/json" };
  const publish = () => stage.router.publish({ type: "t" }, { headers });
  expect((await publish()).status).toBe(202);
  await deleteBus("gone");
  stage.clock.advance(TOMBSTONE_MS + 1);
  // Another isolate sweeps.
  await stage.isolate().sweep();
  expect(await count("buses WHERE bus = 'gone'")).toBe(0);
  expect((await publish()).status).toBe(404);
});

it("an active bus is never purged, whatever is asked for while it is made anew", async () => {
  await fillBus("again", 10);
  await deleteBus("again");
  stage.flaky.fate = async (statements) => {
    if (statements.some((sql) => sql.includes("DELETE FROM idempotency") && sql.includes("buses b")))
      await run("UPDATE buses SET status = 'active' WHERE bus = 'again'");
    return "pass" as const;
  };
  const before = await onBus("again");
  await stage.router.sweep();
  expect(await onBus("again")).toEqual(before);
});

it("looks at the tombstones of buses alone when nothing is left of them", async () => {
  for (let index = 0; index < 30; index++) {
    await makeBus(`gone-${index}`);
    await deleteBus(`gone-${index}`);
  }
  await stage.router.sweep();
  stage.flaky.executed.length = 0;
  await stage.router.sweep();
  const looks = stage.flaky.executed.filter(({ sql }) => sql.includes("buses_deleted"));
  expect(looks.reduce((sum, { rowsRead }) => sum + rowsRead, 0)).toBeLessThan(30 * 8);
});

it("what a queue still carries of a bus does not go on record on the next one of its name", async () => {
  const { router, clock } = stage;
  const bus = { "fantail-bus": "next" };
  const make = () => router.request("/v1/buses/next", { method: "PUT" });
  expect((await make()).status).toBe(201);
  expect((await router.publish({ type: "secret" }, { headers: bus })).status).toBe(202);
  const carried = router.take();
  expect((await router.request("/v1/buses/next", { method: "DELETE" })).status).toBe(204);
  clock.advance(BUS_NAME_REST_MS);
  await router.sweep();
  expect((await make()).status).toBe(201);
  await router.handle(carried);
  await router.handle(carried, "fantail-poison");
  expect(await router.json("/v1/events", { headers: bus })).toMatchObject({ data: [] });
  // One of its own, also where the clocks of two machines differ.
  clock.advance(-BUS_CLOCK_MS);
  expect((await router.publish({ type: "own" }, { headers: bus })).status).toBe(202);
  await router.drain();
  expect(await router.json("/v1/events", { headers: bus })).toMatchObject({ data: [{ type: "own" }] });
});

it("what was erased on a bus is no other bus's: the same id on the next one of its name is an event again", async () => {
  const { router, clock } = stage;
  const bus = { "fantail-bus": "heir" };
  const make = () => router.request("/v1/buses/heir", { method: "PUT" });
  const publish = () => router.publish({ type: "t", source: "/s", id: "1" }, { headers: bus });
  expect((await make()).status).toBe(201);
  const { events } = await (await publish()).json<{ events: [{ event_id: string }] }>();
  await router.drain();
  const path = `/v1/events/${events[0].event_id}`;
  expect((await router.request(path, { method: "DELETE", headers: bus })).status).toBe(204);
  // Retention took the event before the bus was deleted: nothing but the erasure is left of it.
  await run("DELETE FROM events WHERE bus = 'heir'");
  expect((await router.request("/v1/buses/heir", { method: "DELETE" })).status).toBe(204);
  clock.advance(BUS_NAME_REST_MS);
  expect((await make()).status).toBe(409);
  await router.sweep();
  expect((await make()).status).toBe(201);
  expect((await publish()).status).toBe(202);
  await router.drain();
  expect(await router.json(path, { headers: bus })).toMatchObject({ id: "1", erased_at: null });
});

// The sweep, through `scheduled`: what was lost is woken, what died is freed, what is old goes, in steps, and nothing else.
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { decodeBase64 } from "../../src/core/base64.ts";
import {
  EXPIRED_KEPT_MS,
  LEASE_MS,
  ORPHAN_BODIES_KEPT_MS,
  RETENTION_DELIVERIES_MAX,
  RETENTION_EVENTS_MAX,
  ROUTES_STALE_MS,
  SWEEP_CLAIMS_MAX,
  SWEEP_GRACE_MS,
  SWEEP_REPEAT_MS,
  SWEEP_ROWS_MAX,
  TOMBSTONE_MS,
} from "../../src/core/limits.ts";
import { decodeParcel, type EventParcel } from "../../src/core/parcel.ts";
import { createVault } from "../../src/core/vault.ts";
import { d1Log } from "../../src/d1/log.ts";
import { assemble } from "../../src/wire.ts";
import { fakeLogger, fakeRandom } from "../fakes.ts";
import { sink } from "../sink-client.ts";
import { flakyDb } from "./flaky-db.ts";
import { count, putEvents, run, type EventSeed } from "./records.ts";
import { createTestRouter, type Held, type TestRouter } from "./router.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** RETENTION_DAYS of the tests' environment. */
const RETENTION_MS = 7 * DAY_MS;

interface Row {
  readonly state: string;
  readonly cause: string | null;
  readonly attempt: number;
}
const deliveriesOf = async (subscriptionId: string): Promise<Row[]> =>
  (
    await env.DB.prepare("SELECT state, cause, attempt FROM deliveries WHERE subscription_id = ?1 ORDER BY bus, seq")
      .bind(subscriptionId)
      .all<Row>()
  ).results;

beforeEach(async () => {
  for (const table of ["deliveries", "events", "bodies", "claims", "subscriptions", "keys"])
    await run(`DELETE FROM ${table}`);
  await run("UPDATE meta SET bodies_checked_ms = 0, bodies_checked_id = ''");
});

async function published(router: TestRouter, type: string, id: string): Promise<void> {
  expect((await router.publish({ type, source: "/sweep", id })).status).toBe(202);
}

const attemptsOf = async (one: ReturnType<typeof sink>): Promise<(string | undefined)[]> =>
  (await one.requests()).map(({ headers }) => headers["fantail-attempt"]);

/** A delivery that failed once and waits for its retry, whose wake-up got lost. */
async function retryWithoutAlarm(router: TestRouter, type: string) {
  const one = sink();
  await one.program([{ status: 503 }]);
  const { id } = await router.subscribe({ sink: one.url, types: [type], retry: { schedule_s: [300, 300] } });
  await published(router, type, type);
  await router.drain();
  expect(await deliveriesOf(id)).toEqual([{ state: "waiting", cause: "retry", attempt: 1 }]);
  expect(router.take()).toHaveLength(1);
  return { one, id };
}

it("wakes a retry whose wake-up was lost, once, and not before its grace is over", async () => {
  const router = createTestRouter();
  const { one, id } = await retryWithoutAlarm(router, "lost-alarm");
  const moveDue = (agoMs: number) =>
    run("UPDATE deliveries SET due_ms = ?1 WHERE subscription_id = ?2", Date.now() - agoMs, id);
  // Not due, and due but within the grace: its alarm may still come.
  await router.sweep();
  await moveDue(SWEEP_GRACE_MS - 10_000);
  await router.sweep();
  expect(router.held).toEqual([]);
  await moveDue(SWEEP_GRACE_MS);
  await router.sweep();
  expect(router.held).toHaveLength(1);
  // The next minute's sweep leaves it to that alarm.
  await router.sweep();
  expect(router.held).toHaveLength(1);
  await router.drain();
  expect(await attemptsOf(one)).toEqual(["1", "2"]);
  expect(await deliveriesOf(id)).toEqual([{ state: "delivered", cause: null, attempt: 2 }]);
});

it("wakes what is overdue on the slow lane, each delivery once, in several steps", async () => {
  const router = createTestRouter();
  const { id } = await retryWithoutAlarm(router, "overdue");
  const overdue = SWEEP_ROWS_MAX + 7;
  await run(
    `INSERT INTO deliveries (bus, seq, subscription_id, run, state, attempt, tries, due_ms, cause, attempts)
     SELECT bus, seq, subscription_id, 'job_' || value, 'waiting', 1, 1, ?1 - value, 'retry', attempts
     FROM deliveries, json_each(?2) WHERE subscription_id = ?3`,
    Date.now() - SWEEP_GRACE_MS,
    JSON.stringify(Array.from({ length: overdue }, (_, index) => index)),
    id,
  );
  await router.sweep();
  const keys = router.held.flatMap(({ queue, body }) => {
    const parcel = decodeParcel(body);
    if (!parcel.ok || parcel.value.kind !== "wake") throw new Error("A message that is no wake parcel");
    expect(queue).toMatch(/^fantail-slow/);
    return parcel.value.keys;
  });
  expect(keys).toHaveLength(overdue);
  expect(new Set(keys.map(({ run: job }) => job)).size).toBe(overdue);
});

it("leaves alarms that are late in a queue alone for ten minutes, instead of adding to them each minute", async () => {
  const router = createTestRouter();
  const { id } = await retryWithoutAlarm(router, "late");
  const moveDue = (ageMs: number) =>
    run("UPDATE deliveries SET due_ms = ?1 WHERE subscription_id = ?2", Date.now() - ageMs, id);
  await run("UPDATE deliveries SET cause = 'released'");
  await moveDue(SWEEP_REPEAT_MS - 10_000);
  await router.sweep();
  expect(router.take()).toEqual([]);
  await moveDue(SWEEP_REPEAT_MS);
  await router.sweep();
  expect(router.take()).toHaveLength(1);
  // Woken now, it is left to that alarm for as long.
  await moveDue(SWEEP_REPEAT_MS - 10_000);
  await router.sweep();
  expect(router.take()).toEqual([]);
  await moveDue(SWEEP_REPEAT_MS);
  await router.sweep();
  expect(router.take()).toHaveLength(1);
});

it("removes an event that is wider than a step in several, with nothing left over", async () => {
  const router = createTestRouter();
  const now = Date.now();
  const wide = RETENTION_DELIVERIES_MAX * 2 + 1;
  const acceptedMs = now - RETENTION_MS - 60_000;
  await putEvents([
    { bus: "default", acceptedMs, states: [{ state: "delivered" }], byReference: true },
    { bus: "default", acceptedMs: acceptedMs + 1, states: [{ state: "delivered" }] },
  ]);
  await run(
    `INSERT INTO deliveries (bus, seq, subscription_id, run, state, attempt, tries)
     SELECT bus, seq, 'sub_wide' || value, '', 'delivered', 1, 1 FROM events, json_each(?1) WHERE accepted_ms = ?2`,
    JSON.stringify(Array.from({ length: wide }, (_, index) => index)),
    acceptedMs,
  );
  await run("UPDATE events SET matched = ?1 WHERE accepted_ms = ?2", wide + 1, acceptedMs);
  await router.sweep();
  for (const table of ["events", "deliveries", "bodies"]) expect(await count(table), table).toBe(0);
});

/** Claims the messages as a batch does that dies right after. */
async function claimAndDie(messages: readonly Held[], { token, now }: { token: string; now: number }): Promise<void> {
  const vault = createVault([decodeBase64(env.ENCRYPTION_KEY) ?? new Uint8Array()]);
  const parcels = messages.map(({ body }): EventParcel => {
    const parcel = decodeParcel(body);
    if (!parcel.ok || parcel.value.kind !== "event") throw new Error("A message that is no event parcel");
    return parcel.value;
  });
  const { deliveries } = await d1Log({ db: env.DB, vault }).claim(parcels, {
    token,
    now,
    lane: "fast",
    isCounted: () => true,
  });
  expect(deliveries.length).toBeGreaterThan(0);
}

it("frees what a dead batch held, and it is delivered as attempt 2", async () => {
  const router = createTestRouter();
  const one = sink();
  const { id } = await router.subscribe({ sink: one.url, types: ["dead-batch"] });
  for (const event of ["d-1", "d-2"]) await published(router, "dead-batch", event);
  await claimAndDie(router.take(), { token: "dead", now: Date.now() - LEASE_MS - SWEEP_GRACE_MS });
  for (const event of ["l-1", "l-2", "l-3"]) await published(router, "dead-batch", event);
  // A live lease, and one that ended but not yet a grace ago: its message comes back by itself.
  const live = router.take();
  await claimAndDie(live.slice(0, 2), { token: "live", now: Date.now() });
  await claimAndDie(live.slice(2), { token: "just-over", now: Date.now() - LEASE_MS - SWEEP_GRACE_MS / 2 });
  expect(await count("claims")).toBe(3);

  await router.sweep();
  const states = (await deliveriesOf(id)).map(({ state, cause }) => `${state} ${cause}`).toSorted();
  expect(states).toEqual(["claimed null", "claimed null", "claimed null", "waiting overdue", "waiting overdue"]);
  expect((await env.DB.prepare("SELECT token FROM claims ORDER BY token").all()).results).toEqual([
    { token: "just-over" },
    { token: "live" },
  ]);
  const woken = router.held.length;
  expect(woken).toBeGreaterThan(0);
  await router.sweep();
  expect(router.held).toHaveLength(woken);
  await router.drain();
  expect(await attemptsOf(one)).toEqual(["2", "2"]);
  expect(await count("deliveries WHERE state = 'delivered' AND attempt = 2 AND claim IS NULL")).toBe(2);
  expect(await count("claims")).toBe(2);
});

it("frees more dead batches than one step takes", async () => {
  const router = createTestRouter();
  const claims = SWEEP_CLAIMS_MAX * 2 + 1;
  await run(
    "INSERT INTO claims (token, lease_ms, keys) SELECT 'c' || value, ?1 - value, '[]' FROM json_each(?2)",
    Date.now() - SWEEP_GRACE_MS,
    JSON.stringify(Array.from({ length: claims }, (_, index) => index)),
  );
  await run("INSERT INTO claims (token, lease_ms, keys) VALUES ('live', ?1, '[]')", Date.now() + LEASE_MS);
  await router.sweep();
  expect((await env.DB.prepare("SELECT token FROM claims").all()).results).toEqual([{ token: "live" }]);
});

it("frees held deliveries of a resumed subscription, cancels those of a deleted one, and leaves those of a paused one", async () => {
  const router = createTestRouter();
  const one = sink();
  const names = ["resumed", "deleted", "paused"] as const;
  const ids = { resumed: "", deleted: "", paused: "" };
  for (const name of names) {
    ids[name] = (await router.subscribe({ sink: `${one.url}/${name}`, types: ["held"] })).id;
  }
  for (const event of ["h-1", "h-2"]) await published(router, "held", event);
  for (const name of names) {
    await router.json(`/v1/subscriptions/${ids[name]}`, { ...router.post("", { status: "paused" }), method: "PATCH" });
  }
  await router.drain();
  for (const name of names) {
    const row = { state: "held", cause: "subscription-paused", attempt: 0 };
    expect(await deliveriesOf(ids[name])).toEqual([row, row]);
  }
  await router.sweep();
  expect(await count("deliveries WHERE state = 'held'")).toBe(6);

  // The isolate that resumed it died before it could free anything.
  await run("UPDATE subscriptions SET status = 'active' WHERE id = ?1", ids.resumed);
  expect((await router.request(`/v1/subscriptions/${ids.deleted}`, { method: "DELETE" })).status).toBe(204);
  await router.sweep();
  const cancelled = { state: "cancelled", cause: "subscription-deleted", attempt: 0 };
  expect(await deliveriesOf(ids.deleted)).toEqual([cancelled, cancelled]);
  expect((await deliveriesOf(ids.paused)).map(({ state }) => state)).toEqual(["held", "held"]);
  await router.drain();
  const delivered = { state: "delivered", cause: null, attempt: 1 };
  expect(await deliveriesOf(ids.resumed)).toEqual([delivered, delivered]);
  expect((await one.requests()).map(({ url }) => url.split("/").at(-1))).toEqual(["resumed", "resumed"]);

  // Resumed through the API it needs no sweep.
  await router.json(`/v1/subscriptions/${ids.paused}`, { ...router.post("", { status: "active" }), method: "PATCH" });
  await router.settled();
  await router.drain();
  expect(await deliveriesOf(ids.paused)).toEqual([delivered, delivered]);
});

const isRetention = (statements: readonly string[]): boolean =>
  statements.some((sql) => sql.includes("DELETE FROM events"));

/** What one database of 10 GB holds for RETENTION_DAYS, in events of 1 kB, as events a minute. */
const DOCUMENTED_EVENTS_A_MINUTE = 8_000_000 / 7 / 1_440;

it("removes what is older than the retention with all that belongs to it, in bounded steps over all buses, and nothing younger", async () => {
  const flaky = flakyDb(env.DB);
  const router = createTestRouter({ DB: flaky.db });
  const now = Date.now();
  const buses = ["default", "another", "third", "zoo"];
  const DELIVERED = [{ state: "delivered" }, { state: "dead" }, { state: "cancelled" }];
  // Uneven over the buses, with pages that end inside of one and at the end of one.
  const old = Array.from({ length: 4_000 }, (_, index): EventSeed => ({
    bus: buses[index < RETENTION_EVENTS_MAX * 2 ? 0 : index < 2_700 ? 1 : 3] ?? "",
    acceptedMs: now - RETENTION_MS - 60_000 - index * 1_000,
    states: DELIVERED.slice(0, 1 + (index % 3)),
    byReference: index % 10 === 0,
  }));
  const young = Array.from({ length: 2_000 }, (_, index): EventSeed => ({
    bus: buses[index % 4] ?? "",
    acceptedMs: now - RETENTION_MS + 60_000 + index * 100_000,
    states: DELIVERED,
    byReference: index % 10 === 0,
  }));
  await putEvents(old);
  await putEvents(young);
  flaky.executed.length = 0;
  flaky.calls.length = 0;
  await router.sweep();

  expect(await count("events")).toBe(young.length);
  expect(await count("events WHERE accepted_ms < ?1", now - RETENTION_MS)).toBe(0);
  expect(await count("deliveries")).toBe(young.length * 3);
  expect(
    await count("deliveries d WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.bus = d.bus AND e.seq = d.seq)"),
  ).toBe(0);
  expect(await count("bodies")).toBe(young.length / 10);
  expect(await count("bodies b WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.event_id = b.event_id)")).toBe(0);

  // A step follows another until nothing is left.
  expect(flaky.calls.filter(isRetention)).toHaveLength(old.length / RETENTION_EVENTS_MAX);
  expect(old.length).toBeGreaterThan(2 * DOCUMENTED_EVENTS_A_MINUTE);
  // No statement reads more than its page asks for, whatever else is on record.
  const reads = flaky.executed.map(({ sql, rowsRead }) => ({ sql: sql.slice(0, 80), rowsRead }));
  expect(reads.filter(({ rowsRead }) => rowsRead > RETENTION_EVENTS_MAX * 20)).toEqual([]);
  // With nothing left to remove a sweep costs next to nothing.
  flaky.executed.length = 0;
  await router.sweep();
  expect(flaky.executed.reduce((sum, { rowsRead }) => sum + rowsRead, 0)).toBeLessThan(150);
});

it("closes an open delivery as expired, keeps it for a day, and leaves one in flight alone", async () => {
  const router = createTestRouter();
  const now = Date.now();
  const acceptedMs = now - RETENTION_MS - HOUR_MS;
  // What is held is held by a paused subscription; without one it would be cancelled.
  await run(
    `INSERT INTO subscriptions (bus, id, version, status, sink, format, timeout_ms, created_ms, updated_ms, retry, wanted, secrets, headers)
     VALUES ('default', printf('sub_%026d', 0), 1, 'paused', '', 'structured', 1000, 0, 0, '', '', '', '')`,
  );
  await run(
    "INSERT INTO claims (token, lease_ms, keys) VALUES ('live', ?1, '[]'), ('over', ?2, '[]')",
    now + LEASE_MS,
    now - 1,
  );
  const [waiting = "", held = "", dead = "", live = "", mixed = "", done = ""] = await putEvents([
    { bus: "default", acceptedMs, states: [{ state: "waiting" }], byReference: true },
    { bus: "default", acceptedMs, states: [{ state: "held" }] },
    { bus: "default", acceptedMs, states: [{ state: "claimed", claim: "over" }] },
    { bus: "default", acceptedMs, states: [{ state: "claimed", claim: "live" }] },
    { bus: "default", acceptedMs, states: [{ state: "delivered" }, { state: "waiting" }] },
    { bus: "default", acceptedMs, states: [{ state: "delivered" }] },
  ]);
  const statesOf = async (eventId: string): Promise<string[]> =>
    (
      await env.DB.prepare(
        `SELECT d.state || ' ' || coalesce(d.cause, '-') || ' ' || coalesce(d.claim, '-') AS state
         FROM events e JOIN deliveries d ON d.bus = e.bus AND d.seq = e.seq WHERE e.event_id = ?1 ORDER BY d.subscription_id`,
      )
        .bind(eventId)
        .all<{ state: string }>()
    ).results.map(({ state }) => state);
  const EXPIRED = "dead expired -";
  const expectClosed = async (): Promise<void> => {
    for (const eventId of [waiting, held, dead]) expect(await statesOf(eventId)).toEqual([EXPIRED]);
    expect(await statesOf(mixed)).toEqual(["delivered - -", EXPIRED]);
    expect(await statesOf(live)).toEqual(["claimed - live"]);
    expect(await count("events WHERE event_id = ?1", done)).toBe(0);
    expect(await count("bodies")).toBe(1);
  };
  // The overdue row would be woken, but its event is over: the alarm finds it closed.
  await router.sweep();
  await expectClosed();
  await router.drain();
  await router.sweep();
  await expectClosed();
  // The record says why.
  const listed = await router.json<{ data: { cause: string; due_at: string | null }[] }>("/v1/deliveries?status=dead");
  expect(listed.data.map(({ cause, due_at }) => [cause, due_at])).toEqual(
    Array.from({ length: 4 }, () => ["expired", null]),
  );

  // The one in flight ends by its own outcome.
  await run("UPDATE deliveries SET state = 'delivered', claim = NULL WHERE claim = 'live'");
  await router.sweep();
  expect(await count("events WHERE event_id = ?1", live)).toBe(0);
  expect(await count("events")).toBe(4);
  const later = (ms: number) => sweepAt(now + ms);
  await later(EXPIRED_KEPT_MS - 2 * HOUR_MS);
  expect(await count("events")).toBe(4);
  await later(EXPIRED_KEPT_MS + 60_000);
  expect([await count("events"), await count("deliveries"), await count("bodies")]).toEqual([0, 0, 0]);
});

it("keeps what it expired for a day also when the event is much older than the retention", async () => {
  const router = createTestRouter();
  const now = Date.now();
  // As after a shorter RETENTION_DAYS, or days without a sweep.
  await putEvents([{ bus: "default", acceptedMs: now - RETENTION_MS - 3 * DAY_MS, states: [{ state: "waiting" }] }]);
  await router.sweep();
  expect((await env.DB.prepare("SELECT state, cause FROM deliveries").all()).results).toEqual([
    { state: "dead", cause: "expired" },
  ]);
  await sweepAt(now + EXPIRED_KEPT_MS - HOUR_MS);
  expect(await count("events")).toBe(1);
  await sweepAt(now + EXPIRED_KEPT_MS + HOUR_MS);
  expect([await count("events"), await count("deliveries")]).toEqual([0, 0]);
});

/** A router whose clock is moved by hand. */
function isolateAt(startMs: number) {
  let now = startMs;
  const clock = { now: () => now, sleep: () => new Promise<void>(() => {}) };
  const isolate = assemble(createTestRouter().env, { clock, random: fakeRandom(), logger: fakeLogger() });
  return { ...isolate, advance: (ms: number) => void (now += ms) };
}
const sweepAt = (ms: number): Promise<void> => isolateAt(ms).sweep();

it("removes bodies that no event names once they are ORPHAN_BODIES_KEPT_MS old, and no others", async () => {
  const router = createTestRouter();
  const now = Date.now();
  const old = now - ORPHAN_BODIES_KEPT_MS - 60_000;
  await run(
    "INSERT INTO bodies (event_id, stored_ms, body) SELECT 'evt_orphan_' || value, ?1, '{}' FROM json_each(?2)",
    old,
    JSON.stringify(Array.from({ length: SWEEP_ROWS_MAX + 5 }, (_, index) => index)),
  );
  await run("INSERT INTO bodies (event_id, stored_ms, body) VALUES ('evt_young', ?1, '{}')", old + 120_000);
  // Its event is on record: the body of one whose delivery is in flight, however old.
  await run("INSERT INTO claims (token, lease_ms, keys) VALUES ('live', ?1, '[]')", now + LEASE_MS);
  const [named] = await putEvents([
    { bus: "default", acceptedMs: old, states: [{ state: "claimed", claim: "live" }], byReference: true },
  ]);
  await router.sweep();
  expect((await env.DB.prepare("SELECT event_id FROM bodies ORDER BY stored_ms").all()).results).toEqual(
    [named, "evt_young"].map((event_id) => ({ event_id })),
  );
});

it("erases tombstones after a day, and an isolate that never heard of them loads anew", async () => {
  const router = createTestRouter();
  const subscription = await router.subscribe({ sink: "https://sink.example.com/", types: ["tomb"] });
  const kept = await router.subscribe({ sink: "https://sink.example.com/", types: ["tomb"] });
  const key = await router.json<{ id: string; key: string }>("/v1/keys", router.post("", { scopes: ["publish"] }));
  const stale = isolateAt(Date.now());
  const publish = async (bearer: string): Promise<{ status: number; matched: number | undefined }> => {
    const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
    const request = new Request("https://router.test/v1/events", { method: "POST", headers, body: '{"type":"tomb"}' });
    const answer = await stale.app.fetch(request, { background: () => {} });
    const body = await answer.json<{ events?: { matched: number }[] }>();
    return { status: answer.status, matched: body.events?.[0]?.matched };
  };
  expect(await publish(key.key)).toEqual({ status: 202, matched: 2 });

  for (const path of [`/v1/subscriptions/${subscription.id}`, `/v1/keys/${key.id}`]) {
    expect((await router.request(path, { method: "DELETE" })).status).toBe(204);
  }
  const age = async (ms: number): Promise<void> => {
    for (const table of ["subscriptions", "keys"])
      await run(`UPDATE ${table} SET updated_ms = ?1 WHERE status = 'deleted'`, Date.now() - ms);
  };
  const purgedVersion = (): Promise<number | null> =>
    env.DB.prepare("SELECT purged_version FROM meta").first<number>("purged_version");
  const before = await purgedVersion();
  await age(TOMBSTONE_MS - HOUR_MS);
  await router.sweep();
  expect([await count("subscriptions WHERE status = 'deleted'"), await count("keys WHERE status = 'deleted'")]).toEqual(
    [1, 1],
  );
  expect(await purgedVersion()).toBe(before);

  const erased = await env.DB.prepare(
    "SELECT max(version) AS version FROM (SELECT version FROM keys UNION SELECT version FROM subscriptions WHERE status = 'deleted')",
  ).first<number>("version");
  await age(TOMBSTONE_MS + 60_000);
  await router.sweep();
  expect([await count("subscriptions"), await count("keys")]).toEqual([1, 0]);
  expect(await purgedVersion()).toBe(erased);
  expect((await router.request(`/v1/subscriptions/${kept.id}`)).status).toBe(200);
  // No tombstone is left to tell it, yet it neither routes to what is gone nor lets the key in.
  stale.advance(ROUTES_STALE_MS + 1);
  expect((await publish(key.key)).status).toBe(401);
  expect(await publish("root-key-for-tests")).toEqual({ status: 202, matched: 1 });
});

it("does the other steps when one fails, and says so", async () => {
  const flaky = flakyDb(env.DB);
  const router = createTestRouter({ DB: flaky.db });
  await putEvents([
    { bus: "default", acceptedMs: Date.now() - RETENTION_MS - HOUR_MS, states: [{ state: "delivered" }] },
  ]);
  flaky.fate = (statements) => (statements.some((sql) => sql.includes("DELETE FROM claims")) ? "fail-before" : "pass");
  await expect(router.sweep()).rejects.toThrow("The database does not answer");
  expect(await count("events")).toBe(0);
});

// What a paused or disabled subscription is published: held, nothing lost and nothing twice, until it is resumed from somewhere.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { timeOrderedFloor } from "../../src/core/ids.ts";
import { EXPIRED_KEPT_MS, SWEEP_ROWS_MAX, SWEEP_STEPS_MAX } from "../../src/core/limits.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import { count, rows, run } from "./records.ts";
import type { TestRouter } from "./router.ts";
import { createStage, timesSeen, type Stage } from "./stage.ts";

const DAY_MS = 86_400_000;
/** RETENTION_DAYS of the tests' environment. */
const RETENTION_MS = 7 * DAY_MS;

let stage: Stage;
let router: TestRouter;
let one: SinkClient;
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
  one = sink();
});
afterEach(async () => {
  expect(await stage.faults()).toEqual({});
  expect(await stage.claims()).toBe(0);
});

async function patch(id: string, change: Record<string, unknown>, at = router): Promise<void> {
  const answer = await at.request(`/v1/subscriptions/${id}`, { ...router.post("", change), method: "PATCH" });
  expect([answer.status, await answer.text()]).toEqual([200, expect.anything()]);
}

/** Publishes events of these ids, each a millisecond after the other. */
async function publish(ids: readonly string[], at = router): Promise<void> {
  for (const id of ids) {
    const answer = await at.publish({ type: "t", source: "/s", id });
    expect(await answer.json()).toMatchObject({ events: [{ status: "accepted", matched: 1 }] });
    stage.clock.advance(1);
  }
}

/** The same, and their messages are handled. */
async function hold(ids: readonly string[], at = router): Promise<void> {
  await publish(ids, at);
  await at.drain();
}

async function resume(id: string, resume_from?: string, at = router): Promise<void> {
  await patch(id, { status: "active", ...(resume_from === undefined ? {} : { resume_from }) }, at);
  await at.settled();
  await at.drain();
}

/** Resumed by an isolate that died before it could free anything: the sweep's turn has not come. */
async function resumeOnly(id: string, resume_from: string): Promise<void> {
  stage.flaky.fate = (statements) => (statements.some((sql) => sql.includes("holders")) ? "fail-before" : "pass");
  await patch(id, { status: "active", resume_from });
  await router.settled();
  stage.flaky.fate = () => "pass";
}

const numbered = (name: string, many: number): string[] =>
  Array.from({ length: many }, (_, index) => `${name}${index}`);

/** State and cause of each event's delivery to the subscription, by the event's id. */
async function stateOf(id: string): Promise<Record<string, string>> {
  const found = await rows<{ id: string; state: string; cause: string | null }>(
    `SELECT e.id, d.state, d.cause FROM deliveries d JOIN events e ON e.bus = d.bus AND e.seq = d.seq
     WHERE d.subscription_id = ?1 ORDER BY d.seq`,
    id,
  );
  return Object.fromEntries(found.map((row) => [row.id, row.cause === null ? row.state : `${row.state} ${row.cause}`]));
}
const all = (ids: readonly string[], state: string) => Object.fromEntries(ids.map((id) => [id, state]));

/** Ids of the events that came, in the order of their names; none came twice. */
async function received(): Promise<string[]> {
  const requests = await one.requests();
  expect([...timesSeen(requests).values()].filter((times) => times > 1)).toEqual([]);
  return requests.map(({ bodyBase64 }): string => JSON.parse(atob(bodyBase64)).id).toSorted();
}

const HELD = "held subscription-paused";
const SKIPPED = "cancelled skipped";

async function paused(): Promise<string> {
  const { id } = await router.subscribe({ sink: one.url, types: ["t"] });
  await patch(id, { status: "paused" });
  return id;
}

describe("what is published while a subscription is paused", () => {
  const ids = numbered("e", 30);

  it("is held, and all of it delivered once when it is resumed from the last", async () => {
    for (const from of [undefined, "last"]) {
      const name = `${from}-`;
      const batch = numbered(name, 30);
      const id = await paused();
      await hold(batch);
      expect(await stateOf(id)).toEqual(all(batch, HELD));
      await router.sweep();
      expect(router.take()).toEqual([]);
      await resume(id, from);
      expect(await stateOf(id)).toEqual(all(batch, "delivered"));
      expect((await received()).filter((event) => event.startsWith(name))).toEqual(batch.toSorted());
      await router.request(`/v1/subscriptions/${id}`, { method: "DELETE" });
    }
    expect(await one.requests()).toHaveLength(60);
  });

  it("is skipped when it is resumed from the latest, and the next events are not", async () => {
    const id = await paused();
    await hold(ids);
    await resume(id, "latest");
    await hold(["next"]);
    expect(await stateOf(id)).toEqual({ ...all(ids, SKIPPED), next: "delivered" });
    expect(await received()).toEqual(["next"]);
    // It is on record as any other, and a person may have it after all.
    const [first] = await stage.record(id);
    expect(first).toMatchObject({ status: "cancelled", cause: "skipped", attempt: 0, due_at: null, attempts: [] });
    expect((await router.request(`/v1/deliveries/${first?.id}/retry`, { method: "POST" })).status).toBe(202);
    await router.drain();
    expect(await received()).toEqual(["e0", "next"]);
    expect(stage.lines("sweep.unheld").map(({ fields }) => fields)).toEqual([{ resumed: 0, cancelled: 30 }]);
  });

  it("is split at a time: what was accepted in that very millisecond goes out", async () => {
    const id = await paused();
    const beganMs = stage.clock.now();
    await hold(ids);
    // Other spellings of it are the same place.
    await resume(id, new Date(beganMs + 12).toISOString().replace("Z", "999+00:00"));
    expect(await stateOf(id)).toEqual({ ...all(ids.slice(0, 12), SKIPPED), ...all(ids.slice(12), "delivered") });
    expect(await received()).toEqual(ids.slice(12).toSorted());
  });

  it.each([
    ["before all of it", -1, 0],
    ["at the first", 0, 0],
    ["at the last", 29, 29],
    ["behind it", 30, 30],
  ])("is split at a time %s", async (_, offsetMs, skipped) => {
    const id = await paused();
    const from = new Date(stage.clock.now() + offsetMs).toISOString();
    await hold(ids);
    await resume(id, from);
    expect(await stateOf(id)).toEqual({
      ...all(ids.slice(0, skipped), SKIPPED),
      ...all(ids.slice(skipped), "delivered"),
    });
  });

  it("stays skipped when it is paused again before anything was freed, and resumed from the last", async () => {
    const id = await paused();
    await hold(["a1", "a2"]);
    await resumeOnly(id, "latest");
    expect(await stateOf(id)).toEqual(all(["a1", "a2"], HELD));
    await patch(id, { status: "paused", name: "again" });
    await hold(["b1", "b2"]);
    await router.sweep();
    expect(await stateOf(id)).toEqual(all(["a1", "a2", "b1", "b2"], HELD));
    await resume(id, "last");
    expect(await stateOf(id)).toEqual({ ...all(["a1", "a2"], SKIPPED), ...all(["b1", "b2"], "delivered") });
    expect(await received()).toEqual(["b1", "b2"]);
  });

  it("is freed by the sweep when the isolate that resumed it could not, from the same place", async () => {
    const id = await paused();
    await hold(ids.slice(0, 2));
    const from = new Date(stage.clock.now()).toISOString();
    await hold(ids.slice(2, 4));
    await resumeOnly(id, from);
    await router.sweep();
    await router.drain();
    expect(await stateOf(id)).toEqual({ ...all(ids.slice(0, 2), SKIPPED), ...all(ids.slice(2, 4), "delivered") });
  });

  it("is one delivery, however often it is published", async () => {
    const id = await paused();
    await hold(["a", "a", "b", "a"]);
    expect(await stateOf(id)).toEqual(all(["a", "b"], HELD));
    await publish(["b"]);
    await resume(id);
    await hold(["a"]);
    expect(await received()).toEqual(["a", "b"]);
    expect(await rows("SELECT id, duplicates FROM events ORDER BY id")).toEqual([
      { id: "a", duplicates: 3 },
      { id: "b", duplicates: 1 },
    ]);
  });

  it("is cancelled when its event is erased, and not sent when it is resumed", async () => {
    const id = await paused();
    await hold(["a", "b"]);
    const { data } = await router.json<{ data: { event_id: string; id: string }[] }>("/v1/events");
    const erased = data.find((event) => event.id === "a")?.event_id ?? "";
    expect((await router.request(`/v1/events/${erased}`, { method: "DELETE" })).status).toBe(204);
    await resume(id);
    expect(Object.values(await stateOf(id))).toEqual(["cancelled erased", "delivered"]);
    expect(await received()).toEqual(["b"]);
  });

  it("is held again when somebody retries it meanwhile", async () => {
    const id = await paused();
    await hold(["a"]);
    const [held] = await stage.record(id);
    expect((await router.request(`/v1/deliveries/${held?.id}/retry`, { method: "POST" })).status).toBe(202);
    await router.drain();
    expect(await stateOf(id)).toEqual({ a: HELD });
    await resume(id);
    expect(await received()).toEqual(["a"]);
  });

  it("is skipped again when somebody retries what was skipped while it is paused once more", async () => {
    const id = await paused();
    await hold(["a"]);
    await resume(id, "latest");
    await patch(id, { status: "paused" });
    const [skipped] = await stage.record(id);
    expect((await router.request(`/v1/deliveries/${skipped?.id}/retry`, { method: "POST" })).status).toBe(202);
    await router.drain();
    expect(await stateOf(id)).toEqual({ a: HELD });
    await resume(id, "last");
    expect(await stateOf(id)).toEqual({ a: SKIPPED });
    expect(await received()).toEqual([]);
  });

  it("leaves alone what waits for its retry, which goes on at its time", async () => {
    await one.program([{ status: 503 }]);
    const { id } = await router.subscribe({ sink: one.url, types: ["t"], retry: { schedule_s: [60] } });
    await hold(["failed"]);
    await patch(id, { status: "paused" });
    await hold(["held"]);
    await resume(id, "latest");
    expect(await stateOf(id)).toEqual({ failed: "waiting retry", held: SKIPPED });
    stage.clock.advance(60_000);
    await router.handle(router.take());
    expect(await stateOf(id)).toEqual({ failed: "delivered", held: SKIPPED });
    expect(await one.requests()).toHaveLength(2);
  });

  it("is held whichever isolate takes it, knows of the pause, or ends it", async () => {
    const { id } = await router.subscribe({ sink: one.url, types: ["t"] });
    const other = stage.isolate();
    await hold(["before"], other);
    await patch(id, { status: "paused" });
    // It has not heard of the pause.
    await hold(["there"], other);
    await hold(["here"]);
    // Nor had one that loads the bus now.
    const third = stage.isolate();
    await hold(["elsewhere"], third);
    expect(await stateOf(id)).toEqual({ before: "delivered", ...all(["there", "here", "elsewhere"], HELD) });
    await resume(id, undefined, other);
    await hold(["after"], third);
    expect(await received()).toEqual(["after", "before", "elsewhere", "here", "there"]);
  });

  it("is held on a bus that records failures only, and put on record for that", async () => {
    const change = router.post("", { log_level: "failures" });
    await router.json("/v1/buses/default", { ...change, method: "PATCH" });
    const id = await paused();
    await hold(ids);
    expect(await stateOf(id)).toEqual(all(ids, HELD));
    const from = new Date(stage.clock.now()).toISOString();
    await hold(["kept"]);
    await resume(id, from);
    await hold(["next"]);
    // What is delivered without having been held leaves no row.
    expect(await stateOf(id)).toEqual({ ...all(ids, SKIPPED), kept: "delivered" });
    expect(await received()).toEqual(["kept", "next"]);
  });

  it("is held until its retention, then dead, and only what is left goes out", async () => {
    const id = await paused();
    await hold(["old1", "old2"]);
    stage.clock.advance(DAY_MS);
    await hold(["young"]);
    stage.clock.advance(RETENTION_MS - DAY_MS - 60_000);
    await router.sweep();
    expect(await stateOf(id)).toEqual(all(["old1", "old2", "young"], HELD));
    stage.clock.advance(120_000);
    await router.sweep();
    expect(await stateOf(id)).toEqual({ ...all(["old1", "old2"], "dead expired"), young: HELD });
    await resume(id);
    expect(await received()).toEqual(["young"]);
    stage.clock.advance(EXPIRED_KEPT_MS + 60_000);
    await router.sweep();
    expect(await count("events")).toBe(0);
  });
});

it("what a disabled subscription is published is held, and goes out when it is cured", async () => {
  await one.program([{ status: 410 }]);
  const { id } = await router.subscribe({ sink: one.url, types: ["t"] });
  await hold(["gone"]);
  await hold(["h1", "h2"]);
  const from = new Date(stage.clock.now()).toISOString();
  await hold(["h3"]);
  const held = "held subscription-disabled";
  expect(await stateOf(id)).toEqual({ gone: "dead gone", ...all(["h1", "h2", "h3"], held) });
  // Paused first, nothing moves.
  await patch(id, { status: "paused" });
  await router.sweep();
  await resume(id, from);
  expect(await stateOf(id)).toEqual({ gone: "dead gone", ...all(["h1", "h2"], SKIPPED), h3: "delivered" });
  expect(await one.requests()).toHaveLength(2);
});

it("a new subscription that is paused takes from its first moment on", async () => {
  const { id } = await router.subscribe({ sink: one.url, types: ["t"], status: "paused" });
  await hold(["a"]);
  expect(await stateOf(id)).toEqual({ a: HELD });
  await resume(id);
  expect(await received()).toEqual(["a"]);
});

describe("a large backlog", () => {
  const HOLDERS = 300;

  /** As many held rows of one active subscription, and some of each of HOLDERS paused ones before it. */
  async function fill(held: { readonly backlog: number; readonly ofEach: number }): Promise<void> {
    const NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)";
    for (const table of ["deliveries", "subscriptions"]) await run(`DELETE FROM ${table}`);
    await run(
      `INSERT INTO subscriptions (bus, id, version, status, sink, format, timeout_ms, created_ms, updated_ms, retry, wanted, secrets, headers, resume_from)
       ${NUMBERS} SELECT 'default', printf('sub_%026d', i), 1, iif(i = ?1 - 1, 'active', 'paused'), '', 'structured', 1000, 0, 0, '', '{}', '', '', ?2 FROM n`,
      HOLDERS + 1,
      timeOrderedFloor(500),
    );
    const insert = `INSERT INTO deliveries (bus, seq, subscription_id, state, attempt, tries) ${NUMBERS} SELECT 'default'`;
    await run(
      `${insert}, printf('%010d', i), printf('sub_%026d', i % ${HOLDERS}), 'held', 0, 0 FROM n`,
      held.ofEach * HOLDERS,
    );
    await run(`${insert}, printf('z%09d', i), printf('sub_%026d', ${HOLDERS}), 'held', 0, 0 FROM n`, held.backlog);
  }

  /** Rows that each step of a sweep read to free what is held. */
  async function sweptReads(): Promise<number[]> {
    stage.flaky.executed.length = 0;
    await router.sweep();
    router.take();
    return stage.flaky.executed.filter(({ sql }) => sql.includes("holders")).map(({ rowsRead }) => rowsRead);
  }

  it("is freed in pages, none of which reads the rest of it, nor the backlogs of others", async () => {
    const held = () => count("deliveries WHERE state = 'held'");
    await fill({ backlog: SWEEP_ROWS_MAX, ofEach: 1 });
    const [page = 0] = await sweptReads();
    await fill({ backlog: (SWEEP_STEPS_MAX + 1) * SWEEP_ROWS_MAX, ofEach: 20 });
    const reads = await sweptReads();
    expect(reads).toHaveLength(SWEEP_STEPS_MAX);
    expect(Math.max(...reads)).toBeLessThanOrEqual(1.1 * page);
    expect(await held()).toBe(20 * HOLDERS + SWEEP_ROWS_MAX);
    // The next sweep goes on.
    await sweptReads();
    expect(await held()).toBe(20 * HOLDERS);
    // With nothing to free a sweep looks at each who holds anything, and at no more.
    const [idle = 0, ...more] = await sweptReads();
    expect([idle > HOLDERS, idle < 5 * HOLDERS, more]).toEqual([true, true, []]);
    await run("DELETE FROM deliveries");
  });
});

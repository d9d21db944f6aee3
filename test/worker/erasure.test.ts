// Erasing an event: nothing of what it said, or of what sinks answered to it, can be found in any table afterwards, and nothing comes back.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import {
  ERASURE_KEPT_MS,
  ERASURE_STEPS_MAX,
  LEASE_MS,
  RETENTION_DELIVERIES_MAX,
  SETTLE_RETRY_MS,
  SWEEP_BUDGET_MS,
  SWEEP_GRACE_MS,
  SWEEP_ROWS_MAX,
} from "../../src/core/limits.ts";
import { sink } from "../sink-client.ts";
import { isClaim, isSettle } from "./flaky-db.ts";
import { count, putEvents, rows, run, widen } from "./records.ts";
import { createStage, type Stage } from "./stage.ts";

/** In each part of the event that an erasure takes away. */
const SECRET = "ada-lovelace";
const DAY_MS = 86_400_000;
const ATTEMPT = { attempt: 1, at_ms: 5, duration_ms: 7, status: 500, error: null, answer: `no ${SECRET}` };

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
});

const erase = (eventId: string, init: RequestInit & { key?: string } = {}): Promise<Response> =>
  stage.router.request(`/v1/events/${eventId}`, { method: "DELETE", ...init });
const problemOf = async (response: Response) => [
  response.status,
  (await response.json<{ type: string }>()).type.split("/").at(-1),
];

interface DeliveryRow {
  readonly state: string;
  readonly cause: string | null;
  readonly due_ms: number | null;
  readonly claim: string | null;
  readonly attempt: number;
  readonly attempts: string;
}
const deliveriesOf = (eventId: string): Promise<DeliveryRow[]> =>
  rows(
    `SELECT d.state, d.cause, d.due_ms, d.claim, d.attempt, d.attempts FROM events e JOIN deliveries d ON d.bus = e.bus AND d.seq = e.seq
     WHERE e.event_id = ?1 ORDER BY d.subscription_id`,
    eventId,
  );

/** Tables in which the text is found, in whatever column. */
async function found(text: string): Promise<string[]> {
  const tables = await rows<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
  );
  const hits: string[] = [];
  for (const { name } of tables) {
    const all = await rows(`SELECT * FROM ${name}`);
    if (JSON.stringify(all).includes(text)) hits.push(name);
  }
  return hits.toSorted();
}

async function published(change: Record<string, unknown> = {}): Promise<string> {
  const answer = await stage.router.publish({
    type: "person",
    source: `/${SECRET}`,
    id: SECRET,
    subject: SECRET,
    data: { name: SECRET },
    ...change,
  });
  expect(answer.status).toBe(202);
  const { events } = await answer.json<{ events: { event_id: string }[] }>();
  return events[0]?.event_id ?? "";
}

describe("DELETE /v1/events/{event_id}", () => {
  it.each([
    ["inline", 10],
    ["by reference", 70_000],
  ])("takes away what an event says that travelled %s, and keeps that it was", async (_, size) => {
    const one = sink();
    await one.program([{ status: 500, body: `I cannot read ${SECRET}` }]);
    await stage.router.subscribe({ sink: one.url, types: ["person"] });
    const eventId = await published({ data: { name: SECRET, filling: "x".repeat(size) } });
    await stage.router.drain();
    expect(await found(SECRET)).toEqual(size > 60_000 ? ["bodies", "deliveries", "events"] : ["deliveries", "events"]);

    const answer = await erase(eventId);
    expect([answer.status, await answer.text()]).toEqual([204, ""]);
    expect(await found(SECRET)).toEqual([]);
    const erasedAt = new Date(stage.clock.now()).toISOString();
    const shown = await stage.router.json<Record<string, unknown> & { deliveries: object[] }>(`/v1/events/${eventId}`);
    const blank = {
      event_id: eventId,
      id: null,
      source: null,
      subject: null,
      type: "person",
      matched: 1,
      erased_at: erasedAt,
    };
    expect(shown).toMatchObject({
      ...blank,
      event: null,
      deliveries: [{ status: "cancelled", cause: "erased", due_at: null }],
    });
    const list = await stage.router.json<{ data: object[] }>("/v1/events");
    expect(list.data).toMatchObject([blank]);
    const [delivery] = await deliveriesOf(eventId);
    expect(JSON.parse(delivery?.attempts ?? "")).toMatchObject([
      { attempt: 1, status: 500, error: null, answer: null },
    ]);
    expect(await stage.faults()).toEqual({});
  });

  it("closes what is open, whoever holds it, and leaves the outcome of what ended", async () => {
    const states = ["cancelled", "claimed", "dead", "delivered", "held", "waiting"];
    const [eventId = "", other = ""] = await putEvents([
      {
        bus: "default",
        acceptedMs: stage.clock.now(),
        states: states.map((state) => ({
          state,
          attempts: [ATTEMPT],
          ...(state === "claimed" ? { claim: "live" } : {}),
        })),
      },
      { bus: "default", acceptedMs: stage.clock.now(), states: [{ state: "waiting", attempts: [ATTEMPT] }] },
    ]);
    await run("INSERT INTO claims (token, lease_ms, keys) VALUES ('live', ?1, '[]')", stage.clock.now() + LEASE_MS);
    const untouched = await deliveriesOf(other);
    expect((await erase(eventId)).status).toBe(204);
    const after = await deliveriesOf(eventId);
    expect(after.map(({ state, cause }) => [state, cause])).toEqual([
      ["cancelled", null],
      ["cancelled", "erased"],
      ["dead", null],
      ["delivered", null],
      ["cancelled", "erased"],
      ["cancelled", "erased"],
    ]);
    for (const { attempts, due_ms, claim } of after) {
      expect(JSON.parse(attempts)).toEqual([{ ...ATTEMPT, answer: null }]);
      expect([due_ms, claim]).toEqual([null, null]);
    }
    expect(await deliveriesOf(other)).toEqual(untouched);
  });

  it("keeps the order of attempts", async () => {
    const attempts = Array.from({ length: 100 }, (_, index) => ({
      ...ATTEMPT,
      attempt: index + 1,
      ...(index % 2 ? {} : { answer: null }),
    }));
    const [eventId = ""] = await putEvents([{ bus: "default", acceptedMs: 1, states: [{ state: "dead", attempts }] }]);
    expect((await erase(eventId)).status).toBe(204);
    const [delivery] = await deliveriesOf(eventId);
    expect(JSON.parse(delivery?.attempts ?? "")).toEqual(attempts.map((one) => ({ ...one, answer: null })));
  });

  it("twice is 204 and noted once, also when two come at a time", async () => {
    const [eventId = ""] = await putEvents([{ bus: "default", acceptedMs: 1, states: [] }]);
    const answers = await Promise.all([erase(eventId), erase(eventId), erase(eventId)]);
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204]);
    const before = await rows("SELECT * FROM erasures");
    stage.clock.advance(DAY_MS);
    expect((await erase(eventId)).status).toBe(204);
    expect(await rows("SELECT * FROM erasures")).toEqual(before);
    expect(
      await rows("SELECT bus, actor, action, target, before, after, at_ms FROM audit WHERE action = 'event.erased'"),
    ).toEqual([
      {
        bus: "default",
        actor: "root",
        action: "event.erased",
        target: eventId,
        before: null,
        after: null,
        at_ms: stage.clock.now() - DAY_MS,
      },
    ]);
    const [noted] = await rows<{ id: string; request_id: string }>(
      "SELECT id, request_id FROM audit WHERE action = 'event.erased'",
    );
    expect(noted?.id).toMatch(/^aud_[0-9a-z]{26}$/);
    expect(answers.map(({ headers }) => headers.get("x-request-id"))).toContain(noted?.request_id);
  });

  it("is 404 for what is not on record: unknown, malformed, on another bus, not claimed yet", async () => {
    const [other = ""] = await putEvents([{ bus: "eu", acceptedMs: 1, states: [] }]);
    const early = await published();
    for (const id of [`evt_${"0".repeat(26)}`, "evt_", "x", "%00", `${other}x`, other, early])
      expect(await problemOf(await erase(id)), id).toEqual([404, "not-found"]);
    expect([await count("erasures"), await count("audit")]).toEqual([0, 0]);
    expect((await erase(other, { headers: { "fantail-bus": "eu" } })).status).toBe(204);
    expect(await rows("SELECT bus, target FROM audit")).toEqual([{ bus: "eu", target: other }]);
  });

  it("takes a key with manage, whose id is noted, and no other", async () => {
    const [eventId = ""] = await putEvents([{ bus: "default", acceptedMs: 1, states: [] }]);
    const keyWith = (scopes: string[]) =>
      stage.router.json<{ id: string; key: string }>("/v1/keys", stage.router.post("", { scopes }));
    const { key: other } = await keyWith(["publish", "read"]);
    expect(await problemOf(await erase(eventId, { key: other }))).toEqual([403, "forbidden"]);
    const { key, id } = await keyWith(["manage"]);
    expect((await erase(eventId, { key })).status).toBe(204);
    expect(await rows("SELECT actor FROM audit WHERE action = 'event.erased'")).toEqual([{ actor: id }]);
  });

  it("refuses if-match, without which it does not look", async () => {
    const [eventId = ""] = await putEvents([{ bus: "default", acceptedMs: 1, states: [] }]);
    expect(await problemOf(await erase(eventId, { headers: { "if-match": '"1"' } }))).toEqual([400, "invalid-header"]);
    expect(await count("erasures")).toBe(0);
  });

  it("is done by a repetition when its answer was lost, and noted once", async () => {
    const [eventId = ""] = await putEvents([{ bus: "default", acceptedMs: 1, states: [{ state: "waiting" }] }]);
    stage.flaky.fate = (statements) =>
      statements.some((sql) => sql.includes("INTO erasures")) ? "fail-after" : "pass";
    expect((await erase(eventId)).status).toBe(503);
    stage.flaky.fate = () => "pass";
    expect((await erase(eventId)).status).toBe(204);
    expect(await count("audit WHERE action = 'event.erased'")).toBe(1);
  });
});

describe("after it", () => {
  it("a manual retry is 409 event-erased and changes nothing, of whatever state", async () => {
    const one = sink();
    await one.program([], { status: 503 });
    const { id } = await stage.router.subscribe({ sink: one.url, types: ["person"], retry: { schedule_s: [60] } });
    const eventId = await published();
    await stage.router.drain();
    await erase(eventId);
    const [delivery] = await stage.record(id);
    for (const state of ["cancelled", "delivered", "dead"]) {
      await run("UPDATE deliveries SET state = ?1", state);
      const before = await deliveriesOf(eventId);
      const answer = await stage.router.request(`/v1/deliveries/${delivery?.id}/retry`, { method: "POST" });
      expect(await problemOf(answer), state).toEqual([409, "event-erased"]);
      expect(await deliveriesOf(eventId)).toEqual(before);
    }
    expect(stage.router.take().filter(({ delaySeconds }) => delaySeconds === 0)).toEqual([]);
  });

  it("lists by source and subject do not find it, by type they do", async () => {
    const eventId = await published();
    const other = await published({ id: "other" });
    await stage.router.drain();
    await erase(eventId);
    const ids = async (query: string): Promise<string[]> =>
      (await stage.router.json<{ data: { event_id: string }[] }>(`/v1/events?${query}`)).data.map(
        ({ event_id }) => event_id,
      );
    expect(await ids(`source=/${SECRET}`)).toEqual([other]);
    expect(await ids(`subject=${SECRET}`)).toEqual([other]);
    expect((await ids("type=person")).toSorted()).toEqual([eventId, other].toSorted());
  });

  it("its alarms find nothing to do, and an attempt that was under way ends as it does, without bringing an answer back", async () => {
    const one = sink();
    await one.program([
      { status: 503, body: `Not now, ${SECRET}`, delayMs: 300 },
      { status: 200, body: `Thanks, ${SECRET}`, delayMs: 300 },
    ]);
    const { id } = await stage.router.subscribe({ sink: one.url, types: ["person"] });
    const refused = await published({ id: "refused" });
    const taken = await published({ id: "taken" });
    const [first, second] = stage.router.take();
    if (first === undefined || second === undefined) throw new Error("Two messages");
    // Both are being pushed while they are erased.
    for (const [message, eventId] of [
      [first, refused],
      [second, taken],
    ] as const) {
      const pushing = stage.router.handle([message]);
      while ((await count("claims")) === 0) await one.requests();
      expect((await erase(eventId)).status).toBe(204);
      await pushing;
    }
    expect(await found(SECRET)).toEqual([]);
    const ends = (await stage.record(id)).map(({ status, cause }) => `${status} ${cause}`);
    expect(ends.toSorted()).toEqual(["cancelled erased", "delivered null"]);
    stage.clock.advance(DAY_MS);
    await stage.router.handle(stage.router.take());
    await stage.router.sweep();
    expect((await one.requests()).length).toBe(2);
    expect(await stage.claims()).toBe(0);
    expect(await stage.faults()).toEqual({});
  });

  it.each([
    ["a failure", { status: 503, body: `Not now, ${SECRET}` }, { schedule_s: [60] }, "cancelled erased"],
    ["the last failure", { status: 400, body: `Never, ${SECRET}` }, { schedule_s: [] }, "cancelled erased"],
    ["a success", { status: 200, body: `Thanks, ${SECRET}` }, { schedule_s: [60] }, "delivered null"],
  ] as const)(
    "%s that is settled right after it, with its answer lost too, leaves no trace",
    async (_, step, retry, end) => {
      const one = sink();
      await one.program([], step);
      const { id } = await stage.router.subscribe({ sink: one.url, types: ["person"], retry });
      const eventId = await published();
      let settles = 0;
      stage.flaky.fate = async (statements) => {
        if (!isSettle(statements)) return "pass" as const;
        settles += 1;
        if (settles > 1) return "pass" as const;
        expect((await erase(eventId)).status).toBe(204);
        return "fail-after" as const;
      };
      const handling = stage.router.handle(stage.router.take());
      await stage.clock.pass(SETTLE_RETRY_MS[0]);
      await handling;
      expect(settles).toBe(2);
      expect(await found(SECRET)).toEqual([]);
      expect((await stage.record(id)).map(({ status, cause }) => `${status} ${cause}`)).toEqual([end]);
      expect([await stage.claims(), await stage.faults()]).toEqual([0, {}]);
    },
  );

  it("what its batch hands over, or leaves behind when it dies, is not written either", async () => {
    const one = sink();
    await one.program([], { status: 503, body: `Not now, ${SECRET}` });
    await stage.router.subscribe({ sink: one.url, types: ["person"] });
    const eventId = await published();
    stage.flaky.fate = (statements) => (isSettle(statements) ? "fail-before" : "pass");
    const handling = stage.router.handle(stage.router.take());
    for (const waitMs of SETTLE_RETRY_MS) await stage.clock.pass(waitMs);
    await handling;
    const handedOver = stage.router.take();
    expect(handedOver.some(({ body }) => String(body).includes(SECRET))).toBe(true);
    stage.flaky.fate = () => "pass";
    expect((await erase(eventId)).status).toBe(204);
    await stage.router.handle(handedOver);
    expect([await found(SECRET), await stage.claims(), await stage.faults()]).toEqual([[], 0, {}]);

    // A batch that never says anything: its lease ends, and the sweep frees nothing.
    const next = await published({ id: "next" });
    stage.flaky.fate = (statements) => (isSettle(statements) ? new Promise<"pass">(() => {}) : "pass");
    void stage.router.handle(stage.router.take());
    while ((await one.requests()).length < 2);
    expect((await erase(next)).status).toBe(204);
    stage.flaky.fate = () => "pass";
    stage.clock.advance(LEASE_MS + SWEEP_GRACE_MS);
    await stage.router.sweep();
    expect([stage.router.take(), await stage.claims(), await found(SECRET)]).toEqual([[], 0, []]);
    expect(await count("deliveries WHERE state = 'cancelled' AND cause = 'erased'")).toBe(2);
  });

  it("an alarm that is claimed while it is erased attempts nothing", async () => {
    const one = sink();
    await one.program([], { status: 503 });
    await stage.router.subscribe({ sink: one.url, types: ["person"], retry: { schedule_s: [5, 5] } });
    const eventId = await published();
    await stage.router.handle(stage.router.take());
    stage.clock.advance(5_000);
    stage.flaky.fate = async (statements) => {
      if (isClaim(statements)) await erase(eventId);
      return "pass" as const;
    };
    await stage.router.handle(stage.router.take());
    expect(await one.requests()).toHaveLength(1);
    expect([await stage.claims(), await stage.faults()]).toEqual([0, {}]);
  });

  it("retention removes it with the others, and the erasure is remembered for longer", async () => {
    const [eventId = ""] = await putEvents([
      { bus: "default", acceptedMs: stage.clock.now(), states: [{ state: "waiting" }] },
    ]);
    await erase(eventId);
    stage.clock.advance(8 * DAY_MS);
    await stage.router.sweep();
    expect([await count("events"), await count("deliveries"), await count("erasures")]).toEqual([0, 0, 1]);
    expect((await erase(eventId)).status).toBe(404);
    stage.clock.advance(ERASURE_KEPT_MS - 8 * DAY_MS);
    await stage.router.sweep();
    expect(await count("erasures")).toBe(1);
    stage.clock.advance(1);
    await stage.router.sweep();
    expect(await count("erasures")).toBe(0);
  });

  it("more erasures are forgotten than one step takes", async () => {
    await run(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO erasures (event_id, bus, erased_ms) SELECT 'evt_' || i, 'default', ?2 FROM n`,
      2 * SWEEP_ROWS_MAX + 1,
      stage.clock.now() - ERASURE_KEPT_MS - 1,
    );
    await stage.router.sweep();
    expect(await count("erasures")).toBe(0);
  });
});

describe("of an event with very many deliveries", () => {
  const inRequest = ERASURE_STEPS_MAX * RETENTION_DELIVERIES_MAX;
  const openLeft = () => count("deliveries WHERE state = 'waiting' OR attempts LIKE '%lovelace%'");

  it.each([inRequest - 1, inRequest, inRequest + 1, 60_000])(
    "with %i the request does its steps and the sweep the rest",
    async (deliveries) => {
      const [eventId = ""] = await putEvents([{ bus: "default", acceptedMs: stage.clock.now(), states: [] }]);
      await widen(eventId, deliveries, { state: "waiting", attempts: JSON.stringify([ATTEMPT]) });
      await run("UPDATE deliveries SET due_ms = ?1", stage.clock.now() + DAY_MS);
      stage.flaky.calls.length = 0;
      expect((await erase(eventId)).status).toBe(204);
      expect(stage.flaky.calls.length).toBeLessThanOrEqual(ERASURE_STEPS_MAX + 1);
      expect(await openLeft()).toBe(Math.max(0, deliveries - inRequest));
      await stage.router.sweep();
      expect(await openLeft()).toBe(0);
      expect(await count("deliveries WHERE state = 'cancelled' AND cause = 'erased'")).toBe(deliveries);
      expect(await count("erasures WHERE subscription_id IS NOT NULL OR run IS NOT NULL")).toBe(0);
      expect(await stage.faults()).toEqual({});
      // Nothing is looked at again.
      stage.flaky.executed.length = 0;
      await stage.router.sweep();
      expect(
        Math.max(
          ...stage.flaky.executed
            .filter(({ sql }) => /erasures_unfinished|erasures x/.test(sql))
            .map((one) => one.rowsRead),
        ),
      ).toBeLessThan(5);
    },
  );

  it("an alarm that comes before the sweep has reached its delivery attempts nothing, and leaves no dead letter", async () => {
    const one = sink();
    await one.program([], { status: 503 });
    const { id } = await stage.router.subscribe({ sink: one.url, retry: { schedule_s: [5, 5] } });
    await stage.router.publish({ type: "t", source: "/s", id: "1" });
    await stage.router.handle(stage.router.take());
    const alarms = stage.router.take();
    const [{ event_id: eventId } = { event_id: "" }] = await rows<{ event_id: string }>("SELECT event_id FROM events");
    await widen(eventId, inRequest, { state: "delivered" });
    // All of them come before it in the order of the key.
    await run("UPDATE deliveries SET subscription_id = replace(subscription_id, 'sub_w', 'sub_!')");
    expect((await erase(eventId)).status).toBe(204);
    stage.clock.advance(5_000);
    await stage.router.handle(alarms);
    await stage.router.sweep();
    const [delivery] = await rows("SELECT state, cause FROM deliveries WHERE subscription_id = ?1", id);
    expect(delivery).toEqual({ state: "cancelled", cause: "erased" });
    expect(await one.requests()).toHaveLength(1);
  });

  it("a step that fails is made up for, by the sweep or by a repetition", async () => {
    const [eventId = ""] = await putEvents([{ bus: "default", acceptedMs: stage.clock.now(), states: [] }]);
    await widen(eventId, inRequest, { state: "waiting", attempts: JSON.stringify([ATTEMPT]) });
    await run("UPDATE deliveries SET due_ms = ?1", stage.clock.now() + DAY_MS);
    let steps = 0;
    stage.flaky.fate = (statements) =>
      statements.some((sql) => sql.includes("UPDATE erasures")) && ++steps === 2 ? "fail-after" : "pass";
    expect((await erase(eventId)).status).toBe(503);
    expect(await openLeft()).toBe(inRequest - 2 * RETENTION_DELIVERIES_MAX);
    expect((await erase(eventId)).status).toBe(204);
    expect(await openLeft()).toBe(0);
    expect(await count("audit")).toBe(1);
    await stage.router.sweep();
    expect(await count("erasures WHERE subscription_id IS NOT NULL")).toBe(0);
  });

  it("the sweep keeps to its budget, and several wide ones all end", async () => {
    const ids = await putEvents([1, 2, 3].map(() => ({ bus: "default", acceptedMs: stage.clock.now(), states: [] })));
    for (const eventId of ids)
      await widen(eventId, 2 * RETENTION_DELIVERIES_MAX, { state: "held", attempts: JSON.stringify([ATTEMPT]) });
    await run("UPDATE deliveries SET state = 'delivered'");
    for (const eventId of ids)
      await run(
        "INSERT INTO erasures (event_id, bus, erased_ms, subscription_id, run) VALUES (?1, 'default', ?2, '', '')",
        eventId,
        stage.clock.now(),
      );
    let steps = 0;
    stage.flaky.fate = (statements) => {
      if (statements.some((sql) => sql.includes("UPDATE erasures"))) {
        steps += 1;
        stage.clock.advance(SWEEP_BUDGET_MS / 2);
      }
      return "pass";
    };
    await stage.router.sweep();
    expect(steps).toBe(2);
    for (let sweeps = 0; sweeps < 5; sweeps++) await stage.router.sweep();
    expect([steps, await openLeft(), await count("erasures WHERE subscription_id IS NOT NULL")]).toEqual([9, 0, 0]);
  });

  it("one whose event is gone meanwhile ends", async () => {
    await run(
      "INSERT INTO erasures (event_id, bus, erased_ms, subscription_id, run) VALUES ('evt_gone', 'default', 1, 'sub_x', '')",
    );
    await env.DB.prepare("UPDATE erasures SET erased_ms = ?1").bind(stage.clock.now()).run();
    await stage.router.sweep();
    expect(await rows("SELECT subscription_id, run FROM erasures")).toEqual([{ subscription_id: null, run: null }]);
  });
});

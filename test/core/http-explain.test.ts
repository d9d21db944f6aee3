// Why events are taken, or are not: at a publish, and of one event on record.
import { describe, expect, it } from "vitest";
import { deliveryIdOf } from "../../src/core/ids.ts";
import {
  EVENT_WALK_BYTES_MIN,
  EXPLAIN_BYTES_MAX,
  EXPLAIN_WORK_BYTES_MAX,
  EXPLAIN_SUBSCRIPTIONS_MAX,
  EXPLAIN_TIMEOUT_MS,
} from "../../src/core/limits.ts";
import { Unavailable } from "../../src/ports.ts";
import { fakeClock } from "../fakes.ts";
import { fakeHttp, keyWith, limitedKey, type FakeHttp } from "../http.ts";
import { EVENT, SINK, JSON_TYPE, START_MS, idOf, putEvent, slug, subscribe } from "./http-filters-world.ts";

describe("POST /v1/events?explain", () => {
  const publish = (http: FakeHttp, query = "?explain=1", asked: Parameters<FakeHttp["ask"]>[2] = { json: EVENT }) =>
    http.ask("POST", `/v1/events${query}`, asked);

  it("publishes the event and explains those that take it and those that do not", async () => {
    const http = fakeHttp();
    const other = await subscribe(http, { types: ["order.paid"] });
    const taker = await subscribe(http, { types: ["order.created"] });
    for (const query of ["?explain=1", "?explain=true"]) {
      const answer = await publish(http, query);
      expect(answer.status).toBe(202);
      expect(answer.json).toMatchObject({ accepted: 1, rejected: 0 });
      const [event] = answer.json.events;
      expect(event).toMatchObject({ status: "accepted", id: "A-1", matched: 1, subscription_ids: [taker] });
      expect(event.explain).toEqual([
        {
          subscription_id: taker,
          matched: true,
          explain: [{ pointer: "/types", wanted: ["order.created"], observed: "order.created", matched: true }],
        },
        {
          subscription_id: other,
          matched: false,
          explain: [{ pointer: "/types", wanted: ["order.paid"], observed: "order.created", matched: false }],
        },
      ]);
    }
    expect(http.ingest.published).toHaveLength(2);
  });

  it("without it nothing is explained and nothing is looked up", async () => {
    const http = fakeHttp();
    await subscribe(http);
    http.stores.subscriptionStore.wanted = async () => {
      throw new Error("It was looked up");
    };
    const { json } = await publish(http, "");
    expect(json.events[0]).not.toHaveProperty("explain");
  });

  it("a bus without subscriptions has none to explain, and is not looked up", async () => {
    const http = fakeHttp();
    http.stores.subscriptionStore.wanted = async () => {
      throw new Error("It was looked up");
    };
    expect((await publish(http)).json.events[0].explain).toEqual([]);
  });

  it.each(["0", "false", "", "yes", "1&explain=1", "1&dry_run=1"])("?explain=%s is refused", async (value) => {
    const http = fakeHttp();
    const answer = await publish(http, `?explain=${value}`);
    expect([answer.status, slug(answer), http.ingest.published]).toEqual([400, "invalid-parameter", []]);
  });

  it("takes exactly one event: a batch of one, no empty one, none of two, and no lines", async () => {
    const http = fakeHttp();
    const batch = (...json: object[]) =>
      publish(http, "?explain=1", { json, headers: { "content-type": "application/cloudevents-batch+json" } });
    const one = await batch(EVENT);
    expect([one.status, one.json.events[0].explain]).toEqual([202, []]);
    const lines = { body: `${JSON.stringify(EVENT)}\n`, headers: { "content-type": "application/x-ndjson" } };
    for (const answer of [
      await batch(),
      await batch(EVENT, { ...EVENT, id: "A-2" }),
      await batch(EVENT, { nonsense: true }),
      await publish(http, "?explain=1", lines),
    ]) {
      expect([answer.status, slug(answer)]).toEqual([400, "invalid-parameter"]);
      expect(answer.json.detail).toContain("exactly one event");
    }
    expect(http.ingest.published).toHaveLength(1);
  });

  it("needs publish and read, also by the time the body has come", async () => {
    const http = fakeHttp();
    for (const [scopes, status] of [
      [["publish", "read"], 202],
      [["publish"], 403],
      [["publish", "manage"], 403],
      [["read"], 403],
    ] as const)
      expect([
        scopes,
        (await publish(http, "?explain=1", { key: await keyWith(http, scopes), json: EVENT })).status,
      ]).toEqual([scopes, status]);
    const { key, change } = await limitedKey(http, { scopes: ["publish", "read"] });
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        change({ scopes: ["publish"] });
        controller.enqueue(new TextEncoder().encode(JSON.stringify(EVENT)));
        controller.close();
      },
    });
    const answer = await publish(http, "?explain=1", { key, body, headers: JSON_TYPE });
    expect([answer.status, answer.json.detail]).toEqual([
      403,
      "The key has not the scope read, which explain needs beside publish",
    ]);
    expect(http.ingest.published).toHaveLength(1);
  });

  it("a refused event is refused as without it", async () => {
    const http = fakeHttp();
    const answer = await publish(http, "?explain=1", { json: { ...EVENT, type: "" } });
    expect([answer.status, slug(answer)]).toEqual([422, "invalid-event"]);
    http.ingest.away = true;
    expect((await publish(http)).status).toBe(503);
  });

  it("return=minimal is passed over, because more was asked for", async () => {
    const http = fakeHttp();
    const answer = await publish(http, "?explain=1", { json: EVENT, headers: { prefer: "return=minimal" } });
    expect([answer.headers.has("preference-applied"), answer.json.events[0].explain]).toEqual([false, []]);
  });

  it("the same idempotency-key is the same event, explained as things are by then", async () => {
    const http = fakeHttp();
    const asked = { json: { type: "t" }, headers: { "idempotency-key": "one" } };
    const first = (await publish(http, "?explain=1", asked)).json.events[0];
    const id = await subscribe(http);
    const second = (await publish(http, "?explain=1", asked)).json.events[0];
    expect([first.explain, second.explain]).toMatchObject([[], [{ subscription_id: id, matched: true }]]);
    expect(second.event_id).toBe(first.event_id);
    expect((await publish(http, "", asked)).json.events[0]).not.toHaveProperty("explain");
  });

  it("is answered 202 with null when the subscriptions cannot be looked up, for whatever reason", async () => {
    for (const [error, level] of [
      [new Unavailable("Away"), "warn"],
      [new Error("A defect"), "error"],
    ] as const) {
      const http = fakeHttp();
      await subscribe(http);
      http.stores.subscriptionStore.wanted = async () => {
        throw error;
      };
      const answer = await publish(http);
      expect([answer.status, answer.json.accepted, answer.json.events[0].explain]).toEqual([202, 1, null]);
      expect(answer.json.events[0]).toMatchObject({ status: "accepted", matched: 1 });
      expect(http.logger.lines.filter(({ name }) => name === "publish.not_explained")).toMatchObject([{ level }]);
    }
  });

  it("waits no longer than it may", async () => {
    const clock = fakeClock();
    const waits: number[] = [];
    const sleep = async (ms: number) => void waits.push(ms);
    const http = fakeHttp(undefined, { clock: { ...clock, sleep } });
    await subscribe(http);
    http.stores.subscriptionStore.wanted = () => new Promise(() => {});
    const answer = await publish(http);
    expect([answer.status, answer.json.events[0].explain, waits]).toEqual([202, null, [EXPLAIN_TIMEOUT_MS]]);
  });

  it("counts the subscriptions that it leaves out, active or not", async () => {
    const http = fakeHttp({ buses: 1, keys: 1, subscriptions: 1_000 });
    expect((await publish(http)).json.events[0]).toMatchObject({ explain: [], unexplained: 0 });
    for (let made = 0; made < EXPLAIN_SUBSCRIPTIONS_MAX; made++) await subscribe(http, { types: [`t${made}`] });
    expect((await publish(http)).json.events[0]).toMatchObject({ unexplained: 0 });
    const paused = await subscribe(http, { status: "paused" });
    const held = (await publish(http)).json.events[0];
    expect(held).toMatchObject({ matched: 1, subscription_ids: [paused], unexplained: 1 });
    expect(held.explain[0]).toMatchObject({ subscription_id: paused, matched: true });
    for (let made = 0; made < 51; made++) await subscribe(http, { types: [`u${made}`] });
    const { explain, unexplained } = (await publish(http)).json.events[0];
    expect([explain.length, unexplained]).toEqual([EXPLAIN_SUBSCRIPTIONS_MAX, 52]);
  });

  it("explains fewer the larger the event is that they look into, and counts the others", async () => {
    const http = fakeHttp({ buses: 1, keys: 1, subscriptions: 1_000 });
    const made = 60;
    for (let n = 1; n <= made; n++) await subscribe(http, { filters: [{ pattern: { data: { n: [n] } } }] });
    const explained = async (chars: number): Promise<number> => {
      const json = { type: "t", data: { n: 0, text: "x".repeat(chars) } };
      const { explain, unexplained } = (await publish(http, "?explain=1", { json })).json.events[0];
      expect(explain.length + unexplained).toBe(made);
      return explain.length;
    };
    // What one walk counts as goes into the bound so many times.
    const charsOf = (walks: number): number => Math.floor(EXPLAIN_WORK_BYTES_MAX / walks) - EVENT_WALK_BYTES_MIN - 100;
    const [small, half, large] = [await explained(10), await explained(charsOf(100)), await explained(charsOf(50))];
    expect(small).toBe(made);
    expect(half).toBeLessThan(100);
    expect(large).toBeLessThan(50);
    expect(large).toBeLessThan(half);
    expect(large).toBeGreaterThan(0);
  });

  it("explains a subscription as the database has it, and leaves out what is gone", async () => {
    const http = fakeHttp();
    const [changed, gone] = [await subscribe(http), await subscribe(http)];
    const row = http.stores.world.subscriptions.get(changed);
    if (row !== undefined) http.stores.world.subscriptions.set(changed, { ...row, types: ["other"] });
    http.stores.world.subscriptions.delete(gone);
    const [event] = (await publish(http)).json.events;
    expect(event.matched).toBe(2);
    expect(event.explain).toMatchObject([{ subscription_id: changed, matched: false }]);
  });

  it("explains as many as it may, those that take it first, and no more bytes than it may", async () => {
    const http = fakeHttp({ buses: 1, keys: 1, subscriptions: 1_000 });
    for (let made = 0; made < EXPLAIN_SUBSCRIPTIONS_MAX; made++) await subscribe(http, { types: ["other"] });
    const taker = await subscribe(http);
    const { explain, unexplained } = (await publish(http)).json.events[0];
    expect(unexplained).toBe(1);
    expect([explain.length, explain[0].subscription_id]).toEqual([EXPLAIN_SUBSCRIPTIONS_MAX, taker]);

    const large = fakeHttp({ buses: 1, keys: 1, subscriptions: 1_000 });
    const types = Array.from({ length: 40 }, (_, index) => `${index}`.padEnd(390, "x"));
    for (let made = 0; made < EXPLAIN_SUBSCRIPTIONS_MAX; made++) await subscribe(large, { types });
    const cut = (await publish(large)).json.events[0].explain;
    expect(JSON.stringify(cut).length).toBeLessThanOrEqual(EXPLAIN_BYTES_MAX + cut.length + 2);
    expect(JSON.stringify(cut).length).toBeGreaterThan(EXPLAIN_BYTES_MAX - 20_000);
    expect(cut.length).toBeLessThan(EXPLAIN_SUBSCRIPTIONS_MAX);
  });
});

describe("GET /v1/events/{event_id}/explain", () => {
  it("holds the event against what the subscription takes, active or not, and names its delivery", async () => {
    const http = fakeHttp();
    const eventId = putEvent(http, 1);
    const id = await subscribe(http, { types: ["order.paid"], status: "paused" });
    const path = `/v1/events/${eventId}/explain?subscription_id=${id}`;
    const answer = await http.ask("GET", path);
    expect([answer.status, answer.json]).toEqual([
      200,
      {
        event_id: eventId,
        subscription_id: id,
        subscription_status: "paused",
        matched: false,
        explain: [{ pointer: "/types", wanted: ["order.paid"], observed: "order.created", matched: false }],
        delivery_id: null,
      },
    ]);
    const key = { bus: "default", seq: http.record.eventRows[0]?.seq ?? "", subscriptionId: id, run: "" };
    const delivery = {
      type: "order.created",
      state: "delivered",
      attempt: 1,
      dueMs: null,
      cause: null,
      attempts: "[]",
    };
    http.record.deliveryRows.push({ key, eventId, ...delivery });
    await http.ask("PATCH", `/v1/subscriptions/${id}`, { json: { types: null } });
    expect((await http.ask("GET", path)).json).toMatchObject({
      matched: true,
      explain: [],
      delivery_id: deliveryIdOf(eventId, id, ""),
    });
  });

  it("without an id of a subscription it is 400", async () => {
    const http = fakeHttp();
    const path = `/v1/events/${putEvent(http, 1)}/explain`;
    for (const [query, words] of [
      ["", "subscription_id is required"],
      ["?subscription_id=", "subscription_id must be the id of a subscription"],
      ["?subscription_id=sub_1", "subscription_id must be the id of a subscription"],
      [`?subscription_id=${idOf("sub_", 1)}&x=1`, "x is not known"],
      [`?subscription_id=${idOf("sub_", 1)}&subscription_id=${idOf("sub_", 2)}`, "subscription_id must be given once"],
    ] as const) {
      const answer = await http.ask("GET", path + query);
      expect([query, answer.status, slug(answer)]).toEqual([query, 400, "invalid-parameter"]);
      expect(answer.json.detail).toContain(words);
    }
  });

  it("404 says what is not there", async () => {
    const http = fakeHttp();
    const id = await subscribe(http);
    const erased = putEvent(http, 1, { body: null, id: "", source: "", erasedMs: START_MS });
    const bodyless = putEvent(http, 2, { body: null });
    const there = putEvent(http, 3);
    await http.ask("PUT", "/v1/buses/eu");
    const elsewhere = await http.ask("POST", "/v1/subscriptions", {
      json: { sink: SINK },
      headers: { "fantail-bus": "eu" },
    });
    for (const [event, subscription, words] of [
      [idOf("evt_", 9), id, "There is no such event"],
      ["x", id, "There is no such event"],
      [erased, id, "The event is erased"],
      [bodyless, id, "The body of the event is no longer kept"],
      [there, idOf("sub_", 9), "There is no such subscription"],
      [there, elsewhere.json.id, "There is no such subscription"],
    ] as const) {
      const answer = await http.ask("GET", `/v1/events/${event}/explain?subscription_id=${subscription}`);
      expect([event, answer.status, slug(answer)]).toEqual([event, 404, "not-found"]);
      expect(answer.json.detail).toContain(words);
    }
    const headers = { "fantail-bus": "eu" };
    const foreign = await http.ask("GET", `/v1/events/${there}/explain?subscription_id=${elsewhere.json.id}`, {
      headers,
    });
    expect(foreign.json.detail).toContain("There is no such event");
  });
});

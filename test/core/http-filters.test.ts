// Filters over HTTP: tried on one event, on what is on record, at a publish and on one event of the record; and taken over from elsewhere.
import { describe, expect, it } from "vitest";
import { encodeCursor } from "../../src/core/cursor.ts";
import { deliveryIdOf, timeOrderedId } from "../../src/core/ids.ts";
import {
  BACKTEST_EVENTS_MAX,
  EVENT_BYTES_MAX,
  EXPLAIN_BYTES_MAX,
  EXPLAIN_SUBSCRIPTIONS_MAX,
  EXPLAIN_TIMEOUT_MS,
  FILTER_TEST_BYTES_MAX,
  JSON_DEPTH_MAX,
  MANAGEMENT_BYTES_MAX,
} from "../../src/core/limits.ts";
import { encodeEvent } from "../../src/core/cloudevents/json.ts";
import type { EventOnRecord } from "../../src/ports.ts";
import { Unavailable } from "../../src/ports.ts";
import { fakeClock } from "../fakes.ts";
import { fakeHttp, keyWith, limitedKey, type Answered, type FakeHttp } from "../http.ts";

const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created", subject: "eu/42" };
const SINK = "https://a.example.com/";
const TEST = "/v1/filters/test";
const BACKTEST = "/v1/filters/backtest";
const IMPORT = "/v1/filters/import";
const JSON_TYPE = { "content-type": "application/json" };

const slug = (answer: Answered) => answer.json.type.split("/").at(-1);
const pointersOf = (answer: Answered) => answer.json.errors.map(({ pointer }: { pointer: string }) => pointer);
const idOf = (prefix: string, number: number) => prefix + String(number).padStart(26, "0");

async function subscribe(http: FakeHttp, wanted: object = {}): Promise<string> {
  return (await http.ask("POST", "/v1/subscriptions", { json: { sink: SINK, ...wanted } })).json.id;
}

describe("POST /v1/filters/test", () => {
  it("says whether an event is taken, in full and in the short form, and why", async () => {
    const http = fakeHttp();
    const wanted = { types: ["order.created"], source: "/shop", filters: [{ prefix: { subject: "eu/" } }] };
    const taken = await http.ask("POST", TEST, { json: { ...wanted, event: EVENT } });
    expect([taken.status, taken.json.matched]).toEqual([200, true]);
    expect(taken.json.explain.every(({ matched }: { matched: boolean }) => matched)).toBe(true);
    const short = { type: "order.created", subject: "us/1" };
    const missed = await http.ask("POST", TEST, { json: { ...wanted, event: short } });
    expect(missed.json.matched).toBe(false);
    const failing = missed.json.explain.filter(({ matched }: { matched: boolean }) => !matched);
    // The short form has the bus as its source.
    expect(failing[0]).toEqual({
      pointer: "/source",
      wanted: "/shop",
      observed: "/buses/default",
      matched: false,
    });
    expect(failing[1].pointer).toMatch(/^\/filters\/0/);
  });

  it("without conditions, and with null for each, everything is taken", async () => {
    const http = fakeHttp();
    for (const wanted of [{}, { types: null, source: null, filters: null }, { types: [], filters: [] }])
      expect((await http.ask("POST", TEST, { json: { ...wanted, event: EVENT } })).json).toEqual({
        matched: true,
        explain: [],
      });
  });

  it("publishes nothing and takes no version", async () => {
    const http = fakeHttp();
    const before = http.stores.stored();
    await http.ask("POST", TEST, { json: { event: EVENT } });
    expect([http.ingest.published, http.stores.stored(), http.routes.changes]).toEqual([[], before, []]);
  });

  it("a key that reads or manages may, one that only publishes may not", async () => {
    const http = fakeHttp();
    for (const [scope, status] of [
      ["read", 200],
      ["manage", 200],
      ["publish", 403],
    ] as const)
      expect((await http.ask("POST", TEST, { key: await keyWith(http, [scope]), json: { event: EVENT } })).status).toBe(
        status,
      );
  });

  it("refuses every fault at once, each where it is", async () => {
    const http = fakeHttp();
    const answer = await http.ask("POST", TEST, {
      json: {
        types: [""],
        filters: [{ exactly: {} }],
        fliters: [],
        event: { ...EVENT, source: "", data_base64: "%" },
      },
    });
    expect([answer.status, slug(answer)]).toEqual([422, "invalid-request"]);
    expect(pointersOf(answer).toSorted()).toEqual([
      "/event/data_base64",
      "/event/source",
      "/filters/0/exactly",
      "/fliters",
      "/types/0",
    ]);
  });

  it.each([
    [{}, "invalid-request", ["/event"]],
    [{ event: null }, "invalid-request", ["/event"]],
    [{ event: 5 }, "invalid-event", ["/event"]],
    [{ event: [EVENT] }, "invalid-event", ["/event"]],
    [{ event: {} }, "invalid-event", ["/event/type"]],
    [{ event: { type: "t", x: 1 } }, "invalid-event", ["/event/x"]],
    [{ event: { ...EVENT, "a-b": "c" } }, "invalid-event", ["/event/a-b"]],
    [{ event: { ...EVENT, time: "noon" } }, "invalid-event", ["/event/time"]],
  ])("%j is %s at %j", async (json, kind, pointers) => {
    const answer = await fakeHttp().ask("POST", TEST, { json });
    expect([answer.status, slug(answer), pointersOf(answer)]).toEqual([422, kind, pointers]);
  });

  it("refuses what is no JSON object, another content type, and parameters", async () => {
    const http = fakeHttp();
    expect(slug(await http.ask("POST", TEST, { body: "{", headers: JSON_TYPE }))).toBe("malformed-json");
    expect(slug(await http.ask("POST", TEST, { body: new Uint8Array([255]), headers: JSON_TYPE }))).toBe(
      "malformed-body",
    );
    expect(slug(await http.ask("POST", TEST, { json: [] }))).toBe("invalid-request");
    const structured = await http.ask("POST", TEST, {
      json: { event: EVENT },
      headers: { "content-type": "application/cloudevents+json" },
    });
    expect([structured.status, structured.headers.get("accept")]).toEqual([415, "application/json"]);
    expect(slug(await http.ask("POST", `${TEST}?dry=1`, { json: { event: EVENT } }))).toBe("invalid-parameter");
  });

  it("an event of the largest size is taken, and one byte more is 413", async () => {
    const http = fakeHttp();
    const empty = JSON.stringify({ ...EVENT, data: "" }).length;
    const withData = (bytes: number) => ({ event: { ...EVENT, data: "x".repeat(bytes - empty) } });
    expect((await http.ask("POST", TEST, { json: withData(EVENT_BYTES_MAX) })).status).toBe(200);
    const over = await http.ask("POST", TEST, { json: withData(EVENT_BYTES_MAX + 1) });
    expect([over.status, over.json.detail]).toEqual([413, "The event must have at most 1048576 bytes as JSON"]);
  });

  it("a body of the largest size is read, and one byte more is 413", async () => {
    const http = fakeHttp();
    const text = JSON.stringify({ event: EVENT });
    const padded = (bytes: number) => http.ask("POST", TEST, { body: text.padEnd(bytes), headers: JSON_TYPE });
    expect((await padded(FILTER_TEST_BYTES_MAX)).status).toBe(200);
    const over = await padded(FILTER_TEST_BYTES_MAX + 1);
    expect([over.status, over.json.detail]).toEqual([413, `The body must have at most ${FILTER_TEST_BYTES_MAX} bytes`]);
  });

  it("an event nests as deep as one that is published, and no deeper", async () => {
    const http = fakeHttp();
    // The event is a level of its own.
    const nested = (levels: number) => "[".repeat(levels - 1) + "]".repeat(levels - 1);
    const ask = (levels: number) =>
      http.ask("POST", TEST, {
        body: `{"event":{"type":"t","data":${nested(levels)}}}`,
        headers: JSON_TYPE,
      });
    expect((await ask(JSON_DEPTH_MAX)).status).toBe(200);
    expect(slug(await ask(JSON_DEPTH_MAX + 1))).toBe("malformed-json");
  });

  it("of members with the same name the last one counts, for the event and for its data", async () => {
    const http = fakeHttp();
    const ask = (body: string) => http.ask("POST", TEST, { body, headers: JSON_TYPE });
    const twice = await ask('{"types":["b"],"event":{"type":"a","data":1},"\\u0065vent":{"type":"b"}}');
    expect(twice.json.matched).toBe(true);
    const other = await ask('{"types":["b"],"event":{"type":"b"},"event":{"type":"a","data":{"event":{"type":"b"}}}}');
    expect(other.json.matched).toBe(false);
  });

  it("a key that is revoked during the upload is refused", async () => {
    const http = fakeHttp();
    const { key, change } = await limitedKey(http, { scopes: ["read"] });
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        change(null);
        controller.enqueue(new TextEncoder().encode(JSON.stringify({ event: EVENT })));
        controller.close();
      },
    });
    expect((await http.ask("POST", TEST, { key, body, headers: JSON_TYPE })).status).toBe(401);
  });
});

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
    const { explain } = (await publish(http)).json.events[0];
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

const START_MS = Date.parse("2026-01-02T03:04:05.678Z");

function putEvent({ record }: FakeHttp, number: number, change: Partial<EventOnRecord> = {}): string {
  const { type = "order.created", source = "/shop" } = change;
  const attributes = { specversion: "1.0", id: `A-${number}`, source, type };
  const body = encodeEvent({ id: `A-${number}`, source, type, attributes, data: { kind: "none" } });
  const row: EventOnRecord = {
    eventId: idOf("evt_", number),
    bus: "default",
    seq: timeOrderedId(START_MS + number, new Uint8Array(10)),
    id: `A-${number}`,
    source,
    type,
    subject: null,
    acceptedMs: START_MS + number,
    matched: 1,
    duplicates: 0,
    bytes: body.length,
    body,
    erasedMs: null,
    ...change,
  };
  record.eventRows.push(row);
  return row.eventId;
}

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

describe("POST /v1/filters/backtest", () => {
  it("counts what would have been taken and shows the newest ten", async () => {
    const http = fakeHttp();
    for (let number = 1; number <= 12; number++) putEvent(http, number);
    putEvent(http, 13, { type: "order.paid" });
    putEvent(http, 14, { body: null });
    putEvent(http, 15, { body: null, id: "", source: "", erasedMs: START_MS });
    putEvent(http, 16, { bus: "eu" });
    const { status, json } = await http.ask("POST", BACKTEST, { json: { types: ["order.created"] } });
    expect(status).toBe(200);
    expect(json).toMatchObject({ examined: 13, skipped: 2, matched: 12, difference: null, next_cursor: null });
    expect(json.sample.map(({ id }: { id: string }) => id)).toEqual(
      Array.from({ length: 10 }, (_, index) => `A-${12 - index}`),
    );
    expect(json.sample[0]).not.toHaveProperty("body");
    expect((await http.ask("POST", BACKTEST, { json: {} })).json).toMatchObject({ examined: 13, matched: 13 });
  });

  it("compares with a subscription, both ways", async () => {
    const http = fakeHttp();
    for (const [number, type] of ["a", "b", "c", "c"].entries()) putEvent(http, number + 1, { type });
    const id = await subscribe(http, { types: ["a", "b"], status: "paused" });
    const { json } = await http.ask("POST", BACKTEST, { json: { types: ["b", "c"], subscription_id: id } });
    expect(json).toMatchObject({
      examined: 4,
      matched: 3,
      difference: {
        subscription_id: id,
        gained: { count: 2, sample: [{ id: "A-4" }, { id: "A-3" }] },
        lost: { count: 1, sample: [{ id: "A-1" }] },
      },
    });
  });

  it("goes on from page to page, within its span; counts add up", async () => {
    const http = fakeHttp();
    for (let number = 1; number <= 7; number++) putEvent(http, number, { type: number % 2 === 0 ? "even" : "odd" });
    const asked = {
      types: ["odd"],
      since: new Date(START_MS + 2).toISOString(),
      until: new Date(START_MS + 7).toISOString(),
      limit: 2,
    };
    const pages: { examined: number; matched: number }[] = [];
    let cursor: string | null = null;
    do {
      const { json } = await http.ask("POST", BACKTEST, { json: { ...asked, cursor } });
      pages.push(json);
      cursor = json.next_cursor;
      // What comes in meanwhile is newer than all of it.
      putEvent(http, 100 + pages.length, { type: "odd" });
    } while (cursor !== null);
    expect(pages.map(({ examined, matched }) => [examined, matched])).toEqual([
      [2, 1],
      [2, 1],
      [1, 0],
    ]);
  });

  it("a cursor is good for what it was made for, with any limit, and for nothing else", async () => {
    const http = fakeHttp();
    for (let number = 1; number <= 5; number++) putEvent(http, number);
    const id = await subscribe(http, { types: ["a"] });
    const asked = { types: ["order.created"], subscription_id: id, since: "2026-01-01T00:00:00Z" };
    const cursor = (await http.ask("POST", BACKTEST, { json: { ...asked, limit: 1 } })).json.next_cursor;
    const again = (change: object) => http.ask("POST", BACKTEST, { json: { ...asked, cursor, ...change } });
    expect((await again({ limit: 3 })).json).toMatchObject({ examined: 3 });
    // The same instant in other words.
    expect((await again({ since: "2026-01-01T01:00:00+01:00" })).status).toBe(200);
    for (const change of [
      { types: ["order.paid"] },
      { types: null },
      { source: "/shop" },
      { filters: [{ exact: { type: "order.created" } }] },
      { subscription_id: null },
      { since: null },
      { since: "2026-01-01T00:00:01Z" },
      { until: "2026-02-01T00:00:00Z" },
    ]) {
      const answer = await again(change);
      expect([change, answer.status, slug(answer)]).toEqual([change, 422, "invalid-request"]);
      expect(pointersOf(answer)).toEqual(["/cursor"]);
    }
    await http.ask("PATCH", `/v1/subscriptions/${id}`, { json: { name: "renamed" } });
    expect((await again({})).status).toBe(200);
    await http.ask("PATCH", `/v1/subscriptions/${id}`, { json: { types: ["b"] } });
    expect(pointersOf(await again({}))).toEqual(["/cursor"]);
  });

  it("what only looks like a cursor is refused", async () => {
    const http = fakeHttp();
    const [seq, mark] = ["0".repeat(26), "0".repeat(16)];
    for (const cursor of [
      "",
      "%",
      5,
      encodeCursor("events", [seq]),
      encodeCursor("backtest", [seq]),
      encodeCursor("backtest", [seq, mark, mark]),
      encodeCursor("backtest", ["~", mark]),
      encodeCursor("backtest", [seq, `${mark}0`]),
      encodeCursor("backtest", [seq, mark]),
    ]) {
      const answer = await http.ask("POST", BACKTEST, { json: { cursor } });
      expect([cursor, answer.status, pointersOf(answer)]).toEqual([cursor, 422, ["/cursor"]]);
    }
  });

  it("refuses every fault at once, each where it is, with its limit", async () => {
    const http = fakeHttp();
    const answer = await http.ask("POST", BACKTEST, {
      json: {
        types: "a",
        filters: [{ sql: "1 =" }],
        subscription_id: "sub_1",
        since: "yesterday",
        until: 5,
        limit: BACKTEST_EVENTS_MAX + 1,
        event: EVENT,
      },
    });
    expect([answer.status, slug(answer)]).toEqual([422, "invalid-request"]);
    expect(pointersOf(answer).toSorted()).toEqual([
      "/event",
      "/filters/0/sql",
      "/limit",
      "/since",
      "/subscription_id",
      "/types",
      "/until",
    ]);
    expect(answer.text).toContain(`limit must be at most ${BACKTEST_EVENTS_MAX}`);
    for (const limit of [0, -1, 1.5, "1"])
      expect(pointersOf(await http.ask("POST", BACKTEST, { json: { limit } }))).toEqual(["/limit"]);
    for (const limit of [1, BACKTEST_EVENTS_MAX, null])
      expect((await http.ask("POST", BACKTEST, { json: { limit } })).status).toBe(200);
    const unknown = await http.ask("POST", BACKTEST, { json: { subscription_id: idOf("sub_", 1) } });
    expect([unknown.status, unknown.json.errors]).toEqual([
      422,
      [{ pointer: "/subscription_id", detail: "subscription_id must be the id of a subscription of this bus" }],
    ]);
    expect(slug(await http.ask("POST", `${BACKTEST}?limit=1`, { json: {} }))).toBe("invalid-parameter");
    const body = " ".repeat(MANAGEMENT_BYTES_MAX + 1);
    expect((await http.ask("POST", BACKTEST, { body, headers: JSON_TYPE })).status).toBe(413);
  });
});

describe("POST /v1/filters/import", () => {
  const RULE = { source: ["/shop"], "detail-type": ["paid"] };

  it("answers what a subscription takes as it is", async () => {
    const http = fakeHttp();
    const { status, json } = await http.ask("POST", IMPORT, { json: { from: "eventbridge", rule: RULE } });
    expect([status, json]).toEqual([
      200,
      { types: ["paid"], source: "/shop", filters: [], notes: expect.any(Array<string>) },
    ]);
    const { notes: _, ...wanted } = json;
    const made = await http.ask("POST", "/v1/subscriptions", { json: { sink: SINK, ...wanted } });
    expect([made.status, made.json]).toMatchObject([201, wanted]);
  });

  it("takes null for what may be left out", async () => {
    const json = { from: "eventbridge", rule: RULE, attributes: null };
    expect((await fakeHttp().ask("POST", IMPORT, { json })).status).toBe(200);
  });

  it.each([
    [{}, ["/from"]],
    [{ from: null }, ["/from"]],
    [{ from: "kafka", rule: RULE }, ["/from"]],
    [{ from: "eventbridge" }, ["/rule"]],
    [{ from: "sns", rule: RULE }, ["/policy", "/rule"]],
    [{ from: "eventgrid", filter: null }, ["/filter"]],
    [{ from: "eventbridge", rule: 5 }, ["/rule"]],
    [{ from: "eventbridge", rule: RULE, scope: "MessageBody" }, ["/scope"]],
    [{ from: "eventbridge", rule: RULE, rules: RULE }, ["/rules"]],
  ])("refuses %j at %j", async (json, pointers) => {
    const answer = await fakeHttp().ask("POST", IMPORT, { json });
    expect([answer.status, slug(answer), pointersOf(answer).toSorted()]).toEqual([422, "invalid-request", pointers]);
  });

  it("refuses what is too long for a subscription, which has no place in the request", async () => {
    const rule = { source: ["x".repeat(4_097)] };
    const answer = await fakeHttp().ask("POST", IMPORT, { json: { from: "eventbridge", rule } });
    expect([answer.status, slug(answer)]).toEqual([422, "invalid-request"]);
  });

  it("refuses what is no object", async () => {
    expect(slug(await fakeHttp().ask("POST", IMPORT, { json: [] }))).toBe("invalid-request");
  });
});

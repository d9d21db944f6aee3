// Publishing over HTTP: what the answer means per event, what is refused as a whole, and that half a publish is not left behind.
import { expect, it } from "vitest";
import { ATTRIBUTES_BYTES_MAX, EVENT_BYTES_MAX, REQUEST_BYTES_MAX } from "../../src/core/limits.ts";
import { fakeHttp, type Answered, type Asked, type FakeHttp } from "../http.ts";

const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };
const BATCH = { "content-type": "application/cloudevents-batch+json" };
const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

const slug = (answer: Answered) => answer.json.type.split("/").at(-1);
const publish = (http: FakeHttp, asked: Asked) => http.ask("POST", "/v1/events", asked);
const publishedEvents = (http: FakeHttp) => http.ingest.published.flatMap(({ events }) => events);

it("one event is answered with its id on record and who gets it", async () => {
  const http = fakeHttp();
  const { id } = (await http.ask("POST", "/v1/subscriptions", { json: { sink: "https://a.example.com/" } })).json;
  const answer = await publish(http, { json: EVENT });
  expect(answer.status).toBe(202);
  expect(answer.json).toEqual({
    accepted: 1,
    rejected: 0,
    events: [
      {
        status: "accepted",
        event_id: expect.stringMatching(/^evt_[0-9a-z]{26}$/),
        id: "A-1",
        source: "/shop",
        matched: 1,
        subscription_ids: [id],
      },
    ],
  });
  expect(http.ingest.published).toMatchObject([
    { bus: "default", requestId: answer.headers.get("x-request-id"), hops: 0 },
  ]);
});

it("all content types are taken", async () => {
  const http = fakeHttp();
  const binary = { "ce-specversion": "1.0", "ce-id": "A-1", "ce-source": "/shop", "ce-type": "order.created" };
  for (const asked of [
    { json: EVENT },
    { json: EVENT, headers: { "content-type": "application/cloudevents+json; charset=UTF-8" } },
    { json: [EVENT], headers: BATCH },
    { body: "<a/>", headers: { ...binary, "content-type": "text/xml" } },
    { headers: binary },
    { json: { type: "order.created" } },
  ]) {
    expect((await publish(http, asked)).status).toBe(202);
  }
  expect(publishedEvents(http).map(({ type }) => type)).toEqual(Array.from({ length: 6 }, () => "order.created"));
});

it("matched counts all subscriptions, subscription_ids lists a hundred", async () => {
  const http = fakeHttp({ buses: 1, keys: 1, subscriptions: 101 });
  for (let index = 0; index < 101; index++)
    await http.ask("POST", "/v1/subscriptions", { json: { sink: "https://a.example.com/" } });
  const [event] = (await publish(http, { json: EVENT })).json.events;
  expect([event.matched, event.subscription_ids.length, new Set(event.subscription_ids).size]).toEqual([101, 100, 100]);
});

it("a batch with some faults is 207, in the order sent, and only the valid ones are published", async () => {
  const http = fakeHttp();
  const events = [{ ...EVENT, type: "" }, EVENT, 5, { ...EVENT, id: "A-2" }];
  const answer = await publish(http, { json: events, headers: BATCH });
  expect([answer.status, answer.json.accepted, answer.json.rejected]).toEqual([207, 2, 2]);
  expect(answer.json.events).toMatchObject([
    {
      status: "rejected",
      problem: {
        type: "https://fantail.dev/problems/invalid-event",
        status: 422,
        instance: answer.headers.get("x-request-id"),
        errors: [{ pointer: "/0/type" }],
      },
    },
    { status: "accepted", id: "A-1" },
    { status: "rejected", problem: { errors: [{ pointer: "/2" }] } },
    { status: "accepted", id: "A-2" },
  ]);
  expect(publishedEvents(http).map(({ id }) => id)).toEqual(["A-1", "A-2"]);
});

it("a batch without one valid event is 422 with the faults of all, and publishes nothing", async () => {
  const http = fakeHttp();
  const large = { ...EVENT, data: "x".repeat(EVENT_BYTES_MAX) };
  const answer = await publish(http, { json: [{ ...EVENT, type: 1 }, null, large], headers: BATCH });
  expect([answer.status, slug(answer)]).toEqual([422, "invalid-event"]);
  expect(answer.json.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(["/0/type", "/1", "/2"]);
  expect(http.ingest.published).toEqual([]);
});

it("a batch whose events are all refused for one cause is refused for that", async () => {
  const http = fakeHttp();
  const large = { ...EVENT, data: "x".repeat(EVENT_BYTES_MAX) };
  for (const [events, status, problem] of [
    [[large], 413, "payload-too-large"],
    [[large, large], 413, "payload-too-large"],
    [[{ ...EVENT, type: "" }], 422, "invalid-event"],
    [[large, { ...EVENT, type: "" }], 422, "invalid-event"],
  ] as const) {
    const answer = await publish(http, { json: events, headers: BATCH });
    expect([answer.status, slug(answer), answer.json.errors.length]).toEqual([status, problem, events.length]);
    expect(answer.json.errors[0].pointer).toMatch(/^\/0/);
  }
  expect(http.ingest.published).toEqual([]);
});

it("an event under a known idempotency-key is the known event, whatever else it says", async () => {
  const http = fakeHttp();
  const headers = { "idempotency-key": "order-1" };
  const ids = [
    { type: "a", data: 1 },
    { type: "b", data: 2 },
  ].map(async (json) => {
    const { events } = (await publish(http, { json, headers })).json;
    return events[0].event_id;
  });
  expect(new Set(await Promise.all(ids)).size).toBe(1);
});

it("an empty batch is accepted and enqueues nothing", async () => {
  const http = fakeHttp();
  const answer = await publish(http, { json: [], headers: BATCH });
  expect([answer.status, answer.json]).toEqual([202, { accepted: 0, rejected: 0, events: [] }]);
  expect(http.ingest.published).toEqual([]);
});

it("what cannot be an event is refused with its own problem, and publishes nothing", async () => {
  const http = fakeHttp();
  for (const [asked, problem] of [
    [{ json: { ...EVENT, type: "" } }, "invalid-event"],
    [{ json: { ...EVENT, specversion: "0.3" } }, "invalid-event"],
    [{ body: "{", headers: { "content-type": "application/json" } }, "malformed-json"],
    [{ body: new Uint8Array([0xff]), headers: { "content-type": "application/json" } }, "malformed-body"],
    [{ body: "a=b", headers: { "content-type": "application/x-www-form-urlencoded" } }, "unsupported-media-type"],
    [{}, "unsupported-media-type"],
    [{ json: EVENT, headers: { "content-encoding": "br" } }, "unsupported-media-type"],
    [{ json: EVENT, headers: { "content-encoding": "gzip" } }, "malformed-body"],
    [{ json: [EVENT] }, "unsupported-media-type"],
    [{ json: EVENT, headers: BATCH }, "invalid-request"],
    [{ json: Array.from({ length: 101 }, () => EVENT), headers: BATCH }, "invalid-request"],
    [{ json: { ...EVENT, data: "x".repeat(EVENT_BYTES_MAX) } }, "payload-too-large"],
    [{ body: "[".repeat(1_000_000), headers: { "content-type": "application/json" } }, "malformed-json"],
    [{ body: `${"[".repeat(500_000)}${"]".repeat(500_000)}`, headers: BATCH }, "malformed-json"],
  ] as const) {
    const answer = await publish(http, asked);
    expect(slug(answer), JSON.stringify(asked).slice(0, 80)).toBe(problem);
    expect(answer.status).toBe(answer.json.status);
  }
  expect(http.ingest.published).toEqual([]);
});

it("a request is read up to its limit and not further", async () => {
  const http = fakeHttp();
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(EVENT).padEnd(REQUEST_BYTES_MAX);
  expect((await publish(http, { body, headers })).status).toBe(202);
  expect(slug(await publish(http, { body: `${body} `, headers }))).toBe("payload-too-large");
  let pulled = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1_000_000;
      controller.enqueue(new Uint8Array(1_000_000));
    },
  });
  expect(slug(await publish(http, { body: stream, headers }))).toBe("payload-too-large");
  expect(pulled).toBeLessThanOrEqual(REQUEST_BYTES_MAX + 2_000_000);
});

it("fantail-hops is a whole number up to 5, and reaches the events", async () => {
  const http = fakeHttp();
  for (const [hops, status, problem] of [
    ["0", 202, null],
    ["5", 202, null],
    ["6", 422, "too-many-hops"],
    ["999999999", 422, "too-many-hops"],
    ["-1", 400, "invalid-header"],
    ["1.0", 400, "invalid-header"],
    ["", 400, "invalid-header"],
    ["1, 2", 400, "invalid-header"],
    ["9999999999", 400, "invalid-header"],
  ] as const) {
    const answer = await publish(http, { json: EVENT, headers: { "fantail-hops": hops } });
    expect([hops, answer.status, answer.json.type === undefined ? null : slug(answer)]).toEqual([
      hops,
      status,
      problem,
    ]);
  }
  expect(http.ingest.published.map(({ hops }) => hops)).toEqual([0, 5]);
});

it("idempotency-key is the id of a short form without one; other texts are refused", async () => {
  const http = fakeHttp();
  for (const key of ["k", "k".repeat(255)]) {
    const answer = await publish(http, { json: { type: "a" }, headers: { "idempotency-key": key } });
    expect(answer.json.events[0]).toMatchObject({ id: key, source: "/buses/default" });
  }
  for (const key of ["", "k".repeat(256), "a b", "é", "a\tb"])
    expect(slug(await publish(http, { json: { type: "a" }, headers: { "idempotency-key": key } })), key).toBe(
      "invalid-header",
    );
});

it("short forms without any id are different events", async () => {
  const http = fakeHttp();
  const ids = [await publish(http, { json: { type: "a" } }), await publish(http, { json: { type: "a" } })].map(
    ({ json }) => json.events[0].event_id,
  );
  expect(new Set(ids).size).toBe(2);
});

it("the trace of the request becomes the event's, unless it has one", async () => {
  const http = fakeHttp();
  const traced = { traceparent: TRACEPARENT, tracestate: "vendor=1,other=2" };
  await publish(http, { json: EVENT, headers: traced });
  await publish(http, { json: { ...EVENT, traceparent: "own" }, headers: traced });
  await publish(http, { json: { ...EVENT, tracestate: "own=1" }, headers: traced });
  await publish(http, { json: EVENT, headers: { traceparent: TRACEPARENT } });
  expect(publishedEvents(http).map(({ attributes }) => [attributes["traceparent"], attributes["tracestate"]])).toEqual([
    [TRACEPARENT, "vendor=1,other=2"],
    ["own", undefined],
    [undefined, "own=1"],
    [TRACEPARENT, undefined],
  ]);
});

it("a trace that is not valid is left behind, and the event goes on", async () => {
  const [version, trace, parent, flags] = TRACEPARENT.split("-");
  for (const [traceparent, taken] of [
    [TRACEPARENT, true],
    [`01-${trace}-${parent}-${flags}`, true],
    [`01-${trace}-${parent}-${flags}-more`, true],
    [`${TRACEPARENT}-more`, false],
    [`ff-${trace}-${parent}-${flags}`, false],
    [`${version}-${"0".repeat(32)}-${parent}-${flags}`, false],
    [`${version}-${trace}-${"0".repeat(16)}-${flags}`, false],
    [TRACEPARENT.toUpperCase(), false],
    [`${TRACEPARENT}, ${TRACEPARENT}`, false],
    ["", false],
  ] as const) {
    const http = fakeHttp();
    expect((await publish(http, { json: EVENT, headers: { traceparent, tracestate: "a=1" } })).status).toBe(202);
    const { traceparent: kept, tracestate } = publishedEvents(http)[0]?.attributes ?? {};
    expect([traceparent, kept, tracestate]).toEqual([
      traceparent,
      ...(taken ? [traceparent, "a=1"] : [undefined, undefined]),
    ]);
  }
  for (const tracestate of ["a".repeat(513), "", "é", "a=1,\tb=2"]) {
    const http = fakeHttp();
    await publish(http, { json: EVENT, headers: { traceparent: TRACEPARENT, tracestate } });
    expect(publishedEvents(http)[0]?.attributes).not.toHaveProperty("tracestate");
  }
});

it("an event with as many attributes as it may have keeps them and gets no trace", async () => {
  for (const [extensions, taken] of [
    [58, true],
    [59, false],
    [60, false],
  ] as const) {
    const http = fakeHttp();
    const more = Object.fromEntries(Array.from({ length: extensions }, (_, index) => [`x${index}`, "a"]));
    const headers = { traceparent: TRACEPARENT, tracestate: "a=1" };
    expect((await publish(http, { json: { ...EVENT, ...more }, headers })).status).toBe(202);
    expect(Object.hasOwn(publishedEvents(http)[0]?.attributes ?? {}, "traceparent")).toBe(taken);
  }
});

it("an event whose attributes or bytes leave no room for the trace is accepted without it", async () => {
  const headers = { traceparent: TRACEPARENT, tracestate: "a=1" };
  const added = `ce-traceparent${TRACEPARENT}ce-tracestatea=1`.length;
  const requiredBytes = Object.entries(EVENT).reduce((sum, [name, value]) => sum + `ce-${name}${value}`.length, 0);
  const attributesOf = (bytes: number) => {
    const full = { a: "x".repeat(4_096), b: "x".repeat(4_096), c: "x".repeat(4_096), d: "x" };
    return { ...full, d: "x".repeat(bytes - requiredBytes - 3 * 4_096 - "ce-a".length * 4) };
  };
  const dataOf = (bytes: number) => ({ data: "x".repeat(bytes - JSON.stringify({ ...EVENT, data: "" }).length) });
  const grown = JSON.stringify({ ...headers }).length - 1;
  for (const [more, taken] of [
    [attributesOf(ATTRIBUTES_BYTES_MAX - added), true],
    [attributesOf(ATTRIBUTES_BYTES_MAX - added + 1), false],
    [attributesOf(ATTRIBUTES_BYTES_MAX), false],
    [dataOf(EVENT_BYTES_MAX - grown), true],
    [dataOf(EVENT_BYTES_MAX - grown + 1), false],
    [dataOf(EVENT_BYTES_MAX), false],
  ] as const) {
    const http = fakeHttp();
    expect((await publish(http, { json: { ...EVENT, ...more }, headers })).status).toBe(202);
    const { traceparent, tracestate } = publishedEvents(http)[0]?.attributes ?? {};
    expect([traceparent, tracestate]).toEqual(taken ? [TRACEPARENT, "a=1"] : [undefined, undefined]);
  }
});

it("what is not confirmed is 503, and ingest runs to its end when the producer is gone", async () => {
  const http = fakeHttp();
  http.ingest.away = true;
  const answer = await publish(http, { json: EVENT });
  expect([answer.status, slug(answer), answer.headers.get("retry-after")]).toEqual([503, "unavailable", "5"]);
  expect(http.counts.background).toBe(1);
  http.ingest.away = false;
  await publish(http, { json: EVENT });
  expect(http.counts.background).toBe(2);
});

it("a failing ingest leaves no rejection that nobody handles", async () => {
  const works: Promise<unknown>[] = [];
  const http = fakeHttp(undefined, { ingest: () => Promise.reject(new Error("broken")) });
  const request = new Request("https://events.example.com/v1/events", {
    method: "POST",
    headers: { authorization: "Bearer root-key-for-tests", "content-type": "application/json" },
    body: JSON.stringify(EVENT),
  });
  const response = await http.app.fetch(request, { background: (work) => void works.push(work) });
  expect(response.status).toBe(500);
  await expect(Promise.all(works)).resolves.toHaveLength(1);
});

// Publishing against a server that misbehaves: what is sent again is the same, and every event has its outcome in its place.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createClient,
  NetworkError,
  ProblemError,
  PublishError,
  TimeoutError,
  UnexpectedAnswerError,
  type FantailError,
  type ClientOptions,
  type EventInput,
} from "../../src/client/index.ts";
import { EVENT_BYTES_MAX } from "../../src/core/limits.ts";
import {
  accepted,
  acceptsAll,
  acceptsGood,
  breaksOff,
  eventsOf,
  fakeFantail,
  hang,
  json,
  problem,
  problemOf,
  raw,
  rejected,
  reset,
  unavailable,
  type Answer,
} from "./fake-fantail.ts";
import { handClock } from "./hand-clock.ts";

const KEY = "ftk_shop_4fGh7Jk2Lm9Np3Qr5St8Uv_Wx1Yz6Ab";
const TIMEOUT_MS = 7_777;

async function setUp(options: Partial<ClientOptions> = {}) {
  const server = await fakeFantail();
  const clock = handClock({ hold: [TIMEOUT_MS] });
  const client = createClient({ url: server.url, key: KEY, timeoutMs: TIMEOUT_MS, runtime: clock, ...options });
  return { server, clock, client };
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => new Error("It did not fail"),
    (error: unknown) => error,
  );

async function publishErrorOf(work: Promise<unknown>): Promise<PublishError> {
  const error = await failureOf(work);
  if (!(error instanceof PublishError)) throw error;
  return error;
}

const many = (count: number, type = "t"): EventInput[] => Array.from({ length: count }, (_, n) => ({ type, data: n }));

describe("one event", () => {
  test("is complete before it is sent", async () => {
    const { server, client } = await setUp();
    const outcome = await client.publish({ type: "order.created", subject: "eu/42", data: { total: 42 } });
    const id = "00000000-0000-4000-8000-000000000001";
    expect(outcome).toEqual(accepted({ id, source: "/buses/shop" }));
    expect(server.requests).toHaveLength(1);
    const [request] = server.requests;
    expect(request).toMatchObject({ method: "POST", url: "/v1/events" });
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      "content-type": "application/cloudevents+json",
    });
    expect(request?.headers).not.toHaveProperty("fantail-bus");
    expect(JSON.parse(request?.body ?? "")).toEqual({
      specversion: "1.0",
      id,
      source: "/buses/shop",
      type: "order.created",
      subject: "eu/42",
      time: "2026-11-25T12:00:00.000Z",
      data: { total: 42 },
    });
  });

  test("is explained if that is asked for, and the answer is handed on", async () => {
    const { server, client } = await setUp();
    const explain = [{ subscription_id: "sub_1", matched: true, explain: [] }];
    server.next((response, request) => {
      const { id, source } = JSON.parse(request.body);
      json(202, { accepted: 1, rejected: 0, events: [{ ...accepted({ id, source }), explain }] })(response, request);
    });
    expect(await client.publish({ type: "order.created" }, { explain: true })).toMatchObject({ explain });
    expect(server.requests.map(({ url }) => url)).toEqual(["/v1/events?explain=1"]);
    server.always(acceptsAll);
    await client.publish({ type: "order.created" }, { explain: false });
    expect(server.requests[1]?.url).toBe("/v1/events");
  });

  test("after 503 is sent again, the same bytes", async () => {
    const { server, client, clock } = await setUp();
    server.next(unavailable, unavailable);
    await client.publish({ type: "t" });
    expect(server.requests).toHaveLength(3);
    expect(new Set(server.requests.map(({ body }) => body)).size).toBe(1);
    // What the server asks for, and up to 500 and 1,000 ms.
    expect(clock.waits).toEqual([5_500, 6_000]);
  });

  test("after a connection that was reset when it was accepted, is the same event", async () => {
    const { server, client, clock } = await setUp();
    server.next(reset);
    const { id } = await client.publish({ type: "t" });
    expect(server.requests.flatMap(eventsOf).map((event) => event.id)).toEqual([id, id]);
    expect(clock.waits).toEqual([500]);
  });

  test.each(["5", "0", "Wed, 25 Nov 2026 12:00:05 GMT"])("after 429 with retry-after %j waits", async (value) => {
    const { server, client, clock } = await setUp();
    server.next(problem("rate-limited", 429, {}, { "retry-after": value }));
    await client.publish({ type: "t" });
    expect(clock.waits).toEqual([value === "0" ? 500 : 5_500]);
  });

  test("is given up at once when the server asks for more time than there is", async () => {
    const { server, client, clock } = await setUp({ deadlineMs: 10_000 });
    server.next(problem("rate-limited", 429, {}, { "retry-after": "60" }));
    const { cause } = await publishErrorOf(client.publish({ type: "t" }));
    expect(cause).toMatchObject({ slug: "rate-limited", retryAfterMs: 60_000 });
    expect(clock.waits).toEqual([]);
  });

  test.each([0, 1, 4])("is tried at most %i times more", async (retries) => {
    const { server, client } = await setUp({ retries });
    server.always(unavailable);
    const error = await publishErrorOf(client.publish({ type: "t" }));
    expect(server.requests).toHaveLength(retries + 1);
    expect(error.cause).toMatchObject({ slug: "unavailable", status: 503 });
    expect(error.results).toMatchObject([{ status: "unconfirmed", source: "/buses/shop" }]);
  });

  test("that is not confirmed can be published again as the same", async () => {
    const { server, client } = await setUp({ retries: 0 });
    server.next(reset);
    const { unconfirmed } = await publishErrorOf(client.publish({ type: "t", data: [1] }));
    await client.publish(unconfirmed);
    const [first, second] = server.requests.flatMap(eventsOf);
    expect(second).toEqual(first);
  });

  test("without an answer in time is sent again", async () => {
    const { server, client, clock } = await setUp();
    server.next(hang);
    const work = client.publish({ type: "t" });
    await server.arrived(1);
    clock.letGo();
    await work;
    expect(server.requests).toHaveLength(2);
    expect(clock.held()).toBe(0);
  });

  test("without an answer in time is told as that", async () => {
    const { server, client, clock } = await setUp({ retries: 0 });
    server.next(hang);
    const work = publishErrorOf(client.publish({ type: "t" }));
    await server.arrived(1);
    clock.letGo();
    const { cause } = await work;
    expect(cause).toBeInstanceOf(TimeoutError);
    expect(cause).toMatchObject({
      timeoutMs: TIMEOUT_MS,
      message: `POST /v1/events: no answer within ${TIMEOUT_MS} ms`,
    });
  });

  test("whose answer stops in the middle is given up in time", async () => {
    const { server, client, clock } = await setUp({ retries: 0 });
    server.next((response) => void response.writeHead(202, { "content-type": "application/json" }).write('{"acc'));
    const work = publishErrorOf(client.publish({ type: "t" }));
    await server.arrived(1);
    clock.letGo();
    expect((await work).cause).toBeInstanceOf(TimeoutError);
  });

  test("is given up when the caller aborts, in mid-flight", async () => {
    const { server, client, clock } = await setUp();
    server.next(hang);
    const abort = new AbortController();
    const work = publishErrorOf(client.publish({ type: "t" }, { signal: abort.signal }));
    await server.arrived(1);
    const reason = new Error("Enough");
    abort.abort(reason);
    const { cause, results } = await work;
    expect(cause).toBe(reason);
    expect(results).toMatchObject([{ status: "unconfirmed" }]);
    expect(server.requests).toHaveLength(1);
    expect(clock.held()).toBe(0);
  });

  test("is not sent when the caller has aborted before", async () => {
    const { server, client } = await setUp();
    const reason = new Error("Not at all");
    expect(await failureOf(client.publish({ type: "t" }, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await failureOf(client.publish([{ type: "t" }], { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(server.requests).toEqual([]);
  });

  test.each(["invalid-event", "payload-too-large", "forbidden", "unauthorized", "bus-not-found", "too-many-hops"])(
    "that is refused with %s is told as that, and not sent again",
    async (slug) => {
      const { server, client } = await setUp();
      server.next(problem(slug, 422, { errors: [{ pointer: "/type", detail: "no" }] }));
      const error = await failureOf(client.publish({ type: "t" }));
      expect(error).toBeInstanceOf(ProblemError);
      expect(error).toMatchObject({ slug, requestId: problemOf(slug, 422).instance, errors: [{ pointer: "/type" }] });
      expect(server.requests).toHaveLength(1);
    },
  );

  test.each([reset, unavailable])(
    "that may have been accepted is not told as refused by the next try",
    async (lost) => {
      const { server, client } = await setUp();
      server.next(lost, problem("unauthorized", 401));
      const error = await publishErrorOf(client.publish({ id: "1", type: "t" }));
      expect(error.unconfirmed).toMatchObject([{ id: "1" }]);
      expect(error.cause).not.toMatchObject({ status: 401 });
      // What is wrong with the event was wrong the first time.
      server.next(lost, problem("invalid-event", 422));
      expect(await failureOf(client.publish({ type: "t" }))).toMatchObject({ slug: "invalid-event" });
      // Too many requests are refused before anything is done.
      server.next(problem("rate-limited", 429), problem("unauthorized", 401));
      expect(await failureOf(client.publish({ type: "t" }))).toMatchObject({ slug: "unauthorized" });
    },
  );

  test.each<[string, Answer, new (...args: never) => FantailError, number]>([
    [
      "a proxy's page, 502",
      raw(502, { "content-type": "text/html" }, "<h1>Bad gateway</h1>"),
      UnexpectedAnswerError,
      2,
    ],
    ["a page, 200", raw(200, { "content-type": "text/html" }, "<h1>Hello</h1>"), UnexpectedAnswerError, 1],
    ["a page, 404", raw(404, {}, "<h1>Not here</h1>"), UnexpectedAnswerError, 1],
    ["nothing, 202", raw(202, {}, ""), UnexpectedAnswerError, 1],
    ["another's JSON", json(200, { hello: 1 }), UnexpectedAnswerError, 1],
    ["another's error", json(500, { error: "x" }), UnexpectedAnswerError, 2],
    ["a defect", problem("internal-error", 500), ProblemError, 1],
    ["too few entries", json(202, { accepted: 0, rejected: 0, events: [] }), UnexpectedAnswerError, 1],
    ["another event", json(202, { events: [accepted({ id: "x", source: "y" })] }), UnexpectedAnswerError, 1],
    ["JSON cut off", raw(202, { "content-type": "application/json" }, '{"accepted":1,"ev'), NetworkError, 2],
    ["fewer bytes than said", breaksOff, NetworkError, 2],
    ["a redirect", raw(307, { location: "/v2/events" }, ""), UnexpectedAnswerError, 1],
    ["a redirect with 303", raw(303, { location: "https://elsewhere.example/" }, ""), UnexpectedAnswerError, 1],
  ])("answered with %s", async (_, answer, kind, tries) => {
    const { server, client } = await setUp({ retries: 1 });
    server.always(answer);
    const error = await publishErrorOf(client.publish({ type: "t" }));
    expect(error.cause).toBeInstanceOf(kind);
    expect(server.requests).toHaveLength(tries);
    expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain(KEY);
  });

  test("keeps data as it is: JSON values, texts, bytes, and what has its own JSON", async () => {
    const { server, client } = await setUp();
    const own = {
      specversion: "1.0",
      toJSON: () => ({ specversion: "1.0", id: "x", source: "/own", type: "t", tenant: "a" }),
    };
    await client.publish([
      { type: "t", data: null },
      { type: "t", data: "text", datacontenttype: "text/plain" },
      { type: "t", data: new Uint8Array([0, 255]) },
      { type: "t", data: new Uint8Array([1]), datacontenttype: "image/png" },
      { type: "t", time: new Date(0), extensions: { tenant: "acme", level: 3 } },
      { specversion: "1.0", id: "s", source: "/s", type: "t", tenant: "b", data: new Uint8Array([2]) },
      { type: "t", ...own },
    ]);
    const [nothing, text, bytes, image, extended, structured, sdk] = server.requests.flatMap(eventsOf);
    expect(nothing).toHaveProperty("data", null);
    expect(text).toMatchObject({ data: "text", datacontenttype: "text/plain" });
    expect(bytes).toMatchObject({ data_base64: "AP8=", datacontenttype: "application/octet-stream" });
    expect(bytes).not.toHaveProperty("data");
    expect(image).toMatchObject({ data_base64: "AQ==", datacontenttype: "image/png" });
    expect(extended).toMatchObject({ tenant: "acme", level: 3, time: "1970-01-01T00:00:00.000Z" });
    expect(structured).toMatchObject({ id: "s", tenant: "b", data_base64: "Ag==" });
    expect(sdk).toEqual({ specversion: "1.0", id: "x", source: "/own", type: "t", tenant: "a" });
  });

  test("takes bytes in whatever they come", async () => {
    const { server, client } = await setUp();
    const { buffer } = new Uint8Array([9, 1, 2, 9]);
    const bytes = [
      new Uint8Array([1, 2]),
      Buffer.from([1, 2]),
      new Uint8Array([1, 2]).buffer,
      new DataView(buffer, 1, 2),
      new Uint8Array(buffer, 1, 2),
    ];
    await client.publish(bytes.map((data) => ({ type: "t", data })));
    const sent = server.requests.flatMap(eventsOf);
    expect(sent).toHaveLength(5);
    for (const event of sent) expect(event).toMatchObject({ data_base64: "AQI=" });
  });

  test("has the client's source, and tells the bus and the hops", async () => {
    const { server, client } = await setUp({ key: "root-key-for-tests", bus: "eu", source: "/shop" });
    await client.publish({ type: "t" }, { hops: 3 });
    expect(server.requests[0]?.headers).toMatchObject({ "fantail-bus": "eu", "fantail-hops": "3" });
    expect(server.requests.flatMap(eventsOf)).toMatchObject([{ source: "/shop" }]);
  });

  test.each<[string, unknown, string]>([
    ["no object", "text", "events[1] must be an object"],
    ["a list", [], "events[1] must be an object"],
    ["no type", {}, "events[1].type must be a string"],
    ["an id that is a number", { type: "t", id: 1 }, "events[1].id must be a string"],
    ["an unknown member", { type: "t", tenant: "a" }, "events[1] has an unknown member tenant"],
    ["an extension over a member", { type: "t", extensions: { id: "x" } }, "events[1].extensions must not have id"],
    ["a big integer", { type: "t", data: 1n }, "events[1] cannot be written as JSON"],
    ["a promise", { type: "t", data: Promise.resolve(1) }, "events[1].data cannot be written as JSON: it is a Promise"],
    ["a map", { type: "t", data: new Map([["a", 1]]) }, "events[1].data cannot be written as JSON: it is a Map"],
    ["a function", { type: "t", data: () => {} }, "events[1].data cannot be written as JSON: it is a function"],
    ["no date", { type: "t", time: new Date(Number.NaN) }, "events[1].time is not a valid date"],
  ])("that is none (%s) stops everything before it is sent", async (_, event, message) => {
    const { server, client } = await setUp();
    const error = await failureOf(client.publish([{ type: "t" }, event as EventInput]));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(message);
    expect(server.requests).toEqual([]);
  });
});

describe("many events", () => {
  test("none is no request", async () => {
    const { server, client } = await setUp();
    expect(await client.publish([])).toEqual({ accepted: 0, rejected: 0, events: [] });
    expect(server.requests).toEqual([]);
  });

  test.each([
    [100, [100]],
    [101, [100, 1]],
    [250, [100, 100, 50]],
  ])("%i go in batches of %j", async (count, sizes) => {
    const { server, client } = await setUp({});
    const { events } = await client.publish(many(count), { concurrency: 1 });
    expect(server.requests.map((request) => eventsOf(request).length)).toEqual(sizes);
    expect(events.map(({ id }) => id)).toEqual(server.requests.flatMap(eventsOf).map(({ id }) => id));
  });

  test("are cut at the byte, and an event over it goes alone", async () => {
    const { server, client } = await setUp();
    const event = (id: string, chars: number) => ({
      specversion: "1.0",
      id,
      source: "/s",
      type: "t",
      data: "é".repeat(chars),
    });
    const events = [event("a", 10), event("b", 10), event("c", 10), event("d", 500), event("e", 10)];
    const pair = Buffer.byteLength(`[${JSON.stringify(events[0])},${JSON.stringify(events[1])},`);
    await client.publish(events, { batchBytes: pair, concurrency: 1 });
    const ids = () =>
      server.requests.map((request) =>
        eventsOf(request)
          .map(({ id }) => id)
          .join(""),
      );
    expect(ids()).toEqual(["ab", "c", "d", "e"]);
    await client.publish(events, { batchBytes: pair - 1, concurrency: 1 });
    expect(ids().slice(4)).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("of the largest size go three to a request", async () => {
    const { server, client } = await setUp();
    const data = "x".repeat(EVENT_BYTES_MAX - 200);
    await client.publish(
      Array.from({ length: 4 }, () => ({ type: "t", data })),
      { concurrency: 1 },
    );
    expect(server.requests.map((request) => eventsOf(request).length)).toEqual([3, 1]);
  });

  test("some of which are refused, 207, each with its problem and pointers into itself", async () => {
    const { server, client } = await setUp();
    server.always(acceptsGood);
    const {
      accepted: count,
      rejected: refused,
      events,
    } = await client.publish([...many(2), { type: "bad" }, ...many(1)]);
    expect([count, refused]).toEqual([3, 1]);
    expect(events.map(({ status }) => status)).toEqual(["accepted", "accepted", "rejected", "accepted"]);
    expect(events[2]).toMatchObject({ problem: { errors: [{ pointer: "/type" }] } });
  });

  test("all of which are refused, 422, are results all the same", async () => {
    const { server, client } = await setUp();
    server.always(acceptsGood);
    const { rejected: refused, events } = await client.publish(many(3, "bad"));
    expect(refused).toBe(3);
    expect(events[2]).toMatchObject({ status: "rejected", problem: { errors: [{ pointer: "/type" }] } });
  });

  test("too large for the bus, 413, go in halves until one alone is too large", async () => {
    const { server, client } = await setUp();
    server.always((response, request) => {
      const answer = request.body.length > 400 ? problem("payload-too-large", 413) : acceptsAll;
      answer(response, request);
    });
    const events = [...many(4), { type: "t", data: "x".repeat(400) }, ...many(4)];
    const summary = await client.publish(events);
    expect(summary).toMatchObject({ accepted: 8, rejected: 1 });
    expect(summary.events[4]).toMatchObject({ status: "rejected", problem: { status: 413 } });
  });

  test("of which a request fails: what is confirmed, what is not, and why", async () => {
    const { server, client } = await setUp({ retries: 0 });
    server.next(acceptsGood, unavailable);
    const events = [...many(1), { type: "bad" }, ...many(4)];
    const error = await publishErrorOf(client.publish(events, { batchEvents: 2, concurrency: 1 }));
    expect(server.requests).toHaveLength(2);
    expect(error.results.map(({ status }) => status)).toEqual([
      "accepted",
      "rejected",
      ...Array.from({ length: 4 }, () => "unconfirmed"),
    ]);
    expect(error.message).toContain("4 of 6 events are not confirmed: The detail of unavailable");
    server.always(acceptsAll);
    const again = await client.publish(error.unconfirmed);
    expect(again.events.map(({ id }) => id)).toEqual(error.results.slice(2).map(({ id }) => id));
  });

  test("a key that is refused is told, not listed as refused events", async () => {
    const { server, client } = await setUp();
    server.always(problem("unauthorized", 401));
    const error = await publishErrorOf(client.publish(many(3)));
    expect(error.cause).toMatchObject({ slug: "unauthorized" });
    expect(error.unconfirmed).toHaveLength(3);
  });

  test.each([1, 2, 4])("at most %i requests are under way", async (concurrency) => {
    const { server, client } = await setUp();
    let open = 0;
    let most = 0;
    server.always((response, request) => {
      open += 1;
      most = Math.max(most, open);
      setImmediate(() => {
        open -= 1;
        acceptsAll(response, request);
      });
    });
    const { events } = await client.publish(many(40), { batchEvents: 2, concurrency });
    expect(events).toHaveLength(40);
    expect(most).toBeLessThanOrEqual(concurrency);
  });

  test("concurrency may be any whole number", async () => {
    const { client } = await setUp();
    expect(await client.publish(many(3), { concurrency: Number.MAX_SAFE_INTEGER })).toMatchObject({ accepted: 3 });
  });

  test.each(["batchEvents", "batchBytes", "concurrency"])("%s of 0 is refused", async (name) => {
    const { client } = await setUp();
    await expect(client.publish(many(1), { [name]: 0 })).rejects.toThrow(`${name} must be a whole number from 1`);
  });

  test("property: whatever the split and whatever goes wrong, outcomes are in order and nothing is lost", async () => {
    const server = await fakeFantail();
    const clock = handClock({ hold: [TIMEOUT_MS] });
    const client = createClient({
      url: server.url,
      key: KEY,
      timeoutMs: TIMEOUT_MS,
      runtime: clock,
      retries: 50,
      deadlineMs: 1e9,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ type: fc.constantFrom("good", "bad"), data: fc.json() }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 3_000 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.constantFrom(unavailable, reset, problem("rate-limited", 429)), { maxLength: 4 }),
        async (events, batchEvents, batchBytes, concurrency, weather) => {
          server.always(acceptsGood);
          server.next(...weather);
          const ids = events.map((_, index) => `e${index}`);
          const given = events.map((event, index) => ({ ...event, id: `e${index}` }));
          const result = await client.publish(given, { batchEvents, batchBytes, concurrency });
          expect(result.events.map(({ id }) => id)).toEqual(ids);
          expect(result.events.map(({ status }) => status)).toEqual(
            events.map(({ type }) => (type === "good" ? "accepted" : "rejected")),
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

test("a rejected entry of a publish of one is an error too", async () => {
  const { server, client } = await setUp();
  server.next(json(207, { accepted: 0, rejected: 1, events: [rejected(0)] }));
  expect(await failureOf(client.publish({ type: "t" }))).toMatchObject({ name: "ProblemError", slug: "invalid-event" });
});

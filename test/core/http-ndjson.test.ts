// Publishing as lines: each is answered when it is confirmed, what breaks in the middle says where to go on, and nothing piles up.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_BUS_SETTINGS } from "../../src/core/bus.ts";
import {
  BATCH_EVENTS_MAX,
  EVENT_BYTES_MAX,
  NDJSON_BYTES_MAX,
  NDJSON_CHUNK_BYTES_MAX,
  NDJSON_LINE_BYTES_MAX,
  NDJSON_LINES_MAX,
} from "../../src/core/limits.ts";
import { refusal } from "../../src/core/problem.ts";
import { err } from "../../src/core/result.ts";
import type { Publish } from "../../src/ingest.ts";
import { fakeIngest, fakeRoutes } from "../fakes.ts";
import { gzip, piecewise } from "../gzip.ts";
import { fakeHttp, limitedKey, ROOT, type Asked, type FakeHttp } from "../http.ts";
import { answerLines, lineStream } from "../stream.ts";

const NDJSON = { "content-type": "application/x-ndjson" };
const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };
const event = (id: number | string, more: object = {}) => JSON.stringify({ ...EVENT, id: String(id), ...more });
const encoder = new TextEncoder();

const parsed = (text: string) =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
const publishedIds = (http: FakeHttp) => http.ingest.published.flatMap(({ events }) => events.map(({ id }) => id));
const slugOf = (problem: { readonly type: string }) => problem.type.split("/").at(-1);

async function publish(http: FakeHttp, body: BodyInit, { headers = {}, ...asked }: Asked = {}) {
  const answer = await http.ask("POST", "/v1/events", { ...asked, body, headers: { ...NDJSON, ...headers } });
  expect(answer.text.endsWith("\n") || answer.status !== 200).toBe(true);
  return { ...answer, lines: answer.status === 200 ? parsed(answer.text) : [] };
}

/** A publish that is under way. */
async function opened(http: FakeHttp, { key = ROOT, headers = {} }: Asked = {}) {
  const sending = lineStream();
  const works: Promise<unknown>[] = [];
  const request = new Request("https://events.example.com/v1/events", {
    method: "POST",
    headers: { ...NDJSON, authorization: `Bearer ${key}`, ...headers },
    body: sending.body,
    duplex: "half",
  } as RequestInit);
  const response = await http.app.fetch(request, { background: (work) => void works.push(work) });
  return { sending, response, works, answer: answerLines(response) };
}

/** Everything that is ready to run has run. */
const idle = () => new Promise((resolve) => setTimeout(resolve));

describe("lines", () => {
  it("each get a line, in order, and a summary ends them", async () => {
    const http = fakeHttp();
    const { id } = (await http.ask("POST", "/v1/subscriptions", { json: { sink: "https://a.example.com/" } })).json;
    const answer = await publish(http, `${event(1)}\n${event(2, { type: "" })}\n{"type":"a"}\n`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
    expect(answer.lines).toEqual([
      {
        line: 1,
        status: "accepted",
        event_id: expect.stringMatching(/^evt_/),
        id: "1",
        source: "/shop",
        matched: 1,
        subscription_ids: [id],
      },
      {
        line: 2,
        status: "rejected",
        problem: {
          type: "https://fantail.dev/problems/invalid-event",
          title: "The event is not valid",
          status: 422,
          detail: "type must not be empty",
          instance: answer.headers.get("x-request-id"),
          errors: [{ pointer: "/type", detail: "type must not be empty" }],
        },
      },
      expect.objectContaining({ line: 3, status: "accepted", source: "/buses/default" }),
      { status: "done", lines: 3, accepted: 2, rejected: 1 },
    ]);
  });

  it("may end as they like, be blank, and begin with a byte order mark", async () => {
    const http = fakeHttp();
    const answer = await publish(http, `\ufeff${event(1)}\r\n\n  \r\n${event(2)}\n\n${event(3)}`);
    expect(answer.lines.map(({ line, status }) => line ?? status)).toEqual([1, 4, 6, "done"]);
    expect(answer.lines.at(-1)).toEqual({ status: "done", lines: 6, accepted: 3, rejected: 0 });
    expect(publishedIds(http)).toEqual(["1", "2", "3"]);
  });

  it("that are none are done at once", async () => {
    const http = fakeHttp();
    for (const [body, lines] of [
      ["", 0],
      ["\n\n", 2],
      ["\ufeff", 1],
    ] as const)
      expect((await publish(http, body)).lines).toEqual([{ status: "done", lines, accepted: 0, rejected: 0 }]);
    expect((await http.ask("POST", "/v1/events", { headers: NDJSON })).text).toContain('"lines":0');
    expect(http.ingest.published).toEqual([]);
  });

  it("that are no event are refused, each by itself, and the others are not", async () => {
    const http = fakeHttp();
    const bad = ["{", "5", "null", "[]", `[${event(9)}]`, '"a"', "{}", event(9, { typo_: 1 }), "[".repeat(10_000)];
    const body = encoder.encode([...bad, event(1)].join("\n"));
    const broken = new Uint8Array([...encoder.encode("\n"), 0xff, ...encoder.encode(`\n${event(2)}`)]);
    const { lines } = await publish(http, new Uint8Array([...body, ...broken]));
    expect(lines.slice(0, -1).map(({ status }) => status)).toEqual([
      ...bad.map(() => "rejected"),
      "accepted",
      "rejected",
      "accepted",
    ]);
    expect(new Set(lines.flatMap(({ problem }) => (problem === undefined ? [] : [slugOf(problem)])))).toEqual(
      new Set(["malformed-json", "invalid-event", "malformed-body"]),
    );
    expect(publishedIds(http)).toEqual(["1", "2"]);
  });

  it("in the short form have the idempotency-key and their number as id, or an id of their own", async () => {
    const http = fakeHttp();
    const body = `{"type":"a"}\n\n{"type":"a"}\n${event("own")}\n{"type":"a","id":"x","source":"/s"}`;
    await publish(http, body, { headers: { "idempotency-key": "k" } });
    expect(publishedIds(http)).toEqual(["k.1", "k.3", "own", "x"]);
    await publish(http, body, { headers: { "idempotency-key": "k".repeat(255) } });
    expect(publishedIds(http)[4]).toBe(`${"k".repeat(255)}.1`);
    await publish(http, body);
    expect(new Set(publishedIds(http).slice(8, 10)).size).toBe(2);
  });

  it("carry the trace and the hops of the request", async () => {
    const http = fakeHttp();
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await publish(http, `${event(1)}\n${event(2, { traceparent: "own" })}`, {
      headers: { traceparent, "fantail-hops": "3" },
    });
    const { published } = http.ingest;
    expect(new Set(published.map(({ hops }) => hops))).toEqual(new Set([3]));
    const traces = published.flatMap(({ events }) => events.map(({ attributes }) => attributes["traceparent"]));
    expect(traces).toEqual([traceparent, "own"]);
  });

  it("are publishes of their own: an event that comes again in a later group is a duplicate", async () => {
    const http = fakeHttp();
    await publish(http, Array.from({ length: 2 * BATCH_EVENTS_MAX }, () => event(1)).join("\n"));
    const ids = http.ingest.published.map(({ requestId }) => requestId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(1);
  });

  it("of a binary event are its data", async () => {
    const http = fakeHttp();
    const binary = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t" };
    const answer = await http.ask("POST", "/v1/events", { body: "{}\n{}\n", headers: { ...NDJSON, ...binary } });
    expect([answer.status, answer.json.accepted]).toEqual([202, 1]);
    expect(http.ingest.published[0]?.events[0]?.data).toEqual({ kind: "text", text: "{}\n{}\n" });
  });

  it("may be compressed", async () => {
    const http = fakeHttp();
    const text = Array.from({ length: 5_000 }, (_, index) => event(index)).join("\n");
    const bytes = await gzip(text);
    const headers = { "content-encoding": "gzip" };
    for (const size of [11, bytes.byteLength]) {
      const { lines } = await publish(http, piecewise(bytes, size), { headers });
      expect(lines.at(-1)).toEqual({ status: "done", lines: 5_000, accepted: 5_000, rejected: 0 });
    }
    const cut = await publish(http, bytes.subarray(0, -20), { headers });
    const last = cut.lines.at(-1);
    expect([last.status, slugOf(last.problem)]).toEqual(["stopped", "malformed-body"]);
    expect(last.next_line).toBe(last.accepted + 1);
  });

  it("with return=minimal are told only when they are refused", async () => {
    const http = fakeHttp();
    const answer = await publish(http, `${event(1)}\n5\n${event(2)}\n`, { headers: { prefer: "return=minimal" } });
    expect(answer.headers.get("preference-applied")).toBe("return=minimal");
    expect(answer.lines).toMatchObject([
      { line: 2, status: "rejected" },
      { status: "done", lines: 3, accepted: 2, rejected: 1 },
    ]);
    expect(answer.lines).toHaveLength(2);
  });
});

describe("the stream", () => {
  it("answers a line before the next one is sent", async () => {
    const { sending, answer } = await opened(fakeHttp());
    for (const id of [1, 2, 3]) {
      sending.write(`${event(id)}\n`);
      expect(await answer.next()).toMatchObject({ line: id, status: "accepted", id: String(id) });
    }
    sending.write(event(4));
    sending.end();
    expect(await answer.rest()).toMatchObject([{ line: 4 }, { status: "done", accepted: 4 }]);
  });

  it("confirms together what came while the group before was being confirmed", async () => {
    const http = gated();
    const { sending, answer } = await opened(http);
    sending.write(`${event(0)}\n`);
    const first = answer.next();
    await http.began(1);
    for (let id = 1; id <= 30; id++) sending.write(`${event(id)}\n`);
    http.open();
    expect(await first).toMatchObject({ line: 1 });
    sending.end();
    expect((await answer.rest()).at(-1)).toMatchObject({ status: "done", accepted: 31 });
    expect(http.ingest.published.map(({ events }) => events.length)).toEqual([1, 30]);
  });

  it("confirms at most BATCH_EVENTS_MAX lines and about NDJSON_CHUNK_BYTES_MAX at a time", async () => {
    const http = fakeHttp();
    await publish(http, Array.from({ length: 1_050 }, (_, index) => event(index)).join("\n"));
    expect(Math.max(...http.ingest.published.map(({ events }) => events.length))).toBe(BATCH_EVENTS_MAX);
    expect(http.ingest.published.length).toBeLessThanOrEqual(12);
    http.ingest.published.length = 0;
    await publish(http, Array.from({ length: 40 }, (_, id) => event(id, { data: "x".repeat(100_000) })).join("\n"));
    const sizes = http.ingest.published.map(({ events }) => 100_000 * events.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(NDJSON_CHUNK_BYTES_MAX + 100_000);
  });

  it("reads no further than one group ahead while nobody reads the answer", async () => {
    const http = fakeHttp();
    const sending = { pulled: 0, cancelled: false };
    const text = Array.from({ length: 50_000 }, (_, index) => event(index)).join("\n");
    const request = new Request("https://events.example.com/v1/events", {
      method: "POST",
      headers: { ...NDJSON, authorization: `Bearer ${ROOT}` },
      body: piecewise(encoder.encode(text), 10_000, sending),
      duplex: "half",
    } as RequestInit);
    const answer = answerLines(await http.app.fetch(request, { background: () => {} }));
    await idle();
    expect(sending.pulled).toBe(0);
    await answer.next();
    await idle();
    expect(http.ingest.published.length).toBeLessThanOrEqual(4);
    expect(sending.pulled).toBeLessThan(100_000);
    expect((await answer.rest()).at(-1)).toMatchObject({ status: "done", accepted: 50_000 });
  });

  it("that is hung up on reads no more, and finishes the group under way", async () => {
    const http = gated();
    const { sending, answer, works } = await opened(http);
    sending.write(`${event(1)}\n`);
    void answer.next();
    await http.began(1);
    // Half a line is no line, though nothing follows it any more.
    sending.write(`${event(2)}\n${event(3)}`);
    await answer.cancel();
    expect(sending.isCancelled()).toBe(true);
    http.open();
    await Promise.all(works);
    await idle();
    expect(publishedIds(http)).toEqual(["1"]);
    expect(http.logger.lines.at(-1)).toMatchObject({
      name: "publish.streamed",
      fields: { end: "hung-up", accepted: 1 },
    });
  });

  it("that is hung up on while it waits takes half a line for nothing", async () => {
    const http = fakeHttp();
    const { sending, answer, works } = await opened(http);
    sending.write(`${event(1)}\n${event(2)}`);
    await answer.next();
    void answer.next();
    await idle();
    await answer.cancel();
    await Promise.all(works);
    expect(publishedIds(http)).toEqual(["1"]);
  });

  it("has one line in the log when it ends, without what was sent", async () => {
    const http = fakeHttp();
    const answer = await publish(http, `${event("private")}\n5`);
    expect(http.logger.lines.at(-1)).toEqual({
      level: "info",
      name: "publish.streamed",
      fields: { request_id: answer.headers.get("x-request-id"), lines: 2, accepted: 1, rejected: 1, end: "done" },
    });
    expect(JSON.stringify(http.logger.lines)).not.toContain("private");
  });
});

describe("what is known before the first line is an ordinary problem", () => {
  it("for keys, headers, encodings, charsets and rates", async () => {
    const http = fakeHttp();
    const { key, id } = await limitedKey(http, {});
    for (const [asked, status] of [
      [{ key: null }, 401],
      [{ key: "wrong" }, 401],
      [{ headers: { "content-encoding": "br" } }, 415],
      [{ headers: { "content-type": "application/x-ndjson; charset=latin1" } }, 415],
      [{ headers: { "content-type": "application/ndjson" } }, 415],
      [{ headers: { "idempotency-key": "a b" } }, 400],
      [{ headers: { "fantail-hops": "6" } }, 422],
      [{ headers: { "content-length": String(NDJSON_BYTES_MAX + 1) } }, 413],
    ] as const) {
      const answer = await publish(http, piecewise(encoder.encode(event(1)), 100), asked);
      expect([asked, answer.status, answer.json.status]).toEqual([asked, status, status]);
    }
    http.rateLimits.refused.add(id);
    expect((await publish(http, event(1), { key })).status).toBe(429);
    expect(http.ingest.published).toEqual([]);
  });
});

describe("a stream stops, says why and where to go on", () => {
  const stopped = (line: ReturnType<typeof JSON.parse>) => [line.status, line.next_line, slugOf(line.problem ?? line)];

  it("when a queue does not confirm", async () => {
    const http = fakeHttp();
    const { sending, answer } = await opened(http);
    sending.write(`\n${event(1)}\n5\n`);
    expect(await answer.next()).toMatchObject({ line: 2 });
    expect(await answer.next()).toMatchObject({ line: 3, status: "rejected" });
    http.ingest.away = true;
    sending.write(`${event(2)}\n`);
    const [last] = await answer.rest();
    expect(last).toMatchObject({ status: "stopped", lines: 3, accepted: 1, rejected: 1, next_line: 4 });
    expect(last.problem).toMatchObject({ status: 503, instance: http.logger.lines[0]?.fields["request_id"] });
    expect(sending.isCancelled()).toBe(true);
    expect(http.logger.lines.at(-1)).toMatchObject({ level: "warn", fields: { end: "unavailable", lines: 3 } });
  });

  it("when the routes are too old", async () => {
    const http = fakeHttp();
    const { sending, answer } = await opened(http);
    http.routes.away = true;
    sending.write(`${event(1)}\n`);
    expect((await answer.rest()).map(stopped)).toEqual([["stopped", 1, "unavailable"]]);
  });

  it("when something of ours breaks, without a word about it", async () => {
    const http = fakeHttp(undefined, { ingest: () => Promise.reject(new TypeError("secret details")) });
    const answer = await publish(http, event(1));
    expect(answer.lines.map(stopped)).toEqual([["stopped", 1, "internal-error"]]);
    expect(answer.text).not.toContain("secret details");
    expect(http.logger.lines.at(-1)?.level).toBe("error");
    expect(http.logger.lines.at(-1)?.fields["error"]).toContain("secret details");
  });

  it("when the key is revoked, expires, or loses its scope meanwhile", async () => {
    for (const [lose, slug] of [
      [(key: Limited) => key.change(null), "unauthorized"],
      [(key: Limited, http: FakeHttp) => key.change({ expiresMs: http.clock.now() }), "unauthorized"],
      [(key: Limited) => key.change({ scopes: ["read"] }), "forbidden"],
      [(key: Limited) => key.change({ allowedOrigins: ["https://a.example.com"] }), "forbidden"],
    ] as const) {
      const http = fakeHttp();
      const key = await limitedKey(http, {});
      const { sending, answer } = await opened(http, { key: key.key });
      sending.write(`${event(1)}\n`);
      await answer.next();
      lose(key, http);
      sending.write(`${event(2)}\n`);
      expect((await answer.rest()).map(stopped)).toEqual([["stopped", 2, slug]]);
      expect(publishedIds(http)).toEqual(["1"]);
    }
  });

  it("when the key has made too many: each group counts once, the request with its first", async () => {
    const http = fakeHttp();
    const { key, id } = await limitedKey(http, { rateLimit: "low" });
    const { sending, answer } = await opened(http, { key });
    sending.write(`${event(1)}\n`);
    await answer.next();
    expect(http.rateLimits.taken).toHaveLength(1);
    sending.write(`${event(2)}\n`);
    await answer.next();
    expect(http.rateLimits.taken).toHaveLength(2);
    http.rateLimits.refused.add(id);
    sending.write(`${event(3)}\n`);
    expect((await answer.rest()).map(stopped)).toEqual([["stopped", 3, "rate-limited"]]);
  });

  it("when the body breaks off: what came whole before is confirmed, half a line is not", async () => {
    const http = fakeHttp();
    const { sending, answer } = await opened(http);
    sending.write(`${event(1)}\n${event(2)}\n${event(3)}`);
    expect(await answer.next()).toMatchObject({ line: 1 });
    sending.breakOff();
    expect(await answer.next()).toMatchObject({ line: 2 });
    expect((await answer.rest()).map(stopped)).toEqual([["stopped", 3, "malformed-body"]]);
    expect(publishedIds(http)).toEqual(["1", "2"]);
  });

  it("when a line is over its limit; at the limit it is taken", async () => {
    const http = fakeHttp();
    const large = (bytes: number) => event(2).padEnd(bytes);
    const fits = await publish(http, `${event(1)}\n${large(NDJSON_LINE_BYTES_MAX)}\n${event(3)}`);
    expect(fits.lines.at(-1)).toMatchObject({ status: "done", accepted: 3 });
    const over = await publish(http, `${event(1)}\n${large(NDJSON_LINE_BYTES_MAX + 1)}\n${event(3)}`);
    expect(over.lines.at(-1)).toMatchObject({ status: "stopped", lines: 1, accepted: 1, next_line: 2 });
    expect(over.lines.at(-1).problem.detail).toContain(String(NDJSON_LINE_BYTES_MAX));
  });

  it("when there are too many lines; at the limit they are taken", async () => {
    const http = fakeHttp();
    const blank = "\n".repeat(NDJSON_LINES_MAX - 1);
    const fits = await publish(http, `${blank}${event(1)}\n`);
    expect(fits.lines.at(-1)).toMatchObject({ status: "done", lines: NDJSON_LINES_MAX, accepted: 1 });
    const over = await publish(http, `${blank}${event(1)}\n${event(2)}`);
    const last = over.lines.at(-1);
    expect(last).toMatchObject({ status: "stopped", accepted: 1, next_line: NDJSON_LINES_MAX + 1 });
    expect(last.problem.detail).toContain(String(NDJSON_LINES_MAX));
  });

  it("when there are too many bytes, inflated; at the limit they are taken", async () => {
    const filler = `${" ".repeat(999_999)}\n`.repeat(NDJSON_BYTES_MAX / 1_000_000 - 1);
    const headers = { "content-encoding": "gzip" };
    for (const [more, status] of [
      ["", "done"],
      [" ", "stopped"],
    ] as const) {
      const http = fakeHttp();
      const { lines } = await publish(http, await gzip(filler + event(1).padEnd(1_000_000) + more), { headers });
      expect(lines.at(-1).status).toBe(status);
      if (status === "stopped") expect(stopped(lines.at(-1))).toEqual([status, 100, "payload-too-large"]);
      expect(http.ingest.published).toHaveLength(status === "done" ? 1 : 0);
    }
  });
});

describe("what a key and a bus allow", () => {
  it("holds for each line", async () => {
    const http = fakeHttp();
    const { key } = await limitedKey(http, { types: ["order.*"], allowedOrigins: ["https://shop.example.com"] });
    const settings = { ...DEFAULT_BUS_SETTINGS, eventBytesMax: 2_000, requestBytesMax: 3_000 };
    http.routes.applied({ kind: "bus", version: 1, bus: "default", createdMs: 0, settings });
    const body = [
      event(1, { type: "user.created" }),
      event(2),
      event(3, { data: "x".repeat(2_000) }),
      event(4).padEnd(3_000),
      event(5).padEnd(3_001),
    ].join("\n");
    const answer = await publish(http, body, { key, headers: { origin: "https://shop.example.com" } });
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://shop.example.com");
    expect(answer.lines.slice(0, -1).map(({ problem }) => problem && slugOf(problem))).toEqual([
      "forbidden",
      undefined,
      "payload-too-large",
      undefined,
      "payload-too-large",
    ]);
    expect(answer.lines[2].problem.detail).toContain("2000 bytes as JSON, the event_bytes_max");
    expect(answer.lines[4].problem.detail).toContain("3000 bytes, the request_bytes_max");
    expect((await publish(http, body, { key })).status).toBe(403);
  });

  it("an event over EVENT_BYTES_MAX is a refused line", async () => {
    const { lines } = await publish(fakeHttp(), event(1, { data: "x".repeat(EVENT_BYTES_MAX) }));
    expect(lines).toMatchObject([{ status: "rejected", problem: { status: 413 } }, { status: "done" }]);
  });

  it("a group that matches too many subscriptions in all is confirmed in parts", async () => {
    const routes = fakeRoutes();
    const inner = fakeIngest(routes);
    const tooMany = refusal("payload-too-large", "too many");
    const ingest = async (one: Publish) => (one.events.length > 3 ? err(tooMany) : inner.ingest(one));
    const http = fakeHttp(undefined, { ingest });
    const { lines } = await publish(http, [event(1), "5", ...[2, 3, 4, 5, 6, 7].map((id) => event(id))].join("\n"));
    expect(lines.map(({ line, status }) => [line, status])).toEqual([
      [1, "accepted"],
      [2, "rejected"],
      ...[3, 4, 5, 6, 7, 8].map((line) => [line, "accepted"]),
      [undefined, "done"],
    ]);
    expect(inner.published.flatMap(({ events }) => events.map(({ id }) => id))).toEqual("1234567".split(""));
    const never = fakeHttp(undefined, { ingest: async () => err(tooMany) });
    expect((await publish(never, `${event(1)}\n${event(2)}`)).lines).toMatchObject([
      { line: 1, status: "rejected" },
      { line: 2, status: "rejected" },
      { status: "done", accepted: 0, rejected: 2 },
    ]);
  });
});

it("arbitrary lines in arbitrary pieces end with a summary that counts them, and publish what it says", async () => {
  const line = fc.oneof(
    fc.nat({ max: 5 }).map((id) => event(id)),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom("", "\r", " ", "5", "{}", '{"type":"a"}', "[", "\ufeff", "\0"),
  );
  const bytes = fc.oneof(
    { weight: 4, arbitrary: fc.array(line, { maxLength: 12 }).map((lines) => encoder.encode(lines.join("\n"))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  );
  await fc.assert(
    fc.asyncProperty(bytes, fc.integer({ min: 1, max: 80 }), fc.boolean(), async (body, size, minimal) => {
      const http = fakeHttp();
      const headers = minimal ? { prefer: "return=minimal" } : {};
      const { status, lines } = await publish(http, piecewise(body, size), { headers });
      const summary = lines.at(-1);
      const results = lines.slice(0, -1);
      expect([status, summary.status]).toEqual([200, "done"]);
      const told = (wanted: string) => results.filter((result) => result.status === wanted).length;
      expect(told("rejected")).toBe(summary.rejected);
      expect(told("accepted")).toBe(minimal ? 0 : summary.accepted);
      expect(publishedIds(http)).toHaveLength(summary.accepted);
      const numbers = results.map((result) => result.line);
      expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
      expect(Math.max(0, ...numbers)).toBeLessThanOrEqual(summary.lines);
    }),
    { numRuns: 300 },
  );
});

type Limited = Awaited<ReturnType<typeof limitedKey>>;

/** An API whose ingest waits until it is opened. */
function gated() {
  const gate = Promise.withResolvers<void>();
  let began = 0;
  let told = (): void => {};
  const inner = fakeIngest(fakeRoutes());
  const ingest = async (one: Publish) => {
    began += 1;
    told();
    await gate.promise;
    return inner.ingest(one);
  };
  const http = fakeHttp(undefined, { ingest });
  return {
    ...http,
    ingest: inner,
    open: () => gate.resolve(),
    began: (times: number): Promise<void> =>
      new Promise((resolve) => {
        told = () => void (began >= times && resolve());
        told();
      }),
  };
}

// Compressed request bodies: what inflates is taken, what does not is refused, and a bomb costs no more than a limit.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { EVENT_BYTES_MAX, MANAGEMENT_BYTES_MAX, REQUEST_BYTES_MAX } from "../../src/core/limits.ts";
import { bomb, gzip, piecewise } from "../gzip.ts";
import { fakeHttp, type Answered, type FakeHttp } from "../http.ts";

const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };
const GZIP = { "content-type": "application/json", "content-encoding": "gzip" };

const slug = ({ json }: Answered) => json.type?.split("/").at(-1);
const publish = (http: FakeHttp, body: BodyInit, headers: Record<string, string> = {}) =>
  http.ask("POST", "/v1/events", { body, headers: { ...GZIP, ...headers } });

it("a gzip body is what it stands for, whatever its coding is called and in whatever pieces it comes", async () => {
  const http = fakeHttp();
  const bytes = await gzip(JSON.stringify({ ...EVENT, data: { text: "漢".repeat(5_000) } }));
  for (const coding of ["gzip", "x-gzip", "GZIP", " gzip "])
    expect((await publish(http, bytes, { "content-encoding": coding })).status, coding).toBe(202);
  for (const size of [1, 7, bytes.byteLength - 8, bytes.byteLength])
    expect((await publish(http, piecewise(bytes, size))).status, String(size)).toBe(202);
  const texts = http.ingest.published.flatMap(({ events }) => events.map(({ data }) => JSON.stringify(data)));
  expect(new Set(texts).size).toBe(1);
  expect(texts[0]).toContain("漢".repeat(5_000));
});

it("data that cannot be compressed comes through whole", async () => {
  const http = fakeHttp();
  const random = new Uint8Array(700_000);
  for (let at = 0; at < random.length; at += 65_536) crypto.getRandomValues(random.subarray(at, at + 65_536));
  const data_base64 = Buffer.from(random).toString("base64");
  expect((await publish(http, await gzip(JSON.stringify({ ...EVENT, data_base64 })))).status).toBe(202);
  expect(http.ingest.published[0]?.events[0]?.data).toEqual({ kind: "binary", base64: data_base64 });
});

it("identity is no coding, and another one is 415 with those that are taken", async () => {
  const http = fakeHttp();
  const json = JSON.stringify(EVENT);
  for (const coding of ["identity", "Identity", ""])
    expect((await publish(http, json, { "content-encoding": coding })).status).toBe(202);
  for (const coding of ["br", "deflate", "zstd", "gzip, gzip", "identity, gzip", "compress", "é"]) {
    const answer = await publish(http, json, { "content-encoding": coding });
    expect([coding, answer.status, slug(answer)]).toEqual([coding, 415, "unsupported-media-type"]);
    expect(answer.headers.get("accept-encoding")).toBe("gzip, identity");
  }
  expect(http.ingest.published).toHaveLength(3);
});

it("what is not one whole gzip member is a malformed body, and publishes nothing", async () => {
  const http = fakeHttp();
  const whole = await gzip(JSON.stringify(EVENT));
  const flipped = whole.slice();
  flipped[whole.length - 6] = (flipped[whole.length - 6] ?? 0) ^ 1;
  const joined = (...parts: readonly Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));
  for (const [name, bytes] of [
    ["plain", new TextEncoder().encode(JSON.stringify(EVENT))],
    ["empty", new Uint8Array()],
    ["the head alone", whole.subarray(0, 10)],
    ["without its end", whole.subarray(0, -1)],
    ["without its checksum", whole.subarray(0, -8)],
    ["a wrong checksum", flipped],
    ["one byte more", joined(whole, new Uint8Array(1))],
    ["two members", joined(whole, whole)],
    ["much more", joined(whole, new Uint8Array(20_000))],
  ] as const) {
    for (const size of [1, whole.byteLength, 100_000]) {
      const answer = await publish(http, piecewise(bytes, size));
      expect([name, size, answer.status, slug(answer)]).toEqual([name, size, 400, "malformed-body"]);
    }
  }
  expect((await http.ask("POST", "/v1/events", { headers: GZIP })).json.detail).toContain("gzip");
  expect(http.ingest.published).toEqual([]);
});

it("a gzip body that breaks off is told as one", async () => {
  const bytes = await gzip(JSON.stringify(EVENT));
  let sent = false;
  const body = new ReadableStream({
    pull(controller) {
      if (sent) controller.error(new Error("gone"));
      else controller.enqueue(bytes.slice(0, 20));
      sent = true;
    },
  });
  const answer = await publish(fakeHttp(), body);
  expect([slug(answer), answer.json.detail]).toEqual(["malformed-body", "The body broke off before its end"]);
});

it("the limit counts inflated bytes: at the limit it is taken, one more is 413", async () => {
  const http = fakeHttp();
  const json = JSON.stringify({ sink: "https://a.example.com/" });
  for (const [path, text, limit, status] of [
    ["/v1/events", JSON.stringify(EVENT), REQUEST_BYTES_MAX, 202],
    ["/v1/subscriptions", json, MANAGEMENT_BYTES_MAX, 201],
  ] as const) {
    const ask = async (bytes: number) =>
      http.ask("POST", path, { body: await gzip(text.padEnd(bytes)), headers: GZIP });
    expect((await ask(limit)).status).toBe(status);
    const over = await ask(limit + 1);
    expect([over.status, over.json.detail.includes(String(limit))]).toEqual([413, true]);
  }
});

it("the limit counts compressed bytes as well", async () => {
  const random = new Uint8Array(REQUEST_BYTES_MAX);
  for (let at = 0; at < random.length; at += 65_536) crypto.getRandomValues(random.subarray(at, at + 65_536));
  // Stored blocks: more bytes than they stand for.
  const bytes = await gzip(random);
  expect(bytes.byteLength).toBeGreaterThan(REQUEST_BYTES_MAX);
  expect((await publish(fakeHttp(), piecewise(bytes, 65_536))).status).toBe(413);
  const declared = { "content-length": String(REQUEST_BYTES_MAX + 1) };
  expect((await publish(fakeHttp(), piecewise(bytes, 65_536), declared)).status).toBe(413);
});

it("a bomb is read no further than it takes to pass the limit", async () => {
  const bytes = await bomb(400);
  for (const [path, limit] of [
    ["/v1/events", REQUEST_BYTES_MAX],
    ["/v1/subscriptions", MANAGEMENT_BYTES_MAX],
  ] as const) {
    const state = { pulled: 0, cancelled: false };
    const http = fakeHttp();
    const answer = await http.ask("POST", path, { body: piecewise(bytes, 256, state), headers: GZIP });
    expect([answer.status, slug(answer), state.cancelled]).toEqual([413, "payload-too-large", true]);
    // Node keeps 64 kB of what it has not inflated yet.
    expect(state.pulled).toBeLessThan(65_536 + limit / 500);
  }
});

it("an event that is small compressed is still too large", async () => {
  const answer = await publish(fakeHttp(), await gzip(JSON.stringify({ ...EVENT, data: "x".repeat(EVENT_BYTES_MAX) })));
  expect(slug(answer)).toBe("payload-too-large");
});

it("arbitrary bytes called gzip are 400, whatever their pieces, and store nothing", async () => {
  const http = fakeHttp();
  const whole = await gzip(JSON.stringify({ ...EVENT, data: "abc".repeat(100) }));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 200 }).map((rest) => new Uint8Array([...whole.subarray(0, 10), ...rest])),
    fc
      .tuple(fc.nat({ max: whole.byteLength - 1 }), fc.integer({ min: 1, max: 255 }))
      .map(([at, flip]) => whole.map((byte, index) => (index === at ? byte ^ flip : byte))),
  );
  await fc.assert(
    fc.asyncProperty(bytes, fc.integer({ min: 1, max: 60 }), async (body, size) => {
      const before = http.ingest.published.length;
      const answer = await publish(http, piecewise(body, size));
      // A flipped bit in the head, such as the time in it, changes nothing.
      if (answer.status === 202) expect(http.ingest.published).toHaveLength(before + 1);
      else expect([answer.status, slug(answer), http.ingest.published.length]).toEqual([400, "malformed-body", before]);
    }),
    { numRuns: 300 },
  );
});

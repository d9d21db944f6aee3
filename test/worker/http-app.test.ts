// The HTTP API in workerd, over fakes: its streams, its schemas and its cryptography behave there as in Node.
import { expect, it, vi } from "vitest";
import { DEFLATE_RATIO_MAX, MANAGEMENT_BYTES_MAX, REQUEST_BYTES_MAX } from "../../src/core/limits.ts";
import { bomb, gzip, piecewise } from "../gzip.ts";
import { fakeHttp, keyWith } from "../http.ts";

const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };

it("a key made by the API publishes to a subscription made by the API", async () => {
  const http = fakeHttp();
  const key = await keyWith(http, ["publish"]);
  const { id, secret } = (
    await http.ask("POST", "/v1/subscriptions", { json: { sink: "https://a.example.com/", types: ["order.created"] } })
  ).json;
  expect(secret).toMatch(/^whsec_/);
  const answer = await http.ask("POST", "/v1/events", { key, json: EVENT });
  expect([answer.status, answer.json.events[0].subscription_ids]).toEqual([202, [id]]);
});

it("bodies are capped while they are read, and a stream that never ends is cancelled", async () => {
  const http = fakeHttp();
  for (const [path, limit] of [
    ["/v1/events", REQUEST_BYTES_MAX],
    ["/v1/subscriptions", MANAGEMENT_BYTES_MAX],
  ] as const) {
    let pulled = 0;
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
      cancel() {
        cancelled = true;
      },
    });
    const answer = await http.ask("POST", path, { body, headers: { "content-type": "application/json" } });
    expect([answer.status, answer.json.detail.includes(String(limit)), cancelled]).toEqual([413, true, true]);
    expect(pulled).toBeLessThanOrEqual(limit + 3 * 65_536);
  }
});

it("a gzip body is inflated, and a bomb costs no more than its limit", async () => {
  const http = fakeHttp();
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  const bytes = await gzip(JSON.stringify({ ...EVENT, data: "漢".repeat(50_000) }));
  for (const size of [1, 1_000_000])
    expect((await http.ask("POST", "/v1/events", { body: piecewise(bytes, size), headers })).status).toBe(202);
  expect(http.ingest.published[0]?.events).toEqual(http.ingest.published[1]?.events);
  for (const broken of [bytes.subarray(0, -1), new Uint8Array([...bytes, 0]), new Uint8Array([...bytes, ...bytes])])
    for (const size of [1, bytes.byteLength, 1_000_000]) {
      const answer = await http.ask("POST", "/v1/events", { body: piecewise(broken, size), headers });
      expect([answer.status, answer.json.type]).toEqual([400, "https://fantail.dev/problems/malformed-body"]);
    }

  const zeros = await bomb(200);
  for (const [path, limit] of [
    ["/v1/events", REQUEST_BYTES_MAX],
    ["/v1/subscriptions", MANAGEMENT_BYTES_MAX],
  ] as const) {
    const sending = { pulled: 0, cancelled: false };
    const answer = await http.ask("POST", path, { body: piecewise(zeros, 100, sending), headers });
    expect([answer.status, sending.cancelled]).toEqual([413, true]);
    // workerd inflates all that it is given, so what was pulled says what was inflated.
    expect(sending.pulled * 1_000).toBeLessThan(3 * limit);
  }
});

it("a small gzip body takes no more room than it can stand for", async () => {
  const http = fakeHttp();
  const body = await gzip(JSON.stringify(EVENT));
  const sizes: number[] = [];
  class Counted extends ArrayBuffer {
    constructor(bytes: number) {
      super(bytes);
      sizes.push(bytes);
    }
  }
  vi.stubGlobal("ArrayBuffer", Counted);
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  const whole = { ...headers, "content-length": String(body.byteLength) };
  try {
    expect((await http.ask("POST", "/v1/events", { body, headers: whole })).status).toBe(202);
  } finally {
    vi.unstubAllGlobals();
  }
  expect(sizes.length).toBeGreaterThan(0);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(body.byteLength * DEFLATE_RATIO_MAX);
});

it("faults are told as in Node", async () => {
  const answer = await fakeHttp().ask("POST", "/v1/subscriptions", {
    json: { sink: "https://127.1/", timeout_ms: 0, retry: { schedule_s: [0] }, typo: 1 },
  });
  expect(answer.json.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toEqual([
    "/retry/schedule_s/0",
    "/sink",
    "/timeout_ms",
    "/typo",
  ]);
});

it("the document of the API is made here too, once", async () => {
  const http = fakeHttp();
  const [first, second] = [await http.ask("GET", "/openapi.json"), await http.ask("GET", "/openapi.json")];
  expect([first.status, first.json.openapi, first.json.info.version]).toEqual([200, "3.1.1", "1.2.3"]);
  expect(second.headers.get("etag")).toBe(first.headers.get("etag"));
});

it("HEAD, 405 and 404 answer as in Node", async () => {
  const http = fakeHttp();
  expect([(await http.ask("HEAD", "/healthz")).status, (await http.ask("HEAD", "/healthz")).text]).toEqual([200, ""]);
  expect((await http.ask("DELETE", "/v1/events")).headers.get("allow")).toBe("POST, GET, HEAD, OPTIONS");
  expect((await http.ask("GET", "/v1/nothing")).status).toBe(404);
});

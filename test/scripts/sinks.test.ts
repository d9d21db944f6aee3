/** The sinks are what other tests believe, so they are tested over real connections, in plain Node. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { concurrency, resetConcurrency, sink as sinkAt, uniqueKey } from "../sink-client.ts";
import { startSinks } from "../sinks.ts";

let base = "";
let stop = async () => {};

beforeAll(async () => {
  ({ url: base, stop } = await startSinks());
});
afterAll(() => stop());

function sink() {
  return sinkAt(uniqueKey(), base);
}

function post(url: string, body = "", signal?: AbortSignal): Promise<Response> {
  return fetch(url, { method: "POST", body, ...(signal === undefined ? {} : { signal }) });
}

test("a sink answers 200 and records method, path, headers and bytes when nothing is programmed", async () => {
  const { url, waitFor } = sink();
  const bytes = new Uint8Array([0, 255, 10, 13, 128]);
  const response = await fetch(`${url}/a/b?c=d`, {
    method: "POST",
    body: bytes,
    headers: { "X-Team": "billing" },
  });
  expect([response.status, await response.text()]).toEqual([200, ""]);

  const [request] = await waitFor(1);
  expect(request).toMatchObject({
    method: "POST",
    status: 200,
    url: expect.stringMatching(/^\/s\/k[-0-9a-f]+\/a\/b\?c=d$/),
  });
  expect(request?.headers["x-team"]).toBe("billing");
  expect(Buffer.from(request?.bodyBase64 ?? "", "base64")).toEqual(Buffer.from(bytes));
  expect(request?.endedAt).toBeGreaterThanOrEqual(request?.at ?? Infinity);
});

test("program() gives each step once, in order, then the last for good", async () => {
  const { url, program } = sink();
  await program(
    [
      { status: 503, headers: { "retry-after": "7" }, body: "later" },
      { status: 302, headers: { location: "/x" } },
    ],
    {
      status: 410,
    },
  );
  const first = await post(url);
  expect([first.status, first.headers.get("retry-after"), await first.text()]).toEqual([503, "7", "later"]);
  expect((await fetch(url, { method: "POST", redirect: "manual" })).status).toBe(302);
  expect([(await post(url)).status, (await post(url)).status]).toEqual([410, 410]);
});

test("program() replaces what is left of the script and keeps the record", async () => {
  const { url, program, requests } = sink();
  await program([{ status: 500 }, { status: 501 }]);
  await post(url);
  await program([{ status: 502 }]);
  expect([(await post(url)).status, (await post(url)).status]).toEqual([502, 200]);
  expect((await requests()).map(({ status }) => status)).toEqual([500, 502, 200]);
});

test.each(["[]", "null", '{"script":{}}', '{"script":[1]}', '{"default":"x"}', "{"])(
  "the sinks refuse %s as a program",
  async (body) => {
    expect((await fetch(`${base}/control/${uniqueKey()}`, { method: "PUT", body })).status).toBe(400);
  },
);

test("keys do not share scripts, records or counters", async () => {
  const one = sink();
  const other = sink();
  await one.program([{ status: 500 }]);
  expect((await post(other.url)).status).toBe(200);
  expect(await one.state()).toEqual({ requests: [], concurrentNow: 0, concurrentMax: 0 });
});

test("hang is on record as arrived, and ended without a status once the client goes", async () => {
  const { url, program, waitForArrivals, waitFor } = sink();
  await program([{ hang: true }]);
  const client = new AbortController();
  const pending = post(url, "x", client.signal);
  expect(await waitForArrivals(1)).toMatchObject([{ endedAt: null, status: null }]);
  await expect(waitFor(1, 1)).rejects.toThrow("1 requests have not ended within 1 ms, but [POST null open]");
  client.abort();
  await expect(pending).rejects.toThrow(/abort/);
  expect(await waitFor(1)).toMatchObject([{ endedAt: expect.any(Number), status: null }]);
});

test("reset ends the connection without an answer", async () => {
  const { url, program, waitFor } = sink();
  await program([{ reset: true }]);
  await expect(post(url, "kept")).rejects.toThrow("fetch failed");
  expect(await waitFor(1)).toMatchObject([{ status: null, bodyBase64: btoa("kept") }]);
});

test("hangBody sends the head and never the body", async () => {
  const { url, program, waitForArrivals } = sink();
  await program([{ status: 202, hangBody: true }]);
  const client = new AbortController();
  const response = await post(url, "", client.signal);
  expect(response.status).toBe(202);
  expect(await waitForArrivals(1)).toMatchObject([{ status: 202, endedAt: null }]);
  client.abort();
  await expect(response.text()).rejects.toThrow(/abort/);
});

test("bodyBytes, drip and delayMs make bodies of exactly that size", async () => {
  const { url, program } = sink();
  await program([{ bodyBytes: 16_385 }, { drip: { chunks: 3, bytes: 5, everyMs: 1 } }, { delayMs: 1, body: "é" }]);
  expect((await (await post(url)).text()).length).toBe(16_385);
  expect((await (await post(url)).text()).length).toBe(15);
  expect(await (await post(url)).text()).toBe("é");
});

test("bodyBase64 and raw send bytes as they are, and the bytes of the answer are counted", async () => {
  const { url, program, waitFor } = sink();
  const raw = "HTTP/1.1 201 Yes\r\ncontent-length: 1\r\n\r\n\xff";
  await program([{ bodyBase64: "/wD+" }, { raw }, { raw: "SSH-2.0-x\r\n" }]);
  expect([...new Uint8Array(await (await post(url)).arrayBuffer())]).toEqual([0xff, 0, 0xfe]);
  const answered = await post(url);
  expect([answered.status, ...new Uint8Array(await answered.arrayBuffer())]).toEqual([201, 0xff]);
  await expect(post(url)).rejects.toThrow("fetch failed");
  const [, second] = await waitFor(3);
  expect(second).toMatchObject({ status: null, sentBytes: raw.length });
});

test("endless goes on for as long as it is taken", async () => {
  const { url, program, waitFor } = sink();
  await program([{ endless: true }]);
  const reader = (await post(url)).body?.getReader() ?? expect.fail();
  let taken = 0;
  while (taken < 20_000_000) taken += (await reader.read()).value?.length ?? 0;
  await reader.cancel();
  const [request] = await waitFor(1);
  expect(request?.sentBytes).toBeGreaterThan(taken);
});

test("concurrency counts requests that are open together, per key over all its paths and over all keys", async () => {
  const one = sink();
  const other = sink();
  await one.program([], { hang: true });
  await other.program([], { hang: true });
  await resetConcurrency(base);
  const pending = [post(`${one.url}/a`), post(`${one.url}/b`), post(other.url)].map((request) =>
    request.catch(() => "cut"),
  );
  await one.waitForArrivals(2);
  await other.waitForArrivals(1);
  expect(await one.state()).toMatchObject({ concurrentNow: 2, concurrentMax: 2 });
  expect(await concurrency(base)).toEqual({ concurrentNow: 3, concurrentMax: 3 });

  await one.forget();
  await other.forget();
  expect(await Promise.all(pending)).toEqual(["cut", "cut", "cut"]);
  expect(await one.state()).toEqual({ requests: [], concurrentNow: 0, concurrentMax: 0 });
  await resetConcurrency(base);
  expect(await concurrency(base)).toEqual({ concurrentNow: 0, concurrentMax: 0 });
});

test("waitFor() answers as soon as the request that is waited for has ended", async () => {
  const { url, waitFor } = sink();
  const waiting = waitFor(20);
  await Promise.all(Array.from({ length: 20 }, () => post(url)));
  const requests = await waiting;
  expect(requests.filter(({ endedAt }) => endedAt !== null).length).toBe(20);
});

test("other paths and methods of the control are refused", async () => {
  const statuses = await Promise.all(
    [
      fetch(base),
      fetch(`${base}/s`),
      fetch(`${base}/control/k/other`),
      fetch(`${base}/control/k`, { method: "POST" }),
    ].map(async (response) => (await response).status),
  );
  expect(statuses).toEqual([404, 404, 404, 405]);
});

// What hostile sinks answer, inside workerd, whose fetch reads and inflates answers: each is cut at ANSWER_BYTES_MAX or at the timeout, or is
// a failure, and none is followed. How much is inflated shows in bombs that break behind a certain byte: who reads so far meets an error.
import { brotliCompressSync, constants, deflateRawSync } from "node:zlib";
import { expect, it } from "vitest";
import type { Answer } from "../../src/core/delivery.ts";
import { ANSWER_BYTES_MAX, ANSWER_SAMPLE_BYTES_MAX } from "../../src/core/limits.ts";
import { judge } from "../../src/core/outcome.ts";
import { sink } from "../sink-client.ts";
import type { SinkRequest, Step } from "../sinks.ts";
import { pushes } from "./pushes.ts";

/** What came of one push to a sink that answers so, once the sink has seen its end too. */
async function answerTo(step: Step, timeoutMs = 30_000): Promise<{ answer: Answer; request: SinkRequest }> {
  const client = sink();
  await client.program([], step);
  const answer = await pushes().push(client.url, { timeoutMs });
  const [request = expect.fail()] = await client.waitFor(1);
  await client.forget();
  return { answer, request };
}

/** Far more than is read, far less than was to come: sockets on both sides take some. */
const SENT_BYTES_MAX = 16_000_000;
const HUGE = 100_000_000;
/** 10 bytes of RFC 1952 §2.3 without names and times. */
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
/** No block of deflate and no metablock of brotli begins so. */
const GARBAGE = Buffer.alloc(64, 0xff);

/** What may be inflated before anybody reads of it: some pieces of gzip; of brotli what its window holds (RFC 7932 §9.1), and as much again. */
const AHEAD_BYTES = { gzip: 3 * ANSWER_BYTES_MAX, br: 2 * 16_777_216 };

/** Some zeros in gzip or brotli, with neither end nor checksum, so that more may follow. */
const zeros = {
  gzip: (bytes: number) => deflateRawSync(Buffer.alloc(bytes), { finishFlush: constants.Z_SYNC_FLUSH }),
  br: (bytes: number) => brotliCompressSync(Buffer.alloc(bytes), { finishFlush: constants.BROTLI_OPERATION_FLUSH }),
};

function encoded(coding: keyof typeof zeros, parts: readonly Uint8Array[], status = 500): Step {
  const bytes = Buffer.concat(coding === "gzip" ? [GZIP_HEADER, ...parts] : parts);
  return { status, headers: { "content-encoding": coding }, bodyBase64: bytes.toString("base64") };
}

it.each([
  ["without a length", {}],
  ["that says it has 100 MB", { headers: { "content-length": String(HUGE) } }],
])("push() cuts a body that does not end, %s", async (_, more) => {
  for (const status of [200, 500]) {
    const { answer, request } = await answerTo({ status, endless: true, ...more });
    expect(answer).toMatchObject({ kind: "answered", status });
    expect(request.sentBytes).toBeLessThan(SENT_BYTES_MAX);
  }
});

it("push() asks for no compression, and inflates no further than it reads", async () => {
  for (const coding of ["gzip", "br"] as const) {
    const within = await answerTo(encoded(coding, [zeros[coding](ANSWER_BYTES_MAX / 2), GARBAGE]));
    expect(within.answer, coding).toMatchObject({ kind: "failed", error: "connection" });
    expect(within.request.headers["accept-encoding"]).toBe("identity");
    const beyond = await answerTo(encoded(coding, [zeros[coding](ANSWER_BYTES_MAX + AHEAD_BYTES[coding]), GARBAGE]));
    const sample = "\0".repeat(ANSWER_SAMPLE_BYTES_MAX);
    expect(beyond.answer, coding).toMatchObject({ kind: "answered", status: 500, sample });
  }
});

it("push() cuts a gigabyte in a megabyte of gzip", async () => {
  const megabyte = zeros.gzip(1_000_000);
  const bomb = Array.from({ length: 1_000 }, () => megabyte);
  for (const status of [200, 500])
    expect((await answerTo(encoded("gzip", bomb, status))).answer).toMatchObject({ kind: "answered", status });
});

it("push() calls a body that is not what its coding says a failure, also of a 2xx", async () => {
  for (const coding of ["gzip", "br"] as const) {
    const { answer } = await answerTo({ headers: { "content-encoding": coding }, body: "plain \xff" });
    expect(answer, coding).toMatchObject({ kind: "failed", error: "connection" });
  }
});

it("push() times out on a body that stays away, although its length is small and known", async () => {
  for (const status of [200, 500]) {
    const { answer } = await answerTo({ status, headers: { "content-length": "50" }, hangBody: true }, 300);
    expect(answer).toMatchObject({ kind: "failed", error: "timeout" });
  }
});

it("push() times out on a body that comes byte by byte", async () => {
  const { answer } = await answerTo({ drip: { chunks: 1_000, bytes: 1, everyMs: 20 } }, 300);
  expect(answer).toMatchObject({ kind: "failed", error: "timeout" });
});

/** What comes on a connection ends it: the next request must not meet what is left of this answer. */
const CLOSE = "connection: close\r\n";
const OK = `HTTP/1.1 200 OK\r\n${CLOSE}`;

it.each([
  ["no HTTP", "SSH-2.0-OpenSSH_9.9\r\n\r\n"],
  ["HTTP 0.9", "hello"],
  ["nothing", ""],
  ["a head without an end", `${OK}content-length: 0\r\n`],
  ["a header of megabytes", `${OK}x: ${"x".repeat(4_000_000)}\r\ncontent-length: 0\r\n\r\n`],
  ["20,000 headers", `${OK}${"a: b\r\n".repeat(20_000)}content-length: 0\r\n\r\n`],
  ["a NUL in a header", `${OK}x: a\0b\r\ncontent-length: 0\r\n\r\n`],
  ["two lengths", `${OK}content-length: 0\r\ncontent-length: 5\r\n\r\nhello`],
  ["a length below zero", `${OK}content-length: -1\r\n\r\nhello`],
  ["a body shorter than its length", `${OK}content-length: 50\r\n\r\nhello`],
  ["chunks without a length", `${OK}transfer-encoding: chunked\r\n\r\nzz\r\nhello`],
  ["a chunk of 2^64 bytes", `${OK}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nhello`],
  ["chunks without an end", `${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`],
  ["an interim answer alone", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["interim answers without an end", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(10_000)],
  ["the status 000", "HTTP/1.1 000 Zero\r\ncontent-length: 0\r\n\r\n"],
])("push() calls %s a failure of the connection", async (_, raw) => {
  expect((await answerTo({ raw })).answer).toMatchObject({ kind: "failed", error: "connection" });
});

it("push() cuts chunks that a length belies", async () => {
  const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`;
  const raw = `${OK}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(1_000)}`;
  expect((await answerTo({ raw })).answer).toMatchObject({ kind: "answered", status: 200 });
});

const context = { tries: 1, retry: { scheduleSeconds: [5], permanent: [] }, now: 0, fraction: 0 };

it.each([
  [
    200,
    "delivered",
    "after interim answers",
    `${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(10)}${OK}content-length: 0\r\n\r\n`,
  ],
  [
    204,
    "delivered",
    "with a body that it must not have",
    `HTTP/1.1 204 No Content\r\n${CLOSE}content-length: 5\r\n\r\nhello`,
  ],
  [
    101,
    "retry",
    "that nobody asked for",
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nx",
  ],
  [
    304,
    "retry",
    "with a body that it must not have",
    `HTTP/1.1 304 Not Modified\r\n${CLOSE}content-length: 5\r\n\r\nhello`,
  ],
  [999, "retry", "that there is not", `HTTP/1.1 999 Beyond\r\n${CLOSE}content-length: 0\r\n\r\n`],
])("push() takes the status %i as %s %s", async (status, kind, _, raw) => {
  const { answer } = await answerTo({ raw });
  expect(answer).toMatchObject({ kind: "answered", status });
  expect(judge(answer, context).kind).toBe(kind);
});

it("push() follows no redirect to a private address, whatever the status", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const target = sink();
    for (const location of ["http://169.254.169.254/latest/meta-data/", target.url]) {
      const { answer } = await answerTo({ status, headers: { location } });
      expect(answer).toMatchObject({ kind: "answered", status });
      expect(judge(answer, context).kind).toBe("retry");
    }
    expect(await target.requests()).toEqual([]);
  }
});

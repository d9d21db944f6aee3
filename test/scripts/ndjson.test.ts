// An NDJSON publish over a real connection: nothing between producer and Worker holds lines or answers back.
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startRouter } from "../../scripts/router.ts";
import { gzip } from "../gzip.ts";
import { answerLines, lineStream } from "../stream.ts";

let persistTo: string;
let router: Awaited<ReturnType<typeof startRouter>>;
beforeAll(async () => {
  persistTo = mkdtempSync(join(tmpdir(), "fantail-ndjson-"));
  router = await startRouter({ persistTo, quiet: true });
});
afterAll(async () => {
  await router.stop();
  rmSync(persistTo, { recursive: true, force: true });
});

const event = (id: number) => `${JSON.stringify({ specversion: "1.0", id: String(id), source: "/s", type: "t" })}\n`;
const headers = (more: Record<string, string> = {}) => ({
  authorization: `Bearer ${router.rootKey}`,
  "content-type": "application/x-ndjson",
  ...more,
});
const send = (body: BodyInit, more?: Record<string, string>) =>
  fetch(`${router.url}/v1/events`, { method: "POST", headers: headers(more), body, duplex: "half" } as RequestInit);

test("the first result arrives before the last line is sent", async () => {
  const sending = lineStream();
  // This client sends its headers with the first piece of the body.
  sending.write(event(1));
  const answer = answerLines(await send(sending.body));
  expect(await answer.next()).toMatchObject({ line: 1, status: "accepted" });
  for (const id of [2, 3]) {
    sending.write(event(id));
    expect(await answer.next()).toMatchObject({ line: id, status: "accepted" });
  }
  sending.write(event(4));
  sending.end();
  expect(await answer.rest()).toMatchObject([{ line: 4 }, { status: "done", lines: 4, accepted: 4, rejected: 0 }]);
});

test("a producer whose connection breaks in the middle of a line publishes the lines before it, and not that one", async () => {
  const { hostname, port } = new URL(router.url);
  const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
  const socket = connect(Number(port), hostname);
  const head = Object.entries({ host: `${hostname}:${port}`, ...headers(), "transfer-encoding": "chunked" });
  const whole = event(102).trim();
  socket.write(`POST /v1/events HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
  socket.write(chunk(event(101)));
  let received = "";
  socket.setEncoding("utf8").on("data", (text: string) => (received += text));
  await vi.waitFor(() => expect(received).toContain('"line":1'), 10_000);
  // A whole event, but for all that anybody knows half a line.
  socket.write(chunk(whole));
  socket.destroy();
  // Published twice more, it has one duplicate, not two.
  for (let times = 0; times < 2; times++) await send(whole).then((response) => response.text());
  const duplicates = async (): Promise<Record<string, number>> => {
    const response = await fetch(`${router.url}/v1/events?limit=10`, { headers: headers() });
    const { data }: { data: { id: string; duplicates: number }[] } = JSON.parse(await response.text());
    return Object.fromEntries(data.map((one) => [one.id, one.duplicates]));
  };
  await vi.waitFor(async () => expect((await duplicates())["102"]).toBeGreaterThan(0), 10_000);
  expect(await duplicates()).toMatchObject({ 101: 0, 102: 1 });
});

test("a compressed stream is inflated by nobody but the Worker", async () => {
  const body = await gzip(Array.from({ length: 2_000 }, (_, id) => event(id)).join(""));
  const answer = answerLines(await send(body, { "content-encoding": "gzip" }));
  expect((await answer.rest()).at(-1)).toMatchObject({ status: "done", accepted: 2_000 });
});

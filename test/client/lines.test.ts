// A stream published as NDJSON: answered while it is sent, and taken up again where it broke off.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { createClient, PublishError, type EventInput } from "../../src/client/index.ts";
import { accepted, problemOf } from "./fake-fantail.ts";
import { handClock } from "./hand-clock.ts";

const TIMEOUT_MS = 7_777;

/** What becomes of a line. `silent`: nothing, and nothing of those behind it. */
type Fate = "accepted" | "rejected" | "silent" | "reset" | { readonly stop: string } | { readonly raw: string };

interface Setting {
  /** By the number of the request and the line, from 1. */
  readonly fate?: (request: number, line: number) => Fate;
  /** How the request ends; null: it does not. */
  readonly last?: string | null;
}

async function setUp({ fate = () => "accepted", last }: Setting = {}) {
  /** The ids that each request sent. */
  const requests: string[][] = [];
  const server = createServer((request, response) => {
    const ids: string[] = [];
    let isSilent = false;
    const number = requests.push(ids);
    response.writeHead(200, { "content-type": "application/x-ndjson" }).flushHeaders();
    const lines = createInterface(request);
    lines.on("line", (text) => {
      const event: { id: string; source: string } = JSON.parse(text);
      ids.push(event.id);
      const what = fate(number, ids.length);
      isSilent ||= what === "silent";
      answer(response, event, { line: ids.length, fate: what });
    });
    lines.on("error", () => {});
    lines.on(
      "close",
      () =>
        isSilent || last === null || response.end(last ?? `${JSON.stringify({ status: "done", lines: ids.length })}\n`),
    );
    request.on("error", () => {});
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const clock = handClock({ hold: [TIMEOUT_MS] });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createClient({ url, key: "some-key", timeoutMs: TIMEOUT_MS, retries: 2, runtime: clock });
  return { requests, clock, client };
}

interface Line {
  readonly line: number;
  readonly fate: Fate;
}

function answer(response: ServerResponse, event: { id: string; source: string }, { line, fate }: Line): void {
  const tell = (told: object) => void response.write(`${JSON.stringify(told)}\n`);
  if (fate === "accepted") return tell({ line, ...accepted(event) });
  if (fate === "rejected") return tell({ line, status: "rejected", problem: problemOf("invalid-event", 422) });
  if (fate === "silent") return;
  if (fate === "reset") return void response.destroy();
  if ("raw" in fate) return void response.write(fate.raw);
  const counts = { lines: line - 1, accepted: line - 1, rejected: 0, next_line: line };
  response.end(`${JSON.stringify({ status: "stopped", ...counts, problem: problemOf(fate.stop, 503) })}\n`);
}

async function* source(count: number): AsyncGenerator<EventInput> {
  for (let n = 1; n <= count; n += 1) yield { type: "t", id: `e${n}`, source: "/s" };
}

const ids = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `e${from + n}`);

async function collected<T>(items: AsyncIterable<T>): Promise<{ readonly items: T[]; readonly error: unknown }> {
  const seen: T[] = [];
  try {
    for await (const item of items) seen.push(item);
    return { items: seen, error: null };
  } catch (error) {
    return { items: seen, error };
  }
}

test.each([1, 7, 2_500])("%i events are one request, one outcome each, in order", async (count) => {
  const { requests, client } = await setUp({ fate: (_, line) => (line % 5 === 0 ? "rejected" : "accepted") });
  const { items, error } = await collected(client.publishStream(source(count), { as: "lines" }));
  expect(error).toBeNull();
  expect(requests).toEqual([ids(1, count)]);
  expect(items.map(({ id }) => id)).toEqual(ids(1, count));
  expect(items.filter(({ status }) => status === "rejected")).toHaveLength(Math.floor(count / 5));
});

test("outcomes are those of other publishes: nothing of the request they were in", async () => {
  const { client } = await setUp({ fate: (_, line) => (line === 2 ? "rejected" : "accepted") });
  const { items } = await collected(client.publishStream(source(2), { as: "lines" }));
  expect(items).toEqual([
    accepted({ id: "e1", source: "/s" }),
    { status: "rejected", id: "e2", source: "/s", problem: problemOf("invalid-event", 422) },
  ]);
});

test("no events are no request", async () => {
  const { requests, client } = await setUp();
  expect(await collected(client.publishStream([], { as: "lines" }))).toEqual({ items: [], error: null });
  expect(requests).toEqual([]);
});

test("an outcome comes before the next event is there", async () => {
  const { client } = await setUp();
  const next = Promise.withResolvers<void>();
  async function* slow(): AsyncGenerator<EventInput> {
    yield { type: "t", id: "e1" };
    await next.promise;
    yield { type: "t", id: "e2" };
  }
  const outcomes = client.publishStream(slow(), { as: "lines" });
  expect((await outcomes.next()).value).toMatchObject({ id: "e1", status: "accepted", event_id: "evt_e1" });
  next.resolve();
  expect((await outcomes.next()).value).toMatchObject({ id: "e2" });
  expect((await outcomes.next()).done).toBe(true);
});

test.each<[string, Fate]>([
  ["a connection that is reset", "reset"],
  ["a stop, for the weather", { stop: "unavailable" }],
])("after %s the next request begins with the first line that was not answered", async (_, fate) => {
  const { requests, client, clock } = await setUp({
    fate: (request, line) => (request < 3 && line === 3 ? fate : "accepted"),
  });
  const { items, error } = await collected(client.publishStream(source(8), { as: "lines" }));
  expect(error).toBeNull();
  expect(items.map(({ id }) => id)).toEqual(ids(1, 8));
  expect(requests.map(([first]) => first)).toEqual(["e1", "e3", "e5"]);
  // Each request came further than the one before: the count of tries begins anew.
  expect(clock.waits).toEqual([500, 500]);
});

test("what does not come any further is given up, with all that is not confirmed", async () => {
  const { requests, client, clock } = await setUp({ fate: (_, line) => (line === 1 ? "reset" : "accepted") });
  const { items, error } = await collected(
    client.publishStream(
      [...ids(1, 2)].map((id) => ({ type: "t", id })),
      { as: "lines" },
    ),
  );
  expect(items).toEqual([]);
  expect(error).toBeInstanceOf(PublishError);
  expect((error as PublishError).unconfirmed[0]).toMatchObject({ id: "e1" });
  expect((error as PublishError).cause).toMatchObject({ name: "NetworkError" });
  expect(requests).toHaveLength(3);
  expect(clock.waits).toEqual([500, 1_000]);
});

test("a stop that is a refusal is told at once", async () => {
  const { requests, client } = await setUp({ fate: (_, line) => (line === 2 ? { stop: "forbidden" } : "accepted") });
  const { items, error } = await collected(client.publishStream(source(3), { as: "lines" }));
  expect(items.map(({ id }) => id)).toEqual(["e1"]);
  expect(error).toMatchObject({ name: "PublishError", cause: { slug: "forbidden" } });
  expect(requests).toHaveLength(1);
});

test("silence is given up when something is awaited", async () => {
  const { requests, client, clock } = await setUp({ fate: (request) => (request === 1 ? "silent" : "accepted") });
  const work = collected(client.publishStream(waiting(), { as: "lines" }));
  // The source goes on: it is the server that is silent.
  async function* waiting(): AsyncGenerator<EventInput> {
    yield { type: "t", id: "e1" };
    await expect.poll(() => requests.length).toBe(2);
    yield { type: "t", id: "e2" };
  }
  await expect.poll(() => requests[0]?.length).toBe(1);
  await expect.poll(() => clock.held()).toBe(1);
  // The first wait may have begun before anything was sent.
  clock.letGo();
  await expect.poll(() => clock.held() + requests.length).toBeGreaterThan(1);
  if (requests.length === 1) clock.letGo();
  expect((await work).items.map(({ id }) => id)).toEqual(["e1", "e2"]);
});

test("a last line that does not come is given up in time: what was answered stands", async () => {
  const { clock, client } = await setUp({ last: null });
  const outcomes = client.publishStream(source(1), { as: "lines" });
  expect((await outcomes.next()).value).toMatchObject({ id: "e1", status: "accepted" });
  const end = outcomes.next();
  // One wait may have begun before the request had come to its end.
  const ticking = setInterval(() => clock.letGo(), 1);
  onTestFinished(() => clearInterval(ticking));
  expect((await end).done).toBe(true);
});

test("a server that is never reached is given up in time", async () => {
  const clock = handClock({ hold: [TIMEOUT_MS] });
  const client = createClient({
    url: "https://events.example.com",
    key: "some-key",
    timeoutMs: TIMEOUT_MS,
    retries: 0,
    runtime: clock,
    // As one that does not connect: it takes nothing of the body.
    fetch: () => new Promise(() => {}),
  });
  const work = collected(client.publishStream(source(1), { as: "lines" }));
  await expect.poll(() => clock.held()).toBe(1);
  clock.letGo();
  expect((await work).error).toMatchObject({ name: "PublishError", cause: { name: "TimeoutError" } });
});

test("an abort while it waits to try again begins no request", async () => {
  const wait = 500;
  const clock = handClock({ hold: [TIMEOUT_MS, wait] });
  let requests = 0;
  const client = createClient({
    url: "https://events.example.com",
    key: "some-key",
    timeoutMs: TIMEOUT_MS,
    runtime: clock,
    fetch: async () => {
      requests += 1;
      throw new Error("Not reached");
    },
  });
  const abort = new AbortController();
  const work = collected(client.publishStream(source(1), { as: "lines", signal: abort.signal }));
  await expect.poll(() => [requests, clock.held()]).toEqual([1, 1]);
  const reason = new Error("Enough");
  abort.abort(reason);
  expect((await work).error).toMatchObject({ name: "PublishError", cause: reason });
  expect(requests).toBe(1);
});

test.each<[string, Fate]>([
  ["another line", { raw: `${JSON.stringify({ line: 9, ...accepted({ id: "e1", source: "/s" }) })}\n` }],
  ["another event", { raw: `${JSON.stringify({ line: 1, ...accepted({ id: "e9", source: "/s" }) })}\n` }],
  ["done before its time", { raw: `${JSON.stringify({ status: "done", lines: 0, accepted: 0, rejected: 0 })}\n` }],
  ["no JSON", { raw: "<h1>\n" }],
  ["no line of Fantail's", { raw: "{}\n" }],
])("%s is no answer", async (_, fate) => {
  const { client } = await setUp({ fate: () => fate });
  const { error } = await collected(client.publishStream(source(1), { as: "lines" }));
  expect(error).toMatchObject({ name: "PublishError", cause: { name: "UnexpectedAnswerError" } });
});

test("an answer without its last line is none: what was answered stands", async () => {
  const { requests, client } = await setUp({ last: '{"status":"do' });
  const { items, error } = await collected(client.publishStream(source(3), { as: "lines" }));
  expect(items).toHaveLength(3);
  expect(error).toBeNull();
  expect(requests).toHaveLength(1);
});

test("what the source throws comes behind the outcomes of what it gave", async () => {
  const failure = new Error("The source is broken");
  async function* broken(): AsyncGenerator<EventInput> {
    yield* source(3);
    throw failure;
  }
  const { client } = await setUp();
  const { items, error } = await collected(client.publishStream(broken(), { as: "lines" }));
  expect(items.map(({ id }) => id)).toEqual(ids(1, 3));
  expect(error).toBe(failure);
});

test("an abort ends it, and tells what is not confirmed", async () => {
  const { requests, client } = await setUp({ fate: (_, line) => (line === 2 ? "silent" : "accepted") });
  const abort = new AbortController();
  const work = collected(client.publishStream(source(2), { as: "lines", signal: abort.signal }));
  await expect.poll(() => requests[0]?.length).toBe(2);
  const reason = new Error("Enough");
  abort.abort(reason);
  const { error } = await work;
  expect(error).toMatchObject({ name: "PublishError", unconfirmed: [{ id: "e2" }] });
  expect((error as PublishError).cause).toBe(reason);
});

test("an abort while the source is silent and all is confirmed is its reason", async () => {
  const { client } = await setUp();
  async function* silent(): AsyncGenerator<EventInput> {
    yield* source(1);
    await new Promise(() => {});
  }
  const abort = new AbortController();
  const outcomes = client.publishStream(silent(), { as: "lines", signal: abort.signal });
  expect((await outcomes.next()).value).toMatchObject({ id: "e1" });
  const next = outcomes.next();
  const reason = new Error("Enough");
  abort.abort(reason);
  await expect(next).rejects.toBe(reason);
});

test("who stops reading stops the request and the source", async () => {
  const { client } = await setUp();
  let ended = false;
  async function* endless(): AsyncGenerator<EventInput> {
    try {
      for (;;) yield { type: "t" };
    } finally {
      ended = true;
    }
  }
  for await (const _ of client.publishStream(endless(), { as: "lines" })) break;
  await expect.poll(() => ended).toBe(true);
});

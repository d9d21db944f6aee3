// Following a stream: whatever becomes of the connection, it goes on behind the last id; what coming again does not mend ends it.
import { expect, test } from "vitest";
import { createClient, ProblemError, UnexpectedAnswerError } from "../../src/client/index.ts";
import { writeServerSentEvent } from "../../src/core/server-sent-events.ts";
import { fakeFantail, hang, json, problem, raw, reset, unavailable, type Answer } from "./fake-fantail.ts";
import { handClock } from "./hand-clock.ts";

const SILENCE_MS = 45_000;

const event = (id: string): string =>
  writeServerSentEvent({ event: "event", id, data: JSON.stringify({ event_id: `evt_${id}`, type: "t" }) });
const opened = (id: string): string => writeServerSentEvent({ event: "open", id, data: '{"bus":"default"}' });

/** A stream with these pieces; then it ends, breaks off, or says no more. */
const stream =
  (pieces: readonly string[], end: "end" | "break" | "silence" = "end"): Answer =>
  (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const piece of pieces) response.write(piece);
    if (end === "end") response.end();
    // Only once what was written is on its way.
    if (end === "break") setImmediate(() => response.destroy());
  };

async function setUp(options: { lastEventId?: string } = {}) {
  const server = await fakeFantail();
  const clock = handClock({ hold: [SILENCE_MS] });
  const client = createClient({ url: server.url, key: "some-key", runtime: clock });
  const ending = new AbortController();
  const [opens, retries]: [(string | null)[], unknown[]] = [[], []];
  const entries = client.events.stream(
    { type: "t", replay: 5 },
    {
      ...options,
      signal: ending.signal,
      onOpen: (id) => opens.push(id),
      onRetry: (error) => retries.push(error),
    },
  );
  /** The ids of the next so many. */
  async function next(count: number): Promise<string[]> {
    const ids: string[] = [];
    while (ids.length < count) {
      const { value } = await entries.next();
      if (value === undefined) return ids;
      ids.push(value.id);
    }
    return ids;
  }
  const asked = (): (string | undefined)[] =>
    server.requests.map(({ headers }) => headers["last-event-id"] as string | undefined);
  return { server, clock, client, entries, ending, next, opens, retries, asked };
}

test("it asks for what the query says, and gives each with its id and as it was sent", async () => {
  const { server, entries, opens } = await setUp();
  server.next(stream([opened("1-0"), ": nothing\n\n", event("2-0").slice(0, 9), event("2-0").slice(9)], "silence"));
  const { value } = await entries.next();
  expect(value).toEqual({
    id: "2-0",
    event: { event_id: "evt_2-0", type: "t" },
    json: '{"event_id":"evt_2-0","type":"t"}',
  });
  expect(server.requests[0]).toMatchObject({
    method: "GET",
    url: "/v1/events/stream?type=t&replay=5",
    headers: { authorization: "Bearer some-key", accept: "text/event-stream, application/problem+json" },
  });
  expect(opens).toEqual(["1-0"]);
  await entries.return();
});

test.each([
  ["ends", stream([opened("1-0"), event("2-0")])],
  ["breaks off", stream([opened("1-0"), event("2-0"), "event: event\nid: 3-0\ndata: {"], "break")],
])("when the stream %s it comes again with the last id", async (_, first) => {
  const { server, next, asked } = await setUp();
  server.next(first, stream([opened("2-0"), event("3-0")], "silence"));
  expect(await next(2)).toEqual(["2-0", "3-0"]);
  expect(asked()).toEqual([undefined, "2-0"]);
});

test("of a stream that told nothing yet it has the id that opened it", async () => {
  const { server, next, asked } = await setUp();
  server.next(stream([opened("7-0")]), reset, stream([event("8-0")], "silence"));
  expect(await next(1)).toEqual(["8-0"]);
  expect(asked()).toEqual([undefined, "7-0", "7-0"]);
});

test("what is replayed has no id, and a stream that is cut off in it begins anew", async () => {
  const { server, next, asked, opens } = await setUp();
  const replayed = writeServerSentEvent({ event: "event", id: null, data: '{"event_id":"evt_0"}' });
  const openedNameless = writeServerSentEvent({ event: "open", id: null, data: "{}" });
  const placed = writeServerSentEvent({ event: "place", id: "4-0", data: "{}" });
  server.next(
    stream([openedNameless, replayed], "break"),
    stream([openedNameless, replayed, placed]),
    stream([opened("4-0"), event("5-0")], "silence"),
  );
  expect(await next(3)).toEqual(["", "", "5-0"]);
  expect(asked()).toEqual([undefined, undefined, "4-0"]);
  expect(opens).toEqual([null, null, "4-0"]);
});

test("a stream that tells nothing moves on by its places", async () => {
  const { server, next, asked } = await setUp();
  const placed = writeServerSentEvent({ event: "place", id: "9-0", data: "{}" });
  server.next(stream([opened("1-0"), placed]), stream([opened("9-0"), event("10-0")], "silence"));
  expect(await next(1)).toEqual(["10-0"]);
  expect(asked()).toEqual([undefined, "9-0"]);
});

test("it begins where it is told to", async () => {
  const { server, next, asked } = await setUp({ lastEventId: "5-1" });
  server.next(stream([event("6-0")], "silence"));
  await next(1);
  expect(asked()).toEqual(["5-1"]);
});

test("a router that is away is asked again and again, more and more seldom, and each time is told", async () => {
  const { server, next, clock, retries } = await setUp();
  server.next(
    reset,
    unavailable,
    raw(502, { "content-type": "text/html" }, "<h1>Bad gateway"),
    stream([event("1-0")], "silence"),
  );
  expect(await next(1)).toEqual(["1-0"]);
  expect(clock.waits).toEqual([500, 6_000, 2_000]);
  expect(retries.map((error) => (error as Error).name)).toEqual([
    "NetworkError",
    "ProblemError",
    "UnexpectedAnswerError",
  ]);
});

test("too many streams are waited for", async () => {
  const { server, next, clock } = await setUp();
  server.next(problem("too-many-streams", 429, {}, { "retry-after": "10" }), stream([event("1-0")], "silence"));
  expect(await next(1)).toEqual(["1-0"]);
  expect(clock.waits).toEqual([10_500]);
});

test("one that is silent for longer than the server ever is, is given up", async () => {
  const { server, next, clock, asked } = await setUp();
  server.next(stream([opened("1-0"), event("2-0")], "silence"), hang, stream([event("3-0")], "silence"));
  expect(await next(1)).toEqual(["2-0"]);
  const following = next(1);
  for (const connections of [1, 2]) {
    await server.arrived(connections);
    while (clock.held() === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.letGo();
  }
  expect(await following).toEqual(["3-0"]);
  expect(asked()).toEqual([undefined, "2-0", "2-0"]);
});

test("what coming again does not mend ends it", async () => {
  const refused = await setUp();
  refused.server.next(problem("unauthorized", 401));
  await expect(refused.entries.next()).rejects.toThrow(ProblemError);
  const elsewhere = await setUp();
  elsewhere.server.next(json(200, {}));
  await expect(elsewhere.entries.next()).rejects.toThrow(UnexpectedAnswerError);
});

test.each(["while it waits for more", "while it waits to come again", "before it began"])(
  "its signal ends it without an error, %s",
  async (when) => {
    const { server, entries, ending, clock } = await setUp();
    server.always(when === "while it waits for more" ? stream([opened("1-0")], "silence") : reset);
    if (when === "before it began") ending.abort();
    const next = entries.next();
    if (when !== "before it began") await server.arrived(1);
    ending.abort();
    expect(await next).toEqual({ value: undefined, done: true });
    expect(clock.held()).toBe(0);
  },
);

test("the deliveries of a subscription are followed in the same way", async () => {
  const { server, client } = await setUp();
  const told = writeServerSentEvent({ event: "delivery", id: "4-1", data: '{"id":"dlv_1"}' });
  server.next(stream([opened("4-0"), told], "silence"));
  const entries = client.subscriptions.stream("sub_1");
  expect((await entries.next()).value).toEqual({ id: "4-1", delivery: { id: "dlv_1" } });
  expect(server.requests.at(-1)?.url).toBe("/v1/subscriptions/sub_1/stream");
  await entries.return();
});

// Events that come one by one: as a stream, and from many callers at once.
import { describe, expect, test } from "vitest";
import { createClient, ProblemError, PublishError, type EventInput } from "../../src/client/index.ts";
import { acceptsGood, eventsOf, fakeFantail, hang, problem, reset, unavailable } from "./fake-fantail.ts";
import { handClock } from "./hand-clock.ts";

const DELAY_MS = 4_321;
const TIMEOUT_MS = 7_777;
/** Of streams and batchers that are not told otherwise. */
const DELAYS_DEFAULT = [1_000, 50];

async function setUp(retries = 0) {
  const server = await fakeFantail();
  const clock = handClock({ hold: [TIMEOUT_MS, DELAY_MS, ...DELAYS_DEFAULT] });
  const client = createClient({ url: server.url, key: "some-key", timeoutMs: TIMEOUT_MS, retries, runtime: clock });
  const sizes = () => server.requests.map((request) => eventsOf(request).length);
  return { server, clock, client, sizes };
}

async function* source(count: number, ended: { value: boolean } = { value: false }): AsyncGenerator<EventInput> {
  try {
    for (let n = 0; n < count; n += 1) yield { type: "t", id: `e${n}`, data: n };
  } finally {
    ended.value = true;
  }
}

const collected = async <T>(items: AsyncIterable<T>): Promise<{ readonly items: T[]; readonly error: unknown }> => {
  const seen: T[] = [];
  try {
    for await (const item of items) seen.push(item);
    return { items: seen, error: null };
  } catch (error) {
    return { items: seen, error };
  }
};

describe("publishStream()", () => {
  test.each([
    [0, []],
    [100, [100]],
    [101, [100, 1]],
  ])("of %i events makes batches of %j, one outcome each, in order", async (count, expected) => {
    const { client, sizes } = await setUp();
    const { items, error } = await collected(client.publishStream(source(count)));
    expect(error).toBeNull();
    expect(sizes()).toEqual(expected);
    expect(items.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, n) => `e${n}`));
  });

  test("takes what is no promise too, and tells what is refused", async () => {
    const { server, client } = await setUp();
    server.always(acceptsGood);
    const { items } = await collected(client.publishStream([{ type: "t" }, { type: "bad" }], { maxDelayMs: DELAY_MS }));
    expect(items.map(({ status }) => status)).toEqual(["accepted", "rejected"]);
  });

  test("cuts at the byte", async () => {
    const { client, sizes } = await setUp();
    const event = { specversion: "1.0", id: "a", source: "/s", type: "t" };
    const pair = JSON.stringify([event, event]).length;
    await collected(client.publishStream([event, event, event, event], { batchBytes: pair }));
    expect(sizes()).toEqual([2, 2]);
    await collected(client.publishStream([event, event], { batchBytes: pair - 1 }));
    expect(sizes()).toEqual([2, 2, 1, 1]);
  });

  test("reads no further ahead than one request, and ends the source when nobody reads on", async () => {
    const { client, sizes } = await setUp();
    const ended = { value: false };
    for await (const { id } of client.publishStream(source(1_000, ended), { batchEvents: 10 })) if (id === "e3") break;
    expect(sizes()).toEqual([10]);
    expect(ended.value).toBe(true);
  });

  test("does not keep an event waiting for others longer than it may", async () => {
    const { server, client, clock } = await setUp();
    const later = Promise.withResolvers<void>();
    async function* slow(): AsyncGenerator<EventInput> {
      yield { type: "t", id: "first" };
      await later.promise;
      yield { type: "t", id: "second" };
    }
    const outcomes = client.publishStream(slow(), { maxDelayMs: DELAY_MS });
    const first = outcomes.next();
    await expect.poll(() => clock.held()).toBe(1);
    expect(server.requests).toEqual([]);
    clock.letGo();
    expect((await first).value).toMatchObject({ id: "first" });
    later.resolve();
    expect((await outcomes.next()).value).toMatchObject({ id: "second" });
    expect((await outcomes.next()).done).toBe(true);
  });

  test("tells what was not confirmed, after the outcomes of what was", async () => {
    const { server, client } = await setUp();
    server.next(acceptsGood, unavailable);
    const ended = { value: false };
    const { items, error } = await collected(client.publishStream(source(9, ended), { batchEvents: 3 }));
    expect(items.map(({ id }) => id)).toEqual(["e0", "e1", "e2"]);
    expect(error).toBeInstanceOf(PublishError);
    expect((error as PublishError).unconfirmed).toMatchObject([{ id: "e3" }, { id: "e4" }, { id: "e5" }]);
    expect(ended.value).toBe(true);
  });

  test("sends what the source gave before it failed, and then fails with it", async () => {
    const { client, sizes } = await setUp();
    const failure = new Error("The source is broken");
    async function* broken(): AsyncGenerator<EventInput> {
      yield* source(2);
      throw failure;
    }
    const { items, error } = await collected(client.publishStream(broken()));
    expect(items).toHaveLength(2);
    expect(error).toBe(failure);
    expect(sizes()).toEqual([2]);
  });

  test("fails with the source that failed while what it gave before was under way", async () => {
    const { server, client, clock } = await setUp();
    const failure = new Error("The source is broken");
    const failing = Promise.withResolvers<void>();
    async function* broken(): AsyncGenerator<EventInput> {
      yield* source(1);
      await failing.promise;
    }
    server.next((response, request) => {
      failing.reject(failure);
      setImmediate(() => acceptsGood(response, request));
    });
    const work = collected(client.publishStream(broken(), { maxDelayMs: DELAY_MS }));
    await expect.poll(() => clock.held()).toBe(1);
    clock.letGo();
    const { items, error } = await work;
    expect(items).toHaveLength(1);
    expect(error).toBe(failure);
  });

  test("names the event that is none", async () => {
    const { client } = await setUp();
    const { items, error } = await collected(client.publishStream([{ type: "t" }, {} as EventInput]));
    expect(items).toHaveLength(1);
    expect(String(error)).toContain("events[1].type must be a string");
  });

  test("ends when it is aborted while the source is silent", async () => {
    const { client } = await setUp();
    const abort = new AbortController();
    const silent: AsyncIterable<EventInput> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: () => new Promise(() => {}) }),
    };
    const work = collected(client.publishStream(silent, { signal: abort.signal }));
    const reason = new Error("Enough");
    abort.abort(reason);
    expect((await work).error).toBe(reason);
  });
});

test.each(["batches", "lines"] as const)("a stream in %s leaves nothing on the caller's signal", async (as) => {
  const { server, client } = await setUp();
  if (as === "lines") server.always(problem("unsupported-media-type", 415));
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    listeners += 1;
    addEventListener.apply(signal, given);
  };
  signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    listeners -= 1;
    removeEventListener.apply(signal, given);
  };
  await collected(client.publishStream(source(250), { as, signal }));
  expect(listeners).toBe(0);
});

describe("batcher()", () => {
  const published = (id: string, type = "t"): EventInput => ({ type, id, source: "/s" });

  test("tells a refusal of all as what it is", async () => {
    const { server, client } = await setUp();
    server.next(problem("unauthorized", 401));
    const batcher = client.batcher({ maxDelayMs: DELAY_MS });
    const works = [batcher.publish(published("a")), batcher.publish(published("b"))].map((work) => work.catch(String));
    await batcher.close();
    for (const error of await Promise.all(works)) expect(error).toContain("(unauthorized, 401");
  });

  test("collects what is published one by one, and answers each with its own outcome", async () => {
    const { server, client, clock, sizes } = await setUp();
    server.always(acceptsGood);
    const batcher = client.batcher({ maxDelayMs: DELAY_MS });
    const works = [
      batcher.publish(published("a")),
      batcher.publish(published("b", "bad")),
      batcher.publish(published("c")),
    ];
    const settled = Promise.allSettled(works);
    await expect.poll(() => clock.held()).toBe(1);
    clock.letGo();
    const [a, b, c] = await settled;
    expect(sizes()).toEqual([3]);
    expect(a).toMatchObject({ value: { id: "a", event_id: "evt_a" } });
    expect(b).toMatchObject({ reason: { slug: "invalid-event", errors: [{ pointer: "/type" }] } });
    expect((b as PromiseRejectedResult).reason).toBeInstanceOf(ProblemError);
    expect(c).toMatchObject({ value: { id: "c" } });
    expect(clock.held()).toBe(0);
  });

  test("sends a full batch without waiting", async () => {
    const { client, clock, sizes } = await setUp();
    const batcher = client.batcher({ maxDelayMs: DELAY_MS, maxEvents: 2 });
    await Promise.all([batcher.publish(published("a")), batcher.publish(published("b"))]);
    expect(sizes()).toEqual([2]);
    expect(clock.held()).toBe(0);
  });

  test("flush() sends what is there, and waits for it", async () => {
    const { client, sizes } = await setUp();
    const batcher = client.batcher({ maxDelayMs: DELAY_MS });
    const works = Array.from({ length: 250 }, (_, n) => batcher.publish(published(`e${n}`)));
    await batcher.flush();
    expect(sizes().toSorted((a, b) => b - a)).toEqual([100, 100, 50]);
    const outcomes = await Promise.all(works);
    expect(outcomes.map(({ id }) => id)).toEqual(works.map((_, n) => `e${n}`));
    await batcher.flush();
    expect(sizes()).toHaveLength(3);
  });

  test("flush() does not wait for what is published meanwhile", async () => {
    const { server, client, clock, sizes } = await setUp();
    const batcher = client.batcher({ maxDelayMs: DELAY_MS });
    const later: Promise<unknown>[] = [];
    server.always((response, request) => {
      later.push(batcher.publish(published(`later${later.length}`)));
      acceptsGood(response, request);
    });
    const work = batcher.publish(published("a"));
    await batcher.flush();
    expect(await work).toMatchObject({ id: "a" });
    expect(sizes()).toEqual([1]);
    // It waits for others, as ever.
    expect(clock.held()).toBe(1);
    server.always(acceptsGood);
    await batcher.close();
    expect(await Promise.all(later)).toMatchObject([{ id: "later0" }]);
  });

  test("close() sends what is there, and takes nothing more", async () => {
    const { client, sizes } = await setUp();
    const batcher = client.batcher({ maxDelayMs: DELAY_MS });
    const work = batcher.publish(published("a"));
    await batcher.close();
    expect(await work).toMatchObject({ id: "a" });
    await expect(batcher.publish(published("b"))).rejects.toThrow("The batcher is closed");
    expect(sizes()).toEqual([1]);
  });

  test("rejects each event of a batch that is not confirmed, with that event alone", async () => {
    const { server, client } = await setUp();
    server.next(reset);
    const batcher = client.batcher({ maxEvents: 2 });
    const [a, b] = await Promise.allSettled([batcher.publish(published("a")), batcher.publish(published("b"))]);
    expect(a).toMatchObject({ reason: { name: "PublishError", unconfirmed: [{ id: "a" }] } });
    expect(b).toMatchObject({ reason: { name: "PublishError", unconfirmed: [{ id: "b" }] } });
  });

  test("one that is no event does not touch the others", async () => {
    const { client } = await setUp();
    const batcher = client.batcher({ maxDelayMs: DELAY_MS });
    const good = batcher.publish(published("a"));
    await expect(batcher.publish({} as EventInput)).rejects.toThrow("event.type must be a string");
    await batcher.close();
    expect(await good).toMatchObject({ id: "a" });
  });

  test("has no more requests under way than it may: what comes meanwhile goes together", async () => {
    const { server, client, sizes } = await setUp();
    server.next((response, request) => setImmediate(() => acceptsGood(response, request)));
    const batcher = client.batcher({ maxEvents: 2, concurrency: 1 });
    const works = Array.from({ length: 5 }, (_, n) => batcher.publish(published(`e${n}`)));
    await batcher.close();
    await Promise.all(works);
    expect(sizes()).toEqual([2, 2, 1]);
  });

  test("gives up a request without an answer", async () => {
    const { server, client, clock } = await setUp();
    server.next(hang);
    const batcher = client.batcher({ maxEvents: 1 });
    const work = batcher.publish(published("a"));
    const failed = expect(work).rejects.toMatchObject({ cause: { name: "TimeoutError" } });
    await server.arrived(1);
    clock.letGo();
    await failed;
  });
});

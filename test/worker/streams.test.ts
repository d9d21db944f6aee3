// Streams: what comes on record is told, in that order, once; whoever comes again with the last id misses nothing.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  SETTLES_KEPT_MS,
  STREAM_BYTES_MAX,
  STREAM_ENTRIES_MAX,
  STREAM_HEARTBEAT_MS,
  STREAM_IDLE_MS,
  STREAM_LEASE_MS,
  STREAM_MS_MAX,
  STREAM_ROWS_MAX,
  STREAMS_PER_BUS_MAX,
} from "../../src/core/limits.ts";
import { serverSentEvents, type ServerSentEvent } from "../../src/core/server-sent-events.ts";
import { sink } from "../sink-client.ts";
import type { TestRouter } from "./router.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
let router: TestRouter;
const closes: (() => Promise<void>)[] = [];
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
});
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

/** A stream that is read on demand. `until` reads until it has that many entries; the clock moves while it has nothing to tell. */
async function follow(path: string, headers: Record<string, string> = {}) {
  const response = await router.request(path, { headers });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const events = serverSentEvents();
  const told: ServerSentEvent[] = [];
  const places: string[] = [];
  let isOver = false;
  const decoder = new TextDecoder();

  async function read(): Promise<void> {
    const { value, done } = await reader.read();
    isOver ||= done;
    if (done) return;
    const text = decoder.decode(value);
    for (const one of events.read(text)) {
      if (one.event === "place") places.push(one.id);
      else told.push(one);
    }
  }

  /** Reads on, and lets the stream's waits pass, until the condition holds. */
  async function readUntil(isEnough: () => boolean): Promise<void> {
    while (!isEnough() && !isOver) {
      const state = { isRead: false };
      const reading = read().finally(() => (state.isRead = true));
      while (!state.isRead) {
        stage.clock.advance(STREAM_IDLE_MS);
        await scheduler.wait(1);
      }
      await reading;
    }
  }

  await read();
  closes.push(() => reader.cancel());
  return {
    opened: told.shift(),
    entries: async (count: number): Promise<ServerSentEvent[]> => {
      await readUntil(() => told.length >= count);
      return told.splice(0, count);
    },
    place: async (): Promise<string> => {
      const count = places.length;
      await readUntil(() => places.length > count);
      return places.at(-1) ?? "";
    },
    end: () => readUntil(() => false),
    /** What came beyond what was asked for. */
    left: () => told.length,
    close: () => reader.cancel(),
  };
}

const idsOf = (entries: readonly ServerSentEvent[]): string[] => entries.map(({ data }) => JSON.parse(data).id);

async function publish(...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const type = id.startsWith("other") ? "other" : "t";
    expect((await router.publish({ type, source: "/s", id, data: { n: id } })).status).toBe(202);
    // Within a millisecond the order of the record is chance.
    stage.clock.advance(1);
  }
}

const record = async (...ids: readonly string[]): Promise<void> => {
  await publish(...ids);
  await router.drain();
};

describe("of events", () => {
  it("tells what comes on record from then on, with the event as it was sent", async () => {
    await record("before");
    const stream = await follow("/v1/events/stream");
    expect(stream.opened).toMatchObject({ event: "open", data: '{"bus":"default"}' });
    const body = '{"specversion":"1.0","type":"t","source":"/s","id":"A","data":{"n":12345678901234567890,"m":1.10}}';
    await router.request("/v1/events", {
      method: "POST",
      body,
      headers: { "content-type": "application/cloudevents+json" },
    });
    await router.drain();
    const [entry] = await stream.entries(1);
    expect(entry).toMatchObject({ event: "event" });
    expect(JSON.parse(entry?.data ?? "")).toMatchObject({
      id: "A",
      type: "t",
      source: "/s",
      matched: 0,
      event: { id: "A" },
    });
    expect(entry?.data).toContain('"n":12345678901234567890,"m":1.10');
  });

  it("goes on behind the last id, in the order in which events came on record, whatever their own is", async () => {
    const first = await follow("/v1/events/stream");
    await publish("late");
    const late = router.take();
    await record("1", "2");
    const told = await first.entries(2);
    expect(idsOf(told)).toEqual(["1", "2"]);
    await first.close();
    // Accepted before the others, on record after them.
    await router.handle(late);
    await record("3");
    const second = await follow("/v1/events/stream", { "last-event-id": told[1]?.id ?? "" });
    expect(second.opened?.id).toBe(told[1]?.id);
    expect(idsOf(await second.entries(2))).toEqual(["late", "3"]);
    const third = await follow("/v1/events/stream", { "last-event-id": told[0]?.id ?? "" });
    expect(idsOf(await third.entries(3))).toEqual(["2", "late", "3"]);
  });

  it("goes on within a batch that came on record at once", async () => {
    const first = await follow("/v1/events/stream");
    await publish("1", "2", "3");
    await router.handle(router.take(), "fantail-fast-0");
    const told = await first.entries(3);
    expect(idsOf(told).toSorted()).toEqual(["1", "2", "3"]);
    const again = await follow("/v1/events/stream", { "last-event-id": told[0]?.id ?? "" });
    expect(idsOf(await again.entries(2))).toEqual(idsOf(told.slice(1)));
  });

  it("tells an event once, also when its message comes again and when it is published again", async () => {
    const stream = await follow("/v1/events/stream");
    await publish("1");
    const [message] = router.take();
    if (message === undefined) throw new Error("There is no message");
    await router.handle([message]);
    await router.handle([message]);
    await record("1", "end");
    expect(idsOf(await stream.entries(2))).toEqual(["1", "end"]);
    expect(stream.left()).toBe(0);
  });

  it("tells only what its filters keep, and gets past everything else", async () => {
    const stream = await follow("/v1/events/stream?type=other&source=/s");
    await record("1", "other-1");
    for (let index = 0; index < STREAM_ROWS_MAX + 1; index++) await record(`x-${index}`);
    await record("other-2");
    expect(idsOf(await stream.entries(2))).toEqual(["other-1", "other-2"]);
  });

  it("goes on from long ago, however much of others lies between", async () => {
    const before = await follow("/v1/events/stream");
    const place = before.opened?.id ?? "";
    await before.close();
    await env.DB.prepare(
      `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
       INSERT INTO arrivals (place, bus, events) SELECT ?2 + n, 'eu', '[]' FROM n`,
    )
      .bind(STREAM_ROWS_MAX * 2, stage.clock.now())
      .run();
    await record("1");
    stage.clock.advance(3_600_000);
    const stream = await follow("/v1/events/stream", { "last-event-id": place });
    const startMs = stage.clock.now();
    expect(idsOf(await stream.entries(1))).toEqual(["1"]);
    // It does not wait while there is more.
    expect(stage.clock.now() - startMs).toBeLessThanOrEqual(STREAM_IDLE_MS);
  });

  it("knows nothing of other buses", async () => {
    const headers = { "fantail-bus": "eu" };
    await router.json("/v1/buses/eu", { ...router.post("", {}), method: "PUT" });
    const stream = await follow("/v1/events/stream", headers);
    await record("1");
    await router.publish({ type: "t", source: "/s", id: "eu-1", data: 1 }, { headers });
    await router.drain();
    expect(idsOf(await stream.entries(1))).toEqual(["eu-1"]);
  });

  it("begins with the last ones when it is asked to, the oldest at first, and tells none of them twice", async () => {
    await record("1", "2", "3");
    const stream = await follow("/v1/events/stream?replay=2");
    expect(stream.opened?.id).toBe("");
    await record("4");
    expect(idsOf(await stream.entries(3))).toEqual(["2", "3", "4"]);
    const [entry] = await (await follow("/v1/events/stream?replay=1")).entries(1);
    expect(JSON.parse(entry?.data ?? "").event.data).toEqual({ n: "4" });
  });

  it("tells events whose bodies are more than one look has, each whole", async () => {
    const stream = await follow("/v1/events/stream");
    const data = "x".repeat(STREAM_BYTES_MAX * 0.6);
    for (const id of ["1", "2", "3"]) {
      await router.publish({ type: "t", source: "/s", id, data });
      stage.clock.advance(1);
    }
    await router.drain();
    const told = await stream.entries(3);
    expect(idsOf(told)).toEqual(["1", "2", "3"]);
    for (const { data: text } of told) expect(JSON.parse(text).event.data).toBe(data);
    const replayed = await follow("/v1/events/stream?replay=3");
    expect(idsOf(await replayed.entries(3))).toEqual(["1", "2", "3"]);
  });

  it("says of an erased event that it was there", async () => {
    await record("1", "2");
    const list = await router.json<{ data: { event_id: string }[] }>("/v1/events");
    await router.request(`/v1/events/${list.data[1]?.event_id}`, { method: "DELETE" });
    const stream = await follow("/v1/events/stream", { "last-event-id": "0-0" });
    const [erased, other] = (await stream.entries(2)).map(({ data }) => JSON.parse(data));
    expect([erased.id, erased.event, other.id]).toEqual([null, null, "2"]);
  });

  it.each(["x", "1", "1-", "-1-1", "1-1-1", `${"9".repeat(16)}-1`])("refuses the last id %j", async (id) => {
    const answer = await router.request("/v1/events/stream", { headers: { "last-event-id": id } });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ type: "https://fantail.dev/problems/invalid-header" });
  });

  it("an empty last id is none, as clients send it that have heard of nothing", async () => {
    await record("1");
    const stream = await follow("/v1/events/stream", { "last-event-id": "" });
    await record("2");
    expect(idsOf(await stream.entries(1))).toEqual(["2"]);
  });

  it.each(["replay=201", "replay=-1", "since=2026-11-26T00:00:00Z", "limit=1"])("refuses ?%s", async (query) => {
    expect((await router.request(`/v1/events/stream?${query}`)).status).toBe(400);
  });
});

describe("for as long as it lasts", () => {
  it("says that it is there when there is nothing to tell", async () => {
    const stream = await follow("/v1/events/stream");
    const startMs = stage.clock.now();
    await stream.place();
    expect(stage.clock.now() - startMs).toBeGreaterThanOrEqual(STREAM_HEARTBEAT_MS);
  });

  it("tells how far it is, so that a quiet one that comes again goes on from there, however busy others are", async () => {
    await router.json("/v1/buses/eu", { ...router.post("", {}), method: "PUT" });
    const headers = { "fantail-bus": "eu" };
    const quiet = await follow("/v1/events/stream", headers);
    for (let index = 0; index < 5; index++) await record(`x-${index}`);
    const place = await quiet.place();
    expect(Number(place.split("-")[0])).toBeGreaterThan(Number(quiet.opened?.id.split("-")[0]));
    await env.DB.prepare("DELETE FROM arrivals WHERE place <= ?1")
      .bind(Number(place.split("-")[0]))
      .run();
    const again = await follow("/v1/events/stream", { ...headers, "last-event-id": place });
    await router.publish({ type: "t", source: "/s", id: "eu-1", data: 1 }, { headers });
    await router.drain();
    expect(idsOf(await again.entries(1))).toEqual(["eu-1"]);
  });

  it("a hang-up is no defect, and is not counted any more", async () => {
    const stream = await follow("/v1/events/stream");
    await record("1");
    await stream.entries(1);
    await stream.close();
    while ((await streams()) > 0) await scheduler.wait(1);
    stage.clock.advance(STREAM_IDLE_MS);
    await router.settled();
    expect(stage.lines("stream.failed")).toEqual([]);
  });

  it("HEAD opens none", async () => {
    const answer = await router.request("/v1/events/stream", { method: "HEAD" });
    expect([answer.status, answer.headers.get("content-type"), await streams()]).toEqual([200, "text/event-stream", 0]);
  });

  it("ends when its key is revoked, also while it has much to tell", async () => {
    const made = router.post("", { scopes: ["read"] });
    const { id, key } = await router.json<{ id: string; key: string }>("/v1/keys", made);
    const stream = await follow("/v1/events/stream", { authorization: `Bearer ${key}` });
    await router.request(`/v1/keys/${id}`, { method: "DELETE" });
    const startMs = stage.clock.now();
    let told = 0;
    for (let index = 0; index < 60; index++) {
      await record(`busy-${index}`);
      told += (await stream.entries(1)).length;
      if (told <= index) break;
      stage.clock.advance(STREAM_IDLE_MS);
    }
    expect(told).toBeLessThan(60);
    expect(stage.clock.now() - startMs).toBeLessThanOrEqual(4 * STREAM_HEARTBEAT_MS);
  });

  it("ends by itself, and is not counted any more", async () => {
    const stream = await follow("/v1/events/stream");
    const startMs = stage.clock.now();
    await stream.end();
    expect(stage.clock.now() - startMs).toBeLessThanOrEqual(STREAM_MS_MAX + STREAM_IDLE_MS);
    expect(await streams()).toBe(0);
  });

  it("ends when its key is revoked", async () => {
    const { id, key } = await router.json<{ id: string; key: string }>(
      "/v1/keys",
      router.post("", { scopes: ["read"] }),
    );
    const stream = await follow("/v1/events/stream", { authorization: `Bearer ${key}` });
    await router.request(`/v1/keys/${id}`, { method: "DELETE" });
    const startMs = stage.clock.now();
    await stream.end();
    expect(stage.clock.now() - startMs).toBeLessThanOrEqual(2 * STREAM_HEARTBEAT_MS);
  });

  it("waits while the database is away, and goes on", async () => {
    const stream = await follow("/v1/events/stream");
    let looks = 0;
    stage.flaky.fate = (statements) =>
      statements.some((sql) => sql.includes("SELECT * FROM arrivals")) && ++looks < 4 ? "fail-before" : "pass";
    await record("1");
    expect(idsOf(await stream.entries(1))).toEqual(["1"]);
    expect(stage.lines("stream.waits").length).toBeGreaterThan(0);
  });
});

const streams = async (): Promise<number> =>
  (await env.DB.prepare("SELECT count(*) AS count FROM streams").first<number>("count")) ?? -1;

describe("how many", () => {
  it("is bounded for each bus, and what is closed or dead makes room", async () => {
    const now = stage.clock.now();
    await env.DB.prepare(
      `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
       INSERT INTO streams (bus, id, lease_ms) SELECT 'default', 'req_' || n, ?2 FROM n`,
    )
      .bind(STREAMS_PER_BUS_MAX - 1, now + STREAM_LEASE_MS)
      .run();
    const last = await follow("/v1/events/stream");
    const refused = await router.request("/v1/events/stream");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "10"]);
    await refused.text();
    await router.json("/v1/buses/eu", { ...router.post("", {}), method: "PUT" });
    await follow("/v1/events/stream", { "fantail-bus": "eu" });
    await last.close();
    while ((await streams()) > STREAMS_PER_BUS_MAX) await scheduler.wait(1);
    await follow("/v1/events/stream");
    stage.clock.advance(STREAM_LEASE_MS);
    await follow("/v1/events/stream");
    expect(await streams()).toBeLessThan(STREAMS_PER_BUS_MAX);
  });
});

describe("of deliveries", () => {
  it("tells each time that one was settled", async () => {
    const [good, other] = [sink(), sink()];
    await good.program([{ status: 500 }], { status: 200 });
    const { id } = await router.subscribe({ sink: good.url, retry: { schedule_s: [1] } });
    await router.subscribe({ sink: other.url });
    const stream = await follow(`/v1/subscriptions/${id}/stream`);
    await record("1");
    const [failed] = await stream.entries(1);
    expect(JSON.parse(failed?.data ?? "")).toMatchObject({
      subscription_id: id,
      status: "retrying",
      last_attempt: { status: 500 },
    });
    stage.clock.advance(2_000);
    const wakes = router.take();
    await router.handle(wakes);
    const [delivered] = await stream.entries(1);
    expect(JSON.parse(delivered?.data ?? "")).toMatchObject({ status: "delivered", attempt: 2 });
    const again = await follow(`/v1/subscriptions/${id}/stream`, { "last-event-id": failed?.id ?? "" });
    expect(JSON.parse((await again.entries(1))[0]?.data ?? "")).toMatchObject({ status: "delivered" });
  });

  it("tells one that is behind very many that left nothing", async () => {
    const { id } = await router.subscribe({ sink: sink().url });
    const stream = await follow(`/v1/subscriptions/${id}/stream`);
    await record("1");
    const [first] = await stream.entries(1);
    await stream.close();
    const gone = JSON.stringify(
      Array.from({ length: STREAM_ENTRIES_MAX + 50 }, (_, n) => [id, `gone-${n}`, "", "delivered", 1, 5, 5]),
    );
    const place = Number(first?.id.split("-")[0]) + 1;
    await env.DB.prepare("INSERT INTO settles VALUES (?1, 'default', 'fast', ?2)").bind(place, gone).run();
    stage.clock.advance(10);
    await record("2");
    const again = await follow(`/v1/subscriptions/${id}/stream`, { "last-event-id": first?.id ?? "" });
    const [entry] = await again.entries(1);
    expect(JSON.parse(entry?.data ?? "{}")).toMatchObject({ subscription_id: id, status: "delivered" });
  });

  it("tells the failure of an event that was published twice where only failures are recorded", async () => {
    await router.json("/v1/buses/default", { ...router.post("", { log_level: "failures" }), method: "PATCH" });
    const [good, bad] = [sink(), sink()];
    await bad.program([], { status: 500 });
    await router.subscribe({ sink: bad.url, types: ["t"], retry: { schedule_s: [86_400] } });
    const { id } = await router.subscribe({ sink: good.url, types: ["t"], retry: { schedule_s: [86_400] } });
    const stream = await follow(`/v1/subscriptions/${id}/stream`);
    await record("1");
    await good.program([], { status: 500 });
    await record("1");
    const [entry] = await stream.entries(1);
    expect(JSON.parse(entry?.data ?? "{}")).toMatchObject({ subscription_id: id, status: "retrying" });
  });

  it("is not found for a subscription that is not there", async () => {
    const answer = await router.request(`/v1/subscriptions/sub_${"0".repeat(26)}/stream`);
    expect(answer.status).toBe(404);
  });

  it("goes on from an id that is old where nothing is gone", async () => {
    const { id } = await router.subscribe({ sink: sink().url });
    const stream = await follow(`/v1/subscriptions/${id}/stream`);
    stage.clock.advance(SETTLES_KEPT_MS * 2);
    await follow(`/v1/subscriptions/${id}/stream`, { "last-event-id": stream.opened?.id ?? "" });
  });

  it("goes on from the last that happened, however long ago that was", async () => {
    const { id } = await router.subscribe({ sink: sink().url });
    const stream = await follow(`/v1/subscriptions/${id}/stream`);
    await record("1");
    const [last] = await stream.entries(1);
    await stream.close();
    stage.clock.advance(SETTLES_KEPT_MS * 3);
    await record("2");
    await router.sweep();
    await router.sweep();
    const again = await follow(`/v1/subscriptions/${id}/stream`, { "last-event-id": last?.id ?? "" });
    expect(JSON.parse((await again.entries(1))[0]?.data ?? "{}")).toMatchObject({ status: "delivered" });
  });

  it("refuses an id that is too old to go on from without missing any", async () => {
    const { id } = await router.subscribe({ sink: sink().url });
    const old = `${stage.clock.now() - 1}-0`;
    await record("1");
    await record("2");
    await router.sweep();
    stage.clock.advance(SETTLES_KEPT_MS + 10_000);
    await router.sweep();
    const answer = await router.request(`/v1/subscriptions/${id}/stream`, { headers: { "last-event-id": old } });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      detail: "last-event-id must be at most 1 h old: read what happened since with GET /v1/deliveries",
    });
  });
});

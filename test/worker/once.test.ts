// Once on the log: however often and however concurrently an event is published, its sink sees one attempt at a time, and one in all.
import { expect, it } from "vitest";
import { sink } from "../sink-client.ts";
import { createTestRouter, type Held } from "./router.ts";

const EVENT = { type: "order.created", source: "/shop", id: "A-1", data: { total: 1 } };

it("1,000 publishes of one id are one event, one delivery per subscription, no overlapping attempts", async () => {
  const router = createTestRouter();
  const sinks = [sink(), sink()];
  for (const one of sinks) {
    await one.program([], { status: 200, delayMs: 20 });
    await router.subscribe({ sink: one.url });
  }
  const publishes = await Promise.all(Array.from({ length: 1_000 }, () => router.publish(EVENT)));
  expect(new Set(publishes.map(({ status }) => status))).toEqual(new Set([202]));
  const answers = await Promise.all(publishes.map((answer) => answer.json<{ events: { event_id: string }[] }>()));
  expect(new Set(answers.map(({ events }) => events[0]?.event_id)).size).toBe(1);

  const messages = router.take();
  expect(messages).toHaveLength(1_000);
  const batches: Held[][] = Array.from({ length: 40 }, (_, index) => messages.slice(index * 25, index * 25 + 25));
  const handled = (await Promise.all(batches.map((batch) => router.handle(batch)))).flat();
  expect(handled).toHaveLength(1_000);

  for (const one of sinks) {
    const state = await one.state();
    expect(state.requests).toHaveLength(1);
    expect(state.concurrentMax).toBe(1);
  }
  const { data } = await router.json<{ data: { duplicates: number; matched: number }[] }>("/v1/events");
  expect(data).toEqual([expect.objectContaining({ duplicates: 999, matched: 2 })]);
  const deliveries = await router.json<{ data: { status: string }[] }>("/v1/deliveries");
  expect(deliveries.data.map(({ status }) => status)).toEqual(["delivered", "delivered"]);
  // Those that met a live lease come back after it, find nothing to do and are gone.
  const again = handled.filter(({ verdict }) => verdict !== "ack").map(({ message }) => message);
  const second = await router.handle(again);
  expect(second.every(({ verdict }) => verdict === "ack")).toBe(true);
  for (const one of sinks) expect(await one.requests()).toHaveLength(1);
  // A message that comes again is no publish of its own.
  const after = await router.json<{ data: { duplicates: number }[] }>("/v1/events");
  expect(after.data.map(({ duplicates }) => duplicates)).toEqual([999]);
});

it("a duplicate is counted once, however many parcels its publish has", async () => {
  const router = createTestRouter();
  const one = sink();
  for (let index = 0; index < 25; index++) await router.subscribe({ sink: one.url, types: ["wide"] });
  for (let index = 0; index < 3; index++) await router.publish({ type: "wide", source: "/shop", id: "W-1" });
  expect(router.held).toHaveLength(9);
  await router.drain(4);
  const { data } = await router.json<{ data: { duplicates: number }[] }>("/v1/events?type=wide");
  expect(data.map(({ duplicates }) => duplicates)).toEqual([2]);
});

it("what is delivered is what is on record, also when both publishes of an id are claimed together", async () => {
  const router = createTestRouter();
  const one = sink();
  await router.subscribe({ sink: one.url, types: ["pair"] });
  const answer = await router.request("/v1/events", {
    method: "POST",
    headers: { "content-type": "application/cloudevents-batch+json" },
    body: JSON.stringify(
      ["one", "two"].map((data) => ({ specversion: "1.0", type: "pair", source: "/shop", id: "P-1", data })),
    ),
  });
  const { events } = await answer.json<{ events: { event_id: string }[] }>();
  await router.drain();
  const [request, ...rest] = await one.requests();
  expect(rest).toEqual([]);
  const record = await router.json<{ event: { data: string } }>(`/v1/events/${events[0]?.event_id}`);
  expect(JSON.parse(atob(request?.bodyBase64 ?? "")).data).toBe(record.event.data);
});

it("the same id twice in one batch is one event and one duplicate", async () => {
  const router = createTestRouter();
  const one = sink();
  await router.subscribe({ sink: one.url, types: ["twice"] });
  const event = { specversion: "1.0", type: "twice", source: "/shop", id: "B-1" };
  const answer = await router.request("/v1/events", {
    method: "POST",
    body: JSON.stringify([event, event]),
    headers: { "content-type": "application/cloudevents-batch+json" },
  });
  expect(answer.status).toBe(202);
  await router.drain();
  expect(await one.requests()).toHaveLength(1);
  const { data } = await router.json<{ data: { duplicates: number }[] }>("/v1/events?type=twice");
  expect(data).toEqual([expect.objectContaining({ duplicates: 1 })]);
});

it("the first publish of an id decides what is delivered", async () => {
  const router = createTestRouter();
  const early = sink();
  await router.subscribe({ sink: early.url, types: ["first"] });
  await router.publish({ type: "first", source: "/shop", id: "C-1", data: "one" });
  await router.drain();
  const late = sink();
  await router.subscribe({ sink: late.url, types: ["first"] });
  await router.publish({ type: "first", source: "/shop", id: "C-1", data: "two" });
  await router.drain();
  expect(await early.requests()).toHaveLength(1);
  const [request] = await late.requests();
  expect(JSON.parse(atob(request?.bodyBase64 ?? "")).data).toBe("one");
});

// What becomes of a delivery whose sink fails or whose subscription changes, and what the record tells of it.
import { Webhook } from "standardwebhooks";
import { describe, expect, it, vi } from "vitest";
import { deliveryIdFor, newBus, POLL, type Delivery, type EventSummary, type List, type Published } from "./edge.ts";

/** The shortest schedule with so many retries. */
const retries = (count: number) => ({ retry: { schedule_s: Array<number>(count).fill(1) } });

/** Leaves time to change the subscription before the second attempt. */
const LATER = { retry: { schedule_s: [3] } };

describe.concurrent("a sink that fails", () => {
  it("is tried again by its schedule until it answers, as the same webhook", async () => {
    const bus = await newBus();
    const consumer = await bus.subscribe(retries(2));
    const busy = [
      { status: 503, body: "busy\0 1" },
      { status: 500, body: "é".repeat(2_000) },
    ];
    await consumer.sink.program(busy, { status: 204 });
    const sent = await bus.publish({ type: "a", data: { n: 1 } });
    const requests = await consumer.sink.waitFor(3);

    const webhook = new Webhook(consumer.secret);
    for (const { headers, bodyBase64 } of requests) webhook.verify(Buffer.from(bodyBase64, "base64"), { ...headers });
    const id = deliveryIdFor(sent, consumer);
    expect(requests.map(({ headers }) => [headers["webhook-id"], headers["fantail-attempt"]])).toEqual([
      [id, "1"],
      [id, "2"],
      [id, "3"],
    ]);
    expect(new Set(requests.map(({ bodyBase64 }) => bodyBase64)).size).toBe(1);
    const [first = 0, second = 0, third = 0] = requests.map(({ headers }) => Number(headers["webhook-timestamp"]));
    expect([second > first, third > second]).toEqual([true, true]);

    const delivery = await bus.deliveryAs(id, "delivered");
    expect(delivery).toMatchObject({ attempt: 3, cause: null, due_at: null, event_id: sent.event_id });
    expect(delivery.attempts.map(({ attempt, status, error, answer }) => [attempt, status, error, answer])).toEqual([
      [1, 503, null, "busy\0 1"],
      [2, 500, null, "é".repeat(512)],
      [3, 204, null, null],
    ]);
    expect(await consumer.sink.requests()).toHaveLength(3);
  });

  it("is dead after its schedule, and delivered when it is tried again by hand", async () => {
    const bus = await newBus();
    const consumer = await bus.subscribe(retries(1));
    await consumer.sink.program([{ reset: true }, { status: 302, headers: { location: "/elsewhere" } }]);
    const id = deliveryIdFor(await bus.publish({ type: "a" }), consumer);
    const dead = await bus.deliveryAs(id, "dead");
    expect(dead).toMatchObject({ cause: "exhausted", attempt: 2, due_at: null });
    expect(dead.attempts).toMatchObject([
      { attempt: 1, status: null, error: expect.stringMatching(/^connection: /) },
      { attempt: 2, status: 302, error: null },
    ]);

    const retried = await bus.ask("POST", `/v1/deliveries/${id}/retry`);
    expect([retried.status, retried.json.id]).toEqual([202, id]);
    expect(await bus.deliveryAs(id, "delivered")).toMatchObject({ attempt: 3, cause: null });
    const { headers } = (await consumer.sink.waitFor(3))[2] ?? {};
    expect([headers?.["webhook-id"], headers?.["fantail-attempt"]]).toEqual([id, "3"]);
    expect((await bus.get<List<Delivery>>("/v1/deliveries?status=dead")).data).toEqual([]);
  });

  it("is disabled by a 410 until its owner says otherwise", async () => {
    const bus = await newBus();
    const consumer = await bus.subscribe();
    await consumer.sink.program([{ status: 410 }]);
    const id = deliveryIdFor(await bus.publish({ type: "a" }), consumer);
    expect(await bus.deliveryAs(id, "dead")).toMatchObject({ cause: "gone", attempt: 1 });
    const path = `/v1/subscriptions/${consumer.id}`;
    await vi.waitFor(
      async () => expect(await bus.get(path)).toMatchObject({ status: "disabled", disabled_reason: "gone" }),
      POLL,
    );
    const held = deliveryIdFor(await bus.publish({ type: "a" }), consumer);
    expect(await bus.deliveryAs(held, "held")).toMatchObject({ cause: "subscription-disabled", attempt: 0 });

    await bus.change(consumer, { status: "active" });
    expect(await bus.get(path)).toMatchObject({ status: "active", disabled_reason: null });
    expect((await bus.publish({ type: "a" })).subscription_ids).toEqual([consumer.id]);
    await consumer.sink.waitFor(3);
    await bus.settled(3);
  });

  it("is left in peace while it is paused, and gets what was held when it is resumed", async () => {
    const bus = await newBus();
    const consumer = await bus.subscribe(LATER);
    await consumer.sink.program([{ status: 503 }]);
    const id = deliveryIdFor(await bus.publish({ type: "a" }), consumer);
    await bus.deliveryAs(id, "retrying");
    await bus.change(consumer, { status: "paused" });
    expect(await bus.deliveryAs(id, "held")).toMatchObject({ cause: "subscription-paused", attempt: 1, due_at: null });
    expect((await bus.get<List<Delivery>>(`/v1/deliveries?status=held`)).data).toHaveLength(1);
    expect(await consumer.sink.requests()).toHaveLength(1);

    await bus.change(consumer, { status: "active" });
    expect(await bus.deliveryAs(id, "delivered")).toMatchObject({ attempt: 2, cause: null });
  });

  it("gets of what was published while it was paused only what it is resumed from", async () => {
    const bus = await newBus();
    const consumer = await bus.subscribe();
    const held = async () => {
      const published = await bus.publish({ type: "a" });
      const id = deliveryIdFor(published, consumer);
      expect(await bus.deliveryAs(id, "held")).toMatchObject({ cause: "subscription-paused", attempt: 0 });
      return { id, published };
    };
    const resume = (from: string) => bus.change(consumer, { status: "active", resume_from: from });

    await bus.change(consumer, { status: "paused" });
    const first = await held();
    await resume("latest");
    expect(await bus.deliveryAs(first.id, "cancelled")).toMatchObject({ cause: "skipped", attempt: 0 });
    await bus.change(consumer, { status: "paused" });
    const [second, third] = [await held(), await held()];
    const { accepted_at } = await bus.get<{ accepted_at: string }>(`/v1/events/${third.published.event_id}`);
    await resume(accepted_at);
    expect(await bus.deliveryAs(second.id, "cancelled")).toMatchObject({ cause: "skipped" });
    expect(await bus.deliveryAs(third.id, "delivered")).toMatchObject({ attempt: 1 });
    await bus.change(consumer, { status: "paused" });
    const fourth = await held();
    await resume("last");
    expect(await bus.deliveryAs(fourth.id, "delivered")).toMatchObject({ attempt: 1 });
    expect((await consumer.sink.requests()).map(({ headers }) => headers["webhook-id"])).toEqual([third.id, fourth.id]);
  });

  it("gets nothing more when its subscription is deleted", async () => {
    const bus = await newBus();
    const consumer = await bus.subscribe(LATER);
    await consumer.sink.program([{ status: 503 }]);
    const id = deliveryIdFor(await bus.publish({ type: "a" }), consumer);
    await bus.deliveryAs(id, "retrying");
    expect((await bus.ask("DELETE", `/v1/subscriptions/${consumer.id}`)).status).toBe(204);
    expect(await bus.deliveryAs(id, "cancelled")).toMatchObject({ cause: "subscription-deleted", attempt: 1 });
    expect(await consumer.sink.requests()).toHaveLength(1);
  });
});

it("the list of events pages through 120 of them, newest first, undisturbed by new ones", async () => {
  const bus = await newBus();
  const publish = async (from: number, to: number) => {
    const events = Array.from({ length: to - from }, (_, index) => ({
      specversion: "1.0",
      id: `e${from + index}`,
      source: `/shop/${index % 2}`,
      type: index % 3 === 0 ? "order.created" : "order.deleted",
      subject: "orders/1",
    }));
    const headers = { "content-type": "application/cloudevents-batch+json" };
    const answer = await bus.ask("POST", "/v1/events", { body: JSON.stringify(events), headers });
    expect(answer.json.accepted).toBe(to - from);
  };
  await publish(0, 100);
  await publish(100, 120);
  await bus.settled(120);

  const pages: EventSummary[][] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: List<EventSummary> = await bus.get(`/v1/events?limit=50${cursor && `&cursor=${cursor}`}`);
    pages.push([...page.data]);
    cursor = page.next_cursor;
    if (pages.length === 1) await publish(120, 121);
  }
  await bus.settled(121);
  const all = pages.flat();
  expect(pages.map(({ length }) => length)).toEqual([50, 50, 20]);
  const numbers = all.map(({ id }) => Number(id.slice(1)));
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 120 }, (_, index) => index));
  expect(all.slice(0, 20).every(({ id }) => Number(id.slice(1)) >= 100)).toBe(true);
  const times = all.map(({ accepted_at }) => accepted_at);
  expect(times).toEqual(times.toSorted().toReversed());

  const count = async (query: string) =>
    (await bus.get<List<EventSummary>>(`/v1/events?limit=200&${query}`)).data.length;
  const [newest = "", oldest = ""] = [times.at(0), times.at(-1)];
  expect(await count("type=order.created")).toBe(34 + 7 + 1);
  expect(await count("source=/shop/1")).toBe(60);
  expect(await count("source=/shop/0&type=order.created&subject=orders/1")).toBe(17 + 4 + 1);
  expect(await count("subject=orders/2")).toBe(0);
  expect(await count(`since=${oldest}`)).toBe(121);
  expect(await count(`until=${oldest}`)).toBe(0);
  expect(await count(`since=${oldest}&until=${newest}`)).toBe(100);
});

it("the list of deliveries is filtered by status, subscription, event and time, and pages", async () => {
  const bus = await newBus();
  const fine = await bus.subscribe();
  const broken = await bus.subscribe(retries(0));
  const slow = await bus.subscribe({ retry: { schedule_s: [600] } });
  await broken.sink.program([], { status: 500 });
  await slow.sink.program([], { status: 500 });
  const events: Published[] = [];
  for (const id of ["1", "2", "3"]) events.push(await bus.publish({ type: "a", source: "/s", id }));
  const idsOf = async (query: string) =>
    (await bus.get<List<Delivery>>(`/v1/deliveries?${query}`)).data.map(({ id }) => id).toSorted();
  const of = (consumers: (typeof fine)[], published = events) =>
    published.flatMap((event) => consumers.map((consumer) => deliveryIdFor(event, consumer))).toSorted();

  await vi.waitFor(async () => expect(await idsOf("status=retrying")).toEqual(of([slow])), POLL);
  await vi.waitFor(async () => expect(await idsOf("status=dead")).toEqual(of([broken])), POLL);
  await vi.waitFor(async () => expect(await idsOf("status=delivered")).toEqual(of([fine])), POLL);
  expect(await idsOf("")).toEqual(of([fine, broken, slow]));
  expect(await idsOf("status=pending")).toEqual([]);
  expect(await idsOf(`subscription_id=${broken.id}`)).toEqual(of([broken]));
  expect(await idsOf(`subscription_id=${broken.id}&status=delivered`)).toEqual([]);
  const [first, second] = events;
  if (first === undefined || second === undefined) throw new Error("There are three events");
  expect(await idsOf(`event_id=${second.event_id}`)).toEqual(of([fine, broken, slow], [second]));
  expect(await idsOf(`event_id=${second.event_id}&status=dead`)).toEqual(of([broken], [second]));

  const { accepted_at } = await bus.get<EventSummary>(`/v1/events/${first.event_id}`);
  expect(await idsOf(`until=${accepted_at}`)).toEqual([]);
  expect(await idsOf(`since=${accepted_at}&status=dead`)).toEqual(of([broken]));

  const paged: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: List<Delivery> = await bus.get(`/v1/deliveries?limit=2${cursor && `&cursor=${cursor}`}`);
    paged.push(...page.data.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  expect(paged.toSorted()).toEqual(of([fine, broken, slow]));

  const { data } = await bus.get<List<Delivery>>(`/v1/deliveries?subscription_id=${slow.id}&limit=1`);
  expect(data).toMatchObject([
    { status: "retrying", attempt: 1, cause: "retry", type: "a", event_id: events[2]?.event_id },
  ]);
});

// Every content type of a publish, delivered in every format: what a consumer verifies and reads with the packages it would use.
import { createHmac } from "node:crypto";
import { CloudEvent, HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { FORMATS } from "../../src/core/subscription.ts";
import { VERSION } from "../../src/version.ts";
import type { SinkRequest } from "../sinks.ts";
import { deliveryIdFor, newBus } from "./edge.ts";

const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";

const bytesOf = ({ bodyBase64 }: SinkRequest): Buffer => Buffer.from(bodyBase64, "base64");
const textOf = (request: SinkRequest): string => bytesOf(request).toString("utf8");

/** @throws unless the secret signed the request. */
function verify(request: SinkRequest, secret: string): void {
  const { headers } = request;
  const bytes = bytesOf(request);
  const text = bytes.toString("utf8");
  if (Buffer.from(text).equals(bytes)) {
    new Webhook(secret).verify(text, headers, { jsonParse: false });
    return;
  }
  // The package reads every body as UTF-8.
  const hmac = createHmac("sha256", Buffer.from(secret.slice("whsec_".length), "base64"));
  hmac.update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`).update(bytes);
  expect(headers["webhook-signature"]).toBe(`v1,${hmac.digest("base64")}`);
}

type Members = Record<string, unknown>;

/** The event as plain JSON, without what is not there. */
const plain = (event: object): Members => JSON.parse(JSON.stringify(event));

/** What HTTP headers leave of it: attributes are strings there. */
const stringly = ({ data, ...attributes }: Members): Members => ({
  ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, String(value)])),
  ...(data === undefined ? {} : { data }),
});

/** What the SDK reads out of a request. */
function parsed(request: SinkRequest): Members {
  const isBytes = request.headers["content-type"] === "application/octet-stream";
  const body = isBytes ? bytesOf(request) : textOf(request) || undefined;
  const event = HTTP.toEvent({ headers: { ...request.headers }, body });
  if (Array.isArray(event)) throw new Error("A delivery is one event");
  return plain(event);
}

const COMMON = { source: "/shop/eu", time: "2026-01-31T12:00:00.123Z" };
const EVENTS: readonly CloudEvent<unknown>[] = [
  new CloudEvent({
    ...COMMON,
    id: "json",
    type: "order.created",
    subject: "orders/1",
    datacontenttype: "application/json",
    dataschema: "https://schemas.example.com/order.json",
    data: { total: 12.5, lines: [{ sku: "Ü-1", note: "żółć 🌍 </script>" }], none: null },
    partitionkey: "customer-7",
    priority: 7,
    urgent: true,
  }),
  new CloudEvent({ ...COMMON, id: "text", type: "note.added", datacontenttype: "text/plain", data: "Grüße, 世界\n" }),
  new CloudEvent({
    ...COMMON,
    id: "bytes",
    type: "photo.taken",
    datacontenttype: "application/octet-stream",
    data: new Uint8Array([0, 255, 128, 10, 34, 254]),
  }),
  new CloudEvent({ ...COMMON, id: "nothing", type: "order.deleted", datacontenttype: "application/json" }),
];

interface Encoded {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

const MODES: readonly [mode: string, encode: (events: readonly CloudEvent<unknown>[]) => readonly Encoded[]][] = [
  ["structured", (events) => events.map((event) => HTTP.structured(event))],
  ["binary", (events) => events.map((event) => HTTP.binary(event))],
  ["batch", (events) => [{ headers: { "content-type": BATCH }, body: JSON.stringify(events) }]],
];

/** What a sink of that format is expected to read, and what it reads. */
function reading(format: string, request: SinkRequest, sent: Members) {
  const { data = null, data_base64, type, time, id, source, subject = null } = sent;
  const content = data_base64 === undefined ? { data } : { data_base64 };
  const head = { type, timestamp: time };
  switch (format) {
    case "structured":
      return { read: parsed(request), wanted: sent };
    case "binary":
      return { read: parsed(request), wanted: stringly(sent) };
    case "standard":
      return { read: JSON.parse(textOf(request)), wanted: { ...head, ...content } };
    default: {
      const eventId = expect.stringMatching(/^evt_/);
      const wanted = { event_id: eventId, id, source, subject, url: expect.stringContaining("/v1/events/evt_") };
      return { read: JSON.parse(textOf(request)), wanted: { ...head, data: wanted } };
    }
  }
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  structured: STRUCTURED,
  standard: "application/json",
  reference: "application/json",
};

describe.each(MODES)("publish, %s", (mode, encode) => {
  it("arrives in every format, signed, and is read back as it was sent", async () => {
    const bus = await newBus();
    const consumers = await Promise.all(
      FORMATS.map(async (format) => ({ format, ...(await bus.subscribe({ format })) })),
    );
    const messages = encode(EVENTS);
    for (const { headers, body } of messages) {
      const all = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
      const sent = body === undefined ? {} : { body: body as BodyInit };
      const answer = await bus.ask("POST", "/v1/events", { headers: all, ...sent });
      expect([answer.status, answer.json.rejected], answer.text).toEqual([202, 0]);
      expect(answer.json.accepted).toBe(EVENTS.length / messages.length);
      expect(answer.json.events[0]).toMatchObject({ status: "accepted", matched: FORMATS.length });
    }
    const types = new Map(EVENTS.map((event) => [event.type, event]));
    for (const { format, sink, secret } of consumers) {
      const requests = await sink.waitFor(EVENTS.length);
      const seen = requests.map((request) => {
        verify(request, secret);
        expect([request.method, request.headers["fantail-attempt"]]).toEqual(["POST", "1"]);
        const type: string = request.headers["ce-type"] ?? JSON.parse(textOf(request)).type;
        const event = types.get(type);
        if (event === undefined) throw new Error(`Nobody published a ${type}`);
        const { read, wanted } = reading(format, request, mode === "binary" ? stringly(plain(event)) : plain(event));
        expect(read, `${format} ${type}`).toEqual(wanted);
        expect(request.headers["content-type"]).toBe(CONTENT_TYPES[format] ?? event.datacontenttype);
        return type;
      });
      expect(seen.toSorted(), format).toEqual([...types.keys()].toSorted());
    }
    await bus.settled(EVENTS.length);
  });
});

it("a batch with a bad entry answers 207, and only the good ones are delivered", async () => {
  const bus = await newBus();
  const consumer = await bus.subscribe();
  const [first, second] = EVENTS.map(plain);
  const bad = { ...first, id: "bad", type: null };
  const body = JSON.stringify([first, bad, second, 7]);
  const answer = await bus.ask("POST", "/v1/events", { body, headers: { "content-type": BATCH } });
  expect([answer.status, answer.json.accepted, answer.json.rejected]).toEqual([207, 2, 2]);
  expect(answer.json.events.map(({ status }: { status: string }) => status)).toEqual([
    "accepted",
    "rejected",
    "accepted",
    "rejected",
  ]);
  expect(answer.json.events[1].problem).toMatchObject({
    type: "https://fantail.dev/problems/invalid-event",
    status: 422,
    instance: answer.headers.get("x-request-id"),
    errors: [{ pointer: "/1/type", detail: "type is required" }],
  });
  expect(answer.json.events[3].problem.errors).toMatchObject([{ pointer: "/3" }]);
  await consumer.sink.waitFor(2);
  await bus.settled(2);
  expect((await consumer.sink.requests()).map(parsed)).toEqual(expect.arrayContaining([first, second]));
  expect(await consumer.sink.requests()).toHaveLength(2);
});

it("the short form becomes an event of its bus, named by the Idempotency-Key, once", async () => {
  const bus = await newBus();
  const consumer = await bus.subscribe();
  const short = { type: "order.created", subject: "orders/1", data: { total: 5 } };
  const sent = await bus.publish(short, { "idempotency-key": "order-1" });
  const again = await bus.publish(short, { "idempotency-key": "order-1" });
  const other = await bus.publish(short);
  expect([sent.id, sent.source]).toEqual(["order-1", `/buses/${bus.name}`]);
  expect([again.event_id, other.event_id === sent.event_id]).toEqual([sent.event_id, false]);
  await bus.settled(2);
  const requests = await consumer.sink.requests();
  for (const request of requests) verify(request, consumer.secret);
  expect(requests.map(parsed).find(({ id }) => id === "order-1")).toEqual({
    specversion: "1.0",
    id: "order-1",
    source: `/buses/${bus.name}`,
    time: expect.any(String),
    datacontenttype: "application/json",
    ...short,
  });
  expect(requests).toHaveLength(2);
  expect(await bus.get(`/v1/events/${sent.event_id}`)).toMatchObject({ duplicates: 1, matched: 1 });
});

/** What a parser would change: numbers that no double holds, key order, duplicate keys, escapes, white space. */
const DATA =
  '{ "n":12345678901234567890, "z":1.10,"e":1e400,"neg":-0 ,"dup":1,"dup":2,"10":0,"2":0, "esc":"\\u0041\\/\\ud800 é" }';

it("JSON data reaches every format and the record character by character, of any size", async () => {
  const bus = await newBus();
  const consumers = await Promise.all(
    FORMATS.map(async (format) => ({ format, ...(await bus.subscribe({ format, types: ["exact"] })) })),
  );
  const large = await bus.subscribe({ format: "binary", types: ["large"] });
  const publish = async (type: string, data: string) => {
    const body = `{"data":${data},"specversion":"1.0","id":"${type}","source":"/exact","type":"${type}"}`;
    return bus.ask("POST", "/v1/events", { body, headers: { "content-type": STRUCTURED } });
  };
  const exact = (await publish("exact", DATA)).json.events[0];
  // Travels by reference.
  const largeData = `[${"1.10, ".repeat(20_000)}12345678901234567890]`;
  expect((await publish("large", largeData)).status).toBe(202);
  await bus.settled(2);
  for (const { format, sink, secret } of consumers) {
    const [request] = await sink.waitFor(1);
    if (request === undefined) throw new Error("Nothing came");
    verify(request, secret);
    if (format === "binary") expect(textOf(request)).toBe(DATA);
    else if (format === "reference") expect(textOf(request)).not.toContain("dup");
    else expect(textOf(request)).toContain(`,"data":${DATA}}`);
  }
  const [request] = await large.sink.waitFor(1);
  expect(request && textOf(request) === largeData).toBe(true);

  const [reference] = (await consumers.find(({ format }) => format === "reference")?.sink.requests()) ?? [];
  const { url } = JSON.parse(reference === undefined ? "{}" : textOf(reference)).data;
  const fetched = await bus.ask("GET", url);
  expect(url).toBe(`/v1/events/${exact.event_id}`);
  expect(fetched.text).toContain(
    `"event":{"specversion":"1.0","id":"exact","source":"/exact","type":"exact","data":${DATA}},"deliveries":`,
  );
});

it("attributes beyond ASCII are percent-encoded in binary mode, both ways", async () => {
  const bus = await newBus();
  const binary = await bus.subscribe({ format: "binary" });
  const structured = await bus.subscribe();
  const headers = { "ce-specversion": "1.0", "ce-id": "u", "ce-source": "/u", "ce-type": "u" };
  const subject = "%C3%9C%22n%C3%AF%20100%25%F0%9F%8C%8D";
  const answer = await bus.ask("POST", "/v1/events", { headers: { ...headers, "ce-subject": subject } });
  expect(answer.status).toBe(202);
  const [asHeaders] = await binary.sink.waitFor(1);
  const [asJson] = await structured.sink.waitFor(1);
  expect(asHeaders?.headers["ce-subject"]).toBe(subject);
  expect(asJson && parsed(asJson)).toMatchObject({ subject: 'Ü"nï 100%🌍' });
});

it("a delivery carries the trace, the hops, our name and the subscription's headers, whose values stay secret", async () => {
  const bus = await newBus();
  const headers = { "X-Team": "billing", authorization: "Bearer of the consumer" };
  const consumer = await bus.subscribe({ headers });
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const sent = await bus.publish({ type: "a" }, { traceparent, tracestate: "vendor=1", "fantail-hops": "2" });
  const [request] = await consumer.sink.waitFor(1);
  if (request === undefined) throw new Error("Nothing came");
  expect(request.headers).toMatchObject({
    "x-team": "billing",
    authorization: "Bearer of the consumer",
    "user-agent": `Fantail/${VERSION}`,
    "fantail-attempt": "1",
    "fantail-hops": "3",
    "webhook-id": deliveryIdFor(sent, consumer),
    traceparent,
    tracestate: "vendor=1",
  });
  expect(Math.abs(Number(request.headers["webhook-timestamp"]) - request.at / 1_000)).toBeLessThan(5);
  expect(parsed(request)).toMatchObject({ traceparent, tracestate: "vendor=1" });
  const shown = await bus.ask("GET", `/v1/subscriptions/${consumer.id}`);
  expect(shown.json.headers).toEqual({ "x-team": "…", authorization: "…" });
  expect(shown.text).not.toContain(consumer.secret);
});

it("a replaced secret signs along with its successor", async () => {
  const bus = await newBus();
  const consumer = await bus.subscribe();
  const secret = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
  await bus.change(consumer, { secret });
  await bus.publish({ type: "a" });
  const [request] = await consumer.sink.waitFor(1);
  if (request === undefined) throw new Error("Nothing came");
  for (const valid of [secret, consumer.secret]) verify(request, valid);
  expect(() => verify(request, `whsec_${Buffer.alloc(24, 8).toString("base64")}`)).toThrow("No matching signature");
});

// The four formats: what the producer wrote arrives as written, in each of them.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { encodeBinary } from "../../src/core/cloudevents/binary.ts";
import type { AttributeValue, CloudEvent, EventData } from "../../src/core/event.ts";
import { renderDelivery } from "../../src/core/render.ts";
import type { Format } from "../../src/core/subscription.ts";

function eventOf(data: EventData, more: Record<string, AttributeValue> = {}): CloudEvent {
  const required = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };
  return { id: "A-1", source: "/shop", type: "order.created", attributes: { ...required, ...more }, data };
}

function render(format: Format, event: CloudEvent, text = "") {
  const acceptedMs = Date.UTC(2026, 10, 23, 12, 0, 0, 5);
  return renderDelivery({ format, event, text, eventId: "evt_1", acceptedMs, baseUrl: "https://events.example.com" });
}

const none: EventData = { kind: "none" };
const json = (text: string): EventData => ({ kind: "json", text });

it("structured is the canonical text, untouched", () => {
  const text = '{"id":"A-1" , "data":{"n":12345678901234567890,"p":1.10,"p":-0}}';
  expect(render("structured", eventOf(json("{}")), text)).toEqual({
    headers: [["content-type", "application/cloudevents+json"]],
    body: text,
  });
});

it("binary is what the codec makes", () => {
  const event = eventOf(json('{"n":1.10}'), { subject: "s", datacontenttype: "application/json" });
  expect(render("binary", event)).toEqual(encodeBinary(event));
});

it("standard is type, timestamp and the data as written", () => {
  for (const text of [
    "12345678901234567890",
    "1.10",
    "1e400",
    "-0",
    '{"b":1,"a":2,"a":3}',
    '"\\ud800"',
    "null",
    " [ 1 ] ",
  ]) {
    expect(render("standard", eventOf(json(text)))).toEqual({
      headers: [["content-type", "application/json"]],
      body: `{"type":"order.created","timestamp":"2026-11-23T12:00:00.005Z","data":${text}}`,
    });
  }
});

it("standard carries the event's own time as the producer wrote it", () => {
  const event = eventOf(none, { time: "2026-01-01T01:00:00.123456+01:00" });
  expect(render("standard", event).body).toContain('"timestamp":"2026-01-01T01:00:00.123456+01:00"');
});

it("standard gives text as a string, binary as data_base64 and no data as null", () => {
  const head = '{"type":"order.created","timestamp":"2026-11-23T12:00:00.005Z",';
  expect(render("standard", eventOf({ kind: "text", text: 'a"\n\u2028é' })).body).toBe(
    `${head}"data":"a\\"\\n\u2028é"}`,
  );
  expect(render("standard", eventOf({ kind: "binary", base64: "AP8=" })).body).toBe(`${head}"data_base64":"AP8="}`);
  expect(render("standard", eventOf(none)).body).toBe(`${head}"data":null}`);
});

it("reference names the event, where to fetch it, and none of its data", () => {
  const { headers, body } = render("reference", eventOf(json('"secret"'), { subject: "eu/1", other: "x" }));
  expect(headers).toEqual([["content-type", "application/json"]]);
  expect(JSON.parse(String(body))).toEqual({
    type: "order.created",
    timestamp: "2026-11-23T12:00:00.005Z",
    data: {
      event_id: "evt_1",
      id: "A-1",
      source: "/shop",
      subject: "eu/1",
      url: "https://events.example.com/v1/events/evt_1",
    },
  });
});

it("reference says null for the subject of an event without one", () => {
  expect(JSON.parse(String(render("reference", eventOf(none)).body))).toMatchObject({ data: { subject: null } });
});

it("standard and reference are JSON whatever the attributes and the data hold", () => {
  const data = fc.oneof(
    fc.json({ maxDepth: 2 }).map(json),
    fc.string({ unit: "binary" }).map((text): EventData => ({ kind: "text", text })),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), data, (type, source, payload) => {
      const event = { ...eventOf(payload), type, source };
      const [standard, reference] = [render("standard", event), render("reference", event)];
      const expected: unknown =
        payload.kind === "json" ? JSON.parse(payload.text) : payload.kind === "text" ? payload.text : null;
      const timestamp = "2026-11-23T12:00:00.005Z";
      expect(JSON.stringify(JSON.parse(String(standard.body)))).toBe(
        JSON.stringify({ type, timestamp, data: expected }),
      );
      expect(JSON.parse(String(reference.body))).toMatchObject({ type, timestamp, data: { source } });
    }),
  );
});

// Ingest by itself: what one request may make of queues and memory.
import { expect, it } from "vitest";
import { DEFAULT_BUS_SETTINGS, rulesOf, type LogLevel } from "../../src/core/bus.ts";
import type { CloudEvent } from "../../src/core/event.ts";
import {
  BATCH_EVENTS_MAX,
  EVENT_BYTES_MAX,
  PARCEL_DELIVERIES_MAX,
  REQUEST_DELIVERIES_MAX,
  REQUEST_UNRECORDED_BYTES_MAX,
  SEND_BYTES_MAX,
  UNRECORDED_BYTES_MAX,
} from "../../src/core/limits.ts";
import { utf8Bytes } from "../../src/core/utf8.ts";
import { createIngest } from "../../src/ingest.ts";
import type { Outgoing } from "../../src/ports.ts";

function ingestInto(fanOut: number, logLevel: LogLevel = "all", slow: ReadonlySet<string> = new Set()) {
  const sent: Outgoing[] = [];
  const stored: string[] = [];
  const subscriptionIds = Array.from({ length: fanOut }, (_, index) => `sub_${String(index).padStart(26, "0")}`);
  const ingest = createIngest({
    routes: {
      bus: async (bus) => ({
        bus,
        rules: rulesOf({ ...DEFAULT_BUS_SETTINGS, logLevel }, false),
        match: () => subscriptionIds,
        nearest: () => subscriptionIds,
        laneOf: (id) => (slow.has(id) ? "slow" : "fast"),
        size: 0,
      }),
      key: async () => null,
      rules: () => null,
      applied: () => {},
    },
    log: { storeBodies: async (bodies) => void stored.push(...bodies.map(({ body }) => body)) },
    lanes: { send: async (messages) => void sent.push(...messages), poison: async () => {} },
    clock: { now: () => 1_800_000_000_000, sleep: async () => {} },
    random: { bytes: (count) => new Uint8Array(count), fraction: () => 0 },
  });
  const publish = (events: readonly CloudEvent[]) =>
    ingest({ bus: "default", requestId: "req_1", hops: 0, events, background: () => {} });
  return { publish, sent, stored };
}

const event = (id: string, text = '"x"'): CloudEvent => {
  const attributes = { specversion: "1.0", id, source: "/s", type: "t" };
  return { id, source: "/s", type: "t", attributes, data: { kind: "json", text } };
};

it("a large event with the widest fan-out makes one copy of its body", async () => {
  const { publish, sent, stored } = ingestInto(REQUEST_DELIVERIES_MAX);
  // Outside Latin-1: two bytes a character in memory.
  const accepted = await publish([event("large", `"${"漢".repeat(EVENT_BYTES_MAX / 3 - 100)}"`)]);
  expect(accepted.ok).toBe(true);
  expect(stored).toHaveLength(1);
  expect(sent).toHaveLength(REQUEST_DELIVERIES_MAX / PARCEL_DELIVERIES_MAX);
  expect(Math.max(...sent.map(({ text }) => text.length))).toBeLessThan(1_000);
});

it("a request whose events match too many subscriptions in all is refused whole, with both numbers", async () => {
  const { publish, sent, stored } = ingestInto(REQUEST_DELIVERIES_MAX / 2);
  expect((await publish([event("1"), event("2")])).ok).toBe(true);
  sent.length = 0;
  stored.length = 0;
  const refused = await publish([event("1"), event("2"), event("3")]);
  expect(refused).toMatchObject({ ok: false, error: { slug: "payload-too-large" } });
  if (refused.ok) throw new Error("It was accepted");
  expect(refused.error.detail).toContain(String((REQUEST_DELIVERIES_MAX / 2) * 3));
  expect(refused.error.detail).toContain(String(REQUEST_DELIVERIES_MAX));
  expect([...sent, ...stored]).toEqual([]);
});

it("an event that matches nothing travels where everything is recorded, and only there", async () => {
  for (const [logLevel, messages] of [
    ["all", 1],
    ["failures", 0],
  ] as const) {
    const { publish, sent, stored } = ingestInto(0, logLevel);
    expect(await publish([event("1")])).toMatchObject({ ok: true, value: [{ matched: 0 }] });
    expect([sent.length, stored.length]).toEqual([messages, 0]);
  }
});

it("what the events of one request send inline, however many these are, is bounded in all", async () => {
  const { publish, sent, stored } = ingestInto(1_000, "failures");
  const events = Array.from({ length: BATCH_EVENTS_MAX }, (_, index) => event(`${index}`, `"漢${"x".repeat(4_000)}"`));
  expect((await publish(events)).ok).toBe(true);
  expect(sent.reduce((sum, { text }) => sum + utf8Bytes(text), 0)).toBeLessThan(REQUEST_UNRECORDED_BYTES_MAX);
  expect(stored).toHaveLength(BATCH_EVENTS_MAX);
  // One alone goes inline all the same: its share is larger.
  sent.length = 0;
  stored.length = 0;
  expect((await publish(events.slice(0, 1))).ok).toBe(true);
  expect([sent.length, stored.length]).toEqual([1_000 / PARCEL_DELIVERIES_MAX, 0]);
});

it.each([
  ["all", SEND_BYTES_MAX],
  ["failures", UNRECORDED_BYTES_MAX],
] as const)(
  "on a bus that records %s an event travels inline as long as its messages have %i bytes",
  async (logLevel, max) => {
    const parcels = 20;
    const total = (sent: readonly Outgoing[]) => sent.reduce((sum, { text }) => sum + text.length + 100, 0);
    const publish = async (dataChars: number) => {
      const { publish: send, sent, stored } = ingestInto(parcels * PARCEL_DELIVERIES_MAX, logLevel);
      await send([event("e", `"${"x".repeat(dataChars)}"`)]);
      return { bytes: total(sent), isInline: stored.length === 0 };
    };
    const { bytes } = await publish(1_000);
    const room = Math.floor((max - bytes) / parcels);
    // The event's size is told in each message: with a digit more.
    const most = await publish(1_000 + room - 1);
    expect([most.isInline, most.bytes <= max, most.bytes > max - 2 * parcels]).toEqual([true, true, true]);
    expect((await publish(1_000 + room + 1)).isInline).toBe(false);
  },
);

// Ingest by itself: what one request may make of queues and memory.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { DEFAULT_BUS_SETTINGS, rulesOf, type LogLevel } from "../../src/core/bus.ts";
import type { CloudEvent } from "../../src/core/event.ts";
import { shardOf } from "../../src/core/ids.ts";
import {
  BATCH_EVENTS_MAX,
  EVENT_BYTES_MAX,
  PARCEL_DELIVERIES_MAX,
  REQUEST_DELIVERIES_MAX,
  REQUEST_UNRECORDED_BYTES_MAX,
  SEND_BYTES_MAX,
  SEND_MESSAGES_MAX,
  UNRECORDED_BYTES_MAX,
} from "../../src/core/limits.ts";
import { decodeParcel, type EventParcel } from "../../src/core/parcel.ts";
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
  return { publish, sent, stored, subscriptionIds };
}

/** The event parcels that were sent, and where to. */
const parcelsIn = (sent: readonly Outgoing[]): (Outgoing & { readonly parcel: EventParcel })[] =>
  sent.map((message) => {
    const decoded = decodeParcel(message.text);
    if (!decoded.ok || decoded.value.kind !== "event") throw new Error("It is no event parcel");
    return { ...message, parcel: decoded.value };
  });

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

it("each slow sink has its delivery in a message of its own, on lane slow; the others share theirs as ever", async () => {
  const fanOut = fc.integer({ min: 0, max: 35 });
  const world = fanOut.chain((count) =>
    fc.tuple(fc.array(fc.boolean(), { minLength: count, maxLength: count }), fc.constantFrom("all", "failures")),
  );
  await fc.assert(
    fc.asyncProperty(world, fc.string({ minLength: 1, unit: "binary" }), async ([slowness, logLevel], id) => {
      const name = (index: number): string => `sub_${String(index).padStart(26, "0")}`;
      const slow = new Set(slowness.flatMap((isSlow, index) => (isSlow ? [name(index)] : [])));
      const { publish, sent, subscriptionIds } = ingestInto(slowness.length, logLevel, slow);
      const accepted = await publish([event(id)]);
      if (!accepted.ok) throw new Error("It was refused");
      expect(accepted.value).toMatchObject([{ matched: slowness.length, subscriptionIds }]);
      const eventId = accepted.value[0]?.eventId ?? "";
      const parcels = parcelsIn(sent);

      const [onFast, onSlow] = [
        parcels.filter(({ lane }) => lane === "fast"),
        parcels.filter(({ lane }) => lane === "slow"),
      ];
      expect(onSlow.map(({ parcel }) => parcel.subscriptionIds)).toEqual([...slow].map((one) => [one]));
      for (const { shard, parcel } of onSlow) expect(shard).toBe(shardOf(parcel.subscriptionIds[0] ?? ""));
      for (const { shard } of onFast) expect(shard).toBe(shardOf(eventId));
      expect(onFast.flatMap(({ parcel }) => parcel.subscriptionIds)).toEqual(
        subscriptionIds.filter((one) => !slow.has(one)),
      );
      const rooms = onFast.map(({ parcel }) => parcel.subscriptionIds.length);
      expect(rooms.slice(0, -1).every((count) => count === PARCEL_DELIVERIES_MAX)).toBe(true);
      expect(Math.max(0, ...rooms)).toBeLessThanOrEqual(PARCEL_DELIVERIES_MAX);

      // The first part stands for the publish where publishes are counted: there is one, whichever lane it is on.
      expect(parcels.map(({ parcel }) => parcel.part)).toEqual(parcels.map((_, index) => index));
      expect(parcels.every(({ parcel }) => parcel.matched === slowness.length)).toBe(true);
      const isNothing = slowness.length === 0 && logLevel === "failures";
      expect(parcels.length > 0).toBe(!isNothing);
    }),
    { numRuns: 60 },
  );
});

it.each(["all", "failures"] as const)(
  "at level %s the messages of slow sinks count for whether the body goes along",
  async (logLevel) => {
    const send = async (fanOut: number, chars: number, slowCount: number) => {
      const ids = Array.from({ length: fanOut }, (_, index) => `sub_${String(index).padStart(26, "0")}`);
      const { publish, sent, stored } = ingestInto(fanOut, logLevel, new Set(ids.slice(0, slowCount)));
      expect((await publish([event("e", `"${"x".repeat(chars)}"`)])).ok).toBe(true);
      const inline = parcelsIn(sent).map(({ parcel }) => parcel.body !== null);
      expect(new Set(inline).size).toBe(1);
      expect(stored).toHaveLength(inline[0] === true ? 0 : 1);
      return { isInline: inline[0] === true, messages: sent.length };
    };
    const share = Math.floor((logLevel === "all" ? SEND_BYTES_MAX : UNRECORDED_BYTES_MAX) / 20);
    // Twenty deliveries are two messages while all sinks are fast, and twenty when all are slow.
    expect(await send(20, share, 0)).toEqual({ isInline: true, messages: 2 });
    expect(await send(20, share - 1_000, 20)).toEqual({ isInline: true, messages: 20 });
    expect(await send(20, share, 20)).toEqual({ isInline: false, messages: 20 });
    const most = SEND_MESSAGES_MAX;
    expect(await send(most, 10, most)).toEqual({ isInline: true, messages: most });
    expect(await send(most + 1, 10, most + 1)).toEqual({ isInline: logLevel === "failures", messages: most + 1 });
  },
);

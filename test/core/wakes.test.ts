// Wake-ups as messages: none lost, none early, never delayed for longer than a queue can.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { shardOf } from "../../src/core/ids.ts";
import { PARCEL_DELIVERIES_MAX, RETRY_DELAY_SECONDS_MAX, SHARDS } from "../../src/core/limits.ts";
import { decodeParcel } from "../../src/core/parcel.ts";
import { resumeMessage, type Wake, wakeMessages } from "../../src/core/wakes.ts";

const NOW = 1_700_000_000_000;
const wake: fc.Arbitrary<Wake> = fc.record({
  key: fc.record({
    bus: fc.constant("b"),
    seq: fc.constantFrom("s1", "s2", "s3"),
    subscriptionId: fc.constantFrom("x", "y"),
    run: fc.string(),
  }),
  dueMs: fc.integer({ min: NOW - 1_000_000, max: NOW + 100_000_000 }),
  slow: fc.boolean(),
});

it("wakeMessages() carries each key once, on its lane, not before it is due", () => {
  fc.assert(
    fc.property(fc.array(wake, { maxLength: 60 }), (wakes) => {
      const messages = wakeMessages(wakes, NOW);
      const carried = messages.flatMap((message) => {
        const parcel = decodeParcel(message.text);
        if (!parcel.ok || parcel.value.kind !== "wake") throw new Error("It is no wake parcel");
        const { keys } = parcel.value;
        expect(keys.length).toBeLessThanOrEqual(PARCEL_DELIVERIES_MAX);
        if (message.lane === "slow") expect(new Set(keys.map(({ subscriptionId }) => subscriptionId)).size).toBe(1);
        return keys.map((key) => ({ key, lane: message.lane, delaySeconds: message.delaySeconds }));
      });
      const wanted = wakes.map(({ key, dueMs, slow }) => ({
        key,
        lane: slow ? "slow" : "fast",
        delaySeconds: Math.min(RETRY_DELAY_SECONDS_MAX, Math.max(0, Math.ceil((dueMs - NOW) / 1000))),
      }));
      const sorted = (list: readonly unknown[]): string[] => list.map((one) => JSON.stringify(one)).toSorted();
      expect(sorted(carried)).toEqual(sorted(wanted));
    }),
  );
});

it("wakeMessages() shares a message between up to ten keys of one delay and shard", () => {
  const wakes = Array.from({ length: 11 }, (_, index) => ({
    key: { bus: "b", seq: "s", subscriptionId: `x${index}`, run: "" },
    dueMs: NOW,
    slow: false,
  }));
  expect(wakeMessages(wakes, NOW)).toHaveLength(2);
  expect(
    wakeMessages(
      wakes.map((one) => ({ ...one, slow: true })),
      NOW,
    ),
  ).toHaveLength(11);
});

it("resumeMessage() goes to lane slow on the subscription's shard, not before its time, at the latest after 24 h", () => {
  const resume = fc.record({
    bus: fc.constant("b"),
    subscriptionId: fc.string(),
    atMs: fc.integer({ min: NOW - 1_000_000, max: NOW + 100_000_000 }),
    limit: fc.nat(),
  });
  fc.assert(
    fc.property(resume, (one) => {
      const message = resumeMessage(one, NOW);
      expect(message).toMatchObject({ lane: "slow", shard: shardOf(one.subscriptionId) % SHARDS });
      expect(message.delaySeconds).toBe(
        Math.min(RETRY_DELAY_SECONDS_MAX, Math.max(0, Math.ceil((one.atMs - NOW) / 1_000))),
      );
      const { atMs: _, ...sent } = one;
      expect(decodeParcel(message.text)).toEqual({ ok: true, value: { kind: "resume", ...sent } });
    }),
  );
});

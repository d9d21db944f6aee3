// Identifiers: derived ids are stable and keep their cases apart, ordered ids sort by time.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import {
  deliveryIdOf,
  eventIdOf,
  isBusName,
  isEventId,
  parseDeliveryId,
  timeOrderedFloor,
  timeOrderedId,
} from "../../src/core/ids.ts";

const random = new Uint8Array(10).fill(255);

it("timeOrderedId() sorts by time and has 26 characters", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 46), fc.nat(2 ** 46), (a, b) => {
      const [x, y] = [timeOrderedId(a, random), timeOrderedId(b, random)];
      expect(x).toHaveLength(26);
      expect(Math.sign(a - b)).toBe(x < y ? -1 : x > y ? 1 : 0);
      expect(timeOrderedFloor(a) <= x).toBe(true);
    }),
  );
});

it("eventIdOf() keeps bus, source and id apart and is the same each time", async () => {
  const id = await eventIdOf("default", "/shop", "A-1");
  expect(isEventId(id)).toBe(true);
  expect(await eventIdOf("default", "/shop", "A-1")).toBe(id);
  for (const [bus, source, other] of [
    ["default", "/shopA", "-1"],
    ["other", "/shop", "A-1"],
    ["default/shop", "", "A-1"],
    ["default", "/shop", "A-2"],
  ] as const) {
    expect(await eventIdOf(bus, source, other)).not.toBe(id);
  }
});

it("parseDeliveryId() undoes deliveryIdOf() and refuses what is none", async () => {
  const event = await eventIdOf("b", "/s", "1");
  const subscription = `sub_${timeOrderedId(1, random)}`;
  const job = `job_${timeOrderedId(2, random)}`;
  for (const run of ["", job]) {
    expect(parseDeliveryId(deliveryIdOf(event, subscription, run))).toEqual({
      eventId: event,
      subscriptionId: subscription,
      run,
    });
  }
  for (const text of [
    "",
    "dlv_",
    `dlv_${event.slice(4)}`,
    `${deliveryIdOf(event, subscription, "")}0`,
    "dlv_DROP TABLE",
  ]) {
    expect(parseDeliveryId(text)).toBeNull();
  }
});

it("isBusName() takes 1-32 of a-z, 0-9 and hyphen", () => {
  for (const name of ["a", "default", "a-1", "x".repeat(32)]) expect(isBusName(name)).toBe(true);
  for (const name of ["", "A", "a_b", "a.b", "x".repeat(33), "a\n"]) expect(isBusName(name)).toBe(false);
});

// The header `webhook-delivery`: three forms, and nothing that is like them.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { DEFER_SECONDS_MAX } from "../../src/core/limits.ts";
import { parseSteering } from "../../src/core/steering.ts";

it("parseSteering() reads the three forms, in any case and with space around them", () => {
  for (const kind of ["disable", "abort"] as const)
    for (const value of [kind, kind.toUpperCase(), ` ${kind}\t`]) expect(parseSteering(value)).toEqual({ kind });
  expect(parseSteering("defer=1")).toEqual({ kind: "defer", seconds: 1 });
  expect(parseSteering(" Defer=0090 ")).toEqual({ kind: "defer", seconds: 90 });
  expect(parseSteering(`defer=${DEFER_SECONDS_MAX}`)).toEqual({ kind: "defer", seconds: DEFER_SECONDS_MAX });
});

it("parseSteering() tells a header that says nothing from none", () => {
  expect(parseSteering(null)).toBeNull();
  expect(parseSteering("")).toBe("ignored");
});

it.each([
  "defer=0",
  "defer=00",
  `defer=${DEFER_SECONDS_MAX + 1}`,
  "defer=9999999999",
  "defer=00000000001",
  "defer=-1",
  "defer=+1",
  "defer=1.5",
  "defer=1e3",
  "defer=0x10",
  "defer=٣",
  "defer=1s",
  "defer= 1",
  "defer =1",
  "defer",
  "defer=",
  "defer=1, abort",
  "abort, disable",
  "abort;",
  '"abort"',
  "aborted",
  "disabled",
  "stop",
  "abort\0",
  "dısable",
])("parseSteering() ignores %j", (value) => {
  expect(parseSteering(value)).toBe("ignored");
});

it("parseSteering() never throws, and defers by 1 to DEFER_SECONDS_MAX seconds only", () => {
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.integer({ min: -10, max: 2 * DEFER_SECONDS_MAX }).map((seconds) => `defer=${seconds}`),
  );
  fc.assert(
    fc.property(value, (text) => {
      const steering = parseSteering(text);
      if (steering === null || steering === "ignored" || steering.kind !== "defer") return;
      expect(Number.isInteger(steering.seconds)).toBe(true);
      expect(steering.seconds).toBeGreaterThanOrEqual(1);
      expect(steering.seconds).toBeLessThanOrEqual(DEFER_SECONDS_MAX);
    }),
  );
});

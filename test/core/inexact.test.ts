// Numbers that no double keeps.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { inexactNumbers, isKept } from "../../src/core/inexact.ts";

it.each([
  "0",
  "-0",
  "0.0",
  "0e5",
  "1",
  "300",
  "300.0",
  "3.0e2",
  "3E+2",
  "0.1",
  "1e-7",
  "1e21",
  "1.5e300",
  "5e-324",
  "9007199254740992",
  "12345678901234567000",
  "123456789.123456",
])("takes %s for what it is", (source) => {
  expect(isKept(source, Number(source))).toBe(true);
});

it.each([
  "9007199254740993",
  "12345678901234567890",
  "0.1000000000000000055511151231257827",
  "1e309",
  "-1e309",
  "1e-325",
  "2.0e422",
  "123456789012345678901.5",
])("does not take %s for the double it becomes", (source) => {
  expect(isKept(source, Number(source))).toBe(false);
});

it("takes every double as it is written by the engine", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(isKept(String(value), value)).toBe(true);
      expect(isKept(value.toExponential(), value)).toBe(true);
    }),
  );
});

it("points to them, wherever they are", () => {
  const text = '{"a": [1, 9007199254740993, {"b/c": -1e400}], "d": "9007199254740993", "e": 1e2, "f": 0.1}';
  expect([...inexactNumbers(text)]).toEqual(["/a/1", "/a/2/b~1c"]);
  expect(inexactNumbers('{"a": 12}').size).toBe(0);
  expect([...inexactNumbers("1e999")]).toEqual([""]);
});

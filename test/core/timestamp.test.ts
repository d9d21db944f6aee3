// Times of RFC 3339: which texts are some, and when they are.
import fc from "fast-check";
import { expect, it } from "vitest";
import { parseTimestamp } from "../../src/core/timestamp.ts";

const YEAR_0 = Date.parse("0000-01-01T00:00:00Z");
const YEAR_10000 = Date.parse("+010000-01-01T00:00:00Z");

it("parseTimestamp() reads what Date writes, in any offset", () => {
  const offset = fc.integer({ min: -1_439, max: 1_439 });
  fc.assert(
    fc.property(fc.integer({ min: YEAR_0 + 86_400_000, max: YEAR_10000 - 86_400_001 }), offset, (ms, minutes) => {
      const local = new Date(ms + minutes * 60_000).toISOString().slice(0, -1);
      const [hour, minute] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
      const zone = `${minutes < 0 ? "-" : "+"}${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
      expect(parseTimestamp(`${local}${zone}`)).toBe(ms);
      expect(parseTimestamp(new Date(ms).toISOString().toLowerCase())).toBe(ms);
    }),
  );
});

it.each([
  ["1970-01-01t00:00:00z", 0],
  ["1970-01-01T00:00:00-00:00", 0],
  ["0001-01-01T00:00:00Z", Date.parse("0001-01-01T00:00:00Z")],
  ["2024-02-29T00:00:00.1Z", Date.UTC(2024, 1, 29) + 100],
  ["1969-12-31T23:59:59.9999999Z", -1],
  ["2016-12-31T23:59:60Z", Date.UTC(2017, 0, 1)],
  ["2016-12-31T23:59:60.5Z", Date.UTC(2017, 0, 1) + 500],
  ["2017-01-01T05:29:60+05:30", Date.UTC(2017, 0, 1)],
  ["2016-12-31T15:59:60-08:00", Date.UTC(2017, 0, 1)],
])("parseTimestamp() reads %s", (text, ms) => {
  expect(parseTimestamp(text)).toBe(ms);
});

it.each([
  "",
  "now",
  "2026-01-31",
  "2026-01-31T12:00Z",
  "2026-01-31T12:00:00",
  "2026-01-31 12:00:00Z",
  "2026-01-31T12:00:00,5Z",
  "2026-01-31T12:00:00.Z",
  "2026-01-31T24:00:00Z",
  "2026-01-31T12:60:00Z",
  "2026-01-31T12:00:61Z",
  "2026-01-31T12:00:60Z",
  "2016-12-31T23:59:60+01:00",
  "2026-02-29T12:00:00Z",
  "2026-00-10T12:00:00Z",
  "2026-13-10T12:00:00Z",
  "2026-04-31T12:00:00Z",
  "2026-01-00T12:00:00Z",
  "2026-01-32T12:00:00Z",
  "2026-01-31T12:00:00+24:00",
  "2026-01-31T12:00:00+01:60",
  "2026-01-31T12:00:00+0100",
  "+02026-01-31T12:00:00Z",
  " 2026-01-31T12:00:00Z",
  "2026-01-31T12:00:00Z\n",
  "२०२६-01-31T12:00:00Z",
])("parseTimestamp() takes no %j", (text) => {
  expect(parseTimestamp(text)).toBeNull();
});

// An event as it is typed: what it becomes, and the line when it is none.
import { expect, test } from "vitest";
import { mistakesOf, readEvent } from "../../src/dashboard/pages/events/event-text.ts";

const GIVEN = { bus: "eu", freshId: "fresh", now: Date.UTC(2026, 10, 26) };

test("the short form is made complete", () => {
  expect(readEvent('{"type": "a.b", "data": {"n": 1.5}}', GIVEN)).toEqual({
    ok: true,
    value: {
      specversion: "1.0",
      id: "fresh",
      source: "/buses/eu",
      type: "a.b",
      time: "2026-11-26T00:00:00.000Z",
      datacontenttype: "application/json",
      data: { n: 1.5 },
    },
  });
});

test.each([
  ['{"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data_base64": "AQI="}', { data_base64: "AQI=" }],
  ['{"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "tenant": "acme"}', { tenant: "acme" }],
])("an event in full stays what it is: %s", (text, members) => {
  expect(readEvent(text, GIVEN)).toMatchObject({ ok: true, value: { id: "1", source: "/s", type: "t", ...members } });
});

test.each([
  ["{", "The body is not valid JSON at line 1, column 2"],
  ["[]", "content-type must be application/cloudevents-batch+json for an array of events"],
  ['{"data": 1}', "type is required"],
  ['{"type": "a", "n": 12345678901234567890}', "n is not known in the short form"],
  ['{"type": "a", "data": 12345678901234567890}', "A browser cannot hold the number 12345678901234567890 exactly"],
  ['{"type": "a", "data": 0.1234567890123456789}', "A browser cannot hold the number 0.1234567890123456789 exactly"],
])("%s is refused in one line", (text, line) => {
  const read = readEvent(text, GIVEN);
  expect(read.ok ? "" : read.error).toContain(line);
  expect(read.ok ? "" : read.error).not.toContain("\n");
});

test("digits in a text are no number, and a number that is held exactly is none to refuse", () => {
  expect(mistakesOf('{"type": "a", "data": ["12345678901234567890", 9007199254740991, 1e3, 0.1]}', GIVEN)).toEqual([]);
});

test("a number that would be rounded is marked where it stands", () => {
  const text = '{"type": "a", "data": 12345678901234567890}';
  const [mistake] = mistakesOf(text, GIVEN);
  expect(text.slice(mistake?.from, mistake?.to)).toBe("12345678901234567890");
  expect(mistakesOf('{"data": 12345678901234567890}', GIVEN)).toEqual([{ message: "type is required" }]);
});

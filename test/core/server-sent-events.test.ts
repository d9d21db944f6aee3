// Server-sent events: what is written is read, however it is cut; and what the standard says of what others write (HTML Living Standard §9.2.6).
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serverSentEvents, writeServerSentEvent, type ServerSentEvent } from "../../src/core/server-sent-events.ts";

const readAll = (...pieces: readonly string[]): readonly ServerSentEvent[] => {
  const events = serverSentEvents();
  return pieces.flatMap((piece) => events.read(piece));
};

describe("reading", () => {
  it.each<[string, string, readonly ServerSentEvent[]]>([
    [
      "several lines are one text",
      "data: YHOO\ndata: +2\ndata: 10\n\n",
      [{ event: "message", id: "", data: "YHOO\n+2\n10" }],
    ],
    [
      "comments are nothing, ids stay until there is another, an empty one resets it",
      ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
      [
        { event: "message", id: "1", data: "first event" },
        { event: "message", id: "", data: "second event" },
        { event: "message", id: "", data: " third event" },
      ],
    ],
    [
      "a field without a colon is an empty one, and what has no end is nothing",
      "data\n\ndata\ndata\n\ndata:",
      [
        { event: "message", id: "", data: "" },
        { event: "message", id: "", data: "\n" },
      ],
    ],
    [
      "one space behind the colon is none",
      "data:test\n\ndata: test\n\n",
      [
        { event: "message", id: "", data: "test" },
        { event: "message", id: "", data: "test" },
      ],
    ],
    ["all three ends of lines", "event: a\r\ndata: 1\rdata: 2\n\r\n", [{ event: "a", id: "", data: "1\n2" }]],
    ["a type without data is no event", "event: a\n\ndata: 1\n\n", [{ event: "message", id: "", data: "1" }]],
    [
      "an id with NUL is none",
      "id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n",
      [
        { event: "message", id: "1", data: "a" },
        { event: "message", id: "1", data: "b" },
      ],
    ],
    ["a byte order mark in front", "\uFEFFdata: 1\n\n", [{ event: "message", id: "", data: "1" }]],
    ["and nowhere else", "\uFEFF\uFEFFdata: 1\n\ndata: 2\n\n", [{ event: "message", id: "", data: "2" }]],
    ["unknown fields", "retry: 10\nfoo: bar\ndata: 1\n\n", [{ event: "message", id: "", data: "1" }]],
  ])("%s", (_, text, expected) => {
    expect(readAll(text)).toEqual(expected);
    expect(readAll(...Array.from(text))).toEqual(expected);
  });

  it("tells how much it holds of what is not whole", () => {
    const events = serverSentEvents();
    events.read("data: 12345\ndata: 678");
    expect(events.unread()).toBe("12345".length + "data: 678".length);
    events.read("\n\n");
    expect(events.unread()).toBe(0);
  });
});

it("what is written is read, wherever it is cut", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "é", ":", " ", "0") });
  const event = fc.record({
    event: word.map((text) => `e${text}`),
    id: word,
    data: fc.string({ unit: fc.constantFrom("a", ":", " ", "\n", "{", "😀") }),
  });
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 4 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
      (events, sizes) => {
        let text = events.map((one) => `:\n\n${writeServerSentEvent(one)}`).join("");
        const pieces: string[] = [];
        while (text !== "") {
          const size = sizes.next().value ?? 1;
          pieces.push(text.slice(0, size));
          text = text.slice(size);
        }
        expect(readAll(...pieces)).toEqual(events);
      },
    ),
  );
});

it("a retry is said before the event, and ends of lines become one kind", () => {
  expect(writeServerSentEvent({ event: "a", id: "1", data: "x\r\ny\rz", retryMs: 5 })).toBe(
    "retry: 5\nevent: a\nid: 1\ndata: x\ndata: y\ndata: z\n\n",
  );
});

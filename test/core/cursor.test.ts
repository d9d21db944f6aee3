// Cursors: what was encoded comes back, and nothing else is taken for a cursor.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { decodeCursor, encodeCursor, type CursorKind } from "../../src/core/cursor.ts";
import { CURSOR_CHARS_MAX } from "../../src/core/limits.ts";

const kinds = ["events", "deliveries", "subscriptions", "keys"] as const satisfies readonly CursorKind[];
const base64url = (text: string) => Buffer.from(text).toString("base64url");
const slugOf = (text: string) => {
  const decoded = decodeCursor("events", text);
  return decoded.ok ? null : decoded.error.slug;
};

it("decodeCursor() gives back what encodeCursor() took, in characters of a URL", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.array(fc.string({ unit: "binary", maxLength: 10 }), { maxLength: 5 }),
      (kind, parts) => {
        const cursor = encodeCursor(kind, parts);
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(decodeCursor(kind, cursor)).toEqual({ ok: true, value: parts });
      },
    ),
  );
});

it("decodeCursor() refuses a cursor of another list", () => {
  for (const kind of kinds) {
    for (const other of kinds.filter((one) => one !== kind)) {
      expect(decodeCursor(other, encodeCursor(kind, ["a"])).ok).toBe(false);
    }
  }
});

it("decodeCursor() refuses other versions, shapes, encodings and lengths", () => {
  for (const text of ["", "=", "a", "AAAA", "é", "a b", "..", "__proto__", encodeCursor("events", ["a"]) + "="]) {
    expect(slugOf(text), text).toBe("invalid-parameter");
  }
  for (const json of [
    "",
    "[]",
    "{}",
    "null",
    '["events"]',
    '[2,"events","a"]',
    '["1","events","a"]',
    '[1,"events",1]',
    '[1,"events",["a"]]',
    '[1,"events"',
  ]) {
    expect(slugOf(base64url(json)), json).toBe("invalid-parameter");
  }
  expect(slugOf(Buffer.from([0xff, 0xfe]).toString("base64url"))).toBe("invalid-parameter");
  // [1,"events",""] has 15 bytes; three bytes make four characters.
  const fitting = encodeCursor("events", ["a".repeat((CURSOR_CHARS_MAX / 4) * 3 - 15)]);
  expect(fitting).toHaveLength(CURSOR_CHARS_MAX);
  expect(slugOf(fitting)).toBe(null);
  expect(slugOf(encodeCursor("events", ["a".repeat((CURSOR_CHARS_MAX / 4) * 3 - 14)]))).toBe("invalid-parameter");
});

it("decodeCursor() never throws", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof decodeCursor("keys", text).ok === "boolean"));
  fc.assert(fc.property(fc.json(), (json) => !decodeCursor("keys", base64url(json)).ok));
});

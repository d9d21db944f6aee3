// Media types: what is one, and what it says of its data.
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  isJsonContentType,
  isText,
  isUtf8,
  parseMediaType,
  withUtf8Charset,
} from "../../../src/core/cloudevents/media-type.ts";

it.each([
  ["application/json", { type: "application", subtype: "json", charset: null }],
  ["Text/HTML; Charset=UTF-8", { type: "text", subtype: "html", charset: "utf-8" }],
  ['text/plain;a="x;charset=y"; charset="I\\SO-8859-1"', { type: "text", subtype: "plain", charset: "iso-8859-1" }],
  ["text/plain; charset=a; charset=b", { type: "text", subtype: "plain", charset: "a" }],
  ["a/b;;", { type: "a", subtype: "b", charset: null }],
])("parseMediaType() reads %s", (text, expected) => {
  expect(parseMediaType(text)).toEqual(expected);
});

it.each([
  "",
  "json",
  "a/",
  "/b",
  "a/b/c",
  "a b/c",
  "a/b c",
  "a/b;c",
  "a/b;c=",
  'a/b;c="',
  "a/b;=c",
  "a/b, c/d",
  'a/b;c="€"',
  'a/b;c="é"',
  'a/b;c="\\€"',
  'a/b;c="\n"',
  'a/b;charset="\u0000"',
  " a/b",
  "a/b ",
  "ä/b",
])("parseMediaType() takes no %j", (text) => {
  expect(parseMediaType(text)).toBeNull();
  expect(isJsonContentType(text)).toBe(false);
});

it.each(["application/json", "text/json; a=b", "application/vnd.x+json", "APPLICATION/LD+JSON", "image/json"])(
  "isJsonContentType() is true for %s",
  (text) => {
    expect(isJsonContentType(text)).toBe(true);
  },
);

it.each([
  "text/plain",
  "application/json-seq",
  "application/jsonl",
  "json/x",
  "application/x-json",
  'text/plain; a="b/json"',
])("isJsonContentType() is false for %s", (text) => {
  expect(isJsonContentType(text)).toBe(false);
});

it("isText() and isUtf8() know what is text in UTF-8", () => {
  const verdict = (text: string) => {
    const mediaType = parseMediaType(text);
    return mediaType === null ? null : [isText(mediaType), isUtf8(mediaType)];
  };
  expect(verdict("text/csv")).toEqual([true, true]);
  expect(verdict("image/svg+xml; charset=us-ascii")).toEqual([true, true]);
  expect(verdict("application/xml; charset=utf-16")).toEqual([true, false]);
  expect(verdict("application/octet-stream")).toEqual([false, true]);
  expect(verdict("model/xml")).toEqual([false, true]);
});

it("withUtf8Charset() changes the charset and nothing else", () => {
  expect(withUtf8Charset("text/plain;CHARSET=latin1;x=1")).toBe("text/plain; charset=utf-8;x=1");
  expect(withUtf8Charset('text/plain; x="; charset=latin1"')).toBe('text/plain; x="; charset=latin1"');
});

it("parseMediaType() takes long hostile texts in its stride", () => {
  for (const part of [";", "; ", ' ; a="', ";a=b", "\\", '"'])
    expect(() => parseMediaType(`text/plain${part.repeat(100_000)}`)).not.toThrow();
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from('a/; ="\\charset')) }), (text) => {
      const mediaType = parseMediaType(`text/plain${text}`);
      expect(mediaType === null || mediaType.type === "text").toBe(true);
    }),
  );
});

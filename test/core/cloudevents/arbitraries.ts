/** Generators: JSON texts in odd spellings, and events that hold the invariants of their words. */
import fc from "fast-check";
import { isJsonContentType } from "../../../src/core/cloudevents/media-type.ts";
import type { AttributeValue, CloudEvent, EventData } from "../../../src/core/event.ts";
import vectors from "../../vectors/cloudevents-data.json" with { type: "json" };

const space = fc.constantFrom("", "", "", " ", "\n", "\t\r\n");
const oddNumber = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.bigInt({ min: 0n, max: 10n ** 25n }),
    fc.constantFrom("", ".10", ".0", "e400", "E-7", ".5e+3"),
  )
  .map((parts) => parts.join(""));
const oddString = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\\u0061",
        "\\/",
        "\\ud800",
        "\\\\",
        '\\"',
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\\n",
        "\u2028",
        "data",
      ),
      fc.string({ unit: "grapheme", maxLength: 3 }).map((text) => JSON.stringify(text).slice(1, -1)),
    ),
    { maxLength: 4 },
  )
  .map((parts) => `"${parts.join("")}"`);

/** JSON in spellings that JSON.stringify would never choose, under JSON_DEPTH_MAX levels. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc
    .tuple(
      space,
      fc.oneof(
        { maxDepth: 4 },
        fc.oneof(oddNumber, oddString, fc.constantFrom(...vectors.texts)),
        fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
        fc
          .array(fc.tuple(oddString, tie("value")), { maxLength: 3 })
          .map((members) => `{${members.map(([name, value]) => `${name} :${value}`).join(",")}}`),
      ),
      space,
    )
    .map((parts) => parts.join("")),
})).value;

const FORBIDDEN = /[\p{Cc}\p{Cs}\p{NChar}]/u;
const plainText = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.string({ unit: fc.constantFrom(...Array.from(' "%\\,é€😀:{}')), maxLength: 8 }),
  )
  .filter((text) => !FORBIDDEN.test(text));
const filledText = plainText.filter((text) => text !== "");
const wellFormed = fc.string({ unit: "binary", maxLength: 20 });

const extensionName = fc
  .string({ unit: fc.constantFrom(...Array.from("abcxyz019")), minLength: 1, maxLength: 20 })
  .map((name) => (name === "data" || name === "id" ? "other" : name));
const extensionValue: fc.Arbitrary<AttributeValue> = fc.oneof(
  plainText,
  fc.boolean(),
  fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }),
);

const base64 = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("base64"));
const none: EventData = { kind: "none" };

function dataFor(contentType: string | null): fc.Arbitrary<EventData> {
  const json = jsonText.map((text): EventData => ({ kind: "json", text: text.trim() }));
  const text = wellFormed.map((content): EventData => ({ kind: "text", text: content }));
  const binary = base64.map((content): EventData => ({ kind: "binary", base64: content }));
  return contentType === null || isJsonContentType(contentType)
    ? fc.oneof(fc.constant(none), json, binary)
    : fc.oneof(fc.constant(none), text, binary);
}

const contentTypes = [
  null,
  "application/json",
  "application/vnd.x+json; charset=utf-8",
  "text/plain",
  "application/xml",
  "image/png",
];

/** Any event that the decoders may give, text under a content type of text included. */
export const cloudEvent: fc.Arbitrary<CloudEvent> = fc
  .constantFrom(...contentTypes)
  .chain((contentType) =>
    fc.record({
      contentType: fc.constant(contentType),
      id: filledText,
      source: fc.webUrl(),
      type: filledText,
      subject: fc.option(filledText),
      time: fc.constantFrom(null, "2026-01-31T12:00:00.000Z"),
      extensions: fc.dictionary(fc.oneof(extensionName, fc.constant("constructor")), extensionValue, { maxKeys: 4 }),
      data: dataFor(contentType),
    }),
  )
  .map(({ contentType, id, source, type, subject, time, extensions, data }) => {
    const optional = { subject, time, datacontenttype: contentType };
    const attributes: Record<string, AttributeValue> = { specversion: "1.0", id, source, type };
    for (const [name, value] of Object.entries(optional)) if (value !== null) attributes[name] = value;
    return { id, source, type, attributes: { ...attributes, ...extensions }, data };
  });

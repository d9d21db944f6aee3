// Writing events: what was read comes out again, as canonical text and in binary mode.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeBinary } from "../../../src/core/cloudevents/binary.ts";
import { decodeHeaderValue, encodeHeaderValue } from "../../../src/core/cloudevents/header-value.ts";
import { decodeEvent, encodeEvent } from "../../../src/core/cloudevents/json.ts";
import { decodeRequest } from "../../../src/core/cloudevents/request.ts";
import { canonicalString, type CloudEvent, type EventData } from "../../../src/core/event.ts";
import dataVectors from "../../vectors/cloudevents-data.json" with { type: "json" };
import { cloudEvent, jsonText } from "./arbitraries.ts";

const encoder = new TextEncoder();
const CONTEXT = { id: "1", source: "/s", type: "t" };
const event = (data: EventData, attributes: CloudEvent["attributes"] = {}): CloudEvent => ({
  ...CONTEXT,
  attributes: { specversion: "1.0", ...CONTEXT, ...attributes },
  data,
});

function received(request: { contentType: string | null; headers?: Headers; body: Uint8Array }): CloudEvent {
  const decoded = decodeRequest({
    headers: new Headers(),
    bus: "b",
    idempotencyKey: null,
    freshId: "f",
    now: 0,
    ...request,
  });
  const entry = decoded.ok ? decoded.value.entries[0] : decoded;
  if (entry === undefined || !entry.ok) throw new Error(JSON.stringify(entry));
  return entry.value;
}

describe("encodeEvent()", () => {
  it("writes the attributes of the specification first, extensions as they came, data last", () => {
    const body = `{"data" : 1.10, "zeta":1,"datacontenttype":"application/json","alpha":true,"dataschema":"u:x","time":"2026-01-01T00:00:00Z",
      "subject":"a\\"b","type":"t","source":"/s","id":"\\u0031","specversion":"1.0","none":null}`;
    expect(encodeEvent(received({ contentType: "application/cloudevents+json", body: encoder.encode(body) }))).toBe(
      '{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"a\\"b","time":"2026-01-01T00:00:00Z",' +
        '"datacontenttype":"application/json","dataschema":"u:x","zeta":1,"alpha":true,"data":1.10}',
    );
  });

  it("splices JSON data as it is and writes other data in its member", () => {
    expect(encodeEvent(event({ kind: "none" }))).toBe('{"specversion":"1.0","id":"1","source":"/s","type":"t"}');
    expect(encodeEvent(event({ kind: "json", text: '{ "a" : \n1e400}' }))).toMatch(/,"data":\{ "a" : \n1e400\}\}$/);
    expect(encodeEvent(event({ kind: "text", text: 'a"\n' }))).toMatch(/,"data":"a\\"\\n"\}$/);
    expect(encodeEvent(event({ kind: "binary", base64: "AA==" }))).toMatch(/,"data_base64":"AA=="\}$/);
  });

  it("gives JSON that says the same as the event", () => {
    fc.assert(
      fc.property(cloudEvent, (given) => {
        const { data, data_base64: base64, ...attributes } = JSON.parse(encodeEvent(given));
        expect(attributes).toEqual({ ...given.attributes });
        if (given.data.kind === "json") expect(data).toEqual(JSON.parse(given.data.text));
        if (given.data.kind === "text") expect(data).toBe(given.data.text);
        if (given.data.kind === "binary") expect(base64).toBe(given.data.base64);
      }),
    );
  });
});

describe("decodeEvent()", () => {
  it("undoes encodeEvent()", () => {
    fc.assert(
      fc.property(cloudEvent, (given) => {
        expect(decodeEvent(encodeEvent(given))).toEqual(given);
      }),
      { numRuns: 500 },
    );
  });

  it("is not led astray by attributes and data that look like members", () => {
    const look = ',"data":1,"data_base64":"AA=="';
    for (const data of [
      event({ kind: "none" }, { subject: look }),
      event({ kind: "json", text: `{"x":1${look}}` }, { subject: look }),
      event({ kind: "text", text: look }, { datacontenttype: "text/plain" }),
      event({ kind: "binary", base64: "AA==" }, { subject: `${look},` }),
    ])
      expect(decodeEvent(encodeEvent(data))).toEqual(data);
  });

  it.each([
    "",
    "{",
    "{}",
    "[]",
    "null",
    "1",
    '{"id":"1","source":"/s"}',
    '{"id":"1","source":"/s","type":"t","x":{}}',
    '{"id":"1","source":"/s","type":"t","data":1',
  ])("throws on %j, which we never wrote", (text) => {
    expect(() => decodeEvent(text)).toThrow();
  });
});

describe("what comes in goes out", () => {
  it("character by character, from structured mode to the canonical text", () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const body = encoder.encode(`{"specversion":"1.0","id":"1","source":"/s","type":"t","data":${text}}`);
        const written = encodeEvent(received({ contentType: "application/cloudevents+json", body }));
        expect(written).toBe(`{"specversion":"1.0","id":"1","source":"/s","type":"t","data":${text.trim()}}`);
        // Once canonical, it stays.
        expect(encodeEvent(received({ contentType: "application/json", body: encoder.encode(written) }))).toBe(written);
      }),
    );
  });

  it("byte by byte, from binary mode to binary mode", () => {
    const types = [null, "text/plain", "text/html; charset=iso-8859-1", "application/xml", "image/png"];
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.string({ unit: "binary" }).map((text) => encoder.encode(text)),
    );
    fc.assert(
      fc.property(fc.constantFrom(...types), bytes, (contentType, body) => {
        const headers = new Headers({ "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t" });
        const message = encodeBinary(received({ contentType, headers, body }));
        const sent = typeof message.body === "string" ? encoder.encode(message.body) : message.body;
        expect([...sent]).toEqual([...body]);
        expect(
          new Headers(message.headers.map(([name, value]): [string, string] => [name, value])).get("content-type"),
        ).toBe(contentType);
      }),
    );
  });

  it.each(dataVectors.texts)("in binary mode too: %s", (text) => {
    expect(encodeBinary(event({ kind: "json", text })).body).toBe(text);
  });
});

describe("encodeBinary()", () => {
  it("puts attributes in headers that decode to the same event", () => {
    fc.assert(
      fc.property(cloudEvent, (given) => {
        const message = encodeBinary(given);
        const headers = new Headers(message.headers.map(([name, value]): [string, string] => [name, value]));
        const again = received({ contentType: headers.get("content-type"), headers, body: new Uint8Array() });
        const strings = Object.entries(given.attributes).map(([name, value]) => [name, canonicalString(value)]);
        const implied = given.data.kind === "json" ? { datacontenttype: "application/json" } : {};
        expect(again.attributes).toEqual({ ...implied, ...Object.fromEntries(strings) });
      }),
      { numRuns: 500 },
    );
  });

  it("names a content type when there is one, and JSON's when it is implied", () => {
    const typeOf = (given: CloudEvent) => encodeBinary(given).headers.find(([name]) => name === "content-type")?.[1];
    expect(typeOf(event({ kind: "json", text: "1" }))).toBe("application/json");
    expect(typeOf(event({ kind: "json", text: "1" }, { datacontenttype: "text/json" }))).toBe("text/json");
    expect(typeOf(event({ kind: "none" }, { datacontenttype: "text/plain" }))).toBe("text/plain");
    expect(typeOf(event({ kind: "none" }))).toBeUndefined();
    expect(typeOf(event({ kind: "binary", base64: "AA==" }))).toBeUndefined();
  });

  it("calls a text UTF-8, which it is, and leaves the charset of bytes alone", () => {
    const datacontenttype = 'text/plain; title=";charset=x"; Charset="ISO-8859-1"; format=flowed';
    const typeOf = (data: EventData) => encodeBinary(event(data, { datacontenttype })).headers.at(-1)?.[1];
    expect(typeOf({ kind: "text", text: "é" })).toBe('text/plain; title=";charset=x"; charset=utf-8; format=flowed');
    expect(typeOf({ kind: "binary", base64: "6Q==" })).toBe(datacontenttype);
  });

  it("sends no body as bytes, lest a content type be made up for it", () => {
    expect(encodeBinary(event({ kind: "none" })).body).toEqual(new Uint8Array());
    expect(encodeBinary(event({ kind: "binary", base64: "AAEC/w==" })).body).toEqual(new Uint8Array([0, 1, 2, 255]));
  });

  it("throws on base64 that no decoder let through", () => {
    expect(() => encodeBinary(event({ kind: "binary", base64: "A" }))).toThrow("not base64");
  });
});

describe("header values", () => {
  it("encodeHeaderValue() gives printable ASCII that decodeHeaderValue() undoes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        const header = encodeHeaderValue(value);
        expect(header).toMatch(/^[!-~]*$/);
        expect(decodeHeaderValue(header)).toBe(value);
      }),
    );
  });

  it("encodeHeaderValue() encodes nothing else", () => {
    const visible = String.fromCharCode(...Array.from({ length: 0x5e }, (_, index) => index + 0x21));
    expect(encodeHeaderValue(visible)).toBe(visible.replace("%", "%25").replace('"', "%22"));
  });

  it("decodeHeaderValue() never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('%\\"aC0E28 é\u0001')) }), (header) => {
        const value = decodeHeaderValue(header);
        expect(value === null || value.isWellFormed()).toBe(true);
      }),
    );
  });
});

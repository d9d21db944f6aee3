// CloudEvents 1.0.2 (HTTP binding, JSON format): the vectors of its conformance suite, SDKs and a broker, from the shared corpora.
// Where we differ is listed here as data, with the reason; nothing else may differ.
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { encodeBinary } from "../../src/core/cloudevents/binary.ts";
import { decodeHeaderValue, encodeHeaderValue } from "../../src/core/cloudevents/header-value.ts";
import { decodeEvent, encodeEvent } from "../../src/core/cloudevents/json.ts";
import { decodeRequest } from "../../src/core/cloudevents/request.ts";
import { canonicalString, type CloudEvent, type EventData } from "../../src/core/event.ts";
import { PROBLEMS } from "../../src/core/problem.ts";

const folder = `${process.env["FANTAIL_CORPORA"] ?? "../shared/corpora"}/cloudevents`;
const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";
const encoder = new TextEncoder();

type Json = Readonly<Record<string, unknown>>;
type HeaderMap = Readonly<Record<string, string>>;
interface Named {
  readonly id: string;
}
interface HttpCorpus {
  readonly headerValues: readonly {
    readonly op: "roundtrip" | "decode" | "decode-reject";
    readonly header: string;
    readonly value?: string;
  }[];
  readonly equivalentModes: readonly {
    readonly structured: Json;
    readonly binary: { headers: HeaderMap; body?: string; body_base64?: string; body_json?: unknown };
  }[];
  readonly parse: readonly {
    readonly headers: HeaderMap;
    readonly body: string;
    readonly expect: { attributes: Json; data: unknown };
  }[];
  readonly ingress: readonly {
    readonly method: string;
    readonly headers: HeaderMap;
    readonly body: string;
    readonly status: string | number;
  }[];
}

/** Verdicts on publishes that are not ours: `got` is our status. */
const INGRESS_DEVIATIONS = [
  {
    missing: "ce-type",
    expected: 400,
    got: 422,
    why: "A bad attribute is 422 in this API, 400 is a body that cannot be read",
  },
  { missing: "ce-source", expected: 400, got: 422, why: "The same" },
  { missing: "ce-id", expected: 400, got: 422, why: "The same" },
];
/** Left to the routes of http/, which answer any method but POST before anything is decoded. */
const OTHER_METHODS = 1;

function decode(headers: HeaderMap, body: Uint8Array) {
  const given = new Headers(headers);
  const contentType = given.get("content-type");
  return decodeRequest({ contentType, headers: given, body, bus: "b", idempotencyKey: null, freshId: "f", now: 0 });
}

function single(headers: HeaderMap, body: Uint8Array): CloudEvent {
  const decoded = decode(headers, body);
  const entry = decoded.ok ? decoded.value.entries[0] : decoded;
  if (entry === undefined || !entry.ok) throw new Error(JSON.stringify(entry));
  return entry.value;
}

const jsonBytes = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value));
const strings = ({ attributes }: CloudEvent) =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, canonicalString(value)]));
const comparable = (data: EventData) => (data.kind === "json" ? { kind: "json", value: JSON.parse(data.text) } : data);

function bodyOf({
  body,
  body_base64: base64,
  body_json: json,
}: HttpCorpus["equivalentModes"][number]["binary"]): Uint8Array {
  if (base64 !== undefined) return new Uint8Array(Buffer.from(base64, "base64"));
  return json === undefined ? encoder.encode(body ?? "") : jsonBytes(json);
}

// Recorded data of known shapes: each member is held against the implementation below.
const read = (name: string) => JSON.parse(readFileSync(`${folder}/${name}`, "utf8"));

describe.skipIf(!existsSync(folder))("CloudEvents 1.0.2 conformance (needs the shared corpora)", () => {
  it("header values are encoded and decoded as the SDKs do", () => {
    const { headerValues }: HttpCorpus = read("http.json");
    expect(headerValues.length).toBeGreaterThanOrEqual(34);
    for (const { op, header, value = "" } of headerValues) {
      expect(decodeHeaderValue(header), header).toBe(op === "decode-reject" ? null : value);
      if (op === "roundtrip") expect(encodeHeaderValue(value)).toBe(header);
    }
  });

  it("structured and binary mode carry the same event", () => {
    const { equivalentModes }: HttpCorpus = read("http.json");
    expect(equivalentModes.length).toBeGreaterThanOrEqual(6);
    for (const { structured, binary } of equivalentModes) {
      const event = single({ "content-type": STRUCTURED }, jsonBytes(structured));
      const message = encodeBinary(event);
      expect(Object.fromEntries(message.headers)).toEqual(binary.headers);
      const sent = typeof message.body === "string" ? encoder.encode(message.body) : message.body;
      expect(Buffer.from(sent).toString()).toBe(Buffer.from(bodyOf(binary)).toString());

      const again = single(binary.headers, bodyOf(binary));
      // JSON format §3.1.2: the content type that was implied is explicit in binary mode.
      const implied = event.data.kind === "json" ? { datacontenttype: "application/json" } : {};
      expect(strings(again)).toEqual({ ...implied, ...strings(event) });
      expect(comparable(again.data)).toEqual(comparable(event.data));
    }
  });

  it("events are parsed as the conformance suite expects", () => {
    const { parse }: HttpCorpus = read("http.json");
    expect(parse.length).toBeGreaterThanOrEqual(4);
    for (const { headers, body, expect: expected } of parse) {
      const event = single(headers, encoder.encode(body));
      expect({ ...event.attributes }).toEqual(expected.attributes);
      expect(comparable(event.data)).toEqual({ kind: "json", value: expected.data });
    }
  });

  it("publishes are accepted and refused as by Knative's broker, but for the listed deviations", () => {
    const { ingress }: HttpCorpus = read("http.json");
    const posts = ingress.filter(({ method }) => method === "POST");
    expect(ingress.length - posts.length).toBe(OTHER_METHODS);
    const deviations = new Set(INGRESS_DEVIATIONS);
    for (const { headers, body, status } of posts) {
      const decoded = decode(headers, encoder.encode(body));
      const got = decoded.ok ? 202 : PROBLEMS[decoded.error.slug].status;
      const deviation = INGRESS_DEVIATIONS.find(
        ({ missing, expected }) => expected === status && !(missing in headers),
      );
      if (deviation === undefined) expect(String(status)).toMatch(new RegExp(`^(${got}|${Math.floor(got / 100)}xx)$`));
      else {
        expect(got).toBe(deviation.got);
        deviations.delete(deviation);
      }
    }
    expect([...deviations]).toEqual([]);
  });

  it("valid events of the JSON format are accepted, and come back the same from the canonical text", () => {
    const { tests }: { tests: readonly (Named & { event: Json })[] } = read("format-json-valid-events.json");
    expect(tests.length).toBeGreaterThanOrEqual(10);
    for (const { id, event } of tests) {
      const decoded = single({ "content-type": STRUCTURED }, jsonBytes(event));
      expect(decodeEvent(encodeEvent(decoded)), id).toEqual(decoded);
      const present = Object.entries(event).filter(([, value]) => value !== null);
      expect(JSON.parse(encodeEvent(decoded)), id).toEqual(Object.fromEntries(present));
    }
  });

  it("invalid events of the JSON format are refused with a pointer", () => {
    const { tests }: { tests: readonly (Named & { event: Json })[] } = read("format-json-invalid-events.json");
    expect(tests.length).toBeGreaterThanOrEqual(25);
    for (const { id, event } of tests) {
      const decoded = decode({ "content-type": STRUCTURED }, jsonBytes(event));
      expect(decoded, id).toMatchObject({ ok: false, error: { slug: "invalid-event", errors: [{}] } });
    }
  });

  it("valid batches are accepted, each event of them", () => {
    const { tests }: { tests: readonly (Named & { batch: readonly unknown[] })[] } = read(
      "format-json-valid-batches.json",
    );
    expect(tests.length).toBeGreaterThanOrEqual(5);
    for (const { id, batch } of tests) {
      const decoded = decode({ "content-type": BATCH }, jsonBytes(batch));
      const oks = decoded.ok ? decoded.value.entries.map((entry) => entry.ok) : [decoded.error];
      expect(oks, id).toEqual(batch.map(() => true));
    }
  });

  // A deviation by design: the events of a batch that are valid are accepted (207).
  it("invalid batches have a refused event, which is named", () => {
    const { tests }: { tests: readonly (Named & { batch: readonly unknown[] })[] } = read(
      "format-json-invalid-batches.json",
    );
    expect(tests.length).toBeGreaterThanOrEqual(3);
    for (const { id, batch } of tests) {
      const decoded = decode({ "content-type": BATCH }, jsonBytes(batch));
      if (!decoded.ok) throw new Error(`${id} was refused as a whole`);
      const refused = decoded.value.entries.flatMap((entry, index) => (entry.ok ? [] : [{ index, ...entry.error }]));
      expect(refused, id).toHaveLength(1);
      for (const { index, errors = [] } of refused)
        for (const { pointer } of errors) expect(pointer.split("/")[1]).toBe(String(index));
    }
  });
});

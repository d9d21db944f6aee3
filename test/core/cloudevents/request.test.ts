// What a publish may look like, and what is said about one that is wrong: status, place, and that the rest is not spoilt.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memberOutline, memberSpan, outlineJson } from "../../../src/core/cloudevents/json-text.ts";
import { decodeMember, decodeRequest, type EventRequest } from "../../../src/core/cloudevents/request.ts";
import {
  ATTRIBUTE_NAME_CHARS_MAX,
  ATTRIBUTE_VALUE_BYTES_MAX,
  ATTRIBUTES_BYTES_MAX,
  ATTRIBUTES_MAX,
  BATCH_EVENTS_MAX,
  EVENT_BYTES_MAX,
  JSON_DEPTH_MAX,
} from "../../../src/core/limits.ts";
import { PROBLEMS, type Refusal } from "../../../src/core/problem.ts";
import dataVectors from "../../vectors/cloudevents-data.json" with { type: "json" };

interface AttributeVectors {
  readonly valid: Readonly<Record<string, readonly unknown[]>>;
  readonly invalid: Readonly<Record<string, readonly unknown[]>>;
}

// Read, not imported: the bundler takes no lone surrogates.
const attributeVectors: AttributeVectors = JSON.parse(
  readFileSync(new URL("../../vectors/cloudevents-attributes.json", import.meta.url).pathname, "utf8"),
);
const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";
const NOW = Date.UTC(2026, 0, 31, 12);
const MINIMAL = { specversion: "1.0", id: "1", source: "/s", type: "t" };

type Parts = Partial<Omit<EventRequest, "headers" | "body">> & {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
};

function decode({ body = "", headers = {}, ...rest }: Parts) {
  return decodeRequest({
    contentType: STRUCTURED,
    bus: "shop",
    idempotencyKey: null,
    freshId: "fresh",
    now: NOW,
    ...rest,
    headers: new Headers(headers),
    body: typeof body === "string" ? new TextEncoder().encode(body) : body,
  });
}

/** The one event of a request that must be accepted. */
function eventOf(parts: Parts) {
  const decoded = decode(parts);
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.error));
  const [entry] = decoded.value.entries;
  if (decoded.value.batch || decoded.value.entries.length !== 1 || !entry?.ok) throw new Error("Not a single event");
  const { data } = entry.value;
  if (data.kind !== "json") return entry.value;
  // What was parsed is the text's value, always; what is looked at below is the text.
  expect(data.value).toEqual(JSON.parse(data.text));
  return { ...entry.value, data: { kind: data.kind, text: data.text } };
}

/** The refusal of a request that must be refused, with its status. */
function refusalOf(parts: Parts): Refusal & { readonly status: number } {
  const decoded = decode(parts);
  if (decoded.ok) throw new Error("The request was accepted");
  return { ...decoded.error, status: PROBLEMS[decoded.error.slug].status };
}

const pointersOf = (refused: Refusal): string[] => (refused.errors ?? []).map(({ pointer }) => pointer);
const structured = (members: object) => ({ body: JSON.stringify({ ...MINIMAL, ...members }) });
const CE_HEADERS = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t" };
const binary = (headers: Readonly<Record<string, string>>, rest: Parts = {}): Parts => ({
  contentType: null,
  ...rest,
  headers: { ...CE_HEADERS, ...headers },
});

describe("decodeRequest() chooses the content mode", () => {
  it.each([
    STRUCTURED,
    "Application/CloudEvents+JSON; charset=UTF-8",
    `${STRUCTURED};charset="utf-8"`,
    `${STRUCTURED}; x=y`,
  ])("structured by %s", (contentType) => {
    expect(eventOf({ contentType, ...structured({ data: 1 }) }).data).toEqual({ kind: "json", text: "1" });
  });

  it("structured by application/json with a specversion, ce- headers or not", () => {
    expect(eventOf({ contentType: "application/json", ...structured({ id: "full" }) }).id).toBe("full");
    expect(eventOf({ headers: CE_HEADERS, ...structured({ id: "full" }) }).id).toBe("full");
  });

  it("binary by a header ce-specversion, whatever the type of the data", () => {
    const event = eventOf(binary({}, { contentType: "application/json", body: '{"specversion":"1.0"}' }));
    expect(event.data).toEqual({ kind: "json", text: '{"specversion":"1.0"}' });
    expect(event.attributes["datacontenttype"]).toBe("application/json");
  });

  it.each([
    null,
    "",
    "text/plain",
    "application/xml",
    "nonsense",
    "application/cloudevents",
    "application/cloudevents+xml",
  ])("none by %s", (contentType) => {
    const refused = refusalOf({ contentType, ...structured({}) });
    expect(refused.status).toBe(415);
    expect(refused.detail).toContain("application/cloudevents-batch+json");
  });

  it.each(["application/cloudevents+avro", "application/cloudevents-batch+xml"])("not binary by %s", (contentType) => {
    expect(refusalOf(binary({}, { contentType })).status).toBe(415);
  });

  it.each([STRUCTURED, BATCH, "application/json"])("with 415 for another charset of %s, named", (type) => {
    const refused = refusalOf({ contentType: `${type}; charset=ISO-8859-1`, ...structured({}) });
    expect(refused).toMatchObject({ status: 415, detail: "charset must be utf-8, not iso-8859-1" });
    expect(refusalOf({ contentType: `${type}; charset=us-ascii`, body: "!" }).status).toBe(400);
  });
});

describe("decodeRequest() refuses a body that is not JSON", () => {
  it.each([STRUCTURED, BATCH, "application/json"])("as %s, with the place and nothing of the body", (contentType) => {
    expect(refusalOf({ contentType, body: '{\n  "password": hunter2' })).toEqual({
      slug: "malformed-json",
      status: 400,
      detail: "The body is not valid JSON at line 2, column 15",
    });
    expect(refusalOf({ contentType, body: "" }).slug).toBe("malformed-json");
    expect(refusalOf({ contentType, body: new Uint8Array([0x22, 0xff, 0x22]) }).slug).toBe("malformed-body");
  });

  it("ignores a byte order mark", () => {
    expect(eventOf({ body: `\ufeff${JSON.stringify(MINIMAL)}` }).id).toBe("1");
  });

  it.each(["[]", '"x"', "1", "null", `[${JSON.stringify(MINIMAL)}]`])("is no event: %s", (body) => {
    expect(refusalOf({ body })).toMatchObject({ slug: "invalid-event", errors: [{ pointer: "" }] });
  });

  it("takes an event of JSON_DEPTH_MAX levels in every mode, and none of one more", () => {
    const data = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    const event = (levels: number) => `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":${data(levels)}}`;
    const most = JSON_DEPTH_MAX - 1;
    expect(eventOf({ body: event(most) }).data).toEqual({ kind: "json", text: data(most) });
    expect(eventOf(binary({}, { contentType: "application/json", body: data(most) })).data.kind).toBe("json");
    expect(decode({ contentType: BATCH, body: `[${event(most)}]` })).toMatchObject({
      value: { entries: [{ ok: true }] },
    });
    expect(refusalOf({ body: event(most + 1) }).slug).toBe("malformed-json");
    expect(refusalOf(binary({}, { contentType: "application/json", body: data(most + 1) })).slug).toBe(
      "malformed-json",
    );
    expect(refusalOf({ contentType: BATCH, body: `[${event(most + 1)}]` }).slug).toBe("malformed-json");
  });
});

describe("decodeRequest() reads attributes", () => {
  const valid = Object.entries(attributeVectors.valid).flatMap(([name, values]) =>
    values.map((value) => [name, value] as const),
  );
  it.each(valid)("takes %s = %j", (name, value) => {
    const { attributes } = eventOf(structured({ [name]: value }));
    expect(attributes[name]).toBe(value ?? undefined);
    expect(Object.keys(attributes)).toHaveLength(value === null ? 4 : Object.keys({ ...MINIMAL, [name]: 1 }).length);
  });

  const invalid = Object.entries(attributeVectors.invalid).flatMap(([name, values]) =>
    values.map((value) => [name, value] as const),
  );
  it.each(invalid)("refuses %s = %j", (name, value) => {
    const pairs = Object.entries({ ...MINIMAL }).filter(([known]) => known !== name);
    const body = `{${[...pairs, [name, value]].map(([key, item]) => `${JSON.stringify(key)}:${JSON.stringify(item)}`).join(",")}}`;
    const refused = refusalOf({ body });
    expect(refused.status).toBe(422);
    expect(pointersOf(refused)).toEqual([`/${name.replace("~", "~0").replace("/", "~1")}`]);
    expect(refused.detail).toBe(refused.errors?.[0]?.detail);
  });

  it("tells all faults, not the first", () => {
    const refused = refusalOf({
      body: '{"specversion":"0.3","source":"a b","time":"now","Up":1,"data":1,"data_base64":"AA=="}',
    });
    expect(pointersOf(refused).toSorted()).toEqual([
      "/Up",
      "/data_base64",
      "/id",
      "/source",
      "/specversion",
      "/time",
      "/type",
    ]);
    expect(refused.detail).toMatch(/; 6 more in errors$/);
  });

  it("reads an absent attribute as undefined, whatever its name", () => {
    expect(eventOf(structured({})).attributes["constructor"]).toBeUndefined();
    expect(eventOf(binary({})).attributes["constructor"]).toBeUndefined();
  });

  it("takes -0 for 0 and 1.0 for 1", () => {
    const { attributes } = eventOf({
      body: '{"specversion":"1.0","id":"1","source":"/s","type":"t","a":-0,"b":1.0,"c":1e2}',
    });
    expect(attributes).toEqual({ ...MINIMAL, a: 0, b: 1, c: 100 });
  });

  it("takes the last of members with the same name", () => {
    const body = '{"specversion":"1.0","id":"1","id":"2","source":"/s","type":"t","data":1,"\\u0064ata":2}';
    expect(eventOf({ body })).toMatchObject({ id: "2", data: { kind: "json", text: "2" } });
  });

  it("has limits: names, values, their number", () => {
    const name = "n".repeat(ATTRIBUTE_NAME_CHARS_MAX);
    expect(eventOf(structured({ [name]: "x" })).attributes[name]).toBe("x");
    expect(refusalOf(structured({ [`${name}n`]: "x" })).errors).toEqual([
      { pointer: "", detail: "A name of 65 characters must have at most 64 characters" },
    ]);
    const value = "é".repeat(ATTRIBUTE_VALUE_BYTES_MAX / 2);
    expect(eventOf(structured({ subject: value })).attributes["subject"]).toBe(value);
    expect(refusalOf(structured({ subject: `${value}x` })).detail).toBe("subject must have at most 4096 bytes");
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`x${index}`, "v"]));
    expect(Object.keys(eventOf(structured(many(ATTRIBUTES_MAX - 4))).attributes)).toHaveLength(ATTRIBUTES_MAX);
    expect(refusalOf(structured(many(ATTRIBUTES_MAX - 3))).detail).toBe("The event must have at most 64 attributes");
  });

  it("limits what all attributes have as headers, in every mode", () => {
    const required = "ce-specversion1.0ce-id1ce-source/sce-typet".length;
    const room = ATTRIBUTES_BYTES_MAX - required;
    const filled = (bytes: number) => {
      const values: Record<string, string> = {};
      // "%C3%A9" is what é is in a header, and no other value may be as long.
      for (let left = bytes; left > 0;) {
        const name = `x${Object.keys(values).length}`;
        const value = Math.min(left - `ce-${name}`.length, 12_000);
        values[name] = "é".repeat(Math.floor(value / 6)) + "y".repeat(value % 6);
        left -= `ce-${name}`.length + value;
      }
      return values;
    };
    const asHeaders = (values: Record<string, string>) =>
      Object.fromEntries(Object.entries(values).map(([name, value]) => [`ce-${name}`, encodeURIComponent(value)]));
    expect(Object.keys(eventOf(structured(filled(room))).attributes)).toHaveLength(6);
    expect(Object.keys(eventOf(binary(asHeaders(filled(room)))).attributes)).toHaveLength(6);
    const detail = `The attributes must have at most ${ATTRIBUTES_BYTES_MAX} bytes as headers`;
    for (const over of [structured(filled(room + 1)), binary(asHeaders(filled(room + 1)))])
      expect(refusalOf(over)).toMatchObject({ status: 422, detail, errors: [{ pointer: "", detail }] });
    expect(pointersOf(refusalOf(structured({ ...filled(room + 1), Up: 1 })))).toEqual(["/Up", ""]);
    const decoded = decode({
      contentType: BATCH,
      body: JSON.stringify([MINIMAL, { ...MINIMAL, ...filled(room + 1) }]),
    });
    expect(decoded).toMatchObject({
      value: { entries: [{ ok: true }, { error: { slug: "invalid-event", errors: [{ pointer: "/1", detail }] } }] },
    });
  });
});

describe("decodeRequest() keeps data", () => {
  it.each(dataVectors.texts)("%s as it was sent, in every mode", (text) => {
    const event = `{"specversion":"1.0", "data" :\t${text}\n,"id":"1","source":"/s","type":"t"}`;
    const kept = { kind: "json", text };
    expect(eventOf({ body: event }).data).toEqual(kept);
    expect(eventOf({ contentType: "application/json", body: `{"type":"t","data":${text}}` }).data).toEqual(kept);
    expect(eventOf(binary({}, { contentType: "application/problem+json", body: ` ${text}\r\n` })).data).toEqual(kept);
    const decoded = decode({ contentType: BATCH, body: `[${event}, ${event}]` });
    const entry = { ok: true, value: { data: kept } };
    expect(decoded).toMatchObject({ value: { batch: true, entries: [entry, entry] } });
  });

  it("as text when its type is not JSON and it is a string", () => {
    const text = (datacontenttype: string, data: unknown) => eventOf(structured({ datacontenttype, data })).data;
    expect(text("text/plain", 'a\n"b" 😀\u0000')).toEqual({ kind: "text", text: 'a\n"b" 😀\u0000' });
    expect(text("application/octet-stream", "abc")).toEqual({ kind: "text", text: "abc" });
    expect(text("application/json", "abc")).toEqual({ kind: "json", text: '"abc"' });
    expect(text("text/json", "abc")).toEqual({ kind: "json", text: '"abc"' });
    expect(text("text/plain", { a: 1 })).toEqual({ kind: "json", text: '{"a":1}' });
    expect(text("text/plain", null)).toEqual({ kind: "json", text: "null" });
  });

  it("refuses text that no bytes can carry", () => {
    const lone = { datacontenttype: "text/plain", data: "\ud800" };
    expect(pointersOf(refusalOf(structured(lone)))).toEqual(["/data"]);
    expect(eventOf(structured({ data: "\ud800" })).data).toEqual({ kind: "json", text: '"\\ud800"' });
  });

  it("as base64, strictly", () => {
    expect(eventOf(structured({ data_base64: "AAEC//6A" })).data).toEqual({ kind: "binary", base64: "AAEC//6A" });
    expect(eventOf(structured({ data_base64: "" })).data).toEqual({ kind: "binary", base64: "" });
    expect(eventOf(structured({ data_base64: null })).data).toEqual({ kind: "none" });
    expect(eventOf(structured({ data_base64: null, data: null })).data).toEqual({ kind: "json", text: "null" });
    for (const wrong of ["A", "AA", "AA=", "AA==\n", "A-_=", "AB==", 1, {}, [], false])
      expect(pointersOf(refusalOf(structured({ data_base64: wrong })))).toEqual(["/data_base64"]);
    expect(pointersOf(refusalOf(structured({ data_base64: "AA==", data: null })))).toEqual(["/data_base64"]);
  });
});

describe("decodeRequest() reads binary mode", () => {
  const bytes = new Uint8Array([0, 1, 2, 255]);

  it("unescapes header values and takes extensions as strings", () => {
    const event = eventOf(binary({ "CE-Subject": '"a b"%20%E2%82%AC', "ce-count": "5", "ce-empty": "" }));
    expect(event.attributes).toEqual({ ...MINIMAL, subject: "a b €", count: "5", empty: "" });
  });

  it.each([
    [{ "ce-subject": "%" }, "/subject"],
    [{ "ce-subject": "%C0%A0" }, "/subject"],
    [{ "ce-subject": '"open' }, "/subject"],
    [{ "ce-subject": "caf\u00e9" }, "/subject"],
    [{ "ce-subject": "%00" }, "/subject"],
    [{ "ce-subject": "" }, "/subject"],
    [{ "ce-specversion": "19.0" }, "/specversion"],
    [{ "ce-time": "noon" }, "/time"],
    [{ "ce-data": "x" }, "/data"],
    [{ "ce-data_base64": "AA==" }, "/data_base64"],
    [{ "ce-my-ext": "x" }, "/my-ext"],
    [{ "ce-": "x" }, "/"],
    [{ "ce-__proto__": "x" }, "/__proto__"],
    [{ "ce-datacontenttype": "text/plain" }, "/datacontenttype"],
  ])("refuses %j and names the header", (headers, pointer) => {
    const refused = refusalOf(binary(headers));
    expect(refused.status).toBe(422);
    expect(pointersOf(refused)).toEqual([pointer]);
    expect(refused.detail).toMatch(new RegExp(`^ce-${pointer.slice(1)} (must|after percent-decoding must) `));
  });

  it("says of a value that was percent-encoded that it judges what that stood for", () => {
    const detailOf = (headers: Readonly<Record<string, string>>) => refusalOf(binary(headers)).detail;
    expect(detailOf({ "ce-source": "/files/a%20b" })).toMatch(
      /^ce-source after percent-decoding must be a URI-reference .*no spaces/,
    );
    expect(eventOf(binary({ "ce-source": "/files/a%2520b" })).source).toBe("/files/a%20b");
    expect(detailOf({ "ce-source": "/files/a b" })).toMatch(/^ce-source must be a URI-reference/);
    expect(detailOf({ "ce-subject": "%" })).toMatch(/^ce-subject must be printable ASCII/);
    expect(detailOf({ "ce-my-ext": "%20" })).toMatch(/^ce-my-ext must be named/);
    expect(refusalOf(structured({ source: "/files/a%2" })).detail).toMatch(/^source must be a URI-reference/);
  });

  it("reads a repeated header as HTTP joins it, and refuses a source that is joined", () => {
    const repeating = (name: string, value: string) => {
      const headers = new Headers(CE_HEADERS);
      headers.append(name, value);
      return binary(Object.fromEntries(headers));
    };
    expect(eventOf(repeating("ce-id", "1")).id).toBe("1, 1");
    expect(eventOf(repeating("ce-type", "t")).type).toBe("t, t");
    expect(pointersOf(refusalOf(repeating("ce-source", "/s")))).toEqual(["/source"]);
  });

  it("refuses what lacks required headers, all named", () => {
    const refused = refusalOf({ contentType: "text/plain", headers: { "ce-specversion": "1.0", "ce-id": "%" } });
    expect(pointersOf(refused)).toEqual(["/id", "/source", "/type"]);
  });

  it("refuses a content type that is none, under its header's name", () => {
    const refused = refusalOf(binary({}, { contentType: "xyz" }));
    expect(refused.errors).toEqual([
      { pointer: "/datacontenttype", detail: "content-type must be a media type (RFC 2046)" },
    ]);
  });

  it.each([
    ["application/json", "", { kind: "none" }],
    ["application/json;charset=utf-8", " [1.0] ", { kind: "json", text: "[1.0]" }],
    ["application/json", "\ufeff1", { kind: "json", text: "1" }],
    ["text/plain", "\ufeff é\r\n", { kind: "text", text: "\ufeff é\r\n" }],
    ["text/plain; charset=latin1", "é", { kind: "binary", base64: "w6k=" }],
    ["application/json; charset=utf-16", "1", { kind: "binary", base64: "MQ==" }],
    ["application/atom+xml", "<a/>", { kind: "text", text: "<a/>" }],
    ["application/x-www-form-urlencoded", "a=b", { kind: "text", text: "a=b" }],
    ["application/vnd.apache.thrift.binary", "{}", { kind: "binary", base64: "e30=" }],
    ["text/plain", bytes, { kind: "binary", base64: "AAEC/w==" }],
    [null, "{}", { kind: "binary", base64: "e30=" }],
  ])("with the data of %s %j", (contentType, body, data) => {
    expect(eventOf(binary({}, { contentType, body })).data).toEqual(data);
  });

  it("refuses JSON that is none", () => {
    expect(refusalOf(binary({}, { contentType: "application/json", body: "[1,\n}" }))).toMatchObject({
      slug: "malformed-json",
      detail: "The body is not valid JSON at line 2, column 1",
    });
    expect(refusalOf(binary({}, { contentType: "application/json", body: bytes })).slug).toBe("malformed-body");
    expect(refusalOf(binary({}, { contentType: "application/json", body: "  " })).slug).toBe("malformed-json");
  });
});

describe("decodeRequest() reads the short form", () => {
  const short = (members: object, rest: Parts = {}) => ({
    contentType: "application/json",
    ...rest,
    body: JSON.stringify(members),
  });

  it("fills in what a person leaves out", () => {
    expect(eventOf(short({ type: "t", data: { a: 1 } }))).toEqual({
      id: "fresh",
      source: "/buses/shop",
      type: "t",
      attributes: {
        specversion: "1.0",
        id: "fresh",
        source: "/buses/shop",
        type: "t",
        time: "2026-01-31T12:00:00.000Z",
        datacontenttype: "application/json",
      },
      data: { kind: "json", text: '{"a":1}' },
    });
    expect(eventOf(short({ type: "t" })).attributes["datacontenttype"]).toBeUndefined();
    expect(eventOf(short({ type: "t", data: null })).data).toEqual({ kind: "json", text: "null" });
    expect(eventOf(short({ type: "t", id: null, source: "/s" }, { idempotencyKey: "key" }))).toMatchObject({
      id: "key",
      source: "/s",
    });
    expect(
      eventOf(short({ type: "t", id: "i", source: "/s", time: "2020-01-01T00:00:00Z", subject: "x" })).attributes,
    ).toEqual({
      specversion: "1.0",
      id: "i",
      source: "/s",
      type: "t",
      subject: "x",
      time: "2020-01-01T00:00:00Z",
    });
  });

  it.each([
    [{}, ["/type"]],
    [{ type: "t", id: "1" }, ["/source"]],
    [{ type: "t", dat: 1, Subject: "x" }, ["/dat", "/Subject"]],
    [{ type: "t", data_base64: "AA==" }, ["/data_base64"]],
    [{ type: "t", datacontenttype: "text/plain" }, ["/datacontenttype"]],
    [{ type: 1, id: 2, source: "a b", time: "x", nope: 1 }, ["/nope", "/id", "/source", "/type", "/time"]],
    [{ type: "t", ["x".repeat(1_000)]: 1 }, [""]],
    [{ specversion: null, type: "t" }, ["/specversion", "/id", "/source"]],
  ])("refuses %j", (members, pointers) => {
    const refused = refusalOf(short(members));
    expect(refused.slug).toBe("invalid-event");
    expect(pointersOf(refused)).toEqual(pointers);
    expect(JSON.stringify(refused).length).toBeLessThan(2_000);
  });

  it("answers an array with where arrays go", () => {
    expect(refusalOf(short([MINIMAL]))).toMatchObject({ status: 415, detail: expect.stringContaining(BATCH) });
    expect(
      refusalOf(short(Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x${index}`, 1])))).errors,
    ).toHaveLength(1);
  });
});

describe("decodeRequest() reads a batch", () => {
  const batch = (events: unknown) => decode({ contentType: BATCH, body: JSON.stringify(events) });

  it("with a result for each, in order", () => {
    const decoded = batch([
      MINIMAL,
      { ...MINIMAL, id: 5 },
      "no object",
      null,
      [],
      { ...MINIMAL, specversion: "0.3" },
      { ...MINIMAL, id: "6" },
    ]);
    if (!decoded.ok) throw new Error(decoded.error.detail);
    expect(decoded.value.batch).toBe(true);
    const told = decoded.value.entries.map((entry) => (entry.ok ? entry.value.id : pointersOf(entry.error)));
    expect(told).toEqual(["1", ["/1/id"], ["/2"], ["/3"], ["/4"], ["/5/specversion"], "6"]);
  });

  it("may be empty, is an array, and has BATCH_EVENTS_MAX events at most", () => {
    expect(batch([])).toEqual({ ok: true, value: { batch: true, entries: [] } });
    expect(batch(MINIMAL)).toMatchObject({ ok: false, error: { slug: "invalid-request" } });
    const full = batch(Array.from({ length: BATCH_EVENTS_MAX }, () => MINIMAL));
    expect(full.ok && full.value.entries.length).toBe(BATCH_EVENTS_MAX);
    const over = batch(Array.from({ length: BATCH_EVENTS_MAX + 1 }, () => MINIMAL));
    expect(over).toMatchObject({
      error: {
        slug: "invalid-request",
        detail: "The body must have at most 100 entries",
        errors: [{ pointer: "", detail: "The body must have at most 100 entries" }],
      },
    });
  });

  it("refuses one that is too large and no other", () => {
    const decoded = batch([{ ...MINIMAL, data: "x".repeat(EVENT_BYTES_MAX) }, MINIMAL]);
    expect(decoded).toMatchObject({
      value: { entries: [{ ok: false, error: { slug: "payload-too-large" } }, { ok: true }] },
    });
  });
});

describe("decodeMember()", () => {
  const SHORT = { bus: "shop", idempotencyKey: null, freshId: "fresh", now: NOW };

  function decoded(text: string) {
    const parsed = outlineJson(text, JSON_DEPTH_MAX + 1, memberOutline("event", memberSpan("data")));
    if (!parsed.ok) throw new Error(parsed.error);
    const { event: value } = parsed.value.value as { event: unknown };
    return decodeMember({ text, value, outline: parsed.value.outline, pointer: "/event" }, SHORT);
  }

  it("keeps the data of an event in full and in the short form as it was written", () => {
    const data = '{"b":12345678901234567890,"a":1.10,"b":1e400}';
    for (const event of [`{"type":"t","data":${data}}`, `${JSON.stringify(MINIMAL).slice(0, -1)},"data": ${data} }`])
      expect(decoded(`{"data":1,"event":${event}}`)).toMatchObject({
        ok: true,
        value: { type: "t", data: { kind: "json", text: data } },
      });
  });

  it("points to faults inside the member", () => {
    for (const [event, pointers] of [
      ["5", ["/event"]],
      ["{}", ["/event/type"]],
      ['{"type":"t","id":"1"}', ["/event/source"]],
      ['{"specversion":"1.0","id":"1","source":"/s"}', ["/event/type"]],
    ] as const) {
      const result = decoded(`{"event":${event}}`);
      expect([event, result.ok || result.error.errors?.map(({ pointer }) => pointer)]).toEqual([event, pointers]);
    }
  });

  it("takes an event of the largest size and refuses a byte more", () => {
    const sized = (bytes: number) => {
      const head = JSON.stringify(MINIMAL).slice(0, -1);
      return decoded(`{"event":${head},"data":"${"x".repeat(bytes - head.length - 11)}"}}`);
    };
    expect(sized(EVENT_BYTES_MAX).ok).toBe(true);
    expect(sized(EVENT_BYTES_MAX + 1)).toMatchObject({ ok: false, error: { slug: "payload-too-large" } });
  });
});

describe("decodeRequest() measures the canonical text", () => {
  const head = '{"specversion":"1.0","id":"1","source":"/s","type":"t"';

  it.each(["x", "é", "€", "😀"])("of data made of %s in UTF-8", (unit) => {
    const room = EVENT_BYTES_MAX - `${head},"data":""}`.length;
    const count = Math.floor(room / Buffer.byteLength(unit));
    const fill = unit.repeat(count) + "y".repeat(room - count * Buffer.byteLength(unit));
    // White space around the members is the sender's, and is not counted.
    expect(eventOf({ body: `${head} ,  "data": "${fill}" }` }).data.kind).toBe("json");
    expect(refusalOf({ body: `${head},"data":"${fill}z"}` })).toMatchObject({ slug: "payload-too-large", status: 413 });
  });

  it("of text with its escapes, and of bytes as base64", () => {
    const overhead = `${head},"datacontenttype":"text/plain","data":""}`.length;
    const text = "\u0001".repeat((EVENT_BYTES_MAX - overhead) / 6);
    const fits = { contentType: "text/plain", body: text };
    expect(eventOf(binary({}, fits)).data.kind).toBe("text");
    expect(refusalOf(binary({}, { ...fits, body: `${text}\u0001` })).slug).toBe("payload-too-large");
    const room = EVENT_BYTES_MAX - `${head},"data_base64":""}`.length;
    const bytes = new Uint8Array(Math.floor(room / 4) * 3);
    expect(eventOf(binary({}, { body: bytes })).data.kind).toBe("binary");
    expect(refusalOf(binary({}, { body: new Uint8Array(bytes.length + 4) })).slug).toBe("payload-too-large");
    expect(refusalOf(binary({}, { body: new Uint8Array(EVENT_BYTES_MAX + 1) })).slug).toBe("payload-too-large");
  });

  it("holds whatever the attributes", () => {
    // A backslash is one byte in a header and two in JSON: no attributes weigh more in the canonical text.
    const value = "\\".repeat(ATTRIBUTE_VALUE_BYTES_MAX);
    const extensions = { a: value, b: value, c: value, d: value.slice(100) };
    const overhead = JSON.stringify({ ...MINIMAL, ...extensions, data: "" }).length;
    expect(overhead).toBeGreaterThan(2 * (ATTRIBUTES_BYTES_MAX - 200));
    const data = "x".repeat(EVENT_BYTES_MAX - overhead);
    expect(eventOf(structured({ ...extensions, data })).data.kind).toBe("json");
    expect(refusalOf(structured({ ...extensions, data: `${data}x` })).slug).toBe("payload-too-large");
    // Each character of such text is six bytes in JSON.
    const text = "\u0001".repeat(Math.ceil((EVENT_BYTES_MAX - overhead) / 6));
    const refused = refusalOf(structured({ ...extensions, datacontenttype: "text/plain", data: text }));
    expect(refused.slug).toBe("payload-too-large");
  });
});

it("decodeRequest() never throws, and refuses with a pointer into the event", () => {
  const word = fc.constantFrom(
    "ce-specversion",
    "ce-id",
    "ce-type",
    "ce-source",
    "ce-time",
    "ce-x",
    "ce-__proto__",
    "x-other",
  );
  const value = fc.oneof(
    fc.constantFrom("1.0", "%", '"', "a b", "%41"),
    fc.string({ unit: "grapheme-ascii", maxLength: 8 }),
  );
  const contentType = fc.oneof(
    fc.constantFrom(
      null,
      STRUCTURED,
      BATCH,
      "application/json",
      "text/plain",
      "application/x+json; charset=x",
      ";",
      "a/b;c",
    ),
    fc.string({ maxLength: 12 }),
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.json().map((text) => new TextEncoder().encode(text)),
  );
  fc.assert(
    fc.property(contentType, fc.dictionary(word, value), body, (type, headers, bytes) => {
      const decoded = decode({ contentType: type, headers, body: bytes });
      const refusals = decoded.ok
        ? decoded.value.entries.flatMap((entry) => (entry.ok ? [] : [entry.error]))
        : [decoded.error];
      for (const refused of refusals) {
        expect(PROBLEMS[refused.slug].status).toBeGreaterThanOrEqual(400);
        expect(["invalid-event", "invalid-request"].includes(refused.slug)).toBe(
          refused.errors !== undefined && refused.errors.length > 0,
        );
        for (const { pointer } of refused.errors ?? []) expect(pointer).toMatch(/^(\/[^/]*)*$/);
      }
    }),
    { numRuns: 1_000 },
  );
});

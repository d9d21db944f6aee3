// A publish that is wrong is refused at the edge, with where and which limit; it is never a 500, and leaves nothing behind.
import { beforeAll, describe, expect, it } from "vitest";
import * as limits from "../../src/core/limits.ts";
import type { ProblemSlug } from "../../src/core/problem.ts";
import type { Asked } from "../http.ts";
import { BATCH, createScene, EVENT, type Scene } from "./refusals.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await createScene();
});

const STRUCTURED = { "content-type": "application/cloudevents+json" };
const BINARY = { "ce-specversion": "1.0", "ce-id": "A-1", "ce-source": "/shop", "ce-type": "known" };
const JSON_TYPE = { "content-type": "application/json" };

const event = (members: object): Asked => ({ headers: STRUCTURED, json: { ...EVENT, ...members } });
const withData = (context: object, text: string) => `${JSON.stringify(context).slice(0, -1)},"data":${text}}`;
const data = (text: string): Asked => ({ headers: STRUCTURED, body: withData(EVENT, text) });
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
const attributes = (count: number) =>
  Object.fromEntries(Array.from({ length: count - 4 }, (_, index) => [`a${index}`, index]));

type PublishRow = readonly [name: string, asked: Asked, pointer: string, says: string | number];

const INVALID_EVENTS: readonly PublishRow[] = [
  ["that is an array", { headers: STRUCTURED, body: "[]" }, "", "The event must be an object"],
  ["that is null", { headers: JSON_TYPE, body: "null" }, "", "The event must be an object"],
  ["without an id", event({ id: undefined }), "/id", "id is required"],
  ["without a source", event({ source: null }), "/source", "source is required"],
  ["without a type", event({ type: undefined }), "/type", "type is required"],
  ["without a specversion", event({ specversion: null }), "/specversion", "specversion is required"],
  ["of another version", event({ specversion: "0.3" }), "/specversion", '"1.0"'],
  ["with an empty id", event({ id: "" }), "/id", "must not be empty"],
  ["with a number as id", event({ id: 7 }), "/id", "must be a string"],
  ["with a space in its source", event({ source: "/my shop" }), "/source", "URI-reference"],
  ["with an empty subject", event({ subject: "" }), "/subject", "must not be empty"],
  ["of the 30th of February", event({ time: "2026-02-30T00:00:00Z" }), "/time", "RFC 3339"],
  ["with a time without offset", event({ time: "2026-01-31T12:00:00" }), "/time", "RFC 3339"],
  ["with a content type that is none", event({ datacontenttype: "json" }), "/datacontenttype", "media type"],
  ["with a relative dataschema", event({ dataschema: "/schema" }), "/dataschema", "absolute URI"],
  ["with a name in capitals", event({ dataRef: "x" }), "/dataRef", "a-z and 0-9"],
  ["with a name to be escaped", event({ "a/b~c": "x" }), "/a~1b~0c", "a-z and 0-9"],
  ["with an object as extension", event({ tier: {} }), "/tier", "must be a string, a boolean or an integer"],
  ["with a fraction as extension", event({ tier: 1.5 }), "/tier", "must be an integer"],
  ["with a number over 32 bits", event({ tier: 2_147_483_648 }), "/tier", 2_147_483_647],
  ["with a control character", event({ subject: "a\0b" }), "/subject", "control characters"],
  ["with a lone surrogate", event({ subject: "\ud800" }), "/subject", "lone surrogates"],
  [
    "with an attribute over the limit",
    event({ subject: "é".repeat(limits.ATTRIBUTE_VALUE_BYTES_MAX / 2) + "x" }),
    "/subject",
    limits.ATTRIBUTE_VALUE_BYTES_MAX,
  ],
  [
    "with a name over the limit",
    event({ ["a".repeat(limits.ATTRIBUTE_NAME_CHARS_MAX + 1)]: "x" }),
    "",
    limits.ATTRIBUTE_NAME_CHARS_MAX,
  ],
  ["with too many attributes", event(attributes(limits.ATTRIBUTES_MAX + 1)), "", limits.ATTRIBUTES_MAX],
  ["with data twice", event({ data: 1, data_base64: "AA==" }), "/data_base64", "must be absent beside data"],
  ["with bad base64", event({ data_base64: "AAA" }), "/data_base64", "base64"],
  ["with half a character as text", event({ data: "\ud800", datacontenttype: "text/plain" }), "/data", "surrogates"],
  ["in a batch of nothing else", { headers: BATCH, json: [{ ...EVENT, id: "" }] }, "/0/id", "must not be empty"],
  ["that is a number in a batch", { headers: BATCH, body: "[7]" }, "/0", "The event must be an object"],
  ["of the short form with a typo", { json: { type: "known", payload: 1 } }, "/payload", "short form"],
  ["of the short form without a type", { json: { data: 1 } }, "/type", "type is required"],
  ["of the short form with an id alone", { json: { type: "known", id: "1" } }, "/source", "is required with an id"],
  ["in binary mode without an id", { headers: { ...BINARY, "ce-id": "" } }, "/id", "ce-id must not be empty"],
  ["in binary mode with a bad escape", { headers: { ...BINARY, "ce-subject": "%zz" } }, "/subject", "percent-encoded"],
  ["in binary mode with an open quote", { headers: { ...BINARY, "ce-subject": '"a' } }, "/subject", "quotes closed"],
  [
    "in binary mode with a content type twice",
    { headers: { ...BINARY, ...JSON_TYPE, "ce-datacontenttype": "text/plain" } },
    "/datacontenttype",
    "content-type stands for it",
  ],
];

describe("an event is refused", () => {
  it.each(INVALID_EVENTS)("%s", async (_, asked, pointer, says) => {
    await scene.expectRefused("POST", "/v1/events", { ...asked, slug: "invalid-event", pointer, says });
  });
});

type RequestRow = readonly [name: string, asked: Asked, slug: ProblemSlug, says: string | number];

const INVALID_PUBLISHES: readonly RequestRow[] = [
  ["no content type", { body: new Uint8Array(2) }, "unsupported-media-type", "content-type must be"],
  [
    "plain text",
    { body: "hello", headers: { "content-type": "text/plain" } },
    "unsupported-media-type",
    "ce-specversion",
  ],
  [
    "another charset",
    { body: "{}", headers: { "content-type": "application/json; charset=latin1" } },
    "unsupported-media-type",
    "utf-8",
  ],
  [
    "a compressed body",
    { body: "{}", headers: { ...JSON_TYPE, "content-encoding": "br" } },
    "unsupported-media-type",
    "content-encoding",
  ],
  ["an array as application/json", { json: [EVENT] }, "unsupported-media-type", BATCH["content-type"]],
  ["nothing", { body: "", headers: STRUCTURED }, "malformed-json", "line 1"],
  ["JSON that breaks off", { body: '{"id":\n "A', headers: STRUCTURED }, "malformed-json", "line 2"],
  ["two JSON texts", { body: "{} {}", headers: STRUCTURED }, "malformed-json", "column 4"],
  [
    "bytes that are not UTF-8",
    { body: new Uint8Array([123, 255, 125]), headers: STRUCTURED },
    "malformed-body",
    "UTF-8",
  ],
  ["data that nests too deep", data(nested(limits.JSON_DEPTH_MAX)), "malformed-json", limits.JSON_DEPTH_MAX],
  ["binary mode with bad JSON", { body: "{", headers: { ...BINARY, ...JSON_TYPE } }, "malformed-json", "line 1"],
  [
    "an event over the limit",
    data(`"${"x".repeat(limits.EVENT_BYTES_MAX)}"`),
    "payload-too-large",
    limits.EVENT_BYTES_MAX,
  ],
  [
    "bytes over the limit once they are base64",
    { body: new Uint8Array(limits.EVENT_BYTES_MAX * 0.75), headers: { ...BINARY, "content-type": "image/png" } },
    "payload-too-large",
    limits.EVENT_BYTES_MAX,
  ],
  [
    "a body over the limit",
    { body: new Uint8Array(limits.REQUEST_BYTES_MAX + 1), headers: STRUCTURED },
    "payload-too-large",
    limits.REQUEST_BYTES_MAX,
  ],
  [
    "too many hops",
    { ...event({}), headers: { ...STRUCTURED, "fantail-hops": "6" } },
    "too-many-hops",
    limits.HOPS_MAX,
  ],
  [
    "hops that are no number",
    { ...event({}), headers: { ...STRUCTURED, "fantail-hops": "-1" } },
    "invalid-header",
    "fantail-hops",
  ],
  [
    "an Idempotency-Key over the limit",
    { json: { type: "known" }, headers: { "idempotency-key": "x".repeat(limits.IDEMPOTENCY_KEY_CHARS_MAX + 1) } },
    "invalid-header",
    limits.IDEMPOTENCY_KEY_CHARS_MAX,
  ],
  [
    "an empty Idempotency-Key",
    { json: { type: "known" }, headers: { "idempotency-key": "" } },
    "invalid-header",
    "idempotency-key",
  ],
  [
    "a bus that cannot be",
    { ...event({}), headers: { ...STRUCTURED, "fantail-bus": "A_B" } },
    "invalid-header",
    "fantail-bus",
  ],
  [
    "a bus that is not there",
    { ...event({}), headers: { ...STRUCTURED, "fantail-bus": "nowhere" } },
    "bus-not-found",
    "nowhere",
  ],
  ["no key", { ...event({}), key: null }, "unauthorized", "authorization"],
  [
    "a key that is none",
    { ...event({}), key: "ftk_default_0000000000000000000000_00000000" },
    "unauthorized",
    "not valid",
  ],
];

describe("a publish is refused with", () => {
  it.each(INVALID_PUBLISHES)("%s", async (_, asked, slug, says) => {
    await scene.expectRefused("POST", "/v1/events", { ...asked, slug, pointer: null, says });
  });
});

it.each([
  ["no array", EVENT, "The body must be an array"],
  [
    "over the limit",
    Array(limits.BATCH_EVENTS_MAX + 1).fill(EVENT),
    `The body must have at most ${limits.BATCH_EVENTS_MAX} entries`,
  ],
])("a batch that is %s is refused as a whole", async (_, json, says) => {
  await scene.expectRefused("POST", "/v1/events", { headers: BATCH, json, slug: "invalid-request", pointer: "", says });
});

it("a batch of one event that is too large is refused for that", async () => {
  const json = [{ ...EVENT, data: "x".repeat(limits.EVENT_BYTES_MAX) }];
  const expected = { slug: "payload-too-large", pointer: "/0", says: limits.EVENT_BYTES_MAX } as const;
  await scene.expectRefused("POST", "/v1/events", { headers: BATCH, json, ...expected });
});

it("an event at the limits is accepted and delivered", async () => {
  const consumer = await scene.bus.subscribe({ types: ["limit"] });
  const context = {
    ...EVENT,
    ...attributes(limits.ATTRIBUTES_MAX - 2),
    type: "limit",
    ["a".repeat(limits.ATTRIBUTE_NAME_CHARS_MAX)]: "x",
    subject: "é".repeat(limits.ATTRIBUTE_VALUE_BYTES_MAX / 2),
  };
  const body = withData(context, nested(limits.JSON_DEPTH_MAX - 1));
  const headers = {
    ...STRUCTURED,
    "fantail-hops": String(limits.HOPS_MAX),
    "idempotency-key": "x".repeat(limits.IDEMPOTENCY_KEY_CHARS_MAX),
  };
  const answer = await scene.bus.ask("POST", "/v1/events", { body, headers });
  expect([answer.status, answer.json.events?.[0].subscription_ids], answer.text).toEqual([202, [consumer.id]]);
  const [request] = await consumer.sink.waitFor(1);
  expect(Buffer.from(request?.bodyBase64 ?? "", "base64").toString()).toContain(
    `,"data":${nested(limits.JSON_DEPTH_MAX - 1)}}`,
  );
});

it("nothing of what was refused comes out of a queue later", () => scene.expectEmptyQueues(2));

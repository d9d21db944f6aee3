// What is wrong is refused at the edge with a problem that names where and which limit; it is never a 500, and leaves nothing behind.
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeCursor } from "../../src/core/cursor.ts";
import * as limits from "../../src/core/limits.ts";
import { PROBLEM_BASE, PROBLEMS, type ProblemSlug } from "../../src/core/problem.ts";
import type { Asked } from "../http.ts";
import { newBus } from "./edge.ts";

let bus: Awaited<ReturnType<typeof newBus>>;
let subscriptionId: string;
let rowsSql: string;

beforeAll(async () => {
  bus = await newBus();
  const consumer = await bus.subscribe({ types: ["known"] });
  subscriptionId = consumer.id;
  await bus.ask("POST", "/v1/keys", { json: { scopes: ["read"] } });
  await bus.publish({ type: "known" });
  await bus.settled(1);
  const tables = await env.DB.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'",
  ).all<{ name: string }>();
  const counts = tables.results.map(({ name }) => `(SELECT count(*) FROM ${name}) AS ${name}`);
  rowsSql = `SELECT (SELECT version FROM meta) AS version, ${counts.join(", ")}`;
});

/** Rows of each table, and the counter of changes. */
const rows = () => env.DB.prepare(rowsSql).first<Record<string, number>>();

interface Expected {
  readonly slug: ProblemSlug;
  /** Of the one fault, null when the problem lists none. */
  readonly pointer: string | null;
  /** What the fault's detail says, or the problem's own. */
  readonly says: string | number;
}

async function expectRefused(method: string, path: string, asked: Asked & Expected): Promise<void> {
  const { slug, pointer, says, ...request } = asked;
  const before = await rows();
  const answer = await bus.ask(method, path.replace(":sub", subscriptionId), request);
  expect(answer.json, answer.text).toMatchObject({ type: PROBLEM_BASE + slug, ...PROBLEMS[slug] });
  expect(answer.status).toBe(PROBLEMS[slug].status);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.json.instance).toBe(answer.headers.get("x-request-id"));
  if (pointer === null) expect(answer.json).not.toHaveProperty("errors");
  else expect(answer.json.errors).toEqual([{ pointer, detail: expect.stringContaining(String(says)) }]);
  if (pointer === null) expect(answer.json.detail).toContain(String(says));
  expect(answer.json.detail).not.toMatch(/\.$/);
  expect(await rows()).toEqual(before);
}

const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "known" };
const STRUCTURED = { "content-type": "application/cloudevents+json" };
const BATCH = { "content-type": "application/cloudevents-batch+json" };
const BINARY = { "ce-specversion": "1.0", "ce-id": "A-1", "ce-source": "/shop", "ce-type": "known" };
const JSON_TYPE = { "content-type": "application/json" };

const event = (members: object): Asked => ({ headers: STRUCTURED, json: { ...EVENT, ...members } });
const data = (text: string): Asked => ({
  headers: STRUCTURED,
  body: `${JSON.stringify(EVENT).slice(0, -1)},"data":${text}}`,
});
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
const attributes = (count: number) =>
  Object.fromEntries(Array.from({ length: count - 4 }, (_, index) => [`a${index}`, index]));

type PublishRow = readonly [name: string, asked: Asked, pointer: string, says: string | number];

const INVALID_EVENTS: readonly PublishRow[] = [
  ["that is an array", { headers: STRUCTURED, body: "[]" }, "", "must be a JSON object"],
  ["that is null", { headers: JSON_TYPE, body: "null" }, "", "must be a JSON object"],
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
  ["with an object as extension", event({ tier: {} }), "/tier", "a string, a boolean or a whole number"],
  ["with a fraction as extension", event({ tier: 1.5 }), "/tier", "whole number"],
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
  ["with data twice", event({ data: 1, data_base64: "AA==" }), "/data_base64", "exclude each other"],
  ["with bad base64", event({ data_base64: "AAA" }), "/data_base64", "base64"],
  ["with half a character as text", event({ data: "\ud800", datacontenttype: "text/plain" }), "/data", "surrogates"],
  ["in a batch of nothing else", { headers: BATCH, json: [{ ...EVENT, id: "" }] }, "/0/id", "must not be empty"],
  ["that is a number in a batch", { headers: BATCH, body: "[7]" }, "/0", "must be a JSON object"],
  ["of the short form with a typo", { json: { type: "known", payload: 1 } }, "/payload", "short form"],
  ["of the short form without a type", { json: { data: 1 } }, "/type", "type is required"],
  ["of the short form with an id alone", { json: { type: "known", id: "1" } }, "/source", "is required with an id"],
  ["in binary mode without an id", { headers: { ...BINARY, "ce-id": "" } }, "/id", "header ce-id must not be empty"],
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
    await expectRefused("POST", "/v1/events", { ...asked, slug: "invalid-event", pointer, says });
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
    { body: "{}", headers: { ...JSON_TYPE, "content-encoding": "gzip" } },
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
  ["an object as batch", { json: EVENT, headers: BATCH }, "invalid-request", "must be a JSON array"],
  [
    "a batch over the limit",
    { json: Array(limits.BATCH_EVENTS_MAX + 1).fill(EVENT), headers: BATCH },
    "invalid-request",
    limits.BATCH_EVENTS_MAX,
  ],
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
    await expectRefused("POST", "/v1/events", { ...asked, slug, pointer: null, says });
  });
});

const exact = { exact: { type: "known" } };
const wrapped = (levels: number): object => (levels === 0 ? exact : { not: wrapped(levels - 1) });
const filter = (value: unknown): object => ({ filters: [value] });
const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `t${index}`);
const headers = (count: number) => Object.fromEntries(many(count).map((name) => [`x-${name}`, "v"]));

const INVALID_MEMBERS: readonly (readonly [name: string, members: object, pointer: string, says: string | number])[] = [
  ["no sink", { sink: undefined }, "/sink", "sink is required"],
  ["a sink that is no URL", { sink: "example.com/hook" }, "/sink", "absolute URL"],
  ["a sink of another scheme", { sink: "ftp://a.example.com/" }, "/sink", "http or https"],
  ["a sink with a password", { sink: "https://u:p@a.example.com/" }, "/sink", "credentials"],
  ["a sink with a fragment", { sink: "https://a.example.com/#x" }, "/sink", "fragment"],
  ["a private sink", { sink: "http://0xA000001/" }, "/sink", "10.0.0.0/8"],
  ["a sink without a dot", { sink: "http://intranet/" }, "/sink", "no dot"],
  [
    "a sink over the limit",
    { sink: `https://a.example.com/${"x".repeat(limits.SINK_CHARS_MAX)}` },
    "/sink",
    limits.SINK_CHARS_MAX,
  ],
  ["a typo", { filter: [] }, "/filter", "filter is not known"],
  ["an empty name", { name: "" }, "/name", "must not be empty"],
  ["a name over the limit", { name: "x".repeat(limits.NAME_CHARS_MAX + 1) }, "/name", limits.NAME_CHARS_MAX],
  ["a name that is half a character", { name: "\ud800" }, "/name", "name"],
  ["types that are no list", { types: "known" }, "/types", "array"],
  ["an empty type", { types: ["known", ""] }, "/types/1", "string of 1"],
  ["too many types", { types: many(limits.TYPES_MAX + 1) }, "/types", limits.TYPES_MAX],
  ["an empty source", { source: "" }, "/source", "source"],
  ["filters that are no list", { filters: exact }, "/filters", "array"],
  ["too many filters", { filters: Array(limits.FILTERS_MAX + 1).fill(exact) }, "/filters", limits.FILTERS_MAX],
  [
    "too many conditions",
    { filters: Array(20).fill({ any: Array(10).fill(exact) }) },
    "/filters/18/any/1",
    limits.FILTER_NODES_MAX,
  ],
  [
    "filters that nest too deep",
    filter(wrapped(limits.FILTER_DEPTH_MAX + 1)),
    `/filters/0${"/not".repeat(limits.FILTER_DEPTH_MAX + 1)}`,
    limits.FILTER_DEPTH_MAX,
  ],
  ["filters that are too large", { types: many(90).map((name) => name.padEnd(200)) }, "", limits.FILTER_BYTES_MAX],
  ["a pattern", filter({ pattern: { data: {} } }), "/filters/0/pattern", "not supported yet"],
  ["SQL", filter({ sql: "type = 'known'" }), "/filters/0/sql", "not supported yet"],
  ["SQL inside", filter({ any: [exact, { not: { sql: "1" } }] }), "/filters/0/any/1/not/sql", "not supported yet"],
  ["an unknown dialect", filter({ "li/ke": {} }), "/filters/0/li~1ke", "dialect is unknown"],
  ["two dialects in one", filter({ ...exact, prefix: { type: "k" } }), "/filters/0", "exactly one dialect"],
  ["a filter that is null", filter(null), "/filters/0", "object"],
  ["an empty any", filter({ any: [] }), "/filters/0/any", "at least one"],
  ["an empty prefix", filter({ prefix: {} }), "/filters/0/prefix", "At least one attribute"],
  ["a filter on data", filter({ exact: { data: "x" } }), "/filters/0/exact/data", "data is not an attribute"],
  ["a number in a filter", filter({ suffix: { type: 7 } }), "/filters/0/suffix/type", "string of 1"],
  ["headers that are a list", { headers: [] }, "/headers", "object"],
  ["too many headers", { headers: headers(limits.SINK_HEADERS_MAX + 1) }, "/headers", limits.SINK_HEADERS_MAX],
  ["a header of ours", { headers: { "Webhook-Id": "x" } }, "/headers/Webhook-Id", "not a subscription's to set"],
  ["a header that splits", { headers: { "x-a": "b\r\nhost: c" } }, "/headers/x-a", "visible ASCII"],
  ["a header twice", { headers: { "x-a": "1", "X-A": "2" } }, "/headers/X-A", "twice"],
  ["another format", { format: "xml" }, "/format", "structured, binary, standard, reference"],
  ["a timeout too short", { timeout_ms: limits.TIMEOUT_MS_MIN - 1 }, "/timeout_ms", limits.TIMEOUT_MS_MIN],
  ["a timeout too long", { timeout_ms: limits.TIMEOUT_MS_MAX + 1 }, "/timeout_ms", limits.TIMEOUT_MS_MAX],
  ["a timeout in words", { timeout_ms: "15s" }, "/timeout_ms", "integer"],
  ["a retry policy that is a list", { retry: [] }, "/retry", "object"],
  ["a wait of nothing", { retry: { schedule_s: [5, 0] } }, "/retry/schedule_s/1", "at least 1"],
  [
    "a wait too long",
    { retry: { schedule_s: [limits.RETRY_DELAY_SECONDS_MAX + 1] } },
    "/retry/schedule_s/0",
    limits.RETRY_DELAY_SECONDS_MAX,
  ],
  [
    "too many waits",
    { retry: { schedule_s: Array(limits.RETRY_SCHEDULE_MAX + 1).fill(1) } },
    "/retry/schedule_s",
    limits.RETRY_SCHEDULE_MAX,
  ],
  ["success as a permanent failure", { retry: { permanent: [200] } }, "/retry/permanent/0", "at least 400"],
  ["a status that is ours to set", { status: "disabled" }, "/status", "active, paused"],
  ["a secret too short", { secret: "whsec_AAAA" }, "/secret", limits.SECRET_BYTES_MIN],
  ["a secret without its prefix", { secret: "A".repeat(32) }, "/secret", "whsec_"],
];

describe("a subscription is refused with", () => {
  const sink = "http://127.0.0.1:1/";

  it.each(INVALID_MEMBERS)("%s", async (_, members, pointer, says) => {
    const expected = { slug: "invalid-request", pointer, says } as const;
    await expectRefused("POST", "/v1/subscriptions", { json: { sink, ...members }, ...expected });
    // Removing the sink is asked for by null there, and is as wrong.
    const patch = Object.fromEntries(Object.entries(members).map(([name, value]) => [name, value ?? null]));
    await expectRefused("PATCH", "/v1/subscriptions/:sub", { json: patch, ...expected });
  });

  it.each<RequestRow>([
    ["no content type", { body: new Uint8Array(2) }, "unsupported-media-type", "application/json"],
    ["bad JSON", { body: '{"sink":}', headers: JSON_TYPE }, "malformed-json", "column 9"],
    ["bytes that are not UTF-8", { body: new Uint8Array([255]), headers: JSON_TYPE }, "malformed-body", "UTF-8"],
    [
      "a body over the limit",
      { body: new Uint8Array(limits.MANAGEMENT_BYTES_MAX + 1), headers: JSON_TYPE },
      "payload-too-large",
      limits.MANAGEMENT_BYTES_MAX,
    ],
  ])("%s", async (_, asked, slug, says) => {
    await expectRefused("POST", "/v1/subscriptions", { ...asked, slug, pointer: null, says });
    await expectRefused("PATCH", "/v1/subscriptions/:sub", { ...asked, slug, pointer: null, says });
  });
});

const EVENT_ID = `evt_${"0".repeat(26)}`;
const SUBSCRIPTION_ID = `sub_${"0".repeat(26)}`;
const DELIVERY_ID = `dlv_${"0".repeat(52)}`;
const cursor = (text: string): string => `cursor=${encodeURIComponent(text)}`;

describe("a list is refused with", () => {
  it.each([
    ["/v1/events?limit=0", "limit"],
    [`/v1/events?limit=${limits.LIST_LIMIT_MAX + 1}`, limits.LIST_LIMIT_MAX],
    ["/v1/deliveries?limit=1e2", "limit"],
    ["/v1/subscriptions?limit=-1", "limit"],
    ["/v1/keys?limit=", "limit"],
    ["/v1/events?limit=1&limit=2", "more than once"],
    ["/v1/events?typ=known", "typ is not known"],
    ["/v1/events?type=", "type"],
    ["/v1/events?since=yesterday", "since"],
    ["/v1/events?until=2026-02-30T00:00:00Z", "until"],
    ["/v1/deliveries?status=lost", "delivered"],
    ["/v1/deliveries?subscription_id=sub_1", "subscription_id"],
    ["/v1/deliveries?event_id=evt_1", "event_id"],
    ["/v1/events?cursor=", "next_cursor"],
    [`/v1/events?${cursor("' OR 1=1 --")}`, "next_cursor"],
    [`/v1/events?${cursor("A".repeat(limits.CURSOR_CHARS_MAX + 1))}`, "next_cursor"],
    [`/v1/events?${cursor(encodeCursor("deliveries", [EVENT_ID, "", ""]))}`, "next_cursor"],
    [`/v1/subscriptions?${cursor(encodeCursor("subscriptions", ["7"]))}`, "cursor"],
    [`/v1/subscriptions?${cursor(encodeCursor("subscriptions", []))}`, "cursor"],
    [`/v1/keys?${cursor(encodeCursor("keys", [SUBSCRIPTION_ID]))}`, "cursor"],
  ])("%s", async (path, says) => {
    await expectRefused("GET", path, { slug: "invalid-parameter", pointer: null, says });
  });

  it.each(["", "\0", "\ud800", "~".repeat(300), "'; DROP TABLE events; --"])(
    "no forged place, but %j is one in the caller's own list",
    async (place) => {
      for (const [path, kind] of [
        ["/v1/events", "events"],
        ["/v1/deliveries", "deliveries"],
      ] as const) {
        const answer = await bus.ask("GET", `${path}?${cursor(encodeCursor(kind, [place, place]))}`);
        expect(answer.status, answer.text).toBe(200);
        expect(answer.json.data.every((row: { type: string }) => row.type === "known")).toBe(true);
      }
    },
  );
});

describe("what is not there is refused", () => {
  it.each([
    ["GET", "/v1/events/x"],
    ["GET", `/v1/events/${EVENT_ID}`],
    ["GET", `/v1/events/${EVENT_ID.toUpperCase()}`],
    ["GET", "/v1/events/%E0%A4%A"],
    ["GET", "/v1/deliveries/dlv_1"],
    ["GET", `/v1/deliveries/${DELIVERY_ID}`],
    ["GET", `/v1/deliveries/${DELIVERY_ID}%00`],
    ["POST", "/v1/deliveries/x/retry"],
    ["POST", `/v1/deliveries/${DELIVERY_ID}/retry`],
    ["GET", "/v1/subscriptions/x"],
    ["GET", `/v1/subscriptions/${SUBSCRIPTION_ID}`],
    ["DELETE", `/v1/subscriptions/${SUBSCRIPTION_ID}`],
    ["DELETE", "/v1/subscriptions/%27%20OR%201=1"],
    ["DELETE", "/v1/keys/x"],
    ["GET", "/v2/events"],
    ["PUT", "/v1/buses/"],
  ])("%s %s", async (method, path) => {
    await expectRefused(method, path, { slug: "not-found", pointer: null, says: "There is no" });
  });

  it.each([
    ["PATCH", "/v1/subscriptions/x", { json: {} }],
    ["PATCH", `/v1/subscriptions/${SUBSCRIPTION_ID}`, { json: { name: "x" } }],
  ])("%s %s", async (method, path, asked) => {
    await expectRefused(method, path, { ...asked, slug: "not-found", pointer: null, says: "There is no" });
  });
});

describe("other requests are refused", () => {
  it.each<readonly [string, string, Asked, ProblemSlug, string | null, string | number]>([
    ["DELETE", "/v1/events", {}, "method-not-allowed", null, "POST, GET"],
    ["POST", "/v1/subscriptions/:sub", { json: {} }, "method-not-allowed", null, "GET"],
    ["PATCH", "/v1/subscriptions/:sub", { json: {}, headers: { "if-match": "1" } }, "invalid-header", null, "if-match"],
    [
      "PATCH",
      "/v1/subscriptions/:sub",
      { json: {}, headers: { "if-match": '"1"' } },
      "version-mismatch",
      null,
      "version",
    ],
    ["PATCH", "/v1/subscriptions/:sub", { json: { secret: null } }, "invalid-request", "/secret", "cannot be removed"],
    ["PATCH", "/v1/subscriptions/:sub", { json: [] }, "invalid-request", "", "must be an object"],
    ["PUT", "/v1/buses/Up", {}, "invalid-request", null, 32],
    ["PUT", `/v1/buses/${"b".repeat(33)}`, {}, "invalid-request", null, 32],
    ["POST", "/v1/keys", { json: {} }, "invalid-request", "/scopes", "required"],
    ["POST", "/v1/keys", { json: { scopes: [] } }, "invalid-request", "/scopes", "must not be empty"],
    ["POST", "/v1/keys", { json: { scopes: ["root"] } }, "invalid-request", "/scopes/0", "publish, read, manage"],
    ["POST", "/v1/keys", { json: { scopes: ["read"], name: "\ud800" } }, "invalid-request", "/name", "name"],
    ["POST", "/v1/keys", { json: { scopes: ["read"], bus: "b" } }, "invalid-request", "/bus", "not known"],
  ])("%s %s %j", async (method, path, asked, slug, pointer, says) => {
    await expectRefused(method, path, { ...asked, slug, pointer, says });
  });
});

it("what stands at the limits is accepted and delivered", async () => {
  const consumer = await bus.subscribe({
    name: "x".repeat(limits.NAME_CHARS_MAX),
    types: ["limit", ...many(limits.TYPES_MAX - 1)],
    filters: Array(limits.FILTERS_MAX - 1)
      .fill({ not: exact })
      .concat(wrapped(limits.FILTER_DEPTH_MAX - 1)),
    headers: headers(limits.SINK_HEADERS_MAX),
    timeout_ms: limits.TIMEOUT_MS_MAX,
    retry: { schedule_s: Array(limits.RETRY_SCHEDULE_MAX).fill(limits.RETRY_DELAY_SECONDS_MAX), permanent: [400, 599] },
  });
  const long = "a".repeat(limits.ATTRIBUTE_NAME_CHARS_MAX);
  const { body } = data(nested(limits.JSON_DEPTH_MAX - 1));
  const context = {
    ...attributes(limits.ATTRIBUTES_MAX - 2),
    type: "limit",
    [long]: "x",
    subject: "é".repeat(limits.ATTRIBUTE_VALUE_BYTES_MAX / 2),
  };
  const full = `${JSON.stringify({ ...EVENT, ...context }).slice(0, -1)},"data"${String(body).split(',"data"')[1]}`;
  const hops = {
    "fantail-hops": String(limits.HOPS_MAX),
    "idempotency-key": "x".repeat(limits.IDEMPOTENCY_KEY_CHARS_MAX),
  };
  const answer = await bus.ask("POST", "/v1/events", { body: full, headers: { ...STRUCTURED, ...hops } });
  expect([answer.status, answer.json.events?.[0].subscription_ids], answer.text).toEqual([202, [consumer.id]]);
  const [request] = await consumer.sink.waitFor(1);
  expect(JSON.parse(Buffer.from(request?.bodyBase64 ?? "", "base64").toString())).toEqual(JSON.parse(full));
  expect((await bus.ask("GET", `/v1/events?limit=${limits.LIST_LIMIT_MAX}`)).status).toBe(200);
});

it("nothing of what was refused comes out of a queue later", async () => {
  // Messages of a queue come in order, and so many ids fall on all of them.
  const events = Array.from({ length: 16 }, (_, index) => ({ ...EVENT, id: `last-${index}`, type: "last" }));
  expect((await bus.ask("POST", "/v1/events", { json: events, headers: BATCH })).status).toBe(202);
  await bus.settled(2 + events.length);
  expect(await env.DB.prepare("SELECT count(*) AS events FROM events").first()).toEqual({ events: 2 + events.length });
});

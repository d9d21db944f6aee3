// A subscription, a list, an id, a key that is wrong is refused with where and which limit; it is never a 500, and leaves nothing behind.
import { beforeAll, describe, expect, it } from "vitest";
import { encodeCursor } from "../../src/core/cursor.ts";
import * as limits from "../../src/core/limits.ts";
import type { ProblemSlug } from "../../src/core/problem.ts";
import type { Asked } from "../http.ts";
import { createScene, type Scene } from "./refusals.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await createScene();
});

const JSON_TYPE = { "content-type": "application/json" };
const exact = { exact: { type: "known" } };
const wrapped = (levels: number): object => (levels === 0 ? exact : { not: wrapped(levels - 1) });
const filter = (value: unknown): object => ({ filters: [value] });
const branch = (levels: number): unknown => (levels === 0 ? ["x"] : { a: branch(levels - 1) });
const times = (count: number, value: object): object[] => Array.from({ length: count }, () => value);
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
  ["a typo that is null", { filterz: null }, "/filterz", "filterz is not known"],
  ["a typo inside that is null", { retry: { schedule: null } }, "/retry/schedule", "retry.schedule is not known"],
  ["a name that is long as a body", { ["n".repeat(200_000)]: 1 }, "", "200000 characters"],
  ["a header's name that is as long", { headers: { ["n".repeat(200_000)]: "a" } }, "/headers", 200_000],
  ["an empty name", { name: "" }, "/name", "must not be empty"],
  ["a name over the limit", { name: "x".repeat(limits.NAME_CHARS_MAX + 1) }, "/name", limits.NAME_CHARS_MAX],
  ["a name that is half a character", { name: "\ud800" }, "/name", "name"],
  ["types that are no list", { types: "known" }, "/types", "array"],
  ["an empty type", { types: ["known", ""] }, "/types/1", "types.1 must not be empty"],
  ["too many types", { types: many(limits.TYPES_MAX + 1) }, "/types", limits.TYPES_MAX],
  ["a type that is half a character", { types: ["known\ud800"] }, "/types/0", "types.0 must not hold lone surrogates"],
  ["a source that is half a character", { source: "\udfff" }, "/source", "source must not hold lone surrogates"],
  ["an empty source", { source: "" }, "/source", "source must not be empty"],
  ["filters that are no list", { filters: exact }, "/filters", "array"],
  ["too many filters", { filters: times(limits.FILTERS_MAX + 1, exact) }, "/filters", limits.FILTERS_MAX],
  [
    "too many conditions",
    { filters: times(20, { any: times(10, exact) }) },
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
  ["a pattern of nothing", filter({ pattern: { data: {} } }), "/filters/0/pattern/data", "must not be empty"],
  [
    "an operator nobody knows",
    filter({ pattern: { type: [{ regex: "x" }] } }),
    "/filters/0/pattern/type/0/regex",
    "is not known, an operator is one of prefix",
  ],
  [
    "a pattern of another service",
    filter({ pattern: { "detail-type": ["x"] } }),
    "/filters/0/pattern/detail-type",
    "at no event's top",
  ],
  ["no value", filter({ pattern: { data: { a: [] } } }), "/filters/0/pattern/data/a", "must not be empty"],
  [
    "an operator as a field of $or",
    filter({ pattern: { $or: [{ prefix: ["x"] }, { type: ["y"] }] } }),
    "/filters/0/pattern/$or/0/prefix",
    "is the name of an operator",
  ],
  [
    "a pattern too deep",
    filter({ pattern: { data: branch(limits.PATTERN_DEPTH_MAX) } }),
    `/filters/0/pattern/data${"/a".repeat(limits.PATTERN_DEPTH_MAX - 1)}`,
    limits.PATTERN_DEPTH_MAX,
  ],
  [
    "a range upside down",
    filter({ pattern: { data: { n: [{ numeric: [">", 5, "<", 1] }] } } }),
    "/filters/0/pattern/data/n/0/numeric/3",
    "must be over 5",
  ],
  [
    "a network that is none",
    filter({ pattern: { data: { ip: [{ cidr: "10.0.0.0/33" }] } } }),
    "/filters/0/pattern/data/ip/0/cidr",
    31,
  ],
  [
    "an escape that is none",
    filter({ pattern: { type: [{ wildcard: "a\\b" }] } }),
    "/filters/0/pattern/type/0/wildcard",
    "at character 2",
  ],
  ["SQL that breaks off", filter({ sql: "type = " }), "/filters/0/sql", "at character 8"],
  ["SQL inside", filter({ any: [exact, { not: { sql: "1 ==" } }] }), "/filters/0/any/1/not/sql", "at character 4"],
  ["SQL too long", filter({ sql: `'${"x".repeat(limits.SQL_CHARS_MAX)}'` }), "/filters/0/sql", limits.SQL_CHARS_MAX],
  ["an unknown dialect", filter({ "li/ke": {} }), "/filters/0/li~1ke", "li/ke is not known, a dialect is one of exact"],
  ["two dialects in one", filter({ ...exact, prefix: { type: "k" } }), "/filters/0", "exactly one member, a dialect"],
  ["a filter that is null", filter(null), "/filters/0", "object"],
  ["an empty any", filter({ any: [] }), "/filters/0/any", "filters.0.any must not be empty"],
  ["an empty prefix", filter({ prefix: {} }), "/filters/0/prefix", "filters.0.prefix must not be empty"],
  [
    "a filter on data",
    filter({ exact: { data: "x" } }),
    "/filters/0/exact/data",
    "must be an attribute, which data is not",
  ],
  ["half a character in a filter", filter({ exact: { type: "\ud800" } }), "/filters/0/exact/type", "lone surrogates"],
  ["a number in a filter", filter({ suffix: { type: 7 } }), "/filters/0/suffix/type", "must be a string"],
  ["headers that are a list", { headers: [] }, "/headers", "object"],
  ["too many headers", { headers: headers(limits.SINK_HEADERS_MAX + 1) }, "/headers", limits.SINK_HEADERS_MAX],
  ["a header of ours", { headers: { "Webhook-Id": "x" } }, "/headers/Webhook-Id", "headers.Webhook-Id must be absent"],
  ["a header that splits", { headers: { "x-a": "b\r\nhost: c" } }, "/headers/x-a", "visible ASCII"],
  ["a header twice", { headers: { "x-a": "1", "X-A": "2" } }, "/headers/X-A", "headers.X-A must be given once"],
  ["another format", { format: "xml" }, "/format", "structured, binary, standard, reference"],
  ["a timeout too short", { timeout_ms: limits.TIMEOUT_MS_MIN - 1 }, "/timeout_ms", limits.TIMEOUT_MS_MIN],
  ["a timeout too long", { timeout_ms: limits.TIMEOUT_MS_MAX + 1 }, "/timeout_ms", limits.TIMEOUT_MS_MAX],
  ["a timeout in words", { timeout_ms: "15s" }, "/timeout_ms", "must be an integer"],
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
  ["a rate of nothing", { rate: { limit: 0, period_s: 60 } }, "/rate/limit", "at least 1"],
  ["a rate without a period", { rate: { limit: 10 } }, "/rate/period_s", "is required"],
  [
    "a rate over too long",
    { rate: { limit: 1, period_s: limits.PACE_PERIOD_SECONDS_MAX + 1 } },
    "/rate/period_s",
    limits.PACE_PERIOD_SECONDS_MAX,
  ],
  [
    "an impossible rate",
    { rate: { limit: 2 * limits.PACE_PER_SECOND_MAX + 1, period_s: 2 } },
    "/rate/limit",
    `rate.limit must be at most ${2 * limits.PACE_PER_SECOND_MAX} in 2 s`,
  ],
  ["no concurrency", { concurrency: 0 }, "/concurrency", "at least 1"],
  [
    "an impossible concurrency",
    { concurrency: limits.PACE_CONCURRENCY_MAX + 1 },
    "/concurrency",
    limits.PACE_CONCURRENCY_MAX,
  ],
  ["a status that is ours to set", { status: "disabled" }, "/status", "active, paused"],
  ["a secret too short", { secret: "whsec_AAAA" }, "/secret", limits.SECRET_BYTES_MIN],
  ["a secret without its prefix", { secret: "A".repeat(32) }, "/secret", "whsec_"],
];

describe("a subscription is refused with", () => {
  const sink = "http://127.0.0.1:1/";

  it.each(INVALID_MEMBERS)("%s", async (_, members, pointer, says) => {
    const expected = { slug: "invalid-request", pointer, says } as const;
    await scene.expectRefused("POST", "/v1/subscriptions", { json: { sink, ...members }, ...expected });
    // Removing the sink is asked for by null there, and is as wrong.
    const patch = Object.fromEntries(Object.entries(members).map(([name, value]) => [name, value ?? null]));
    await scene.expectRefused("PATCH", "/v1/subscriptions/:sub", { json: patch, ...expected });
  });

  it.each<readonly [string, Asked, ProblemSlug, string | number]>([
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
    await scene.expectRefused("POST", "/v1/subscriptions", { ...asked, slug, pointer: null, says });
    await scene.expectRefused("PATCH", "/v1/subscriptions/:sub", { ...asked, slug, pointer: null, says });
  });
});

const EVENT_ID = `evt_${"0".repeat(26)}`;
const SUBSCRIPTION_ID = `sub_${"0".repeat(26)}`;
const DELIVERY_ID = `dlv_${"0".repeat(52)}`;
const SEQ = "0".repeat(26);
const cursor = (text: string): string => `cursor=${encodeURIComponent(text)}`;

describe("a list is refused with", () => {
  it.each([
    ["/v1/events?limit=0", "limit"],
    [`/v1/events?limit=${limits.LIST_LIMIT_MAX + 1}`, limits.LIST_LIMIT_MAX],
    ["/v1/deliveries?limit=1e2", "limit"],
    ["/v1/subscriptions?limit=-1", "limit"],
    ["/v1/keys?limit=", "limit"],
    ["/v1/events?limit=1&limit=2", "must be given once"],
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
    await scene.expectRefused("GET", path, { slug: "invalid-parameter", pointer: null, says });
  });

  it.each(["", "\0", "\ud800", "~".repeat(100), "'; DROP TABLE events; --", EVENT_ID])(
    "a cursor of its own kind with %j for a place",
    async (place) => {
      for (const [path, parts] of [
        ["events", [place]],
        ["deliveries", [place, place, place]],
        ["deliveries", [SEQ, SUBSCRIPTION_ID, `${place}.`]],
      ] as const) {
        const asked = `/v1/${path}?${cursor(encodeCursor(path, parts))}`;
        await scene.expectRefused("GET", asked, { slug: "invalid-parameter", pointer: null, says: "cursor" });
      }
    },
  );
});

it.each([SEQ, "z".repeat(26)])("a forged place %s is one in the caller's own list", async (seq) => {
  for (const [path, parts] of [
    ["events", [seq]],
    ["deliveries", [seq, SUBSCRIPTION_ID, ""]],
  ] as const) {
    const answer = await scene.bus.ask("GET", `/v1/${path}?${cursor(encodeCursor(path, parts))}`);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json.data.every((row: { type: string }) => row.type === "known")).toBe(true);
  }
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
    await scene.expectRefused(method, path, { slug: "not-found", pointer: null, says: "There is no" });
  });

  it.each([
    ["PATCH", "/v1/subscriptions/x", { json: {} }],
    ["PATCH", `/v1/subscriptions/${SUBSCRIPTION_ID}`, { json: { name: "x" } }],
  ])("%s %s", async (method, path, asked) => {
    await scene.expectRefused(method, path, { ...asked, slug: "not-found", pointer: null, says: "There is no" });
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
    ["PATCH", "/v1/subscriptions/:sub", { json: { version: 1 } }, "invalid-request", "/version", "cannot be changed"],
    ["DELETE", "/v1/subscriptions/:sub", { headers: { "if-match": "1" } }, "invalid-header", null, "if-match"],
    ["DELETE", "/v1/subscriptions/:sub", { headers: { "if-match": '"1"' } }, "version-mismatch", null, "version"],
    ["PUT", "/v1/buses/new", { headers: { "if-match": '"1"' } }, "version-mismatch", null, "bus"],
    ["PUT", "/v1/buses/new", { headers: { "if-match": "1" } }, "invalid-header", null, "if-match"],
    ["PUT", "/v1/buses/default", { headers: { "if-none-match": "*" } }, "version-mismatch", null, "version"],
    ["DELETE", "/v1/keys/x", { headers: { "if-match": "1" } }, "invalid-header", null, "if-match"],
    [
      "DELETE",
      `/v1/events/evt_${"0".repeat(26)}`,
      { headers: { "if-match": '"1"' } },
      "invalid-header",
      null,
      "if-match",
    ],
    [
      "POST",
      "/v1/subscriptions",
      { json: { sink: "http://127.0.0.1:1/" }, headers: { "idempotency-key": "a b" } },
      "invalid-header",
      null,
      "idempotency-key",
    ],
    [
      "POST",
      "/v1/keys",
      { json: { scopes: ["read"] }, headers: { "idempotency-key": "k".repeat(256) } },
      "invalid-header",
      null,
      limits.IDEMPOTENCY_KEY_CHARS_MAX,
    ],
    // A request that is refused leaves nothing under its key either.
    ["POST", "/v1/keys", { json: {}, headers: { "idempotency-key": "k" } }, "invalid-request", "/scopes", "required"],
    ["PUT", "/v1/buses/Up", {}, "invalid-request", null, 32],
    ["PUT", `/v1/buses/${"b".repeat(33)}`, {}, "invalid-request", null, 32],
    ["POST", "/v1/keys", { json: {} }, "invalid-request", "/scopes", "required"],
    ["POST", "/v1/keys", { json: { scopes: [] } }, "invalid-request", "/scopes", "must not be empty"],
    ["POST", "/v1/keys", { json: { scopes: ["root"] } }, "invalid-request", "/scopes/0", "publish, read, manage"],
    ["POST", "/v1/keys", { json: { scopes: ["read"], name: "\ud800" } }, "invalid-request", "/name", "name"],
    ["POST", "/v1/keys", { json: { scopes: ["read"], bus: "b" } }, "invalid-request", "/bus", "not known"],
  ])("%s %s %j", async (method, path, asked, slug, pointer, says) => {
    await scene.expectRefused(method, path, { ...asked, slug, pointer, says });
  });
});

it("a subscription at the limits is accepted", async () => {
  const { bus } = scene;
  const filters = [...times(limits.FILTERS_MAX - 1, { not: exact }), wrapped(limits.FILTER_DEPTH_MAX - 1)];
  const retry = {
    schedule_s: Array(limits.RETRY_SCHEDULE_MAX).fill(limits.RETRY_DELAY_SECONDS_MAX),
    permanent: [400, 599],
  };
  const members = {
    name: "x".repeat(limits.NAME_CHARS_MAX),
    types: many(limits.TYPES_MAX),
    filters,
    timeout_ms: limits.TIMEOUT_MS_MAX,
    retry,
    rate: { limit: limits.PACE_LIMIT_MAX, period_s: limits.PACE_PERIOD_SECONDS_MAX },
    concurrency: limits.PACE_CONCURRENCY_MAX,
  };
  const { id } = await bus.subscribe({ ...members, headers: headers(limits.SINK_HEADERS_MAX) });
  expect(await bus.get(`/v1/subscriptions/${id}`)).toMatchObject(members);
  expect((await bus.ask("GET", `/v1/events?limit=${limits.LIST_LIMIT_MAX}`)).status).toBe(200);
});

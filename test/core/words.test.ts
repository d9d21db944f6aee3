// One vocabulary: the same kind of fault is told in the same words, wherever in the API it is made.
import { describe, expect, it } from "vitest";
import { encodeCursor } from "../../src/core/cursor.ts";
import * as limits from "../../src/core/limits.ts";
import { fakeHttp, type Asked, type FakeHttp } from "../http.ts";

type Place = readonly [name: string, ask: (http: FakeHttp) => Promise<readonly string[]>];

const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "t" };
const SINK = "https://a.example.com/";
const BINARY = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t" };
const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";
const NDJSON = "application/x-ndjson";

interface Problem {
  readonly detail: string;
  readonly errors?: readonly { readonly detail: string }[];
}
const toldBy = ({ detail, errors }: Problem): readonly string[] => errors?.map((fault) => fault.detail) ?? [detail];

const place =
  (method: string, path: string) =>
  (name: string, asked: Asked): Place => [
    `${method} ${path}: ${name}`,
    async ({ ask }) => {
      const { json, text } = await ask(method, path, asked);
      if (json !== undefined) return toldBy(json);
      // Answers to lines, the last of which is their sum.
      const lines = text.trim().split("\n");
      return lines.flatMap((line) => toldBy(JSON.parse(line).problem ?? { detail: "", errors: [] }));
    },
  ];

const member = (path: string, valid: object) => (name: string, members: object) =>
  place("POST", path)(name, { json: { ...valid, ...members } });
const subscription = member("/v1/subscriptions", { sink: SINK });
const key = member("/v1/keys", { scopes: ["publish"] });
const bus = (name: string, json: object) => place("PUT", "/v1/buses/eu")(name, { json });
const query = (path: string) => place("GET", path)("", {});
const publish = (name: string, contentType: string, json: unknown) =>
  place("POST", "/v1/events")(name, { headers: { "content-type": contentType }, json });
const event = (name: string, members: object) => publish(name, STRUCTURED, { ...EVENT, ...members });
const inBatch = (name: string, members: object) => publish(`${name} of a batch`, BATCH, [{ ...EVENT, ...members }]);
const line = (name: string, body: string) =>
  place("POST", "/v1/events")(`${name} of a line`, { headers: { "content-type": NDJSON }, body });
const header = (name: string, value: string) =>
  place("POST", "/v1/events")(name, { headers: { ...BINARY, "content-type": "text/plain", [name]: value }, body: "" });

const filter = (name: string, value: unknown) => subscription(`a filter's ${name}`, { filters: [value] });
const many = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
const named = (count: number, name: string): object =>
  Object.fromEntries(many(count, name).map((one, index) => [one + index, "v"]));
const secret = (bytes: number) => `whsec_${Buffer.alloc(bytes).toString("base64")}`;

/** A member's path, a header, or what is not a member: with sentence case then. */
const MEMBER = "(The body|The event|The attributes|Line \\d+|A name of \\d+ characters|[a-z][\\w.(*-]*)";
const told = (words: string): RegExp => new RegExp(`^${MEMBER} ${words}$`);

const KINDS: Readonly<Record<string, readonly [words: RegExp, ...places: Place[]]>> = {
  "is missing": [
    told("is required( with an id)?"),
    place("POST", "/v1/subscriptions")("sink", { json: {} }),
    place("POST", "/v1/keys")("scopes", { json: {} }),
    event("type", { type: undefined }),
    inBatch("source", { source: null }),
    line("type", "{}"),
    publish("source with an id", "application/json", { type: "t", id: "1" }),
    place("POST", "/v1/events")("ce-source", { headers: { "ce-specversion": "1.0", "ce-id": "1", "ce-type": "t" } }),
  ],
  "is unknown": [
    told("is not known(, a dialect is one of .+| in the short form, .+)?"),
    subscription("typo", { typo: 1 }),
    subscription("retry.typo", { retry: { typo: 1 } }),
    subscription("a long name", { ["n".repeat(101)]: 1 }),
    key("typo", { typo: 1 }),
    bus("typo", { typo: 1 }),
    filter("dialect", { regex: {} }),
    filter("long dialect", { ["n".repeat(101)]: {} }),
    publish("typo", "application/json", { type: "t", typo: 1 }),
    query("/v1/events?typo=1"),
  ],
  "is given twice": [
    told("must be given once(, case does not count)?"),
    query("/v1/events?limit=1&limit=2"),
    subscription("headers", { headers: { "x-a": "1", "X-A": "2" } }),
  ],
  "has too many entries": [
    told("must have at most \\d+ (entries|attributes|dialect objects in all; what follows was not read)"),
    subscription("types", { types: many(limits.TYPES_MAX + 1, "t") }),
    subscription("filters", { filters: many(limits.FILTERS_MAX + 1, { exact: { type: "t" } }) }),
    subscription("dialects", { filters: many(20, { any: many(10, { exact: { type: "t" } }) }) }),
    subscription("headers", { headers: named(limits.SINK_HEADERS_MAX + 1, "x-") }),
    subscription("retry.schedule_s", { retry: { schedule_s: many(limits.RETRY_SCHEDULE_MAX + 1, 1) } }),
    filter("exact", { exact: named(limits.ATTRIBUTES_MAX + 1, "a") }),
    key("types", { types: many(limits.KEY_TYPES_MAX + 1, "t") }),
    key("allowed_origins", { allowed_origins: many(limits.KEY_ORIGINS_MAX + 1, "https://a.example") }),
    publish("events of a batch", BATCH, many(limits.BATCH_EVENTS_MAX + 1, EVENT)),
    event("attributes", named(limits.ATTRIBUTES_MAX, "a")),
    publish("unknown members", "application/json", { type: "t", ...named(limits.ATTRIBUTES_MAX + 1, "a") }),
  ],
  "is no array": [
    told("must be an array"),
    subscription("types", { types: "t" }),
    subscription("filters", { filters: {} }),
    subscription("retry.schedule_s", { retry: { schedule_s: 1 } }),
    filter("any", { any: {} }),
    key("scopes", { scopes: "read" }),
    key("types", { types: "t" }),
    publish("a batch", BATCH, EVENT),
  ],
  "is no object": [
    told("must be an object"),
    place("POST", "/v1/subscriptions")("body", { json: [] }),
    place("POST", "/v1/keys")("body", { json: 1 }),
    subscription("headers", { headers: [] }),
    subscription("retry", { retry: [] }),
    filter("self", 1),
    filter("prefix", { prefix: [] }),
    publish("an event", STRUCTURED, []),
    publish("a short form", "application/json", null),
    publish("an event of a batch", BATCH, [7]),
    line("an event", "7"),
  ],
  "is no string": [
    told("must be a string"),
    subscription("name", { name: 1 }),
    subscription("sink", { sink: 1 }),
    subscription("secret", { secret: 1 }),
    subscription("types.0", { types: [1] }),
    subscription("source", { source: 1 }),
    subscription("headers.x-a", { headers: { "x-a": 1 } }),
    filter("comparison", { exact: { type: 1 } }),
    key("name", { name: 1 }),
    key("types.0", { types: [1] }),
    key("expires_at", { expires_at: 1 }),
    event("id", { id: 1 }),
    inBatch("subject", { subject: {} }),
  ],
  "is empty": [
    told("must not be empty"),
    subscription("name", { name: "" }),
    subscription("types.0", { types: [""] }),
    subscription("source", { source: "" }),
    subscription("headers.x-a", { headers: { "x-a": "" } }),
    filter("any", { any: [] }),
    filter("prefix", { prefix: {} }),
    filter("comparison", { exact: { type: "" } }),
    key("name", { name: "" }),
    key("scopes", { scopes: [] }),
    key("types", { types: [] }),
    key("types.0", { types: [""] }),
    ...["id", "source", "type", "subject", "time", "datacontenttype", "dataschema"].map((name) =>
      event(name, { [name]: "" }),
    ),
    inBatch("id", { id: "" }),
    line("id", JSON.stringify({ ...EVENT, id: "" })),
    header("ce-id", ""),
    header("ce-source", ""),
    query("/v1/events?type="),
    query("/v1/audit?actor="),
  ],
  "is too long": [
    told(
      "must have at most \\d+ (characters|bytes)( when it is encoded| as headers| as JSON| in base64)?(, the [a-z_]+ of the bus)?",
    ),
    subscription("name", { name: "n".repeat(limits.NAME_CHARS_MAX + 1) }),
    subscription("sink", { sink: SINK.padEnd(limits.SINK_CHARS_MAX + 1, "s") }),
    subscription("sink", { sink: SINK + "é".repeat(limits.SINK_CHARS_MAX / 6) }),
    subscription("secret", { secret: secret(limits.SECRET_BYTES_MAX + 1) }),
    subscription("types.0", { types: ["t".repeat(limits.ATTRIBUTE_VALUE_BYTES_MAX + 1)] }),
    subscription("source", { source: "s".repeat(limits.ATTRIBUTE_VALUE_BYTES_MAX + 1) }),
    subscription("headers.x-a", { headers: { "x-a": "v".repeat(limits.SINK_HEADER_VALUE_CHARS_MAX + 1) } }),
    subscription("a header's name", { headers: { ["n".repeat(limits.SINK_HEADER_NAME_CHARS_MAX + 1)]: "v" } }),
    filter("comparison", { exact: { type: "t".repeat(limits.ATTRIBUTE_VALUE_BYTES_MAX + 1) } }),
    filter("name", { exact: { ["n".repeat(limits.ATTRIBUTE_NAME_CHARS_MAX + 1)]: "v" } }),
    key("name", { name: "n".repeat(limits.NAME_CHARS_MAX + 1) }),
    key("types.0", { types: ["t".repeat(limits.KEY_TYPE_CHARS_MAX + 1)] }),
    event("subject", { subject: "s".repeat(limits.ATTRIBUTE_VALUE_BYTES_MAX + 1) }),
    event("name", { ["n".repeat(limits.ATTRIBUTE_NAME_CHARS_MAX + 1)]: "v" }),
    event(
      "attributes",
      Object.fromEntries(Array.from("abcdefghijklmnopqrstuvwxyz", (one) => [one, "v".repeat(4_000)])),
    ),
    event("data", { data: "d".repeat(limits.EVENT_BYTES_MAX) }),
    inBatch("data", { data: "d".repeat(limits.EVENT_BYTES_MAX) }),
    query(`/v1/events?type=${"t".repeat(limits.ATTRIBUTE_VALUE_BYTES_MAX + 1)}`),
    place("POST", "/v1/keys")("body", {
      headers: { "content-type": "application/json" },
      body: " ".repeat(limits.MANAGEMENT_BYTES_MAX + 1),
    }),
    place("POST", "/v1/events")("body", { body: new Uint8Array(limits.REQUEST_BYTES_MAX + 1) }),
  ],
  "is half a character": [
    told("must not hold lone surrogates( unless it is JSON)?"),
    subscription("name", { name: "\ud800" }),
    subscription("types.0", { types: ["\ud800"] }),
    subscription("source", { source: "\ud800" }),
    filter("comparison", { exact: { type: "\ud800" } }),
    key("name", { name: "\ud800" }),
    key("types.0", { types: ["\ud800"] }),
    event("subject", { subject: "\ud800" }),
    event("data", { data: "\ud800", datacontenttype: "text/plain" }),
  ],
  "is no integer": [
    told("must be an integer"),
    subscription("timeout_ms", { timeout_ms: "15" }),
    subscription("timeout_ms", { timeout_ms: 1.5 }),
    subscription("retry.schedule_s.0", { retry: { schedule_s: [true] } }),
    bus("retention_days", { retention_days: "7" }),
    event("an extension", { tier: 1.5 }),
    header("fantail-hops", "many"),
    query("/v1/events?limit=1e2"),
    query("/v1/keys?limit="),
  ],
  "is too small or too large": [
    told("must be at (least|most) -?\\d+( in \\d+ s)?"),
    subscription("rate.limit", { rate: { limit: 1_001, period_s: 1 } }),
    subscription("rate.period_s", { rate: { limit: 1, period_s: 0 } }),
    subscription("concurrency", { concurrency: limits.PACE_CONCURRENCY_MAX + 1 }),
    subscription("timeout_ms", { timeout_ms: limits.TIMEOUT_MS_MIN - 1 }),
    subscription("timeout_ms", { timeout_ms: limits.TIMEOUT_MS_MAX + 1 }),
    bus("retention_days", { retention_days: 0 }),
    bus("event_bytes_max", { event_bytes_max: limits.EVENT_BYTES_MAX + 1 }),
    event("an extension", { tier: 2 ** 31 }),
    event("an extension", { tier: -(2 ** 31) - 1 }),
    header("fantail-hops", "6"),
    header("fantail-hops", "-1"),
    query("/v1/events?limit=0"),
    query("/v1/buses?limit=201"),
  ],
  "is no time": [
    told("must be a time as in RFC 3339, like 2026-01-31T12:00:00Z"),
    key("expires_at", { expires_at: "tomorrow" }),
    event("time", { time: "2026-01-31T12:00:00" }),
    publish("time of a short form", "application/json", { type: "t", time: "noon" }),
    header("ce-time", "noon"),
    query("/v1/events?since=yesterday"),
    query("/v1/deliveries?until=yesterday"),
    query("/v1/audit?since=2026"),
  ],
  "is none of some words": [
    told("must be one of [\\w.]+(, [\\w.]+)+"),
    subscription("format", { format: "xml" }),
    subscription("status", { status: "disabled" }),
    key("scopes.0", { scopes: ["root"] }),
    key("rate_limit", { rate_limit: "none" }),
    bus("log_level", { log_level: "none" }),
    query("/v1/deliveries?status=lost"),
    query("/v1/audit?action=lost"),
    query("/v1/health?lane=lost"),
  ],
  "is named wrongly": [
    told("must be named with .+ only"),
    filter("attribute", { exact: { Up: "v" } }),
    event("attribute", { uP: "v" }),
    header("ce-my-ext", "v"),
    subscription("headers.a:b", { headers: { "a(b": "v" } }),
  ],
  "must be absent": [
    told("must be absent.+"),
    subscription("headers.host", { headers: { host: "a" } }),
    header("ce-datacontenttype", "text/plain"),
    event("data_base64", { data: 1, data_base64: "AA==" }),
    place("POST", "/v1/keys")("if-match", { json: { scopes: ["read"] }, headers: { "if-match": "*" } }),
  ],
  "is no place": [
    told("must be a next_cursor of this list"),
    query("/v1/events?cursor=a"),
    query(`/v1/events?cursor=${encodeCursor("keys", ["a"])}`),
    query(`/v1/keys?cursor=${encodeCursor("keys", ["a"])}`),
    query(`/v1/deliveries?cursor=${encodeCursor("deliveries", ["a"])}`),
  ],
  "is no id": [
    told("must be the id of an? \\w+, [a-z]{3}_ and 26 characters"),
    query("/v1/deliveries?subscription_id=sub_1"),
    query("/v1/deliveries?event_id=sub_1"),
  ],
  "is no name of a bus": [
    told("must be 1 to 32 of a-z, 0-9 and hyphen"),
    place("PUT", "/v1/buses/EU")("", {}),
    header("fantail-bus", "EU"),
  ],
  "is not what it must be": [
    told("must (be|not be|have|hold|begin|not hold|not have|nest) .+"),
    ...["no-url", "http://a.example.com/", "https://u:p@a.example.com/", "https://a.example.com/#f"].map((sink) =>
      subscription("sink", { sink }),
    ),
    ...["https://10.0.0.1/", "https://intranet/", "https://a.local/", "https://a..b/"].map((sink) =>
      subscription("sink", { sink }),
    ),
    subscription("sink", { sink: "https://events.example.com/" }),
    subscription("secret", { secret: "hunter2" }),
    subscription("secret", { secret: "whsec_hunter2" }),
    subscription("secret", { secret: secret(limits.SECRET_BYTES_MIN - 1) }),
    subscription("headers.x-a", { headers: { "x-a": "\n" } }),
    filter("members", { exact: { type: "t" }, prefix: { type: "t" } }),
    filter("name", { exact: { data: "t" } }),
    filter(
      "depth",
      many(9, 0).reduce<object>((inner) => ({ not: inner }), { exact: { type: "t" } }),
    ),
    key("types.0", { types: ["a*b"] }),
    key("allowed_origins.0", { allowed_origins: ["https://a.example/"] }),
    key("types", { scopes: ["read"], types: ["t"] }),
    key("expires_at", { expires_at: "2001-01-01T00:00:00Z" }),
    key("expires_at", { expires_at: "9999-01-01T00:00:00Z" }),
    event("specversion", { specversion: "0.3" }),
    event("source", { source: "a b" }),
    event("datacontenttype", { datacontenttype: "json" }),
    event("dataschema", { dataschema: "/relative" }),
    event("an extension", { tier: {} }),
    header("ce-subject", "%"),
  ],
};

describe.each(Object.entries(KINDS))("what %s", (_, [words, ...places]) => {
  it.each(places)("%s", async (_name, ask) => {
    const details = await ask(fakeHttp());
    expect(details).not.toEqual([]);
    for (const detail of details) expect(detail).toMatch(words);
  });
});

const detailOf = async (path: string, asked: Asked): Promise<string> =>
  (await fakeHttp().ask("POST", path, asked)).json.detail;

it("several faults are counted in the same words", async () => {
  const headers = { "content-type": STRUCTURED };
  expect(await detailOf("/v1/subscriptions", { json: { sink: SINK, name: 1, typo: 1 } })).toBe(
    "name must be a string; 1 more in errors",
  );
  expect(await detailOf("/v1/keys", { json: { typo: 1 } })).toBe("scopes is required; 1 more in errors");
  expect(await detailOf("/v1/events", { headers, json: { ...EVENT, id: "", type: "" } })).toBe(
    "id must not be empty; 1 more in errors",
  );
  const batch = (...json: object[]) => detailOf("/v1/events", { headers: { "content-type": BATCH }, json });
  expect(await batch({ ...EVENT, id: "", type: "" })).toBe("id must not be empty; 1 more in errors");
  expect(await batch({ ...EVENT, id: "" }, {})).toBe("None of the 2 events can be accepted");
});

it("a number that is no safe integer is told its own bound", async () => {
  const json = { sink: SINK, timeout_ms: 1e300 };
  expect(await detailOf("/v1/subscriptions", { json })).toBe(`timeout_ms must be at most ${limits.TIMEOUT_MS_MAX}`);
});

it("a line of NDJSON is told the column, for its number stands beside", async () => {
  const body = `${JSON.stringify(EVENT)}\n{x}\n\n\xff\n`;
  const bytes = Uint8Array.from(body, (character) => character.charCodeAt(0));
  const { text } = await fakeHttp().ask("POST", "/v1/events", { headers: { "content-type": NDJSON }, body: bytes });
  const [, second, fourth] = text.split("\n").map((one) => (one === "" ? null : JSON.parse(one)));
  expect([second.line, second.problem.detail]).toEqual([2, "The line is not valid JSON at column 2"]);
  expect([fourth.line, fourth.problem.detail]).toEqual([4, "The line is not valid UTF-8"]);
});

it("no fault holds a secret or the value of a header", async () => {
  const { json } = await fakeHttp().ask("POST", "/v1/subscriptions", {
    json: { sink: SINK, secret: "hunter2", headers: { "x-a": "hunter2\n", host: "hunter2" } },
  });
  expect(json.errors).toHaveLength(3);
  expect(JSON.stringify(json)).not.toContain("hunter2");
});

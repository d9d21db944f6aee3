// Whatever is sent, no answer is a failure of ours, every refusal is a problem of the registry, and what is refused stores nothing.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { PROBLEM_BASE, PROBLEMS } from "../../src/core/problem.ts";
import { fakeHttp, type Answered, type FakeHttp } from "../http.ts";

const id = (prefix: string) => prefix + "0".repeat(26);
const segment = fc.oneof(
  fc.constantFrom(
    id("evt_"),
    id("sub_"),
    id("key_"),
    `dlv_${"0".repeat(52)}`,
    "default",
    "%",
    "%ff",
    "%00",
    "..",
    "a",
    "rotate",
    "retry",
    "explain",
    "test",
    "backtest",
    "import",
    "health",
  ),
  fc.string({ unit: "binary", maxLength: 20 }).map((text) => encodeURIComponent(text.toWellFormed())),
);
const path = fc
  .tuple(
    fc.constantFrom(
      "/v1/events",
      "/v1/deliveries",
      "/v1/subscriptions",
      "/v1/filters",
      "/v1/keys",
      "/v1/buses",
      "/v1/audit",
      "/v1/health",
      "/healthz",
      "/v1",
    ),
    fc.array(segment, { maxLength: 3 }),
  )
  .map(([root, rest]) => [root, ...rest].join("/"));
const method = fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");
const routes: readonly (readonly [string, string])[] = [
  ["POST", "/v1/events"],
  ["GET", "/v1/events"],
  ["GET", "/v1/deliveries"],
  ["POST", "/v1/subscriptions"],
  ["GET", "/v1/subscriptions"],
  ["POST", "/v1/filters/test"],
  ["POST", "/v1/filters/backtest"],
  ["POST", "/v1/filters/import"],
  ["POST", "/v1/keys"],
  ["GET", "/v1/keys"],
  ["PUT", "/v1/buses/new"],
  ["PATCH", "/v1/buses/default"],
  ["GET", "/v1/buses"],
  ["GET", "/v1/buses/default"],
  ["GET", "/v1/audit"],
  ["GET", "/v1/health"],
  ["GET", `/v1/subscriptions/${id("sub_")}/health`],
];
const target = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...routes) },
  { weight: 2, arbitrary: fc.tuple<[string, string]>(method, path) },
);

const parameter = fc.tuple(
  fc.oneof(
    fc.constantFrom(
      "limit",
      "cursor",
      "since",
      "until",
      "type",
      "source",
      "subject",
      "status",
      "event_id",
      "subscription_id",
      "explain",
      "target",
      "actor",
      "action",
      "lane",
      "breaker",
      "__proto__",
    ),
    fc.string({ maxLength: 5 }),
  ),
  fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.integer().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    // Cursors in all but their meaning.
    fc
      .tuple(
        fc.constantFrom("events", "deliveries", "subscriptions", "keys", "buses", "audit", "health", "backtest"),
        fc.array(fc.string({ maxLength: 5 }), { maxLength: 4 }),
      )
      .map(([kind, parts]) => Buffer.from(JSON.stringify([1, kind, ...parts])).toString("base64url")),
  ),
);
const query = fc.array(parameter, { maxLength: 3 }).map((pairs) => {
  const text = new URLSearchParams(
    pairs.map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]),
  ).toString();
  return text === "" ? "" : `?${text}`;
});

const headerValue = fc.oneof(
  fc.stringMatching(/^[ -~\t]{0,20}$/),
  fc.constantFrom("default", "0", "6", "*", '"1"', "gzip", "identity", "1.0", "é", "%ff", "99999999999999999999"),
);
const headers = fc.dictionary(
  fc.constantFrom(
    "fantail-bus",
    "fantail-hops",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "content-encoding",
    "ce-specversion",
    "ce-id",
    "ce-source",
    "ce-type",
    "ce-x",
    "traceparent",
    "tracestate",
  ),
  headerValue,
  { maxKeys: 3 },
);
const contentType = fc.oneof(
  { weight: 9, arbitrary: fc.constant("application/json") },
  { weight: 2, arbitrary: fc.constantFrom("application/cloudevents+json", "application/cloudevents-batch+json") },
  { weight: 1, arbitrary: fc.stringMatching(/^[ -~]{0,30}$/) },
);

const name = fc.oneof(
  fc.constantFrom(
    "sink",
    "types",
    "source",
    "filters",
    "format",
    "headers",
    "timeout_ms",
    "retry",
    "schedule_s",
    "permanent",
    "rate",
    "limit",
    "period_s",
    "concurrency",
    "status",
    "secret",
    "name",
    "scopes",
    "allowed_origins",
    "rate_limit",
    "expires_at",
    "overlap_s",
    "retention_days",
    "log_level",
    "event_bytes_max",
    "request_bytes_max",
    "event",
    "from",
    "subscription_id",
    "since",
    "until",
    "limit",
    "cursor",
  ),
  fc.constantFrom(
    "specversion",
    "id",
    "type",
    "data",
    "data_base64",
    "datacontenttype",
    "time",
    "subject",
    "exact",
    "all",
    "not",
    "__proto__",
    "constructor",
    "toString",
  ),
  fc.string({ maxLength: 5 }),
);
const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true }),
  fc.string({ maxLength: 10 }),
  fc.constantFrom(
    "https://a.example.com/",
    "active",
    "paused",
    "read",
    "publish",
    "1.0",
    "/shop",
    "structured",
    "whsec_",
    "order.*",
    "https://shop.example.com",
    "low",
    "failures",
    "2027-01-01T00:00:00Z",
    7,
    1_000,
    5_000,
  ),
);
const { json } = fc.letrec<{ json: unknown; list: unknown; object: unknown }>((tie) => ({
  json: fc.oneof({ maxDepth: 4 }, scalar, tie("list"), tie("object")),
  list: fc.array(tie("json"), { maxLength: 4 }),
  // From entries, because a member named __proto__ is one too.
  object: fc.array(fc.tuple(name, tie("json")), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
}));
const almostEvent = fc.tuple(fc.array(fc.tuple(name, json), { maxLength: 2 }), fc.boolean()).map(([entries, batch]) => {
  const event = { specversion: "1.0", id: "A-1", source: "/shop", type: "a", ...Object.fromEntries(entries) };
  return batch ? [event, event] : event;
});
const body = fc.oneof(
  { weight: 3, arbitrary: almostEvent.map((value) => JSON.stringify(value)) },
  { weight: 6, arbitrary: json.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 50 }) },
  { weight: 1, arbitrary: fc.constantFrom("", "{", "[[[[", '{"a":1}x', "\ufeff{}", '"\\ud800"') },
);
/** Mostly nothing, because one thing that is wrong hides all others. */
const often = <T>(nothing: T, arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(nothing) }, { weight: 1, arbitrary });
const request = fc.record({ target, query: often("", query), headers: often({}, headers), contentType, body });
type FuzzedRequest = typeof request extends fc.Arbitrary<infer T> ? T : never;

function send(
  http: FakeHttp,
  { target: [verb, at], query: search, headers: extra, contentType: type, body: content }: FuzzedRequest,
) {
  const withBody =
    verb === "GET" || verb === "HEAD" ? {} : { body: typeof content === "string" ? content : content.slice() };
  return http.ask(verb, at + search, { headers: { ...extra, "content-type": type }, ...withBody });
}

function expectSound({ status, headers: given, json: answer }: Answered, verb: string): void {
  expect(status).toBeLessThan(500);
  expect(given.get("x-request-id")).toMatch(/^req_[0-9a-z]{26}$/);
  if (status < 400 || verb === "HEAD") return;
  expect(given.get("content-type")).toBe("application/problem+json");
  expect(Object.keys(PROBLEMS).map((slug) => PROBLEM_BASE + slug)).toContain(answer.type);
  expect(answer).toMatchObject({ status, instance: given.get("x-request-id"), detail: expect.stringMatching(/[^.]$/) });
}

it("arbitrary requests get no 5xx, and refused ones store nothing", async () => {
  const http = fakeHttp({ buses: 1_000, keys: 1_000, subscriptions: 1_000 });
  await fc.assert(
    fc.asyncProperty(request, async (one) => {
      const before = [
        http.stores.stored(),
        http.stores.entries.length,
        http.ingest.published.length,
        http.routes.changes.length,
        http.wakes.wakes.length,
      ];
      const answer = await send(http, one);
      expectSound(answer, one.target[0]);
      if (answer.status >= 400)
        expect([
          http.stores.stored(),
          http.stores.entries.length,
          http.ingest.published.length,
          http.routes.changes.length,
          http.wakes.wakes.length,
        ]).toEqual(before);
    }),
    { numRuns: 600 },
  );
}, 30_000);

it("arbitrary members of a subscription get no 5xx, are stored whole or not at all, and hide their secrets", async () => {
  const http = fakeHttp({ buses: 1, keys: 1, subscriptions: 10_000 });
  const member = fc.array(fc.tuple(name, json), { maxLength: 2 }).map((entries) => Object.fromEntries(entries));
  const made = (await http.ask("POST", "/v1/subscriptions", { json: { sink: "https://a.example.com/" } })).json;
  await fc.assert(
    fc.asyncProperty(member, fc.boolean(), async (members, create) => {
      const before = http.stores.stored();
      const answer = create
        ? await http.ask("POST", "/v1/subscriptions", { json: { sink: "https://a.example.com/", ...members } })
        : await http.ask("PATCH", `/v1/subscriptions/${made.id}`, { json: members });
      expectSound(answer, "POST");
      if (answer.status >= 400) {
        expect(http.stores.stored()).toBe(before);
        expect(answer.json.errors.length).toBeGreaterThan(0);
      } else {
        expect(Object.values(answer.json.headers).every((value) => value === "…")).toBe(true);
        const read = await http.ask("GET", `/v1/subscriptions/${answer.json.id}`);
        expect(read.json).toEqual({ ...answer.json, secret: undefined });
      }
    }),
    { numRuns: 300 },
  );
}, 30_000);

it("arbitrary members of a key and of a bus get no 5xx, are stored whole or not at all, and can be sent back", async () => {
  const http = fakeHttp({ buses: 10, keys: 10_000, subscriptions: 1 });
  const made = (await http.ask("POST", "/v1/keys", { json: { scopes: ["publish"] } })).json;
  const member = fc.array(fc.tuple(name, json), { maxLength: 2 }).map((entries) => Object.fromEntries(entries));
  const places = [
    { verb: "POST", at: "/v1/keys", base: { scopes: ["publish"] } },
    { verb: "POST", at: `/v1/keys/${made.id}/rotate`, base: {} },
    { verb: "PATCH", at: `/v1/keys/${made.id}`, base: {} },
    { verb: "PATCH", at: "/v1/buses/default", base: {} },
    { verb: "PUT", at: "/v1/buses/new", base: {} },
  ] as const;
  await fc.assert(
    fc.asyncProperty(member, fc.constantFrom(...places), async (members, { verb, at, base }) => {
      const before = http.stores.stored();
      const answer = await http.ask(verb, at, { json: { ...base, ...members } });
      expectSound(answer, verb);
      if (answer.status >= 400) {
        expect(http.stores.stored()).toBe(before);
        return;
      }
      const { key: _, replaces: _replaces, ...shown } = answer.json;
      const own = at.startsWith("/v1/buses") ? at : `/v1/keys/${shown.id}`;
      expect((await http.ask("GET", own)).json).toEqual(shown);
      const { effective_at: _at, version: _version, updated_at: _updated, ...kept } = shown;
      expect((await http.ask("PATCH", own, { json: shown })).json).toMatchObject(kept);
    }),
    { numRuns: 300 },
  );
}, 30_000);

it("arbitrary keys are 401 and cost no look-up", async () => {
  const http = fakeHttp();
  const key = fc.oneof(
    fc.stringMatching(/^[!-~]{1,60}$/),
    fc.stringMatching(/^ftk_[a-z0-9-]{1,32}_[0-9A-Za-z]{22}_[0-9A-Za-z]{8}$/),
  );
  await fc.assert(
    fc.asyncProperty(key, request, async (made, one) => {
      const answer = await send(
        { ...http, ask: (verb, at, asked) => http.ask(verb, at, { ...asked, key: made }) },
        { ...one, target: ["POST", "/v1/events"] },
      );
      expect(answer.status).toBe(401);
      expect(http.routes.lookups).toBe(0);
    }),
    { numRuns: 100 },
  );
}, 30_000);

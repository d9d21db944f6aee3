// The document itself: well made, true of the routes, and with the figures of core/limits.ts.
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { describe, expect, it } from "vitest";
import * as limits from "../../src/core/limits.ts";
import { PROBLEM_BASE, PROBLEMS } from "../../src/core/problem.ts";
import { VERSION } from "../../src/version.ts";
import { openApiDocument } from "../../src/http/contract/document.ts";
import { checkExchange, DOCUMENT, exampleFault, PENDING, type DescribedOperation } from "../contract.ts";
import { fakeHttp, keyWith, ROOT } from "../http.ts";

const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

const schemas = (DOCUMENT.components as unknown as { schemas: Record<string, Record<string, unknown>> }).schemas;

it("the linter finds nothing in it", async () => {
  const config = await createConfig({
    extends: ["recommended-strict"],
    rules: {
      "no-unused-components": "error",
      "operation-description": "error",
      "operation-singular-tag": "error",
      "no-path-trailing-slash": "error",
      "no-http-verbs-in-paths": "error",
      "path-declaration-must-exist": "error",
      "response-contains-header": {
        severity: "error",
        names: { "2xx": ["x-request-id"], "4xx": ["x-request-id"], "5xx": ["x-request-id"] },
      },
      // `GET /healthz` and `GET /openapi.json` take nothing that could be wrong.
      "operation-4xx-response": "off",
    },
  });
  const source = JSON.stringify(DOCUMENT);
  const found = await lintFromString({ source, absoluteRef: "/openapi.json", config });
  expect(found.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
});

it("operations have names of their own, and what only paths without a key lack", () => {
  const ids = OPERATIONS.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { path, operation } of OPERATIONS) {
    const expected = path.startsWith("/v1/") ? ["401", "403", "500", "503"] : ["500"];
    expect([path, Object.keys(operation.responses)]).toEqual([path, expect.arrayContaining(expected)]);
  }
});

it("it is the same document every time, with the version of Fantail", () => {
  expect(openApiDocument(VERSION).info.version).toBe(VERSION);
  expect(JSON.stringify(openApiDocument("0.1.0"))).toBe(JSON.stringify(DOCUMENT));
});

describe("routes", () => {
  const { app } = fakeHttp();
  const routed = new Set(
    app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`),
  );

  it("every route is in the document", () => {
    const described = new Set(OPERATIONS.map(({ method, path }) => `${method} ${path}`));
    expect([...routed].filter((route) => !described.has(route) && !route.startsWith("OPTIONS "))).toEqual([]);
  });

  it("every operation of the document has a route", () => {
    const missing = OPERATIONS.filter(({ method, path }) => !routed.has(`${method} ${path}`));
    expect(
      missing.flatMap(({ operation: { operationId } }) => (PENDING.has(operationId) ? [] : [operationId])),
    ).toEqual([]);
  });

  it("PENDING names only operations of the document", () => {
    const ids = new Set(["OPTIONS", ...OPERATIONS.map(({ operation }) => operation.operationId)]);
    expect([...PENDING].filter((id) => !ids.has(id))).toEqual([]);
  });
});

describe("keys", () => {
  const BUILT = OPERATIONS.filter(({ operation }) => !PENDING.has(operation.operationId));
  const named = BUILT.map((one) => [one.operation.operationId, one] as const);

  it.each(named)("%s asks for the scopes that the document names", async (_, { path, method, operation }) => {
    const http = fakeHttp();
    const security = (operation as DescribedOperation & { security: Record<string, string[]>[] }).security;
    const target = path.replaceAll(/\{\w+\}/g, "x");
    const statusWith = async (key: string | null) => (await http.ask(method, target, { key })).status;
    if (security.length === 0) return expect(await statusWith(null)).toBe(200);
    expect(await statusWith(null)).toBe(401);
    expect([401, 403]).not.toContain(await statusWith(ROOT));
    for (const scope of ["publish", "read", "manage"]) {
      const isEnough = security.some(({ key }) => key?.includes(scope));
      const status = await statusWith(await keyWith(http, [scope]));
      expect([scope, status === 403]).toEqual([scope, !isEnough]);
    }
  });
});

describe("problems", () => {
  it("every slug occurs at an operation with its status, and no other", () => {
    const found = OPERATIONS.flatMap(({ operation }) =>
      Object.entries(operation.responses).flatMap(([status, { content }]) =>
        Object.keys(content?.["application/problem+json"]?.examples ?? {}).map((slug) => `${slug} ${status}`),
      ),
    );
    const all = Object.entries(PROBLEMS).map(([slug, { status }]) => `${slug} ${status}`);
    // No operation is one whose method is not allowed: that is said once, for all paths.
    expect(new Set([...found, "method-not-allowed 405"])).toEqual(new Set(all));
  });

  it("the schema has all types", () => {
    const types = Object.keys(PROBLEMS).map((slug) => PROBLEM_BASE + slug);
    expect(schemas["Problem"]).toMatchObject({ properties: { type: { enum: types } } });
  });
});

// ---- Examples ----------------------------------------------------------------------------------------------------

/** Every example with the schema that it must fit, by its place. */
function examplesIn(value: unknown, place: string): (readonly [place: string, schema: unknown, example: unknown])[] {
  if (typeof value !== "object" || value === null) return [];
  const { schema, example, examples } = value as Record<string, unknown>;
  const own =
    schema !== undefined
      ? [
          ...(example === undefined ? [] : [[place, schema, example] as const]),
          ...Object.entries((examples as Record<string, { value?: unknown; $ref?: string }>) ?? {}).map(
            ([name, one]) => [`${place} ${name}`, schema, one.value ?? exampleAt(one.$ref)] as const,
          ),
        ]
      : Array.isArray(examples)
        ? examples.map((one) => [place, value, one] as const)
        : [];
  const rest = Object.entries(value).filter(([name]) => name !== "example" && name !== "examples");
  return [...own, ...rest.flatMap(([name, member]) => examplesIn(member, `${place}/${name}`))];
}

function exampleAt(ref: string | undefined): unknown {
  const { examples } = DOCUMENT.components as unknown as { examples: Record<string, { value: unknown }> };
  return examples[ref?.split("/").at(-1) ?? ""]?.value;
}

const EXAMPLES = examplesIn(DOCUMENT, "");

it("every example fits its schema", () => {
  expect(EXAMPLES.length).toBeGreaterThan(100);
  const faults = EXAMPLES.map(([place, schema, example]) => [place, exampleFault(schema, example)]);
  expect(faults.filter(([, fault]) => fault !== null)).toEqual([]);
});

it("every body has an example", () => {
  const bare = OPERATIONS.flatMap(({ operation }) => {
    const contents = [
      operation.requestBody?.content,
      ...Object.values(operation.responses).map(({ content }) => content),
    ];
    return contents.flatMap((content) =>
      Object.entries(content ?? {})
        .filter(([type, media]) => type !== "*/*" && media.example === undefined && media.examples === undefined)
        .map(([type]) => `${operation.operationId} ${type}`),
    );
  });
  expect(bare).toEqual([]);
});

it("lines of NDJSON examples fit the schema of a line", () => {
  const texts = OPERATIONS.flatMap(({ operation }) =>
    [operation.requestBody?.content, ...Object.values(operation.responses).map(({ content }) => content)].flatMap(
      (content) => content?.["application/x-ndjson"] ?? [],
    ),
  );
  expect(texts.length).toBeGreaterThan(1);
  for (const { schema, example } of texts)
    for (const line of String(example).trim().split("\n"))
      expect(exampleFault(schema?.["x-line-schema"], JSON.parse(line))).toBeNull();
});

// ---- Limits ------------------------------------------------------------------------------------------------------

const list = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const members = (count: number, value: unknown) => Object.fromEntries(list(count, (index) => [`a${index}`, value]));
const SINK = "https://a.example.com/";

/** A member of a component, with the largest and smallest that it may be. `at(n)` makes a value of that size. */
const LIMITS: [schema: string, what: string, most: number, at: (size: number) => unknown, least?: number][] = [
  ["SubscriptionCreate", "name", limits.NAME_CHARS_MAX, (n) => ({ sink: SINK, name: "x".repeat(n) }), 1],
  ["SubscriptionCreate", "sink", limits.SINK_CHARS_MAX, (n) => ({ sink: SINK.padEnd(n, "x").slice(0, n) }), 1],
  ["SubscriptionCreate", "types", limits.TYPES_MAX, (n) => ({ sink: SINK, types: list(n, String) }), 0],
  [
    "SubscriptionCreate",
    "a type",
    limits.ATTRIBUTE_VALUE_BYTES_MAX,
    (n) => ({ sink: SINK, types: ["x".repeat(n)] }),
    1,
  ],
  ["SubscriptionCreate", "source", limits.ATTRIBUTE_VALUE_BYTES_MAX, (n) => ({ sink: SINK, source: "x".repeat(n) }), 1],
  [
    "SubscriptionCreate",
    "filters",
    limits.FILTERS_MAX,
    (n) => ({ sink: SINK, filters: list(n, () => ({ exact: { a: "b" } })) }),
    0,
  ],
  ["SubscriptionCreate", "headers", limits.SINK_HEADERS_MAX, (n) => ({ sink: SINK, headers: members(n, "x") }), 0],
  [
    "SubscriptionCreate",
    "a header's name",
    limits.SINK_HEADER_NAME_CHARS_MAX,
    (n) => ({ sink: SINK, headers: { ["x".repeat(n)]: "x" } }),
    1,
  ],
  [
    "SubscriptionCreate",
    "a header's value",
    limits.SINK_HEADER_VALUE_CHARS_MAX,
    (n) => ({ sink: SINK, headers: { x: "x".repeat(n) } }),
    1,
  ],
  [
    "SubscriptionCreate",
    "timeout_ms",
    limits.TIMEOUT_MS_MAX,
    (n) => ({ sink: SINK, timeout_ms: n }),
    limits.TIMEOUT_MS_MIN,
  ],
  [
    "SubscriptionCreate",
    "retry.schedule_s",
    limits.RETRY_SCHEDULE_MAX,
    (n) => ({ sink: SINK, retry: { schedule_s: list(n, () => 1) } }),
    0,
  ],
  [
    "SubscriptionCreate",
    "a delay",
    limits.RETRY_DELAY_SECONDS_MAX,
    (n) => ({ sink: SINK, retry: { schedule_s: [n] } }),
    1,
  ],
  [
    "SubscriptionCreate",
    "retry.permanent",
    limits.RETRY_PERMANENT_MAX,
    (n) => ({ sink: SINK, retry: { permanent: list(n, () => 400) } }),
    0,
  ],
  ["Filter", "attributes", limits.ATTRIBUTES_MAX, (n) => ({ exact: members(n, "x") }), 1],
  ["Filter", "an attribute's name", limits.ATTRIBUTE_NAME_CHARS_MAX, (n) => ({ prefix: { ["x".repeat(n)]: "x" } }), 1],
  ["Filter", "a string", limits.ATTRIBUTE_VALUE_BYTES_MAX, (n) => ({ suffix: { type: "x".repeat(n) } }), 1],
  ["KeyCreate", "name", limits.NAME_CHARS_MAX, (n) => ({ scopes: ["read"], name: "x".repeat(n) }), 1],
  ["KeyCreate", "scopes", 3, (n) => ({ scopes: list(n, () => "read") }), 1],
  ["KeyCreate", "types", limits.KEY_TYPES_MAX, (n) => ({ scopes: ["publish"], types: list(n, String) }), 1],
  [
    "KeyCreate",
    "allowed_origins",
    limits.KEY_ORIGINS_MAX,
    (n) => ({ scopes: ["publish"], allowed_origins: list(n, () => "https://a.example.com") }),
    1,
  ],
  [
    "KeyCreate",
    "an origin",
    limits.KEY_ORIGIN_CHARS_MAX,
    (n) => ({ scopes: ["publish"], allowed_origins: ["https://".padEnd(n, "x")] }),
  ],
  ["KeyRotate", "overlap_s", limits.KEY_OVERLAP_SECONDS_MAX, (n) => ({ overlap_s: n }), 0],
  [
    "BusSettings",
    "retention_days",
    limits.RETENTION_DAYS_MAX,
    (n) => ({ retention_days: n }),
    limits.RETENTION_DAYS_MIN,
  ],
  ["BusSettings", "event_bytes_max", limits.EVENT_BYTES_MAX, (n) => ({ event_bytes_max: n }), limits.BUS_BYTES_MIN],
  [
    "BusSettings",
    "request_bytes_max",
    limits.REQUEST_BYTES_MAX,
    (n) => ({ request_bytes_max: n }),
    limits.BUS_BYTES_MIN,
  ],
  [
    "EventBatch",
    "events",
    limits.BATCH_EVENTS_MAX,
    (n) => list(n, () => ({ specversion: "1.0", id: "1", source: "/", type: "t" })),
    0,
  ],
  [
    "Event",
    "id",
    limits.ATTRIBUTE_VALUE_BYTES_MAX,
    (n) => ({ specversion: "1.0", id: "x".repeat(n), source: "/", type: "t" }),
    1,
  ],
  [
    "Event",
    "an integer",
    2_147_483_647,
    (n) => ({ specversion: "1.0", id: "1", source: "/", type: "t", a: n }),
    -2_147_483_648,
  ],
];

it.each(LIMITS)("%s: %s is held to its limit", (name, _, most, at, least) => {
  const schema = { $ref: `#/components/schemas/${name}` };
  expect(exampleFault(schema, at(most))).toBeNull();
  expect(exampleFault(schema, at(most + 1))).not.toBeNull();
  if (least === undefined) return;
  expect(exampleFault(schema, at(least))).toBeNull();
  if (least !== 0 || name === "KeyRotate") expect(exampleFault(schema, at(least - 1))).not.toBeNull();
});

it("parameters are held to their limits", () => {
  const limit = OPERATIONS.find(({ operation }) => operation.operationId === "listEvents")?.operation.parameters?.find(
    (one) => "name" in one && one.name === "limit",
  );
  expect(limit).toMatchObject({
    schema: { type: "integer", minimum: 1, maximum: limits.LIST_LIMIT_MAX, default: limits.LIST_LIMIT_DEFAULT },
  });
  const parameters = DOCUMENT.components.parameters;
  const key = parameters["idempotency-key"]?.schema;
  expect(exampleFault(key, "x".repeat(limits.IDEMPOTENCY_KEY_CHARS_MAX))).toBeNull();
  expect(exampleFault(key, "x".repeat(limits.IDEMPOTENCY_KEY_CHARS_MAX + 1))).not.toBeNull();
  expect(parameters["fantail-hops"]?.schema).toMatchObject({ minimum: 0, maximum: limits.HOPS_MAX });
});

// ---- Served ------------------------------------------------------------------------------------------------------

describe("GET /openapi.json", () => {
  it("answers the document to anybody, and lets it be kept", async () => {
    const answer = await fakeHttp().ask("GET", "/openapi.json", { key: null });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(answer.headers.get("cache-control")).toBe(`public, max-age=${limits.OPENAPI_MAX_AGE_SECONDS}`);
    expect(answer.json).toEqual(JSON.parse(JSON.stringify(openApiDocument("1.2.3"))));
  });

  it.each(["", "W/", '"other", '])("answers 304 to its ETag behind %j", async (before) => {
    const http = fakeHttp();
    const etag = (await http.ask("HEAD", "/openapi.json", { key: null })).headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    const headers = { "if-none-match": before + etag };
    const again = await http.ask("GET", "/openapi.json", { key: null, headers });
    expect([again.status, again.text, again.headers.get("etag")]).toEqual([304, "", etag]);
  });

  it("answers in full to another ETag", async () => {
    const http = fakeHttp();
    const headers = { "if-none-match": '"other"' };
    expect((await http.ask("GET", "/openapi.json", { key: null, headers })).status).toBe(200);
    expect((await http.ask("GET", "/openapi.json", { headers: { "if-none-match": "*" } })).status).toBe(304);
  });
});

// ---- The checker -------------------------------------------------------------------------------------------------

describe("checkExchange", () => {
  const REQUEST_ID = "req_01jd3x8k0v7q2m9c4n5t6w8y0z";
  const GOOD = { status: "ok", version: "0.1.0" };
  const check = (
    [method, path, body]: readonly [string, string, string?],
    [status, json, headers]: readonly [number, unknown, Record<string, string>?],
  ) =>
    checkExchange(
      {
        method,
        url: `https://x.test${path}`,
        headers: new Headers({ "content-type": "application/json" }),
        body: body ?? null,
      },
      {
        status,
        text: json === null ? "" : JSON.stringify(json),
        headers: new Headers({
          "x-request-id": REQUEST_ID,
          "cache-control": "no-store",
          "content-type": status < 400 ? "application/json" : "application/problem+json",
          ...headers,
        }),
      },
    );
  const problem = (slug: string, status: number) => ({
    type: PROBLEM_BASE + slug,
    title: "t",
    status,
    instance: REQUEST_ID,
  });
  const receipt = { accepted: 0, rejected: 0, events: [] };

  it("takes what the document says", async () => {
    await check(["GET", "/healthz"], [200, GOOD]);
    await check(["HEAD", "/healthz"], [200, null]);
    await check(["GET", "/nowhere"], [404, problem("not-found", 404)]);
    await check(["DELETE", "/healthz"], [405, problem("method-not-allowed", 405)]);
    await check(["POST", "/v1/events", '{"type":"t"}'], [202, receipt]);
    await check(["POST", "/v1/events", '{"typo":"t"}'], [422, problem("invalid-event", 422)]);
  });

  it.each([
    ["an unknown path", ["GET", "/nowhere"], [200, GOOD], /path is unknown/],
    ["an unknown method", ["DELETE", "/healthz"], [204, null], /method is unknown/],
    ["an unknown status", ["GET", "/healthz"], [202, GOOD], /getHealth has no such status/],
    ["no request id", ["GET", "/healthz"], [200, GOOD, { "x-request-id": "" }], /x-request-id/],
    ["a member too many", ["GET", "/healthz"], [200, { ...GOOD, more: 1 }], /getHealth, in the answer.*more/],
    ["a member too few", ["GET", "/healthz"], [200, { status: "ok" }], /version/],
    ["another content type", ["GET", "/healthz"], [200, GOOD, { "content-type": "text/html" }], /content type/],
    ["a missing header", ["GET", "/openapi.json"], [304, null], /etag is missing/],
    ["a problem of another operation", ["GET", "/v1/deliveries"], [400, problem("malformed-json", 400)], /none of/],
    ["a problem without its header", ["GET", "/v1/deliveries"], [503, problem("unavailable", 503)], /retry-after/],
    ["a request that should be refused", ["POST", "/v1/events", '{"typo":"t"}'], [202, receipt], /in the request/],
    [
      "an unknown parameter",
      ["GET", "/v1/deliveries?typo=1"],
      [200, { data: [], next_cursor: null }],
      /typo is unknown/,
    ],
    ["a parameter out of range", ["GET", "/v1/deliveries?limit=201"], [200, { data: [], next_cursor: null }], /limit/],
    ["a body in 204", ["DELETE", "/v1/subscriptions/x"], [204, GOOD], /there is a body/],
  ] as const)("refuses %s", async (_, request, answer, message) => {
    await expect(check(request, answer)).rejects.toThrow(message);
  });
});

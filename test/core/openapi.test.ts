// The document itself: well made, true of the routes, and with the figures of core/limits.ts.
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { describe, expect, it } from "vitest";
import type { Members } from "../../src/core/json-value.ts";
import * as limits from "../../src/core/limits.ts";
import { PROBLEM_BASE, PROBLEMS } from "../../src/core/problem.ts";
import { VERSION } from "../../src/version.ts";
import { openApiDocument } from "../../src/http/contract/document.ts";
import { DOCUMENT, exampleFault, pathAt, type DescribedOperation } from "../contract.ts";
import { fakeHttp, keyWith, limitedKey, ROOT, type Answered, type FakeHttp } from "../http.ts";

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
  const faults = found.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer]);
  expect(faults).toEqual([]);
});

/** What the document says that lets somebody in: nothing where no key is needed. */
const securityOf = (operation: DescribedOperation): readonly Record<string, string[]>[] =>
  (operation as DescribedOperation & { security: Record<string, string[]>[] }).security;

it("operations have names of their own, and what only paths without a key lack", () => {
  const ids = OPERATIONS.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { path, operation } of OPERATIONS) {
    const expected = securityOf(operation).length > 0 ? ["401", "403", "500", "503"] : ["500"];
    expect([path, Object.keys(operation.responses)]).toEqual([path, expect.arrayContaining(expected)]);
  }
});

it("wherever there is a body it may come compressed, and the document says so", async () => {
  const withBody = OPERATIONS.filter(({ operation }) => operation.requestBody !== undefined);
  expect(withBody.length).toBeGreaterThan(5);
  for (const { path, method, operation } of withBody) {
    const refs = operation.parameters?.map((one) => ("$ref" in one ? one.$ref : one.name));
    expect([path, refs]).toEqual([path, expect.arrayContaining(["#/components/parameters/content-encoding"])]);
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const answer = await fakeHttp().ask(method, pathAt(path, method), { body: "no gzip", headers });
    expect([path, answer.json.type]).toEqual([path, `${PROBLEM_BASE}malformed-body`]);
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
    expect(missing.map(({ operation: { operationId } }) => operationId)).toEqual([]);
  });
});

describe("keys", () => {
  const named = OPERATIONS.map((one) => [one.operation.operationId, one] as const);

  it.each(named)("%s asks for the scopes that the document names", async (_, { path, method, operation }) => {
    const http = fakeHttp();
    const security = securityOf(operation);
    const target = pathAt(path, method);
    const statusWith = async (key: string | null) => (await http.ask(method, target, { key })).status;
    if (security.length === 0) return expect([401, 403]).not.toContain(await statusWith(null));
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

describe("the problem of an example is told in these words", () => {
  const DELIVERY = "/v1/deliveries/dlv_7zmq4w2x9c1v5b8n3k6j0h4g2f01jd3x8k0v7q2m9c4n5t6w8y0z";
  const EVENTS = "/v1/events";
  const SINK = "https://billing.example.com/hooks";
  const event = { specversion: "1.0", id: "A-1", source: "/shop", type: "t" };
  const once = { "idempotency-key": "one" };

  const limited = async (http: FakeHttp) => {
    const { key, id } = await limitedKey(http, {});
    http.rateLimits.refused.add(id);
    return http.ask("POST", EVENTS, { key, json: event });
  };
  const retried = (outcome: "attempt-in-progress" | "event-erased") => (http: FakeHttp) => {
    const [eventId, subscriptionId] = [`evt_${DELIVERY.slice(19, 45)}`, `sub_${DELIVERY.slice(45)}`];
    const key = { bus: "default", seq: "0".repeat(26), subscriptionId, run: "" };
    const row = { key, eventId, type: "t", state: "dead", attempt: 1, dueMs: null, cause: null, attempts: "[]" };
    http.record.deliveryRows.push(row);
    http.record.retry = async () => outcome;
    return http.ask("POST", `${DELIVERY}/retry`);
  };

  const TOLD: Readonly<Record<string, (http: FakeHttp) => Promise<Answered>>> = {
    "malformed-body": (http) => {
      const body = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
      return http.ask("POST", EVENTS, { body, headers: { "content-type": "application/json" } });
    },
    "malformed-json": (http) =>
      http.ask("POST", "/v1/keys", { body: '{ "scopes": [1] 2 }', headers: { "content-type": "application/json" } }),
    "invalid-parameter": (http) => http.ask("GET", "/v1/keys?limit=201"),
    "invalid-header": (http) => http.ask("GET", "/v1/keys", { headers: { "fantail-bus": "EU" } }),
    unauthorized: (http) => http.ask("GET", "/v1/keys", { key: "wrong" }),
    forbidden: async (http) => http.ask("GET", "/v1/keys", { key: await keyWith(http, ["read"]) }),
    "bus-not-found": (http) => http.ask("GET", "/v1/buses/eu"),
    "method-not-allowed": (http) => http.ask("DELETE", "/healthz"),
    "attempt-in-progress": retried("attempt-in-progress"),
    "event-erased": retried("event-erased"),
    "bus-being-deleted": async (http) => {
      await http.ask("PUT", "/v1/buses/eu");
      await http.ask("DELETE", "/v1/buses/eu");
      return http.ask("PUT", "/v1/buses/eu");
    },
    "limit-reached": async (http) => {
      for (let made = 0; made < 10; made++) await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] } });
      return http.ask("POST", "/v1/keys", { json: { scopes: ["read"] } });
    },
    "version-mismatch": async (http) => {
      const { id } = (await http.ask("POST", "/v1/subscriptions", { json: { sink: SINK } })).json;
      return http.ask("DELETE", `/v1/subscriptions/${id}`, { headers: { "if-match": '"99"' } });
    },
    "payload-too-large": (http) =>
      http.ask("POST", "/v1/keys", {
        body: " ".repeat(limits.MANAGEMENT_BYTES_MAX + 1),
        headers: { "content-type": "application/json" },
      }),
    "unsupported-media-type": (http) =>
      http.ask("POST", "/v1/keys", { body: "", headers: { "content-type": "text/plain" } }),
    "invalid-event": (http) => http.ask("POST", EVENTS, { json: { ...event, source: undefined } }),
    "invalid-request": (http) =>
      http.ask("POST", "/v1/subscriptions", { json: { sink: SINK, timeout_ms: limits.TIMEOUT_MS_MAX + 1 } }),
    "idempotency-key-reused": async (http) => {
      await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] }, headers: once });
      return http.ask("POST", "/v1/keys", { json: { scopes: ["manage"] }, headers: once });
    },
    "too-many-hops": (http) => http.ask("POST", EVENTS, { json: event, headers: { "fantail-hops": "6" } }),
    "too-many-streams": (http) => {
      http.tail.state.isFull = true;
      return http.ask("GET", "/v1/events/stream");
    },
    "rate-limited": limited,
    unavailable: (http) => {
      http.ingest.away = true;
      return http.ask("POST", EVENTS, { json: event });
    },
  };
  /** Said once for everything that can be missing; without a word. */
  const UNTOLD = ["not-found", "internal-error"];

  it.for(Object.keys(PROBLEMS).filter((slug) => !UNTOLD.includes(slug)))("%s", async (slug) => {
    const told = await TOLD[slug]?.(fakeHttp());
    expect(told?.json.type).toBe(PROBLEM_BASE + slug);
    if (slug === "method-not-allowed") return;
    const { detail, errors } = exampleAt(`#/components/examples/${slug}`) as Members;
    const inGeneral = (text: unknown) => String(text).replaceAll(/\d+/g, "0");
    expect([inGeneral(told?.json.detail), told?.json.errors]).toEqual([inGeneral(detail), errors]);
  });
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
      expect(exampleFault(schema?.["contentSchema"]?.items, JSON.parse(line))).toBeNull();
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

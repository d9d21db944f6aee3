// What all requests to the API have in common: ids, problems, methods, caps on bodies, failures of ours.
import { expect, it } from "vitest";
import { FAULT_NAME_CHARS_MAX, MANAGEMENT_BYTES_MAX } from "../../src/core/limits.ts";
import { Unavailable } from "../../src/ports.ts";
import { fakeHttp, keyWith, ROOT } from "../http.ts";

const endless = (chunkBytes: number) => {
  const state = { pulled: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      state.pulled += chunkBytes;
      controller.enqueue(new Uint8Array(chunkBytes).fill(32));
    },
    cancel() {
      state.cancelled = true;
    },
  });
  return { state, stream };
};

it("healthz answers without a key, and asks nobody", async () => {
  const http = fakeHttp();
  http.routes.away = true;
  const answer = await http.ask("GET", "/healthz", { key: null });
  expect(answer.status).toBe(200);
  expect(answer.json).toEqual({ status: "ok", version: "1.2.3" });
  expect(http.routes.lookups).toBe(0);
});

it("every answer has an id of its own, which its problem and its line in the log name too", async () => {
  const http = fakeHttp();
  const first = await http.ask("GET", "/nowhere");
  const second = await http.ask("GET", "/v1/events");
  expect(first.headers.get("x-request-id")).toMatch(/^req_[0-9a-z]{26}$/);
  expect(second.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
  expect(first.json.instance).toBe(first.headers.get("x-request-id"));
  expect(http.logger.lines.map(({ fields }) => fields["request_id"])).toEqual(
    [first, second].map(({ headers }) => headers.get("x-request-id")),
  );
});

it("a problem has the members of RFC 9457", async () => {
  const { headers, json } = await fakeHttp().ask("GET", "/nowhere", { key: null });
  expect(headers.get("content-type")).toBe("application/problem+json");
  expect(json).toEqual({
    type: "https://fantail.dev/problems/not-found",
    title: "There is no such thing",
    status: 404,
    detail: "There is nothing at this path",
    instance: headers.get("x-request-id"),
  });
});

const ALLOWED = [
  ["/healthz", "GET, HEAD, OPTIONS"],
  ["/v1/events", "POST, GET, HEAD, OPTIONS"],
  ["/v1/deliveries", "GET, HEAD, OPTIONS"],
  ["/v1/deliveries/dlv_1", "GET, HEAD, OPTIONS"],
  ["/v1/deliveries/dlv_1/retry", "POST, OPTIONS"],
  ["/v1/subscriptions", "POST, GET, HEAD, OPTIONS"],
  ["/v1/subscriptions/sub_1", "GET, PATCH, DELETE, HEAD, OPTIONS"],
  ["/v1/subscriptions/sub_1/health", "GET, HEAD, OPTIONS"],
  ["/v1/health", "GET, HEAD, OPTIONS"],
  ["/v1/events/evt_1", "GET, DELETE, HEAD, OPTIONS"],
  ["/v1/keys", "POST, GET, HEAD, OPTIONS"],
  ["/v1/keys/key_1", "GET, PATCH, DELETE, HEAD, OPTIONS"],
  ["/v1/keys/key_1/rotate", "POST, OPTIONS"],
  ["/v1/buses", "GET, HEAD, OPTIONS"],
  ["/v1/audit", "GET, HEAD, OPTIONS"],
] as const;

it("a known path with another method answers 405 and says which it knows", async () => {
  const http = fakeHttp();
  for (const [path, allow] of ALLOWED) {
    for (const method of ["PUT", "REPORT"]) {
      const answer = await http.ask(method, path, { key: null });
      expect([path, answer.status, answer.json.type.split("/").at(-1)]).toEqual([path, 405, "method-not-allowed"]);
      expect(answer.headers.get("allow"), path).toBe(allow);
    }
  }
});

it("OPTIONS on a known path says the same, without a key and without a body", async () => {
  const http = fakeHttp();
  http.routes.away = true;
  for (const [path, allow] of ALLOWED) {
    const answer = await http.ask("OPTIONS", path, { key: null });
    expect([path, answer.status, answer.text, answer.headers.get("allow")]).toEqual([path, 204, "", allow]);
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
  }
  expect((await http.ask("OPTIONS", "/nowhere", { key: null })).status).toBe(404);
});

it("every route there is has its OPTIONS, its 405, and its HEAD where it has a GET", async () => {
  const http = fakeHttp();
  const routes = http.app.routes.filter(({ method, path }) => method !== "ALL" && path !== "/*");
  expect(routes.length).toBeGreaterThan(20);
  for (const [pattern, same] of Map.groupBy(routes, ({ path }) => path)) {
    const path = pattern.replaceAll(/:\w+/g, "a");
    const { status, headers } = await http.ask("OPTIONS", path, { key: null });
    const allow = headers.get("allow")?.split(", ") ?? [];
    expect([path, status]).toEqual([path, 204]);
    expect(new Set(allow), path).toEqual(
      new Set(same.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]))),
    );
    expect(allow).toHaveLength(new Set(allow).size);
    expect((await http.ask("REPORT", path, { key: null })).status, path).toBe(405);
    if (allow.includes("GET")) {
      const [get, head] = [await http.ask("GET", path), await http.ask("HEAD", path)];
      expect([path, head.status, head.text]).toEqual([path, get.status, ""]);
    }
  }
});

it("HEAD answers as GET does, without a body", async () => {
  const http = fakeHttp();
  for (const path of ["/healthz", "/v1/events", "/v1/subscriptions", "/nowhere"]) {
    const [get, head] = [await http.ask("GET", path), await http.ask("HEAD", path)];
    expect([head.status, head.text]).toEqual([get.status, ""]);
    expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
    expect(head.headers.has("x-request-id")).toBe(true);
  }
  expect((await http.ask("HEAD", `/v1/deliveries/dlv_${"0".repeat(52)}/retry`)).status).toBe(405);
});

it("weather of ours is 503 with a time to come back, a warning in the log", async () => {
  const http = fakeHttp();
  http.routes.away = true;
  const answer = await http.ask("GET", "/v1/subscriptions");
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe("5");
  expect(answer.json.type).toBe("https://fantail.dev/problems/unavailable");
  expect(http.logger.lines).toMatchObject([
    { level: "warn", fields: { status: 503, error: "Unavailable: The routes are too old" } },
  ]);
});

it("weather while something is made does not promise that a repetition is safe", async () => {
  const { keyStore, subscriptionStore } = fakeHttp().stores;
  const create = () => Promise.reject(new Unavailable("D1 does not answer"));
  const http = fakeHttp(undefined, {
    keys: { ...keyStore, create },
    subscriptions: { ...subscriptionStore, create },
  });
  const ask = (path: string, json: object) => http.ask("POST", path, { json });
  for (const [path, json] of [
    ["/v1/keys", { scopes: ["read"] }],
    ["/v1/subscriptions", { sink: "https://a.example.com/" }],
  ] as const) {
    const { status, headers, json: answer } = await ask(path, json);
    expect([status, headers.get("retry-after"), answer.title]).toEqual([503, "5", "Not confirmed"]);
    expect(answer.detail).toContain("look for it in the list before");
  }
  // Nothing was begun: the same request may come again.
  http.routes.away = true;
  for (const path of ["/v1/keys", "/v1/events"])
    expect((await ask(path, { type: "a" })).json.detail).toContain("may be sent again");
});

it("415 tells what would be taken", async () => {
  const http = fakeHttp();
  const told = async (method: string, path: string, headers: Record<string, string>) => {
    const answer = await http.ask(method, path, { body: "{}", headers });
    expect(answer.status).toBe(415);
    return ["accept", "accept-patch", "accept-encoding"].map((name) => answer.headers.get(name));
  };
  const path = `/v1/subscriptions/sub_${"0".repeat(26)}`;
  const patches = "application/merge-patch+json, application/json";
  const json = { "content-type": "application/json" };
  expect(await told("POST", "/v1/keys", { "content-type": "text/plain" })).toEqual(["application/json", null, null]);
  expect(await told("PATCH", path, { "content-type": "text/plain" })).toEqual([null, patches, null]);
  for (const [method, at] of [
    ["POST", "/v1/events"],
    ["POST", "/v1/subscriptions"],
    ["PATCH", path],
  ] as const)
    expect(await told(method, at, { ...json, "content-encoding": "br" })).toEqual([null, null, "gzip, identity"]);
});

it("a name over the limit is not repeated", async () => {
  const http = fakeHttp();
  for (const [chars, pointer] of [
    [100, `/${"n".repeat(100)}`],
    [101, ""],
    [250_000, ""],
  ] as const) {
    const answer = await http.ask("POST", "/v1/keys", { json: { scopes: ["read"], ["n".repeat(chars)]: 1 } });
    expect(answer.json.errors).toMatchObject([{ pointer }]);
    expect(answer.json.detail).toMatch(
      chars === 100 ? /^n{100} is not known$/ : `A name of ${chars} characters is not known`,
    );
    expect(answer.text.length).toBeLessThan(1_000);
  }
});

it("a defect of ours is 500 without a word about it, logged once with the id of the request", async () => {
  const { subscriptionStore } = fakeHttp().stores;
  const http = fakeHttp(undefined, {
    subscriptions: { ...subscriptionStore, list: () => Promise.reject(new TypeError("secret details")) },
  });
  const answer = await http.ask("GET", "/v1/subscriptions");
  expect(answer.status).toBe(500);
  expect(answer.json).not.toHaveProperty("detail");
  expect(answer.text).not.toContain("secret details");
  expect(http.logger.lines).toHaveLength(1);
  expect(http.logger.lines[0]).toMatchObject({
    level: "error",
    fields: { request_id: answer.json.instance, status: 500 },
  });
  expect(http.logger.lines[0]?.fields["error"]).toContain("secret details");
});

it("a log line holds neither key nor path nor query", async () => {
  const http = fakeHttp();
  await http.ask("GET", "/v1/events/evt_private?token=private");
  await http.ask("GET", "/private");
  const text = JSON.stringify(http.logger.lines);
  expect(text).toContain("/v1/events/:event_id");
  expect(text).not.toContain("private");
  expect(text).not.toContain(ROOT);
});

it("a management body is read up to its limit and not further, whatever its content-length says", async () => {
  const http = fakeHttp();
  const fitting = JSON.stringify({ sink: "https://a.example.com/" }).padEnd(MANAGEMENT_BYTES_MAX);
  const headers = { "content-type": "application/json" };
  expect((await http.ask("POST", "/v1/subscriptions", { body: fitting, headers })).status).toBe(201);
  expect((await http.ask("POST", "/v1/subscriptions", { body: `${fitting} `, headers })).status).toBe(413);

  const { state, stream } = endless(100_000);
  const answer = await http.ask("POST", "/v1/subscriptions", { body: stream, headers });
  expect(answer.json.type).toBe("https://fantail.dev/problems/payload-too-large");
  expect(answer.json.detail).toContain("262144");
  expect(state.pulled).toBeLessThanOrEqual(500_000);
  expect(state.cancelled).toBe(true);

  // No HTTP message has more than it says; a Request that a program makes may.
  const lying = { ...headers, "content-length": "10" };
  expect((await http.ask("POST", "/v1/subscriptions", { body: `${fitting} `, headers: lying })).status).toBe(413);
});

it("a content-length over the limit is refused before the body is read", async () => {
  const { state, stream } = endless(10);
  const headers = { "content-type": "application/json", "content-length": String(MANAGEMENT_BYTES_MAX + 1) };
  expect((await fakeHttp().ask("POST", "/v1/keys", { body: stream, headers })).status).toBe(413);
  // A stream fills its queue of one chunk when it is made.
  expect(state.pulled).toBe(10);
});

it("a body that breaks off is 400, not a failure of ours", async () => {
  for (const length of [{}, { "content-length": "10" }]) {
    const body = new ReadableStream({
      pull(controller) {
        controller.error(new Error("gone"));
      },
    });
    const headers = { "content-type": "application/json", ...length };
    const answer = await fakeHttp().ask("POST", "/v1/subscriptions", { body, headers });
    expect([answer.status, answer.json.type]).toEqual([400, "https://fantail.dev/problems/malformed-body"]);
  }
});

it("a management body must be a JSON object in UTF-8", async () => {
  const http = fakeHttp();
  const before = http.stores.stored();
  const post = (body: BodyInit | undefined, headers: Record<string, string>) =>
    http.ask("POST", "/v1/subscriptions", { headers, ...(body === undefined ? {} : { body }) });
  const json = { "content-type": "application/json" };
  for (const [body, headers, slug] of [
    ["{}", { "content-type": "text/plain" }, "unsupported-media-type"],
    ["{}", { "content-type": "application/merge-patch+json" }, "unsupported-media-type"],
    ["{}", { "content-type": "application/json; charset=latin1" }, "unsupported-media-type"],
    ["{}", { ...json, "content-encoding": "br" }, "unsupported-media-type"],
    ["{}", { ...json, "content-encoding": "gzip" }, "malformed-body"],
    [undefined, {}, "unsupported-media-type"],
    [undefined, json, "malformed-json"],
    ["{", json, "malformed-json"],
    ['{"secret":"whsec_x",}', json, "malformed-json"],
    [new Uint8Array([0x22, 0xff, 0x22]), json, "malformed-body"],
    ["[]", json, "invalid-request"],
    ["null", json, "invalid-request"],
    ["{}", json, "invalid-request"],
    ["[".repeat(200_000), json, "malformed-json"],
    [`{"name":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, json, "malformed-json"],
    [`{"retry":${'{"a":'.repeat(100)}1${"}".repeat(100)}}`, json, "invalid-request"],
  ] as const) {
    const answer = await post(body, headers);
    expect([body?.toString().slice(0, 30), answer.json.type.split("/").at(-1)]).toEqual([
      body?.toString().slice(0, 30),
      slug,
    ]);
    expect(answer.text).not.toContain("whsec_x");
  }
  expect(http.stores.stored()).toBe(before);
  expect(
    (await post('{"sink":"https://a.example.com/"}', { "content-type": 'Application/JSON; charset="UTF-8"' })).status,
  ).toBe(201);
});

it("a bad JSON body is told the place where it is bad", async () => {
  const answer = await fakeHttp().ask("POST", "/v1/keys", {
    body: '{"a":1,}',
    headers: { "content-type": "application/json" },
  });
  expect(answer.json.detail).toBe("The body is not valid JSON at line 1, column 8");
});

it("faults over the limit are counted, not listed", async () => {
  const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`f${index}`, 1]));
  const { json } = await fakeHttp().ask("POST", "/v1/subscriptions", {
    json: { sink: "https://a.example.com/", ...many },
  });
  expect(json.errors).toHaveLength(100);
  expect(json.detail).toBe("f0 is not known; the first 100 of 150 faults are in errors");
});

it("faults in filters are counted like others", async () => {
  const wrong = { exact: Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`A${index}`, "x"])) };
  const { json } = await fakeHttp().ask("POST", "/v1/subscriptions", {
    json: { sink: "https://a.example.com/", filters: [wrong, wrong, wrong], typo: 1 },
  });
  expect(json.errors).toHaveLength(100);
  expect(json.detail).toContain("the first 100 of 181 faults are in errors");
});

it("Unavailable is told apart by what it is, not by its name", async () => {
  const lookalike = Object.assign(new Error("no"), { name: new Unavailable("").name });
  const { subscriptionStore } = fakeHttp().stores;
  const http = fakeHttp(undefined, { subscriptions: { ...subscriptionStore, get: () => Promise.reject(lookalike) } });
  expect((await http.ask("GET", `/v1/subscriptions/sub_${"0".repeat(26)}`)).status).toBe(500);
  expect(await keyWith(http, ["read"])).toMatch(/^ftk_default_/);
});

it("a condition on a version is refused where there is none, and nothing is done", async () => {
  const http = fakeHttp();
  for (const [method, path, json] of [
    ["POST", "/v1/subscriptions", { sink: "https://a.example.com/" }],
    ["POST", "/v1/keys", { scopes: ["read"] }],
    ["POST", `/v1/deliveries/dlv_${"0".repeat(52)}/retry`, undefined],
    ["DELETE", `/v1/events/evt_${"0".repeat(26)}`, undefined],
  ] as const)
    for (const [name, value] of [
      ["if-match", '"1"'],
      ["if-match", "*"],
      ["if-none-match", "*"],
    ] as const) {
      const answer = await http.ask(method, path, { json, headers: { [name]: value, "idempotency-key": "one" } });
      expect([path, answer.status, answer.json.detail]).toEqual([
        path,
        400,
        expect.stringContaining(`${name} must be absent`),
      ]);
    }
  expect([http.stores.entries, http.idempotency.remembered.size]).toEqual([[], 0]);
});

it("the same words for the same charset, whatever body it is", async () => {
  const http = fakeHttp();
  for (const [path, type] of [
    ["/v1/events", "application/json"],
    ["/v1/events", "application/x-ndjson"],
    ["/v1/subscriptions", "application/json"],
  ] as const) {
    const headers = { "content-type": `${type}; charset=latin1` };
    const { status, json } = await http.ask("POST", path, { body: "{}", headers });
    expect([type, status, json.detail]).toEqual([type, 415, "charset must be utf-8, not latin1"]);
  }
});

it("a version that is not the current one is told in the same words, read or changed", async () => {
  const http = fakeHttp();
  const { id } = (await http.ask("POST", "/v1/subscriptions", { json: { sink: "https://a.example.com/" } })).json;
  const key = (await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] } })).json;
  for (const [noun, path] of [
    ["subscription", `/v1/subscriptions/${id}`],
    ["key", `/v1/keys/${key.id}`],
    ["bus", "/v1/buses/default"],
  ] as const)
    for (const method of ["GET", "PATCH"]) {
      const headers = { "if-match": '"999"' };
      const answer = await http.ask(method, path, method === "GET" ? { headers } : { headers, json: {} });
      expect([method, answer.status, answer.json.detail]).toEqual([
        method,
        412,
        expect.stringMatching(new RegExp(`^The ${noun} has version \\d+ by now$`)),
      ]);
    }
});

it("a parameter that is given twice is named", async () => {
  const http = fakeHttp();
  const twice = async (name: string) => (await http.ask("GET", `/v1/keys?limit=1&${name}=1&${name}=2`)).json.detail;
  expect(await twice("limit")).toBe("limit must be given once");
  expect(await twice("x".repeat(FAULT_NAME_CHARS_MAX + 1))).toContain(
    `A name of ${FAULT_NAME_CHARS_MAX + 1} characters must be given once`,
  );
});

it("a parameter where nothing reads any is refused: who asks for a dry run must not find that it was none", async () => {
  const http = fakeHttp();
  const { id } = (await http.ask("POST", "/v1/subscriptions", { json: { sink: "https://a.example.com/" } })).json;
  const before = http.stores.stored();
  for (const [method, path, json] of [
    ["DELETE", `/v1/subscriptions/${id}`, undefined],
    ["PATCH", `/v1/subscriptions/${id}`, { name: "x" }],
    ["GET", `/v1/subscriptions/${id}`, undefined],
    ["POST", "/v1/subscriptions", { sink: "https://a.example.com/" }],
    ["PUT", "/v1/buses/new", undefined],
    ["POST", "/v1/events", { type: "t" }],
  ] as const) {
    const answer = await http.ask(method, `${path}?dry_run=1&x`, json === undefined ? {} : { json });
    expect([method, answer.status, answer.json.type.split("/").at(-1)]).toEqual([method, 400, "invalid-parameter"]);
    expect(answer.json.detail).toBe("dry_run is not known; x is not known");
  }
  expect([http.stores.stored(), http.ingest.published]).toEqual([before, []]);
});

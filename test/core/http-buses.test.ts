// Buses: made, set, shown with what is in effect, deleted, and told to the routes.
import { expect, it } from "vitest";
import {
  BUS_NAME_REST_MS,
  BUS_BYTES_MIN,
  EVENT_BYTES_MAX,
  REQUEST_BYTES_MAX,
  RETENTION_DAYS_MAX,
  RETENTION_DAYS_MIN,
} from "../../src/core/limits.ts";
import { fakeHttp, keyWith, type Answered } from "../http.ts";

const slug = (answer: Answered) => answer.json.type.split("/").at(-1);
const pointers = (answer: Answered): readonly string[] =>
  answer.json.errors?.map(({ pointer }: { pointer: string }) => pointer);
const DEFAULTS = { retention_days: null, log_level: "all", event_bytes_max: null, request_bytes_max: null };
const SET = { retention_days: 3, log_level: "failures", event_bytes_max: 2_000, request_bytes_max: 3_000 };
const DOMAIN_DEFAULTS = { retentionDays: null, logLevel: "all", eventBytesMax: null, requestBytesMax: null };

it("PUT without a body makes a bus once, and is the same the second time", async () => {
  const http = fakeHttp();
  const made = await http.ask("PUT", "/v1/buses/eu-1");
  expect(made.status).toBe(201);
  expect(made.json).toEqual({
    bus: "eu-1",
    ...DEFAULTS,
    subscriptions: 0,
    keys: 0,
    created_at: "2026-01-02T03:04:05.678Z",
    updated_at: "2026-01-02T03:04:05.678Z",
    version: 2,
    effective_at: "2026-01-02T03:04:10.678Z",
    effective: {
      retention_days: 7,
      log_level: "all",
      event_bytes_max: EVENT_BYTES_MAX,
      request_bytes_max: REQUEST_BYTES_MAX,
      events_since: "2025-12-26T03:04:05.678Z",
      database_used: 0,
    },
  });
  expect(made.headers.get("etag")).toBe('"2"');
  const told = { kind: "bus", version: 2, bus: "eu-1", createdMs: http.clock.now(), settings: DOMAIN_DEFAULTS };
  expect(http.routes.changes).toEqual([told]);
  const again = await http.ask("PUT", "/v1/buses/eu-1");
  expect([again.status, again.json]).toEqual([200, made.json]);
  expect(http.routes.changes).toHaveLength(1);
  expect(http.stores.entries).toHaveLength(1);
});

it("PUT with settings makes a bus with them, or replaces all of them", async () => {
  const http = fakeHttp();
  const made = await http.ask("PUT", "/v1/buses/eu", { json: SET });
  expect([made.status, made.json]).toMatchObject([201, { ...SET, effective: SET }]);
  expect((await http.ask("PUT", "/v1/buses/eu", { json: SET })).json).toEqual(made.json);
  const replaced = await http.ask("PUT", "/v1/buses/eu", { json: { retention_days: 5 } });
  expect([replaced.status, replaced.json]).toMatchObject([200, { ...DEFAULTS, retention_days: 5, version: 3 }]);
  expect((await http.ask("PUT", "/v1/buses/eu", { json: replaced.json })).json.version).toBe(3);
  expect((await http.ask("PUT", "/v1/buses/eu", { json: {} })).json).toMatchObject(DEFAULTS);
  expect(http.stores.entries.map(({ action, bus, target }) => [action, bus, target])).toEqual([
    ["bus.created", "default", "eu"],
    ["bus.changed", "default", "eu"],
    ["bus.changed", "default", "eu"],
  ]);
  const { before, after } = http.stores.entries[1] ?? {};
  expect(JSON.parse(before ?? "")).toEqual({ bus: "eu", ...SET });
  expect(JSON.parse(after ?? "")).toEqual({ bus: "eu", ...DEFAULTS, retention_days: 5 });
});

it("PUT and PATCH take each setting at its limits, and none past them", async () => {
  const http = fakeHttp();
  await http.ask("PUT", "/v1/buses/eu");
  const before = http.stores.stored();
  const limits = {
    retention_days: [RETENTION_DAYS_MIN, RETENTION_DAYS_MAX],
    event_bytes_max: [BUS_BYTES_MIN, EVENT_BYTES_MAX],
    request_bytes_max: [BUS_BYTES_MIN, REQUEST_BYTES_MAX],
  } as const;
  for (const method of ["PUT", "PATCH"] as const) {
    for (const [name, [min, max]] of Object.entries(limits)) {
      for (const value of [min - 1, max + 1, min + 0.5, String(min), true]) {
        const answer = await http.ask(method, "/v1/buses/eu", { json: { [name]: value } });
        expect([method, name, value, answer.status, pointers(answer)]).toEqual([
          method,
          name,
          value,
          422,
          [`/${name}`],
        ]);
      }
    }
    for (const [json, wrong] of [
      [{ log_level: "none" }, ["/log_level"]],
      [{ retention: 3, version: 1 }, ["/version", "/retention"]],
      [{ bus: "other" }, ["/bus"]],
      [{ created_at: "2026-01-01T00:00:00.000Z" }, ["/created_at"]],
      [JSON.parse('{"__proto__":{}}'), ["/__proto__"]],
    ] as const)
      expect(pointers(await http.ask(method, "/v1/buses/eu", { json }))).toEqual(wrong);
    expect((await http.ask(method, "/v1/buses/eu", { json: [] })).status).toBe(422);
  }
  expect(http.stores.stored()).toBe(before);
  for (const [name, range] of Object.entries(limits))
    for (const value of range)
      expect((await http.ask("PATCH", "/v1/buses/eu", { json: { [name]: value } })).json[name]).toBe(value);
});

it("PUT refuses what is no name of a bus, and one bus too many", async () => {
  const http = fakeHttp({ buses: 2, keys: 1, subscriptions: 1 });
  for (const name of ["EU", "a_b", "x".repeat(33), "%20", "a%2Fb", "%ff"])
    expect(slug(await http.ask("PUT", `/v1/buses/${name}`)), name).toBe("invalid-request");
  expect((await http.ask("PUT", `/v1/buses/${"x".repeat(32)}`)).status).toBe(201);
  const third = await http.ask("PUT", "/v1/buses/third");
  expect([third.status, slug(third)]).toEqual([409, "limit-reached"]);
  expect((await http.ask("PUT", `/v1/buses/${"x".repeat(32)}`)).status).toBe(200);
});

it("PATCH changes what it names, and an answer can be sent back", async () => {
  const http = fakeHttp();
  await http.ask("PUT", "/v1/buses/eu", { json: SET });
  http.clock.advance(1_000);
  const patched = await http.ask("PATCH", "/v1/buses/eu", { json: { retention_days: null, log_level: "all" } });
  expect(patched.json).toMatchObject({ ...SET, retention_days: null, log_level: "all", version: 3 });
  expect(patched.json.effective_at).toBe("2026-01-02T03:04:11.678Z");
  expect(http.routes.changes.at(-1)).toMatchObject({ version: 3, settings: { logLevel: "all", eventBytesMax: 2_000 } });
  const whole = { ...patched.json, keys: 99, effective: {} };
  expect((await http.ask("PATCH", "/v1/buses/eu", { json: whole })).json.version).toBe(3);
  expect(http.stores.entries).toHaveLength(2);
  const typed = { body: "{}", headers: { "content-type": "application/merge-patch+json" } };
  expect((await http.ask("PATCH", "/v1/buses/eu", typed)).status).toBe(200);
  expect((await http.ask("PATCH", "/v1/buses/eu")).status).toBe(415);
  expect(slug(await http.ask("PATCH", "/v1/buses/none", { json: {} }))).toBe("bus-not-found");
});

it("if-match and if-none-match guard PUT, PATCH and DELETE", async () => {
  const http = fakeHttp();
  const ask = (method: string, name: string, headers: Record<string, string>) =>
    http.ask(method, `/v1/buses/${name}`, { json: { retention_days: 9 }, headers });
  expect((await ask("PUT", "eu", { "if-none-match": "*" })).status).toBe(201);
  const before = http.stores.stored();
  for (const [method, name, headers] of [
    ["PUT", "eu", { "if-none-match": "*" }],
    ["PUT", "eu", { "if-none-match": '"2"' }],
    ["PUT", "eu", { "if-match": '"1"' }],
    ["PUT", "new", { "if-match": "*" }],
    ["PUT", "new", { "if-match": '"2"' }],
    ["PATCH", "eu", { "if-match": '"1"' }],
    ["DELETE", "eu", { "if-match": '"1"' }],
  ] as const) {
    const answer = await ask(method, name, headers);
    expect([method, headers, answer.status, slug(answer)]).toEqual([method, headers, 412, "version-mismatch"]);
  }
  expect(slug(await ask("PUT", "eu", { "if-match": "2" }))).toBe("invalid-header");
  expect(http.stores.stored()).toBe(before);
  expect((await ask("PUT", "eu", { "if-match": '"2"' })).status).toBe(200);
  expect((await ask("DELETE", "eu", { "if-match": '"2"' })).status).toBe(204);
});

it("DELETE takes effect at once, and the name is free when nothing is left", async () => {
  const http = fakeHttp();
  await http.ask("PUT", "/v1/buses/eu");
  const key = await keyWith(http, ["read"], "eu");
  const subscription = await http.ask("POST", "/v1/subscriptions", {
    json: { sink: "https://a.example.com/" },
    headers: { "fantail-bus": "eu" },
  });
  expect((await http.ask("GET", "/v1/buses/eu")).json).toMatchObject({ subscriptions: 1, keys: 1 });
  const deleted = await http.ask("DELETE", "/v1/buses/eu");
  expect([deleted.status, deleted.text]).toEqual([204, ""]);
  expect(http.routes.changes.at(-1)).toMatchObject({ kind: "bus", bus: "eu", settings: null });
  expect((await http.ask("GET", "/v1/events", { key })).status).toBe(401);
  const onIt = { headers: { "fantail-bus": "eu" } };
  expect(slug(await http.ask("GET", `/v1/subscriptions/${subscription.json.id}`, onIt))).toBe("bus-not-found");
  for (const method of ["GET", "PATCH", "DELETE"])
    expect(slug(await http.ask(method, "/v1/buses/eu", method === "PATCH" ? { json: {} } : {}))).toBe("bus-not-found");
  const early = await http.ask("PUT", "/v1/buses/eu");
  expect([early.status, slug(early)]).toEqual([409, "bus-being-deleted"]);
  http.stores.clear("eu");
  http.clock.advance(BUS_NAME_REST_MS);
  const again = await http.ask("PUT", "/v1/buses/eu");
  expect([again.status, again.json.created_at]).toEqual([201, "2026-01-02T03:24:05.678Z"]);
  expect((await http.ask("GET", "/v1/events", { key })).status).toBe(401);
});

it("the bus default cannot be deleted", async () => {
  const answer = await fakeHttp().ask("DELETE", "/v1/buses/default");
  expect([answer.status, slug(answer)]).toEqual([403, "forbidden"]);
});

it("GET of one is for root and for keys of that bus that read or manage", async () => {
  const http = fakeHttp();
  await http.ask("PUT", "/v1/buses/eu");
  for (const [scope, status] of [
    ["read", 200],
    ["manage", 200],
    ["publish", 403],
  ] as const) {
    const key = await keyWith(http, [scope], "eu");
    expect((await http.ask("GET", "/v1/buses/eu", { key })).status).toBe(status);
    expect((await http.ask("GET", "/v1/buses/default", { key })).status).toBe(403);
    expect((await http.ask("GET", "/v1/buses/none", { key })).status).toBe(403);
    expect((await http.ask("GET", "/v1/buses", { key })).status).toBe(403);
  }
  const answer = await http.ask("GET", "/v1/buses/eu", { headers: { "if-none-match": '"2"' } });
  // What is in effect, and counts, change without a version: whoever has it may have missed them.
  expect([answer.status, answer.headers.get("etag"), answer.json.bus]).toEqual([200, '"2"', "eu"]);
  for (const name of ["none", "EU", "%ff"])
    expect(slug(await http.ask("GET", `/v1/buses/${name}`))).toBe("bus-not-found");
});

it("GET shows what is in effect while the database is nearly full", async () => {
  const http = fakeHttp();
  await http.ask("PUT", "/v1/buses/eu", { json: { retention_days: 2 } });
  const shortenedMs = Date.parse("2026-01-01T00:00:00.000Z");
  http.stores.world.database = { bytes: 8_512_345_678, failuresOnly: true, shortenedMs };
  expect((await http.ask("GET", "/v1/buses/eu")).json.effective).toMatchObject({
    retention_days: 2,
    log_level: "failures",
    events_since: "2026-01-01T00:00:00.000Z",
    database_used: 0.851,
  });
  http.stores.world.database = { bytes: 0, failuresOnly: false, shortenedMs: 5 };
  expect((await http.ask("GET", "/v1/buses/eu")).json.effective.events_since).toBe("2025-12-31T03:04:05.678Z");
});

it("GET lists buses by name, page by page", async () => {
  const http = fakeHttp();
  for (const name of ["zebra", "ant", "mole"]) await http.ask("PUT", `/v1/buses/${name}`);
  const names = ({ json }: Answered) => json.data.map(({ bus }: { bus: string }) => bus);
  const first = await http.ask("GET", "/v1/buses?limit=3");
  expect(names(first)).toEqual(["ant", "default", "mole"]);
  expect(first.json.data[0]).not.toHaveProperty("effective");
  // Made before the place: not shown. Deleted behind it: passed over.
  await http.ask("PUT", "/v1/buses/bee");
  const second = await http.ask("GET", `/v1/buses?limit=3&cursor=${first.json.next_cursor}`);
  expect([names(second), second.json.next_cursor]).toEqual([["zebra"], null]);
  expect(slug(await http.ask("GET", "/v1/buses?cursor=x"))).toBe("invalid-parameter");
});

// Who may do what: keys, scopes and buses, and what a wrong key costs.
import { expect, it, vi } from "vitest";
import { makeApiKey } from "../../src/core/api-key.ts";
import { fakeHttp, keyWith, ROOT, type FakeHttp } from "../http.ts";

const slug = (answer: { readonly json: { readonly type: string } }) => answer.json.type.split("/").at(-1);
const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };
const SUBSCRIPTION = { sink: "https://a.example.com/" };
const id = (prefix: string, parts = 1) => prefix + "0".repeat(26 * parts);

it("a request without a valid key is 401 and names the scheme", async () => {
  const http = fakeHttp();
  for (const authorization of [
    "",
    "Bearer",
    "Bearer ",
    "Basic abc",
    `Basic ${ROOT}`,
    ROOT,
    "Bearer wrong",
    `Bearer ${ROOT}x`,
    `Bearer ${ROOT} x`,
    "Bearer é",
  ]) {
    const headers: Record<string, string> = authorization === "" ? {} : { authorization };
    for (const [method, path] of [
      ["POST", "/v1/events"],
      ["GET", "/v1/subscriptions"],
      ["PUT", "/v1/buses/new"],
    ] as const) {
      const answer = await http.ask(method, path, { key: null, headers });
      expect([authorization, answer.status, slug(answer)]).toEqual([authorization, 401, "unauthorized"]);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
  }
});

it("the scheme has no case, and every root key of the list is taken", async () => {
  const http = fakeHttp();
  expect(
    (await http.ask("GET", "/v1/events", { key: null, headers: { authorization: `bearer ${ROOT}` } })).status,
  ).toBe(200);
  expect((await http.ask("GET", "/v1/events", { key: "the-key-before" })).status).toBe(200);
});

it("a made-up key costs no look-up; a well-made but unknown one is refused all the same", async () => {
  const http = fakeHttp();
  const madeUp = "ftk_default_0123456789012345678901_01234567";
  expect((await http.ask("POST", "/v1/events", { key: madeUp })).status).toBe(401);
  expect(http.routes.lookups).toBe(0);
  const key = await makeApiKey({ bus: "default", random: new Uint8Array(64).fill(1), checkKeys: await http.checkKeys });
  expect((await http.ask("POST", "/v1/events", { key })).status).toBe(401);
  expect(http.routes.lookups).toBe(1);
});

it("root names its bus by header, default without one", async () => {
  const http = fakeHttp();
  await http.ask("PUT", "/v1/buses/eu");
  const made = await http.ask("POST", "/v1/subscriptions", { json: SUBSCRIPTION, headers: { "fantail-bus": "eu" } });
  expect(made.json.bus).toBe("eu");
  const path = `/v1/subscriptions/${made.json.id}`;
  expect((await http.ask("GET", path, { headers: { "fantail-bus": "eu" } })).status).toBe(200);
  expect((await http.ask("GET", path)).status).toBe(404);
  expect((await http.ask("DELETE", path)).status).toBe(404);
  expect((await http.ask("PATCH", path, { json: {} })).status).toBe(404);
  expect(slug(await http.ask("GET", "/v1/events", { headers: { "fantail-bus": "unknown" } }))).toBe("bus-not-found");
  expect(slug(await http.ask("POST", "/v1/events", { json: EVENT, headers: { "fantail-bus": "unknown" } }))).toBe(
    "bus-not-found",
  );
  for (const bus of ["EU", "a b", "x".repeat(33), "é"])
    expect(slug(await http.ask("GET", "/v1/events", { headers: { "fantail-bus": bus } }))).toBe("invalid-header");
});

it("another key belongs to its bus and to no other", async () => {
  const http = fakeHttp();
  await http.ask("PUT", "/v1/buses/eu");
  const key = await keyWith(http, ["read"], "eu");
  expect((await http.ask("GET", "/v1/events", { key })).status).toBe(200);
  expect((await http.ask("GET", "/v1/events", { key, headers: { "fantail-bus": "eu" } })).status).toBe(200);
  expect(slug(await http.ask("GET", "/v1/events", { key, headers: { "fantail-bus": "default" } }))).toBe("forbidden");
  expect(slug(await http.ask("GET", "/v1/events", { key, headers: { "fantail-bus": "not a bus" } }))).toBe("forbidden");
});

/**
 * Which scopes each route takes; `root` for the root key alone, null without a key. A route that is not here fails the test below.
 * A path is asked for as it stands, so that it names nothing that exists, unless `at` says otherwise.
 */
const ROUTES: Readonly<Record<string, { readonly takes: readonly string[] | "root" | null; readonly at?: string }>> = {
  "GET /healthz": { takes: null },
  "GET /openapi.json": { takes: null },
  "GET /docs": { takes: null },
  "POST /v1/events": { takes: ["publish"] },
  "GET /v1/events": { takes: ["read"] },
  "GET /v1/events/stream": { takes: ["read"] },
  "GET /v1/subscriptions/:id/stream": { takes: ["read"], at: `/v1/subscriptions/${id("sub_")}/stream` },
  "GET /v1/metrics": { takes: ["read"] },
  "GET /v1/metrics/subscriptions": { takes: ["read"] },
  "GET /metrics": { takes: ["read"] },
  "GET /v1/events/:event_id": { takes: ["read"], at: `/v1/events/${id("evt_")}` },
  "GET /v1/events/:event_id/explain": {
    takes: ["read"],
    at: `/v1/events/${id("evt_")}/explain?subscription_id=${id("sub_")}`,
  },
  "DELETE /v1/events/:event_id": { takes: ["manage"], at: `/v1/events/${id("evt_")}` },
  "GET /v1/deliveries": { takes: ["read"] },
  "GET /v1/deliveries/:delivery_id": { takes: ["read"], at: `/v1/deliveries/${id("dlv_", 2)}` },
  "POST /v1/deliveries/:delivery_id/retry": { takes: ["manage"], at: `/v1/deliveries/${id("dlv_", 2)}/retry` },
  "POST /v1/subscriptions": { takes: ["manage"] },
  "GET /v1/subscriptions": { takes: ["read", "manage"] },
  "GET /v1/subscriptions/:id": { takes: ["read", "manage"], at: `/v1/subscriptions/${id("sub_")}` },
  "PATCH /v1/subscriptions/:id": { takes: ["manage"], at: `/v1/subscriptions/${id("sub_")}` },
  "DELETE /v1/subscriptions/:id": { takes: ["manage"], at: `/v1/subscriptions/${id("sub_")}` },
  "GET /v1/subscriptions/:id/health": { takes: ["read", "manage"], at: `/v1/subscriptions/${id("sub_")}/health` },
  "GET /v1/health": { takes: ["read", "manage"] },
  "POST /v1/filters/test": { takes: ["read", "manage"] },
  "POST /v1/filters/backtest": { takes: ["read"] },
  "POST /v1/filters/import": { takes: ["read", "manage"] },
  "POST /v1/keys": { takes: ["manage"] },
  "GET /v1/keys": { takes: ["manage"] },
  "GET /v1/keys/:id": { takes: ["manage"], at: `/v1/keys/${id("key_")}` },
  "PATCH /v1/keys/:id": { takes: ["manage"], at: `/v1/keys/${id("key_")}` },
  "DELETE /v1/keys/:id": { takes: ["manage"], at: `/v1/keys/${id("key_")}` },
  "POST /v1/keys/:id/rotate": { takes: ["manage"], at: `/v1/keys/${id("key_")}/rotate` },
  "GET /v1/audit": { takes: ["manage"] },
  "POST /v1/session": { takes: null },
  "GET /v1/session": { takes: ["publish", "read", "manage"] },
  "DELETE /v1/session": { takes: null },
  "GET /v1/buses": { takes: "root" },
  "GET /v1/buses/:bus": { takes: ["read", "manage"], at: "/v1/buses/default" },
  "PUT /v1/buses/:bus": { takes: "root", at: "/v1/buses/default" },
  "PATCH /v1/buses/:bus": { takes: "root", at: "/v1/buses/default" },
  "DELETE /v1/buses/:bus": { takes: "root", at: "/v1/buses/none" },
};

/** Keys of every kind, and what each may do at best. */
async function everyKey(http: FakeHttp) {
  const inTime = { expires_at: new Date(http.clock.now() + 1_000).toISOString() };
  const everything = ["publish", "read", "manage"];
  await http.ask("PUT", "/v1/buses/eu");
  const make = async (json: object, bus = "default") =>
    (await http.ask("POST", "/v1/keys", { json, headers: { "fantail-bus": bus } })).json;
  const revoked = await make({ scopes: everything });
  await http.ask("DELETE", `/v1/keys/${revoked.id}`);
  const keys = {
    publish: (await make({ scopes: ["publish"] })).key,
    read: (await make({ scopes: ["read"] })).key,
    manage: (await make({ scopes: ["manage"] })).key,
    "limited to types": (await make({ scopes: ["publish"], types: ["order.*"] })).key,
    "limited to origins": (await make({ scopes: ["publish"], allowed_origins: ["https://a.example.com"] })).key,
    expired: (await make({ scopes: everything, ...inTime })).key,
    revoked: revoked.key,
    "of another bus": (await make({ scopes: everything }, "eu")).key,
    root: ROOT,
    none: null,
  };
  http.clock.advance(1_000);
  return keys;
}

it("each route takes the keys that it takes and no other, whatever the key is", async () => {
  const http = fakeHttp();
  const keys = await everyKey(http);
  const routes = new Set(
    http.app.routes
      .filter(({ method }) => method !== "ALL" && method !== "OPTIONS")
      .map(({ method, path }) => `${method} ${path}`),
  );
  expect([...routes].filter((route) => !Object.hasOwn(ROUTES, route))).toEqual([]);
  for (const route of routes) {
    const [method = "", path = ""] = route.split(" ");
    const { takes = null, at = path } = ROUTES[route] ?? {};
    if (takes === null) continue;
    for (const [kind, key] of Object.entries(keys)) {
      // Without a body nothing is made or changed by whoever is let in.
      const headers = { "fantail-bus": "default" };
      const { status } = await http.ask(method, at, { key, headers });
      const isLimited = kind.startsWith("limited");
      const scope = isLimited ? "publish" : kind;
      const wanted = ["none", "expired", "revoked"].includes(kind)
        ? "401"
        : kind === "root" || takes.includes(scope)
          ? "let in"
          : "403";
      const got = status === 401 || status === 403 ? String(status) : "let in";
      // What a publish says to a limited key is publish's own.
      if (isLimited && wanted === "let in") expect(status).not.toBe(401);
      else expect([route, kind, got]).toEqual([route, kind, wanted]);
    }
  }
});

it("a revoked key is refused", async () => {
  const http = fakeHttp();
  const { json } = await http.ask("POST", "/v1/keys", { json: { scopes: ["publish"] } });
  expect((await http.ask("POST", "/v1/events", { key: json.key, json: EVENT })).status).toBe(202);
  expect((await http.ask("DELETE", `/v1/keys/${json.id}`)).status).toBe(204);
  expect((await http.ask("POST", "/v1/events", { key: json.key, json: EVENT })).status).toBe(401);
});

it("a key that is revoked while the body is uploaded does not publish", async () => {
  const http = fakeHttp();
  const { json } = await http.ask("POST", "/v1/keys", { json: { scopes: ["publish"] } });
  const body = new ReadableStream(
    {
      async pull(controller) {
        await http.ask("DELETE", `/v1/keys/${json.id}`);
        controller.enqueue(new TextEncoder().encode(JSON.stringify(EVENT)));
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const answer = await http.ask("POST", "/v1/events", {
    key: json.key,
    body,
    headers: { "content-type": "application/json" },
  });
  expect(answer.status).toBe(401);
  expect(http.ingest.published).toEqual([]);
});

/** Every operation of a key that reads a body, over something to do it to. */
type WithABody = readonly [method: string, path: string, json: object, headers?: Record<string, string>];
const WITH_A_BODY: readonly WithABody[] = [
  ["POST", "/v1/keys", { scopes: ["manage"] }],
  ["POST", "/v1/keys", { scopes: ["manage"] }, { "idempotency-key": "one" }],
  ["PATCH", "/v1/keys/{key}", { scopes: ["manage"] }],
  ["POST", "/v1/keys/{key}/rotate", {}],
  ["POST", "/v1/keys/{key}/rotate", {}, { "idempotency-key": "two" }],
  ["POST", "/v1/subscriptions", SUBSCRIPTION],
  ["PATCH", "/v1/subscriptions/{subscription}", { name: "changed" }],
  ["POST", `/v1/deliveries/${id("dlv_", 2)}/retry`, {}, { "idempotency-key": "three" }],
];

it.for(WITH_A_BODY)("%s %s: a key that ends while the body is uploaded changes nothing", async (operation) => {
  const [method, path, json, headers = {}] = operation;
  const http = fakeHttp();
  const scopes = ["publish", "read", "manage"];
  const key = (await http.ask("POST", "/v1/keys", { json: { scopes } })).json.id;
  const subscription = (await http.ask("POST", "/v1/subscriptions", { json: SUBSCRIPTION })).json.id;
  const at = path.replace("{key}", key).replace("{subscription}", subscription);
  const expires_at = new Date(http.clock.now() + 60_000).toISOString();
  const endings: Record<string, (path: string) => Promise<unknown>> = {
    revoked: (own) => http.ask("DELETE", own),
    "without its scope": (own) => http.ask("PATCH", own, { json: { scopes: ["publish", "read"] } }),
    expired: async () => http.clock.advance(60_000),
  };
  for (const [ending, end] of Object.entries(endings)) {
    const caller = (await http.ask("POST", "/v1/keys", { json: { scopes, expires_at } })).json;
    let stored = "";
    const body = new ReadableStream(
      {
        async pull(controller) {
          await end(`/v1/keys/${caller.id}`);
          stored = http.stores.stored();
          controller.enqueue(new TextEncoder().encode(JSON.stringify(json)));
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const all = { "content-type": "application/json", ...headers };
    const answer = await http.ask(method, at, { key: caller.key, body, headers: all });
    const status = ending === "without its scope" ? 403 : 401;
    expect([ending, answer.status]).toEqual([ending, status]);
    expect(http.stores.stored()).toBe(stored);
    expect(http.idempotency.remembered.size).toBe(0);
  }
});

it("a publish hashes its key once, though it asks for it again when the body has come", async () => {
  const http = fakeHttp();
  const key = await keyWith(http, ["publish"]);
  const counted = [vi.spyOn(crypto.subtle, "sign"), vi.spyOn(crypto.subtle, "digest")] as const;
  try {
    const lookups = http.routes.lookups;
    expect((await http.ask("POST", "/v1/events", { key, json: EVENT })).status).toBe(202);
    expect(http.routes.lookups - lookups).toBeGreaterThan(1);
    // One check key; the key itself, and twice for each of two root keys, beside the id of the event.
    const [checks, digests] = counted.map(({ mock }) => mock.calls.length);
    expect(checks).toBe(1);
    expect(digests).toBeLessThanOrEqual(1 + 2 * 2 + 1);
  } finally {
    for (const spy of counted) spy.mockRestore();
  }
});

it("a publish without a key does not have its body read", async () => {
  const state = { pulled: 0 };
  const body = new ReadableStream(
    {
      pull(controller) {
        state.pulled += 1;
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  expect((await fakeHttp().ask("POST", "/v1/events", { key: "wrong", body })).status).toBe(401);
  expect(state.pulled).toBe(0);
});

it("a bad bus name is not told to who has no key", async () => {
  const answer = await fakeHttp().ask("GET", "/v1/events", { key: null, headers: { "fantail-bus": "???" } });
  expect(answer.status).toBe(401);
});

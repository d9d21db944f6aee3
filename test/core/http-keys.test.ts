// Keys: made, shown once, listed, changed, rotated, revoked, and told to the routes.
import { expect, it } from "vitest";
import { hashApiKey } from "../../src/core/api-key.ts";
import {
  KEY_EXPIRY_MS_MAX,
  KEY_ORIGINS_MAX,
  KEY_OVERLAP_SECONDS_MAX,
  KEY_TYPE_CHARS_MAX,
  KEY_TYPES_MAX,
  KEY_USE_WRITE_MS,
  KEY_USES_MAX,
} from "../../src/core/limits.ts";
import { type KeyStore, Unavailable } from "../../src/ports.ts";
import { fakeHttp, keyWith, type Answered, type FakeHttp } from "../http.ts";

const slug = (answer: Answered) => answer.json.type.split("/").at(-1);
const pointers = (answer: Answered): readonly string[] =>
  answer.json.errors?.map(({ pointer }: { pointer: string }) => pointer);
const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };
const LIMITED = {
  name: "shop",
  scopes: ["publish"],
  types: ["order.created", "order.*"],
  allowed_origins: ["https://shop.example.com", "http://localhost:8080"],
  rate_limit: "low",
  expires_at: "2026-02-01T00:00:00.000Z",
};
const make = async (http: FakeHttp, json: object = { scopes: ["read"] }, key?: string) => {
  const answer = await http.ask("POST", "/v1/keys", { json, ...(key === undefined ? {} : { key }) });
  return answer.json;
};

it("POST shows a key once and stores its hash", async () => {
  const http = fakeHttp();
  const made = await http.ask("POST", "/v1/keys", { json: { name: "shop", scopes: ["read", "publish", "read"] } });
  expect(made.status).toBe(201);
  const { key, ...shown } = made.json;
  expect(key).toMatch(/^ftk_default_[0-9A-Za-z]{22}_[0-9A-Za-z]{8}$/);
  expect(shown).toEqual({
    id: expect.stringMatching(/^key_[0-9a-z]{26}$/),
    bus: "default",
    name: "shop",
    scopes: ["publish", "read"],
    types: null,
    allowed_origins: null,
    rate_limit: "standard",
    expires_at: null,
    last_used_at: null,
    replaced_by: null,
    status: "active",
    created_at: "2026-01-02T03:04:05.678Z",
    updated_at: "2026-01-02T03:04:05.678Z",
    version: 2,
    effective_at: "2026-01-02T03:04:10.678Z",
  });
  expect(made.headers.get("cache-control")).toBe("no-store, no-transform");
  expect(made.headers.get("location")).toBe(`/v1/keys/${shown.id}`);
  expect(made.headers.get("etag")).toBe('"2"');
  const hash = await hashApiKey(key);
  expect(http.stores.stored()).toContain(hash);
  expect(http.stores.stored()).not.toContain(key);
  const list = await http.ask("GET", "/v1/keys");
  expect(list.json.data).toEqual([shown]);
  for (const text of [list.text, JSON.stringify(http.stores.entries)]) {
    expect(text).not.toContain(hash);
    expect(text).not.toContain(key);
  }
});

it("POST takes limits, shows them, and tells them to the routes", async () => {
  const http = fakeHttp();
  const { key, ...made } = await make(http, LIMITED);
  expect(made).toMatchObject(LIMITED);
  expect(http.routes.changes.at(-1)).toEqual({
    kind: "key",
    version: 2,
    bus: "default",
    id: made.id,
    grant: {
      id: made.id,
      hash: await hashApiKey(key),
      scopes: ["publish"],
      types: LIMITED.types,
      allowedOrigins: LIMITED.allowed_origins,
      rateLimit: "low",
      expiresMs: Date.parse(LIMITED.expires_at),
    },
  });
  expect(await make(http, { scopes: ["publish"], types: null, allowed_origins: null, rate_limit: null })).toMatchObject(
    {
      types: null,
      rate_limit: "standard",
    },
  );
});

it("POST refuses what is no key, all faults at once, and stores nothing", async () => {
  const http = fakeHttp();
  const before = http.stores.stored();
  const publish = { scopes: ["publish"] };
  const now = http.clock.now();
  const at = (ms: number) => new Date(ms).toISOString();
  for (const [json, wrong] of [
    [{}, ["/scopes"]],
    [{ scopes: [] }, ["/scopes"]],
    [{ scopes: "read" }, ["/scopes"]],
    [{ scopes: null }, ["/scopes"]],
    [{ scopes: ["read", "write"] }, ["/scopes/1"]],
    [{ scopes: ["read", "read", "read", "read"] }, ["/scopes"]],
    [{ scopes: ["read"], name: "" }, ["/name"]],
    [{ scopes: ["read"], name: "n".repeat(101) }, ["/name"]],
    [{ scopes: ["read"], name: 5, "a/b~c": 1 }, ["/name", "/a~1b~0c"]],
    [{ scopes: ["read"], bus: "other" }, ["/bus"]],
    [{ scopes: ["read"], id: "key_1", key: "x" }, ["/id", "/key"]],
    [{ scopes: ["publish", "read"], types: ["a"], allowed_origins: ["https://a.b"] }, ["/types", "/allowed_origins"]],
    [{ scopes: ["manage"], types: ["a"] }, ["/types"]],
    [{ ...publish, types: [] }, ["/types"]],
    [{ ...publish, types: "a" }, ["/types"]],
    [
      { ...publish, types: ["", "a*b", "*a", "**", "\ud800"] },
      ["/types/0", "/types/1", "/types/2", "/types/3", "/types/4"],
    ],
    [{ ...publish, types: ["t".repeat(KEY_TYPE_CHARS_MAX + 1)] }, ["/types/0"]],
    [{ ...publish, types: Array.from({ length: KEY_TYPES_MAX + 1 }, (_, index) => `t${index}`) }, ["/types"]],
    [{ ...publish, allowed_origins: [] }, ["/allowed_origins"]],
    [
      { ...publish, allowed_origins: Array.from({ length: KEY_ORIGINS_MAX + 1 }, (_, n) => `https://a${n}.b`) },
      ["/allowed_origins"],
    ],
    [{ ...publish, rate_limit: "highest" }, ["/rate_limit"]],
    [{ ...publish, rate_limit: 100 }, ["/rate_limit"]],
    [{ ...publish, expires_at: at(now) }, ["/expires_at"]],
    [{ ...publish, expires_at: at(now + KEY_EXPIRY_MS_MAX + 1) }, ["/expires_at"]],
    [{ ...publish, expires_at: "tomorrow" }, ["/expires_at"]],
    [{ ...publish, expires_at: now + 1_000 }, ["/expires_at"]],
  ] as const) {
    const answer = await http.ask("POST", "/v1/keys", { json });
    expect([json, answer.status, pointers(answer)]).toEqual([json, 422, wrong]);
  }
  expect(http.stores.stored()).toBe(before);
  expect(http.stores.entries).toEqual([]);
  expect(http.routes.changes).toEqual([]);
  for (const json of [
    { scopes: ["read"], name: "n".repeat(100) },
    { ...publish, types: ["*", "t".repeat(KEY_TYPE_CHARS_MAX)] },
    { ...publish, types: Array.from({ length: KEY_TYPES_MAX }, (_, index) => `t${index}`) },
    { ...publish, allowed_origins: Array.from({ length: KEY_ORIGINS_MAX }, (_, n) => `https://a${n}.b`) },
    { ...publish, expires_at: at(now + 1) },
    { ...publish, expires_at: at(now + KEY_EXPIRY_MS_MAX) },
  ])
    expect((await http.ask("POST", "/v1/keys", { json })).status).toBe(201);
});

it("an origin is as browsers send it, and nothing else", async () => {
  const http = fakeHttp();
  for (const origin of [
    "https://shop.example.com/",
    "https://shop.example.com/path",
    "https://SHOP.example.com",
    "https://shop.example.com:443",
    "https://user@shop.example.com",
    "https://*.example.com",
    "*",
    "null",
    "",
    "shop.example.com",
    "//shop.example.com",
    "ftp://shop.example.com",
    "file://",
    "https://bücher.example",
    "https://shop.example.com ",
    `https://${"a".repeat(250)}.example`,
  ]) {
    const answer = await http.ask("POST", "/v1/keys", { json: { scopes: ["publish"], allowed_origins: [origin] } });
    expect([origin, answer.status, pointers(answer)]).toEqual([origin, 422, ["/allowed_origins/0"]]);
  }
  const good = ["https://xn--bcher-kva.example", "http://[::1]:3000", "http://localhost", "https://a.b:8443"];
  expect((await make(http, { scopes: ["publish"], allowed_origins: good })).allowed_origins).toEqual(good);
});

it("a key grants no more than it has, and changes or rotates none that has more", async () => {
  const http = fakeHttp();
  const manage = await keyWith(http, ["manage"]);
  const ask = (method: string, path: string, json?: object) => http.ask(method, path, { key: manage, json });
  expect(slug(await ask("POST", "/v1/keys", { scopes: ["manage", "read"] }))).toBe("forbidden");
  const second = await ask("POST", "/v1/keys", { scopes: ["manage"] });
  expect(second.status).toBe(201);
  expect((await http.ask("GET", "/v1/keys", { key: second.json.key })).status).toBe(200);

  const reader = await make(http, { scopes: ["read"] });
  const before = http.stores.stored();
  expect(slug(await ask("PATCH", `/v1/keys/${second.json.id}`, { scopes: ["manage", "publish"] }))).toBe("forbidden");
  expect(slug(await ask("PATCH", `/v1/keys/${reader.id}`, { name: "mine" }))).toBe("forbidden");
  expect(slug(await ask("PATCH", `/v1/keys/${reader.id}`, { scopes: ["manage"] }))).toBe("forbidden");
  const rotated = await ask("POST", `/v1/keys/${reader.id}/rotate`);
  expect([rotated.status, slug(rotated)]).toEqual([403, "forbidden"]);
  expect(rotated.text).not.toContain("ftk_");
  expect(http.stores.stored()).toBe(before);
  // To end a key grants nobody anything.
  expect((await ask("DELETE", `/v1/keys/${reader.id}`)).status).toBe(204);
});

it("a full bus takes no more keys, and rotates none", async () => {
  const http = fakeHttp({ buses: 1, keys: 1, subscriptions: 1 });
  const { id } = await make(http);
  for (const [path, json] of [
    ["/v1/keys", { scopes: ["read"] }],
    [`/v1/keys/${id}/rotate`, {}],
  ] as const) {
    const refused = await http.ask("POST", path, { json });
    expect([refused.status, slug(refused)]).toEqual([409, "limit-reached"]);
    expect(refused.json.detail).toContain("1000");
  }
});

it("GET lists keys newest first, page by page", async () => {
  const http = fakeHttp();
  for (const name of ["one", "two", "three"]) {
    await make(http, { name, scopes: ["read"] });
    http.clock.advance(1);
  }
  const names = ({ json }: Answered) => json.data.map(({ name }: { name: string }) => name);
  const first = await http.ask("GET", "/v1/keys?limit=2");
  expect(names(first)).toEqual(["three", "two"]);
  const second = await http.ask("GET", `/v1/keys?limit=2&cursor=${first.json.next_cursor}`);
  expect(names(second)).toEqual(["one"]);
  expect(second.json.next_cursor).toBe(null);
});

it("GET of one shows it with its version, also to who has that, and never the key", async () => {
  const http = fakeHttp();
  const { key, ...shown } = await make(http, LIMITED);
  const path = `/v1/keys/${shown.id}`;
  const answer = await http.ask("GET", path);
  expect([answer.status, answer.json, answer.headers.get("etag")]).toEqual([200, shown, '"2"']);
  expect(answer.text).not.toContain(key);
  for (const tag of ['"2"', 'W/"2"', '"1", "2"', "*"]) {
    const same = await http.ask("GET", path, { headers: { "if-none-match": tag } });
    // When it was used last, and that it expired, changes without a version.
    expect([tag, same.status, same.json, same.headers.get("etag")]).toEqual([tag, 200, shown, '"2"']);
  }
  for (const tag of ['"1"', '"x"', '""'])
    expect((await http.ask("GET", path, { headers: { "if-none-match": tag } })).status).toBe(200);
  expect(slug(await http.ask("GET", path, { headers: { "if-none-match": "2" } }))).toBe("invalid-header");
  for (const id of [`key_${"0".repeat(26)}`, "key_1", "%00", "%ff", "sub_00000000000000000000000000"])
    expect((await http.ask("GET", `/v1/keys/${id}`)).status).toBe(404);
});

it("PATCH changes what it names, tells the routes, and notes before and after", async () => {
  const http = fakeHttp();
  const { id, key } = await make(http, LIMITED);
  http.clock.advance(1_000);
  const patch = { name: null, types: null, rate_limit: "high", expires_at: null, allowed_origins: ["https://a.b"] };
  const answer = await http.ask("PATCH", `/v1/keys/${id}`, { json: patch });
  expect([answer.status, answer.headers.get("etag")]).toEqual([200, '"3"']);
  expect(answer.json).toMatchObject({ ...patch, id, scopes: ["publish"], version: 3 });
  expect(answer.json).toMatchObject({
    updated_at: "2026-01-02T03:04:06.678Z",
    effective_at: "2026-01-02T03:04:11.678Z",
  });
  expect(answer.json).not.toHaveProperty("key");
  const grant = { id, hash: await hashApiKey(key), types: null, rateLimit: "high", expiresMs: null };
  expect(http.routes.changes.at(-1)).toMatchObject({ kind: "key", version: 3, grant });
  const entry = http.stores.entries.at(-1);
  expect(entry).toMatchObject({
    action: "key.changed",
    target: id,
    actor: "root",
    requestId: answer.headers.get("x-request-id"),
  });
  expect(JSON.parse(entry?.before ?? "")).toEqual({
    id,
    bus: "default",
    replaced_by: null,
    status: "active",
    ...LIMITED,
  });
  expect(JSON.parse(entry?.after ?? "")).toEqual({
    id,
    bus: "default",
    replaced_by: null,
    status: "active",
    scopes: ["publish"],
    ...patch,
  });
});

it("PATCH takes an answer back, and refuses what cannot be or be changed", async () => {
  const http = fakeHttp();
  const { key: _, ...shown } = await make(http, LIMITED);
  const path = `/v1/keys/${shown.id}`;
  const repeated = await http.ask("PATCH", path, { json: { ...shown, last_used_at: "2020-01-01T00:00:00.000Z" } });
  expect(repeated.status).toBe(200);
  const before = http.stores.stored();
  for (const [json, wrong] of [
    [{ scopes: null }, ["/scopes"]],
    [{ scopes: ["publish", "read"] }, ["/types", "/allowed_origins"]],
    [{ status: "expired", id: "key_2", version: 1 }, ["/id", "/status", "/version"]],
    [{ key: "x", hash: "y" }, ["/key", "/hash"]],
    [JSON.parse('{"__proto__":{}}'), ["/__proto__"]],
    [{ expires_at: "2026-01-01T00:00:00Z" }, ["/expires_at"]],
  ] as const) {
    const answer = await http.ask("PATCH", path, { json });
    expect([json, answer.status, pointers(answer)]).toEqual([json, 422, wrong]);
  }
  expect(http.stores.stored()).toBe(before);
  const widened = { scopes: ["publish", "read"], types: null, allowed_origins: null };
  expect((await http.ask("PATCH", path, { json: widened })).json).toMatchObject(widened);
});

it("PATCH of an expired key keeps its end unless it names another", async () => {
  const http = fakeHttp();
  const { id, key } = await make(http, { scopes: ["publish"], expires_at: "2026-01-02T03:04:06.678Z" });
  const path = `/v1/keys/${id}`;
  http.clock.advance(999);
  expect((await http.ask("POST", "/v1/events", { key, json: EVENT })).status).toBe(202);
  http.clock.advance(1);
  const refused = await http.ask("POST", "/v1/events", { key, json: EVENT });
  expect([refused.status, refused.json.detail]).toEqual([401, "The key has expired"]);
  expect((await http.ask("GET", path)).json.status).toBe("expired");
  expect((await http.ask("PATCH", path, { json: { name: "late" } })).json).toMatchObject({
    name: "late",
    status: "expired",
  });
  const rotated = await http.ask("POST", `${path}/rotate`);
  expect([rotated.status, slug(rotated)]).toEqual([422, "invalid-request"]);
  expect((await http.ask("PATCH", path, { json: { expires_at: null } })).json.status).toBe("active");
  expect((await http.ask("POST", "/v1/events", { key, json: EVENT })).status).toBe(202);
});

it("if-match guards PATCH, DELETE and rotate", async () => {
  const http = fakeHttp();
  const { id } = await make(http);
  const before = http.stores.stored();
  for (const [method, path] of [
    ["PATCH", `/v1/keys/${id}`],
    ["DELETE", `/v1/keys/${id}`],
    ["POST", `/v1/keys/${id}/rotate`],
  ] as const) {
    for (const tag of ['"1"', '"3", "4"', '"x"']) {
      const answer = await http.ask(method, path, { json: {}, headers: { "if-match": tag } });
      expect([method, tag, answer.status, slug(answer)]).toEqual([method, tag, 412, "version-mismatch"]);
    }
    expect(slug(await http.ask(method, path, { json: {}, headers: { "if-match": "2" } }))).toBe("invalid-header");
  }
  expect(http.stores.stored()).toBe(before);
  const patched = await http.ask("PATCH", `/v1/keys/${id}`, {
    json: { name: "a" },
    headers: { "if-match": '"9", W/"2"' },
  });
  expect(patched.json.version).toBe(3);
  expect((await http.ask("DELETE", `/v1/keys/${id}`, { headers: { "if-match": '"3"' } })).status).toBe(204);
});

it("rotate makes a successor with the same rights, and lets the former key end", async () => {
  const http = fakeHttp();
  const { key: former, ...before } = await make(http, LIMITED);
  const answer = await http.ask("POST", `/v1/keys/${before.id}/rotate`, { json: { overlap_s: 60 } });
  expect([answer.status, answer.headers.get("location")]).toEqual([201, `/v1/keys/${answer.json.id}`]);
  const { key, replaces, ...shown } = answer.json;
  expect(replaces).toEqual({ id: before.id, expires_at: "2026-01-02T03:05:05.678Z" });
  expect(shown).toEqual({ ...before, id: shown.id, version: shown.version });
  expect(shown.id).not.toBe(before.id);
  const headers = { origin: "https://shop.example.com" };
  for (const one of [key, former])
    expect((await http.ask("POST", "/v1/events", { key: one, json: EVENT, headers })).status).toBe(202);
  http.clock.advance(60_000);
  expect((await http.ask("POST", "/v1/events", { key: former, json: EVENT, headers })).status).toBe(401);
  expect((await http.ask("POST", "/v1/events", { key, json: EVENT, headers })).status).toBe(202);
  const entries = http.stores.entries.map(({ action, target }) => [action, target]);
  expect(entries.slice(1)).toEqual([
    ["key.created", shown.id],
    ["key.rotated", before.id],
  ]);
  const rotated = JSON.parse(http.stores.entries.at(-1)?.after ?? "");
  expect(rotated).toMatchObject({ expires_at: replaces.expires_at, replaced_by: shown.id });
  expect(JSON.stringify(http.stores.entries)).not.toContain(key);
});

it("a key that is replaced is not rotated again until its end is set anew: a successor would end with the overlap", async () => {
  const http = fakeHttp();
  const { id } = await make(http, { scopes: ["read"] });
  const rotate = () => http.ask("POST", `/v1/keys/${id}/rotate`, { json: { overlap_s: 60 } });
  const first = await rotate();
  expect([first.status, first.json.expires_at]).toEqual([201, null]);
  const second = await rotate();
  expect([second.status, slug(second)]).toEqual([422, "invalid-request"]);
  expect(second.json.detail).toContain(first.json.id);
  expect(second.json.detail).toContain("expires_at");
  expect((await http.ask("GET", `/v1/keys/${id}`)).json.replaced_by).toBe(first.json.id);
  const revived = await http.ask("PATCH", `/v1/keys/${id}`, { json: { expires_at: null } });
  expect(revived.json).toMatchObject({ expires_at: null, replaced_by: null });
  expect((await rotate()).status).toBe(201);
});

it("PATCH that changes nothing takes no version and leaves no entry", async () => {
  const http = fakeHttp();
  const { id, version } = await make(http, LIMITED);
  const entries = http.stores.entries.length;
  for (const json of [{}, { name: LIMITED.name }, { scopes: ["publish"] }]) {
    const answer = await http.ask("PATCH", `/v1/keys/${id}`, { json });
    expect([answer.status, answer.json.version]).toEqual([200, version]);
  }
  expect(http.stores.entries).toHaveLength(entries);
});

it("rotate: the overlap has a default and limits, and is never past the key's own end", async () => {
  const http = fakeHttp();
  const rotate = async (id: string, json?: object) => http.ask("POST", `/v1/keys/${id}/rotate`, { json });
  const endOf = async (json: object | undefined, expires_at?: string) => {
    const { id } = await make(http, { scopes: ["publish"], ...(expires_at === undefined ? {} : { expires_at }) });
    return (await rotate(id, json)).json.replaces.expires_at;
  };
  expect(await endOf(undefined)).toBe("2026-01-03T03:04:05.678Z");
  expect(await endOf({})).toBe("2026-01-03T03:04:05.678Z");
  expect(await endOf({ overlap_s: KEY_OVERLAP_SECONDS_MAX })).toBe("2026-02-01T03:04:05.678Z");
  expect(await endOf({}, "2026-01-02T04:00:00.000Z")).toBe("2026-01-02T04:00:00.000Z");
  const { id, key } = await make(http, { scopes: ["publish"] });
  for (const json of [
    { overlap_s: -1 },
    { overlap_s: KEY_OVERLAP_SECONDS_MAX + 1 },
    { overlap_s: 1.5 },
    { overlap: 1 },
  ])
    expect((await rotate(id, json)).status).toBe(422);
  expect((await rotate(id, { overlap_s: 0 })).status).toBe(201);
  expect((await http.ask("POST", "/v1/events", { key, json: EVENT })).status).toBe(401);
  for (const missing of [`key_${"0".repeat(26)}`, "key_1", "%ff"]) expect((await rotate(missing)).status).toBe(404);
});

it("DELETE revokes once, tells the routes, notes it, and is 404 after that and for what is no key", async () => {
  const http = fakeHttp();
  const { id } = await make(http);
  const answer = await http.ask("DELETE", `/v1/keys/${id}`);
  expect([answer.status, answer.text]).toEqual([204, ""]);
  expect(http.routes.changes.at(-1)).toEqual({ kind: "key", version: 3, bus: "default", id, grant: null });
  expect(http.stores.entries.at(-1)).toMatchObject({ action: "key.revoked", target: id, after: null });
  for (const wrong of [id, `key_${"0".repeat(26)}`, "key_1", "%00", "%ff", "sub_00000000000000000000000000"])
    expect((await http.ask("DELETE", `/v1/keys/${wrong}`)).status).toBe(404);
  expect(http.stores.entries).toHaveLength(2);
});

it("a change that others overtake is made on what they left, or given up as 503", async () => {
  let rivals = 1;
  const { stores } = fakeHttp();
  const keys: typeof stores.keyStore = {
    ...stores.keyStore,
    async replace(key, options) {
      if (rivals-- <= 0) return stores.keyStore.replace(key, options);
      const current = await stores.keyStore.get(key.bus, key.id);
      if (current === null) return null;
      await stores.keyStore.replace({ ...current, rateLimit: "high" }, { ...options, expected: current.version });
      return stores.keyStore.replace(key, options);
    },
  };
  const http = fakeHttp(undefined, { keys });
  const { id } = await make(http);
  const path = `/v1/keys/${id}`;
  expect((await http.ask("PATCH", path, { json: { name: "mine" } })).json).toMatchObject({
    name: "mine",
    rate_limit: "high",
  });
  rivals = 1;
  const { version } = (await http.ask("GET", path)).json;
  const guarded = await http.ask("PATCH", path, { json: { name: "late" }, headers: { "if-match": `"${version}"` } });
  expect([guarded.status, slug(guarded)]).toEqual([412, "version-mismatch"]);
  rivals = 99;
  expect(slug(await http.ask("PATCH", path, { json: { name: "never" } }))).toBe("unavailable");
});

it("the last use is written once in an hour, behind the answer, and not for what a key may not do", async () => {
  const used: number[] = [];
  const { stores } = fakeHttp();
  const keys: typeof stores.keyStore = {
    ...stores.keyStore,
    async used(bus, id, now) {
      used.push(now);
      await stores.keyStore.used(bus, id, now);
    },
  };
  const http = fakeHttp(undefined, { keys });
  const { id, key } = await make(http, { scopes: ["read"] });
  expect((await http.ask("POST", "/v1/events", { key, json: EVENT })).status).toBe(403);
  expect(used).toEqual([]);
  const start = http.clock.now();
  for (let request = 0; request < 3; request++) await http.ask("GET", "/v1/events", { key });
  http.clock.advance(KEY_USE_WRITE_MS - 1);
  await http.ask("GET", "/v1/events", { key });
  expect(used).toEqual([start]);
  expect((await http.ask("GET", `/v1/keys/${id}`)).json.last_used_at).toBe("2026-01-02T03:04:05.678Z");
  http.clock.advance(1);
  await http.ask("GET", "/v1/events", { key });
  expect(used).toEqual([start, start + KEY_USE_WRITE_MS]);
});

it("a last use that cannot be written is logged and not tried by every request; what is remembered is bounded", async () => {
  const { stores } = fakeHttp();
  const keys = { ...stores.keyStore, used: () => Promise.reject(new Error("away")) };
  const http = fakeHttp(undefined, { keys });
  for (let index = 0; index < KEY_USES_MAX; index++) http.keyUses.set(`key_${index}`, 0);
  const { id, key } = await make(http, { scopes: ["read"] });
  for (let request = 0; request < 3; request++) expect((await http.ask("GET", "/v1/events", { key })).status).toBe(200);
  expect(http.logger.lines.filter(({ name }) => name === "key.use_not_noted")).toHaveLength(1);
  expect([http.keyUses.size, http.keyUses.has(id), http.keyUses.has("key_0")]).toEqual([KEY_USES_MAX, true, false]);
});

it("a rotation whose answer was lost does not show a key that the caller may not grant any more", async () => {
  const { stores } = fakeHttp();
  let losses = 1;
  const rotate: KeyStore["rotate"] = async (...given) => {
    const rotated = await stores.keyStore.rotate(...given);
    if (losses-- > 0) throw new Unavailable("The answer was lost");
    return rotated;
  };
  const http = fakeHttp(undefined, { keys: { ...stores.keyStore, rotate } });
  const target = (await http.ask("POST", "/v1/keys", { json: { scopes: ["publish"] } })).json;
  const caller = (await http.ask("POST", "/v1/keys", { json: { scopes: ["publish", "manage"] } })).json;
  const again = () =>
    http.ask("POST", `/v1/keys/${target.id}/rotate`, { key: caller.key, headers: { "idempotency-key": "one" } });
  expect((await again()).status).toBe(503);
  await http.ask("PATCH", `/v1/keys/${caller.id}`, { json: { scopes: ["manage"] } });
  const refused = await again();
  expect([refused.status, slug(refused)]).toEqual([403, "forbidden"]);
  expect(refused.text).not.toContain("ftk_");
});

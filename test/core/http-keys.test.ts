// Keys and buses: made, shown once, listed, revoked, and told to the routes.
import { expect, it } from "vitest";
import { hashApiKey } from "../../src/core/api-key.ts";
import { fakeHttp, keyWith } from "../http.ts";

const slug = (answer: { readonly json: { readonly type: string } }) => answer.json.type.split("/").at(-1);

it("PUT makes a bus once, and is the same the second time", async () => {
  const http = fakeHttp();
  const made = await http.ask("PUT", "/v1/buses/eu-1");
  expect(made.status).toBe(201);
  expect(made.json).toEqual({
    bus: "eu-1",
    created_at: "2026-01-02T03:04:05.678Z",
    updated_at: "2026-01-02T03:04:05.678Z",
    version: 2,
    effective_at: "2026-01-02T03:04:10.678Z",
  });
  expect(made.headers.get("etag")).toBe('"2"');
  expect(http.routes.changes).toEqual([{ kind: "bus", version: 2, bus: "eu-1" }]);
  const again = await http.ask("PUT", "/v1/buses/eu-1");
  expect([again.status, again.json]).toEqual([200, made.json]);
  expect(http.routes.changes).toHaveLength(1);
});

it("PUT refuses what is no name of a bus, and one bus too many", async () => {
  const http = fakeHttp({ buses: 2, keys: 1, subscriptions: 1 });
  for (const name of ["EU", "a_b", "x".repeat(33), "%20", "a%2Fb", "%ff"])
    expect(slug(await http.ask("PUT", `/v1/buses/${name}`)), name).toBe("invalid-request");
  expect((await http.ask("PUT", "/v1/buses/second")).status).toBe(201);
  expect(slug(await http.ask("PUT", "/v1/buses/third"))).toBe("limit-reached");
  expect((await http.ask("PUT", "/v1/buses/second")).status).toBe(200);
});

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
    created_at: "2026-01-02T03:04:05.678Z",
    version: 2,
    effective_at: "2026-01-02T03:04:10.678Z",
  });
  expect(made.headers.get("cache-control")).toBe("no-store, no-transform");
  expect(made.headers.get("location")).toBe(`/v1/keys/${shown.id}`);
  const hash = await hashApiKey(key);
  expect(http.stores.stored()).toContain(hash);
  expect(http.stores.stored()).not.toContain(key);
  const list = await http.ask("GET", "/v1/keys");
  expect(list.json.data).toMatchObject([{ id: shown.id, name: "shop" }]);
  expect(list.text).not.toContain(hash);
  expect(list.text).not.toContain(key);
});

it("PUT of a bus and DELETE of a key refuse if-match, which they do not evaluate", async () => {
  const http = fakeHttp();
  const { id } = (await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] } })).json;
  const before = http.stores.stored();
  for (const [method, path] of [
    ["PUT", "/v1/buses/new"],
    ["PUT", "/v1/buses/default"],
    ["DELETE", `/v1/keys/${id}`],
  ] as const) {
    for (const tag of ['"2"', "*", ""]) {
      const answer = await http.ask(method, path, { headers: { "if-match": tag } });
      expect([answer.status, slug(answer)], `${method} ${tag}`).toEqual([400, "invalid-header"]);
      expect(answer.json.detail).toContain("if-match");
    }
  }
  expect(http.stores.stored()).toBe(before);
  expect((await http.ask("DELETE", `/v1/keys/${id}`)).status).toBe(204);
});

it("POST refuses what is no key, all faults at once, and stores nothing", async () => {
  const http = fakeHttp();
  const before = http.stores.stored();
  for (const [json, pointers] of [
    [{}, ["/scopes"]],
    [{ scopes: [] }, ["/scopes"]],
    [{ scopes: "read" }, ["/scopes"]],
    [{ scopes: ["read", "write"] }, ["/scopes/1"]],
    [{ scopes: ["read", "read", "read", "read"] }, ["/scopes"]],
    [{ scopes: ["read"], name: "" }, ["/name"]],
    [{ scopes: ["read"], name: "n".repeat(101) }, ["/name"]],
    [{ scopes: ["read"], name: 5, "a/b~c": 1 }, ["/name", "/a~1b~0c"]],
    [{ scopes: ["read"], bus: "other" }, ["/bus"]],
  ] as const) {
    const answer = await http.ask("POST", "/v1/keys", { json });
    expect([answer.status, answer.json.errors.map(({ pointer }: { pointer: string }) => pointer)]).toEqual([
      422,
      pointers,
    ]);
  }
  expect(http.stores.stored()).toBe(before);
  expect(http.routes.changes).toEqual([]);
  expect((await http.ask("POST", "/v1/keys", { json: { scopes: ["read"], name: "n".repeat(100) } })).status).toBe(201);
  expect((await http.ask("POST", "/v1/keys", { json: { scopes: ["read"], name: null } })).json.name).toBe(null);
});

it("a key grants no more than it has", async () => {
  const http = fakeHttp();
  const manage = await keyWith(http, ["manage"]);
  expect(slug(await http.ask("POST", "/v1/keys", { key: manage, json: { scopes: ["manage", "read"] } }))).toBe(
    "forbidden",
  );
  const second = await http.ask("POST", "/v1/keys", { key: manage, json: { scopes: ["manage"] } });
  expect(second.status).toBe(201);
  expect((await http.ask("GET", "/v1/keys", { key: second.json.key })).status).toBe(200);
});

it("a full bus takes no more keys", async () => {
  const http = fakeHttp({ buses: 1, keys: 1, subscriptions: 1 });
  expect((await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] } })).status).toBe(201);
  const refused = await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] } });
  expect([refused.status, slug(refused)]).toEqual([409, "limit-reached"]);
  expect(refused.json.detail).toContain("1000");
});

it("GET lists keys newest first, page by page", async () => {
  const http = fakeHttp();
  for (const name of ["one", "two", "three"]) {
    await http.ask("POST", "/v1/keys", { json: { name, scopes: ["read"] } });
    http.clock.advance(1);
  }
  const first = await http.ask("GET", "/v1/keys?limit=2");
  expect(first.json.data.map(({ name }: { name: string }) => name)).toEqual(["three", "two"]);
  const second = await http.ask("GET", `/v1/keys?limit=2&cursor=${first.json.next_cursor}`);
  expect(second.json.data.map(({ name }: { name: string }) => name)).toEqual(["one"]);
  expect(second.json.next_cursor).toBe(null);
});

it("DELETE revokes once, tells the routes, and is 404 after that and for what is no key", async () => {
  const http = fakeHttp();
  const { json } = await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] } });
  const answer = await http.ask("DELETE", `/v1/keys/${json.id}`);
  expect([answer.status, answer.text]).toEqual([204, ""]);
  expect(http.routes.changes.at(-1)).toEqual({ kind: "key", version: 3, bus: "default", id: json.id, grant: null });
  for (const id of [json.id, `key_${"0".repeat(26)}`, "key_1", "%00", "%ff", "sub_00000000000000000000000000"])
    expect((await http.ask("DELETE", `/v1/keys/${id}`)).status).toBe(404);
});

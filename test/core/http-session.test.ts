// Signing in: the cookie, what it allows, and who else may not use it.
import { describe, expect, test } from "vitest";
import { SESSION_MS } from "../../src/core/limits.ts";
import { fakeHttp, limitedKey, ROOT, type Asked, type FakeHttp } from "../http.ts";

const SESSION = { "fantail-session": "1" };

async function signedIn(http: FakeHttp, key: string = ROOT): Promise<string> {
  const { status, headers } = await http.ask("POST", "/v1/session", { key: null, json: { key } });
  expect(status).toBe(201);
  return (headers.get("set-cookie") ?? "").split(";", 1)[0] ?? "";
}

const withCookie = (cookie: string, headers: Asked["headers"] = SESSION): Asked => ({
  key: null,
  headers: { ...headers, cookie },
});

describe("signing in", () => {
  test("answers what the key allows, and a cookie that no script and no other site can use", async () => {
    const http = fakeHttp();
    const answer = await http.ask("POST", "/v1/session", { key: null, json: { key: ROOT } });
    expect(answer.json).toEqual({
      bus: "default",
      scopes: ["publish", "read", "manage"],
      actor: "root",
      is_root: true,
      expires_at: new Date(http.clock.now() + SESSION_MS).toISOString(),
    });
    const [cookie, ...attributes] = (answer.headers.get("set-cookie") ?? "").split("; ");
    expect(cookie).toMatch(/^__Host-fantail_session=./);
    expect(decodeURIComponent(cookie ?? "")).not.toContain(ROOT);
    expect(attributes.toSorted()).toEqual(["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Strict", "Secure"]);
  });

  test("over plain HTTP, which is local work, the cookie is not for HTTPS alone", async () => {
    const { app } = fakeHttp();
    const request = new Request("http://localhost:8787/v1/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ key: ROOT }),
    });
    const answer = await app.fetch(request, { background: () => {} });
    expect(answer.headers.get("set-cookie")).toMatch(/^fantail_session=/);
    expect(answer.headers.get("set-cookie")).not.toContain("Secure");
  });

  test("a key of a bus is that key, and ends when the key does", async () => {
    const http = fakeHttp();
    const expiresMs = http.clock.now() + 60_000;
    const { key, id } = await limitedKey(http, { scopes: ["read"], expiresMs });
    const { json } = await http.ask("POST", "/v1/session", { key: null, json: { key } });
    expect(json).toMatchObject({ actor: id, scopes: ["read"], is_root: false });
    expect(json.expires_at).toBe(new Date(expiresMs).toISOString());
  });

  test.each([
    ["a key that nobody made", { key: "not-a-key" }, 401, "The key is not valid"],
    ["no key", {}, 422, "key is required"],
    ["an empty key", { key: "" }, 422, "key must not be empty"],
    ["another member", { key: ROOT, bus: "eu" }, 422, "bus is not known"],
    ["a key that no cookie can hold", { key: "x".repeat(2_001) }, 422, "key must have at most 2000 characters"],
  ])("%s is refused, and sets no cookie", async (_, json, status, detail) => {
    const answer = await fakeHttp().ask("POST", "/v1/session", { key: null, json });
    expect([answer.status, answer.json.detail]).toEqual([status, detail]);
    expect(answer.headers.get("set-cookie")).toBeNull();
  });

  test("a form of another site cannot sign anybody in", async () => {
    const http = fakeHttp();
    const body = `{"key":"${ROOT}"}`;
    const answer = await http.ask("POST", "/v1/session", {
      key: null,
      body,
      headers: { "content-type": "text/plain" },
    });
    expect(answer.status).toBe(415);
  });

  test("the root key names a bus that there is", async () => {
    const http = fakeHttp();
    const headers = { "fantail-bus": "nowhere" };
    const answer = await http.ask("POST", "/v1/session", { key: null, json: { key: ROOT }, headers });
    expect([answer.status, answer.json.type]).toEqual([404, "https://fantail.dev/problems/bus-not-found"]);
  });
});

describe("a session", () => {
  test("stands for its key", async () => {
    const http = fakeHttp();
    const cookie = await signedIn(http);
    expect((await http.ask("GET", "/v1/session", withCookie(cookie))).json).toMatchObject({ actor: "root" });
    expect((await http.ask("GET", "/v1/subscriptions", withCookie(cookie))).status).toBe(200);
  });

  test("without the header of our own pages it is refused, whatever is asked for", async () => {
    const http = fakeHttp();
    const cookie = await signedIn(http);
    for (const [method, path] of [
      ["GET", "/v1/events"],
      ["POST", "/v1/events"],
    ] as const) {
      const answer = await http.ask(method, path, withCookie(cookie, {}));
      expect([answer.status, answer.json.detail]).toEqual([
        401,
        "A request with a session must carry the header fantail-session",
      ]);
    }
  });

  test("that header is none that another origin's page may send", async () => {
    const headers = {
      origin: "https://elsewhere.example.com",
      "access-control-request-method": "POST",
      "access-control-request-headers": "fantail-session,content-type",
    };
    const answer = await fakeHttp().ask("OPTIONS", "/v1/events", { key: null, headers });
    expect(answer.headers.get("access-control-allow-headers")).toBe("content-type");
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  });

  test("is over after 12 hours, and says so", async () => {
    const http = fakeHttp();
    const cookie = await signedIn(http);
    http.clock.advance(SESSION_MS - 1);
    expect((await http.ask("GET", "/v1/session", withCookie(cookie))).status).toBe(200);
    http.clock.advance(1);
    const { status, json } = await http.ask("GET", "/v1/session", withCookie(cookie));
    expect([status, json.detail]).toEqual([401, "The session has expired: sign in again"]);
  });

  test("ends with its key", async () => {
    const http = fakeHttp();
    const { key, change } = await limitedKey(http, { scopes: ["read"] });
    const cookie = await signedIn(http, key);
    change(null);
    expect((await http.ask("GET", "/v1/session", withCookie(cookie))).json.detail).toBe("The key is not valid");
  });

  test.each(["", "x", "v1.00000000.AAAA"])("one that is made up (%j) is refused", async (value) => {
    const { status, json } = await fakeHttp().ask("GET", "/v1/session", withCookie(`__Host-fantail_session=${value}`));
    expect([status, json.detail]).toEqual([401, "The session is not valid: sign in again"]);
  });

  test("one that was changed is refused", async () => {
    const http = fakeHttp();
    const cookie = await signedIn(http);
    const changed = cookie.replace(/.{8}$/, (end) => (end.startsWith("A") ? "B" : "A") + end.slice(1));
    expect((await http.ask("GET", "/v1/session", withCookie(changed))).status).toBe(401);
  });

  test("an authorization header goes before it", async () => {
    const http = fakeHttp();
    const cookie = await signedIn(http);
    const { key, id } = await limitedKey(http, { scopes: ["read"] });
    const { json } = await http.ask("GET", "/v1/session", { key, headers: { ...SESSION, cookie } });
    expect([json.actor, json.expires_at]).toEqual([id, null]);
  });

  test("one that another host of the domain could have set is none", async () => {
    const http = fakeHttp();
    const cookie = (await signedIn(http)).replace("__Host-", "");
    const { status, json } = await http.ask("GET", "/v1/session", withCookie(cookie));
    expect([status, json.detail]).toEqual([401, "authorization must be Bearer and a key"]);
  });

  test("signing out has the browser forget it", async () => {
    const http = fakeHttp();
    const answer = await http.ask("DELETE", "/v1/session", withCookie(await signedIn(http)));
    expect([answer.status, answer.headers.get("set-cookie")]).toEqual([
      204,
      expect.stringMatching(/^__Host-fantail_session=; Max-Age=0; Path=\/; HttpOnly; Secure; SameSite=Strict$/),
    ]);
  });
});

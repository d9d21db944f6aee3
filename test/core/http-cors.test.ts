// Publishing from browsers: who may read an answer, what a preflight allows, and that nothing is allowed beyond it.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { PREFLIGHT_SECONDS } from "../../src/core/limits.ts";
import { fakeHttp, limitedKey, ROOT, type Answered, type FakeHttp } from "../http.ts";

const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };
const SHOP = "https://shop.example.com";
const LOCAL = "http://localhost:5173";

const slug = ({ json }: Answered) => json.type?.split("/").at(-1);
const corsOf = ({ headers }: Answered) => [...headers.keys()].filter((name) => name.startsWith("access-control-"));
const publish = (http: FakeHttp, key: string, headers: Record<string, string>, json: unknown = EVENT) =>
  http.ask("POST", "/v1/events", { key, headers, json });
const preflight = (http: FakeHttp, headers: Record<string, string>, path = "/v1/events") =>
  http.ask("OPTIONS", path, { key: null, headers });
const ASKED = { origin: SHOP, "access-control-request-method": "POST" };

it("a key of two origins publishes from each of them and lets them read the answer", async () => {
  const http = fakeHttp();
  const { key } = await limitedKey(http, { allowedOrigins: [SHOP, LOCAL] });
  for (const origin of [SHOP, LOCAL]) {
    const answer = await publish(http, key, { origin });
    expect(answer.status).toBe(202);
    expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
    expect(answer.headers.get("access-control-expose-headers")).toBe("x-request-id, retry-after, preference-applied");
    expect(answer.headers.get("vary")).toBe("origin");
    expect(answer.headers.has("access-control-allow-credentials")).toBe(false);
  }
});

it("from any other origin, and from none, the key is refused, and the page cannot read why", async () => {
  const http = fakeHttp();
  const { key, id } = await limitedKey(http, { allowedOrigins: [SHOP] });
  for (const origin of [
    null,
    "null",
    "https://evil.example.com",
    "http://shop.example.com",
    `${SHOP}:8443`,
    `${SHOP}/`,
    `${SHOP}.evil.com`,
    "https://SHOP.example.com",
    `${SHOP}, ${SHOP}`,
    "*",
    "",
  ]) {
    const answer = await publish(http, key, origin === null ? {} : { origin });
    expect([origin, answer.status, slug(answer)]).toEqual([origin, 403, "forbidden"]);
    expect(answer.json.detail).toContain("origin");
    expect([corsOf(answer), answer.headers.get("vary")]).toEqual([[], "origin"]);
  }
  expect(http.ingest.published).toEqual([]);
  expect(http.rateLimits.taken.filter(({ keyId }) => keyId === id)).toEqual([]);
});

it("problems can be read too, whatever made them", async () => {
  const http = fakeHttp();
  const { key, id } = await limitedKey(http, { allowedOrigins: [SHOP], types: ["order.*"] });
  const from = { origin: SHOP };
  const large = { ...EVENT, data: "x".repeat(2_000_000) };
  const answers = [
    await publish(http, key, from, { ...EVENT, type: "" }),
    await publish(http, key, from, { ...EVENT, type: "user.created" }),
    await publish(http, key, from, large),
    await publish(http, key, { ...from, "content-type": "text/plain" }),
    await publish(http, key, { ...from, "fantail-hops": "6" }),
  ];
  http.rateLimits.refused.add(id);
  answers.push(await publish(http, key, from));
  http.rateLimits.refused.clear();
  http.ingest.away = true;
  answers.push(await publish(http, key, from));
  expect(answers.map(({ status }) => status)).toEqual([422, 403, 413, 415, 422, 429, 503]);
  for (const { headers } of answers) expect(headers.get("access-control-allow-origin")).toBe(SHOP);
  const broken = fakeHttp(undefined, { ingest: () => Promise.reject(new Error("broken")) });
  const answer = await publish(broken, (await limitedKey(broken, { allowedOrigins: [SHOP] })).key, from);
  expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([500, SHOP]);
});

it("an origin that is taken away while the body comes in publishes nothing any more", async () => {
  const http = fakeHttp();
  const { key, change } = await limitedKey(http, { allowedOrigins: [SHOP] });
  const body = new ReadableStream({
    pull(controller) {
      change({ allowedOrigins: [LOCAL] });
      controller.enqueue(new TextEncoder().encode(JSON.stringify(EVENT)));
      controller.close();
    },
  });
  const headers = { origin: SHOP, "content-type": "application/json" };
  expect(slug(await http.ask("POST", "/v1/events", { key, headers, body }))).toBe("forbidden");
  expect(http.ingest.published).toEqual([]);
});

it("a page can read that its key is not valid, or that nobody can tell, and never more than that", async () => {
  const http = fakeHttp();
  const { key, change } = await limitedKey(http, { allowedOrigins: [SHOP] });
  const readable = (answer: Answered) => answer.headers.get("access-control-allow-origin");
  expect(readable(await publish(http, "unknown", { origin: SHOP }))).toBe(SHOP);
  change({ allowedOrigins: [SHOP], expiresMs: http.clock.now() });
  const expired = await publish(http, key, { origin: LOCAL });
  expect([expired.status, readable(expired), expired.headers.get("vary")]).toEqual([401, LOCAL, "origin"]);
  http.routes.away = true;
  const away = await publish(http, key, { origin: SHOP });
  expect([away.status, readable(away), away.headers.get("retry-after")]).toEqual([503, SHOP, "5"]);
  for (const origin of ["null", "shop.example.com", "https://shop.example.com/"])
    expect(readable(await publish(http, "unknown", { origin }))).toBeNull();
  expect(readable(await http.ask("GET", "/v1/events", { key: "unknown", headers: { origin: SHOP } }))).toBeNull();
});

it("keys without origins and root get no CORS header, with an Origin or without", async () => {
  const http = fakeHttp();
  const { key } = await limitedKey(http, {});
  for (const one of [key, ROOT])
    for (const headers of [{}, { origin: SHOP }]) {
      const answer = await publish(http, one, headers);
      expect(answer.status).toBe(202);
      expect([corsOf(answer), answer.headers.get("vary")]).toEqual([[], null]);
    }
});

it("a preflight needs no key and asks nobody", async () => {
  const http = fakeHttp();
  http.routes.away = true;
  const answer = await preflight(http, {
    ...ASKED,
    "access-control-request-headers": "authorization,content-type, CE-Id ,idempotency-key",
  });
  expect([answer.status, answer.text]).toEqual([204, ""]);
  expect(Object.fromEntries([...answer.headers].filter(([name]) => /^access|^vary|^allow/.test(name)))).toEqual({
    allow: "POST, GET, HEAD, OPTIONS",
    vary: "origin, access-control-request-method, access-control-request-headers",
    "access-control-allow-origin": SHOP,
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "authorization, content-type, ce-id, idempotency-key",
    "access-control-max-age": String(PREFLIGHT_SECONDS),
  });
  expect(http.routes.lookups).toBe(0);
});

it("a preflight allows headers of a fixed rule and no other", async () => {
  const http = fakeHttp();
  const ask = async (names: string) =>
    (await preflight(http, { ...ASKED, "access-control-request-headers": names })).headers.get(
      "access-control-allow-headers",
    );
  const taken =
    "authorization, content-type, content-encoding, idempotency-key, prefer, traceparent, tracestate, fantail-hops, fantail-bus";
  expect(await ask(taken)).toBe(taken);
  expect(await ask(`ce-${"a".repeat(64)}`)).toBe(`ce-${"a".repeat(64)}`);
  for (const name of ["x-other", "cookie", "ce-", "ce-a-b", `ce-${"a".repeat(65)}`, "*", "", ",,", "a b"])
    expect(await ask(name), name).toBe(null);
  const many = Array.from({ length: 500 }, (_, index) => `ce-a${index}`).join(",");
  expect((await ask(many))?.split(", ").length).toBeLessThan(100);
});

it("what is no preflight gets the plain answer to OPTIONS", async () => {
  const http = fakeHttp();
  for (const headers of [
    {},
    { origin: SHOP },
    { "access-control-request-method": "POST" },
    ...[
      "null",
      "*",
      "",
      "shop.example.com",
      "ftp://a.example.com",
      `${SHOP}/`,
      "https://SHOP.example.com",
      "https:",
    ].map((origin) => ({ ...ASKED, origin })),
  ]) {
    const answer = await preflight(http, headers);
    expect([answer.status, answer.headers.get("allow"), corsOf(answer)]).toEqual([204, "POST, GET, HEAD, OPTIONS", []]);
  }
});

it("no other path answers a preflight with CORS headers, and no other method of the path is for pages", async () => {
  const http = fakeHttp();
  const { key } = await limitedKey(http, { allowedOrigins: [SHOP], scopes: ["publish", "read", "manage"] });
  for (const path of ["/healthz", "/v1/events/evt_1", "/v1/deliveries", "/v1/subscriptions", "/v1/keys", "/v1/buses/a"])
    expect(corsOf(await preflight(http, ASKED, path)), path).toEqual([]);
  for (const [method, path] of [
    ["GET", "/v1/events"],
    ["GET", "/v1/deliveries"],
    ["PUT", "/v1/events"],
    ["GET", "/healthz"],
  ] as const)
    expect(corsOf(await http.ask(method, path, { key, headers: { origin: SHOP } })), path).toEqual([]);
});

it("arbitrary origins get no 5xx and no wildcard, and only the right one publishes", async () => {
  const http = fakeHttp();
  const { key } = await limitedKey(http, { allowedOrigins: [SHOP] });
  const value = fc.oneof(fc.stringMatching(/^[ -~]{0,40}$/), fc.webUrl(), fc.constantFrom(SHOP, "null", "*"));
  await fc.assert(
    fc.asyncProperty(value, value, async (origin, names) => {
      const before = http.ingest.published.length;
      const asked = await preflight(http, { ...ASKED, origin, "access-control-request-headers": names });
      expect(asked.status).toBe(204);
      const answer = await publish(http, key, { origin });
      expect(answer.status).toBe(origin.trim() === SHOP ? 202 : 403);
      expect(http.ingest.published.length - before).toBe(answer.status === 202 ? 1 : 0);
      for (const { headers } of [asked, answer])
        expect([null, origin.trim()]).toContain(headers.get("access-control-allow-origin"));
      expect(asked.headers.get("access-control-allow-origin")).not.toBe("*");
    }),
    { numRuns: 300 },
  );
});

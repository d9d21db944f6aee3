// Idempotency-Key: a POST that comes again is answered again, and makes nothing twice, whenever its answer got lost.
import { expect, it } from "vitest";
import { importCheckKeys } from "../../src/core/api-key.ts";
import { IDEMPOTENCY_KEPT_MS, IDEMPOTENCY_KEY_CHARS_MAX, MANAGEMENT_BYTES_MAX } from "../../src/core/limits.ts";
import { Unavailable, type KeyStore, type SubscriptionStore } from "../../src/ports.ts";
import { fakeHttp, keyWith, type Answered, type Asked, type FakeHttp } from "../http.ts";

const slug = (answer: Answered) => answer.json.type.split("/").at(-1);
const SINK = "https://a.example.com/";
const once = (key = "one"): Asked => ({ headers: { "idempotency-key": key } });
const DELIVERY = `dlv_${"0".repeat(52)}`;

/** Puts one dead delivery on record. */
function dead(http: FakeHttp, attempts: readonly object[] = []): void {
  const key = { bus: "default", seq: "0".repeat(26), subscriptionId: `sub_${"0".repeat(26)}`, run: "" };
  http.record.deliveryRows.push({
    key,
    eventId: `evt_${"0".repeat(26)}`,
    type: "t",
    state: "dead",
    attempt: 1,
    dueMs: null,
    cause: "exhausted",
    attempts: JSON.stringify(attempts),
  });
}

/** Every POST that takes an Idempotency-Key, over something to post to. */
const POSTS: readonly (readonly [string, (http: FakeHttp) => Promise<readonly [string, object]>])[] = [
  ["a key", async () => ["/v1/keys", { scopes: ["publish"], name: "shop" }]],
  ["a subscription", async () => ["/v1/subscriptions", { sink: SINK }]],
  [
    "a rotation",
    async (http) => {
      const { json } = await http.ask("POST", "/v1/keys", { json: { scopes: ["publish"] } });
      return [`/v1/keys/${json.id}/rotate`, { overlap_s: 60 }];
    },
  ],
  [
    "a retry",
    async (http) => {
      dead(http);
      return [`/v1/deliveries/${DELIVERY}/retry`, {}];
    },
  ],
];

for (const [name, prepare] of POSTS) {
  it(`${name}: the same request is answered with the same answer, and made once`, async () => {
    const http = fakeHttp();
    const [path, json] = await prepare(http);
    const first = await http.ask("POST", path, { json, ...once() });
    expect([201, 202]).toContain(first.status);
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    const stored = http.stores.stored();
    const entries = http.stores.entries.length;
    const wakes = http.wakes.wakes.length;
    http.clock.advance(IDEMPOTENCY_KEPT_MS - 1);
    const again = await http.ask("POST", path, { json, ...once() });
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    for (const header of ["content-type", "etag", "location"])
      expect(again.headers.get(header)).toBe(first.headers.get(header));
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
    expect([http.stores.stored(), http.stores.entries.length, http.wakes.wakes.length]).toEqual([
      stored,
      entries,
      wakes,
    ]);
  });

  it(`${name}: another request under the same key is refused, and one of another holder is not`, async () => {
    const http = fakeHttp();
    const [path, json] = await prepare(http);
    const manage = await keyWith(http, ["manage", "publish"]);
    expect((await http.ask("POST", path, { json, ...once() })).status).toBeLessThan(300);
    const stored = http.stores.stored();
    for (const other of [{ ...json, extra: 1 }, {}].filter((body) => JSON.stringify(body) !== JSON.stringify(json))) {
      const reused = await http.ask("POST", path, { json: other, ...once() });
      expect([reused.status, slug(reused)]).toEqual([422, "idempotency-key-reused"]);
    }
    const elsewhere = await http.ask("POST", path === "/v1/keys" ? "/v1/subscriptions" : "/v1/keys", {
      json,
      ...once(),
    });
    expect(slug(elsewhere)).toBe("idempotency-key-reused");
    // One byte of white space is another body.
    const spaced = await http.ask("POST", path, {
      body: `${JSON.stringify(json)} `,
      headers: { "idempotency-key": "one", "content-type": "application/json" },
    });
    expect(slug(spaced)).toBe("idempotency-key-reused");
    expect(http.stores.stored()).toBe(stored);
    const holder = await http.ask("POST", path, { json, key: manage, ...once() });
    // Nobody is answered for somebody else; a key that is rotated already is refused as such.
    expect(path.endsWith("/rotate") ? [422] : [201, 202]).toContain(holder.status);
    expect(holder.headers.get("idempotent-replayed")).toBeNull();
  });

  it(`${name}: stored and not answered, it is found by its repetition and answered in full`, async () => {
    const http = fakeHttp();
    const [path, json] = await prepare(http);
    const first = await http.ask("POST", path, { json, ...once() });
    const stored = http.stores.stored();
    const entries = http.stores.entries.length;
    // The isolate ended before the answer was remembered: the seed is all that is left.
    for (const [place, known] of http.idempotency.remembered)
      http.idempotency.remembered.set(place, { ...known, answer: null });
    http.clock.advance(5_000);
    const again = await http.ask("POST", path, { json, ...once() });
    const { effective_at: _, ...shown } = again.json;
    expect(again.status).toBe(first.status);
    expect(first.json).toMatchObject(shown);
    expect(again.headers.get("etag")).toBe(first.headers.get("etag"));
    expect([http.stores.stored(), http.stores.entries.length]).toEqual([stored, entries]);
    if (name === "a key" || name === "a rotation") {
      const event = { specversion: "1.0", id: "A-1", source: "/shop", type: "t" };
      expect((await http.ask("POST", "/v1/events", { key: again.json.key, json: event })).status).toBe(202);
    }
  });

  it(`${name}: many at once make one, and all are answered with it`, async () => {
    const http = fakeHttp();
    const [path, json] = await prepare(http);
    const before = http.stores.entries.length;
    const answers = await Promise.all(Array.from({ length: 6 }, () => http.ask("POST", path, { json, ...once() })));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.every(({ status }) => status === 201 || status === 202)).toBe(true);
    expect(http.stores.entries.length - before).toBe(name === "a retry" ? 0 : name === "a rotation" ? 2 : 1);
  });

  it(`${name}: after 24 h the key is free for another request`, async () => {
    const http = fakeHttp();
    const [path, json] = await prepare(http);
    const first = await http.ask("POST", path, { json, ...once() });
    http.clock.advance(IDEMPOTENCY_KEPT_MS);
    const later = await http.ask("POST", "/v1/subscriptions", { json: { sink: "https://b.example.com/" }, ...once() });
    expect([later.status, later.headers.get("idempotent-replayed")]).toEqual([201, null]);
    expect(later.text).not.toBe(first.text);
  });
}

/** A store whose next `create` stores and loses its answer, as when the database goes away. */
function losing<Store extends KeyStore | SubscriptionStore>(store: Store): Store {
  let losses = 1;
  const create = async (...given: readonly unknown[]) => {
    const answer: unknown = await Reflect.apply(store.create, store, given);
    if (losses-- > 0) throw new Unavailable("The answer was lost");
    return answer;
  };
  return { ...store, create };
}

it("503 keeps what the request drew: sent again it completes and shows the key and the secret", async () => {
  for (const [path, json, member] of [
    ["/v1/keys", { scopes: ["publish"] }, "key"],
    ["/v1/subscriptions", { sink: SINK }, "secret"],
  ] as const) {
    const { stores } = fakeHttp();
    const http = fakeHttp(undefined, {
      keys: losing(stores.keyStore),
      subscriptions: losing(stores.subscriptionStore),
    });
    const lost = await http.ask("POST", path, { json, ...once() });
    expect([lost.status, lost.json.detail]).toEqual([503, expect.stringContaining("same idempotency-key")]);
    const again = await http.ask("POST", path, { json, ...once() });
    expect([again.status, again.json[member]]).toEqual([201, expect.stringMatching(/^(ftk|whsec)_/)]);
    expect((await http.ask("GET", path)).json.data).toHaveLength(1);
  }
});

it("without the header a lost answer says to look first", async () => {
  const { stores } = fakeHttp();
  const http = fakeHttp(undefined, { keys: losing(stores.keyStore) });
  const lost = await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] } });
  expect([lost.status, lost.json.detail]).toEqual([503, expect.stringContaining("look for it in the list")]);
});

it("a refused request leaves nothing, so that the mended one may have its key", async () => {
  const http = fakeHttp({ buses: 1, keys: 1, subscriptions: 1 });
  const post = (path: string, json: unknown) => http.ask("POST", path, { json, ...once() });
  expect((await post("/v1/keys", { scopes: [] })).status).toBe(422);
  expect((await post("/v1/keys", "text")).status).toBe(422);
  expect((await post("/v1/deliveries/dlv_1/retry", {})).status).toBe(404);
  expect(http.idempotency.remembered.size).toBe(0);
  expect((await post("/v1/keys", { scopes: ["read"] })).status).toBe(201);
  expect((await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] }, ...once("two") })).status).toBe(409);
  expect(http.idempotency.remembered.size).toBe(1);
});

it("what was made and deleted since is not made again by the repetition that heard of neither", async () => {
  const http = fakeHttp();
  for (const [path, json] of [
    ["/v1/keys", { scopes: ["read"] }],
    ["/v1/subscriptions", { sink: SINK }],
  ] as const) {
    const made = await http.ask("POST", path, { json, ...once(path) });
    for (const [place, known] of http.idempotency.remembered)
      http.idempotency.remembered.set(place, { ...known, answer: null });
    expect((await http.ask("DELETE", `${path}/${made.json.id}`)).status).toBe(204);
    const changes = http.routes.changes.length;
    const again = await http.ask("POST", path, { json, ...once(path) });
    expect([again.status, slug(again)]).toEqual([404, "not-found"]);
    expect(http.routes.changes).toHaveLength(changes);
    expect((await http.ask("GET", path)).json.data).toEqual([]);
  }
});

it("a rotation whose answer was lost shows the successor, also when the former key is ended or gone by then", async () => {
  for (const [overlap_s, revoked] of [
    [0, false],
    [60, true],
  ] as const) {
    const http = fakeHttp();
    const { id } = (await http.ask("POST", "/v1/keys", { json: { scopes: ["publish"] } })).json;
    const path = `/v1/keys/${id}/rotate`;
    const asked = { json: { overlap_s }, headers: { "idempotency-key": "one", "if-match": '"2"' } };
    const first = await http.ask("POST", path, asked);
    for (const [place, known] of http.idempotency.remembered)
      http.idempotency.remembered.set(place, { ...known, answer: null });
    if (revoked) await http.ask("DELETE", `/v1/keys/${id}`);
    http.clock.advance(1_000);
    const again = await http.ask("POST", path, asked);
    expect(again.status).toBe(201);
    expect(again.json).toMatchObject({ id: first.json.id, key: first.json.key, replaces: first.json.replaces });
    expect((await http.ask("GET", "/v1/keys")).json.data).toHaveLength(revoked ? 1 : 2);
  }
});

it("a retry whose answer was lost is not made again when its attempt has been made", async () => {
  const http = fakeHttp();
  dead(http);
  const path = `/v1/deliveries/${DELIVERY}/retry`;
  await http.ask("POST", path, once());
  for (const [place, known] of http.idempotency.remembered)
    http.idempotency.remembered.set(place, { ...known, answer: null });
  http.clock.advance(10);
  http.record.deliveryRows.splice(0);
  dead(http, [{ attempt: 2, at_ms: http.clock.now(), duration_ms: 1, status: 500, error: null, answer: null }]);
  const again = await http.ask("POST", path, once());
  expect([again.status, again.json.status]).toEqual([202, "dead"]);
  expect(http.record.deliveryRows[0]?.state).toBe("dead");
});

it("a key is found again under the check key that made it, while the encryption key rotates", async () => {
  const [older, newer] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  let checkKeys = await importCheckKeys([older]);
  const http = fakeHttp(undefined, { auth: { rootKeys: ["root-key-for-tests"], checkKeys: async () => checkKeys } });
  const first = await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] }, ...once() });
  for (const [place, known] of http.idempotency.remembered)
    http.idempotency.remembered.set(place, { ...known, answer: null });
  checkKeys = await importCheckKeys([newer, older]);
  const again = await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] }, ...once() });
  expect(again.json.key).toBe(first.json.key);
  expect((await http.ask("GET", "/v1/events", { key: again.json.key })).status).toBe(200);
});

it("the header is 1 to 255 visible ASCII characters, and the body at most what it may be without it", async () => {
  const http = fakeHttp();
  const post = (key: string, body = JSON.stringify({ scopes: ["read"] })) =>
    http.ask("POST", "/v1/keys", { body, headers: { "idempotency-key": key, "content-type": "application/json" } });
  for (const key of ["", "a b", "é", "k".repeat(IDEMPOTENCY_KEY_CHARS_MAX + 1)])
    expect([key, slug(await post(key))]).toEqual([key, "invalid-header"]);
  expect((await post("k".repeat(IDEMPOTENCY_KEY_CHARS_MAX))).status).toBe(201);
  const padded = JSON.stringify({ scopes: ["read"] }).padEnd(MANAGEMENT_BYTES_MAX);
  expect((await post("full", padded)).status).toBe(201);
  expect(slug(await post("over", `${padded} `))).toBe("payload-too-large");
  expect(http.idempotency.remembered.size).toBe(2);
});

it("an answer that cannot be remembered is given all the same, and a repetition finds what was made", async () => {
  const { idempotency } = fakeHttp();
  const forgetful = { ...idempotency, finish: () => Promise.reject(new Unavailable("away")) };
  const http = fakeHttp(undefined, { idempotency: forgetful });
  const first = await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] }, ...once() });
  const again = await http.ask("POST", "/v1/keys", { json: { scopes: ["read"] }, ...once() });
  expect([first.status, again.status, again.json.key]).toEqual([201, 201, first.json.key]);
  expect(http.logger.lines.filter(({ name }) => name === "idempotency.not_kept")).toHaveLength(2);
  expect(JSON.stringify(http.logger.lines)).not.toContain("ftk_");
});

it("nothing is begun for who may not do it", async () => {
  const http = fakeHttp();
  const key = await keyWith(http, ["read"]);
  expect((await http.ask("POST", "/v1/keys", { key, json: { scopes: ["read"] }, ...once() })).status).toBe(403);
  expect((await http.ask("POST", "/v1/keys", { key: null, json: { scopes: ["read"] }, ...once() })).status).toBe(401);
  expect(http.idempotency.remembered.size).toBe(0);
});

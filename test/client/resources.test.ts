// The requests that resources make, and what happens to them on the way.
import { describe, expect, test } from "vitest";
import { createClient, type Client, type ClientOptions } from "../../src/client/index.ts";
import { fakeFantail, json, problem, raw, reset, unavailable } from "./fake-fantail.ts";
import { handClock } from "./hand-clock.ts";

const TIMEOUT_MS = 7_777;

async function setUp(options: Partial<ClientOptions> = {}) {
  const server = await fakeFantail();
  const clock = handClock({ hold: [TIMEOUT_MS] });
  const client = createClient({ url: server.url, key: "root-key", timeoutMs: TIMEOUT_MS, runtime: clock, ...options });
  return { server, clock, client };
}

const collected = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const seen: T[] = [];
  for await (const item of items) seen.push(item);
  return seen;
};

const gone = raw(204, {}, "");
const thing = json(200, { id: "x", version: 7 });

interface Expected {
  readonly line: string;
  readonly body?: unknown;
  readonly headers?: object;
}
const MADE = { "idempotency-key": expect.any(String) };
const ROWS: readonly (readonly [call: (client: Client) => Promise<unknown>, Expected])[] = [
  [(c) => c.events.get("evt_a/b"), { line: "GET /v1/events/evt_a%2Fb" }],
  [(c) => c.events.explain("evt_1", "sub_1&x"), { line: "GET /v1/events/evt_1/explain?subscription_id=sub_1%26x" }],
  [
    (c) => c.filters.test({ types: ["a"], event: { type: "a" } }),
    {
      line: "POST /v1/filters/test",
      body: { types: ["a"], event: { type: "a" } },
      headers: { "content-type": "application/json" },
    },
  ],
  [
    (c) => c.filters.import({ from: "sns", policy: {} }),
    { line: "POST /v1/filters/import", body: { from: "sns", policy: {} } },
  ],
  [(c) => c.deliveries.get("dlv_1"), { line: "GET /v1/deliveries/dlv_1" }],
  [(c) => c.deliveries.retry("dlv_1"), { line: "POST /v1/deliveries/dlv_1/retry", headers: MADE }],
  [
    (c) => c.subscriptions.create({ sink: "https://a.example/" }),
    {
      line: "POST /v1/subscriptions",
      body: { sink: "https://a.example/" },
      headers: { ...MADE, "content-type": "application/json" },
    },
  ],
  [(c) => c.subscriptions.get("sub_1"), { line: "GET /v1/subscriptions/sub_1" }],
  [
    (c) => c.subscriptions.update("sub_1", { status: "paused" }, { ifMatch: 12 }),
    {
      line: "PATCH /v1/subscriptions/sub_1",
      body: { status: "paused" },
      headers: { "if-match": '"12"', "content-type": "application/merge-patch+json" },
    },
  ],
  [
    (c) => c.keys.create({ scopes: ["publish"] }),
    { line: "POST /v1/keys", body: { scopes: ["publish"] }, headers: MADE },
  ],
  [(c) => c.keys.get("key_1"), { line: "GET /v1/keys/key_1" }],
  [(c) => c.keys.update("key_1", { name: null }), { line: "PATCH /v1/keys/key_1", body: { name: null } }],
  [
    (c) => c.keys.rotate("key_1", { overlap_s: 60 }),
    { line: "POST /v1/keys/key_1/rotate", body: { overlap_s: 60 }, headers: MADE },
  ],
  [(c) => c.buses.put("eu"), { line: "PUT /v1/buses/eu" }],
  [
    (c) => c.buses.put("eu", { retention_days: 1 }, { ifAbsent: true }),
    { line: "PUT /v1/buses/eu", body: { retention_days: 1 }, headers: { "if-none-match": "*" } },
  ],
  [(c) => c.buses.get("eu"), { line: "GET /v1/buses/eu" }],
  [(c) => c.buses.update("eu", { log_level: null }), { line: "PATCH /v1/buses/eu", body: { log_level: null } }],
];

test.each(ROWS)("%s", async (call, { line, body = "", headers = {} }) => {
  const { server, client } = await setUp({ bus: "eu" });
  server.next(thing);
  expect(await call(client)).toEqual({ id: "x", version: 7 });
  const [request] = server.requests;
  expect(`${request?.method} ${request?.url}`).toBe(line);
  expect(request?.body === "" ? "" : JSON.parse(request?.body ?? "")).toEqual(body);
  expect(request?.headers).toMatchObject({ authorization: "Bearer root-key", "fantail-bus": "eu", ...headers });
});

test.each<[(client: Client) => Promise<void>, string]>([
  [(c) => c.events.erase("evt_1"), "/v1/events/evt_1"],
  [(c) => c.subscriptions.delete("sub_1"), "/v1/subscriptions/sub_1"],
  [(c) => c.keys.revoke("key_1"), "/v1/keys/key_1"],
  [(c) => c.buses.delete("eu", { ifMatch: 3 }), "/v1/buses/eu"],
])("%s", async (call, url) => {
  const { server, client } = await setUp();
  server.next(gone);
  expect(await call(client)).toBeUndefined();
  expect(server.requests).toMatchObject([{ method: "DELETE", url, body: "" }]);
});

describe("lists", () => {
  const page = (data: readonly unknown[], next_cursor: string | null) => json(200, { data, next_cursor });

  test("go on over short and empty pages as long as there is a cursor", async () => {
    const { server, client } = await setUp();
    server.next(page([{ event_id: 1 }], "a"), page([], "b&c"), page([{ event_id: 2 }, { event_id: 3 }], null));
    const events = await collected(client.events.list({ type: "order.created", since: new Date(0), limit: 2 }));
    expect(events.map(({ event_id }) => event_id)).toEqual([1, 2, 3]);
    const query = "?type=order.created&since=1970-01-01T00%3A00%3A00.000Z&limit=2";
    expect(server.requests.map(({ url }) => url)).toEqual([
      `/v1/events${query}`,
      `/v1/events${query}&cursor=a`,
      `/v1/events${query}&cursor=b%26c`,
    ]);
  });

  test("read no page that nobody asks for", async () => {
    const { server, client } = await setUp();
    server.always(page([{ id: 1 }], "a"));
    const list = client.keys.list();
    expect(server.requests).toEqual([]);
    for await (const _ of list) break;
    expect(server.requests).toHaveLength(1);
  });

  test("page() is one page, from the start or from a cursor", async () => {
    const { server, client } = await setUp();
    server.always(page([{ id: 1 }], "a"));
    const list = client.deliveries.list({ status: "dead" });
    expect(await list.page()).toEqual({ data: [{ id: 1 }], next_cursor: "a" });
    await list.page("z");
    expect(server.requests.map(({ url }) => url)).toEqual([
      "/v1/deliveries?status=dead",
      "/v1/deliveries?status=dead&cursor=z",
    ]);
  });

  test("a page that fails is asked for again; what was given is not given twice", async () => {
    const { server, client } = await setUp();
    server.next(page([{ id: 1 }], "a"), unavailable, reset, page([{ id: 2 }], null));
    expect(await collected(client.audit.list())).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test("a cursor that repeats ends the list with an error", async () => {
    const { server, client } = await setUp();
    server.always(page([], "a"));
    await expect(collected(client.subscriptions.list())).rejects.toThrow("its cursor repeats");
  });

  test.each([{}, { data: {} }, { data: [] }, { data: [], next_cursor: 1 }, []])("%j is no page", async (answer) => {
    const { server, client } = await setUp();
    server.always(json(200, answer));
    await expect(client.buses.list().page()).rejects.toThrow("The answer is no page of a list");
  });
});

describe("backtests", () => {
  const page = (matched: number, next_cursor: string | null) => json(200, { matched, next_cursor });

  test("go on page by page with the same question, and a date is its text", async () => {
    const { server, client } = await setUp();
    server.next(page(1, "a"), unavailable, page(2, null));
    const pages = await collected(client.filters.backtest({ types: ["t"], since: new Date(0), limit: 5 }));
    expect(pages.map(({ matched }) => matched)).toEqual([1, 2]);
    const asked = { types: ["t"], since: "1970-01-01T00:00:00.000Z", limit: 5 };
    expect(server.requests.map(({ body }) => JSON.parse(body))).toEqual([
      asked,
      { ...asked, cursor: "a" },
      { ...asked, cursor: "a" },
    ]);
    for (const { headers } of server.requests) expect(headers).not.toHaveProperty("idempotency-key");
  });

  test("page() is one page; a cursor that repeats ends the loop with an error", async () => {
    const { server, client } = await setUp();
    server.always(page(1, "a"));
    expect(await client.filters.backtest({}).page("z")).toEqual({ matched: 1, next_cursor: "a" });
    expect(JSON.parse(server.requests[0]?.body ?? "")).toEqual({ cursor: "z" });
    await expect(collected(client.filters.backtest({}))).rejects.toThrow("its cursor repeats");
  });

  test.each([{}, { next_cursor: 1 }, []])("%j is no page", async (answer) => {
    const { server, client } = await setUp();
    server.always(json(200, answer));
    await expect(client.filters.backtest({}).page()).rejects.toThrow("does not say whether there is more");
  });
});

describe("retries", () => {
  test("making something is repeated under one idempotency key; each call has its own", async () => {
    const { server, client } = await setUp();
    server.next(reset, unavailable, json(201, { id: "key_1" }), json(201, { id: "key_2" }));
    await client.keys.create({ scopes: ["read"] });
    await client.keys.create({ scopes: ["read"] });
    const keys = server.requests.map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(keys.slice(0, 3)).size).toBe(1);
    expect(keys[3]).not.toBe(keys[0]);
  });

  test("making something goes under the caller's key when there is one", async () => {
    const { server, client } = await setUp();
    server.next(json(201, { id: "sub_1" }), json(202, { id: "dlv_1" }));
    await client.subscriptions.create({ sink: "https://a.example/" }, { idempotencyKey: "mine" });
    await client.deliveries.retry("dlv_1", { idempotencyKey: "again" });
    expect(server.requests.map(({ headers }) => headers["idempotency-key"])).toEqual(["mine", "again"]);
  });

  test.each([unavailable, reset])(
    "a change under a version is not repeated: it would find its own version",
    async (answer) => {
      const { server, client } = await setUp();
      server.next(answer, answer);
      await expect(client.keys.update("key_1", { name: "a" }, { ifMatch: 1 })).rejects.toThrow();
      await expect(client.buses.put("eu", {}, { ifAbsent: true })).rejects.toThrow();
      expect(server.requests).toHaveLength(2);
    },
  );

  test("a change under a version is repeated when it was refused for its rate", async () => {
    const { server, client } = await setUp();
    server.next(problem("rate-limited", 429), thing);
    await client.keys.update("key_1", { name: "a" }, { ifMatch: 1 });
    expect(server.requests).toHaveLength(2);
  });

  test("a change without one is repeated", async () => {
    const { server, client } = await setUp();
    server.next(reset, thing);
    expect(await client.keys.update("key_1", { name: "a" })).toMatchObject({ version: 7 });
  });

  test("a deletion whose answer was lost is one; what was never there is not found", async () => {
    const { server, client } = await setUp();
    server.next(reset, problem("not-found", 404));
    await client.subscriptions.delete("sub_1");
    server.next(reset, problem("bus-not-found", 404));
    await client.buses.delete("eu");
    server.next(problem("not-found", 404));
    await expect(client.subscriptions.delete("sub_1")).rejects.toMatchObject({ slug: "not-found" });
    // A refusal leaves nothing open: it was somebody else.
    server.next(problem("rate-limited", 429), problem("not-found", 404));
    await expect(client.subscriptions.delete("sub_1")).rejects.toMatchObject({ slug: "not-found" });
  });

  test("what is refused is not repeated", async () => {
    const { server, client } = await setUp();
    const errors = [{ pointer: "/sink", detail: "no" }];
    server.next(problem("invalid-request", 422, { errors }));
    await expect(client.subscriptions.create({ sink: "x" })).rejects.toMatchObject({
      name: "ProblemError",
      status: 422,
      title: "The title of invalid-request",
      detail: "The detail of invalid-request",
      errors,
    });
    expect(server.requests).toHaveLength(1);
  });

  test("an abort ends the wait before the next try", async () => {
    const { server, client } = await setUp();
    const abort = new AbortController();
    server.always((response, request) => {
      abort.abort(new Error("Enough"));
      unavailable(response, request);
    });
    await expect(client.keys.get("key_1", { signal: abort.signal })).rejects.toThrow("Enough");
    expect(server.requests).toHaveLength(1);
  });
});

describe("options", () => {
  test.each<[Partial<ClientOptions>, string]>([
    [{ url: "events.example.com" }, "url must be an absolute URL"],
    [{ url: "ftp://a.example" }, "url must begin with https: or http:"],
    [{ url: "https://u:p@a.example" }, "url must not hold credentials"],
    [{ url: "https://a.example/?x=1" }, "url must have neither query nor fragment"],
    [{ url: "https://a.example/v1/" }, "url must not end in /v1"],
    [{ key: "" }, "key must be visible ASCII characters"],
    [{ key: "secret\n" }, "key must be visible ASCII characters"],
    [{ bus: "EU" }, "bus must be 1 to 32"],
    [{ timeoutMs: 0 }, "timeoutMs must be over 0"],
    [{ retries: 1.5 }, "retries must be a whole number from 0"],
    [{ retries: -1 }, "retries must be a whole number from 0"],
    [{ deadlineMs: Number.NaN }, "deadlineMs must be 0 or more"],
  ])("%j is refused, and no secret told", (options, message) => {
    const make = () => createClient({ url: "https://a.example", key: "some-key", ...options });
    expect(make).toThrow(message);
    expect(make).not.toThrow(/secret|u:p/);
  });

  test("a URL may have a path, and slashes behind it", async () => {
    const { server } = await setUp();
    server.next(thing);
    const client = createClient({ url: `${server.url}/fantail//`, key: "some-key" });
    await client.keys.get("key_1");
    expect(server.requests[0]?.url).toBe("/fantail/v1/keys/key_1");
  });

  test("fetch is what is called", async () => {
    const urls: string[] = [];
    const client = createClient({
      url: "https://a.example",
      key: "some-key",
      fetch: async (url) => {
        urls.push(url);
        return Response.json({ id: "x" });
      },
    });
    await client.keys.get("key_1");
    expect(urls).toEqual(["https://a.example/v1/keys/key_1"]);
  });

  test("a fetch that never hears of the abort is given up all the same", async () => {
    const clock = handClock({ hold: [TIMEOUT_MS] });
    const client = createClient({
      url: "https://a.example",
      key: "some-key",
      timeoutMs: TIMEOUT_MS,
      retries: 0,
      runtime: clock,
      fetch: () => new Promise(() => {}),
    });
    const work = expect(client.keys.get("key_1")).rejects.toMatchObject({ name: "TimeoutError" });
    clock.letGo();
    await work;
  });
});

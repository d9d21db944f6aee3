// Subscriptions over HTTP: every member, its default, its limits; lists, deletion, and what the routes are told.
import { expect, it } from "vitest";
import { RETRY_PERMANENT_DEFAULT, RETRY_SCHEDULE_SECONDS_DEFAULT } from "../../src/core/limits.ts";
import { fakeHttp, keyWith, type Answered, type FakeHttp } from "../http.ts";

const SINK = "https://billing.example.com/hooks";
const SECRET = `whsec_${"A".repeat(32)}`;

const slug = (answer: Answered) => answer.json.type.split("/").at(-1);
const pointers = (answer: Answered): readonly string[] =>
  answer.json.errors.map(({ pointer }: { pointer: string }) => pointer);
const create = (http: FakeHttp, json: object = {}) =>
  http.ask("POST", "/v1/subscriptions", { json: { sink: SINK, ...json } });
const patch = (http: FakeHttp, id: string, json: unknown, headers: Record<string, string> = {}) =>
  http.ask("PATCH", `/v1/subscriptions/${id}`, { json, headers });
const secretsOf = async (http: FakeHttp, id: string) =>
  (await http.stores.subscriptionStore.get("default", id))?.secrets;

it("POST with a sink alone takes every default and shows a new secret", async () => {
  const http = fakeHttp();
  const { status, headers, json } = await create(http);
  expect(status).toBe(201);
  expect(json).toEqual({
    id: expect.stringMatching(/^sub_[0-9a-z]{26}$/),
    bus: "default",
    name: null,
    sink: SINK,
    types: null,
    source: null,
    filters: [],
    format: "structured",
    headers: {},
    timeout_ms: 15_000,
    retry: { schedule_s: [...RETRY_SCHEDULE_SECONDS_DEFAULT], permanent: [...RETRY_PERMANENT_DEFAULT] },
    rate: null,
    concurrency: null,
    status: "active",
    disabled_reason: null,
    created_at: "2026-01-02T03:04:05.678Z",
    updated_at: "2026-01-02T03:04:05.678Z",
    version: 2,
    effective_at: "2026-01-02T03:04:10.678Z",
    secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
  });
  expect(headers.get("etag")).toBe('"2"');
  expect(headers.get("location")).toBe(`/v1/subscriptions/${json.id}`);
  expect(http.routes.changes).toEqual([
    {
      kind: "subscription",
      version: 2,
      bus: "default",
      id: json.id,
      wanted: '{"types":null,"source":null,"filters":[]}',
    },
  ]);
  const { secret: _, ...rest } = json;
  const read = await http.ask("GET", `/v1/subscriptions/${json.id}`);
  expect([read.status, read.json, read.headers.get("etag")]).toEqual([200, rest, '"2"']);
});

it("POST takes all members, hides the values of headers and a secret that was given", async () => {
  const http = fakeHttp();
  const given = {
    name: "billing",
    sink: SINK,
    types: ["order.created"],
    source: "/shop",
    filters: [{ prefix: { subject: "eu/" } }, { not: { exact: { type: "x" } } }],
    format: "reference",
    headers: { "X-Team": "billing", authorization: "Bearer 123" },
    timeout_ms: 1_000,
    retry: { schedule_s: [], permanent: [410] },
    rate: { limit: 100, period_s: 60 },
    concurrency: 4,
    status: "paused",
    secret: SECRET,
  };
  const { status, json, text } = await create(http, given);
  expect(status).toBe(201);
  const { secret: _, ...shown } = given;
  expect(json).toMatchObject({ ...shown, headers: { "x-team": "…", authorization: "…" } });
  expect(json).not.toHaveProperty("secret");
  expect(text).not.toMatch(/Bearer 123|whsec/);
  // Paused: the routes know it all the same, for what it is to hold.
  expect(http.routes.changes).toMatchObject([{ wanted: expect.stringContaining("order.created") }]);
  expect(await secretsOf(http, json.id)).toEqual([{ secret: SECRET, untilMs: null }]);
  const list = await http.ask("GET", "/v1/subscriptions");
  expect(list.text).not.toMatch(/Bearer 123|whsec/);
});

it("POST takes null for absent", async () => {
  const nulls = {
    name: null,
    types: null,
    source: null,
    filters: null,
    format: null,
    headers: null,
    timeout_ms: null,
    retry: null,
    rate: null,
    concurrency: null,
  };
  const http = fakeHttp();
  const [plain, withNulls] = [await create(http), await create(http, { ...nulls, status: null, secret: null })];
  const { id: _, version: __, secret: ___, ...rest } = plain.json;
  expect(withNulls.json).toMatchObject(rest);
});

it("POST takes each limit and refuses the next value", async () => {
  const http = fakeHttp({ buses: 1, keys: 1, subscriptions: 100 });
  const list = (count: number, value: unknown = 1) => Array.from({ length: count }, () => value);
  const filters = (count: number) => list(count, { exact: { type: "a" } });
  for (const [fits, over, pointer] of [
    [{ name: "n".repeat(100) }, { name: "n".repeat(101) }, "/name"],
    [{ timeout_ms: 1_000 }, { timeout_ms: 999 }, "/timeout_ms"],
    [{ timeout_ms: 60_000 }, { timeout_ms: 60_001 }, "/timeout_ms"],
    [{ retry: { schedule_s: list(30) } }, { retry: { schedule_s: list(31) } }, "/retry/schedule_s"],
    [{ retry: { schedule_s: [1, 86_400] } }, { retry: { schedule_s: [1, 86_401] } }, "/retry/schedule_s/1"],
    [{ retry: { schedule_s: [1] } }, { retry: { schedule_s: [0] } }, "/retry/schedule_s/0"],
    [{ retry: { permanent: list(50, 400) } }, { retry: { permanent: list(51, 400) } }, "/retry/permanent"],
    [{ retry: { permanent: [400, 599] } }, { retry: { permanent: [400, 600] } }, "/retry/permanent/1"],
    [{ retry: { permanent: [400] } }, { retry: { permanent: [399] } }, "/retry/permanent/0"],
    [{ rate: { limit: 1, period_s: 1 } }, { rate: { limit: 0, period_s: 1 } }, "/rate/limit"],
    [{ rate: { limit: 1, period_s: 1 } }, { rate: { limit: 1, period_s: 0 } }, "/rate/period_s"],
    [{ rate: { limit: 1, period_s: 86_400 } }, { rate: { limit: 1, period_s: 86_401 } }, "/rate/period_s"],
    [{ rate: { limit: 1_000, period_s: 1 } }, { rate: { limit: 1_001, period_s: 1 } }, "/rate/limit"],
    [{ rate: { limit: 60_000, period_s: 60 } }, { rate: { limit: 60_001, period_s: 60 } }, "/rate/limit"],
    [{ rate: { limit: 86_400_000, period_s: 86_400 } }, { rate: { limit: 1e9, period_s: 86_400 } }, "/rate/limit"],
    [{ concurrency: 1 }, { concurrency: 0 }, "/concurrency"],
    [{ concurrency: 1_000 }, { concurrency: 1_001 }, "/concurrency"],
    [{ types: list(100, "a") }, { types: list(101, "a") }, "/types"],
    [{ filters: filters(20) }, { filters: filters(21) }, "/filters"],
    [{ secret: `whsec_${"A".repeat(32)}` }, { secret: `whsec_${"A".repeat(28)}` }, "/secret"],
    [{ headers: { "x-a": "v".repeat(2_048) } }, { headers: { "x-a": "v".repeat(2_049) } }, "/headers/x-a"],
  ] as const) {
    expect((await create(http, fits)).status, JSON.stringify(fits).slice(0, 60)).toBe(201);
    const refused = await create(http, over);
    expect([refused.status, pointers(refused)], JSON.stringify(over).slice(0, 60)).toEqual([422, [pointer]]);
  }
});

it("POST refuses what is wrong, each with its pointer, and stores nothing", async () => {
  const http = fakeHttp();
  const before = http.stores.stored();
  for (const [json, wrong] of [
    [{ sink: undefined }, ["/sink"]],
    [{ sink: null }, ["/sink"]],
    [{ sink: 5 }, ["/sink"]],
    [{ sink: "" }, ["/sink"]],
    [{ sink: "http://a.example.com/" }, ["/sink"]],
    [{ sink: "https://127.0.0.1/" }, ["/sink"]],
    [{ sink: "https://0x7f.1/" }, ["/sink"]],
    [{ sink: "https://events.example.com/" }, ["/sink"]],
    [{ sink: "https://user:pass@a.example.com/" }, ["/sink"]],
    [{ name: 1 }, ["/name"]],
    [{ name: "" }, ["/name"]],
    [{ types: "a" }, ["/types"]],
    [{ types: ["a", 1] }, ["/types/1"]],
    [{ source: 1 }, ["/source"]],
    [{ filters: {} }, ["/filters"]],
    [{ filters: [{ exact: { type: "a" } }, { like: {} }] }, ["/filters/1/like"]],
    [{ filters: [{ sql: "1 =" }] }, ["/filters/0/sql"]],
    [{ format: "xml" }, ["/format"]],
    [{ headers: { host: "a" } }, ["/headers/host"]],
    [{ headers: { "a b": "c" } }, ["/headers/a b"]],
    [{ headers: { "x-a": "1", "X-A": "2" } }, ["/headers/X-A"]],
    [{ headers: [] }, ["/headers"]],
    [{ timeout_ms: "1000" }, ["/timeout_ms"]],
    [{ timeout_ms: 1000.5 }, ["/timeout_ms"]],
    [{ retry: 1 }, ["/retry"]],
    [{ retry: { schedule: [] } }, ["/retry/schedule"]],
    [{ retry: { schedule_s: [1.5] } }, ["/retry/schedule_s/0"]],
    [{ rate: 10 }, ["/rate"]],
    [{ rate: [] }, ["/rate"]],
    [{ rate: {} }, ["/rate/limit", "/rate/period_s"]],
    [{ rate: { limit: 10 } }, ["/rate/period_s"]],
    [{ rate: { limit: null, period_s: 1 } }, ["/rate/limit"]],
    [{ rate: { limit: 10, period_s: 60, burst: 5 } }, ["/rate/burst"]],
    [{ rate: { limit: 10, period_s: 60, burst: null } }, ["/rate/burst"]],
    [{ rate: { limit: 0.5, period_s: 1 } }, ["/rate/limit"]],
    [{ rate: { limit: -1, period_s: "60" } }, ["/rate/limit", "/rate/period_s"]],
    [{ concurrency: "4" }, ["/concurrency"]],
    [{ concurrency: 1.5 }, ["/concurrency"]],
    [{ concurrency: {} }, ["/concurrency"]],
    [{ status: "disabled" }, ["/status"]],
    [{ status: "deleted" }, ["/status"]],
    [{ secret: "short" }, ["/secret"]],
    [{ secret: 1 }, ["/secret"]],
    [{ id: "sub_1", version: 1 }, ["/id", "/version"]],
    [JSON.parse('{"__proto__":{"name":"a"}}'), ["/__proto__"]],
    [{ constructor: 1 }, ["/constructor"]],
    [{ filterz: null }, ["/filterz"]],
    [{ id: null, constructor: null }, ["/id", "/constructor"]],
    [JSON.parse('{"__proto__":null}'), ["/__proto__"]],
    [{ retry: { schedule: null } }, ["/retry/schedule"]],
    [{ types: ["\ud800"], source: "\udfff" }, ["/types/0", "/source"]],
    [{ filters: [{ exact: { type: "\ud800" } }] }, ["/filters/0/exact/type"]],
    [{ ["n".repeat(200_000)]: 1 }, [""]],
    [{ headers: { ["n".repeat(200_000)]: "a" } }, ["/headers"]],
    [{ filters: [{ ["n".repeat(200_000)]: {} }] }, [""]],
  ] as const) {
    const answer = await create(http, json);
    expect([answer.status, slug(answer), pointers(answer)], JSON.stringify(json)).toEqual([
      422,
      "invalid-request",
      wrong,
    ]);
    for (const { detail } of answer.json.errors) expect(detail).toMatch(/^[A-Za-z_].*[^.]$/);
    expect(answer.text.length).toBeLessThan(2_000);
  }
  expect(http.stores.stored()).toBe(before);
  expect(http.routes.changes).toEqual([]);
});

it("POST tells all faults at once, and never the value of a secret", async () => {
  const answer = await create(fakeHttp(), {
    sink: "ftp://a",
    types: 1,
    filters: [1],
    headers: { host: "header-value" },
    timeout_ms: 0,
    retry: { schedule_s: [0, 0] },
    secret: "secret-value",
    typo: 1,
  });
  expect(pointers(answer).toSorted()).toEqual([
    "/filters/0",
    "/headers/host",
    "/retry/schedule_s/0",
    "/retry/schedule_s/1",
    "/secret",
    "/sink",
    "/timeout_ms",
    "/types",
    "/typo",
  ]);
  expect(answer.text).not.toMatch(/header-value|secret-value/);
});

it("POST to a full bus is 409", async () => {
  const http = fakeHttp({ buses: 1, keys: 1, subscriptions: 1 });
  await create(http);
  const answer = await create(http);
  expect([answer.status, slug(answer)]).toEqual([409, "limit-reached"]);
  expect(answer.json.detail).toContain("100000");
});

it("GET lists newest first, page by page, and refuses cursors of other lists", async () => {
  const http = fakeHttp();
  for (const name of ["one", "two", "three"]) {
    await create(http, { name });
    http.clock.advance(1);
  }
  const names = (answer: Answered) => answer.json.data.map(({ name }: { name: string }) => name);
  const first = await http.ask("GET", "/v1/subscriptions?limit=2");
  expect(names(first)).toEqual(["three", "two"]);
  const second = await http.ask("GET", `/v1/subscriptions?limit=2&cursor=${first.json.next_cursor}`);
  expect([names(second), second.json.next_cursor]).toEqual([["one"], null]);
  const elsewhere = await http.ask("GET", `/v1/keys?cursor=${first.json.next_cursor}`);
  expect([elsewhere.status, slug(elsewhere)]).toEqual([400, "invalid-parameter"]);
});

it("DELETE with If-Match deletes only that version", async () => {
  const http = fakeHttp();
  const { id } = (await create(http)).json;
  const before = http.stores.stored();
  const remove = (tag: string, of = id) =>
    http.ask("DELETE", `/v1/subscriptions/${of}`, { headers: { "if-match": tag } });
  for (const tag of ['"1"', 'W/"3"', '"two"', '"1", "3"']) {
    const answer = await remove(tag);
    expect([tag, answer.status, slug(answer)]).toEqual([tag, 412, "version-mismatch"]);
    expect(answer.json.detail).toContain("version 2");
  }
  for (const tag of ["2", ""]) expect(slug(await remove(tag))).toBe("invalid-header");
  expect(http.stores.stored()).toBe(before);
  expect(http.routes.changes).toHaveLength(1);
  expect((await remove('"1", W/"2"')).status).toBe(204);
  expect(http.routes.changes.at(-1)).toEqual({ kind: "subscription", version: 3, bus: "default", id, wanted: null });
  for (const of of [id, "sub_1"]) expect((await remove('"3"', of)).status).toBe(404);
  const other = (await create(http)).json.id;
  expect((await remove("*", other)).status).toBe(204);
});

it("a sink is stored as it was checked", async () => {
  const http = fakeHttp();
  for (const [given, kept] of [
    ["https://A.example.com", "https://a.example.com/"],
    [" https://a.example.com/\tb\n ", "https://a.example.com/b"],
    ["https://a.example.com/\0b", "https://a.example.com/%00b"],
    ["https://a.example.com/\ud800", "https://a.example.com/%EF%BF%BD"],
    ["https:\\\\a.example.com\\b", "https://a.example.com/b"],
  ] as const) {
    const made = await create(http, { sink: given });
    expect([made.status, made.json.sink]).toEqual([201, kept]);
    const changed = await patch(http, made.json.id, { sink: "https://b.example.com/" });
    expect(changed.json.sink).toBe("https://b.example.com/");
    expect((await patch(http, made.json.id, { sink: given })).json.sink).toBe(kept);
    expect((await http.ask("GET", `/v1/subscriptions/${made.json.id}`)).json.sink).toBe(kept);
  }
});

it("DELETE answers 204 once, tells the routes, and leaves nothing to read", async () => {
  const http = fakeHttp();
  const { id } = (await create(http)).json;
  const deleted = await http.ask("DELETE", `/v1/subscriptions/${id}`);
  expect([deleted.status, deleted.text]).toEqual([204, ""]);
  expect(http.routes.changes.at(-1)).toEqual({ kind: "subscription", version: 3, bus: "default", id, wanted: null });
  for (const method of ["GET", "PATCH", "DELETE"]) {
    const json = method === "PATCH" ? { json: { name: "a" } } : {};
    expect((await http.ask(method, `/v1/subscriptions/${id}`, json)).status).toBe(404);
  }
});

it("an id that is none is 404", async () => {
  const http = fakeHttp();
  for (const id of [
    "1",
    "sub_",
    `sub_${"u".repeat(26)}`,
    `key_${"0".repeat(26)}`,
    "%00",
    "%ff",
    "%2e%2e",
    `sub_${"0".repeat(26)}%20`,
  ]) {
    for (const method of ["GET", "PATCH", "DELETE"]) {
      const answer = await http.ask(method, `/v1/subscriptions/${id}`, method === "PATCH" ? { json: {} } : {});
      expect([method, id, answer.status, slug(answer)]).toEqual([method, id, 404, "not-found"]);
    }
  }
});

it("a subscription takes events at once in the isolate that made it", async () => {
  const http = fakeHttp();
  const key = await keyWith(http, ["publish"]);
  const { id } = (await create(http, { types: ["order.created"] })).json;
  const publish = async (type: string) =>
    (await http.ask("POST", "/v1/events", { key, json: { type, data: {} } })).json.events[0].subscription_ids;
  expect(await publish("order.created")).toEqual([id]);
  expect(await publish("order.paid")).toEqual([]);
});

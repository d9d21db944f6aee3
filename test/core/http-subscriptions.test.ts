// Subscriptions over HTTP: every member, its default, its limits; merge patches; races; what the routes are told.
import { expect, it } from "vitest";
import { RETRY_PERMANENT_DEFAULT, RETRY_SCHEDULE_SECONDS_DEFAULT } from "../../src/core/limits.ts";
import { fakeHttp, keyWith, type Answered, type FakeHttp } from "../http.ts";

const SINK = "https://billing.example.com/hooks";
const SECRET = `whsec_${"A".repeat(32)}`;
const OTHER_SECRET = `whsec_${"B".repeat(32)}`;

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
    status: "active",
    disabled_reason: null,
    created_at: "2026-01-02T03:04:05.678Z",
    updated_at: "2026-01-02T03:04:05.678Z",
    version: 2,
    effective_at: "2026-01-02T03:04:10.678Z",
    secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
  });
  expect(headers.get("etag")).toBe('"2"');
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
    status: "paused",
    secret: SECRET,
  };
  const { status, json, text } = await create(http, given);
  expect(status).toBe(201);
  const { secret: _, ...shown } = given;
  expect(json).toMatchObject({ ...shown, headers: { "x-team": "…", authorization: "…" } });
  expect(json).not.toHaveProperty("secret");
  expect(text).not.toMatch(/Bearer 123|whsec/);
  // Paused: the routes must not know it.
  expect(http.routes.changes).toMatchObject([{ wanted: null }]);
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
    [{ filters: [{ sql: "1" }] }, ["/filters/0/sql"]],
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
    [{ status: "disabled" }, ["/status"]],
    [{ status: "deleted" }, ["/status"]],
    [{ secret: "short" }, ["/secret"]],
    [{ secret: 1 }, ["/secret"]],
    [{ id: "sub_1", version: 1 }, ["/id", "/version"]],
    [JSON.parse('{"__proto__":{"name":"a"}}'), ["/__proto__"]],
    [{ constructor: 1 }, ["/constructor"]],
  ] as const) {
    const answer = await create(http, json);
    expect([answer.status, slug(answer), pointers(answer)], JSON.stringify(json)).toEqual([
      422,
      "invalid-request",
      wrong,
    ]);
    for (const { detail } of answer.json.errors) expect(detail).toMatch(/^[A-Za-z_].*[^.]$/);
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

it("PATCH replaces arrays, takes null for the default, and leaves the rest", async () => {
  const http = fakeHttp();
  const { id } = (
    await create(http, {
      name: "a",
      types: ["a", "b"],
      timeout_ms: 2_000,
      retry: { schedule_s: [1, 2], permanent: [404] },
    })
  ).json;
  http.clock.advance(1_000);
  const answer = await patch(http, id, { types: ["c"], timeout_ms: null, retry: { schedule_s: [9] } });
  expect(answer.status).toBe(200);
  expect(answer.json).toMatchObject({
    name: "a",
    sink: SINK,
    types: ["c"],
    timeout_ms: 15_000,
    retry: { schedule_s: [9], permanent: [404] },
    created_at: "2026-01-02T03:04:05.678Z",
    updated_at: "2026-01-02T03:04:06.678Z",
    effective_at: "2026-01-02T03:04:11.678Z",
    version: 3,
  });
  expect(answer.json).not.toHaveProperty("secret");
  expect(answer.headers.get("etag")).toBe('"3"');
  expect(http.routes.changes.at(-1)).toMatchObject({
    version: 3,
    id,
    wanted: '{"types":["c"],"source":null,"filters":[]}',
  });
  expect((await patch(http, id, { types: null, name: null, retry: null })).json).toMatchObject({
    name: null,
    types: null,
    retry: { schedule_s: [...RETRY_SCHEDULE_SECONDS_DEFAULT], permanent: [...RETRY_PERMANENT_DEFAULT] },
  });
});

it("PATCH merges headers name by name, without case", async () => {
  const http = fakeHttp();
  const { id } = (await create(http, { headers: { "x-a": "1", "x-b": "2", "x-c": "3" } })).json;
  const stored = async () => (await http.stores.subscriptionStore.get("default", id))?.headers;
  expect((await patch(http, id, { headers: { "X-A": "9", "X-B": null, "x-d": "4" } })).json.headers).toEqual({
    "x-a": "…",
    "x-c": "…",
    "x-d": "…",
  });
  expect(await stored()).toEqual({ "x-a": "9", "x-c": "3", "x-d": "4" });
  await patch(http, id, { headers: {} });
  expect(await stored()).toEqual({ "x-a": "9", "x-c": "3", "x-d": "4" });
  // What was shown is not a value: nobody who sends a whole answer back overwrites a secret with dots.
  expect(pointers(await patch(http, id, { headers: { "x-a": "…" } }))).toEqual(["/headers/x-a"]);
  expect(pointers(await patch(http, id, { headers: { "x-e": "1", "X-E": "2" } }))).toEqual(["/headers/X-E"]);
  expect(pointers(await patch(http, id, { headers: "x" }))).toEqual(["/headers"]);
  await patch(http, id, { headers: null });
  expect(await stored()).toEqual({});
});

it("PATCH takes the media type of merge patches and that of JSON, and no other", async () => {
  const http = fakeHttp();
  const { id } = (await create(http)).json;
  expect((await patch(http, id, { name: "a" }, { "content-type": "application/merge-patch+json" })).status).toBe(200);
  expect((await patch(http, id, { name: "a" }, { "content-type": "application/json-patch+json" })).status).toBe(415);
});

it("PATCH refuses what POST refuses, and to remove the sink or the secret", async () => {
  const http = fakeHttp();
  const { id } = (await create(http)).json;
  const before = http.stores.stored();
  for (const [json, wrong] of [
    [{ sink: null }, ["/sink"]],
    [{ sink: "http://a.example.com" }, ["/sink"]],
    [{ secret: null }, ["/secret"]],
    [{ secret: "short", format: "x", nam: "a" }, ["/format", "/nam", "/secret"]],
    [{ status: "disabled" }, ["/status"]],
    [{ version: 2 }, ["/version"]],
    [JSON.parse('{"__proto__":{}}'), ["/__proto__"]],
  ] as const) {
    const answer = await patch(http, id, json);
    expect([answer.status, pointers(answer).toSorted()]).toEqual([422, wrong]);
  }
  expect((await patch(http, id, [])).status).toBe(422);
  expect(http.stores.stored()).toBe(before);
});

it("PATCH of a subscription whose sink is no longer allowed works while it leaves the sink", async () => {
  const http = fakeHttp();
  const { json } = await create(http);
  const stored = await http.stores.subscriptionStore.get("default", json.id);
  if (stored === null) throw new Error("It was not stored");
  await http.stores.subscriptionStore.replace({ ...stored, sink: "https://events.example.com/" }, stored.version);
  expect((await patch(http, json.id, { status: "paused" })).json.status).toBe("paused");
});

it("PATCH of the secret lets the old one sign along for a day", async () => {
  const http = fakeHttp();
  const { id } = (await create(http, { secret: SECRET })).json;
  const until = http.clock.now() + 86_400_000;
  expect((await patch(http, id, { secret: OTHER_SECRET })).text).not.toContain("whsec");
  const rotated = [
    { secret: OTHER_SECRET, untilMs: null },
    { secret: SECRET, untilMs: until },
  ];
  expect(await secretsOf(http, id)).toEqual(rotated);
  http.clock.advance(1_000);
  await patch(http, id, { secret: OTHER_SECRET });
  expect(await secretsOf(http, id)).toEqual(rotated);
  // Back to the old one: it stands once.
  await patch(http, id, { secret: SECRET });
  expect(await secretsOf(http, id)).toEqual([
    { secret: SECRET, untilMs: null },
    { secret: OTHER_SECRET, untilMs: until + 1_000 },
  ]);
  http.clock.advance(86_400_001);
  await patch(http, id, { name: "later" });
  expect(await secretsOf(http, id)).toEqual([{ secret: SECRET, untilMs: null }]);
});

it("PATCH refuses one secret more than may sign at a time", async () => {
  const http = fakeHttp();
  const { id } = (await create(http, { secret: SECRET })).json;
  const numbered = (number: number) => ({ secret: `whsec_${String(number).padStart(32, "0")}` });
  for (const number of [1, 2, 3]) expect((await patch(http, id, numbered(number))).status).toBe(200);
  const refused = await patch(http, id, numbered(4));
  expect([refused.status, pointers(refused)]).toEqual([422, ["/secret"]]);
  http.clock.advance(86_400_001);
  expect((await patch(http, id, numbered(4))).status).toBe(200);
});

it("PATCH pauses and resumes, and the routes and the held deliveries follow", async () => {
  const http = fakeHttp();
  const { id } = (await create(http)).json;
  expect((await patch(http, id, { status: "paused" })).json.status).toBe("paused");
  expect(http.routes.changes.at(-1)).toMatchObject({ wanted: null });
  expect((await patch(http, id, { name: "still paused" })).json.status).toBe("paused");
  expect(http.counts.resumed).toBe(0);
  expect((await patch(http, id, { status: "active" })).json.status).toBe("active");
  expect(http.routes.changes.at(-1)).toMatchObject({ wanted: expect.any(String) });
  expect(http.counts).toEqual({ resumed: 1, background: 1 });
  await patch(http, id, { status: "active" });
  expect(http.counts.resumed).toBe(1);
});

it("a disabled subscription says why, stays so through other changes, and is cured by a status", async () => {
  for (const status of ["active", "paused"]) {
    const http = fakeHttp();
    const { id } = (await create(http)).json;
    await http.stores.subscriptionStore.disable("default", id, "gone", http.clock.now());
    expect((await http.ask("GET", `/v1/subscriptions/${id}`)).json).toMatchObject({
      status: "disabled",
      disabled_reason: "gone",
    });
    expect((await patch(http, id, { sink: "https://new.example.com/" })).json).toMatchObject({
      status: "disabled",
      disabled_reason: "gone",
    });
    expect(http.routes.changes.at(-1)).toMatchObject({ wanted: null });
    expect((await patch(http, id, { status })).json).toMatchObject({ status, disabled_reason: null });
  }
});

it("PATCH with If-Match changes only that version", async () => {
  const http = fakeHttp();
  const { id } = (await create(http)).json;
  for (const tag of ['"1"', '"3"', 'W/"2"', '"two"', '""', '"2.0"', '"1", "3"']) {
    const answer = await patch(http, id, { name: "a" }, { "if-match": tag });
    expect([tag, answer.status, slug(answer)]).toEqual([tag, 412, "version-mismatch"]);
  }
  for (const tag of ["2", "", '"2', '"2" "3"', "*, *"]) {
    const answer = await patch(http, id, { name: "a" }, { "if-match": tag });
    expect([tag, answer.status, slug(answer)]).toEqual([tag, 400, "invalid-header"]);
  }
  expect((await patch(http, id, { name: "a" }, { "if-match": '"2"' })).json.version).toBe(3);
  expect((await patch(http, id, { name: "b" }, { "if-match": '"9", "3"' })).json.version).toBe(4);
  expect((await patch(http, id, { name: "c" }, { "if-match": "*" })).json.version).toBe(5);
});

it("PATCH that loses a race reads again and changes what it named alone; with If-Match it is told", async () => {
  const { subscriptionStore } = fakeHttp().stores;
  const race = { left: 0 };
  const http = fakeHttp(undefined, {
    subscriptions: {
      ...subscriptionStore,
      async replace(subscription, expected) {
        const current = await subscriptionStore.get(subscription.bus, subscription.id);
        if (race.left-- > 0 && current !== null)
          await subscriptionStore.replace({ ...current, format: "binary" }, expected);
        return subscriptionStore.replace(subscription, expected);
      },
    },
  });
  const { id, version } = (await create(http)).json;
  race.left = 4;
  expect((await patch(http, id, { name: "mine" })).json).toMatchObject({ name: "mine", format: "binary" });
  race.left = 5;
  const lost = await patch(http, id, { name: "yours" });
  expect([lost.status, lost.headers.get("retry-after")]).toEqual([503, "5"]);
  race.left = 1;
  const current = version + 5 + 5;
  expect((await patch(http, id, { name: "theirs" }, { "if-match": `"${current}"` })).status).toBe(412);
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

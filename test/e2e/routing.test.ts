// Who gets an event: filters, changing subscriptions, buses, keys, and events that run in a circle.
import { describe, expect, it } from "vitest";
import { HOPS_MAX } from "../../src/core/limits.ts";
import { ask, newBus } from "./edge.ts";

const EVENTS = [
  { id: "eu", type: "order.created", source: "/shop/eu", subject: "eu/1", tier: "gold" },
  { id: "us", type: "order.created", source: "/shop/us", subject: "us/2" },
  { id: "pdf", type: "order.deleted", source: "/shop/eu", subject: "eu/3.pdf" },
  { id: "user", type: "user.created", source: "/crm", priority: 7 },
  {
    id: "data",
    type: "cart.paid",
    source: "/cart",
    data: {
      total: 120.5,
      items: [
        { sku: "a", qty: 1 },
        { sku: "b", qty: 9 },
      ],
    },
  },
  { id: "text", type: "note.written", source: "/notes", datacontenttype: "text/plain", data: "hello world" },
  { id: "case", type: "order.created.v2", source: "/shop/eu", subject: "EU/5" },
].map((event) => ({ specversion: "1.0", ...event }));

const WANTED: readonly [name: string, members: object, ids: readonly string[]][] = [
  ["no condition", {}, ["eu", "us", "pdf", "user", "data", "text", "case"]],
  ["types", { types: ["order.created", "user.created"] }, ["eu", "us", "user"]],
  ["no types", { types: [] }, ["eu", "us", "pdf", "user", "data", "text", "case"]],
  ["source", { source: "/shop/eu" }, ["eu", "pdf", "case"]],
  ["exact", { filters: [{ exact: { type: "order.created", source: "/shop/us" } }] }, ["us"]],
  ["exact, of a number", { filters: [{ exact: { priority: "7" } }] }, ["user"]],
  ["prefix", { filters: [{ prefix: { subject: "eu/" } }] }, ["eu", "pdf"]],
  ["suffix", { filters: [{ suffix: { type: ".created" } }] }, ["eu", "us", "user"]],
  [
    "all",
    { filters: [{ all: [{ prefix: { type: "order." } }, { exact: { source: "/shop/eu" } }] }] },
    ["eu", "pdf", "case"],
  ],
  ["any", { filters: [{ any: [{ exact: { tier: "gold" } }, { exact: { source: "/crm" } }] }] }, ["eu", "user"]],
  ["not", { filters: [{ not: { prefix: { subject: "eu/" } } }] }, ["us", "user", "data", "text", "case"]],
  [
    "two filters",
    { filters: [{ prefix: { type: "order." } }, { not: { suffix: { type: ".created" } } }] },
    ["pdf", "case"],
  ],
  [
    "nested filters",
    {
      filters: [
        {
          any: [
            { all: [{ exact: { source: "/shop/eu" } }, { not: { exact: { tier: "gold" } } }] },
            { exact: { type: "user.created" } },
          ],
        },
      ],
    },
    ["pdf", "user", "case"],
  ],
  [
    "types, source and filters",
    { types: ["order.created", "order.deleted"], source: "/shop/eu", filters: [{ not: { exact: { tier: "gold" } } }] },
    ["pdf"],
  ],
  ["a pattern on data", { filters: [{ pattern: { data: { total: [{ numeric: [">", 100] }] } } }] }, ["data"]],
  ["a pattern on one element", { filters: [{ pattern: { data: { items: { sku: ["b"], qty: [9] } } } }] }, ["data"]],
  ["a pattern that no element has", { filters: [{ pattern: { data: { items: { sku: ["a"], qty: [9] } } } }] }, []],
  ["a pattern on text", { filters: [{ pattern: { data: [{ suffix: "world" }] } }] }, ["text"]],
  [
    "a pattern on what is absent",
    {
      filters: [
        {
          pattern: {
            data: [{ exists: false }],
            "data.total": [{ exists: false }],
            type: [{ prefix: "order." }],
            tier: [{ exists: false }],
          },
        },
      ],
    },
    ["us", "pdf", "case"],
  ],
  [
    "$or",
    { filters: [{ pattern: { $or: [{ tier: ["gold"] }, { priority: [{ numeric: ["<", 8] }] }] } }] },
    ["eu", "user"],
  ],
  ["SQL", { filters: [{ sql: "type LIKE 'order.%' AND EXISTS tier OR priority = 7" }] }, ["eu"]],
  ["SQL that fails", { filters: [{ sql: "priority > 5" }] }, ["user"]],
  [
    "not of a pattern",
    { types: ["cart.paid", "note.written"], filters: [{ not: { pattern: { data: { total: [{ exists: true }] } } } }] },
    ["text"],
  ],
  ["nothing that happens", { types: ["none.such"] }, []],
];

it("an event goes to the subscriptions that want it, and to no other", async () => {
  const bus = await newBus();
  const consumers = await Promise.all(
    WANTED.map(async ([name, members, ids]) => ({ name, ids, ...(await bus.subscribe({ name, ...members })) })),
  );
  for (const event of EVENTS) {
    const { subscription_ids } = await bus.publish(event);
    const wanted = consumers.filter(({ ids }) => ids.includes(event.id)).map(({ id }) => id);
    expect(subscription_ids.toSorted(), event.id).toEqual(wanted.toSorted());
  }
  const deliveries = await bus.settled(EVENTS.length);
  expect(deliveries.every(({ status, attempt }) => status === "delivered" && attempt === 1)).toBe(true);
  for (const { name, ids, sink } of consumers) {
    const got: string[] = (await sink.requests()).map(({ bodyBase64 }) => JSON.parse(atob(bodyBase64)).id);
    expect(got.toSorted(), name).toEqual(ids.toSorted());
  }
});

describe("a subscription that changes", () => {
  it("counts for the next event as it is then", async () => {
    const bus = await newBus();
    const before = await bus.subscribe({ types: ["a"], headers: { "x-one": "1", "x-two": "2" } });
    const after = await bus.subscribe({ types: ["none.such"] });
    const matched = async (type: string) => (await bus.publish({ type })).matched;
    expect(await matched("a")).toBe(1);
    await before.sink.waitFor(1);

    await bus.change(before, { types: ["b"], sink: after.sink.url, format: "reference", headers: { "x-one": null } });
    expect([await matched("a"), await matched("b")]).toEqual([0, 1]);
    const [request] = await after.sink.waitFor(1);
    expect(request?.headers).toMatchObject({ "content-type": "application/json", "x-two": "2" });
    expect(request?.headers).not.toHaveProperty("x-one");

    await bus.change(before, { status: "paused" });
    expect(await matched("b")).toBe(1);
    await bus.change(before, { types: null });
    expect(await matched("c")).toBe(1);
    await bus.change(before, { status: "active" });
    expect(await matched("c")).toBe(1);
    await after.sink.waitFor(4);

    const path = `/v1/subscriptions/${before.id}`;
    expect((await bus.ask("DELETE", path)).status).toBe(204);
    expect((await bus.ask("DELETE", path)).status).toBe(404);
    expect((await bus.ask("GET", path)).status).toBe(404);
    expect(await matched("c")).toBe(0);
    await bus.settled(7);
    expect([(await before.sink.requests()).length, (await after.sink.requests()).length]).toEqual([1, 4]);
  });

  it("loses nothing that its receipts name and repeats nothing, while events flow", async () => {
    const bus = await newBus();
    const changing = await bus.subscribe();
    const steady = await bus.subscribe();
    const named: string[] = [];
    const ids: string[] = [];
    const publish = async () => {
      const { event_id, subscription_ids } = await bus.publish({ type: "a" });
      ids.push(event_id);
      if (subscription_ids.includes(changing.id)) named.push(event_id);
    };
    const flow = async (events: number) => {
      for (let sent = 0; sent < events; sent += 1) await publish();
    };
    await publish();
    for (const members of [
      { status: "paused" },
      { status: "active", timeout_ms: 5_000 },
      { types: ["none.such"] },
      { types: null },
      { status: "paused" },
    ])
      await Promise.all([flow(8), bus.change(changing, members)]);
    const namedBefore = named.length;
    await publish();
    expect(named).toHaveLength(namedBefore + 1);
    await Promise.all([flow(8), bus.change(changing, { status: "active" })]);
    await publish();

    await bus.settled(ids.length);
    const received = async (sink: typeof steady.sink) =>
      (await sink.requests()).map(({ headers }) => `evt_${headers["webhook-id"]?.slice(4, 30)}`).toSorted();
    expect(await received(steady.sink)).toEqual(ids.toSorted());
    expect(await received(changing.sink)).toEqual(named.toSorted());
    expect(named.length).toBeGreaterThan(1);
  });
});

describe("buses", () => {
  it("keep their events, subscriptions and deliveries to themselves", async () => {
    const [one, other] = [await newBus(), await newBus()];
    const [here, there] = [await one.subscribe(), await other.subscribe()];
    const event = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };
    const mine = await one.publish(event);
    const theirs = await other.publish(event);
    expect(mine.event_id).not.toBe(theirs.event_id);
    expect([mine.subscription_ids, theirs.subscription_ids]).toEqual([[here.id], [there.id]]);
    const [delivery] = await one.settled(1);
    await other.settled(1);
    expect([(await here.sink.requests()).length, (await there.sink.requests()).length]).toEqual([1, 1]);

    for (const path of [
      `/v1/events/${mine.event_id}`,
      `/v1/deliveries/${delivery?.id}`,
      `/v1/subscriptions/${here.id}`,
    ]) {
      expect((await one.ask("GET", path)).status, path).toBe(200);
      expect((await other.ask("GET", path)).status, path).toBe(404);
    }
    expect((await other.ask("POST", `/v1/deliveries/${delivery?.id}/retry`)).status).toBe(404);
    expect((await other.ask("PATCH", `/v1/subscriptions/${here.id}`, { json: {} })).status).toBe(404);
    expect((await other.ask("DELETE", `/v1/subscriptions/${here.id}`)).status).toBe(404);
    expect(await other.get(`/v1/deliveries?event_id=${mine.event_id}`)).toEqual({ data: [], next_cursor: null });
    expect(await other.get(`/v1/deliveries?subscription_id=${here.id}`)).toEqual({ data: [], next_cursor: null });
    expect(await one.get(`/v1/events/${mine.event_id}`)).toMatchObject({ bus: one.name, duplicates: 0 });
  });

  it("are made once, by the root key", async () => {
    const bus = await newBus();
    const { key } = (await bus.ask("POST", "/v1/keys", { json: { scopes: ["publish", "read", "manage"] } })).json;
    const again = await ask("PUT", `/v1/buses/${bus.name}`);
    expect([again.status, again.json.bus]).toEqual([200, bus.name]);
    expect((await ask("PUT", `/v1/buses/${bus.name}`, { key })).status).toBe(403);
  });
});

describe("keys", () => {
  const made = async (bus: Awaited<ReturnType<typeof newBus>>, scopes: readonly string[], key?: string) => {
    const answer = await bus.ask("POST", "/v1/keys", { json: { scopes }, ...(key === undefined ? {} : { key }) });
    expect(answer.status, answer.text).toBe(201);
    return answer.json;
  };

  it.each([
    ["publish", [202, 403, 403, 403, 403, 403]],
    ["read", [403, 200, 200, 200, 403, 403]],
    ["manage", [403, 403, 403, 200, 201, 200]],
  ])("with the scope %s may do just that", async (scope, statuses) => {
    const bus = await newBus();
    const { key } = await made(bus, [scope]);
    const sink = "http://127.0.0.1:1/";
    const asked = [
      ask("POST", "/v1/events", { key, json: { type: "a" } }),
      ask("GET", "/v1/events", { key }),
      ask("GET", "/v1/deliveries", { key }),
      ask("GET", "/v1/subscriptions", { key }),
      ask("POST", "/v1/subscriptions", { key, json: { sink, types: ["none.such"] } }),
      ask("GET", "/v1/keys", { key }),
    ];
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(statuses);
  });

  it("act on their own bus alone, and grant no more than they have", async () => {
    const [bus, other] = [await newBus(), await newBus()];
    const { key } = await made(bus, ["publish", "manage"]);
    const consumer = await bus.subscribe();
    const published = await ask("POST", "/v1/events", { key, json: { type: "a" } });
    expect(published.json.events).toMatchObject([{ source: `/buses/${bus.name}`, subscription_ids: [consumer.id] }]);
    await consumer.sink.waitFor(1);
    expect((await other.ask("POST", "/v1/events", { key, json: { type: "a" } })).status).toBe(403);
    expect((await ask("POST", "/v1/keys", { key, json: { scopes: ["read"] } })).status).toBe(403);
    const granted = await made(bus, ["publish"], key);
    expect(granted).toMatchObject({ bus: bus.name, scopes: ["publish"] });
    expect((await ask("POST", "/v1/events", { key: granted.key, json: { type: "a" } })).status).toBe(202);
  });

  it("that are revoked, made up or missing open nothing", async () => {
    const bus = await newBus();
    const { id, key } = await made(bus, ["publish", "manage"]);
    const publish = async (used: string | null) =>
      (await ask("POST", "/v1/events", { key: used, json: { type: "a" } })).status;
    expect(await publish(key)).toBe(202);
    expect((await ask("DELETE", `/v1/keys/${id}`, { key })).status).toBe(204);
    expect((await bus.ask("DELETE", `/v1/keys/${id}`)).status).toBe(404);
    expect((await bus.get<{ data: [] }>("/v1/keys")).data).toEqual([]);
    const madeUp = `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`;
    for (const used of [key, madeUp, "root-key-for-test", null]) expect(await publish(used)).toBe(401);
    await bus.settled(1);
  });
});

it(`a sink that publishes what it gets is stopped after ${HOPS_MAX} hops`, async () => {
  const bus = await newBus();
  const consumer = await bus.subscribe();
  let answer = await bus.ask("POST", "/v1/events", { json: { type: "a" } });
  let rounds = 0;
  while (answer.status === 202) {
    rounds += 1;
    const request = (await consumer.sink.waitFor(rounds)).at(-1);
    const { "fantail-hops": hops = "none" } = request?.headers ?? {};
    expect(hops).toBe(String(rounds));
    answer = await bus.ask("POST", "/v1/events", { json: { type: "a" }, headers: { "fantail-hops": hops } });
  }
  expect([answer.status, answer.json.type]).toEqual([422, "https://fantail.dev/problems/too-many-hops"]);
  expect(rounds).toBe(HOPS_MAX + 1);
  await bus.settled(rounds);
  expect(await consumer.sink.requests()).toHaveLength(rounds);
});

// What a key and its bus limit a publish to: types, rate, sizes. And how little an answer may say.
import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { DEFAULT_BUS_SETTINGS, type BusSettings } from "../../src/core/bus.ts";
import { RATE_PERIOD_SECONDS, RATE_REQUESTS } from "../../src/core/limits.ts";
import { allowsType } from "../../src/core/type-limit.ts";
import { bindingRateLimits } from "../../src/rate-limits.ts";
import { RATE_TIERS } from "../../src/ports.ts";
import { fakeLogger } from "../fakes.ts";
import { gzip } from "../gzip.ts";
import { fakeHttp, limitedKey, ROOT, type Answered, type Asked, type FakeHttp } from "../http.ts";

const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };
const BATCH = { "content-type": "application/cloudevents-batch+json" };

const slug = ({ json }: Answered) => json.type?.split("/").at(-1);
const publish = (http: FakeHttp, asked: Asked) => http.ask("POST", "/v1/events", asked);
const setBus = (http: FakeHttp, settings: Partial<BusSettings>) =>
  http.routes.applied({
    kind: "bus",
    version: 1,
    bus: "default",
    createdMs: 0,
    settings: { ...DEFAULT_BUS_SETTINGS, ...settings },
  });

it("a type is allowed exactly, or by its beginning when the entry ends in a star", () => {
  for (const [types, allowed, refused] of [
    [["order.created"], ["order.created"], ["order.created.v2", "order.create", "Order.created", "order.created*", ""]],
    [["order.*"], ["order.", "order.created", "order.*"], ["order", "orders.created", "an.order.created"]],
    [["*"], ["a", "*"], []],
    [["a*b"], ["a*b"], ["ab", "axb", "a"]],
    [
      ["a", "b*"],
      ["a", "b", "bc"],
      ["aa", "c"],
    ],
    [[], [], ["a"]],
  ] as const) {
    for (const type of allowed) expect(allowsType(types, type), `${String(types)} ${type}`).toBe(true);
    for (const type of refused) expect(allowsType(types, type), `${String(types)} ${type}`).toBe(false);
  }
  expect(allowsType(null, "anything")).toBe(true);
});

it("a key that is limited to types publishes no other", async () => {
  const http = fakeHttp();
  const { key } = await limitedKey(http, { types: ["order.created", "invoice.*"] });
  const other = { ...EVENT, type: "user.created" };
  const binary = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "user.created" };
  for (const type of ["order.created", "invoice.paid"])
    expect((await publish(http, { key, json: { ...EVENT, type } })).status).toBe(202);
  for (const asked of [{ json: other }, { json: { type: "user.created" } }, { headers: binary, body: "x" }]) {
    const answer = await publish(http, { key, ...asked });
    expect([answer.status, slug(answer)]).toEqual([403, "forbidden"]);
    expect(answer.json.detail).toContain("limited to order.created, invoice.*");
    expect(answer.json.errors).toMatchObject([{ pointer: "/type" }]);
  }
  expect(http.ingest.published.flatMap(({ events }) => events.map(({ type }) => type))).toEqual([
    "order.created",
    "invoice.paid",
  ]);
});

it("in a batch each event of another type is refused by itself; a batch of nothing else is 403", async () => {
  const http = fakeHttp();
  const { key } = await limitedKey(http, { types: ["order.*"] });
  const other = { ...EVENT, type: "user.created" };
  const mixed = await publish(http, { key, headers: BATCH, json: [other, EVENT, { ...EVENT, type: "" }] });
  expect([mixed.status, mixed.json.accepted, mixed.json.rejected]).toEqual([207, 1, 2]);
  expect(mixed.json.events).toMatchObject([
    {
      status: "rejected",
      problem: { type: "https://fantail.dev/problems/forbidden", errors: [{ pointer: "/0/type" }] },
    },
    { status: "accepted" },
    { status: "rejected", problem: { type: "https://fantail.dev/problems/invalid-event" } },
  ]);
  for (const [json, status, problem] of [
    [[other], 403, "forbidden"],
    [[other, other], 403, "forbidden"],
    [[other, { ...EVENT, type: "" }], 422, "invalid-event"],
  ] as const) {
    const answer = await publish(http, { key, headers: BATCH, json });
    expect([answer.status, slug(answer), answer.json.errors.length]).toEqual([status, problem, json.length]);
  }
  expect(http.ingest.published).toHaveLength(1);
});

it("a long list of types is not repeated whole", async () => {
  const http = fakeHttp();
  const { key } = await limitedKey(http, { types: Array.from({ length: 100 }, (_, index) => `t${index}`) });
  const answer = await publish(http, { key, json: EVENT });
  expect(answer.json.detail).toContain("t9 and 90 more");
});

it("a key over its rate is 429 with when to come back, before the body is read", async () => {
  const http = fakeHttp();
  for (const [number, rateLimit] of RATE_TIERS.entries()) {
    const { key, id } = await limitedKey(http, { rateLimit }, number + 1);
    expect((await publish(http, { key, json: EVENT })).status).toBe(202);
    expect(http.rateLimits.taken.at(-1)).toEqual({ tier: rateLimit, keyId: id });
    http.rateLimits.refused.add(id);
    let pulled = false;
    const body = new ReadableStream(
      {
        pull(controller) {
          pulled = true;
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const answer = await publish(http, { key, body, headers: { "content-type": "application/json" } });
    expect([answer.status, slug(answer), pulled]).toEqual([429, "rate-limited", false]);
    expect(answer.headers.get("retry-after")).toBe(String(RATE_PERIOD_SECONDS));
    expect(answer.json.detail).toContain(`${RATE_REQUESTS[rateLimit]} publishes in ${RATE_PERIOD_SECONDS} s`);
  }
  expect(http.ingest.published).toHaveLength(3);
});

it("root has no rate, and reading is not counted", async () => {
  const http = fakeHttp();
  const { key } = await limitedKey(http, { scopes: ["read"] });
  await publish(http, { json: EVENT });
  await http.ask("GET", "/v1/events", { key });
  await publish(http, { key: "unknown", json: EVENT });
  expect(http.rateLimits.taken).toEqual([]);
});

it("a binding that fails lets everything pass, and says so in the log without the key", async () => {
  const logger = fakeLogger();
  const failing = { limit: () => Promise.reject(new Error("away")) };
  const { take } = bindingRateLimits({ bindings: { low: failing, standard: failing, high: failing }, logger });
  expect(await take("low", "key_1")).toBe(true);
  expect(logger.lines).toMatchObject([{ level: "warn", name: "rate_limit.failed", fields: { key_id: "key_1" } }]);
});

it("wrangler.toml has the figures of RATE_REQUESTS and RATE_PERIOD_SECONDS", () => {
  const toml = readFileSync(`${import.meta.dirname}/../../wrangler.toml`, "utf8");
  const found = toml.split("[[ratelimits]]").slice(1);
  const figures = found.map((section) => [
    /^name = "PUBLISH_RATE_(\w+)"$/m.exec(section)?.[1]?.toLowerCase(),
    ...(/^simple = \{ limit = (\d+), period = (\d+) \}$/m.exec(section)?.slice(1).map(Number) ?? []),
  ]);
  expect(figures).toEqual(Object.entries(RATE_REQUESTS).map(([tier, limit]) => [tier, limit, RATE_PERIOD_SECONDS]));
  const ids = found.map((section) => /^namespace_id = "(\d+)"$/m.exec(section)?.[1]);
  expect(new Set(ids).size).toBe(RATE_TIERS.length);
});

it("the bus's own limit of a request is kept, compressed or not, and named", async () => {
  const http = fakeHttp();
  setBus(http, { requestBytesMax: 2_000 });
  const headers = { "content-type": "application/json" };
  const zipped = { ...headers, "content-encoding": "gzip" };
  const at = (bytes: number) => JSON.stringify(EVENT).padEnd(bytes);
  expect((await publish(http, { body: at(2_000), headers })).status).toBe(202);
  expect((await publish(http, { body: await gzip(at(2_000)), headers: zipped })).status).toBe(202);
  for (const asked of [
    { body: at(2_001), headers },
    { body: await gzip(at(2_001)), headers: zipped },
  ]) {
    const answer = await publish(http, asked);
    expect([answer.status, slug(answer)]).toEqual([413, "payload-too-large"]);
    expect(answer.json.detail).toBe("The body must have at most 2000 bytes, the request_bytes_max of the bus");
  }
});

it("the bus's own limit of an event counts its canonical text without a trace, for each event of a batch", async () => {
  const http = fakeHttp();
  const bytes = JSON.stringify({ ...EVENT, data: "" }).length;
  const at = (size: number) => ({ ...EVENT, data: "x".repeat(size - bytes) });
  setBus(http, { eventBytesMax: 2_000 });
  const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
  expect((await publish(http, { json: at(2_000), headers })).status).toBe(202);
  expect(http.ingest.published[0]?.events[0]?.attributes).not.toHaveProperty("traceparent");
  const over = await publish(http, { json: at(2_001), headers });
  expect([over.status, slug(over)]).toEqual([413, "payload-too-large"]);
  expect(over.json.detail).toBe("The event must have at most 2000 bytes as JSON, the event_bytes_max of the bus");
  const mixed = await publish(http, { json: [at(2_001), at(2_000)], headers: BATCH });
  expect([mixed.status, mixed.json.events[0].problem.errors[0].pointer]).toEqual([207, "/0"]);
});

it("the rules of the bus that hold when the body is there decide over its events", async () => {
  const http = fakeHttp();
  const body = new ReadableStream({
    pull(controller) {
      setBus(http, { eventBytesMax: 1_024 });
      controller.enqueue(new TextEncoder().encode(JSON.stringify({ ...EVENT, data: "x".repeat(2_000) })));
      controller.close();
    },
  });
  const answer = await publish(http, { body, headers: { "content-type": "application/json" } });
  expect(slug(answer)).toBe("payload-too-large");
});

it("return=minimal tells how many, and only what is refused", async () => {
  const http = fakeHttp();
  const headers = { ...BATCH, prefer: "return=minimal" };
  const all = await publish(http, { json: [EVENT, EVENT], headers });
  expect([all.status, all.json]).toEqual([202, { accepted: 2, rejected: 0 }]);
  expect(all.headers.get("preference-applied")).toBe("return=minimal");
  const some = await publish(http, { json: [EVENT, 5, EVENT, { ...EVENT, type: "" }], headers });
  expect([some.status, some.json.accepted, some.json.rejected]).toEqual([207, 2, 2]);
  expect(some.headers.get("preference-applied")).toBe("return=minimal");
  expect(some.json.events).toMatchObject([
    { index: 1, status: "rejected", problem: { status: 422 } },
    { index: 3, status: "rejected", problem: { errors: [{ pointer: "/3/type" }] } },
  ]);
  expect(some.json.events).toHaveLength(2);
  const none = await publish(http, { json: [5], headers });
  expect([none.status, none.headers.has("preference-applied")]).toEqual([422, false]);
});

it("other preferences, and what cannot be read, are passed over", async () => {
  const http = fakeHttp();
  for (const [prefer, minimal] of [
    ["return=minimal", true],
    ["Return = minimal", true],
    ['return="minimal"', true],
    ["respond-async, wait=10, return=minimal; foo=bar", true],
    ['a="b, return=representation", return=minimal', true],
    ["return=minimal, return=representation", true],
    ["return=representation, return=minimal", false],
    ["return=representation", false],
    ["return", false],
    ["return=MINIMAL", false],
    ["x-return=minimal", false],
    ['a="return=minimal', false],
    ['a=", return=minimal"', false],
    ["return=minimal=1", false],
    ["", false],
    [",;=", false],
  ] as const) {
    const answer = await publish(http, { json: EVENT, headers: { prefer } });
    expect([prefer, answer.headers.has("preference-applied")]).toEqual([prefer, minimal]);
    expect(Object.hasOwn(answer.json, "events"), prefer).toBe(!minimal);
  }
});

it("arbitrary preferences get no 5xx and change no event", async () => {
  const http = fakeHttp();
  await fc.assert(
    fc.asyncProperty(fc.stringMatching(/^[ -~]{0,60}$/), async (prefer) => {
      const answer = await publish(http, { key: ROOT, json: EVENT, headers: { prefer } });
      expect([answer.status, answer.json.accepted]).toEqual([202, 1]);
    }),
    { numRuns: 300 },
  );
});

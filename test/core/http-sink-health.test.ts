// The health of sinks as the API shows it: defaults, roundings and times, who may read it, and which of a bus are listed.
import { expect, it } from "vitest";
import { encodeCursor } from "../../src/core/cursor.ts";
import { LIST_LIMIT_MAX } from "../../src/core/limits.ts";
import type { SinkHealth } from "../../src/ports.ts";
import { healthOf } from "../fake-stores.ts";
import { fakeHttp, keyWith, type Answered, type FakeHttp } from "../http.ts";

const slug = (answer: Answered) => answer.json.type.split("/").at(-1);
const SINK = "https://billing.example.com/hooks";
const EU = { "fantail-bus": "eu" };

const subscribed = async ({ ask }: FakeHttp): Promise<string> =>
  (await ask("POST", "/v1/subscriptions", { json: { sink: SINK } })).json.id;
const put = ({ stores }: FakeHttp, health: SinkHealth): void =>
  void stores.world.health.set(health.subscriptionId, health);
const numbered = (number: number): string => `sub_${String(number).padStart(26, "0")}`;

const WELL = {
  lane: "fast",
  breaker: "closed",
  latency_ms: null,
  failure_rate: 0,
  failures: 0,
  failing_since: null,
  opened_at: null,
  probe_at: null,
  paused_until: null,
};

it("a sink that nothing is known of is well and has no lag, no version and no ETag", async () => {
  const http = fakeHttp();
  const id = await subscribed(http);
  const answer = await http.ask("GET", `/v1/subscriptions/${id}/health`);
  const none = { oldest_undelivered_at: null, lag_s: null };
  expect(answer.json).toEqual({ subscription_id: id, bus: "default", ...WELL, ...none });
  expect(answer.headers.get("etag")).toBeNull();
  expect((await http.ask("GET", "/v1/health")).json).toEqual({ data: [], next_cursor: null });
});

it("shows averages rounded, times as times, and how old the oldest is to the millisecond", async () => {
  const http = fakeHttp();
  const id = await subscribed(http);
  const now = http.clock.now();
  const known = { latencyMs: 2_140.5, failureRate: 0.22649, failures: 5, failingSinceMs: now - 61_001 } as const;
  const broken = { lane: "slow", breaker: "open", openedMs: now - 30_000, probeMs: now } as const;
  put(http, healthOf(id, { ...known, ...broken, pausedUntilMs: now + 1 }));
  http.stores.world.oldestMs.set(id, now - 62_345);
  const shown = {
    subscription_id: id,
    bus: "default",
    lane: "slow",
    breaker: "open",
    latency_ms: 2_141,
    failure_rate: 0.226,
    failures: 5,
    failing_since: "2026-01-02T03:03:04.677Z",
    opened_at: "2026-01-02T03:03:35.678Z",
    probe_at: "2026-01-02T03:04:05.678Z",
    paused_until: "2026-01-02T03:04:05.679Z",
  };
  const { json } = await http.ask("GET", `/v1/subscriptions/${id}/health`);
  expect(json).toEqual({ ...shown, oldest_undelivered_at: "2026-01-02T03:03:03.333Z", lag_s: 62.345 });
  expect((await http.ask("GET", "/v1/health")).json.data).toEqual([shown]);
});

it("a pause that is over is none, and what a clock ahead of ours accepted is not behind", async () => {
  const http = fakeHttp();
  const id = await subscribed(http);
  const now = http.clock.now();
  put(http, healthOf(id, { pausedUntilMs: now }));
  http.stores.world.oldestMs.set(id, now + 1);
  const { json } = await http.ask("GET", `/v1/subscriptions/${id}/health`);
  expect(json).toMatchObject({ paused_until: null, oldest_undelivered_at: "2026-01-02T03:04:05.679Z", lag_s: 0 });
  expect((await http.ask("GET", "/v1/health")).json.data).toEqual([]);
});

it("is there for who may read the subscription, and as long as there is one", async () => {
  const http = fakeHttp();
  const id = await subscribed(http);
  await http.ask("PUT", "/v1/buses/eu");
  const path = `/v1/subscriptions/${id}/health`;
  for (const target of [path, "/v1/health"]) {
    for (const scope of ["read", "manage"])
      expect((await http.ask("GET", target, { key: await keyWith(http, [scope]) })).status).toBe(200);
    expect(slug(await http.ask("GET", target, { key: await keyWith(http, ["publish"]) }))).toBe("forbidden");
    expect(slug(await http.ask("GET", target, { key: null }))).toBe("unauthorized");
  }
  for (const missing of [numbered(0), "sub_1", `${id}0`, id.toUpperCase(), "%00"])
    expect([missing, slug(await http.ask("GET", `/v1/subscriptions/${missing}/health`))]).toEqual([
      missing,
      "not-found",
    ]);
  expect(slug(await http.ask("GET", path, { headers: EU }))).toBe("not-found");
  expect(slug(await http.ask("GET", `${path}?lane=slow`))).toBe("invalid-parameter");
  await http.ask("DELETE", `/v1/subscriptions/${id}`);
  expect(slug(await http.ask("GET", path))).toBe("not-found");
});

it("lists by lane and breaker, and refuses what it does not know", async () => {
  const http = fakeHttp();
  put(http, healthOf(numbered(1), { lane: "slow" }));
  put(http, healthOf(numbered(2), { lane: "slow", breaker: "open", failures: 5 }));
  put(http, healthOf(numbered(3), { lane: "slow", breaker: "half-open", failures: 5 }));
  put(http, healthOf(numbered(4), { failures: 1 }));
  put(http, healthOf(numbered(5)));
  put(http, healthOf(numbered(6), { bus: "eu", failures: 1 }));
  const listed = async (query: string) =>
    (await http.ask("GET", `/v1/health${query}`)).json.data.map((one: { subscription_id: string }) =>
      Number(one.subscription_id.slice(4)),
    );
  expect(await listed("")).toEqual([4, 3, 2, 1]);
  expect(await listed("?lane=slow")).toEqual([3, 2, 1]);
  expect(await listed("?lane=fast")).toEqual([4]);
  expect(await listed("?breaker=closed")).toEqual([4, 1]);
  expect(await listed("?breaker=half-open&lane=slow")).toEqual([3]);
  expect(await listed("?breaker=open&lane=fast")).toEqual([]);
  const { next_cursor } = (await http.ask("GET", "/v1/health?limit=3")).json;
  expect(await listed(`?limit=3&cursor=${next_cursor}`)).toEqual([1]);
  for (const query of [
    "?lane=",
    "?lane=medium",
    "?lane=slow&lane=fast",
    "?breaker=half_open",
    "?breaker=OPEN",
    "?failures=1",
    "?limit=0",
    `?limit=${LIST_LIMIT_MAX + 1}`,
    "?cursor=x",
  ])
    expect([query, slug(await http.ask("GET", `/v1/health${query}`))]).toEqual([query, "invalid-parameter"]);
  for (const cursor of [encodeCursor("subscriptions", [numbered(3)]), encodeCursor("health", ["x"])])
    expect(slug(await http.ask("GET", `/v1/health?cursor=${cursor}`))).toBe("invalid-parameter");
});

it("the filters that it refuses are told in words", async () => {
  const { json } = await fakeHttp().ask("GET", "/v1/health?lane=medium&breaker=shut");
  expect(json.detail).toBe("lane must be one of fast, slow; breaker must be one of closed, open, half-open");
});

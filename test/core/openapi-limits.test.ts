// Every figure of the document is that of core/limits.ts: what is at a limit fits the schema, and one more does not. Where the schema
// validates, it is asked itself.
import { describe, expect, it } from "vitest";
import * as limits from "../../src/core/limits.ts";
import { auditQuery } from "../../src/http/contract/audit.ts";
import { busPatch, busSettings } from "../../src/http/contract/buses.ts";
import { keyBody, keyPatch, rotateBody } from "../../src/http/contract/keys.ts";
import { check } from "../../src/http/schema.ts";
import { DOCUMENT, exampleFault } from "../contract.ts";

const list = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const members = (count: number, value: unknown) => Object.fromEntries(list(count, (index) => [`a${index}`, value]));
const SINK = "https://a.example.com/";

/** A member of a component, with the largest and smallest that it may be. `at(n)` makes a value of that size. */
const LIMITS: [schema: string, what: string, most: number, at: (size: number) => unknown, least?: number][] = [
  ["SubscriptionCreate", "name", limits.NAME_CHARS_MAX, (n) => ({ sink: SINK, name: "x".repeat(n) }), 1],
  ["SubscriptionCreate", "sink", limits.SINK_CHARS_MAX, (n) => ({ sink: SINK.padEnd(n, "x").slice(0, n) }), 1],
  ["SubscriptionCreate", "types", limits.TYPES_MAX, (n) => ({ sink: SINK, types: list(n, String) }), 0],
  [
    "SubscriptionCreate",
    "a type",
    limits.ATTRIBUTE_VALUE_BYTES_MAX,
    (n) => ({ sink: SINK, types: ["x".repeat(n)] }),
    1,
  ],
  ["SubscriptionCreate", "source", limits.ATTRIBUTE_VALUE_BYTES_MAX, (n) => ({ sink: SINK, source: "x".repeat(n) }), 1],
  [
    "SubscriptionCreate",
    "filters",
    limits.FILTERS_MAX,
    (n) => ({ sink: SINK, filters: list(n, () => ({ exact: { a: "b" } })) }),
    0,
  ],
  ["SubscriptionCreate", "headers", limits.SINK_HEADERS_MAX, (n) => ({ sink: SINK, headers: members(n, "x") }), 0],
  [
    "SubscriptionCreate",
    "a header's name",
    limits.SINK_HEADER_NAME_CHARS_MAX,
    (n) => ({ sink: SINK, headers: { ["x".repeat(n)]: "x" } }),
    1,
  ],
  [
    "SubscriptionCreate",
    "a header's value",
    limits.SINK_HEADER_VALUE_CHARS_MAX,
    (n) => ({ sink: SINK, headers: { x: "x".repeat(n) } }),
    1,
  ],
  [
    "SubscriptionCreate",
    "timeout_ms",
    limits.TIMEOUT_MS_MAX,
    (n) => ({ sink: SINK, timeout_ms: n }),
    limits.TIMEOUT_MS_MIN,
  ],
  [
    "SubscriptionCreate",
    "retry.schedule_s",
    limits.RETRY_SCHEDULE_MAX,
    (n) => ({ sink: SINK, retry: { schedule_s: list(n, () => 1) } }),
    0,
  ],
  [
    "SubscriptionCreate",
    "a delay",
    limits.RETRY_DELAY_SECONDS_MAX,
    (n) => ({ sink: SINK, retry: { schedule_s: [n] } }),
    1,
  ],
  [
    "SubscriptionCreate",
    "retry.permanent",
    limits.RETRY_PERMANENT_MAX,
    (n) => ({ sink: SINK, retry: { permanent: list(n, () => 400) } }),
    0,
  ],
  [
    "SubscriptionCreate",
    "rate.limit",
    limits.PACE_LIMIT_MAX,
    (n) => ({ sink: SINK, rate: { limit: n, period_s: limits.PACE_PERIOD_SECONDS_MAX } }),
    1,
  ],
  [
    "SubscriptionCreate",
    "rate.period_s",
    limits.PACE_PERIOD_SECONDS_MAX,
    (n) => ({ sink: SINK, rate: { limit: 1, period_s: n } }),
    1,
  ],
  ["SubscriptionCreate", "concurrency", limits.PACE_CONCURRENCY_MAX, (n) => ({ sink: SINK, concurrency: n }), 1],
  ["Filter", "attributes", limits.ATTRIBUTES_MAX, (n) => ({ exact: members(n, "x") }), 1],
  ["Filter", "an attribute's name", limits.ATTRIBUTE_NAME_CHARS_MAX, (n) => ({ prefix: { ["x".repeat(n)]: "x" } }), 1],
  ["Filter", "a string", limits.ATTRIBUTE_VALUE_BYTES_MAX, (n) => ({ suffix: { type: "x".repeat(n) } }), 1],
  ["KeyCreate", "name", limits.NAME_CHARS_MAX, (n) => ({ scopes: ["read"], name: "x".repeat(n) }), 1],
  ["KeyCreate", "scopes", 3, (n) => ({ scopes: list(n, () => "read") }), 1],
  ["KeyCreate", "types", limits.KEY_TYPES_MAX, (n) => ({ scopes: ["publish"], types: list(n, String) }), 1],
  [
    "KeyCreate",
    "allowed_origins",
    limits.KEY_ORIGINS_MAX,
    (n) => ({ scopes: ["publish"], allowed_origins: list(n, () => "https://a.example.com") }),
    1,
  ],
  [
    "KeyCreate",
    "an origin",
    limits.KEY_ORIGIN_CHARS_MAX,
    (n) => ({ scopes: ["publish"], allowed_origins: ["https://".padEnd(n, "x")] }),
  ],
  ["KeyRotate", "overlap_s", limits.KEY_OVERLAP_SECONDS_MAX, (n) => ({ overlap_s: n }), 0],
  [
    "BusSettings",
    "retention_days",
    limits.RETENTION_DAYS_MAX,
    (n) => ({ retention_days: n }),
    limits.RETENTION_DAYS_MIN,
  ],
  ["BusSettings", "event_bytes_max", limits.EVENT_BYTES_MAX, (n) => ({ event_bytes_max: n }), limits.BUS_BYTES_MIN],
  [
    "BusSettings",
    "request_bytes_max",
    limits.REQUEST_BYTES_MAX,
    (n) => ({ request_bytes_max: n }),
    limits.BUS_BYTES_MIN,
  ],
  [
    "EventBatch",
    "events",
    limits.BATCH_EVENTS_MAX,
    (n) => list(n, () => ({ specversion: "1.0", id: "1", source: "/", type: "t" })),
    0,
  ],
  [
    "Event",
    "id",
    limits.ATTRIBUTE_VALUE_BYTES_MAX,
    (n) => ({ specversion: "1.0", id: "x".repeat(n), source: "/", type: "t" }),
    1,
  ],
  [
    "Event",
    "an integer",
    2_147_483_647,
    (n) => ({ specversion: "1.0", id: "1", source: "/", type: "t", a: n }),
    -2_147_483_648,
  ],
];

it.each(LIMITS)("%s: %s is held to its limit", (name, _, most, at, least) => {
  const schema = { $ref: `#/components/schemas/${name}` };
  expect(exampleFault(schema, at(most))).toBeNull();
  expect(exampleFault(schema, at(most + 1))).not.toBeNull();
  if (least === undefined) return;
  expect(exampleFault(schema, at(least))).toBeNull();
  if (least !== 0 || name === "KeyRotate") expect(exampleFault(schema, at(least - 1))).not.toBeNull();
});

it("parameters are held to their limits", () => {
  const limit = DOCUMENT.paths["/v1/events"]?.["get"]?.parameters?.find((one) => "name" in one && one.name === "limit");
  expect(limit).toMatchObject({
    schema: { type: "integer", minimum: 1, maximum: limits.LIST_LIMIT_MAX, default: limits.LIST_LIMIT_DEFAULT },
  });
  const parameters = DOCUMENT.components.parameters;
  const key = parameters["idempotency-key"]?.schema;
  expect(exampleFault(key, "x".repeat(limits.IDEMPOTENCY_KEY_CHARS_MAX))).toBeNull();
  expect(exampleFault(key, "x".repeat(limits.IDEMPOTENCY_KEY_CHARS_MAX + 1))).not.toBeNull();
  expect(parameters["fantail-hops"]?.schema).toMatchObject({ minimum: 0, maximum: limits.HOPS_MAX });
});

// ---- Schemas that validate ---------------------------------------------------------------------------------------

/** Pointers of what is wrong, empty when nothing is. */
const faultsOf = (schema: Parameters<typeof check>[0], value: unknown): string[] => {
  const checked = check(schema, value);
  return checked.ok ? [] : checked.error.map(({ pointer }) => pointer);
};

describe("keyBody", () => {
  it("fills in what is absent", () => {
    expect(keyBody.parse({ scopes: ["read"] })).toEqual({
      name: null,
      scopes: ["read"],
      types: null,
      allowed_origins: null,
      rate_limit: "standard",
      expires_at: null,
    });
    expect(keyBody.parse({ scopes: ["publish"], expires_at: "2026-12-31T00:00:00Z" }).expires_at).toBe(
      Date.UTC(2026, 11, 31),
    );
  });

  it.each([
    [{}, ["/scopes"]],
    [{ scopes: [] }, ["/scopes"]],
    [{ scopes: ["write"] }, ["/scopes/0"]],
    [{ scopes: ["publish"], types: [] }, ["/types"]],
    [{ scopes: ["publish"], types: [""] }, ["/types/0"]],
    [{ scopes: ["publish"], types: ["\ud800"] }, ["/types/0"]],
    [{ scopes: ["publish"], types: ["é".repeat(limits.ATTRIBUTE_VALUE_BYTES_MAX / 2 + 1)] }, ["/types/0"]],
    [
      { scopes: ["publish", "read"], types: ["a"], allowed_origins: ["https://a.example.com"] },
      ["/types", "/allowed_origins"],
    ],
    [{ scopes: ["manage"], types: ["a"] }, ["/types"]],
    [{ scopes: ["publish"], rate_limit: "none" }, ["/rate_limit"]],
    [{ scopes: ["publish"], expires_at: "tomorrow" }, ["/expires_at"]],
    [{ scopes: ["publish"], typo: 1 }, ["/typo"]],
  ])("refuses %j", (body, pointers) => {
    expect(faultsOf(keyBody, body)).toEqual(pointers);
  });

  it.each(["https://shop.example.com", "http://localhost:8080", "https://[2001:db8::1]", "https://a.example.com:8443"])(
    "takes the origin %s",
    (origin) => {
      expect(faultsOf(keyBody, { scopes: ["publish"], allowed_origins: [origin] })).toEqual([]);
    },
  );

  it.each([
    "null",
    "*",
    "https://*.example.com",
    "https://shop.example.com/",
    "https://shop.example.com:443",
    "https://SHOP.example.com",
    "https://user@shop.example.com",
    "ftp://shop.example.com",
    "shop.example.com",
    "https://shop.example.com?x",
    " https://shop.example.com",
  ])("refuses the origin %s", (origin) => {
    expect(faultsOf(keyBody, { scopes: ["publish"], allowed_origins: [origin] })).toEqual(["/allowed_origins/0"]);
  });
});

it("a patch of a key may repeat what an answer shows, and nothing that no answer has", () => {
  expect(
    faultsOf(keyPatch, { name: null, status: "active", version: 3, last_used_at: null, effective_at: "x" }),
  ).toEqual([]);
  expect(faultsOf(keyPatch, { key: "ftk_…" })).toEqual(["/key"]);
});

it("rotateBody has the overlap of a day unless it is told another", () => {
  expect(rotateBody.parse({})).toEqual({ overlap_s: limits.KEY_OVERLAP_SECONDS_DEFAULT });
  expect(faultsOf(rotateBody, { overlap_s: limits.KEY_OVERLAP_SECONDS_MAX })).toEqual([]);
  for (const overlap_s of [-1, 1.5, limits.KEY_OVERLAP_SECONDS_MAX + 1, null, "60"])
    expect(faultsOf(rotateBody, { overlap_s })).toEqual(["/overlap_s"]);
});

it("busSettings has a default for each, and busPatch knows which are read-only", () => {
  expect(busSettings.parse({})).toEqual({
    retention_days: null,
    log_level: "all",
    event_bytes_max: null,
    request_bytes_max: null,
  });
  expect(faultsOf(busSettings, { bus: "eu" })).toEqual(["/bus"]);
  expect(faultsOf(busPatch, { bus: "eu", subscriptions: 1, effective: {}, log_level: null })).toEqual([]);
  for (const retention_days of [limits.RETENTION_DAYS_MIN - 1, limits.RETENTION_DAYS_MAX + 1, 1.5, "7"])
    expect(faultsOf(busSettings, { retention_days })).toEqual(["/retention_days"]);
});

it("auditQuery reads its filters", () => {
  const query = { actor: "root", action: "bus.deleted", since: "2026-11-23T09:00:00Z", limit: "200" };
  expect(auditQuery.parse(query)).toEqual({ ...query, since: Date.UTC(2026, 10, 23, 9), limit: 200 });
  expect(faultsOf(auditQuery, { action: "bus.renamed", target: "", until: "now", limit: "201" }).toSorted()).toEqual([
    "/action",
    "/limit",
    "/target",
    "/until",
  ]);
});

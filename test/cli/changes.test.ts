// What a file asks for against what a bus has: found by name, compared with defaults, never shown where it is secret. No router.
import { describe, expect, test } from "vitest";
import type { Bus, Key, Subscription } from "../../src/client/api.ts";
import { planBus, type AnyChange, type CurrentBus, type PlanOptions } from "../../src/cli/state/changes.ts";
import type { WantedBus, WantedThing } from "../../src/cli/state/wanted.ts";

const SINK = "https://billing.example.com/hooks";
const OPTIONS: PlanOptions = { prune: false, ownKey: null, writeSecrets: false };

const thing = (name: string, members: Record<string, unknown>, secret: string[] = []): WantedThing => ({
  name,
  members,
  secret: new Set(secret),
});

const wanted = (more: Partial<WantedBus>): WantedBus => ({
  name: "default",
  settings: {},
  subscriptions: null,
  keys: null,
  ...more,
});

/** As the router shows one that was made of its sink and name alone. */
const shown = (more: Partial<Subscription>): Subscription => ({
  id: "sub_1",
  bus: "default",
  name: "billing",
  sink: SINK,
  types: null,
  source: null,
  filters: [],
  format: "structured",
  headers: {},
  timeout_ms: 15_000,
  retry: {
    schedule_s: [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
    permanent: [400, 413, 415, 422],
  },
  rate: null,
  concurrency: null,
  status: "active",
  disabled_reason: null,
  created_at: "2026-11-23T09:00:00.000Z",
  updated_at: "2026-11-23T09:00:00.000Z",
  version: 7,
  effective_at: "2026-11-23T09:00:05.000Z",
  ...more,
});

const key = (more: Partial<Key>): Key => ({
  id: "key_1",
  bus: "default",
  name: "shop",
  scopes: ["publish"],
  types: null,
  allowed_origins: null,
  rate_limit: "standard",
  expires_at: null,
  last_used_at: null,
  replaced_by: null,
  status: "active",
  created_at: "2026-11-23T09:00:00.000Z",
  updated_at: "2026-11-23T09:00:00.000Z",
  version: 3,
  effective_at: "2026-11-23T09:00:05.000Z",
  ...more,
});

const BUS = {
  bus: "default",
  retention_days: null,
  log_level: "all",
  event_bytes_max: null,
  request_bytes_max: null,
  version: 1,
} as Bus;
const current = (more: Partial<CurrentBus>): CurrentBus => ({ bus: BUS, subscriptions: [], keys: [], ...more });

function changes(asked: Partial<WantedBus>, there: Partial<CurrentBus>, options = OPTIONS): readonly AnyChange[] {
  const planned = planBus("default", wanted(asked), current(there), options);
  if (!planned.ok) throw new Error(planned.error.join("; "));
  return planned.value.changes;
}

const one = (members: Record<string, unknown>, there: Partial<Subscription>, options = OPTIONS) =>
  changes(
    { subscriptions: [thing("billing", { sink: SINK, ...members })] },
    { subscriptions: [shown(there)] },
    options,
  );

describe("planBus() finds no change", () => {
  test.each<[string, Record<string, unknown>, Partial<Subscription>]>([
    ["in one that says nothing but its sink", {}, {}],
    ["between no types and an empty list of them", { types: [] }, {}],
    ["between a list of none and null", { types: null }, { types: [] }],
    [
      "in defaults that are written out",
      { format: "structured", timeout_ms: 15_000, retry: null, rate: null, filters: null },
      {},
    ],
    ["in the spelling of a sink", { sink: "https://Billing.example.com:443/hooks" }, {}],
    [
      "in the order of members",
      { filters: [{ exact: { a: "1", b: "2" } }] },
      { filters: [{ exact: { b: "2", a: "1" } }] },
    ],
    ["in a part of retry that is left out", { retry: { permanent: [400, 413, 415, 422] } }, {}],
    ["in the case of a header's name, or its value", { headers: { "X-Team": "b" } }, { headers: { "x-team": "…" } }],
    ["in a header that is null", { headers: { "x-team": null } }, {}],
    ["in a status that the file leaves to others", {}, { status: "paused" }],
    ["in a secret, which cannot be read back", { secret: "whsec_x" }, {}],
  ])("%s", (_, members, there) => expect(one(members, there)).toEqual([]));

  test("in a key whose scopes stand in another order, and whose end is another spelling of the same time", () => {
    const asked = thing("shop", { scopes: ["read", "publish"], expires_at: "2030-01-01T01:00:00+01:00" });
    const there = key({ scopes: ["publish", "read"], expires_at: "2030-01-01T00:00:00.000Z" });
    expect(changes({ keys: [asked] }, { keys: [there] })).toEqual([]);
  });

  test("in settings of a bus that the file does not name, and in defaults that it does", () => {
    expect(changes({ settings: { log_level: null } }, {})).toEqual([]);
    expect(changes({ settings: {} }, { bus: { ...BUS, retention_days: 3 } })).toEqual([]);
  });
});

describe("planBus() changes", () => {
  test("what differs and nothing else, on the version it saw", () => {
    expect(one({ types: ["a"], timeout_ms: 15_000 }, { concurrency: 4 })).toEqual([
      {
        action: "update",
        kind: "subscription",
        bus: "default",
        name: "billing",
        id: "sub_1",
        version: 7,
        patch: { types: ["a"], concurrency: null },
        members: [
          { name: "types", from: "null", to: '["a"]' },
          { name: "concurrency", from: "4", to: "null" },
        ],
      },
    ]);
  });

  test.each<[string, Record<string, unknown>, Partial<Subscription>, object]>([
    ["a status that the file gives", { status: "active" }, { status: "disabled" }, { status: "active" }],
    [
      "headers by their names: what is gone is null",
      { headers: { "X-New": "b" } },
      { headers: { "x-old": "…" } },
      { headers: { "x-old": null, "X-New": "b" } },
    ],
    ["all headers away", {}, { headers: { "x-old": "…" } }, { headers: { "x-old": null } }],
    [
      "a part of retry; the other is the default again",
      { retry: { permanent: [410] } },
      {},
      { retry: { schedule_s: null, permanent: [410] } },
    ],
    ["the whole of retry to the default", {}, { retry: { schedule_s: [1], permanent: [] } }, { retry: null }],
    [
      "filters whose order differs: they are a list",
      { filters: [{ sql: "a" }, { sql: "b" }] },
      { filters: [{ sql: "b" }, { sql: "a" }] },
      { filters: [{ sql: "a" }, { sql: "b" }] },
    ],
  ])("%s", (_, members, there, patch) => expect(one(members, there)).toMatchObject([{ patch }]));

  test("what is written anew on demand: secrets and header values", () => {
    const asked = { secret: "whsec_new", headers: { "x-team": "b" } };
    const [change] = one(asked, { headers: { "x-team": "…" } }, { ...OPTIONS, writeSecrets: true });
    expect(change).toMatchObject({ patch: asked });
    expect(JSON.stringify(change && "members" in change ? change.members : null)).not.toMatch(/whsec|"b"/);
  });

  test("a bus that is not there is made, before what is on it", () => {
    const made = changes(
      { settings: { retention_days: 3 }, subscriptions: [thing("billing", { sink: SINK })] },
      { bus: null },
    );
    expect(made).toMatchObject([
      { action: "create", kind: "bus", document: { retention_days: 3 } },
      { action: "create", kind: "subscription", document: { name: "billing", sink: SINK } },
    ]);
  });

  test("a setting of the bus to its default", () => {
    expect(changes({ settings: { retention_days: null } }, { bus: { ...BUS, retention_days: 3 } })).toMatchObject([
      { action: "update", kind: "bus", version: 1, patch: { retention_days: null } },
    ]);
  });
});

describe("planBus() shows", () => {
  const secret = (members: Record<string, unknown>, names: string[]) => [
    thing("billing", { sink: SINK, ...members }, names),
  ];

  test("nothing of what is from the environment, neither the new value nor the old", () => {
    const asked = secret({ sink: "https://a.example/?token=new" }, ["sink"]);
    const [change] = changes(
      { subscriptions: asked },
      { subscriptions: [shown({ sink: "https://a.example/?token=old" })] },
    );
    expect(change).toMatchObject({
      patch: { sink: "https://a.example/?token=new" },
      members: [{ name: "sink", from: "(not shown)", to: "(not shown)" }],
    });
  });

  test("nothing of headers and secrets of one that is made", () => {
    const [change] = changes(
      { subscriptions: secret({ headers: { "x-token": "t0ps3cret" }, secret: "whsec_t0p" }, ["secret"]) },
      {},
    );
    expect(JSON.stringify(change && "members" in change ? change.members : null)).not.toMatch(/t0p/);
    expect(change).toMatchObject({ document: { secret: "whsec_t0p" } });
  });
});

describe("planBus() deletes", () => {
  const there = {
    subscriptions: [shown({}), shown({ id: "sub_2", name: "old" }), shown({ id: "sub_3", name: null })],
    keys: [key({ name: "old" })],
  };
  const asked = { subscriptions: [thing("billing", { sink: SINK })], keys: [] };

  test("nothing unless it is told to, and says how many stay", () => {
    const planned = planBus("default", wanted(asked), current(there), OPTIONS);
    expect(planned).toMatchObject({ ok: true, value: { changes: [], unmanaged: 3 } });
  });

  test("what has a name that the file does not have; what has none stays", () => {
    const planned = planBus("default", wanted(asked), current(there), { ...OPTIONS, prune: true });
    expect(planned).toMatchObject({
      ok: true,
      value: {
        changes: [
          { action: "delete", id: "sub_2", version: 7 },
          { action: "delete", kind: "key", id: "key_1" },
        ],
        unmanaged: 1,
      },
    });
  });

  test("never the key that it acts with", () => {
    const planned = planBus("default", wanted(asked), current(there), { ...OPTIONS, prune: true, ownKey: "key_1" });
    expect(planned).toMatchObject({ ok: true, value: { changes: [{ id: "sub_2" }], unmanaged: 2 } });
  });

  test("nothing of a kind that the file says nothing of", () => {
    expect(changes({ subscriptions: null, keys: null }, there, { ...OPTIONS, prune: true })).toEqual([]);
  });
});

test("planBus() refuses a name that two have, and names both", () => {
  const there = current({ subscriptions: [shown({}), shown({ id: "sub_2" })] });
  expect(planBus("default", wanted({ subscriptions: [thing("billing", { sink: SINK })] }), there, OPTIONS)).toEqual({
    ok: false,
    error: [
      "Bus default has 2 subscriptions named billing (sub_1, sub_2): a file finds them by name, so rename or remove all but one",
    ],
  });
});

test("planBus() says which secrets it cannot compare, and only of what is there", () => {
  const asked = [thing("billing", { sink: SINK, secret: "whsec_x" }), thing("new", { sink: SINK, secret: "whsec_x" })];
  expect(
    planBus("default", wanted({ subscriptions: asked }), current({ subscriptions: [shown({})] }), OPTIONS),
  ).toMatchObject({
    value: { unseen: ["billing"] },
  });
});

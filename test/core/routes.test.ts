import { beforeEach, describe, expect, test } from "vitest";
import {
  EVENT_BYTES_MAX,
  ROUTES_BYTES_MAX,
  ROUTES_CHANGES_MAX,
  ROUTES_CHAR_BYTES,
  ROUTES_FRESH_MS,
  ROUTES_LOAD_TIMEOUT_MS,
  ROUTES_OUTAGE_MS,
  ROUTES_QUERY_TIMEOUT_MS,
  ROUTES_SLOW_BYTES,
  ROUTES_STALE_MS,
  ROUTES_UNKNOWN_BUSES_MAX,
  ROUTES_UNKNOWN_MS,
} from "../../src/core/limits.ts";
import { bytesOf, emptyBus } from "../../src/cached-bus.ts";
import { type Routes, Unavailable } from "../../src/ports.ts";
import { createRoutes, emptyRoutesState, type RoutesState } from "../../src/routes.ts";
import { fakeLogger } from "../fakes.ts";
import {
  grantOf,
  handClock,
  type HandClock,
  newWorld,
  type Query,
  settle,
  takers,
  wants,
  type World,
} from "./routes-world.ts";

let world: World;
let clock: HandClock;
let state: RoutesState;
let logger: ReturnType<typeof fakeLogger>;
let routes: Routes;
let behind: Promise<unknown>[];
const background = (work: Promise<unknown>) => void behind.push(work);

beforeEach(() => {
  world = newWorld();
  clock = handClock();
  state = emptyRoutesState();
  logger = fakeLogger();
  behind = [];
  routes = createRoutes({ feed: world.feed, clock, logger, state });
  world.putBus("b");
});

const bus = (name = "b") => routes.bus(name, background);
const key = (hash: string, name = "b") => routes.key(name, hash, background);
/** Who takes events of type "t" on bus "b". */
const seen = async () => takers(await bus(), "t");
const sent = () => world.queries.length;

function query(index: number): Query {
  const found = world.queries.at(index);
  if (found === undefined) throw new Error(`There is no query ${index}`);
  return found;
}

/** The bus is loaded, and nothing was made here. */
async function warm(): Promise<void> {
  world.put("b", "sub_1", wants("t"));
  await bus();
}

const warnings = () => logger.lines.filter(({ level }) => level === "warn").map(({ name }) => name);

describe("a bus that is held", () => {
  test("serves up to ROUTES_FRESH_MS without any query", async () => {
    await warm();
    world.put("b", "sub_2", wants("t"));
    await clock.advance(ROUTES_FRESH_MS);
    expect(await seen()).toEqual(["sub_1"]);
    expect(sent()).toBe(1);
  });

  test("serves up to ROUTES_STALE_MS while one refresh runs behind, and the refresh is seen after", async () => {
    await warm();
    world.put("b", "sub_2", wants("t"));
    world.mode = "manual";
    await clock.advance(ROUTES_FRESH_MS + 1);
    expect(await seen()).toEqual(["sub_1"]);
    expect(await seen()).toEqual(["sub_1"]);
    expect(sent()).toBe(2);
    await query(-1).answer();
    expect(await seen()).toEqual(["sub_1", "sub_2"]);
    await clock.advance(ROUTES_FRESH_MS);
    await seen();
    expect(sent()).toBe(2);
  });

  test("begins another refresh behind when the last began ROUTES_FRESH_MS ago, answered or not", async () => {
    await warm();
    world.mode = "manual";
    await clock.advance(ROUTES_FRESH_MS + 1);
    await seen();
    await clock.advance(ROUTES_FRESH_MS - 1);
    await seen();
    expect(sent()).toBe(2);
    await clock.advance(1);
    await seen();
    expect(sent()).toBe(3);
  });

  test("survives a refresh behind that fails, with a warning", async () => {
    await warm();
    world.mode = "failing";
    await clock.advance(ROUTES_STALE_MS);
    expect(await seen()).toEqual(["sub_1"]);
    await Promise.all(behind);
    expect(warnings()).toEqual(["routes.refresh_failed"]);
  });

  test("asks first when it is older than ROUTES_STALE_MS", async () => {
    await warm();
    world.put("b", "sub_2", wants("t"));
    world.drop("b", "sub_1");
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await seen()).toEqual(["sub_2"]);
    expect(sent()).toBe(2);
    expect(query(-1).from).toBe(2 + 1);
  });

  test("is as old as the sending of its last query, not as its answer", async () => {
    world.mode = "manual";
    const first = bus();
    query(0).run();
    world.put("b", "sub_late", wants("t"));
    await clock.advance(ROUTES_STALE_MS);
    await query(0).answer();
    expect(takers(await first, "t")).toEqual([]);
    world.mode = "prompt";
    await clock.advance(1);
    expect(await seen()).toEqual(["sub_late"]);
  });

  test("takes one query for all held buses, from what all of them know", async () => {
    await warm();
    world.putBus("c");
    await bus("c");
    await clock.advance(ROUTES_STALE_MS + 1);
    await bus();
    expect(query(-1).buses).toEqual(["b", "c"]);
    await bus("c");
    expect(sent()).toBe(3);
  });

  test("follows more changes than one page holds", async () => {
    await warm();
    for (let index = 0; index < 2 * ROUTES_CHANGES_MAX; index++) world.put("b", `sub_n${index}`, wants("t"));
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await seen()).toHaveLength(2 * ROUTES_CHANGES_MAX + 1);
    expect(sent()).toBe(1 + 3);
  });

  test("keeps learning when one row cannot be read, and says so", async () => {
    await warm();
    world.put("b", "sub_bad", "not JSON");
    world.put("b", "sub_worse", JSON.stringify({ types: null, source: null, filters: [{ unheard: {} }] }));
    world.put("b", "sub_2", wants("t"));
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await seen()).toEqual(expect.arrayContaining(["sub_1", "sub_2"]));
    const unreadable = logger.lines.filter(({ name }) => name === "routes.unreadable");
    expect(unreadable[0]).toMatchObject({ level: "error", fields: { bus: "b", subscription_id: "sub_bad" } });
    expect(await seen()).not.toContain("sub_bad");
  });
});

describe("while D1 is away", () => {
  test("the last good copy serves up to ROUTES_OUTAGE_MS with a warning, then Unavailable", async () => {
    await warm();
    world.mode = "failing";
    await clock.advance(ROUTES_OUTAGE_MS);
    expect(await seen()).toEqual(["sub_1"]);
    expect(warnings()).toEqual(["routes.stale"]);
    expect(logger.lines[0]?.fields).toMatchObject({ bus: "b", age_ms: ROUTES_OUTAGE_MS });
    await clock.advance(1);
    await expect(bus()).rejects.toThrow(Unavailable);
    world.mode = "prompt";
    expect(await seen()).toEqual(["sub_1"]);
  });

  test("a query that hangs is waited for ROUTES_QUERY_TIMEOUT_MS, and its late answer is learned", async () => {
    await warm();
    world.put("b", "sub_2", wants("t"));
    world.mode = "manual";
    await clock.advance(ROUTES_STALE_MS + 1);
    let answered = false;
    const asked = seen().finally(() => (answered = true));
    await clock.advance(ROUTES_QUERY_TIMEOUT_MS - 1);
    expect(answered).toBe(false);
    expect(behind).toHaveLength(2);
    await clock.advance(1);
    expect(await asked).toEqual(["sub_1"]);
    expect(warnings()).toEqual(["routes.stale"]);
    await query(-1).answer();
    expect(await seen()).toEqual(["sub_1", "sub_2"]);
  });

  test("what runs behind never fails the request it runs behind of", async () => {
    world.mode = "failing";
    await bus().catch(() => undefined);
    world.mode = "prompt";
    await warm();
    world.mode = "failing";
    await clock.advance(ROUTES_STALE_MS + 1);
    await seen();
    expect(behind).toHaveLength(3);
    expect(await Promise.all(behind)).toEqual([undefined, expect.anything(), undefined]);
  });

  test("an answer of another request that came meanwhile is good enough, without a warning", async () => {
    await warm();
    world.mode = "manual";
    await clock.advance(ROUTES_STALE_MS + 1);
    const one = seen();
    const two = seen();
    await query(1).answer();
    await query(2).fail();
    expect([await one, await two]).toEqual([["sub_1"], ["sub_1"]]);
    expect(warnings()).toEqual([]);
  });

  test("a bus that was never loaded is Unavailable, whether the query fails or hangs", async () => {
    world.mode = "failing";
    await expect(bus()).rejects.toThrow(Unavailable);
    world.mode = "manual";
    const hanging = expect(bus()).rejects.toThrow(Unavailable);
    await clock.advance(ROUTES_LOAD_TIMEOUT_MS);
    await hanging;
    expect(state.buses.size + state.unknown.size).toBe(0);
  });

  test("a defect is not taken for an outage", async () => {
    await warm();
    await clock.advance(ROUTES_STALE_MS + 1);
    const defect = new Error("no such table");
    const broken = createRoutes({ feed: { since: () => Promise.reject(defect) }, clock, logger, state });
    await expect(broken.bus("b", background)).rejects.toBe(defect);
  });
});

describe("loading a bus", () => {
  const COUNT = 2 * ROUTES_CHANGES_MAX + 500;
  const fill = () => {
    for (let index = 0; index < COUNT; index++) world.put("b", `sub_${index}`, wants("t"));
  };

  test("takes as many pages as it needs, for that bus alone", async () => {
    fill();
    world.putBus("c");
    world.put("c", "sub_other", wants("t"));
    await bus("c");
    expect(await seen()).toHaveLength(COUNT);
    expect(world.queries.slice(1).map(({ from, buses }) => [from, buses])).toEqual([
      [0, ["b"]],
      [ROUTES_CHANGES_MAX + 1, ["b"]],
      [2 * ROUTES_CHANGES_MAX + 1, ["b"]],
    ]);
  });

  test("goes on where it stopped when a page failed, and serves nobody half a bus", async () => {
    fill();
    world.mode = "manual";
    const first = expect(bus()).rejects.toThrow(Unavailable);
    await query(0).answer();
    await query(1).fail();
    await first;
    world.mode = "prompt";
    expect(await seen()).toHaveLength(COUNT);
    expect(world.queries.map(({ from }) => from)).toEqual([
      0,
      ...[1, 1, 2].map((page) => page * ROUTES_CHANGES_MAX + 1),
    ]);
  });

  test("goes on where it stopped when its time was up, the page on its way included", async () => {
    fill();
    world.mode = "manual";
    const first = expect(bus()).rejects.toThrow(Unavailable);
    await query(0).answer();
    await clock.advance(ROUTES_LOAD_TIMEOUT_MS);
    await first;
    await query(1).answer();
    expect(sent()).toBe(2);
    world.mode = "prompt";
    expect(await seen()).toHaveLength(COUNT);
    expect(query(2).from).toBe(2 * ROUTES_CHANGES_MAX + 1);
  });

  test("by two requests at once ends with one bus, that both got", async () => {
    fill();
    world.mode = "manual";
    const both = Promise.all([seen(), seen()]);
    for (let index = 0; index < sent(); index++) await query(index).answer();
    for (const ids of await both) expect(ids).toHaveLength(COUNT);
    expect(state.buses.size).toBe(1);
    expect(sent()).toBeLessThanOrEqual(6);
  });

  test("by a request whose answer is the older one does not undo what another loaded", async () => {
    world.mode = "manual";
    const one = seen();
    const two = seen();
    query(0).run();
    world.put("b", "sub_new", wants("t"));
    await query(1).answer();
    await query(0).answer();
    expect([await one, await two, await seen()]).toEqual([["sub_new"], ["sub_new"], ["sub_new"]]);
  });

  test("does not slow the buses that are held, nor is it refreshed with them", async () => {
    world.putBus("c");
    await bus("c");
    fill();
    world.mode = "manual";
    const loading = expect(bus()).rejects.toThrow(Unavailable);
    await query(1).answer();
    await query(2).fail();
    await loading;
    world.mode = "prompt";
    await clock.advance(ROUTES_STALE_MS + 1);
    await bus("c");
    expect(query(-1).buses).toEqual(["c"]);
  });

  test("ends although tombstones were erased long before it began", async () => {
    fill();
    world.drop("b", "sub_none");
    world.purge();
    expect(await seen()).toHaveLength(COUNT);
    expect(sent()).toBe(3);
  });

  test("begins anew when tombstones are erased between two of its pages", async () => {
    fill();
    world.mode = "manual";
    const loading = seen();
    await query(0).answer();
    world.drop("b", "sub_0");
    world.purge();
    world.mode = "prompt";
    await query(1).answer();
    expect(await loading).not.toContain("sub_0");
    expect(query(2).from).toBe(0);
  });
});

describe("a bus that does not exist", () => {
  test("is looked for once in ROUTES_UNKNOWN_MS, and found soon after it was made elsewhere", async () => {
    expect(await bus("new")).toBeNull();
    world.putBus("new");
    await clock.advance(ROUTES_UNKNOWN_MS);
    expect(await bus("new")).toBeNull();
    expect(sent()).toBe(1);
    await clock.advance(1);
    expect(await bus("new")).not.toBeNull();
    expect(await key("any", "other")).toBeNull();
  });

  test("fills no memory, however many are made up", async () => {
    for (let index = 0; index <= 2 * ROUTES_UNKNOWN_BUSES_MAX; index++) await bus(`made-up-${index}`);
    expect(state.buses.size).toBe(0);
    expect(state.unknown.size).toBe(ROUTES_UNKNOWN_BUSES_MAX);
    world.mode = "failing";
    await bus("made-up-x").catch(() => undefined);
    expect(state.buses.size).toBe(0);
  });

  test("is there at once when it is made here", async () => {
    expect(await bus("new")).toBeNull();
    routes.applied(world.putBus("new"));
    expect(await bus("new")).not.toBeNull();
  });

  test("is there at once when it is made here while it is looked for", async () => {
    world.mode = "manual";
    const looking = bus("new");
    query(0).run();
    routes.applied(world.putBus("new"));
    world.mode = "prompt";
    await query(0).answer();
    await looking;
    expect(await bus("new")).not.toBeNull();
  });
});

describe("a bus that is deleted", () => {
  test("is gone with its keys once the deletion is learned, whatever it had", async () => {
    world.grant("b", "key_1");
    await warm();
    world.dropBus("b");
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await bus()).toBeNull();
    expect(await key("hash of key_1")).toBeNull();
  });

  test("is gone at once where it was deleted", async () => {
    await warm();
    routes.applied(world.dropBus("b"));
    expect(await bus()).toBeNull();
  });

  test("gives nothing to the one that takes its name, though this isolate missed both", async () => {
    world.grant("b", "key_1");
    await warm();
    world.dropBus("b");
    world.sweepBus("b");
    world.putBus("b");
    world.put("b", "sub_2", wants("t"));
    world.grant("b", "key_2");
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await seen()).toEqual(["sub_2"]);
    expect(await key("hash of key_1")).toBeNull();
    expect(await key("hash of key_2")).toEqual(grantOf("key_2"));
  });

  test("gives nothing to the one that takes its name, though its tombstone is erased", async () => {
    world.grant("b", "key_1");
    await warm();
    world.dropBus("b");
    world.sweepBus("b");
    world.purge();
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await bus()).toBeNull();
    world.putBus("b");
    await clock.advance(ROUTES_UNKNOWN_MS + 1);
    expect(await seen()).toEqual([]);
    expect(await key("hash of key_1")).toBeNull();
  });

  test("gives nothing to the one that takes its name while its rows are still being loaded", async () => {
    world.put("b", "sub_1", wants("t"));
    world.mode = "manual";
    const loading = seen();
    query(0).run();
    world.dropBus("b");
    world.sweepBus("b");
    routes.applied(world.putBus("b"));
    world.mode = "prompt";
    await query(0).answer();
    await loading;
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await seen()).toEqual([]);
  });
});

describe("what is set", () => {
  test("of a bus, and of a database that is nearly full, is learned like any change", async () => {
    await warm();
    world.putBus("b", { logLevel: "failures", eventBytesMax: 2_000 });
    await clock.advance(ROUTES_STALE_MS + 1);
    expect((await bus())?.rules).toMatchObject({ logLevel: "failures", eventBytesMax: 2_000 });
    expect(await seen()).toEqual(["sub_1"]);
    world.putBus("b");
    world.failuresOnly = true;
    await clock.advance(ROUTES_STALE_MS + 1);
    expect((await bus())?.rules).toMatchObject({ logLevel: "failures", eventBytesMax: EVENT_BYTES_MAX });
    world.failuresOnly = false;
    await clock.advance(ROUTES_STALE_MS + 1);
    expect((await bus())?.rules.logLevel).toBe("all");
  });

  test("of a key is learned like any change", async () => {
    world.grant("b", "key_1");
    await warm();
    const limits = { types: ["a"], allowedOrigins: ["https://a.b"], rateLimit: "low", expiresMs: 5 } as const;
    world.grant("b", "key_1", limits);
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await key("hash of key_1")).toEqual({ ...grantOf("key_1"), ...limits });
  });
});

describe("key()", () => {
  test("answers a key of that bus alone, and none when it is revoked", async () => {
    world.grant("b", "key_1");
    world.putBus("c");
    expect(await key("hash of key_1")).toEqual(grantOf("key_1"));
    expect(await key("hash of key_1", "c")).toBeNull();
    world.revoke("b", "key_1");
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await key("hash of key_1")).toBeNull();
  });

  test("looks for an unknown key unless that was done within ROUTES_UNKNOWN_MS", async () => {
    await warm();
    world.grant("b", "key_1");
    await clock.advance(ROUTES_UNKNOWN_MS);
    expect(await key("hash of key_1")).toBeNull();
    expect(sent()).toBe(1);
    await clock.advance(1);
    expect(await key("hash of key_1")).toMatchObject({ id: "key_1" });
    expect(await key("another")).toBeNull();
    expect(sent()).toBe(2);
  });

  test("while D1 is away knows the known, and does not deny what it cannot look up", async () => {
    world.grant("b", "key_1");
    await warm();
    world.mode = "failing";
    await clock.advance(ROUTES_OUTAGE_MS);
    expect(await key("hash of key_1")).toMatchObject({ id: "key_1" });
    await expect(key("another")).rejects.toThrow(Unavailable);
    world.mode = "manual";
    const hanging = expect(key("another")).rejects.toThrow(Unavailable);
    await clock.advance(ROUTES_QUERY_TIMEOUT_MS);
    await clock.advance(ROUTES_QUERY_TIMEOUT_MS);
    await hanging;
  });
});

describe("rules()", () => {
  test("are those that are held, without a query, whatever their age; null of a bus that is not held", async () => {
    world.putBus("small", { eventBytesMax: 2_000 });
    expect(routes.rules("small")).toBe(null);
    await bus("small");
    const before = sent();
    await clock.advance(10 * ROUTES_OUTAGE_MS);
    expect(routes.rules("small")?.eventBytesMax).toBe(2_000);
    expect(routes.rules("nobody's")).toBe(null);
    expect(sent()).toBe(before);
  });

  test("of a deleted bus are null at once where it was deleted", async () => {
    await bus();
    routes.applied(world.dropBus("b"));
    expect(routes.rules("b")).toBe(null);
  });
});

describe("applied()", () => {
  test("makes a change visible at once, without a query", async () => {
    await warm();
    routes.applied(world.put("b", "sub_2", wants("t")));
    routes.applied(world.drop("b", "sub_1"));
    routes.applied(world.grant("b", "key_1"));
    expect(await seen()).toEqual(["sub_2"]);
    expect(await key("hash of key_1")).not.toBeNull();
    routes.applied(world.revoke("b", "key_1"));
    expect(await key("hash of key_1")).toBeNull();
    expect(sent()).toBe(1);
  });

  test.each([
    ["a deletion", () => world.drop("b", "sub_1"), []],
    ["a new one", () => world.put("b", "sub_2", wants("t")), ["sub_1", "sub_2"]],
    ["a changed one", () => world.put("b", "sub_1", wants("u")), []],
  ])("of %s is not undone by an older answer that comes later", async (_, change, expected) => {
    await warm();
    world.put("b", "sub_1", wants("t", "v"));
    world.mode = "manual";
    await clock.advance(ROUTES_FRESH_MS + 1);
    await bus();
    query(-1).run();
    routes.applied(change());
    await query(-1).answer();
    expect(await seen()).toEqual(expected);
    world.mode = "prompt";
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await seen()).toEqual(expected);
  });

  test("is not undone by the second of two older answers either", async () => {
    await warm();
    world.mode = "manual";
    await clock.advance(ROUTES_FRESH_MS + 1);
    await bus();
    query(1).run();
    world.put("b", "sub_1", wants("t", "u"));
    await clock.advance(ROUTES_FRESH_MS);
    await bus();
    query(2).run();
    routes.applied(world.drop("b", "sub_1"));
    await query(1).answer();
    await query(2).answer();
    expect(await seen()).toEqual([]);
  });

  test("keeps what changed elsewhere before it visible to the next refresh", async () => {
    await warm();
    world.put("b", "sub_elsewhere", wants("t"));
    routes.applied(world.put("b", "sub_here", wants("t")));
    expect(await seen()).toEqual(["sub_1", "sub_here"]);
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await seen()).toEqual(["sub_1", "sub_elsewhere", "sub_here"]);
  });

  test("in the wrong order keeps the later change", async () => {
    await warm();
    const earlier = world.put("b", "sub_1", wants("t"));
    const later = world.drop("b", "sub_1");
    routes.applied(later);
    routes.applied(earlier);
    expect(await seen()).toEqual([]);
  });

  test("during the load of its bus is in what the load answers", async () => {
    world.put("b", "sub_1", wants("t"));
    world.mode = "manual";
    const loading = seen();
    query(0).run();
    routes.applied(world.put("b", "sub_2", wants("t")));
    world.mode = "prompt";
    await query(0).answer();
    expect(await loading).toEqual(["sub_1", "sub_2"]);
  });

  test("leaves no mark once a refresh has passed it", async () => {
    await warm();
    routes.applied(world.drop("b", "sub_1"));
    expect(state.buses.get("b")?.ahead.size).toBe(1);
    await clock.advance(ROUTES_STALE_MS + 1);
    await bus();
    expect(state.buses.get("b")?.ahead.size).toBe(0);
  });
});

describe("lanes", () => {
  const laneOf = async (id = "sub_1") => (await bus())?.laneOf(id);
  const passStale = () => clock.advance(ROUTES_STALE_MS + 1);

  test("are fast until the feed says otherwise, and then what it said last", async () => {
    await warm();
    expect(await laneOf()).toBe("fast");
    expect(await laneOf("sub_unknown")).toBe("fast");
    world.lane("b", "sub_1", "slow");
    expect(await laneOf()).toBe("fast");
    await passStale();
    expect(await laneOf()).toBe("slow");
    world.lane("b", "sub_1", "fast");
    await passStale();
    expect(await laneOf()).toBe("fast");
  });

  test("are in a load, whether the subscription changed after its lane or before", async () => {
    world.put("b", "sub_1", wants("t"));
    world.lane("b", "sub_1", "slow");
    world.put("b", "sub_2", wants("t"));
    world.lane("b", "sub_2", "slow");
    world.put("b", "sub_2", wants("t", "u"));
    expect([await laneOf("sub_1"), await laneOf("sub_2")]).toEqual(["slow", "slow"]);
    expect(await seen()).toEqual(["sub_1", "sub_2"]);
    expect(sent()).toBe(1);
  });

  test("and subscriptions of the same id do not stand in each other's way, whichever is made here", async () => {
    await warm();
    world.lane("b", "sub_1", "slow");
    // Ahead of the lane's change, which is still news when it comes.
    routes.applied(world.put("b", "sub_1", wants("t", "u")));
    expect(await laneOf()).toBe("fast");
    await passStale();
    expect(await laneOf()).toBe("slow");
    world.put("b", "sub_1", wants("v"));
    routes.applied(world.lane("b", "sub_1", "fast"));
    expect([await laneOf(), await seen()]).toEqual(["fast", ["sub_1"]]);
    await passStale();
    expect([await laneOf(), await seen()]).toEqual(["fast", []]);
  });

  test("ahead of the feed are not undone by an older answer, nor by the wrong order", async () => {
    await warm();
    const earlier = world.lane("b", "sub_1", "slow");
    world.mode = "manual";
    await clock.advance(ROUTES_FRESH_MS + 1);
    await bus();
    query(-1).run();
    routes.applied(world.lane("b", "sub_1", "fast"));
    routes.applied(earlier);
    await query(-1).answer();
    expect(await laneOf()).toBe("fast");
    expect(state.buses.get("b")?.ahead.size).toBe(1);
    world.mode = "prompt";
    await passStale();
    expect(await laneOf()).toBe("fast");
    expect(state.buses.get("b")?.ahead.size).toBe(0);
  });

  test("of a refresh that began earlier and ends later are no news", async () => {
    await warm();
    world.lane("b", "sub_1", "slow");
    world.mode = "manual";
    await clock.advance(ROUTES_FRESH_MS + 1);
    await bus();
    query(1).run();
    world.lane("b", "sub_1", "fast");
    await clock.advance(ROUTES_FRESH_MS);
    await bus();
    await query(2).answer();
    await query(1).answer();
    expect(await laneOf()).toBe("fast");
  });

  test("go with their subscription, in memory too", async () => {
    await warm();
    const bytes = () => bytesOf(state.buses.get("b") ?? emptyBus(""));
    const before = bytes();
    routes.applied(world.lane("b", "sub_1", "slow"));
    expect(bytes()).toBe(before + ROUTES_SLOW_BYTES);
    // Told twice, it is held once.
    routes.applied(world.lane("b", "sub_1", "slow"));
    expect(bytes()).toBe(before + ROUTES_SLOW_BYTES);
    routes.applied(world.lane("b", "sub_1", "fast"));
    expect(bytes()).toBe(before);
    routes.applied(world.lane("b", "sub_1", "slow"));
    routes.applied(world.drop("b", "sub_1"));
    expect([await seen(), await laneOf(), bytes() < before]).toEqual([[], "fast", true]);
    expect(bytes()).toBe(bytesOf(emptyBus("")));
  });

  test("of a subscription that is active again begin anew", async () => {
    await warm();
    world.lane("b", "sub_1", "slow");
    world.drop("b", "sub_1");
    await passStale();
    await bus();
    world.put("b", "sub_1", wants("t"));
    await passStale();
    expect([await seen(), await laneOf()]).toEqual([["sub_1"], "fast"]);
  });

  test("are forgotten with a database that was restored to before them", async () => {
    await warm();
    const version = world.version();
    world.lane("b", "sub_1", "slow");
    await passStale();
    expect(await laneOf()).toBe("slow");
    world.restore(version);
    await passStale();
    expect(await laneOf()).toBe("fast");
  });

  test("of one bus say nothing of another's", async () => {
    world.putBus("other");
    world.put("other", "sub_1", wants("t"));
    await warm();
    await bus("other");
    world.lane("b", "sub_1", "slow");
    await passStale();
    expect([await laneOf(), (await bus("other"))?.laneOf("sub_1")]).toEqual(["slow", "fast"]);
  });
});

describe("answers out of order", () => {
  test("a refresh that began earlier and ends later moves nothing backward", async () => {
    await warm();
    world.put("b", "sub_1", wants("t", "u"));
    world.mode = "manual";
    await clock.advance(ROUTES_FRESH_MS + 1);
    await bus();
    query(1).run();
    world.drop("b", "sub_1");
    world.put("b", "sub_2", wants("t"));
    await clock.advance(ROUTES_FRESH_MS);
    await bus();
    await query(2).answer();
    const { version, checkedMs } = state.buses.get("b") ?? {};
    await query(1).answer();
    expect(state.buses.get("b")).toMatchObject({ version, checkedMs });
    expect(await seen()).toEqual(["sub_2"]);
  });
});

describe("erased tombstones", () => {
  test("make an isolate that knows less load from the beginning", async () => {
    world.put("b", "sub_2", wants("t"));
    await warm();
    world.drop("b", "sub_1");
    world.purge();
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await seen()).toEqual(["sub_2"]);
    expect(query(-1).from).toBe(0);
    expect(warnings()).toEqual(["routes.reloaded"]);
  });

  test("that were seen change nothing", async () => {
    await warm();
    world.drop("b", "sub_1");
    await clock.advance(ROUTES_STALE_MS + 1);
    await bus();
    world.purge();
    await clock.advance(ROUTES_STALE_MS + 1);
    expect(await seen()).toEqual([]);
    expect(query(-1).from).toBeGreaterThan(0);
  });
});

test("a database that was restored to an earlier time is loaded from the beginning", async () => {
  await warm();
  const version = world.version();
  routes.applied(world.put("b", "sub_undone", wants("t")));
  await clock.advance(ROUTES_STALE_MS + 1);
  await bus();
  world.restore(version);
  await clock.advance(ROUTES_STALE_MS + 1);
  expect(await seen()).toEqual(["sub_1"]);
});

test("so is a bus that is known further than others that this isolate loaded since", async () => {
  world.putBus("later");
  await warm();
  const version = world.version();
  routes.applied(world.put("b", "sub_undone", wants("t")));
  await clock.advance(ROUTES_STALE_MS + 1);
  await bus();
  world.restore(version);
  // As old as the restored database, so that the next query begins where the counter is.
  await bus("later");
  await clock.advance(ROUTES_STALE_MS + 1);
  expect(await seen()).toEqual(["sub_1"]);
});

describe("memory", () => {
  /** A subscription that is estimated at a hundredth of all memory. */
  const large = { ...wants("t"), source: "/".repeat(ROUTES_BYTES_MAX / 100 / ROUTES_CHAR_BYTES) };

  async function load(name: string, subscriptions: number): Promise<void> {
    world.putBus(name);
    for (let index = 0; index < subscriptions; index++) world.put(name, `sub_${name}${index}`, large);
    await bus(name);
  }

  test("is bounded: the least recently used bus goes, and is loaded again when it is asked for", async () => {
    await load("one", 33);
    await load("two", 33);
    await load("three", 32);
    expect([...state.buses.keys()]).toEqual(["one", "two", "three"]);
    await bus("one");
    await load("four", 10);
    expect([...state.buses.keys()]).toEqual(["three", "one", "four"]);
    const before = sent();
    expect(takers(await bus("two"), "none")).toEqual([]);
    expect(sent()).toBe(before + 1);
    expect([...state.buses.keys()]).toEqual(["one", "four", "two"]);
  });

  test("is given back by what is changed and deleted", async () => {
    await load("one", 3);
    const bytesOfBus = (name: string) => bytesOf(state.buses.get(name) ?? emptyBus(""));
    const bytes = bytesOfBus("one");
    routes.applied(world.put("one", "sub_one0", large));
    expect(bytesOfBus("one")).toBe(bytes);
    for (const index of [0, 1, 2]) routes.applied(world.drop("one", `sub_one${index}`));
    routes.applied(world.revoke("one", "key_none"));
    await load("empty", 0);
    expect(bytesOfBus("one")).toBe(bytesOfBus("empty"));
  });

  test("holds the bus in use, whatever its size", async () => {
    await load("small", 1);
    await load("huge", 101);
    expect([...state.buses.keys()]).toEqual(["huge"]);
    const before = sent();
    await bus("huge");
    expect(sent()).toBe(before);
  });
});

test("nothing that belongs to a request is kept between requests", async () => {
  await warm();
  world.mode = "manual";
  await clock.advance(ROUTES_STALE_MS + 1);
  void bus().catch(() => undefined);
  await settle();
  const values = [...Object.values(state), ...[...state.buses.values()].flatMap((held) => Object.values(held))];
  expect(values.filter((value) => value instanceof Promise)).toEqual([]);
});

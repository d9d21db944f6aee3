import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { DEFAULT_BUS_SETTINGS } from "../../src/core/bus.ts";
import { BUS_NAME_REST_MS, ROUTES_CHANGES_MAX } from "../../src/core/limits.ts";
import type { Subscription } from "../../src/core/subscription.ts";
import { d1Buses } from "../../src/d1/buses.ts";
import { d1Changes } from "../../src/d1/changes.ts";
import { d1Keys } from "../../src/d1/keys.ts";
import { d1Subscriptions } from "../../src/d1/subscriptions.ts";
import { Unavailable } from "../../src/ports.ts";
import { noteFor, plainKey } from "../fake-stores.ts";
import { watched } from "./watched-db.ts";

const db = env.DB;
const feed = d1Changes({ db });
const keys = d1Keys({ db });
const sealed = { seal: () => Promise.resolve("sealed"), open: () => Promise.resolve("{}") };
const subscriptions = d1Subscriptions({
  db,
  vault: sealed,
  random: { bytes: (count) => new Uint8Array(count), fraction: () => 0 },
});
const NOW = 1_800_000_000_000;

const newBus = async (bus: string) => {
  const options = { settings: DEFAULT_BUS_SETTINGS, now: NOW, note: noteFor("bus.created") };
  const answer = await d1Buses({ db }).create(bus, options);
  if (typeof answer === "string") throw new Error(`Not made: ${answer}`);
  return answer.bus;
};

const subscription = (bus: string, id: string): Omit<Subscription, "version"> => ({
  id,
  bus,
  name: null,
  status: "active",
  disabledReason: null,
  createdMs: NOW,
  updatedMs: NOW,
  sink: "https://a.example/",
  format: "binary",
  headers: {},
  timeoutMs: 1_000,
  secrets: [],
  retry: { scheduleSeconds: [], permanent: [] },
  pace: { rate: null, concurrency: null },
  types: ["a"],
  source: null,
  filters: [],
});

async function created(bus: string, id: string) {
  const stored = await subscriptions.create(subscription(bus, id), noteFor("subscription.created"));
  if (typeof stored === "string") throw new Error(`Not made: ${stored}`);
  return stored.subscription;
}

const WANTED = '{"types":["a"],"source":null,"filters":[]}';

const at = (expected: number) => ({ expected, now: NOW, note: noteFor("subscription.changed") });

describe("since()", () => {
  test("answers each kind of change of the buses asked for, oldest first, and no other's", async () => {
    const { version: busVersion } = await newBus("one");
    await newBus("other");
    await created("other", "sub_other");
    const kept = await created("one", "sub_kept");
    const paused = await created("one", "sub_paused");
    const paused2 = await subscriptions.replace({ ...paused, status: "paused" }, at(paused.version));
    const gone = await created("one", "sub_gone");
    const deletion = await subscriptions.delete("one", gone.id, at(gone.version));
    const limits = {
      scopes: ["publish"],
      types: ["order.*"],
      allowedOrigins: ["https://shop.example.com"],
      rateLimit: "low",
      expiresMs: NOW + 5,
    } as const;
    const grant = { id: "key_1", hash: "h1", ...limits };
    const key = await keys.create(plainKey({ ...grant, bus: "one" }), noteFor("key.created"));
    const second = await keys.create(plainKey({ id: "key_2", hash: "h2", bus: "one" }), noteFor("key.created"));
    const revoked = await keys.revoke("one", "key_2", at(typeof second === "string" ? 0 : second.version));

    const { changes, version, purgedVersion } = await feed.since(0, ["one", "unknown"]);
    const bus = "one";
    expect(changes).toEqual([
      { kind: "bus", version: busVersion, bus, createdMs: NOW, settings: DEFAULT_BUS_SETTINGS },
      { kind: "bus", version: busVersion, bus, createdMs: NOW, settings: DEFAULT_BUS_SETTINGS },
      { kind: "subscription", version: kept.version, bus, id: "sub_kept", wanted: WANTED },
      paused2?.change,
      deletion,
      { kind: "key", version: typeof key === "string" ? 0 : key.version, bus, id: "key_1", grant },
      { kind: "key", version: revoked, bus, id: "key_2", grant: null },
    ]);
    expect({ version, purgedVersion }).toEqual({ version: revoked, purgedVersion: 0 });
    expect((await feed.since(kept.version, ["one"])).changes).toEqual(changes.slice(3));
    expect((await feed.since(version, ["one"])).changes).toEqual([]);
    expect((await feed.since(0, [])).changes).toEqual([]);
  });

  test("tells settings of a bus, its deletion, and one that was made in its place, apart", async () => {
    const buses = d1Buses({ db });
    const made = await newBus("again");
    const settings = { retentionDays: 3, logLevel: "failures", eventBytesMax: 2_000, requestBytesMax: 3_000 } as const;
    const note = noteFor("bus.changed");
    const set = await buses.replace("again", { settings, expected: made.version, now: NOW, note });
    const bus = { kind: "bus", bus: "again", createdMs: NOW } as const;
    expect((await feed.since(made.version, ["again"])).changes).toEqual([{ ...bus, version: set?.version, settings }]);
    const deletion = { expected: set?.version ?? 0, now: NOW, note: noteFor("bus.deleted") };
    const version = await buses.delete("again", deletion);
    expect((await feed.since(made.version, ["again"])).changes).toEqual([{ ...bus, version, settings: null }]);
    const now = NOW + BUS_NAME_REST_MS;
    const again = await buses.create("again", { settings: DEFAULT_BUS_SETTINGS, now, note: noteFor("bus.created") });
    const remade = typeof again === "string" ? null : again.bus.version;
    expect((await feed.since(made.version, ["again"])).changes).toEqual([
      { ...bus, version: remade, createdMs: now, settings: DEFAULT_BUS_SETTINGS },
    ]);
  });

  test("tells the successor of a key and the end of its former as two changes", async () => {
    await newBus("rotated");
    const former = await keys.create(plainKey({ id: "key_3", hash: "h3", bus: "rotated" }), noteFor("key.created"));
    const { version } = typeof former === "string" ? { version: 0 } : former;
    const notes = { created: noteFor("key.created"), rotated: noteFor("key.rotated") };
    const successor = plainKey({ id: "key_4", hash: "h4", bus: "rotated" });
    await keys.rotate(successor, { id: "key_3", expected: version, untilMs: NOW + 9, notes });
    expect((await feed.since(version, ["rotated"])).changes).toMatchObject([
      { id: "key_4", version: version + 1, grant: { hash: "h4", expiresMs: null } },
      { id: "key_3", version: version + 2, grant: { hash: "h3", expiresMs: NOW + 9 } },
    ]);
  });

  test("says that the database is nearly full", async () => {
    expect((await feed.since(0, [])).failuresOnly).toBe(false);
    await db.exec("UPDATE meta SET failures_only = 1");
    expect((await feed.since(0, [])).failuresOnly).toBe(true);
    await db.exec("UPDATE meta SET failures_only = 0");
  });

  test("shows no change when a change changed nothing, but the counter went on", async () => {
    const before = await feed.since(0, ["default"]);
    expect(await subscriptions.delete("default", "sub_none", at(1))).toBeNull();
    expect(await feed.since(0, ["default"])).toEqual({ ...before, version: before.version + 1 });
  });

  test("answers at most ROUTES_CHANGES_MAX, and all of them page by page", async () => {
    await newBus("large");
    const first = (await feed.since(0, [])).version;
    const count = 2 * ROUTES_CHANGES_MAX + 1;
    await db.batch([
      db
        .prepare(
          `INSERT INTO subscriptions (bus, id, version, status, sink, format, timeout_ms, created_ms, updated_ms, retry, wanted, secrets, headers)
           WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
           SELECT 'large', printf('sub_%05d', i), ?1 + i, 'active', '', 'binary', 1000, 0, 0, '{}', '{}', '', '' FROM n`,
        )
        .bind(first, count),
      db.prepare("UPDATE meta SET version = version + ?1").bind(count),
    ]);
    const ids: string[] = [];
    const sizes: number[] = [];
    let from = first;
    for (;;) {
      const { changes } = await feed.since(from, ["large"]);
      sizes.push(changes.length);
      ids.push(...changes.map((change) => ("id" in change ? change.id : "")));
      const last = changes.at(-1);
      if (changes.length < ROUTES_CHANGES_MAX || last === undefined) break;
      from = last.version;
    }
    expect(sizes).toEqual([ROUTES_CHANGES_MAX, ROUTES_CHANGES_MAX, 1]);
    expect(new Set(ids).size).toBe(count);
  });

  test("is answered by the version indexes: nothing is scanned or sorted, and what is known is not read again", async () => {
    const { db: reading, plans, rowsRead } = watched(db);
    const reader = d1Changes({ db: reading });
    const { version } = await reader.since(0, ["large", "one"]);
    rowsRead();
    await reader.since(version, ["large", "one"]);
    expect(rowsRead()).toBeLessThan(20);
    const lines = await plans();
    for (const table of ["buses", "subscriptions", "keys"])
      expect(lines).toContainEqual(
        expect.stringMatching(new RegExp(`^SEARCH ${table} USING .*INDEX ${table}_version`)),
      );
    expect(lines.filter((line) => /^SCAN (?!json_each|meta)|TEMP B-TREE/.test(line))).toEqual([]);
  });

  test("throws Unavailable when the database is away", async () => {
    const cause = new Error("D1_ERROR: D1 DB is overloaded. Requests queued for too long.");
    const away = new Proxy(db, {
      get: (target, name) => (name === "batch" ? () => Promise.reject(cause) : Reflect.get(target, name, target)),
    });
    const failure = await d1Changes({ db: away })
      .since(0, ["default"])
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(failure).toHaveProperty("cause", cause);
  });
});

import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { DEFAULT_BUS_SETTINGS } from "../../src/core/bus.ts";
import { KEYS_PER_BUS_MAX, LIST_ROWS_READ_MAX, LIST_SCAN_ROWS_MAX } from "../../src/core/limits.ts";
import { d1Audit } from "../../src/d1/audit.ts";
import { d1Buses } from "../../src/d1/buses.ts";
import { d1Keys } from "../../src/d1/keys.ts";
import { noteFor, plainKey } from "../fake-stores.ts";
import { testKeyStore } from "../key-store-suite.ts";
import { watched } from "./watched-db.ts";

const db = env.DB;
const store = d1Keys({ db });
const buses = d1Buses({ db });
const NOW = 1_800_000_000_000;
const ROOM = 10;

let made = 0;
async function newBus(): Promise<string> {
  const bus = `keys-${++made}`;
  await buses.create(bus, { settings: DEFAULT_BUS_SETTINGS, now: NOW, note: noteFor("bus.created") });
  return bus;
}

const setCount = (bus: string, keys: number) =>
  db.prepare("UPDATE buses SET keys = ?2 WHERE bus = ?1").bind(bus, keys).run();

describe("as every store", () => {
  testKeyStore(() => ({
    store,
    room: ROOM,
    async newBus() {
      const bus = await newBus();
      await setCount(bus, KEYS_PER_BUS_MAX - ROOM);
      return bus;
    },
    counted: async (bus) => ((await buses.get(bus))?.keys ?? 0) - (KEYS_PER_BUS_MAX - ROOM),
    async deleteBus(bus) {
      const expected = (await buses.get(bus))?.version ?? 0;
      await buses.delete(bus, { expected, now: NOW, note: noteFor("bus.deleted") });
    },
    audited: async (bus, id) =>
      (await d1Audit({ db }).list(bus, { target: id }, { limit: 200, before: null })).rows.toReversed(),
  }));
});

test("a revoked key leaves a tombstone without its hash", async () => {
  const bus = await newBus();
  const given = plainKey({ id: "key_1", hash: "hash", bus, name: "ci", types: ["a"] });
  const stored = await store.create(given, noteFor("key.created"));
  const expected = typeof stored === "string" ? 0 : stored.version;
  const version = await store.revoke(bus, "key_1", { expected, now: NOW + 7, note: noteFor("key.revoked") });
  const row = await db.prepare("SELECT * FROM keys WHERE bus = ? AND id = 'key_1'").bind(bus).first();
  const emptied = { hash: "", name: null, types: null, allowed_origins: null };
  expect(row).toMatchObject({ status: "deleted", ...emptied, version, updated_ms: NOW + 7 });
  expect(version).toBe(await db.prepare("SELECT version FROM meta").first("version"));
});

test("list() reads a bounded number of rows, however many tombstones lie between", async () => {
  const bus = await newBus();
  const oldest = await store.create(plainKey({ id: "key_0", hash: "hash", bus }), noteFor("key.created"));
  await db
    .prepare(
      `INSERT INTO keys (bus, id, version, status, hash, scopes, created_ms, updated_ms)
       WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
       SELECT ?1, printf('key_t%025d', i), 1, 'deleted', '', '[]', 0, 0 FROM n`,
    )
    .bind(bus, LIST_SCAN_ROWS_MAX)
    .run();
  const { db: reading, rowsRead } = watched(db);
  const first = await d1Keys({ db: reading }).list(bus, { limit: 200, before: null });
  expect(rowsRead()).toBeLessThanOrEqual(LIST_ROWS_READ_MAX);
  expect(first.rows).toEqual([]);
  expect((await store.list(bus, { limit: 200, before: first.next })).rows).toEqual([oldest]);
});

test("no statement of keys and buses searches row by row", async () => {
  const { db: reading, plans } = watched(db);
  const watchedKeys = d1Keys({ db: reading });
  const bus = await newBus();
  const stored = await watchedKeys.create(plainKey({ id: "key_5", hash: "h5", bus }), noteFor("key.created"));
  if (typeof stored === "string") throw new Error(stored);
  const change = { expected: stored.version, now: NOW, note: noteFor("key.changed") };
  await watchedKeys.replace(stored, change);
  await watchedKeys.used(bus, "key_5", NOW);
  await watchedKeys.list(bus, { limit: 5, before: null });
  const notes = { created: noteFor("key.created"), rotated: noteFor("key.rotated") };
  const expected = (await watchedKeys.get(bus, "key_5"))?.version ?? 0;
  await watchedKeys.rotate(plainKey({ id: "key_6", hash: "h6", bus }), { id: "key_5", expected, untilMs: NOW, notes });
  await watchedKeys.revoke(bus, "key_5", change);
  const watchedBuses = d1Buses({ db: reading });
  const settings = DEFAULT_BUS_SETTINGS;
  await watchedBuses.get(bus);
  await watchedBuses.list({ limit: 5, after: null });
  await watchedBuses.replace(bus, { settings, expected: 0, now: NOW, note: noteFor("bus.changed") });
  await watchedBuses.delete(bus, { expected: 0, now: NOW, note: noteFor("bus.deleted") });
  const scans = (await plans()).filter((line) => /^SCAN (?!meta|ending|CONSTANT|\(subquery|\d)/.test(line));
  expect(scans).toEqual([]);
});

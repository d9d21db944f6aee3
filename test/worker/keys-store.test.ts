import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { timeOrderedId } from "../../src/core/ids.ts";
import { KEYS_PER_BUS_MAX, LIST_ROWS_READ_MAX, LIST_SCAN_ROWS_MAX } from "../../src/core/limits.ts";
import { d1Buses } from "../../src/d1/buses.ts";
import { d1Keys } from "../../src/d1/keys.ts";
import type { Key } from "../../src/ports.ts";
import { watched } from "./watched-db.ts";

const db = env.DB;
const store = d1Keys({ db });
const NOW = 1_800_000_000_000;

let buses = 0;
async function newBus(): Promise<string> {
  const bus = `keys-${++buses}`;
  await d1Buses({ db }).put(bus, NOW);
  return bus;
}

let made = 0;
function key(bus: string): Omit<Key, "version"> {
  const id = `key_${timeOrderedId(NOW + ++made, crypto.getRandomValues(new Uint8Array(10)))}`;
  return { id, bus, hash: `hash-${made}`, name: "ci", scopes: ["publish", "read"], createdMs: NOW };
}

async function created(bus: string): Promise<Key> {
  const stored = await store.create(key(bus));
  if (stored === "limit-reached") throw new Error("The bus is full");
  return stored;
}

const rowOf = (bus: string, id: string) =>
  db.prepare("SELECT * FROM keys WHERE bus = ? AND id = ?").bind(bus, id).first();
const counted = (bus: string) => db.prepare("SELECT keys FROM buses WHERE bus = ?").bind(bus).first<number>("keys");
const setCount = (bus: string, count: number) =>
  db.prepare("UPDATE buses SET keys = ?2 WHERE bus = ?1").bind(bus, count).run();
const counter = () => db.prepare("SELECT version FROM meta").first<number>("version");

describe("create()", () => {
  test("reads every column back as it was given", async () => {
    const bus = await newBus();
    const given = { ...key(bus), name: null, scopes: [] };
    const stored = await store.create(given);
    expect(stored).toEqual({ ...given, version: await counter() });
    expect(await store.get(bus, given.id)).toEqual(stored);
    const named = await created(bus);
    expect(await store.get(bus, named.id)).toEqual(named);
  });

  test("repeated with the same id answers the same version and counts once", async () => {
    const bus = await newBus();
    const given = key(bus);
    const first = await store.create(given);
    expect(await store.create(given)).toEqual(first);
    expect(await counted(bus)).toBe(1);
  });

  test("fills a bus up to its limit, never past it, and leaves nothing of what is refused", async () => {
    const bus = await newBus();
    await setCount(bus, KEYS_PER_BUS_MAX - 2);
    const answers = await Promise.all(Array.from({ length: 9 }, () => store.create(key(bus))));
    expect(answers.filter((answer) => answer !== "limit-reached")).toHaveLength(2);
    expect(await counted(bus)).toBe(KEYS_PER_BUS_MAX);
    const over = key(bus);
    expect(await store.create(over)).toBe("limit-reached");
    expect(await rowOf(bus, over.id)).toBeNull();
  });
});

describe("revoke()", () => {
  test("leaves a tombstone without the hash, that no read shows", async () => {
    const { bus, id } = await created(await newBus());
    const version = await store.revoke(bus, id, NOW + 7);
    expect(version).toBe(await counter());
    expect(await rowOf(bus, id)).toMatchObject({
      status: "deleted",
      hash: "",
      name: null,
      version,
      updated_ms: NOW + 7,
    });
    expect(await store.get(bus, id)).toBeNull();
    expect(await store.list(bus, { limit: 10, before: null })).toEqual({ rows: [], next: null });
  });

  test("counts once, whoever repeats it, and makes room for another", async () => {
    const bus = await newBus();
    const { id } = await created(bus);
    await setCount(bus, KEYS_PER_BUS_MAX);
    const answers = await Promise.all(Array.from({ length: 6 }, () => store.revoke(bus, id, NOW)));
    expect(answers.filter((version) => version !== null)).toHaveLength(1);
    expect(await store.revoke(bus, id, NOW)).toBeNull();
    expect(await counted(bus)).toBe(KEYS_PER_BUS_MAX - 1);
    expect(await store.create(key(bus))).not.toBe("limit-reached");
  });

  test("of one bus does not reach another's", async () => {
    const { bus, id } = await created(await newBus());
    expect(await store.revoke(await newBus(), id, NOW)).toBeNull();
    expect(await store.get(bus, id)).not.toBeNull();
  });
});

describe("list()", () => {
  test("pages newest first and ends without a next", async () => {
    const bus = await newBus();
    const all = [await created(bus), await created(bus), await created(bus)];
    const first = await store.list(bus, { limit: 2, before: null });
    expect(first.rows).toEqual([all[2], all[1]]);
    expect(await store.list(bus, { limit: 2, before: first.next })).toEqual({ rows: [all[0]], next: null });
  });

  test("reads a bounded number of rows, however many tombstones lie between", async () => {
    const bus = await newBus();
    const oldest = await created(bus);
    await db
      .prepare(
        `INSERT INTO keys WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
         SELECT ?1, printf('key_t%025d', i), 1, 'deleted', '', NULL, '[]', 0, 0 FROM n`,
      )
      .bind(bus, LIST_SCAN_ROWS_MAX)
      .run();
    const { db: reading, rowsRead } = watched(db);
    const first = await d1Keys({ db: reading }).list(bus, { limit: 200, before: null });
    expect(rowsRead()).toBeLessThanOrEqual(LIST_ROWS_READ_MAX);
    expect(first.rows).toEqual([]);
    expect((await store.list(bus, { limit: 200, before: first.next })).rows).toEqual([oldest]);
  });
});

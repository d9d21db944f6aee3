import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { DEFAULT_BUS_SETTINGS, type BusSettings } from "../../src/core/bus.ts";
import { BUS_NAME_REST_MS, BUSES_MAX, LIST_ROWS_READ_MAX, LIST_SCAN_ROWS_MAX } from "../../src/core/limits.ts";
import { d1Audit } from "../../src/d1/audit.ts";
import { d1Buses } from "../../src/d1/buses.ts";
import type { Bus } from "../../src/ports.ts";
import { noteFor } from "../fake-stores.ts";
import { watched } from "./watched-db.ts";

const db = env.DB;
const store = d1Buses({ db });
const NOW = 1_800_000_000_000;
const SETTINGS: BusSettings = { retentionDays: 3, logLevel: "failures", eventBytesMax: 2_000, requestBytesMax: 3_000 };

const run = (sql: string, ...values: unknown[]) =>
  db
    .prepare(sql)
    .bind(...values)
    .run();
const countBuses = () => db.prepare("SELECT count(*) AS count FROM buses").first<number>("count");
const counter = () => db.prepare("SELECT version FROM meta").first<number>("version");
const make = (bus: string, now = NOW, settings = DEFAULT_BUS_SETTINGS) =>
  store.create(bus, { settings, now, note: noteFor("bus.created") });
const actions = async (target: string) =>
  (await d1Audit({ db }).list("default", { target }, { limit: 200, before: null })).rows.map(({ action }) => action);

async function made(bus: string, settings = DEFAULT_BUS_SETTINGS): Promise<Bus> {
  const answer = await make(bus, NOW, settings);
  if (typeof answer === "string") throw new Error(`Not made: ${answer}`);
  return answer.bus;
}

const gone = (bus: string, expected: number) => store.delete(bus, { expected, now: NOW, note: noteFor("bus.deleted") });

describe("create()", () => {
  test("makes a bus once, reads every column back, and answers it ever after", async () => {
    const first = await make("staging", NOW, SETTINGS);
    const times = { createdMs: NOW, updatedMs: NOW, version: await counter() };
    const bus = { bus: "staging", settings: SETTINGS, subscriptions: 0, keys: 0, ...times };
    expect(first).toEqual({ bus, created: true });
    expect(await make("staging", NOW + 5)).toEqual({ bus, created: false });
    expect(await store.get("staging")).toEqual(bus);
    expect(await actions("staging")).toEqual(["bus.created"]);
  });

  test("of many at once makes one, says so to one, and notes it once", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => make("raced", NOW + index)));
    expect(answers.filter((answer) => typeof answer === "object" && answer.created)).toHaveLength(1);
    const times = answers.map((answer) => (typeof answer === "string" ? answer : answer.bus.createdMs));
    expect(new Set(times).size).toBe(1);
    expect(await actions("raced")).toEqual(["bus.created"]);
  });

  test("of the bus that every installation has makes nothing", async () => {
    expect(await make("default")).toMatchObject({ bus: { bus: "default", version: 1 }, created: false });
  });

  test("in place of a deleted bus waits until nothing of it is left, and makes another one then", async () => {
    const first = await made("phoenix", SETTINGS);
    await run("UPDATE buses SET subscriptions = 1, keys = 1 WHERE bus = 'phoenix'");
    expect(await gone("phoenix", first.version)).toBe(await counter());
    const freeMs = NOW + BUS_NAME_REST_MS;
    expect(await make("phoenix", freeMs - 1)).toBe("being-deleted");
    for (const [sql, table] of [
      [
        `INSERT INTO subscriptions (bus, id, version, status, sink, format, timeout_ms, created_ms, updated_ms, retry, wanted, secrets, headers)
         SELECT 'phoenix', 's', 1, 'deleted', '', 'binary', 1, 0, 0, '', '', '', ''`,
        "subscriptions",
      ],
      [
        "INSERT INTO keys (bus, id, version, status, hash, scopes, created_ms, updated_ms) SELECT 'phoenix', 'k', 1, 'deleted', '', '[]', 0, 0",
        "keys",
      ],
      [
        "INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type) SELECT 'phoenix', '1', 'e', '', 0, 0, 0, 0, '', '', ''",
        "events",
      ],
      [
        "INSERT INTO deliveries (bus, seq, subscription_id, state, attempt, tries) SELECT 'phoenix', '1', 's', 'delivered', 1, 1",
        "deliveries",
      ],
      ["INSERT INTO audit (bus, id, at_ms, actor, action, target) SELECT 'phoenix', 'a', 0, '', '', ''", "audit"],
      ["INSERT INTO erasures (event_id, bus, erased_ms) SELECT 'e', 'phoenix', 0", "erasures"],
      [
        "INSERT INTO idempotency (bus, actor, key, fingerprint, began_ms, seed) SELECT 'phoenix', '', '', '', 0, ''",
        "idempotency",
      ],
    ] as const) {
      await run(sql);
      expect(await make("phoenix", freeMs), table).toBe("being-deleted");
      await run(`DELETE FROM ${table} WHERE bus = 'phoenix'`);
    }
    const times = { createdMs: freeMs, updatedMs: freeMs };
    const bus = { bus: "phoenix", settings: DEFAULT_BUS_SETTINGS, subscriptions: 0, keys: 0, ...times };
    const again = await make("phoenix", freeMs);
    expect(again).toEqual({ bus: { ...bus, version: await counter() }, created: true });
    expect(await actions("phoenix")).toEqual(["bus.created", "bus.deleted", "bus.created"]);
    expect(await store.get("phoenix")).toMatchObject(times);
  });
});

describe("replace() and delete()", () => {
  test("lose together to whoever was faster, and note what was made alone", async () => {
    const { version } = await made("contested");
    const changes = Array.from({ length: 6 }, () =>
      store.replace("contested", { settings: SETTINGS, expected: version, now: NOW + 1, note: noteFor("bus.changed") }),
    );
    const won = (await Promise.all([...changes, gone("contested", version - 1)])).filter((answer) => answer !== null);
    expect(won).toHaveLength(1);
    expect(await store.get("contested")).toEqual(won[0]);
    expect(won[0]).toMatchObject({ settings: SETTINGS, createdMs: NOW, updatedMs: NOW + 1 });
    expect(await actions("contested")).toEqual(["bus.changed", "bus.created"]);
  });

  test("a deleted bus is not read, listed, changed or deleted again", async () => {
    const { version } = await made("over");
    const deletion = await gone("over", version);
    expect(await store.get("over")).toBeNull();
    expect((await store.list({ limit: 200, after: "oveq" })).rows.map(({ bus }) => bus)).not.toContain("over");
    const options = { settings: SETTINGS, expected: deletion ?? 0, now: NOW, note: noteFor("bus.changed") };
    expect(await store.replace("over", options)).toBeNull();
    expect(await gone("over", deletion ?? 0)).toBeNull();
    expect(await actions("over")).toEqual(["bus.deleted", "bus.created"]);
  });
});

test("database() answers what the size guard wrote", async () => {
  expect(await store.database()).toEqual({ bytes: 0, failuresOnly: false, shortenedMs: 0 });
  await run("UPDATE meta SET database_bytes = 5, failures_only = 1, shortened_ms = 7");
  expect(await store.database()).toEqual({ bytes: 5, failuresOnly: true, shortenedMs: 7 });
});

describe("with as many buses as there can be", () => {
  const fill = (prefix: string, status: string, count: number) =>
    run(
      `INSERT INTO buses (bus, version, created_ms, updated_ms, status)
       WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3) SELECT ?1 || i, 1, 0, 0, ?2 FROM n`,
      prefix,
      status,
      count,
    );

  test("create() makes buses up to the limit, deleted ones not counted, and still answers those there are", async () => {
    const living =
      (await db.prepare("SELECT count(*) AS n FROM buses WHERE status = 'active'").first<number>("n")) ?? 0;
    await fill("filler-", "active", BUSES_MAX - living - 1);
    await fill("dead-", "deleted", 3);
    expect(await make("last-one")).toMatchObject({ created: true });
    const before = await countBuses();
    expect(await make("one-more")).toBe("limit-reached");
    expect(await make("dead-1")).toBe("limit-reached");
    expect(await make("last-one")).toMatchObject({ created: false });
    expect(await countBuses()).toBe(before);
  });

  test("list() goes through all by name, page by page, while others come and go", async () => {
    const names: string[] = [];
    let after: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof store.list>> = await store.list({ limit: 200, after });
      names.push(...page.rows.map(({ bus }) => bus));
      after = page.next;
      // One that is made before the place is not shown, one behind it is; what is deleted behind it is passed over.
      if (names.length === 200) {
        await run("DELETE FROM buses WHERE bus = 'filler-9998' OR bus = 'filler-1'");
        await run(
          "INSERT INTO buses (bus, version, created_ms, updated_ms) VALUES ('0-new', 1, 0, 0), ('z-new', 1, 0, 0)",
        );
      }
    } while (after !== null);
    expect(names).toEqual(names.toSorted());
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("z-new");
    expect(names).not.toContain("0-new");
    expect(names).not.toContain("dead-1");
  });

  test("list() reads a bounded number of rows, however many tombstones lie between", async () => {
    await fill("a-dead-", "deleted", LIST_SCAN_ROWS_MAX);
    const { db: reading, rowsRead } = watched(db);
    const first = await d1Buses({ db: reading }).list({ limit: 200, after: "a" });
    expect(rowsRead()).toBeLessThanOrEqual(LIST_ROWS_READ_MAX);
    expect(first.rows).toEqual([]);
    expect(first.next).not.toBeNull();
    expect((await store.list({ limit: 1, after: first.next })).rows).toHaveLength(1);
  });
});

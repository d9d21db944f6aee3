// How D1 answers what is sent to it: with 20,000 events on record nothing is searched row by row, and nothing reads more than its share.
import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import { decodeBase64 } from "../../src/core/base64.ts";
import { timeOrderedId } from "../../src/core/ids.ts";
import {
  AUDIT_KEPT_MS,
  AUDIT_MARGIN_MS,
  ERASURE_KEPT_MS,
  IDEMPOTENCY_KEPT_MS,
  KEY_EXPIRED_KEPT_MS,
  LEASE_MS,
  SWEEP_GRACE_MS,
  TOMBSTONE_MS,
} from "../../src/core/limits.ts";
import { createVault } from "../../src/core/vault.ts";
import { d1Log } from "../../src/d1/log.ts";
import { sink } from "../sink-client.ts";
import { type Executed, flakyDb } from "./flaky-db.ts";
import { run } from "./records.ts";
import { createTestRouter } from "./router.ts";

const EVENTS = 20_000;
const SUBSCRIPTIONS = 500;
const KEYS = 400;
const HELD = 3_000;
const BATCH = 25;
/** Rows that a statement may read when it claims, settles or wakes BATCH deliveries: ten for each. */
const READ_MAX = 10 * BATCH;
const DAY_MS = 86_400_000;

/** Numbers from 0 on, as the rows of a statement that takes its name. */
const NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1 - 1)";

/** Events with two finished deliveries each, accepted within the hour, every tenth by reference. */
async function fill(): Promise<void> {
  const seq = timeOrderedId(Date.now() - 3_600_000, new Uint8Array(10)).slice(0, 16);
  await run(
    `${NUMBERS} INSERT INTO subscriptions (bus, id, version, status, sink, format, timeout_ms, created_ms, updated_ms, retry, wanted, secrets, headers)
     SELECT 'default', printf('sub_%026d', n), n + 2, 'paused', '', 'structured', 1000, 0, 0, '', '{}', '', '' FROM numbers`,
    SUBSCRIPTIONS,
  );
  await run(
    `${NUMBERS} INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type, body)
     SELECT 'default', ?2 || printf('%010d', n), 'evt_' || printf('%026d', n), 'r', 0, 0, 2, 2, n, '/filled', 'filled', iif(n % 10, '{}', NULL) FROM numbers`,
    EVENTS,
    seq,
  );
  await run(
    `${NUMBERS} INSERT INTO deliveries (bus, seq, subscription_id, state, attempt, tries)
     SELECT 'default', ?2 || printf('%010d', n / 2), printf('sub_%026d', n % ${SUBSCRIPTIONS}), iif(n % 7, 'delivered', 'dead'), 1, 1 FROM numbers`,
    EVENTS * 2,
    seq,
  );
  await run(
    `${NUMBERS} INSERT INTO bodies (event_id, stored_ms, body) SELECT 'evt_' || printf('%026d', n * 10), ?2, '{}' FROM numbers`,
    EVENTS / 10,
    Date.now(),
  );
  await run(
    `${NUMBERS} INSERT INTO keys (bus, id, version, status, hash, scopes, created_ms, updated_ms, expires_ms)
     SELECT 'default', printf('key_%026d', n), n + 2, 'active', n, '["read"]', 0, 0, iif(n % 2, ?2, NULL) FROM numbers`,
    KEYS,
    Date.now() + DAY_MS,
  );
  await run(
    `${NUMBERS} INSERT INTO audit (bus, id, at_ms, actor, action, target) SELECT 'default', printf('aud_%026d', n), ?2, 'root', 'key.created', 'x' FROM numbers`,
    EVENTS,
    Date.now(),
  );
  await run(
    `${NUMBERS} INSERT INTO idempotency (bus, actor, key, fingerprint, began_ms, seed) SELECT 'default', 'root', n, 'f', ?2, 's' FROM numbers`,
    EVENTS,
    Date.now(),
  );
  await run(
    `${NUMBERS} INSERT INTO erasures (event_id, bus, erased_ms) SELECT 'evt_erased_' || n, 'default', ?2 FROM numbers`,
    EVENTS,
    Date.now(),
  );
  // The backlog of a paused subscription.
  await run(
    `UPDATE deliveries SET state = 'held' WHERE (bus, seq, subscription_id) IN (
       SELECT bus, seq, subscription_id FROM deliveries WHERE subscription_id = printf('sub_%026d', 1))`,
  );
  await run(
    `${NUMBERS} INSERT INTO deliveries (bus, seq, subscription_id, run, state, attempt, tries)
     SELECT 'default', ?2 || printf('%010d', 1), printf('sub_%026d', 1), 'job_' || n, 'held', 0, 0 FROM numbers`,
    HELD,
    seq,
  );
}

const flaky = flakyDb(env.DB);
/** Only what consumes: its database sees the statements of the log and the sweep, and no others. */
const consumer = createTestRouter({ DB: flaky.db });
/** The same with a database that is too large by far. */
const full = createTestRouter({ DB: flaky.db, DATABASE_MB: "10" });
const producer = createTestRouter();

/** What was sent since the last time. */
const taken = (): Executed[] => flaky.executed.splice(0);

let claimed: Executed[] = [];
let woken: Executed[] = [];
let swept: Executed[] = [];
let idle: Executed[] = [];
let rest: Executed[] = [];

beforeAll(async () => {
  await fill();
  const [good, bad] = [sink(), sink()];
  await bad.program([], { status: 503 });
  await producer.subscribe({ sink: good.url, types: ["planned"] });
  const failing = await producer.subscribe({ sink: bad.url, types: ["retried"], retry: { schedule_s: [600, 600] } });
  const publish = async (type: string, count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      // Every fifth goes by reference.
      const data = index % 5 === 0 ? "x".repeat(70_000) : index;
      expect((await producer.publish({ type, source: "/plans", id: `${type}-${index}`, data })).status).toBe(202);
    }
  };

  await publish("planned", BATCH);
  const messages = producer.take();
  expect(messages).toHaveLength(BATCH);
  await consumer.handle(messages);
  claimed = taken();

  // Each retry has its own due time, so each wake-up is a message.
  await publish("retried", BATCH);
  await consumer.handle(producer.take());
  taken();
  await run("UPDATE deliveries SET due_ms = ?1 WHERE subscription_id = ?2", Date.now(), failing.id);
  await consumer.handle(consumer.take(), "fantail-slow-0");
  woken = taken();
  consumer.take();

  await publish("adopted", 3);
  await consumer.handle(producer.take(), "fantail-poison");
  const vault = createVault([decodeBase64(env.ENCRYPTION_KEY) ?? new Uint8Array()]);
  await d1Log({ db: flaky.db, vault }).storeBodies([{ eventId: "evt_stored", body: "{}" }], Date.now());
  rest = taken();
  await consumer.sweep();
  taken();
  await consumer.sweep();
  idle = taken();

  // Something to do for every step.
  const old = Date.now() - 30 * DAY_MS;
  await run(
    "UPDATE deliveries SET due_ms = ?1 WHERE subscription_id = ?2",
    Date.now() - 2 * SWEEP_GRACE_MS,
    failing.id,
  );
  await run(
    'INSERT INTO claims (token, lease_ms, keys) VALUES (\'dead\', ?1, \'[["default","s","sub_x",""]]\')',
    Date.now() - LEASE_MS,
  );
  await run(
    "UPDATE subscriptions SET status = 'deleted', updated_ms = ?1 WHERE id = printf('sub_%026d', 2)",
    Date.now() - TOMBSTONE_MS - 1_000,
  );
  await run("UPDATE deliveries SET state = 'held' WHERE subscription_id = printf('sub_%026d', 2)");
  await run("INSERT INTO bodies (event_id, stored_ms, body) VALUES ('evt_orphan', ?1, '{}')", old);
  await run(
    `${NUMBERS} INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type, body)
     SELECT 'default', ?2 || printf('%010d', n), 'evt_old_' || n, 'r', 0, 0, 1, 2, n, '/old', 'old', '{}' FROM numbers`,
    BATCH,
    timeOrderedId(old, new Uint8Array(10)).slice(0, 16),
  );
  await run(
    "INSERT INTO deliveries (bus, seq, subscription_id, state, attempt, tries) SELECT bus, seq, 'sub_old', iif(id % 2, 'delivered', 'waiting'), 1, 1 FROM events WHERE type = 'old'",
  );
  await putPurged();
  await full.sweep();
  swept = taken();
});

/** A row of each kind whose time has come, and a deleted bus that has one of each. */
async function putPurged(): Promise<void> {
  const now = Date.now();
  await run(
    "INSERT INTO buses (bus, version, status, created_ms, updated_ms) VALUES ('gone', 1, 'deleted', 0, ?1), ('empty', 1, 'deleted', 0, ?1)",
    now - TOMBSTONE_MS - 1_000,
  );
  for (const bus of ["default", "gone"]) {
    await run(
      `INSERT INTO keys (bus, id, version, status, hash, scopes, created_ms, updated_ms, expires_ms) VALUES (?1, 'key_over', 1, 'active', ?1, '[]', 0, 0, ?2)`,
      bus,
      now - KEY_EXPIRED_KEPT_MS - 1,
    );
    await run(
      "INSERT INTO audit (bus, id, at_ms, actor, action, target) VALUES (?1, 'aud_over', ?2, 'root', 'key.created', 'x')",
      bus,
      now - AUDIT_KEPT_MS - AUDIT_MARGIN_MS - 60_000,
    );
    await run(
      "INSERT INTO idempotency (bus, actor, key, fingerprint, began_ms, seed) VALUES (?1, 'root', 'over', 'f', ?2, 's')",
      bus,
      now - IDEMPOTENCY_KEPT_MS - 1,
    );
  }
  await run(
    "INSERT INTO erasures (event_id, bus, erased_ms) VALUES ('evt_over', 'default', ?1)",
    now - ERASURE_KEPT_MS - 1,
  );
  await run(
    "INSERT INTO erasures (event_id, bus, erased_ms, subscription_id, run) SELECT event_id, bus, ?1, '', '' FROM events WHERE event_id = printf('evt_%026d', 1)",
    now,
  );
  await run(
    `INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type) VALUES ('gone', 's', 'evt_gone', 'r', 0, 0, 1, 2, 'i', '/s', 't')`,
  );
  await run(
    "INSERT INTO deliveries (bus, seq, subscription_id, state, attempt, tries) VALUES ('gone', 's', 'sub_x', 'delivered', 1, 1)",
  );
}

const BIG_TABLES = [
  "health",
  "events",
  "deliveries",
  "subscriptions",
  "bodies",
  "keys",
  "audit",
  "idempotency",
  "erasures",
  "arrivals",
  "settles",
  "metrics",
];
/** The names under which a statement reads the big tables. */
function namesIn(sql: string): Set<string> {
  const keywords = new Set([
    "where",
    "set",
    "on",
    "as",
    "order",
    "indexed",
    "join",
    "cross",
    "left",
    "select",
    "limit",
  ]);
  const names = new Set(BIG_TABLES);
  for (const [, alias = ""] of sql.matchAll(
    new RegExp(`\\b(?:FROM|JOIN|INTO|UPDATE) (?:${BIG_TABLES.join("|")}) (\\w+)`, "g"),
  )) {
    if (!keywords.has(alias.toLowerCase())) names.add(alias);
  }
  return names;
}

/** Scans of big tables in the plans of these statements, each with the statement's beginning. */
async function scansOf(executed: readonly Executed[]): Promise<string[]> {
  const scans: string[] = [];
  for (const { sql, values } of new Map(executed.map((statement) => [statement.sql, statement])).values()) {
    const names = namesIn(sql);
    const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...values)
      .all<{ detail: string }>();
    for (const { detail } of results) {
      // An index of what is unfinished has next to nothing in it.
      if (/USING INDEX (erasures_unfinished|health_lagging)$/.test(detail)) continue;
      const [, scanned = ""] = /^SCAN (\w+)/.exec(detail) ?? [];
      if (names.has(scanned)) scans.push(`${sql.trim().slice(0, 60)}: ${detail}`);
    }
  }
  return scans;
}

const reads = (executed: readonly Executed[]): { sql: string; rowsRead: number }[] =>
  executed.map(({ sql, rowsRead }) => ({ sql: sql.trim().slice(0, 60), rowsRead }));
const over = (executed: readonly Executed[], max: number) => reads(executed).filter(({ rowsRead }) => rowsRead > max);

it("sees a scan when there is one", async () => {
  const scanned = await scansOf([
    { sql: "SELECT count(*) FROM events e WHERE e.type = ?1", values: ["x"], rowsRead: 0 },
    { sql: "SELECT 1 FROM deliveries WHERE subscription_id = ?1", values: ["x"], rowsRead: 0 },
    { sql: "SELECT 1 FROM events WHERE event_id = ?1", values: ["x"], rowsRead: 0 },
  ]);
  expect(scanned).toHaveLength(2);
});

it("every statement of the log and the sweep was sent", () => {
  const of = (executed: readonly Executed[]): number => new Set(executed.map(({ sql }) => sql)).size;
  // C1 (two statements) to C7 without C3, T1 and T2 with three of health, the news of both; C3, the probes of lane slow, adopt, the store of bodies, and what was
  // parked come on top.
  expect(of(claimed)).toBe(14);
  expect(of([...claimed, ...woken, ...rest])).toBe(25);
  const sweep = { lostAlarms: 4, unhold: 1, resume: 1, lag: 2, erase: 3, retain: 5, database: 2, shorten: 2, count: 3 };
  const purges = {
    buses: 11,
    keys: 3,
    tombstones: 5,
    bodies: 3,
    erasures: 1,
    audit: 1,
    idempotency: 1,
    metrics: 3,
    news: 2,
  };
  // What expired is told, for which the routes of the operators' bus are loaded: three statements.
  expect(of(swept)).toBe(
    3 + [...Object.values(sweep), ...Object.values(purges)].reduce((sum, count) => sum + count, 0),
  );
});

it("claim, settle, adopt and the sweep search every table that grows by index", async () => {
  expect(await scansOf([...claimed, ...woken, ...rest, ...swept])).toEqual([]);
});

it("a claim and a settle of 25 read at most ten rows for each in a statement, whatever is on record", () => {
  expect(over(claimed, READ_MAX)).toEqual([]);
  expect(over(woken, READ_MAX)).toEqual([]);
  // They did read: what is not counted would pass as well.
  expect(Math.max(...reads(claimed).map(({ rowsRead }) => rowsRead))).toBeGreaterThan(BATCH);
  expect(Math.max(...reads(woken).map(({ rowsRead }) => rowsRead))).toBeGreaterThan(BATCH);
});

it("a sweep with nothing to do reads next to nothing, whatever is on record and however much is held", () => {
  expect(over(idle, 20)).toEqual([]);
});

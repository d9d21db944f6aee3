/**
 * What the sweep removes beside events when its time has come: what deleted buses had, expired keys, tombstones, and rows that are kept
 * for a fixed time. Each step takes SWEEP_ROWS_MAX rows of a table at most, of deliveries RETENTION_DELIVERIES_MAX.
 */
import {
  AUDIT_KEPT_MS,
  AUDIT_MARGIN_MS,
  ERASURE_KEPT_MS,
  IDEMPOTENCY_KEPT_MS,
  KEY_EXPIRED_KEPT_MS,
  ORPHAN_BODIES_KEPT_MS,
  ORPHAN_BODIES_KEPT_TIGHT_MS,
  RETENTION_DELIVERIES_MAX,
  RETENTION_EVENTS_MAX,
  SWEEP_ROWS_MAX,
  TOMBSTONE_MS,
} from "../core/limits.ts";
import type { Purge, SweepLog } from "../ports.ts";
import { hasRows } from "./bus-row.ts";
import { THIS_VERSION } from "./changes.ts";
import { KEY_TOMBSTONE } from "./key-row.ts";
import { purgeMetrics, purgeNews } from "./metric-fold.ts";
import { bare } from "./retention.ts";
import { weather } from "./unavailable.ts";

type Purged = Awaited<ReturnType<SweepLog["purge"]>>;

// ---- Deleted buses -----------------------------------------------------------------------------------------------

/** Index: buses_deleted. */
const BUS_WITH_ROWS = `
  SELECT b.bus FROM buses b INDEXED BY buses_deleted WHERE b.status = 'deleted' AND ${hasRows("b.bus")} ORDER BY b.updated_ms LIMIT 1`;

/** Rows of bus ?1, as long as it is deleted, from the first in that key on. */
const ofDeleted = (table: string, columns: string, limit: number): string =>
  `SELECT ${columns.replaceAll(/\w+/g, "t.$&")} FROM buses b CROSS JOIN ${table} t ON t.bus = b.bus
   WHERE b.bus = ?1 AND b.status = 'deleted' ORDER BY ${columns.replaceAll(/\w+/g, "t.$&")} LIMIT ${limit}`;

const removal = (table: string, columns: string, limit: number): string =>
  `DELETE FROM ${table} WHERE (${columns}) IN (${ofDeleted(table, columns, limit)})`;

/** Of the first events of the bus those whose deliveries are gone: they go in the same order. */
const BARE_EVENTS = bare(ofDeleted("events", "bus, seq, event_id", RETENTION_EVENTS_MAX));

const REMOVE_ROWS = [
  removal("deliveries", "bus, seq, subscription_id, run", RETENTION_DELIVERIES_MAX),
  `DELETE FROM bodies WHERE event_id IN (SELECT event_id FROM (${BARE_EVENTS}))`,
  `DELETE FROM events WHERE (bus, seq) IN (SELECT bus, seq FROM (${BARE_EVENTS}))`,
  removal("subscriptions", "bus, id", SWEEP_ROWS_MAX),
  removal("health", "bus, subscription_id", SWEEP_ROWS_MAX),
  removal("keys", "bus, id", SWEEP_ROWS_MAX),
  removal("audit", "bus, id", SWEEP_ROWS_MAX),
  removal("idempotency", "bus, actor, key", SWEEP_ROWS_MAX),
  removal("erasures", "event_id", SWEEP_ROWS_MAX),
  // Of all time. Those of minutes and hours go after their time; a bus that takes the name does not see them.
  `DELETE FROM metrics WHERE step_s = 0 AND at_ms = 0 AND bus = ?1 AND subscription_id IN (
    SELECT t.subscription_id FROM buses b CROSS JOIN metrics t ON t.step_s = 0 AND t.at_ms = 0 AND t.bus = b.bus
    WHERE b.bus = ?1 AND b.status = 'deleted' LIMIT ${SWEEP_ROWS_MAX})`,
];

/** One step of the deleted bus that still has something, the longest deleted first. */
async function purgeBus(db: D1Database): Promise<Purged> {
  const found = await weather(() => db.prepare(BUS_WITH_ROWS).all<{ readonly bus: string }>());
  const [next] = found.results;
  if (next === undefined) return { removed: 0, more: false };
  const results = await weather(() => db.batch(REMOVE_ROWS.map((sql) => db.prepare(sql).bind(next.bus))));
  const removed = results.reduce((sum, { meta }) => sum + meta.changes, 0);
  return { removed, more: removed > 0 };
}

// ---- Expired keys ------------------------------------------------------------------------------------------------

/** Index: keys_expiring. */
const EXPIRED_KEYS = `
  SELECT bus, id, row_number() OVER (ORDER BY expires_ms, bus, id) AS place FROM (
    SELECT bus, id, expires_ms FROM keys INDEXED BY keys_expiring
    WHERE status = 'active' AND expires_ms IS NOT NULL AND expires_ms < ?1 ORDER BY expires_ms LIMIT ${SWEEP_ROWS_MAX})`;

/** A version for each of them: the caches page through changes by it, and no two share one. */
const TAKE_VERSIONS = `
  UPDATE meta SET version = version + (SELECT count(*) FROM (${EXPIRED_KEYS})) WHERE EXISTS (${EXPIRED_KEYS})`;

const COUNT_DOWN = `
  UPDATE buses SET keys = keys - k.count FROM (SELECT bus, count(*) AS count FROM (${EXPIRED_KEYS}) GROUP BY bus) k
  WHERE buses.bus = k.bus`;

/** Primary key. */
const REVOKE_EXPIRED = `
  UPDATE keys SET version = ${THIS_VERSION} - k.behind, ${KEY_TOMBSTONE}, updated_ms = ?2
  FROM (SELECT bus, id, count(*) OVER () - place AS behind FROM (${EXPIRED_KEYS})) k
  WHERE keys.bus = k.bus AND keys.id = k.id`;

async function purgeKeys(db: D1Database, now: number): Promise<Purged> {
  const before = now - KEY_EXPIRED_KEPT_MS;
  const results = await weather(() =>
    db.batch([
      db.prepare(TAKE_VERSIONS).bind(before),
      db.prepare(COUNT_DOWN).bind(before),
      db.prepare(REVOKE_EXPIRED).bind(before, now),
    ]),
  );
  const removed = results.at(-1)?.meta.changes ?? 0;
  return { removed, more: removed >= SWEEP_ROWS_MAX };
}

// ---- Tombstones --------------------------------------------------------------------------------------------------

/** Index: subscriptions_deleted, keys_deleted. */
const tombstones = (table: "subscriptions" | "keys"): string =>
  `SELECT bus, id, version FROM ${table} WHERE status = 'deleted' AND updated_ms < ?1 ORDER BY updated_ms LIMIT ${SWEEP_ROWS_MAX}`;

/** A bus stays for as long as anything of it does. Index: buses_deleted. */
const BUS_TOMBSTONES = `
  SELECT b.bus, b.version FROM buses b INDEXED BY buses_deleted
  WHERE b.status = 'deleted' AND b.updated_ms < ?1 AND NOT ${hasRows("b.bus")} ORDER BY b.updated_ms LIMIT ${SWEEP_ROWS_MAX}`;

/** Who knows less than the highest erased tombstone must load from 0. */
const RAISE_PURGED = `
  UPDATE meta SET purged_version = erased.version FROM (
    SELECT max(version) AS version FROM (
      SELECT version FROM (${tombstones("subscriptions")}) UNION ALL SELECT version FROM (${tombstones("keys")})
      UNION ALL SELECT version FROM (${BUS_TOMBSTONES}))) erased
  WHERE meta.purged_version < erased.version`;

const PURGE_TOMBSTONES = [
  RAISE_PURGED,
  `DELETE FROM metrics WHERE step_s = 0 AND at_ms = 0 AND (bus, subscription_id) IN (SELECT bus, id FROM (${tombstones("subscriptions")}))`,
  `DELETE FROM subscriptions WHERE (bus, id) IN (SELECT bus, id FROM (${tombstones("subscriptions")}))`,
  `DELETE FROM keys WHERE (bus, id) IN (SELECT bus, id FROM (${tombstones("keys")}))`,
  // Those above may have been all that was left of a bus, which RAISE_PURGED could not know: then the next sweep takes it.
  `DELETE FROM buses WHERE bus IN (SELECT bus FROM (${BUS_TOMBSTONES})) AND version <= (SELECT purged_version FROM meta)`,
];

async function purgeTombstones(db: D1Database, now: number): Promise<Purged> {
  const before = now - TOMBSTONE_MS;
  const [, ...removals] = await weather(() => db.batch(PURGE_TOMBSTONES.map((sql) => db.prepare(sql).bind(before))));
  const counts = removals.map(({ meta }) => meta.changes);
  return {
    removed: counts.reduce((sum, count) => sum + count, 0),
    more: counts.some((count) => count >= SWEEP_ROWS_MAX),
  };
}

// ---- Bodies of publishes that were never confirmed ---------------------------------------------------------------

/**
 * The next bodies that have been there for long enough (since ?1, while the database is nearly full ?2), each once: whether its event is on
 * record. Index: bodies_stored.
 */
const NEXT_BODIES = `
  SELECT b.event_id, b.stored_ms, NOT EXISTS (SELECT 1 FROM events e WHERE e.event_id = b.event_id) AS orphan
  FROM meta m CROSS JOIN bodies b INDEXED BY bodies_stored
    ON (b.stored_ms, b.event_id) > (m.bodies_checked_ms, m.bodies_checked_id) AND b.stored_ms < iif(m.failures_only, ?2, ?1)
  ORDER BY b.stored_ms, b.event_id LIMIT ${SWEEP_ROWS_MAX}`;

/** Unless it was stored again, or its event came on record. Primary keys. */
const REMOVE_ORPHANS = `
  DELETE FROM bodies WHERE event_id IN (SELECT value FROM json_each(?2)) AND stored_ms <= ?1
    AND NOT EXISTS (SELECT 1 FROM events e WHERE e.event_id = bodies.event_id)`;

/** From then on a body goes with its event. */
const BODIES_CHECKED = "UPDATE meta SET bodies_checked_ms = ?1, bodies_checked_id = ?2";

interface BodyRow {
  readonly event_id: string;
  readonly stored_ms: number;
  readonly orphan: number;
}

async function purgeBodies(db: D1Database, now: number): Promise<Purged> {
  const next = db.prepare(NEXT_BODIES).bind(now - ORPHAN_BODIES_KEPT_MS, now - ORPHAN_BODIES_KEPT_TIGHT_MS);
  const { results: rows } = await weather(() => next.all<BodyRow>());
  const last = rows.at(-1);
  if (last === undefined) return { removed: 0, more: false };
  const orphans = rows.filter(({ orphan }) => orphan === 1).map(({ event_id }) => event_id);
  const [removed] = await weather(() =>
    db.batch([
      db.prepare(REMOVE_ORPHANS).bind(last.stored_ms, JSON.stringify(orphans)),
      db.prepare(BODIES_CHECKED).bind(last.stored_ms, last.event_id),
    ]),
  );
  return { removed: removed?.meta.changes ?? 0, more: rows.length >= SWEEP_ROWS_MAX };
}

// ---- What is kept for a fixed time -------------------------------------------------------------------------------

const KEPT = {
  /** Index: erasures_erased. */
  erasures: { columns: "event_id", since: "erased_ms", keptMs: ERASURE_KEPT_MS },
  /** Index: audit_at. */
  audit: { columns: "bus, id", since: "at_ms", keptMs: AUDIT_KEPT_MS + AUDIT_MARGIN_MS },
  /** Index: idempotency_began. */
  idempotency: { columns: "bus, actor, key", since: "began_ms", keptMs: IDEMPOTENCY_KEPT_MS },
} as const;

async function purgeKept(db: D1Database, table: keyof typeof KEPT, now: number): Promise<Purged> {
  const { columns, since, keptMs } = KEPT[table];
  const sql = `DELETE FROM ${table} WHERE (${columns}) IN (
    SELECT ${columns} FROM ${table} WHERE ${since} < ?1 ORDER BY ${since} LIMIT ${SWEEP_ROWS_MAX})`;
  const { meta } = await weather(() =>
    db
      .prepare(sql)
      .bind(now - keptMs)
      .run(),
  );
  return { removed: meta.changes, more: meta.changes >= SWEEP_ROWS_MAX };
}

/** The purges over D1. @throws Unavailable */
export function d1Purge({ db }: { readonly db: D1Database }): Pick<SweepLog, "purge"> {
  return {
    purge(what: Purge, { now, retentionDays }) {
      switch (what) {
        case "buses":
          return purgeBus(db);
        case "keys":
          return purgeKeys(db, now);
        case "tombstones":
          return purgeTombstones(db, now);
        case "bodies":
          return purgeBodies(db, now);
        case "erasures":
        case "audit":
        case "idempotency":
          return purgeKept(db, what, now);
        case "metrics":
          return purgeMetrics(db, now);
        case "news":
          return purgeNews(db, now, retentionDays);
      }
    },
  };
}

/**
 * The change counter of the database: how a change takes its number, and the feed that the isolates' caches follow. It knows
 * the versions of four tables and decides nothing about what a change means.
 */
import { ROUTES_CHANGES_MAX } from "../core/limits.ts";
import type { Lane } from "../core/health.ts";
import type { Change, ChangeFeed } from "../ports.ts";
import { SETTINGS_JSON, toSettings, type SettingsRow } from "./bus-row.ts";
import { GRANT_JSON, toLimits, type GrantRow } from "./key-row.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

/** The first statement of every change's `batch()`. The number is burnt when the change turns out to change nothing. */
export const NEXT_VERSION = "UPDATE meta SET version = version + 1";
/** The number that this batch took. A row that carries it was written by this batch: no two changes share one. */
export const THIS_VERSION = "(SELECT version FROM meta)";

interface MetaRow {
  readonly version: number;
  readonly purged_version: number;
  readonly failures_only: number;
}

interface ChangeRow {
  readonly kind: Change["kind"];
  readonly version: number;
  readonly bus: string;
  readonly id: string;
  readonly wanted: string | null;
  /** JSON text of SettingsRow or GrantRow, null of a tombstone; or a lane. */
  readonly detail: string | null;
  readonly created_ms: number;
}

function toDomain(row: ChangeRow): Change {
  const { version, bus, id, created_ms: createdMs } = row;
  switch (row.kind) {
    case "bus": {
      const settings: SettingsRow | null = row.detail === null ? null : JSON.parse(row.detail);
      return { kind: "bus", version, bus, createdMs, settings: settings && toSettings(settings) };
    }
    case "subscription":
      return { kind: "subscription", version, bus, id, wanted: row.wanted };
    case "lane": {
      const lane: Lane = row.detail === "slow" ? "slow" : "fast";
      return { kind: "lane", version, bus, id, lane };
    }
    case "key": {
      const grant: GrantRow | null = row.detail === null ? null : JSON.parse(row.detail);
      return { kind: "key", version, bus, id, grant: grant && { id, hash: grant.hash, ...toLimits(grant) } };
    }
  }
}

/** A bus as a row of the feed. */
const BUS_CHANGE = `'bus' AS kind, version, bus, '' AS id, NULL AS wanted, iif(status = 'active', ${SETTINGS_JSON}, NULL) AS detail, created_ms`;

/**
 * What changed on these buses after a version, oldest first.
 * Indexes: subscriptions_version, health_version, keys_version and buses_version, merged in their own order. They are named because the planner
 * would otherwise read whole buses by primary key and sort them; each entry holds the bus, so rows of other buses are passed
 * over without being read.
 */
const CHANGES_SINCE = `
  SELECT ${BUS_CHANGE}
    FROM buses INDEXED BY buses_version
    WHERE version > ?1 AND bus IN (SELECT value FROM json_each(?2))
  UNION ALL
  SELECT 'subscription', version, bus, id, iif(status = 'deleted', NULL, wanted), NULL, 0
    FROM subscriptions INDEXED BY subscriptions_version
    WHERE version > ?1 AND bus IN (SELECT value FROM json_each(?2))
  UNION ALL
  SELECT 'lane', version, bus, subscription_id, NULL, lane, 0
    FROM health INDEXED BY health_version
    WHERE version > ?1 AND version > 0 AND bus IN (SELECT value FROM json_each(?2))
  UNION ALL
  SELECT 'key', version, bus, id, NULL, iif(status = 'active', ${GRANT_JSON}, NULL), 0
    FROM keys INDEXED BY keys_version
    WHERE version > ?1 AND bus IN (SELECT value FROM json_each(?2))
  ORDER BY version LIMIT ?3`;

/** The buses themselves, for a load: they are known to exist before the rest is read, page by page. Primary key. */
const BUSES = `
  SELECT ${BUS_CHANGE}
    FROM buses WHERE bus IN (SELECT value FROM json_each(?1))`;

/** The feed over D1. `since` is one `batch()`, hence one snapshot. @throws Unavailable */
export function d1Changes({ db }: { readonly db: D1Database }): ChangeFeed {
  return {
    async since(version, buses) {
      const names = JSON.stringify(buses);
      const load = version === 0 ? [db.prepare(BUSES).bind(names)] : [];
      const [meta, changes, loaded] = await weather(() =>
        db.batch([
          db.prepare("SELECT version, purged_version, failures_only FROM meta"),
          db.prepare(CHANGES_SINCE).bind(version, names, ROUTES_CHANGES_MAX),
          ...load,
        ]),
      );
      const [counter] = rowsOf<MetaRow>(meta);
      if (counter === undefined) throw new Error("The table meta has lost its row");
      return {
        changes: [...(loaded === undefined ? [] : rowsOf<ChangeRow>(loaded)), ...rowsOf<ChangeRow>(changes)].map(
          toDomain,
        ),
        version: counter.version,
        purgedVersion: counter.purged_version,
        failuresOnly: counter.failures_only === 1,
      };
    },
  };
}

/**
 * The change counter of the database: how a change takes its number, and the feed that the isolates' caches follow. It knows
 * the versions of three tables and decides nothing about what a change means.
 */
import { ROUTES_CHANGES_MAX } from "../core/limits.ts";
import type { Change, ChangeFeed, Scope } from "../ports.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

/** The first statement of every change's `batch()`. The number is burnt when the change turns out to change nothing. */
export const NEXT_VERSION = "UPDATE meta SET version = version + 1";
/** The number that this batch took. A row that carries it was written by this batch: no two changes share one. */
export const THIS_VERSION = "(SELECT version FROM meta)";

interface MetaRow {
  readonly version: number;
  readonly purged_version: number;
}

interface ChangeRow {
  readonly kind: Change["kind"];
  readonly version: number;
  readonly bus: string;
  readonly id: string;
  readonly wanted: string | null;
  readonly hash: string | null;
  /** JSON text of Scope[]. */
  readonly scopes: string;
}

function toDomain(row: ChangeRow): Change {
  const { version, bus, id } = row;
  if (row.kind === "bus") return { kind: "bus", version, bus };
  if (row.kind === "subscription") return { kind: "subscription", version, bus, id, wanted: row.wanted };
  if (row.hash === null) return { kind: "key", version, bus, id, grant: null };
  const scopes: readonly Scope[] = JSON.parse(row.scopes);
  return { kind: "key", version, bus, id, grant: { id, hash: row.hash, scopes } };
}

/**
 * What changed on these buses after a version, oldest first.
 * Indexes: subscriptions_version, keys_version and buses_version, merged in their own order. They are named because the planner
 * would otherwise read whole buses by primary key and sort them; each entry holds the bus, so rows of other buses are passed
 * over without being read.
 */
const CHANGES_SINCE = `
  SELECT 'bus' AS kind, version, bus, '' AS id, NULL AS wanted, NULL AS hash, '' AS scopes
    FROM buses INDEXED BY buses_version
    WHERE version > ?1 AND bus IN (SELECT value FROM json_each(?2))
  UNION ALL
  SELECT 'subscription', version, bus, id, iif(status = 'active', wanted, NULL), NULL, ''
    FROM subscriptions INDEXED BY subscriptions_version
    WHERE version > ?1 AND bus IN (SELECT value FROM json_each(?2))
  UNION ALL
  SELECT 'key', version, bus, id, NULL, iif(status = 'active', hash, NULL), scopes
    FROM keys INDEXED BY keys_version
    WHERE version > ?1 AND bus IN (SELECT value FROM json_each(?2))
  ORDER BY version LIMIT ?3`;

/** The feed over D1. `since` is one `batch()`, hence one snapshot. @throws Unavailable */
export function d1Changes({ db }: { readonly db: D1Database }): ChangeFeed {
  return {
    async since(version, buses) {
      const [meta, changes] = await weather(() =>
        db.batch([
          db.prepare("SELECT version, purged_version FROM meta"),
          db.prepare(CHANGES_SINCE).bind(version, JSON.stringify(buses), ROUTES_CHANGES_MAX),
        ]),
      );
      const [counter] = rowsOf<MetaRow>(meta);
      if (counter === undefined) throw new Error("The table meta has lost its row");
      return {
        changes: rowsOf<ChangeRow>(changes).map(toDomain),
        version: counter.version,
        purgedVersion: counter.purged_version,
      };
    },
  };
}

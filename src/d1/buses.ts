/**
 * All SQL of buses. A deleted bus leaves a tombstone until the sweep has removed what it had; its row also counts its subscriptions and
 * keys (their files keep that).
 */
import type { BusSettings } from "../core/bus.ts";
import { BUS_NAME_REST_MS, BUSES_MAX, LIST_SCAN_ROWS_MAX } from "../core/limits.ts";
import type { Bus, BusStore } from "../ports.ts";
import { AUDIT_BUS, audited } from "./audit.ts";
import { hasRows, toSettings, type SettingsRow } from "./bus-row.ts";
import { NEXT_VERSION, THIS_VERSION } from "./changes.ts";
import { pageOf, type Scanned } from "./page.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

interface BusRow extends SettingsRow {
  readonly bus: string;
  readonly version: number;
  readonly status: "active" | "deleted";
  readonly subscriptions: number;
  readonly keys: number;
  readonly created_ms: number;
  readonly updated_ms: number;
}

function toDomain(row: BusRow): Bus {
  const { bus, subscriptions, keys, created_ms: createdMs, updated_ms: updatedMs, version } = row;
  return { bus, settings: toSettings(row), subscriptions, keys, createdMs, updatedMs, version };
}

/** Values ?4 to ?7, in the order of both INSERT and REPLACE. */
const SETTINGS = "retention_days, log_level, event_bytes_max, request_bytes_max";

const settingsValues = ({ retentionDays, logLevel, eventBytesMax, requestBytesMax }: BusSettings) => [
  retentionDays,
  logLevel,
  eventBytesMax,
  requestBytesMax,
];

/** What an earlier bus of the name had, or may still have in queues: nothing of it may become another's. ?2 now. Primary keys, erasures_bus. */
const HAS_REST = `(buses.updated_ms > ?2 - ${BUS_NAME_REST_MS} OR ${hasRows("?1")})`;

/**
 * Makes a bus, also in place of the tombstone of one that has left nothing; `created_ms` tells the two apart. Counts the living along the smallest indexes, buses_version and buses_deleted: buses are seldom made.
 */
const INSERT = `
  INSERT INTO buses (bus, version, created_ms, updated_ms, ${SETTINGS})
  SELECT ?1, ${THIS_VERSION}, ?2, ?2, ?4, ?5, ?6, ?7
    WHERE (SELECT count(*) FROM buses INDEXED BY buses_version)
      - (SELECT count(*) FROM buses INDEXED BY buses_deleted WHERE status = 'deleted') < ?3
  ON CONFLICT (bus) DO UPDATE SET version = excluded.version, status = 'active', subscriptions = 0, keys = 0,
      created_ms = excluded.created_ms, updated_ms = excluded.created_ms,
      (${SETTINGS}) = (excluded.retention_days, excluded.log_level, excluded.event_bytes_max, excluded.request_bytes_max)
    WHERE buses.status = 'deleted' AND NOT ${HAS_REST}`;

/** Primary key. `created` 1: this batch made it. */
const MADE = `SELECT *, version = ${THIS_VERSION} AS created, ${HAS_REST} AS has_rest FROM buses WHERE bus = ?1`;

/** Primary key. */
const GET = "SELECT * FROM buses WHERE bus = ?1 AND status = 'active'";

/** By name, tombstones passed over. Primary key. */
const LIST = `
  WITH ending AS MATERIALIZED (SELECT bus FROM buses WHERE bus > ?1 ORDER BY bus LIMIT 1 OFFSET ?2 - 1)
  SELECT *, status = 'active' AS matches, bus IS (SELECT bus FROM ending) AS ends
    FROM (SELECT * FROM buses WHERE bus > ?1 ORDER BY bus LIMIT ?2)
    WHERE matches OR ends ORDER BY bus LIMIT ?3 + 1`;

/** Primary key. */
const REPLACE = `
  UPDATE buses SET version = ${THIS_VERSION}, updated_ms = ?2, (${SETTINGS}) = (?4, ?5, ?6, ?7)
    WHERE bus = ?1 AND version = ?3 AND status = 'active'
    RETURNING *`;

/** Primary key. */
const DELETE = `
  UPDATE buses SET version = ${THIS_VERSION}, status = 'deleted', updated_ms = ?2
    WHERE bus = ?1 AND version = ?3 AND status = 'active'
    RETURNING *`;

/** The store over D1. All methods @throw Unavailable. */
export function d1Buses({ db }: { readonly db: D1Database }): BusStore {
  const noted = (note: Parameters<typeof audited>[1], target: string): D1PreparedStatement =>
    audited(db, note, { bus: AUDIT_BUS, target, made: "bus" });

  return {
    async create(bus, { settings, now, note }) {
      const insert = db.prepare(INSERT).bind(bus, now, BUSES_MAX, ...settingsValues(settings));
      const [, , , stored] = await weather(() =>
        db.batch([db.prepare(NEXT_VERSION), insert, noted(note, bus), db.prepare(MADE).bind(bus, now)]),
      );
      const [row] = rowsOf<BusRow & { readonly created: number; readonly has_rest: number }>(stored);
      if (row === undefined) return "limit-reached";
      if (row.status === "deleted") return row.has_rest === 1 ? "being-deleted" : "limit-reached";
      return { bus: toDomain(row), created: row.created === 1 };
    },

    async get(bus) {
      const row = await weather(() => db.prepare(GET).bind(bus).first<BusRow>());
      return row === null ? null : toDomain(row);
    },

    async list({ limit, after }) {
      const statement = db.prepare(LIST).bind(after ?? "", LIST_SCAN_ROWS_MAX, limit);
      const { results } = await weather(() => statement.all<BusRow & Scanned>());
      const { page, last } = pageOf(results, limit);
      return { rows: page.map(toDomain), next: last?.bus ?? null };
    },

    async replace(bus, { settings, expected, now, note }) {
      const update = db.prepare(REPLACE).bind(bus, now, expected, ...settingsValues(settings));
      const [, replaced] = await weather(() => db.batch([db.prepare(NEXT_VERSION), update, noted(note, bus)]));
      const [row] = rowsOf<BusRow>(replaced);
      return row === undefined ? null : toDomain(row);
    },

    async delete(bus, { expected, now, note }) {
      const deletion = db.prepare(DELETE).bind(bus, now, expected);
      const [, deleted] = await weather(() => db.batch([db.prepare(NEXT_VERSION), deletion, noted(note, bus)]));
      return rowsOf<BusRow>(deleted)[0]?.version ?? null;
    },

    async database() {
      const row = await weather(() =>
        db
          .prepare("SELECT database_bytes, failures_only, shortened_ms FROM meta")
          .first<{ readonly database_bytes: number; readonly failures_only: number; readonly shortened_ms: number }>(),
      );
      if (row === null) throw new Error("The table meta has lost its row");
      return { bytes: row.database_bytes, failuresOnly: row.failures_only === 1, shortenedMs: row.shortened_ms };
    },
  };
}

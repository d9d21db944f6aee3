/**
 * All SQL of keys: their hashes, never a key. Every change is one `batch()` that takes the next version, stamps the row and keeps
 * `buses.keys` right.
 */
import { KEYS_PER_BUS_MAX, LIST_SCAN_ROWS_MAX } from "../core/limits.ts";
import type { Key, KeyStore, Scope } from "../ports.ts";
import { NEXT_VERSION, THIS_VERSION } from "./changes.ts";
import { pageOf, type Scanned } from "./page.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

interface KeyRow {
  readonly bus: string;
  readonly id: string;
  readonly version: number;
  readonly status: "active" | "deleted";
  /** SHA-256 in hex, "" in a tombstone. */
  readonly hash: string;
  readonly name: string | null;
  /** JSON text of Scope[]. */
  readonly scopes: string;
  readonly created_ms: number;
  readonly updated_ms: number;
}

function toDomain(row: KeyRow): Key {
  const scopes: readonly Scope[] = JSON.parse(row.scopes);
  const { bus, id, hash, name, created_ms: createdMs, version } = row;
  return { bus, id, hash, name, scopes, createdMs, version };
}

/** Primary key of `buses`; nothing is inserted into a full bus, nor twice. */
const INSERT = `
  INSERT INTO keys (bus, id, version, status, hash, name, scopes, created_ms, updated_ms)
  SELECT bus, ?2, ${THIS_VERSION}, 'active', ?3, ?4, ?5, ?6, ?6 FROM buses WHERE bus = ?1 AND keys < ?7
  ON CONFLICT DO NOTHING`;

/** Counts what this batch wrote and nothing else. Primary keys of `buses` and `keys`. */
const count = (by: "+ 1" | "- 1"): string => `
  UPDATE buses SET keys = keys ${by}
    WHERE bus = ?1 AND EXISTS (SELECT 1 FROM keys WHERE bus = ?1 AND id = ?2 AND version = ${THIS_VERSION})`;

/** Primary key. */
const GET = "SELECT * FROM keys WHERE bus = ?1 AND id = ?2 AND status = 'active'";

/** Newest first, tombstones passed over. Primary key, read backward. */
const LIST = `
  WITH ending AS MATERIALIZED (
    SELECT id FROM keys WHERE bus = ?1 AND id < ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3 - 1)
  SELECT *, status = 'active' AS matches, id IS (SELECT id FROM ending) AS ends
    FROM (SELECT * FROM keys WHERE bus = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3)
    WHERE matches OR ends ORDER BY id DESC LIMIT ?4 + 1`;

/** A tombstone keeps no hash. Primary key. */
const REVOKE = `
  UPDATE keys SET version = ${THIS_VERSION}, status = 'deleted', hash = '', name = NULL, updated_ms = ?3
    WHERE bus = ?1 AND id = ?2 AND status = 'active'
    RETURNING version`;

/** The store over D1. All methods @throw Unavailable. */
export function d1Keys({ db }: { readonly db: D1Database }): KeyStore {
  return {
    async create(key) {
      const { bus, id, hash, name, scopes, createdMs } = key;
      const insert = db.prepare(INSERT).bind(bus, id, hash, name, JSON.stringify(scopes), createdMs, KEYS_PER_BUS_MAX);
      const [, , , stored] = await weather(() =>
        db.batch([
          db.prepare(NEXT_VERSION),
          insert,
          db.prepare(count("+ 1")).bind(bus, id),
          db.prepare("SELECT * FROM keys WHERE bus = ?1 AND id = ?2").bind(bus, id),
        ]),
      );
      const [row] = rowsOf<KeyRow>(stored);
      return row === undefined ? "limit-reached" : toDomain(row);
    },

    async get(bus, id) {
      const row = await weather(() => db.prepare(GET).bind(bus, id).first<KeyRow>());
      return row === null ? null : toDomain(row);
    },

    async list(bus, { limit, before }) {
      // "l" sorts after every id, which begin with "key_".
      const statement = db.prepare(LIST).bind(bus, before ?? "l", LIST_SCAN_ROWS_MAX, limit);
      const { results } = await weather(() => statement.all<KeyRow & Scanned>());
      const { page, last } = pageOf(results, limit);
      return { rows: page.map(toDomain), next: last?.id ?? null };
    },

    async revoke(bus, id, now) {
      const [, revoked] = await weather(() =>
        db.batch([
          db.prepare(NEXT_VERSION),
          db.prepare(REVOKE).bind(bus, id, now),
          db.prepare(count("- 1")).bind(bus, id),
        ]),
      );
      return rowsOf<{ readonly version: number }>(revoked)[0]?.version ?? null;
    },
  };
}

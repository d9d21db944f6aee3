/**
 * All SQL of keys: their hashes, never a key. Every change is one `batch()` that takes the next version, stamps the row, notes it in the
 * audit and keeps `buses.keys` right.
 */
import { KEY_USE_WRITE_MS, KEYS_PER_BUS_MAX, LIST_SCAN_ROWS_MAX } from "../core/limits.ts";
import type { AuditNote, Key, KeyLimits, KeyStore, NewKey, NotMade } from "../ports.ts";
import { audited } from "./audit.ts";
import { ON_LIVING_BUS } from "./bus-row.ts";
import { NEXT_VERSION, THIS_VERSION } from "./changes.ts";
import { KEY_TOMBSTONE, toLimits, type GrantRow } from "./key-row.ts";
import { pageOf, type Scanned } from "./page.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

interface KeyRow extends GrantRow {
  readonly bus: string;
  readonly id: string;
  readonly version: number;
  /** `hash` is "" in a tombstone. */
  readonly status: "active" | "deleted";
  readonly name: string | null;
  readonly created_ms: number;
  readonly updated_ms: number;
  readonly last_used_ms: number | null;
  readonly replaced_by: string | null;
}

function toDomain(row: KeyRow): Key {
  const { bus, id, hash, name, version } = row;
  const times = { createdMs: row.created_ms, updatedMs: row.updated_ms, lastUsedMs: row.last_used_ms };
  return { bus, id, hash, name, ...toLimits(row), ...times, replacedBy: row.replaced_by, version };
}

const listText = (list: readonly string[] | null): string | null => (list === null ? null : JSON.stringify(list));

/** Name and limits: the values of COLUMNS, in its order. */
function columnsOf({ name, scopes, types, allowedOrigins, rateLimit, expiresMs }: KeyLimits & Pick<Key, "name">) {
  return [name, JSON.stringify(scopes), listText(types), listText(allowedOrigins), rateLimit, expiresMs];
}

const COLUMNS = "name, scopes, types, allowed_origins, rate_limit, expires_ms";

/** Primary key of `buses`; nothing is inserted into a full or deleted bus, nor twice, nor unless `condition`. */
const insert = (condition: string): string => `
  INSERT INTO keys (bus, id, version, status, hash, ${COLUMNS}, created_ms, updated_ms)
  SELECT b.bus, ?2, ${THIS_VERSION}, 'active', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10
    FROM buses b WHERE b.bus = ?1 AND b.status = 'active' AND b.keys < ?11 AND ${condition}
  ON CONFLICT DO NOTHING`;

/** Its ?1 to ?11. */
const inserted = (key: NewKey) => [key.bus, key.id, key.hash, ...columnsOf(key), key.createdMs, KEYS_PER_BUS_MAX];

/** Counts what this batch wrote and nothing else. Primary keys of `buses` and `keys`. */
const count = (by: "+ 1" | "- 1"): string => `
  UPDATE buses SET keys = keys ${by}
    WHERE bus = ?1 AND EXISTS (SELECT 1 FROM keys WHERE bus = ?1 AND id = ?2 AND version = ${THIS_VERSION})`;

/** The key whatever became of it, and its bus. Primary keys of both. */
const MADE = `
  SELECT k.*, b.status AS bus_status FROM buses b LEFT JOIN keys k ON k.bus = b.bus AND k.id = ?2 WHERE b.bus = ?1`;

interface Made extends Partial<KeyRow> {
  readonly bus_status: "active" | "deleted";
}

const isStored = (row: Made): row is Made & KeyRow => typeof row.id === "string";

/** What became of a key that this batch, or an earlier one with the same id, was to make. */
function madeOf(row: Made | undefined): Key | NotMade {
  if (row?.bus_status !== "active") return "bus-gone";
  if (!isStored(row)) return "limit-reached";
  return row.status === "active" ? toDomain(row) : "deleted-since";
}

/** Primary keys of `keys` and `buses`. */
const GET = `SELECT * FROM keys WHERE bus = ?1 AND id = ?2 AND status = 'active' AND ${ON_LIVING_BUS}`;

/** Newest first, tombstones passed over. Primary key, read backward. */
const LIST = `
  WITH ending AS MATERIALIZED (
    SELECT id FROM keys WHERE bus = ?1 AND id < ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3 - 1)
  SELECT *, status = 'active' AS matches, id IS (SELECT id FROM ending) AS ends
    FROM (SELECT * FROM keys WHERE bus = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3)
    WHERE matches OR ends ORDER BY id DESC LIMIT ?4 + 1`;

/** Primary keys of `keys` and `buses`. */
const REPLACE = `
  UPDATE keys SET version = ${THIS_VERSION}, updated_ms = ?9, replaced_by = iif(expires_ms IS ?8, replaced_by, NULL), (${COLUMNS}) = (?3, ?4, ?5, ?6, ?7, ?8)
    WHERE bus = ?1 AND id = ?2 AND version = ?10 AND status = 'active' AND ${ON_LIVING_BUS}
    RETURNING *`;

/** The key that a successor of this batch replaces ends, once that is stored: it took the number before. Primary key. */
const END = `
  UPDATE keys SET version = ${THIS_VERSION}, updated_ms = ?4, expires_ms = min(coalesce(expires_ms, ?5), ?5),
      replaced_by = ?6
    WHERE bus = ?1 AND id = ?2 AND version = ?3 AND status = 'active'
      AND EXISTS (SELECT 1 FROM keys WHERE bus = ?1 AND id = ?6 AND version = ${THIS_VERSION} - 1)`;

/** Primary keys of `keys` and `buses`. */
const REVOKE = `
  UPDATE keys SET version = ${THIS_VERSION}, ${KEY_TOMBSTONE}, updated_ms = ?3
    WHERE bus = ?1 AND id = ?2 AND version = ?4 AND status = 'active' AND ${ON_LIVING_BUS}
    RETURNING version`;

/** Primary key. */
const USED = `
  UPDATE keys SET last_used_ms = ?3
    WHERE bus = ?1 AND id = ?2 AND status = 'active' AND (last_used_ms IS NULL OR last_used_ms <= ?4)`;

/** The store over D1. All methods @throw Unavailable. */
export function d1Keys({ db }: { readonly db: D1Database }): KeyStore {
  const noted = (note: AuditNote, { bus, id }: { readonly bus: string; readonly id: string }): D1PreparedStatement =>
    audited(db, note, { bus, target: id, made: "key" });

  return {
    async create(key, note) {
      const { bus, id } = key;
      const [, , , , stored] = await weather(() =>
        db.batch([
          db.prepare(NEXT_VERSION),
          db.prepare(insert("TRUE")).bind(...inserted(key)),
          db.prepare(count("+ 1")).bind(bus, id),
          noted(note, key),
          db.prepare(MADE).bind(bus, id),
        ]),
      );
      return madeOf(rowsOf<Made>(stored)[0]);
    },

    async rotate(successor, { id, expected, untilMs, notes }) {
      const { bus } = successor;
      const isThere = "EXISTS (SELECT 1 FROM keys WHERE bus = ?1 AND id = ?12 AND version = ?13 AND status = 'active')";
      const end = db.prepare(END).bind(bus, id, expected, successor.createdMs, untilMs, successor.id);
      // Two numbers: a page of the change feed may end between the two rows.
      const [, , , , , , , stored, former] = await weather(() =>
        db.batch([
          db.prepare(NEXT_VERSION),
          db.prepare(insert(isThere)).bind(...inserted(successor), id, expected),
          db.prepare(count("+ 1")).bind(bus, successor.id),
          noted(notes.created, successor),
          db.prepare(NEXT_VERSION),
          end,
          noted(notes.rotated, { bus, id }),
          db.prepare(MADE).bind(bus, successor.id),
          db.prepare(GET).bind(bus, id),
        ]),
      );
      const [there] = rowsOf<KeyRow>(former);
      const made = madeOf(rowsOf<Made>(stored)[0]);
      if (typeof made === "object") return { successor: made, former: there === undefined ? null : toDomain(there) };
      return made === "limit-reached" && there?.version !== expected ? null : made;
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

    async replace(key, { expected, note }) {
      const update = db.prepare(REPLACE).bind(key.bus, key.id, ...columnsOf(key), key.updatedMs, expected);
      const [, replaced] = await weather(() => db.batch([db.prepare(NEXT_VERSION), update, noted(note, key)]));
      const [row] = rowsOf<KeyRow>(replaced);
      return row === undefined ? null : toDomain(row);
    },

    async revoke(bus, id, { expected, now, note }) {
      const [, revoked] = await weather(() =>
        db.batch([
          db.prepare(NEXT_VERSION),
          db.prepare(REVOKE).bind(bus, id, now, expected),
          db.prepare(count("- 1")).bind(bus, id),
          noted(note, { bus, id }),
        ]),
      );
      return rowsOf<{ readonly version: number }>(revoked)[0]?.version ?? null;
    },

    async used(bus, id, now) {
      const use = db.prepare(USED).bind(bus, id, now, now - KEY_USE_WRITE_MS);
      await weather(() => use.run());
    },
  };
}

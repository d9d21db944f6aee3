/** All SQL of the audit: entries are written in the `batch()` of the change they tell of, and only if it was made. */
import { timeOrderedFloor } from "../core/ids.ts";
import { LIST_SCAN_ROWS_MAX } from "../core/limits.ts";
import type { Audit, AuditAction, AuditEntry, AuditNote } from "../ports.ts";
import { THIS_VERSION } from "./changes.ts";
import { pageOf, type Scanned } from "./page.ts";
import { weather } from "./unavailable.ts";

interface AuditRow {
  readonly bus: string;
  readonly id: string;
  readonly at_ms: number;
  readonly actor: string;
  readonly request_id: string | null;
  readonly action: AuditAction;
  readonly target: string;
  readonly before: string | null;
  readonly after: string | null;
}

function toDomain(row: AuditRow): AuditEntry {
  const { bus, id, at_ms: atMs, actor, request_id: requestId, action, target, before, after } = row;
  return { bus, id, atMs, actor, requestId, action, target, before, after };
}

/** The audit of buses: only root changes them, and `default` is never deleted. */
export const AUDIT_BUS = "default";

/** What a change was made to. ?1 is the bus whose audit it is, ?2 the target. Primary keys. */
const MADE = {
  bus: `EXISTS (SELECT 1 FROM buses WHERE bus = ?2 AND version = ${THIS_VERSION})`,
  subscription: `EXISTS (SELECT 1 FROM subscriptions WHERE bus = ?1 AND id = ?2 AND version = ${THIS_VERSION})`,
  key: `EXISTS (SELECT 1 FROM keys WHERE bus = ?1 AND id = ?2 AND version = ${THIS_VERSION})`,
} as const;

/** No index is searched to write it: the primary key takes it at its end, and audit_at with it. */
const insert = (made: string): string => `
  INSERT INTO audit (bus, target, id, at_ms, actor, request_id, action, before, after)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE ${made}`;

/**
 * The statement that writes the entry. It stands in the change's `batch()`, behind it and before another number is taken, and writes
 * nothing unless `made`: the change's own row carries the number, or, in SQL over ?1 (bus) and ?2 (target), what else proves it.
 */
export function audited(
  db: D1Database,
  note: AuditNote,
  place: { readonly bus: string; readonly target: string; readonly made: keyof typeof MADE | { readonly sql: string } },
): D1PreparedStatement {
  const made = typeof place.made === "string" ? MADE[place.made] : place.made.sql;
  const { id, atMs, actor, requestId, action, before, after } = note;
  return db.prepare(insert(made)).bind(place.bus, place.target, id, atMs, actor, requestId, action, before, after);
}

/**
 * Newest first; an id carries its time, so that a period is a range of ids. Filters pass rows over. Primary key, read backward.
 */
const LIST = `
  WITH ending AS MATERIALIZED (
    SELECT id FROM audit WHERE bus = ?1 AND id < ?2 AND id >= ?3 ORDER BY id DESC LIMIT 1 OFFSET ?4 - 1)
  SELECT *, (?6 IS NULL OR target = ?6) AND (?7 IS NULL OR actor = ?7) AND (?8 IS NULL OR action = ?8) AS matches,
      id IS (SELECT id FROM ending) AS ends
    FROM (SELECT * FROM audit WHERE bus = ?1 AND id < ?2 AND id >= ?3 ORDER BY id DESC LIMIT ?4)
    WHERE matches OR ends ORDER BY id DESC LIMIT ?5 + 1`;

/** The audit over D1. @throws Unavailable */
export function d1Audit({ db }: { readonly db: D1Database }): Audit {
  return {
    async list(bus, { target = null, actor = null, action = null, sinceMs, untilMs }, { limit, before }) {
      // "aue" sorts after every id, which begin with "aud_".
      const until = untilMs === undefined ? "aue" : `aud_${timeOrderedFloor(untilMs)}`;
      const upper = before === null || until < before ? until : before;
      const lower = `aud_${sinceMs === undefined ? "" : timeOrderedFloor(sinceMs)}`;
      const statement = db.prepare(LIST).bind(bus, upper, lower, LIST_SCAN_ROWS_MAX, limit, target, actor, action);
      const { results } = await weather(() => statement.all<AuditRow & Scanned>());
      const { page, last } = pageOf(results, limit);
      return { rows: page.map(toDomain), next: last?.id ?? null };
    },
  };
}

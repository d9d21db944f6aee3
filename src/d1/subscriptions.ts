/**
 * All SQL of subscriptions. Secrets and header values are sealed on the way in and opened on the way out. Every change is one
 * `batch()` that takes the next version, stamps the row, notes it in the audit and keeps `buses.subscriptions` right.
 */
import { timeOrderedFloor } from "../core/ids.ts";
import type { Lane } from "../core/health.ts";
import { LIST_SCAN_ROWS_MAX, SUBSCRIPTIONS_PER_BUS_MAX } from "../core/limits.ts";
import type {
  Format,
  Pace,
  Push,
  RetryPolicy,
  SigningSecret,
  SubscriptionStatus,
  Wanted,
} from "../core/subscription.ts";
import { VAULT_IV_BYTES, type Vault } from "../core/vault.ts";
import type { AuditNote, ChangedSubscription, Random, StoredSubscription, SubscriptionStore } from "../ports.ts";
import { audited } from "./audit.ts";
import { ON_LIVING_BUS } from "./bus-row.ts";
import { NEXT_VERSION, THIS_VERSION } from "./changes.ts";
import { FORGET, OPEN_UP, RAISE_VERSION, RESET } from "./health.ts";
import { pageOf, type Scanned } from "./page.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

export interface SubscriptionRow {
  readonly bus: string;
  readonly id: string;
  readonly version: number;
  readonly status: SubscriptionStatus;
  readonly disabled_reason: string | null;
  readonly name: string | null;
  /** "" in a tombstone, like `secrets` and `headers`. */
  readonly sink: string;
  readonly format: Format;
  readonly timeout_ms: number;
  readonly created_ms: number;
  readonly updated_ms: number;
  /** Of what it holds, events with a lesser `seq` are skipped; "": none. */
  readonly resume_from: string;
  /** JSON text of RetryPolicy. */
  readonly retry: string;
  /** JSON text of Pace["rate"], null without one. */
  readonly rate: string | null;
  readonly concurrency: number | null;
  /** JSON text of Wanted. */
  readonly wanted: string;
  /** Sealed JSON text of SigningSecret[]. */
  readonly secrets: string;
  /** Sealed JSON text of Push["headers"]. */
  readonly headers: string;
}

/** A subscription and how its sink is doing; HEALTH_COLUMNS of a row of `health` that may not be there. */
export interface PushRow extends SubscriptionRow {
  readonly failures: number;
  readonly latency_ms: number | null;
  readonly lane: Lane;
  /** 1: `isClean` of KnownHealth. */
  readonly is_clean: number;
}

export const HEALTH_COLUMNS = `coalesce(h.failures, 0) AS failures, h.latency_ms, coalesce(h.lane, 'fast') AS lane,
  coalesce(h.lane = 'fast' AND h.failures = 0 AND h.failure_rate = 0 AND h.breaker = 'closed' AND h.paused_until_ms = 0, 1) AS is_clean`;

/** Where a sealed column belongs: a ciphertext copied to another row or column does not open. */
const context = (row: { readonly bus: string; readonly id: string }, column: "secrets" | "headers"): string =>
  `subscription/${row.bus}/${row.id}/${column}`;

async function toSecrets(row: SubscriptionRow, vault: Vault): Promise<readonly SigningSecret[]> {
  return JSON.parse(await vault.open(row.secrets, context(row, "secrets")));
}

async function toHeaders(row: SubscriptionRow, vault: Vault): Promise<Push["headers"]> {
  return JSON.parse(await vault.open(row.headers, context(row, "headers")));
}

function toRetry(row: SubscriptionRow): RetryPolicy {
  return JSON.parse(row.retry);
}

function toPace({ rate, concurrency }: SubscriptionRow): Pace {
  return { rate: rate === null ? null : JSON.parse(rate), concurrency };
}

function toWanted(row: Pick<SubscriptionRow, "wanted">): Wanted {
  return JSON.parse(row.wanted);
}

/**
 * How to push for that row, secrets in the clear. A text that cannot be opened (its key is gone, or it was changed) comes back as
 * an error without any of it: it must fail that subscription's attempts, not the batch they are in.
 */
export async function openPush(
  row: SubscriptionRow,
  vault: Vault,
): Promise<Push | { readonly error: string; readonly retry: RetryPolicy }> {
  try {
    const [secrets, headers] = await Promise.all([toSecrets(row, vault), toHeaders(row, vault)]);
    const { sink, format, timeout_ms: timeoutMs } = row;
    return { sink, format, headers, timeoutMs, retry: toRetry(row), pace: toPace(row), secrets };
  } catch (error) {
    const detail = error instanceof Error ? error.message : "The subscription's secrets cannot be opened";
    return { error: detail, retry: toRetry(row) };
  }
}

/** The same of all these rows, with what is known of their sinks, by bus and id with a space between. */
export async function openPushes(rows: readonly PushRow[], vault: Vault) {
  const opened = rows.map(async (row) => {
    const health = { failures: row.failures, latencyMs: row.latency_ms, lane: row.lane, isClean: row.is_clean === 1 };
    return [`${row.bus} ${row.id}`, { push: await openPush(row, vault), health }] as const;
  });
  return new Map(await Promise.all(opened));
}

/** Each text is opened for itself: one that cannot be opened hides neither the rest of its row nor another row. */
async function toDomain(row: SubscriptionRow, vault: Vault): Promise<StoredSubscription> {
  const [secrets, headers] = await Promise.all([
    toSecrets(row, vault).catch(() => null),
    toHeaders(row, vault).catch(() => null),
  ]);
  return {
    ...toWanted(row),
    id: row.id,
    bus: row.bus,
    name: row.name,
    status: row.status,
    disabledReason: row.disabled_reason,
    sink: row.sink,
    format: row.format,
    headers,
    timeoutMs: row.timeout_ms,
    retry: toRetry(row),
    pace: toPace(row),
    secrets,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    version: row.version,
  };
}

/** The wanted part as the caches get it: the JSON text of `Wanted` and nothing else. */
function wantedText({ types, source, filters }: Wanted): string {
  return JSON.stringify({ types, source, filters } satisfies Wanted);
}

type Unversioned = Omit<StoredSubscription, "version">;

/** The subscription with the version of its change, and that change. */
function changed(subscription: Unversioned, version: number): ChangedSubscription {
  const { bus, id } = subscription;
  const wanted = wantedText(subscription);
  return {
    subscription: { ...subscription, version },
    change: { kind: "subscription", version, bus, id, wanted },
  };
}

const ACTIVE_OR_NOT = "status <> 'deleted'";

/** Values ?3 to ?15, in the order of both INSERT and UPDATE. */
const COLUMNS =
  "status, disabled_reason, name, sink, format, timeout_ms, updated_ms, retry, rate, concurrency, wanted, secrets, headers";

/** Answered by the primary key of `buses`; nothing is inserted into a full or deleted bus, nor twice. */
const INSERT = `
  INSERT INTO subscriptions (bus, id, version, ${COLUMNS}, created_ms)
  SELECT b.bus, ?2, ${THIS_VERSION}, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16
    FROM buses b WHERE b.bus = ?1 AND b.status = 'active' AND b.subscriptions < ?17
  ON CONFLICT DO NOTHING`;

/** Counts what this batch wrote and nothing else. Primary keys of `buses` and `subscriptions`. */
const count = (by: "+ 1" | "- 1"): string => `
  UPDATE buses SET subscriptions = subscriptions ${by}
    WHERE bus = ?1 AND EXISTS (SELECT 1 FROM subscriptions WHERE bus = ?1 AND id = ?2 AND version = ${THIS_VERSION})`;

/** The subscription whatever became of it, and its bus. Primary keys of both. */
const MADE = `
  SELECT s.*, b.status AS bus_status
    FROM buses b LEFT JOIN subscriptions s ON s.bus = b.bus AND s.id = ?2 WHERE b.bus = ?1`;

/** Primary keys of `subscriptions` and `buses`. */
const GET = `SELECT * FROM subscriptions WHERE bus = ?1 AND id = ?2 AND ${ACTIVE_OR_NOT} AND ${ON_LIVING_BUS}`;

/** The primary key of `subscriptions` for each id; that of `buses`. */
const WANTED = `
  SELECT s.id, s.wanted FROM json_each(?2) j CROSS JOIN subscriptions s ON s.bus = ?1 AND s.id = j.value
  WHERE ${ACTIVE_OR_NOT} AND ${ON_LIVING_BUS}`;

/** Newest first, tombstones passed over. Primary key, read backward. */
const LIST = `
  WITH ending AS MATERIALIZED (
    SELECT id FROM subscriptions WHERE bus = ?1 AND id < ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3 - 1)
  SELECT *, ${ACTIVE_OR_NOT} AS matches, id IS (SELECT id FROM ending) AS ends
    FROM (SELECT * FROM subscriptions WHERE bus = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3)
    WHERE matches OR ends ORDER BY id DESC LIMIT ?4 + 1`;

/**
 * A secret that is null was not opened, and stays as it is stored; what was once skipped stays so. Primary keys of `subscriptions` and
 * `buses`.
 */
const REPLACE = `
  UPDATE subscriptions SET version = ${THIS_VERSION},
    (${COLUMNS}) =
      (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, coalesce(?14, secrets), coalesce(?15, headers)),
    resume_from = max(resume_from, ?17)
    WHERE bus = ?1 AND id = ?2 AND version = ?16 AND ${ACTIVE_OR_NOT} AND ${ON_LIVING_BUS}
    RETURNING version`;

/** A tombstone keeps no secret. Primary keys of `subscriptions` and `buses`. */
const DELETE = `
  UPDATE subscriptions SET version = ${THIS_VERSION}, status = 'deleted', disabled_reason = NULL, name = NULL,
    sink = '', secrets = '', headers = '', updated_ms = ?3
    WHERE bus = ?1 AND id = ?2 AND version = ?4 AND ${ACTIVE_OR_NOT} AND ${ON_LIVING_BUS}
    RETURNING version`;

/** An answer to an attempt before the last change says nothing about what the subscription is now. Primary key. */
const DISABLE = `
  UPDATE subscriptions SET version = ${THIS_VERSION}, status = 'disabled', disabled_reason = ?3, updated_ms = ?4
    WHERE bus = ?1 AND id = ?2 AND status = 'active' AND updated_ms <= ?5
    RETURNING version, wanted`;

/** The store over D1. All methods @throw Unavailable. */
export function d1Subscriptions(deps: {
  readonly db: D1Database;
  readonly vault: Vault;
  readonly random: Random;
}): SubscriptionStore {
  const { db, vault, random } = deps;

  /** Runs a change with its note, and answers the row that one of its statements returned, null when it changed nothing. */
  async function change<Row extends { readonly version: number }>(
    place: { readonly bus: string; readonly id: string },
    note: AuditNote,
    ...statements: readonly [D1PreparedStatement, ...D1PreparedStatement[]]
  ): Promise<Row | null> {
    const noted = audited(db, note, { bus: place.bus, target: place.id, made: "subscription" });
    const results = await weather(() =>
      db.batch([db.prepare(NEXT_VERSION), ...statements, noted, db.prepare(RAISE_VERSION)]),
    );
    return results.flatMap((result) => rowsOf<Row>(result))[0] ?? null;
  }

  async function seal(subscription: Unversioned, column: "secrets" | "headers"): Promise<string | null> {
    const plain = subscription[column];
    if (plain === null) return null;
    const options = { iv: random.bytes(VAULT_IV_BYTES), context: context(subscription, column) };
    return vault.seal(JSON.stringify(plain), options);
  }

  /** ?1 to ?15 of INSERT and REPLACE. */
  async function values(subscription: Unversioned): Promise<readonly (string | number | null)[]> {
    const { bus, id, status, disabledReason, name, sink, format, timeoutMs, updatedMs, retry, pace } = subscription;
    const secrets = await seal(subscription, "secrets");
    const headers = await seal(subscription, "headers");
    const settings = [status, disabledReason, name, sink, format, timeoutMs, updatedMs, JSON.stringify(retry)];
    const rate = pace.rate === null ? null : JSON.stringify(pace.rate);
    return [bus, id, ...settings, rate, pace.concurrency, wantedText(subscription), secrets, headers];
  }

  return {
    async create(subscription, note) {
      const { bus, id, createdMs } = subscription;
      const insert = db.prepare(INSERT).bind(...(await values(subscription)), createdMs, SUBSCRIPTIONS_PER_BUS_MAX);
      const [, , , , stored] = await weather(() =>
        db.batch([
          db.prepare(NEXT_VERSION),
          insert,
          db.prepare(count("+ 1")).bind(bus, id),
          audited(db, note, { bus, target: id, made: "subscription" }),
          db.prepare(MADE).bind(bus, id),
        ]),
      );
      const [row] = rowsOf<Partial<SubscriptionRow> & { readonly bus_status: string }>(stored);
      if (row?.bus_status !== "active") return "bus-gone";
      if (!isStored(row)) return "limit-reached";
      if (row.status === "deleted") return "deleted-since";
      const { version, ...there } = await toDomain(row, vault);
      return changed(there, version);
    },

    async get(bus, id) {
      const row = await weather(() => db.prepare(GET).bind(bus, id).first<SubscriptionRow>());
      return row === null ? null : await toDomain(row, vault);
    },

    async wanted(bus, ids) {
      const statement = db.prepare(WANTED).bind(bus, JSON.stringify(ids));
      const { results } = await weather(() => statement.all<Pick<SubscriptionRow, "id" | "wanted">>());
      return new Map(results.map((row) => [row.id, toWanted(row)]));
    },

    async list(bus, { limit, before }) {
      // "t" sorts after every id, which begin with "sub_".
      const statement = db.prepare(LIST).bind(bus, before ?? "t", LIST_SCAN_ROWS_MAX, limit);
      const { results } = await weather(() => statement.all<SubscriptionRow & Scanned>());
      const { page, last } = pageOf(results, limit);
      return { rows: await Promise.all(page.map((row) => toDomain(row, vault))), next: last?.id ?? null };
    },

    async replace(subscription, { expected, note, resumeFromMs = 0 }) {
      const { bus, id, sink, status } = subscription;
      const floor = resumeFromMs === 0 ? "" : timeOrderedFloor(resumeFromMs);
      const reset = db.prepare(RESET).bind(bus, id, expected, sink, status);
      const update = db.prepare(REPLACE).bind(...(await values(subscription)), expected, floor);
      const row = await change(subscription, note, reset, update);
      return row === null ? null : changed(subscription, row.version);
    },

    async delete(bus, id, { expected, now, note }) {
      const deletion = db.prepare(DELETE).bind(bus, id, now, expected);
      const counted = db.prepare(count("- 1")).bind(bus, id);
      const forgotten = [OPEN_UP, FORGET].map((sql) => db.prepare(sql).bind(bus, id));
      const row = await change({ bus, id }, note, deletion, counted, ...forgotten);
      return row === null ? null : { kind: "subscription", version: row.version, bus, id, wanted: null };
    },

    async disable(bus, id, { reason, attemptedMs, now, auditId }) {
      const note: AuditNote = {
        id: auditId,
        atMs: now,
        actor: "system",
        requestId: null,
        action: "subscription.disabled",
        before: JSON.stringify({ status: "active", disabled_reason: null }),
        after: JSON.stringify({ status: "disabled", disabled_reason: reason }),
      };
      const disabling = db.prepare(DISABLE).bind(bus, id, reason, now, attemptedMs);
      const row = await change<Pick<SubscriptionRow, "version" | "wanted">>({ bus, id }, note, disabling);
      return row === null ? null : { kind: "subscription", version: row.version, bus, id, wanted: row.wanted };
    },
  };
}

/** What a left join found. */
const isStored = <T extends Partial<SubscriptionRow>>(row: T): row is T & SubscriptionRow => typeof row.id === "string";

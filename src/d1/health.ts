/**
 * Health of sinks: what attempts say of them, as arithmetic that SQL does on the row as it is in that transaction. Whatever runs at the same
 * time, no observation is lost or counted twice, and a row is written only when it changes materially.
 */
import type { DeliveryKey, Settlement } from "../core/delivery.ts";
import type { Breaker, SinkChange } from "../core/health.ts";
import {
  BREAKER_DOUBLINGS_MAX,
  BREAKER_FAILURE_RATE,
  BREAKER_FAILURES,
  BREAKER_OPEN_MS,
  FAILURE_RATE_NOTED,
  FAILURE_WEIGHT,
  LANE_FAST_LATENCY_MS,
  LATENCY_NOTED_MS,
  LATENCY_WEIGHT,
  LEASE_MS,
  PARKED_MS,
  RESUME_DELIVERIES_MAX,
  RESUME_SINKS_MAX,
  RESUME_STEP_SECONDS,
  SLOW_ATTEMPT_MS,
  SWEEP_GRACE_MS,
} from "../core/limits.ts";
import { wasSlow } from "../core/outcome.ts";
import { type SinkKey, sinkKeyText } from "../core/sink-key.ts";
import { THIS_VERSION } from "./changes.ts";
import { type DeliveryKeyRow, keyList, toKey } from "./delivery-key.ts";
import { jsonParameters, PARAMETER_ROWS } from "./json-parameter.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

// ---- Observing ---------------------------------------------------------------------------------------------------

/**
 * What was seen (?1), of deliveries that the token (?2) still holds: a settle that runs again has released them and observes nothing. First
 * attempts without a claim have no token.
 */
const SEEN = `
  SELECT o.bus, o.subscription_id, o.works, o.at_ms, o.duration_ms, o.slow, o.paused_until_ms, o.ended,
    max(iif(o.works = 1, o.at_ms, NULL)) OVER (PARTITION BY o.bus, o.subscription_id) AS good_ms
  FROM (
    SELECT value ->> 0 AS bus, value ->> 1 AS seq, value ->> 2 AS subscription_id, value ->> 3 AS run, value ->> 4 AS works,
      value ->> 5 AS at_ms, value ->> 6 AS duration_ms, value ->> 7 AS slow, value ->> 8 AS paused_until_ms, value ->> 9 AS ended
    FROM ${PARAMETER_ROWS}) o
  WHERE ?2 IS NULL OR EXISTS (
    SELECT 1 FROM deliveries d WHERE d.bus = o.bus AND d.seq = o.seq AND d.subscription_id = o.subscription_id AND d.run = o.run
      AND d.claim = ?2)`;

/** The same for each subscription: how many attempts, how many of them good and bad, and how many bad ones since the last good one. */
const COUNTED = `
  SELECT bus, subscription_id, count(works) AS attempts, total(works) AS good, total(works = 0) AS bad, max(good_ms) AS good_ms,
    total(works = 0 AND (good_ms IS NULL OR at_ms > good_ms)) AS tail,
    min(iif(works = 0 AND (good_ms IS NULL OR at_ms > good_ms), at_ms, NULL)) AS tail_ms,
    avg(iif(works IS NULL, NULL, duration_ms)) AS mean_ms, max(slow) AS slow, max(paused_until_ms) AS asked_ms, min(ended) AS ended
  FROM (${SEEN}) GROUP BY bus, subscription_id`;

/** With the row as it is: failures and averages after it. */
const AVERAGED = `
  SELECT c.*, row_number() OVER (ORDER BY c.bus, c.subscription_id) AS place, h.lane, h.breaker, h.failures, h.failure_rate, h.latency_ms,
    h.failing_since_ms, h.opened_ms, h.openings, h.probe_ms, h.paused_until_ms, h.parking, h.probe IS ?2 AND h.probe IS NOT NULL AS probes,
    CAST(iif(c.good > 0, c.tail, h.failures + c.bad) AS INTEGER) AS failures_now,
    h.failure_rate + (c.bad / max(c.attempts, 1) - h.failure_rate) * min(1, ${FAILURE_WEIGHT} * c.attempts) AS raw_rate,
    CASE WHEN c.attempts = 0 THEN h.latency_ms WHEN h.latency_ms IS NULL THEN c.mean_ms
      ELSE h.latency_ms + (c.mean_ms - h.latency_ms) * min(1, ${LATENCY_WEIGHT} * c.attempts) END AS raw_latency_ms
  FROM (${COUNTED}) c CROSS JOIN health h ON h.bus = c.bus AND h.subscription_id = c.subscription_id`;

/**
 * What becomes of the breaker. Only what was begun after it opened can close it; of failures only that of its own probe counts then. A
 * probe that was not made, or failed for a reason of ours, lets another be made a little later.
 */
const BROKEN = `
  SELECT *, iif(raw_rate < ${FAILURE_RATE_NOTED} AND bad = 0, 0, raw_rate) AS rate_now,
    iif(failures_now = 0, NULL, iif(good > 0 OR failing_since_ms IS NULL, tail_ms, failing_since_ms)) AS failing_now_ms,
    CASE WHEN slow = 1 THEN max(coalesce(raw_latency_ms, 0), ${SLOW_ATTEMPT_MS}) ELSE raw_latency_ms END AS latency_now_ms,
    CASE
      WHEN breaker = 'closed' THEN iif(bad > 0 AND (failures_now >= ${BREAKER_FAILURES} OR raw_rate >= ${BREAKER_FAILURE_RATE}), 'opens', 'stays')
      WHEN good_ms >= opened_ms THEN 'closes'
      WHEN probes AND bad > 0 THEN 'opens again'
      WHEN probes AND ended THEN 'lost its probe'
      ELSE 'stays' END AS turn
  FROM (${AVERAGED})`;

/** The lane and all times of the breaker. */
const JUDGED = `
  SELECT *, iif(max(paused_until_ms, coalesce(asked_ms, 0)) > ?3, max(paused_until_ms, coalesce(asked_ms, 0)), 0) AS paused_now_ms,
    CASE turn WHEN 'stays' THEN breaker WHEN 'closes' THEN 'closed' ELSE 'open' END AS breaker_now,
    CASE turn WHEN 'opens' THEN 1 WHEN 'opens again' THEN openings + 1 WHEN 'closes' THEN 0 ELSE openings END AS openings_now,
    CASE turn WHEN 'opens' THEN ?3 + ${BREAKER_OPEN_MS}
      WHEN 'opens again' THEN ?3 + (${BREAKER_OPEN_MS} << min(openings, ${BREAKER_DOUBLINGS_MAX}))
      WHEN 'lost its probe' THEN ?3 + ${BREAKER_OPEN_MS} WHEN 'closes' THEN NULL ELSE probe_ms END AS probe_now_ms,
    CASE
      WHEN slow = 1 OR turn IN ('opens', 'opens again', 'lost its probe') OR turn = 'stays' AND breaker <> 'closed' THEN 'slow'
      WHEN failures_now = 0 AND latency_now_ms < ${LANE_FAST_LATENCY_MS} THEN 'fast'
      ELSE lane END AS lane_now
  FROM (${BROKEN})`;

/** ?1 what was seen, ?2 the token or null, ?3 now. Primary keys of `health` and `deliveries`. */
const OBSERVE = `
  UPDATE health SET latency_ms = j.latency_now_ms, failures = j.failures_now,
    failure_rate = iif(j.turn = 'closes', 0, j.rate_now), failing_since_ms = j.failing_now_ms,
    breaker = j.breaker_now, openings = j.openings_now, probe_ms = j.probe_now_ms, probe = iif(j.turn = 'stays', health.probe, NULL),
    opened_ms = CASE j.turn WHEN 'opens' THEN ?3 WHEN 'closes' THEN NULL ELSE health.opened_ms END,
    closed_ms = iif(j.turn = 'closes', ?3, health.closed_ms),
    paused_until_ms = j.paused_now_ms, parking = iif(j.breaker_now <> 'closed' OR j.paused_now_ms > ?3, 1, health.parking),
    lane = j.lane_now, version = iif(j.lane_now = health.lane, health.version, ${THIS_VERSION} + j.place)
  FROM (${JUDGED}) j
  WHERE health.bus = j.bus AND health.subscription_id = j.subscription_id AND (
    j.turn <> 'stays' OR j.failures_now <> health.failures OR j.lane_now <> health.lane OR j.paused_now_ms <> health.paused_until_ms
    OR j.rate_now <> health.failure_rate
    OR j.attempts > 0 AND (health.latency_ms IS NULL OR health.lane = 'slow'
      OR abs(j.mean_ms - health.latency_ms) > max(health.latency_ms / 2, ${LATENCY_NOTED_MS})))
  RETURNING bus, subscription_id, breaker, opened_ms, probe_ms, paused_until_ms, failures, failing_since_ms,
    opened_ms IS ?3 AS opens, parking AND closed_ms IS ?3 AS resumes`;

/** A subscription's first attempt makes its row; a deleted one has none. ?1 pairs of bus and subscription id, each once. Primary keys. */
const MAKE_ROWS = `
  INSERT INTO health (bus, subscription_id)
  SELECT s.bus, s.id FROM (
    SELECT k.value ->> 0 AS bus, k.value ->> 1 AS id FROM json_each(?1) k
    WHERE NOT EXISTS (SELECT 1 FROM health h WHERE h.bus = k.value ->> 0 AND h.subscription_id = k.value ->> 1) LIMIT -1) m
  CROSS JOIN subscriptions s ON s.bus = m.bus AND s.id = m.id AND s.status <> 'deleted' WHERE true`;

/** The caches page through changes by version, and no two share one: each change of a lane has taken the next. Index: health_version. */
export const RAISE_VERSION = `
  UPDATE meta SET version = (SELECT max(version) FROM health WHERE version > 0)
  WHERE version < (SELECT max(version) FROM health WHERE version > 0)`;

interface ChangeRow {
  readonly bus: string;
  readonly subscription_id: string;
  readonly breaker: Breaker;
  readonly opened_ms: number | null;
  readonly probe_ms: number | null;
  readonly paused_until_ms: number;
  readonly failures: number;
  readonly failing_since_ms: number | null;
  readonly opens: number;
  readonly resumes: number;
}

const toChange = (row: ChangeRow): SinkChange => ({
  bus: row.bus,
  subscriptionId: row.subscription_id,
  breaker: row.breaker,
  openedMs: row.opened_ms,
  probeMs: row.probe_ms,
  pausedUntilMs: row.paused_until_ms,
  failures: row.failures,
  failingSinceMs: row.failing_since_ms,
  isOpening: row.opens === 1,
  isResuming: row.resumes === 1,
});

/** A settlement as it is observed. One without an attempt says that a probe, if it was one, was not made. */
const seenOf = ({ key, attempt, sign }: Settlement): readonly unknown[] => [
  ...keyList(key),
  sign === null ? null : Number(sign.works),
  attempt?.at_ms ?? null,
  attempt?.duration_ms ?? null,
  attempt === null || sign === null ? 0 : Number(wasSlow(attempt)),
  sign?.pausedUntilMs ?? null,
  1,
];

/** A push that is open for longer than SLOW_ATTEMPT_MS. */
const openOf = (key: DeliveryKey): readonly unknown[] => [...keyList(key), null, null, null, 1, null, 0];

/** Statements of a settle, to stand before what releases the deliveries; none when nothing was seen. */
export function observe(
  db: D1Database,
  seen: { readonly settlements: readonly Settlement[]; readonly open: readonly DeliveryKey[] },
  { token, now }: { readonly token: string | null; readonly now: number },
): D1PreparedStatement[] {
  const rows = [...seen.settlements.map(seenOf), ...seen.open.map(openOf)];
  if (rows.length === 0) return [];
  const keys = [...seen.settlements.map(({ key }) => key), ...seen.open];
  const sinks = new Map(keys.map((key) => [sinkKeyText(key), [key.bus, key.subscriptionId]]));
  return [
    ...jsonParameters([...sinks.values()]).map((parameter) => db.prepare(MAKE_ROWS).bind(parameter)),
    ...jsonParameters(rows).flatMap((parameter) => [
      db.prepare(OBSERVE).bind(parameter, token, now),
      db.prepare(RAISE_VERSION),
    ]),
  ];
}

/** What these statements changed. `results` are those of the batch, in which they came first. */
export const changesIn = (results: readonly D1Result[], statements: number): SinkChange[] =>
  // Of these only OBSERVE returns rows.
  results.slice(0, statements).flatMap((result) => rowsOf<ChangeRow>(result).map(toChange));

// ---- In the claim ------------------------------------------------------------------------------------------------

/** Of subscription `h` (or null), at ?2 now: why nothing may be pushed, so that it is left until somebody says that it may. */
export const PARKED_CAUSE = `CASE WHEN h.paused_until_ms > ?2 THEN 'retry-after' WHEN h.breaker <> 'closed' AND h.probe_ms > ?2 THEN 'breaker' END`;

/** The causes of that, and the same in SQL. */
export const PARKED_CAUSES = ["breaker", "retry-after"] as const;
export const PARKED = `('${PARKED_CAUSES.join("', '")}')`;

const OURS = "claims c CROSS JOIN json_each(c.keys) j WHERE c.token = ?1";

/**
 * A batch that took deliveries of a sink whose probe is due makes the probe: the one batch for which this finds the breaker so. ?1 its token,
 * ?2 now. Until LEASE_MS is over no other probe is made, whatever becomes of this one. Primary keys.
 */
const TAKE_PROBES = `
  UPDATE health SET breaker = 'half-open', probe = ?1, probe_ms = ?2 + ${LEASE_MS}
  FROM (SELECT DISTINCT j.value ->> 0 AS bus, j.value ->> 2 AS subscription_id FROM ${OURS}) k
  WHERE health.bus = k.bus AND health.subscription_id = k.subscription_id AND breaker <> 'closed' AND probe_ms <= ?2`;

/** What the batch has of these sinks beside the probe, its oldest, is put back. ?3 when it is looked at again at the latest. Primary keys. */
const KEEP_PROBES = `
  UPDATE deliveries SET state = 'waiting', cause = 'breaker', due_ms = ?3, claim = NULL, attempt = attempt - 1, tries = tries - 1
  FROM (
    SELECT k.bus, k.seq, k.subscription_id, k.run, row_number() OVER (PARTITION BY k.bus, k.subscription_id ORDER BY k.seq, k.run) AS place
    FROM (SELECT j.value ->> 0 AS bus, j.value ->> 1 AS seq, j.value ->> 2 AS subscription_id, j.value ->> 3 AS run FROM ${OURS}) k
    CROSS JOIN health h ON h.bus = k.bus AND h.subscription_id = k.subscription_id AND h.breaker = 'half-open' AND h.probe = ?1) p
  WHERE p.place > 1 AND deliveries.bus = p.bus AND deliveries.seq = p.seq AND deliveries.subscription_id = p.subscription_id
    AND deliveries.run = p.run AND deliveries.claim = ?1 AND deliveries.state = 'claimed'`;

/** Statements of a claim of lane `slow`, to stand after what writes the claim; one of lane `fast` takes nothing that would be a probe. */
export const takeProbes = (
  db: D1Database,
  { token, now }: { readonly token: string; readonly now: number },
): D1PreparedStatement[] => [
  db.prepare(TAKE_PROBES).bind(token, now),
  db.prepare(KEEP_PROBES).bind(token, now, now + PARKED_MS),
];

// ---- Resuming ----------------------------------------------------------------------------------------------------

/** What the index deliveries_parked holds, word for word: SQLite uses a partial index only where its condition stands in the query. */
const IN_PARKED_INDEX = "state = 'waiting' AND cause IN ('breaker', 'retry-after', 'resumed')";

/** Of sink ?2 on bus ?1 what waits for that cause, oldest first, up to that many. Index: deliveries_parked. */
const waiting = (cause: string, limit: string): string => `
  SELECT * FROM (
    SELECT bus, seq, subscription_id, run FROM deliveries INDEXED BY deliveries_parked
    WHERE ${IN_PARKED_INDEX} AND subscription_id = ?2 AND bus = ?1 AND cause = '${cause}'
    ORDER BY seq, run LIMIT ${limit})`;

/** All that is parked for it, oldest first. */
const parked = (limit: string): string =>
  `SELECT * FROM (${PARKED_CAUSES.map((cause) => waiting(cause, limit)).join(" UNION ALL ")}) ORDER BY seq, run LIMIT ${limit}`;

/** Of several steps that come together one is made; the others find that one was made just now. ?1 bus, ?2 subscription, ?3 now. */
const STEP = `
  UPDATE health SET resumed_ms = ?3 WHERE bus = ?1 AND subscription_id = ?2 AND resumed_ms <= ?3 - ${(RESUME_STEP_SECONDS * 1_000) / 2}
  RETURNING paused_until_ms > ?3 OR breaker <> 'closed' AND probe_ms > ?3 AS shut`;

/** It is not active any more, or went on from a later place: what is parked is held or ends, as it would have from the beginning. Primary keys. */
const WITHDRAW = `
  UPDATE deliveries SET due_ms = NULL,
    state = CASE WHEN w.gone THEN 'cancelled' WHEN w.status <> 'active' THEN 'held' ELSE 'cancelled' END,
    cause = CASE WHEN w.gone THEN 'subscription-deleted' WHEN w.status <> 'active' THEN 'subscription-' || w.status ELSE 'skipped' END
  FROM (
    SELECT p.*, s.status, s.id IS NULL OR s.status = 'deleted' AS gone FROM (${parked(String(RESUME_DELIVERIES_MAX))}) p
    LEFT JOIN subscriptions s ON s.bus = p.bus AND s.id = p.subscription_id
    WHERE s.status IS NOT 'active' OR p.seq < s.resume_from) w
  WHERE deliveries.bus = w.bus AND deliveries.seq = w.seq AND deliveries.subscription_id = w.subscription_id
    AND deliveries.run = w.run AND deliveries.state = 'waiting'`;

/**
 * How many parked deliveries may go: none while it is shut, one as its probe, else ?4 less those that were let go before and are not taken yet.
 * ?3 now. Primary keys, deliveries_parked.
 */
const ROOM = `
  SELECT CASE WHEN h.paused_until_ms > ?3 OR h.breaker <> 'closed' AND h.probe_ms > ?3 THEN 0
    WHEN h.breaker <> 'closed' THEN 1 ELSE ?4 - (SELECT count(*) FROM (${waiting("resumed", "?4")})) END
  FROM health h CROSS JOIN subscriptions s ON s.bus = h.bus AND s.id = h.subscription_id AND s.status = 'active'
  WHERE h.bus = ?1 AND h.subscription_id = ?2`;

/** The oldest of them become due now. */
const UNPARK = `
  UPDATE deliveries SET due_ms = ?3, cause = 'resumed'
  WHERE (bus, seq, subscription_id, run) IN (
    SELECT bus, seq, subscription_id, run FROM (
      SELECT p.*, row_number() OVER (ORDER BY p.seq, p.run) AS place FROM (${parked("?4")}) p
      CROSS JOIN subscriptions s ON s.bus = p.bus AND s.id = p.subscription_id AND p.seq >= s.resume_from)
    WHERE place <= (${ROOM}))
  RETURNING bus, seq, subscription_id, run`;

/** Whether anything is parked for the row of `health`. Index: deliveries_parked. */
const HAS_PARKED = `EXISTS (
    SELECT 1 FROM deliveries d INDEXED BY deliveries_parked
    WHERE ${IN_PARKED_INDEX} AND d.subscription_id = health.subscription_id AND d.bus = health.bus AND cause IN ${PARKED})`;

/**
 * Nothing is left, and nothing can come: it is not shut, and its pause ended so long ago that no claim is under way that still saw it. Primary
 * key, deliveries_parked.
 */
const END_PARKING = `
  UPDATE health SET parking = 0
  WHERE bus = ?1 AND subscription_id = ?2 AND parking = 1 AND breaker = 'closed' AND paused_until_ms <= ?3 - ${SWEEP_GRACE_MS}
    AND NOT ${HAS_PARKED}`;

/** ?1 bus, ?2 subscription. */
const LEFT = `SELECT 1 AS more FROM health WHERE bus = ?1 AND subscription_id = ?2 AND ${HAS_PARKED}`;

/**
 * Sinks that may have something parked and are ready for it; a dead one to which nobody sends has no probe to make. ?1 now, less a grace for those
 * who do it in time. Indexes: health_parking, deliveries_parked.
 */
const READY = `
  SELECT bus, subscription_id FROM health INDEXED BY health_parking
  WHERE parking = 1 AND paused_until_ms <= ?1 AND (breaker = 'closed' OR probe_ms <= ?1 AND ${HAS_PARKED}) AND (bus, subscription_id) > (?2, ?3)
  ORDER BY bus, subscription_id LIMIT ${RESUME_SINKS_MAX}`;

/**
 * Lets the oldest parked deliveries of one sink go, as many as there is room for. Answers which, and whether another step is to follow: something is left
 * that may go. It ends without a trace when it is one of several, or its isolate ends in between: the sweep has what is parked. @throws Unavailable
 */
export async function resume(
  db: D1Database,
  { bus, subscriptionId }: SinkKey,
  { limit, now }: { readonly limit: number; readonly now: number },
): Promise<{ readonly freed: readonly DeliveryKey[]; readonly more: boolean }> {
  const at = [bus, subscriptionId] as const;
  const step = db.prepare(STEP).bind(...at, now);
  const made = await weather(() => step.first<{ readonly shut: number }>());
  if (made === null) return { freed: [], more: false };
  const [withdrawn, unparked, , , left] = await weather(() =>
    db.batch([
      db.prepare(WITHDRAW).bind(...at),
      db.prepare(UNPARK).bind(...at, now, limit),
      db.prepare(END_PARKING).bind(...at, now),
      db.prepare(FORGET).bind(...at),
      db.prepare(LEFT).bind(...at),
    ]),
  );
  const goesOn = made.shut !== 1 || (withdrawn?.meta.changes ?? 0) > 0;
  return { freed: rowsOf<DeliveryKeyRow>(unparked).map(toKey), more: goesOn && rowsOf(left).length > 0 };
}

/** A page of the sinks that have been ready since `before`, after that one. @throws Unavailable */
export async function readySinks(db: D1Database, before: number, after: SinkKey | null): Promise<SinkKey[]> {
  const statement = db.prepare(READY).bind(before, after?.bus ?? "", after?.subscriptionId ?? "");
  const { results } = await weather(() => statement.all<{ readonly bus: string; readonly subscription_id: string }>());
  return results.map(({ bus, subscription_id: subscriptionId }) => ({ bus, subscriptionId }));
}

// ---- With the subscription ---------------------------------------------------------------------------------------

/** A sink of which nothing is known. */
const WELL = `latency_ms = NULL, failure_rate = 0, failures = 0, failing_since_ms = NULL, breaker = 'closed', opened_ms = NULL,
    openings = 0, probe_ms = NULL, probe = NULL, paused_until_ms = 0, resumed_ms = 0, lane = 'fast'`;

/**
 * Nothing is known any more of a sink that is another (?4 its URL), or is to be tried again (?5 its status). It stands before the change itself, whose
 * version is ?3; RAISE_VERSION comes last. What is parked is freed by the sweep. Primary keys.
 */
export const RESET = `
  UPDATE health SET ${WELL}, version = iif(lane = 'fast', version, ${THIS_VERSION} + 1)
  WHERE bus = ?1 AND subscription_id = ?2 AND EXISTS (
    SELECT 1 FROM subscriptions s WHERE s.bus = ?1 AND s.id = ?2 AND s.version = ?3
      AND (s.sink <> ?4 OR s.status <> 'active' AND ?5 = 'active'))`;

/** The subscription is deleted. ?1 bus, ?2 id. Primary key. */
const IS_DELETED = "EXISTS (SELECT 1 FROM subscriptions s WHERE s.bus = ?1 AND s.id = ?2 AND s.status = 'deleted')";

/** With its subscription, once that is deleted: at once, or when what is parked has ended. Primary key. */
export const FORGET = `DELETE FROM health WHERE bus = ?1 AND subscription_id = ?2 AND parking = 0 AND ${IS_DELETED}`;

/** So that what is parked is found and ends. It stands before FORGET. Primary key. */
export const OPEN_UP = `UPDATE health SET ${WELL} WHERE bus = ?1 AND subscription_id = ?2 AND ${IS_DELETED}`;

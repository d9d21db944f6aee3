/**
 * The log of deliveries: claim, settle and adopt, each one D1 batch(), a transaction. docs/delivery.md is the protocol and names
 * the statements (C1-C7, T1-T2) as they stand here. A claim or settle may run again with the same token: what it
 * did is not done twice, and a claim may take what became free meanwhile.
 */
import {
  ATTEMPTS_KEPT_MAX,
  CLAIM_BODIES_BYTES_MAX,
  CROWDED_DELAY_MS,
  DUE_TOLERANCE_MS,
  LEASE_MS,
  PARKED_MS,
  SLOW_BATCHES_PER_BUS_MAX,
} from "../core/limits.ts";
import type { Settlement } from "../core/delivery.ts";
import type { EventParcel } from "../core/parcel.ts";
import type { Vault } from "../core/vault.ts";
import type { Claimed, ClaimedDelivery, ClaimedEvent, Log } from "../ports.ts";
import { type DeliveryKeyRow, keyList, toKey } from "./delivery-key.ts";
import { insertEvents, IS_ERASED } from "./event-rows.ts";
import { peek, recordFirst } from "./first-attempts.ts";
import { changesIn, observe, PARKED, PARKED_CAUSE, resume, takeProbes } from "./health.ts";
import { jsonParameters, PARAMETER_ROWS } from "./json-parameter.ts";
import { rowsOf } from "./rows.ts";
import { insertSettles, settledNews } from "./settles.ts";
import { HEALTH_COLUMNS, openPushes, type PushRow } from "./subscriptions.ts";
import { weather } from "./unavailable.ts";

/**
 * Free to take: waiting and due, or claimed by another batch whose lease is over or gone.
 * ?2 now, ?3 our token. A row that carries our token already is not taken twice.
 */
const FREE = `(
  deliveries.state = 'waiting' AND deliveries.due_ms <= ?2 + ${DUE_TOLERANCE_MS}
  OR deliveries.state = 'claimed' AND deliveries.claim <> ?3 AND NOT EXISTS (
    SELECT 1 FROM claims live WHERE live.token = deliveries.claim AND live.lease_ms > ?2))`;

const GONE = `(s.id IS NULL OR s.status = 'deleted' OR b.status IS NOT 'active')`;

/** Buses that have their share of the batches of lane `slow`, ours (?3) not counted. ?2 now. Index: claims_slow. */
const CROWDED = `
  SELECT bus FROM claims INDEXED BY claims_slow WHERE lane = 'slow' AND lease_ms > ?2 AND token <> ?3
  GROUP BY bus HAVING count(*) >= ${SLOW_BATCHES_PER_BUS_MAX}`;

/**
 * Why a delivery of bus `b` and health `h` is not for a batch of lane ?4 to push now: its sink is shut, or slow, or its bus has its share of
 * lane `slow`. No batch of lane `fast` takes what would be a probe. ?2 now, ?3 our token.
 */
const WAITS = `coalesce(${PARKED_CAUSE}, CASE
  WHEN ?4 = 'fast' AND (h.lane = 'slow' OR h.breaker <> 'closed') THEN 'forwarded'
  WHEN ?4 = 'slow' AND b.bus IN (${CROWDED}) THEN 'crowded' END)`;

/** When what waits for these is due: what is parked when somebody says so, or much later. */
const WAITS_UNTIL = `CASE WHEN waits IN ${PARKED} THEN ?2 + ${PARKED_MS} WHEN waits = 'forwarded' THEN ?2
  ELSE ?2 + ${CROWDED_DELAY_MS} END`;

/**
 * What becomes of each of these keys, if it is free: from its subscription, bus and health as they are in this transaction. LIMIT: judged once,
 * not for each mention of the verdict.
 */
const judged = (keys: string): string => `
  SELECT bus, seq, subscription_id, run, iif(state = 'claimed', 1, 0) AS counted, iif(state = 'claimed', ?3, NULL) AS claim, state,
    CASE state WHEN 'cancelled' THEN 'subscription-deleted' WHEN 'held' THEN 'subscription-' || status ELSE waits END AS cause,
    iif(state = 'waiting', ${WAITS_UNTIL}, NULL) AS due_ms
  FROM (
    SELECT *, CASE WHEN gone THEN 'cancelled' WHEN status <> 'active' THEN 'held' WHEN waits IS NOT NULL THEN 'waiting' ELSE 'claimed' END AS state
    FROM (
      SELECT k.*, s.status, ${GONE} AS gone, ${WAITS} AS waits FROM (${keys}) k
      LEFT JOIN buses b ON b.bus = k.bus
      LEFT JOIN subscriptions s ON s.bus = k.bus AND s.id = k.subscription_id
      LEFT JOIN health h ON h.bus = k.bus AND h.subscription_id = k.subscription_id LIMIT -1))`;

/**
 * C1: another receipt for a known event is a duplicate publish. ?1 pairs of event id and receipt, one for each publish; a claim that
 * is repeated (?2 its token) has counted them. Index: events_event_id.
 */
const COUNT_DUPLICATES = `
  UPDATE events SET duplicates = duplicates + p.publishes
  FROM (
    SELECT e.event_id, count(*) AS publishes FROM json_each(?1) j CROSS JOIN events e ON e.event_id = j.value ->> 0
    WHERE e.receipt <> j.value ->> 1 AND NOT EXISTS (SELECT 1 FROM claims WHERE token = ?2) GROUP BY e.event_id) p
  WHERE events.event_id = p.event_id`;

/** What was deferred by its rate comes back as such, by whichever lane: those that come back are let through first. */
const CAUSE_KEPT = (cause: string): string =>
  `iif(deliveries.cause = 'rate' AND coalesce(${cause}, 'forwarded') IN ('forwarded', 'crowded'), 'rate', ${cause})`;

/** C2: first deliveries of events, keyed by event id so that a duplicate publish meets the row on record. Index: primary keys. */
const CLAIM_FIRST = `
  INSERT INTO deliveries (bus, seq, subscription_id, run, state, attempt, tries, due_ms, claim, cause)
  SELECT bus, seq, subscription_id, run, state, counted, counted, due_ms, claim, cause FROM (${judged(`
    SELECT e.bus, e.seq, k.value ->> 1 AS subscription_id, '' AS run
    FROM json_each(?1) k JOIN events e ON e.event_id = k.value ->> 0 WHERE NOT ${IS_ERASED}`)}) WHERE true
  ON CONFLICT (bus, seq, subscription_id, run) DO UPDATE SET
    state = excluded.state, claim = excluded.claim, cause = ${CAUSE_KEPT("excluded.cause")}, due_ms = excluded.due_ms,
    attempt = deliveries.attempt + excluded.attempt, tries = deliveries.tries + excluded.tries
  WHERE ${FREE}`;

/** C3: rows that wake-ups name. It never inserts: what was erased stays gone. Index: primary keys. */
const CLAIM_WOKEN = `
  UPDATE deliveries SET state = w.state, claim = w.claim, cause = ${CAUSE_KEPT("w.cause")}, due_ms = w.due_ms,
    attempt = attempt + w.counted, tries = tries + w.counted
  FROM (${judged(`
    SELECT value ->> 0 AS bus, value ->> 1 AS seq, value ->> 2 AS subscription_id, value ->> 3 AS run FROM json_each(?1)`)}) w
  WHERE deliveries.bus = w.bus AND deliveries.seq = w.seq AND deliveries.subscription_id = w.subscription_id
    AND deliveries.run = w.run AND ${FREE}`;

/** The rows that the batch's messages name: ?1 pairs of event id and subscription, ?4 whole keys. */
const NAMED = `(
  SELECT e.bus, e.seq, k.value ->> 1 AS subscription_id, '' AS run
  FROM json_each(?1) k JOIN events e ON e.event_id = k.value ->> 0
  UNION SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?4))`;
const NAMED_DELIVERIES = `${NAMED} n CROSS JOIN deliveries d
  ON d.bus = n.bus AND d.seq = n.seq AND d.subscription_id = n.subscription_id AND d.run = n.run`;

/**
 * C4: the batch in flight as one row; none when nothing is ours. A repeated claim may have taken more, or may name less than one that was given up and
 * acted after all: what either took is listed. None shortens a lease. ?2 the lease's end, ?5 the lane.
 */
const WRITE_CLAIM = `
  INSERT INTO claims (token, lease_ms, keys, lane, bus)
  SELECT ?3, ?2, keys, ?5, iif(?5 = 'slow', (SELECT value ->> 0 FROM json_each(keys) GROUP BY 1 ORDER BY count(*) DESC LIMIT 1), '')
  FROM (
    SELECT json_group_array(json_array(d.bus, d.seq, d.subscription_id, d.run)) AS keys
    FROM ${NAMED_DELIVERIES} WHERE d.claim = ?3 AND d.state = 'claimed' HAVING count(*) > 0) WHERE true
  ON CONFLICT (token) DO UPDATE SET lease_ms = max(lease_ms, excluded.lease_ms), keys = (
    SELECT json_group_array(json(value)) FROM (
      SELECT value FROM json_each(claims.keys) UNION SELECT value FROM json_each(excluded.keys)))`;

/**
 * C5: what is ours, until when another batch holds the rest, and what only waits for an alarm on lane `slow`. ?2 now, for a holder without a
 * lease.
 */
const READ_CLAIMED = `
  SELECT d.bus, d.seq, d.subscription_id, d.run, e.event_id, d.attempt, d.tries, d.claim = ?3 AS ours,
    coalesce(c.lease_ms, ?2) AS lease_ms, d.attempts ->> '$[#-1].attempt' AS last_recorded, d.state, d.due_ms, d.cause IS 'rate' AS returns
  FROM ${NAMED_DELIVERIES}
  CROSS JOIN events e ON e.bus = d.bus AND e.seq = d.seq
  LEFT JOIN claims c ON c.token = d.claim
  WHERE d.state = 'claimed'
    OR d.state = 'waiting' AND (d.cause IN ('forwarded', 'crowded') OR d.cause = 'rate' AND d.due_ms <= ?2 + ${CROWDED_DELAY_MS})`;

/** C6: the subscriptions of what is ours, as of this transaction. */
const READ_SUBSCRIPTIONS = `
  SELECT s.*, ${HEALTH_COLUMNS} FROM (
    SELECT DISTINCT j.value ->> 0 AS bus, j.value ->> 2 AS id FROM claims c, json_each(c.keys) j WHERE c.token = ?1) k
  CROSS JOIN subscriptions s ON s.bus = k.bus AND s.id = k.id
  LEFT JOIN health h ON h.bus = k.bus AND h.subscription_id = k.id`;

/**
 * C7: the events of what is ours. The event on record rules: a body that came inline is used only if its receipt (?2) made the
 * record; all other bodies are loaded, in order, up to ?3 bytes.
 */
const READ_EVENTS = `
  WITH ours AS (
    SELECT DISTINCT j.value ->> 0 AS bus, j.value ->> 1 AS seq FROM claims c, json_each(c.keys) j WHERE c.token = ?1),
  marked AS (
    SELECT e.bus, e.seq, e.bytes, e.event_id || ' ' || e.receipt IN (SELECT value FROM json_each(?2)) AS inline
    FROM ours CROSS JOIN events e ON e.bus = ours.bus AND e.seq = ours.seq),
  sized AS (
    SELECT bus, seq, inline, sum(iif(inline, 0, bytes)) OVER (ORDER BY bus, seq) - iif(inline, 0, bytes) AS before
    FROM marked)
  SELECT e.event_id, e.bus, e.seq, e.receipt, e.accepted_ms, e.hops, s.inline, iif(s.inline, NULL, coalesce(e.body, b.body)) AS body
  FROM sized s CROSS JOIN events e ON e.bus = s.bus AND e.seq = s.seq
  LEFT JOIN bodies b ON b.event_id = e.event_id AND NOT s.inline
  WHERE s.inline OR s.before < ?3`;

/** For a row `o` of these outcomes, of an attempt of that number: it is written, once. ?2 the token. */
const isOurs = (attempt: string): string => `
    (deliveries.claim = ?2 OR o.state = 'delivered' AND deliveries.state <> 'delivered' AND NOT EXISTS (
      SELECT 1 FROM json_each(deliveries.attempts) a WHERE a.value ->> 'attempt' = ${attempt}))`;

/**
 * T1: outcomes, by token. The one exception: `delivered` is absorbing and is written whoever holds the row, once: not when its
 * attempt is on record already, so that it does not undo a manual retry. Index: primary key.
 */
const SETTLE = `
  UPDATE deliveries SET state = o.state, due_ms = o.due_ms, cause = o.cause, claim = NULL,
    attempt = attempt - o.uncounted, tries = tries - o.uncounted,
    attempts = CASE
      WHEN o.record IS NULL THEN attempts
      WHEN json_array_length(attempts) < ${ATTEMPTS_KEPT_MAX} THEN json_insert(attempts, '$[#]', json(o.record))
      ELSE json_insert(json_remove(attempts, '$[0]'), '$[#]', json(o.record)) END
  FROM (
    SELECT value ->> 0 AS bus, value ->> 1 AS seq, value ->> 2 AS subscription_id, value ->> 3 AS run, value ->> 4 AS state,
      value ->> 5 AS due_ms, value ->> 6 AS cause, value ->> 7 AS uncounted, nullif(value -> 8, 'null') AS record
    FROM ${PARAMETER_ROWS}) o
  WHERE deliveries.bus = o.bus AND deliveries.seq = o.seq AND deliveries.subscription_id = o.subscription_id
    AND deliveries.run = o.run
    AND ${isOurs("o.record ->> 'attempt'")}
  RETURNING bus, seq, subscription_id, run`;

/** What T1 is about to write, for whoever follows or counts it. */
const NOTE_SETTLES = insertSettles(isOurs("o.attempt"));

/** T2: the batch is no longer in flight once no delivery carries its token: never in an early settle. Index: primary keys. */
const END_CLAIM = `
  DELETE FROM claims WHERE token = ?1 AND NOT EXISTS (
    SELECT 1 FROM json_each(claims.keys) j CROSS JOIN deliveries d
      ON d.bus = j.value ->> 0 AND d.seq = j.value ->> 1 AND d.subscription_id = j.value ->> 2 AND d.run = j.value ->> 3
    WHERE d.claim = ?1 AND d.state = 'claimed')`;

/** Adopt: rows that no batch could make, due now; those that exist are somebody's already. */
const ADOPT_DELIVERIES = `
  INSERT INTO deliveries (bus, seq, subscription_id, run, state, attempt, tries, due_ms, cause)
  SELECT e.bus, e.seq, k.value ->> 1, '', iif(${GONE}, 'cancelled', 'waiting'), 0, 0, iif(${GONE}, NULL, ?2),
    iif(${GONE}, 'subscription-deleted', 'released')
  FROM json_each(?1) k
  JOIN events e ON e.event_id = k.value ->> 0
  LEFT JOIN buses b ON b.bus = e.bus
  LEFT JOIN subscriptions s ON s.bus = e.bus AND s.id = k.value ->> 1
  WHERE NOT ${IS_ERASED}
  ON CONFLICT DO NOTHING
  RETURNING bus, seq, subscription_id, run, state`;

/** The first body of an event stays, and is kept from now on: its publish may not be claimed yet. What was erased stays away. */
const STORE_BODY = `
  INSERT INTO bodies (event_id, stored_ms, body)
  SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM erasures WHERE event_id = ?1)
  ON CONFLICT DO UPDATE SET stored_ms = excluded.stored_ms`;

interface ClaimedRow extends DeliveryKeyRow {
  readonly event_id: string;
  readonly attempt: number;
  readonly tries: number;
  readonly ours: number | null;
  readonly lease_ms: number;
  readonly last_recorded: number | null;
  readonly state: "claimed" | "waiting";
  readonly due_ms: number | null;
  /** 1: its rate deferred it before. */
  readonly returns: number;
}

interface EventRow {
  readonly event_id: string;
  readonly bus: string;
  readonly seq: string;
  readonly receipt: string;
  readonly accepted_ms: number;
  readonly hops: number;
  readonly inline: number;
  readonly body: string | null;
}

/** Event id and receipt, as READ_EVENTS compares them. */
const inlineMark = (eventId: string, receipt: string): string => `${eventId} ${receipt}`;

/** The state, due time and cause that an outcome leaves. `released` takes back what the claim counted. */
function settled({ outcome }: Settlement): readonly [string, number | null, string | null, 0 | 1] {
  switch (outcome.kind) {
    case "delivered":
      return ["delivered", null, null, 0];
    case "retry":
      return ["waiting", outcome.dueMs, "retry", 0];
    case "dead":
      return ["dead", null, outcome.cause, 0];
    case "released":
      return ["waiting", outcome.dueMs, outcome.cause, 1];
  }
}

/** Pairs of event id and subscription id. */
const firstDeliveries = (events: readonly EventParcel[]): readonly string[][] =>
  events.flatMap((event) => event.subscriptionIds.map((id) => [event.eventId, id]));

async function openDeliveries(
  rows: readonly ClaimedRow[],
  subscriptions: readonly PushRow[],
  vault: Vault,
): Promise<ClaimedDelivery[]> {
  const pushes = await openPushes(subscriptions, vault);
  return rows.map((row) => {
    const opened = pushes.get(`${row.bus} ${row.subscription_id}`);
    if (opened === undefined) throw new Error("A claimed delivery has no subscription");
    const { event_id: eventId, attempt, tries, last_recorded: lastRecorded } = row;
    return { key: toKey(row), eventId, attempt, tries, lastRecorded, returns: row.returns === 1, ...opened };
  });
}

function readEvents(rows: readonly EventRow[], parcels: readonly EventParcel[]): Map<string, ClaimedEvent> {
  const inline = new Map(parcels.map(({ eventId, receipt, body }) => [inlineMark(eventId, receipt), body]));
  return new Map(
    rows.map((row) => [
      row.event_id,
      {
        bus: row.bus,
        seq: row.seq,
        eventId: row.event_id,
        acceptedMs: row.accepted_ms,
        hops: row.hops,
        body: row.inline === 1 ? (inline.get(inlineMark(row.event_id, row.receipt)) ?? null) : row.body,
      },
    ]),
  );
}

const NOTHING: Claimed = { deliveries: [], events: new Map(), elsewhere: [], forwarded: [] };

export function d1Log({ db, vault }: { db: D1Database; vault: Vault }): Log {
  return {
    async claim(parcels, { token, now, lane, isCounted }): Promise<Claimed> {
      const events = parcels.filter((parcel) => parcel.kind === "event");
      const wakes = parcels.filter((parcel) => parcel.kind === "wake");
      const pairs = firstDeliveries(events);
      const keys = wakes.flatMap((parcel) => parcel.keys.map(keyList));
      const inline = events.filter((event) => event.body !== null);
      const marks = JSON.stringify(inline.map(({ eventId, receipt }) => inlineMark(eventId, receipt)));
      const publishes = events.filter(isCounted).map(({ eventId, receipt }) => [eventId, receipt]);
      const recording = [
        ...(events.length > 0 ? insertEvents(db, events, now) : []),
        ...(publishes.length > 0 ? [db.prepare(COUNT_DUPLICATES).bind(JSON.stringify(publishes), token)] : []),
      ];
      // Events that matched nothing are only put on record.
      if (pairs.length + keys.length === 0) {
        if (recording.length > 0) await weather(() => db.batch(recording));
        return NOTHING;
      }
      const [first, woken] = [JSON.stringify(pairs), JSON.stringify(keys)];
      const results = await weather(() =>
        db.batch([
          ...recording,
          ...(pairs.length > 0 ? [db.prepare(CLAIM_FIRST).bind(first, now, token, lane)] : []),
          ...(keys.length > 0 ? [db.prepare(CLAIM_WOKEN).bind(woken, now, token, lane)] : []),
          db.prepare(WRITE_CLAIM).bind(first, now + LEASE_MS, token, woken, lane),
          ...(lane === "slow" ? takeProbes(db, { token, now }) : []),
          db.prepare(READ_CLAIMED).bind(first, now, token, woken),
          db.prepare(READ_SUBSCRIPTIONS).bind(token),
          db.prepare(READ_EVENTS).bind(token, marks, CLAIM_BODIES_BYTES_MAX),
        ]),
      );
      const rows = rowsOf<ClaimedRow>(results.at(-3));
      const ours = rows.filter((row) => row.ours === 1);
      return {
        deliveries: await openDeliveries(ours, rowsOf<PushRow>(results.at(-2)), vault),
        events: readEvents(rowsOf<EventRow>(results.at(-1)), inline),
        elsewhere: rows
          .filter((row) => row.state === "claimed" && row.ours !== 1)
          .map((row) => ({ key: toKey(row), eventId: row.event_id, leaseMs: row.lease_ms })),
        forwarded: rows
          .filter((row) => row.state === "waiting")
          .map((row) => ({ key: toKey(row), dueMs: row.due_ms ?? now, slow: true })),
      };
    },

    async settle(settlements, { token, now, open }) {
      const rows = settlements.map((settlement) => [
        ...keyList(settlement.key),
        ...settled(settlement),
        settlement.attempt,
      ]);
      const news = jsonParameters(settlements.flatMap(settledNews));
      const outcomes = [
        ...news.map((parameter) => db.prepare(NOTE_SETTLES).bind(parameter, token, now)),
        ...jsonParameters(rows).map((parameter) => db.prepare(SETTLE).bind(parameter, token)),
      ];
      const observations = observe(db, { settlements, open }, { token, now });
      const results = await weather(() => db.batch([...observations, ...outcomes, db.prepare(END_CLAIM).bind(token)]));
      const written = results.slice(observations.length, -1).flatMap((result) => rowsOf<DeliveryKeyRow>(result));
      return { changes: changesIn(results, observations.length), written: written.map(toKey) };
    },

    resume: (sink, options) => resume(db, sink, options),

    async adopt(parcels, now) {
      const results = await weather(() =>
        db.batch([
          ...insertEvents(db, parcels, now),
          db.prepare(ADOPT_DELIVERIES).bind(JSON.stringify(firstDeliveries(parcels)), now),
        ]),
      );
      return rowsOf<DeliveryKeyRow & { readonly state: string }>(results.at(-1))
        .filter((row) => row.state === "waiting")
        .map(toKey);
    },

    peek: (parcels, now) => peek({ db, vault }, parcels, now),
    recordFirst: (outcomes, now) => recordFirst({ db }, outcomes, now),

    async storeBodies(bodies, now) {
      const store = db.prepare(STORE_BODY);
      await weather(() => db.batch(bodies.map(({ eventId, body }) => store.bind(eventId, now, body))));
    },
  };
}

/**
 * First attempts of events that are recorded only when they fail: what they read, and what is left of those that were not delivered. The
 * other half of `log.ts`, without claims: whoever is handed the message may push.
 */
import { CLAIM_BODIES_BYTES_MAX, ORPHAN_BODIES_KEPT_MS, SPENT_BODY_KEPT_MS } from "../core/limits.ts";
import type { Settlement } from "../core/delivery.ts";
import type { EventParcel } from "../core/parcel.ts";
import type { Vault } from "../core/vault.ts";
import type { SinkChange } from "../core/health.ts";
import type { ClaimedDelivery, ClaimedEvent, FirstOutcomes, Peeked } from "../ports.ts";
import { insertEvents, IS_ERASED } from "./event-rows.ts";
import { changesIn, observe } from "./health.ts";
import { jsonParameters } from "./json-parameter.ts";
import { rowsOf } from "./rows.ts";
import { noteFirst } from "./settles.ts";
import { HEALTH_COLUMNS, openPushes, type PushRow } from "./subscriptions.ts";
import { weather } from "./unavailable.ts";

/**
 * Which of these pairs of bus, event id and subscription (?1) may be pushed as they are, at ?2: not on record, not erased, bus and
 * subscription active, the sink neither shut nor slow: what lane `slow` has of a bus is counted by its claims. Indexes: events_event_id, primary keys.
 */
const READ_FRESH = `
  SELECT k.value ->> 1 AS event_id, s.bus, s.id
  FROM json_each(?1) k
  CROSS JOIN buses b ON b.bus = k.value ->> 0
  CROSS JOIN subscriptions s ON s.bus = k.value ->> 0 AND s.id = k.value ->> 2
  LEFT JOIN health h ON h.bus = s.bus AND h.subscription_id = s.id
  WHERE b.status = 'active' AND s.status = 'active'
    AND (h.bus IS NULL OR h.breaker = 'closed' AND h.paused_until_ms <= ?2 AND h.lane = 'fast')
    AND NOT EXISTS (SELECT 1 FROM erasures x WHERE x.event_id = k.value ->> 1)
    AND NOT EXISTS (
      SELECT 1 FROM events e CROSS JOIN deliveries d
        ON d.bus = e.bus AND d.seq = e.seq AND d.subscription_id = k.value ->> 2 AND d.run = ''
      WHERE e.event_id = k.value ->> 1)`;

/** Their subscriptions, as of the same transaction. ?1 pairs of bus and id. Index: primary key. */
const READ_SUBSCRIPTIONS = `
  SELECT s.*, ${HEALTH_COLUMNS} FROM json_each(?1) k CROSS JOIN subscriptions s ON s.bus = k.value ->> 0 AND s.id = k.value ->> 1
  LEFT JOIN health h ON h.bus = s.bus AND h.subscription_id = s.id`;

/** Bodies that did not come inline. Index: primary key. */
const READ_BODIES = "SELECT b.event_id, b.body FROM json_each(?1) k CROSS JOIN bodies b ON b.event_id = k.value";

/** ?1 per delivery: event id, subscription, state, due time, cause, attempts counted, record of the attempt. */
const INSERT_DELIVERIES = `
  INSERT INTO deliveries (bus, seq, subscription_id, run, state, due_ms, cause, attempt, tries, attempts)
  SELECT e.bus, e.seq, k.value ->> 1, '', k.value ->> 2, k.value ->> 3, k.value ->> 4, k.value ->> 5, k.value ->> 5,
    iif(k.value -> 6 = 'null', '[]', json_array(json(k.value -> 6)))
  FROM json_each(?1) k CROSS JOIN events e ON e.event_id = k.value ->> 0
  WHERE NOT ${IS_ERASED}
  ON CONFLICT DO NOTHING`;

/** Under which keys these events (?1) are on record: another publish may have made the record. Index: events_event_id. */
const READ_PLACES = `
  SELECT e.event_id, e.bus, e.seq FROM json_each(?1) k CROSS JOIN events e ON e.event_id = k.value WHERE NOT ${IS_ERASED}`;

/** Lets purge take a body soon, though never before where it has looked already. One of an event on record stays with it. Primary key, events_event_id. */
const SPEND_BODIES = `
  UPDATE bodies SET stored_ms = max(?2, (SELECT bodies_checked_ms FROM meta) + ${SPENT_BODY_KEPT_MS})
  WHERE event_id IN (SELECT value FROM json_each(?1)) AND NOT EXISTS (SELECT 1 FROM events e WHERE e.event_id = bodies.event_id)`;

interface FreshRow {
  readonly event_id: string;
  readonly bus: string;
  readonly id: string;
}

interface PlaceRow {
  readonly event_id: string;
  readonly bus: string;
  readonly seq: string;
}

interface BodyRow {
  readonly event_id: string;
  readonly body: string;
}

const pairOf = (eventId: string, subscriptionId: string): string => `${eventId} ${subscriptionId}`;

/** The bodies that fit what one invocation may load, in order; of the others the deliveries are given back. */
function loadable(parcels: readonly EventParcel[]): readonly string[] {
  const wanted = new Map(parcels.filter(({ body }) => body === null).map(({ eventId, bytes }) => [eventId, bytes]));
  let bytes = 0;
  return [...wanted].flatMap(([eventId, size]) => {
    const fits = bytes < CLAIM_BODIES_BYTES_MAX;
    bytes += size;
    return fits ? [eventId] : [];
  });
}

/** @throws Unavailable */
export async function peek(
  { db, vault }: { readonly db: D1Database; readonly vault: Vault },
  parcels: readonly EventParcel[],
  now: number,
): Promise<Peeked> {
  const pairs = parcels.flatMap(({ bus, eventId, subscriptionIds }) => subscriptionIds.map((id) => [bus, eventId, id]));
  const subscriptions = new Map(pairs.map(([bus, , id]) => [`${bus} ${id}`, [bus, id]]));
  const loaded = loadable(parcels);
  const [fresh, rows, bodies] = await weather(() =>
    db.batch([
      db.prepare(READ_FRESH).bind(JSON.stringify(pairs), now),
      db.prepare(READ_SUBSCRIPTIONS).bind(JSON.stringify([...subscriptions.values()])),
      db.prepare(READ_BODIES).bind(JSON.stringify(loaded)),
    ]),
  );
  const pushes = await openPushes(rowsOf<PushRow>(rows), vault);
  const pushOf = new Map(
    rowsOf<FreshRow>(fresh).map((row) => [pairOf(row.event_id, row.id), pushes.get(`${row.bus} ${row.id}`)]),
  );
  const deliveries = new Map<string, ClaimedDelivery>();
  const others: EventParcel[] = [];
  for (const parcel of parcels) {
    const { bus, seq, eventId } = parcel;
    const rest = parcel.subscriptionIds.filter((subscriptionId) => {
      const opened = pushOf.get(pairOf(eventId, subscriptionId));
      if (opened === undefined) return true;
      const key = { bus, seq, subscriptionId, run: "" };
      // The same event twice in a batch is pushed once.
      if (!deliveries.has(pairOf(eventId, subscriptionId)))
        deliveries.set(pairOf(eventId, subscriptionId), {
          key,
          eventId,
          attempt: 1,
          tries: 1,
          lastRecorded: null,
          returns: false,
          ...opened,
        });
      return false;
    });
    if (rest.length > 0) others.push({ ...parcel, subscriptionIds: rest });
  }
  const texts = new Map(rowsOf<BodyRow>(bodies).map((row) => [row.event_id, row.body]));
  const events = new Map(
    parcels
      .filter(({ eventId, body }) => body !== null || loaded.includes(eventId))
      .map((parcel) => [parcel.eventId, eventOf(parcel, texts.get(parcel.eventId) ?? null)]),
  );
  return { deliveries: [...deliveries.values()], events, others };
}

function eventOf({ bus, seq, eventId, acceptedMs, hops, body }: EventParcel, stored: string | null): ClaimedEvent {
  return { bus, seq, eventId, acceptedMs, hops, body: body ?? stored };
}

/** A row of INSERT_DELIVERIES. */
function rowOf(eventId: string, { key, outcome, attempt }: Settlement): readonly unknown[] {
  const place = [eventId, key.subscriptionId];
  switch (outcome.kind) {
    case "delivered":
      throw new Error("A delivery that succeeded at its first attempt leaves nothing");
    case "retry":
      return [...place, "waiting", outcome.dueMs, "retry", 1, attempt];
    case "dead":
      return [...place, "dead", null, outcome.cause, attempt === null ? 0 : 1, attempt];
    case "released":
      return [...place, "waiting", outcome.dueMs, outcome.cause, 0, null];
  }
}

/** @throws Unavailable */
export async function recordFirst(
  { db }: { readonly db: D1Database },
  { parcels, settlements, noted, open, spentBodies }: FirstOutcomes,
  now: number,
): Promise<{ readonly settlements: readonly Settlement[]; readonly changes: readonly SinkChange[] }> {
  const parcelOf = new Map(parcels.map((parcel) => [`${parcel.bus} ${parcel.seq}`, parcel]));
  const failed = settlements.flatMap((settlement) => {
    const parcel = parcelOf.get(`${settlement.key.bus} ${settlement.key.seq}`);
    return parcel === undefined || settlement.outcome.kind === "delivered" ? [] : [{ settlement, parcel }];
  });
  const rows = failed.map(({ settlement, parcel }) => rowOf(parcel.eventId, settlement));
  const eventIds = [...new Set(failed.map(({ parcel }) => parcel.eventId))];
  const spentMs = now - ORPHAN_BODIES_KEPT_MS + SPENT_BODY_KEPT_MS;
  const observations = observe(db, { settlements, open }, { token: null, now });
  const results = await weather(() =>
    db.batch([
      ...observations,
      ...(spentBodies.length > 0 ? [db.prepare(SPEND_BODIES).bind(JSON.stringify(spentBodies), spentMs)] : []),
      ...(failed.length > 0
        ? [
            ...insertEvents(db, [...new Set(failed.map(({ parcel }) => parcel))], now),
            ...jsonParameters(rows).map((parameter) => db.prepare(INSERT_DELIVERIES).bind(parameter)),
          ]
        : []),
      ...noteFirst(db, noted, now),
      ...(failed.length > 0 ? [db.prepare(READ_PLACES).bind(JSON.stringify(eventIds))] : []),
    ]),
  );
  const rowsOfPlaces = failed.length > 0 ? rowsOf<PlaceRow>(results.at(-1)) : [];
  const places = new Map(rowsOfPlaces.map((row) => [row.event_id, row]));
  const recorded = failed.flatMap(({ settlement, parcel }) => {
    const place = places.get(parcel.eventId);
    return place === undefined ? [] : [{ ...settlement, key: { ...settlement.key, bus: place.bus, seq: place.seq } }];
  });
  return { settlements: recorded, changes: changesIn(results, observations.length) };
}

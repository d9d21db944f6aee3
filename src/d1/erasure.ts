/**
 * Erasure of events: what an event says goes at once, what its deliveries say follows in bounded steps along their primary key. The row
 * in `erasures` remembers how far they came, so that the sweep goes on where a request ended.
 */
import { ERASURE_STEPS_MAX, RETENTION_DELIVERIES_MAX } from "../core/limits.ts";
import type { AuditNote } from "../ports.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

/** One entry for each erasure, before its row is there. Unique index events_event_id, primary key of `erasures`. */
const NOTE = `
  INSERT INTO audit (bus, id, at_ms, actor, request_id, action, target, before, after)
  SELECT bus, ?3, ?4, ?5, ?6, ?7, event_id, NULL, NULL FROM events
  WHERE event_id = ?1 AND bus = ?2 AND NOT EXISTS (SELECT 1 FROM erasures x WHERE x.event_id = ?1)
  ON CONFLICT DO NOTHING`;

/** Unique index events_event_id. */
const REMEMBER = `
  INSERT INTO erasures (event_id, bus, erased_ms, subscription_id, run)
  SELECT event_id, bus, ?3, '', '' FROM events WHERE event_id = ?1 AND bus = ?2
  ON CONFLICT DO NOTHING`;

/** An id is never empty but here. Unique index events_event_id. */
const BLANK = `
  UPDATE events SET id = '', source = '', subject = NULL, body = NULL
  WHERE event_id = ?1 AND bus = ?2 AND (id <> '' OR body IS NOT NULL)`;

/** Primary key. */
const REMOVE_BODY = `
  DELETE FROM bodies WHERE event_id = ?1 AND EXISTS (SELECT 1 FROM events e WHERE e.event_id = ?1 AND e.bus = ?2)`;

const ON_RECORD = "SELECT 1 FROM events WHERE event_id = ?1 AND bus = ?2";

/** Deliveries of the event that are not erased yet, in order. Unique index events_event_id, primary keys of the others. */
const REST = `
  SELECT d.bus, d.seq, d.subscription_id, d.run FROM erasures x
  CROSS JOIN events e ON e.event_id = x.event_id
  CROSS JOIN deliveries d ON d.bus = e.bus AND d.seq = e.seq AND (d.subscription_id, d.run) > (x.subscription_id, x.run)
  WHERE x.event_id = ?1 ORDER BY d.subscription_id, d.run`;

/** An alarm that came before its step found no body: that is not what became of the delivery. */
const IS_OPEN = "(state IN ('waiting', 'held', 'claimed') OR state = 'dead' AND cause = 'body-missing')";

/**
 * Open ones are cancelled, whoever holds them: a settle then finds no claim. Attempts lose what the sink answered, in which it may have
 * sent the data back.
 */
const ERASE_DELIVERIES = `
  UPDATE deliveries SET state = iif(${IS_OPEN}, 'cancelled', state), cause = iif(${IS_OPEN}, 'erased', cause),
    due_ms = iif(${IS_OPEN}, NULL, due_ms), claim = NULL,
    attempts = (
      SELECT json_group_array(json_set(a.value, '$.answer', NULL) ORDER BY a.key) FROM json_each(deliveries.attempts) a)
  WHERE (bus, seq, subscription_id, run) IN (${REST} LIMIT ${RETENTION_DELIVERIES_MAX})
    AND (${IS_OPEN} OR attempts LIKE '%"answer":"%')`;

/** The place of the last one of a full step; of any other step null, for it was the last. Primary keys. */
const ADVANCE = `
  UPDATE erasures SET (subscription_id, run) = (
    SELECT subscription_id, run FROM (${REST}) LIMIT 1 OFFSET ${RETENTION_DELIVERIES_MAX - 1})
  WHERE event_id = ?1 AND subscription_id IS NOT NULL
  RETURNING subscription_id`;

/** Index: erasures_unfinished. */
const UNFINISHED = `
  SELECT event_id FROM erasures INDEXED BY erasures_unfinished WHERE subscription_id IS NOT NULL ORDER BY erased_ms LIMIT 1`;

const stepOf = (db: D1Database, eventId: string): D1PreparedStatement[] => [
  db.prepare(ERASE_DELIVERIES).bind(eventId),
  db.prepare(ADVANCE).bind(eventId),
];

/** What the last two results of such a batch say. */
function progress(results: readonly D1Result[]): { readonly deliveries: number; readonly more: boolean } {
  const [place] = rowsOf<{ readonly subscription_id: string | null }>(results.at(-1));
  const more = place !== undefined && place.subscription_id !== null;
  return { deliveries: results.at(-2)?.meta.changes ?? 0, more };
}

/** Erases the event, and of its deliveries as many as a request may touch. False when it is not on record. @throws Unavailable */
export async function eraseEvent(
  db: D1Database,
  { bus, eventId, now, note }: { bus: string; eventId: string; now: number; note: AuditNote },
): Promise<boolean> {
  const results = await weather(() =>
    db.batch([
      db.prepare(ON_RECORD).bind(eventId, bus),
      db.prepare(NOTE).bind(eventId, bus, note.id, note.atMs, note.actor, note.requestId, note.action),
      db.prepare(REMEMBER).bind(eventId, bus, now),
      db.prepare(BLANK).bind(eventId, bus),
      db.prepare(REMOVE_BODY).bind(eventId, bus),
      ...stepOf(db, eventId),
    ]),
  );
  if (rowsOf(results[0]).length === 0) return false;
  let { more } = progress(results);
  for (let steps = 1; more && steps < ERASURE_STEPS_MAX; steps++)
    ({ more } = progress(await weather(() => db.batch(stepOf(db, eventId)))));
  return true;
}

/** One step of an erasure that its request left unfinished. @throws Unavailable */
export async function eraseRest(db: D1Database): Promise<{ readonly deliveries: number; readonly more: boolean }> {
  const found = await weather(() => db.prepare(UNFINISHED).all<{ readonly event_id: string }>());
  const [next] = found.results;
  if (next === undefined) return { deliveries: 0, more: false };
  const { deliveries } = progress(await weather(() => db.batch(stepOf(db, next.event_id))));
  return { deliveries, more: true };
}

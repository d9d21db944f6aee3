// Rows as if they had come there by themselves, however long ago, and what is left of them.
import { env } from "cloudflare:workers";
import { timeOrderedId } from "../../src/core/ids.ts";

export const run = (sql: string, ...values: unknown[]): Promise<D1Result> =>
  env.DB.prepare(sql)
    .bind(...values)
    .run();

/** Rows of a table, or of what follows `FROM`. */
export const count = async (what: string, ...values: unknown[]): Promise<number> =>
  (await env.DB.prepare(`SELECT count(*) AS count FROM ${what}`)
    .bind(...values)
    .first<number>("count")) ?? -1;

export const rows = async <Row>(sql: string, ...values: unknown[]): Promise<Row[]> =>
  (
    await env.DB.prepare(sql)
      .bind(...values)
      .all<Row>()
  ).results;

export interface EventSeed {
  readonly bus: string;
  readonly acceptedMs: number;
  /** States of its deliveries. */
  readonly states: readonly {
    readonly state: string;
    readonly claim?: string;
    readonly attempts?: readonly object[];
  }[];
  readonly byReference?: boolean;
  /** Characters of its body. */
  readonly size?: number;
}

/** Puts events on record as if they had been accepted then; answers their ids. Buses are made as they are named. */
export async function putEvents(events: readonly EventSeed[]): Promise<string[]> {
  const seeds = events.map((event) => ({
    size: 2,
    ...event,
    seq: timeOrderedId(event.acceptedMs, crypto.getRandomValues(new Uint8Array(10))),
    eventId: `evt_${crypto
      .randomUUID()
      .replaceAll("-", "")
      .slice(0, 26)
      .replaceAll(/[ilou]/g, "x")}`,
  }));
  const text = JSON.stringify(seeds);
  const body = "printf('%-*s', value ->> 'size', '{}')";
  await env.DB.batch([
    env.DB.prepare(
      "INSERT INTO buses (bus, version, created_ms, updated_ms) SELECT DISTINCT value ->> 'bus', 1, 0, 0 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING",
    ).bind(text),
    env.DB.prepare(
      `INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type, subject, body)
       SELECT value ->> 'bus', value ->> 'seq', value ->> 'eventId', 'r', value ->> 'acceptedMs', 0, json_array_length(value, '$.states'),
         value ->> 'size', value ->> 'eventId', '/old', 'old', NULL, iif(value ->> 'byReference', NULL, ${body}) FROM json_each(?1)`,
    ).bind(text),
    env.DB.prepare(
      `INSERT INTO bodies (event_id, stored_ms, body) SELECT value ->> 'eventId', value ->> 'acceptedMs', ${body}
       FROM json_each(?1) WHERE value ->> 'byReference'`,
    ).bind(text),
    env.DB.prepare(
      `INSERT INTO deliveries (bus, seq, subscription_id, state, attempt, tries, due_ms, claim, attempts)
       SELECT e.value ->> 'bus', e.value ->> 'seq', 'sub_' || printf('%026d', s.key), s.value ->> 'state', 1, 1,
         iif(s.value ->> 'state' = 'waiting', e.value ->> 'acceptedMs', NULL), s.value ->> 'claim', coalesce(s.value -> 'attempts', '[]')
       FROM json_each(?1) e, json_each(e.value, '$.states') s`,
    ).bind(text),
  ]);
  return seeds.map(({ eventId }) => eventId);
}

/** As many deliveries more of that event, all in one state. */
export async function widen(eventId: string, deliveries: number, change: { state: string; attempts?: string }) {
  const { state, attempts = "[]" } = change;
  await run(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
     INSERT INTO deliveries (bus, seq, subscription_id, state, attempt, tries, due_ms, attempts)
     SELECT bus, seq, printf('sub_w%025d', i), ?3, 1, 1, iif(?3 = 'waiting', accepted_ms, NULL), ?4
     FROM events CROSS JOIN n WHERE event_id = ?1`,
    eventId,
    deliveries,
    state,
    attempts,
  );
  await run("UPDATE events SET matched = matched + ?2 WHERE event_id = ?1", eventId, deliveries);
}

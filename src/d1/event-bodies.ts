/** Events of a span with their bodies, for whoever looks into many of them: bounded in rows and in bytes. */
import type { EventOnRecord, Rows } from "../ports.ts";
import { erasedMs, EVENT_COLUMNS, type EventRow, toSummary } from "./event-summary.ts";
import { weather } from "./unavailable.ts";

/**
 * The newest events below ?2, down to ?3: at most ?4, and as many as have ?5 bytes of bodies, but at least one; and the one behind them,
 * which says that there are more, without its body. What is erased has no bytes. Primary key of `events`, read backward past the bodies;
 * for those that fit the primary keys of `events` and `bodies`.
 */
const EVENTS = `
  WITH sized AS MATERIALIZED (
    SELECT seq, size, row_number() OVER place AS number, sum(size) OVER (place ROWS UNBOUNDED PRECEDING) AS total
    FROM (
      SELECT seq, iif(id = '', 0, bytes) AS size FROM events WHERE bus = ?1 AND seq < ?2 AND seq >= ?3
      ORDER BY seq DESC LIMIT ?4 + 1)
    WINDOW place AS (ORDER BY seq DESC)),
  page AS (
    SELECT seq, number, number <= ?4 AND (total <= ?5 OR number = 1) AS fits FROM sized
    WHERE total - size <= ?5 OR number = 2)
  SELECT ${EVENT_COLUMNS.replaceAll(/\w+/g, "e.$&")}, ${erasedMs("e")}, p.fits,
    iif(p.fits, coalesce(e.body, (SELECT b.body FROM bodies b WHERE b.event_id = e.event_id)), NULL) AS body
  FROM page p CROSS JOIN events e ON e.bus = ?1 AND e.seq = p.seq ORDER BY p.number`;

interface SizedRow extends EventRow {
  readonly body: string | null;
  /** 1: it is on the page. */
  readonly fits: number;
}

/** One page of them, newest first. @throws Unavailable */
export async function eventBodies(
  db: D1Database,
  bus: string,
  range: { readonly below: string; readonly floor: string; readonly limit: number; readonly bytesMax: number },
): Promise<Rows<EventOnRecord, readonly string[]>> {
  const { below, floor, limit, bytesMax } = range;
  const statement = db.prepare(EVENTS).bind(bus, below, floor, limit, bytesMax);
  const { results } = await weather(() => statement.all<SizedRow>());
  const page = results.filter(({ fits }) => fits === 1);
  const last = page.at(-1);
  return {
    rows: page.map((row) => ({ ...toSummary(row), body: row.body })),
    next: last === undefined || page.length === results.length ? null : [last.seq],
  };
}

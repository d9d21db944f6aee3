/** Events of a span with their bodies, for whoever looks into many of them: bounded in rows and in bytes. */
import { cut } from "../core/cut.ts";
import type { EventOnRecord, Rows } from "../ports.ts";
import { bodyOf, erasedMs, EVENT_COLUMNS, type EventRow, toSummary } from "./event-summary.ts";
import { weather } from "./unavailable.ts";

/** How large the bodies are; what is erased has none. Primary key, read backward past the bodies. */
const SIZES = `
  SELECT seq, iif(id = '', 0, bytes) AS size FROM events WHERE bus = ?1 AND seq < ?2 AND seq >= ?3
  ORDER BY seq DESC LIMIT ?4 + 1`;

/** Those that fit. Primary keys of `events` and, for what travelled by reference, `bodies`. */
const EVENTS = `
  SELECT ${EVENT_COLUMNS.replaceAll(/\w+/g, "e.$&")}, ${erasedMs("e")},
    ${bodyOf("e")}
  FROM json_each(?2) j CROSS JOIN events e ON e.bus = ?1 AND e.seq = j.value`;

/**
 * The newest events below `below`, down to `floor`: at most `limit`, and as many as have `bytesMax` bytes together, but at least one. One
 * that is removed meanwhile is left out. @throws Unavailable
 */
export async function eventBodies(
  db: D1Database,
  bus: string,
  range: { readonly below: string; readonly floor: string; readonly limit: number; readonly bytesMax: number },
): Promise<Rows<EventOnRecord, readonly string[]>> {
  const { below, floor, limit, bytesMax } = range;
  const sized = await weather(() =>
    db.prepare(SIZES).bind(bus, below, floor, limit).all<{ readonly seq: string; readonly size: number }>(),
  );
  const [fitting = [], ...others] = cut(sized.results, ({ size }) => size, { itemsMax: limit, bytesMax });
  const last = fitting.at(-1);
  if (last === undefined) return { rows: [], next: null };
  const rows = await eventsAt(
    db,
    bus,
    fitting.map(({ seq }) => seq),
  );
  return {
    // Sorted here: there each row would be read once more.
    rows: rows.toSorted((a, b) => (a.seq < b.seq ? 1 : -1)),
    next: others.length === 0 ? null : [last.seq],
  };
}

/** The events at these places, in no order; one that is not there is left out. @throws Unavailable */
export async function eventsAt(db: D1Database, bus: string, seqs: readonly string[]): Promise<EventOnRecord[]> {
  const statement = db.prepare(EVENTS).bind(bus, JSON.stringify(seqs));
  const { results } = await weather(() => statement.all<EventRow & Pick<EventOnRecord, "body">>());
  return results.map((row) => ({ ...toSummary(row), body: row.body }));
}

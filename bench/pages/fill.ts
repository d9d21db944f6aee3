/** A router's record, filled while it is stopped: events and deliveries like those that it made, and counts of two days. */
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { ID_RANDOM_BYTES, timeOrderedId } from "../../src/core/ids.ts";

type Row = Readonly<Record<string, SQLOutputValue>>;

const SPREAD_MS = 6 * 86_400_000;
const MINUTE_MS = 60_000;
const MINUTES = 2 * 1_440;

/** Where the local runtime keeps the database. */
function fileIn(state: string): string {
  const folder = join(state, "v3/d1/miniflare-D1DatabaseObject");
  const name = readdirSync(folder).find((file) => file.endsWith(".sqlite") && !file.startsWith("metadata"));
  if (name === undefined) throw new Error(`There is no database in ${folder}`);
  return join(folder, name);
}

function inserter(database: DatabaseSync, table: string, like: Row): (row: Row) => void {
  const columns = Object.keys(like);
  const places = columns.map(() => "?").join(", ");
  const statement = database.prepare(`INSERT OR IGNORE INTO ${table} (${columns.join(", ")}) VALUES (${places})`);
  return (row) => void statement.run(...columns.map((column) => row[column] ?? null));
}

/** So many events more, over six days up to now. */
export function fill(state: string, events: number): void {
  const database = new DatabaseSync(fileIn(state));
  database.exec("PRAGMA cache_size = -500000; BEGIN");
  const event = database.prepare("SELECT * FROM events ORDER BY seq DESC LIMIT 1").get();
  if (event === undefined) throw new Error("There is no event to copy");
  const deliveries = database.prepare("SELECT * FROM deliveries WHERE seq = ?").all(event["seq"] ?? null);
  const insertEvent = inserter(database, "events", event);
  const insertDelivery = inserter(database, "deliveries", deliveries[0] ?? {});
  const newestMs = Number(event["accepted_ms"]) - 1;
  for (let place = 0; place < events; place += 1) {
    const acceptedMs = Math.floor(newestMs - (place / events) * SPREAD_MS);
    const seq = timeOrderedId(acceptedMs, randomBytes(ID_RANDOM_BYTES));
    const eventId = `evt_${timeOrderedId(acceptedMs, randomBytes(ID_RANDOM_BYTES))}`;
    insertEvent({ ...event, seq, event_id: eventId, accepted_ms: acceptedMs, id: `filled.${place}` });
    for (const delivery of deliveries) insertDelivery({ ...delivery, seq });
  }
  fillMetrics(database, newestMs, deliveries);
  database.exec("COMMIT");
  database.close();
}

/** Every minute of two days, of the bus and of each subscription. */
function fillMetrics(database: DatabaseSync, newestMs: number, deliveries: readonly Row[]): void {
  const like: Row = {
    step_s: 60,
    bus: "default",
    events: 10,
    succeeded: 20,
    delivered: 20,
    attempt_ms: 400,
    delivery_ms: 900,
    a1: 20,
    d2: 20,
  };
  const insert = inserter(database, "metrics", { ...like, at_ms: 0, subscription_id: "" });
  for (let minute = 1; minute < MINUTES; minute += 1)
    for (const id of ["", ...deliveries.map((delivery) => delivery["subscription_id"] ?? "")])
      insert({ ...like, at_ms: Math.floor(newestMs / MINUTE_MS - minute) * MINUTE_MS, subscription_id: id });
}

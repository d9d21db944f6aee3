/** A router's record, filled while it is stopped: events and deliveries like those that it made, and counts of two days. */
import type { DatabaseSync } from "node:sqlite";
import { inOneTransaction, inserter, onDisk, type Row } from "../../scripts/rig/database.ts";
import { addEvents } from "../router/seed.ts";

const MINUTE_MS = 60_000;
const MINUTES = 2 * 1_440;

/** So many events more in the database of that directory. */
export function fill(state: string, events: number): void {
  onDisk(state, (database) => {
    addEvents(database, events);
    inOneTransaction(database, () => fillMetrics(database));
  });
}

/** Every minute of two days up to two minutes ago, in which the router counts for itself: of the bus and of each subscription. */
function fillMetrics(database: DatabaseSync): void {
  const ids = database.prepare("SELECT id FROM subscriptions").all();
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
  const now = Math.floor(Date.now() / MINUTE_MS);
  database.exec("DELETE FROM metrics WHERE step_s = 60");
  for (let minute = 2; minute < MINUTES; minute += 1)
    for (const id of ["", ...ids.map((row) => row["id"] ?? "")])
      insert({ ...like, at_ms: (now - minute) * MINUTE_MS, subscription_id: id });
}

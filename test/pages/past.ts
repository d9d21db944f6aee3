/** An hour behind a router that has just begun, for pictures: counts of minutes, written into its database while it is down. */
import { onDisk } from "../../scripts/rig/database.ts";

const MINUTE_MS = 60_000;
const MINUTES = 58;

/** @param state The directory of the router's database. */
export function writePast(state: string, now: number): void {
  onDisk(state, (database) => {
    database.exec(`UPDATE buses SET created_ms = ${now - 2 * MINUTES * MINUTE_MS}`);
    for (let minute = 2; minute < MINUTES; minute += 1) {
      const counts = { step_s: 60, at_ms: now - (now % MINUTE_MS) - minute * MINUTE_MS, ...countsOf(minute) };
      const names = Object.keys(counts).join(", ");
      const values = Object.values(counts).join(", ");
      database.exec(`INSERT OR IGNORE INTO metrics (bus, subscription_id, ${names}) VALUES ('default', '', ${values})`);
    }
  });
}

/** The counts of a minute, so many minutes ago: waves, and a sink that failed for a while. */
function countsOf(minute: number): Readonly<Record<string, number>> {
  const wave = 1 + 0.35 * Math.sin(minute / 6) + 0.15 * Math.sin(minute * 2.3);
  const events = Math.round(90 * wave);
  const failed = minute > 18 && minute < 27 ? Math.round(26 * wave) : minute % 9 === 0 ? 3 : 0;
  const delivered = Math.round(events * 2.1);
  const slow = Math.round(delivered * (failed > 3 ? 0.14 : 0.03));
  const late = Math.round(delivered * (failed > 3 ? 0.09 : 0.02));
  return {
    events,
    succeeded: delivered,
    failed,
    slow_lane: slow,
    delivered,
    dead: failed > 3 ? Math.round(failed / 8) : 0,
    // Buckets of latencies, by their upper bounds: 25, 50, 100, 250 and 500 ms of attempts; 50, 100, 250 and 1000 ms to delivered.
    a1: Math.round(delivered * 0.4),
    a2: Math.round(delivered * 0.35),
    a3: Math.round(delivered * 0.2),
    a4: slow,
    a5: late,
    d2: Math.round(delivered * 0.5),
    d3: Math.round(delivered * 0.4),
    d4: slow,
    d6: late,
  };
}

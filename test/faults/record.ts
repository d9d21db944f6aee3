/** What the router has on record, as far as it is held against what the sinks have seen. Read from the database, not through the API. */
import { deliveryIdOf } from "../../src/core/ids.ts";
import type { Runtime } from "../../scripts/rig/runtime.ts";

export interface Recorded {
  readonly webhookId: string;
  readonly eventId: string;
  readonly subscriptionId: string;
  readonly state: string;
  readonly cause: string | null;
  /** Attempts ever claimed and not given back. */
  readonly attempt: number;
  /** Finished ones. */
  readonly attempts: readonly { readonly status: number | null; readonly error: string | null }[];
}

/** Nothing comes after these by itself. All others are open, whatever they wait for. */
const ENDED: readonly string[] = ["delivered", "dead", "cancelled", "held"];

export const isOpen = ({ state }: Recorded): boolean => !ENDED.includes(state);

export async function recorded(runtime: Runtime): Promise<Recorded[]> {
  const rows = await runtime.query(`
    SELECT events.event_id, subscription_id, run, state, cause, attempt, attempts
    FROM deliveries JOIN events USING (bus, seq)`);
  return rows.map((row) => {
    const [eventId, subscriptionId] = [String(row["event_id"]), String(row["subscription_id"])];
    return {
      webhookId: deliveryIdOf(eventId, subscriptionId, String(row["run"])),
      eventId,
      subscriptionId,
      state: String(row["state"]),
      cause: typeof row["cause"] === "string" ? row["cause"] : null,
      attempt: Number(row["attempt"]),
      // As the settle wrote them.
      attempts: JSON.parse(String(row["attempts"])) as Recorded["attempts"],
    };
  });
}

/** Ids of the events on record. */
export async function recordedEvents(runtime: Runtime): Promise<ReadonlySet<string>> {
  const rows = await runtime.query("SELECT event_id FROM events");
  return new Set(rows.map((row) => String(row["event_id"])));
}

/** `delivered 3, dead exhausted 2` */
export function tally(deliveries: readonly Recorded[]): string {
  const counts = Map.groupBy(deliveries, ({ state, cause }) => (cause === null ? state : `${state} ${cause}`));
  return [...counts]
    .map(([name, group]) => `${name} ${group.length}`)
    .toSorted()
    .join(", ");
}

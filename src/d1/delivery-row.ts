/** A delivery as people see it, as columns of a row. */
import type { DeliveryOnRecord } from "../ports.ts";
import { type DeliveryKeyRow, toKey } from "./delivery-key.ts";
import { PARKED_CAUSES } from "./health.ts";

/** With the columns below, and `attempts`: in lists the last one alone. */
export interface DeliveryRow extends DeliveryKeyRow {
  readonly event_id: string;
  readonly type: string;
  readonly state: string;
  readonly attempt: number;
  readonly due_ms: number | null;
  readonly cause: string | null;
  readonly attempts: string;
}

export function toDelivery(row: DeliveryRow): DeliveryOnRecord {
  const { state, attempt, cause, attempts, type } = row;
  // Of a delivery that retention closed the column says when that was; of one that waits for its sink, when it is looked at in any case.
  const isDue = state === "waiting" && !PARKED_CAUSES.some((parked) => parked === cause);
  const dueMs = isDue ? row.due_ms : null;
  return { key: toKey(row), eventId: row.event_id, type, state, attempt, dueMs, cause, attempts };
}

/** The last attempt alone of the delivery of `row`: a hundred for each row of a list would be megabytes. */
export const lastAttempt = (row: string): string =>
  `iif(${row}.attempts = '[]', ${row}.attempts, json_array(${row}.attempts -> '$[#-1]')) AS attempts`;

export const DELIVERY_COLUMNS = "bus, seq, subscription_id, run, state, attempt, due_ms, cause";

/** The settings of a bus as its row has them, for whoever reads rows of `buses`. */
import type { BusSettings, LogLevel } from "../core/bus.ts";

export interface SettingsRow {
  readonly retention_days: number | null;
  readonly log_level: LogLevel;
  readonly event_bytes_max: number | null;
  readonly request_bytes_max: number | null;
}

/** A SettingsRow as one column of JSON. */
export const SETTINGS_JSON = `json_object('retention_days', retention_days, 'log_level', log_level,
  'event_bytes_max', event_bytes_max, 'request_bytes_max', request_bytes_max)`;

/** Nothing on a deleted bus is read or changed any more. ?1 is the bus. Primary key. */
export const ON_LIVING_BUS = "EXISTS (SELECT 1 FROM buses WHERE bus = ?1 AND status = 'active')";

export function toSettings(row: SettingsRow): BusSettings {
  return {
    retentionDays: row.retention_days,
    logLevel: row.log_level,
    eventBytesMax: row.event_bytes_max,
    requestBytesMax: row.request_bytes_max,
  };
}

/** Everything that belongs to a bus; each of these tables has it first in its primary key, or in the index erasures_bus. */
const TABLES = ["deliveries", "events", "subscriptions", "health", "keys", "audit", "idempotency", "erasures"] as const;

/** Whether anything of that bus, a value in SQL, is there. One seek each. */
export const hasRows = (bus: string): string =>
  `(${TABLES.map((table) => `EXISTS (SELECT 1 FROM ${table} t WHERE t.bus = ${bus})`).join(" OR ")}
    OR EXISTS (SELECT 1 FROM metrics t WHERE t.step_s = 0 AND t.at_ms = 0 AND t.bus = ${bus}))`;

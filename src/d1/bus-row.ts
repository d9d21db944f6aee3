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

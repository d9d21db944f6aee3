/** What one bus is set to, and what it does in effect. Types and arithmetic only. */
import { EVENT_BYTES_MAX, REQUEST_BYTES_MAX } from "./limits.ts";

export const LOG_LEVELS = ["all", "failures"] as const;
/** `all`: every event is on record. `failures`: only what was not delivered at its first attempt. */
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface BusSettings {
  /** Days that its events stay on record; null: RETENTION_DAYS of the deployment. */
  readonly retentionDays: number | null;
  readonly logLevel: LogLevel;
  /** Bytes of one event's canonical text; null: EVENT_BYTES_MAX. */
  readonly eventBytesMax: number | null;
  /** Bytes of one publish, inflated; null: REQUEST_BYTES_MAX. */
  readonly requestBytesMax: number | null;
}

export const DEFAULT_BUS_SETTINGS: BusSettings = {
  retentionDays: null,
  logLevel: "all",
  eventBytesMax: null,
  requestBytesMax: null,
};

/** What a publish to the bus meets. */
export interface BusRules {
  readonly logLevel: LogLevel;
  readonly eventBytesMax: number;
  readonly requestBytesMax: number;
}

/** `failuresOnly`: the database is nearly full, so that nothing but failures is recorded on any bus. */
export function rulesOf(settings: BusSettings, failuresOnly: boolean): BusRules {
  return {
    logLevel: failuresOnly ? "failures" : settings.logLevel,
    eventBytesMax: settings.eventBytesMax ?? EVENT_BYTES_MAX,
    requestBytesMax: settings.requestBytesMax ?? REQUEST_BYTES_MAX,
  };
}

/** How full a database of `bytesMax` is; 1 is full. Three digits, as the API and the log show it. */
export const databaseUsed = (bytes: number, bytesMax: number): number => Math.round((bytes / bytesMax) * 1_000) / 1_000;

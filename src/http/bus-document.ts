/** A bus as its JSON document: how a request's members become settings, and how it is shown. What is stored is not decided here. */
import { databaseUsed, rulesOf, type BusSettings } from "../core/bus.ts";
import type { Members } from "../core/json-value.ts";
import type { Fault } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import { DAY_MS, timestamp } from "../core/timestamp.ts";
import type { Bus, Change, DatabaseState } from "../ports.ts";
import { busSettings } from "./contract/buses.ts";
import type { HttpDeps } from "./deps.ts";
import { namedAs } from "./merge-patch.ts";
import { check } from "./schema.ts";
import { versioned } from "./versioned.ts";

/** The members that a caller sets. */
export const BUS_MEMBERS = namedAs(busSettings.shape);
/** What answers show and nobody sets, and what differs in answers about the same version. */
export const BUS_SHOWN = {
  readOnly: ["bus", "created_at", "updated_at", "version"],
  passing: ["subscriptions", "keys", "effective_at", "effective"],
} as const;

/** The settings that a document states, or all its faults. */
export function readSettings(members: Members): Result<BusSettings, readonly Fault[]> {
  const checked = check(busSettings, members);
  if (!checked.ok) return checked;
  const { retention_days, log_level, event_bytes_max, request_bytes_max } = checked.value;
  return ok({
    retentionDays: retention_days,
    logLevel: log_level,
    eventBytesMax: event_bytes_max,
    requestBytesMax: request_bytes_max,
  });
}

/** The settings as a document, as a target for merging. */
export const documentOf = (settings: BusSettings) => ({
  retention_days: settings.retentionDays,
  log_level: settings.logLevel,
  event_bytes_max: settings.eventBytesMax,
  request_bytes_max: settings.requestBytesMax,
});

export const sameSettings = (a: BusSettings, b: BusSettings): boolean =>
  JSON.stringify(documentOf(a)) === JSON.stringify(documentOf(b));

/** The bus as lists show it. `committedMs` is when its last change was stored. */
export function renderedBus(bus: Bus, committedMs: number) {
  return {
    bus: bus.bus,
    ...documentOf(bus.settings),
    subscriptions: bus.subscriptions,
    keys: bus.keys,
    ...versioned(bus, committedMs),
  };
}

/** What applies to the bus, whatever it is set to. */
export function effectiveOf(
  { settings }: Bus,
  { deployment, database, now }: { deployment: HttpDeps["deployment"]; database: DatabaseState; now: number },
) {
  const retentionDays = settings.retentionDays ?? deployment.retentionDays;
  const rules = rulesOf(settings, database.failuresOnly);
  return {
    retention_days: retentionDays,
    log_level: rules.logLevel,
    event_bytes_max: rules.eventBytesMax,
    request_bytes_max: rules.requestBytesMax,
    events_since: timestamp(Math.max(now - retentionDays * DAY_MS, database.shortenedMs)),
    database_used: databaseUsed(database.bytes, deployment.databaseBytes),
  };
}

/** The bus as the caches take it. */
export function changeOfBus({ bus, version, createdMs, settings }: Bus): Change {
  return { kind: "bus", version, bus, createdMs, settings };
}

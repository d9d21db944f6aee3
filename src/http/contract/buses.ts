/** What requests say of buses: the schemas that validate them. */
import * as z from "zod";
import { LOG_LEVELS } from "../../core/bus.ts";
import {
  BUS_BYTES_MIN,
  EVENT_BYTES_MAX,
  REQUEST_BYTES_MAX,
  RETENTION_DAYS_MAX,
  RETENTION_DAYS_MIN,
} from "../../core/limits.ts";
import { orNull, pageParameters, repeated } from "./parts.ts";

export const retentionDays = z
  .int()
  .min(RETENTION_DAYS_MIN)
  .max(RETENTION_DAYS_MAX)
  .meta({ description: "Days that its events stay on record; null: as the deployment has it." })
  .nullable();
export const logLevel = z.enum(LOG_LEVELS).meta({
  description: "`all`: every event is on record. `failures`: only what was not delivered at its first attempt.",
});
export const eventBytesMax = z
  .int()
  .min(BUS_BYTES_MIN)
  .max(EVENT_BYTES_MAX)
  .meta({ description: "Bytes of one event as JSON; null: as many as there can be." })
  .nullable();
export const requestBytesMax = z
  .int()
  .min(BUS_BYTES_MIN)
  .max(REQUEST_BYTES_MAX)
  .meta({ description: "Bytes of one publish, inflated; null: as many as there can be." })
  .nullable();

/** The settings of a bus, nulls merged away: what validates a PUT, and what a patch leaves. */
export const busSettings = z.strictObject({
  retention_days: retentionDays.default(null),
  log_level: logLevel.default("all"),
  event_bytes_max: eventBytesMax.default(null),
  request_bytes_max: requestBytesMax.default(null),
});

const READ_ONLY = ["bus", "subscriptions", "keys", "created_at", "updated_at", "version", "effective_at", "effective"];

/** The same as a PUT may write it. */
export const busPut = z
  .strictObject({ ...busSettings.shape, log_level: orNull(busSettings.shape.log_level), ...repeated(READ_ONLY) })
  .meta({
    id: "BusSettings",
    description:
      "How one bus is set: what is absent or null has its default. An answer about it can be edited and sent back.",
  });

/** What a patch of a bus may name. What it leaves is checked by `busSettings`. */
export const busPatch = z
  .strictObject({
    retention_days: retentionDays.optional(),
    log_level: orNull(logLevel),
    event_bytes_max: eventBytesMax.optional(),
    request_bytes_max: requestBytesMax.optional(),
    ...repeated(READ_ONLY),
  })
  .meta({
    id: "BusPatch",
    description: "What is to change (RFC 7396): null is the default. An answer can be edited and sent back.",
  });

export const busQuery = z.strictObject(pageParameters("buses"));

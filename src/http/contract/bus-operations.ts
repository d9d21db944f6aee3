/** Buses in the document: what answers show, and the operations. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import {
  BUS_BYTES_MIN,
  EVENT_BYTES_MAX,
  REQUEST_BYTES_MAX,
  RETENTION_DAYS_MAX,
  RETENTION_DAYS_MIN,
} from "../../core/limits.ts";
import { answer, bare, jsonBody, operation, patchBody } from "./operation.ts";
import { busName, count, idOf, pageOf, time, versioned } from "./parts.ts";
import { retentionDays, logLevel, eventBytesMax, requestBytesMax, busPut, busPatch, busQuery } from "./buses.ts";

// ---- Answers -----------------------------------------------------------------------------------------------------

const shown = {
  bus: idOf("bus", "Its name."),
  retention_days: retentionDays,
  log_level: logLevel,
  event_bytes_max: eventBytesMax,
  request_bytes_max: requestBytesMax,
  subscriptions: count("How many it has."),
  keys: count("How many it has."),
  ...versioned,
};

const effective = z
  .object({
    retention_days: z.int().min(RETENTION_DAYS_MIN).max(RETENTION_DAYS_MAX),
    log_level: logLevel.meta({ description: "`failures` on every bus while the database is nearly full." }),
    event_bytes_max: z.int().min(BUS_BYTES_MIN).max(EVENT_BYTES_MAX),
    request_bytes_max: z.int().min(BUS_BYTES_MIN).max(REQUEST_BYTES_MAX),
    events_since: time(
      "Events accepted from then on are on record: a database that fills up keeps less than the retention.",
    ),
    database_used: z.number().min(0).meta({ description: "How full the database is; 1 is full." }),
  })
  .meta({
    id: "BusEffective",
    description: "What applies in effect: settings, defaults, and the state of the database.",
  });

const busListed = z.object(shown).meta({ id: "BusSummary", description: "A bus as lists show it." });
const bus = z
  .object({ ...shown, effective })
  .meta({ id: "Bus", description: "A namespace of events, subscriptions and keys." });

const LISTED = {
  bus: "eu",
  retention_days: 14,
  log_level: "all",
  event_bytes_max: null,
  request_bytes_max: null,
  subscriptions: 12,
  keys: 3,
  created_at: "2026-11-23T09:00:00.000Z",
  updated_at: "2026-11-23T09:00:00.000Z",
  version: 14,
  effective_at: "2026-11-23T09:00:05.000Z",
};
const EXAMPLE = {
  ...LISTED,
  effective: {
    retention_days: 14,
    log_level: "all",
    event_bytes_max: EVENT_BYTES_MAX,
    request_bytes_max: REQUEST_BYTES_MAX,
    events_since: "2026-11-11T09:00:00.000Z",
    database_used: 0.42,
  },
};

const path = z.object({ bus: busName });

// ---- Operations --------------------------------------------------------------------------------------------------

export const busPaths: ZodOpenApiPathsObject = {
  "/v1/buses": {
    get: operation({
      id: "listBuses",
      tag: "Buses",
      summary: "List all buses",
      description: "By name.",
      access: "root",
      query: busQuery,
      answers: {
        200: answer("One page.", {
          schema: pageOf("BusPage", busListed),
          example: { data: [LISTED], next_cursor: null },
        }),
      },
      problems: [],
    }),
  },
  "/v1/buses/{bus}": {
    get: operation({
      id: "getBus",
      tag: "Buses",
      summary: "Read a bus",
      description: "Its settings, and what applies in effect. A key reads its own bus.",
      access: ["read", "manage"],
      path,
      requestHeaders: ["if-none-match", "if-match"],
      answers: {
        200: answer("The bus.", { schema: bus, example: EXAMPLE, more: ["etag"] }),
      },
      problems: ["version-mismatch"],
    }),
    put: operation({
      id: "putBus",
      tag: "Buses",
      summary: "Make or set a bus",
      description:
        "Without a body it makes the bus unless it is there, and changes nothing of one that is. With settings it makes it with them, or replaces them all.",
      access: "root",
      path,
      requestHeaders: ["if-match", "if-none-match"],
      body: jsonBody(
        busPut,
        { fortnight: { summary: "Keep events for two weeks", value: { retention_days: 14 } } },
        { required: false },
      ),
      answers: {
        200: answer("It was there.", { schema: bus, example: EXAMPLE, more: ["etag"] }),
        201: answer("It is made.", { schema: bus, example: EXAMPLE, more: ["etag"] }),
      },
      problems: ["bus-being-deleted", "limit-reached", "version-mismatch", "invalid-request"],
    }),
    patch: operation({
      id: "changeBus",
      tag: "Buses",
      summary: "Change the settings of a bus",
      description: "A merge patch of its settings.",
      access: "root",
      path,
      requestHeaders: ["if-match", "if-none-match"],
      body: patchBody(busPatch, { default: { summary: "Back to the default", value: { retention_days: null } } }),
      answers: { 200: answer("The bus as it is after it.", { schema: bus, example: EXAMPLE, more: ["etag"] }) },
      problems: ["bus-not-found", "version-mismatch", "invalid-request"],
    }),
    delete: operation({
      id: "deleteBus",
      tag: "Buses",
      summary: "Delete a bus",
      description:
        "Everything on it is refused at once, and removed in the background; until that is done, and for 20 minutes, its name cannot be used. `default` cannot be deleted.",
      access: "root",
      path,
      requestHeaders: ["if-match", "if-none-match"],
      answers: { 204: bare("It is deleted.") },
      problems: ["bus-not-found", "version-mismatch"],
    }),
  },
};

/** Events on record in the document: what answers show, and the operations. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { event, EVENT_EXAMPLE } from "./cloudevents.ts";
import { delivery, DELIVERY_EXAMPLE } from "./delivery-operations.ts";
import { answer, bare, operation } from "./operation.ts";
import { count, idOf, pageOf, pathId, time } from "./parts.ts";
import { publishOperation } from "./publish-operation.ts";
import { eventQuery, explainQuery } from "./events.ts";
import { EXPLAINED_CLAUSES, explanation } from "./explanation.ts";

/** What lists show of an event. */
export const EVENT_SHOWN = {
  event_id: idOf("event", "A function of bus, source and id."),
  bus: idOf("bus", "The bus it was published to."),
  id: z.string().nullable().meta({ description: "The producer's id; null when it is erased." }),
  source: z.string().nullable().meta({ description: "Null when it is erased." }),
  type: z.string(),
  subject: z.string().nullable().meta({ description: "Null without one, and when it is erased." }),
  accepted_at: time("When it was published first."),
  matched: count("Subscriptions that took it."),
  duplicates: count("How often it was published again."),
  bytes: count("Of its JSON."),
  erased_at: time("When it was erased; null: it was not.").nullable(),
};

export const eventSummary = z
  .object(EVENT_SHOWN)
  .meta({ id: "EventSummary", description: "An event as lists show it." });

const eventOnRecord = z
  .object({
    ...EVENT_SHOWN,
    event: z.union([event, z.null()]).meta({
      description: "The event itself, with its data as it was sent; null when it is erased or no longer kept.",
    }),
    deliveries: z.array(delivery),
    deliveries_next_cursor: z
      .string()
      .nullable()
      .meta({ description: "The `cursor` of `GET /v1/deliveries?event_id=` for more; null: these are all." }),
  })
  .meta({ id: "EventOnRecord", description: "An event, how it was routed, and its deliveries." });

export const EVENT_SUMMARY_EXAMPLE = {
  event_id: DELIVERY_EXAMPLE.event_id,
  bus: "default",
  id: EVENT_EXAMPLE.id,
  source: EVENT_EXAMPLE.source,
  type: EVENT_EXAMPLE.type,
  subject: EVENT_EXAMPLE.subject,
  accepted_at: "2026-11-23T09:00:00.412Z",
  matched: 1,
  duplicates: 0,
  bytes: 181,
  erased_at: null,
};

const explained = z
  .object({
    event_id: idOf("event", "The event that is explained."),
    subscription_id: idOf("subscription", "Whose filters it is held against."),
    subscription_status: z
      .enum(["active", "paused", "disabled"])
      .meta({ description: "What is not active holds what it takes." }),
    ...explanation,
    delivery_id: idOf("delivery", "What was made of it when it was published; null: nothing.").nullable(),
  })
  .meta({ id: "EventExplained", description: "Why a subscription takes an event on record, or does not." });

const path = z.object({ event_id: pathId("The id of the event, `evt_…`.", EVENT_SUMMARY_EXAMPLE.event_id) });

export const eventPaths: ZodOpenApiPathsObject = {
  "/v1/events": {
    post: publishOperation(),
    get: operation({
      id: "listEvents",
      tag: "Events",
      summary: "List the events of the bus",
      description: "Newest first. Filters are combined. An event is on record within a second of its 202, usually.",
      access: ["read"],
      query: eventQuery,
      answers: {
        200: answer("One page.", {
          schema: pageOf("EventPage", eventSummary),
          example: { data: [EVENT_SUMMARY_EXAMPLE], next_cursor: null },
        }),
      },
      problems: [],
    }),
  },
  "/v1/events/{event_id}": {
    get: operation({
      id: "getEvent",
      tag: "Events",
      summary: "Read an event",
      description: "The event as it was published, how it was routed, and what became of each delivery.",
      access: ["read"],
      path,
      answers: {
        200: answer("The event.", {
          schema: eventOnRecord,
          example: {
            ...EVENT_SUMMARY_EXAMPLE,
            event: EVENT_EXAMPLE,
            deliveries: [DELIVERY_EXAMPLE],
            deliveries_next_cursor: null,
          },
        }),
      },
      problems: ["not-found"],
    }),
    delete: operation({
      id: "eraseEvent",
      tag: "Events",
      summary: "Erase an event",
      description:
        "Removes what it says: id, source, subject, data, and what sinks answered. Type and counts stay; open deliveries end as `cancelled`.",
      access: ["manage"],
      path,
      answers: { 204: bare("It is erased, now or before.") },
      problems: ["not-found"],
    }),
  },
  "/v1/events/{event_id}/explain": {
    get: operation({
      id: "explainEvent",
      tag: "Events",
      summary: "Explain why a subscription takes an event, or does not",
      description:
        "The event as it is on record, held against the filters that the subscription has at this moment, whether it is active or not: what they were when the event was published may be in the audit. An event that is erased or no longer kept cannot be explained.",
      access: ["read"],
      path,
      query: explainQuery,
      answers: {
        200: answer("Which conditions it meets.", {
          schema: explained,
          example: {
            event_id: EVENT_SUMMARY_EXAMPLE.event_id,
            subscription_id: DELIVERY_EXAMPLE.subscription_id,
            subscription_status: "active",
            matched: false,
            explain: EXPLAINED_CLAUSES,
            delivery_id: null,
          },
        }),
      },
      problems: ["not-found"],
    }),
  },
};

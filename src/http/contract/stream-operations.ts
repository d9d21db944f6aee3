/** Streams in the document: what they tell, and the operations. */
import * as z from "zod";
import type { ZodOpenApiPathsObject, ZodOpenApiResponseObject } from "zod-openapi";
import { event, EVENT_EXAMPLE } from "./cloudevents.ts";
import { DELIVERY_EXAMPLE } from "./delivery-operations.ts";
import { EVENT_SHOWN, EVENT_SUMMARY_EXAMPLE } from "./event-operations.ts";
import { headers } from "./headers.ts";
import { operation } from "./operation.ts";
import { pathId } from "./parts.ts";
import { eventStreamQuery } from "./streams.ts";

/** Not in an answer as a whole: each is the data of one event of a stream. */
export const streamedEvent = z
  .object({
    ...EVENT_SHOWN,
    event: z.union([event, z.null()]).meta({
      description: "The event itself, with its data as it was sent; null when it is erased or no longer kept.",
    }),
  })
  .meta({ id: "StreamedEvent", description: "An event, as a stream tells it." });

const LIFE =
  "A stream ends by itself after some minutes: come again with the last id as `last-event-id`. Every 15 seconds, and at its end, `place` tells an id up to which everything is told. A bus has 50 at a time.";

/** The schema is that of the data of its entries. */
const stream = (description: string, schema: string, example: string): ZodOpenApiResponseObject => ({
  description,
  headers: headers(["x-request-id", "cache-control"]),
  content: {
    "text/event-stream": {
      schema: z.string().meta({
        override: { contentMediaType: "application/json", contentSchema: { $ref: `#/components/schemas/${schema}` } },
      }),
      example,
    },
  },
});

const told = (type: string, data: unknown): string =>
  `retry: 1000\nevent: open\nid: 1764147600412-1000000\ndata: {"bus":"default"}\n\nevent: ${type}\nid: 1764147601033-0\ndata: ${JSON.stringify(data)}\n\n`;

const path = z.object({ id: pathId("The id of the subscription.", DELIVERY_EXAMPLE.subscription_id) });

export const streamPaths: ZodOpenApiPathsObject = {
  "/v1/events/stream": {
    get: operation({
      id: "streamEvents",
      tag: "Events",
      summary: "Follow the events of the bus",
      description: `Server-sent events. \`open\` comes first, then an \`event\` for each event that comes on record, a StreamedEvent, in that order. With \`last-event-id\` the stream goes on behind that event, from the record: what came meanwhile is told first, and nothing that is still on record is left out. What \`replay\` asked for has no ids, and then comes \`place\`: who is cut off before that begins anew. ${LIFE}`,
      access: ["read"],
      requestHeaders: ["last-event-id"],
      query: eventStreamQuery,
      answers: {
        200: stream("The stream.", "StreamedEvent", told("event", { ...EVENT_SUMMARY_EXAMPLE, event: EVENT_EXAMPLE })),
      },
      problems: ["too-many-streams"],
    }),
  },
  "/v1/subscriptions/{id}/stream": {
    get: operation({
      id: "streamDeliveries",
      tag: "Deliveries",
      summary: "Follow the deliveries of a subscription",
      description: `Server-sent events. \`open\` comes first, then a \`delivery\` each time that one was settled: it was delivered, is to be tried again, or is dead. Its data is what lists show of it, as it is by then. \`last-event-id\` may be an hour old. What succeeds at once on a bus that records failures only is not told. ${LIFE}`,
      access: ["read"],
      requestHeaders: ["last-event-id"],
      path,
      answers: { 200: stream("The stream.", "Delivery", told("delivery", DELIVERY_EXAMPLE)) },
      problems: ["not-found", "too-many-streams"],
    }),
  },
};

/** Deliveries in the document: what answers show, and the operations. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { ATTEMPTS_KEPT_MAX } from "../../core/limits.ts";
import { answer, operation } from "./operation.ts";
import { count, idOf, pageOf, pathId, time } from "./parts.ts";
import { STATUSES, deliveryQuery } from "./deliveries.ts";

const attempt = z
  .object({
    attempt: z
      .int()
      .min(1)
      .meta({ description: "Counts from 1 over the whole life of the delivery: `fantail-attempt`." }),
    at: time("When it was made."),
    duration_ms: count("How long it took."),
    status: z.int().nullable().meta({ description: "What the sink answered; null: it did not." }),
    error: z.string().nullable().meta({ description: "Why there was no answer; null: there was one." }),
    answer: z.string().nullable().meta({ description: "The first kilobyte of a failure's answer." }),
  })
  .meta({ id: "Attempt", description: "One request that was made for a delivery." });

const status = z.enum(STATUSES).meta({
  description:
    "`pending`: no attempt has finished. `retrying`: one failed, another comes. `held`: its subscription is paused or disabled. `delivered`, `dead` and `cancelled` are the end.",
});

const shown = {
  id: idOf("delivery", "Of this delivery: the `webhook-id` of all its attempts."),
  event_id: idOf("event", "The event that is delivered."),
  subscription_id: idOf("subscription", "The subscription that it is delivered for."),
  type: z.string().meta({ description: "The type of the event." }),
  status,
  cause: z
    .string()
    .nullable()
    .meta({ description: "Why it waits, is held, or ended so; null where there is nothing to say." }),
  attempt: count("Attempts that were begun."),
  due_at: time("When the next attempt is due; null: none is, or it waits for its sink (`cause`).").nullable(),
  last_attempt: z.union([attempt, z.null()]).meta({ description: "The last that is on record; null: none is." }),
};

export const delivery = z
  .object(shown)
  .meta({ id: "Delivery", description: "One event for one subscription: what became of it." });

const deliveryInFull = z
  .object({
    ...shown,
    attempts: z
      .array(attempt)
      .max(ATTEMPTS_KEPT_MAX)
      .meta({ description: `Oldest first; the last ${ATTEMPTS_KEPT_MAX} are kept.` }),
  })
  .meta({ id: "DeliveryInFull", description: "A delivery with its attempts." });

const retried = z
  .object({ id: idOf("delivery", "Of the delivery."), status })
  .meta({ id: "DeliveryRetried", description: "A delivery that is due at once." });

const ID = "dlv_7zmq4w2x9c1v5b8n3k6j0h4g2f01jd3x8k0v7q2m9c4n5t6w8y0z";
const ATTEMPT = {
  attempt: 1,
  at: "2026-11-23T09:00:01.000Z",
  duration_ms: 87,
  status: 503,
  error: null,
  answer: "Down for maintenance",
};
export const DELIVERY_EXAMPLE = {
  id: ID,
  event_id: `evt_${ID.slice(4, 30)}`,
  subscription_id: `sub_${ID.slice(30)}`,
  type: "order.created",
  status: "retrying",
  cause: null,
  attempt: 1,
  due_at: "2026-11-23T09:00:06.000Z",
  last_attempt: ATTEMPT,
};

const path = z.object({ delivery_id: pathId("The id of the delivery.", ID) });

export const deliveryPaths: ZodOpenApiPathsObject = {
  "/v1/deliveries": {
    get: operation({
      id: "listDeliveries",
      tag: "Deliveries",
      summary: "List the deliveries of the bus",
      description: "Newest first. Filters are combined.",
      access: ["read"],
      query: deliveryQuery,
      answers: {
        200: answer("One page.", {
          schema: pageOf("DeliveryPage", delivery),
          example: { data: [DELIVERY_EXAMPLE], next_cursor: null },
        }),
      },
      problems: [],
    }),
  },
  "/v1/deliveries/{delivery_id}": {
    get: operation({
      id: "getDelivery",
      tag: "Deliveries",
      summary: "Read a delivery",
      description: "With its attempts: what the sink answered, and when.",
      access: ["read"],
      path,
      answers: {
        200: answer("The delivery.", {
          schema: deliveryInFull,
          example: { ...DELIVERY_EXAMPLE, attempts: [ATTEMPT] },
        }),
      },
      problems: ["not-found"],
    }),
  },
  "/v1/deliveries/{delivery_id}/retry": {
    post: operation({
      id: "retryDelivery",
      tag: "Deliveries",
      summary: "Try a delivery again",
      description:
        "It is due at once, whatever its status was, with its whole schedule before it. The `webhook-id` stays.",
      access: ["manage"],
      path,
      requestHeaders: ["idempotency-key"],
      answers: {
        202: answer("It is due.", {
          schema: retried,
          example: { id: ID, status: "retrying" },
          more: ["idempotent-replayed"],
        }),
      },
      // With an `idempotency-key` a body is read, to tell one request from another.
      problems: [
        "malformed-body",
        "not-found",
        "attempt-in-progress",
        "event-erased",
        "payload-too-large",
        "unsupported-media-type",
        "idempotency-key-reused",
      ],
    }),
  },
};

/** Subscriptions in the document: what answers show, and the operations. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { RETRY_PERMANENT_DEFAULT, RETRY_SCHEDULE_SECONDS_DEFAULT, TIMEOUT_MS_DEFAULT } from "../../core/limits.ts";
import { answer, bare, jsonBody, operation, patchBody } from "./operation.ts";
import { idOf, orNull, pageOf, pathId, repeated, ruledByCore, versioned } from "./parts.ts";
import {
  TYPES,
  SOURCE,
  FILTERS,
  SECRET,
  resumeFrom,
  RATE_DESCRIPTION,
  rateMembers,
  retryMembers,
  subscriptionDocument,
  subscriptionQuery,
} from "./subscriptions.ts";

// ---- Requests ----------------------------------------------------------------------------------------------------

const { shape } = subscriptionDocument;

/** Every member as a request may write it: null is the default, as absence is. */
const sent = {
  name: shape.name,
  types: shape.types,
  source: shape.source,
  filters: ruledByCore({ ...FILTERS, type: ["array", "null"] }),
  headers: shape.headers,
  format: orNull(shape.format),
  timeout_ms: orNull(shape.timeout_ms),
  retry: orNull(
    z.strictObject({
      schedule_s: orNull(retryMembers.shape.schedule_s),
      permanent: orNull(retryMembers.shape.permanent),
    }),
  ),
  rate: shape.rate,
  concurrency: shape.concurrency,
  status: orNull(shape.status),
};

const subscriptionCreate = z
  .strictObject({ sink: shape.sink, ...sent, secret: shape.secret })
  .meta({ id: "SubscriptionCreate", description: "A subscription to be made. Only `sink` is needed." });

const subscriptionPatch = z
  .strictObject({
    sink: shape.sink.optional(),
    ...sent,
    rate: rateMembers.partial().nullable().optional().meta({ description: RATE_DESCRIPTION }),
    status: z
      .enum(["active", "paused", "disabled"])
      .nullable()
      .optional()
      .meta({ description: "`disabled` cannot be set, only repeated." }),
    resume_from: resumeFrom,
    secret: z.string().optional().meta({ override: SECRET }),
    ...repeated(["id", "bus", "disabled_reason", "created_at", "updated_at", "version", "effective_at", "unreadable"]),
  })
  .meta({
    id: "SubscriptionPatch",
    description:
      "What is to change (RFC 7396): lists are replaced, null is the default. An answer can be edited and sent back: what it repeats changes nothing.",
  });

// ---- Answers -----------------------------------------------------------------------------------------------------

const shown = {
  id: idOf("subscription", "Of this subscription."),
  bus: idOf("bus", "The bus it belongs to."),
  name: shape.name.unwrap(),
  sink: shape.sink,
  types: z.unknown().meta({ override: TYPES }),
  source: z.unknown().meta({ override: SOURCE }),
  filters: z.unknown().meta({ override: FILTERS }),
  format: shape.format.unwrap(),
  headers: z
    .record(z.string(), z.literal("…"))
    .optional()
    .meta({ description: "Names of the headers; absent when they cannot be opened." }),
  timeout_ms: shape.timeout_ms.unwrap(),
  retry: z.object({
    schedule_s: retryMembers.shape.schedule_s.unwrap(),
    permanent: retryMembers.shape.permanent.unwrap(),
  }),
  rate: z.object(rateMembers.shape).nullable().meta({ description: RATE_DESCRIPTION }),
  concurrency: shape.concurrency.unwrap(),
  status: z
    .enum(["active", "paused", "disabled"])
    .meta({ description: "What is paused or disabled is matched as ever, and holds its deliveries." }),
  disabled_reason: z.string().nullable().meta({
    description:
      "`gone`: the sink answered 410. `receiver`: it answered `webhook-delivery: disable`. `failing`: it did nothing but fail for five days. Null unless `status` is `disabled`.",
  }),
  ...versioned,
  unreadable: z
    .array(z.enum(["secret", "headers"]))
    .min(1)
    .optional()
    .meta({ description: "What cannot be opened, because its encryption key is gone: set it again." }),
};

const subscription = z
  .object(shown)
  .meta({ id: "Subscription", description: "What one consumer wants, and how it wants it." });

const subscriptionCreated = z
  .object({
    ...shown,
    secret: z.string().optional().meta({ override: SECRET, description: "Shown once, unless the request gave one." }),
  })
  .meta({ id: "SubscriptionCreated", description: "A new subscription, with its signing secret." });

const EXAMPLE = {
  id: "sub_01jd3x8k0v7q2m9c4n5t6w8y0z",
  bus: "default",
  name: "billing",
  sink: "https://billing.example.com/hooks",
  types: ["order.created"],
  source: null,
  filters: [{ prefix: { subject: "eu/" } }],
  format: "structured",
  headers: { "x-team": "…" },
  timeout_ms: TIMEOUT_MS_DEFAULT,
  retry: { schedule_s: [...RETRY_SCHEDULE_SECONDS_DEFAULT], permanent: [...RETRY_PERMANENT_DEFAULT] },
  rate: { limit: 600, period_s: 60 },
  concurrency: null,
  status: "active",
  disabled_reason: null,
  created_at: "2026-11-23T09:00:00.000Z",
  updated_at: "2026-11-23T09:00:00.000Z",
  version: 12,
  effective_at: "2026-11-23T09:00:05.000Z",
};

const path = z.object({ id: pathId("The id of the subscription.", EXAMPLE.id) });

// ---- Operations --------------------------------------------------------------------------------------------------

export const subscriptionPaths: ZodOpenApiPathsObject = {
  "/v1/subscriptions": {
    post: operation({
      id: "createSubscription",
      tag: "Subscriptions",
      summary: "Make a subscription",
      description: "Every event of the bus that it takes is pushed to its sink from `effective_at` on, at the latest.",
      access: ["manage"],
      requestHeaders: ["idempotency-key"],
      body: jsonBody(subscriptionCreate, {
        least: { summary: "Every event", value: { sink: EXAMPLE.sink } },
        filtered: {
          summary: "Some events, with a header",
          value: {
            name: "billing",
            sink: EXAMPLE.sink,
            types: EXAMPLE.types,
            filters: EXAMPLE.filters,
            headers: { "x-team": "billing" },
          },
        },
        paced: {
          summary: "No faster than its sink can",
          value: { sink: EXAMPLE.sink, rate: EXAMPLE.rate, concurrency: 4 },
        },
      }),
      answers: {
        201: answer("It is made. `secret` is shown here and never again.", {
          schema: subscriptionCreated,
          example: { ...EXAMPLE, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAAECAwQFBgc=" },
          more: ["etag", "location", "idempotent-replayed"],
        }),
      },
      problems: ["not-found", "limit-reached", "invalid-request", "idempotency-key-reused"],
    }),
    get: operation({
      id: "listSubscriptions",
      tag: "Subscriptions",
      summary: "List the subscriptions of the bus",
      description: "Newest first.",
      access: ["read", "manage"],
      query: subscriptionQuery,
      answers: {
        200: answer("One page.", {
          schema: pageOf("SubscriptionPage", subscription),
          example: { data: [EXAMPLE], next_cursor: null },
        }),
      },
      problems: [],
    }),
  },
  "/v1/subscriptions/{id}": {
    get: operation({
      id: "getSubscription",
      tag: "Subscriptions",
      summary: "Read a subscription",
      description: "Its secret and the values of its headers are not shown.",
      access: ["read", "manage"],
      path,
      requestHeaders: ["if-none-match", "if-match"],
      answers: {
        200: answer("The subscription.", { schema: subscription, example: EXAMPLE, more: ["etag"] }),
        304: bare("It still has that version.", ["etag"]),
      },
      problems: ["not-found", "version-mismatch"],
    }),
    patch: operation({
      id: "changeSubscription",
      tag: "Subscriptions",
      summary: "Change a subscription",
      description:
        "A merge patch. A new `secret` signs beside the one before it for 24 h. Setting `status` to `active` also ends `disabled`, and frees what was held, from where `resume_from` says.",
      access: ["manage"],
      path,
      requestHeaders: ["if-match", "if-none-match"],
      body: patchBody(subscriptionPatch, {
        pause: { summary: "Hold its deliveries", value: { status: "paused" } },
        resume: { summary: "Go on, and skip what was held", value: { status: "active", resume_from: "latest" } },
        sink: { summary: "Move its sink", value: { sink: "https://billing.example.com/v2/hooks", timeout_ms: null } },
        pace: { summary: "Slow it down", value: { rate: { limit: 60, period_s: 60 } } },
      }),
      answers: {
        200: answer("The subscription as it is after it.", { schema: subscription, example: EXAMPLE, more: ["etag"] }),
      },
      problems: ["not-found", "version-mismatch", "invalid-request"],
    }),
    delete: operation({
      id: "deleteSubscription",
      tag: "Subscriptions",
      summary: "Delete a subscription",
      description: "Its open deliveries end as `cancelled`.",
      access: ["manage"],
      path,
      requestHeaders: ["if-match", "if-none-match"],
      answers: { 204: bare("It is deleted.") },
      problems: ["not-found", "version-mismatch"],
    }),
  },
};

/** Subscriptions in the contract: what requests say, what answers show, and the operations. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import {
  ATTRIBUTE_NAME_CHARS_MAX,
  ATTRIBUTE_VALUE_BYTES_MAX,
  ATTRIBUTES_MAX,
  FILTER_BYTES_MAX,
  FILTER_DEPTH_MAX,
  FILTER_NODES_MAX,
  FILTERS_MAX,
  RETRY_DELAY_SECONDS_MAX,
  RETRY_PERMANENT_DEFAULT,
  RETRY_PERMANENT_MAX,
  RETRY_SCHEDULE_MAX,
  RETRY_SCHEDULE_SECONDS_DEFAULT,
  SECRET_BYTES_MAX,
  SECRET_BYTES_MIN,
  SINK_CHARS_MAX,
  SINK_HEADER_NAME_CHARS_MAX,
  SINK_HEADER_VALUE_CHARS_MAX,
  SINK_HEADERS_MAX,
  TIMEOUT_MS_DEFAULT,
  TIMEOUT_MS_MAX,
  TIMEOUT_MS_MIN,
  TYPES_MAX,
} from "../../core/limits.ts";
import { FORMATS } from "../../core/subscription.ts";
import { answer, bare, jsonBody, operation, patchBody } from "./operation.ts";
import {
  effectiveAt,
  idOf,
  nameMember,
  orNull,
  pageOf,
  pageParameters,
  pathId,
  repeated,
  ruledByCore,
  time,
  version,
  type JsonSchema,
} from "./parts.ts";

// ---- What core/ rules --------------------------------------------------------------------------------------------

const COMPARED: JsonSchema = { type: "string", minLength: 1, maxLength: ATTRIBUTE_VALUE_BYTES_MAX };

const comparisons = (description: string): JsonSchema => ({
  type: "object",
  description,
  minProperties: 1,
  maxProperties: ATTRIBUTES_MAX,
  propertyNames: { pattern: `^[a-z0-9]{1,${ATTRIBUTE_NAME_CHARS_MAX}}$` },
  additionalProperties: COMPARED,
});

const FILTER_REF = { $ref: "#/components/schemas/Filter" } as const;

const dialect = (name: string, schema: JsonSchema | typeof FILTER_REF): JsonSchema => ({
  type: "object",
  required: [name],
  properties: { [name]: schema },
  additionalProperties: false,
});

/** A filter refers to itself: that is why the document has it by hand. */
export const FILTER: JsonSchema = {
  description: `A condition on the attributes of an event: one dialect, of the CloudEvents Subscriptions API. All filters of a subscription together have at most ${FILTER_NODES_MAX} dialect objects, and ${FILTER_DEPTH_MAX} levels of \`all\`, \`any\` and \`not\`.`,
  oneOf: [
    dialect("exact", comparisons("Every attribute equals its string.")),
    dialect("prefix", comparisons("Every attribute begins with its string.")),
    dialect("suffix", comparisons("Every attribute ends with its string.")),
    dialect("all", { type: "array", description: "Every filter holds.", minItems: 1, items: FILTER_REF }),
    dialect("any", { type: "array", description: "At least one filter holds.", minItems: 1, items: FILTER_REF }),
    dialect("not", FILTER_REF),
  ],
};

const TYPES: JsonSchema = {
  type: ["array", "null"],
  description: "Takes events of these types; null and an empty list: of all.",
  maxItems: TYPES_MAX,
  items: COMPARED,
  examples: [["order.created"]],
};
const SOURCE: JsonSchema = {
  ...COMPARED,
  type: ["string", "null"],
  description: "Takes events of this source; null: of all.",
  examples: ["/shop"],
};
const FILTERS: JsonSchema = {
  type: "array",
  description: `Takes events for which every filter holds. With \`types\` and \`source\` at most ${FILTER_BYTES_MAX} bytes of JSON.`,
  maxItems: FILTERS_MAX,
  items: FILTER_REF,
  examples: [[{ prefix: { subject: "eu/" } }]],
};
const SINK_HEADERS: JsonSchema = {
  type: "object",
  description:
    "Headers added to every request. Their values are secrets: stored encrypted, shown as `…`. Names that Fantail, HTTP or the network set are refused.",
  maxProperties: SINK_HEADERS_MAX,
  propertyNames: { pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", maxLength: SINK_HEADER_NAME_CHARS_MAX },
  additionalProperties: { type: "string", minLength: 1, maxLength: SINK_HEADER_VALUE_CHARS_MAX },
  examples: [{ "x-team": "billing" }],
};
/** As a request may write it: a header that is null is not there, or no more. */
const SINK_HEADERS_SENT: JsonSchema = {
  ...SINK_HEADERS,
  type: ["object", "null"],
  additionalProperties: { type: ["string", "null"], minLength: 1, maxLength: SINK_HEADER_VALUE_CHARS_MAX },
};
const SINK: JsonSchema = {
  description: "The consumer's webhook: a public https URL without credentials and fragment.",
  format: "uri",
  minLength: 1,
  maxLength: SINK_CHARS_MAX,
  examples: ["https://billing.example.com/hooks"],
};
/** Characters of base64 for so many bytes. */
const base64Chars = (bytes: number): number => 4 * Math.ceil(bytes / 3);
const SECRET: JsonSchema = {
  description: `Signs every request (Standard Webhooks 1.0): \`whsec_\` and the base64 of ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes.`,
  pattern: `^whsec_[A-Za-z0-9+/]{${base64Chars(SECRET_BYTES_MIN) - 2},${base64Chars(SECRET_BYTES_MAX)}}={0,2}$`,
};

// ---- Requests ----------------------------------------------------------------------------------------------------

/** The member `retry` of a subscription, checked, with defaults. */
export const retryMembers = z.strictObject({
  schedule_s: z
    .array(z.int().min(1).max(RETRY_DELAY_SECONDS_MAX))
    .max(RETRY_SCHEDULE_MAX)
    .meta({
      description: "Seconds to wait after the first, second, … attempt. One attempt more than its length is made.",
    })
    .default([...RETRY_SCHEDULE_SECONDS_DEFAULT]),
  permanent: z
    .array(z.int().min(400).max(599))
    .max(RETRY_PERMANENT_MAX)
    .meta({ description: "Statuses of the sink that are final after three attempts." })
    .default([...RETRY_PERMANENT_DEFAULT]),
});

/** A subscription as its settings, nulls merged away: what validates a request. */
export const subscriptionDocument = z.strictObject({
  name: nameMember,
  sink: z.string().meta({ override: SINK }),
  // The rules of these four are core's; here they are only known.
  types: ruledByCore(TYPES),
  source: ruledByCore(SOURCE),
  filters: ruledByCore(FILTERS),
  headers: ruledByCore(SINK_HEADERS_SENT),
  format: z
    .enum(FORMATS)
    .meta({
      description:
        "What the sink receives: the event as JSON, in binary mode, as a Standard Webhooks payload, or only its identity.",
    })
    .default("structured"),
  timeout_ms: z
    .int()
    .min(TIMEOUT_MS_MIN)
    .max(TIMEOUT_MS_MAX)
    .meta({ description: "How long one attempt may take." })
    .default(TIMEOUT_MS_DEFAULT),
  retry: retryMembers.prefault({}),
  status: z.enum(["active", "paused"]).meta({ description: "Deliveries of a paused one are held." }).default("active"),
  secret: z.string().meta({ override: SECRET }).nullable().default(null),
});

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
  status: orNull(shape.status),
};

export const subscriptionCreate = z
  .strictObject({ sink: shape.sink, ...sent, secret: shape.secret })
  .meta({ id: "SubscriptionCreate", description: "A subscription to be made. Only `sink` is needed." });

const subscriptionPatch = z
  .strictObject({
    sink: shape.sink.optional(),
    ...sent,
    status: z
      .enum(["active", "paused", "disabled"])
      .nullable()
      .optional()
      .meta({ description: "`disabled` cannot be set, only repeated." }),
    secret: z.string().optional().meta({ override: SECRET }),
    ...repeated(["id", "bus", "disabled_reason", "created_at", "updated_at", "version", "effective_at", "unreadable"]),
  })
  .meta({
    id: "SubscriptionPatch",
    description:
      "What is to change (RFC 7396): lists are replaced, null is the default. An answer can be edited and sent back: what it repeats changes nothing.",
  });

export const subscriptionQuery = z.strictObject(pageParameters("subscriptions"));

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
  status: z.enum(["active", "paused", "disabled"]),
  disabled_reason: z
    .string()
    .nullable()
    .meta({ description: "`gone`: the sink answered 410. Null unless `status` is `disabled`." }),
  created_at: time("When it was made."),
  updated_at: time("When it was changed last."),
  version,
  effective_at: effectiveAt,
  unreadable: z
    .array(z.enum(["secret", "headers"]))
    .min(1)
    .optional()
    .meta({ description: "What cannot be opened, because its encryption key is gone: set it again." }),
};

export const subscription = z
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
  status: "active",
  disabled_reason: null,
  created_at: "2026-11-23T09:00:00.000Z",
  updated_at: "2026-11-23T09:00:00.000Z",
  version: 12,
  effective_at: "2026-11-23T09:00:05.000Z",
};

const path = z.object({ id: pathId("The id of the subscription.", EXAMPLE.id) });

// ---- Operations --------------------------------------------------------------------------------------------------

export const subscriptionPaths = (): ZodOpenApiPathsObject => ({
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
      }),
      answers: {
        201: answer("It is made. `secret` is shown here and never again.", {
          schema: subscriptionCreated,
          example: { ...EXAMPLE, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAAECAwQFBgc=" },
          more: ["etag", "location", "idempotent-replayed"],
        }),
      },
      problems: ["limit-reached", "invalid-request", "idempotency-key-reused"],
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
      requestHeaders: ["if-none-match"],
      answers: {
        200: answer("The subscription.", { schema: subscription, example: EXAMPLE, more: ["etag"] }),
        304: bare("It still has that version.", ["etag"]),
      },
      problems: ["not-found"],
    }),
    patch: operation({
      id: "changeSubscription",
      tag: "Subscriptions",
      summary: "Change a subscription",
      description:
        "A merge patch. A new `secret` signs beside the one before it for 24 h. Setting `status` to `active` also ends `disabled`, and frees what was held.",
      access: ["manage"],
      path,
      requestHeaders: ["if-match"],
      body: patchBody(subscriptionPatch, {
        pause: { summary: "Hold its deliveries", value: { status: "paused" } },
        sink: { summary: "Move its sink", value: { sink: "https://billing.example.com/v2/hooks", timeout_ms: null } },
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
      requestHeaders: ["if-match"],
      answers: { 204: bare("It is deleted.") },
      problems: ["not-found", "version-mismatch"],
    }),
  },
});

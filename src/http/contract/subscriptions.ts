/** What requests say of subscriptions: the schemas that validate them. */
import * as z from "zod";
import {
  FILTER_BYTES_MAX,
  FILTERS_MAX,
  PACE_CONCURRENCY_MAX,
  PACE_LIMIT_MAX,
  PACE_PER_SECOND_MAX,
  PACE_PERIOD_SECONDS_MAX,
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
import { parseTimestamp } from "../../core/timestamp.ts";
import { atMost, RESUME_FROM } from "../../core/words.ts";
import { COMPARED, FILTER_REF } from "./filter.ts";
import { nameMember, orNull, pageParameters, ruledByCore, type JsonSchema } from "./parts.ts";

// ---- What core/ rules --------------------------------------------------------------------------------------------

export const TYPES: JsonSchema = {
  type: ["array", "null"],
  description: "Takes events of these types; null and an empty list: of all.",
  maxItems: TYPES_MAX,
  items: COMPARED,
  examples: [["order.created"]],
};
export const SOURCE: JsonSchema = {
  ...COMPARED,
  type: ["string", "null"],
  description: "Takes events of this source; null: of all.",
  examples: ["/shop"],
};
export const FILTERS: JsonSchema = {
  type: "array",
  description: `Takes events for which every filter holds. With \`types\` and \`source\` at most ${FILTER_BYTES_MAX} bytes of JSON.`,
  maxItems: FILTERS_MAX,
  items: FILTER_REF,
  examples: [[{ prefix: { subject: "eu/" } }, { pattern: { data: { total: [{ numeric: [">", 100] }] } } }]],
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
export const SECRET: JsonSchema = {
  description: `Signs every request (Standard Webhooks 1.0): \`whsec_\` and the base64 of ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes.`,
  pattern: `^whsec_[A-Za-z0-9+/]{${base64Chars(SECRET_BYTES_MIN) - 2},${base64Chars(SECRET_BYTES_MAX)}}={0,2}$`,
};

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

/** The member `rate` of a subscription that has one. */
export const rateMembers = z.strictObject({
  limit: z
    .int()
    .min(1)
    .max(PACE_LIMIT_MAX)
    .meta({ description: `Pushes in the period, at most ${PACE_PER_SECOND_MAX} a second.` }),
  period_s: z.int().min(1).max(PACE_PERIOD_SECONDS_MAX).meta({ description: "The period in seconds." }),
});

const possibleRate = rateMembers.superRefine(({ limit, period_s }, ctx) => {
  const most = PACE_PER_SECOND_MAX * Math.max(1, period_s);
  if (limit > most) ctx.addIssue({ code: "custom", path: ["limit"], message: `${atMost(most)} in ${period_s} s` });
});

export const RATE_DESCRIPTION =
  "At most so many pushes in so many seconds, evenly spread; held over at least 60 s. What is over it waits. Null: no limit.";

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
  rate: possibleRate.nullable().default(null).meta({ description: RATE_DESCRIPTION }),
  concurrency: z
    .int()
    .min(1)
    .max(PACE_CONCURRENCY_MAX)
    .nullable()
    .default(null)
    .meta({ description: "Requests that are open at a time, of all consumers together. Null: no limit." }),
  status: z
    .enum(["active", "paused"])
    .meta({ description: "A paused one is matched as ever: its deliveries are held until it is resumed." })
    .default("active"),
  secret: z.string().meta({ override: SECRET }).nullable().default(null),
});

const isPlace = (text: string): boolean => text === "last" || text === "latest" || parseTimestamp(text) !== null;

/** What a patch that resumes a subscription may say beside its settings. */
export const resumeFrom = orNull(
  z
    .string()
    .refine(isPlace, RESUME_FROM)
    .meta({
      override: {
        type: "string",
        pattern: "^(last|latest|\\d{4}-\\d\\d-\\d\\d[Tt].+)$",
        examples: ["latest", "2026-01-31T12:00:00Z"],
        description:
          "Only with `status` set to `active` on one that is not: which of the held deliveries go out. `last`, the default: all of them. `latest`: none, only what is accepted from now on. A time, not in the future: those of events accepted then or later. The others end as `cancelled`, cause `skipped`.",
      },
    }),
);
export const resumeBody = z.object({ resume_from: resumeFrom });

export const subscriptionQuery = z.strictObject(pageParameters("subscriptions"));

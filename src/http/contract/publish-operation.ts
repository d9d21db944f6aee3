/** Publishing in the contract: the content modes of `POST /v1/events`, and its receipts. */
import * as z from "zod";
import type { ZodOpenApiOperationObject, ZodOpenApiResponseObject } from "zod-openapi";
import {
  BATCH_EVENTS_MAX,
  EXPLAIN_BYTES_MAX,
  EXPLAIN_SUBSCRIPTIONS_MAX,
  NDJSON_BYTES_MAX,
  NDJSON_LINE_BYTES_MAX,
  NDJSON_LINES_MAX,
  RECEIPT_SUBSCRIPTIONS_MAX,
  REQUEST_BYTES_MAX,
} from "../../core/limits.ts";
import { anyEvent, event, EVENT_EXAMPLE } from "./cloudevents.ts";
import { publishQuery } from "./events.ts";
import { subscriptionExplained } from "./explanation.ts";
import { answer, bare, operation } from "./operation.ts";
import { count, idOf } from "./parts.ts";
import { problemSchema } from "./problems.ts";

// ---- Receipts ----------------------------------------------------------------------------------------------------

const accepted = {
  status: z.literal("accepted"),
  event_id: idOf("event", "A function of bus, source and id: the same event has the same."),
  id: z.string(),
  source: z.string(),
  matched: count("Subscriptions that take it; one that is paused or disabled holds it."),
  subscription_ids: z
    .array(idOf("subscription", "A subscription that takes it."))
    .max(RECEIPT_SUBSCRIPTIONS_MAX)
    .meta({ description: `The first ${RECEIPT_SUBSCRIPTIONS_MAX} of them.` }),
};
const explain = z
  .array(subscriptionExplained)
  .max(EXPLAIN_SUBSCRIPTIONS_MAX)
  .nullable()
  .optional()
  .meta({
    description: `Only with \`explain\`: the subscriptions that take it, then those that miss it by the least, at most ${EXPLAIN_SUBSCRIPTIONS_MAX} and ${EXPLAIN_BYTES_MAX} bytes of them, and fewer of an event that is large: its size times what is asked of it is bounded. Null: it is accepted, and they could not be looked up.`,
  });
const unexplained = count("Only with `explain`: the subscriptions of the bus that are not among them.").optional();
const rejected = { status: z.literal("rejected"), problem: problemSchema };

const entry = z
  .discriminatedUnion("status", [
    z
      .object({ ...accepted, explain, unexplained })
      .meta({ id: "PublishAccepted", description: "An event that every queue confirmed." }),
    z
      .object({
        index: count("Which entry it is, from 0: only with `prefer: return=minimal`.").optional(),
        ...rejected,
      })
      .meta({ id: "PublishRejected", description: "An entry that is refused, and why. It stops none of the others." }),
  ])
  .meta({ id: "PublishEntry", description: "What became of one entry of a publish." });

const counts = { accepted: count("Entries that are accepted."), rejected: count("Entries that are refused.") };

const publishResult = z
  .object({
    ...counts,
    events: z.array(entry).optional().meta({
      description:
        "One for each entry, in the order sent. With `prefer: return=minimal` only those that are refused, and absent without any.",
    }),
  })
  .meta({ id: "PublishResult", description: "The receipt of a publish." });

// ---- Receipts of NDJSON ------------------------------------------------------------------------------------------

const line = z.int().min(1).meta({ description: "Which line of the request it is, from 1." });
const totals = { lines: count("Lines that are dealt with."), ...counts };

export const publishLine = z
  .discriminatedUnion("status", [
    z
      .object({ line, ...accepted })
      .meta({ id: "PublishLineAccepted", description: "An event that every queue confirmed." }),
    z
      .object({ line, ...rejected })
      .meta({ id: "PublishLineRejected", description: "A line that is refused, and why." }),
    z
      .object({ status: z.literal("done"), ...totals })
      .meta({ id: "PublishDone", description: "The last line: the request was read to its end." }),
    z
      .object({
        status: z.literal("stopped"),
        ...totals,
        next_line: z.int().min(1).meta({
          description:
            "From here on it may be sent again: under another `idempotency-key`, if short forms have their ids from it.",
        }),
        problem: problemSchema,
      })
      .meta({ id: "PublishStopped", description: "The last line: why the rest was not dealt with." }),
  ])
  .meta({ id: "PublishLine", description: "A line of the answer to an NDJSON publish." });

const ACCEPTED = {
  status: "accepted",
  event_id: "evt_7zmq4w2x9c1v5b8n3k6j0h4g2f",
  id: "B-7",
  source: "/shop",
  matched: 1,
  subscription_ids: ["sub_01jd3x8k0v7q2m9c4n5t6w8y0z"],
};
const REJECTED = {
  status: "rejected",
  problem: {
    type: "https://fantail.dev/problems/invalid-event",
    title: "The event is not valid",
    status: 422,
    detail: "source is required",
    instance: "req_01jd3x8k0v7q2m9c4n5t6w8y0z",
    errors: [{ pointer: "/1/source", detail: "source is required" }],
  },
};

/** NDJSON: a text whose lines are the values of a list (JSON Schema 2020-12, "Validation" §8). */
const ndjson = (description: string, schema: object) =>
  z.string().meta({
    description,
    override: { contentMediaType: "application/x-ndjson", contentSchema: { type: "array", items: schema } },
  });

const MORE = ["preference-applied", "access-control-allow-origin"] as const;

const receipt = (description: string, example: unknown): ZodOpenApiResponseObject =>
  answer(description, { schema: publishResult, example, more: MORE });

const DONE = { status: "done", lines: 1, accepted: 1, rejected: 0 };

const lines = (): ZodOpenApiResponseObject => ({
  ...bare(
    "Of an NDJSON publish. Each line is answered as soon as it is confirmed, while others are still sent; with `prefer: return=minimal` only if it is refused. The last line tells how it ended: without one the connection was lost.",
    MORE,
  ),
  content: {
    "application/x-ndjson": {
      schema: ndjson("One JSON object a line.", { $ref: "#/components/schemas/PublishLine" }),
      example: `${JSON.stringify({ line: 1, ...ACCEPTED })}\n${JSON.stringify(DONE)}\n`,
    },
  },
});

// ---- Request -----------------------------------------------------------------------------------------------------

const batch = z
  .array(event)
  .max(BATCH_EVENTS_MAX)
  .meta({ id: "EventBatch", description: "Events in one request. Those that are not valid do not stop the others." });

const SHORT_EXAMPLE = { type: "order.created", data: { total: 42 } };

const body = {
  required: false,
  description: `At most ${REQUEST_BYTES_MAX} bytes, ${NDJSON_BYTES_MAX} of NDJSON, inflated; a bus may take less. With \`content-encoding: gzip\` it may come compressed.`,
  content: {
    "application/json": {
      schema: anyEvent,
      examples: {
        short: { summary: "The short form", value: SHORT_EXAMPLE },
        full: { summary: "In full", value: EVENT_EXAMPLE },
      },
    },
    "application/cloudevents+json": { schema: event, example: EVENT_EXAMPLE },
    "application/cloudevents-batch+json": { schema: batch, example: [EVENT_EXAMPLE, { ...EVENT_EXAMPLE, id: "B-8" }] },
    "application/x-ndjson": {
      schema: ndjson(
        `One event a line, in full or in the short form: at most ${NDJSON_LINES_MAX} lines of ${NDJSON_LINE_BYTES_MAX} bytes.`,
        { anyOf: [{ $ref: "#/components/schemas/Event" }, { $ref: "#/components/schemas/ShortEvent" }] },
      ),
      example: `${JSON.stringify(EVENT_EXAMPLE)}\n${JSON.stringify(SHORT_EXAMPLE)}\n`,
    },
    "*/*": {
      schema: z.unknown().meta({
        description: "Binary mode, with `ce-` headers: the data, of any type but `application/cloudevents…`.",
      }),
    },
  },
};

// ---- Operation ---------------------------------------------------------------------------------------------------

export const publishOperation = (): ZodOpenApiOperationObject =>
  operation({
    id: "publishEvents",
    tag: "Events",
    summary: "Publish events",
    description:
      "The content type says the mode: one event in full or short, a batch, NDJSON, or binary mode with `ce-` headers. 202 means that every delivery of every event is confirmed by a queue. After 503 the same request completes it and repeats nothing, if its events carry their ids. With `explain` the event is published all the same, and the answer says why subscriptions take it or not, each time anew; `prefer` is passed over then.",
    access: ["publish"],
    query: publishQuery,
    requestHeaders: [
      "idempotency-key",
      "fantail-hops",
      "prefer",
      "traceparent",
      "tracestate",
      "ce-specversion",
      "ce-id",
      "ce-source",
      "ce-type",
      "ce-subject",
      "ce-time",
      "ce-dataschema",
    ],
    body,
    answers: {
      200: lines(),
      202: receipt("Every entry is accepted.", { accepted: 1, rejected: 0, events: [ACCEPTED] }),
      207: receipt("Some entries are accepted and some refused: send only the refused ones again, mended.", {
        accepted: 1,
        rejected: 1,
        events: [ACCEPTED, REJECTED],
      }),
    },
    problems: ["invalid-event", "invalid-request", "too-many-hops", "rate-limited"],
  });

/** Filters in the document: trying them on one event and on what is on record, and taking over those of other services. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import {
  BACKTEST_BODIES_BYTES_MAX,
  BACKTEST_EVENTS_MAX,
  BACKTEST_SAMPLE_MAX,
  EVENT_BYTES_MAX,
  FILTER_TEST_BYTES_MAX,
} from "../../core/limits.ts";
import { anyEvent, EVENT_EXAMPLE } from "./cloudevents.ts";
import { EVENT_SUMMARY_EXAMPLE, eventSummary } from "./event-operations.ts";
import { EXPLAINED_CLAUSES, explanation } from "./explanation.ts";
import { backtestMembers, filterImport, filterTestMembers } from "./filters.ts";
import { answer, jsonBody, operation } from "./operation.ts";
import { count, idOf, orNull } from "./parts.ts";
import { FILTERS, SOURCE, TYPES } from "./subscriptions.ts";

// ---- Requests ----------------------------------------------------------------------------------------------------

const filterTest = filterTestMembers.extend({ event: anyEvent }).meta({
  id: "FilterTest",
  description: "What a subscription would state, and an event in full or in the short form.",
});

const { shape } = backtestMembers;

const filterBacktest = z
  .strictObject({
    ...shape,
    subscription_id: orNull(shape.subscription_id.unwrap()),
    since: orNull(shape.since.unwrap()),
    until: orNull(shape.until.unwrap()),
    limit: orNull(shape.limit),
    cursor: orNull(shape.cursor.unwrap()),
  })
  .meta({ id: "FilterBacktest", description: "What a subscription would state, and on which events it is tried." });

// ---- Answers -----------------------------------------------------------------------------------------------------

const filterTested = z
  .object(explanation)
  .meta({ id: "FilterTested", description: "Whether the event would be taken, and why." });

const events = (what: string) =>
  z
    .array(eventSummary)
    .max(BACKTEST_SAMPLE_MAX)
    .meta({ description: `The newest of ${what}, at most ${BACKTEST_SAMPLE_MAX}.` });

const hits = (what: string) => z.object({ count: count(`How many ${what}.`), sample: events("them") });

const backtested = z
  .object({
    examined: count("Events that the filters were tried on."),
    skipped: count("Events that they could not be tried on: erased, or no longer kept."),
    matched: count("How many of the examined are taken."),
    sample: events("these"),
    difference: z
      .object({
        subscription_id: idOf("subscription", "Whom it is compared with."),
        gained: hits("the filters take and the subscription does not"),
        lost: hits("the subscription takes and the filters do not"),
      })
      .nullable()
      .meta({ description: "Null without a `subscription_id`." }),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: "The `cursor` of the next page; null: all were looked at." }),
  })
  .meta({ id: "FilterBacktested", description: "What the filters take of one page of events." });

const imported = z
  .object({
    types: z.unknown().meta({ override: TYPES }),
    source: z.unknown().meta({ override: SOURCE }),
    filters: z.unknown().meta({ override: FILTERS }),
    notes: z.array(z.string()).meta({ description: "What is different here, for people." }),
  })
  .meta({ id: "FilterImported", description: "What a subscription states to take the same events." });

const WANTED = { types: ["order.created"], filters: [{ prefix: { subject: "eu/" } }] };

const RULE = { source: ["/shop"], "detail-type": ["paid"] };

const UNCHANGING = "It changes nothing and may be sent again as often as you like: an `idempotency-key` is not needed.";

// ---- Operations --------------------------------------------------------------------------------------------------

export const filterPaths: ZodOpenApiPathsObject = {
  "/v1/filters/test": {
    post: operation({
      id: "testFilters",
      tag: "Filters",
      summary: "Try filters on an event",
      description: `Whether a subscription that states these would take the event, and which of its conditions decide that. The event is not published, and meets no limits but its own: ${EVENT_BYTES_MAX} bytes, in a body of at most ${FILTER_TEST_BYTES_MAX}. ${UNCHANGING}`,
      access: ["read", "manage"],
      body: jsonBody(filterTest, {
        short: {
          summary: "An event in the short form",
          value: { ...WANTED, event: { type: "order.created", subject: "us/42" } },
        },
        full: { summary: "An event in full", value: { ...WANTED, event: EVENT_EXAMPLE } },
      }),
      answers: {
        200: answer("Whether it is taken.", {
          schema: filterTested,
          example: { matched: false, explain: EXPLAINED_CLAUSES },
        }),
      },
      problems: ["invalid-event", "invalid-request"],
    }),
  },
  "/v1/filters/backtest": {
    post: operation({
      id: "backtestFilters",
      tag: "Filters",
      summary: "Try filters on the events on record",
      description: `What a subscription that states these would have taken, newest first. Each answer tells of one page of events, up to ${BACKTEST_EVENTS_MAX} with up to ${BACKTEST_BODIES_BYTES_MAX} bytes: go on with \`next_cursor\` until it is null, and add the counts up. A page may be short and not be the last: it ends sooner where the filters look into large events over and over. With a \`subscription_id\` it is compared with what that subscription takes as it is now, whether it is active or not. Where only failures are on record, it is tried on these. ${UNCHANGING}`,
      access: ["read"],
      body: jsonBody(filterBacktest, {
        day: { summary: "One day", value: { ...WANTED, since: "2026-11-22T00:00:00Z", until: "2026-11-23T00:00:00Z" } },
        change: {
          summary: "Before a subscription is changed",
          value: { ...WANTED, subscription_id: "sub_01jd3x8k0v7q2m9c4n5t6w8y0z" },
        },
      }),
      answers: {
        200: answer("One page.", {
          schema: backtested,
          example: {
            examined: 240,
            skipped: 1,
            matched: 12,
            sample: [EVENT_SUMMARY_EXAMPLE],
            difference: {
              subscription_id: "sub_01jd3x8k0v7q2m9c4n5t6w8y0z",
              gained: { count: 1, sample: [EVENT_SUMMARY_EXAMPLE] },
              lost: { count: 0, sample: [] },
            },
            next_cursor: null,
          },
        }),
      },
      problems: ["invalid-request"],
    }),
  },
  "/v1/filters/import": {
    post: operation({
      id: "importFilters",
      tag: "Filters",
      summary: "Take over a filter of another service",
      description: `Says what a subscription states to take the same events, to be read before it is used: nothing is made of it. What cannot be said here is refused, never left out. ${UNCHANGING}`,
      access: ["read", "manage"],
      body: jsonBody(filterImport, {
        eventbridge: { summary: "A rule of Amazon EventBridge", value: { from: "eventbridge", rule: RULE } },
        sns: {
          summary: "A filter policy of Amazon SNS",
          value: { from: "sns", policy: { kind: ["paid"] }, attributes: { kind: "type" } },
        },
        eventgrid: {
          summary: "A filter of Azure Event Grid",
          value: { from: "eventgrid", filter: { includedEventTypes: ["paid"] } },
        },
      }),
      answers: {
        200: answer("What it is here.", {
          schema: imported,
          example: {
            types: ["paid"],
            source: "/shop",
            filters: [],
            notes: ["The producer must set type to what was detail-type."],
          },
        }),
      },
      problems: ["invalid-request"],
    }),
  },
};

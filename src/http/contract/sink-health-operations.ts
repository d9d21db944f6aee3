/** The health of sinks in the document: what answers show, and the operations. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { BREAKERS, LANES } from "../../core/health.ts";
import { answer, operation } from "./operation.ts";
import { count, idOf, pageOf, pathId, time } from "./parts.ts";
import { sinkHealthQuery } from "./sink-health.ts";

const shown = {
  subscription_id: idOf("subscription", "The subscription whose sink it is."),
  bus: idOf("bus", "The bus it belongs to."),
  lane: z.enum(LANES).meta({
    description:
      "`slow`: it takes long or fails, and is pushed to apart from the others. `fast` before its first attempt.",
  }),
  breaker: z.enum(BREAKERS).meta({
    description:
      "`open`: it failed too often, and nothing is pushed to it. `half-open`: one delivery is tried, as a probe. `closed`: neither.",
  }),
  latency_ms: count("What an attempt takes on average; null before the first.").nullable(),
  failure_rate: z.number().min(0).max(1).meta({ description: "Which part of its last attempts, some twenty, failed." }),
  failures: count("Failures in a row."),
  failing_since: time("When the first of these was made; null without any.").nullable(),
  opened_at: time("When the breaker opened; null while it is closed.").nullable(),
  probe_at: time("When the next probe may be made; null while the breaker is closed.").nullable(),
  paused_until: time("It asked for no request before this; null: it did not, or that is over.").nullable(),
};

const sinkHealth = z
  .object(shown)
  .meta({ id: "SinkHealth", description: "How the sink of a subscription is doing, by the attempts that were made." });

const sinkHealthInFull = z
  .object({
    ...shown,
    oldest_undelivered_at: time(
      "When the oldest event on record was accepted whose delivery is pending, retrying or held; null without one.",
    ).nullable(),
    lag_s: z.number().min(0).nullable().meta({ description: "Seconds since then; null without one." }),
  })
  .meta({ id: "SinkHealthInFull", description: "How the sink of a subscription is doing, and how far it is behind." });

const EXAMPLE = {
  subscription_id: "sub_01jd3x8k0v7q2m9c4n5t6w8y0z",
  bus: "default",
  lane: "slow",
  breaker: "open",
  latency_ms: 2_140,
  failure_rate: 0.226,
  failures: 5,
  failing_since: "2026-11-23T09:00:00.000Z",
  opened_at: "2026-11-23T09:00:31.000Z",
  probe_at: "2026-11-23T09:01:01.000Z",
  paused_until: null,
};

const path = z.object({ id: pathId("The id of the subscription.", EXAMPLE.subscription_id) });

export const sinkHealthPaths: ZodOpenApiPathsObject = {
  "/v1/subscriptions/{id}/health": {
    get: operation({
      id: "getSinkHealth",
      tag: "Subscriptions",
      summary: "Read how the sink of a subscription is doing",
      description: "And how far it is behind. It has no version: every attempt may change it.",
      access: ["read", "manage"],
      path,
      answers: {
        200: answer("How it is doing.", {
          schema: sinkHealthInFull,
          example: { ...EXAMPLE, oldest_undelivered_at: "2026-11-23T08:59:58.500Z", lag_s: 42.5 },
        }),
      },
      problems: ["not-found"],
    }),
  },
  "/v1/health": {
    get: operation({
      id: "listSinkHealth",
      tag: "Subscriptions",
      summary: "List the sinks of the bus that are in trouble",
      description:
        "Those on lane `slow`, with a breaker that is not closed, with failures in a row, or paused; newest subscription first. Filters are combined. How far one is behind is in its own.",
      access: ["read", "manage"],
      query: sinkHealthQuery,
      answers: {
        200: answer("One page.", {
          schema: pageOf("SinkHealthPage", sinkHealth),
          example: { data: [EXAMPLE], next_cursor: null },
        }),
      },
      problems: [],
    }),
  },
};

/** Metrics in the document: what answers show, and the operations. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { LATENCY_BOUNDS_MS } from "../../core/histogram.ts";
import { headers } from "./headers.ts";
import { METRIC_STEPS, metricQuery, metricSubscriptionQuery } from "./metrics.ts";
import { answer, operation } from "./operation.ts";
import { count, idOf, pageOf, time } from "./parts.ts";

const quantile = (percent: number) =>
  count(`Milliseconds below which ${percent} % are, to within the bounds; null: there are none.`).nullable();

const latencies = (description: string) =>
  z
    .object({
      p50: quantile(50),
      p95: quantile(95),
      p99: quantile(99),
      counts: z
        .array(z.int().min(0))
        .meta({ description: "How many took up to each of `bounds_ms`, and more than the one before." }),
    })
    .meta({ description });

const counted = {
  events: count("That came on record; null of a subscription.").nullable(),
  attempts: z.object({
    succeeded: count("Requests that a sink answered with 2xx."),
    failed: count("All others."),
    slow_lane: count("Those of both that lane `slow` made."),
  }),
  deliveries: z.object({
    delivered: count("That ended so."),
    dead: count("That ended so, without those that the retention closed."),
  }),
  attempt_ms: latencies("What requests took."),
  delivery_ms: latencies("From acceptance to delivered."),
};

const backlog = z.object({
  waiting: count("Deliveries that wait for an attempt."),
  held: count("Deliveries whose subscription is not active."),
  is_least: z.boolean().meta({ description: "There may be more of both: no more rows were read." }),
  oldest_accepted_at: time("When the oldest event of those that wait was accepted; null without one.").nullable(),
});

const series = z
  .object({
    bus: idOf("bus", "The bus."),
    subscription_id: idOf("subscription", "The subscription; null: all of the bus.").nullable(),
    since: time("The start of the first point."),
    until: time("The end of the last one."),
    step_s: z.int().meta({ description: "Seconds of one point.", override: { enum: [...METRIC_STEPS] } }),
    bounds_ms: z
      .array(z.int().nullable())
      .meta({ description: "Upper bounds of the counts of latencies, in milliseconds; null: none." }),
    data: z.array(z.object({ at: time("Its start."), ...counted })).meta({ description: "One point for each step." }),
    total: z.object(counted).meta({ description: "Of all points." }),
    backlog: backlog.nullable().meta({ description: "What has not ended by now; null of a subscription." }),
  })
  .meta({ id: "Metrics", description: "What was counted, in steps." });

const ofSubscription = z
  .object({ subscription_id: idOf("subscription", "The subscription."), ...counted })
  .meta({ id: "SubscriptionMetrics", description: "What was counted of a subscription in the last hour." });

const COUNTS = [0, 3, 24, 2, 1, 0, 0, 0, 0, 0, 0, 0];
const TOTAL = {
  events: 12,
  attempts: { succeeded: 30, failed: 2, slow_lane: 2 },
  deliveries: { delivered: 30, dead: 0 },
  attempt_ms: { p50: 39, p95: 75, p99: 93, counts: [0, 4, 24, 3, 1, 0, 0, 0, 0, 0, 0, 0] },
  delivery_ms: { p50: 38, p95: 62, p99: 205, counts: COUNTS },
};
const EXAMPLE = {
  bus: "default",
  subscription_id: null,
  since: "2026-11-26T09:00:00.000Z",
  until: "2026-11-26T09:01:00.000Z",
  step_s: 60,
  bounds_ms: [...LATENCY_BOUNDS_MS, null],
  data: [{ at: "2026-11-26T09:00:00.000Z", ...TOTAL }],
  total: TOTAL,
  backlog: { waiting: 2, held: 0, is_least: false, oldest_accepted_at: "2026-11-26T08:59:58.120Z" },
};

export const metricPaths: ZodOpenApiPathsObject = {
  "/v1/metrics": {
    get: operation({
      id: "getMetrics",
      tag: "Metrics",
      summary: "Read what was counted",
      description:
        "Of the last hour, unless `since` and `until` say otherwise. Minutes can be told for two days, hours for thirty. What is counted was settled: an attempt that is under way is not. On a bus that records failures only events are not counted but for those that failed.",
      access: ["read"],
      query: metricQuery,
      answers: { 200: answer("The counts.", { schema: series, example: EXAMPLE }) },
      problems: [],
    }),
  },
  "/v1/metrics/subscriptions": {
    get: operation({
      id: "listSubscriptionMetrics",
      tag: "Metrics",
      summary: "List what was counted of each subscription in the last hour",
      description: "In the order of `GET /v1/subscriptions`. To within a minute or two.",
      access: ["read"],
      query: metricSubscriptionQuery,
      answers: {
        200: answer("One page.", {
          schema: pageOf("SubscriptionMetricsPage", ofSubscription),
          example: {
            data: [{ subscription_id: "sub_01jd3x8k0v7q2m9c4n5t6w8y0z", ...TOTAL, events: null }],
            next_cursor: null,
          },
        }),
      },
      problems: [],
    }),
  },
  "/metrics": {
    get: operation({
      id: "getPrometheusMetrics",
      tag: "Metrics",
      summary: "Read what was counted of all time, for Prometheus",
      description: "Counters of the bus and of its subscriptions, to within a minute or two, and what waits.",
      access: ["read"],
      answers: {
        200: {
          description: "Prometheus' text format.",
          headers: headers(["x-request-id", "cache-control"]),
          content: {
            "text/plain": {
              schema: z.string(),
              example:
                '# HELP fantail_events_total Events that came on record.\n# TYPE fantail_events_total counter\nfantail_events_total{bus="default"} 12\n',
            },
          },
        },
      },
      problems: [],
    }),
  },
};

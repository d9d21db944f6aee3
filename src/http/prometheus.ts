/**
 * `GET /metrics`: what was counted of a bus since it was made, in Prometheus' text format (version 0.0.4). Counters go on across deployments: they are
 * rows, not memory.
 */
import { Hono } from "hono";
import { LATENCY_BOUNDS_MS } from "../core/histogram.ts";
import { METRIC_SERIES_MAX } from "../core/limits.ts";
import type { Counts, LatencyCounts } from "../ports.ts";
import { requires } from "./auth.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";

type Labels = Readonly<Record<string, string>>;

interface Sample {
  /** What is put behind the name of the metric. */
  readonly suffix?: string;
  readonly labels: Labels;
  readonly value: number;
}

/** Values of labels: ids and names of buses, which have nothing to be escaped, and words of ours. */
const labelsOf = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(",");

function metric(
  name: string,
  { type, help, samples }: { type: "counter" | "gauge" | "histogram"; help: string; samples: readonly Sample[] },
): string {
  const lines = samples.map(({ suffix = "", labels, value }) => `${name}${suffix}{${labelsOf(labels)}} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
}

/** In seconds, as Prometheus wants all times; its counts are of all that is up to the bound. */
function histogram({ sum, counts }: LatencyCounts, labels: Labels): Sample[] {
  let upTo = 0;
  const buckets = counts.map((count, index): Sample => {
    upTo += count;
    const bound = LATENCY_BOUNDS_MS[index];
    const le = bound === undefined ? "+Inf" : String(bound / 1_000);
    return { suffix: "_bucket", labels: { ...labels, le }, value: upTo };
  });
  return [...buckets, { suffix: "_sum", labels, value: sum / 1_000 }, { suffix: "_count", labels, value: upTo }];
}

export const prometheus = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>().get("/", requires(deps, ["read"]), async (c) => {
    const { bus } = c.var.access;
    const [totals, backlog] = [await deps.metrics.totals(bus), await deps.metrics.backlog(bus)];
    const of = (sample: (counts: Counts, labels: Labels) => readonly Sample[]): Sample[] =>
      totals.subscriptions.flatMap(({ subscriptionId, counts }) =>
        sample(counts, { bus, subscription_id: subscriptionId }),
      );
    const text = [
      metric("fantail_events_total", {
        type: "counter",
        help: "Events that came on record.",
        samples: [{ labels: { bus }, value: totals.bus.events }],
      }),
      metric("fantail_attempts_total", {
        type: "counter",
        help: "Requests made to sinks.",
        samples: of(({ succeeded, failed }, labels) => [
          { labels: { ...labels, result: "succeeded" }, value: succeeded },
          { labels: { ...labels, result: "failed" }, value: failed },
        ]),
      }),
      metric("fantail_slow_lane_attempts_total", {
        type: "counter",
        help: "Requests that lane slow made, of those.",
        samples: of(({ slowLane }, labels) => [{ labels, value: slowLane }]),
      }),
      metric("fantail_deliveries_total", {
        type: "counter",
        help: "Deliveries that an attempt ended, or the lack of one: without those that the retention closed.",
        samples: of(({ delivered, dead }, labels) => [
          { labels: { ...labels, status: "delivered" }, value: delivered },
          { labels: { ...labels, status: "dead" }, value: dead },
        ]),
      }),
      metric("fantail_attempt_duration_seconds", {
        type: "histogram",
        help: "What requests to sinks took.",
        samples: of(({ attemptMs }, labels) => histogram(attemptMs, labels)),
      }),
      metric("fantail_delivery_duration_seconds", {
        type: "histogram",
        help: "From the acceptance of an event to its delivery.",
        samples: of(({ deliveryMs }, labels) => histogram(deliveryMs, labels)),
      }),
      metric("fantail_deliveries_waiting", {
        type: "gauge",
        help: "Deliveries that wait for an attempt, at the least.",
        samples: [{ labels: { bus }, value: backlog.waiting }],
      }),
      metric("fantail_deliveries_held", {
        type: "gauge",
        help: "Deliveries of subscriptions that are not active, at the least.",
        samples: [{ labels: { bus }, value: backlog.held }],
      }),
      metric("fantail_subscriptions_left_out", {
        type: "gauge",
        help: `1: the bus has more than ${METRIC_SERIES_MAX} subscriptions with counts, and those with the greatest ids are left out.`,
        samples: [{ labels: { bus }, value: Number(totals.isCut) }],
      }),
    ].join("");
    return c.body(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  });

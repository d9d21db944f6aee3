/** `/v1/metrics`: what was counted of a bus or a subscription, in steps. Counts come from settles; quantiles are of histograms. */
import { Hono, type Context } from "hono";
import { LATENCY_BOUNDS_MS, quantileOf } from "../core/histogram.ts";
import { isSubscriptionId } from "../core/ids.ts";
import {
  METRIC_HOURS_KEPT_MS,
  METRIC_MINUTES_KEPT_MS,
  METRIC_POINTS_DEFAULT,
  METRIC_POINTS_MAX,
} from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { timestamp, timestampOrNull } from "../core/timestamp.ts";
import type { Counts, LatencyCounts } from "../ports.ts";
import { requires } from "./auth.ts";
import { METRIC_STEPS, metricQuery, metricSubscriptionQuery } from "./contract/metrics.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";
import { nextCursor, placeOf, readQuery } from "./query.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const LATENCIES = LATENCY_BOUNDS_MS.length + 1;
const NONE: LatencyCounts = { sum: 0, counts: Array.from({ length: LATENCIES }, () => 0) };
const NOTHING: Counts = {
  events: 0,
  succeeded: 0,
  failed: 0,
  slowLane: 0,
  delivered: 0,
  dead: 0,
  attemptMs: NONE,
  deliveryMs: NONE,
};

const addLatencies = (a: LatencyCounts, b: LatencyCounts): LatencyCounts => ({
  sum: a.sum + b.sum,
  counts: a.counts.map((count, index) => count + (b.counts[index] ?? 0)),
});

const add = (a: Counts, b: Counts): Counts => ({
  events: a.events + b.events,
  succeeded: a.succeeded + b.succeeded,
  failed: a.failed + b.failed,
  slowLane: a.slowLane + b.slowLane,
  delivered: a.delivered + b.delivered,
  dead: a.dead + b.dead,
  attemptMs: addLatencies(a.attemptMs, b.attemptMs),
  deliveryMs: addLatencies(a.deliveryMs, b.deliveryMs),
});

const renderedLatencies = ({ counts }: LatencyCounts) => ({
  p50: quantileOf(counts, 0.5),
  p95: quantileOf(counts, 0.95),
  p99: quantileOf(counts, 0.99),
  counts,
});

/** Events come to a bus, not to a subscription. */
const rendered = (counts: Counts, isOfBus: boolean) => ({
  events: isOfBus ? counts.events : null,
  attempts: { succeeded: counts.succeeded, failed: counts.failed, slow_lane: counts.slowLane },
  deliveries: { delivered: counts.delivered, dead: counts.dead },
  attempt_ms: renderedLatencies(counts.attemptMs),
  delivery_ms: renderedLatencies(counts.deliveryMs),
});

interface Span {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly stepMs: number;
}

const invalid = (detail: string): Result<never, Refusal> => err(refusal("invalid-parameter", detail));

/** The span of a request, its start moved back to that of a step. */
function spanOf(
  { since, until, step }: { readonly since?: number; readonly until?: number; readonly step?: number },
  now: number,
): Result<Span, Refusal> {
  // The minute that is under way: what is written in it may be a little ahead of this clock.
  const untilMs = until ?? now - (now % MINUTE_MS) + MINUTE_MS;
  const fromMs = since ?? untilMs - HOUR_MS;
  if (fromMs >= untilMs) return invalid("since must be before until");
  if (fromMs < now - METRIC_HOURS_KEPT_MS)
    return invalid(`since must be at most ${METRIC_HOURS_KEPT_MS / 86_400_000} days ago`);
  // Of what is older there are hours alone.
  const hoursMs = now - METRIC_MINUTES_KEPT_MS;
  const floored = (seconds: number): number => fromMs - (fromMs % (seconds * 1_000));
  const finest = floored(step ?? 60) < hoursMs ? 3_600 : 60;
  if (step !== undefined && step < finest)
    return invalid(`step must be at least ${finest} for what is over ${METRIC_MINUTES_KEPT_MS / HOUR_MS} h old`);
  const pointsOf = (seconds: number): number => Math.ceil((untilMs - floored(seconds)) / (seconds * 1_000));
  const fitting = METRIC_STEPS.find(
    (one) => pointsOf(one) <= METRIC_POINTS_DEFAULT && (one >= 3_600 || floored(one) >= hoursMs),
  );
  const chosen = step ?? fitting ?? 86_400;
  if (pointsOf(chosen) > METRIC_POINTS_MAX) return invalid(`step must give at most ${METRIC_POINTS_MAX} points`);
  return ok({ sinceMs: floored(chosen), untilMs, stepMs: chosen * 1_000 });
}

async function series(c: Context<HttpEnv>, deps: HttpDeps): Promise<Response> {
  const query = readQuery(c.req.url, metricQuery);
  if (!query.ok) return problem(c, query.error);
  const now = deps.clock.now();
  const span = spanOf(query.value, now);
  if (!span.ok) return problem(c, span.error);
  const { sinceMs, untilMs, stepMs } = span.value;
  const { bus } = c.var.access;
  const subscriptionId = query.value.subscription_id ?? null;
  const found = await deps.metrics.series(bus, { ...span.value, subscriptionId, now });
  const byTime = new Map(found.map(({ atMs, counts }) => [atMs, counts]));
  const times = Array.from({ length: Math.ceil((untilMs - sinceMs) / stepMs) }, (_, index) => sinceMs + index * stepMs);
  const isOfBus = subscriptionId === null;
  const backlog = isOfBus ? await deps.metrics.backlog(bus) : null;
  return c.json({
    bus,
    subscription_id: subscriptionId,
    since: timestamp(sinceMs),
    until: timestamp(untilMs),
    step_s: stepMs / 1_000,
    bounds_ms: [...LATENCY_BOUNDS_MS, null],
    data: times.map((atMs) => ({ at: timestamp(atMs), ...rendered(byTime.get(atMs) ?? NOTHING, isOfBus) })),
    total: rendered(
      found.reduce((sum, { counts }) => add(sum, counts), NOTHING),
      isOfBus,
    ),
    backlog: backlog && {
      waiting: backlog.waiting,
      held: backlog.held,
      is_least: backlog.isLeast,
      oldest_accepted_at: timestampOrNull(backlog.oldestAcceptedMs),
    },
  });
}

/** Of the last hour, in the order of `GET /v1/subscriptions`. */
async function bySubscription(c: Context<HttpEnv>, deps: HttpDeps): Promise<Response> {
  const query = readQuery(c.req.url, metricSubscriptionQuery);
  if (!query.ok) return problem(c, query.error);
  const { limit, cursor } = query.value;
  const place = placeOf(cursor, isSubscriptionId);
  if (!place.ok) return problem(c, place.error);
  const { bus } = c.var.access;
  const { rows, next } = await deps.subscriptions.list(bus, { limit, before: place.value });
  const untilMs = deps.clock.now();
  const ids = rows.map(({ id }) => id);
  const found = await deps.metrics.bySubscription(bus, ids, { sinceMs: untilMs - HOUR_MS, untilMs });
  return c.json({
    data: ids.map((id) => ({ subscription_id: id, ...rendered(found.get(id) ?? NOTHING, false) })),
    next_cursor: nextCursor("metrics", next),
  });
}

export const metrics = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .get("/", requires(deps, ["read"], { readsQuery: true }), (c) => series(c, deps))
    .get("/subscriptions", requires(deps, ["read"], { readsQuery: true }), (c) => bySubscription(c, deps));

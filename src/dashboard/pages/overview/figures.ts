/** The figures and lines of the overview, out of what was counted. Pure. */
import type { MetricsInSteps } from "../../../client/index.ts";
import type { ChartData } from "../../charts/series.ts";

type Point = MetricsInSteps["data"][number];
type Counts = Pick<Point, "events" | "attempts" | "deliveries">;

const MINUTE_S = 60;

/** All attempts. */
const attemptsOf = ({ attempts }: Pick<Counts, "attempts">): number => attempts.succeeded + attempts.failed;

/** The part of the attempts that succeeded, in percent; null without any. */
export function successOf(counts: Pick<Counts, "attempts">): number | null {
  const all = attemptsOf(counts);
  return all === 0 ? null : (100 * counts.attempts.succeeded) / all;
}

/** The part of the attempts that lane `slow` made, in percent; null without any. */
export function slowOf(counts: Pick<Counts, "attempts">): number | null {
  const all = attemptsOf(counts);
  return all === 0 ? null : (100 * counts.attempts.slow_lane) / all;
}

/** So many in the range, per minute. */
export const perMinute = (count: number, { since, until }: Pick<MetricsInSteps, "since" | "until">): number =>
  (count * 60_000) / (Date.parse(until) - Date.parse(since));

/** What came on record, per minute. */
export function eventsChart(metrics: MetricsInSteps): ChartData {
  return chart(metrics, [
    { label: "Events", tone: "accent", kind: "bars", value: rate(metrics, (p) => p.events ?? 0) },
  ]);
}

/** Which part of the attempts succeeded. */
export function successChart(metrics: MetricsInSteps): ChartData {
  return chart(metrics, [{ label: "Success", tone: "good", value: successOf }]);
}

/** Milliseconds of three quantiles. */
export function latencyChart(metrics: MetricsInSteps, of: "attempt_ms" | "delivery_ms"): ChartData {
  return chart(metrics, [
    { label: "p50", tone: "accent", value: (point) => point[of].p50 },
    { label: "p95", tone: "warn", value: (point) => point[of].p95 },
    { label: "p99", tone: "bad", value: (point) => point[of].p99 },
  ]);
}

/** Attempts of each lane, per minute. */
export function lanesChart(metrics: MetricsInSteps): ChartData {
  return chart(metrics, [
    { label: "Fast", tone: "accent", kind: "bars", value: rate(metrics, (p) => attemptsOf(p) - p.attempts.slow_lane) },
    { label: "Slow", tone: "warn", kind: "bars", value: rate(metrics, (p) => p.attempts.slow_lane) },
  ]);
}

/** What has ended, per minute. */
export function deliveriesChart(metrics: MetricsInSteps): ChartData {
  return chart(metrics, [
    { label: "Delivered", tone: "good", kind: "bars", value: rate(metrics, (p) => p.deliveries.delivered) },
    { label: "Dead", tone: "bad", kind: "bars", value: rate(metrics, (p) => p.deliveries.dead) },
  ]);
}

interface Line extends Omit<ChartData["series"][number], "values"> {
  readonly value: (point: Point) => number | null;
}

const rate =
  ({ step_s }: MetricsInSteps, count: (point: Point) => number) =>
  (point: Point): number =>
    (count(point) * MINUTE_S) / step_s;

const chart = ({ data }: MetricsInSteps, lines: readonly Line[]): ChartData => ({
  times: data.map(({ at }) => Date.parse(at) / 1000),
  series: lines.map(({ value, ...line }) => ({ ...line, values: data.map(value) })),
});

/** Milliseconds as a person reads them: `45 ms`, `1.2 s`, `3 min`. Null: a dash. */
export function duration(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s < 10 ? Number(s.toFixed(1)) : Math.round(s)} s`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`;
}

/** A percentage: with a digit behind the point unless it is whole. Null: a dash. */
export function percent(value: number | null): string {
  if (value === null) return "–";
  // 99.97 must not be all: what failed is seen.
  const cut = value > 99.9 && value < 100 ? 99.9 : Number(value.toFixed(1));
  return `${cut} %`;
}

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 1, notation: "compact" });

/** A count or a rate, short: `12.4`, `1.2K`. */
export const short = (value: number): string => NUMBER.format(value);

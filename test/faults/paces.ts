/** Part of `steady.ts`: rates and a concurrency, each under a flood that several producers publish at a time. */
import { until } from "../../scripts/rig/until.ts";
import type { Report } from "./report.ts";
import { checkOnce, WITHIN_MS, type Scene } from "./steady-scene.ts";

const WINDOW_MS = 60_000;
/**
 * Of the limit, in any window of 60 s at the sink. The router holds the limit itself, where permits are used (`src/core/pace.ts`); a request
 * is stamped after that, so what arrives in 60 s was used in 60 s and as much as requests are late. 5 % make room for three seconds.
 */
const OVER_MAX = 1.05;
/** Of the limit, while there is a backlog: 95 % is what spacing and permits leave. */
const USED_MIN = 0.85;
const PRODUCERS = 4;

/** As many as the rate lets through in some 75 s, published in six: a window of 60 s, and some to move it. */
const RATED = [
  { name: "often", limit: 600, events: 720, perSecond: 120 },
  { name: "seldom", limit: 30, events: 36, perSecond: 6 },
] as const;

const NARROW = { name: "narrow", width: 2, events: 40, perSecond: 40 } as const;

export async function paces(report: Report, scene: Scene): Promise<void> {
  await Promise.all([...RATED.map((one) => rate(report, scene, one)), narrow(report, scene)]);
}

/** A part of the events from each producer, all at a time; resolves once all are at the sink. */
async function flood(
  { load, trafficOf }: Scene,
  { name, events, perSecond }: { name: "often" | "seldom" | "narrow"; events: number; perSecond: number },
): Promise<number[]> {
  const share = events / PRODUCERS;
  const loads = Array.from({ length: PRODUCERS }, (_, index) =>
    load(name, { events: share, perSecond: perSecond / PRODUCERS, from: index * share }),
  );
  await Promise.all(loads);
  let arrivalsMs: readonly number[] = [];
  await until(
    `${events} events at the sink ${name}`,
    async () => {
      ({ arrivalsMs } = await trafficOf(name));
      return arrivalsMs.length >= events;
    },
    { withinMs: WITHIN_MS, state: () => `${arrivalsMs.length} are` },
  );
  return arrivalsMs.toSorted((one, other) => one - other);
}

async function rate(report: Report, scene: Scene, one: (typeof RATED)[number]): Promise<void> {
  const { name, limit, events } = one;
  const arrivalsMs = await flood(scene, one);
  const lastMs = arrivalsMs.at(-1) ?? 0;
  const within = (fromMs: number): number => arrivalsMs.filter((ms) => ms >= fromMs && ms < fromMs + WINDOW_MS).length;
  // No window has more than one that begins with an arrival, none has less than one that begins right after.
  const most = Math.max(...arrivalsMs.map((ms) => within(ms)));
  const whole = arrivalsMs.filter((ms) => ms + WINDOW_MS < lastMs);
  const least = Math.min(...whole.map((ms) => within(ms) - 1));
  const seconds = ((lastMs - (arrivalsMs[0] ?? 0)) / 1_000).toFixed(1);
  const mostMax = Math.floor(limit * OVER_MAX);
  report.check(
    `${name}: ${events} events in ${seconds} s, at most ${most} in 60 s, ${mostMax} are allowed`,
    most <= mostMax,
  );
  report.check(
    `${name}: at least ${least} in 60 s of ${whole.length} whole windows, ${USED_MIN * 100} % of the limit are ${limit * USED_MIN}`,
    whole.length > 0 && least >= limit * USED_MIN,
  );
  await checkOnce(report, scene, { name, events });
}

async function narrow(report: Report, scene: Scene): Promise<void> {
  const { name, width, events } = NARROW;
  await flood(scene, NARROW);
  const { openMax } = await scene.trafficOf(name);
  report.check(`${name}: at most ${openMax} requests open at a time, ${width} are allowed`, openMax <= width);
  await checkOnce(report, scene, { name, events });
}

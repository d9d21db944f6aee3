/**
 * Sinks that do what no sink should, beside healthy ones: who is healthy gets every event once, who is not ends as docs/delivery.md says,
 * nobody is led elsewhere by a redirect, and no answer fills the memory.
 */
import { isOpen, recorded, tally, type Recorded } from "./record.ts";
import { until } from "../../scripts/rig/until.ts";
import type { Report } from "./report.ts";
import { withStage, type Stage } from "./stage.ts";

const EVENTS = 12;
const EVENTS_PER_SECOND = 20;
/** The shortest that a subscription may have: so long each sink that hangs holds a place. */
const TIMEOUT_MS = 1_000;
/** Far more than it takes, on a machine that others use too. */
const WITHIN_MS = 120_000;
/** What answers may add to the memory of workerd: one of these bodies, were it held, is 100 MB, a bomb is 1 GB. */
const GROWTH_BYTES_MAX = 200_000_000;
const MEGABYTE = 1_000_000;

/** A sink that gets every event. */
const HEALTHY = ["/ok/at-once", "/ok/in-time?ms=50", "/flaky/some?every=4", "/huge-ok/chatty"];

interface Hostile {
  readonly path: string;
  /** The beginning of what is on record of every attempt: a status, or the kind of an error. */
  readonly reading: RegExp;
  /** The causes of which one ends its deliveries. What still waits has not ended yet. */
  readonly causes: readonly string[];
  /** Absent: the first attempt is the last. */
  readonly schedule?: readonly number[];
}

/** What waits for these is to be attempted soon; what waits for anything else waits for its sink to be well. */
const WAITS_FOR_ITS_TURN: readonly (string | null)[] = ["retry", "released", "crashed", "overdue"];

const TIMEOUT = /^timeout: /;
const CONNECTION = /^connection: /;
const EXHAUSTED = ["exhausted"];

const HOSTILE: readonly Hostile[] = [
  { path: "/hang/for-ever", reading: TIMEOUT, causes: EXHAUSTED, schedule: [1] },
  { path: "/drip/body", reading: TIMEOUT, causes: EXHAUSTED },
  { path: "/drip-head/head", reading: TIMEOUT, causes: EXHAUSTED },
  { path: "/reset-early/a", reading: CONNECTION, causes: EXHAUSTED },
  { path: "/reset-late/a", reading: CONNECTION, causes: EXHAUSTED },
  { path: "/garbage/a", reading: CONNECTION, causes: EXHAUSTED, schedule: [1] },
  { path: "/garbage-head/a", reading: CONNECTION, causes: EXHAUSTED },
  { path: "/huge-head/a", reading: CONNECTION, causes: EXHAUSTED },
  { path: "/endless/a", reading: /^500$/, causes: EXHAUSTED },
  { path: "/huge/a", reading: /^500$/, causes: EXHAUSTED },
  { path: "/bomb/a", reading: /^500$/, causes: EXHAUSTED },
  { path: "/error/a", reading: /^500$/, causes: EXHAUSTED, schedule: [1] },
  { path: "/redirect/a", reading: /^30[12378]$/, causes: EXHAUSTED },
  { path: "/refuse/a", reading: /^400$/, causes: ["rejected"], schedule: [1, 1, 1] },
  { path: "/gone/a", reading: /^410$/, causes: ["gone", "subscription-disabled"] },
  // It waits for an hour.
  { path: "/later/a", reading: /^503$/, causes: [], schedule: [1] },
];

export async function hostile(report: Report): Promise<void> {
  report.say(`\nHostile sinks: ${HOSTILE.length} of them beside ${HEALTHY.length} healthy ones, ${EVENTS} events`);
  await withStage(async (stage) => {
    const { runtime, sinks, subscribe } = stage;
    const healthy = new Map<string, string>();
    for (const path of HEALTHY)
      healthy.set(await subscribe(path, { timeout_ms: 10_000, retry: { schedule_s: [1] } }), path);
    const bad = new Map<string, Hostile>();
    for (const one of HOSTILE)
      bad.set(await subscribe(one.path, { timeout_ms: TIMEOUT_MS, retry: { schedule_s: one.schedule ?? [] } }), one);
    await stage.inEffect();
    const idleBytes = runtime.usage().peakBytes;

    const events = Array.from({ length: EVENTS }, (_, index) => ({ id: `hostile-${index}`, subject: "any" }));
    const published = await stage.publish(events, EVENTS_PER_SECOND);
    const accepted = published.filter(({ eventId }) => eventId !== null).length;
    report.check(`${accepted} of ${EVENTS} events accepted`, accepted === EVENTS);
    const deliveries = await finished(stage, bad);
    const grownBytes = runtime.usage().peakBytes - idleBytes;

    const expected = EVENTS * (HEALTHY.length + HOSTILE.length);
    report.check(
      `${deliveries.length} of ${expected} deliveries on record: ${tally(deliveries)}`,
      deliveries.length === expected,
    );
    await checkHealthy(
      report,
      stage,
      deliveries.filter(({ subscriptionId }) => healthy.has(subscriptionId)),
    );
    for (const [id, one] of bad)
      checkHostile(
        report,
        one,
        deliveries.filter(({ subscriptionId }) => subscriptionId === id),
      );
    const { trapped, overflows } = await sinks.call("counts", undefined);
    report.check(`no redirect followed (${trapped} were)`, trapped === 0);
    report.check(`every request was for a sink (${overflows} were not)`, overflows === 0);
    report.check(
      `workerd's memory grew by ${Math.round(grownBytes / MEGABYTE)} MB at its peak, at most ${GROWTH_BYTES_MAX / MEGABYTE} MB, from ${Math.round(idleBytes / MEGABYTE)} MB`,
      grownBytes <= GROWTH_BYTES_MAX,
    );
    await checkDisabled(report, stage, bad);
  });
}

/**
 * The record once nothing more is to be learnt: healthy deliveries have ended, nothing is claimed, and of each hostile sink one delivery
 * has ended, or all that are open wait for the sink and not for their turn.
 */
async function finished({ runtime }: Stage, bad: ReadonlyMap<string, Hostile>): Promise<Recorded[]> {
  let deliveries: Recorded[] = [];
  const isFinished = async (): Promise<boolean> => {
    deliveries = await recorded(runtime);
    const bySubscription = Map.groupBy(deliveries, ({ subscriptionId }) => subscriptionId);
    return [...bySubscription].every(([id, group]) => {
      if (group.length < EVENTS || group.some(({ state }) => state === "claimed")) return false;
      const causes = bad.get(id)?.causes;
      if (causes === undefined) return !group.some(isOpen);
      const isRead = group.some(({ attempts }) => attempts.length > 0);
      const isEnded = group.some(({ cause }) => causes.includes(cause ?? ""));
      const isLeft = group.every((one) => !isOpen(one) || !WAITS_FOR_ITS_TURN.includes(one.cause));
      return isRead && (isEnded || isLeft || causes.length === 0);
    });
  };
  const expected = HEALTHY.length + HOSTILE.length;
  await until(
    "all deliveries on record, healthy ones ended, and one of each hostile sink as well",
    async () =>
      (await isFinished()) && new Set(deliveries.map(({ subscriptionId }) => subscriptionId)).size === expected,
    { withinMs: WITHIN_MS, state: () => tally(deliveries) },
  );
  return deliveries;
}

async function checkHealthy(report: Report, { sinks }: Stage, deliveries: readonly Recorded[]): Promise<void> {
  const seen = new Map((await sinks.call("seen", undefined)).map((one) => [one.webhookId, one]));
  const once = deliveries.filter(
    ({ state, webhookId }) => state === "delivered" && seen.get(webhookId)?.taken === 1,
  ).length;
  report.check(
    `healthy sinks: ${once} of ${deliveries.length} deliveries taken exactly once`,
    once === deliveries.length,
  );
}

function checkHostile(report: Report, { path, reading, causes }: Hostile, deliveries: readonly Recorded[]): void {
  const readings = deliveries.flatMap(({ attempts }) => attempts.map(({ status, error }) => error ?? String(status)));
  const misread = readings.find((one) => !reading.test(one));
  const misended = deliveries.find((one) => !isOpen(one) && !causes.includes(one.cause ?? ""));
  const wrong = misread ?? (misended && `${misended.state} ${misended.cause}`);
  const text = `${path}: ${tally(deliveries)}, after ${readings.length} attempts`;
  report.check(
    wrong === undefined ? text : `${text}, one of them ${wrong}`,
    wrong === undefined && readings.length > 0,
  );
}

async function checkDisabled(
  report: Report,
  { runtime, sinks }: Stage,
  bad: ReadonlyMap<string, Hostile>,
): Promise<void> {
  for (const [id, { path }] of bad) {
    if (!path.startsWith("/gone/")) continue;
    const { status } = await runtime.client.subscriptions.get(id);
    report.check(`the subscription whose sink is gone is ${status}`, status === "disabled");
  }
  const later = (await sinks.call("seen", undefined)).filter(({ sink }) => sink.startsWith("later/"));
  report.check(
    "no sink that said Retry-After was asked again",
    later.every(({ requests }) => requests === 1),
  );
}

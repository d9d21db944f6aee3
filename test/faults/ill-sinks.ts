/**
 * Part of `steady.ts`: breakers. Two sinks fail always, and both breakers open: no more than probes come. One sink is well after some of them, and gets all
 * that waited.
 */
import { BREAKER_OPEN_MS } from "../../src/core/limits.ts";
import { tally, type Recorded } from "./record.ts";
import { until } from "../../scripts/rig/until.ts";
import type { Report } from "./report.ts";
import { checkOnce, HEALING_MS, WITHIN_MS, type Scene } from "./steady-scene.ts";

const FIRST_EVENTS = 20;
const FIRST_PER_SECOND = 20;
const LATER_EVENTS = 100;
/** For as long as some probes take; and as long as the other parts of the stage do. */
const LATER_PER_SECOND = { healing: 4, ill: 1.5 };
const EVENTS = FIRST_EVENTS + LATER_EVENTS;

type Ill = keyof typeof LATER_PER_SECOND;

/** An open breaker. */
interface Opened {
  readonly openedMs: number;
  /** Requests that its sink had got by then. */
  readonly requests: number;
}

export async function illSinks(report: Report, scene: Scene): Promise<void> {
  await Promise.all([healing(report, scene), ill(report, scene)]);
}

/** Publishes until the breaker is open and nothing is under way, then the rest. */
async function open(report: Report, scene: Scene, name: Ill): Promise<Opened> {
  const { runtime, ids, load } = scene;
  await load(name, { events: FIRST_EVENTS, perSecond: FIRST_PER_SECOND });
  let openedMs = 0;
  const isOpen = async (): Promise<boolean> => {
    const { breaker, opened_at: at } = await runtime.client.subscriptions.health(ids[name]);
    openedMs = Date.parse(at ?? "");
    const deliveries = await scene.recordOf(name);
    return breaker === "open" && deliveries.length === FIRST_EVENTS && !deliveries.some(isClaimed);
  };
  await until(`the breaker of ${name} is open`, isOpen, { withinMs: WITHIN_MS });
  const { length: requests } = (await scene.trafficOf(name)).arrivalsMs;
  report.say(`${name}: its breaker opened after ${requests} requests`);
  await load(name, { events: LATER_EVENTS, perSecond: LATER_PER_SECOND[name], from: FIRST_EVENTS });
  let deliveries: Recorded[] = [];
  const areOnRecord = async (): Promise<boolean> => {
    deliveries = await scene.recordOf(name);
    return deliveries.length === EVENTS && !deliveries.some(isClaimed);
  };
  await until(`all events of ${name} on record`, areOnRecord, { withinMs: WITHIN_MS, state: () => tally(deliveries) });
  const untried = deliveries.filter((one) => one.cause === "breaker" && one.attempt === 0).length;
  const tried = deliveries.filter(({ attempt }) => attempt > 0).length;
  report.check(
    `${name}: ${untried} deliveries wait for the breaker without an attempt, ${tried} after one: ${tally(deliveries)}`,
    untried >= LATER_EVENTS && untried + tried === EVENTS,
  );
  return { openedMs, requests };
}

const isClaimed = ({ state }: Recorded): boolean => state === "claimed";

/** The probe with that index may not come earlier after the breaker opened: 5 s, then 10 s after that, … */
const probeMs = (index: number): number => BREAKER_OPEN_MS * (2 ** (index + 1) - 1);

/** The first ten: a breaker that lets everything through lets hundreds. */
const secondsOf = (times: readonly number[], fromMs: number): string =>
  times
    .slice(0, 10)
    .map((ms) => `${((ms - fromMs) / 1_000).toFixed(1)} s`)
    .join(", ") || "never";

async function healing(report: Report, scene: Scene): Promise<void> {
  const { openedMs, requests } = await open(report, scene, "healing");
  await scene.heal("healing");
  const before = (await scene.trafficOf("healing")).arrivalsMs.length;
  const probes = (await scene.trafficOf("healing")).arrivalsMs.slice(requests);
  report.check(
    `healing: ${probes.length} requests since its breaker opened, its probes, after ${secondsOf(probes, openedMs)}`,
    probes.every((ms, index) => ms - openedMs >= probeMs(index)),
  );
  await checkOnce(report, scene, { name: "healing", events: EVENTS });
  const arrivalsMs = (await scene.trafficOf("healing")).arrivalsMs.slice(before);
  const [probe = 0, next = 0] = arrivalsMs;
  const last = Math.max(...arrivalsMs);
  report.check(
    `healing: well by then, probed ${secondsOf([probe], openedMs)} after it opened; the next came ${secondsOf([next], probe)} later, and the last of ${arrivalsMs.length} ${secondsOf([last], probe)}`,
    probe - openedMs >= probeMs(probes.length) && next - probe >= HEALING_MS && arrivalsMs.length === EVENTS,
  );
}

async function ill(report: Report, scene: Scene): Promise<void> {
  const { openedMs, requests } = await open(report, scene, "ill");
  const hasProbe = async () => (await scene.trafficOf("ill")).arrivalsMs.length > requests;
  await until("ill: its first probe", hasProbe, { withinMs: WITHIN_MS });
  const seconds = ((Date.now() - openedMs) / 1_000).toFixed(1);
  const probes = (await scene.trafficOf("ill")).arrivalsMs.slice(requests);
  report.check(
    `ill: in the ${seconds} s since its breaker opened it had ${probes.length} requests, its probes, after ${secondsOf(probes, openedMs)}`,
    probes.every((ms, index) => ms - openedMs >= probeMs(index)),
  );
}

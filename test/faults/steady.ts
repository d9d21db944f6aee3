/**
 * What the router spares its sinks, all of it side by side in one stage: rates and concurrencies hold under a flood, a sink whose breaker
 * is open sees its probes and nothing else, one that was slow comes back, a pause keeps what it should, and operators hear of it.
 *
 * The simulator has one batch in flight in each of its four queues. In production there are more, in more isolates: what they ask is the
 * same limiter and the same row.
 */
import { setInterval } from "node:timers/promises";
import { OPERATOR_BUS } from "../../src/core/notice.ts";
import { illSinks } from "./ill-sinks.ts";
import { paces } from "./paces.ts";
import { until } from "../../scripts/rig/until.ts";
import type { Report } from "./report.ts";
import type { Runtime } from "../../scripts/rig/runtime.ts";
import { withStage } from "./stage.ts";
import { checkOnce, NAMES, setScene, WITHIN_MS, type Scene } from "./steady-scene.ts";

/** More often than in production: nothing here waits for the cron, and it is to do no harm. */
const CRON_MS = 10_000;
const EVENTS_PER_SECOND = 3;
const THAWING_EVENTS = 60;
const PAUSED_EVENTS = 20;
const GONE_EVENTS = 10;

export async function steady(report: Report): Promise<void> {
  report.say(`\nSteady: ${NAMES.length} subscriptions side by side`);
  await withStage(async (stage) => {
    const scene = await setScene(stage);
    const ended = new AbortController();
    const parts = Promise.allSettled(
      [paces, illSinks, comesBack, pauses, disables].map((part) => part(report, scene)),
    ).finally(() => ended.abort());
    const [ends] = await Promise.all([parts, fireCrons(stage.runtime, ended.signal)]);
    // One that could not go on has not kept the others from being seen.
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    await checkNotices(report, scene);
    const { overflows } = await stage.sinks.call("counts", undefined);
    report.check(`every request was for a sink (${overflows} were not)`, overflows === 0);
  });
}

async function fireCrons(runtime: Runtime, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of setInterval(CRON_MS, undefined, { signal })) await runtime.fireCron();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function comesBack(report: Report, scene: Scene): Promise<void> {
  const { runtime, ids, load, trafficOf } = scene;
  const beganMs = performance.now();
  const secondsUntilOn = async (lane: "fast" | "slow"): Promise<string> => {
    const isOn = async () => (await runtime.client.subscriptions.health(ids.thawing)).lane === lane;
    await until(`the sink that thaws is on lane ${lane}`, isOn, { withinMs: WITHIN_MS });
    return ((performance.now() - beganMs) / 1_000).toFixed(1);
  };
  const watch = async (): Promise<void> => {
    const slow = await secondsUntilOn("slow");
    const { arrivalsMs } = await trafficOf("thawing");
    const fast = await secondsUntilOn("fast");
    report.check(
      `thawing: on lane slow after ${slow} s and ${arrivalsMs.length} requests that hang, back on lane fast after ${fast} s`,
      arrivalsMs.length > 0,
    );
  };
  await Promise.all([load("thawing", { events: THAWING_EVENTS, perSecond: EVENTS_PER_SECOND }), watch()]);
  await checkOnce(report, scene, { name: "thawing", events: THAWING_EVENTS });
}

/** Publishes to a paused subscription and resumes it, until all that it held is in that state. */
async function pause(
  report: Report,
  { runtime, ids, load, trafficOf, recordOf }: Scene,
  {
    name,
    from,
    state,
  }: { readonly name: "kept" | "skipped"; readonly from: "last" | "latest"; readonly state: string },
): Promise<void> {
  const all = (expected: string) => async (): Promise<boolean> => {
    const deliveries = await recordOf(name);
    return deliveries.length === PAUSED_EVENTS && deliveries.every((one) => one.state === expected);
  };
  await runtime.client.subscriptions.update(ids[name], { status: "paused" });
  await load(name, { events: PAUSED_EVENTS, perSecond: EVENTS_PER_SECOND });
  await until(`${name}: all held`, all("held"), { withinMs: WITHIN_MS });
  const { arrivalsMs } = await trafficOf(name);
  report.check(
    `${name}: ${PAUSED_EVENTS} events held, ${arrivalsMs.length} of them at the sink`,
    arrivalsMs.length === 0,
  );
  await runtime.client.subscriptions.update(ids[name], { status: "active", resume_from: from });
  await until(`${name}: all ${state}`, all(state), { withinMs: WITHIN_MS });
}

async function pauses(report: Report, scene: Scene): Promise<void> {
  const { load, trafficOf } = scene;
  await Promise.all([
    pause(report, scene, { name: "kept", from: "last", state: "delivered" }),
    pause(report, scene, { name: "skipped", from: "latest", state: "cancelled" }),
  ]);
  await checkOnce(report, scene, { name: "kept", events: PAUSED_EVENTS });
  // It goes on, with what is published from now on.
  await load("skipped", { events: 1, perSecond: EVENTS_PER_SECOND, from: PAUSED_EVENTS });
  const isThere = async () => (await trafficOf("skipped")).arrivalsMs.length > 0;
  await until("skipped: the event after the pause at the sink", isThere, { withinMs: WITHIN_MS });
}

async function disables(report: Report, { runtime, ids, load, trafficOf }: Scene): Promise<void> {
  await load("gone", { events: GONE_EVENTS, perSecond: EVENTS_PER_SECOND });
  const isDisabled = async () => (await runtime.client.subscriptions.get(ids.gone)).status === "disabled";
  await until("gone: disabled", isDisabled, { withinMs: WITHIN_MS });
  const { arrivalsMs } = await trafficOf("gone");
  report.check(`gone: disabled after ${arrivalsMs.length} of ${GONE_EVENTS} events`, arrivalsMs.length < GONE_EVENTS);
}

/** In the end, when whatever should not have come would have come as well. */
async function checkNotices(report: Report, scene: Scene): Promise<void> {
  const { clientOf, ids, operatorId, sinks, trafficOf } = scene;
  const noticed = await sinks.call("noticed", undefined);
  const told = (type: string): string =>
    noticed
      .filter((one) => one.type === type)
      .map(({ subject }) => NAMES.find((name) => ids[name] === subject) ?? subject)
      .toSorted()
      .join(", ");
  const opened = told("breaker.opened");
  report.check(`operators heard breaker.opened of: ${opened}`, opened === "healing, ill");
  const disabled = told("subscription.disabled");
  report.check(`operators heard subscription.disabled of: ${disabled}`, disabled === "gone");
  const { status } = await clientOf(OPERATOR_BUS).subscriptions.get(operatorId);
  const strange = noticed.filter(({ source }) => source !== "/buses/default").length;
  report.check(
    `on their own bus a subscription is ${status}, and of ${noticed.length} notices ${strange} are about that bus`,
    status === "disabled" && strange === 0,
  );
  const { arrivalsMs } = await trafficOf("skipped");
  report.check(`skipped: of what was held ${arrivalsMs.length - 1} at the sink`, arrivalsMs.length === 1);
}

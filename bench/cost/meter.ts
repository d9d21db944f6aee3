/**
 * The meter: publishes events one by one through the built router in the local runtime, to sinks of this machine, and counts what the
 * platform would bill for each, from its publish to the end of its retention.
 */
import { processor } from "../../scripts/rig/document.ts";
import type { Runtime } from "../../scripts/rig/runtime.ts";
import { until } from "../../scripts/rig/until.ts";
import { countDistinct } from "../router/measure.ts";
import { eventText, payloads } from "../router/payloads.ts";
import { type Processes, SINK_LATENCY_MS, withProcesses } from "../router/stage.ts";
import { makeFantail, type Subject, wrapRouter } from "../router/subject.ts";
import type { Billed, CostCase, Costs, LogLevel } from "./costs.ts";
import type { Counts } from "./counts.ts";

export interface MeterOptions {
  /** A tenth of the events. */
  readonly quick?: boolean;
  /** Told what it is at. */
  readonly say?: (line: string) => void;
}

interface Plan {
  readonly level: LogLevel;
  readonly fanOut: number;
  readonly isPaced: boolean;
  readonly events: number;
  readonly perSecond: number;
}

const DAY_MS = 86_400_000;
/** Longer than wrangler.toml keeps events, and the day of what expired. */
const PAST_RETENTION_MS = 9 * DAY_MS;
/** Different types, each with subscriptions of its own: a batch pushes two requests at a time to each. */
const KINDS = 20;
const WARM_EVENTS = 100;
const WARM_PER_SECOND = 50;
/** Only against a hang: how long it takes on a busy machine says nothing about what is counted. */
const SETTLED_MS_MAX = 240_000;
const LOOK_MS = 200;
const SWEEPS_MAX = 30;
const IDLE_SWEEPS = 5;
/** More a second than anything here publishes: it is asked, and never says no. */
const RATE = { limit: 10_000, period_s: 60 };

/**
 * So many events that what is written once a minute, the counts of each subscription, has its part and no more than that. Rates are somewhat above
 * what two queues with one batch in flight each take here, so that batches are as full as they are under load.
 */
const PLANS: readonly Plan[] = (["all", "failures"] as const).flatMap((level) => [
  { level, fanOut: 1, isPaced: false, events: 9_000, perSecond: 450 },
  { level, fanOut: 3, isPaced: false, events: 6_000, perSecond: 180 },
  { level, fanOut: 10, isPaced: false, events: 3_000, perSecond: 60 },
  ...(level === "all" ? [{ level, fanOut: 1, isPaced: true, events: 4_500, perSecond: 450 }] : []),
]);

interface Rig extends Pick<Processes, "load" | "sinks"> {
  readonly subject: Subject;
}

/** @throws when counts do not add up: then no figure of the run is worth anything. */
export async function measureCosts({ quick = false, say = () => {} }: MeterOptions = {}): Promise<Costs> {
  const measuredAt = new Date().toISOString();
  const plans = PLANS.map((plan) => (quick ? { ...plan, events: plan.events / 10 } : plan));
  return withProcesses(async ({ home, load, sinks, sinksUrl }) => {
    const subject = await makeFantail(await wrapRouter("metered", home));
    const rig: Rig = { subject, load, sinks };
    try {
      await subject.runtime.start();
      await subscribeAll(rig, sinksUrl);
      // What making them left for 24 hours would be removed with the first events.
      await measureEnd(subject.runtime);
      const cases: CostCase[] = [];
      for (const plan of plans) {
        say(`${nameOf(plan)}: ${plan.events} events at ${plan.perSecond} a second`);
        cases.push(await measureCase(rig, plan));
      }
      const idleSweep = await measureIdle(subject.runtime);
      return {
        measuredAt,
        quick,
        machine: `${processor()}, Node ${process.version}`,
        eventBytes: eventBytes(),
        sinkLatencyMs: SINK_LATENCY_MS,
        kinds: KINDS,
        cases,
        idleSweep,
      };
    } finally {
      await subject.runtime.remove();
    }
  });
}

const nameOf = ({ level, fanOut, isPaced }: Plan): string => `${level}-${fanOut}${isPaced ? "-paced" : ""}`;
const familyOf = ({ fanOut, isPaced }: Pick<Plan, "fanOut" | "isPaced">): string =>
  `cost.${fanOut}${isPaced ? ".paced" : ""}`;

function eventBytes(): number {
  const data = payloads("1 kB")[0] ?? "null";
  return Buffer.byteLength(eventText({ id: "all-1.1000", type: "cost.1.10", subject: "1", data }));
}

async function subscribeAll({ subject }: Rig, sinksUrl: string): Promise<void> {
  const { client } = subject.runtime;
  let sink = 0;
  for (const plan of PLANS.filter(({ level }) => level === "all"))
    for (let kind = 0; kind < KINDS; kind += 1)
      for (let number = 0; number < plan.fanOut; number += 1) {
        const type = `${familyOf(plan)}.${kind}`;
        const pace = plan.isPaced ? { rate: RATE } : {};
        await client.subscriptions.create({ sink: `${sinksUrl}${sink}`, types: [type], ...pace });
        sink += 1;
      }
}

/** Of the wrapper, worker/metered.ts. */
const COUNTS_PATH = "/bench/counts";
const CLOCK_PATH = "/bench/clock";

async function countsOf({ url }: Runtime): Promise<Counts> {
  return (await (await fetch(`${url}${COUNTS_PATH}`)).json()) as Counts;
}

async function countAnew({ url }: Runtime): Promise<void> {
  await (await fetch(`${url}${COUNTS_PATH}`, { method: "DELETE" })).arrayBuffer();
}

async function measureCase(rig: Rig, plan: Plan): Promise<CostCase> {
  const { runtime } = rig.subject;
  await runtime.client.buses.update("default", { log_level: plan.level });
  // Compilers and connections are warm after it, and each sink is known.
  await publish(rig, { ...plan, events: WARM_EVENTS, perSecond: Math.min(WARM_PER_SECOND, plan.perSecond) }, "warm");
  const before = await countsOf(runtime);
  await rig.subject.mark();
  await countAnew(runtime);
  const cpuMs = runtime.usage().cpuMs;
  const counts = await publish(rig, plan, "run");
  const cpuMsTaken = runtime.usage().cpuMs - cpuMs;
  await check(rig, plan);
  const { events } = plan;
  const { queues, requests, d1, logs } = counts;
  return {
    ...plan,
    messagesPerBatch: queues.handedOut / requests.queue,
    life: billedOf(counts, { events, cpuMs: cpuMsTaken }),
    end: plan.level === "all" ? await measureEnd(runtime) : null,
    logLines: logs.lines / events,
    logBytes: logs.bytes / events,
    d1CallsPerBatch: d1.calls / requests.queue,
    sqlMs: d1.sqlMs / events,
    // At the log level `failures` the last statement may be one of before; nothing was written since.
    databaseBytes: Math.max(0, d1.bytes - before.d1.bytes) / events,
  };
}

function billedOf(
  { requests, queues, d1, limiters }: Counts,
  { events, cpuMs }: { readonly events: number; readonly cpuMs: number },
): Billed {
  return {
    requests: (requests.http + requests.queue + requests.cron) / events,
    cpuMs: cpuMs / events,
    queueOperations: (queues.writes + queues.reads + queues.deletes) / events,
    rowsRead: d1.rowsRead / events,
    rowsWritten: (d1.rowsWritten + limiters.rowsWritten) / events,
    limiterRequests: limiters.requests / events,
  };
}

/** Publishes, and answers the counts once every message is acknowledged and every sink has what is its. */
async function publish({ subject, load, sinks }: Rig, plan: Plan, name: string): Promise<Counts> {
  const { runtime, target } = subject;
  const run = `${name}-${nameOf(plan)}`;
  const kinds = Array.from({ length: KINDS }, (_, kind) => ({ type: `${familyOf(plan)}.${kind}`, subject: "1" }));
  const pace = { requests: plan.events, perSecond: plan.perSecond };
  const loaded = await load.call("publish", { ...target, run, batch: 1, payload: "1 kB", kinds, pace });
  if (loaded.refused !== null) throw new Error(`${run}: a publish was refused: ${loaded.refused}`);
  const expected = plan.events * plan.fanOut;
  let [received, counts] = [0, await countsOf(runtime)];
  const isSettled = async (): Promise<boolean> => {
    [received, counts] = [await sinks.call("count", run), await countsOf(runtime)];
    return received >= expected && counts.queues.sent === counts.queues.acknowledged;
  };
  await until(`${run}: all is delivered and acknowledged`, isSettled, {
    withinMs: SETTLED_MS_MAX,
    everyMs: LOOK_MS,
    state: () => `${received} deliveries came, of ${expected}\n${runtime.tail()}`,
  });
  const taken = await sinks.call("take", run);
  const distinct = countDistinct(taken);
  if (distinct !== expected || taken.index.length !== distinct)
    throw new Error(`${run}: ${taken.index.length} deliveries came, ${distinct} different ones, of ${expected}`);
  return counts;
}

/** What the record says of the run. At the log level `failures` a run without failures leaves none. */
async function check({ subject }: Rig, plan: Plan): Promise<void> {
  const { events, matched, delivered, dead } = await subject.outcome(plan.events);
  const recorded = plan.level === "all" ? plan.events : 0;
  if (events === recorded && matched === recorded * plan.fanOut && delivered + dead === matched && dead === 0) return;
  throw new Error(
    `${nameOf(plan)}: of ${recorded} events to be recorded ${events} are, with ${matched} deliveries, ${delivered} delivered and ${dead} dead`,
  );
}

const eventsOnRecord = async (runtime: Runtime): Promise<number> =>
  Number((await runtime.query("SELECT count(*) AS events FROM events"))[0]?.["events"]);

/** Puts the clock past the retention of all on record, and sweeps until it is gone. The crons are left out: they run anyway. */
async function measureEnd(runtime: Runtime): Promise<Billed> {
  await (await fetch(`${runtime.url}${CLOCK_PATH}`, { method: "PUT", body: String(PAST_RETENTION_MS) })).arrayBuffer();
  await countAnew(runtime);
  const events = await eventsOnRecord(runtime);
  const cpuMs = runtime.usage().cpuMs;
  let sweeps = 0;
  do {
    if (sweeps === SWEEPS_MAX) throw new Error(`${SWEEPS_MAX} sweeps did not remove what is older than its retention`);
    await runtime.fireCron();
    sweeps += 1;
  } while ((await eventsOnRecord(runtime)) > 0);
  const taken = runtime.usage().cpuMs - cpuMs;
  return { ...billedOf(await countsOf(runtime), { events, cpuMs: taken }), requests: 0 };
}

async function measureIdle(runtime: Runtime): Promise<Billed> {
  await runtime.fireCron();
  await countAnew(runtime);
  const cpuMs = runtime.usage().cpuMs;
  for (let sweeps = 0; sweeps < IDLE_SWEEPS; sweeps += 1) await runtime.fireCron();
  return billedOf(await countsOf(runtime), { events: IDLE_SWEEPS, cpuMs: runtime.usage().cpuMs - cpuMs });
}

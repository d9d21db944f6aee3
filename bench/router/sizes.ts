/** The same router, small and grown: with many subscriptions, and with many events on record. */
import { measure, p50, p99, TEN, type Measured } from "./measure.ts";
import { inRounds, metricOf, type Plan } from "./plan.ts";
import type { Case, Section } from "./results.ts";
import { withHistory, withSubscriptions } from "./seed.ts";
import type { Stage } from "./stage.ts";
import type { Subject } from "./subject.ts";

const SUBSCRIPTIONS = [10, 10_000, 100_000];
const EVENTS = [0, 1_000_000];
const PER_SECOND = 120;
const SECONDS = 6;
/** Requests of the second measure, which come as fast as they can. */
const BURST_REQUESTS = 20;
const BURST = { requests: BURST_REQUESTS, perSecond: 100 };

interface Grown {
  readonly name: string;
  readonly subject: Subject;
}

interface Both {
  readonly steady: Measured;
  readonly burst: Measured;
  readonly bytes: number;
}

export async function bySubscriptions(stage: Stage, plan: Plan): Promise<Section> {
  const grown: Grown[] = [];
  for (const count of SUBSCRIPTIONS) {
    stage.say(`subscriptions: ${count}`);
    grown.push({
      name: `${count.toLocaleString("en-US")} subscriptions`,
      subject: await withSubscriptions(stage, count),
    });
  }
  return {
    id: "subscriptions",
    title: "With more subscriptions",
    about: `Three routers with so many subscriptions on one bus, each with a filter of its own (\`exact\` on the subject) and a sink of its own, take the same ${PER_SECOND} events a second
for ten of them, and bursts in batches of 100. Compared with the first of the three, in the same runs.`,
    cases: await growing(stage, plan, grown),
    plots: [{ kind: "bars", title: "From publish to sink, p50", metric: "received p50" }],
  };
}

export async function byHistory(stage: Stage, plan: Plan): Promise<Section> {
  const grown: Grown[] = [];
  for (const full of EVENTS) {
    const count = full * plan.share;
    stage.say(`history: ${count} events on record`);
    const subject = await withSubscriptions(stage, TEN.length);
    if (count > 0) await withHistory(stage, subject, count);
    grown.push({ name: `${count.toLocaleString("en-US")} events on record`, subject });
  }
  return {
    id: "history",
    title: "With more on record",
    about: `Two routers, one of them with ${(Math.max(...EVENTS) * plan.share).toLocaleString("en-US")} events of 1 kB and their deliveries on record, spread over six days, take the same ${PER_SECOND} events a second, and bursts in
batches of 100. Compared with the other, in the same runs.`,
    cases: await growing(stage, plan, grown),
    plots: [{ kind: "bars", title: "From publish to sink, p50", metric: "received p50" }],
  };
}

/** Each against the first; they are removed after it. */
async function growing(stage: Stage, plan: Plan, grown: readonly Grown[]): Promise<Case[]> {
  const requests = Math.ceil(PER_SECOND * SECONDS * plan.share);
  const takerOf = (subject: Subject) => async (): Promise<Both> => ({
    steady: await measure(stage, subject, { kinds: TEN }, { requests, perSecond: PER_SECOND }),
    burst: await measure(stage, subject, { kinds: TEN, batch: 100 }, BURST),
    bytes: subject.runtime.usage().bytes,
  });
  const takers = Object.fromEntries(grown.map(({ name, subject }) => [name, takerOf(subject)]));
  for (const take of Object.values(takers)) await take();
  const taken = await inRounds(plan, takers);
  await Promise.all(grown.map(({ subject }) => subject.runtime.remove()));
  const [first, ...others] = grown.map(({ name }) => ({ name, values: taken[name] ?? [] }));
  if (first === undefined) return [];
  return others.map(({ name, values }) => {
    const compared = metricOf({ fantail: values, reference: first });
    return {
      name,
      metrics: [
        compared("ack p50", "ms", ({ steady }) => p50(steady.ackMs), { atMost: 1.1 }),
        compared("received p50", "ms", ({ steady }) => p50(steady.receivedMs), { atMost: 1.1 }),
        compared("received p99", "ms", ({ steady }) => p99(steady.receivedMs)),
        compared("deliveries/s", "1/s", ({ burst }) => burst.deliveredPerSecond, { atLeast: 0.9 }),
        compared("CPU per event", "ms", ({ steady }) => steady.cpuMsPerEvent, { atMost: 1.1 }),
        compared("memory of workerd", "MB", ({ bytes }) => bytes / 1e6),
      ],
    };
  });
}

/** Publishing: how many events are taken at most, and how long a producer waits for its 202 below that. */
import { measure, NOBODY, p50, p99, type Measured } from "./measure.ts";
import type { PayloadName } from "./payloads.ts";
import { besideFloor, type Plan } from "./plan.ts";
import type { Case, Section } from "./results.ts";
import type { Stage } from "./stage.ts";
import { median } from "./statistics.ts";
import type { Subject } from "./subject.ts";

const CONNECTIONS = 16;
const BATCH_CONNECTIONS = 4;
const SECONDS = 2;
/** A queue of the simulator holds everything in memory, and ten thousand timers at most. */
const BATCHES_MAX = 80;
const LOADS = [0.5, 0.9];
const PAYLOADS: readonly PayloadName[] = ["1 kB", "10 kB", "GitHub"];

export async function publish(stage: Stage, fantail: Subject, plan: Plan): Promise<Section> {
  const cases: Case[] = [];
  for (const payload of PAYLOADS)
    for (const batch of [1, 100]) {
      const name = `${payload}, ${batch === 1 ? "one by one" : `batches of ${batch}`}`;
      stage.say(`publish: ${name}`);
      cases.push(await publishCase(stage, fantail, { plan, name, payload, batch }));
    }
  return {
    id: "publish",
    title: "Publishing",
    about: `Events that no subscription takes: each is sent through a queue and put on record all the same, and no sink bounds the rate. The most that is acknowledged
is found by ${CONNECTIONS} connections (${BATCH_CONNECTIONS} for batches) that publish again as soon as they are answered; the latencies are those of an open loop at 50 % and 90 % of what the router takes
at most, the same rate for both. GitHub's are the 329 example payloads of \`@octokit/webhooks-examples\`, 9.9 kB on average. While events are
published, earlier ones are consumed: by the router into the database, by the floor into nothing, all on the one thread that also
answers.`,
    cases,
    plots: [
      { kind: "bars", title: "Acknowledged events a second", metric: "acked events/s" },
      { kind: "bars", title: "Time to the 202, p50 at 50 % of capacity", metric: "ack p50 at 50 %" },
    ],
  };
}

interface PublishCase {
  readonly plan: Plan;
  readonly name: string;
  readonly payload: PayloadName;
  readonly batch: number;
}

async function publishCase(stage: Stage, fantail: Subject, { plan, name, payload, batch }: PublishCase): Promise<Case> {
  const traffic = { kinds: NOBODY, payload, batch };
  const seconds = SECONDS * plan.share;
  const connections = batch === 1 ? CONNECTIONS : BATCH_CONNECTIONS;
  const atMost = (subject: Subject) => (): Promise<Measured> =>
    measure(stage, subject, traffic, { connections, seconds, requestsMax: batch === 1 ? 100_000 : BATCHES_MAX });
  // Not cold any more after it.
  for (const subject of [fantail, stage.floor]) await measure(stage, subject, traffic, { requests: 20, perSecond: 50 });
  const takers = { fantail: atMost(fantail), floor: atMost(stage.floor) };
  const { fantail: most, compared } = await besideFloor(plan, takers);
  const capacity = median(most.map(({ ackedPerSecond }) => ackedPerSecond)) / batch;
  const metrics = [
    compared("acked events/s", "1/s", ({ ackedPerSecond }) => ackedPerSecond, { atLeast: 0.8 }),
    compared("CPU per event", "ms", ({ cpuMsPerEvent }) => cpuMsPerEvent),
  ];
  for (const load of LOADS) {
    const perSecond = capacity * load;
    const requests = Math.min(Math.ceil(perSecond * seconds), batch === 1 ? Number.POSITIVE_INFINITY : BATCHES_MAX);
    const at = (subject: Subject) => (): Promise<Measured> => measure(stage, subject, traffic, { requests, perSecond });
    const { compared: waited } = await besideFloor(plan, { fantail: at(fantail), floor: at(stage.floor) });
    const percent = `${load * 100} %`;
    metrics.push(
      waited(`ack p50 at ${percent}`, "ms", ({ ackMs }) => p50(ackMs)),
      waited(`ack p99 at ${percent}`, "ms", ({ ackMs }) => p99(ackMs)),
    );
  }
  return { name, metrics };
}

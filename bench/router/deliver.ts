/** From publish to sink: how long an event takes, how many deliveries are made at most, and what an event takes of the machine. */
import { measure, p50, p95, p99, TEN, type Measured, type Traffic } from "./measure.ts";
import { besideFloor, type Plan } from "./plan.ts";
import type { Case, Section } from "./results.ts";
import type { Stage } from "./stage.ts";
import type { Subject } from "./subject.ts";

/** How many subscriptions take an event, and how many kinds of events there are, each with subscriptions of its own. */
interface FanOut {
  readonly count: number;
  readonly kinds: number;
}

const FAN_OUTS: readonly FanOut[] = [
  { count: 1, kinds: 10 },
  { count: 1, kinds: 1 },
  { count: 3, kinds: 10 },
  { count: 10, kinds: 10 },
  { count: 100, kinds: 1 },
  { count: 1_000, kinds: 1 },
];
const kindsOf = ({ count, kinds }: FanOut): Traffic["kinds"] =>
  Array.from({ length: kinds }, (_, kind) => ({
    type: `bench.fan-${count}.${kind}-of-${kinds}`,
    subject: `${kind * count}:${count}`,
  }));
/** Of one run, and no fewer events: all deliveries of an event go through one queue, and which of the two is chance. */
const DELIVERIES = 2_000;
const FANNED_EVENTS_MIN = 24;
const PUBLISH_PER_SECOND = 100;
/** Events a second: next to nothing, a quarter and a half of the most that two queues of one batch each can deliver here. */
const RATES = [20, 120, 240];
/** Below it a batch is one event, and a run has too few of them. */
const AIMED_RATE = 100;
const SECONDS = 6;

/** Subscribes as many sinks as each fan-out asks for. */
export async function subscribeFanOuts({ sinksUrl }: Stage, { runtime }: Subject): Promise<void> {
  for (const fanOuts of FAN_OUTS)
    for (const [kind, { type }] of kindsOf(fanOuts).entries())
      for (let place = 0; place < fanOuts.count; place += 1)
        await runtime.client.subscriptions.create({
          sink: `${sinksUrl}${kind * fanOuts.count + place}`,
          types: [type],
        });
}

export async function fanOut(stage: Stage, fantail: Subject, plan: Plan): Promise<Section> {
  const cases: Case[] = [];
  const deliveries = DELIVERIES * plan.share;
  for (const { count, kinds } of FAN_OUTS) {
    const isAlone = count === 1 && kinds === 1;
    const name = `fan-out ${count.toLocaleString("en-US")}${isAlone ? ", one subscription alone" : ""}`;
    stage.say(name);
    const batch = Math.min(100, Math.max(1, Math.floor(deliveries / count / 3)));
    const traffic: Traffic = { kinds: kindsOf({ count, kinds }), batch };
    const published = Math.max(deliveries / count, FANNED_EVENTS_MIN * plan.share);
    const requests = Math.ceil(published / batch);
    const at = (subject: Subject) => (): Promise<Measured> =>
      measure(stage, subject, traffic, { requests, perSecond: PUBLISH_PER_SECOND });
    await at(fantail)();
    await at(stage.floor)();
    const { compared } = await besideFloor(plan, { fantail: at(fantail), floor: at(stage.floor) });
    cases.push({
      name,
      metrics: [
        compared(
          "deliveries/s",
          "1/s",
          ({ deliveredPerSecond }) => deliveredPerSecond,
          isAlone ? null : { atLeast: 0.7 },
        ),
        compared(
          "CPU per delivery",
          "ms",
          ({ cpuMsPerEvent, events, deliveries: made }) => (cpuMsPerEvent * events) / made,
        ),
      ],
    });
  }
  return {
    id: "fan-out",
    title: "Deliveries a second",
    about: `Events come in batches, some ${deliveries.toLocaleString("en-US")} deliveries in all and ${FANNED_EVENTS_MIN * plan.share} events at the least, faster than they can go out; counted from the first to the last arrival at a sink. The simulator has one batch in flight per
queue and ours five pushes a batch: with two queues and sinks of 20 ms no more than 500 a second can be made of fan-out 1. In production 60 batches
of each run side by side. Of one subscription a batch pushes only two at a time, so that it leaves room for others: alone it gets two fifths of that.`,
    cases,
    plots: [{ kind: "bars", title: "Deliveries a second", metric: "deliveries/s" }],
  };
}

export async function endToEnd(stage: Stage, fantail: Subject, plan: Plan): Promise<Section> {
  const cases: Case[] = [];
  for (const perSecond of RATES) {
    stage.say(`end to end: ${perSecond} events a second`);
    const requests = Math.ceil(perSecond * SECONDS * plan.share);
    const at = (subject: Subject) => (): Promise<Measured> =>
      measure(stage, subject, { kinds: TEN }, { requests, perSecond });
    await at(stage.floor)();
    await at(fantail)();
    const { compared } = await besideFloor(plan, { fantail: at(fantail), floor: at(stage.floor) });
    cases.push({
      name: `${perSecond} events/s`,
      metrics: [
        compared("ack p50", "ms", ({ ackMs }) => p50(ackMs)),
        compared(
          "received p50",
          "ms",
          ({ receivedMs }) => p50(receivedMs),
          perSecond < AIMED_RATE ? null : { atMost: 1.3 },
        ),
        compared("received p95", "ms", ({ receivedMs }) => p95(receivedMs)),
        compared(
          "received p99",
          "ms",
          ({ receivedMs }) => p99(receivedMs),
          perSecond < AIMED_RATE ? null : { atMost: 1.5 },
        ),
        compared("CPU per event", "ms", ({ cpuMsPerEvent }) => cpuMsPerEvent),
      ],
    });
  }
  return {
    id: "end-to-end",
    title: "From publish to sink",
    about: `Events of 1 kB one by one, each for one of ten subscriptions; from the moment when its request was to be sent until its sink has all of it. Before the push the
router writes the event and the claim of its delivery into the database, which the floor does not have.`,
    cases,
    plots: [
      { kind: "bars", title: "From publish to sink, p50", metric: "received p50" },
      { kind: "bars", title: "From publish to sink, p99", metric: "received p99" },
    ],
  };
}

/** One load on one subject, from the first request until nothing of it is left, and whether everything added up. */
import { until } from "../../scripts/rig/until.ts";
import type { Load, Loaded } from "./load-process.ts";
import type { PayloadName } from "./payloads.ts";
import type { Received } from "./sinks-process.ts";
import type { Stage } from "./stage.ts";
import { quantile } from "./statistics.ts";
import type { Outcome, Subject } from "./subject.ts";

/** What is published. An event names its sinks in its subject, `first:count`: to the router a word like any other, to the floor all it has. */
export interface Traffic {
  readonly kinds: Load["kinds"];
  readonly payload?: PayloadName;
  /** Events of a request. */
  readonly batch?: number;
  /** Deliveries may end without a 2xx: the floor tries nothing twice. */
  readonly mayFail?: boolean;
}

export interface Measured {
  readonly events: number;
  readonly requests: number;
  readonly deliveries: number;
  /** From the first request to the last answer. */
  readonly ackedPerSecond: number;
  /** By request: from when it was to be sent to its answer. */
  readonly ackMs: Float64Array;
  /** By delivery, in the order of arrival: from when its request was to be sent until its sink has all of it. */
  readonly receivedMs: Float64Array;
  /** Arrivals but the first, by the time from the first to the last. */
  readonly deliveredPerSecond: number;
  /** What workerd took, the simulators of database and queues included. */
  readonly cpuMsPerEvent: number;
  readonly loaded: Loaded;
  readonly received: Received;
}

/** Ten subscriptions with a sink each. */
export const TEN: Load["kinds"] = Array.from({ length: 10 }, (_, sink) => ({
  type: "bench.one",
  subject: `${sink}:1`,
}));
/** What nobody takes. */
export const NOBODY: Load["kinds"] = [{ type: "bench.none", subject: "0:0" }];

/** Only against a hang: how long the rest takes on a busy machine says nothing. */
const SETTLED_MS_MAX = 300_000;
const LOOK_MS = 200;

let runs = 0;

/** @throws Error when a publish is refused, or when what came out is not what went in. */
export async function measure(
  { load, sinks }: Stage,
  subject: Subject,
  { kinds, payload = "1 kB", batch = 1, mayFail = false }: Traffic,
  pace: Load["pace"],
): Promise<Measured> {
  runs += 1;
  const run = `${subject.name}-${runs}`;
  await subject.mark();
  const cpuMs = subject.runtime.usage().cpuMs;
  const loaded = await load.call("publish", { ...subject.target, run, batch, payload, kinds, pace });
  if (loaded.refused !== null)
    throw new Error(`${run}: a publish was refused: ${loaded.refused}\n${subject.runtime.tail()}`);
  const requests = loaded.ackMs.length;
  const events = requests * batch;
  await received(sinks, run, mayFail ? 0 : deliveriesOf(kinds, events));
  const { delivered, dead } = await settled(subject, events, run);
  if (dead > 0 && !mayFail) throw new Error(`${run}: ${dead} deliveries failed for good\n${subject.runtime.tail()}`);
  const cpuMsTaken = subject.runtime.usage().cpuMs - cpuMs;
  const taken = await sinks.call("take", run);
  const distinct = countDistinct(taken);
  if (distinct !== delivered)
    throw new Error(`${run}: ${delivered} deliveries are done, and sinks have ${distinct} of them`);
  const { atMs } = taken;
  // Nothing is killed here: what comes twice would count twice.
  if (atMs.length > distinct) throw new Error(`${run}: ${atMs.length - distinct} deliveries came more than once`);
  const seconds = ((atMs.at(-1) ?? 0) - (atMs[0] ?? 0)) / 1_000;
  return {
    events,
    requests,
    deliveries: delivered,
    ackedPerSecond: events / loaded.seconds,
    ackMs: loaded.ackMs,
    receivedMs: taken.index.length === 0 ? new Float64Array() : latencies(loaded, taken, batch),
    deliveredPerSecond: (atMs.length - 1) / seconds,
    cpuMsPerEvent: cpuMsTaken / events,
    loaded,
    received: taken,
  };
}

/** More than there are in any scenario: tells pairs of event and sink apart in one number. */
const SINKS_MAX = 1_000_000;
/** Deliveries of which no two are of the same event to the same sink. */
export const countDistinct = ({ index, sink }: Received): number =>
  new Set(Array.from(index, (event, place) => event * SINKS_MAX + (sink[place] ?? 0))).size;

const latencies = ({ intendedMs }: Loaded, { index, atMs }: Received, batch: number): Float64Array =>
  Float64Array.from(atMs, (at, place) => at - (intendedMs[Math.floor((index[place] ?? 0) / batch)] ?? Number.NaN));

/** By what the events say of themselves. */
function deliveriesOf(kinds: Load["kinds"], events: number): number {
  const counts = kinds.map(({ subject }) => Number(subject.split(":")[1]));
  return Array.from({ length: events }, (_, place) => counts[place % counts.length] ?? 0).reduce(
    (sum, count) => sum + count,
    0,
  );
}

/** Waits until the sinks have so many, which costs the subject nothing; what else is to end is asked of itself. */
const received = (sinks: Stage["sinks"], run: string, count: number): Promise<void> =>
  until(`${run}: the sinks have ${count} deliveries`, async () => (await sinks.call("count", run)) >= count, {
    withinMs: SETTLED_MS_MAX,
    everyMs: LOOK_MS,
  });

/** Waits until nothing is open. @throws Error when the counts do not add up. */
async function settled(subject: Subject, events: number, run: string): Promise<Outcome> {
  let outcome = await subject.outcome(events);
  const isSettled = async (): Promise<boolean> =>
    outcome.open === 0 || (outcome = await subject.outcome(events)).open === 0;
  await until(`${run}: nothing is open`, isSettled, {
    withinMs: SETTLED_MS_MAX,
    everyMs: LOOK_MS,
    state: () => JSON.stringify(outcome),
  });
  const { events: recorded, matched, delivered, dead } = outcome;
  if (recorded !== events || matched !== delivered + dead)
    throw new Error(`${run}: of ${events} accepted events: ${JSON.stringify(outcome)}`);
  return outcome;
}

/** So many values have a 99th percentile that is not just the worst of them. */
const P99_VALUES_MIN = 100;

/** By nearest rank. */
export const p50 = (values: Float64Array): number => quantile(values, 0.5);
export const p95 = (values: Float64Array): number => quantile(values, 0.95);
/** NaN of fewer than P99_VALUES_MIN. */
export const p99 = (values: Float64Array): number =>
  values.length < P99_VALUES_MIN ? Number.NaN : quantile(values, 0.99);

/** One of ten sinks is away for a while: what the others notice, and how long it takes until nothing is left of it. */
import { setTimeout as delay } from "node:timers/promises";
import { withCron } from "./cron.ts";
import { measure, p50, p99, TEN, type Measured } from "./measure.ts";
import { metricOf, type Plan } from "./plan.ts";
import type { Section } from "./results.ts";
import { withSubscriptions } from "./seed.ts";
import type { Stage } from "./stage.ts";
import type { Subject } from "./subject.ts";

const PER_SECOND = 60;
const BEFORE_MS = 15_000;
const AWAY_MS = 60_000;
const AFTER_MS = 45_000;
/** Of the sink that goes away. */
const SINK = 0;

interface Outage {
  readonly measured: Measured;
  readonly awayMs: number;
  readonly backMs: number;
}

export async function outage(stage: Stage, plan: Plan): Promise<Section> {
  const fantail = await withSubscriptions(stage, TEN.length);
  stage.say("outage: the floor");
  const floor = await play(stage, stage.floor, plan);
  stage.say("outage: the router");
  const router = await play(stage, fantail, plan);
  await fantail.runtime.remove();
  const compared = metricOf({ fantail: [router], reference: { name: "floor", values: [floor] } });
  const alone = metricOf({ fantail: [router], reference: null });
  return {
    id: "outage",
    title: "A sink goes away, and comes back",
    about: `One of ten sinks answers 503 for ${(AWAY_MS * plan.share) / 1_000} s, while ${PER_SECOND} events a second go on, a tenth of them for it. One run. The router sends it a probe now and then, up to 21 min
apart, and what waits goes out in growing steps once one is answered; the floor drops what it cannot deliver, so its column shows the nine others only.`,
    cases: [
      {
        name: "the nine others",
        metrics: [
          compared("received p50 before", "ms", (one) => p50(others(one, "before"))),
          compared("received p99 before", "ms", (one) => p99(others(one, "before"))),
          compared("received p50 meanwhile", "ms", (one) => p50(others(one, "away"))),
          compared("received p99 meanwhile", "ms", (one) => p99(others(one, "away"))),
        ],
      },
      {
        name: "the one",
        metrics: [
          alone("deliveries published meanwhile", "", (one) => late(one).length),
          alone("until the first of them", "s", (one) => Math.min(...late(one)) / 1_000),
          alone("until all of them", "s", (one) => Math.max(...late(one)) / 1_000),
          alone("lost", "", ({ measured }) => measured.events - measured.deliveries),
        ],
      },
    ],
    plots: [],
  };
}

async function play(stage: Stage, subject: Subject, { share }: Plan): Promise<Outage> {
  const [beforeMs, goneMs, afterMs] = [BEFORE_MS * share, AWAY_MS * share, AFTER_MS * share];
  const requests = Math.ceil(((beforeMs + goneMs + afterMs) / 1_000) * PER_SECOND);
  const scene = async (): Promise<Omit<Outage, "measured">> => {
    await delay(beforeMs);
    await stage.sinks.call("setAway", { sink: SINK, isAway: true });
    const awayMs = Date.now();
    await delay(goneMs);
    await stage.sinks.call("setAway", { sink: SINK, isAway: false });
    return { awayMs, backMs: Date.now() };
  };
  const isFloor = subject.name === "floor";
  const load = () => measure(stage, subject, { kinds: TEN, mayFail: isFloor }, { requests, perSecond: PER_SECOND });
  const [measured, times] = await Promise.all([isFloor ? load() : withCron(subject.runtime, load), scene()]);
  return { measured, ...times };
}

/** Of the other sinks, by when the event was to be sent. */
function others({ measured, awayMs, backMs }: Outage, when: "before" | "away"): Float64Array {
  const { loaded, received, receivedMs } = measured;
  return receivedMs.filter((_, place) => {
    const sentMs = loaded.intendedMs[received.index[place] ?? 0] ?? 0;
    const isThen = when === "before" ? sentMs < awayMs : sentMs >= awayMs && sentMs < backMs;
    return received.sink[place] !== SINK && isThen;
  });
}

/** Of what was published for the sink while it was away: how long after its return it had each. */
function late({ measured, awayMs, backMs }: Outage): readonly number[] {
  const { loaded, received } = measured;
  return [...received.atMs].flatMap((at, place) => {
    const sentMs = loaded.intendedMs[received.index[place] ?? 0] ?? 0;
    return received.sink[place] === SINK && sentMs >= awayMs && sentMs < backMs ? [at - backMs] : [];
  });
}

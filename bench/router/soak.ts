/** Ten minutes below half of what the router delivers at most: whether its memory stays, nothing is lost, and it is as fast in the end as at first. */
import { withCron } from "./cron.ts";
import { measure, p50, p99, TEN } from "./measure.ts";
import type { Plan } from "./plan.ts";
import type { Metric, Section } from "./results.ts";
import { withSubscriptions } from "./seed.ts";
import type { Stage } from "./stage.ts";
import { median } from "./statistics.ts";

/** Less than half of what two queues of one batch each deliver here. */
const PER_SECOND = 140;
const SECONDS = 600;
const FLOOR_SECONDS = 60;
/** Each look is a full collection, which takes some milliseconds of the router's time. */
const LOOK_MS = 10_000;
const WINDOW_SECONDS = 20;

interface Look {
  readonly seconds: number;
  readonly heapMb: number;
  /** Of workerd. */
  readonly allMb: number;
}

export async function soak(stage: Stage, { share }: Plan): Promise<Section> {
  const fantail = await withSubscriptions(stage, TEN.length, { inspected: true });
  const floorRun = () =>
    measure(
      stage,
      stage.floor,
      { kinds: TEN },
      { requests: PER_SECOND * FLOOR_SECONDS * share, perSecond: PER_SECOND },
    );
  stage.say("soak: the floor, before");
  const floorBytes = stage.floor.runtime.usage().bytes;
  const before = await floorRun();
  const floorGrewMb = (stage.floor.runtime.usage().bytes - floorBytes) / 1e6;
  stage.say("soak: the router");
  const beganMs = performance.now();
  const memory: Look[] = [];
  const look = async (): Promise<void> => {
    const seconds = (performance.now() - beganMs) / 1_000;
    memory.push({
      seconds,
      heapMb: (await fantail.runtime.heapBytes()) / 1e6,
      allMb: fantail.runtime.usage().bytes / 1e6,
    });
  };
  let looked = Promise.resolve();
  const looking = setInterval(() => {
    looked = looked.then(look);
    // It is waited for at the end.
    looked.catch(() => {});
  }, LOOK_MS);
  const requests = Math.ceil(PER_SECOND * SECONDS * share);
  const load = () => measure(stage, fantail, { kinds: TEN }, { requests, perSecond: PER_SECOND });
  const measured = await withCron(fantail.runtime, load).finally(() => clearInterval(looking));
  await looked;
  await fantail.runtime.remove();
  stage.say("soak: the floor, after");
  const after = await floorRun();

  const heaps = memory.map(({ heapMb }) => heapMb);
  const third = Math.ceil(heaps.length / 3);
  const grownMb = (memory.at(-1)?.allMb ?? Number.NaN) - (memory[0]?.allMb ?? Number.NaN);
  const floor = (pick: (values: Float64Array) => number): Metric["reference"] => ({
    name: "floor",
    values: [median([pick(before.receivedMs), pick(after.receivedMs)])],
  });
  return {
    id: "soak",
    title: "A long run",
    about: `${PER_SECOND} events a second, each for one of ten subscriptions, for ${(SECONDS * share) / 60} minutes, the cron once a minute; the floor has ${FLOOR_SECONDS * share} s of the same before it and again after it. Heap is
what the router's isolate has in use after a collection, which the inspector asks for every ${LOOK_MS / 1_000} s; the median of each third is compared. workerd as a whole grows longer: the simulators of queues and
database are isolates that are never short of memory, so they are hardly ever collected. Only the router has an inspector at it. One run.`,
    cases: [
      {
        name: `${requests.toLocaleString("en-US")} events`,
        metrics: [
          metric("received p50", "ms", p50(measured.receivedMs), floor(p50)),
          metric("received p99", "ms", p99(measured.receivedMs), floor(p99)),
          {
            ...metric("heap in use, last third", "MB", median(heaps.slice(-third)), {
              name: "first third",
              values: [median(heaps.slice(0, third))],
            }),
            aim: { atMost: 1.1 },
          },
          metric("workerd grew by, per 1,000 events", "MB", grownMb / (measured.events / 1_000), {
            name: "floor",
            values: [floorGrewMb / (before.events / 1_000)],
          }),
          metric("workerd in the end", "MB", memory.at(-1)?.allMb ?? Number.NaN),
          metric("lost", "", measured.events - measured.deliveries),
        ],
      },
    ],
    plots: [
      {
        kind: "lines",
        title: "Memory",
        x: { name: "seconds", isLog: false },
        y: { name: "memory", unit: "MB" },
        lines: [
          { name: "heap of the router", points: memory.map(({ seconds, heapMb }) => [seconds, heapMb] as const) },
          { name: "workerd", points: memory.map(({ seconds, allMb }) => [seconds, allMb] as const) },
        ],
      },
      {
        kind: "lines",
        title: "From publish to sink",
        x: { name: "seconds", isLog: false },
        y: { name: "latency", unit: "ms" },
        lines: [
          { name: "p50", points: windows(measured.receivedMs, p50) },
          { name: "p99", points: windows(measured.receivedMs, p99) },
        ],
      },
    ],
  };
}

const metric = (name: string, unit: string, value: number, reference: Metric["reference"] = null): Metric => ({
  name,
  unit,
  fantail: [value],
  reference,
  aim: null,
});

/** Of windows of arrivals, in their order. */
function windows(receivedMs: Float64Array, pick: (values: Float64Array) => number): [number, number][] {
  const length = WINDOW_SECONDS * PER_SECOND;
  return Array.from({ length: Math.floor(receivedMs.length / length) }, (_, window) => [
    (window + 0.5) * WINDOW_SECONDS,
    pick(receivedMs.subarray(window * length, (window + 1) * length)),
  ]);
}

/** From nothing to the first answer. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { until } from "../../scripts/rig/until.ts";
import { TEN } from "./measure.ts";
import { besideFloor, type Plan } from "./plan.ts";
import type { Section } from "./results.ts";
import { withSubscriptions } from "./seed.ts";
import type { Stage } from "./stage.ts";
import type { Subject } from "./subject.ts";

interface Start {
  readonly readyMs: number;
  readonly firstAckMs: number;
  readonly bytes: number;
  readonly scriptBytes: number;
  readonly gzipBytes: number;
}

export async function coldStart(stage: Stage, plan: Plan): Promise<Section> {
  stage.say("cold start");
  const fantail = await withSubscriptions(stage, TEN.length);
  const startOf = (subject: Subject, script: string) => async (): Promise<Start> => {
    await subject.runtime.kill();
    const beganMs = performance.now();
    await subject.runtime.start();
    const readyMs = performance.now() - beganMs;
    const firstAckMs = await firstAck(stage, subject);
    const source = readFileSync(script);
    return {
      readyMs,
      firstAckMs,
      bytes: subject.runtime.usage().bytes,
      scriptBytes: source.byteLength,
      gzipBytes: gzipSync(source).byteLength,
    };
  };
  const { compared } = await besideFloor(plan, {
    fantail: startOf(fantail, stage.modules.at(-1) ?? ""),
    floor: startOf(stage.floor, stage.floorScript),
  });
  await fantail.runtime.remove();
  return {
    id: "cold-start",
    title: "Cold start",
    about: `The local runtime is killed and started again, and takes one event, the first that its Worker sees. The time until it listens has the start of Node and of
the queues' simulators in it, which both have; the router has a database and Durable Objects besides, and a script of another size. Its first 202 needs its ten
subscriptions from the database.`,
    cases: [
      {
        name: "one isolate",
        metrics: [
          compared("script", "kB", ({ scriptBytes }) => scriptBytes / 1e3),
          compared("script, gzip", "kB", ({ gzipBytes }) => gzipBytes / 1e3),
          compared("until it listens", "ms", ({ readyMs }) => readyMs),
          compared("first 202", "ms", ({ firstAckMs }) => firstAckMs),
          compared("memory of workerd", "MB", ({ bytes }) => bytes / 1e6),
        ],
      },
    ],
    plots: [],
  };
}

/** An id that was there before would be the same event. */
let starts = 0;
const DELIVERED_MS_MAX = 60_000;

/** Asks the Worker nothing before. Resolves when the event is delivered. */
async function firstAck({ load, sinks }: Stage, { name, target }: Subject): Promise<number> {
  starts += 1;
  const run = `cold-${name}-${starts}`;
  const pace = { requests: 1, perSecond: 1 };
  const { ackMs, refused } = await load.call("publish", {
    ...target,
    run,
    batch: 1,
    payload: "1 kB",
    kinds: TEN,
    pace,
  });
  if (refused !== null) throw new Error(`${run}: the first publish was refused: ${refused}`);
  const isDelivered = async (): Promise<boolean> => (await sinks.call("count", run)) > 0;
  await until(`${run}: the first event is delivered`, isDelivered, { withinMs: DELIVERED_MS_MAX });
  await sinks.call("take", run);
  return ackMs[0] ?? Number.NaN;
}

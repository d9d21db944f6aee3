/** What a bench is played on: the load and the sinks as processes of their own, and Workers under load, all gone after it, however it ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STOP_SIGNALS } from "../../scripts/router.ts";
import { start, type Started } from "../../scripts/rig/calls.ts";
import type { RuntimeChoice } from "../../scripts/rig/runtime.ts";
import type { LoadCalls } from "./load-process.ts";
import type { SinksCalls } from "./sinks-process.ts";
import { makeFantail, makeFloor, type Subject, wrapRouter } from "./subject.ts";

/** How long a sink takes to answer. */
export const SINK_LATENCY_MS = 20;

export interface Processes {
  /** A directory for this run. */
  readonly home: string;
  readonly load: Started<LoadCalls>;
  readonly sinks: Started<SinksCalls>;
  /** What a sink's number comes behind. */
  readonly sinksUrl: string;
}

export interface Stage extends Omit<Processes, "home"> {
  /** The router as one module, its lines off. */
  readonly modules: readonly string[];
  /** Told what it is at. */
  readonly say: (line: string) => void;
  /** The floor, running, and its script. */
  readonly floor: Subject;
  readonly floorScript: string;
  /** A router with an empty database, not running. The stage ends it, unless it is removed before. */
  fantail(choice?: Pick<RuntimeChoice, "inspected">): Promise<Subject>;
}

/** The load and the sinks, listening, and a directory; gone when the work ends. */
export async function withProcesses<T>(work: (processes: Processes) => Promise<T>): Promise<T> {
  for (const name of STOP_SIGNALS) process.once(name, () => process.exit(1));
  const home = mkdtempSync(join(tmpdir(), "fantail-bench-"));
  const load = start<LoadCalls>(new URL("load-process.ts", import.meta.url));
  const sinks = start<SinksCalls>(new URL("sinks-process.ts", import.meta.url));
  try {
    return await work({ home, load, sinks, sinksUrl: await sinks.call("start", { latencyMs: SINK_LATENCY_MS }) });
  } finally {
    await Promise.all([load.stop(), sinks.stop()]);
    rmSync(home, { recursive: true, force: true });
  }
}

export const withStage = <T>(say: Stage["say"], play: (stage: Stage) => Promise<T>): Promise<T> =>
  withProcesses(async ({ home, ...processes }) => {
    const subjects: Subject[] = [];
    try {
      const modules = await wrapRouter("quiet", home);
      const floor = await makeFloor(home, processes.sinksUrl);
      subjects.push(floor);
      await floor.runtime.start();
      const fantail: Stage["fantail"] = async (choice) => {
        const subject = await makeFantail(modules, choice);
        subjects.push(subject);
        return subject;
      };
      return await play({ ...processes, modules, say, floor, floorScript: join(home, "floor.mjs"), fantail });
    } finally {
      await Promise.all(subjects.map(({ runtime }) => runtime.remove()));
    }
  });

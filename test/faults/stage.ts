/** A runtime, its sinks and its producer, set up for one scenario and gone after it, however it ends. */
import { STOP_SIGNALS } from "../../scripts/router.ts";
import { createClient, type Client } from "../../src/client/index.ts";
import { start, type Started } from "../../scripts/rig/calls.ts";
import type { Load, LoadCalls, Published } from "./load-process.ts";
import { makeRuntime, type Runtime } from "../../scripts/rig/runtime.ts";
import type { SinksCalls } from "./sinks-process.ts";

/** What a subscription says, without its sink. */
type Settings = Omit<Parameters<Runtime["client"]["subscriptions"]["create"]>[0], "sink">;

export interface Stage {
  readonly runtime: Runtime;
  readonly sinks: Started<SinksCalls>;
  clientOf(bus: string): Client;
  /** Subscribes `path` of the sinks, on the default bus unless another is named; resolves with the subscription's id. */
  subscribe(path: string, settings: Settings, bus?: string): Promise<string>;
  /** Until all subscriptions made so far are in effect everywhere. */
  inEffect(): Promise<void>;
  publish(events: Load["events"], perSecond: number): Promise<Published[]>;
}

export async function withStage(scenario: (stage: Stage) => Promise<void>): Promise<void> {
  for (const name of STOP_SIGNALS) process.once(name, () => process.exit(1));
  const runtime = await makeRuntime();
  const sinks = start<SinksCalls>(new URL("sinks-process.ts", import.meta.url));
  const load = start<LoadCalls>(new URL("load-process.ts", import.meta.url));
  const clientOf = (bus: string) => createClient({ url: runtime.url, key: runtime.rootKey, bus });
  let effectiveMs = 0;
  try {
    const [sinkUrl] = await Promise.all([sinks.call("start", undefined), runtime.start()]);
    await scenario({
      runtime,
      sinks,
      clientOf,
      async subscribe(path, settings, bus = "default") {
        const made = await clientOf(bus).subscriptions.create({ ...settings, sink: `${sinkUrl}${path}` });
        effectiveMs = Date.parse(made.effective_at);
        return made.id;
      },
      inEffect: () => new Promise((resolve) => setTimeout(resolve, Math.max(0, effectiveMs - Date.now()))),
      publish: (events, perSecond) =>
        load.call("publish", { url: runtime.url, key: runtime.rootKey, perSecond, events }),
    });
  } catch (error) {
    throw new Error(`The scenario could not go on. The last that the Worker warned of:\n${runtime.tail()}`, {
      cause: error,
    });
  } finally {
    await Promise.all([load.stop(), sinks.stop(), runtime.remove()]);
  }
}

/**
 * The router in the local runtime, as a process that can be killed: the built Worker in Miniflare, with all bindings and consumers of
 * `wrangler.toml`, and nothing of `wrangler dev` around it. It writes the Worker's own lines to its output and shows nothing else.
 *
 * What the simulator does not do as production does: a queue lives in memory, so a kill loses what is in it; a queue has one batch in
 * flight, whatever `max_concurrency` says; no cron fires by itself.
 */
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { serve } from "./calls.ts";

const CONFIG = join(import.meta.dirname, "../../wrangler.toml");
const HOST = "127.0.0.1";

export interface RuntimeOptions {
  /** The Worker as `wrangler deploy` would upload it: ES modules of one directory, the entry point first. */
  readonly modules: readonly string[];
  /** Directory of the state that outlives the process. */
  readonly state: string;
  readonly port: number;
  /** Variables and secrets, before those of `wrangler.toml`. */
  readonly bindings: Readonly<Record<string, string>>;
  /** Another Worker than the router: of the bindings of `wrangler.toml` it has the queues alone. */
  readonly bare: boolean;
  /** Whether its heap can be looked at. */
  readonly inspected: boolean;
}

let miniflare: Miniflare | null = null;

function running(): Miniflare {
  if (miniflare === null) throw new Error("The runtime was not started");
  return miniflare;
}

function optionsOf({
  modules,
  state,
  port,
  bindings,
  bare,
  inspected,
}: RuntimeOptions): ConstructorParameters<typeof Miniflare>[0] {
  // How modules are to be found: what is built is one.
  const { modulesRules: _, assets: __, ...all } = unstable_getMiniflareWorkerOptions(CONFIG).workerOptions;
  const { compatibilityDate, compatibilityFlags, queueProducers, queueConsumers } = all;
  const workerOptions = bare ? { compatibilityDate, compatibilityFlags, queueProducers, queueConsumers } : all;
  return convertV4MiniflareOptions({
    host: HOST,
    port,
    log: new Log(LogLevel.NONE),
    logRequests: false,
    // 0: any free port.
    ...(inspected ? { inspectorPort: 0 } : {}),
    // Where the machine is would be asked of the network.
    cf: false,
    unsafeTriggerHandlers: true,
    resourcePersistencePath: join(state, "v3"),
    workers: [
      {
        ...workerOptions,
        name: "fantail",
        modulesRoot: dirname(modules[0] ?? ""),
        modules: modules.map((path) => ({ type: "ESModule" as const, path })),
        // In place of what wrangler made of them: a `.dev.vars` in the checkout would be in it.
        bindings: { ...unstable_readConfig({ config: CONFIG }).vars, ...bindings },
      },
    ],
  });
}

const served = {
  /** Resolves once it listens, with where. */
  async start(options: RuntimeOptions): Promise<string> {
    miniflare = new Miniflare(optionsOf(options));
    return (await miniflare.ready).origin;
  },

  /** Rows of the running database. */
  async query(sql: string): Promise<readonly Record<string, unknown>[]> {
    const database = await running().getD1Database("DB");
    return (await database.prepare(sql).all()).results;
  },

  /** Bytes that the heap of the Worker's isolate has in use after a collection. Of an inspected runtime only. */
  async heapBytes(): Promise<number> {
    inspector ??= await inspectorOf(running());
    return inspector();
  },
};

let inspector: (() => Promise<number>) | null = null;

const ASK_AGAIN_MS = 1_000;

/** Asks the Worker's isolate over the Chrome DevTools Protocol, one question at a time. */
async function inspectorOf(runtime: Miniflare): Promise<() => Promise<number>> {
  const socket = new WebSocket(new URL("/core:user:fantail", await runtime.getInspectorURL()));
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  let asked = 0;
  const ask = (method: string): Promise<{ readonly usedSize?: number }> =>
    new Promise((resolve) => {
      const id = ++asked;
      const send = (): void => socket.send(JSON.stringify({ id, method }));
      // An isolate that has nothing to do may keep its reply until it is asked again.
      const again = setInterval(send, ASK_AGAIN_MS);
      const heard = ({ data }: MessageEvent): void => {
        const reply = JSON.parse(String(data)) as {
          readonly id?: number;
          readonly result?: { readonly usedSize?: number };
        };
        if (reply.id !== id) return;
        clearInterval(again);
        socket.removeEventListener("message", heard);
        resolve(reply.result ?? {});
      };
      socket.addEventListener("message", heard);
      send();
    });
  return async () => {
    await ask("HeapProfiler.collectGarbage");
    return (await ask("Runtime.getHeapUsage")).usedSize ?? Number.NaN;
  };
}

export type RuntimeCalls = typeof served;

serve(served);

/**
 * Processes that answer calls: a program gives `serve` its functions, another one starts it and calls them by name. Over Node's IPC, so
 * that whatever a call has to say is typed on both sides. A process that ends fails every call that waits for it.
 */
import { fork, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { QUIET_ENVIRONMENT } from "../wrangler.ts";

/** What a process answers to. Arguments and answers are copied between processes: plain data only. */
type Served = Readonly<Record<string, (argument: never) => unknown>>;

interface Call {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}
type Reply = { readonly id: number } & ({ readonly answer: unknown } | { readonly error: string });

const send = (reply: Reply): void => void process.send?.(reply);

/** In the process itself: answers calls until whoever started it hangs up. */
export function serve(served: Served): void {
  process.on("message", (call: Call) => {
    const answer = async (): Promise<unknown> => served[call.name]?.(call.argument as never);
    answer().then(
      (value) => send({ id: call.id, answer: value }),
      (error: unknown) =>
        send({ id: call.id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
  // A Ctrl-C reaches the whole process group; whoever started this process ends it.
  process.on("SIGINT", () => {});
}

/** A started process, as who started it sees it. */
export interface Started<T extends Served> {
  readonly child: ChildProcess;
  /** Once it has ended, for whatever reason. */
  readonly exited: Promise<void>;
  call<K extends keyof T & string>(name: K, argument: Parameters<T[K]>[0]): Promise<Awaited<ReturnType<T[K]>>>;
  /** Hangs up, and waits for the end. */
  stop(): Promise<void>;
  /** Ends it and whatever it started at once, when it was started as a group. */
  kill(): Promise<void>;
}

/** Starts a program. `group`: it leads a process group of its own. What it writes is added to the file `log`, or shown. */
export function start<T extends Served>(
  program: URL,
  { group = false, log }: { readonly group?: boolean; readonly log?: string } = {},
): Started<T> {
  const output = log === undefined ? ("inherit" as const) : openSync(log, "a");
  const file = fileURLToPath(program);
  const title = basename(file);
  const child = fork(file, {
    detached: group,
    // That the checkout has no secrets is no reason to warn.
    env: { ...process.env, ...QUIET_ENVIRONMENT, WRANGLER_LOG: "error" },
    serialization: "advanced",
    stdio: ["ignore", output, output, "ipc"],
  });
  if (typeof output === "number") closeSync(output);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const exited = Promise.withResolvers<void>();
  const fail = (error: Error): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    exited.resolve();
  };
  child.once("error", fail);
  child.once("exit", (code, signal) => fail(new Error(`${title} ended with ${signal ?? code}`)));
  child.on("message", (reply: Reply) => {
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ("error" in reply) asked?.reject(new Error(`${title}: ${reply.error}`));
    else asked?.resolve(reply.answer);
  });
  // Whatever ends this process in order takes the other with it; one that is killed hangs up.
  const killAll = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    if (group) process.kill(-child.pid, "SIGKILL");
    else child.kill("SIGKILL");
  };
  process.prependListener("exit", killAll);
  void exited.promise.then(() => process.off("exit", killAll));

  let calls = 0;
  return {
    child,
    exited: exited.promise,
    call: (name, argument) => {
      const asked = Promise.withResolvers<unknown>();
      if (!child.connected) asked.reject(new Error(`${title} has ended`));
      else {
        calls += 1;
        waiting.set(calls, asked);
        child.send({ id: calls, name, argument } satisfies Call);
      }
      // `serve` has functions of this type: T is the type of what the program serves.
      return asked.promise as Promise<never>;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exited.promise;
    },
    async kill() {
      killAll();
      await exited.promise;
    },
  };
}

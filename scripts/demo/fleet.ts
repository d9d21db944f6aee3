/** The consumers' processes, as the demo sees them: started, configured, heard, ended. It never judges what they report. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isFromConsumer, type Configure, type Receipt } from "./messages.ts";
import type { ConsumerPlan } from "./subscriptions.ts";

export interface Consumer {
  readonly plan: ConsumerPlan;
  readonly sink: string;
  /** Rejects when the process ends before `stop` was called. */
  readonly broken: Promise<never>;
  /** Resolves once the consumer verifies what comes. */
  readonly configure: (configure: Pick<Configure, "secret" | "readKey">) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts the process; resolves once its webhook listens. `onReceipt` is called for each request that it received. */
export async function startConsumer(plan: ConsumerPlan, onReceipt: (receipt: Receipt) => void): Promise<Consumer> {
  const child = fork(fileURLToPath(import.meta.resolve("./consumer.ts")));
  const listening = Promise.withResolvers<string>();
  const ready = Promise.withResolvers<void>();
  const broken = Promise.withResolvers<never>();
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let stopping = false;

  child.on("message", (message: unknown) => {
    if (!isFromConsumer(message)) return;
    switch (message.kind) {
      case "listening":
        return listening.resolve(message.sink);
      case "ready":
        return ready.resolve();
      case "receipt":
        return onReceipt(message);
    }
  });
  child.once("error", broken.reject);
  child.once("exit", (code) => {
    if (!stopping) broken.reject(new Error(`The consumer ${plan.name} ended with code ${code}`));
  });
  broken.promise.catch(() => {});

  return {
    plan,
    sink: await Promise.race([listening.promise, broken.promise]),
    broken: broken.promise,
    configure: async (configure) => {
      const message: Configure = { kind: "configure", format: plan.format, failures: plan.failures, ...configure };
      child.send(message);
      await Promise.race([ready.promise, broken.promise]);
    },
    stop: async () => {
      stopping = true;
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

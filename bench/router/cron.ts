/** What the platform does once a minute, and the local runtime never does by itself. */
import type { Runtime } from "../../scripts/rig/runtime.ts";

const MINUTE_MS = 60_000;

/** Runs the cron handler every minute while the work goes on. @throws what the work throws, or the first run that failed. */
export async function withCron<T>(runtime: Runtime, work: () => Promise<T>): Promise<T> {
  const fired: Promise<void>[] = [];
  const timer = setInterval(() => {
    const run = runtime.fireCron();
    // It is waited for at the end.
    run.catch(() => {});
    fired.push(run);
  }, MINUTE_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await Promise.all(fired);
  }
}

/**
 * `npm run demo`: the main job on real input. GitHub's webhooks go in at a router on this machine, three consumers receive
 * what they subscribed to, and every delivery is checked against expectations made apart from the router. Exit code 0 when
 * each arrived once, intact and verified. It leaves no process and no state behind, also on Ctrl-C and on failure. `--keep`: the router stays up
 * until Ctrl-C, so that its dashboard can be looked at.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { dashboardLink } from "../dashboard-link.ts";
import { report, verdict } from "./report.ts";
import { bad, clear, progress, say } from "./screen.ts";
import { play, setUp, type Run, type Scene } from "./stage.ts";

/** The whole run, the router's start on a slow machine included. */
const RUN_MS = 120_000;
/** The stop of the router and the consumers. */
const CLEANUP_MS = 15_000;
/** Between a process's death and the notice of it. */
const DEATH_MS = 300;

const { values } = parseArgs({ options: { keep: { type: "boolean", default: false } } });
const startedMs = Date.now();
const ending = new AbortController();
const fail = (reason: Error) => ending.abort(reason);
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(name, () => fail(new Error(`Ended by ${name}`)));
const tooLong = setTimeout(() => fail(new Error(`The demo did not end within ${RUN_MS / 1_000} s`)), RUN_MS).unref();

const run: Run = { signal: ending.signal, fail, cleanups: [] };
const passed = await demonstrate();
await cleanUp();
process.exit(passed ? 0 : 1);

async function demonstrate(): Promise<boolean> {
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  run.signal.addEventListener("abort", () => ended.reject(run.signal.reason));
  let scene: Scene | null = null;
  let failure: string | null = null;
  try {
    scene = await Promise.race([setUp(run), ended.promise]);
    await Promise.race([play(scene, run), ended.promise]);
  } catch (error) {
    // When a process dies, calls to it may fail before its end is heard of, which says more.
    await delay(DEATH_MS);
    const cause: unknown = run.signal.aborted ? run.signal.reason : error;
    failure = cause instanceof Error ? cause.message : String(cause);
  }
  if (scene !== null) report(scene);
  const asExpected = scene !== null && verdict(scene);
  if (failure !== null) say(bad(`✗ ${failure}`));
  say(`${Math.round((Date.now() - startedMs) / 1_000)} s`);
  if (values.keep && scene !== null && failure === null) await kept(scene);
  return asExpected && failure === null;
}

/** Until somebody ends it, or the router ends. */
async function kept({ url, rootKey }: Scene): Promise<void> {
  clearTimeout(tooLong);
  say(`\nThe router stays up. Its dashboard: ${dashboardLink(url, rootKey)}\nCtrl-C ends it.`);
  await new Promise<void>((resolve) => {
    run.signal.addEventListener("abort", () => resolve());
  });
}

async function cleanUp(): Promise<void> {
  progress("Stopping …");
  const undone = (async () => {
    for (const cleanup of run.cleanups.toReversed()) await cleanup().catch(() => {});
    return true;
  })();
  if (!(await Promise.race([undone, delay(CLEANUP_MS, false)]))) {
    say(bad(`✗ Router and consumers did not stop within ${CLEANUP_MS / 1_000} s`));
  }
  clear();
}

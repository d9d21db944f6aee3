/**
 * How every script runs wrangler: which binary, and with what switched off. Decides nothing else.
 */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { join } from "node:path";

/** What a finished command said. `code` is 1 when a signal ended it. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const WRANGLER = join(import.meta.dirname, "../node_modules/wrangler/bin/wrangler.js");

/**
 * Environment of all Cloudflare tools: nothing leaves the machine unasked (usage figures, error reports, update checks, a
 * look-up of where the machine is), and no traces are captured locally, which costs two thirds of the request rate.
 */
export const QUIET_ENVIRONMENT = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_OBSERVABILITY: "false",
  X_LOCAL_EXPLORER: "false",
};

/**
 * Starts wrangler in the working directory (npm runs scripts in the checkout's top directory, where `wrangler.toml` is), with
 * `env` added to its environment. `FANTAIL_WRANGLER` names another executable to run in its place (tests do).
 */
export function spawnWrangler(
  args: readonly string[],
  options: Omit<SpawnOptions, "env">,
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const substitute = process.env["FANTAIL_WRANGLER"];
  const [command, ...first] = substitute ? [substitute] : [process.execPath, WRANGLER];
  return spawn(command, [...first, ...args], { ...options, env: { ...process.env, ...QUIET_ENVIRONMENT, ...env } });
}

/** Runs wrangler to its end and captures what it writes. It cannot ask questions: it has no terminal. */
export function runWrangler(args: readonly string[]): Promise<Finished> {
  return finished(spawnWrangler(args, { stdio: ["ignore", "pipe", "pipe"] }));
}

/** Waits for the end of a process and captures what it writes. */
export async function finished(child: ChildProcess): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return { code: await ended(child), stdout, stderr };
}

/** The exit code of a process once it has ended and its output is complete; 1 when a signal ended it. Throws when it could not be started. */
export function ended(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("error", reject);
  child.once("close", (code) => resolve(code ?? 1));
  return promise;
}

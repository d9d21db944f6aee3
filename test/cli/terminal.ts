/**
 * The command in a pseudo-terminal, made by `script` of util-linux. Without it those tests are skipped, and the run says so; in CI they fail.
 */
import { spawnSync } from "node:child_process";
import { MAIN, running, type Running, type RunOptions } from "./command.ts";

const MISSING = "There is no script of util-linux: install it (apt-get install bsdutils)";
// Other systems have another script, or none.
const found = spawnSync("script", ["--version"], { encoding: "utf8" });
const isThere = found.error === undefined && found.stdout.includes("util-linux");

/** True: the tests that need a terminal are to run. */
export const HAS_TERMINAL = isThere || process.env["CI"] === "true";

/** Vitest calls this before the tests of the project, where what it writes is seen. */
export function setup(): void {
  if (!isThere) process.stderr.write(`\nNO TERMINAL, SO THE COMMAND LINE IS NOT TESTED ON ONE. ${MISSING}\n\n`);
}

/** Starts it on a terminal of 100 columns. What it writes, on stdout and stderr alike, is on `stdout` of what is returned. */
export function startInTerminal(args: readonly string[], options: RunOptions = {}): Running {
  if (!isThere) throw new Error(MISSING);
  const line = [process.execPath, MAIN, ...args].map(quoted).join(" ");
  return running(["script", "-qefc", `stty cols 100 rows 40; exec ${line}`, "/dev/null"], {
    ...options,
    env: { TERM: "xterm-256color", SHELL: "/bin/sh", ...options.env },
  });
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

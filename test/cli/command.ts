/** The command `fantail` as a person runs it: a process of its own, in a pipe. Nothing of this machine's configuration reaches it. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";

export const MAIN = resolve("src/cli/main.ts");

/** What Node made of the sources the last time: a process starts in half the time. */
const COMPILE_CACHE = resolve("node_modules/.cache/fantail-cli");

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What stands on stdin; else that is empty. Null: it stays open, for the test to write to. */
  readonly input?: string | null;
  readonly cwd?: string;
}

export interface Ran {
  /** Null: a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that is running. */
export interface Running {
  readonly child: ChildProcess;
  /** Resolves once what was written matches, with the match; rejects when the command ends without. */
  readonly saw: (stream: "stdout" | "stderr", pattern: RegExp) => Promise<RegExpExecArray>;
  readonly written: () => Omit<Ran, "code">;
  readonly ended: Promise<Ran>;
}

/** An environment with nothing in it but what the runtime needs, and an empty home. */
function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const home = emptyFolder();
  const own = { HOME: home, TMPDIR: tmpdir(), TZ: "UTC", NODE_COMPILE_CACHE: COMPILE_CACHE };
  return { PATH: process.env["PATH"] ?? "", ...own, ...more };
}

/** A folder that is gone after the test. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "fantail-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts it. It is killed after the test if it still runs. */
export function start(args: readonly string[], options: RunOptions = {}): Running {
  return running([process.execPath, MAIN, ...args], options);
}

/** Runs it to its end. */
export const fantail = (args: readonly string[], options: RunOptions = {}): Promise<Ran> => start(args, options).ended;

/** Any command with its arguments, watched the same way. */
export function running([command = "", ...args]: readonly string[], options: RunOptions): Running {
  const child = spawn(command, args, {
    env: environment(options.env),
    cwd: options.cwd ?? emptyFolder(),
    stdio: ["pipe", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const texts = { stdout: "", stderr: "" };
  const waiting = new Set<() => void>();
  const told = () => {
    for (const look of waiting) look();
  };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
      told();
    });
  let isOver = false;
  const ended = new Promise<Ran>((done, failed) => {
    child.once("error", failed);
    child.once("close", (code) => {
      isOver = true;
      told();
      done({ code, ...texts });
    });
  });
  child.stdin.on("error", () => {});
  if (options.input !== null) child.stdin.end(options.input ?? "");
  return {
    child,
    ended,
    written: () => ({ ...texts }),
    saw: (stream, pattern) =>
      new Promise((seen, failed) => {
        const look = () => {
          const match = pattern.exec(texts[stream]);
          if (match === null && !isOver) return;
          waiting.delete(look);
          if (match === null) failed(new Error(`It ended without ${pattern}: ${texts.stdout}${texts.stderr}`));
          else seen(match);
        };
        waiting.add(look);
        look();
      }),
  };
}

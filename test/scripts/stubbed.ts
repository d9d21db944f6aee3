/** Runs a script of the project in a copy of what it reads, against a stub of wrangler: no account, no file of the checkout. */
import { spawn, type ChildProcess } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import type { Fact } from "./wrangler-stub.ts";

/** A stand-in checkout and the account that its wrangler knows. */
export interface Stubbed {
  readonly directory: string;
  /** What the environment of a script must say for the stub to be used. */
  readonly env: Readonly<Record<string, string>>;
  /** The facts of that kind so far. */
  facts<Kind extends Fact["kind"]>(kind: Kind): Extract<Fact, { kind: Kind }>[];
  /** The commands that wrangler was given so far, each as one line. */
  commands(): string[];
  add(...facts: Fact[]): void;
  /** Starts `scripts/<name>`. */
  start(name: string, args?: readonly string[]): Running;
}

/** A script that was started. */
export interface Running {
  readonly child: ChildProcess;
  /** Standard output and standard error so far, as they came. */
  said(): string;
  /** The exit code, once the process has ended; null when a signal ended it. */
  readonly code: Promise<number | null>;
}

/** Where Node.js keeps compiled code by default, once asked to: compiling wrangler or its stub takes most of a short run. */
export const COMPILE_CACHE = join(tmpdir(), "node-compile-cache");

/** A stand-in checkout with an account in which only `facts` are so; gone when the test has finished. */
export function stubbed(...facts: Fact[]): Stubbed {
  const directory = mkdtempSync(join(tmpdir(), "fantail-stub-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  cpSync("wrangler.toml", join(directory, "wrangler.toml"));
  const accountFile = join(directory, "account");
  const wrangler = join(directory, "wrangler");
  const stub = resolve("test/scripts/wrangler-stub.ts");
  writeFileSync(wrangler, `#!/bin/sh\nexec "${process.execPath}" "${stub}" "$@"\n`, { mode: 0o755 });

  const add = (...more: Fact[]) => {
    for (const fact of more) appendFileSync(accountFile, `${JSON.stringify(fact)}\n`);
  };
  const read = (): Fact[] =>
    readFileSync(accountFile, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  writeFileSync(accountFile, "");
  add(...facts);

  const stubFacts = <Kind extends Fact["kind"]>(kind: Kind) =>
    read().filter((fact): fact is Extract<Fact, { kind: Kind }> => fact.kind === kind);
  // The scripts' own temporary files come here too, so that a test sees what stays.
  const env = {
    FANTAIL_WRANGLER: wrangler,
    FANTAIL_STUB_ACCOUNT: accountFile,
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    TMPDIR: directory,
  };
  return {
    directory,
    env,
    facts: stubFacts,
    commands: () => stubFacts("command").map(({ line }) => line),
    add,
    start: (name, args = []) =>
      run(resolve("scripts", name), args, { cwd: directory, env: { ...process.env, ...env } }),
  };
}

function run(script: string, args: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Running {
  const child = spawn(process.execPath, [script, ...args], { ...options, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  }
  const { promise, resolve: done } = Promise.withResolvers<number | null>();
  child.once("close", done);
  return { child, said: () => text, code: promise };
}

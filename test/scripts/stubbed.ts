/** Runs a script of the project in a copy of what it reads, against a stub of wrangler: no account, no file of the checkout. */
import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { NEW_ACCOUNT, type Account } from "./wrangler-stub.ts";

export interface Stubbed {
  /** The directory that stands in for the checkout. */
  readonly directory: string;
  account(): Account;
  change(changes: Partial<Account>): void;
  /** Starts `scripts/<name>`. */
  start(name: string, args?: readonly string[]): Running;
}

export interface Running {
  readonly child: ChildProcess;
  /** Standard output and standard error so far, as they came. */
  said(): string;
  /** Resolves when the process has ended. */
  readonly code: Promise<number | null>;
}

/** A stand-in checkout whose account starts as a new one with `changes`; gone when the test has finished. */
export function stubbed(changes: Partial<Account> = {}): Stubbed {
  const directory = mkdtempSync(join(tmpdir(), "fantail-stub-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  cpSync("wrangler.toml", join(directory, "wrangler.toml"));
  const accountFile = join(directory, "account.json");
  const wrangler = join(directory, "wrangler");
  const stub = resolve("test/scripts/wrangler-stub.ts");
  writeFileSync(wrangler, `#!/bin/sh\nexec "${process.execPath}" "${stub}" "$@"\n`, { mode: 0o755 });

  const account = (): Account => JSON.parse(readFileSync(accountFile, "utf8"));
  const write = (value: Account) => writeFileSync(accountFile, JSON.stringify(value));
  write({ ...NEW_ACCOUNT, ...changes });
  const env = { ...process.env, FANTAIL_WRANGLER: wrangler, FANTAIL_STUB_ACCOUNT: accountFile };
  return {
    directory,
    account,
    change: (more) => write({ ...account(), ...more }),
    start: (name, args = []) => run(resolve("scripts", name), args, { cwd: directory, env }),
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

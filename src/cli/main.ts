#!/usr/bin/env node
/** The command `fantail`: reads the command line, runs one command, and ends with its exit code. */
import { EXIT, failureOf, type Failure, type Reached } from "./failure.ts";
import { harmless } from "./output.ts";
import { createParser } from "./parser.ts";
import { createShell, type Run, type Shell } from "./shell.ts";

const args = process.argv.slice(2);
let shell: Shell | null = null;

/** Whoever read our output has gone, as `head` does: there is nobody to tell. */
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? EXIT.ok);
    throw error;
  });

const run: Run = async (options, work) => {
  shell = createShell(options);
  process.exitCode = (await work(shell)) ?? EXIT.ok;
};

/** Null as long as nothing was asked of a router. */
const reached = (): Reached | null => shell?.reached() ?? null;

function tell({ lines, problem }: Failure): void {
  shell?.out.progress("");
  for (const line of lines) process.stderr.write(`fantail: ${harmless(line)}\n`);
  const isJson = shell?.out.isJson ?? args.includes("--json");
  if (isJson && problem !== null) process.stderr.write(`${JSON.stringify(problem)}\n`);
}

try {
  await createParser(args, run).parseAsync();
} catch (error) {
  const failure = failureOf(error, reached());
  tell(failure);
  process.exitCode = failure.exitCode;
}

/**
 * Runs the router on this machine: local database, local queues, and the cron that the local runtime never fires by itself.
 * Never touches an account.
 */
import { randomBytes } from "node:crypto";
import { ended, runWrangler, spawnWrangler } from "./wrangler.ts";
import type { ChildProcess, SpawnOptions } from "node:child_process";

/** Signals that ask this process to end; each stops a running router first. */
export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The loopback address that the router listens on, unless the arguments have `--ip`. */
export const HOST = "127.0.0.1";

/** With this port `wrangler dev` chooses a free one and reports it. */
const ANY_PORT = 0;
/** How much of what a silent wrangler wrote is kept, in characters. */
const TAIL_CHARACTERS = 4000;
/** A clean stop takes about a second; past this the whole process group is killed. */
const STOP_MS = 10_000;

/** A router running on this machine. */
export interface Router {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  /** The exit code of `wrangler dev`, once it has ended for whatever reason. */
  readonly exited: Promise<number>;
  /** When `quiet`, the end of what wrangler and the Worker wrote so far; otherwise nothing, for it was shown. */
  log(): string;
  /** Runs the Worker's cron handler once, to its end. Throws when it failed. */
  fireCron(): Promise<void>;
  /** Ends `wrangler dev` and everything it started. */
  stop(): Promise<void>;
}

/** How `wrangler dev` is started. */
export interface LaunchOptions {
  /** Port to listen on; absent: any free one. */
  readonly port?: number;
  /** Directory of the database; absent: `.wrangler/state`. */
  readonly persistTo?: string;
  /** Variables and secrets, before those of `wrangler.toml` and `.dev.vars`. */
  readonly vars?: Readonly<Record<string, string>>;
  /** True: nothing of what wrangler and the Worker write is shown, and an error carries the end of it. */
  readonly quiet?: boolean;
  /** Its abort ends `wrangler dev`, whether it listens yet or not. */
  readonly signal?: AbortSignal;
  /** Further arguments of `wrangler dev`; they stand before what is set here. */
  readonly args?: readonly string[];
}

/** 32 random bytes in base64: the form of both secrets. */
export function randomSecret(): string {
  return randomBytes(32).toString("base64");
}

/**
 * A router with throw-away state: random secrets (unless `vars` has them), insecure sinks allowed, its own directory. It
 * listens once the promise resolves; rejects as `launch` does.
 */
export async function startRouter(
  options: LaunchOptions & { readonly persistTo: string },
): Promise<Router & { readonly rootKey: string }> {
  const rootKey = options.vars?.["ROOT_KEY"] ?? randomSecret();
  const vars = { ENCRYPTION_KEY: randomSecret(), ALLOW_INSECURE_SINKS: "true", ...options.vars, ROOT_KEY: rootKey };
  await migrate(options.persistTo);
  return { ...(await launch({ ...options, vars })), rootKey };
}

/** Applies the migrations that the local database lacks. Throws with what wrangler said when one fails. */
export async function migrate(persistTo?: string): Promise<void> {
  const place = persistTo === undefined ? [] : [`--persist-to=${persistTo}`];
  const finished = await runWrangler(["d1", "migrations", "apply", "DB", "--local", ...place]);
  if (finished.code !== 0) throw new Error(`The local migrations failed\n${finished.stdout}${finished.stderr}`);
}

/**
 * Runs `wrangler dev`; resolves once it listens. Rejects, when it has ended before that, with the reason of the abort that
 * ended it or else with what it said. However this process ends, short of being killed, `wrangler dev` ends with it.
 */
export async function launch(options: LaunchOptions): Promise<Router> {
  options.signal?.throwIfAborted();
  // Routers that share a registry would take each other's queue messages.
  const env = { WRANGLER_REGISTRY_PATH: `${options.persistTo ?? ".wrangler"}/registry` };
  const output = options.quiet ? "pipe" : "inherit";
  // A group of its own: a Ctrl-C reaches this process only, which ends wrangler in order.
  const how = { stdio: ["ignore", output, output, "ipc"], detached: true } satisfies SpawnOptions;
  const child = spawnWrangler(devArguments(options), how, env);
  const log = keepTail(child);
  const exited = ended(child);
  const stop = () => end(child, exited);
  endTogether({ child, exited, stop, signal: options.signal });

  const url = await Promise.race([listening(child), exited.then(() => null)]);
  if (url === null) {
    options.signal?.throwIfAborted();
    throw new Error(`wrangler dev ended before it listened\n${log()}`.trimEnd());
  }
  return { url, exited, log, stop, fireCron: () => fireCron(url) };
}

function devArguments(options: LaunchOptions): string[] {
  const given = options.args ?? [];
  const defaults = [
    `--ip=${HOST}`,
    `--port=${options.port ?? ANY_PORT}`,
    `--inspector-port=${ANY_PORT}`,
    "--show-interactive-dev-session=false",
    // Below this level come a table of all bindings, twice, and what the Worker writes with console.log.
    `--log-level=${options.quiet ? "error" : "info"}`,
    // Silences the warning that nobody fires the cron.
    "--test-scheduled",
    ...(options.persistTo === undefined ? [] : [`--persist-to=${options.persistTo}`]),
  ];
  const givenFlags = new Set(given.map(flagOf));
  const vars = Object.entries(options.vars ?? {}).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  return ["dev", "--local", ...defaults.filter((argument) => !givenFlags.has(flagOf(argument))), ...given, ...vars];
}

function flagOf(argument: string): string | undefined {
  return argument.split("=", 1)[0];
}

function keepTail(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => (text = (text + chunk).slice(-TAIL_CHARACTERS)));
  }
  return () => text;
}

/** The URL under which `wrangler dev`, by what it reports over its IPC channel, serves requests. */
function listening(child: ChildProcess): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  child.on("message", (message) => {
    const report: unknown = typeof message === "string" ? JSON.parse(message) : message;
    if (isReady(report)) resolve(`http://${report.ip}:${report.port}`);
  });
  return promise;
}

function isReady(report: unknown): report is { event: "DEV_SERVER_READY"; ip: string; port: number } {
  return (
    typeof report === "object" &&
    report !== null &&
    "event" in report &&
    report.event === "DEV_SERVER_READY" &&
    "ip" in report &&
    typeof report.ip === "string" &&
    "port" in report &&
    typeof report.port === "number"
  );
}

async function fireCron(url: string): Promise<void> {
  const response = await fetch(`${url}/cdn-cgi/local/scheduled?cron=*+*+*+*+*&format=json`);
  const answer = await response.text();
  if (!response.ok || !answer.includes('"outcome":"ok"')) {
    throw new Error(`The cron handler failed: ${response.status} ${answer}`);
  }
}

interface Bound extends Pick<Router, "exited" | "stop"> {
  readonly child: ChildProcess;
  readonly signal: AbortSignal | undefined;
}

function endTogether({ child, exited, stop, signal }: Bound): void {
  const onSignal = () => void stop();
  const onExit = () => killGroup(child);
  for (const name of STOP_SIGNALS) process.on(name, onSignal);
  signal?.addEventListener("abort", onSignal);
  process.on("exit", onExit);
  const forget = () => {
    for (const name of STOP_SIGNALS) process.off(name, onSignal);
    signal?.removeEventListener("abort", onSignal);
    process.off("exit", onExit);
  };
  exited.then(forget, forget);
}

async function end(child: ChildProcess, exited: Promise<number>): Promise<void> {
  child.kill("SIGTERM");
  const impatience = setTimeout(() => killGroup(child), STOP_MS);
  await exited;
  clearTimeout(impatience);
}

function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
}

/**
 * A Worker in the local runtime, seen from outside: built once, started, killed with SIGKILL, started again on what it left on disk. Its
 * queues are in memory, so a kill loses their messages; the log in D1 is what stays.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { createClient, type Client } from "../../src/client/index.ts";
import { freePort } from "../free-port.ts";
import { migrate, randomSecret } from "../router.ts";
import { runWrangler } from "../wrangler.ts";
import { start, type Started } from "./calls.ts";
import { onDisk, tablesOf } from "./database.ts";
import type { RuntimeCalls } from "./runtime-process.ts";

/** Earlier than any time that is on record, later than any duration: tells in a column of milliseconds which of the two it holds. */
const FIRST_TIME_MS = 1_000_000_000_000;
/** Lines of the Worker that a failure shows. */
const TAIL_LINES = 30;

type Rows = readonly Record<string, unknown>[];

export interface Runtime {
  readonly url: string;
  readonly rootKey: string;
  readonly client: Client;
  /** Starts it, on the same port each time. */
  start(): Promise<void>;
  /** SIGKILL to its whole process group, workerd included. */
  kill(): Promise<void>;
  /** Runs the cron handler once, to its end. */
  fireCron(): Promise<void>;
  /** Rows of the database, whether the runtime runs or not. */
  query(sql: string): Promise<Rows>;
  /** Only while it is stopped: works on its database. */
  edit<T>(work: (database: DatabaseSync) => T): T;
  /**
   * Only while it is stopped: makes everything on record older by so much. To the router this is a machine that was down so long, and it
   * takes milliseconds where leases take minutes.
   */
  age(ms: number): void;
  /** What workerd has taken since its start. */
  usage(): Usage;
  /** What the heap of the Worker's isolate has in use after a collection, in bytes. Of an inspected one only. */
  heapBytes(): Promise<number>;
  /** Warnings and errors among the last lines that the Worker wrote. */
  tail(): string;
  /** Ends it and removes what it left. */
  remove(): Promise<void>;
}

/** Of all workerd processes of a runtime together, by the kernel's count. */
export interface Usage {
  /** Of all its threads, the simulators of database and queues included. */
  readonly cpuMs: number;
  readonly bytes: number;
  /** The most at a time. */
  readonly peakBytes: number;
}

export interface RuntimeChoice {
  /** A Worker that is built already, its entry point first; absent: the router, as `npm run bundle` builds it. */
  readonly modules?: readonly string[];
  readonly bindings?: Readonly<Record<string, string>>;
  /** It is another Worker than the router: it has the queues, and no database. */
  readonly bare?: boolean;
  /** Its heap can be looked at. */
  readonly inspected?: boolean;
}

/** Builds the Worker, unless one is given, and makes an empty database. It does not start it. */
export async function makeRuntime({
  modules,
  bindings = {},
  bare = false,
  inspected = false,
}: RuntimeChoice = {}): Promise<Runtime> {
  const home = mkdtempSync(join(tmpdir(), "fantail-runtime-"));
  const tidy = (): void => rmSync(home, { recursive: true, force: true });
  process.on("exit", tidy);
  const state = join(home, "state");
  const log = join(home, "runtime.log");
  const built = modules ?? [await buildRouter(join(home, "dist"))];
  if (!bare) await migrate(state);
  const port = await freePort();
  const secrets = { ROOT_KEY: randomSecret(), ENCRYPTION_KEY: randomSecret() };
  const url = `http://127.0.0.1:${port}`;
  let running: Started<RuntimeCalls> | null = null;
  function edit<T>(work: (database: DatabaseSync) => T): T {
    if (running !== null) throw new Error("The database is in use");
    return onDisk(state, work);
  }

  return {
    url,
    rootKey: secrets.ROOT_KEY,
    client: createClient({ url, key: secrets.ROOT_KEY }),
    async start() {
      running = start<RuntimeCalls>(new URL("runtime-process.ts", import.meta.url), { group: true, log });
      const all = { ...secrets, ALLOW_INSECURE_SINKS: "true", ...bindings };
      await running.call("start", { modules: built, state, port, bindings: all, bare, inspected });
    },
    async kill() {
      await running?.kill();
      running = null;
    },
    async fireCron() {
      const response = await fetch(`${url}/cdn-cgi/local/scheduled?cron=*+*+*+*+*&format=json`);
      const answer = await response.text();
      if (!response.ok || !answer.includes('"outcome":"ok"')) throw new Error(`The cron failed: ${answer}`);
    },
    async query(sql) {
      if (running !== null) return running.call("query", sql);
      return onDisk(state, (database) => database.prepare(sql).all());
    },
    edit,
    age: (ms) => edit((database) => makeOlder(database, ms)),
    usage: () => usageOf(running?.child.pid),
    async heapBytes() {
      if (running === null) throw new Error("The runtime does not run");
      return running.call("heapBytes", undefined);
    },
    tail: () => tailOf(log),
    async remove() {
      await running?.kill();
      process.off("exit", tidy);
      tidy();
    },
  };
}

/** The router as `wrangler deploy` would upload it: one module, in that directory. Answers its path. */
export async function buildRouter(outdir: string): Promise<string> {
  const { code, stdout, stderr } = await runWrangler(["deploy", "--dry-run", `--outdir=${outdir}`]);
  if (code !== 0) throw new Error(`The Worker could not be built\n${stdout}${stderr}`);
  return join(outdir, "index.js");
}

/** Times have names that end in `_ms`, and so have durations, which stay. The audit is append-only, by a trigger. */
function makeOlder(database: DatabaseSync, ms: number): void {
  for (const table of tablesOf(database).filter((name) => name !== "audit")) {
    for (const { name } of database.prepare(`SELECT name FROM pragma_table_info('${table}')`).all()) {
      if (!String(name).endsWith("_ms")) continue;
      const column = `"${String(name)}"`;
      database.exec(`UPDATE "${table}" SET ${column} = ${column} - ${ms} WHERE ${column} > ${FIRST_TIME_MS}`);
    }
  }
}

/** The unit of times in /proc, on every Linux of today: proc_pid_stat(5). */
const TICK_MS = 10;

function usageOf(group: number | undefined): Usage {
  const all: Usage[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // Behind the name, in parentheses: state, parent, group.
      const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
      if (!stat.includes("(workerd)") || Number(fields[2]) !== group) continue;
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const bytesOf = (name: string): number =>
        1_024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
      // Its 14th and 15th field: user and system time.
      const cpuMs = (Number(fields[11]) + Number(fields[12])) * TICK_MS;
      all.push({ cpuMs, bytes: bytesOf("VmRSS"), peakBytes: bytesOf("VmHWM") });
    } catch (error) {
      // Of all processes on the machine, some end while they are looked at.
      if (!(error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")))
        throw error;
    }
  }
  if (all.length === 0) throw new Error("No workerd runs in the runtime's process group");
  const sum = (pick: (usage: Usage) => number): number => all.reduce((total, usage) => total + pick(usage), 0);
  return {
    cpuMs: sum(({ cpuMs }) => cpuMs),
    bytes: sum(({ bytes }) => bytes),
    peakBytes: sum(({ peakBytes }) => peakBytes),
  };
}

function tailOf(log: string): string {
  const lines = readFileSync(log, "utf8").split("\n");
  return lines
    .filter((line) => line !== "" && !line.includes('"level":"info"'))
    .slice(-TAIL_LINES)
    .join("\n");
}

/** What is measured: the router, and beside it the floor, each in a runtime of its own. Both take the same events and say what became of them. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import { randomSecret } from "../../scripts/router.ts";
import { buildRouter, makeRuntime, type Runtime, type RuntimeChoice } from "../../scripts/rig/runtime.ts";

/** What became of the events of a run, by the subject's own count. */
export interface Outcome {
  /** Events that went through its queues. */
  readonly events: number;
  readonly matched: number;
  readonly delivered: number;
  readonly dead: number;
  /** Deliveries that are not over, and events whose messages nobody took yet. */
  readonly open: number;
}

export interface Subject {
  readonly name: "fantail" | "floor";
  readonly runtime: Runtime;
  /** Under which it seals secrets; the floor has none. */
  readonly encryptionKey: string;
  /** Where and how to publish to it. */
  readonly target: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
  /** From here on its events count. */
  mark(): Promise<void>;
  /** Of what was published since the mark. `accepted`: how many events that were. */
  outcome(accepted: number): Promise<Outcome>;
}

const WORKERS = join(import.meta.dirname, "worker");

/** Modules that need no bundler: their types are taken off. */
function strip(name: string, outdir: string): string {
  const script = join(outdir, `${name}.mjs`);
  mkdirSync(outdir, { recursive: true });
  writeFileSync(script, stripTypeScriptTypes(readFileSync(join(WORKERS, `${name}.ts`), "utf8")));
  return script;
}

/** The built router behind one of the modules of `worker/`, which takes its place. Answers the modules. */
export async function wrapRouter(wrapper: "quiet" | "metered", outdir: string): Promise<readonly string[]> {
  const built = await buildRouter(outdir);
  const router = join(dirname(built), "router.mjs");
  cpSync(built, router);
  return [strip(wrapper, outdir), router];
}

export async function makeFantail(
  modules: readonly string[],
  choice: Pick<RuntimeChoice, "inspected"> = {},
): Promise<Subject> {
  const encryptionKey = randomSecret();
  const runtime = await makeRuntime({ ...choice, modules, bindings: { ENCRYPTION_KEY: encryptionKey } });
  const headers = { authorization: `Bearer ${runtime.rootKey}` };
  let since = "";
  const one = async (sql: string): Promise<Record<string, unknown>> => (await runtime.query(sql))[0] ?? {};
  return {
    name: "fantail",
    runtime,
    encryptionKey,
    target: { url: `${runtime.url}/v1/events`, headers },
    async mark() {
      const { seq } = await one("SELECT coalesce(max(seq), '') AS seq FROM events WHERE bus = 'default'");
      since = String(seq);
    },
    async outcome(accepted) {
      const span = `bus = 'default' AND seq > '${since}'`;
      // One statement: what comes between two would be in only one of them.
      const counts = await one(`
        SELECT (SELECT count(*) FROM events WHERE ${span}) AS events,
          (SELECT coalesce(sum(matched), 0) FROM events WHERE ${span}) AS matched,
          (SELECT count(*) FROM deliveries WHERE ${span} AND state = 'delivered') AS delivered,
          (SELECT count(*) FROM deliveries WHERE ${span} AND state = 'dead') AS dead`);
      const [recorded, matched, delivered, dead] = ["events", "matched", "delivered", "dead"].map((name) =>
        Number(counts[name]),
      ) as [number, number, number, number];
      return { events: recorded, matched, delivered, dead, open: matched - delivered - dead + accepted - recorded };
    },
  };
}

interface Taken {
  readonly events: number;
  readonly matched: number;
  readonly pushed: number;
  readonly failed: number;
}

export async function makeFloor(outdir: string, sinksUrl: string): Promise<Subject> {
  const modules = [strip("floor", outdir)];
  const runtime = await makeRuntime({ modules, bare: true, bindings: { SINKS_URL: sinksUrl } });
  const taken = async (): Promise<Taken> => (await (await fetch(runtime.url)).json()) as Taken;
  let before: Taken = { events: 0, matched: 0, pushed: 0, failed: 0 };
  return {
    name: "floor",
    runtime,
    encryptionKey: "",
    target: { url: runtime.url, headers: {} },
    async mark() {
      before = await taken();
    },
    async outcome(accepted) {
      const now = await taken();
      const [events, matched] = [now.events - before.events, now.matched - before.matched];
      const [delivered, dead] = [now.pushed - before.pushed, now.failed - before.failed];
      return { events, matched, delivered, dead, open: matched - delivered - dead + accepted - events };
    },
  };
}

/**
 * The client of `sinks.ts`, for tests in workerd and in Node alike. It only talks HTTP with the global `fetch`; it never
 * starts the server: the test runner's global setup does, or the test itself with `startSinks()`.
 */
import { inject } from "vitest";
import type { Concurrency, Program, SinkState, Step } from "./sinks.ts";

/** One sink, with a key of its own unless one was given. */
export interface SinkClient {
  readonly key: string;
  /** The webhook's URL; paths below it belong to the same key and share its script and its counters. */
  readonly url: string;
  /** Replaces what is left of the script. Steps are used once each, in order of arrival; then `last` (200 by default). */
  readonly program: (script: readonly Step[], last?: Step) => Promise<void>;
  /** Everything received, in order of arrival, and the concurrency. */
  readonly state: () => Promise<SinkState>;
  readonly requests: () => Promise<SinkState["requests"]>;
  /** The requests once `count` of them have ended. @throws Error with what came instead, after `timeoutMs`. */
  readonly waitFor: (count: number, timeoutMs?: number) => Promise<SinkState["requests"]>;
  /** The same once `count` have arrived, answered or not: for sinks that hang. */
  readonly waitForArrivals: (count: number, timeoutMs?: number) => Promise<SinkState["requests"]>;
  /** Forgets the key and cuts its open connections. */
  readonly forget: () => Promise<void>;
}

const WAIT_MS_DEFAULT = 10_000;

/** A key that no other test uses. */
export function uniqueKey(): string {
  return `k${crypto.randomUUID()}`;
}

/** `base` is needed only where the global setup did not run. */
export function sink(key = uniqueKey(), base = inject("sinkUrl")): SinkClient {
  const control = `${base}/control/${key}`;

  const wait = async (count: number, timeoutMs: number, event: "ended" | "arrived") => {
    const query = `count=${count}&timeoutMs=${timeoutMs}${event === "arrived" ? "&arrived" : ""}`;
    const response = await fetch(`${control}/wait?${query}`);
    const { requests } = await json<SinkState>(response, [200, 408]);
    if (response.status === 200) return requests;
    const came = requests.map(({ method, status, endedAt }) => `${method} ${status} ${endedAt === null ? "open" : ""}`);
    throw new Error(
      `Sink ${key}: ${count} requests have not ${event} within ${timeoutMs} ms, but [${came.join(", ")}]`,
    );
  };

  return {
    key,
    url: `${base}/s/${key}`,
    async program(script, last) {
      const program: Program = last === undefined ? { script } : { script, default: last };
      await none(await fetch(control, { method: "PUT", body: JSON.stringify(program) }));
    },
    state: async () => json<SinkState>(await fetch(control), [200]),
    requests: async () => (await json<SinkState>(await fetch(control), [200])).requests,
    waitFor: (count, timeoutMs = WAIT_MS_DEFAULT) => wait(count, timeoutMs, "ended"),
    waitForArrivals: (count, timeoutMs = WAIT_MS_DEFAULT) => wait(count, timeoutMs, "arrived"),
    forget: async () => none(await fetch(control, { method: "DELETE" })),
  };
}

/** Concurrency over all keys: it means something only while no other test file runs. */
export async function concurrency(base = inject("sinkUrl")): Promise<Concurrency> {
  return json<Concurrency>(await fetch(`${base}/control`), [200]);
}

/** Starts counting `concurrentMax` over all keys anew. */
export async function resetConcurrency(base = inject("sinkUrl")): Promise<void> {
  await json<Concurrency>(await fetch(`${base}/control`, { method: "DELETE" }), [200]);
}

/** The body as T: the server is `sinks.ts`, whose types these are. */
async function json<T>(response: Response, expected: readonly number[]): Promise<T> {
  if (!expected.includes(response.status))
    throw new Error(`The sinks answered ${response.status}: ${await response.text()}`);
  return response.json();
}

async function none(response: Response): Promise<void> {
  const text = await response.text();
  if (response.status !== 204) throw new Error(`The sinks answered ${response.status}: ${text}`);
}

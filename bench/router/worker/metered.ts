/**
 * The router as it is, and beside it a count of what the platform would bill: invocations, queue operations, rows and calls of D1, calls of
 * Durable Objects, log lines. GET /bench/counts shows the counts, DELETE begins anew; PUT /bench/clock puts the Worker's clock forward. Locally
 * everything of a Worker runs in one isolate, its Durable Objects too, so one place counts it all.
 */
import type { Counts } from "../../cost/counts.ts";
import router, { Limiter as RouterLimiter } from "./router.mjs";

const COUNTS_PATH = "/bench/counts";
/** The body is by how many milliseconds. */
const CLOCK_PATH = "/bench/clock";
/** Queues bill each started 64,000 bytes of a message. */
const OPERATION_BYTES = 64_000;
/** What Queues adds to a message and counts with it. */
const MESSAGE_OVERHEAD_BYTES = 100;

type Writable<T> = { -readonly [K in keyof T]: T[K] extends number ? T[K] : Writable<T[K]> };

const none = (): Writable<Counts> => ({
  requests: { http: 0, queue: 0, cron: 0 },
  queues: { writes: 0, reads: 0, deletes: 0, sent: 0, handedOut: 0, acknowledged: 0 },
  d1: { calls: 0, statements: 0, rowsRead: 0, rowsWritten: 0, sqlMs: 0, bytes: 0 },
  limiters: { requests: 0, rowsWritten: 0 },
  logs: { lines: 0, bytes: 0 },
});

let counts = none();

const encoder = new TextEncoder();
const bytesOf = (text: string): number => encoder.encode(text).byteLength;

/** The object with some of its methods replaced; all others are its own. */
function instead<T extends object>(native: T, methods: { readonly [K in keyof T]?: unknown }): T {
  return new Proxy(native, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return methods[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** What the router does not use is not counted: whoever begins to use it is to notice. */
const notMetered = (name: string) => (): never => {
  throw new Error(`The meter does not know ${name}`);
};

// ---- D1 ----------------------------------------------------------------------------------------------------------

function noted<T extends D1Result>(result: T): T {
  const { rows_read, rows_written, duration, size_after } = result.meta;
  counts.d1.statements += 1;
  counts.d1.rowsRead += rows_read;
  counts.d1.rowsWritten += rows_written;
  counts.d1.sqlMs += duration;
  counts.d1.bytes = size_after;
  return result;
}

/** What stands behind a statement of ours: `batch()` takes none but the platform's own. */
const natives = new WeakMap<D1PreparedStatement, D1PreparedStatement>();

function meteredStatement(native: D1PreparedStatement): D1PreparedStatement {
  const run = async (): Promise<D1Result<Record<string, unknown>>> => {
    counts.d1.calls += 1;
    return noted(await native.all());
  };
  const statement = instead(native, {
    bind: (...values: unknown[]) => meteredStatement(native.bind(...values)),
    all: run,
    run,
    // The platform's own says nothing of rows.
    first: async (column?: string) => {
      const [row] = (await run()).results;
      return (column === undefined ? row : row?.[column]) ?? null;
    },
    raw: notMetered("raw"),
  });
  natives.set(statement, native);
  return statement;
}

const meteredDatabase = (native: D1Database): D1Database =>
  instead(native, {
    prepare: (sql: string) => meteredStatement(native.prepare(sql)),
    batch: async (statements: readonly D1PreparedStatement[]) => {
      counts.d1.calls += 1;
      const results = await native.batch(statements.map((statement) => natives.get(statement) ?? statement));
      return results.map(noted);
    },
    exec: notMetered("exec"),
    dump: notMetered("dump"),
    withSession: notMetered("withSession"),
  });

// ---- Queues ------------------------------------------------------------------------------------------------------

function operationsOf(body: unknown): number {
  if (typeof body !== "string") throw new Error("The meter knows messages of text only");
  return Math.ceil((bytesOf(body) + MESSAGE_OVERHEAD_BYTES) / OPERATION_BYTES);
}

const meteredQueue = (native: Queue): Queue =>
  instead(native, {
    send: notMetered("send"),
    sendBatch: async (messages: Iterable<MessageSendRequest>, options?: QueueSendBatchOptions) => {
      const all = [...messages];
      const sent = await native.sendBatch(all, options);
      counts.queues.sent += all.length;
      for (const { body } of all) counts.queues.writes += operationsOf(body);
      return sent;
    },
  });

/** Each handing out is a read, the repeated too; the first of `ack` and `retry` is what counts of a message. */
function meteredMessage(native: Message): Message {
  const operations = operationsOf(native.body);
  counts.queues.handedOut += 1;
  counts.queues.reads += operations;
  let isDecided = false;
  return instead(native, {
    ack: () => {
      native.ack();
      if (isDecided) return;
      isDecided = true;
      counts.queues.acknowledged += 1;
      counts.queues.deletes += operations;
    },
    retry: (options?: QueueRetryOptions) => {
      native.retry(options);
      isDecided = true;
    },
  });
}

const meteredBatch = (native: MessageBatch): MessageBatch =>
  instead(native, {
    messages: native.messages.map(meteredMessage),
    ackAll: notMetered("ackAll"),
    retryAll: notMetered("retryAll"),
  });

// ---- The environment ---------------------------------------------------------------------------------------------

/** The router keeps what it made by the environment: one of ours for each of the platform's. */
const metered = new WeakMap<Env, Env>();

function meteredEnv(env: Env): Env {
  const known = metered.get(env);
  if (known !== undefined) return known;
  const made: Env = {
    ...env,
    DB: meteredDatabase(env.DB),
    DELIVERIES_FAST_0: meteredQueue(env.DELIVERIES_FAST_0),
    DELIVERIES_FAST_1: meteredQueue(env.DELIVERIES_FAST_1),
    DELIVERIES_SLOW_0: meteredQueue(env.DELIVERIES_SLOW_0),
    DELIVERIES_SLOW_1: meteredQueue(env.DELIVERIES_SLOW_1),
    DELIVERIES_POISON: meteredQueue(env.DELIVERIES_POISON),
  };
  metered.set(env, made);
  return made;
}

/** Each call is a request and writes one row, its state. */
export class Limiter extends RouterLimiter {
  override ask(...request: Parameters<RouterLimiter["ask"]>) {
    counts.limiters.requests += 1;
    counts.limiters.rowsWritten += 1;
    return super.ask(...request);
  }

  override done(...batch: Parameters<RouterLimiter["done"]>) {
    counts.limiters.requests += 1;
    counts.limiters.rowsWritten += 1;
    return super.done(...batch);
  }
}

/** Information is counted and not shown: each line goes through the simulator's parser, on the processors that are measured. */
for (const level of ["info", "warn", "error"] as const) {
  const show = level === "info" ? () => {} : console[level].bind(console);
  console[level] = (line: string) => {
    counts.logs.lines += 1;
    counts.logs.bytes += bytesOf(line);
    show(line);
  };
}

/** A retention is over in days. Times are in the keys of events, so it is the clock that moves, and never back. */
let aheadMs = 0;
const platformNow = Date.now.bind(Date);
Date.now = () => platformNow() + aheadMs;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === COUNTS_PATH) {
      if (request.method === "DELETE") counts = none();
      return Response.json(counts);
    }
    if (pathname === CLOCK_PATH) {
      aheadMs += Number(await request.text());
      return Response.json(aheadMs);
    }
    counts.requests.http += 1;
    return router.fetch(request, meteredEnv(env), ctx);
  },

  async queue(batch, env) {
    counts.requests.queue += 1;
    await router.queue(meteredBatch(batch), meteredEnv(env));
  },

  async scheduled(controller, env) {
    counts.requests.cron += 1;
    await router.scheduled(controller, meteredEnv(env));
  },
} satisfies ExportedHandler<Env>;

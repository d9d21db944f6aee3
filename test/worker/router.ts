// A router under test in workerd: the real Worker over real D1, with queues that a test empties by hand, so that it decides which
// messages meet in a batch, and what fails. The queues enforce the platform's limits.
import { env as realEnv } from "cloudflare:workers";
import worker from "../../src/index.ts";
import { assemble, type Doors } from "../../src/wire.ts";
import { checkExchange } from "../contract.ts";
import { knownBody } from "../http.ts";

export const ROOT_KEY = "root-key-for-tests";

export interface Held {
  readonly queue: string;
  readonly body: unknown;
  readonly delaySeconds: number;
  attempts: number;
}

export type QueueMode = "confirm" | "fail" | "hang" | "lose-answer";

const QUEUES = {
  DELIVERIES_FAST_0: "fantail-fast-0",
  DELIVERIES_FAST_1: "fantail-fast-1",
  DELIVERIES_SLOW_0: "fantail-slow-0",
  DELIVERIES_SLOW_1: "fantail-slow-1",
  DELIVERIES_POISON: "fantail-poison",
} as const;
type QueueName = keyof typeof QUEUES;

const byteLength = (text: string): number => new TextEncoder().encode(text).byteLength;

/** What Queues refuses: docs/operations.md has the sources. */
function checkSend(messages: readonly MessageSendRequest[]): void {
  if (messages.length > 100) throw new Error(`A send of ${messages.length} messages`);
  const sizes = messages.map(({ body, contentType }) => {
    if (contentType !== "text" || typeof body !== "string") throw new Error("A message that is no text");
    return byteLength(body) + 100;
  });
  if (sizes.some((size) => size > 128_000)) throw new Error(`A message of ${Math.max(...sizes)} bytes`);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total > 256_000) throw new Error(`A send of ${total} bytes`);
}

/** The answer, checked when all of it was read: the reader is told at its end if it is not as it should be. */
function checkedAtItsEnd(response: Response, check: (text: string) => Promise<void>): Response {
  const decoder = new TextDecoder();
  let text = "";
  const watched = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      text += decoder.decode(chunk, { stream: true });
      controller.enqueue(chunk);
    },
    flush: () => check(text),
  });
  return new Response(response.body?.pipeThrough(watched) ?? null, response);
}

/** What happened to one message of a batch. */
export interface Handled {
  readonly message: Held;
  readonly verdict: "ack" | { readonly retryAfterSeconds: number };
}

/** With `doors`, time, chance and the log are the test's: the same router behind the same queues, without the entry points. */
export function createTestRouter(overrides: Partial<Env> = {}, doors: Doors | null = null) {
  const held: Held[] = [];
  /** What a queue's sends do from here on; a function decides over each send. */
  const modes: Partial<Record<QueueName, QueueMode | (() => QueueMode)>> = {};
  const sends: { queue: string; messages: number }[] = [];
  const background: Promise<unknown>[] = [];

  const queueBinding = (name: QueueName) => ({
    sendBatch: async (batch: Iterable<MessageSendRequest>) => {
      const messages = [...batch];
      checkSend(messages);
      const set = modes[name] ?? "confirm";
      const mode = typeof set === "function" ? set() : set;
      sends.push({ queue: QUEUES[name], messages: messages.length });
      if (mode === "hang") await new Promise(() => {});
      if (mode === "fail") throw new Error("Queue is overloaded. Please back off.");
      for (const { body, delaySeconds = 0 } of messages)
        held.push({ queue: QUEUES[name], body, delaySeconds, attempts: 0 });
      if (mode === "lose-answer") throw new Error("The answer was lost");
    },
  });
  const queues = Object.fromEntries(Object.keys(QUEUES).map((name) => [name, queueBinding(name as QueueName)]));
  // An object of its own is an isolate of its own: the Worker keeps its cache per environment.
  const env = { ...realEnv, ...queues, ...overrides } as unknown as Env;
  const context = {
    waitUntil: (work: Promise<unknown>) => void background.push(work),
    passThroughOnException: () => {},
    props: {},
  } as unknown as ExecutionContext;
  const assembled = doors === null ? null : assemble(env, doors);

  async function request(path: string, init: RequestInit & { key?: string } = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${init.key ?? ROOT_KEY}`);
    const sent = new Request(`https://router.test${path}`, { ...init, headers });
    const { method, url } = sent;
    const response =
      assembled === null
        ? await worker.fetch(sent as never, env, context)
        : await assembled.app.fetch(sent, { background: (work) => void background.push(work) });
    const { status } = response;
    const check = (text: string): Promise<void> =>
      checkExchange({ method, url, headers, body: knownBody(init.body) }, { status, headers: response.headers, text });
    // What is answered while it is still sent must not be waited for.
    if (["application/x-ndjson", "text/event-stream"].includes(response.headers.get("content-type") ?? ""))
      return checkedAtItsEnd(response, check);
    await check(await response.clone().text());
    return response;
  }

  async function json<T = Record<string, unknown>>(
    path: string,
    init: RequestInit & { key?: string } = {},
  ): Promise<T> {
    const response = await request(path, init);
    if (!response.ok) throw new Error(`${init.method ?? "GET"} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  const post = (
    _path: string,
    body: unknown,
    init: RequestInit & { key?: string } = {},
  ): RequestInit & { key?: string } => ({
    method: "POST",
    body: JSON.stringify(body),
    ...init,
    headers: { "content-type": "application/json", ...(init.headers as Record<string, string> | undefined) },
  });

  /** One invocation of the queue handler with exactly these messages. */
  async function handle(messages: readonly Held[], queue = messages[0]?.queue ?? "fantail-fast-0"): Promise<Handled[]> {
    const handled: Handled[] = [];
    for (const message of messages) message.attempts += 1;
    const batch = {
      queue,
      metadata: {},
      messages: messages.map((message, index) => ({
        id: String(index),
        timestamp: new Date(),
        body: message.body,
        attempts: message.attempts,
        ack: () => void handled.push({ message, verdict: "ack" }),
        retry: (options?: QueueRetryOptions) =>
          void handled.push({ message, verdict: { retryAfterSeconds: options?.delaySeconds ?? 0 } }),
      })),
      ackAll: () => {
        throw new Error("Nobody acks a whole batch");
      },
      retryAll: () => {
        throw new Error("Nobody retries a whole batch");
      },
    };
    if (assembled === null) await worker.queue(batch as never, env);
    else {
      const lane = queue.includes("-slow-") ? "slow" : "fast";
      const verdicts =
        queue === QUEUES.DELIVERIES_POISON
          ? await assembled.adopt(batch.messages)
          : await assembled.deliver(batch.messages, lane);
      verdicts.forEach((verdict, index) => {
        const message = batch.messages[index];
        if (verdict.kind === "ack") message?.ack();
        else message?.retry({ delaySeconds: verdict.delaySeconds });
      });
    }
    return handled;
  }

  return {
    env,
    request,
    json,
    modes,
    sends,
    /** Messages on the queues, oldest first. */
    held,
    /** Takes all messages from the queues. */
    take: (): Held[] => held.splice(0),
    handle,
    /** Handles what is not delayed, in batches of the size, until nothing is left; retried messages are dropped and returned. */
    async drain(batchSize = 25): Promise<Handled[]> {
      const all: Handled[] = [];
      for (;;) {
        const ready = held.filter(({ delaySeconds }) => delaySeconds === 0).slice(0, batchSize);
        const [first] = ready;
        if (first === undefined) return all;
        const batch = ready.filter(({ queue }) => queue === first.queue);
        for (const message of batch) held.splice(held.indexOf(message), 1);
        all.push(...(await handle(batch)));
      }
    },
    sweep: () => (assembled === null ? worker.scheduled({} as never, env) : assembled.sweep()),
    /** What was handed to waitUntil has ended. */
    async settled(): Promise<void> {
      while (background.length > 0) await Promise.allSettled(background.splice(0));
    },
    /** The publish of one short-form event, or of what the caller says. */
    publish: (event: Record<string, unknown>, init: RequestInit & { key?: string } = {}) =>
      request("/v1/events", post("/v1/events", event, init)),
    async subscribe(subscription: Record<string, unknown>): Promise<{ id: string; secret: string }> {
      return json("/v1/subscriptions", post("/v1/subscriptions", subscription));
    },
    post,
  };
}

export type TestRouter = ReturnType<typeof createTestRouter>;

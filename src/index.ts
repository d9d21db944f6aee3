/**
 * Entry points: fetch, queue, scheduled. The only place that acks, retries and calls waitUntil. No rules.
 */
import { ConfigError } from "./config.ts";
import { MESSAGE_RETRY_SECONDS_MAX, POISON_RETRY_SECONDS } from "./core/limits.ts";
import { PROBLEM_BASE, PROBLEMS } from "./core/problem.ts";
import { consoleLogger } from "./log.ts";
import { freshRequestId, wire } from "./wire.ts";

/** The platform makes the Durable Objects of this class. */
export { Limiter } from "./limiter.ts";

/** Every queue whose name ends so holds what a lane gave up on. */
const POISON_SUFFIX = "-poison";
/** Every queue that has this in its name is of lane `slow`. */
const SLOW_INFIX = "-slow-";

/** What is wrong with the configuration is said to the operator, in the log, and not to whoever asks. */
function notConfigured(error: ConfigError): Response {
  const instance = freshRequestId();
  consoleLogger.error("config.invalid", { error: error.message, request_id: instance });
  const problem = { type: `${PROBLEM_BASE}internal-error`, ...PROBLEMS["internal-error"], instance };
  const headers = { "content-type": "application/problem+json", "x-request-id": instance };
  return Response.json(problem, { status: 500, headers });
}

/**
 * A batch that could not even be looked at (a mistyped secret, a defect) comes back slowly: a queue that is told nothing hands it out
 * again at once, and a hundred times later it is gone.
 */
function keepAll(batch: MessageBatch, error: unknown): void {
  consoleLogger.error("batch.failed", { queue: batch.queue, messages: batch.messages.length, error: String(error) });
  const delaySeconds = batch.queue.endsWith(POISON_SUFFIX) ? POISON_RETRY_SECONDS : MESSAGE_RETRY_SECONDS_MAX;
  for (const message of batch.messages) message.retry({ delaySeconds });
}

async function consume(batch: MessageBatch, env: Env): Promise<void> {
  const { deliver, adopt } = wire(env);
  const messages = batch.messages.map(({ body, attempts }) => ({ body, attempts }));
  const verdicts = batch.queue.endsWith(POISON_SUFFIX)
    ? await adopt(messages)
    : await deliver(messages, batch.queue.includes(SLOW_INFIX) ? "slow" : "fast");
  batch.messages.forEach((message, index) => {
    const verdict = verdicts[index];
    if (verdict?.kind === "ack") message.ack();
    else message.retry({ delaySeconds: verdict?.delaySeconds ?? MESSAGE_RETRY_SECONDS_MAX });
  });
}

export default {
  async fetch(request, env, ctx) {
    try {
      return await wire(env).app.fetch(request, { background: (work) => ctx.waitUntil(work) });
    } catch (error) {
      if (error instanceof ConfigError) return notConfigured(error);
      throw error;
    }
  },

  async queue(batch, env) {
    try {
      await consume(batch, env);
    } catch (error) {
      keepAll(batch, error);
    }
  },

  async scheduled(_controller, env) {
    await wire(env).sweep();
  },
} satisfies ExportedHandler<Env>;

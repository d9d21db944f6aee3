/**
 * Entry points: fetch, queue, scheduled. The only place that acks, retries and calls waitUntil. No rules.
 */
import { ConfigError } from "./config.ts";
import { consoleLogger } from "./log.ts";
import { wire } from "./wire.ts";

/** Every queue whose name ends so holds what a lane gave up on. */
const POISON_SUFFIX = "-poison";

/** A router without its secrets answers every request with their names, and nothing else. */
function notConfigured(error: ConfigError): Response {
  consoleLogger.error("config.invalid", { error: error.message });
  const problem = {
    type: "https://fantail.dev/problems/internal-error",
    title: "Something went wrong on our side",
    status: 500,
    detail: `The router is not configured: ${error.message}`,
  };
  return Response.json(problem, { status: 500, headers: { "content-type": "application/problem+json" } });
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
    const { deliver, adopt } = wire(env);
    const consume = batch.queue.endsWith(POISON_SUFFIX) ? adopt : deliver;
    const verdicts = await consume(batch.messages.map(({ body, attempts }) => ({ body, attempts })));
    batch.messages.forEach((message, index) => {
      const verdict = verdicts[index];
      if (verdict === undefined) return;
      if (verdict.kind === "ack") message.ack();
      else message.retry({ delaySeconds: verdict.delaySeconds });
    });
  },

  async scheduled(_controller, env) {
    await wire(env).sweep();
  },
} satisfies ExportedHandler<Env>;

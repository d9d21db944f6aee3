/**
 * Adapter: one Durable Object per subscription that has a pace. Each runs `core/pace.ts` on a state that it reads and writes at every
 * call, so that an eviction forgets nothing. The platform gives one object one thread: a call is not interrupted by another.
 */
import { DurableObject } from "cloudflare:workers";
import { inTime } from "./core/in-time.ts";
import { PACE_ASKS_MAX, PACE_PERMIT_MS, PACE_RETRY_MS, PACE_TIMEOUT_MS } from "./core/limits.ts";
import { ask, done, forgottenMs, type Grant, type PaceAsk, type PaceState } from "./core/pace.ts";
import type { SinkKey } from "./core/sink-key.ts";
import type { Clock, Limiters, Logger, PaceRequest, Permits, Random } from "./ports.ts";

const STATE = "state";

export class Limiter extends DurableObject<Env> {
  #state(): PaceState | null {
    return this.ctx.storage.kv.get<PaceState>(STATE) ?? null;
  }

  async ask(request: PaceAsk): Promise<Grant> {
    const before = this.#state();
    const { state, grant } = ask(before, request, Date.now());
    this.ctx.storage.kv.put(STATE, state);
    if (before === null) await this.ctx.storage.setAlarm(forgottenMs(state));
    return grant;
  }

  async done(batch: { readonly token: string; readonly unused: number }): Promise<void> {
    const state = this.#state();
    if (state !== null) this.ctx.storage.kv.put(STATE, done(state, batch, Date.now()));
  }

  /** One alarm stands while there is a state: setting it at each ask would write one more row. */
  override async alarm(): Promise<void> {
    const state = this.#state();
    if (state === null) return;
    const atMs = forgottenMs(state);
    if (Date.now() < atMs) await this.ctx.storage.setAlarm(atMs);
    else await this.ctx.storage.deleteAll();
  }
}

/** What we use of an object's stub. */
type Remote = Pick<Limiter, "ask" | "done">;
/** What we use of the binding. */
export interface LimiterNamespace {
  getByName(name: string): Remote;
}

const tooLate = () => new Error(`No answer within ${PACE_TIMEOUT_MS} ms`);

/** The Durable Objects behind the port. */
export function durableLimiters(deps: {
  readonly namespace: LimiterNamespace;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): Limiters {
  const { namespace, clock, random, logger } = deps;
  const remote = ({ bus, subscriptionId }: SinkKey): Remote => namespace.getByName(`${bus}/${subscriptionId}`);

  /** Spread by chance, because nobody knows what else waits. */
  function nothing({ fresh, returning }: PaceRequest, granted: number): Permits {
    const now = clock.now();
    const dueMs = (): number => now + Math.ceil(PACE_RETRY_MS * (1 + random.fraction()));
    const deferMs = Array.from({ length: fresh + returning }, dueMs).toSorted((a, b) => a - b);
    return { allowed: 0, width: 0, deferMs, untilMs: null, granted };
  }

  return {
    ask(requests, token) {
      const failed = new Map<PaceRequest, unknown>();
      const limit = clock.sleep(PACE_TIMEOUT_MS);
      const startedMs = clock.now();

      async function askOne(request: PaceRequest): Promise<Permits> {
        const askedMs = clock.now();
        if (askedMs - startedMs >= PACE_TIMEOUT_MS) {
          failed.set(request, "It was not asked in time");
          return nothing(request, 0);
        }
        const { bus: _, subscriptionId: __, ...wanted } = request;
        try {
          const grant = await inTime(remote(request).ask({ ...wanted, token }), limit, tooLate);
          const untilMs = request.pace.rate === null ? null : askedMs + PACE_PERMIT_MS;
          return { ...grant, untilMs, granted: grant.allowed };
        } catch (error) {
          failed.set(request, error);
          // What answers after its time is not to be used: nobody knows by then how long its permits still hold.
          return nothing(request, request.fresh + request.returning);
        }
      }

      const answers = requests.map(() => Promise.withResolvers<Permits>());
      const rest = requests.entries();
      const worker = async (): Promise<void> => {
        for (const [index, request] of rest) answers[index]?.resolve(await askOne(request));
      };
      const workers = Array.from({ length: Math.min(PACE_ASKS_MAX, requests.length) }, worker);
      void Promise.all(workers).then(() => {
        const [first] = failed;
        if (first === undefined) return;
        const [{ subscriptionId: subscription_id }, error] = first;
        // One line: the first of them stands for all.
        logger.warn("rate.unavailable", { token, subscriptions: failed.size, subscription_id, error: String(error) });
      });
      return answers.map(({ promise }) => promise);
    },

    async done(use, token) {
      try {
        await inTime(remote(use).done({ token, unused: use.unused }), clock.sleep(PACE_TIMEOUT_MS), tooLate);
      } catch (error) {
        logger.warn("rate.not_freed", { token, subscription_id: use.subscriptionId, error: String(error) });
      }
    },
  };
}

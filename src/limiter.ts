/**
 * Adapter: one Durable Object per subscription that has a pace. Each runs `core/pace.ts` on a state that it reads and writes at every
 * call, so that an eviction forgets nothing. The platform gives one object one thread: a call is not interrupted by another.
 */
import { DurableObject } from "cloudflare:workers";
import { inTime } from "./core/in-time.ts";
import { PACE_ASKS_MAX, PACE_PERMIT_MS, PACE_RETRY_MS, PACE_TIMEOUT_MS } from "./core/limits.ts";
import { ask, done, forgottenMs, type Grant, type PaceAsk, type PaceState } from "./core/pace.ts";
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

/** What a line says of failures: the first of them stands for all. */
function failures(failed: ReadonlyMap<{ readonly subscriptionId: string }, unknown>, token: string) {
  const [first] = failed;
  return { token, subscriptions: failed.size, subscription_id: first?.[0].subscriptionId, error: String(first?.[1]) };
}

/** The Durable Objects behind the port. */
export function durableLimiters(deps: {
  readonly namespace: LimiterNamespace;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): Limiters {
  const { namespace, clock, random, logger } = deps;
  const remote = ({ bus, subscriptionId }: { readonly bus: string; readonly subscriptionId: string }): Remote =>
    namespace.getByName(`${bus}/${subscriptionId}`);

  /** Does the work for each, PACE_ASKS_MAX at a time and none that would start after PACE_TIMEOUT_MS. Answers what failed, and why. */
  async function forEach<T>(list: readonly T[], work: (one: T) => Promise<void>): Promise<ReadonlyMap<T, unknown>> {
    const failed = new Map<T, unknown>(list.map((one) => [one, "It was not asked in time"]));
    if (list.length === 0) return failed;
    const timeout = clock.sleep(PACE_TIMEOUT_MS);
    const startedMs = clock.now();
    const rest = list.values();
    const worker = async (): Promise<void> => {
      for (const one of rest) {
        if (clock.now() - startedMs >= PACE_TIMEOUT_MS) return;
        try {
          await inTime(work(one), timeout, () => new Error(`No answer within ${PACE_TIMEOUT_MS} ms`));
          failed.delete(one);
        } catch (error) {
          failed.set(one, error);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(PACE_ASKS_MAX, list.length) }, worker));
    return failed;
  }

  /** Spread by chance, because nobody knows what else waits. */
  function nothing({ fresh, returning }: PaceRequest): Permits {
    const now = clock.now();
    const dueMs = (): number => now + Math.ceil(PACE_RETRY_MS * (1 + random.fraction()));
    const deferMs = Array.from({ length: fresh + returning }, dueMs).toSorted((a, b) => a - b);
    return { allowed: 0, width: 0, deferMs, untilMs: null };
  }

  return {
    async ask(requests, token) {
      const granted = new Map<string, Permits>();
      const failed = await forEach(requests, async (request) => {
        const { bus: _, subscriptionId, ...wanted } = request;
        const askedMs = clock.now();
        const grant = await remote(request).ask({ ...wanted, token });
        const untilMs = request.pace.rate === null ? null : askedMs + PACE_PERMIT_MS;
        granted.set(subscriptionId, { ...grant, untilMs });
      });
      if (failed.size > 0) logger.warn("rate.unavailable", failures(failed, token));
      // What answers after its time is not to be used: nobody knows by then how long its permits still hold.
      for (const request of failed.keys()) granted.set(request.subscriptionId, nothing(request));
      return new Map(granted);
    },

    async done(uses, token) {
      const owing = uses.filter(({ pace, unused }) => pace.concurrency !== null || unused > 0);
      const failed = await forEach(owing, (use) => remote(use).done({ token, unused: use.unused }));
      if (failed.size > 0) logger.warn("rate.not_freed", failures(failed, token));
    },
  };
}

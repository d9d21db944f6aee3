/**
 * Use case, beside `pushing.ts`: which of a batch's deliveries the limiters of their subscriptions let through. Only those with a pace of their own are asked
 * about, once for all of the batch. It pushes nothing.
 */
import { PACE_EXPECTED_MS } from "./core/limits.ts";
import type { Pace } from "./core/subscription.ts";
import type { ClaimedDelivery, Limiters, Permits } from "./ports.ts";

/** What the limiters say of a batch. */
export interface Granted {
  /** These may be pushed, as far as `permitOf` allows. */
  readonly allowed: readonly ClaimedDelivery[];
  readonly deferred: readonly { readonly delivery: ClaimedDelivery; readonly dueMs: number }[];
}

export interface Pacing {
  /** Deliveries whose subscriptions have no pace. */
  readonly free: readonly ClaimedDelivery[];
  /** Of all others; null when there are none. */
  readonly granted: Promise<Granted> | null;
  /** How a granted delivery may be pushed; null: as any. */
  permitOf(delivery: ClaimedDelivery): Pick<Permits, "width" | "untilMs"> | null;
  /** Tells the limiters that all pushes have ended, and of how many deliveries there were any. Never throws. */
  done(pushed: readonly ClaimedDelivery[]): Promise<void>;
}

/** Null when it has none, or when nothing can be pushed for it anyway. */
function paceOf({ push }: ClaimedDelivery): Pace | null {
  if ("error" in push || (push.pace.rate === null && push.pace.concurrency === null)) return null;
  return push.pace;
}

/** Deliveries of one subscription that has a pace. */
interface Crowd {
  readonly bus: string;
  readonly subscriptionId: string;
  readonly pace: Pace;
  readonly expectedMs: number;
  /** Those that were deferred before come first. */
  readonly deliveries: readonly ClaimedDelivery[];
}

function crowdsOf(deliveries: readonly ClaimedDelivery[]): Crowd[] {
  const paced = deliveries.filter((delivery) => paceOf(delivery) !== null);
  return [...Map.groupBy(paced, ({ key }) => key.subscriptionId).values()].flatMap((together) => {
    const [first] = together;
    const pace = first === undefined ? null : paceOf(first);
    if (first === undefined || pace === null) return [];
    const { bus, subscriptionId } = first.key;
    const ordered = [...together.filter(({ returns }) => returns), ...together.filter(({ returns }) => !returns)];
    return [{ bus, subscriptionId, pace, expectedMs: first.health.latencyMs ?? PACE_EXPECTED_MS, deliveries: ordered }];
  });
}

export function createPacing({ limiters }: { readonly limiters: Limiters }) {
  return function paced(deliveries: readonly ClaimedDelivery[], token: string): Pacing {
    const crowds = crowdsOf(deliveries);
    const permits = new Map<string, Permits>();
    const allowedOf = ({ subscriptionId }: Crowd): number => permits.get(subscriptionId)?.allowed ?? 0;

    async function ask(): Promise<Granted> {
      const requests = crowds.map(({ bus, subscriptionId, pace, expectedMs, deliveries: together }) => {
        const returning = together.filter(({ returns }) => returns).length;
        return { bus, subscriptionId, pace, expectedMs, returning, fresh: together.length - returning };
      });
      for (const [id, permit] of await limiters.ask(requests, token)) permits.set(id, permit);
      return {
        allowed: crowds.flatMap((crowd) => crowd.deliveries.slice(0, allowedOf(crowd))),
        deferred: crowds.flatMap((crowd) =>
          crowd.deliveries.slice(allowedOf(crowd)).map((delivery, index) => {
            const dueMs = permits.get(crowd.subscriptionId)?.deferMs[index];
            if (dueMs === undefined) throw new Error("A limiter answered fewer slots than it was asked for");
            return { delivery, dueMs };
          }),
        ),
      };
    }

    return {
      free: deliveries.filter((delivery) => paceOf(delivery) === null),
      granted: crowds.length === 0 ? null : ask(),
      permitOf: ({ key }) => permits.get(key.subscriptionId) ?? null,
      done(pushed) {
        const used = Map.groupBy(pushed, ({ key }) => key.subscriptionId);
        const uses = crowds.map((crowd) => {
          const { bus, subscriptionId, pace } = crowd;
          return { bus, subscriptionId, pace, unused: allowedOf(crowd) - (used.get(subscriptionId)?.length ?? 0) };
        });
        return limiters.done(uses, token);
      },
    };
  };
}

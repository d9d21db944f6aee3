/**
 * Use case, beside `pushing.ts`: which of a batch's deliveries the limiters of their subscriptions let through. Only those with a pace of their own are asked
 * about, once for each subscription of the batch; each is told its end when nothing of it is pushed any more. It pushes nothing.
 */
import { PACE_EXPECTED_MS } from "./core/limits.ts";
import { type SinkKey, sinkKeyText } from "./core/sink-key.ts";
import type { Pace } from "./core/subscription.ts";
import type { ClaimedDelivery, Limiters, Permits } from "./ports.ts";

/** What the limiter of one subscription says. */
export interface Granted {
  /** These may be pushed. */
  readonly allowed: readonly ClaimedDelivery[];
  /** So many at a time. */
  readonly width: number;
  /** `dueMs` is null if the limiter gave no slot. */
  readonly deferred: readonly { readonly delivery: ClaimedDelivery; readonly dueMs: number | null }[];
}

export interface Pacing {
  /** Deliveries whose subscriptions have no pace. */
  readonly free: readonly ClaimedDelivery[];
  /** Of all others, one for each subscription, as it comes. None of them fails. */
  readonly granted: readonly Promise<Granted>[];
  /** Whether a permit that was given is none any more: others were given since. */
  isOver(delivery: ClaimedDelivery, now: number): boolean;
  /** A push of it begins. */
  began(delivery: ClaimedDelivery): void;
  /** It is not to be pushed any more. With the last of its subscription the limiter is told, and of the permits that were not used. */
  ended(delivery: ClaimedDelivery): void;
  /** All limiters have been told. Never fails. */
  told(): Promise<void>;
}

/** Null when it has none, or when nothing can be pushed for it anyway. */
function paceOf({ push }: ClaimedDelivery): Pace | null {
  if ("error" in push || (push.pace.rate === null && push.pace.concurrency === null)) return null;
  return push.pace;
}

/** Deliveries of one subscription that has a pace. */
interface Crowd extends SinkKey {
  readonly pace: Pace;
  readonly expectedMs: number;
  /** Those that were deferred before come first. */
  readonly deliveries: readonly ClaimedDelivery[];
  permits: Permits | null;
  /** Of the allowed ones: how many may still be pushed, or are being pushed. */
  left: number;
  used: number;
}

function crowdsOf(deliveries: readonly ClaimedDelivery[]): Crowd[] {
  const paced = deliveries.filter((delivery) => paceOf(delivery) !== null);
  return [...Map.groupBy(paced, ({ key }) => sinkKeyText(key)).values()].flatMap((together) => {
    const [first] = together;
    const pace = first === undefined ? null : paceOf(first);
    if (first === undefined || pace === null) return [];
    const { bus, subscriptionId } = first.key;
    const ordered = [...together.filter(({ returns }) => returns), ...together.filter(({ returns }) => !returns)];
    const expectedMs = first.health.latencyMs ?? PACE_EXPECTED_MS;
    return [{ bus, subscriptionId, pace, expectedMs, deliveries: ordered, permits: null, left: 0, used: 0 }];
  });
}

export function createPacing({ limiters }: { readonly limiters: Limiters }) {
  return function paced(deliveries: readonly ClaimedDelivery[], token: string): Pacing {
    const crowds = new Map(crowdsOf(deliveries).map((crowd) => [sinkKeyText(crowd), crowd]));
    const crowdOf = ({ key }: ClaimedDelivery): Crowd | undefined => crowds.get(sinkKeyText(key));
    const telling: Promise<void>[] = [];

    function tell({ bus, subscriptionId, pace, permits, used }: Crowd): void {
      const granted = permits?.granted ?? 0;
      if (granted === used && pace.concurrency === null) return;
      if (granted > 0) telling.push(limiters.done({ bus, subscriptionId, unused: granted - used }, token));
    }

    const requests = [...crowds.values()].map(({ bus, subscriptionId, pace, expectedMs, deliveries: together }) => {
      const returning = together.filter(({ returns }) => returns).length;
      return { bus, subscriptionId, pace, expectedMs, returning, fresh: together.length - returning };
    });
    const asked = crowds.size === 0 ? [] : limiters.ask(requests, token);

    async function grantOf(crowd: Crowd, asking: Promise<Permits>): Promise<Granted> {
      const permits = await asking;
      const { allowed, width, deferMs } = permits;
      const [through, rest] = [crowd.deliveries.slice(0, allowed), crowd.deliveries.slice(allowed)];
      [crowd.permits, crowd.left] = [permits, through.length];
      if (crowd.left === 0) tell(crowd);
      const deferred = rest.map((delivery, index) => ({ delivery, dueMs: deferMs[index] ?? null }));
      return { allowed: through, width, deferred };
    }

    return {
      free: deliveries.filter((delivery) => paceOf(delivery) === null),
      granted: [...crowds.values()].flatMap((crowd, index) => {
        const asking = asked[index];
        return asking === undefined ? [] : [grantOf(crowd, asking)];
      }),
      isOver(delivery, now) {
        const untilMs = crowdOf(delivery)?.permits?.untilMs ?? null;
        return untilMs !== null && now > untilMs;
      },
      began(delivery) {
        const crowd = crowdOf(delivery);
        if (crowd !== undefined) crowd.used += 1;
      },
      ended(delivery) {
        const crowd = crowdOf(delivery);
        if (crowd === undefined) return;
        crowd.left -= 1;
        if (crowd.left === 0) tell(crowd);
      },
      told: async () => void (await Promise.all(telling)),
    };
  };
}

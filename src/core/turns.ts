/**
 * Whose push is next: deliveries of one batch, taken in turn by subscription, so that one with many does not keep the others
 * waiting. Pure bookkeeping; who pushes and when it stops is decided by the caller.
 */
import { PUSHES_PER_SUBSCRIPTION_MAX } from "./limits.ts";

interface Lineup<T> {
  readonly waiting: T[];
  open: number;
}

export interface Turns<T> {
  /** The next delivery that may start; null while every subscription with deliveries left has its share in flight. */
  next(): T | null;
  /** A push that `next` gave has ended. */
  ended(delivery: T): void;
  /** Takes out what has not started: of one subscription, or of all. */
  withdraw(of?: T): T[];
}

/** `subscriptionOf` names the subscription of a delivery, unique over all buses. */
export function createTurns<T>(deliveries: readonly T[], subscriptionOf: (delivery: T) => string): Turns<T> {
  const lineups = new Map<string, Lineup<T>>();
  for (const [subscription, waiting] of Map.groupBy(deliveries, subscriptionOf))
    lineups.set(subscription, { waiting, open: 0 });

  return {
    next() {
      // Who has none in flight comes before who has one: sinks that hang then hold one slot each while others have work.
      for (let open = 0; open < PUSHES_PER_SUBSCRIPTION_MAX; open++) {
        for (const [subscription, lineup] of lineups) {
          if (lineup.open !== open) continue;
          const delivery = lineup.waiting.shift();
          if (delivery === undefined) continue;
          lineup.open += 1;
          // Set again at the end of the map's order: the others come first now.
          lineups.delete(subscription);
          lineups.set(subscription, lineup);
          return delivery;
        }
      }
      return null;
    },
    ended(delivery) {
      const lineup = lineups.get(subscriptionOf(delivery));
      if (lineup !== undefined) lineup.open -= 1;
    },
    withdraw(of) {
      const lineup = of === undefined ? undefined : lineups.get(subscriptionOf(of));
      const affected = of === undefined ? [...lineups.values()] : lineup === undefined ? [] : [lineup];
      return affected.flatMap(({ waiting }) => waiting.splice(0));
    },
  };
}

/**
 * Whose push is next: deliveries of one batch, taken in turn by bus and within it by subscription, so that one with many does not keep the
 * others waiting. Pure bookkeeping; who pushes and when it stops is decided by the caller.
 */
import { PUSHES_PER_SUBSCRIPTION_MAX } from "./limits.ts";

interface Lineup<T> {
  readonly waiting: T[];
  open: number;
}

/** Maps keep the order of turns: who had one goes to the end. */
type Lineups<T> = Map<string, Lineup<T>>;

export interface Turns<T> {
  /** The next delivery that may start; null while every subscription with deliveries left has its share in flight. */
  next(): T | null;
  /** A push that `next` gave has ended. */
  ended(delivery: T): void;
  /** Takes out what has not started: of one subscription, or of all. */
  withdraw(of?: T): T[];
}

/** Whose a delivery is. A subscription's id is unique within its bus. */
export interface Owner {
  readonly bus: string;
  readonly subscriptionId: string;
}

function toTheEnd<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
}

export function createTurns<T>(deliveries: readonly T[], ownerOf: (delivery: T) => Owner): Turns<T> {
  const buses = new Map<string, Lineups<T>>();
  for (const [bus, ofBus] of Map.groupBy(deliveries, (delivery) => ownerOf(delivery).bus)) {
    const bySubscription = Map.groupBy(ofBus, (delivery) => ownerOf(delivery).subscriptionId);
    buses.set(bus, new Map([...bySubscription].map(([id, waiting]) => [id, { waiting, open: 0 }])));
  }

  const lineupOf = (delivery: T): Lineup<T> | undefined => {
    const { bus, subscriptionId } = ownerOf(delivery);
    return buses.get(bus)?.get(subscriptionId);
  };

  /** The next of that bus whose subscription has so many in flight. */
  function take(lineups: Lineups<T>, open: number): T | null {
    for (const [subscription, lineup] of lineups) {
      const delivery = lineup.open === open ? lineup.waiting.shift() : undefined;
      if (delivery === undefined) continue;
      lineup.open += 1;
      toTheEnd(lineups, subscription, lineup);
      return delivery;
    }
    return null;
  }

  return {
    next() {
      // Who has none in flight comes before who has one: sinks that hang then hold one slot each while others have work.
      for (let open = 0; open < PUSHES_PER_SUBSCRIPTION_MAX; open++) {
        for (const [bus, lineups] of buses) {
          const delivery = take(lineups, open);
          if (delivery === null) continue;
          toTheEnd(buses, bus, lineups);
          return delivery;
        }
      }
      return null;
    },
    ended(delivery) {
      const lineup = lineupOf(delivery);
      if (lineup !== undefined) lineup.open -= 1;
    },
    withdraw(of) {
      const lineup = of === undefined ? undefined : lineupOf(of);
      const all = [...buses.values()].flatMap((lineups) => [...lineups.values()]);
      const affected = of === undefined ? all : lineup === undefined ? [] : [lineup];
      return affected.flatMap(({ waiting }) => waiting.splice(0));
    },
  };
}

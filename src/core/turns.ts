/**
 * Whose push is next: deliveries of one batch, taken in turn by bus and within it by subscription, so that one with many does not keep the
 * others waiting. Pure bookkeeping; who pushes and when it stops is decided by the caller.
 */
import { PUSHES_PER_SUBSCRIPTION_MAX } from "./limits.ts";
import type { SinkKey } from "./sink-key.ts";

interface Lineup<T> {
  readonly waiting: T[];
  /** How many may be in flight. */
  width: number;
  open: number;
}

/** Maps keep the order of turns: who had one goes to the end. */
type Lineups<T> = Map<string, Lineup<T>>;

export interface Turns<T> {
  /** Takes more in, which wait behind the others; of each of their subscriptions at most `width` are in flight from now on. */
  add(deliveries: readonly T[], width: number): void;
  /** The next delivery that may start; null while every subscription with deliveries left has its share in flight. */
  next(): T | null;
  /** A push that `next` gave has ended. */
  ended(delivery: T): void;
  /** Takes out what has not started: of one subscription, or of all. */
  withdraw(of?: T): T[];
}

function toTheEnd<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
}

export function createTurns<T>(deliveries: readonly T[], ownerOf: (delivery: T) => SinkKey): Turns<T> {
  const buses = new Map<string, Lineups<T>>();

  function add(more: readonly T[], width: number): void {
    for (const delivery of more) {
      const { bus, subscriptionId } = ownerOf(delivery);
      const lineups: Lineups<T> = buses.get(bus) ?? new Map();
      buses.set(bus, lineups);
      const lineup: Lineup<T> = lineups.get(subscriptionId) ?? { waiting: [], width: 0, open: 0 };
      lineups.set(subscriptionId, lineup);
      lineup.waiting.push(delivery);
      lineup.width = width;
    }
  }
  add(deliveries, PUSHES_PER_SUBSCRIPTION_MAX);

  const lineupOf = (delivery: T): Lineup<T> | undefined => {
    const { bus, subscriptionId } = ownerOf(delivery);
    return buses.get(bus)?.get(subscriptionId);
  };

  /** The next of that bus whose subscription has so many in flight. */
  function take(lineups: Lineups<T>, open: number): T | null {
    for (const [subscription, lineup] of lineups) {
      const delivery = lineup.open === open && open < lineup.width ? lineup.waiting.shift() : undefined;
      if (delivery === undefined) continue;
      lineup.open += 1;
      toTheEnd(lineups, subscription, lineup);
      return delivery;
    }
    return null;
  }

  return {
    add,
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

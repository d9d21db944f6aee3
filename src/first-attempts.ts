/**
 * Use case, a part of `deliver.ts`: first attempts on buses of the log level `failures`. Nothing is claimed for them, and one that
 * succeeds leaves nothing; the others are put on record, and go on like any delivery. It decides what is kept; it pushes nothing.
 */
import { type DeliveryKey, deliveryKeyText, type Settlement } from "./core/delivery.ts";
import type { SinkChange } from "./core/health.ts";
import { shardOf } from "./core/ids.ts";
import { MESSAGE_RETRY_SECONDS_MIN } from "./core/limits.ts";
import { isNews } from "./core/outcome.ts";
import { encodeParcel, type EventParcel } from "./core/parcel.ts";
import { sinkKeyText } from "./core/sink-key.ts";
import type { Clock, Log, Outgoing, Peeked } from "./ports.ts";

export interface FirstAttempts extends Peeked {
  /** Whether it is one of them. */
  has(key: DeliveryKey): boolean;
  /**
   * Puts on record what was not delivered, and what all of them say of their sinks; may be repeated. Answers the settlements of the former under the
   * keys that they have on record. `open`: pushes that hang. @throws Unavailable
   */
  settle(
    settlements: readonly Settlement[],
    open: readonly DeliveryKey[],
  ): Promise<{ readonly settlements: readonly Settlement[]; readonly changes: readonly SinkChange[] }>;
  /**
   * What was not delivered as messages like those it came in: while the database is away, its first attempt is made once more, when its
   * second was due.
   */
  again(settlements: readonly Settlement[]): readonly Outgoing[];
}

const isFailed = ({ outcome }: Settlement): boolean => outcome.kind !== "delivered";

/** What a sink asks for with `Retry-After` holds also when nobody can write it down. */
function delaySecondsOf({ outcome }: Settlement, now: number): number {
  const dueMs = outcome.kind === "retry" || outcome.kind === "released" ? outcome.dueMs : now;
  return Math.max(MESSAGE_RETRY_SECONDS_MIN, Math.ceil((dueMs - now) / 1_000));
}

/** Whether all that the event's publish matched is in this parcel, so that its body is nobody else's. */
const isWhole = ({ matched, subscriptionIds }: EventParcel): boolean => matched === subscriptionIds.length;

/** The first attempts that these parcels ask for. @throws Unavailable, and then nothing was done. */
export async function firstAttempts(
  { log, clock }: { readonly log: Pick<Log, "peek" | "recordFirst">; readonly clock: Clock },
  parcels: readonly EventParcel[],
): Promise<FirstAttempts> {
  const peeked = parcels.length === 0 ? NONE : await log.peek(parcels, clock.now());
  const deliveries = new Map(peeked.deliveries.map((delivery) => [deliveryKeyText(delivery.key), delivery]));
  const parcelOf = new Map(parcels.map((parcel) => [parcel.seq, parcel]));
  /** By event id, of bodies that came by reference: to whom they are still to be delivered. */
  const waiting = new Map(
    parcels
      .filter((parcel) => parcel.body === null && isWhole(parcel))
      .map(({ eventId, subscriptionIds }) => [eventId, new Set(subscriptionIds)]),
  );

  function spentBodies(settlements: readonly Settlement[]): readonly string[] {
    const delivered = settlements.filter((settlement) => !isFailed(settlement));
    return delivered.flatMap(({ key }) => {
      const eventId = parcelOf.get(key.seq)?.eventId;
      const subscriptions = eventId === undefined ? undefined : waiting.get(eventId);
      if (eventId === undefined || subscriptions === undefined) return [];
      subscriptions.delete(key.subscriptionId);
      return subscriptions.size === 0 ? [eventId] : [];
    });
  }

  const isNew = (one: Settlement): boolean => isNews(one, deliveries.get(deliveryKeyText(one.key))?.health);

  return {
    ...peeked,
    has: (key) => deliveries.has(deliveryKeyText(key)),

    async settle(settlements, open) {
      const sinks = new Set([...settlements.filter(isNew).map(({ key }) => key), ...open].map(sinkKeyText));
      // All of a sink or nothing: a failure among successes is another thing than a failure.
      const news = settlements.filter(({ key }) => sinks.has(sinkKeyText(key)));
      const outcomes = { parcels, settlements: news, noted: settlements, open, spentBodies: spentBodies(settlements) };
      const isNothing = settlements.length + open.length + outcomes.spentBodies.length === 0;
      return isNothing ? { settlements: [], changes: [] } : log.recordFirst(outcomes, clock.now());
    },

    again(settlements) {
      const now = clock.now();
      const failed = Map.groupBy(settlements.filter(isFailed), (one) => `${one.key.seq} ${delaySecondsOf(one, now)}`);
      return [...failed.values()].flatMap((together): Outgoing[] => {
        const [one] = together;
        const parcel = parcelOf.get(one?.key.seq ?? "");
        if (one === undefined || parcel === undefined) return [];
        const text = encodeParcel({ ...parcel, subscriptionIds: together.map(({ key }) => key.subscriptionId) });
        return [{ lane: "fast", shard: shardOf(parcel.eventId), delaySeconds: delaySecondsOf(one, now), text }];
      });
    },
  };
}

const NONE: Peeked = { deliveries: [], events: new Map(), others: [] };

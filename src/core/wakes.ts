/** Wake-ups as queue messages: which lane and shard, how many keys in one, how long delayed. Pure. */
import { cutByCount } from "./cut.ts";
import type { DeliveryKey } from "./delivery.ts";
import type { Lane } from "./health.ts";
import { shardOf } from "./ids.ts";
import { PARCEL_DELIVERIES_MAX, RETRY_DELAY_SECONDS_MAX, SHARDS } from "./limits.ts";
import { encodeParcel } from "./parcel.ts";
import type { SinkKey } from "./sink-key.ts";

export interface Wake {
  readonly key: DeliveryKey;
  readonly dueMs: number;
  /** Its last attempt took long or timed out, or it was given back: it must not hold up the fast lane. */
  readonly slow: boolean;
}

/** When a sink's parked deliveries are to be looked at, and how many go out then. */
export interface Resume extends SinkKey {
  readonly atMs: number;
  readonly limit: number;
}

export interface WakeMessage {
  readonly lane: Lane;
  readonly shard: number;
  readonly delaySeconds: number;
  readonly text: string;
}

/** Whole seconds, never early, at most what a queue can delay (RETRY_DELAY_SECONDS_MAX). */
const delaySecondsUntil = (dueMs: number, now: number): number =>
  Math.min(RETRY_DELAY_SECONDS_MAX, Math.max(0, Math.ceil((dueMs - now) / 1000)));

/** Shard of `fast`: hash of the event. Shard of `slow`: hash of the subscription. */
const shardOfWake = ({ key, slow }: Wake): number => shardOf(slow ? key.subscriptionId : key.seq) % SHARDS;

/**
 * Up to PARCEL_DELIVERIES_MAX keys of the same delay and shard share a message; on the slow lane they are of one subscription, so
 * that a slow sink fills only messages of its own.
 */
export function wakeMessages(wakes: readonly Wake[], now: number): WakeMessage[] {
  const groups = Map.groupBy(wakes, (wake) =>
    [delaySecondsUntil(wake.dueMs, now), shardOfWake(wake), wake.slow ? wake.key.subscriptionId : ""].join(" "),
  );
  return [...groups.values()]
    .flatMap((group) => cutByCount(group, PARCEL_DELIVERIES_MAX))
    .flatMap((part) => {
      const [first] = part;
      if (first === undefined) return [];
      return {
        lane: first.slow ? "slow" : "fast",
        shard: shardOfWake(first),
        delaySeconds: delaySecondsUntil(first.dueMs, now),
        text: encodeParcel({ kind: "wake", keys: part.map(({ key }) => key) }),
      };
    });
}

/** On the slow lane, with the alarms that it brings about. */
export const resumeMessage = ({ bus, subscriptionId, atMs, limit }: Resume, now: number): WakeMessage => ({
  lane: "slow",
  shard: shardOf(subscriptionId) % SHARDS,
  delaySeconds: delaySecondsUntil(atMs, now),
  text: encodeParcel({ kind: "resume", bus, subscriptionId, limit }),
});

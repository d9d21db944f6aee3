/**
 * Use case: a queue batch → claim → push → settle → what becomes of each message. docs/delivery.md is the protocol.
 * It decides, and never acks: `index.ts` does what the verdicts say.
 */
import type { DeliveryKey, Settlement } from "./core/delivery.ts";
import { timeOrderedId, ID_RANDOM_BYTES, shardOf } from "./core/ids.ts";
import {
  CLAIM_RETRY_MS,
  LEASE_MS,
  MESSAGE_RETRY_SECONDS_MAX,
  MESSAGE_RETRY_SECONDS_MIN,
  POISON_RETRY_SECONDS,
  SETTLE_RETRY_MS,
} from "./core/limits.ts";
import {
  decodeParcel,
  encodeParcel,
  outcomesParcels,
  type EventParcel,
  type OutcomesParcel,
  type WakeParcel,
} from "./core/parcel.ts";
import { type Wake, wakeMessages } from "./core/wakes.ts";
import type { Claimed, Clock, Lanes, Log, Logger, Random, Webhooks } from "./ports.ts";
import { createPushing } from "./pushing.ts";

export interface QueueMessage {
  readonly body: unknown;
  /** How often the queue has handed it out, this time included. */
  readonly attempts: number;
}

/** What becomes of a message. */
export type Verdict = { readonly kind: "ack" } | { readonly kind: "retry"; readonly delaySeconds: number };

export interface DeliverDeps {
  readonly log: Log;
  readonly lanes: Lanes;
  readonly webhooks: Webhooks;
  /** Disables a subscription. If it throws, the next 410 does it again. */
  readonly disable: (bus: string, subscriptionId: string, reason: string) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** One verdict per message, in the order of the batch. */
export type Consume = (messages: readonly QueueMessage[]) => Promise<readonly Verdict[]>;

const ACK: Verdict = { kind: "ack" };

function retryLater({ attempts }: QueueMessage): Verdict {
  const delaySeconds = MESSAGE_RETRY_SECONDS_MIN * 2 ** Math.max(0, attempts - 1);
  return { kind: "retry", delaySeconds: Math.min(MESSAGE_RETRY_SECONDS_MAX, delaySeconds) };
}

const retryAt = (dueMs: number, now: number): Verdict => ({
  kind: "retry",
  delaySeconds: Math.max(1, Math.ceil((dueMs - now) / 1000)),
});

type Claimable = EventParcel | WakeParcel;

function names(parcel: Claimable, key: DeliveryKey, eventId: string): boolean {
  if (parcel.kind === "event") {
    return parcel.eventId === eventId && key.run === "" && parcel.subscriptionIds.includes(key.subscriptionId);
  }
  return parcel.keys.some(
    (named) =>
      named.bus === key.bus &&
      named.seq === key.seq &&
      named.subscriptionId === key.subscriptionId &&
      named.run === key.run,
  );
}

/** A message that names a delivery under another batch's live lease waits for its end: it may be the only guard of a batch that crashed. */
function verdictAfter(parcel: Claimable, { elsewhere }: Claimed, now: number): Verdict {
  const leases = elsewhere.filter(({ key, eventId }) => names(parcel, key, eventId)).map(({ leaseMs }) => leaseMs);
  return leases.length === 0 ? ACK : retryAt(Math.max(...leases), now);
}

function wakesOf(settlements: readonly Settlement[], now: number): Wake[] {
  return settlements.flatMap(({ key, outcome }): Wake[] => {
    if (outcome.kind === "retry") return [{ key, dueMs: outcome.dueMs, slow: outcome.slow }];
    if (outcome.kind === "released") return [{ key, dueMs: now, slow: true }];
    return [];
  });
}

function tally(settlements: readonly Settlement[]): Record<string, number> {
  const counts = { delivered: 0, retry: 0, dead: 0, released: 0 };
  for (const { outcome } of settlements) counts[outcome.kind] += 1;
  return counts;
}

export interface Deliver {
  /** Consumes the lanes. */
  readonly deliver: Consume;
  /** Consumes the poison queue: never dead because a queue gave up. */
  readonly adopt: Consume;
  /** Sends alarms. A failure is logged only: the sweep has what waits. */
  readonly wake: (wakes: readonly Wake[]) => Promise<void>;
}

export function createDeliver(deps: DeliverDeps): Deliver {
  const { log, lanes, clock, random, logger } = deps;
  const pushAll = createPushing(deps);

  /** The same token twice: a claim whose answer was lost is answered again, not made again. Null when nothing could be claimed. */
  async function claim(parcels: readonly Claimable[], token: string): Promise<Claimed | null> {
    try {
      return await log.claim(parcels, { token, now: clock.now() });
    } catch (error) {
      logger.warn("claim.repeated", { token, error: String(error) });
    }
    await clock.sleep(CLAIM_RETRY_MS);
    try {
      return await log.claim(parcels, { token, now: clock.now() });
    } catch (error) {
      logger.error("claim.failed", { token, messages: parcels.length, error: String(error) });
      return null;
    }
  }

  async function wake(wakes: readonly Wake[]): Promise<void> {
    if (wakes.length === 0) return;
    try {
      await lanes.send(wakeMessages(wakes, clock.now()));
    } catch (error) {
      logger.warn("wake.failed", { deliveries: wakes.length, error: String(error) });
    }
  }

  /** What follows from settled outcomes. A failure is logged only: the sweep has what waits, the next 410 what is gone. */
  async function followUp(settlements: readonly Settlement[]): Promise<void> {
    await wake(wakesOf(settlements, clock.now()));
    const gone = settlements.filter(({ outcome }) => outcome.kind === "dead" && outcome.cause === "gone");
    for (const { key } of new Map(gone.map((settlement) => [settlement.key.subscriptionId, settlement])).values()) {
      try {
        await deps.disable(key.bus, key.subscriptionId, "gone");
      } catch (error) {
        logger.warn("disable.failed", { bus: key.bus, subscription_id: key.subscriptionId, error: String(error) });
      }
    }
  }

  async function settleOnce(settlements: readonly Settlement[], token: string): Promise<boolean> {
    try {
      await log.settle(settlements, { token, now: clock.now() });
    } catch (error) {
      logger.warn("settle.failed", { token, deliveries: settlements.length, error: String(error) });
      return false;
    }
    await followUp(settlements);
    return true;
  }

  async function settleFirmly(settlements: readonly Settlement[], token: string): Promise<boolean> {
    if (await settleOnce(settlements, token)) return true;
    for (const waitMs of SETTLE_RETRY_MS) {
      await clock.sleep(waitMs);
      if (await settleOnce(settlements, token)) return true;
    }
    return false;
  }

  /** D1 is away for longer than a batch can wait: the outcomes travel as a message of their own. */
  async function handOver(settlements: readonly Settlement[], token: string): Promise<boolean> {
    const messages = outcomesParcels(token, settlements).map((parcel) => ({
      lane: "fast" as const,
      shard: shardOf(token),
      delaySeconds: MESSAGE_RETRY_SECONDS_MIN,
      text: encodeParcel(parcel),
    }));
    try {
      await lanes.send(messages);
      return true;
    } catch (error) {
      const pushed = settlements.filter(({ attempt }) => attempt !== null);
      logger.error("outcomes.lost", { token, second_pushes: pushed.length, error: String(error) });
      return false;
    }
  }

  async function work(claimable: readonly { readonly message: QueueMessage; readonly parcel: Claimable }[]) {
    const startedMs = clock.now();
    const token = timeOrderedId(startedMs, random.bytes(ID_RANDOM_BYTES));
    const parcels = claimable.map(({ parcel }) => parcel);
    const claimed = await claim(parcels, token);
    if (claimed === null) return claimable.map(({ message }) => retryLater(message));
    const all: Settlement[] = [];
    const rest = await pushAll(claimed, {
      startedMs,
      settleEarly: async (finished) => {
        const done = await settleOnce(finished, token);
        if (done) all.push(...finished);
        return done;
      },
    });
    all.push(...rest);
    // A claim that took nothing left no row to settle.
    const settled = claimed.deliveries.length === 0 || (await settleFirmly(rest, token));
    const safe = settled || (await handOver(rest, token));
    const now = clock.now();
    logger.info("batch", {
      messages: claimable.length,
      claimed: claimed.deliveries.length,
      elsewhere: claimed.elsewhere.length,
      ...tally(all),
      handed_over: !settled && safe,
      duration_ms: now - startedMs,
    });
    if (!safe) return claimable.map(() => retryAt(startedMs + LEASE_MS, now));
    return parcels.map((parcel) => verdictAfter(parcel, claimed, now));
  }

  async function settleOutcomes(message: QueueMessage, parcel: OutcomesParcel): Promise<Verdict> {
    return (await settleOnce(parcel.settlements, parcel.token)) ? ACK : retryLater(message);
  }

  /** What this version cannot read may be read by another: it is kept apart, as it is. */
  async function setAside(message: QueueMessage, reason: string): Promise<Verdict> {
    logger.error("message.undecodable", { reason, attempts: message.attempts });
    try {
      await lanes.poison(typeof message.body === "string" ? message.body : JSON.stringify(message.body));
      return ACK;
    } catch (error) {
      logger.warn("poison.failed", { error: String(error) });
      return retryLater(message);
    }
  }

  return {
    wake,

    async deliver(messages) {
      const verdicts = new Map<QueueMessage, Verdict>();
      const claimable: { message: QueueMessage; parcel: Claimable }[] = [];
      for (const message of messages) {
        const decoded = decodeParcel(message.body);
        if (!decoded.ok) verdicts.set(message, await setAside(message, decoded.error));
        else if (decoded.value.kind === "outcomes") verdicts.set(message, await settleOutcomes(message, decoded.value));
        else claimable.push({ message, parcel: decoded.value });
      }
      if (claimable.length > 0) {
        const worked = await work(claimable);
        claimable.forEach(({ message }, index) => verdicts.set(message, worked[index] ?? retryLater(message)));
      }
      return messages.map((message) => verdicts.get(message) ?? retryLater(message));
    },

    async adopt(messages) {
      const verdicts: Verdict[] = [];
      for (const message of messages) verdicts.push(await adoptOne(message));
      return verdicts;
    },
  };

  async function adoptOne(message: QueueMessage): Promise<Verdict> {
    const decoded = decodeParcel(message.body);
    if (!decoded.ok) {
      logger.error("poison.undecodable", { reason: decoded.error, attempts: message.attempts });
      return { kind: "retry", delaySeconds: POISON_RETRY_SECONDS };
    }
    const parcel = decoded.value;
    switch (parcel.kind) {
      // Its rows are on record, and overdue: the sweep wakes them.
      case "wake":
        return ACK;
      case "outcomes":
        return settleOutcomes(message, parcel);
      case "event":
        return adoptEvent(message, parcel);
    }
  }

  async function adoptEvent(message: QueueMessage, parcel: EventParcel): Promise<Verdict> {
    const now = clock.now();
    let keys: readonly DeliveryKey[];
    try {
      keys = await log.adopt([parcel], now);
    } catch (error) {
      logger.warn("adopt.failed", { event_id: parcel.eventId, error: String(error) });
      return retryLater(message);
    }
    logger.warn("adopted", { event_id: parcel.eventId, deliveries: keys.length });
    await wake(keys.map((key) => ({ key, dueMs: now, slow: true })));
    return ACK;
  }
}

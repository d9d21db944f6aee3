/**
 * Use case: a queue batch → claim → push → settle → what becomes of each message. docs/delivery.md is the protocol.
 * It decides, and never acks: `index.ts` does what the verdicts say.
 */
import type { DeliveryKey, Settlement } from "./core/delivery.ts";
import { timeOrderedId, ID_RANDOM_BYTES, shardOf } from "./core/ids.ts";
import { inTime } from "./core/in-time.ts";
import {
  CLAIM_RETRY_MS,
  D1_CALL_TIMEOUT_MS,
  LEASE_MS,
  LEASE_SPREAD_MS,
  MESSAGE_RETRY_SECONDS_MAX,
  MESSAGE_RETRY_SECONDS_MIN,
  OUTCOMES_RETRY_SECONDS,
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
import {
  type Claimed,
  type Clock,
  type Lanes,
  type Log,
  type Logger,
  type Random,
  Unavailable,
  type Webhooks,
} from "./ports.ts";
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
  /** Disables a subscription, unless it was changed after `attemptedMs`. If it throws, the next 410 does it again. */
  readonly disable: (subscription: {
    readonly bus: string;
    readonly id: string;
    readonly reason: string;
    readonly attemptedMs: number;
  }) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** One verdict per message, in the order of the batch. */
export type Consume = (messages: readonly QueueMessage[]) => Promise<readonly Verdict[]>;

const ACK: Verdict = { kind: "ack" };
/** On the poison queue, until a later hour or a later version. */
const KEEP: Verdict = { kind: "retry", delaySeconds: POISON_RETRY_SECONDS };

function retryLater({ attempts }: QueueMessage): Verdict {
  const delaySeconds = MESSAGE_RETRY_SECONDS_MIN * 2 ** Math.max(0, attempts - 1);
  return { kind: "retry", delaySeconds: Math.min(MESSAGE_RETRY_SECONDS_MAX, delaySeconds) };
}

type Claimable = EventParcel | WakeParcel;

/** A message that a claim can take, with its parcel. */
interface Work {
  readonly message: QueueMessage;
  readonly parcel: Claimable;
}

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

/** When the last live lease of another batch on what the parcel names is over; null without one. */
function leaseElsewhere(parcel: Claimable, { elsewhere }: Claimed): number | null {
  const leases = elsewhere.filter(({ key, eventId }) => names(parcel, key, eventId)).map(({ leaseMs }) => leaseMs);
  return leases.length === 0 ? null : Math.max(...leases);
}

function wakesOf(settlements: readonly Settlement[]): Wake[] {
  return settlements.flatMap(({ key, outcome }): Wake[] => {
    if (outcome.kind === "retry") return [{ key, dueMs: outcome.dueMs, slow: outcome.slow }];
    if (outcome.kind === "released") return [{ key, dueMs: outcome.dueMs, slow: true }];
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

const noAnswer = () => new Unavailable(`The database did not answer within ${D1_CALL_TIMEOUT_MS} ms`);

export function createDeliver(deps: DeliverDeps): Deliver {
  const { log, lanes, clock, random, logger } = deps;
  const pushAll = createPushing(deps);

  /** A call that hangs must not outlive the batch's lease. What it does in the end is fenced by its token. */
  function answered<T>(call: Promise<T>): Promise<T> {
    return inTime(call, clock.sleep(D1_CALL_TIMEOUT_MS), noAnswer);
  }

  /** A lease's end, spread, so that what one crash left does not come back as one batch to crash again. */
  function afterLease(leaseMs: number): Verdict {
    const waitMs = Math.max(0, leaseMs - clock.now()) + random.fraction() * LEASE_SPREAD_MS;
    return { kind: "retry", delaySeconds: Math.max(1, Math.ceil(waitMs / 1000)) };
  }

  /** The same token twice: a claim whose answer was lost is answered again, not made again. Null when nothing could be claimed. */
  async function claim(work: readonly Work[], token: string): Promise<{ claimed: Claimed; claimedMs: number } | null> {
    const parcels = work.map(({ parcel }) => parcel);
    const handedOnce = new Set(work.filter(({ message }) => message.attempts <= 1).map(({ parcel }) => parcel));
    const isCounted = (parcel: EventParcel): boolean => parcel.part === 0 && handedOnce.has(parcel);
    const once = async () => {
      const claimedMs = clock.now();
      return { claimed: await answered(log.claim(parcels, { token, now: claimedMs, isCounted })), claimedMs };
    };
    try {
      return await once();
    } catch (error) {
      logger.warn("claim.repeated", { token, error: String(error) });
    }
    await clock.sleep(CLAIM_RETRY_MS);
    try {
      return await once();
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
    const gone = settlements.filter(({ outcome }) => outcome.kind === "dead" && outcome.cause === "gone");
    for (const { key, attempt } of new Map(gone.map((one) => [one.key.subscriptionId, one])).values()) {
      const { bus, subscriptionId: id } = key;
      try {
        await deps.disable({ bus, id, reason: "gone", attemptedMs: attempt?.at_ms ?? 0 });
      } catch (error) {
        logger.warn("disable.failed", { bus, subscription_id: id, error: String(error) });
      }
    }
    // After it: the rest of a sink that is gone is held by the claim that its alarm brings.
    await wake(wakesOf(settlements));
  }

  async function settleOnce(settlements: readonly Settlement[], token: string): Promise<boolean> {
    try {
      await answered(log.settle(settlements, { token }));
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

  async function deliverAll(work: readonly Work[]): Promise<readonly Verdict[]> {
    const startedMs = clock.now();
    const token = timeOrderedId(startedMs, random.bytes(ID_RANDOM_BYTES));
    const taken = await claim(work, token);
    if (taken === null) return work.map(({ message }) => retryLater(message));
    const { claimed, claimedMs } = taken;
    const all: Settlement[] = [];
    const rest = await pushAll(claimed, {
      claimedMs,
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
    logger.info("batch", {
      messages: work.length,
      claimed: claimed.deliveries.length,
      elsewhere: claimed.elsewhere.length,
      ...tally(all),
      handed_over: !settled && safe,
      duration_ms: clock.now() - startedMs,
    });
    return work.map(({ parcel }) => {
      // Another batch's live lease: the message may be the only guard of a batch that crashed.
      const leaseMs = safe ? leaseElsewhere(parcel, claimed) : claimedMs + LEASE_MS;
      return leaseMs === null ? ACK : afterLease(leaseMs);
    });
  }

  async function settleOutcomes({ settlements, token }: OutcomesParcel, delaySeconds: number): Promise<Verdict> {
    return (await settleOnce(settlements, token)) ? ACK : { kind: "retry", delaySeconds };
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
      const decoded = messages.map((message) => ({ message, parcel: decodeParcel(message.body) }));
      const work = decoded.flatMap(({ message, parcel }): Work[] =>
        parcel.ok && parcel.value.kind !== "outcomes" ? [{ message, parcel: parcel.value }] : [],
      );
      if (work.length > 0) {
        const worked = await deliverAll(work);
        work.forEach(({ message }, index) => verdicts.set(message, worked[index] ?? retryLater(message)));
      }
      // After the events: a send that hangs must not keep them waiting.
      for (const { message, parcel } of decoded) {
        if (!parcel.ok) verdicts.set(message, await setAside(message, parcel.error));
        else if (parcel.value.kind === "outcomes")
          verdicts.set(message, await settleOutcomes(parcel.value, OUTCOMES_RETRY_SECONDS));
      }
      return messages.map((message) => verdicts.get(message) ?? retryLater(message));
    },

    async adopt(messages) {
      const verdicts: Verdict[] = [];
      for (const message of messages) verdicts.push(await adoptOne(message));
      return verdicts;
    },
  };

  /** Whatever fails here comes again in an hour, so that the retries outlast what a queue keeps. */
  async function adoptOne(message: QueueMessage): Promise<Verdict> {
    const decoded = decodeParcel(message.body);
    if (!decoded.ok) {
      logger.error("poison.undecodable", { reason: decoded.error, attempts: message.attempts });
      return KEEP;
    }
    const parcel = decoded.value;
    switch (parcel.kind) {
      // Its rows are on record: the sweep wakes those that are due.
      case "wake":
        return ACK;
      case "outcomes":
        return settleOutcomes(parcel, POISON_RETRY_SECONDS);
      case "event":
        return adoptEvent(parcel);
    }
  }

  async function adoptEvent(parcel: EventParcel): Promise<Verdict> {
    const now = clock.now();
    let keys: readonly DeliveryKey[];
    try {
      keys = await log.adopt([parcel], now);
    } catch (error) {
      logger.error("adopt.failed", { event_id: parcel.eventId, error: String(error) });
      return KEEP;
    }
    logger.warn("adopted", { event_id: parcel.eventId, deliveries: keys.length });
    await wake(keys.map((key) => ({ key, dueMs: now, slow: true })));
    return ACK;
  }
}

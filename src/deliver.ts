/**
 * Use case: a queue batch → claim → push → settle → what becomes of each message. docs/delivery.md is the protocol.
 * It decides, and never acks: `index.ts` does what the verdicts say.
 */
import type { DeliveryKey, Settlement } from "./core/delivery.ts";
import type { Lane } from "./core/health.ts";
import { timeOrderedId, ID_RANDOM_BYTES } from "./core/ids.ts";
import {
  CLAIM_RETRY_MS,
  LEASE_MS,
  LEASE_SPREAD_MS,
  MESSAGE_RETRY_SECONDS_MAX,
  MESSAGE_RETRY_SECONDS_MIN,
  OUTCOMES_RETRY_SECONDS,
  POISON_RETRY_SECONDS,
  RESUME_DELIVERIES_MAX,
  RESUME_STEP_SECONDS,
  UNCLAIMED_HANDOUTS_MAX,
} from "./core/limits.ts";
import {
  decodeParcel,
  type EventParcel,
  type OutcomesParcel,
  type Parcel,
  type ResumeParcel,
  type WakeParcel,
} from "./core/parcel.ts";
import type { Wake } from "./core/wakes.ts";
import { firstAttempts, type FirstAttempts } from "./first-attempts.ts";
import type { Claimed, Log } from "./ports.ts";
import { createPushing, type PushingDeps } from "./pushing.ts";
import { answered, type Batch, createSettling, type SettlingDeps } from "./settling.ts";

export interface QueueMessage {
  readonly body: unknown;
  /** How often the queue has handed it out, this time included. */
  readonly attempts: number;
}

/** What becomes of a message. */
export type Verdict = { readonly kind: "ack" } | { readonly kind: "retry"; readonly delaySeconds: number };

export interface DeliverDeps extends SettlingDeps, PushingDeps {
  readonly log: Log;
}

/** Consumes a queue: one verdict per message, in the order of the batch. */
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

/**
 * On buses that record failures only, first attempts are made without a claim. Not those of a message that comes again and again: what
 * ends its isolates is for a claim to count, and what else is in these batches for a lease to hold apart.
 */
function unclaimedIn({ message, parcel }: Work): EventParcel | null {
  const isFirst = parcel.kind === "event" && parcel.logLevel === "failures";
  return isFirst && message.attempts <= UNCLAIMED_HANDOUTS_MAX ? parcel : null;
}

const NOTHING: Claimed = { deliveries: [], events: new Map(), elsewhere: [], forwarded: [] };

const isClaimable = (parcel: Parcel): parcel is Claimable => parcel.kind === "event" || parcel.kind === "wake";

/** What a batch may push. */
interface Taken {
  readonly claimed: Claimed;
  readonly first: FirstAttempts;
  /** Before the database was asked. */
  readonly takenMs: number;
}

/** What is on record rules where an event is in both. */
const together = (claimed: Claimed, first: FirstAttempts): Claimed => ({
  ...claimed,
  deliveries: [...claimed.deliveries, ...first.deliveries],
  events: new Map([...first.events, ...claimed.events]),
});

/** When the last live lease of another batch on what the parcel names is over; null without one. */
function leaseElsewhere(parcel: Claimable, { elsewhere }: Claimed): number | null {
  const leases = elsewhere.filter(({ key, eventId }) => names(parcel, key, eventId)).map(({ leaseMs }) => leaseMs);
  return leases.length === 0 ? null : Math.max(...leases);
}

function tally(settlements: readonly Settlement[]): Record<string, number> {
  const counts = { delivered: 0, retry: 0, dead: 0, released: 0, ignored: 0 };
  for (const { outcome, sign } of settlements) {
    counts[outcome.kind] += 1;
    counts.ignored += sign?.ignored ?? 0;
  }
  return counts;
}

export interface Deliver {
  /** Consumes a lane. */
  readonly deliver: (messages: readonly QueueMessage[], lane: Lane) => Promise<readonly Verdict[]>;
  /** Consumes the poison queue: never dead because a queue gave up. */
  readonly adopt: Consume;
  /** Sends alarms. A failure is logged only: the sweep has what waits. */
  readonly wake: (wakes: readonly Wake[]) => Promise<void>;
}

export function createDeliver(deps: DeliverDeps): Deliver {
  const { log, lanes, clock, random, logger } = deps;
  const pushAll = createPushing(deps);
  const settling = createSettling(deps);

  /** A lease's end, spread, so that what one crash left does not come back as one batch to crash again. */
  function afterLease(leaseMs: number): Verdict {
    const waitMs = Math.max(0, leaseMs - clock.now()) + random.fraction() * LEASE_SPREAD_MS;
    return { kind: "retry", delaySeconds: Math.max(1, Math.ceil(waitMs / 1000)) };
  }

  /**
   * What the work asks for: first attempts that need no claim, and the claim of all the rest. The same token twice: a claim whose answer
   * was lost is answered again, not made again. Null when the database does not answer; then nothing is to be pushed.
   */
  async function take(
    work: readonly Work[],
    { token, lane }: { readonly token: string; readonly lane: Lane },
  ): Promise<Taken | null> {
    const unclaimed = work.flatMap((one) => unclaimedIn(one) ?? []);
    const rest = work.flatMap((one) => (unclaimedIn(one) === null ? [one.parcel] : []));
    const handedOnce = new Set(
      work.flatMap(({ message, parcel }) =>
        parcel.kind === "event" && parcel.part === 0 && message.attempts <= 1 ? [parcel.receipt] : [],
      ),
    );
    const isCounted = ({ part, receipt }: EventParcel): boolean => part === 0 && handedOnce.has(receipt);
    const once = async (): Promise<Taken> => {
      const takenMs = clock.now();
      const first = await answered(firstAttempts({ log, clock }, unclaimed), clock);
      const parcels = [...rest, ...first.others];
      if (parcels.length === 0) return { claimed: NOTHING, first, takenMs };
      const claimed = await answered(log.claim(parcels, { token, now: takenMs, lane, isCounted }), clock);
      return { claimed, first, takenMs };
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
      logger.error("claim.failed", { token, messages: work.length, error: String(error) });
      return null;
    }
  }

  async function deliverAll(work: readonly Work[], lane: Lane): Promise<readonly Verdict[]> {
    const startedMs = clock.now();
    const token = timeOrderedId(startedMs, random.bytes(ID_RANDOM_BYTES));
    const taken = await take(work, { token, lane });
    if (taken === null) return work.map(({ message }) => retryLater(message));
    const { claimed, first, takenMs } = taken;
    const batch: Batch = { token, first, isClaimed: claimed.deliveries.length > 0, following: [] };
    const all: Settlement[] = [];
    // While pushes run: what is for the other lane must not wait for them.
    const forwarding = settling.wake(claimed.forwarded);
    const rest = await pushAll(together(claimed, first), {
      claimedMs: takenMs,
      token,
      settleEarly: async (finished, open) => {
        const done = await settling.settle(finished, batch, open);
        if (done) all.push(...finished);
        return done;
      },
    });
    all.push(...rest);
    const settled = await settling.settleFirmly(rest, batch);
    const safe = settled || (await settling.handOver(rest, batch));
    await forwarding;
    await settling.finish(batch);
    logger.info("batch", {
      lane,
      messages: work.length,
      claimed: claimed.deliveries.length,
      unclaimed: first.deliveries.length,
      elsewhere: claimed.elsewhere.length,
      forwarded: claimed.forwarded.length,
      ...tally(all),
      handed_over: !settled && safe,
      duration_ms: clock.now() - startedMs,
    });
    return work.map(({ parcel }) => {
      // Another batch's live lease: the message may be the only guard of a batch that crashed.
      const leaseMs = safe ? leaseElsewhere(parcel, claimed) : takenMs + LEASE_MS;
      return leaseMs === null ? ACK : afterLease(leaseMs);
    });
  }

  async function settleOutcomes({ settlements, token }: OutcomesParcel, delaySeconds: number): Promise<Verdict> {
    return (await settling.settleClaimed(settlements, token)) ? ACK : { kind: "retry", delaySeconds };
  }

  /**
   * Frees the first of what waits for a sink. The next step takes more, and a while later: if this one finds the sink ill, that one frees nothing. A
   * failure is logged only: the sweep has what is parked.
   */
  async function resume({ bus, subscriptionId, limit }: ResumeParcel): Promise<Verdict> {
    const now = clock.now();
    let step: Awaited<ReturnType<Log["resume"]>>;
    try {
      step = await answered(log.resume({ bus, subscriptionId }, { limit, now }), clock);
    } catch (error) {
      logger.warn("resume.failed", { bus, subscription_id: subscriptionId, error: String(error) });
      return ACK;
    }
    await settling.wake(step.freed.map((key) => ({ key, dueMs: now, slow: true })));
    const next = { atMs: now + RESUME_STEP_SECONDS * 1_000, limit: Math.min(limit * 10, RESUME_DELIVERIES_MAX) };
    if (step.more) await settling.resume([{ bus, subscriptionId, ...next }]);
    return ACK;
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
    wake: settling.wake,

    async deliver(messages, lane) {
      const verdicts = new Map<QueueMessage, Verdict>();
      const decoded = messages.map((message) => ({ message, parcel: decodeParcel(message.body) }));
      const work = decoded.flatMap(({ message, parcel }): Work[] =>
        parcel.ok && isClaimable(parcel.value) ? [{ message, parcel: parcel.value }] : [],
      );
      if (work.length > 0) {
        const worked = await deliverAll(work, lane);
        work.forEach(({ message }, index) => verdicts.set(message, worked[index] ?? retryLater(message)));
      }
      // After the events: a send that hangs must not keep them waiting.
      for (const { message, parcel } of decoded) {
        if (!parcel.ok) verdicts.set(message, await setAside(message, parcel.error));
        else if (parcel.value.kind === "outcomes")
          verdicts.set(message, await settleOutcomes(parcel.value, OUTCOMES_RETRY_SECONDS));
        else if (parcel.value.kind === "resume") verdicts.set(message, await resume(parcel.value));
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
      // Its rows are on record: the sweep wakes those that are due, and resumes.
      case "wake":
      case "resume":
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
    await settling.wake(keys.map((key) => ({ key, dueMs: now, slow: true })));
    return ACK;
  }
}

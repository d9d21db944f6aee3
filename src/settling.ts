/**
 * Use case, the end of `deliver.ts`: outcomes are written, firmly; what follows from them is done; and when the database is away for too
 * long they travel as messages. Knows nothing of the messages that a batch came from.
 */
import { type DeliveryKey, deliveryKeyText, type Settlement } from "./core/delivery.ts";
import type { DisabledReason, SinkChange } from "./core/health.ts";
import { shardOf } from "./core/ids.ts";
import { inTime } from "./core/in-time.ts";
import {
  BREAKER_FAILURES,
  D1_CALL_TIMEOUT_MS,
  FAILING_DISABLE_MS,
  MESSAGE_RETRY_SECONDS_MIN,
  RESUME_DELIVERIES_MIN,
  SETTLE_RETRY_MS,
} from "./core/limits.ts";
import { encodeParcel, outcomesParcels } from "./core/parcel.ts";
import { type Resume, resumeMessage, type Wake, wakeMessages } from "./core/wakes.ts";
import type { FirstAttempts } from "./first-attempts.ts";
import type { Notice } from "./core/notice.ts";
import { type Clock, type Lanes, type Log, type Logger, type Settled, Unavailable } from "./ports.ts";
import type { Tell } from "./telling.ts";

export interface SettlingDeps {
  readonly log: Pick<Log, "settle">;
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Disables a subscription, unless it was changed after `attemptedMs`; false then. If it throws, the next such answer does it again. */
  readonly disable: (subscription: Disabled) => Promise<boolean>;
  readonly tell: Tell;
}

/** A subscription that is to be disabled for what an attempt told. */
export interface Disabled {
  readonly bus: string;
  readonly id: string;
  readonly reason: DisabledReason;
  readonly attemptedMs: number;
}

/** How a batch settles. */
export interface Batch {
  readonly token: string;
  readonly first: FirstAttempts;
  readonly isClaimed: boolean;
  /** What follows from each settle so far, under way beside the batch, and what operators are to hear of it. None of them fails. */
  readonly following: Promise<readonly Notice[]>[];
}

export interface Settling {
  /** Writes outcomes, and that pushes hang, and does what follows from it. False when the database did not take them. */
  readonly settle: (
    settlements: readonly Settlement[],
    batch: Batch,
    open?: readonly DeliveryKey[],
  ) => Promise<boolean>;
  /** The same, repeated for as long as a batch can wait. */
  readonly settleFirmly: (settlements: readonly Settlement[], batch: Batch) => Promise<boolean>;
  /** Waits for what follows from all that is settled, and tells operators of it. */
  readonly finish: (batch: Pick<Batch, "following">) => Promise<void>;
  /** Sends what could not be settled as messages. False when that fails too. */
  readonly handOver: (settlements: readonly Settlement[], batch: Batch) => Promise<boolean>;
  /** Settles what was handed over. */
  readonly settleClaimed: (settlements: readonly Settlement[], token: string) => Promise<boolean>;
  /** Sends alarms. A failure is logged only: the sweep has what waits. */
  readonly wake: (wakes: readonly Wake[]) => Promise<void>;
  /** Has a sink's parked deliveries looked at. A failure is logged only: the sweep looks, too. */
  readonly resume: (resumes: readonly Resume[]) => Promise<void>;
}

/** Whom attempts disable, each once. */
function disabledBy(settlements: readonly Settlement[], changes: readonly SinkChange[], now: number): Disabled[] {
  const told = settlements.flatMap(({ key, attempt, sign }): Disabled[] => {
    if (sign === null || sign.disables === null) return [];
    return [{ bus: key.bus, id: key.subscriptionId, reason: sign.disables, attemptedMs: attempt?.at_ms ?? 0 }];
  });
  const failing = changes.flatMap(({ bus, subscriptionId: id, failures, failingSinceMs }): Disabled[] => {
    const isOver =
      failingSinceMs !== null && now - failingSinceMs >= FAILING_DISABLE_MS && failures >= BREAKER_FAILURES;
    return isOver ? [{ bus, id, reason: "failing", attemptedMs: now }] : [];
  });
  return [...new Map([...failing, ...told].map((one) => [`${one.bus} ${one.id}`, one])).values()];
}

/**
 * What operators hear of it: of what was written, not of what was to be. An event that is not named travelled in a message from before there
 * were notices.
 */
function noticesOf(settlements: readonly Settlement[], { changes, written }: Settled, now: number): Notice[] {
  const places = new Set(written.map(deliveryKeyText));
  const dead = settlements.flatMap(({ key, eventId, outcome, attempt }): Notice[] => {
    if (outcome.kind !== "dead" || eventId === "" || !places.has(deliveryKeyText(key))) return [];
    return [{ type: "delivery.dead", key, eventId, atMs: now, cause: outcome.cause, attempt: attempt?.attempt ?? 0 }];
  });
  const opened = changes.flatMap(({ bus, subscriptionId, isOpening, openedMs, failures, probeMs }): Notice[] => {
    if (!isOpening || openedMs === null) return [];
    return [{ type: "breaker.opened", bus, subscriptionId, atMs: openedMs, failures, probeMs }];
  });
  return [...opened, ...dead];
}

/** When what waits for these sinks is to be looked at: when they may be tried again, or at once. */
function resumesOf(changes: readonly SinkChange[], now: number): Resume[] {
  return changes.flatMap(({ bus, subscriptionId, breaker, probeMs, pausedUntilMs, isResuming }): Resume[] => {
    if (breaker !== "open" && pausedUntilMs <= now && !isResuming) return [];
    return [{ bus, subscriptionId, atMs: Math.max(now, probeMs ?? now, pausedUntilMs), limit: RESUME_DELIVERIES_MIN }];
  });
}

function wakesOf(settlements: readonly Settlement[]): Wake[] {
  return settlements.flatMap(({ key, outcome }): Wake[] => {
    if (outcome.kind !== "retry" && outcome.kind !== "released") return [];
    return [{ key, dueMs: outcome.dueMs, slow: outcome.slow }];
  });
}

const isDelivered = ({ outcome }: Settlement): boolean => outcome.kind === "delivered";

const noAnswer = () => new Unavailable(`The database did not answer within ${D1_CALL_TIMEOUT_MS} ms`);

/** A call that hangs must not outlive the batch's lease. What it does in the end is fenced by its token. */
export function answered<T>(call: Promise<T>, clock: Clock): Promise<T> {
  return inTime(call, clock.sleep(D1_CALL_TIMEOUT_MS), noAnswer);
}

export function createSettling({ log, lanes, clock, logger, disable, tell }: SettlingDeps): Settling {
  async function wake(wakes: readonly Wake[]): Promise<void> {
    if (wakes.length === 0) return;
    try {
      await lanes.send(wakeMessages(wakes, clock.now()));
    } catch (error) {
      logger.warn("wake.failed", { deliveries: wakes.length, error: String(error) });
    }
  }

  async function resume(resumes: readonly Resume[]): Promise<void> {
    if (resumes.length === 0) return;
    try {
      const now = clock.now();
      await lanes.send(resumes.map((one) => resumeMessage(one, now)));
    } catch (error) {
      logger.warn("wake.failed", { sinks: resumes.length, error: String(error) });
    }
  }

  /** What operators hear of it: nothing when it is no news, or failed. */
  async function disableOne(disabled: Disabled, now: number): Promise<readonly Notice[]> {
    const { bus, id, reason } = disabled;
    try {
      const isNews = await answered(disable(disabled), clock);
      return isNews ? [{ type: "subscription.disabled", bus, subscriptionId: id, atMs: now, reason }] : [];
    } catch (error) {
      logger.warn("disable.failed", { bus, subscription_id: id, error: String(error) });
      return [];
    }
  }

  /**
   * What follows from what is settled, and what operators are to hear of it. A failure is logged only: the sweep has what waits, the next answer
   * disables whom this one should.
   */
  async function followUp(settlements: readonly Settlement[], settled: Settled): Promise<readonly Notice[]> {
    const now = clock.now();
    const { changes } = settled;
    const disabling = disabledBy(settlements, changes, now).map((disabled) => disableOne(disabled, now));
    const disabled = (await Promise.all(disabling)).flat();
    // After it: the rest of a sink that is gone is held by the claim that its alarm brings.
    await wake(wakesOf(settlements));
    await resume(resumesOf(changes, now));
    return [...noticesOf(settlements, settled, now), ...disabled];
  }

  async function finish({ following }: Pick<Batch, "following">): Promise<void> {
    const notices = await Promise.all(following);
    await tell(notices.flat());
  }

  async function settle(
    settlements: readonly Settlement[],
    batch: Batch,
    open: readonly DeliveryKey[] = [],
  ): Promise<boolean> {
    const { token, first, following } = batch;
    const [claimed, unclaimed] = [
      settlements.filter(({ key }) => !first.has(key)),
      settlements.filter(({ key }) => first.has(key)),
    ];
    const [openClaimed, openUnclaimed] = [open.filter((key) => !first.has(key)), open.filter((key) => first.has(key))];
    // Both in the time of one call: the lease is made for that.
    const limit = clock.sleep(D1_CALL_TIMEOUT_MS);
    try {
      // A claim that took nothing left no row to settle.
      if (batch.isClaimed) {
        const settled = await inTime(
          log.settle(claimed, { token, now: clock.now(), open: openClaimed }),
          limit,
          noAnswer,
        );
        // Now: a repetition, should the rest fail, finds it written, and answers of no change.
        following.push(followUp(claimed, settled));
      }
      const { settlements: recorded, changes } = await inTime(first.settle(unclaimed, openUnclaimed), limit, noAnswer);
      const written = recorded.map(({ key }) => key);
      following.push(followUp([...unclaimed.filter(isDelivered), ...recorded], { changes, written }));
      return true;
    } catch (error) {
      logger.warn("settle.failed", { token, deliveries: settlements.length, error: String(error) });
      return false;
    }
  }

  async function settleFirmly(settlements: readonly Settlement[], batch: Batch): Promise<boolean> {
    if (await settle(settlements, batch)) return true;
    for (const waitMs of SETTLE_RETRY_MS) {
      await clock.sleep(waitMs);
      if (await settle(settlements, batch)) return true;
    }
    return false;
  }

  /** D1 is away for longer than a batch can wait: the outcomes travel as messages of their own. */
  async function handOver(settlements: readonly Settlement[], { token, first }: Batch): Promise<boolean> {
    const claimed = settlements.filter(({ key }) => !first.has(key));
    const messages = outcomesParcels(token, claimed).map((parcel) => ({
      lane: "fast" as const,
      shard: shardOf(token),
      delaySeconds: MESSAGE_RETRY_SECONDS_MIN,
      text: encodeParcel(parcel),
    }));
    try {
      await lanes.send([...messages, ...first.again(settlements.filter(({ key }) => first.has(key)))]);
      return true;
    } catch (error) {
      const pushed = settlements.filter(({ attempt }) => attempt !== null);
      logger.error("outcomes.lost", { token, second_pushes: pushed.length, error: String(error) });
      return false;
    }
  }

  async function settleClaimed(settlements: readonly Settlement[], token: string): Promise<boolean> {
    let settled: Settled;
    try {
      settled = await answered(log.settle(settlements, { token, now: clock.now(), open: [] }), clock);
    } catch (error) {
      logger.warn("settle.failed", { token, deliveries: settlements.length, error: String(error) });
      return false;
    }
    await finish({ following: [followUp(settlements, settled)] });
    return true;
  }

  return { settle, settleFirmly, finish, handOver, settleClaimed, wake, resume };
}

/**
 * Use case, the end of `deliver.ts`: outcomes are written, firmly; what follows from them is done; and when the database is away for too
 * long they travel as messages. Knows nothing of the messages that a batch came from.
 */
import type { Settlement } from "./core/delivery.ts";
import { shardOf } from "./core/ids.ts";
import { inTime } from "./core/in-time.ts";
import { D1_CALL_TIMEOUT_MS, MESSAGE_RETRY_SECONDS_MIN, SETTLE_RETRY_MS } from "./core/limits.ts";
import { encodeParcel, outcomesParcels } from "./core/parcel.ts";
import { type Wake, wakeMessages } from "./core/wakes.ts";
import type { FirstAttempts } from "./first-attempts.ts";
import { type Clock, type Lanes, type Log, type Logger, Unavailable } from "./ports.ts";

export interface SettlingDeps {
  readonly log: Pick<Log, "settle">;
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Disables a subscription, unless it was changed after `attemptedMs`. If it throws, the next 410 does it again. */
  readonly disable: (subscription: {
    readonly bus: string;
    readonly id: string;
    readonly reason: string;
    readonly attemptedMs: number;
  }) => Promise<void>;
}

/** How a batch settles. */
export interface Batch {
  readonly token: string;
  readonly first: FirstAttempts;
  readonly isClaimed: boolean;
}

export interface Settling {
  /** Writes outcomes and does what follows from them. False when the database did not take them. */
  readonly settle: (settlements: readonly Settlement[], batch: Batch) => Promise<boolean>;
  /** The same, repeated for as long as a batch can wait. */
  readonly settleFirmly: (settlements: readonly Settlement[], batch: Batch) => Promise<boolean>;
  /** Sends what could not be settled as messages. False when that fails too. */
  readonly handOver: (settlements: readonly Settlement[], batch: Batch) => Promise<boolean>;
  /** Settles what was handed over. */
  readonly settleClaimed: (settlements: readonly Settlement[], token: string) => Promise<boolean>;
  /** Sends alarms. A failure is logged only: the sweep has what waits. */
  readonly wake: (wakes: readonly Wake[]) => Promise<void>;
}

function wakesOf(settlements: readonly Settlement[]): Wake[] {
  return settlements.flatMap(({ key, outcome }): Wake[] => {
    if (outcome.kind === "retry") return [{ key, dueMs: outcome.dueMs, slow: outcome.slow }];
    if (outcome.kind === "released") return [{ key, dueMs: outcome.dueMs, slow: true }];
    return [];
  });
}

const noAnswer = () => new Unavailable(`The database did not answer within ${D1_CALL_TIMEOUT_MS} ms`);

/** A call that hangs must not outlive the batch's lease. What it does in the end is fenced by its token. */
export function answered<T>(call: Promise<T>, clock: Clock): Promise<T> {
  return inTime(call, clock.sleep(D1_CALL_TIMEOUT_MS), noAnswer);
}

export function createSettling({ log, lanes, clock, logger, disable }: SettlingDeps): Settling {
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
        await disable({ bus, id, reason: "gone", attemptedMs: attempt?.at_ms ?? 0 });
      } catch (error) {
        logger.warn("disable.failed", { bus, subscription_id: id, error: String(error) });
      }
    }
    // After it: the rest of a sink that is gone is held by the claim that its alarm brings.
    await wake(wakesOf(settlements));
  }

  async function settle(settlements: readonly Settlement[], batch: Batch): Promise<boolean> {
    const { token, first } = batch;
    const [claimed, unclaimed] = [
      settlements.filter((one) => !first.has(one)),
      settlements.filter((one) => first.has(one)),
    ];
    try {
      // A claim that took nothing left no row to settle.
      if (batch.isClaimed) await answered(log.settle(claimed, { token }), clock);
      await followUp([...claimed, ...(await answered(first.settle(unclaimed), clock))]);
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
    const claimed = settlements.filter((one) => !first.has(one));
    const messages = outcomesParcels(token, claimed).map((parcel) => ({
      lane: "fast" as const,
      shard: shardOf(token),
      delaySeconds: MESSAGE_RETRY_SECONDS_MIN,
      text: encodeParcel(parcel),
    }));
    try {
      await lanes.send([...messages, ...first.again(settlements.filter((one) => first.has(one)))]);
      return true;
    } catch (error) {
      const pushed = settlements.filter(({ attempt }) => attempt !== null);
      logger.error("outcomes.lost", { token, second_pushes: pushed.length, error: String(error) });
      return false;
    }
  }

  async function settleClaimed(settlements: readonly Settlement[], token: string): Promise<boolean> {
    try {
      await answered(log.settle(settlements, { token }), clock);
    } catch (error) {
      logger.warn("settle.failed", { token, deliveries: settlements.length, error: String(error) });
      return false;
    }
    await followUp(settlements);
    return true;
  }

  return { settle, settleFirmly, handOver, settleClaimed, wake };
}

/**
 * Use case, the middle of `deliver.ts`: pushes what a claim gave, at most PUSHES_MAX at a time, and turns every delivery into a
 * settlement: delivered, retry, dead or released. Knows no messages and no tokens.
 */
import { decodeEvent } from "./core/cloudevents/json.ts";
import type { Answer, DeadCause, Settlement } from "./core/delivery.ts";
import type { CloudEvent } from "./core/event.ts";
import { deliveryIdOf } from "./core/ids.ts";
import { CRASHES_SPARE, PUSH_START_MS, PUSHES_MAX, RELEASE_DELAY_MS, SETTLE_EARLY_MS } from "./core/limits.ts";
import { isTimeout, judge, recordOf } from "./core/outcome.ts";
import { createTurns } from "./core/turns.ts";
import type { Claimed, ClaimedDelivery, ClaimedEvent, Clock, Logger, Random, Webhooks } from "./ports.ts";

export interface PushingDeps {
  readonly webhooks: Webhooks;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface PushingOptions {
  /** When the claim was made: no push starts later than PUSH_START_MS after it. */
  readonly claimedMs: number;
  /** Settles what has finished while pushes are open; false when it could not, the settlements then come back at the end. */
  readonly settleEarly: (finished: readonly Settlement[]) => Promise<boolean>;
}

/** An event of the batch, decoded once. */
interface Loaded {
  readonly event: CloudEvent;
  readonly text: string;
  readonly claimed: ClaimedEvent;
}

/**
 * Why a delivery has had all its attempts; null when it may have another. Attempts are counted by the claim, so one that is not on
 * record left no trace: its batch ended with it, or before it. That may have been no fault of this delivery, up to a limit.
 */
function causeOfEnd({ attempt, tries, lastRecorded, push }: ClaimedDelivery): DeadCause | null {
  const spare = tries - (push.retry.scheduleSeconds.length + 1);
  if (spare <= 0) return null;
  if (lastRecorded === attempt - 1) return "exhausted";
  return spare > CRASHES_SPARE ? "crashed" : null;
}

export function createPushing({ webhooks, clock, random, logger }: PushingDeps) {
  async function ask(delivery: ClaimedDelivery, load: () => Loaded): Promise<Answer> {
    const { key, eventId, push } = delivery;
    if ("error" in push) return { kind: "failed", error: "internal", detail: push.error, durationMs: 0 };
    try {
      const { event, text, claimed } = load();
      return await webhooks.push({
        deliveryId: deliveryIdOf(eventId, key.subscriptionId, key.run),
        attempt: delivery.attempt,
        event,
        text,
        eventId,
        acceptedMs: claimed.acceptedMs,
        hops: claimed.hops,
        push,
      });
    } catch (error) {
      // A defect of ours with one delivery must not stop the others: it is a failed attempt, and its schedule goes on.
      logger.error("delivery.defect", { event_id: eventId, subscription_id: key.subscriptionId, error: String(error) });
      return { kind: "failed", error: "internal", detail: "The attempt failed on our side", durationMs: 0 };
    }
  }

  const release = ({ key }: ClaimedDelivery, delayMs: number): Settlement => {
    const dueMs = clock.now() + Math.ceil(delayMs * (1 + random.fraction()));
    return { key, outcome: { kind: "released", dueMs }, attempt: null };
  };

  /** What a delivery that is not to be pushed becomes; null when it is to be pushed. */
  function settledWithoutPush(delivery: ClaimedDelivery, event: ClaimedEvent | undefined): Settlement | null {
    // Its body did not fit this batch's budget.
    if (event === undefined) return release(delivery, RELEASE_DELAY_MS);
    const cause = event.body === null ? "body-missing" : causeOfEnd(delivery);
    return cause === null ? null : { key: delivery.key, outcome: { kind: "dead", cause }, attempt: null };
  }

  /** Settlements that are not settled yet, when no push is open any more. Never throws. */
  return async function pushAll(claimed: Claimed, options: PushingOptions): Promise<Settlement[]> {
    const finished: Settlement[] = [];
    const startable = claimed.deliveries.filter((delivery) => {
      const settled = settledWithoutPush(delivery, claimed.events.get(delivery.eventId));
      if (settled !== null) finished.push(settled);
      return settled === null;
    });
    const turns = createTurns(startable, ({ key }) => `${key.bus} ${key.subscriptionId}`);
    const giveBack = (deliveries: readonly ClaimedDelivery[], delayMs: number): void => {
      finished.push(...deliveries.map((delivery) => release(delivery, delayMs)));
    };

    const decoded = new Map<string, CloudEvent>();
    const loaded = (eventId: string): Loaded => {
      const event = claimed.events.get(eventId);
      const text = event?.body;
      if (event === undefined || text === undefined || text === null) throw new Error("A push has no event");
      const known = decoded.get(eventId) ?? decodeEvent(text);
      decoded.set(eventId, known);
      return { event: known, text, claimed: event };
    };

    async function attempt(delivery: ClaimedDelivery): Promise<void> {
      const atMs = clock.now();
      const answer = await ask(delivery, () => loaded(delivery.eventId));
      const context = {
        tries: delivery.tries,
        retry: delivery.push.retry,
        now: clock.now(),
        fraction: random.fraction(),
      };
      const outcome = judge(answer, context);
      finished.push({ key: delivery.key, outcome, attempt: recordOf(answer, delivery.attempt, atMs) });
      turns.ended(delivery);
      // One that timed out would time out again: the rest of it leaves the batch to the others. One that is gone wants no more.
      if (isTimeout(answer)) giveBack(turns.withdraw(delivery), answer.durationMs);
      else if (outcome.kind === "dead" && outcome.cause === "gone")
        giveBack(turns.withdraw(delivery), RELEASE_DELAY_MS);
    }

    const open = new Set<Promise<void>>();
    const startMore = (): void => {
      if (clock.now() - options.claimedMs > PUSH_START_MS) giveBack(turns.withdraw(), RELEASE_DELAY_MS);
      while (open.size < PUSHES_MAX) {
        const delivery = turns.next();
        if (delivery === null) return;
        const push = attempt(delivery).finally(() => open.delete(push));
        open.add(push);
      }
    };

    // One early settle at a time; a promise that is done already stands for none.
    let settling = Promise.resolve();
    let isSettling = false;
    const settleFinished = async (): Promise<void> => {
      const part = finished.splice(0);
      if (!(await options.settleEarly(part))) finished.push(...part);
      isSettling = false;
    };

    let due = false;
    const arm = (): Promise<void> => {
      due = false;
      return clock.sleep(SETTLE_EARLY_MS).then(() => void (due = true));
    };
    startMore();
    let alarm = open.size > 0 ? arm() : Promise.resolve();
    while (open.size > 0) {
      await Promise.race([...open, alarm]);
      startMore();
      if (!due || open.size === 0) continue;
      if (!isSettling && finished.length > 0) {
        isSettling = true;
        settling = settleFinished();
      }
      alarm = arm();
    }
    await settling;
    return finished;
  };
}

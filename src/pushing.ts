/**
 * Use case, the middle of `deliver.ts`: pushes what a claim gave, at most PUSHES_MAX at a time, and turns every delivery into a
 * settlement: delivered, retry, dead or released. Knows no messages and no tokens.
 */
import { decodeEvent } from "./core/cloudevents/json.ts";
import type { Answer, AttemptRecord, Outcome, Settlement } from "./core/delivery.ts";
import type { CloudEvent } from "./core/event.ts";
import { deliveryIdOf } from "./core/ids.ts";
import { PUSH_START_MS, PUSHES_MAX, SETTLE_EARLY_MS } from "./core/limits.ts";
import { judge } from "./core/outcome.ts";
import { createTurns } from "./core/turns.ts";
import type { Claimed, ClaimedDelivery, ClaimedEvent, Clock, Logger, Random, Webhooks } from "./ports.ts";

export interface PushingDeps {
  readonly webhooks: Webhooks;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface PushingOptions {
  /** When the batch began: no push starts later than PUSH_START_MS after it. */
  readonly startedMs: number;
  /** Settles what has finished while pushes are open; false when it could not, the settlements then come back at the end. */
  readonly settleEarly: (finished: readonly Settlement[]) => Promise<boolean>;
}

const isTimeout = (answer: Answer): boolean => answer.kind === "failed" && answer.error === "timeout";

/** An event of the batch, decoded once. */
interface Loaded {
  readonly event: CloudEvent;
  readonly text: string;
  readonly claimed: ClaimedEvent;
}

function recordOf(answer: Answer, attempt: number, atMs: number): AttemptRecord {
  const common = { attempt, at_ms: atMs, duration_ms: answer.durationMs };
  return answer.kind === "answered"
    ? { ...common, status: answer.status, error: null, answer: answer.sample === "" ? null : answer.sample }
    : { ...common, status: null, error: `${answer.error}: ${answer.detail}`, answer: null };
}

/** The outcome of a delivery that is not to be pushed; null when it is. */
function outcomeWithoutPush({ tries, push }: ClaimedDelivery, event: ClaimedEvent | undefined): Outcome | null {
  // Its body did not fit this batch's budget.
  if (event === undefined) return { kind: "released" };
  if (event.body === null) return { kind: "dead", cause: "body-missing" };
  // Attempts are counted by the claim. One more than the schedule allows means that the last one left no trace.
  if (tries > push.retry.scheduleSeconds.length + 1) return { kind: "dead", cause: "crashed" };
  return null;
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

  /** Settlements that are not settled yet, when no push is open any more. Never throws. */
  return async function pushAll(claimed: Claimed, options: PushingOptions): Promise<Settlement[]> {
    const finished: Settlement[] = [];
    const startable = claimed.deliveries.filter((delivery) => {
      const outcome = outcomeWithoutPush(delivery, claimed.events.get(delivery.eventId));
      if (outcome !== null) finished.push({ key: delivery.key, outcome, attempt: null });
      return outcome === null;
    });
    const turns = createTurns(startable, ({ key }) => `${key.bus} ${key.subscriptionId}`);
    const release = (delivery: ClaimedDelivery): void => {
      finished.push({ key: delivery.key, outcome: { kind: "released" }, attempt: null });
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
      finished.push({
        key: delivery.key,
        outcome: judge(answer, context),
        attempt: recordOf(answer, delivery.attempt, atMs),
      });
      turns.ended(delivery);
      // One that timed out would time out again: the rest of it leaves the batch to the others.
      if (isTimeout(answer)) turns.withdraw(delivery).forEach(release);
    }

    const open = new Set<Promise<void>>();
    const startMore = (): void => {
      if (clock.now() - options.startedMs > PUSH_START_MS) turns.withdraw().forEach(release);
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

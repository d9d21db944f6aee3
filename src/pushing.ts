/**
 * Use case, the middle of `deliver.ts`: pushes what a claim gave, at most PUSHES_MAX at a time, and turns every delivery into a
 * settlement: delivered, retry, dead or released. Knows no messages and no tokens.
 */
import { decodeEvent } from "./core/cloudevents/json.ts";
import type { Answer, DeadCause, DeliveryKey, Settlement } from "./core/delivery.ts";
import type { CloudEvent } from "./core/event.ts";
import type { Sign } from "./core/health.ts";
import { deliveryIdOf } from "./core/ids.ts";
import { BREAKER_FAILURES, CRASHES_SPARE, PUSH_START_MS, PUSHES_MAX, RELEASE_DELAY_MS } from "./core/limits.ts";
import { isTimeout, judge, recordOf, signOf } from "./core/outcome.ts";
import { sinkKeyText } from "./core/sink-key.ts";
import { createTurns } from "./core/turns.ts";
import { createEarlySettles } from "./early-settles.ts";
import { createPacing } from "./pacing.ts";
import type { Claimed, ClaimedDelivery, ClaimedEvent, Clock, Limiters, Logger, Random, Webhooks } from "./ports.ts";

export interface PushingDeps {
  readonly webhooks: Webhooks;
  readonly limiters: Limiters;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface PushingOptions {
  /** When the claim was made: no push starts later than PUSH_START_MS after it. */
  readonly claimedMs: number;
  readonly token: string;
  /**
   * Settles what has finished while pushes are open, and notes that these deliveries' sinks are slow; false when it could not: the settlements
   * then come back at the end.
   */
  readonly settleEarly: (finished: readonly Settlement[], open: readonly DeliveryKey[]) => Promise<boolean>;
}

/** An event of the batch, decoded once. */
interface Loaded {
  readonly event: CloudEvent;
  readonly text: string;
  readonly claimed: ClaimedEvent;
}

/** Where a delivery goes that is not pushed, and how long after now. */
type GiveBack = (deliveries: readonly ClaimedDelivery[], delayMs: number, cause?: "released" | "rate") => void;

/**
 * After how long the rest of a subscription comes back, once an attempt says that it is of no use now; null: it goes on. One that timed out would time
 * out again, and what is due at once would go in circles; all others are for the next claim to park or to hold.
 */
function breakAfter(answer: Answer, sign: Sign | null, failures: number): number | null {
  if (isTimeout(answer)) return answer.durationMs;
  if (sign === null) return null;
  const isOver = sign.disables !== null || sign.pausedUntilMs !== null || failures >= BREAKER_FAILURES;
  return isOver ? RELEASE_DELAY_MS : null;
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

/** What only waits for its rate is no matter of a slow sink, unless it has one. */
function deferred(
  { key, eventId, health }: ClaimedDelivery,
  dueMs: number,
  cause: "released" | "rate" = "released",
): Settlement {
  const slow = cause === "released" || health.lane === "slow";
  return { key, eventId, outcome: { kind: "released", dueMs, cause, slow }, attempt: null, sign: null };
}

/** Events by their ids, each decoded once. */
function loader(events: Claimed["events"]): (eventId: string) => Loaded {
  const decoded = new Map<string, CloudEvent>();
  return (eventId) => {
    const claimed = events.get(eventId);
    const text = claimed?.body;
    if (claimed === undefined || text === undefined || text === null) throw new Error("A push has no event");
    const event = decoded.get(eventId) ?? decodeEvent(text);
    decoded.set(eventId, event);
    return { event, text, claimed };
  };
}

/** Failures in a row after an attempt, by subscription: what the claim knew and what this batch adds. */
function failureCounts(): (delivery: ClaimedDelivery, sign: Sign | null) => number {
  const failures = new Map<string, number>();
  return ({ key, health }, sign) => {
    const sink = sinkKeyText(key);
    const before = failures.get(sink) ?? health.failures;
    const after = sign === null ? before : sign.works ? 0 : before + 1;
    failures.set(sink, after);
    return after;
  };
}

export function createPushing({ webhooks, limiters, clock, random, logger }: PushingDeps) {
  const pace = createPacing({ limiters });

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

  /** One attempt, and what it makes of its delivery. */
  async function attempt(
    delivery: ClaimedDelivery,
    load: (eventId: string) => Loaded,
  ): Promise<{ readonly answer: Answer; readonly settlement: Settlement }> {
    const { key, eventId, tries, push } = delivery;
    const { retry } = push;
    const atMs = clock.now();
    const answer = await ask(delivery, () => load(eventId));
    const outcome = judge(answer, { tries, retry, now: clock.now(), fraction: random.fraction() });
    const record = recordOf(answer, delivery.attempt, atMs);
    return { answer, settlement: { key, eventId, outcome, attempt: record, sign: signOf(answer, retry) } };
  }

  const soon = (delayMs: number): number => clock.now() + Math.ceil(delayMs * (1 + random.fraction()));

  /** What a delivery that is not to be pushed becomes; null when it is to be pushed. */
  function settledWithoutPush(delivery: ClaimedDelivery, event: ClaimedEvent | undefined): Settlement | null {
    // Its body did not fit this batch's budget.
    if (event === undefined) return deferred(delivery, soon(RELEASE_DELAY_MS));
    const cause = event.body === null ? "body-missing" : causeOfEnd(delivery);
    if (cause === null) return null;
    const { key, eventId } = delivery;
    return { key, eventId, outcome: { kind: "dead", cause }, attempt: null, sign: null };
  }

  /** Settlements that are not settled yet, when no push is open any more. Never throws. */
  return async function pushAll(claimed: Claimed, options: PushingOptions): Promise<Settlement[]> {
    const finished: Settlement[] = [];
    const startable = claimed.deliveries.filter((delivery) => {
      const settled = settledWithoutPush(delivery, claimed.events.get(delivery.eventId));
      if (settled !== null) finished.push(settled);
      return settled === null;
    });
    const pacing = pace(startable, options.token);
    const turns = createTurns(pacing.free, ({ key }) => key);
    const giveBack: GiveBack = (deliveries, delayMs, cause) => {
      finished.push(...deliveries.map((delivery) => deferred(delivery, soon(delayMs), cause)));
      for (const delivery of deliveries) pacing.ended(delivery);
    };
    const early = createEarlySettles({
      clock,
      finished,
      settle: options.settleEarly,
      onHanging: (delivery) => giveBack(turns.withdraw(delivery), 0),
    });

    // Nobody waits for what the limiters of others say.
    const asking = new Set<Promise<void>>();
    for (const answer of pacing.granted) {
      const granted = answer.then(({ allowed, width, deferred: rest }) => {
        asking.delete(granted);
        const noSlotMs = soon(RELEASE_DELAY_MS);
        finished.push(...rest.map(({ delivery, dueMs }) => deferred(delivery, dueMs ?? noSlotMs, "rate")));
        turns.add(allowed, width);
      });
      asking.add(granted);
    }

    const load = loader(claimed.events);
    const countFailures = failureCounts();
    async function push(delivery: ClaimedDelivery): Promise<void> {
      const { answer, settlement } = await attempt(delivery, load);
      finished.push(settlement);
      turns.ended(delivery);
      pacing.ended(delivery);
      const { sign } = settlement;
      const delayMs = breakAfter(answer, sign, countFailures(delivery, sign));
      if (delayMs !== null) giveBack(turns.withdraw(delivery), delayMs);
    }

    const startMore = (): void => {
      if (clock.now() - options.claimedMs > PUSH_START_MS) giveBack(turns.withdraw(), RELEASE_DELAY_MS);
      while (early.open.size < PUSHES_MAX) {
        const delivery = turns.next();
        if (delivery === null) return;
        if (pacing.isOver(delivery, clock.now())) {
          turns.ended(delivery);
          giveBack([delivery, ...turns.withdraw(delivery)], RELEASE_DELAY_MS, "rate");
          continue;
        }
        pacing.began(delivery);
        early.began(delivery, push(delivery));
      }
    };

    startMore();
    while (early.open.size + asking.size > 0) {
      await Promise.race([...early.open.keys(), ...asking, early.alarm()]);
      startMore();
      if (early.look()) startMore();
    }
    await Promise.all([early.ended(), pacing.told()]);
    return finished;
  };
}

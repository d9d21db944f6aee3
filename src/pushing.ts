/**
 * Use case, the middle of `deliver.ts`: pushes what a claim gave, at most PUSHES_MAX at a time, and turns every delivery into a
 * settlement: delivered, retry, dead or released. Knows no messages and no tokens.
 */
import { decodeEvent } from "./core/cloudevents/json.ts";
import type { Answer, DeadCause, DeliveryKey, Settlement } from "./core/delivery.ts";
import type { CloudEvent } from "./core/event.ts";
import type { Lane, Sign } from "./core/health.ts";
import { deliveryIdOf } from "./core/ids.ts";
import {
  BREAKER_FAILURES,
  CRASHES_SPARE,
  PUSH_START_MS,
  PUSHES_MAX,
  PUSHES_PER_SUBSCRIPTION_MAX,
  RELEASE_DELAY_MS,
  SETTLE_EARLY_MS,
  SLOW_ATTEMPT_MS,
} from "./core/limits.ts";
import { isTimeout, judge, recordOf, signOf } from "./core/outcome.ts";
import { createTurns } from "./core/turns.ts";
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
  /** Of the batch: on `fast` a push that stays open makes its sink slow, and ends its subscription's turn. */
  readonly lane: Lane;
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

/** A push under way. */
interface OpenPush {
  readonly delivery: ClaimedDelivery;
  readonly sinceMs: number;
  /** The database knows that its sink is slow. */
  isTold: boolean;
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

const deferred = (
  { key, eventId }: ClaimedDelivery,
  dueMs: number,
  cause: "released" | "rate" = "released",
): Settlement => ({ key, eventId, outcome: { kind: "released", dueMs, cause }, attempt: null, sign: null });

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
    };

    // Subscriptions without a pace do not wait for what limiters say of the others.
    const asking = new Set<Promise<void>>();
    const granted = pacing.granted?.then(({ allowed, deferred: rest }) => {
      asking.clear();
      finished.push(...rest.map(({ delivery, dueMs }) => deferred(delivery, dueMs, "rate")));
      turns.add(allowed, (delivery) => pacing.permitOf(delivery)?.width ?? PUSHES_PER_SUBSCRIPTION_MAX);
    });
    if (granted !== undefined) asking.add(granted);
    /** A permit that is not used in time is none: others were given since. */
    const isOver = (delivery: ClaimedDelivery): boolean => {
      const untilMs = pacing.permitOf(delivery)?.untilMs ?? null;
      return untilMs !== null && clock.now() > untilMs;
    };
    const pushed: ClaimedDelivery[] = [];

    const decoded = new Map<string, CloudEvent>();
    const loaded = (eventId: string): Loaded => {
      const event = claimed.events.get(eventId);
      const text = event?.body;
      if (event === undefined || text === undefined || text === null) throw new Error("A push has no event");
      const known = decoded.get(eventId) ?? decodeEvent(text);
      decoded.set(eventId, known);
      return { event: known, text, claimed: event };
    };

    /** Failures in a row, by subscription: what the claim knew and what this batch adds. */
    const failures = new Map<string, number>();
    const countFailures = ({ key, health }: ClaimedDelivery, sign: Sign | null): number => {
      const place = `${key.bus} ${key.subscriptionId}`;
      const before = failures.get(place) ?? health.failures;
      const after = sign === null ? before : sign.works ? 0 : before + 1;
      failures.set(place, after);
      return after;
    };

    async function attempt(delivery: ClaimedDelivery): Promise<void> {
      const { retry } = delivery.push;
      const atMs = clock.now();
      const answer = await ask(delivery, () => loaded(delivery.eventId));
      const context = { tries: delivery.tries, retry, now: clock.now(), fraction: random.fraction() };
      const sign = signOf(answer, retry);
      const record = recordOf(answer, delivery.attempt, atMs);
      const { key, eventId } = delivery;
      finished.push({ key, eventId, outcome: judge(answer, context), attempt: record, sign });
      turns.ended(delivery);
      const delayMs = breakAfter(answer, sign, countFailures(delivery, sign));
      if (delayMs !== null) giveBack(turns.withdraw(delivery), delayMs);
    }

    const open = new Map<Promise<void>, OpenPush>();
    const startMore = (): void => {
      if (clock.now() - options.claimedMs > PUSH_START_MS) giveBack(turns.withdraw(), RELEASE_DELAY_MS);
      while (open.size < PUSHES_MAX) {
        const delivery = turns.next();
        if (delivery === null) return;
        if (isOver(delivery)) {
          turns.ended(delivery);
          giveBack([delivery, ...turns.withdraw(delivery)], RELEASE_DELAY_MS, "rate");
          continue;
        }
        pushed.push(delivery);
        const push = attempt(delivery).finally(() => open.delete(push));
        open.set(push, { delivery, sinceMs: clock.now(), isTold: options.lane === "slow" });
      }
    };

    const untold = (): OpenPush[] => [...open.values()].filter(({ isTold }) => !isTold);
    const hangsSince = ({ sinceMs }: OpenPush): number => sinceMs + SLOW_ATTEMPT_MS;

    // One early settle at a time; a promise that is done already stands for none.
    let settling = Promise.resolve();
    let isSettling = false;
    const settleEarly = async (hanging: readonly OpenPush[]): Promise<void> => {
      const part = finished.splice(0);
      const keys = hanging.map(({ delivery }) => delivery.key);
      if (!(await options.settleEarly(part, keys))) finished.push(...part);
      else for (const push of hanging) push.isTold = true;
      isSettling = false;
    };
    const settleSome = (): void => {
      const now = clock.now();
      const hanging = untold().filter((push) => hangsSince(push) <= now);
      for (const { delivery } of hanging) giveBack(turns.withdraw(delivery), 0);
      if (isSettling || finished.length + hanging.length === 0) return;
      isSettling = true;
      settling = settleEarly(hanging);
    };

    let due = false;
    const arm = (): Promise<void> => {
      due = false;
      const now = clock.now();
      const waits = untold().map((push) => hangsSince(push) - now);
      // What hangs already is told, or being told: its time is no alarm.
      const nextMs = Math.min(SETTLE_EARLY_MS, ...waits.filter((ms) => ms > 0));
      return clock.sleep(nextMs).then(() => void (due = true));
    };
    startMore();
    const isUnderWay = (): boolean => open.size + asking.size > 0;
    let alarm = isUnderWay() ? arm() : Promise.resolve();
    while (isUnderWay()) {
      await Promise.race([...open.keys(), ...asking, alarm]);
      startMore();
      if (!due) continue;
      if (open.size > 0) settleSome();
      startMore();
      alarm = arm();
    }
    await Promise.all([settling, pacing.done(pushed)]);
    return finished;
  };
}

/**
 * Use case, beside `pushing.ts`: which pushes are under way, which of them hang, and when what has finished is settled although others are open. It starts no
 * push.
 */
import type { DeliveryKey, Settlement } from "./core/delivery.ts";
import { SETTLE_EARLY_MS, SLOW_ATTEMPT_MS } from "./core/limits.ts";
import type { ClaimedDelivery, Clock } from "./ports.ts";

/** A push under way. */
interface OpenPush {
  readonly delivery: ClaimedDelivery;
  readonly sinceMs: number;
  /** The database knows that its sink is slow. */
  isTold: boolean;
}

export interface EarlySettlesDeps {
  readonly clock: Clock;
  /** What has ended and is not settled yet; what an early settle could not write is put back. */
  readonly finished: Settlement[];
  /** Settles these, and notes that the sinks of these open deliveries are slow; false when it could not. */
  readonly settle: (finished: readonly Settlement[], open: readonly DeliveryKey[]) => Promise<boolean>;
  /** Told of a push that hangs, at each look until the database knows. */
  readonly onHanging: (delivery: ClaimedDelivery) => void;
}

export interface EarlySettles {
  /** Pushes that are open. */
  readonly open: ReadonlyMap<Promise<void>, unknown>;
  began(delivery: ClaimedDelivery, push: Promise<void>): void;
  /** Resolves when `look` has something to do. */
  alarm(): Promise<void>;
  /** Once the alarm has rung, settles what there is to settle, one settle at a time; true then. */
  look(): boolean;
  /** No settle is under way. */
  ended(): Promise<void>;
}

export function createEarlySettles({ clock, finished, settle, onHanging }: EarlySettlesDeps): EarlySettles {
  const open = new Map<Promise<void>, OpenPush>();
  const untold = (): OpenPush[] => [...open.values()].filter(({ isTold }) => !isTold);
  const hangsSince = ({ sinceMs }: OpenPush): number => sinceMs + SLOW_ATTEMPT_MS;

  /** A promise that is done already stands for none. */
  let settling = Promise.resolve();
  let isSettling = false;
  async function settleSome(hanging: readonly OpenPush[]): Promise<void> {
    const part = finished.splice(0);
    const keys = hanging.map(({ delivery }) => delivery.key);
    if (!(await settle(part, keys))) finished.push(...part);
    else for (const push of hanging) push.isTold = true;
    isSettling = false;
  }

  let alarm: Promise<void> | null = null;
  let isDue = false;
  function arm(): Promise<void> {
    const now = clock.now();
    const waits = untold().map((push) => hangsSince(push) - now);
    // What hangs already is told, or being told: its time is no alarm.
    const nextMs = Math.min(SETTLE_EARLY_MS, ...waits.filter((ms) => ms > 0));
    return clock.sleep(nextMs).then(() => void (isDue = true));
  }

  return {
    open,
    began(delivery, push) {
      // What the claim said of its sink, the database knows.
      const isTold = delivery.health.lane === "slow";
      const ended = push.finally(() => open.delete(ended));
      open.set(ended, { delivery, sinceMs: clock.now(), isTold });
    },
    alarm: () => (alarm ??= arm()),
    look() {
      if (!isDue) return false;
      [isDue, alarm] = [false, null];
      const now = clock.now();
      const hanging = untold().filter((push) => hangsSince(push) <= now);
      for (const { delivery } of hanging) onHanging(delivery);
      if (open.size === 0 || isSettling || finished.length + hanging.length === 0) return true;
      isSettling = true;
      settling = settleSome(hanging);
      return true;
    },
    ended: () => settling,
  };
}

/** Use case: what time alone brings about. Lost alarms, dead leases, held deliveries, retention, tombstones, in bounded steps. */
import { SWEEP_BUDGET_MS } from "./core/limits.ts";
import { type Wake, wakeMessages } from "./core/wakes.ts";
import type { Clock, Lanes, Logger, SweepLog } from "./ports.ts";

export interface SweepDeps {
  readonly log: SweepLog;
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long events stay on record. */
  readonly retentionMs: number;
}

export interface Sweep {
  /** Every part until nothing is left to do or its SWEEP_BUDGET_MS is over; the next sweep goes on. @throws the first failure, after all steps were tried. */
  readonly sweep: () => Promise<void>;
  /** Only the step that frees what a paused subscription held, for the moment it is resumed. */
  readonly unhold: () => Promise<void>;
}

export function createSweep({ log, lanes, clock, logger, retentionMs }: SweepDeps): Sweep {
  async function wake(wakes: readonly Wake[]): Promise<void> {
    if (wakes.length > 0) await lanes.send(wakeMessages(wakes, clock.now()));
  }

  /** Repeats a step until it says that nothing is left, or the deadline is over. */
  async function repeat(deadlineMs: number, step: () => Promise<boolean>): Promise<void> {
    while ((await step()) && clock.now() < deadlineMs);
  }

  async function unholdUntil(deadlineMs: number): Promise<void> {
    await repeat(deadlineMs, async () => {
      const { resumed, cancelled, more } = await log.unhold(clock.now());
      if (resumed.length + cancelled > 0) logger.info("sweep.unheld", { resumed: resumed.length, cancelled });
      await wake(resumed);
      return more;
    });
  }

  async function lostAlarms(deadlineMs: number): Promise<void> {
    await repeat(deadlineMs, async () => {
      const { freed, wakes, more } = await log.lostAlarms(clock.now());
      if (freed + wakes.length > 0) logger.warn("sweep.lost_alarms", { freed, woken: wakes.length });
      await wake(wakes);
      // Only now: what could not be woken is tried again by the next sweep.
      if (wakes.length > 0) await log.woken(wakes, clock.now());
      return more;
    });
  }

  async function retain(deadlineMs: number): Promise<void> {
    let place: { readonly bus: string; readonly seq: string } | null = null;
    await repeat(deadlineMs, async () => {
      const { expired, removed, next } = await log.retain(clock.now() - retentionMs, clock.now(), place);
      if (expired + removed > 0) logger.info("sweep.retention", { expired, removed });
      place = next;
      return next !== null;
    });
  }

  async function purge(deadlineMs: number): Promise<void> {
    await repeat(deadlineMs, async () => {
      const { bodies, tombstones, more } = await log.purge(clock.now() - retentionMs, clock.now());
      if (bodies + tombstones > 0) logger.info("sweep.purged", { bodies, tombstones });
      return more;
    });
  }

  return {
    async sweep() {
      const failures: unknown[] = [];
      for (const step of [lostAlarms, unholdUntil, retain, purge]) {
        try {
          // Each has its own budget: a backlog of alarms must not stop retention.
          await step(clock.now() + SWEEP_BUDGET_MS);
        } catch (error) {
          logger.error("sweep.failed", { step: step.name, error: String(error) });
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
    unhold: () => unholdUntil(clock.now() + SWEEP_BUDGET_MS),
  };
}

/**
 * Use case: what time alone brings about. Lost alarms, dead leases, held deliveries, erasures, retention, the size of the database, and
 * all that is kept for a time only, in bounded steps.
 */
import { databaseUsed } from "./core/bus.ts";
import {
  DATABASE_NOTED_FRACTION,
  FAILURES_ONLY_END_FRACTION,
  FAILURES_ONLY_FRACTION,
  LAG_OVER_MS,
  LAG_TOLD_MS,
  RESUME_DELIVERIES_MIN,
  RESUME_SINKS_MAX,
  SHORTEN_FRACTION,
  SWEEP_BUDGET_MS,
  SWEEP_GRACE_MS,
  SWEEP_STEPS_MAX,
} from "./core/limits.ts";
import type { SinkKey } from "./core/sink-key.ts";
import { timestamp } from "./core/timestamp.ts";
import type { Notice } from "./core/notice.ts";
import { resumeMessage, type Wake, wakeMessages } from "./core/wakes.ts";
import {
  PURGES,
  type Clock,
  type ExpiredDelivery,
  type Lanes,
  type Logger,
  type Purge,
  type SweepLog,
} from "./ports.ts";
import type { Tell } from "./telling.ts";

export interface SweepDeps {
  readonly log: SweepLog;
  readonly tell: Tell;
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long events stay on record on buses that do not say. */
  readonly retentionDays: number;
  /** How large the database may get. */
  readonly databaseBytes: number;
}

export interface Sweep {
  /** Every part until nothing is left to do or its SWEEP_BUDGET_MS is over; the next sweep goes on. @throws the first failure, after all steps were tried. */
  readonly sweep: () => Promise<void>;
  /** Only the steps that free what waits for a subscription to be active, and for its sink to be well: for the moment somebody says so. */
  readonly unhold: () => Promise<void>;
}

/** One part of the sweep, with the name that its failure is logged under. */
type Part = readonly [name: string, run: (deadlineMs: number) => Promise<void>];

export function createSweep(deps: SweepDeps): Sweep {
  const { log, tell, lanes, clock, logger, retentionDays, databaseBytes } = deps;

  async function wake(wakes: readonly Wake[]): Promise<void> {
    if (wakes.length > 0) await lanes.send(wakeMessages(wakes, clock.now()));
  }

  /** Repeats a step until it says that nothing is left, the deadline is over, or it was done SWEEP_STEPS_MAX times. */
  async function repeat(deadlineMs: number, step: () => Promise<boolean>): Promise<void> {
    for (let steps = 1; (await step()) && steps < SWEEP_STEPS_MAX && clock.now() < deadlineMs; steps++);
  }

  async function measure(): Promise<void> {
    const { bytes, notedBytes, failuresOnly: before } = await log.database();
    const limit = before ? FAILURES_ONLY_END_FRACTION : FAILURES_ONLY_FRACTION;
    const failuresOnly = before ? bytes >= limit * databaseBytes : bytes > limit * databaseBytes;
    const isNews = Math.abs(bytes - notedBytes) > DATABASE_NOTED_FRACTION * databaseBytes;
    if (isNews || failuresOnly !== before) await log.noteDatabase({ bytes, failuresOnly });
    if (failuresOnly === before) return;
    const line = { on: failuresOnly, bytes, fraction: databaseUsed(bytes, databaseBytes) };
    if (failuresOnly) logger.error("database.failures_only", line);
    else logger.info("database.failures_only", line);
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

  async function unholdUntil(deadlineMs: number): Promise<void> {
    await repeat(deadlineMs, async () => {
      const { resumed, cancelled, more } = await log.unhold(clock.now());
      if (resumed.length + cancelled > 0) logger.info("sweep.unheld", { resumed: resumed.length, cancelled });
      await wake(resumed);
      return more;
    });
  }

  /** How far the last sweep of this isolate came: what it did not reach comes first now. */
  let readyAfter: SinkKey | null = null;
  let lagAfter: string | null = null;

  /** `graceMs`: whoever closes a breaker has what waited for it looked at; this is for those who could not. */
  async function resumeUntil(deadlineMs: number, graceMs: number): Promise<void> {
    await repeat(deadlineMs, async () => {
      const now = clock.now();
      const sinks = await log.readySinks(now - graceMs, readyAfter);
      readyAfter = sinks.length === RESUME_SINKS_MAX ? (sinks.at(-1) ?? null) : null;
      if (sinks.length > 0)
        await lanes.send(sinks.map((sink) => resumeMessage({ ...sink, atMs: now, limit: RESUME_DELIVERIES_MIN }, now)));
      return sinks.length === RESUME_SINKS_MAX;
    });
  }

  async function tellExpired(expired: readonly ExpiredDelivery[]): Promise<void> {
    const atMs = clock.now();
    await tell(expired.map((one): Notice => ({ type: "delivery.dead", ...one, atMs, cause: "expired" })));
  }

  /** Told once, and again when it was over in between. */
  async function lag(deadlineMs: number): Promise<void> {
    await log.caughtUp(clock.now() - LAG_OVER_MS);
    await repeat(deadlineMs, async () => {
      const now = clock.now();
      const { lagging, next } = await log.lagging(now - LAG_TOLD_MS, lagAfter);
      lagAfter = next;
      await tell(lagging.map((one): Notice => ({ type: "backlog.lagging", ...one, atMs: now })));
      if (lagging.length > 0) await log.told(lagging);
      return next !== null;
    });
  }

  async function erase(deadlineMs: number): Promise<void> {
    await repeat(deadlineMs, async () => {
      const { deliveries, more } = await log.erase();
      if (deliveries > 0) logger.info("sweep.erased", { deliveries });
      return more;
    });
  }

  async function retain(deadlineMs: number): Promise<void> {
    let place: { readonly bus: string; readonly seq: string } | null = null;
    await repeat(deadlineMs, async () => {
      const { expired, removed, next } = await log.retain({ now: clock.now(), retentionDays }, place);
      if (expired.length + removed > 0) logger.info("sweep.retention", { expired: expired.length, removed });
      await tellExpired(expired);
      place = next;
      return next !== null;
    });
  }

  /** A deleted bus had something left when its part of the sweep was over. */
  let isEmptyingBus = false;

  /** The last part: only what all others leave has to go before its time. What a deleted bus still has goes first. */
  async function shorten(deadlineMs: number): Promise<void> {
    const limit = SHORTEN_FRACTION * databaseBytes;
    let { bytes } = await log.database();
    if (bytes <= limit || isEmptyingBus) return;
    const total = { expired: 0, removed: 0 };
    let before: string | null = null;
    let place: string | null = null;
    await repeat(deadlineMs, async () => {
      const step = await log.shorten({ now: clock.now(), retentionDays, bytes: bytes - limit }, place);
      total.expired += step.expired.length;
      await tellExpired(step.expired);
      total.removed += step.removed;
      if (step.reachedMs !== null) before = timestamp(step.reachedMs);
      ({ bytes, next: place } = step);
      return bytes > limit && place !== null;
    });
    logger.warn("sweep.shortened", { bytes, fraction: databaseUsed(bytes, databaseBytes), before, ...total });
  }

  async function count(deadlineMs: number): Promise<void> {
    await repeat(deadlineMs, async () => (await log.count()).more);
  }

  async function purge(what: Purge, deadlineMs: number): Promise<void> {
    if (what === "buses") isEmptyingBus = false;
    await repeat(deadlineMs, async () => {
      const { removed, more } = await log.purge(what, { now: clock.now(), retentionDays });
      if (removed > 0) logger.info("sweep.purged", { what, removed });
      if (what === "buses") isEmptyingBus = more;
      return more;
    });
  }

  // The size comes first: what follows from it concerns every publish.
  const parts: readonly Part[] = [
    ["measure", measure],
    ["lost_alarms", lostAlarms],
    ["unhold", unholdUntil],
    ["resume", (deadlineMs) => resumeUntil(deadlineMs, SWEEP_GRACE_MS)],
    ["lag", lag],
    ["count", count],
    ["erase", erase],
    ["retain", retain],
    ...PURGES.map((what): Part => [`purge_${what}`, (deadlineMs) => purge(what, deadlineMs)]),
    ["shorten", shorten],
  ];

  return {
    async sweep() {
      const failures: unknown[] = [];
      for (const [name, run] of parts) {
        try {
          // Each has its own budget: a backlog of alarms must not stop retention.
          await run(clock.now() + SWEEP_BUDGET_MS);
        } catch (error) {
          logger.error("sweep.failed", { step: name, error: String(error) });
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
    async unhold() {
      await unholdUntil(clock.now() + SWEEP_BUDGET_MS);
      await resumeUntil(clock.now() + SWEEP_BUDGET_MS, 0);
    },
  };
}

/**
 * Use case: tells operators what happened, on the bus OPERATOR_BUS. What is told is on record, or in the audit, already: a notice that cannot be published
 * is a log line, and holds nothing up.
 */
import { cutByCount } from "./core/cut.ts";
import { ID_RANDOM_BYTES, timeOrderedId } from "./core/ids.ts";
import { BATCH_EVENTS_MAX } from "./core/limits.ts";
import { type Notice, noticeEvents, OPERATOR_BUS } from "./core/notice.ts";
import type { Ingest } from "./ingest.ts";
import type { Clock, Logger, Random } from "./ports.ts";

/** Publishes notices. Never throws. */
export type Tell = (notices: readonly Notice[]) => Promise<void>;

export function createTell(deps: {
  readonly ingest: Ingest;
  readonly clock: Clock;
  readonly random: Pick<Random, "bytes">;
  readonly logger: Logger;
}): Tell {
  const { ingest, clock, random, logger } = deps;

  /** What runs behind a publish ends before whoever told goes on: a queue's consumer has nothing that outlives it. */
  async function publish(events: ReturnType<typeof noticeEvents>): Promise<void> {
    const behind: Promise<unknown>[] = [];
    const requestId = `req_${timeOrderedId(clock.now(), random.bytes(ID_RANDOM_BYTES))}`;
    try {
      const background = (work: Promise<unknown>) => void behind.push(work);
      const accepted = await ingest({ bus: OPERATOR_BUS, requestId, hops: 0, events, background });
      if (!accepted.ok) logger.warn("notices.not_told", { notices: events.length, error: accepted.error.detail });
    } catch (error) {
      logger.warn("notices.not_told", { notices: events.length, error: String(error) });
    }
    await Promise.allSettled(behind);
  }

  return async function tell(notices) {
    for (const events of cutByCount(noticeEvents(notices), BATCH_EVENTS_MAX)) await publish(events);
  };
}

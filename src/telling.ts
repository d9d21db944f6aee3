/**
 * Use case: tells operators what happened, on the bus OPERATOR_BUS. What is told is on record, or in the audit, already: a notice that cannot be published
 * is a log line, and holds nothing up.
 */
import { cutByCount } from "./core/cut.ts";
import { ID_RANDOM_BYTES, timeOrderedId } from "./core/ids.ts";
import { inTime } from "./core/in-time.ts";
import { BATCH_EVENTS_MAX, NOTICES_TIMEOUT_MS } from "./core/limits.ts";
import type { CloudEvent } from "./core/event.ts";
import { type Notice, noticeEvents, OPERATOR_BUS } from "./core/notice.ts";
import type { Ingest } from "./ingest.ts";
import type { Background, Clock, Logger, Random } from "./ports.ts";

/** Publishes notices, for NOTICES_TIMEOUT_MS at the longest. Never throws. */
export type Tell = (notices: readonly Notice[]) => Promise<void>;

const tooLate = () => new Error(`Not published within ${NOTICES_TIMEOUT_MS} ms`);

export function createTell(deps: {
  readonly ingest: Ingest;
  readonly clock: Clock;
  readonly random: Pick<Random, "bytes">;
  readonly logger: Logger;
}): Tell {
  const { ingest, clock, random, logger } = deps;

  async function publish(events: readonly CloudEvent[], background: Background): Promise<void> {
    const requestId = `req_${timeOrderedId(clock.now(), random.bytes(ID_RANDOM_BYTES))}`;
    const accepted = await ingest({ bus: OPERATOR_BUS, requestId, hops: 0, events, background });
    if (!accepted.ok) throw new Error(accepted.error.detail);
  }

  return async function tell(notices) {
    const events = noticeEvents(notices);
    if (events.length === 0) return;
    const limit = clock.sleep(NOTICES_TIMEOUT_MS);
    const behind: Promise<unknown>[] = [];
    for (const part of cutByCount(events, BATCH_EVENTS_MAX)) {
      try {
        await inTime(
          publish(part, (work) => void behind.push(work)),
          limit,
          tooLate,
        );
      } catch (error) {
        logger.warn("notices.not_told", { notices: part.length, error: String(error) });
      }
    }
    // What runs behind a publish ends before whoever told goes on, if it can: a queue's consumer has nothing that outlives it.
    await Promise.race([Promise.allSettled(behind), limit]);
  };
}

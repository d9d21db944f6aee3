/**
 * Collects events that are published one by one into requests. Each publish resolves with the outcome of its own event. It holds what is
 * not sent yet in memory: `close()` before the process ends.
 */
import { BATCH_EVENTS_MAX } from "../core/limits.ts";
import { isRefusal, ProblemError, PublishError, type AcceptedEvent } from "./errors.ts";
import type { EventInput, PreparedEvent } from "./event.ts";
import { BATCH_BYTES_DEFAULT, noneConfirmed, positive, type Publisher } from "./publish.ts";
import type { Patience } from "./options.ts";
import type { Runtime } from "./runtime.ts";

/**
 * How events are collected.
 *
 * @example
 * const options: BatcherOptions = { maxEvents: 50, maxDelayMs: 20 };
 */
export interface BatcherOptions extends Patience {
  /** Events of one request, at most 100, which is the default. */
  readonly maxEvents?: number;
  /** An event waits at most so long for others. Default: 50. */
  readonly maxDelayMs?: number;
  /** Requests under way at a time; beyond that events wait. Default: 4. */
  readonly concurrency?: number;
}

/**
 * Collects events into batches.
 *
 * @example
 * const batcher = client.batcher({ maxDelayMs: 20 });
 * await Promise.all(orders.map((order) => batcher.publish({ type: "order.created", data: order })));
 * await batcher.close();
 */
export interface Batcher {
  /**
   * Resolves when this event is accepted.
   * @throws ProblemError when it is refused, PublishError when it is not confirmed, TypeError on what is no event or after `close()`.
   */
  publish(event: EventInput): Promise<AcceptedEvent>;
  /** Sends what has been collected so far, and resolves when each of these events has its outcome. It never throws: each publish tells. */
  flush(): Promise<void>;
  /** Takes nothing more, and flushes. */
  close(): Promise<void>;
}

interface Waiting {
  readonly event: PreparedEvent;
  readonly resolve: (event: AcceptedEvent) => void;
  readonly reject: (error: unknown) => void;
}

const DELAY_MS_DEFAULT = 50;
const CONCURRENCY_DEFAULT = 4;

export function createBatcher(
  { publisher, runtime }: { readonly publisher: Publisher; readonly runtime: Pick<Runtime, "sleep"> },
  options: BatcherOptions,
): Batcher {
  const { maxEvents = BATCH_EVENTS_MAX, maxDelayMs = DELAY_MS_DEFAULT, concurrency = CONCURRENCY_DEFAULT } = options;
  const eventsMax = Math.min(positive("maxEvents", maxEvents), BATCH_EVENTS_MAX);
  const requestsMax = positive("concurrency", concurrency);
  const waiting: Waiting[] = [];
  const underWay = new Set<Promise<void>>();
  let timer: AbortController | null = null;
  /** How many were taken from those that wait, and how many of all are to be taken without waiting for others. */
  let taken = 0;
  let due = 0;
  let isClosed = false;

  const disarm = () => {
    timer?.abort();
    timer = null;
  };
  const allDue = () => {
    due = taken + waiting.length;
    pump();
  };
  const arm = () => {
    const own = new AbortController();
    timer = own;
    void runtime.sleep(maxDelayMs, own.signal).then(() => {
      if (own.signal.aborted) return;
      timer = null;
      allDue();
    });
  };
  const hasBatch = () => waiting.length >= eventsMax || taken < due;
  const pump = () => {
    while (underWay.size < requestsMax && hasBatch()) {
      disarm();
      const batch = takeBatch(waiting, eventsMax);
      taken += batch.length;
      const sending = send(publisher, batch, options);
      underWay.add(sending);
      void sending.then(() => {
        underWay.delete(sending);
        pump();
      });
    }
    if (waiting.length > 0 && taken >= due && timer === null) arm();
  };
  const flush = async () => {
    allDue();
    // What is published meanwhile is for the next one: who publishes without a pause would be waited for without an end.
    const target = due;
    const isSent = () => taken >= target;
    while (!isSent()) await Promise.race(underWay);
    await Promise.all(underWay);
  };
  return {
    publish: async (input) => {
      if (isClosed) throw new TypeError("The batcher is closed");
      const event = publisher.prepare(input, "event");
      return new Promise((resolve, reject) => {
        waiting.push({ event, resolve, reject });
        pump();
      });
    },
    flush,
    close: () => {
      isClosed = true;
      return flush();
    },
  };
}

/** Takes the oldest that fit into one request, at least one. */
function takeBatch(waiting: Waiting[], eventsMax: number): readonly Waiting[] {
  let bytes = 0;
  const over = waiting.findIndex(({ event }, index) => {
    bytes += event.bytes + 1;
    return index > 0 && (index === eventsMax || bytes > BATCH_BYTES_DEFAULT);
  });
  return waiting.splice(0, over === -1 ? waiting.length : over);
}

async function send(publisher: Publisher, batch: readonly Waiting[], options: Patience): Promise<void> {
  const events = batch.map(({ event }) => event);
  const failed = await publisher.prepared(events, options).then(
    ({ events: outcomes }) => {
      for (const [index, one] of batch.entries()) settle(one, outcomes[index]);
      return null;
    },
    (error: unknown) => ({ error }),
  );
  if (failed === null) return;
  const { error } = failed;
  for (const [index, one] of batch.entries()) {
    const outcome = error instanceof PublishError ? error.results[index] : undefined;
    if (outcome === undefined || outcome.status === "unconfirmed") one.reject(errorOf(one.event, error));
    else settle(one, outcome);
  }
}

function settle({ resolve, reject }: Waiting, outcome: PublishError["results"][number] | undefined): void {
  if (outcome?.status === "accepted") resolve(outcome);
  else if (outcome?.status === "rejected") reject(new ProblemError(outcome.problem));
  else reject(new Error("An event of the batch has no outcome"));
}

/** The failure of a batch as that of one event of it: a refusal is what it is, as for an event that is published alone. */
function errorOf(event: PreparedEvent, error: unknown): unknown {
  if (!(error instanceof PublishError)) return error;
  if (isRefusal(error.cause)) return error.cause;
  return noneConfirmed([event], error.cause);
}

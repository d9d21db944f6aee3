/** Publishing what may never end: events of an iterable, a request's worth at a time, with one outcome for each, in order. */
import { BATCH_EVENTS_MAX, REQUEST_BYTES_MAX } from "../core/limits.ts";
import type { AcceptedEvent, RejectedEvent } from "./errors.ts";
import type { EventInput, PreparedEvent } from "./event.ts";
import { BATCH_BYTES_DEFAULT, positive, type Publisher, type PublishOptions } from "./publish.ts";
import type { Runtime } from "./runtime.ts";

/**
 * How a stream of events is published.
 *
 * @example
 * const options: PublishStreamOptions = { batchEvents: 50, maxDelayMs: 200 };
 */
export interface PublishStreamOptions extends Omit<PublishOptions, "concurrency"> {
  /** An event waits at most so long for others to go with it. Default: 1 000. */
  readonly maxDelayMs?: number;
}

const DELAY_MS_DEFAULT = 1_000;

/** Where the events of a stream come from. */
export type EventSource = AsyncIterable<EventInput> | Iterable<EventInput>;

interface Streaming {
  readonly publisher: Publisher;
  readonly runtime: Pick<Runtime, "sleep">;
}

/**
 * Reads at most one event ahead of what is being sent: a slow server slows the source down, and memory holds one batch.
 * @throws PublishError when a batch is not confirmed; the outcomes of all before it were yielded. What the source throws, behind the
 * outcomes of what it gave before.
 */
export async function* publishStream(
  { publisher, runtime }: Streaming,
  events: EventSource,
  options: PublishStreamOptions,
): AsyncGenerator<AcceptedEvent | RejectedEvent, void, undefined> {
  options.signal?.throwIfAborted();
  const batches = createBatches(events, { publisher, runtime }, options);
  try {
    for (let batch = await batches.next(); batch.length > 0; batch = await batches.next()) {
      const { events: outcomes } = await publisher.prepared(batch, options);
      yield* outcomes;
    }
  } finally {
    await batches.stop();
  }
}

interface Batches {
  /** The next events that go together; none at the end. */
  next(): Promise<PreparedEvent[]>;
  /** Tells the source that nobody reads on. */
  stop(): Promise<void>;
}

type Step = PreparedEvent | "end" | "pause";

function createBatches(events: EventSource, { publisher, runtime }: Streaming, options: PublishStreamOptions): Batches {
  const { batchEvents = BATCH_EVENTS_MAX, batchBytes = BATCH_BYTES_DEFAULT, maxDelayMs = DELAY_MS_DEFAULT } = options;
  const eventsMax = Math.min(positive("batchEvents", batchEvents), BATCH_EVENTS_MAX);
  const bytesMax = Math.min(positive("batchBytes", batchBytes), REQUEST_BYTES_MAX);
  const source = Symbol.asyncIterator in events ? events[Symbol.asyncIterator]() : events[Symbol.iterator]();
  const abort = abortOf(options.signal);
  let asked: Promise<IteratorResult<EventInput>> | null = null;
  let carried: PreparedEvent | null = null;
  let failure: { readonly error: unknown } | null = null;
  let isOver = false;
  let count = 0;

  const step = async (pause: Promise<"pause"> | null): Promise<Step> => {
    asked ??= Promise.resolve(source.next());
    const result = await Promise.race([asked, abort, ...(pause === null ? [] : [pause])]);
    if (result === "pause") return result;
    asked = null;
    if (result.done === true) {
      isOver = true;
      return "end";
    }
    count += 1;
    return publisher.prepare(result.value, `events[${count - 1}]`);
  };

  /** What goes wrong waits until the events before it are sent. */
  const stepOrFailure = async (batch: readonly PreparedEvent[], pause: Promise<"pause"> | null): Promise<Step> => {
    try {
      return await step(pause);
    } catch (error) {
      const isAborted = options.signal?.aborted === true;
      // A source that threw has ended.
      if (asked !== null && !isAborted) isOver = true;
      if (batch.length === 0 || isAborted) throw error;
      failure = { error };
      return "pause";
    }
  };

  const collect = async (waited: AbortController): Promise<PreparedEvent[]> => {
    const batch = carried === null ? [] : [carried];
    let bytes = carried?.bytes ?? 0;
    let pause: Promise<"pause"> | null = null;
    carried = null;
    while (batch.length < eventsMax) {
      if (batch.length > 0) pause ??= runtime.sleep(maxDelayMs, waited.signal).then(() => "pause" as const);
      const event = await stepOrFailure(batch, pause);
      if (event === "pause" || event === "end") break;
      if (batch.length > 0 && bytes + event.bytes + batch.length + 2 > bytesMax) {
        carried = event;
        break;
      }
      batch.push(event);
      bytes += event.bytes;
    }
    return batch;
  };

  return {
    next: async () => {
      if (failure !== null) throw failure.error;
      if (isOver && carried === null) return [];
      const waited = new AbortController();
      return collect(waited).finally(() => waited.abort());
    },
    stop: async () => {
      if (isOver) return;
      const stopped = Promise.resolve(source.return?.());
      // A generator that is still waiting for its next event would be waited for as well.
      if (asked === null) await stopped;
      else stopped.catch(() => {});
    },
  };
}

function abortOf(signal: AbortSignal | undefined): Promise<never> {
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
  // Nobody may be waiting at that moment.
  aborted.catch(() => {});
  return aborted;
}

/** Publishing what may never end: events of an iterable, a request's worth at a time, with one outcome for each, in order. */
import type { AcceptedEvent, RejectedEvent } from "./errors.ts";
import type { PreparedEvent } from "./event.ts";
import { createEventReader, type EventReader, type EventSource } from "./event-reader.ts";
import { roomOf, type Publisher, type PublishOptions } from "./publish.ts";
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
  /**
   * `batches`, the default, go through everything. `lines` is one NDJSON request that is answered while it is sent: no event waits for
   * others. It needs a runtime and a network that hand on both at once, as Node and Workers do; browsers and proxies that buffer do not.
   */
  readonly as?: "batches" | "lines";
}

const DELAY_MS_DEFAULT = 1_000;

interface Streaming {
  readonly publisher: Publisher;
  readonly runtime: Pick<Runtime, "sleep">;
}

/**
 * Reads at most one event ahead of what is being sent: a slow server slows the source down, and memory holds one batch.
 * @throws PublishError when a batch is not confirmed; the outcomes of all before it were yielded. What the source throws, behind the
 * outcomes of what it gave before.
 */
export async function* publishBatches(
  { publisher, runtime }: Streaming,
  events: EventSource,
  options: PublishStreamOptions,
): AsyncGenerator<AcceptedEvent | RejectedEvent, void, undefined> {
  options.signal?.throwIfAborted();
  const reader = createEventReader(events, (event, place) => publisher.prepare(event, place), options.signal);
  const next = createBatches(reader, runtime, options);
  try {
    for (let batch = await next(); batch.length > 0; batch = await next()) {
      const { events: outcomes } = await publisher.prepared(batch, options);
      yield* outcomes;
    }
  } finally {
    await reader.stop();
  }
}

/** The next events that go together; none at the end. */
type NextBatch = () => Promise<PreparedEvent[]>;

function createBatches(reader: EventReader, runtime: Pick<Runtime, "sleep">, options: PublishStreamOptions): NextBatch {
  const { maxDelayMs = DELAY_MS_DEFAULT } = options;
  const { itemsMax, bytesMax } = roomOf(options);
  let carried: PreparedEvent | null = null;
  let failure: { readonly error: unknown } | null = null;

  const collect = async (waited: AbortController): Promise<PreparedEvent[]> => {
    const batch = carried === null ? [] : [carried];
    let bytes = carried === null ? 0 : carried.bytes + 1;
    let pause: Promise<"pause"> | null = null;
    carried = null;
    while (batch.length < itemsMax) {
      if (batch.length > 0) pause ??= runtime.sleep(maxDelayMs, waited.signal).then(() => "pause" as const);
      const event = await reader.next(pause).catch((error: unknown) => {
        // What goes wrong waits until the events before it are sent.
        if (batch.length === 0 || options.signal?.aborted === true) throw error;
        failure = { error };
        return "end" as const;
      });
      if (event === "pause" || event === "end") break;
      if (batch.length > 0 && bytes + event.bytes + 1 > bytesMax) {
        carried = event;
        break;
      }
      batch.push(event);
      bytes += event.bytes + 1;
    }
    return batch;
  };

  return async () => {
    if (failure !== null) throw failure.error;
    const waited = new AbortController();
    return collect(waited).finally(() => waited.abort());
  };
}

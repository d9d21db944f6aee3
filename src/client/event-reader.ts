/** Reads the events of an iterable one by one, made complete, and stops reading when it is told to. It sends nothing. */
import type { EventInput, PreparedEvent } from "./event.ts";

/** Where the events of a stream come from. */
export type EventSource = AsyncIterable<EventInput> | Iterable<EventInput>;

export interface EventReader {
  /**
   * The next event; `end` behind the last one; `pause` if that comes first, and then the event comes with the next call.
   * @throws what the source throws, TypeError on what is no event, the signal's reason.
   */
  next(pause?: Promise<"pause"> | null): Promise<PreparedEvent | "end" | "pause">;
  /** Tells the source that nobody reads on. */
  stop(): Promise<void>;
}

export function createEventReader(
  events: EventSource,
  prepare: (event: EventInput, place: string) => PreparedEvent,
  signal: AbortSignal | undefined,
): EventReader {
  const source = Symbol.asyncIterator in events ? events[Symbol.asyncIterator]() : events[Symbol.iterator]();
  const abort = abortOf(signal);
  let asked: Promise<IteratorResult<EventInput>> | null = null;
  let isOver = false;
  let count = 0;
  return {
    next: async (pause = null) => {
      if (isOver) return "end";
      asked ??= Promise.resolve(source.next());
      const own = asked.catch((error: unknown) => {
        // A source that threw has ended.
        isOver = true;
        throw error;
      });
      const result = await Promise.race([own, abort, ...(pause === null ? [] : [pause])]);
      if (result === "pause") return result;
      asked = null;
      if (result.done === true) {
        isOver = true;
        return "end";
      }
      count += 1;
      return prepare(result.value, `events[${count - 1}]`);
    },
    stop: async () => {
      if (isOver) return;
      isOver = true;
      const stopped = Promise.resolve(source.return?.());
      // A generator that is still waiting for its next event would be waited for as well.
      if (asked === null) await stopped;
      else stopped.catch(() => {});
    },
  };
}

/** Rejects with the signal's reason; nobody has to be waiting for that. */
export function abortOf(signal: AbortSignal | undefined): Promise<never> {
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
  aborted.catch(() => {});
  return aborted;
}

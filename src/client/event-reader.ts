/** Reads the events of an iterable one by one, made complete, and stops reading when it is told to. It sends nothing. */
import { err, ok, type Result } from "../core/result.ts";
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
  // What the source throws is a value: it may throw while nobody listens, and is told to whoever asks next.
  let asked: Promise<Result<IteratorResult<EventInput>, unknown>> | null = null;
  let isOver = false;
  let count = 0;
  return {
    next: async (pause = null) => {
      if (isOver) return "end";
      asked ??= ask(source);
      const told = await orAbort(pause === null ? asked : Promise.race([asked, pause]), signal);
      if (told === "pause") return told;
      asked = null;
      // A source that threw has ended.
      isOver = !told.ok || told.value.done === true;
      if (!told.ok) throw told.error;
      if (told.value.done === true) return "end";
      count += 1;
      return prepare(told.value.value, `events[${count - 1}]`);
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

async function ask(
  source: Iterator<EventInput> | AsyncIterator<EventInput>,
): Promise<Result<IteratorResult<EventInput>, unknown>> {
  try {
    return ok(await source.next());
  } catch (error) {
    return err(error);
  }
}

/**
 * The work's answer, unless the signal aborts first. Each wait has a promise of its own: racing one that lives as long as the stream
 * would keep something of every event.
 * @throws the signal's reason.
 */
export async function orAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const wait = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
    wait.signal.addEventListener("abort", () => signal.removeEventListener("abort", stop));
    if (signal.aborted) stop();
  });
  return Promise.race([work, aborted]).finally(() => wait.abort());
}

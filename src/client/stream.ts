/** Following what happens: server-sent events, read for as long as they are looped over, whatever becomes of the connection. */
import { serverSentEvents, type ServerSentEvent } from "../core/server-sent-events.ts";
import { NetworkError, ProblemError, UnexpectedAnswerError } from "./errors.ts";
import { backoffMs } from "./retry.ts";
import type { Runtime } from "./runtime.ts";
import type { Transport } from "./transport.ts";

/**
 * How a stream is followed.
 *
 * @example
 * for await (const { id, event } of client.events.stream({}, { lastEventId: await readPlace() })) await savePlace(id);
 */
export interface StreamOptions {
  /** The id of the last entry that was read: it goes on behind that. Else it begins with what happens from now on. */
  readonly lastEventId?: string;
  /** Its abort ends the loop, without an error. */
  readonly signal?: AbortSignal;
  /** Told each time that the stream is open: the id from which it goes on; null while something is replayed first. */
  readonly onOpen?: (id: string | null) => void;
  /** Told an id up to which everything is told, now and then: it goes on from there, whether there were entries or not. */
  readonly onPlace?: (id: string) => void;
  /** Told why a connection was lost, before it is made again. */
  readonly onRetry?: (error: unknown) => void;
}

/** What is read of a stream. */
export interface Entry {
  /** For `lastEventId`; "" of what is replayed. */
  readonly id: string;
  readonly data: string;
}

/** A stream that says nothing for so long is gone: the server sends something every 15 s. */
const SILENCE_MS = 45_000;
/** Characters of one event that is not whole yet: an event of 1 MiB with all its escapes and attributes. */
const UNREAD_CHARS_MAX = 16_000_000;

interface Deps {
  readonly transport: Pick<Transport, "follow">;
  readonly runtime: Runtime;
}

export type Follow = (path: string, type: string, options: StreamOptions) => AsyncGenerator<Entry, void, undefined>;

/**
 * The entries of that type. It is connected again, with the last id, when the stream ends or breaks off, for as long as it takes.
 * @throws ProblemError and UnexpectedAnswerError of what coming again does not mend.
 */
export const createFollow = (deps: Deps): Follow =>
  async function* follow(path, type, options) {
    const signal = options.signal ?? new AbortController().signal;
    let last = options.lastEventId ?? "";
    let failures = 0;
    while (!signal.aborted) {
      let failure: unknown = null;
      try {
        for await (const event of connected(deps, { path, last, signal })) {
          last = event.id;
          if (event.event === "open") {
            options.onOpen?.(event.id === "" ? null : event.id);
            continue;
          }
          failures = 0;
          if (event.event === "place") options.onPlace?.(event.id);
          if (event.event === type) yield { id: event.id, data: event.data };
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!isPassing(error)) throw error;
        failure = error;
        options.onRetry?.(error);
      }
      failures += 1;
      await deps.runtime.sleep(backoffMs(failures, failure, deps.runtime.fraction()), signal);
    }
  };

/** What may be over when the connection is made again. */
function isPassing(error: unknown): boolean {
  if (error instanceof ProblemError) return error.status >= 500 || error.status === 429;
  if (error instanceof UnexpectedAnswerError) return error.status >= 500;
  return error instanceof NetworkError;
}

/** The events of one connection, until it ends. @throws NetworkError when it breaks off or is silent for too long. */
async function* connected(
  { transport, runtime }: Deps,
  { path, last, signal }: { readonly path: string; readonly last: string; readonly signal: AbortSignal },
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const sending = new AbortController();
  const stop = () => sending.abort();
  signal.addEventListener("abort", stop);
  const events = serverSentEvents();
  const decoder = new TextDecoder();
  try {
    const headers = last === "" ? {} : { "last-event-id": last };
    const body = await inTime(runtime, sending.signal, transport.follow({ path, headers }, sending.signal));
    const reader = body.getReader();
    for (;;) {
      const { value, done } = await inTime(runtime, sending.signal, reader.read());
      if (done) return;
      for (const event of events.read(decoder.decode(value, { stream: true }))) yield event;
      if (events.unread() > UNREAD_CHARS_MAX) throw new NetworkError(`GET ${path}: an event has no end`);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    sending.abort();
  }
}

/** What the work gives, unless it is silent for too long or given up. */
async function inTime<T>(runtime: Runtime, signal: AbortSignal, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const end = () => over.abort();
  signal.addEventListener("abort", end);
  try {
    const silence = runtime.sleep(SILENCE_MS, over.signal).then((): never | Promise<never> => {
      if (over.signal.aborted && !signal.aborted) return new Promise<never>(() => {});
      throw new NetworkError(signal.aborted ? "The stream was given up" : `The stream is silent for ${SILENCE_MS} ms`);
    });
    return await Promise.race([work, silence]);
  } catch (error) {
    if (error instanceof NetworkError || error instanceof ProblemError || error instanceof UnexpectedAnswerError)
      throw error;
    throw new NetworkError("The stream broke off", { cause: error });
  } finally {
    over.abort();
    signal.removeEventListener("abort", end);
    // Whoever lost the race may still fail, and nobody waits for it.
    work.catch(() => {});
  }
}

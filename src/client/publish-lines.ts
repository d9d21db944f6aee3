/**
 * Publishing a stream as NDJSON: one request that is answered line by line while it is being sent. When it breaks off, the next one
 * begins with the first line that was not answered. It needs a runtime that hands out an answer before the request has ended.
 */
import type { PublishLine } from "./api.ts";
import { NDJSON_BYTES_MAX, NDJSON_LINES_MAX } from "../core/limits.ts";
import { isMembers, parsedJson } from "../core/json-value.ts";
import {
  NetworkError,
  ProblemError,
  TimeoutError,
  UnexpectedAnswerError,
  type AcceptedEvent,
  type RejectedEvent,
} from "./errors.ts";
import { createEventReader, orAbort, type EventSource } from "./event-reader.ts";
import { createLineWindow, type LineWindow } from "./line-window.ts";
import { patienceOf, type Patience } from "./options.ts";
import { noneConfirmed, outcomeOf, type Publisher } from "./publish.ts";
import type { PublishStreamOptions } from "./publish-stream.ts";
import { backoffMs, mayRepeat } from "./retry.ts";
import type { Runtime } from "./runtime.ts";
import type { Transport } from "./transport.ts";

type Outcome = AcceptedEvent | RejectedEvent;

export interface Lines {
  readonly publisher: Publisher;
  readonly transport: Transport;
  readonly runtime: Pick<Runtime, "now" | "sleep" | "fraction">;
  readonly patience: Required<Patience>;
}

/**
 * @throws PublishError with all that is not confirmed when retries do not help; they count anew after each line that is answered. The
 * signal's reason when it aborts and nothing is open. What the source throws, behind the outcomes of what it gave before.
 */
export async function* publishLines(
  lines: Lines,
  events: EventSource,
  options: PublishStreamOptions,
): AsyncGenerator<Outcome, void, undefined> {
  const { signal } = options;
  signal?.throwIfAborted();
  const { runtime } = lines;
  const patience = patienceOf(options, lines.patience);
  const reader = createEventReader(events, (event, place) => lines.publisher.prepare(event, place), signal);
  const window = createLineWindow(reader);
  let tries = 0;
  let deadline = Number.POSITIVE_INFINITY;
  try {
    // No request without an event: the source may take its time.
    while ((await window.at(window.first())) !== null) {
      try {
        for await (const outcome of oneRequest(lines, { window, timeoutMs: patience.timeoutMs }, options)) {
          tries = 0;
          yield outcome;
        }
      } catch (error) {
        if (signal?.aborted === true) throw unconfirmed(window, signal.reason);
        tries += 1;
        if (tries === 1) deadline = runtime.now() + patience.deadlineMs;
        const wait = backoffMs(tries, error, runtime.fraction());
        if (!mayRepeat(error, "always") || tries > patience.retries || runtime.now() + wait > deadline)
          throw unconfirmed(window, error);
        await runtime.sleep(wait, signal ?? new AbortController().signal);
      }
    }
  } finally {
    await reader.stop();
  }
}

/** With nothing open it is the cause itself. */
function unconfirmed(window: LineWindow, cause: unknown): unknown {
  const events = window.open();
  return events.length === 0 ? cause : noneConfirmed(events, cause);
}

interface Sending {
  readonly window: LineWindow;
  readonly timeoutMs: number;
}

async function* oneRequest(
  { transport, runtime }: Lines,
  { window, timeoutMs }: Sending,
  { signal, hops }: PublishStreamOptions,
): AsyncGenerator<Outcome, void, undefined> {
  signal?.throwIfAborted();
  const start = window.first();
  const ending = new AbortController();
  const stop = () => ending.abort();
  signal?.addEventListener("abort", stop);
  const { body, sent, isClosed } = bodyFrom(window, ending.signal);
  // What is read and not yet sent waits for the server too: to be reached, or to read on. Behind the last event its last line is due.
  const isAwaited = () => window.open().length > 0 || isClosed();
  const silence = createSilence({ runtime, timeoutMs, signal: ending.signal }, isAwaited);
  const within = <T>(work: Promise<T>) => orAbort(silence.during(work), signal);
  try {
    const headers = hops === undefined ? {} : { "fantail-hops": String(hops) };
    const answer = await within(transport.open({ path: "/v1/events", headers, body }, ending.signal));
    const chunks = answer.getReader();
    for await (const line of linesOf(() => within(chunks.read()))) {
      if (line.status === "done" && window.first() === sent()) return;
      if (line.status === "stopped") throw new ProblemError(line.problem);
      const event = window.open()[0];
      const place = window.first();
      if (event === undefined || line.status === "done" || line.line !== place - start + 1 || place >= sent())
        throw new UnexpectedAnswerError("POST /v1/events: the answer tells of another line", 200);
      // Its number is that of one request, of which the caller knows nothing.
      const { line: _, ...entry } = line;
      const outcome = outcomeOf(event, entry, 200);
      window.confirm();
      yield outcome;
    }
    throw new NetworkError("POST /v1/events: the answer broke off");
  } catch (error) {
    if (error instanceof ProblemError || error instanceof NetworkError || error instanceof UnexpectedAnswerError)
      throw error;
    throw new NetworkError("POST /v1/events: no whole answer", { cause: error });
  } finally {
    ending.abort();
    signal?.removeEventListener("abort", stop);
  }
}

interface LinesBody {
  readonly body: ReadableStream<Uint8Array>;
  /** The place behind the last one. */
  readonly sent: () => number;
  /** Whether it has come to its end. */
  readonly isClosed: () => boolean;
}

/** The lines from the first that is open, as they come, up to what one request takes. */
function bodyFrom(window: LineWindow, ended: AbortSignal): LinesBody {
  const encoder = new TextEncoder();
  const start = window.first();
  let place = start;
  let bytes = 0;
  let isClosed = false;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // What the source throws is told once everything before it is answered.
        const event = place - start < NDJSON_LINES_MAX ? await window.at(place).catch(() => null) : null;
        // The request has broken off meanwhile: the event is for the next one.
        if (ended.aborted) return;
        if (event === null || (place > start && bytes + event.bytes + 1 > NDJSON_BYTES_MAX)) {
          isClosed = true;
          return controller.close();
        }
        place += 1;
        bytes += event.bytes + 1;
        controller.enqueue(encoder.encode(`${event.text}\n`));
      },
    },
    { highWaterMark: 0 },
  );
  return { body, sent: () => place, isClosed: () => isClosed };
}

/** Gives up when nothing is heard for `timeoutMs` while something is awaited; a silent source is no silence of the server. */
function createSilence(
  given: { readonly runtime: Pick<Runtime, "sleep">; readonly timeoutMs: number; readonly signal: AbortSignal },
  isAwaited: () => boolean,
) {
  const { runtime, timeoutMs, signal } = given;
  return {
    during: async <T>(work: Promise<T>): Promise<T> => {
      const heard = new AbortController();
      const stop = () => heard.abort();
      signal.addEventListener("abort", stop);
      const silent = async (): Promise<never> => {
        for (;;) {
          const wasAwaited = isAwaited();
          await runtime.sleep(timeoutMs, heard.signal);
          if (heard.signal.aborted) return new Promise<never>(() => {});
          if (wasAwaited) throw new TimeoutError(`POST /v1/events: no answer within ${timeoutMs} ms`, timeoutMs);
        }
      };
      try {
        return await Promise.race([work, silent()]);
      } finally {
        heard.abort();
        signal.removeEventListener("abort", stop);
      }
    },
  };
}

interface Chunk {
  readonly done: boolean;
  readonly value?: Uint8Array | undefined;
}

/** What comes behind the last line feed is a line that broke off. */
async function* linesOf(read: () => Promise<Chunk>): AsyncGenerator<PublishLine, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for (let chunk = await read(); !chunk.done; chunk = await read()) {
    const texts = (rest + decoder.decode(chunk.value, { stream: true })).split("\n");
    rest = texts.pop() ?? "";
    for (const text of texts) yield lineOf(text);
  }
}

function lineOf(text: string): PublishLine {
  const value = parsedJson(text);
  if (!isLine(value))
    throw new UnexpectedAnswerError("POST /v1/events: a line of the answer is not one of Fantail's", 200);
  return value;
}

const STATUSES: readonly unknown[] = ["accepted", "rejected", "done", "stopped"];

const isLine = (value: unknown): value is PublishLine => isMembers(value) && STATUSES.includes(value["status"]);

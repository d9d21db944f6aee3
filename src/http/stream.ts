/**
 * Server-sent events as an answer: what a source finds, look after look, until the stream's time is over, its key does not allow it any more, or nobody
 * reads it. What a bus has of such streams is bounded. Decides nothing about what is in them.
 */
import type { Context } from "hono";
import {
  STREAM_BUSY_MS,
  STREAM_HEARTBEAT_MS,
  STREAM_IDLE_MS,
  STREAM_LEASE_MS,
  STREAM_MS_MAX,
  STREAM_READS_MAX,
  STREAM_RETRY_MS,
  STREAMS_PER_BUS_MAX,
} from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { writeServerSentEvent } from "../core/server-sent-events.ts";
import { type News, type TailPlace, Unavailable } from "../ports.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";

/** One thing that a stream tells, with the place behind it. */
export interface Told {
  readonly place: TailPlace;
  /** JSON. */
  readonly data: string;
}

export interface Source {
  /** The type of its events. */
  readonly event: string;
  /** Where it begins. */
  readonly start: TailPlace;
  /** What comes before that, null: nothing. It may throw Unavailable: then the stream ends. */
  readonly before: AsyncIterable<string> | null;
  readonly look: (after: TailPlace) => Promise<News<Told>>;
}

/** Whoever reads the stream. */
interface Reader {
  isGone: boolean;
  readonly gone: PromiseWithResolvers<void>;
}

const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store, no-transform" };
const LAST_EVENT_ID = "last-event-id";

/** The place as the `id` of an event. */
const textOf = ({ place, n }: TailPlace): string => `${place}-${n}`;

/** Where the request asks the stream to go on; null: it does not say. */
export function lastPlace(c: Context<HttpEnv>): Result<TailPlace | null, Refusal> {
  const text = c.req.header(LAST_EVENT_ID);
  // A client that has heard of nothing yet may send an empty one.
  if (text === undefined || text === "") return ok(null);
  const [, place, n] = /^(\d{1,15})-(\d{1,7})$/.exec(text) ?? [];
  if (place === undefined || n === undefined)
    return err(refusal("invalid-header", `${LAST_EVENT_ID} must be the id of an event of this stream`));
  return ok({ place: Number(place), n: Number(n) });
}

const tooMany = refusal(
  "too-many-streams",
  `The bus has ${STREAMS_PER_BUS_MAX} open streams, the limit: close one, or wait until one ends`,
);

/** The stream of that source. @throws Unavailable */
export async function streamed(c: Context<HttpEnv>, deps: HttpDeps, source: Source): Promise<Response> {
  const { tail, clock, logger } = deps;
  const { bus } = c.var.access;
  const id = c.var.requestId;
  // It has no body, whose end could be noted.
  if (c.req.method === "HEAD") return new Response(null, { headers: HEADERS });
  const startMs = clock.now();
  if (!(await tail.open(bus, id, { now: startMs, leaseMs: startMs + STREAM_LEASE_MS }))) return problem(c, tooMany);

  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const reader: Reader = { isGone: false, gone: Promise.withResolvers<void>() };
  const told = toldBy(c, deps, { source, reader });
  let isClosing = false;
  async function finish(): Promise<void> {
    if (isClosing) return;
    isClosing = true;
    try {
      await tail.close(bus, id);
    } catch (error) {
      // Its lease ends it.
      logger.warn("stream.not_closed", { request_id: id, error: String(error) });
    }
    end();
  }
  // What is read from the database belongs to this request: it must last as long as the stream does.
  c.env.background(ended);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await told.next();
        // Who hung up has closed it.
        if (reader.isGone) return undefined;
        if (done !== true) return controller.enqueue(encoder.encode(value));
        await finish();
        controller.close();
      } catch (error) {
        if (reader.isGone) return undefined;
        logger.error("stream.failed", { request_id: id, error: String(error) });
        await finish();
        controller.error(error);
      }
      return undefined;
    },
    async cancel() {
      reader.isGone = true;
      reader.gone.resolve();
      await finish();
    },
  });
  return new Response(body, { headers: HEADERS });
}

/** The text of the stream, piece by piece. While the database is away there is nothing new; the place stays. */
async function* toldBy(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  { source, reader }: { readonly source: Source; readonly reader: Reader },
): AsyncGenerator<string, undefined, undefined> {
  const { clock, logger } = deps;
  const { event, start, before, look } = source;
  const data = JSON.stringify({ bus: c.var.access.bus });
  const untilMs = clock.now() + STREAM_MS_MAX;
  /** What happened so far is told: whoever comes again with this id misses nothing. */
  const placed = (place: TailPlace): string => writeServerSentEvent({ event: "place", id: textOf(place), data });
  const away = (error: unknown): void => {
    if (!(error instanceof Unavailable)) throw error;
    logger.warn("stream.waits", { request_id: c.var.requestId, error: String(error) });
  };

  // Without an id until what comes first is told: who is cut off before that begins anew.
  yield writeServerSentEvent({
    event: "open",
    id: before === null ? textOf(start) : null,
    data,
    retryMs: STREAM_RETRY_MS,
  });
  if (before !== null) {
    try {
      for await (const told of before) yield writeServerSentEvent({ event, id: null, data: told });
    } catch (error) {
      away(error);
      return undefined;
    }
    yield placed(start);
  }

  let place = start;
  let checkedMs = clock.now();
  for (let reads = 0; !reader.isGone && reads < STREAM_READS_MAX && clock.now() < untilMs; reads++) {
    let news: News<Told> = { entries: [], place, more: false };
    try {
      news = await look(place);
      ({ place } = news);
    } catch (error) {
      away(error);
    }
    if (news.entries.length > 0)
      yield news.entries.map((one) => writeServerSentEvent({ event, id: textOf(one.place), data: one.data })).join("");
    if (clock.now() - checkedMs >= STREAM_HEARTBEAT_MS) {
      // Who comes again is told why.
      if (!(await isAllowed(c, deps))) return undefined;
      checkedMs = clock.now();
      yield placed(place);
    }
    const waitMs = news.entries.length > 0 ? STREAM_BUSY_MS : STREAM_IDLE_MS;
    if (!news.more) await Promise.race([clock.sleep(waitMs), reader.gone.promise]);
  }
  yield placed(place);
  return undefined;
}

/** Whether its key, and its session if it has one, still allow the stream; also while nobody can tell. */
async function isAllowed(c: Context<HttpEnv>, { clock }: Pick<HttpDeps, "clock">): Promise<boolean> {
  if ((c.var.sessionMs ?? Number.POSITIVE_INFINITY) <= clock.now()) return false;
  try {
    return (await c.var.reauthorize()) === null;
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return true;
  }
}

/**
 * Publishing: events cut into requests, and what became of each of them, in the order given. It knows no clock and no retries: the
 * transport sends the same bytes again until the answer is one.
 */
import type { Problem } from "./api.ts";
import { cut, type Room } from "../core/cut.ts";
import { BATCH_EVENTS_MAX, REQUEST_BYTES_MAX } from "../core/limits.ts";
import { isList, isMembers } from "../core/json-value.ts";
import {
  isRefusal,
  leavesOpen,
  ProblemError,
  PublishError,
  UnexpectedAnswerError,
  type AcceptedEvent,
  type RejectedEvent,
  type UnconfirmedEvent,
} from "./errors.ts";
import { prepareEvent, type Defaults, type EventInput, type PreparedEvent } from "./event.ts";
import type { CallOptions } from "./options.ts";
import type { Transport } from "./transport.ts";

/**
 * How a publish is sent.
 *
 * @example
 * const options: PublishOptions = { concurrency: 2, hops: webhook.hops };
 */
export interface PublishOptions extends CallOptions {
  /** Requests under way at a time. Default: 4. */
  readonly concurrency?: number;
  /** Events of one request, at most 100, which is the default. */
  readonly batchEvents?: number;
  /** Bytes of one request's body. An event that is larger goes alone. Default: 4 000 000. */
  readonly batchBytes?: number;
  /** When the events answer a webhook: the `hops` of that, so that events which run in a circle end. */
  readonly hops?: number;
}

/**
 * How one event is published.
 *
 * @example
 * const { explain } = await client.publish({ type: "order.created" }, { explain: true });
 */
export interface PublishOneOptions extends PublishOptions {
  /** Also answers which subscriptions take the event, which nearly do, and why, as `explain`. The key needs the scope `read` too. */
  readonly explain?: boolean;
}

/**
 * What became of the events.
 *
 * @example
 * const { rejected, events } = await client.publish(orders);
 * if (rejected > 0) console.error(events.filter(({ status }) => status === "rejected"));
 */
export interface PublishSummary {
  readonly accepted: number;
  readonly rejected: number;
  /** One for each event, in the order given. */
  readonly events: readonly (AcceptedEvent | RejectedEvent)[];
}

/** A body may have so many bytes: below REQUEST_BYTES_MAX, with room for what stands between. */
export const BATCH_BYTES_DEFAULT = 4_000_000;
const CONCURRENCY_DEFAULT = 4;
const SINGLE = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";

type Outcome = AcceptedEvent | RejectedEvent | UnconfirmedEvent;

export interface Publisher {
  one(event: EventInput, options: PublishOneOptions): Promise<AcceptedEvent>;
  many(events: Iterable<EventInput>, options: PublishOptions): Promise<PublishSummary>;
  /** `many` of what is prepared: a batcher prepares before it collects. */
  prepared(events: readonly PreparedEvent[], options: PublishOptions): Promise<PublishSummary>;
  prepare(event: EventInput, place: string): PreparedEvent;
}

export function createPublisher(transport: Transport, defaults: Defaults): Publisher {
  const prepare = (event: EventInput, place: string) => prepareEvent(event, place, defaults);
  const prepared = (events: readonly PreparedEvent[], options: PublishOptions) => send(transport, events, options);
  return {
    prepare,
    prepared,
    many: async (events, options) => {
      options.signal?.throwIfAborted();
      return prepared(
        Array.from(events, (event, index) => prepare(event, `events[${index}]`)),
        options,
      );
    },
    one: async (event, options) => {
      options.signal?.throwIfAborted();
      return acceptedOf(await prepared([prepare(event, "event")], options).catch(throwRefusal));
    },
  };
}

/** The one event of a publish. @throws ProblemError when it was refused. */
function acceptedOf({ events: [only] }: PublishSummary): AcceptedEvent {
  if (only?.status === "accepted") return only;
  if (only === undefined) throw new UnexpectedAnswerError("The answer tells of no event", 202);
  throw new ProblemError(only.problem);
}

/** A request of one event that is refused is told as that: nothing is left open. */
function throwRefusal(error: unknown): never {
  if (error instanceof PublishError && isRefusal(error.cause)) throw error.cause;
  throw error;
}

async function send(
  transport: Transport,
  events: readonly PreparedEvent[],
  options: PublishOptions,
): Promise<PublishSummary> {
  const outcomes: Outcome[] = events.map(({ id, source }) => ({ status: "unconfirmed", id, source }));
  const ranges = rangesOf(events, options);
  const requests = ranges.values();
  const failures: unknown[] = [];
  const work = async () => {
    for (const range of requests) {
      try {
        await sendRange(transport, { events, range, outcomes }, options);
      } catch (error) {
        failures.push(error);
      }
      // What has begun ends in order; nothing more begins.
      if (failures.length > 0) return;
    }
  };
  const { concurrency = CONCURRENCY_DEFAULT } = options;
  await Promise.all(Array.from({ length: Math.min(positive("concurrency", concurrency), ranges.length) }, work));
  const settled = outcomes.filter((outcome) => outcome.status !== "unconfirmed");
  if (failures.length === 0 && settled.length === events.length) {
    const accepted = settled.filter(({ status }) => status === "accepted").length;
    return { accepted, rejected: settled.length - accepted, events: settled };
  }
  const unconfirmed = events.filter((_, index) => outcomes[index]?.status === "unconfirmed");
  throw new PublishError(
    outcomes,
    unconfirmed.map(({ text }) => JSON.parse(text)),
    failures.at(-1),
  );
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** What one request holds, each event with the comma or the bracket behind it. */
export function roomOf({
  batchEvents = BATCH_EVENTS_MAX,
  batchBytes = BATCH_BYTES_DEFAULT,
}: Pick<PublishOptions, "batchEvents" | "batchBytes">): Room {
  const itemsMax = Math.min(positive("batchEvents", batchEvents), BATCH_EVENTS_MAX);
  // Without the first bracket.
  const bytesMax = Math.min(positive("batchBytes", batchBytes), REQUEST_BYTES_MAX) - 1;
  return { itemsMax, bytesMax };
}

/** Which events go together: as many as one request holds. */
function rangesOf(events: readonly PreparedEvent[], options: PublishOptions): Range[] {
  let to = 0;
  return cut(events, ({ bytes }) => bytes + 1, roomOf(options)).map(({ length }) => {
    const from = to;
    to += length;
    return { from, to };
  });
}

/** The failure of events of which none is confirmed. */
export const noneConfirmed = (events: readonly PreparedEvent[], cause: unknown): PublishError =>
  new PublishError(
    events.map(({ id, source }) => ({ status: "unconfirmed", id, source })),
    events.map(({ text }) => JSON.parse(text)),
    cause,
  );

interface Work {
  readonly events: readonly PreparedEvent[];
  readonly range: Range;
  /** Written as they become known. */
  readonly outcomes: Outcome[];
}

async function sendRange(transport: Transport, work: Work, options: PublishOptions): Promise<void> {
  const { events, range, outcomes } = work;
  const sent = events.slice(range.from, range.to);
  try {
    const found = await post(transport, sent, options);
    for (const [index, outcome] of found.entries()) outcomes[range.from + index] = outcome;
  } catch (error) {
    const found = error instanceof ProblemError ? refusedOf(error, sent) : "unknown";
    if (found === "unknown") throw error;
    if (found === "too-large") {
      // The bus takes less than others: nothing was accepted, and the halves may be.
      const middle = range.from + Math.ceil(sent.length / 2);
      await sendRange(transport, { ...work, range: { from: range.from, to: middle } }, options);
      await sendRange(transport, { ...work, range: { from: middle, to: range.to } }, options);
      return;
    }
    for (const [index, outcome] of found.entries()) outcomes[range.from + index] = outcome;
  }
}

async function post(
  transport: Transport,
  events: readonly PreparedEvent[],
  { hops, explain = false, ...options }: PublishOneOptions,
): Promise<readonly (AcceptedEvent | RejectedEvent)[]> {
  const [first] = events;
  const alone = events.length === 1 && first !== undefined;
  /** Why a try before the last one may have been carried out all the same. */
  let open: unknown;
  const onRetry = (error: unknown): void => {
    if (leavesOpen(error)) open = error;
  };
  const request = transport.send(
    {
      method: "POST",
      path: explain ? "/v1/events?explain=1" : "/v1/events",
      headers: {
        "content-type": alone ? SINGLE : BATCH,
        ...(hops === undefined ? {} : { "fantail-hops": String(hops) }),
      },
      body: alone ? first.text : `[${events.map(({ text }) => text).join(",")}]`,
      // Each event has its id.
      repeatable: "always",
      onRetry,
    },
    options,
  );
  const answer = await request.catch((error: unknown) => {
    // A key that ended between two tries says nothing of the first one.
    if (open !== undefined && isRefusal(error) && refusedOf(error, events) === "unknown") throw open;
    throw error;
  });
  const entries = isMembers(answer.value) ? answer.value["events"] : undefined;
  if (!isList(entries) || entries.length !== events.length)
    throw new UnexpectedAnswerError("POST /v1/events: the answer does not tell of each event", answer.status);
  return events.map((event, index) => {
    const entry = outcomeOf(event, entries[index], answer.status);
    return entry.status === "rejected" && !alone ? { ...entry, problem: problemOfOne(entry.problem, index) } : entry;
  });
}

/** What the answer says of an event. @throws UnexpectedAnswerError when it says it of another. */
export function outcomeOf(
  { id, source }: PreparedEvent,
  entry: unknown,
  status: number,
): AcceptedEvent | RejectedEvent {
  if (isAccepted(entry) && entry.id === id && entry.source === source) return entry;
  if (isRejected(entry)) return { status: "rejected", id, source, problem: entry.problem };
  throw new UnexpectedAnswerError("POST /v1/events: the answer tells of another event", status);
}

const isAccepted = (entry: unknown): entry is AcceptedEvent =>
  isMembers(entry) && entry["status"] === "accepted" && typeof entry["event_id"] === "string";

const isRejected = (entry: unknown): entry is { readonly problem: Problem } =>
  isMembers(entry) && entry["status"] === "rejected" && isMembers(entry["problem"]);

/** What a refused request says of each event; `unknown` when it says nothing of them. */
function refusedOf(
  error: ProblemError,
  events: readonly PreparedEvent[],
): readonly RejectedEvent[] | "too-large" | "unknown" {
  const { problem, slug } = error;
  const [first] = events;
  if (slug === "payload-too-large" && events.length > 1) return "too-large";
  const about =
    slug === "payload-too-large" || slug === "invalid-event" || (slug === "forbidden" && error.errors.length > 0);
  if (!about || first === undefined) return "unknown";
  if (events.length === 1) return [{ status: "rejected", id: first.id, source: first.source, problem }];
  return events.map(({ id, source }, index) => ({
    status: "rejected",
    id,
    source,
    problem: problemOfOne(problem, index),
  }));
}

/** A problem with the faults of one element of a batch alone, and pointers into that: how it was cut is not the caller's concern. */
function problemOfOne(problem: Problem, index: number): Problem {
  if (problem.errors === undefined) return problem;
  const place = `/${index}`;
  const own = problem.errors.filter(({ pointer }) => pointer === place || pointer.startsWith(`${place}/`));
  return { ...problem, errors: own.map(({ pointer, detail }) => ({ pointer: pointer.slice(place.length), detail })) };
}

export function positive(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`${name} must be a whole number from 1`);
  return value;
}

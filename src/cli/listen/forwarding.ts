/** Events handed to a local server: in the order of the record, some at a time, tried again while it is away. */
import type { FollowedEvent } from "../../client/record.ts";
import { systemRuntime } from "../../client/runtime.ts";
import { encodeEvent } from "../../core/cloudevents/json.ts";
import { memberSpan, outlineJson } from "../../core/cloudevents/json-text.ts";
import { decodeLine } from "../../core/cloudevents/request.ts";
import type { CloudEvent } from "../../core/event.ts";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";
import { pushLocally, type PushAnswer, type Target } from "./push.ts";

export interface Forwarding {
  readonly target: Target;
  /** Whether an event is tried until the server takes it (2xx). Else only without an answer, for some seconds. */
  readonly isStubborn: boolean;
  readonly signal: AbortSignal;
}

/** What became of an event. */
export interface Forwarded extends PushAnswer {
  readonly attempts: number;
  readonly isDelivered: boolean;
}

/** Waits after an attempt without an answer: a server that is started anew by its watcher is back by then. */
const WAITS_MS = [250, 500, 1_000, 2_000] as const;
const STUBBORN_WAIT_MS_MAX = 30_000;

/** @throws the signal's reason when it aborts: then nobody knows. */
export async function forward({ event, json }: FollowedEvent, forwarding: Forwarding): Promise<Forwarded> {
  const published = publishedEvent(json);
  const push = {
    event: published,
    text: encodeEvent(published),
    eventId: event.event_id,
    acceptedMs: Date.parse(event.accepted_at),
  };
  for (let attempt = 1; ; attempt += 1) {
    const answer = await pushLocally(forwarding.target, { ...push, attempt }, forwarding.signal);
    const isDelivered = answer.status !== null && answer.status >= 200 && answer.status < 300;
    const wait = isDelivered ? null : waitAfter(answer, attempt, forwarding.isStubborn);
    if (wait === null) return { ...answer, attempts: attempt, isDelivered };
    await systemRuntime.sleep(wait, forwarding.signal);
    forwarding.signal.throwIfAborted();
  }
}

/** The event that an entry of the stream holds, its data as it was sent. @throws Error on what no router of ours tells. */
function publishedEvent(json: string): CloudEvent {
  // The entry around the event is a level of its own.
  const outlined = outlineJson(json, JSON_DEPTH_MAX + 1, memberSpan("event"));
  const span = outlined.ok ? outlined.value.outline : null;
  const text = span === null ? "" : json.slice(span.start, span.end);
  const source = { bus: "", idempotencyKey: null, freshId: "", now: 0 };
  const decoded = decodeLine({ body: new TextEncoder().encode(text), ...source });
  if (!decoded.ok) throw new Error(`The stream holds an event that is none: ${decoded.error.detail}`);
  return decoded.value;
}

/** Null: that was the last attempt. */
function waitAfter({ status }: PushAnswer, attempt: number, isStubborn: boolean): number | null {
  if (isStubborn)
    return WAITS_MS[attempt - 1] ?? Math.min(STUBBORN_WAIT_MS_MAX, 2_000 * 2 ** (attempt - WAITS_MS.length));
  // An answer is an answer: whoever writes the server wants to see the first.
  return status === null ? (WAITS_MS[attempt - 1] ?? null) : null;
}

/**
 * Runs works in their order, so many at a time: `add` waits for a free place, `end` for all. What one throws is thrown by the next call, and
 * `onFailure` is called at once: the next call may be long in coming.
 */
export function inTurn(concurrency: number, onFailure: () => void) {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | null = null;
  const check = (): void => {
    if (failure !== null) throw failure.error;
  };
  return {
    add: async (work: () => Promise<void>): Promise<void> => {
      while (running.size >= concurrency) await Promise.race(running);
      check();
      const own: Promise<void> = work()
        .catch((error: unknown) => {
          failure ??= { error };
          onFailure();
        })
        .finally(() => running.delete(own));
      running.add(own);
    },
    end: async (): Promise<void> => {
      await Promise.all(running);
      check();
    },
  };
}

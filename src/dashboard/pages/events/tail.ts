/** The last events of a stream, as they are shown: what comes while one reads waits until one looks up. Pure. */
import type { EventSummary } from "../../../client/index.ts";

export interface Tail {
  /** Newest first, at most TAIL_MAX. */
  readonly shown: readonly EventSummary[];
  /** Came while it was paused: newest first, at most TAIL_MAX. */
  readonly waiting: readonly EventSummary[];
  /** Ids of those that came last: they are shown so. */
  readonly fresh: ReadonlySet<string>;
}

/** More than this nobody scrolls through, and a browser draws at ease. */
export const TAIL_MAX = 300;

export const EMPTY_TAIL: Tail = { shown: [], waiting: [], fresh: new Set() };

/** Those that came, the oldest first, are put on top, or wait. */
export function added(tail: Tail, came: readonly EventSummary[], isPaused: boolean): Tail {
  if (isPaused) return { ...tail, waiting: merged(tail.waiting, came) };
  const fresh = new Set(came.map(({ event_id }) => event_id));
  return { shown: merged(tail.shown, [...tail.waiting.toReversed(), ...came]), waiting: [], fresh };
}

/** What waited is shown. */
export const caughtUp = (tail: Tail): Tail => added({ ...tail, waiting: [] }, tail.waiting.toReversed(), false);

/** An event that comes again, after a connection was lost, stays in its one place. */
function merged(before: readonly EventSummary[], came: readonly EventSummary[]): readonly EventSummary[] {
  const known = new Set(before.map(({ event_id }) => event_id));
  const news = came.filter(({ event_id }) => !known.has(event_id));
  return [...news.toReversed(), ...before].slice(0, TAIL_MAX);
}

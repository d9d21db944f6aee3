/** How a sink is doing, and what that means for its deliveries. Types only: the arithmetic is in `d1/health.ts`, where nobody can come between. */
import type { SinkKey } from "./sink-key.ts";

export const LANES = ["fast", "slow"] as const;
/** `slow`: for sinks that take long or fail, so that they hold up only each other. */
export type Lane = (typeof LANES)[number];

export const BREAKERS = ["closed", "open", "half-open"] as const;
/** `open`: nothing is pushed. `half-open`: one probe is under way. */
export type Breaker = (typeof BREAKERS)[number];

/** What an attempt says about its sink, apart from the delivery. */
export interface Sign {
  /** It answers as one that works: also when it refuses this event for good, or asks for time. */
  readonly works: boolean;
  /** It wants no request before this (Unix milliseconds); null: it says nothing of that. */
  readonly pausedUntilMs: number | null;
  /** It wants none at all any more, and how it said so; null: it does. */
  readonly disables: DisabledReason | null;
  /** Headers that were not obeyed, because they say nothing we know or ask for too much. */
  readonly ignored: number;
}

/** What a claim knows of a sink. */
export interface KnownHealth {
  /** In a row. */
  readonly failures: number;
  /** The average of its attempts; null before the first. */
  readonly latencyMs: number | null;
  readonly lane: Lane;
  /** On lane `fast`, breaker closed, not asked to pause, and nothing failed lately. */
  readonly isClean: boolean;
}

/** `gone`: 410. `receiver`: `webhook-delivery: disable`. `failing`: nothing but failures for FAILING_DISABLE_MS. */
export const DISABLED_REASONS = ["gone", "receiver", "failing"] as const;
export type DisabledReason = (typeof DISABLED_REASONS)[number];

/** What a settle changed of a sink's health: the state after it. */
export interface SinkChange extends SinkKey {
  readonly breaker: Breaker;
  /** When the breaker opened; null while it is closed. */
  readonly openedMs: number | null;
  /** When a probe may be made; null while it is closed. */
  readonly probeMs: number | null;
  readonly pausedUntilMs: number;
  readonly failures: number;
  /** When the first of the failures in a row was made. */
  readonly failingSinceMs: number | null;
  /** Its breaker opened just now, having been closed. */
  readonly isOpening: boolean;
  /** Its breaker closed just now, and deliveries may be waiting for that. */
  readonly isResuming: boolean;
}

/**
 * Judges what the consumers report against what they should have received. Pure but for the score it keeps: no I/O, no clock.
 */
import type { Receipt } from "./messages.ts";
import type { Example } from "./payloads.ts";
import type { ConsumerPlan } from "./subscriptions.ts";

/** One consumer's account. */
export interface Score {
  readonly plan: ConsumerPlan;
  /** By event id. */
  readonly expected: ReadonlyMap<string, Example>;
  /** The `webhook-id` under which each expected event was delivered, by event id. */
  readonly delivered: Map<string, string>;
  requests: number;
  verified: number;
  /** Requests answered with 503, on purpose. */
  refused: number;
  /** Requests with an attempt number over 1. */
  retries: number;
  /** Requests for what had been answered with 2xx before. */
  duplicates: number;
  /** From the start of the publish to the receipt that was answered with 2xx. */
  readonly latenciesMs: number[];
  /** What must not happen, in words. */
  readonly faults: string[];
}

export function newScore(plan: ConsumerPlan, expected: ReadonlyMap<string, Example>): Score {
  return {
    plan,
    expected,
    delivered: new Map(),
    requests: 0,
    verified: 0,
    refused: 0,
    retries: 0,
    duplicates: 0,
    latenciesMs: [],
    faults: [],
  };
}

/** Enters one receipt. `startedMs` answers when the publish of an event began, in Unix milliseconds. */
export function enter(score: Score, receipt: Receipt, startedMs: (eventId: string) => number | undefined): void {
  score.requests += 1;
  if (receipt.verified) score.verified += 1;
  if (receipt.attempt > 1) score.retries += 1;
  if (receipt.answered === 503) score.refused += 1;
  if (receipt.problem !== null) score.faults.push(`${receipt.webhookId}: ${receipt.problem}`);
  if (receipt.event === null) return;

  const { id, fingerprint } = receipt.event;
  const wanted = score.expected.get(id);
  const before = score.delivered.get(id);
  const started = startedMs(id);
  if (wanted === undefined || started === undefined) {
    score.faults.push(`${id} is not for ${score.plan.name}`);
  } else if (before !== undefined) {
    score.duplicates += 1;
    score.faults.push(`${id} came again, as ${receipt.webhookId} after ${before}`);
  } else if (wanted.fingerprint === fingerprint) {
    score.delivered.set(id, receipt.webhookId);
    score.latenciesMs.push(receipt.atMs - started);
  } else {
    score.faults.push(`${id} is not the event that was published`);
  }
}

export function missing(score: Score): readonly string[] {
  return [...score.expected.keys()].filter((id) => !score.delivered.has(id));
}

/** Everything wrong with the account once nothing more is to come. */
export function faultsOf(score: Score): readonly string[] {
  const { plan, refused, retries } = score;
  const lost = missing(score);
  return [
    ...score.faults,
    ...(lost.length === 0
      ? []
      : [`${lost.length} missing: ${lost.slice(0, 5).join(", ")}${lost.length > 5 ? ", …" : ""}`]),
    ...(refused === plan.failures ? [] : [`${refused} requests answered 503, planned were ${plan.failures}`]),
    ...(retries >= refused ? [] : [`${refused} requests answered 503, but only ${retries} retries came`]),
  ].map((fault) => `${plan.name}: ${fault}`);
}

/** The smallest value that a share of the values does not exceed; null of none. `share` is in (0, 1]. */
export function percentile(values: readonly number[], share: number): number | null {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? null;
}

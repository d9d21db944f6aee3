/** What an attempt means for its delivery: the outcome table and the retry schedule. Pure: time and chance are passed in. */
import type { Answer, AttemptRecord, Outcome } from "./delivery.ts";
import { JITTER_MAX, PERMANENT_TRIES_MAX, RETRY_DELAY_SECONDS_MAX, SLOW_ATTEMPT_MS } from "./limits.ts";
import type { RetryPolicy } from "./subscription.ts";

export interface AttemptContext {
  /** Attempts since the delivery was last started, this one included: counts from 1. */
  readonly tries: number;
  readonly retry: RetryPolicy;
  /** Unix milliseconds, the end of the attempt. */
  readonly now: number;
  /** Uniform in [0, 1): spreads the retries of deliveries that failed together. */
  readonly fraction: number;
}

/**
 * | answer | outcome |
 * |---|---|
 * | 2xx | delivered |
 * | 410 | dead: gone |
 * | a status of `retry.permanent`, the try PERMANENT_TRIES_MAX or a later one | dead: rejected |
 * | anything else, and the schedule has a next entry | retry, after that entry or at `Retry-After` if that is later |
 * | anything else | dead: exhausted |
 *
 * Anything else is also a redirect, which is never followed, a timeout, a failed connection, and a sink that our policy refuses: its
 * address may be changed while the delivery waits.
 */
export function judge(answer: Answer, context: AttemptContext): Outcome {
  const { tries, retry } = context;
  if (answer.kind === "answered") {
    if (answer.status >= 200 && answer.status < 300) return { kind: "delivered" };
    if (answer.status === 410) return { kind: "dead", cause: "gone" };
    if (tries >= PERMANENT_TRIES_MAX && retry.permanent.includes(answer.status))
      return { kind: "dead", cause: "rejected" };
  }
  const waitSeconds = retry.scheduleSeconds[tries - 1];
  if (waitSeconds === undefined) return { kind: "dead", cause: "exhausted" };
  return { kind: "retry", dueMs: dueAt(waitSeconds, answer, context), slow: isSlow(answer) };
}

function dueAt(waitSeconds: number, answer: Answer, { now, fraction }: AttemptContext): number {
  const scheduled = now + Math.ceil(waitSeconds * 1_000 * (1 + fraction * JITTER_MAX));
  const asked = answer.kind === "answered" ? (answer.retryAtMs ?? scheduled) : scheduled;
  return Math.min(Math.max(scheduled, asked), now + RETRY_DELAY_SECONDS_MAX * 1_000);
}

export const isTimeout = (answer: Answer): boolean => answer.kind === "failed" && answer.error === "timeout";

/** What keeps a fast lane waiting belongs on the slow one. */
const isSlow = (answer: Answer): boolean => answer.durationMs > SLOW_ATTEMPT_MS || isTimeout(answer);

/** The same of an attempt that is on record. */
export const wasSlow = ({ duration_ms, error }: AttemptRecord): boolean =>
  duration_ms > SLOW_ATTEMPT_MS || error?.startsWith("timeout") === true;

/** The attempt as it is kept. `error` is the kind of the failure, a colon and its detail. */
export function recordOf(answer: Answer, attempt: number, atMs: number): AttemptRecord {
  const common = { attempt, at_ms: atMs, duration_ms: answer.durationMs };
  return answer.kind === "answered"
    ? { ...common, status: answer.status, error: null, answer: answer.sample === "" ? null : answer.sample }
    : { ...common, status: null, error: `${answer.error}: ${answer.detail}`, answer: null };
}

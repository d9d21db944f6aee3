/** What an attempt means for its delivery and for its sink: the outcome table and the retry schedule. Pure: time and chance are passed in. */
import type { Answer, AttemptRecord, Outcome, Settlement } from "./delivery.ts";
import type { KnownHealth, Sign } from "./health.ts";
import {
  JITTER_MAX,
  LATENCY_NOTED_MS,
  PERMANENT_TRIES_MAX,
  RETRY_DELAY_SECONDS_MAX,
  SLOW_ATTEMPT_MS,
} from "./limits.ts";
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
 * | 410, or `webhook-delivery: disable` | dead: gone |
 * | `webhook-delivery: abort` | dead: aborted |
 * | a status of `retry.permanent`, the try PERMANENT_TRIES_MAX or a later one | dead: rejected |
 * | anything else, and the schedule has a next entry | retry, after that entry or at `Retry-After` if that is later; at `defer=` in any case |
 * | anything else | dead: exhausted |
 *
 * Anything else is also a redirect, which is never followed, a timeout, a failed connection, and a sink that our policy refuses: its
 * address may be changed while the delivery waits.
 */
export function judge(answer: Answer, context: AttemptContext): Outcome {
  const { tries, retry } = context;
  if (answer.kind === "answered") {
    if (isSuccess(answer)) return { kind: "delivered" };
    if (disabledBy(answer) !== null) return { kind: "dead", cause: "gone" };
    if (answer.steering?.kind === "abort") return { kind: "dead", cause: "aborted" };
    const isDeferred = answer.steering?.kind === "defer";
    if (tries >= PERMANENT_TRIES_MAX && !isDeferred && isPermanent(answer, retry))
      return { kind: "dead", cause: "rejected" };
  }
  const waitSeconds = retry.scheduleSeconds[tries - 1];
  if (waitSeconds === undefined) return { kind: "dead", cause: "exhausted" };
  return { kind: "retry", dueMs: dueAt(waitSeconds, answer, context), slow: isSlow(answer) };
}

/**
 * What the attempt says about its sink; null when it says nothing, because the fault was ours. A sink works that takes the event, refuses it for good
 * (`retry.permanent`), steers its delivery (`webhook-delivery`), or says that it has too much just now (429 with `Retry-After`).
 */
export function signOf(answer: Answer, retry: RetryPolicy): Sign | null {
  if (answer.kind === "failed")
    return answer.error === "internal" ? null : { works: false, pausedUntilMs: null, disables: null, ignored: 0 };
  const pausedUntilMs = [429, 503].includes(answer.status) ? answer.retryAtMs : null;
  const isBusy = answer.status === 429 && pausedUntilMs !== null;
  const works = isSuccess(answer) || answer.steering !== null || isBusy || isPermanent(answer, retry);
  return { works, pausedUntilMs, disables: disabledBy(answer), ignored: answer.ignored };
}

type Answered = Extract<Answer, { readonly kind: "answered" }>;

const isSuccess = ({ status }: Answered): boolean => status >= 200 && status < 300;

const isPermanent = ({ status }: Answered, retry: RetryPolicy): boolean => retry.permanent.includes(status);

function disabledBy({ status, steering }: Answered): "gone" | "receiver" | null {
  if (status === 410) return "gone";
  return steering?.kind === "disable" ? "receiver" : null;
}

function dueAt(waitSeconds: number, answer: Answer, { now, fraction }: AttemptContext): number {
  const after = (seconds: number): number => now + Math.ceil(seconds * 1_000 * (1 + fraction * JITTER_MAX));
  const latest = now + RETRY_DELAY_SECONDS_MAX * 1_000;
  if (answer.kind !== "answered") return Math.min(after(waitSeconds), latest);
  if (answer.steering?.kind === "defer") return Math.min(after(answer.steering.seconds), latest);
  return Math.min(Math.max(after(waitSeconds), answer.retryAtMs ?? 0), latest);
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

/**
 * Whether it tells more of the sink than what is known: that it is well, and about as fast as it was. Without that, everything is news; and so is an
 * attempt that makes its sink slow, however near to the average it is.
 */
export function isNews({ outcome, attempt }: Settlement, known: KnownHealth | undefined): boolean {
  const latencyMs = known?.latencyMs ?? null;
  if (known?.isClean !== true || latencyMs === null || outcome.kind !== "delivered" || attempt === null) return true;
  if (wasSlow(attempt)) return true;
  return Math.abs(attempt.duration_ms - latencyMs) > Math.max(latencyMs / 2, LATENCY_NOTED_MS);
}

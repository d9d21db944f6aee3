/** Whether and when a request is sent again. It decides; it neither waits nor sends. */
import { NetworkError, ProblemError, UnexpectedAnswerError } from "./errors.ts";

/** The wait before the first retry is up to so long; the bound doubles with each. */
const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 20_000;

/** What sending a request a second time may do. */
export type Repeatable =
  /** Nothing more than the first time. */
  | "always"
  /** It would not find what it asked for if the first was carried out: only what is known to be refused is sent again. */
  | "when-refused";

export function mayRepeat(error: unknown, repeatable: Repeatable): boolean {
  if (error instanceof ProblemError && error.status === 429) return true;
  if (repeatable === "when-refused") return false;
  if (error instanceof ProblemError) return error.slug === "unavailable";
  // 5xx without a problem comes from what stands between.
  if (error instanceof UnexpectedAnswerError) return error.status >= 500;
  return error instanceof NetworkError;
}

/**
 * Exponential backoff with full jitter: any wait up to the bound is as likely, so that many clients do not come back together. What the
 * server asks for comes on top, for the same reason. `tries`: how often it was sent.
 */
export function backoffMs(tries: number, error: unknown, fraction: number): number {
  const bound = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** (tries - 1));
  const asked = error instanceof ProblemError ? (error.retryAfterMs ?? 0) : 0;
  return asked + Math.round(fraction * bound);
}

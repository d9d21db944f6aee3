/**
 * What went wrong, as the caller sees it: RFC 9457 `application/problem+json`. Decides which headers belong to a problem; which
 * problem it is was decided before.
 */
import type { Context } from "hono";
import {
  FAULTS_MAX,
  RATE_PERIOD_SECONDS,
  STREAM_FULL_RETRY_SECONDS,
  UNAVAILABLE_RETRY_SECONDS,
} from "../core/limits.ts";
import { PROBLEM_BASE, PROBLEMS, refusal, type Fault, type ProblemSlug, type Refusal } from "../core/problem.ts";
import { Unavailable } from "../ports.ts";
import type { HttpEnv } from "./deps.ts";

/** RFC 9457 §3.1, with `errors` for validation. `instance` is the id of the request. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly instance: string;
  readonly errors?: readonly Fault[];
}

const HEADERS: Partial<Record<ProblemSlug, Readonly<Record<string, string>>>> = {
  unauthorized: { "www-authenticate": "Bearer" },
  "rate-limited": { "retry-after": String(RATE_PERIOD_SECONDS) },
  "too-many-streams": { "retry-after": String(STREAM_FULL_RETRY_SECONDS) },
  unavailable: { "retry-after": String(UNAVAILABLE_RETRY_SECONDS) },
};

/** A refusal of the API alone: with headers that tell what would be accepted. */
export interface HttpRefusal extends Refusal {
  readonly headers?: Readonly<Record<string, string>>;
}

/** The refusal as a member of an answer. At most FAULTS_MAX faults are listed; the detail says so when there are more. */
export function problemOf({ slug, detail, errors }: Refusal, instance: string): Problem {
  const { status, title } = PROBLEMS[slug];
  const count = errors?.length ?? 0;
  const counted = count > FAULTS_MAX ? `${detail}; the first ${FAULTS_MAX} of ${count} faults are in errors` : detail;
  return {
    type: PROBLEM_BASE + slug,
    title,
    status,
    ...(counted === "" ? {} : { detail: counted }),
    instance,
    ...(errors === undefined ? {} : { errors: errors.slice(0, FAULTS_MAX) }),
  };
}

/** The refusal as an answer. */
export function problem(c: Context<HttpEnv>, refused: HttpRefusal): Response {
  const body = problemOf(refused, c.var.requestId);
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: { "content-type": "application/problem+json", ...HEADERS[refused.slug], ...refused.headers },
  });
}

/** What an error was caused by, as a member of a log line; none without a cause. */
export const causeOf = ({ cause }: Error): object =>
  cause === undefined ? {} : { cause: cause instanceof Error ? String(cause) : JSON.stringify(cause) };

/** A thrown error as an answer: our weather is told, a defect of ours is not. */
export function problemOfError(c: Context<HttpEnv>, error: Error): Response {
  if (!(error instanceof Unavailable)) return problem(c, refusal("internal-error", ""));
  return problem(c, refusal("unavailable", adviceOf(c)));
}

function adviceOf(c: Context<HttpEnv>): string {
  if (c.var.draw !== undefined)
    return "Not everything was confirmed; the same request with the same idempotency-key completes it and makes nothing twice";
  return c.var.isMaking
    ? "It is not known whether it was made: look for it in the list before sending the request again, which an idempotency-key would have spared"
    : "Not everything was confirmed; the same request may be sent again";
}

/** What the client throws. No message of it holds a key, a secret, or a body. */
import type { Fault, Problem, PublishAccepted } from "./api.ts";
import type { StructuredEvent } from "./event.ts";
import { PROBLEM_BASE, type ProblemSlug } from "../core/problem.ts";

/**
 * The base of everything that goes wrong between the client and Fantail.
 *
 * @example
 * try {
 *   await client.publish({ type: "order.created", data: { total: 42 } });
 * } catch (error) {
 *   if (error instanceof FantailError) console.error(error.message);
 * }
 */
export abstract class FantailError extends Error {
  override readonly name: string = "FantailError";
}

/** The name of a problem, as in `docs/problems.md`. A newer server may know more than this client. */
export type Slug = ProblemSlug | (string & {});

/**
 * Fantail refused the request, and said why (RFC 9457). Nothing of it was done, unless `status` is 500 or
 * more: then it is not known.
 *
 * @example
 * try {
 *   await client.subscriptions.update(id, { status: "paused" }, { ifMatch: version });
 * } catch (error) {
 *   if (error instanceof ProblemError && error.slug === "version-mismatch") console.error("Somebody was faster");
 *   else throw error;
 * }
 */
export class ProblemError extends FantailError {
  override readonly name = "ProblemError";
  /** The last part of the problem's type: `not-found`, `invalid-request`, … */
  readonly slug: Slug;
  readonly status: number;
  readonly title: string;
  /** What is wrong with this request; null when there is no more to say. */
  readonly detail: string | null;
  /** What is wrong with which member of the body. */
  readonly errors: readonly Fault[];
  /** The id of the request, for whoever runs the server. */
  readonly requestId: string;
  /** How long the server asks to wait before the next request; null: it does not. */
  readonly retryAfterMs: number | null;
  /** The problem as it came. */
  readonly problem: Problem;

  constructor(problem: Problem, retryAfterMs: number | null = null) {
    const slug = slugOf(problem);
    super(`${problem.detail ?? problem.title} (${slug}, ${problem.status}, ${problem.instance})`);
    this.slug = slug;
    this.status = problem.status;
    this.title = problem.title;
    this.detail = problem.detail ?? null;
    this.errors = problem.errors ?? [];
    this.requestId = problem.instance;
    this.retryAfterMs = retryAfterMs;
    this.problem = problem;
  }
}

/** Whether the error is the server's word that nothing was done. */
export const isRefusal = (error: unknown): error is ProblemError =>
  error instanceof ProblemError && error.status < 500 && error.status !== 429;

/** Whether the request may have been carried out all the same. Too many requests are refused before anything is done. */
export const leavesOpen = (error: unknown): boolean => !(error instanceof ProblemError && error.status < 500);

const slugOf = ({ type }: Problem): string => (type.startsWith(PROBLEM_BASE) ? type.slice(PROBLEM_BASE.length) : type);

/**
 * There was no answer, or it broke off: whether the request was carried out is not known. `cause` is what `fetch` threw.
 *
 * @example
 * if (error instanceof NetworkError) console.error("Not reached", error.cause);
 */
export class NetworkError extends FantailError {
  override readonly name: string = "NetworkError";
}

/**
 * There was no whole answer in time: whether the request was carried out is not known.
 *
 * @example
 * if (error instanceof TimeoutError) console.error(`No answer within ${error.timeoutMs} ms`);
 */
export class TimeoutError extends NetworkError {
  override readonly name = "TimeoutError";
  /** What the request was given. */
  readonly timeoutMs: number;

  constructor(message: string, timeoutMs: number) {
    super(message);
    this.timeoutMs = timeoutMs;
  }
}

/**
 * The answer is not one of Fantail's: a proxy's page, a redirect, or a URL that is another server's.
 *
 * @example
 * if (error instanceof UnexpectedAnswerError) console.error(`Is the URL right? It answered ${error.status}`);
 */
export class UnexpectedAnswerError extends FantailError {
  override readonly name = "UnexpectedAnswerError";
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** An event that is refused, and why: sending it again as it is changes nothing. */
export interface RejectedEvent {
  readonly status: "rejected";
  readonly id: string;
  readonly source: string;
  readonly problem: Problem;
}

/** An event of which it is not known whether it was accepted. */
export interface UnconfirmedEvent {
  readonly status: "unconfirmed";
  readonly id: string;
  readonly source: string;
}

/** An event that is on its way to everyone who takes it. */
export type AcceptedEvent = Readonly<PublishAccepted>;

/**
 * Not all events are confirmed. `cause` says why: the error of the request that failed last, or the reason of an abort. `unconfirmed`
 * holds events that can be published again as they are: they have their ids, so nothing happens twice.
 *
 * @example
 * try {
 *   await client.publish(orders);
 * } catch (error) {
 *   if (error instanceof PublishError) await keepForLater(error.unconfirmed);
 *   else throw error;
 * }
 */
export class PublishError extends FantailError {
  override readonly name = "PublishError";
  /** One for each event, in the order given. */
  readonly results: readonly (AcceptedEvent | RejectedEvent | UnconfirmedEvent)[];
  readonly unconfirmed: readonly StructuredEvent[];

  constructor(
    results: readonly (AcceptedEvent | RejectedEvent | UnconfirmedEvent)[],
    unconfirmed: readonly StructuredEvent[],
    cause: unknown,
  ) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`${unconfirmed.length} of ${results.length} events are not confirmed: ${reason}`, { cause });
    this.results = results;
    this.unconfirmed = unconfirmed;
  }
}

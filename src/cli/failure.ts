/** How a command ends when it does not succeed: what stands on stderr, and the exit code. It prints nothing itself. */
import {
  FantailError,
  NetworkError,
  ProblemError,
  PublishError,
  TimeoutError,
  UnexpectedAnswerError,
} from "../client/errors.ts";
import type { Problem } from "../client/api.ts";
import { isMembers } from "../core/json-value.ts";

/** Exit codes, as `fantail --help` and docs/cli.md tell them. */
export const EXIT = {
  ok: 0,
  /** The router refused it, or some of it failed. */
  failed: 1,
  /** The command line, a file or the configuration is wrong: nothing was sent. */
  usage: 2,
  /** There was no answer of a router. */
  unreachable: 3,
  /** Only of `fantail plan --detailed-exitcode`: there are changes. */
  changes: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The end of a command that does not succeed. Each line is a sentence without `fantail: ` before it and no final period. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly lines: readonly string[];
  readonly exitCode: ExitCode;
  /** For `--json`, where the router gave one. */
  readonly problem: Problem | null;

  constructor(
    lines: string | readonly string[],
    exitCode: ExitCode,
    { problem = null, cause }: { readonly problem?: Problem | null; readonly cause?: unknown } = {},
  ) {
    const list = typeof lines === "string" ? [lines] : lines;
    super(list.join("\n"), { cause });
    this.lines = list;
    this.exitCode = exitCode;
    this.problem = problem;
  }
}

/** What the person typed, or wrote into a file, is wrong. */
export const usage = (lines: string | readonly string[], cause?: unknown): Failure =>
  new Failure(lines, EXIT.usage, { cause });

/** Where the command line reached for, to be named in what went wrong. */
export interface Reached {
  readonly url: string;
  /** Where the key was found: `FANTAIL_KEY`, or a file. */
  readonly keyFrom: string;
}

/**
 * Any error as the end of a command. `reached` is null as long as nothing was asked of a router. An error that nobody expected is
 * thrown on: it is a defect, and its stack is wanted.
 */
export function failureOf(error: unknown, reached: Reached | null): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof PublishError) {
    const cause = failureOf(error.cause, reached);
    const count = `${error.unconfirmed.length} of ${error.results.length} events are not confirmed`;
    return new Failure(`${count}: ${cause.lines.join("; ")}`, cause.exitCode, { problem: cause.problem, cause: error });
  }
  if (error instanceof ProblemError) return refusalOf(error, reached);
  const url = reached?.url ?? "The router";
  if (error instanceof TimeoutError) return new Failure(`${url} does not answer: ${error.message}`, EXIT.unreachable);
  if (error instanceof NetworkError)
    return new Failure(`${url} cannot be reached: ${innermost(error)}`, EXIT.unreachable, { cause: error });
  if (error instanceof UnexpectedAnswerError)
    return new Failure(`${url} does not answer as a Fantail router: ${error.message}`, EXIT.unreachable);
  if (error instanceof FantailError) return new Failure(error.message, EXIT.failed, { cause: error });
  throw error;
}

function refusalOf(error: ProblemError, reached: Reached | null): Failure {
  const subject = error.slug === "unauthorized" && reached !== null ? `The key of ${reached.keyFrom} is refused: ` : "";
  return new Failure(`${subject}${problemLine(error.problem)}`, EXIT.failed, { problem: error.problem, cause: error });
}

/** A problem in one line: everything that is wrong, its slug and the id of the request. */
export function problemLine({ type, title, detail, errors = [], instance }: Problem): string {
  const told = errors.length > 1 ? errors.map((fault) => fault.detail).join("; ") : (detail ?? title);
  return `${told} (${type.slice(type.lastIndexOf("/") + 1)}, ${instance})`;
}

/** What the runtime says at the bottom of its causes: "connect ECONNREFUSED 127.0.0.1:8787". */
export function innermost(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0]);
  if (error instanceof Error && error.cause instanceof Error) return innermost(error.cause);
  if (!(error instanceof Error)) return String(error);
  const code = isMembers(error) && typeof error["code"] === "string" ? error["code"] : "";
  return error.message === "" ? code : error.message;
}

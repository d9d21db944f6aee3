/** How what has a version is changed: read, decided upon, written on that version, and again when others changed it in between. */
import type { Context } from "hono";
import { CHANGE_TRIES_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { type NotMade, Unavailable } from "../ports.ts";
import { allows, preconditionOf, versionMismatch } from "./conditions.ts";
import type { HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";

/** The answer to a step, null when others changed the thing since it was read. */
type Step = Promise<Response | null>;

/**
 * Answers what `apply` answers to the row, or `absent` when there is none. 412 when the row is not what `If-Match` and `If-None-Match` ask
 * for. @throws Unavailable when others were faster CHANGE_TRIES_MAX times.
 */
export async function changed<Row extends { readonly version: number }>(
  c: Context<HttpEnv>,
  steps: {
    /** As a sentence names it. */
    readonly noun: string;
    readonly find: () => Promise<Row | null>;
    readonly absent: () => Step;
    readonly apply: (current: Row) => Step;
  },
): Promise<Response> {
  const precondition = preconditionOf(c);
  if (!precondition.ok) return problem(c, precondition.error);
  for (let tries = 0; tries < CHANGE_TRIES_MAX; tries++) {
    const current = await steps.find();
    if (current !== null && !allows(precondition.value, current.version))
      return problem(c, versionMismatch(steps.noun, current));
    const answer = await (current === null ? steps.absent() : steps.apply(current));
    if (answer !== null) return answer;
  }
  throw new Unavailable(`Others changed the ${steps.noun} ${CHANGE_TRIES_MAX} times in between`);
}

/** Why something was not made, to the caller. `limit` says what the bus has as many of as it can. */
export function notMade(reason: NotMade, { bus, limit }: { readonly bus: string; readonly limit: string }): Refusal {
  switch (reason) {
    case "limit-reached":
      return refusal("limit-reached", `The bus has ${limit}, the limit`);
    case "bus-gone":
      return refusal("bus-not-found", `There is no bus ${bus}`);
    case "deleted-since":
      return refusal("not-found", "What this request made the first time was deleted since");
  }
}

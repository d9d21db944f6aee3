/** Handing events to ingest, for every form of a publish. */
import type { Context } from "hono";
import type { CloudEvent } from "../core/event.ts";
import type { Refusal } from "../core/problem.ts";
import { ok, type Result } from "../core/result.ts";
import type { Accepted } from "../ingest.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";

/** Runs ingest to its end even when the producer hangs up: half a publish is what nobody wants to find. @throws Unavailable */
export async function confirmed(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  publication: { bus: string; hops: number; events: readonly CloudEvent[]; requestId: string },
): Promise<Result<readonly Accepted[], Refusal>> {
  if (publication.events.length === 0) return ok([]);
  const { background } = c.env;
  const work = deps.ingest({ ...publication, background });
  // Settled, because its failure is told by the answer.
  background(Promise.allSettled([work]));
  return work;
}

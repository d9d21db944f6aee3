/**
 * The explanation of a publish: which subscriptions take the event, which nearly do, and why. It is made once the event is accepted, and
 * whatever becomes of it, the event stays accepted.
 */
import type { Context } from "hono";
import { eventForm } from "../core/event-form.ts";
import type { CloudEvent } from "../core/event.ts";
import { compileWanted } from "../core/filters/compile.ts";
import { explain as explainWanted } from "../core/filters/explain.ts";
import { walksOf } from "../core/filters/shortfall.ts";
import { EventView } from "../core/filters/view.ts";
import { inTime } from "../core/in-time.ts";
import {
  EVENT_WALK_BYTES_MIN,
  EXPLAIN_BYTES_MAX,
  EXPLAIN_SUBSCRIPTIONS_MAX,
  EXPLAIN_TIMEOUT_MS,
  EXPLAIN_WORK_BYTES_MAX,
} from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import type { Wanted } from "../core/subscription.ts";
import { utf8Bytes } from "../core/utf8.ts";
import { type KeyGrant, Unavailable } from "../ports.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { renderedExplanation } from "./explanation.ts";

interface SubscriptionExplained extends ReturnType<typeof renderedExplanation> {
  readonly subscription_id: string;
}

/** What the entry of the event has beside its receipt. */
export interface PublishExplained {
  /** Null: they could not be looked up. */
  readonly explain: readonly SubscriptionExplained[] | null;
  /** Subscriptions that are not among them. */
  readonly unexplained?: number;
}

/** Filters of subscriptions are shown, which a key that can but publish may not read. Null when this one may. */
export function explainRefusal(grant: KeyGrant | null): Refusal | null {
  if (grant === null || grant.scopes.includes("read")) return null;
  return refusal("forbidden", "The key has not the scope read, which explain needs beside publish");
}

export const explainsOneEvent = refusal(
  "invalid-parameter",
  "explain must be absent unless the request has exactly one event, and is not NDJSON",
);

const tooLate = () => new Unavailable(`No explanation within ${EXPLAIN_TIMEOUT_MS} ms`);

/**
 * At most EXPLAIN_SUBSCRIPTIONS_MAX subscriptions, those that take the event first; fewer when they have over EXPLAIN_BYTES_MAX, or take over
 * EXPLAIN_WORK_BYTES_MAX. Null, and a line in the log, when that fails or the database takes over EXPLAIN_TIMEOUT_MS.
 */
export async function publishExplained(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  { bus, event }: { readonly bus: string; readonly event: CloudEvent },
): Promise<PublishExplained> {
  try {
    return await inTime(explanations(c, deps, { bus, event }), deps.clock.sleep(EXPLAIN_TIMEOUT_MS), tooLate);
  } catch (error) {
    // The event is accepted: whatever is thrown here, a failure would say that it is not.
    const line = { request_id: c.var.requestId, bus };
    if (error instanceof Unavailable) deps.logger.warn("publish.not_explained", { ...line, error: String(error) });
    else
      deps.logger.error("publish.not_explained", { ...line, error: error instanceof Error ? error.stack : "no error" });
    return { explain: null };
  }
}

async function explanations(
  c: Context<HttpEnv>,
  { routes, subscriptions }: HttpDeps,
  { bus, event }: { readonly bus: string; readonly event: CloudEvent },
): Promise<PublishExplained> {
  const busRoutes = await routes.bus(bus, c.env.background);
  if (busRoutes === null) return { explain: [], unexplained: 0 };
  const values = new EventView(eventForm(event));
  const walksMax = EXPLAIN_WORK_BYTES_MAX / sizeOf(event);
  const ids = busRoutes.nearest(values, { limit: EXPLAIN_SUBSCRIPTIONS_MAX, walksMax });
  const wanted = ids.length === 0 ? new Map<string, Wanted>() : await subscriptions.wanted(bus, ids);
  const explain: SubscriptionExplained[] = [];
  let bytes = 0;
  let walks = 0;
  for (const id of ids) {
    const asked = wanted.get(id);
    // Deleted since the routes learned of it.
    if (asked === undefined) continue;
    // Once in whole, once in parts.
    walks += 2 * walksOf(compileWanted(asked));
    if (explain.length > 0 && walks + values.walks > walksMax) break;
    const entry = { subscription_id: id, ...renderedExplanation(explainWanted(asked, values)) };
    bytes += utf8Bytes(JSON.stringify(entry));
    if (explain.length > 0 && bytes > EXPLAIN_BYTES_MAX) break;
    explain.push(entry);
  }
  return { explain, unexplained: Math.max(0, busRoutes.size - explain.length) };
}

/** Characters, which stand for the work of walking over it once. */
function sizeOf({ data }: CloudEvent): number {
  return EVENT_WALK_BYTES_MIN + (data.kind === "json" ? data.text.length : 0);
}

/** `/v1/events`: what is on record, and erasing it. The event itself is spliced in as the text it has: it is never parsed and written anew. */
import { Hono, type Context } from "hono";
import { decodeEvent } from "../core/cloudevents/json.ts";
import { eventForm } from "../core/event-form.ts";
import { EventView } from "../core/filters/view.ts";
import { explain } from "../core/filters/explain.ts";
import { deliveryIdOf, isEventId, isSubscriptionId, isSeq } from "../core/ids.ts";
import { LIST_LIMIT_MAX } from "../core/limits.ts";
import { refusal } from "../core/problem.ts";
import { auditMark, auditNote } from "./audit.ts";
import { requires } from "./auth.ts";
import { crossOrigin, preflight, readableRefusals } from "./cors.ts";
import { unconditional } from "./conditions.ts";
import { eventQuery, explainQuery } from "./contract/events.ts";
import { renderedDelivery } from "./deliveries.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { eventInFull, renderedEvent } from "./event-summary.ts";
import { renderedExplanation } from "./explanation.ts";
import { drawOf } from "./idempotency.ts";
import { problem } from "./problem.ts";
import { publish } from "./publish.ts";
import { eventStream } from "./tail.ts";
import { nextCursor, partsOf, readQuery, spanOf } from "./query.ts";

const missing = refusal("not-found", "There is no such event, or it is not on record yet");
const eventErased = refusal("not-found", "The event is erased: what it said cannot be explained any more");
const bodyGone = refusal("not-found", "The body of the event is no longer kept: it cannot be explained");
const noSubscription = refusal("not-found", "There is no such subscription");

export const events = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .options("/", preflight)
    .post("/", readableRefusals, requires(deps, ["publish"], { readsQuery: true }), crossOrigin, (c) =>
      publish(c, deps),
    )
    .get("/", requires(deps, ["read"], { readsQuery: true }), async (c) => {
      const query = readQuery(c.req.url, eventQuery);
      if (!query.ok) return problem(c, query.error);
      const { limit, cursor, since, until, ...attributes } = query.value;
      const place = partsOf(cursor, [isSeq]);
      if (!place.ok) return problem(c, place.error);
      const filters = {
        ...attributes,
        ...spanOf({ since, until }),
      };
      const { rows, next } = await deps.record.events(c.var.access.bus, filters, { limit, cursor: place.value });
      return c.json({ data: rows.map(renderedEvent), next_cursor: nextCursor("events", next) });
    })
    .get("/stream", requires(deps, ["read"], { readsQuery: true }), (c) => eventStream(c, deps))
    .get("/:event_id", requires(deps, ["read"]), async (c) => {
      const { bus } = c.var.access;
      const eventId = c.req.param("event_id");
      const event = isEventId(eventId) ? await deps.record.event(bus, eventId) : null;
      if (event === null) return problem(c, missing);
      const { rows, next } = await deps.record.deliveries(bus, { eventId }, { limit: LIST_LIMIT_MAX, cursor: null });
      const head = eventInFull(event).slice(0, -1);
      const tail = JSON.stringify({
        deliveries: rows.map(renderedDelivery),
        deliveries_next_cursor: nextCursor("deliveries", next),
      }).slice(1);
      return c.body(`${head},${tail}`, 200, { "content-type": "application/json" });
    })
    .get("/:event_id/explain", requires(deps, ["read"], { readsQuery: true }), (c) =>
      explained(c, deps, c.req.param("event_id")),
    )
    .delete("/:event_id", requires(deps, ["manage"]), unconditional, (c) => erase(c, deps, c.req.param("event_id")));

/** Held against what the subscription takes at this moment: what it took then, nobody remembers. */
async function explained(c: Context<HttpEnv>, deps: HttpDeps, eventId: string): Promise<Response> {
  const query = readQuery(c.req.url, explainQuery);
  if (!query.ok) return problem(c, query.error);
  const { subscription_id: subscriptionId } = query.value;
  const { bus } = c.var.access;
  const event = isEventId(eventId) ? await deps.record.event(bus, eventId) : null;
  if (event === null) return problem(c, missing);
  if (event.body === null) return problem(c, event.erasedMs === null ? bodyGone : eventErased);
  const subscription = isSubscriptionId(subscriptionId) ? await deps.subscriptions.get(bus, subscriptionId) : null;
  if (subscription === null) return problem(c, noSubscription);
  const delivery = await deps.record.delivery(bus, eventId, subscriptionId, "");
  return c.json({
    event_id: eventId,
    subscription_id: subscriptionId,
    subscription_status: subscription.status,
    ...renderedExplanation(explain(subscription, new EventView(eventForm(decodeEvent(event.body))))),
    delivery_id: delivery && deliveryIdOf(eventId, subscriptionId, ""),
  });
}

/** An event has no version: it is erased whatever became of it meanwhile. */
async function erase(c: Context<HttpEnv>, deps: HttpDeps, eventId: string): Promise<Response> {
  const draw = drawOf(c, deps);
  const note = auditNote(auditMark(c, draw), { action: "event.erased", before: null, after: null });
  const erased = isEventId(eventId) && (await deps.record.erase(c.var.access.bus, eventId, { now: draw.now, note }));
  return erased ? c.body(null, 204) : problem(c, missing);
}

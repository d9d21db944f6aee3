/** `GET /v1/events`: what is on record. The event itself is spliced in as the text it has: it is never parsed and written anew. */
import { Hono } from "hono";
import { encodeCursor } from "../core/cursor.ts";
import { isEventId } from "../core/ids.ts";
import { LIST_LIMIT_MAX } from "../core/limits.ts";
import { refusal } from "../core/problem.ts";
import type { EventSummary } from "../ports.ts";
import { requires } from "./auth.ts";
import { eventQuery } from "./contract/events.ts";
import { renderedDelivery } from "./deliveries.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";
import { publish } from "./publish.ts";
import { readQuery } from "./query.ts";

const rendered = (event: EventSummary) => ({
  event_id: event.eventId,
  bus: event.bus,
  id: event.id,
  source: event.source,
  type: event.type,
  subject: event.subject,
  accepted_at: new Date(event.acceptedMs).toISOString(),
  matched: event.matched,
  duplicates: event.duplicates,
  bytes: event.bytes,
});

export const events = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .post("/", requires(deps, ["publish"]), (c) => publish(c, deps))
    .get("/", requires(deps, ["read"]), async (c) => {
      const query = readQuery(c.req.url, eventQuery);
      if (!query.ok) return problem(c, query.error);
      const { limit, cursor = null, since, until, ...attributes } = query.value;
      const filters = {
        ...attributes,
        ...(since === undefined ? {} : { sinceMs: since }),
        ...(until === undefined ? {} : { untilMs: until }),
      };
      const { rows, next } = await deps.record.events(c.var.access.bus, filters, { limit, cursor });
      return c.json({ data: rows.map(rendered), next_cursor: next === null ? null : encodeCursor("events", next) });
    })
    .get("/:event_id", requires(deps, ["read"]), async (c) => {
      const { bus } = c.var.access;
      const eventId = c.req.param("event_id");
      const event = isEventId(eventId) ? await deps.record.event(bus, eventId) : null;
      if (event === null) return problem(c, refusal("not-found", "There is no such event, or it is not on record yet"));
      const { rows, next } = await deps.record.deliveries(bus, { eventId }, { limit: LIST_LIMIT_MAX, cursor: null });
      const head = JSON.stringify(rendered(event)).slice(0, -1);
      const tail = JSON.stringify({
        deliveries: rows.map(renderedDelivery),
        deliveries_next_cursor: next === null ? null : encodeCursor("deliveries", next),
      }).slice(1);
      return c.body(`${head},"event":${event.body ?? "null"},${tail}`, 200, { "content-type": "application/json" });
    });

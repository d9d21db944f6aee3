/** Live tails: the events of a bus as they come on record, and the deliveries of a subscription as they are settled. */
import type { Context } from "hono";
import { cut } from "../core/cut.ts";
import { isSubscriptionId } from "../core/ids.ts";
import { SETTLES_KEPT_MS, STREAM_BYTES_MAX } from "../core/limits.ts";
import { refusal } from "../core/problem.ts";
import type { EventSummary } from "../ports.ts";
import { eventStreamQuery } from "./contract/streams.ts";
import { renderedDelivery } from "./deliveries.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { eventInFull } from "./event-summary.ts";
import { problem } from "./problem.ts";
import { readQuery } from "./query.ts";
import { lastPlace, streamed } from "./stream.ts";

const missing = refusal("not-found", "There is no such subscription");
const tooOld = refusal(
  "invalid-header",
  `last-event-id must be at most ${SETTLES_KEPT_MS / 3_600_000} h old: read what happened since with GET /v1/deliveries`,
);

export async function eventStream(c: Context<HttpEnv>, deps: HttpDeps): Promise<Response> {
  const query = readQuery(c.req.url, eventStreamQuery);
  if (!query.ok) return problem(c, query.error);
  const last = lastPlace(c);
  if (!last.ok) return problem(c, last.error);
  const { tail, record } = deps;
  const { bus } = c.var.access;
  const { replay, ...filters } = query.value;
  const start = last.value ?? (await tail.end("events"));
  // Read after the place: what comes on record in between is in both, and told once.
  const isReplaying = last.value === null && replay > 0;
  const { rows } = isReplaying ? await record.events(bus, filters, { limit: replay, cursor: null }) : { rows: [] };
  const replayed = new Set(rows.map(({ eventId }) => eventId));
  return streamed(c, deps, {
    event: "event",
    start,
    before: rows.length === 0 ? null : replayedEvents(deps, bus, rows.toReversed()),
    look: async (after) => {
      const { entries, ...rest } = await tail.events(bus, filters, { after, bytesMax: STREAM_BYTES_MAX });
      const fresh = entries.filter(({ event }) => !replayed.delete(event.eventId));
      return { entries: fresh.map((one) => ({ place: one.place, data: eventInFull(one.event) })), ...rest };
    },
  });
}

/** In the order given, no more bytes at a time than one look has. */
async function* replayedEvents(
  { tail }: HttpDeps,
  bus: string,
  summaries: readonly EventSummary[],
): AsyncGenerator<string, void, undefined> {
  const room = { itemsMax: Number.POSITIVE_INFINITY, bytesMax: STREAM_BYTES_MAX };
  for (const part of cut(summaries, ({ bytes }) => bytes, room)) {
    const events = await tail.bodies(
      bus,
      part.map(({ seq }) => seq),
    );
    const bySeq = new Map(events.map((event) => [event.seq, event]));
    for (const { seq } of part) {
      const event = bySeq.get(seq);
      // It was removed meanwhile.
      if (event !== undefined) yield eventInFull(event);
    }
  }
}

export async function deliveryStream(c: Context<HttpEnv>, deps: HttpDeps, subscriptionId: string): Promise<Response> {
  const last = lastPlace(c);
  if (!last.ok) return problem(c, last.error);
  const { tail } = deps;
  const { bus } = c.var.access;
  const isThere = isSubscriptionId(subscriptionId) && (await deps.subscriptions.get(bus, subscriptionId)) !== null;
  if (!isThere) return problem(c, missing);
  if (last.value !== null && (await tail.isOver(last.value, deps.clock.now()))) return problem(c, tooOld);
  return streamed(c, deps, {
    event: "delivery",
    start: last.value ?? (await tail.end("deliveries")),
    before: null,
    look: async (after) => {
      const { entries, ...rest } = await tail.deliveries(bus, subscriptionId, { after });
      return {
        entries: entries.map((one) => ({ place: one.place, data: JSON.stringify(renderedDelivery(one.delivery)) })),
        ...rest,
      };
    },
  });
}

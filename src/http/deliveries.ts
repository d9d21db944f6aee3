/** `/v1/deliveries`: what became of each event for each subscription, and trying again by hand. */
import { Hono } from "hono";
import type { AttemptRecord } from "../core/delivery.ts";
import { deliveryIdOf, isRun, isSeq, isSubscriptionId, parseDeliveryId } from "../core/ids.ts";
import { wasSlow } from "../core/outcome.ts";
import { refusal } from "../core/problem.ts";
import { timestamp, timestampOrNull } from "../core/timestamp.ts";
import type { DeliveryOnRecord } from "../ports.ts";
import { requires } from "./auth.ts";
import { unconditional } from "./conditions.ts";
import { deliveryQuery } from "./contract/deliveries.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { idempotent } from "./idempotency.ts";
import { problem } from "./problem.ts";
import { nextCursor, partsOf, readQuery, spanOf } from "./query.ts";

const missing = refusal("not-found", "There is no such delivery");

/** The column is written by settle alone, from `AttemptRecord`s: that is why its JSON is believed. */
function attemptsOf(delivery: DeliveryOnRecord): readonly AttemptRecord[] {
  const attempts: readonly AttemptRecord[] = JSON.parse(delivery.attempts);
  return attempts;
}

/** A claimed or waiting delivery is `pending` until an attempt of it has finished, then `retrying`. */
const statusOf = (state: string, attempts: readonly AttemptRecord[]): string =>
  state !== "claimed" && state !== "waiting" ? state : attempts.length === 0 ? "pending" : "retrying";

/** One delivery as lists show it. */
export function renderedDelivery(delivery: DeliveryOnRecord) {
  const { key, eventId } = delivery;
  const attempts = attemptsOf(delivery);
  const last = attempts.at(-1);
  return {
    id: deliveryIdOf(eventId, key.subscriptionId, key.run),
    event_id: eventId,
    subscription_id: key.subscriptionId,
    type: delivery.type,
    status: statusOf(delivery.state, attempts),
    cause: delivery.cause,
    attempt: delivery.attempt,
    due_at: timestampOrNull(delivery.dueMs),
    last_attempt: last === undefined ? null : renderedAttempt(last),
  };
}

const renderedAttempt = ({ attempt, at_ms, duration_ms, status, error, answer }: AttemptRecord) => ({
  attempt,
  at: timestamp(at_ms),
  duration_ms,
  status,
  error,
  answer,
});

export const deliveries = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .get("/", requires(deps, ["read"], { readsQuery: true }), async (c) => {
      const query = readQuery(c.req.url, deliveryQuery);
      if (!query.ok) return problem(c, query.error);
      const { limit, cursor, subscription_id, event_id, status, since, until } = query.value;
      const place = partsOf(cursor, [isSeq, isSubscriptionId, isRun]);
      if (!place.ok) return problem(c, place.error);
      const filters = {
        ...(subscription_id === undefined ? {} : { subscriptionId: subscription_id }),
        ...(event_id === undefined ? {} : { eventId: event_id }),
        ...(status === undefined ? {} : { status }),
        ...spanOf({ since, until }),
      };
      const { rows, next } = await deps.record.deliveries(c.var.access.bus, filters, { limit, cursor: place.value });
      return c.json({ data: rows.map(renderedDelivery), next_cursor: nextCursor("deliveries", next) });
    })
    .get("/:delivery_id", requires(deps, ["read"]), async (c) => {
      const delivery = await find(deps, c.var.access.bus, c.req.param("delivery_id"));
      if (delivery === null) return problem(c, missing);
      return c.json({ ...renderedDelivery(delivery), attempts: attemptsOf(delivery).map(renderedAttempt) });
    })
    .post("/:delivery_id/retry", requires(deps, ["manage"]), unconditional, idempotent(deps), async (c) => {
      const delivery = await find(deps, c.var.access.bus, c.req.param("delivery_id"));
      if (delivery === null) return problem(c, missing);
      const { key, eventId } = delivery;
      const id = deliveryIdOf(eventId, key.subscriptionId, key.run);
      const now = deps.clock.now();
      // A repetition may come when the attempt that the request asked for has been made: there is nothing left to do.
      const attemptedMs = attemptsOf(delivery).at(-1)?.at_ms;
      if (c.var.draw !== undefined && attemptedMs !== undefined && attemptedMs >= c.var.draw.now)
        return c.json({ id, status: statusOf(delivery.state, attemptsOf(delivery)) }, 202);
      const retried = await deps.record.retry(key, now);
      if (retried === null) return problem(c, missing);
      if (retried === "attempt-in-progress")
        return problem(
          c,
          refusal("attempt-in-progress", "An attempt of this delivery is in progress; its outcome comes first"),
        );
      if (retried === "event-erased")
        return problem(
          c,
          refusal("event-erased", "The event of this delivery is erased: there is nothing left to send"),
        );
      const attempts = attemptsOf(delivery);
      const last = attempts.at(-1);
      const slow = last !== undefined && wasSlow(last);
      await deps.wake([{ key, slow, dueMs: now }]);
      return c.json({ id, status: statusOf("waiting", attempts) }, 202);
    });

async function find(deps: HttpDeps, bus: string, deliveryId: string): Promise<DeliveryOnRecord | null> {
  const parts = parseDeliveryId(deliveryId);
  return parts && deps.record.delivery(bus, parts.eventId, parts.subscriptionId, parts.run);
}

/** The health of sinks: of one subscription with its lag, and which of the bus are in trouble. Attempts change it, no request does. */
import { Hono } from "hono";
import { isSubscriptionId } from "../core/ids.ts";
import { refusal } from "../core/problem.ts";
import { timestampOrNull } from "../core/timestamp.ts";
import type { SinkHealth } from "../ports.ts";
import { requires } from "./auth.ts";
import { sinkHealthQuery } from "./contract/sink-health.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";
import { nextCursor, placeOf, readQuery } from "./query.ts";

const missing = refusal("not-found", "There is no such subscription");

const rendered = (health: SinkHealth, now: number) => ({
  subscription_id: health.subscriptionId,
  bus: health.bus,
  lane: health.lane,
  breaker: health.breaker,
  latency_ms: health.latencyMs === null ? null : Math.round(health.latencyMs),
  // Averages have no end of digits.
  failure_rate: Math.round(health.failureRate * 1_000) / 1_000,
  failures: health.failures,
  failing_since: timestampOrNull(health.failingSinceMs),
  opened_at: timestampOrNull(health.openedMs),
  probe_at: timestampOrNull(health.probeMs),
  paused_until: timestampOrNull(health.pausedUntilMs > now ? health.pausedUntilMs : null),
});

/** How old that is, in seconds. Isolates' clocks are not one: what was accepted by another's may be to come. */
const lagSeconds = (oldestMs: number | null, now: number): number | null =>
  oldestMs === null ? null : Math.max(0, now - oldestMs) / 1_000;

export const sinkHealth = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .get("/subscriptions/:id/health", requires(deps, ["read", "manage"]), async (c) => {
      const id = c.req.param("id");
      const health = isSubscriptionId(id) ? await deps.health.get(c.var.access.bus, id) : null;
      if (health === null) return problem(c, missing);
      const now = deps.clock.now();
      return c.json({
        ...rendered(health, now),
        oldest_undelivered_at: timestampOrNull(health.oldestUndeliveredMs),
        lag_s: lagSeconds(health.oldestUndeliveredMs, now),
      });
    })
    .get("/health", requires(deps, ["read", "manage"], { readsQuery: true }), async (c) => {
      const query = readQuery(c.req.url, sinkHealthQuery);
      if (!query.ok) return problem(c, query.error);
      const { limit, cursor, ...filters } = query.value;
      const place = placeOf(cursor, isSubscriptionId);
      if (!place.ok) return problem(c, place.error);
      const now = deps.clock.now();
      const { rows, next } = await deps.health.list(c.var.access.bus, filters, { limit, before: place.value, now });
      return c.json({ data: rows.map((row) => rendered(row, now)), next_cursor: nextCursor("health", next) });
    });

/** What was counted: how much, how fast, and what waits. */
import type { GetMetricsQuery, Metrics as MetricsOfSpan, SubscriptionMetrics } from "./api.ts";
import { type Calls, type List, search } from "./calls.ts";
import type { CallOptions } from "./options.ts";

/**
 * Of what, and from when to when: RFC 3339 texts, or dates.
 *
 * @example
 * client.metrics.get({ since: new Date(Date.now() - 86_400_000), step: 3_600 });
 */
export interface MetricsQuery extends Omit<GetMetricsQuery, "since" | "until"> {
  readonly since?: string | Date;
  readonly until?: string | Date;
}

/**
 * The counts of the bus.
 *
 * @example
 * const { total, backlog } = await client.metrics.get();
 */
export interface Metrics {
  /** Of the bus or a subscription, in steps; of the last hour unless the query says otherwise. */
  get(query?: MetricsQuery, options?: CallOptions): Promise<MetricsOfSpan>;
  /** Of each subscription, in the last hour. */
  subscriptions(query?: { readonly limit?: number }, options?: CallOptions): List<SubscriptionMetrics>;
}

export const createMetrics = (calls: Calls): Metrics => ({
  get: (query = {}, options = {}) => calls.get(`/v1/metrics${search({ ...query })}`, options),
  subscriptions: (query = {}, options = {}) => calls.list("/v1/metrics/subscriptions", { ...query }, options),
});

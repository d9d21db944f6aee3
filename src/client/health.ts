/** The health of sinks: which of the bus are in trouble. How far one is behind is with its subscription. */
import type { ListSinkHealthQuery, SinkHealth } from "./api.ts";
import type { Calls, List } from "./calls.ts";
import type { CallOptions } from "./options.ts";

/**
 * Which sinks a list has; filters are combined.
 *
 * @example
 * client.health.list({ breaker: "open" });
 */
export type HealthQuery = Omit<ListSinkHealthQuery, "cursor">;

/**
 * The sinks of the bus.
 *
 * @example
 * for await (const { subscription_id, failures } of client.health.list()) console.log(subscription_id, failures);
 */
export interface Health {
  /** Those that are in trouble, newest subscription first. */
  list(query?: HealthQuery, options?: CallOptions): List<SinkHealth>;
}

export const createHealth = (calls: Calls): Health => ({
  list: (query = {}, options = {}) => calls.list("/v1/health", { ...query }, options),
});

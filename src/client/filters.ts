/** Filters: trying what a subscription would take before it does, and taking over those of other services. */
import type {
  FilterBacktest,
  FilterBacktested,
  FilterImport,
  FilterImported,
  FilterTest,
  FilterTested,
} from "./api.ts";
import type { Calls, Pages } from "./calls.ts";
import type { CallOptions } from "./options.ts";

/**
 * What is tried on the events on record.
 *
 * @example
 * const query: BacktestQuery = { types: ["order.created"], since: new Date(Date.now() - 86_400_000) };
 */
export interface BacktestQuery extends Omit<FilterBacktest, "since" | "until" | "cursor"> {
  /** Accepted at that time or after: an RFC 3339 text, or a date. */
  readonly since?: string | Date | null;
  /** Accepted before that time. */
  readonly until?: string | Date | null;
}

/**
 * Trying filters. Nothing is published or changed by any of these.
 *
 * @example
 * const { matched, explain } = await client.filters.test({ types: ["order.created"], event: { type: "order.paid" } });
 */
export interface Filters {
  /** Whether an event would be taken, and which conditions decide that. */
  test(test: FilterTest, options?: CallOptions): Promise<FilterTested>;
  /** What would have been taken of the events on record, newest first: loop over all pages and add up their counts, or ask for one `page()`. */
  backtest(query: BacktestQuery, options?: CallOptions): Pages<FilterBacktested>;
  /** What a subscription states to take the events that a filter of another service takes. */
  import(filter: FilterImport, options?: CallOptions): Promise<FilterImported>;
}

const PATH = "/v1/filters";

export const createFilters = (calls: Calls): Filters => ({
  test: (test, options = {}) => calls.ask(`${PATH}/test`, test, options),
  // In JSON a date is its RFC 3339 text.
  backtest: (query, options = {}) => calls.pages(`${PATH}/backtest`, { ...query }, options),
  import: (filter, options = {}) => calls.ask(`${PATH}/import`, filter, options),
});

/** How many of the last day's events would go another way after a change: a backtest of each, up to a bound. */
import type { FilterBacktested } from "../../client/api.ts";
import type { Client } from "../../client/client.ts";
import { ProblemError } from "../../client/errors.ts";
import type { BacktestQuery } from "../../client/filters.ts";
import type { Members } from "../../core/json-value.ts";
import { DAY_MS } from "../../core/timestamp.ts";
import type { AnyChange } from "./changes.ts";

export interface Impact {
  /** Events that it was tried on. */
  readonly examined: number;
  /** Of these: taken after the change and not before. */
  readonly gained: number;
  /** Taken before the change and not after. */
  readonly lost: number;
  /** Whether there are more events of that day. */
  readonly isPart: boolean;
}

/** Events that one change is tried on, at most. */
const EVENTS_MAX = 10_000;

/** Null: the change moves no events, or the key may not look at any. */
export async function impactOf(client: Client, change: AnyChange, nowMs: number): Promise<Impact | null> {
  const since = new Date(nowMs - DAY_MS);
  try {
    const query = await queryOf(client, change);
    return query === null ? null : await countOf(client, { ...query, since }, change);
  } catch (error) {
    // Whoever may change subscriptions may not be allowed to read events.
    if (error instanceof ProblemError && error.slug === "forbidden") return null;
    throw error;
  }
}

type Filters = Pick<BacktestQuery, "types" | "source" | "filters" | "subscription_id">;

const ROUTING = ["types", "source", "filters"];

async function queryOf(client: Client, change: AnyChange): Promise<Filters | null> {
  if (change.kind !== "subscription") return null;
  if (change.action === "create") return filtersOf(change.document);
  if (change.action === "update" && !Object.keys(change.patch).some((member) => ROUTING.includes(member))) return null;
  const now = await client.subscriptions.get(change.id);
  const { types, source, filters } = now;
  if (change.action === "delete") return { types, source, filters };
  return { ...filtersOf({ types, source, filters, ...change.patch }), subscription_id: change.id };
}

const filtersOf = ({ types = null, source = null, filters = null }: Members): Filters =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `parseWanted` has read them
  ({ types, source, filters }) as Filters;

async function countOf(client: Client, query: BacktestQuery, change: AnyChange): Promise<Impact> {
  const total = { examined: 0, gained: 0, lost: 0 };
  let next: string | undefined;
  do {
    const page: FilterBacktested = await client.filters.backtest(query).page(next);
    total.examined += page.examined;
    total.gained += page.difference?.gained.count ?? (change.action === "create" ? page.matched : 0);
    total.lost += page.difference?.lost.count ?? (change.action === "delete" ? page.matched : 0);
    next = page.next_cursor ?? undefined;
  } while (next !== undefined && total.examined < EVENTS_MAX);
  return { ...total, isPart: next !== undefined };
}

/**
 * Use case: what a filter would have taken of the events on record, a page at a time, and how that differs from what a subscription takes.
 * Each event is read, tried and let go before the next one: a page of bodies is in memory as text, never as values.
 */
import { decodeEvent } from "./core/cloudevents/json.ts";
import { sha256Hex } from "./core/digest.ts";
import { eventForm } from "./core/event-form.ts";
import { compileWanted } from "./core/filters/compile.ts";
import { walksOf } from "./core/filters/shortfall.ts";
import { BACKTEST_BODIES_BYTES_MAX, BACKTEST_SAMPLE_MAX, BACKTEST_WORK_BYTES_MAX } from "./core/limits.ts";
import { createMatcher } from "./core/matcher/matcher.ts";
import type { Fault } from "./core/problem.ts";
import { err, ok, type Result } from "./core/result.ts";
import type { Wanted } from "./core/subscription.ts";
import { faultAt } from "./core/words.ts";
import type { EventRecord, EventSummary, SubscriptionStore } from "./ports.ts";

export interface BacktestRequest {
  readonly bus: string;
  readonly wanted: Wanted;
  /** Whom it is compared with; null: nobody. */
  readonly subscriptionId: string | null;
  /** Of the events that are looked at: accepted at or after, and before. Null: all that are on record. */
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  /** Events of one page, at most. */
  readonly limit: number;
  /** The `next` of the page before; null: the newest. */
  readonly cursor: BacktestPlace | null;
}

/** Where a backtest goes on, and the mark of what it asks: another one must not go on there. */
export type BacktestPlace = readonly [seq: string, mark: string];

export interface Hits {
  readonly count: number;
  /** The newest, at most BACKTEST_SAMPLE_MAX. */
  readonly sample: readonly EventSummary[];
}

/** Of one page. */
export interface Backtest {
  readonly examined: number;
  /** Events whose body is erased or no longer kept. */
  readonly skipped: number;
  readonly matched: Hits;
  /** What the subscription does not take, and what it alone takes; null: there is none to compare with. */
  readonly difference: { readonly gained: Hits; readonly lost: Hits } | null;
  /** Null at the end. */
  readonly next: BacktestPlace | null;
}

const SUBSCRIPTION = "must be the id of a subscription of this bus";
const CURSOR =
  "must be a next_cursor of the same filters, subscription and span, and of the subscription as it still is";

/** One page of a backtest. The error: `/subscription_id` is unknown, or `/cursor` is of another backtest. @throws Unavailable */
export async function backtest(
  ports: {
    readonly record: Pick<EventRecord, "bodies">;
    readonly subscriptions: Pick<SubscriptionStore, "wanted">;
  },
  request: BacktestRequest,
): Promise<Result<Backtest, readonly Fault[]>> {
  const { bus, wanted, subscriptionId, sinceMs, untilMs, limit, cursor } = request;
  const known = subscriptionId === null ? null : await ports.subscriptions.wanted(bus, [subscriptionId]);
  const current = subscriptionId === null ? null : (known?.get(subscriptionId) ?? null);
  if (subscriptionId !== null && current === null) return err([faultAt("/subscription_id", SUBSCRIPTION)]);
  const mark = await markOf([wanted, subscriptionId, current, sinceMs, untilMs]);
  if (cursor !== null && cursor[1] !== mark) return err([faultAt("/cursor", CURSOR)]);

  const span = { ...(sinceMs === null ? {} : { sinceMs }), ...(untilMs === null ? {} : { untilMs }) };
  const page = { limit, bytesMax: BACKTEST_BODIES_BYTES_MAX, cursor: cursor === null ? null : [cursor[0]] };
  const loaded = await ports.record.bodies(bus, span, page);
  const rows = affordable(loaded.rows, wanted, current);
  const [seq] = rows.length < loaded.rows.length ? [rows.at(-1)?.seq] : (loaded.next ?? []);
  return ok({ ...tried(rows, wanted, current), next: seq === undefined ? null : [seq, mark] });
}

/** Characters of a mark: it tells requests of one caller apart, and keeps nobody from anything. */
const MARK_CHARS = 16;

const markOf = async (asked: readonly unknown[]): Promise<string> =>
  (await sha256Hex(JSON.stringify(asked))).slice(0, MARK_CHARS);

/** Whether it may be the mark of a backtest. */
export const isBacktestMark = (text: string): boolean => /^[0-9a-f]{16}$/.test(text);

type Rows = Awaited<ReturnType<EventRecord["bodies"]>>["rows"];

/** The first of them, at least one, that take no more than BACKTEST_WORK_BYTES_MAX together. */
function affordable(rows: Rows, wanted: Wanted, current: Wanted | null): Rows {
  const conditions = current === null ? [wanted] : [wanted, current];
  const walks = conditions.reduce((sum, one) => sum + walksOf(compileWanted(one)), 1);
  let work = 0;
  const end = rows.findIndex(({ body }) => (work += walks * (body?.length ?? 0)) > BACKTEST_WORK_BYTES_MAX);
  return end < 0 ? rows : rows.slice(0, Math.max(1, end));
}

function tried(rows: Rows, wanted: Wanted, current: Wanted | null): Omit<Backtest, "next"> {
  const matcher = createMatcher();
  matcher.set("wanted", wanted);
  if (current !== null) matcher.set("current", current);
  const [matched, gained, lost] = [createHits(), createHits(), createHits()];
  let skipped = 0;
  for (const { body, ...summary } of rows) {
    if (body === null) {
      skipped += 1;
      continue;
    }
    const takers = matcher.match(eventForm(decodeEvent(body)));
    const [isWanted, isCurrent] = [takers.includes("wanted"), takers.includes("current")];
    if (isWanted) matched.add(summary);
    if (isWanted && !isCurrent) gained.add(summary);
    if (isCurrent && !isWanted) lost.add(summary);
  }
  return {
    examined: rows.length - skipped,
    skipped,
    matched: matched.hits(),
    difference: current === null ? null : { gained: gained.hits(), lost: lost.hits() },
  };
}

function createHits() {
  let count = 0;
  const sample: EventSummary[] = [];
  return {
    add(event: EventSummary): void {
      count += 1;
      if (sample.length < BACKTEST_SAMPLE_MAX) sample.push(event);
    },
    hits: (): Hits => ({ count, sample }),
  };
}

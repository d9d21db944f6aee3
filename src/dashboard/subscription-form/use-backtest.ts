/** Trying filters on the events on record: page after page, as far as it is wanted. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { EventSummary, FilterBacktested } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import type { Wanted } from "./wanted.ts";

/** Events that are looked at before somebody is asked whether to go on. */
const EVENTS_MAX = 20_000;
/** Of those that are newly or no longer taken, and of those that are. */
const SAMPLE_MAX = 10;

export interface Hits {
  readonly count: number;
  /** The newest, at most `SAMPLE_MAX`. */
  readonly sample: readonly EventSummary[];
}

/** What is known so far. */
export interface Backtest {
  /** `part`: as many were looked at as are without asking; `stopped`: by whoever looks. */
  readonly state: "running" | "done" | "part" | "stopped" | "failed";
  readonly error: unknown;
  readonly examined: number;
  /** Events that are erased or no longer kept. */
  readonly skipped: number;
  readonly matched: Hits;
  /** Against what is saved; null: it is compared with nothing. */
  readonly difference: { readonly gained: Hits; readonly lost: Hits } | null;
}

export interface BacktestHandle {
  /** Null: none was begun. */
  readonly backtest: Backtest | null;
  /** Begins anew. @param sinceMs null: all that is on record. */
  readonly start: (sinceMs: number | null) => void;
  /** Goes on where it stopped. */
  readonly goOn: () => void;
  readonly stop: () => void;
}

interface Run {
  readonly page: (cursor: string | undefined, signal: AbortSignal) => Promise<FilterBacktested>;
  readonly cursor: string | undefined;
  readonly known: Backtest;
}

const NONE: Hits = { count: 0, sample: [] };

/** @param subscriptionId Whom it is compared with; null: nobody. What was found is dropped when `wanted` becomes another. */
export function useBacktest(wanted: Wanted, subscriptionId: string | null): BacktestHandle {
  const { client } = useSession();
  const [run, setRun] = useState<Run | null>(null);
  const sending = useRef<AbortController | null>(null);
  const identity = JSON.stringify([wanted, subscriptionId]);
  useEffect(() => {
    setRun(null);
    return () => sending.current?.abort();
  }, [identity]);

  const go = async ({ page, cursor: from, known: before }: Run) => {
    sending.current?.abort();
    const controller = new AbortController();
    sending.current = controller;
    const { signal } = controller;
    const endAt = before.examined + before.skipped + EVENTS_MAX;
    let known: Backtest = { ...before, state: "running", error: null };
    let cursor = from;
    setRun({ page, cursor, known });
    try {
      do {
        const answer = await page(cursor, signal);
        if (signal.aborted) return;
        known = added(known, answer);
        cursor = answer.next_cursor ?? undefined;
        setRun({ page, cursor, known });
      } while (cursor !== undefined && known.examined + known.skipped < endAt);
      setRun({ page, cursor, known: { ...known, state: cursor === undefined ? "done" : "part" } });
    } catch (error) {
      if (!signal.aborted) setRun({ page, cursor, known: { ...known, state: "failed", error } });
    }
  };

  return {
    backtest: run?.known ?? null,
    start: (sinceMs) => {
      const query = {
        ...wanted,
        ...(subscriptionId === null ? {} : { subscription_id: subscriptionId }),
        ...(sinceMs === null ? {} : { since: new Date(sinceMs) }),
      };
      const page: Run["page"] = (cursor, signal) => client.filters.backtest(query, { signal }).page(cursor);
      void go({ page, cursor: undefined, known: begun(subscriptionId !== null) });
    },
    goOn: () => {
      if (run !== null) void go(run);
    },
    stop: () => {
      sending.current?.abort();
      if (run !== null) setRun({ ...run, known: { ...run.known, state: "stopped" } });
    },
  };
}

const begun = (isCompared: boolean): Backtest => ({
  state: "running",
  error: null,
  examined: 0,
  skipped: 0,
  matched: NONE,
  difference: isCompared ? { gained: NONE, lost: NONE } : null,
});

function added(known: Backtest, { examined, skipped, matched, sample, difference }: FilterBacktested): Backtest {
  return {
    ...known,
    examined: known.examined + examined,
    skipped: known.skipped + skipped,
    matched: joined(known.matched, { count: matched, sample }),
    difference:
      known.difference === null || difference === null
        ? known.difference
        : {
            gained: joined(known.difference.gained, difference.gained),
            lost: joined(known.difference.lost, difference.lost),
          },
  };
}

/** The pages come newest first. */
const joined = (before: Hits, more: Hits): Hits => ({
  count: before.count + more.count,
  sample: [...before.sample, ...more.sample].slice(0, SAMPLE_MAX),
});

/** Loads what a page shows, and loads it again: on other inputs, on a retry, on time. What came too late is dropped. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { useSessionHandle } from "../session/session.tsx";

export interface Loaded<T> {
  /** The last that came; it stays while newer is asked for. Null: nothing came yet. */
  readonly data: T | null;
  /** Of the last request that ended; null when it succeeded. */
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

export interface LoadOptions<T> {
  /** Loads again this long after each answer, while the tab is looked at; by what came (null: nothing did) if it depends. Absent: never. */
  readonly everyMs?: number | ((data: T | null) => number | undefined);
}

/**
 * @param load Called with a signal that aborts when the answer is no longer wanted.
 * @param inputs Primitives; when one changes, the data of the former is dropped.
 * @example
 * const { client } = useSession();
 * const event = useLoad((signal) => client.events.get(id, { signal }), [id]);
 */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly (string | number | boolean | null | undefined)[],
  { everyMs }: LoadOptions<T> = {},
): Loaded<T> {
  const { round } = useSessionHandle();
  const [turn, setTurn] = useState(0);
  const identity = JSON.stringify(inputs);
  const [kept, setKept] = useState<Kept<T>>({ identity, data: null, error: null, isLoading: true });
  const latest = useRef(load);
  latest.current = load;
  const reload = useCallback(() => setTurn((before) => before + 1), []);

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    setKept((before) => ({
      identity,
      data: before.identity === identity ? before.data : null,
      // It stands until it is known to be over.
      error: before.identity === identity ? before.error : null,
      isLoading: true,
    }));
    latest.current(signal).then(
      (data) => {
        if (!signal.aborted) setKept({ identity, data, error: null, isLoading: false });
      },
      (error: unknown) => {
        if (!signal.aborted) setKept((before) => ({ ...before, error, isLoading: false }));
      },
    );
    return () => controller.abort();
  }, [identity, turn, round]);

  const isCurrent = kept.identity === identity;
  const isAtRest = !kept.isLoading;
  const afterMs = typeof everyMs === "function" ? everyMs(isCurrent ? kept.data : null) : everyMs;
  useEffect(
    () => (afterMs === undefined || !isAtRest ? undefined : whenLookedAt(afterMs, reload)),
    [afterMs, isAtRest, turn],
  );

  return {
    data: isCurrent ? kept.data : null,
    error: isCurrent ? kept.error : null,
    isLoading: kept.isLoading || !isCurrent,
    reload,
  };
}

interface Kept<T> {
  readonly identity: string;
  readonly data: T | null;
  readonly error: unknown;
  readonly isLoading: boolean;
}

/** Calls once: after the time, or when the tab is looked at again after it. Returns how to call it off. */
function whenLookedAt(afterMs: number, then: () => void): () => void {
  const due = Date.now() + afterMs;
  const look = () => {
    if (!document.hidden && Date.now() >= due) then();
  };
  const timer = setTimeout(look, afterMs + 1);
  document.addEventListener("visibilitychange", look);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  };
}

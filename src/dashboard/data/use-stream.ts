/** Follows a stream of the API for as long as the page shows it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useSessionHandle } from "../session/session.tsx";

export interface Followed {
  /** Why it ended; null while it goes on. */
  readonly error: unknown;
}

/**
 * @param open Opens the stream; the signal ends it. Null: nothing is followed (paused).
 * @param onItem Called with each, in order.
 * @param inputs What the stream depends on; when one changes, another is opened.
 * @example
 * useStream(isLive ? (signal) => client.events.stream({ type }, { signal }) : null, ({ event }) => add(event), [type, isLive]);
 */
export function useStream<T>(
  open: ((signal: AbortSignal) => AsyncIterable<T>) | null,
  onItem: (item: T) => void,
  inputs: readonly (string | number | boolean | null | undefined)[],
): Followed {
  const { round } = useSessionHandle();
  const [error, setError] = useState<unknown>(null);
  const latest = useRef({ open, onItem });
  latest.current = { open, onItem };
  useEffect(() => {
    const controller = new AbortController();
    setError(null);
    const follow = async () => {
      const items = latest.current.open?.(controller.signal) ?? [];
      for await (const item of items) {
        if (controller.signal.aborted) return;
        latest.current.onItem(item);
      }
    };
    follow().catch((reason: unknown) => {
      if (!controller.signal.aborted) setError(reason);
    });
    return () => controller.abort();
  }, [JSON.stringify(inputs), round]);
  return { error };
}

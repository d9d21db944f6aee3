/** A list that grows by pages of its cursor. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Page } from "../../client/index.ts";
import { useLoad, type LoadOptions } from "./use-load.ts";

export interface Listed<T> {
  /** All that was loaded, in the list's order; null: nothing came yet. */
  readonly rows: readonly T[] | null;
  readonly error: unknown;
  readonly isLoading: boolean;
  /** Whether the list goes on. */
  readonly hasMore: boolean;
  /** Loads the next page behind those that are there. */
  readonly more: () => void;
  /** Begins anew. */
  readonly reload: () => void;
  /** Asks again for what failed. */
  readonly retry: () => void;
}

/**
 * @param page One page: the first, or that of the cursor.
 * @param inputs What the list depends on; when one changes, it begins anew.
 * @param options With `everyMs` it is its first page that is loaded again: for lists that are short.
 * @example
 * const events = useList((cursor, signal) => client.events.list({ type }, { signal }).page(cursor), [type]);
 */
export function useList<T>(
  page: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
  inputs: readonly (string | number | boolean | null | undefined)[],
  options: LoadOptions<Page<T>> = {},
): Listed<T> {
  const first = useLoad((signal) => page(undefined, signal), inputs, options);
  const start: Further<T> = {
    of: first.data,
    rows: [],
    cursor: first.data?.next_cursor ?? null,
    error: null,
    isLoading: false,
  };
  const [kept, setFurther] = useState<Further<T>>(start);
  // What was behind another first page is gone with it.
  const further = kept.of === first.data ? kept : start;
  const current = useRef<AbortController | null>(null);
  useEffect(() => () => current.current?.abort(), [first.data]);

  const { cursor } = further;
  const more = () => {
    if (cursor === null || further.isLoading) return;
    const controller = new AbortController();
    current.current = controller;
    setFurther({ ...further, error: null, isLoading: true });
    page(cursor, controller.signal).then(
      ({ data, next_cursor }) => {
        if (controller.signal.aborted) return;
        setFurther({
          ...further,
          rows: [...further.rows, ...data],
          cursor: next_cursor,
          error: null,
          isLoading: false,
        });
      },
      (error: unknown) => {
        if (!controller.signal.aborted) setFurther({ ...further, error, isLoading: false });
      },
    );
  };
  return {
    rows: first.data === null ? null : [...first.data.data, ...further.rows],
    error: first.error ?? further.error,
    isLoading: first.isLoading || further.isLoading,
    hasMore: cursor !== null,
    more,
    reload: first.reload,
    retry: further.error === null ? first.reload : more,
  };
}

/** What is behind the first page. */
interface Further<T> {
  readonly of: Page<T> | null;
  readonly rows: readonly T[];
  readonly cursor: string | null;
  readonly error: unknown;
  readonly isLoading: boolean;
}

/** Something that a person sets off: a retry, a save. One at a time. */
import { useState } from "preact/hooks";

export interface Action<A extends readonly unknown[]> {
  readonly isRunning: boolean;
  /** Of the last run; null when it succeeded or none was. */
  readonly error: unknown;
  /** Never rejects: what goes wrong is in `error`. While one runs, nothing. */
  readonly run: (...given: A) => Promise<void>;
}

/**
 * @example
 * const retry = useAction(async (id: string) => {
 *   await client.deliveries.retry(id);
 *   say("It is tried again");
 * });
 */
export function useAction<A extends readonly unknown[]>(act: (...given: A) => Promise<void>): Action<A> {
  const [state, setState] = useState<{ readonly isRunning: boolean; readonly error: unknown }>({
    isRunning: false,
    error: null,
  });
  const run = async (...given: A) => {
    if (state.isRunning) return;
    setState({ isRunning: true, error: null });
    try {
      await act(...given);
      setState({ isRunning: false, error: null });
    } catch (error) {
      setState({ isRunning: false, error });
    }
  };
  return { ...state, run };
}

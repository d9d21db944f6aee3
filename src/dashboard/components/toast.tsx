import { createContext, type ComponentChildren } from "preact";
import { useCallback, useContext, useEffect, useState } from "preact/hooks";

/** Says that something was done, or was not. Errors that need an answer belong beside what failed: `ErrorLine`. */
export type Say = (text: string, tone?: "good" | "bad") => void;

interface Said {
  readonly text: string;
  readonly tone: "good" | "bad";
}

/** Long enough to read a line. */
const SHOWN_MS = 5000;

const Context = createContext<Say>(() => {});

/** Has the live region, one line at a time. */
export function ToastProvider({ children }: { readonly children: ComponentChildren }) {
  const [said, setSaid] = useState<Said | null>(null);
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSaid(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const say = useCallback<Say>((text, tone = "good") => setSaid({ text, tone }), []);
  return (
    <Context.Provider value={say}>
      {children}
      <div class="toasts" role="status">
        {said === null ? null : <p class={`toast ${said.tone}`}>{said.text}</p>}
      </div>
    </Context.Provider>
  );
}

/** @example const say = useToast(); say("Paused"); */
export const useToast = (): Say => useContext(Context);

/** Who is signed in, and what the pages have of it: the client, the bus that is looked at, the scopes. */
import { createContext, type ComponentChildren } from "preact";
import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks";
import { ProblemError, type Client, type Session } from "../../client/index.ts";
import { dashboardClient } from "./client.ts";

export type Scope = Session["scopes"][number];

export type SessionState =
  | { readonly kind: "loading" }
  /** `reason` is a line for the sign-in page; null: there is nothing to explain. */
  | { readonly kind: "out"; readonly reason: string | null }
  /** It is not known whether there is a session. */
  | { readonly kind: "unknown"; readonly error: unknown }
  | { readonly kind: "in"; readonly session: Session; readonly bus: string };

interface SessionHandle {
  readonly state: SessionState;
  /** Null unless signed in. */
  readonly client: Client | null;
  /** False from a request without an answer to the next one with one. */
  readonly isReachable: boolean;
  /** Counts the retries: whatever was loaded under another number is loaded again. */
  readonly round: number;
  /** Asks for everything again. */
  readonly retry: () => void;
  /** @throws as the client; TypeError when the bus is no name. @param bus null: the key's own, or `default`. */
  readonly signIn: (key: string, bus: string | null) => Promise<void>;
  /** @throws as the client: then the session goes on. */
  readonly signOut: () => Promise<void>;
  /** Looks at another bus; for the root key. */
  readonly setBus: (bus: string) => void;
}

/** What a page has: `SessionGate` shows pages only to who is signed in. */
export interface SignedIn {
  readonly session: Session;
  readonly client: Client;
  /** The bus that is looked at. */
  readonly bus: string;
  /** Whether the key has the scope: what it has not is not shown. */
  readonly may: (scope: Scope) => boolean;
}

/** The line of a session that ran out. */
const EXPIRED = "The session has expired: sign in again";
/** Which bus the root key looks at: also in the next tab. */
const BUS = "fantail.bus";
/** There when this browser is signed in, as far as it knows: a 401 then means that the session ran out. */
const SIGNED_IN = "fantail.signed-in";

/** Around a session, what an answer means is decided where it is awaited. */
const QUIET = { unauthorized: () => {}, reachable: () => {} };

const Context = createContext<SessionHandle | null>(null);

/** Asks once who is signed in, and keeps it for all below. */
export function SessionProvider({ children }: { readonly children: ComponentChildren }) {
  const [state, setState] = useState<SessionState>({ kind: "loading" });
  const [isReachable, setReachable] = useState(true);
  const [round, setRound] = useState(0);
  const enter = useCallback((session: Session) => {
    localStorage.setItem(SIGNED_IN, "yes");
    setReachable(true);
    setState({ kind: "in", session, bus: (session.is_root && localStorage.getItem(BUS)) || session.bus });
  }, []);
  const leave = useCallback(() => {
    const wasIn = localStorage.getItem(SIGNED_IN) !== null;
    localStorage.removeItem(SIGNED_IN);
    setState((before) => (before.kind === "out" ? before : { kind: "out", reason: wasIn ? EXPIRED : null }));
  }, []);
  const isKnown = state.kind === "in" || state.kind === "out";
  useEffect(() => {
    if (isKnown) return;
    const controller = new AbortController();
    const { signal } = controller;
    dashboardClient(null, QUIET)
      .session.get({ signal })
      .then(enter, (error: unknown) => {
        if (signal.aborted) return;
        if (error instanceof ProblemError && error.status === 401) leave();
        else setState({ kind: "unknown", error });
      });
    return () => controller.abort();
  }, [isKnown, round, enter, leave]);

  const override = state.kind === "in" && state.session.is_root ? state.bus : null;
  const isIn = state.kind === "in";
  const client = useMemo(
    () => (isIn ? dashboardClient(override, { unauthorized: leave, reachable: setReachable }) : null),
    [isIn, override, leave],
  );
  const handle: SessionHandle = {
    state,
    client,
    isReachable,
    round,
    retry: () => setRound((before) => before + 1),
    signIn: async (key, bus) => {
      const session = await dashboardClient(bus, QUIET).session.signIn({ key });
      localStorage.setItem(BUS, session.bus);
      enter(session);
    },
    signOut: async () => {
      await dashboardClient(null, QUIET).session.signOut();
      localStorage.removeItem(SIGNED_IN);
      localStorage.removeItem(BUS);
      setState({ kind: "out", reason: null });
    },
    setBus: (bus) => {
      localStorage.setItem(BUS, bus);
      setState((before) => (before.kind === "in" ? { ...before, bus } : before));
    },
  };
  return <Context.Provider value={handle}>{children}</Context.Provider>;
}

/** For the shell and the sign-in. Pages use `useSession`. */
export function useSessionHandle(): SessionHandle {
  const handle = useContext(Context);
  if (handle === null) throw new Error("There is no SessionProvider above");
  return handle;
}

/** Who is signed in. Only below `SessionGate`. */
export function useSession(): SignedIn {
  const { state, client } = useSessionHandle();
  if (state.kind !== "in" || client === null) throw new Error("Nobody is signed in");
  const { session, bus } = state;
  return { session, client, bus, may: (scope) => session.scopes.includes(scope) };
}

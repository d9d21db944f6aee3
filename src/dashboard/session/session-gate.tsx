/** Shows pages to who is signed in, and leads everybody else to the sign-in and back. */
import type { ComponentChildren, VNode } from "preact";
import { useLocation } from "preact-iso";
import { useEffect } from "preact/hooks";
import { ErrorLine } from "../components/error-line.tsx";
import { Loading } from "../components/loading.tsx";
import { PATHS } from "../paths.ts";
import { useSessionHandle } from "./session.tsx";

interface GateProps {
  readonly signIn: VNode;
  readonly children: ComponentChildren;
}

/** The query member of the sign-in page that says where to go afterwards. */
const NEXT = "next";

export function SessionGate({ signIn, children }: GateProps) {
  const { state, retry } = useSessionHandle();
  const { url, path, query, route } = useLocation();
  const isSignIn = path === PATHS.signIn;
  const mustSignIn = state.kind === "out" && !isSignIn;
  const mustLeave = state.kind === "in" && isSignIn;
  useEffect(() => {
    if (mustSignIn) route(`${PATHS.signIn}?${new URLSearchParams({ [NEXT]: url }).toString()}`, true);
    if (mustLeave) route(ownPath(query[NEXT]), true);
  }, [mustSignIn, mustLeave]);
  if (state.kind === "unknown")
    return (
      <main class="alone">
        <ErrorLine error={state.error} what="The router cannot be asked who is signed in" onRetry={retry} />
      </main>
    );
  if (state.kind === "out" && isSignIn) return signIn;
  if (state.kind !== "in" || isSignIn)
    return (
      <main class="alone">
        <Loading label="Signing in" />
      </main>
    );
  return <>{children}</>;
}

/** A path of this dashboard: a link that somebody sent may name anything. */
function ownPath(next: string | undefined): string {
  if (next === undefined || !URL.canParse(next, location.origin)) return PATHS.overview;
  const { origin, pathname, search } = new URL(next, location.origin);
  return origin === location.origin && pathname !== PATHS.signIn ? pathname + search : PATHS.overview;
}

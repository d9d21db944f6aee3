import { Fragment, type ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ErrorLine } from "../components/error-line.tsx";
import { useAction } from "../data/use-action.ts";
import { PATHS } from "../paths.ts";
import { useSession, useSessionHandle } from "../session/session.tsx";
import { BusSwitcher } from "./bus-switcher.tsx";
import { Mark } from "./mark.tsx";
import { Navigation } from "./navigation.tsx";
import { ThemeButton } from "./theme-button.tsx";

/** How often a router that is not reached is asked again. */
const RETRY_MS = 10_000;

/** What is around every page: where to go, on which bus, as whom. On a narrow screen it is a bar with a menu. */
export function Layout({ children }: { readonly children: ComponentChildren }) {
  const { bus } = useSession();
  const [isOpen, setOpen] = useState(false);
  const close = () => setOpen(false);
  return (
    <div class="shell">
      <a
        class="skip"
        href="#main"
        onClick={(clicked) => {
          clicked.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to the content
      </a>
      <header
        class={isOpen ? "side open" : "side"}
        onKeyDown={(pressed) => {
          if (pressed.key === "Escape") close();
        }}
      >
        <div class="side-top">
          <a class="brand" href={PATHS.overview}>
            <Mark />
            Fantail
          </a>
          <BusSwitcher />
          <button
            type="button"
            class="button small menu"
            aria-expanded={isOpen}
            aria-controls="menu"
            onClick={() => setOpen(!isOpen)}
          >
            Menu
          </button>
        </div>
        <div id="menu" class="side-menu">
          <nav aria-label="Pages">
            <Navigation onGone={close} />
          </nav>
          <Foot />
        </div>
      </header>
      <div class="content">
        <Unreachable />
        <main id="main" tabIndex={-1}>
          {/* Another bus is another set of everything: nothing of the former stays. */}
          <Fragment key={bus}>{children}</Fragment>
        </main>
      </div>
    </div>
  );
}

function Foot() {
  const { session } = useSession();
  const { signOut } = useSessionHandle();
  const leaving = useAction(signOut);
  return (
    <div class="side-foot">
      <ErrorLine error={leaving.error} />
      <a href="/docs">API reference</a>
      <ThemeButton />
      <button type="button" class="quiet-button" onClick={() => void leaving.run()}>
        Sign out
        <span class="dim mono who">{session.actor}</span>
      </button>
    </div>
  );
}

/** The router does not answer: what is shown may be old. */
function Unreachable() {
  const { isReachable, retry } = useSessionHandle();
  useEffect(() => {
    if (isReachable) return;
    const timer = setInterval(retry, RETRY_MS);
    return () => clearInterval(timer);
  }, [isReachable]);
  if (isReachable) return null;
  return (
    <p class="banner" role="alert">
      <span>The router cannot be reached: what is shown may be old.</span>
      <button type="button" class="button small" onClick={retry}>
        Retry
      </button>
    </p>
  );
}

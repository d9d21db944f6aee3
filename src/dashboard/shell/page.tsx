import type { ComponentChildren } from "preact";
import { useRoute } from "preact-iso";
import { useEffect, useRef } from "preact/hooks";

interface PageProps {
  /** The heading, and the title of the document. */
  readonly title: string;
  /** Links and buttons beside the heading. */
  readonly actions?: ComponentChildren;
  /** The page above: where the small link over the heading leads. */
  readonly parent?: { readonly href: string; readonly label: string };
  readonly children?: ComponentChildren;
}

/** Where the page was that was shown before; null: the first one leaves the focus where the browser has it. */
let shownBefore: string | null = null;

/** What every page is in. When it is gone to, its heading has the focus, so that a reader begins there. */
export function Page({ title, actions, parent, children }: PageProps) {
  // Of the route, not of the location: the former page stays, under its own path, until the next one is loaded.
  const { path } = useRoute();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Fantail`;
  }, [title]);
  useEffect(() => {
    if (shownBefore !== null && shownBefore !== path) heading.current?.focus({ preventScroll: true });
    shownBefore = path;
  }, [path]);
  return (
    <div class="page">
      <header class="page-head">
        <div>
          {parent === undefined ? null : (
            <a class="page-parent" href={parent.href}>
              {parent.label}
            </a>
          )}
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
        </div>
        {actions === undefined ? null : <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

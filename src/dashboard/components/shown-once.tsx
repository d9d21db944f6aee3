import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { CopyButton } from "./copy-button.tsx";

interface ShownOnceProps {
  /** `The key shop is made`. */
  readonly title: string;
  /** What it is, in lower case: `signing secret`. */
  readonly what: string;
  /** The secret itself. */
  readonly text: string;
  /** What to do with it, and how to go on. */
  readonly children?: ComponentChildren;
}

/** A secret in the only moment in which anybody sees it. */
export function ShownOnce({ title, what, text, children }: ShownOnceProps) {
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <section class="panel" aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id} ref={heading} tabIndex={-1}>
          {title}
        </h2>
      </div>
      <div class="panel-body stack">
        <p>Keep the {what} now: it is shown once, and never again.</p>
        <div class="once">
          <code class="once-text" aria-label={`The ${what}`} role="textbox" aria-readonly="true" tabIndex={0}>
            {text}
          </code>
          <CopyButton text={text} label={`Copy the ${what}`} />
        </div>
        {children}
      </div>
    </section>
  );
}

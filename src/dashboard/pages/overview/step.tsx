import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface StepProps {
  readonly number: number;
  readonly title: string;
  /** `next`: it cannot be done yet. */
  readonly state: "done" | "now" | "next";
  /** What there is to do, or what came of it. Not shown of the next ones. */
  readonly children: ComponentChildren;
}

/** One step of a few, which fills itself when it is done. */
export function Step({ number, title, state, children }: StepProps) {
  const id = useId();
  return (
    <li class={`panel step ${state}`} aria-labelledby={id} aria-current={state === "now" ? "step" : undefined}>
      <span class="step-mark" aria-hidden="true">
        {state === "done" ? "✓" : number}
      </span>
      <div class="step-body">
        <h2 id={id}>
          {title}
          {state === "done" ? <span class="hidden"> (done)</span> : null}
        </h2>
        {state === "next" ? null : children}
      </div>
    </li>
  );
}

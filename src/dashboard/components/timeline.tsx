import type { ComponentChildren } from "preact";
import { Time } from "./time.tsx";

export interface Moment {
  readonly key: string;
  /** RFC 3339. */
  readonly at: string;
  readonly tone: "good" | "busy" | "warn" | "bad" | "quiet";
  /** What happened, in a line. */
  readonly what: ComponentChildren;
  /** What there is to read of it. */
  readonly more?: ComponentChildren;
}

interface TimelineProps {
  /** What it is of: `Attempts`. */
  readonly label: string;
  /** In the order to be shown. */
  readonly moments: readonly Moment[];
}

/** What happened, one below the other, each with its time. */
export function Timeline({ label, moments }: TimelineProps) {
  return (
    <ol class="timeline" aria-label={label}>
      {moments.map(({ key, at, tone, what, more }) => (
        <li key={key} class={tone}>
          <div class="moment">
            <div class="moment-what">{what}</div>
            <span class="dim">
              <Time at={at} show="absolute" />
            </span>
          </div>
          {more}
        </li>
      ))}
    </ol>
  );
}

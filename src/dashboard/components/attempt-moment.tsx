import type { Attempt } from "../../client/index.ts";
import type { ComponentChildren } from "preact";
import type { Moment } from "./timeline.tsx";

/** An attempt as a moment of a timeline. @param whose Stands before it: whose attempt it is, where there are several deliveries. */
export function attemptMoment(attempt: Attempt, key: string, whose?: ComponentChildren): Moment {
  const { status, error, answer, duration_ms } = attempt;
  const isGood = status !== null && status >= 200 && status < 300;
  return {
    key,
    at: attempt.at,
    tone: isGood ? "good" : "bad",
    what: (
      <>
        {whose}
        <span>Attempt {attempt.attempt}</span>
        <span class={`badge ${isGood ? "good" : "bad"}`}>{status ?? "no answer"}</span>
        <span class="dim">{duration_ms.toLocaleString("en")} ms</span>
      </>
    ),
    more: (
      <>
        {error === null ? null : <p class="fault">{error}</p>}
        {answer === null ? null : (
          <pre class="answer" tabIndex={0} role="region" aria-label={`Answer to attempt ${attempt.attempt}`}>
            {answer}
          </pre>
        )}
      </>
    ),
  };
}

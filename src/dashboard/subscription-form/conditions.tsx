import type { ExplainedClause } from "../../client/index.ts";

interface ConditionsProps {
  /** Whose they are: `Why order.created is taken`. */
  readonly label: string;
  readonly clauses: readonly Pick<ExplainedClause, "pointer" | "wanted" | "observed" | "matched">[];
}

/** Each condition that was looked at, with what the event has there: for a narrow place. */
export function Conditions({ label, clauses }: ConditionsProps) {
  if (clauses.length === 0) return <p class="hint">Nothing is asked of it: every event is taken.</p>;
  return (
    <ul class="conditions" aria-label={label}>
      {clauses.map(({ pointer, wanted, observed, matched }) => (
        <li key={pointer} class="condition">
          <span class={matched ? "badge good" : "badge bad"}>{matched ? "met" : "not met"}</span>
          <code>{pointer}</code>
          <span>
            <span class="dim">wants</span> <code>{written(wanted)}</code>
          </span>
          <span>
            <span class="dim">has</span>{" "}
            {observed === undefined ? <span class="dim">nothing</span> : <code>{written(observed)}</code>}
          </span>
        </li>
      ))}
    </ul>
  );
}

const written = (value: unknown): string => JSON.stringify(value) ?? "";

import type { ExplainedClause } from "../../client/index.ts";
import { DataTable, type Column } from "./data-table.tsx";

interface ClausesProps {
  /** Whose conditions they are: the name of the subscription. */
  readonly of: string;
  readonly matched: boolean;
  readonly clauses: readonly ExplainedClause[];
}

interface Numbered extends ExplainedClause {
  readonly index: number;
}

const COLUMNS: readonly Column<Numbered>[] = [
  { label: "Condition", cell: ({ pointer }) => <code>{pointer}</code> },
  {
    label: "Met",
    cell: ({ matched }) => <span class={`badge ${matched ? "good" : "bad"}`}>{matched ? "met" : "not met"}</span>,
  },
  { label: "Wanted", cell: ({ wanted }) => <Json value={wanted} /> },
  { label: "The event has", cell: ({ observed }) => <Json value={observed} /> },
];

/** Why a subscription takes an event, or does not: each of its conditions, and what the event has for it. Those that are not met come first. */
export function Clauses({ of, matched, clauses }: ClausesProps) {
  const rows = clauses
    .map((clause, index) => ({ ...clause, index }))
    .toSorted((a, b) => Number(a.matched) - Number(b.matched));
  return (
    <div class="clauses">
      <p>
        <span class={`badge ${matched ? "good" : "quiet"}`}>{matched ? "taken" : "not taken"}</span>{" "}
        {verdictOf(of, matched, clauses)}
      </p>
      {rows.length === 0 ? null : (
        <DataTable label={`conditions of ${of}`} columns={COLUMNS} rows={rows} keyOf={({ index }) => String(index)} />
      )}
    </div>
  );
}

function verdictOf(of: string, matched: boolean, clauses: readonly ExplainedClause[]): string {
  if (clauses.length === 0) return `${of} has no conditions: it takes every event`;
  if (matched) return `${of} takes it: all it asks for is met`;
  const unmet = clauses.filter((clause) => !clause.matched).length;
  return `${of} does not take it: ${unmet} of ${clauses.length} conditions ${unmet === 1 ? "is" : "are"} not met`;
}

/** Undefined: the event has nothing there. */
function Json({ value }: { readonly value: unknown }) {
  return value === undefined ? <span class="dim">nothing</span> : <code class="value">{JSON.stringify(value)}</code>;
}

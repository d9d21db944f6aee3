/** Which parts of what a subscription wants hold for an event, and which do not. Pure; it matches nothing for delivery. */
import type { CloudEvent } from "../event.ts";
import { compileFilter } from "../filter.ts";
import type { Wanted } from "../subscription.ts";

export interface Clause {
  /** JSON Pointer into `{types, source, filters}`. */
  readonly pointer: string;
  readonly wanted: unknown;
  /** What the event has there; absent where it has nothing. */
  readonly observed?: unknown;
  readonly matched: boolean;
}

export interface Explanation {
  readonly matched: boolean;
  readonly clauses: readonly Clause[];
}

export function explain(wanted: Wanted, event: CloudEvent): Explanation {
  const { types, source, filters } = wanted;
  const { attributes } = event;
  const clauses: Clause[] = [
    ...(types === null || types.length === 0
      ? []
      : [{ pointer: "/types", wanted: types, observed: event.type, matched: types.includes(event.type) }]),
    ...(source === null
      ? []
      : [{ pointer: "/source", wanted: source, observed: event.source, matched: source === event.source }]),
    ...filters.map((filter, index) => ({
      pointer: `/filters/${index}`,
      wanted: filter,
      matched: compileFilter(filter)(attributes),
    })),
  ];
  return { matched: clauses.every(({ matched }) => matched), clauses };
}

/** Filters in the form of their JSON. Types only: `read-filters.ts` reads them, `compile.ts` makes them ready. */
import type { Members } from "../json-value.ts";

/** Attribute names with what their values are compared to; never empty, all must hold. */
export type Comparisons = Readonly<Record<string, string>>;

/**
 * A condition on an event: the dialects of the CloudEvents Subscriptions API 1.0-wip §3.2.4, CloudEvents SQL among them, and `pattern`, the
 * event pattern language of EventBridge on the event's JSON form.
 */
export type Filter =
  | { readonly exact: Comparisons }
  | { readonly prefix: Comparisons }
  | { readonly suffix: Comparisons }
  | { readonly all: readonly Filter[] }
  | { readonly any: readonly Filter[] }
  | { readonly not: Filter }
  | { readonly pattern: Members }
  | { readonly sql: string };

import type { ComponentChildren } from "preact";
import type { Listed } from "../data/use-list.ts";
import { DataTable, type Column } from "./data-table.tsx";
import { ErrorLine } from "./error-line.tsx";
import { Loading } from "./loading.tsx";

interface ListViewProps<T> {
  /** What the rows are, in lower case: `events`. */
  readonly what: string;
  readonly list: Listed<T>;
  readonly columns: readonly Column<T>[];
  readonly keyOf: (row: T) => string;
  readonly hrefOf?: (row: T) => string;
  /** Shown when there is nothing: an `Empty`. */
  readonly empty: ComponentChildren;
}

/** A list with all its states: not there yet, not to be had, empty, and more to come. */
export function ListView<T>({ what, list, columns, keyOf, hrefOf, empty }: ListViewProps<T>) {
  const { rows, error, isLoading, hasMore, more, retry } = list;
  // A page may be empty, and still not be the last.
  const isEmpty = rows !== null && rows.length === 0 && !hasMore && !isLoading;
  return (
    <div class="panel" aria-busy={isLoading}>
      <ErrorLine error={error} what={`The ${what} cannot be loaded`} onRetry={retry} />
      {rows === null && isLoading ? <Loading label={`Loading ${what}`} lines={8} /> : null}
      {rows === null || rows.length === 0 ? null : (
        <DataTable
          label={what}
          columns={columns}
          rows={rows}
          keyOf={keyOf}
          {...(hrefOf === undefined ? {} : { hrefOf })}
        />
      )}
      {isEmpty ? empty : null}
      {rows !== null && hasMore ? (
        <div class="more">
          <button type="button" class="button" disabled={isLoading} onClick={more}>
            {isLoading ? "Loading…" : "Load more"}
          </button>
        </div>
      ) : null}
    </div>
  );
}

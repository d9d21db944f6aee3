/**
 * One page of a list that reads a bounded number of rows: a filter may pass over more rows than it keeps, and then the page is
 * short and says where to go on.
 */

/** What a list's statement says of each row it returns, beside its columns. */
export interface Scanned {
  /** 1: the filter keeps it. */
  readonly matches: number;
  /** 1: it is the last row that the scan may read. Such a row is returned even when the filter drops it. */
  readonly ends: number;
}

/**
 * The page of at most `limit` rows, and the row to go on after: null at the end of the list.
 * The statement returns up to `limit + 1` rows, in order, of which the last may be there only for `ends`.
 */
export function pageOf<Row extends Scanned>(
  rows: readonly Row[],
  limit: number,
): { readonly page: readonly Row[]; readonly last: Row | null } {
  const kept = rows.filter((row) => row.matches === 1);
  if (kept.length > limit) return { page: kept.slice(0, limit), last: kept[limit - 1] ?? null };
  return { page: kept, last: rows.find((row) => row.ends === 1) ?? null };
}

import type { ComponentChildren } from "preact";

export interface Column<T> {
  /** Its heading, and in a card the label before its value. */
  readonly label: string;
  readonly cell: (row: T) => ComponentChildren;
  /** `end` for numbers. */
  readonly align?: "end";
  /** True: it may be left out where there is little room beside. */
  readonly isMinor?: boolean;
}

interface DataTableProps<T> {
  /** What the rows are: `Events`. */
  readonly label: string;
  /** The first names the row: it holds the link, and heads the card. */
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** Where a row leads; absent: nowhere. */
  readonly hrefOf?: (row: T) => string;
  /** True: the row has just come, and is shown so for a moment. */
  readonly isNew?: (row: T) => boolean;
}

/** A table; on a narrow screen each row is a card. The roles are spelt out, for the styles of the cards would take them away. */
export function DataTable<T>({ label, columns, rows, keyOf, hrefOf, isNew }: DataTableProps<T>) {
  return (
    <table class="table" role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <th key={column.label} role="columnheader" scope="col" class={classOf(column)}>
              {column.label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row" class={rowClassOf(hrefOf !== undefined, isNew?.(row) === true)}>
            {columns.map((column, index) => (
              <td
                key={column.label}
                role="cell"
                class={classOf(column)}
                data-label={index === 0 ? undefined : column.label}
              >
                {index === 0 && hrefOf !== undefined ? <a href={hrefOf(row)}>{column.cell(row)}</a> : column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const rowClassOf = (leads: boolean, isNew: boolean): string =>
  [leads ? "leads" : "", isNew ? "new" : ""].filter((name) => name !== "").join(" ");

const classOf = <T,>({ align, isMinor = false }: Column<T>): string =>
  [align === "end" ? "end" : "", isMinor ? "minor" : ""].filter((name) => name !== "").join(" ");

/** What is told: tables, aims beside them, and what failed. Everything goes to the screen at once and to JSON at the end. */

/** Null: it was not measured, or it cannot be. */
export type Cell = number | string | null;
export type Row = Readonly<Record<string, Cell>>;

interface Table {
  readonly title: string;
  readonly rows: Row[];
  readonly notes: string[];
}

export interface Report {
  /** Begins a table. `columns` in the order of the rows' members. */
  begin(title: string, columns: readonly string[]): void;
  row(row: Row): void;
  /** A line under the table's rows. */
  note(text: string): void;
  /** Printed beside its figure; missing it is no failure. */
  aim(text: string, met: boolean): void;
  /** The exit code says so. */
  fail(text: string): void;
  readonly failures: readonly string[];
  readonly tables: readonly Table[];
}

const WIDTH_MIN = 9;

export function createReport(write: (line: string) => void): Report {
  const tables: Table[] = [];
  const failures: string[] = [];
  let widths: number[] = [];

  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join("  ");
  const note = (text: string): void => {
    tables.at(-1)?.notes.push(text);
    write(`  ${text}`);
  };

  return {
    begin(title, columns) {
      tables.push({ title, rows: [], notes: [] });
      widths = columns.map((name, index) => Math.max(index === 0 ? 26 : WIDTH_MIN, name.length));
      write(`\n${title}\n${"-".repeat(title.length)}`);
      write(line(columns));
    },
    row(row) {
      tables.at(-1)?.rows.push(row);
      write(line(Object.values(row).map(format)));
    },
    note,
    aim: (text, met) => note(`aim ${text}: ${met ? "met" : "NOT MET"}`),
    fail(text) {
      failures.push(text);
      note(`FAILED: ${text}`);
    },
    failures,
    tables,
  };
}

/** Three digits that count; whole numbers from a hundred upward. */
export function format(cell: Cell): string {
  if (cell === null) return "–";
  if (typeof cell === "string") return cell;
  if (Number.isInteger(cell) || Math.abs(cell) >= 100) return Math.round(cell).toLocaleString("en-US");
  return String(Number(cell.toPrecision(3)));
}

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
  begin(title: string): void;
  /** The members' names are the columns; the first row of a table prints them. */
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

/** One part of the bench. A quick run shows that it works; its figures are rough. */
export type Section = (context: { readonly report: Report; readonly quick: boolean }) => void;

const FIRST_WIDTH_MIN = 26;
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
    begin(title) {
      tables.push({ title, rows: [], notes: [] });
      write(`\n${title}\n${"-".repeat(title.length)}`);
    },
    row(row) {
      const rows = tables.at(-1)?.rows ?? [];
      const names = Object.keys(row);
      if (rows.length === 0) {
        widths = names.map((name, index) => Math.max(index === 0 ? FIRST_WIDTH_MIN : WIDTH_MIN, name.length));
        write(line(names));
      }
      rows.push(row);
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
function format(cell: Cell): string {
  if (cell === null) return "–";
  if (typeof cell === "string") return cell;
  if (Number.isInteger(cell) || Math.abs(cell) >= 100) return Math.round(cell).toLocaleString("en-US");
  return String(Number(cell.toPrecision(3)));
}

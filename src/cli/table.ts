/** Texts in columns, as terminals show them. Pure; it knows no colours but what it is told to put around a cell. */
import { harmless } from "./output.ts";

/** One column: its heading, and what it shows of a row; null shows as a dash. */
export interface Column<Row> {
  readonly name: string;
  readonly of: (row: Row) => string | number | null;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  /** Puts colours around the cell, which has its width already. */
  readonly paint?: (row: Row, cell: string) => string;
}

/** The rows under their headings, two spaces between columns; no line ends in spaces. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): readonly string[] {
  const texts = rows.map((row) => columns.map(({ of }) => cellOf(of(row))));
  const widths = columns.map(({ name }, index) =>
    Math.max(name.length, ...texts.map((cells) => widthOf(cells[index]))),
  );
  const laid = (cells: readonly string[], row: Row | null) =>
    columns
      .map((column, index) => {
        const space = " ".repeat((widths[index] ?? 0) - widthOf(cells[index]));
        const cell = cells[index] ?? "";
        const shown = row === null || column.paint === undefined ? cell : column.paint(row, cell);
        if (column.isNumber === true) return space + shown;
        return index === columns.length - 1 ? shown : shown + space;
      })
      .join("  ")
      .trimEnd();
  const heading = columns.map(({ name }) => name.toUpperCase());
  return [laid(heading, null), ...rows.map((row, index) => laid(texts[index] ?? [], row))];
}

/** Names and values below each other; null shows as a dash. */
export function details(
  members: readonly (readonly [name: string, value: string | number | null])[],
): readonly string[] {
  const width = Math.max(...members.map(([name]) => name.length));
  return members.map(([name, value]) => `${name.padEnd(width)}  ${cellOf(value)}`);
}

const cellOf = (value: string | number | null): string => (value === null ? "–" : harmless(String(value)));

/** Code points: near enough for what ids, types and URLs are made of. */
const widthOf = (text = ""): number => Array.from(text).length;

/** What the demo shows. It decides layout only: one progress line, redrawn on a terminal and repeated now and then elsewhere. */
import { stdout } from "node:process";
import { styleText } from "node:util";

/** Lines of progress that are not redrawn come at least this far apart. */
const PROGRESS_MS = 2_000;
const CLEAR_LINE = "\r\u001b[2K";

let shown = "";
let shownMs = 0;

/** A line that stays. */
export function say(text = ""): void {
  clear();
  stdout.write(`${text}\n`);
}

/** Takes the line of progress away. */
export function clear(): void {
  if (stdout.isTTY && shown !== "") stdout.write(CLEAR_LINE);
  shown = "";
}

/** A line that the next one replaces. */
export function progress(text: string): void {
  if (text === shown) return;
  if (stdout.isTTY) {
    stdout.write(`${CLEAR_LINE}${text.slice(0, stdout.columns - 1)}`);
  } else {
    if (Date.now() - shownMs < PROGRESS_MS) return;
    stdout.write(`${text}\n`);
  }
  shown = text;
  shownMs = Date.now();
}

export function good(text: string): string {
  return styleText("green", text, { stream: stdout });
}

export function bad(text: string): string {
  return styleText("red", text, { stream: stdout });
}

/** Columns as wide as their widest cell, numbers to the right. All rows have as many cells as the head. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => String(row[column]).length)));
  const toRight = head.map((_, column) => rows.every((row) => typeof row[column] === "number"));
  const line = (cells: readonly (string | number)[]) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return toRight[column] ? String(cell).padStart(width) : String(cell).padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [line(head), widths.map((width) => "─".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

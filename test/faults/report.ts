/** What a run says: lines as they come, and what must hold. The exit code is whether all of it did. */

export interface Report {
  say(line: string): void;
  /** Something that must hold. */
  check(text: string, isMet: boolean): void;
  readonly failures: readonly string[];
}

export function createReport(): Report {
  const failures: string[] = [];
  return {
    say: (line) => console.log(line),
    check(text, isMet) {
      console.log(`${isMet ? "✓" : "✗"} ${text}`);
      if (!isMet) failures.push(text);
    },
    failures,
  };
}

/** Rows of cells in columns. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) => row.map(String));
  const widths = (texts[0] ?? []).map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)));
  return texts
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  "),
    )
    .join("\n");
}

/** A table of Markdown, the first row its head. Not aligned: oxfmt does that. */
export type Cell = string | number;

export function table([head = [], ...rows]: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

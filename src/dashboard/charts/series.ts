/** What a chart shows. */
export interface ChartData {
  /** Unix seconds, ascending. */
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
}

export interface ChartSeries {
  readonly label: string;
  /** One for each time; null: there is none. */
  readonly values: readonly (number | null)[];
  /** Its colour, by what it means. */
  readonly tone: "accent" | "good" | "busy" | "warn" | "bad";
  /** Default: `line`. Bars stand on one another, the first on top. They begin at their time, and are as wide as there is room. */
  readonly kind?: "line" | "bars";
}

/** What a run of the bench has measured, as it is kept in `docs/performance.json`: plain data, from which tables and plots are made. */

export interface Results {
  /** When it began, RFC 3339. */
  readonly measuredAt: string;
  /** Shortened: its figures are for a look only. */
  readonly quick: boolean;
  readonly machine: string;
  /** By name: Node, Miniflare, workerd, the router. */
  readonly versions: Readonly<Record<string, string>>;
  /** How long a sink takes to answer. */
  readonly sinkLatencyMs: number;
  readonly sections: readonly Section[];
}

/** One question: some cases of it, each measured for the router and beside it for the floor. */
export interface Section {
  /** kebab-case, unique: names the plot's file. */
  readonly id: string;
  readonly title: string;
  /** Markdown, one paragraph: what was done, and what it does not show. */
  readonly about: string;
  readonly cases: readonly Case[];
  readonly plots: readonly Plot[];
}

export interface Case {
  /** `1 kB, one by one`. */
  readonly name: string;
  readonly metrics: readonly Metric[];
}

export interface Metric {
  /** `acked events/s`, `ack p99`. */
  readonly name: string;
  /** Empty: a plain number. */
  readonly unit: string;
  /** One value per run, of the same run in the same place. */
  readonly fantail: readonly number[];
  /** What it is compared with, in the same runs; null: nothing. */
  readonly reference: { readonly name: string; readonly values: readonly number[] } | null;
  /** What the ratio to the reference is to be; null: no aim. */
  readonly aim: { readonly atLeast: number } | { readonly atMost: number } | null;
}

/** Bars: one group per case, of one metric. Lines: a series over something. */
export type Plot =
  | { readonly kind: "bars"; readonly title: string; readonly metric: string }
  | {
      readonly kind: "lines";
      readonly title: string;
      readonly x: { readonly name: string; readonly isLog: boolean };
      readonly y: { readonly name: string; readonly unit: string };
      readonly lines: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[];
    };

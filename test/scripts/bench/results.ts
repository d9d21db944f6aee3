/** Results as a run has them, with figures from which every ratio is plain. */
import type { Metric, Results, Section } from "../../../bench/router/results.ts";

const floor = (...values: number[]) => ({ name: "floor", values });

const rate = (over: Partial<Metric>): Metric => ({
  name: "acked events/s",
  unit: "1/s",
  fantail: [800, 810, 880],
  reference: floor(1_000, 2_025, 1_100),
  aim: { atLeast: 0.5 },
  ...over,
});

export const PUBLISHING: Section = {
  id: "publishing",
  title: "Publishing",
  about: "As fast as it can, on 16 connections.",
  cases: [
    {
      name: "1 kB, one by one",
      metrics: [
        rate({}),
        {
          name: "ack p99",
          unit: "ms",
          fantail: [30, 33, 60],
          reference: floor(10, 11, 12),
          aim: { atMost: 2 },
        },
      ],
    },
    { name: 'GitHub | "as they come" & <gzip>', metrics: [rate({ fantail: [41.2, 40, 39], aim: null })] },
    { name: "without a floor", metrics: [rate({ fantail: [6_000], reference: null, aim: null })] },
  ],
  plots: [
    { kind: "bars", title: "Acknowledged & counted", metric: "acked events/s" },
    { kind: "bars", title: "Until the answer", metric: "ack p99" },
  ],
};

export const LATENCIES: Section = {
  id: "from-publish-to-sink",
  title: "From publish to sink",
  about: "At a steady rate.",
  cases: [
    { name: "50 events/s", metrics: [{ name: "p50", unit: "ms", fantail: [41, 42, 43], reference: null, aim: null }] },
  ],
  plots: [
    {
      kind: "lines",
      title: "Share of deliveries within a time",
      x: { name: "time (ms)", isLog: true },
      y: { name: "deliveries", unit: "%" },
      lines: [
        {
          name: "Fantail <50/s>",
          points: [
            [20, 1],
            [40, 50],
            [900, 99],
          ],
        },
        {
          name: "floor",
          points: [
            [10, 1],
            [20, 50],
            [300, 99],
          ],
        },
      ],
    },
  ],
};

export const RESULTS: Results = {
  measuredAt: "2026-11-26T04:00:00.000Z",
  quick: false,
  machine: "2 × Some Processor, Linux 6.1",
  versions: { Node: "24.21.0", Miniflare: "5.0.0", Fantail: "0.1.0" },
  sinkLatencyMs: 20,
  sections: [PUBLISHING, LATENCIES],
};

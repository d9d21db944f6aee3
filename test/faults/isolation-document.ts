/** The figures of the isolation bench, and docs/isolation.md, which only `npm run test:isolation -- --write` writes. */
import { writeFileSync } from "node:fs";
import { release, type } from "node:os";
import { join } from "node:path";
import { median } from "../../bench/router/statistics.ts";
import { format, processor, versionOf } from "../../scripts/rig/document.ts";

/** The 99th percentiles of one round's windows, in milliseconds. */
export interface Round {
  readonly withoutMs: number;
  /** Of a second window without the culprit. */
  readonly againMs: number;
  readonly withMs: number;
  /** Requests that the culprit got from the window with it. */
  readonly pushed: number;
  /** Pushes to the culprit that still hung when the window after it began. */
  readonly hanging: number;
}

interface Measured {
  readonly rounds: readonly Round[];
  readonly detectedMs: number;
  readonly eventsPerSecond: number;
  readonly windowEvents: number;
}

const FILE = join(import.meta.dirname, "../../docs/isolation.md");

/** `spread`: how far from 1 the ratio of two windows is that differ in nothing. */
export function comparison(rounds: readonly Round[]): { readonly ratio: number; readonly spread: number } {
  return {
    ratio: median(rounds.map(({ withMs, withoutMs }) => withMs / withoutMs)),
    spread: median(rounds.map(({ againMs, withoutMs }) => Math.abs(againMs / withoutMs - 1))),
  };
}

export function writeDocument(measured: Measured): void {
  writeFileSync(FILE, documentOf(measured));
  format(FILE);
}

function documentOf({ rounds, detectedMs, eventsPerSecond, windowEvents }: Measured): string {
  const { ratio, spread } = comparison(rounds);
  const machine = `${processor()}, ${type()} ${release()}`;
  const versions = `Node ${process.version}, Miniflare ${versionOf("miniflare")}, workerd ${versionOf("workerd")}`;
  const rows = rounds.map(
    ({ withoutMs, againMs, withMs, pushed, hanging }, index) =>
      `| ${index + 1} | ${withoutMs.toFixed(1)} | ${againMs.toFixed(1)} | ${withMs.toFixed(1)} | ${(withMs / withoutMs).toFixed(3)} | ${(againMs / withoutMs).toFixed(3)} | ${pushed} | ${hanging} |`,
  );
  return `# Isolation

What one sink that hangs costs the others. Written by \`npm run test:isolation -- --write\`, which measures it; \`.ci/run\` measures it too,
and fails when what is promised below does not hold.

100 subscriptions have a subject each. The sinks of 99 answer at once; the culprit's hangs for 15 s on every request. A producer in a process of
its own publishes ${eventsPerSecond} events a second, whatever the answers, one in a hundred for the culprit. In windows without the culprit, its
share goes to a healthy understudy, so that the load is the same. A latency is the time from when an event was to be sent, by the rate, until
its sink has the head of the request; only those of the 99 count.

A round has two windows without the culprit and one with it, ${windowEvents} events each and some before it that
do not count, each kind as often first, second and last. Pushes
that hang are waited for before the next window. All of it is one router in the local runtime, as \`npm run test:faults\` has it.

Machine: ${machine}. ${versions}.

| round | p99 without, ms | p99 again without, ms | p99 with, ms | with / without | again / without | pushed to the culprit | still hanging after |
| --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

| promise | measured |
| --- | --- |
| the median of with / without is at most 1.10 and the spread | ${ratio.toFixed(3)} |
| the spread: the median distance from 1 of again / without | ${spread.toFixed(3)} |
| the culprit is on the slow lane within 3 s of its first event | ${(detectedMs / 1_000).toFixed(2)} s |

## What the local runtime shows, and what not

- **It shows** that events for a sink that is known to hang meet the healthy ones nowhere: not at the edge, not in a queue, not in a batch.
  That is a property of the router, and holds wherever it runs. What it does not push at all, because it knows better by then, is in the
  column of what was pushed.
- **It does not show the time before.** The simulator has one batch in flight per queue, whatever \`max_concurrency\` says. The batch that first
  meets the hanging sink keeps its shard of the lane \`fast\` until that push ends, and everything behind it waits so long. In production
  60 batches of a shard run side by side, and the other 59 go on. So windows begin after the detection, and once the edge follows.
- **It does not show what is lost with a queue:** the simulator's queues live in memory. \`npm run test:faults\` counts that apart.
- **Its latencies are not production's.** The router, its database, the producer and all sinks share this machine; nothing crosses a
  network, and a queue of the simulator hands out a message at once. The ratio is the measurement, the milliseconds are its units.
- **It has one isolate.** What an isolate knows is known to all; in production each learns it from the database, within 5 s.
- **The rate is low,** so that one batch at a time keeps up. What a lane does when it is saturated is not measured here.
`;
}

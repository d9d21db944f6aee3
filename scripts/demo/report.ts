/** The demo's end: the table, and whether all is as expected. */
import { MODES } from "./publish.ts";
import { faultsOf, percentile, type Score } from "./score.ts";
import { bad, good, say, table } from "./screen.ts";
import type { Scene } from "./stage.ts";

const FAULTS_SHOWN = 20;

/** Shows what happened so far. */
export function report({ examples, repeated, publications, scores, duplicates }: Scene): void {
  const { sent, accepted, refused } = publications;
  const total = MODES.reduce((sum, mode) => sum + sent[mode], 0);
  say();
  say(
    `published ${total} (${MODES.map((mode) => `${sent[mode]} ${mode}`).join(", ")}): ` +
      `${examples.length} events, ${repeated.length} of them twice`,
  );
  say(`accepted  ${accepted}, refused ${refused.length}, recognised as duplicates ${duplicates ?? "–"}`);
  say();
  say(
    table(
      [
        "consumer",
        "format",
        "expected",
        "received",
        "requests",
        "verified",
        "503s",
        "retries",
        "duplicates",
        "p50 ms",
        "p99 ms",
      ],
      scores.map(row),
    ),
  );
  say();
}

function row(score: Score): (string | number)[] {
  const { plan, expected, delivered, requests, verified, refused, retries, duplicates, latenciesMs } = score;
  const latencies = [percentile(latenciesMs, 0.5) ?? "–", percentile(latenciesMs, 0.99) ?? "–"];
  return [
    plan.name,
    plan.format,
    expected.size,
    delivered.size,
    requests,
    verified,
    refused,
    retries,
    duplicates,
    ...latencies,
  ];
}

/** Shows all that is not as expected, or that there is nothing; true when there is nothing. */
export function verdict({ examples, repeated, publications, scores, duplicates }: Scene): boolean {
  const { accepted, refused } = publications;
  const faults = [
    ...refused.map((problem) => `not accepted: ${problem}`),
    ...(accepted === examples.length + repeated.length ? [] : [`${accepted} publishes were accepted`]),
    ...(duplicates === null || duplicates === repeated.length
      ? []
      : [`${duplicates} duplicates were recognised of ${repeated.length}`]),
    ...scores.flatMap(faultsOf),
  ];
  for (const fault of faults.slice(0, FAULTS_SHOWN)) say(bad(`✗ ${fault}`));
  if (faults.length > FAULTS_SHOWN) say(bad(`✗ … and ${faults.length - FAULTS_SHOWN} more`));
  const deliveries = scores.reduce((sum, { delivered }) => sum + delivered.size, 0);
  if (faults.length === 0)
    say(good(`✓ ${deliveries} deliveries, each received once, intact and with a valid signature`));
  return faults.length === 0;
}

/**
 * `npm run bench:smoke -- [--write]`: whether the router has become slower. A few ratios to the floor, each measured in several rounds, are held against
 * those of bench/router/baseline.json; only a clear loss fails (gate.ts). It takes under two minutes. `--write` measures a new baseline: in the commit of
 * a change that makes it slower for a reason, or faster.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { processor, versionOf } from "../../scripts/rig/document.ts";
import { CLEAR_LOSS, compare, type Figure } from "./gate.ts";
import { measure, type Measured, NOBODY, p50, TEN } from "./measure.ts";
import { withSubscriptions } from "./seed.ts";
import { withStage, type Stage } from "./stage.ts";
import { formatNumber } from "./statistics.ts";
import type { Subject } from "./subject.ts";

const MACHINE = `${processor()}, workerd ${versionOf("workerd")}`;
const BASELINE = join(import.meta.dirname, "baseline.json");
const ROUNDS = 5;
/** The router writes to disk and the floor does not: on another machine than the baseline's only a figure that is twice as bad is a loss. */
const CLEAR_LOSS_ELSEWHERE = 1;

interface Kept {
  /** Where it was measured. */
  readonly machine: string;
  readonly figures: readonly Figure[];
}

interface Probe {
  readonly run: (stage: Stage, subject: Subject) => Promise<Measured>;
  readonly figures: readonly {
    readonly name: string;
    readonly better: Figure["better"];
    readonly pick: (measured: Measured) => number;
  }[];
}

const PROBES: readonly Probe[] = [
  {
    run: (stage, subject) => measure(stage, subject, { kinds: NOBODY }, { requests: 500, perSecond: 350 }),
    figures: [
      { name: "CPU per event, published one by one", better: "lower", pick: ({ cpuMsPerEvent }) => cpuMsPerEvent },
    ],
  },
  {
    run: (stage, subject) =>
      measure(stage, subject, { kinds: NOBODY, batch: 100 }, { connections: 4, seconds: 1, requestsMax: 40 }),
    figures: [
      { name: "acked events/s, batches of 100", better: "higher", pick: ({ ackedPerSecond }) => ackedPerSecond },
    ],
  },
  {
    run: (stage, subject) => measure(stage, subject, { kinds: TEN, batch: 100 }, { requests: 8, perSecond: 100 }),
    figures: [{ name: "deliveries/s", better: "higher", pick: ({ deliveredPerSecond }) => deliveredPerSecond }],
  },
  {
    run: (stage, subject) => measure(stage, subject, { kinds: TEN }, { requests: 300, perSecond: 150 }),
    figures: [
      { name: "CPU per event, delivered", better: "lower", pick: ({ cpuMsPerEvent }) => cpuMsPerEvent },
      { name: "from publish to sink, p50", better: "lower", pick: ({ receivedMs }) => p50(receivedMs) },
    ],
  },
];

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
if (!values.write && !existsSync(BASELINE)) throw new Error(`There is no ${BASELINE}: make one with --write`);
const say = (line: string): void => console.log(line);
const beganMs = performance.now();

const now = await withStage(say, async (stage) => {
  const fantail = await withSubscriptions(stage, TEN.length);
  for (const { run } of PROBES) for (const subject of [fantail, stage.floor]) await run(stage, subject);
  const ratios = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round += 1)
    for (const { run, figures } of PROBES) {
      const taken = new Map<Subject, Measured>();
      // Who comes first takes turns: it has the caches of whoever was before.
      const order = round % 2 === 0 ? [fantail, stage.floor] : [stage.floor, fantail];
      for (const subject of order) taken.set(subject, await run(stage, subject));
      const [router, floor] = [taken.get(fantail), taken.get(stage.floor)];
      if (router === undefined || floor === undefined) throw new Error("Both were measured");
      for (const { name, pick } of figures) ratios.set(name, [...(ratios.get(name) ?? []), pick(router) / pick(floor)]);
    }
  return PROBES.flatMap(({ figures }) =>
    figures.map(({ name, better }): Figure => ({ name, better, ratios: ratios.get(name) ?? [] })),
  );
});

if (values.write)
  writeFileSync(BASELINE, `${JSON.stringify({ machine: MACHINE, figures: now } satisfies Kept, null, 2)}\n`);
const kept = JSON.parse(readFileSync(BASELINE, "utf8")) as Kept;
const margin = kept.machine === MACHINE ? CLEAR_LOSS : CLEAR_LOSS_ELSEWHERE;
if (margin !== CLEAR_LOSS)
  say(`The baseline is of another machine (${kept.machine}): only what is twice as bad counts as lost`);
for (const { name, baseline, measured, verdict } of compare(kept.figures, now, margin)) {
  say(
    `${verdict === "lost" ? "✗" : "✓"} ${name}: ${formatNumber(measured)} of the floor's, the baseline is ${formatNumber(baseline)}${verdict === "same" ? "" : ` (${verdict})`}`,
  );
  if (verdict === "lost") process.exitCode = 1;
}
say(`${Math.round((performance.now() - beganMs) / 1_000)} s`);

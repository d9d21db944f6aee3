/**
 * `npm run bench:smoke -- [--write]`: whether the router has become slower. A few ratios to the floor, each measured in several rounds, are held against
 * those of bench/router/baseline.json; only a clear loss fails (gate.ts). It takes under two minutes. `--write` measures a new baseline: in the commit of
 * a change that makes it slower for a reason, or faster.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CLEAR_LOSS, compare, type Figure } from "./gate.ts";
import { measure, type Measured, NOBODY, p50, TEN } from "./measure.ts";
import { withSubscriptions } from "./seed.ts";
import { withStage, type Stage } from "./stage.ts";
import { formatNumber } from "./statistics.ts";
import type { Subject } from "./subject.ts";

const MACHINE = `${cpus().length} × ${cpus()[0]?.model.trim() ?? "an unknown processor"}, workerd ${workerdVersion()}`;
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
  readonly name: string;
  readonly better: Figure["better"];
  readonly run: (stage: Stage, subject: Subject) => Promise<Measured>;
  readonly pick: (measured: Measured) => number;
}

const PROBES: readonly Probe[] = [
  {
    name: "CPU per event, published one by one",
    better: "lower",
    run: (stage, subject) => measure(stage, subject, { kinds: NOBODY }, { requests: 500, perSecond: 350 }),
    pick: ({ cpuMsPerEvent }) => cpuMsPerEvent,
  },
  {
    name: "acked events/s, batches of 100",
    better: "higher",
    run: (stage, subject) =>
      measure(stage, subject, { kinds: NOBODY, batch: 100 }, { connections: 4, seconds: 1, requestsMax: 40 }),
    pick: ({ ackedPerSecond }) => ackedPerSecond,
  },
  {
    name: "CPU per event, delivered",
    better: "lower",
    run: (stage, subject) => measure(stage, subject, { kinds: TEN }, { requests: 400, perSecond: 200 }),
    pick: ({ cpuMsPerEvent }) => cpuMsPerEvent,
  },
  {
    name: "deliveries/s",
    better: "higher",
    run: (stage, subject) => measure(stage, subject, { kinds: TEN, batch: 100 }, { requests: 8, perSecond: 100 }),
    pick: ({ deliveredPerSecond }) => deliveredPerSecond,
  },
  {
    name: "from publish to sink, p50",
    better: "lower",
    run: (stage, subject) => measure(stage, subject, { kinds: TEN }, { requests: 200, perSecond: 120 }),
    pick: ({ receivedMs }) => p50(receivedMs),
  },
];

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
if (!values.write && !existsSync(BASELINE)) throw new Error(`There is no ${BASELINE}: make one with --write`);
const say = (line: string): void => console.log(line);
const beganMs = performance.now();

const figures = await withStage(say, async (stage) => {
  const fantail = await withSubscriptions(stage, TEN.length);
  for (const { run } of PROBES) for (const subject of [fantail, stage.floor]) await run(stage, subject);
  const measured: Figure[] = PROBES.map(({ name, better }) => ({ name, better, ratios: [] }));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [place, { run, pick }] of PROBES.entries()) {
      // Who comes first takes turns: it has the caches of whoever was before.
      const order = round % 2 === 0 ? [fantail, stage.floor] : [stage.floor, fantail];
      const taken = new Map<Subject, number>();
      for (const subject of order) taken.set(subject, pick(await run(stage, subject)));
      const ratio = (taken.get(fantail) ?? Number.NaN) / (taken.get(stage.floor) ?? Number.NaN);
      const figure = measured[place];
      if (figure !== undefined) measured[place] = { ...figure, ratios: [...figure.ratios, ratio] };
    }
  return measured;
});

if (values.write) writeFileSync(BASELINE, `${JSON.stringify({ machine: MACHINE, figures } satisfies Kept, null, 2)}\n`);
const kept = JSON.parse(readFileSync(BASELINE, "utf8")) as Kept;
const margin = kept.machine === MACHINE ? CLEAR_LOSS : CLEAR_LOSS_ELSEWHERE;
if (margin !== CLEAR_LOSS)
  say(`The baseline is of another machine (${kept.machine}): only what is twice as bad counts as lost`);
for (const { name, baseline, measured, verdict } of compare(kept.figures, figures, margin)) {
  say(
    `${verdict === "lost" ? "✗" : "✓"} ${name}: ${formatNumber(measured)} of the floor's, the baseline is ${formatNumber(baseline)}${verdict === "same" ? "" : ` (${verdict})`}`,
  );
  if (verdict === "lost") process.exitCode = 1;
}
say(`${Math.round((performance.now() - beganMs) / 1_000)} s`);

function workerdVersion(): string {
  const manifest = join(import.meta.dirname, "../../node_modules/workerd/package.json");
  return (JSON.parse(readFileSync(manifest, "utf8")) as { readonly version: string }).version;
}

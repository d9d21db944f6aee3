/**
 * `npm run bench -- [section …] [--quick] [--write] [--json FILE]`: the router beside the platform's own floor, from publish to sink, at every
 * size, through an outage and over ten minutes; what an event costs; and what that means at scale.
 *
 * A whole run takes some three quarters of an hour, a quick one a third of that. Either prints; with `--write` it writes docs/performance.md,
 * docs/costs.json and docs/scale.md. Some sections alone take the places of those that were written before by as long a run of the same
 * versions on the same machine. Load goes to this machine only, and ends by itself. Exit code 1 when counts do not add up; an aim that is missed is
 * told, in the document too.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { release, type } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { processor, versionOf } from "../../scripts/rig/document.ts";
import type { Costs } from "../cost/costs.ts";
import { KEPT_COSTS } from "../cost/kept.ts";
import { costsMarkdown } from "../cost/markdown.ts";
import { measureCosts } from "../cost/meter.ts";
import { coldStart } from "./cold-start.ts";
import { endToEnd, fanOut, subscribeFanOuts } from "./deliver.ts";
import { documentOf, writeDocument } from "./document.ts";
import { outage } from "./outage.ts";
import { FULL, QUICK, type Plan } from "./plan.ts";
import { publish } from "./publish.ts";
import type { Results, Section } from "./results.ts";
import { withSubscriptions } from "./seed.ts";
import { byHistory, bySubscriptions } from "./sizes.ts";
import { soak } from "./soak.ts";
import { SINK_LATENCY_MS, type Stage, withStage } from "./stage.ts";
import { TEN } from "./measure.ts";

const ROOT = join(import.meta.dirname, "../..");
const RESULTS = join(ROOT, "docs/performance.json");
const COSTS = join(ROOT, "docs/costs.json");

/** Each on a stage of its own, so that none has the memory or the queues of the one before. */
const SECTIONS: Readonly<Record<string, (stage: Stage, plan: Plan) => Promise<Section>>> = {
  publish: async (stage, plan) => publish(stage, await withSubscriptions(stage, TEN.length), plan),
  "end-to-end": async (stage, plan) => endToEnd(stage, await withSubscriptions(stage, TEN.length), plan),
  "fan-out": async (stage, plan) => {
    const fantail = await withSubscriptions(stage, TEN.length);
    await subscribeFanOuts(stage, fantail);
    return fanOut(stage, fantail, plan);
  },
  subscriptions: bySubscriptions,
  history: byHistory,
  "cold-start": coldStart,
  outage,
  soak,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const unknown = positionals.filter((name) => SECTIONS[name] === undefined);
if (unknown.length > 0)
  throw new Error(`There is no section ${unknown.join(", ")}: ${Object.keys(SECTIONS).join(", ")}`);

const say = (line: string): void => console.error(line);
const isWhole = positionals.length === 0;
const plan = values.quick ? QUICK : FULL;
const measuredAt = new Date().toISOString();
const beganMs = performance.now();

const sections: Section[] = [];
const failures: string[] = [];
for (const [name, section] of Object.entries(SECTIONS)) {
  if (!isWhole && !positionals.includes(name)) continue;
  try {
    sections.push(await withStage(say, (stage) => section(stage, plan)));
  } catch (error) {
    // The others are to be seen too.
    console.error(error);
    failures.push(name);
  }
}
const results: Results = {
  measuredAt,
  quick: values.quick,
  machine: `${processor()}, ${type()} ${release()}`,
  versions: {
    Fantail: versionOf(),
    Node: process.versions.node,
    Miniflare: versionOf("miniflare"),
    workerd: versionOf("workerd"),
  },
  sinkLatencyMs: SINK_LATENCY_MS,
  sections,
};
const costs = isWhole ? await costsOrNull() : KEPT_COSTS;
const parts = costs === null ? [] : [costsMarkdown(costs)];
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ results, costs }, null, 2)}\n`);
if (values.write && failures.length === 0) {
  if (isWhole) writeFileSync(COSTS, `${JSON.stringify(costs, null, 2)}\n`);
  writeDocument(isWhole ? results : placed(results), parts, { replacesFull: true });
  const model = spawnSync(process.execPath, [join(ROOT, "bench/model/run.ts"), "--write"], { stdio: "inherit" });
  if (model.status !== 0) throw new Error("The scale model could not be written");
} else console.log(documentOf(results, parts));
for (const name of failures) say(`FAILED: ${name}`);
process.exitCode = failures.length === 0 ? 0 : 1;
say(`${Math.round((performance.now() - beganMs) / 1_000)} s`);

/** The new sections among those that are written. @throws Error when they cannot stand side by side. */
function placed(now: Results): Results {
  // JSON has no NaN: what was not measured is null in its array.
  const before = JSON.parse(readFileSync(RESULTS, "utf8"), (key, value: unknown) =>
    value === null && /^\d+$/.test(key) ? Number.NaN : value,
  ) as Results;
  for (const name of ["quick", "machine", "versions", "sinkLatencyMs"] as const)
    if (!isDeepStrictEqual(before[name], now[name]))
      throw new Error(`docs/performance.json was measured otherwise (${name}): measure all of it anew`);
  const all = new Map([...before.sections, ...now.sections].map((section) => [section.id, section]));
  return { ...before, sections: Object.keys(SECTIONS).flatMap((id) => all.get(id) ?? []) };
}

async function costsOrNull(): Promise<Costs | null> {
  try {
    return await measureCosts({ quick: values.quick && !values.write, say });
  } catch (error) {
    console.error(error);
    failures.push("costs");
    return null;
  }
}

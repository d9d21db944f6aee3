/** docs/performance.md with its plots and its data, which only `npm run bench -- --write` writes. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "../../scripts/rig/document.ts";
import { renderPlot } from "./plots.ts";
import type { Metric, Results, Section } from "./results.ts";
import { formatNumber, meetsAim, ratiosOf, summarise } from "./statistics.ts";

const DOCS = join(import.meta.dirname, "../../docs");
const DATA = "performance.json";
const PLOTS = "performance";
const DOCUMENT = "performance.md";

interface Options {
  /** Where to; `docs/` by default. */
  readonly directory?: string;
  /** Lets a quick run take the place of a full one. */
  readonly replacesFull?: boolean;
}

/**
 * `parts`: Markdown that is put behind the sections as it is, each with a heading of its own. Answers whether it was written: the figures of a
 * quick run do not take the place of a full one's unless they are let.
 */
export function writeDocument(
  results: Results,
  parts: readonly string[],
  { directory = DOCS, replacesFull = false }: Options = {},
): boolean {
  const data = join(directory, DATA);
  const old = existsSync(data) ? (JSON.parse(readFileSync(data, "utf8")) as Results) : null;
  if (results.quick && old?.quick === false && !replacesFull) return false;
  // First what took so long to measure.
  writeFileSync(data, JSON.stringify(results));
  for (const section of old?.sections ?? [])
    for (const file of plotFiles(section)) rmSync(join(directory, file), { force: true });
  mkdirSync(join(directory, PLOTS), { recursive: true });
  for (const section of results.sections)
    for (const [index, file] of plotFiles(section).entries()) {
      const plot = section.plots[index];
      if (plot !== undefined) writeFileSync(join(directory, file), renderPlot(plot, section));
    }
  const document = join(directory, DOCUMENT);
  writeFileSync(document, documentOf(results, parts));
  format(document, data);
  return true;
}

/** One per plot, in their order, from the document's folder. */
const plotFiles = ({ id, plots }: Section): readonly string[] =>
  plots.map((_, index) => `${PLOTS}/${id}${index === 0 ? "" : `-${index + 1}`}.svg`);

/** Not yet formatted. */
export function documentOf(results: Results, parts: readonly string[]): string {
  return [
    "# Performance",
    ...(results.quick ? [QUICK] : []),
    INTRODUCTION,
    setting(results),
    "## Aims",
    ...aims(results.sections),
    "## How it is measured",
    method(results),
    "## What the local runtime does not show",
    LIMITS,
    ...results.sections.flatMap(sectionOf),
    ...parts,
    "",
  ].join("\n\n");
}

const QUICK =
  "**From a quick run:** shortened to show that the bench works. Its figures are for a look only, and nothing can be held against them.";

const INTRODUCTION = `What the router costs, beside the least that its way can cost on the same machine. Written by \`npm run bench -- --write\`, which measures
everything here, and makes the plots and the data beside them ([performance.json](performance.json)).`;

const listOf = (versions: Results["versions"]): string =>
  Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");

const setting = ({ machine, versions, measuredAt }: Results): string =>
  `Machine: ${machine}. ${listOf(versions)}. Measured on ${measuredAt.slice(0, 10)}.`;

function method({ sinkLatencyMs, sections }: Results): string {
  const runs = Math.max(0, ...metricsOf(sections).map(({ metric }) => metric.fantail.length));
  return `- **The router** is the Worker as it is deployed, built, in Miniflare's runtime, without its log lines, with its state on disk. The load and the
  sinks are processes of their own.
- **The load is an open loop:** events are sent when the rate says, whatever became of those before. A latency counts from the time an
  event was to be sent, so one that had to wait for its turn has waited. Where a section says that it goes as fast as it can, it does that instead.
- **A sink** answers after ${formatNumber(sinkLatencyMs)} ms.
- **The floor** is a bare Worker on the same runtime, with the same queues, shards and batch sizes and the same pool of 5 pushes. It parses the body,
  sends the same messages and pushes with \`fetch\`. It has no routing, no record, no signatures and no retries: what Fantail takes longer than the floor is what
  these cost.
- **Interleaved:** ${runs === 1 ? "there is one run" : `there are ${runs} runs`}, and in each the two take turns, case by case, so that what slows the machine down meets both. A section that is played only once says so.
- **A ratio** is Fantail's figure by the floor's of the same run. What is shown is the median of the runs, and in brackets the lowest and the
  highest; an aim is judged by the median. A percentile is by nearest rank.`;
}

const LIMITS = `- **One batch at a time:** the simulator has one batch of a queue in flight, whatever \`max_concurrency\` says. In production many run side by side.
- **One thread for everything:** the Worker, its database and the queues share one event loop of workerd. What one of them uses, all others lack; in
  production they are apart.
- **Queues in memory:** a message is taken and handed out at once, and nothing of it is written to a disk.
- **No network:** nothing of what a request takes to the nearest data centre, to the database or to a sink.

So the ratios are the measurement, and milliseconds and events a second are only their units.`;

interface Entry {
  readonly section: string;
  readonly name: string;
  readonly metric: Metric;
}

const metricsOf = (sections: readonly Section[]): readonly Entry[] =>
  sections.flatMap(({ title, cases }) =>
    cases.flatMap(({ name, metrics }) => metrics.map((metric) => ({ section: title, name, metric }))),
  );

function aims(sections: readonly Section[]): readonly string[] {
  const entries = metricsOf(sections).filter(({ metric }) => metric.aim !== null);
  if (entries.length === 0) return ["There are none."];
  const missed = entries.filter(({ metric }) => meetsAim(metric) !== true).length;
  const rows = entries.map(({ section, name, metric }) => [
    section,
    name,
    metric.name,
    aimOf(metric),
    withSpread(ratiosOf(metric)),
    verdictOf(metric),
  ]);
  return [
    missed === 0 ? "All are met." : `**${missed} of ${entries.length} are not met.**`,
    table(["section", "case", "metric", "aim for the ratio", "ratio", "verdict"], rows),
  ];
}

function sectionOf(section: Section): readonly string[] {
  const rows = metricsOf([section]).map(({ name, metric }) => [
    name,
    metric.name,
    metric.unit,
    withSpread(metric.fantail),
    metric.reference === null ? "" : withSpread(metric.reference.values),
    withSpread(ratiosOf(metric)),
    [aimOf(metric), verdictOf(metric)].filter((text) => text !== "").join(": "),
  ]);
  const references = metricsOf([section]).flatMap(({ metric }) => metric.reference?.name ?? []);
  const reference = [...new Set(references)].join(" / ") || "reference";
  return [
    `## ${section.title}`,
    section.about,
    table(["case", "metric", "unit", "Fantail", reference, "ratio", "aim"], rows),
    ...section.plots.map((plot, index) => `![${plot.title}](${plotFiles(section)[index]})`),
  ];
}

function aimOf({ aim }: Metric): string {
  if (aim === null) return "";
  return "atLeast" in aim ? `at least ${aim.atLeast}` : `at most ${aim.atMost}`;
}

function verdictOf(metric: Metric): string {
  const isMet = meetsAim(metric);
  return isMet === null ? "" : isMet ? "met" : "**not met**";
}

/** `0.52 [0.5–0.55]`; one run has no spread, and what was not measured no figure. */
function withSpread(values: readonly number[]): string {
  if (values.length === 0) return "";
  const { median, lowest, highest, count } = summarise(values);
  if (count === 1 || Number.isNaN(median)) return formatNumber(median);
  return `${formatNumber(median)} [${formatNumber(lowest)}–${formatNumber(highest)}]`;
}

/** Without the columns that have nothing in them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isUsed = head.map((_, column) => rows.some((row) => row[column] !== ""));
  return [head, head.map(() => "---"), ...rows]
    .map((row) => row.filter((_, column) => isUsed[column]).map((cell) => cell.replaceAll(/[|<]/g, String.raw`\$&`)))
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

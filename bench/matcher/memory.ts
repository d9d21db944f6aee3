/**
 * What 100,000 subscriptions hold, and what they hold at the most while an isolate loads them anew beside those that it has. Each
 * figure is taken in a process of its own, once collected as often as it takes and once in a heap as small as an isolate's.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HOLDERS, KINDS, rowOf, type Holder, type Kind, type Load, type Mode } from "./memory-load.ts";
import { chance } from "./data.ts";
import { refusal } from "./subject.ts";
import type { Report, Section } from "./table.ts";

const SUBSCRIPTIONS = 100_000;
const QUICK_SUBSCRIPTIONS = 10_000;
/** Of an isolate: what it has in all, and what one index of the largest bus may take. */
const ISOLATE_MB = 128;
const INDEX_MB_AIM = 64;

export const memory: Section = ({ report, quick }) => {
  const count = quick ? QUICK_SUBSCRIPTIONS : SUBSCRIPTIONS;
  const figures = "MB; the cold load in ms, from answers of 1,000 rows each";
  report.begin(`Memory: ${count.toLocaleString("en-US")} subscriptions, ${figures}`);
  for (const kind of KINDS) {
    const refused = refusal(rowOf(kind, chance(1), { index: 0, count }).wanted);
    if (refused !== null) report.fail(`memory, ${kind}: ${refused}`);
    else for (const holder of HOLDERS) measure({ kind, holder, count }, report);
  }
};

function measure(what: { kind: Kind; holder: Holder; count: number }, report: Report): void {
  const collected = load({ ...what, mode: "collected" }, []);
  const tight = load({ ...what, mode: "as it comes" }, [`--max-old-space-size=${ISOLATE_MB}`]);
  if (typeof collected === "string") return report.fail(`memory, ${what.kind}, ${what.holder}: ${collected}`);
  report.row({
    "rows, and what holds them": `${what.kind}, ${what.holder}`,
    "one index": mb(collected.oneBytes),
    "B each": collected.oneBytes / what.count,
    "peak, one": mb(collected.peakOneBytes),
    "peak, two": mb(collected.peakTwoBytes),
    "old let go": mb(collected.afterBytes),
    "cold load": typeof tight === "string" ? null : tight.loadMs,
    [`peak in ${ISOLATE_MB} MB`]: typeof tight === "string" ? "too small" : mb(tight.peakTwoBytes),
  });
  const of = `${what.kind}, ${what.holder}`;
  report.aim(`one index within ${INDEX_MB_AIM} MB, load included (${of})`, mb(collected.peakOneBytes) <= INDEX_MB_AIM);
  report.aim(
    `old and new within ${ISOLATE_MB} MB (${of})`,
    typeof tight !== "string" && mb(collected.peakTwoBytes) <= ISOLATE_MB,
  );
}

const mb = (bytes: number): number => bytes / 1e6;

/** What went wrong when the process came to no end of its own, as it does when its heap is too small. */
function load(
  what: { kind: Kind; holder: Holder; count: number; mode: Mode },
  flags: readonly string[],
): Load | string {
  const child = fileURLToPath(new URL("memory-load.ts", import.meta.url));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...process.execArgv, ...flags, child, JSON.stringify(what)],
    {
      encoding: "utf8",
    },
  );
  if (status === 0) return JSON.parse(stdout);
  return stderr.split("\n").find((line) => /^\w*Error|heap limit/.test(line)) ?? "it did not load";
}

/** Whether the router has become slower: ratios of now beside those of a baseline. It judges only; it reads and measures nothing. */
import { median, quantile } from "./statistics.ts";

export interface Figure {
  /** Unique among its like. */
  readonly name: string;
  /** Which way is better. */
  readonly better: "higher" | "lower";
  /** Fantail by the floor, one per round; above zero. */
  readonly ratios: readonly number[];
}

export interface Comparison {
  readonly name: string;
  /** Medians of the ratios. */
  readonly baseline: number;
  readonly measured: number;
  readonly verdict: "same" | "better" | "lost";
}

/** By how much a median may be worse: 0.3 is three tenths. Two runs of the same on one machine have been up to a fifth apart. */
export const CLEAR_LOSS = 0.3;

/** So many times as bad is a loss however wide the rounds lie: a noisy baseline excuses much, and not everything. */
const CERTAIN_LOSS = 2;

/**
 * A figure is `lost` when both hold, and `better` when both hold the other way round:
 *
 * - The median is worse by more than the margin: the old one is more than `1 + margin` times as good as the new one. Less does not matter.
 * - Three quarters of the new rounds are worse than three quarters of the old ones: the better quartile of the new ones (by nearest rank)
 *   is worse than the worse quartile of the old ones, so the ranges between the quartiles do not touch. How far that takes the median
 *   depends on the noise itself, so what shakes more needs a greater loss, and one bad round says nothing. A median that is `CERTAIN_LOSS`
 *   times as bad needs no more proof.
 *
 * With one round, only the margin counts; with three, the quartiles are the lowest and the highest. Multiplying all ratios of a figure changes nothing: only how old and new compare does.
 */
export function compare(
  baseline: readonly Figure[],
  measured: readonly Figure[],
  margin = CLEAR_LOSS,
): readonly Comparison[] {
  const now = new Map(measured.map((figure) => [figure.name, figure]));
  const before = new Set(baseline.map(({ name }) => name));
  const extra = measured.find(({ name }) => !before.has(name));
  // What is not compared must not pass for fine.
  if (extra !== undefined) throw new Error(`${extra.name} has no baseline`);
  return baseline.map((old) => {
    const figure = now.get(old.name);
    if (figure === undefined) throw new Error(`${old.name} has a baseline and was not measured`);
    if (figure.better !== old.better) throw new Error(`${old.name}: which way is better has changed`);
    const [was, is] = [goodness(old), goodness(figure)];
    const verdict = isLoss(was, is, margin) ? "lost" : isLoss(is, was, margin) ? "better" : "same";
    return { name: old.name, baseline: median(old.ratios), measured: median(figure.ratios), verdict };
  });
}

/** One value per round, of which higher is better. */
function goodness({ name, better, ratios }: Figure): readonly number[] {
  if (ratios.length === 0) throw new Error(`${name}: no rounds`);
  for (const ratio of ratios)
    if (!Number.isFinite(ratio) || ratio <= 0) throw new Error(`${name}: ${ratio} is no ratio above zero`);
  return better === "higher" ? ratios : ratios.map((ratio) => 1 / ratio);
}

function isLoss(from: readonly number[], to: readonly number[], margin: number): boolean {
  const factor = median(from) / median(to);
  return factor > 1 + margin && (factor >= CERTAIN_LOSS || quantile(to, 0.75) < quantile(from, 0.25));
}

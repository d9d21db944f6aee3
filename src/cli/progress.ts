/** A bar that shows how far something is. Pure: when it is drawn, and where, is for whoever has a terminal. */

const BAR_CHARACTERS = 24;

export interface Progress {
  readonly done: number;
  /** In the same unit; null: nobody knows. */
  readonly total: number | null;
  /** What is counted, to be read behind the bar: "1,200 accepted, 3 rejected". */
  readonly told: string;
  /** Things a second. */
  readonly perSecond: number;
}

/** One line without its end. */
export function progressLine({ done, total, told, perSecond }: Progress): string {
  const rate = `${Math.round(perSecond).toLocaleString("en")}/s`;
  if (total === null || total === 0) return `${told}, ${rate}`;
  const fraction = Math.min(1, done / total);
  const filled = Math.round(fraction * BAR_CHARACTERS);
  const bar = "█".repeat(filled) + "░".repeat(BAR_CHARACTERS - filled);
  return `${bar} ${String(Math.floor(fraction * 100)).padStart(3)} %  ${told}, ${rate}`;
}

/** Seconds as people write them: `90`, `90s`, `5m`, `2h`. */
const UNITS = { s: 1, m: 60, h: 3_600 } as const;

/** The seconds of a duration; NaN when it is none. */
export function secondsOf(text: string): number {
  const [, digits, unit = "s"] = /^(\d{1,9})\s*([smh])?$/.exec(text.trim()) ?? [];
  if (digits === undefined || !(unit === "s" || unit === "m" || unit === "h")) return Number.NaN;
  return Number(digits) * UNITS[unit];
}

/** The shortest that says exactly so many seconds. */
export function durationOf(seconds: number): string {
  if (seconds > 0 && seconds % UNITS.h === 0) return `${seconds / UNITS.h}h`;
  if (seconds > 0 && seconds % UNITS.m === 0) return `${seconds / UNITS.m}m`;
  return `${seconds}s`;
}

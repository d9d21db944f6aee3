/** Times as in RFC 3339, read with any offset and written in UTC. Pure: it reads no clock. */

export const DAY_MS = 86_400_000;

/** Unix milliseconds as a text, such as 2026-01-02T03:04:05.678Z. */
export const timestamp = (ms: number): string => new Date(ms).toISOString();

export const timestampOrNull = (ms: number | null): string | null => (ms === null ? null : timestamp(ms));

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;
const MINUTES_PER_DAY = 1_440;

/**
 * The time as Unix milliseconds, what is finer cut off; null when the text is no such time. A leap second, which must end a day in
 * UTC (§5.7), is the second after it, as Unix time has it.
 */
export function parseTimestamp(text: string): number | null {
  if (!TIMESTAMP.test(text)) return null;
  // All but the fraction stands where it always stands.
  const number = (from: number, length = 2): number => Number(text.slice(from, from + length));
  const [month, day] = [number(5), number(8)];
  const date = new Date(0);
  // `Date.UTC` takes the years 0 to 99 for those of the last century.
  const midnightMs = date.setUTCFullYear(number(0, 4), month - 1, day);
  // A day that the month does not have runs over into another.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  const [hour, minute, second] = [number(11), number(14), number(17)];
  if (hour > 23 || minute > 59 || second > 60) return null;
  const offset = offsetMinutes(text);
  if (offset === null) return null;
  const minutes = hour * 60 + minute - offset;
  const endsDay = (minutes + MINUTES_PER_DAY) % MINUTES_PER_DAY === MINUTES_PER_DAY - 1;
  if (second === 60 && !endsDay) return null;
  const [, fraction = ""] = /\.(\d+)/.exec(text) ?? [];
  return midnightMs + (minutes * 60 + second) * 1_000 + Number(fraction.slice(0, 3).padEnd(3, "0"));
}

/** Of "…+05:30" and the like, 0 of "…Z", null when it is out of range. */
function offsetMinutes(time: string): number | null {
  if (/z$/i.test(time)) return 0;
  const [hour, minute] = [Number(time.slice(-5, -3)), Number(time.slice(-2))];
  if (hour > 23 || minute > 59) return null;
  return time.at(-6) === "-" ? -(hour * 60 + minute) : hour * 60 + minute;
}

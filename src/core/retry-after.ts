/** The header `Retry-After` (RFC 9110 §10.2.3) as an instant. It never guesses: what has none of the four forms is no answer. */
import { RETRY_DELAY_SECONDS_MAX } from "./limits.ts";

const DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const LONG_DAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTH = `(?<month>${MONTHS.join("|")})`;
const TIME = "(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)";

const DELAY_SECONDS = /^\d+$/;
/** RFC 9110 §5.6.7: IMF-fixdate, RFC 850 and asctime. The name of the day adds nothing and is not compared with the date. */
const HTTP_DATES = [
  new RegExp(`^${DAY}, (?<day>\\d{2}) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^${LONG_DAY}, (?<day>\\d{2})-${MONTH}-(?<year>\\d{2}) ${TIME} GMT$`),
  new RegExp(`^${DAY} ${MONTH} (?<day>\\d{2}| \\d) ${TIME} (?<year>\\d{4})$`),
];

/**
 * The instant in Unix milliseconds, at most RETRY_DELAY_SECONDS_MAX after `now`; null without the header, for a value of no
 * known form, and for a date before `now`.
 */
export function parseRetryAfter(value: string | null, now: number): number | null {
  if (value === null) return null;
  const latest = now + RETRY_DELAY_SECONDS_MAX * 1_000;
  if (DELAY_SECONDS.test(value)) return Math.min(now + Number(value) * 1_000, latest);
  const date = parseHttpDate(value, now);
  return date === null || date < now ? null : Math.min(date, latest);
}

function parseHttpDate(value: string, now: number): number | null {
  for (const form of HTTP_DATES) {
    const parts = form.exec(value)?.groups;
    if (parts === undefined) continue;
    const { day = "", month = "", hour = "", minute = "", second = "" } = parts;
    const year = fullYear(parts["year"] ?? "", now);
    const midnight = Date.UTC(year, MONTHS.indexOf(month), Number(day));
    // Date.UTC turns a 31 February into a March.
    if (new Date(midnight).getUTCDate() !== Number(day)) return null;
    return midnight + (Number(hour) * 3_600 + Number(minute) * 60 + Number(second)) * 1_000;
  }
  return null;
}

/** RFC 9110 §5.6.7: two digits mean a year up to 50 years ahead, else the latest past one that ends in them. */
function fullYear(digits: string, now: number): number {
  if (digits.length === 4) return Number(digits);
  const latest = new Date(now).getUTCFullYear() + 50;
  return latest - ((latest - Number(digits)) % 100);
}

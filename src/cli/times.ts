/** Times and durations as a person types them. Pure: the present is passed in. */
import { parseTimestamp } from "../core/timestamp.ts";
import { usage } from "./failure.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `90s`, `15m`, `24h`, `7d`, `2w` in milliseconds. @throws Failure that names the option. */
export function durationMs(text: string, option: string): number {
  const [, count = "", unit = ""] = /^(\d{1,9})(ms|[smhdw])$/.exec(text) ?? [];
  const ms = UNIT_MS[unit];
  if (ms === undefined) throw usage(`${option} must be a duration like 90s, 15m, 24h or 7d`);
  return Number(count) * ms;
}

/** A time as in RFC 3339, or how long ago it was. @throws Failure that names the option. */
export function pastTime(text: string, option: string, nowMs: number): Date {
  const time = parseTimestamp(text);
  if (time !== null) return new Date(time);
  if (!/^\d{1,9}(ms|[smhdw])$/.test(text))
    throw usage(`${option} must be a time like 2026-01-31T12:00:00Z, or a duration before now like 15m, 24h or 7d`);
  return new Date(nowMs - durationMs(text, option));
}

/** `--since` and `--until` as the client takes them; absent where they are not given. */
export function spanOf(
  { since, until }: { readonly since: string | undefined; readonly until: string | undefined },
  nowMs: number,
): { readonly since?: Date; readonly until?: Date } {
  return {
    ...(since === undefined ? {} : { since: pastTime(since, "--since", nowMs) }),
    ...(until === undefined ? {} : { until: pastTime(until, "--until", nowMs) }),
  };
}

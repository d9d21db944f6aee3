import { useEffect, useState } from "preact/hooks";

interface TimeProps {
  /** RFC 3339; null is shown as a dash. */
  readonly at: string | null;
  /** `absolute` for tables of attempts, where differences count. Default: `relative`. */
  readonly show?: "relative" | "absolute";
}

const STEPS = [
  { unit: "day", ms: 86_400_000 },
  { unit: "hour", ms: 3_600_000 },
  { unit: "minute", ms: 60_000 },
  { unit: "second", ms: 1000 },
] as const;
/** How long a relative time may be wrong. */
const TICK_MS = 10_000;
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });
const ABSOLUTE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** A time: how long ago, and on hover, focus of the reader, and to programs the time itself. */
export function Time({ at, show = "relative" }: TimeProps) {
  const now = useNow();
  if (at === null) return <span class="dim">–</span>;
  const time = new Date(at);
  const absolute = `${ABSOLUTE.format(time)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
  return (
    <time dateTime={at} title={show === "relative" ? absolute : at}>
      {show === "relative" ? relativeTime(time.getTime() - now) : absolute}
    </time>
  );
}

/** How far away, in the largest unit that gives a whole number: `3 min. ago`, `in 2 hr.`. */
function relativeTime(differenceMs: number): string {
  const step = STEPS.find(({ ms }) => Math.abs(differenceMs) >= ms) ?? STEPS[3];
  return RELATIVE.format(Math.trunc(differenceMs / step.ms), step.unit);
}

/** Unix milliseconds, every so often anew. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

// A clock that stands still until a test moves it. Whoever sleeps wakes when the time has come, and nobody waits for real.
import type { Clock } from "../../src/ports.ts";

export interface HandClock extends Clock {
  /** Moves the time, and wakes who has slept long enough, the earliest first. */
  advance(ms: number): void;
  /** Waits until somebody begins to sleep for exactly so long at the present time, then moves the time to the end of that sleep. */
  pass(ms: number): Promise<void>;
}

interface Sleeper {
  readonly beganMs: number;
  readonly atMs: number;
  readonly wake: () => void;
}

/** 15 January 2027, 08:00:00 UTC: whole seconds, so that delays come out even. */
const START_MS = 1_800_000_000_000;

export function handClock(): HandClock {
  let now = START_MS;
  let sleepers: Sleeper[] = [];
  const passing = new Set<() => void>();

  function advance(ms: number): void {
    now += ms;
    const due = sleepers.filter(({ atMs }) => atMs <= now).toSorted((a, b) => a.atMs - b.atMs);
    sleepers = sleepers.filter(({ atMs }) => atMs > now);
    for (const { wake } of due) wake();
  }

  return {
    now: () => now,
    advance,
    sleep: (ms) =>
      new Promise((wake) => {
        sleepers.push({ beganMs: now, atMs: now + ms, wake });
        for (const check of passing) check();
      }),
    pass: (ms) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!sleepers.some(({ beganMs, atMs }) => beganMs === now && atMs === now + ms)) return;
          passing.delete(check);
          advance(ms);
          resolve();
        };
        passing.add(check);
        check();
      }),
  };
}

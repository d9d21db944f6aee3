/** A clock that tests move. Waits are over at once and are written down; those of a length that is held stay until it is let go. */
import type { Runtime } from "../../src/client/runtime.ts";

export interface HandClock extends Runtime {
  /** The waits that are over, in order. */
  readonly waits: readonly number[];
  /** Ends the held waits that are there now. */
  readonly letGo: () => void;
  /** How many are held. */
  readonly held: () => number;
}

/** `hold`: the lengths that stay, as of a timeout that must not come. `fraction`: what chance is. */
export function handClock({
  hold = [],
  fraction = 1,
}: { hold?: readonly number[]; fraction?: number } = {}): HandClock {
  const waits: number[] = [];
  const held = new Set<() => void>();
  let now = Date.parse("2026-11-25T12:00:00Z");
  let ids = 0;
  return {
    now: () => now,
    sleep: (ms, signal) => {
      if (!hold.includes(ms)) {
        waits.push(ms);
        now += ms;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const end = () => {
          held.delete(end);
          resolve();
        };
        held.add(end);
        signal.addEventListener("abort", end);
      });
    },
    uuid: () => {
      ids += 1;
      return `00000000-0000-4000-8000-${String(ids).padStart(12, "0")}`;
    },
    fraction: () => fraction,
    waits,
    letGo: () => {
      for (const end of held) end();
    },
    held: () => held.size,
  };
}

/**
 * How time and heap are taken on a machine that others use too: in rounds, in which all that is compared has its turn, and without
 * the time in which others run. With Node's --single-threaded the collector's and the compiler's work is in it.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Work on the event of an index; what it returns keeps the work from being optimised away. */
export type Step = (index: number) => number;

/** Per second, over the rounds. */
export interface Rates {
  readonly median: number;
  readonly best: number;
  /** Half of the rounds lie within so many percent of the median. */
  readonly spread: number;
}

/** Counts and times by name, put together into rounds. */
export class Rounds {
  readonly #open = new Map<string, { count: number; ms: number }>();
  readonly #rates = new Map<string, number[]>();

  add(name: string, count: number, ms: number): void {
    const open = this.#open.get(name) ?? { count: 0, ms: 0 };
    this.#open.set(name, { count: open.count + count, ms: open.ms + ms });
  }

  end(): void {
    for (const [name, { count, ms }] of this.#open) {
      const rates = this.#rates.get(name) ?? [];
      rates.push((count / ms) * 1_000);
      this.#rates.set(name, rates);
    }
    this.#open.clear();
  }

  /** Null when it never had a turn. */
  rates(name: string): Rates | null {
    const sorted = (this.#rates.get(name) ?? []).toSorted((one, other) => one - other);
    if (sorted.length === 0) return null;
    const median = quantile(sorted, 0.5);
    const spread = ((quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2 / median) * 100;
    return { median, best: sorted.at(-1) ?? median, spread };
  }

  median(name: string): number | null {
    return this.rates(name)?.median ?? null;
  }
}

function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}

/** How far the thread's own time may be behind: some kernels count it in ticks. */
const TICK_MS = 4;

/**
 * Milliseconds since it was made, by the clock, and no more than the thread itself has run: what others take of the processor in
 * between does not count, beyond a tick.
 */
export function stopwatch(): () => number {
  const began = performance.now();
  const beganMs = threadMs();
  return () => Math.min(performance.now() - began, threadMs() - beganMs + TICK_MS);
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** What all steps returned together. It is never read, which the compiler does not know. */
let sink = 0;
/** Milliseconds of one call for each of `count` events. */
export function timeAll(count: number, step: Step): number {
  let sum = 0;
  const elapsed = stopwatch();
  for (let index = 0; index < count; index += 1) sum += step(index);
  const ms = elapsed();
  sink += sum;
  return ms;
}

/** Goes round `events` from where the last turn ended, until the time is over. */
export interface Turn {
  readonly name: string;
  readonly events: number;
  readonly step: Step;
}

/** Every turn has `roundMs` in each round, after one that does not count. */
export function race(turns: readonly Turn[], { rounds, roundMs }: { rounds: number; roundMs: number }): Rounds {
  const taken = new Rounds();
  const runs = turns.map((turn) => ({ name: turn.name, run: runner(turn) }));
  for (const { run } of runs) run(roundMs);
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, run } of runs) {
      const { count, ms } = run(roundMs);
      taken.add(name, count, ms);
    }
    taken.end();
  }
  return taken;
}

function runner({ events, step }: Turn): (budgetMs: number) => { count: number; ms: number } {
  let next = 0;
  // The clock is read once per chunk, which grows until that costs nothing.
  let chunk = 1;
  return (budgetMs) => {
    let count = 0;
    let ms = 0;
    while (ms < budgetMs) {
      const from = next;
      const took = timeAll(chunk, (index) => step((from + index) % events));
      next = (next + chunk) % events;
      count += chunk;
      ms += took;
      if (took < budgetMs / 50) chunk *= 2;
    }
    return { count, ms };
  };
}

function findGc(): () => void {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc !== "function") throw new Error("Node gives no access to the garbage collector");
  return () => gc();
}

const collect = findGc();

/** Bytes in use now, typed arrays included, without what nobody holds. */
export function liveBytes(): number {
  collect();
  collect();
  return usedBytes();
}

/** The same with garbage that was not collected yet. */
export function usedBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What `make` makes, the milliseconds it took and the bytes it holds. */
export function measureMade<T>(make: () => T): { readonly made: T; readonly ms: number; readonly bytes: number } {
  const before = liveBytes();
  const elapsed = stopwatch();
  const made = make();
  const ms = elapsed();
  return { made, ms, bytes: liveBytes() - before };
}

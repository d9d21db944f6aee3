/** How long a bench runs, and how its rounds become metrics. */
import type { Metric } from "./results.ts";

export interface Plan {
  /** Runs of everything: in each, all that is compared takes turns. */
  readonly rounds: number;
  /** Of what a full run publishes. */
  readonly share: number;
}

export const FULL: Plan = { rounds: 3, share: 1 };
export const QUICK: Plan = { rounds: 3, share: 0.25 };

/** What each of these has, round by round, in turns: none has all the good or all the bad minutes of the machine. */
export async function inRounds<K extends string, T>(
  { rounds }: Plan,
  takers: Readonly<Record<K, () => Promise<T>>>,
): Promise<Readonly<Record<K, readonly T[]>>> {
  const names = Object.keys(takers) as K[];
  const taken = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<K, T[]>;
  for (let round = 0; round < rounds; round += 1)
    // The other way round each time: who comes first has the caches of whoever was before.
    for (const name of round % 2 === 0 ? names : names.toReversed()) taken[name].push(await takers[name]());
  return taken;
}

interface Compared<T> {
  readonly fantail: readonly T[];
  readonly reference: { readonly name: string; readonly values: readonly T[] } | null;
}

/** A metric of what was measured, by the function that picks it. */
export const metricOf =
  <T>({ fantail, reference }: Compared<T>) =>
  (name: string, unit: string, pick: (measured: T) => number, aim: Metric["aim"] = null): Metric => ({
    name,
    unit,
    fantail: fantail.map(pick),
    reference: reference === null ? null : { name: reference.name, values: reference.values.map(pick) },
    aim,
  });

/** The router beside the floor: what each had, and a metric of both by the function that picks it. */
export async function besideFloor<T>(
  plan: Plan,
  takers: Readonly<Record<"fantail" | "floor", () => Promise<T>>>,
): Promise<{ readonly fantail: readonly T[]; readonly compared: ReturnType<typeof metricOf<T>> }> {
  const { fantail, floor } = await inRounds(plan, takers);
  return { fantail, compared: metricOf({ fantail, reference: { name: "floor", values: floor } }) };
}

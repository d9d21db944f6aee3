/** What a bus has at the moment, as far as a file may ask for it. */
import type { Bus, Key, Subscription } from "../../client/api.ts";
import type { Client } from "../../client/client.ts";
import { ProblemError } from "../../client/errors.ts";
import type { CurrentBus } from "./changes.ts";
import type { WantedBus } from "./wanted.ts";

/** Reads only what the file speaks of: a key may not be allowed to see the rest. */
export async function currentBus(client: Client, bus: string, wanted: WantedBus): Promise<CurrentBus> {
  const found = await busOrNull(client, bus);
  if (found === null) return { bus: null, subscriptions: [], keys: [] };
  const subscriptions: Subscription[] = [];
  if (wanted.subscriptions !== null) for await (const one of client.subscriptions.list()) subscriptions.push(one);
  const keys: Key[] = [];
  if (wanted.keys !== null) for await (const one of client.keys.list()) if (isInForce(one)) keys.push(one);
  return { bus: found, subscriptions, keys };
}

/** One that ended, or that a successor of the same name has replaced, is no key of the file's any more. */
const isInForce = (key: Key): boolean => key.status === "active" && key.replaced_by === null;

async function busOrNull(client: Client, bus: string): Promise<Bus | null> {
  try {
    return await client.buses.get(bus);
  } catch (error) {
    if (error instanceof ProblemError && (error.slug === "bus-not-found" || error.slug === "not-found")) return null;
    throw error;
  }
}

/** What the subscriptions of the bus are called: pages show names where the API has ids. */
import type { Subscription } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { useLoad } from "./use-load.ts";

export interface KnownSubscriptions {
  /** The newest ones; null: they did not come yet. */
  readonly all: readonly Subscription[] | null;
  /** Of that which has the id; the id when it has no name, or is not among them. */
  readonly nameOf: (id: string) => string;
}

/** The most that one page of the list has. Of a bus with more, the others are shown by their ids. */
const KNOWN_MAX = 200;

/** The key must be one that reads. */
export function useSubscriptions(): KnownSubscriptions {
  const { client } = useSession();
  const { data } = useLoad((signal) => client.subscriptions.list({ limit: KNOWN_MAX }, { signal }).page(), []);
  const all = data?.data ?? null;
  return { all, nameOf: (id) => all?.find((subscription) => subscription.id === id)?.name ?? id };
}

/** Deliveries that have not ended: pages that show one look again. */
import type { Delivery } from "../../client/index.ts";

/** A delivery that was never attempted is about to be. */
const SOON_MS = 1500;
/** One that waits for its next attempt. */
const LATER_MS = 5000;

/** When to look again at what has these deliveries; undefined: they have all ended. */
export function openEveryMs(deliveries: readonly Pick<Delivery, "status">[]): number | undefined {
  if (deliveries.some(({ status }) => status === "pending")) return SOON_MS;
  return deliveries.some(({ status }) => status === "retrying" || status === "held") ? LATER_MS : undefined;
}

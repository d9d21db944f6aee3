/** An event with all that is on record of its deliveries. */
import type { Client, Delivery, DeliveryInFull, EventOnRecord } from "../../../client/index.ts";

export interface Recorded {
  readonly event: EventOnRecord;
  /** With all their attempts, as far as those are loaded: of the first ones. */
  readonly deliveries: readonly DeliveryInFull[];
}

/** Of so many deliveries all attempts are asked for; of those behind them the last is there. */
const IN_FULL_MAX = 20;

/** @throws as the client. */
export async function recorded(client: Client, id: string, signal: AbortSignal): Promise<Recorded> {
  const event = await client.events.get(id, { signal });
  const inFull = async (delivery: Delivery, index: number): Promise<DeliveryInFull> => {
    if (needsMore(delivery) && index < IN_FULL_MAX) return client.deliveries.get(delivery.id, { signal });
    return { ...delivery, attempts: delivery.last_attempt === null ? [] : [delivery.last_attempt] };
  };
  return { event, deliveries: await Promise.all(event.deliveries.map(inFull)) };
}

/** Whether there are attempts before the last one. */
const needsMore = ({ last_attempt }: Delivery): boolean => (last_attempt?.attempt ?? 0) > 1;

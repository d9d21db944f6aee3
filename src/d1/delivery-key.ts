/** The key of a delivery, as columns of a row and as the JSON list that statements take and `claims.keys` holds. */
import type { DeliveryKey } from "../core/delivery.ts";

export interface DeliveryKeyRow {
  readonly bus: string;
  readonly seq: string;
  readonly subscription_id: string;
  readonly run: string;
}

export const toKey = ({ bus, seq, subscription_id: subscriptionId, run }: DeliveryKeyRow): DeliveryKey => {
  return { bus, seq, subscriptionId, run };
};

export const keyList = ({ bus, seq, subscriptionId, run }: DeliveryKey): string[] => [bus, seq, subscriptionId, run];

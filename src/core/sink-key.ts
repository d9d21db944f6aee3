/** Whose a delivery is: one sink is where one subscription delivers to. */
export interface SinkKey {
  readonly bus: string;
  /** Unique within its bus. */
  readonly subscriptionId: string;
}

/** The same as one string, for a Map or Set: neither part has a space. */
export const sinkKeyText = ({ bus, subscriptionId }: SinkKey): string => `${bus} ${subscriptionId}`;

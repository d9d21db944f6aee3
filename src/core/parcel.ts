/**
 * The queue messages: what one is and how it becomes text. Pure.
 *
 * A message is text (contentType "text"): one line of JSON, and for an event that travels inline a line feed and the event's
 * canonical JSON text as it is, neither escaped nor parsed on the way.
 */
import type { DeliveryKey, Settlement } from "./delivery.ts";

export const PARCEL_VERSION = 1;

/** An event with up to PARCEL_DELIVERIES_MAX deliveries of it; with none when it matched nothing. */
export interface EventParcel {
  readonly kind: "event";
  readonly bus: string;
  readonly seq: string;
  readonly eventId: string;
  /** The publish that made it: another receipt for a known event is a duplicate publish. */
  readonly receipt: string;
  readonly acceptedMs: number;
  readonly hops: number;
  /** Deliveries of the event in all its parcels. */
  readonly matched: number;
  /** UTF-8 bytes of the event's canonical text. */
  readonly bytes: number;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  readonly subscriptionIds: readonly string[];
  /** The canonical text, or null when the body travels by reference (D1 `bodies`). */
  readonly body: string | null;
}

/** Keys of deliveries to look at. */
export interface WakeParcel {
  readonly kind: "wake";
  readonly keys: readonly DeliveryKey[];
}

/** Outcomes that could not be settled, with the token they were claimed under. */
export interface OutcomesParcel {
  readonly kind: "outcomes";
  readonly token: string;
  readonly settlements: readonly Settlement[];
}

export type Parcel = EventParcel | WakeParcel | OutcomesParcel;

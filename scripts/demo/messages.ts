/** What the demo and its consumers tell each other over IPC. Types, and the guards for what arrives. */
import type { ConsumerPlan } from "./subscriptions.ts";

/** Sent once, when the subscription exists. */
export interface Configure {
  readonly kind: "configure";
  readonly format: ConsumerPlan["format"];
  readonly failures: number;
  /** `whsec_…`, as the router answered it. */
  readonly secret: string;
  /** A key with the scope `read`, to fetch events back. */
  readonly readKey: string;
}

interface Listening {
  readonly kind: "listening";
  readonly sink: string;
}

/** From here on every request is verified and reported. */
interface Ready {
  readonly kind: "ready";
}

/** One request that the consumer received. */
export interface Receipt {
  readonly kind: "receipt";
  /** Unix milliseconds of its arrival. */
  readonly atMs: number;
  readonly webhookId: string;
  /** `fantail-attempt`, from 1. */
  readonly attempt: number;
  /** The status of the answer. */
  readonly answered: number;
  readonly verified: boolean;
  /** The event that came, or was fetched back; null when it could not be read. */
  readonly event: { readonly id: string; readonly fingerprint: string } | null;
  /** What was wrong with the request. */
  readonly problem: string | null;
}

export type FromConsumer = Listening | Ready | Receipt;

// The other end is a file of this folder, forked from the same checkout: telling the kinds apart is enough.
export function isFromConsumer(message: unknown): message is FromConsumer {
  return ["listening", "ready", "receipt"].includes(kindOf(message));
}

export function isConfigure(message: unknown): message is Configure {
  return kindOf(message) === "configure";
}

function kindOf(message: unknown): string {
  return typeof message === "object" && message !== null && "kind" in message ? String(message.kind) : "";
}

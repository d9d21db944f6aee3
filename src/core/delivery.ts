/** The words of delivering: keys, attempts, answers, outcomes. `docs/delivery.md` is the protocol. */
import type { Sign } from "./health.ts";
import type { SinkKey } from "./sink-key.ts";
import type { Steering } from "./steering.ts";

/** `run` is "" for the delivery that a publish made, a job id for a replay. */
export interface DeliveryKey extends SinkKey {
  readonly seq: string;
  readonly run: string;
}

/** The same as one string, for a Map or Set: no part has a space. */
export const deliveryKeyText = ({ bus, seq, subscriptionId, run }: DeliveryKey): string =>
  [bus, seq, subscriptionId, run].join(" ");

/** What a sink did with one request. */
export type Answer =
  | {
      readonly kind: "answered";
      readonly status: number;
      /** `Retry-After` of the answer as an instant, null without a valid one. */
      readonly retryAtMs: number | null;
      /** What its `webhook-delivery` asks for, null without a valid one. */
      readonly steering: Steering | null;
      /** Headers of these two that say nothing we know, or too much: they are not obeyed. */
      readonly ignored: number;
      /** The first ANSWER_SAMPLE_BYTES_MAX of the body of an answer that is not 2xx, "" for 2xx. */
      readonly sample: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: "failed";
      /**
       * `refused`: our own sink policy forbids the URL, or an address of its name. `internal`: the fault is ours, or our resolver's. The
       * sink got no request in these two.
       */
      readonly error: "timeout" | "connection" | "refused" | "internal";
      readonly detail: string;
      readonly durationMs: number;
    };

/** Why a delivery is dead. */
export type DeadCause =
  /** The schedule is used up. */
  | "exhausted"
  /** The sink answered a status of `retry.permanent`, and PERMANENT_TRIES_MAX attempts were made. */
  | "rejected"
  /** The sink answered 410, or `webhook-delivery: disable`. */
  | "gone"
  /** The sink answered `webhook-delivery: abort`. */
  | "aborted"
  /** The last of its attempts left no trace, like others before it. */
  | "crashed"
  /** Retention came first. */
  | "expired"
  /** The event's body is no longer on record. */
  | "body-missing";

/** What an attempt means. */
export type Outcome =
  | { readonly kind: "delivered" }
  | { readonly kind: "retry"; readonly dueMs: number; readonly slow: boolean }
  | { readonly kind: "dead"; readonly cause: DeadCause }
  /**
   * Given back without an attempt: not counted, and due a little later, so that it does not go in circles. `rate`: the subscription's own rate or
   * concurrency had no room for it before then. `slow`: woken on the slow lane.
   */
  | { readonly kind: "released"; readonly dueMs: number; readonly cause: "released" | "rate"; readonly slow: boolean };

/** One finished attempt as it is kept, JSON in the column `attempts`. */
export interface AttemptRecord {
  /** Counts from 1 over the whole life of the delivery; the header `fantail-attempt`. */
  readonly attempt: number;
  readonly at_ms: number;
  readonly duration_ms: number;
  readonly status: number | null;
  readonly error: string | null;
  /** The first bytes of a failure's answer. */
  readonly answer: string | null;
}

/** What settle writes for one delivery. `attempt` is null when none was made. */
export interface Settlement {
  readonly key: DeliveryKey;
  readonly eventId: string;
  readonly outcome: Outcome;
  readonly attempt: AttemptRecord | null;
  /** Null when the attempt says nothing about the sink, or none was made. */
  readonly sign: Sign | null;
}

/** What one consumer wants and how it wants it. Types only. */
import type { Filter } from "./filters/filter.ts";

export const FORMATS = ["structured", "binary", "standard", "reference"] as const;
export type Format = (typeof FORMATS)[number];

/** `deleted` is a tombstone: it tells the caches, and is erased after TOMBSTONE_MS. */
export type SubscriptionStatus = "active" | "paused" | "disabled" | "deleted";

/** Which events a subscription takes. The three members are ANDed; null and an empty list mean "all". */
export interface Wanted {
  readonly types: readonly string[] | null;
  readonly source: string | null;
  readonly filters: readonly Filter[];
}

export interface RetryPolicy {
  /** Seconds to wait after the first, second, … attempt. One attempt more than its length is made. */
  readonly scheduleSeconds: readonly number[];
  /** HTTP statuses that are final after PERMANENT_TRIES_MAX attempts. */
  readonly permanent: readonly number[];
}

/** How fast and how wide a subscription is pushed at the most, by all consumers together. Null: no limit of its own. */
export interface Pace {
  /** So many pushes in so many seconds, evenly. */
  readonly rate: { readonly limit: number; readonly periodSeconds: number } | null;
  /** Requests that are open at a time. */
  readonly concurrency: number | null;
}

/** A signing secret, `whsec_<base64>`; `untilMs` is set on one that was replaced and signs along until then. */
export interface SigningSecret {
  readonly secret: string;
  readonly untilMs: number | null;
}

/** How deliveries of a subscription are pushed: what an attempt needs, secrets in the clear. */
export interface Push {
  readonly sink: string;
  readonly format: Format;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly pace: Pace;
  readonly secrets: readonly SigningSecret[];
}

export interface Subscription extends Wanted, Push {
  readonly id: string;
  readonly bus: string;
  readonly name: string | null;
  readonly status: SubscriptionStatus;
  /** Why it is disabled: one of DISABLED_REASONS, as text of whatever version wrote it. Null unless `status` is `disabled`. */
  readonly disabledReason: string | null;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** The value of the global change counter at its last change. */
  readonly version: number;
}

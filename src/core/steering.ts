/**
 * What a sink says of its delivery beside the status: the header `webhook-delivery` of an answer. Pure. It never guesses: what has none of
 * the three forms is ignored, and counted.
 */
import { DEFER_SECONDS_MAX } from "./limits.ts";

export type Steering =
  /** No request any more: the subscription is disabled. */
  | { readonly kind: "disable" }
  /** No further attempt of this delivery. */
  | { readonly kind: "abort" }
  /** The next attempt of this delivery after so many seconds, 1 to DEFER_SECONDS_MAX, whatever its schedule says. */
  | { readonly kind: "defer"; readonly seconds: number };

const DEFER = /^defer=([0-9]{1,10})$/;

/** The value of the header; null without one, `ignored` when it says nothing that is known, or asks for more than DEFER_SECONDS_MAX. */
export function parseSteering(value: string | null): Steering | "ignored" | null {
  if (value === null) return null;
  const text = value.trim().toLowerCase();
  if (text === "disable" || text === "abort") return { kind: text };
  const seconds = Number(DEFER.exec(text)?.[1] ?? 0);
  return seconds >= 1 && seconds <= DEFER_SECONDS_MAX ? { kind: "defer", seconds } : "ignored";
}

/** What a publish is told of each of its events. */
import type { CloudEvent } from "../core/event.ts";
import { RECEIPT_SUBSCRIPTIONS_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import type { Result } from "../core/result.ts";
import type { Accepted } from "../ingest.ts";
import { problemOf } from "./problem.ts";
import type { PublishExplained } from "./publish-explain.ts";

/** An event to be accepted, or why it is not. */
export type Entry = Result<CloudEvent, Refusal>;

/** The answer to a publish of `entries`, whose valid ones have these receipts in their order. */
export function answerOf(
  entries: readonly Entry[],
  receipts: readonly Accepted[],
  options: {
    readonly requestId: string;
    readonly minimal: boolean;
    /** Of the only entry; null: nobody asked for it. */
    readonly explained: PublishExplained | null;
  },
) {
  const { requestId, minimal, explained } = options;
  const counts = { accepted: receipts.length, rejected: entries.length - receipts.length };
  if (minimal && counts.rejected === 0) return counts;
  const rest = receipts.values();
  const events = entries.flatMap((entry, index): object[] => {
    if (!entry.ok) return [{ ...(minimal ? { index } : {}), ...rejectedEntry(entry.error, requestId) }];
    return minimal ? [] : [{ ...acceptedEntry(rest.next().value), ...explained }];
  });
  return { ...counts, events };
}

export function acceptedEntry(receipt: Accepted | undefined) {
  if (receipt === undefined) throw new Error("Ingest answered fewer events than it took");
  return {
    status: "accepted" as const,
    event_id: receipt.eventId,
    id: receipt.event.id,
    source: receipt.event.source,
    matched: receipt.matched,
    subscription_ids: receipt.subscriptionIds.slice(0, RECEIPT_SUBSCRIPTIONS_MAX),
  };
}

export const rejectedEntry = (refused: Refusal, requestId: string) => ({
  status: "rejected" as const,
  problem: problemOf(refused, requestId),
});

/** Why nothing of a publish is accepted: of a batch as one problem with the faults of all entries, of their kind if they share one. */
export function nothingValid(entries: readonly Entry[], isBatch: boolean): Refusal {
  const refused = entries.flatMap((entry, index) => (entry.ok ? [] : [{ ...entry.error, index }]));
  const [first] = refused;
  if (first !== undefined && !isBatch) return first;
  const faults = refused.flatMap(({ detail, index, errors = [{ pointer: `/${index}`, detail }] }) => errors);
  const [slug = "invalid-event", ...others] = new Set(refused.map((one) => one.slug));
  const detail = entries.length > 1 ? `None of the ${entries.length} events can be accepted` : (first?.detail ?? "");
  return refusal(others.length === 0 ? slug : "invalid-event", detail, faults);
}

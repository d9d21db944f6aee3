/** The subscriptions that nearly take an event. It decides nothing: those that take it are known. */
import { attributesFailing, shortfall, walksOf } from "../filters/shortfall.ts";
import type { EventView } from "../filters/view.ts";
import type { Members } from "../json-value.ts";
import type { Entry } from "./bucket.ts";

export interface NearestBounds {
  /** Ids. */
  readonly limit: number;
  /** Walks over the event. */
  readonly walksMax: number;
}

/** So many times as many as are asked for are looked at closely. */
const CANDIDATES = 3;

/**
 * Ids of at most `limit` of the entries, those of which the fewest parts fail first. Each is looked at as far as it asks for attributes, so it
 * takes a time in proportion to their number; those that are nearest by that are looked at in whole, as long as the walks last, and come
 * before those that are not.
 */
export function nearest(
  entries: Iterable<Entry>,
  { event, mark }: { readonly event: EventView; readonly mark: number },
  { limit, walksMax }: NearestBounds,
): string[] {
  const candidates = seeminglyNearest(entries, { form: event.form, mark }, CANDIDATES * limit);
  const looked: { readonly id: string; readonly failing: number }[] = [];
  let walks = 0;
  for (const { id, condition, seen } of candidates) {
    // Evaluated once in whole, and in parts where it fails.
    walks += condition === null ? 0 : 2 * walksOf(condition);
    if (walks + event.walks > walksMax) break;
    looked.push({ id, failing: missed(seen !== mark) + (condition === null ? 0 : shortfall(condition, event)) });
  }
  const others = candidates.slice(looked.length).map(({ id }) => id);
  return [...looked.toSorted((a, b) => a.failing - b.failing).map(({ id }) => id), ...others].slice(0, limit);
}

/** By attributes, and by whether the index found it. */
function seeminglyNearest(
  entries: Iterable<Entry>,
  { form, mark }: { readonly form: Members; readonly mark: number },
  limit: number,
): readonly Entry[] {
  const byFailing = new Map<number, Entry[]>();
  for (const entry of entries) {
    const { condition, seen } = entry;
    const failing = missed(seen !== mark) + (condition === null ? 0 : attributesFailing(condition, form));
    const group = byFailing.get(failing);
    if (group === undefined) byFailing.set(failing, [entry]);
    else if (group.length < limit) group.push(entry);
  }
  const groups = [...byFailing].toSorted(([a], [b]) => a - b);
  return groups.flatMap(([, group]) => group).slice(0, limit);
}

/** What it is found by is mostly what it is about, a type or a tenant: an event that has not even that is farther away. */
const missed = (isMissed: boolean): number => (isMissed ? 2 : 0);

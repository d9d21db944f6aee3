/** Buckets: the subscriptions that one look-up of the index finds, and what becomes of them for one event. */
import { type Condition, holds } from "../filters/holds.ts";
import type { Range, Scalar } from "../filters/test.ts";
import type { EventView } from "../filters/view.ts";

/** A subscription in the index. */
export interface Entry {
  readonly id: string;
  /** What remains to be evaluated once it is found; null where being found says it all. */
  readonly condition: Condition | null;
  /** Estimate of what it costs. */
  readonly bytes: number;
  /** Where it is found. */
  readonly buckets: Bucket | readonly Bucket[];
  /** The last event for which it was looked at: several look-ups of one event may find it. */
  seen: number;
}

/** Most have one entry, and a large bus has many: so that is no array. */
export interface Bucket {
  /** In no order; null in an empty one. */
  entries: Entry | Entry[] | null;
  readonly home: Home;
  /** By what the home knows it. */
  readonly key: Scalar | Range;
  /** The last event for which it was looked at: an array may hold one value many times. */
  seen: number;
}

/** The structure that a bucket is in. */
export interface Home {
  /** Takes an empty bucket out. */
  drop(bucket: Bucket): void;
  readonly tally: Tally;
}

/** Who is told of each entry that comes or goes. */
export interface Tally {
  count(change: 1 | -1): void;
}

/** One event on its way through the index. */
export interface Hits {
  readonly event: EventView;
  /** Different for each event. */
  readonly mark: number;
  readonly ids: string[];
}

/** Looks at all subscriptions of the bucket. */
export function take(bucket: Bucket, hits: Hits): void {
  if (bucket.seen === hits.mark) return;
  bucket.seen = hits.mark;
  const { entries } = bucket;
  if (Array.isArray(entries)) for (const entry of entries) takeEntry(entry, hits);
  else if (entries !== null) takeEntry(entries, hits);
}

function takeEntry(entry: Entry, { event, mark, ids }: Hits): void {
  if (entry.seen === mark) return;
  entry.seen = mark;
  if (entry.condition === null || holds(entry.condition, event)) ids.push(entry.id);
}

export const entriesOf = ({ entries }: Bucket): number =>
  Array.isArray(entries) ? entries.length : Number(entries !== null);

export function putIn(bucket: Bucket, entry: Entry): void {
  const { entries } = bucket;
  if (entries === null) bucket.entries = entry;
  else if (Array.isArray(entries)) entries.push(entry);
  else bucket.entries = [entries, entry];
  bucket.home.tally.count(1);
}

export function takeOut(bucket: Bucket, entry: Entry): void {
  const { entries, home } = bucket;
  if (Array.isArray(entries) && entries.length > 1) {
    const last = entries.pop();
    if (last !== undefined && last !== entry) entries[entries.indexOf(entry)] = last;
  } else {
    bucket.entries = null;
    home.drop(bucket);
  }
  home.tally.count(-1);
}

/** What the tests of the structures in which buckets lie have in common. */
import { EventView } from "../../../src/core/filters/view.ts";
import { type Bucket, type Entry, type Hits, putIn, takeOut, type Tally } from "../../../src/core/matcher/bucket.ts";

/** Counts entries. */
export function tallyOf(): Tally & { entries: number } {
  return {
    entries: 0,
    count(change) {
      this.entries += change;
    },
  };
}

/** Puts an entry into the bucket, which every event takes that finds it; returns how to take it out. */
export function entryNamed(id: string, bucket: Bucket): () => void {
  const entry: Entry = { id, condition: null, bytes: 0, buckets: bucket, seen: 0 };
  putIn(bucket, entry);
  return () => takeOut(bucket, entry);
}

/** Ids that an event with this mark finds, sorted. */
export function found(mark: number, look: (hits: Hits) => void): string[] {
  const hits: Hits = { event: new EventView({}), mark, ids: [] };
  look(hits);
  return hits.ids.toSorted();
}

/** Hits of which `looks` says how often the mark was read. */
export function countingHits(mark: number): { readonly hits: Hits; readonly looks: () => number } {
  let count = 0;
  const hits: Hits = {
    event: new EventView({}),
    get mark() {
      count += 1;
      return mark;
    },
    ids: [],
  };
  return { hits, looks: () => count };
}

/**
 * Buckets by a few characters that a text has anywhere: for what must be contained. A look-up reads each place of the value as often as
 * there are lengths.
 */
import { type Hits, type Home, take } from "./bucket.ts";
import { type Buckets, keyed } from "./keyed.ts";

/** Longer texts are found by a part of them: more characters tell hardly more, and cost at each place of every value. */
export const GRAM_CHARS_MAX = 4;

export interface Grams extends Buckets<string> {
  readonly look: (value: string, hits: Hits) => void;
}

/** `count` is told of each entry that comes or goes. */
export function grams(count: Home["count"]): Grams {
  const buckets = keyed<string>(count);
  /** Lengths of keys that are in it, or were. */
  const lengths = new Set<number>();
  return {
    ...buckets,
    bucket(key) {
      lengths.add(key.length);
      return buckets.bucket(key);
    },
    look(value, hits) {
      for (const length of lengths) {
        for (let at = 0; at + length <= value.length; at++) {
          const bucket = buckets.find(value.slice(at, at + length));
          if (bucket !== undefined) take(bucket, hits);
        }
      }
    },
  };
}

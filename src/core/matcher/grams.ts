/**
 * Buckets by a few characters that a text has anywhere: for what must be contained. A look-up reads each place of the value as often as
 * there are lengths.
 */
import { type Bucket, type Hits, take } from "./bucket.ts";
import { Keyed } from "./keyed.ts";

/** Longer texts are found by a part of them: more characters tell hardly more, and cost at each place of every value. */
export const GRAM_CHARS_MAX = 6;

export class Grams extends Keyed<string> {
  /** Lengths of keys that are in it, or were. */
  private readonly lengths = new Set<number>();

  override bucket(key: string): Bucket {
    this.lengths.add(key.length);
    return super.bucket(key);
  }

  /** Looks at the buckets of all texts that the value contains. */
  look(value: string, hits: Hits): void {
    for (const length of this.lengths) {
      for (let at = 0; at + length <= value.length; at++) {
        const bucket = this.find(value.slice(at, at + length));
        if (bucket !== undefined) take(bucket, hits);
      }
    }
  }
}

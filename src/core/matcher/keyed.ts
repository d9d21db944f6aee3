/** Buckets by key: those of equal values, of folded texts, of networks. */
import type { Range, Scalar } from "../filters/test.ts";
import type { Bucket, Home, Tally } from "./bucket.ts";

/** Structures have this in common: a key has at most one bucket. Classes, because a bus may have a structure for each of its subscriptions. */
export interface Buckets<K extends Scalar | Range> extends Home {
  /** The bucket of the key, made when there is none. */
  bucket(key: K): Bucket;
  find(key: K): Bucket | undefined;
}

export class Keyed<K extends Scalar> implements Buckets<K> {
  readonly tally: Tally;
  private readonly buckets = new Map<Scalar | Range, Bucket>();

  constructor(tally: Tally) {
    this.tally = tally;
  }

  bucket(key: K): Bucket {
    let bucket = this.buckets.get(key);
    if (bucket === undefined) {
      bucket = { entries: null, home: this, key, seen: 0 };
      this.buckets.set(key, bucket);
    }
    return bucket;
  }

  find(key: K): Bucket | undefined {
    return this.buckets.get(key);
  }

  drop({ key }: Bucket): void {
    this.buckets.delete(key);
  }
}

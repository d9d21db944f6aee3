/** Buckets by key: those of equal values, of folded texts, of networks. */
import type { Range, Scalar } from "../filters/test.ts";
import type { Bucket, Home } from "./bucket.ts";

/** Structures have this in common: a key has at most one bucket. */
export interface Buckets<K extends Scalar | Range> extends Home {
  /** The bucket of the key, made when there is none. */
  readonly bucket: (key: K) => Bucket;
  readonly find: (key: K) => Bucket | undefined;
}

/** `count` is told of each entry that comes or goes. */
export function keyed<K extends Scalar>(count: Home["count"]): Buckets<K> {
  const buckets = new Map<Scalar | Range, Bucket>();
  const home: Buckets<K> = {
    bucket(key) {
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        bucket = { entries: null, home, key, seen: 0 };
        buckets.set(key, bucket);
      }
      return bucket;
    },
    find: (key) => buckets.get(key),
    drop: ({ key }) => buckets.delete(key),
    count,
  };
  return home;
}

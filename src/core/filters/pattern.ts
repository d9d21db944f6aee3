/** A pattern as it is evaluated. Types only: `read-pattern.ts` makes it, `fields.ts` evaluates it, the matcher finds it. */
import type { Test } from "./test.ts";

/** What a pattern asks of one path of the event. */
export interface Leaf {
  readonly test: Test | null;
  /** It holds too where the event has no value at that path. Without a test, only there. */
  readonly orAbsent: boolean;
}

/**
 * One way to match a pattern: the fields that an object must have, all of them, as a list linked by `next` in the order of their paths. A field
 * is a leaf (it has a test or may be absent), or has fields of its own, or both where a pattern names a path and another one below it.
 * A leaf is no object of its own: a large bus has very many.
 */
export interface Field extends Leaf {
  readonly key: string;
  readonly inner: Field | null;
  readonly next: Field | null;
  /** Whether a leaf of this field or of one that follows it may be absent. */
  readonly mayBeAbsent: boolean;
}

export const isLeaf = ({ test, orAbsent }: Leaf): boolean => test !== null || orAbsent;

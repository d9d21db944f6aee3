/**
 * Buckets by a range of numbers: a tree in the order of lower bounds which knows the highest upper bound below each node (CLRS §14.3), kept in
 * balance by height (AVL). A look-up takes the logarithm of their number for each range that it finds and for itself. Those that an event has
 * found are passed over for the rest of it, so that an array of numbers finds each range once, not once per number.
 */
import type { Range, Scalar } from "../filters/test.ts";
import { type Bucket, type Hits, take, type Tally } from "./bucket.ts";
import type { Buckets } from "./keyed.ts";

/** The numbers of a range, both bounds included: a double over 5 is one that is the next after 5 at least. */
interface Interval {
  readonly low: number;
  readonly high: number;
}

interface Node extends Interval {
  readonly bucket: Bucket;
  left: Node | null;
  right: Node | null;
  /** Nodes on the longest way down from here, this one included. The two sides differ by one at most. */
  height: number;
  /** The highest upper bound of it and all below it. */
  top: number;
  /** The last event that came by. */
  mark: number;
  /** The same as `top`, of those that this event has not found; NaN when it has found all. */
  open: number;
}

export class Ranges implements Buckets<Range> {
  readonly tally: Tally;
  private root: Node | null = null;

  constructor(tally: Tally) {
    this.tally = tally;
  }

  bucket(key: Range): Bucket {
    const interval = intervalOf(key);
    const found = findNode(this.root, interval);
    if (found !== null) return found.bucket;
    const bucket: Bucket = { entries: null, home: this, key, seen: 0 };
    const { low, high } = interval;
    const added = { low, high, bucket, left: null, right: null, height: 1, top: high, mark: 0, open: high };
    this.root = insert(this.root, added);
    return bucket;
  }

  find(key: Range): Bucket | undefined {
    return findNode(this.root, intervalOf(key))?.bucket;
  }

  drop({ key }: Bucket): void {
    if (isRange(key)) this.root = remove(this.root, intervalOf(key));
  }

  /** Looks at the buckets of all ranges that the value is in. Nothing may be added or dropped between two values of one event. */
  look(value: number, hits: Hits): void {
    look(this.root, value, hits);
  }
}

const isRange = (key: Scalar | Range): key is Range => typeof key === "object" && key !== null;

// ---- Looking up --------------------------------------------------------------------------------------------------

/**
 * What is visited has a range with the value that was not found yet, but for a single way down: where lower bounds are at most the value,
 * an open upper bound that is not below it says so. What remains open then is returned.
 */
function look(node: Node | null, value: number, hits: Hits): number {
  const before = openOf(node, hits);
  if (node === null || !(before >= value)) return before;
  const { low, high, bucket } = node;
  const left = look(node.left, value, hits);
  const right = low > value ? openOf(node.right, hits) : look(node.right, value, hits);
  if (low <= value && value <= high) take(bucket, hits);
  node.open = higher(higher(left, right), bucket.seen === hits.mark ? Number.NaN : high);
  node.mark = hits.mark;
  return node.open;
}

const openOf = (node: Node | null, { mark }: Hits): number =>
  node === null ? Number.NaN : node.mark === mark ? node.open : node.top;

/** NaN is none. */
const higher = (a: number, b: number): number => (a >= b || Number.isNaN(b) ? a : b);

// ---- The order ---------------------------------------------------------------------------------------------------

function intervalOf({ low, high, lowIncluded, highIncluded }: Range): Interval {
  return { low: lowIncluded ? low : nextOver(low), high: highIncluded ? high : -nextOver(-high) };
}

const BITS = new DataView(new ArrayBuffer(8));

/** The least double over a finite one. IEEE 754 §3.4: read as integers, doubles of one sign are in the order of their size. */
function nextOver(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  BITS.setFloat64(0, value);
  BITS.setBigInt64(0, BITS.getBigInt64(0) + (value > 0 ? 1n : -1n));
  return BITS.getFloat64(0);
}

function compare(a: Interval, b: Interval): number {
  if (a.low !== b.low) return a.low < b.low ? -1 : 1;
  return a.high === b.high ? 0 : a.high < b.high ? -1 : 1;
}

function findNode(root: Node | null, interval: Interval): Node | null {
  let node = root;
  while (node !== null) {
    const order = compare(interval, node);
    if (order === 0) return node;
    node = order < 0 ? node.left : node.right;
  }
  return null;
}

// ---- Changing it -------------------------------------------------------------------------------------------------

function insert(node: Node | null, added: Node): Node {
  if (node === null) return added;
  if (compare(added, node) < 0) node.left = insert(node.left, added);
  else node.right = insert(node.right, added);
  return balanced(node);
}

function remove(node: Node | null, interval: Interval): Node | null {
  if (node === null) return null;
  const order = compare(interval, node);
  if (order < 0) node.left = remove(node.left, interval);
  else if (order > 0) node.right = remove(node.right, interval);
  else {
    const { left, right } = node;
    if (left === null || right === null) return left ?? right;
    const next = firstOf(right);
    next.right = remove(right, next);
    next.left = left;
    return balanced(next);
  }
  return balanced(node);
}

function firstOf(root: Node): Node {
  let node = root;
  while (node.left !== null) node = node.left;
  return node;
}

/** The node, or what takes its place when one of its sides has become higher by two. */
function balanced(node: Node): Node {
  const { left, right } = node;
  const lean = heightOf(right) - heightOf(left);
  if (lean < -1 && left !== null) {
    if (heightOf(left.right) > heightOf(left.left)) node.left = rotated(left, "right");
    return rotated(node, "left");
  }
  if (lean > 1 && right !== null) {
    if (heightOf(right.left) > heightOf(right.right)) node.right = rotated(right, "left");
    return rotated(node, "right");
  }
  return settled(node);
}

/** The node's child on that side in its place. */
function rotated(node: Node, side: "left" | "right"): Node {
  const child = node[side];
  if (child === null) return node;
  const other = side === "left" ? "right" : "left";
  node[side] = child[other];
  child[other] = settled(node);
  return settled(child);
}

const heightOf = (node: Node | null): number => node?.height ?? 0;

function settled(node: Node): Node {
  const { left, right } = node;
  node.height = 1 + Math.max(heightOf(left), heightOf(right));
  node.top = Math.max(node.high, left?.top ?? Number.NEGATIVE_INFINITY, right?.top ?? Number.NEGATIVE_INFINITY);
  return node;
}

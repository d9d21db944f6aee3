/**
 * Buckets by a range of numbers: a tree in the order of lower bounds which knows the highest upper bound below each node, kept in balance as
 * a treap. A look-up takes the time of the ranges that it finds, and the logarithm of the others.
 */
import { isInRange, type Range, type Scalar } from "../filters/test.ts";
import { type Bucket, type Hits, take, type Tally } from "./bucket.ts";
import type { Buckets } from "./keyed.ts";

interface Node {
  readonly range: Range;
  readonly bucket: Bucket;
  readonly priority: number;
  left: Node | null;
  right: Node | null;
  /** The highest upper bound of it and all below it. */
  top: number;
}

export class Ranges implements Buckets<Range> {
  readonly tally: Tally;
  private root: Node | null = null;
  private made = 0;

  constructor(tally: Tally) {
    this.tally = tally;
  }

  bucket(key: Range): Bucket {
    const found = findNode(this.root, key);
    if (found !== null) return found.bucket;
    const bucket: Bucket = { entries: null, home: this, key, seen: 0 };
    this.made += 1;
    const priority = scattered(this.made);
    this.root = insert(this.root, { range: key, bucket, priority, left: null, right: null, top: key.high });
    return bucket;
  }

  find(key: Range): Bucket | undefined {
    return findNode(this.root, key)?.bucket;
  }

  drop({ key }: Bucket): void {
    if (isRange(key)) this.root = remove(this.root, key);
  }

  /** Looks at the buckets of all ranges that the value is in. */
  look(value: number, hits: Hits): void {
    look(this.root, value, hits);
  }
}

const isRange = (key: Scalar | Range): key is Range => typeof key === "object" && key !== null;

/** Priorities that look random, or else the tree would be a list: multiplication by 2^32 / φ, of the bits of which the upper ones are mixed. */
const scattered = (count: number): number => {
  const mixed = Math.imul(count, 0x9e37_79b1);
  return Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b) >>> 0;
};

function look(node: Node | null, value: number, hits: Hits): void {
  if (node === null || node.top < value) return;
  look(node.left, value, hits);
  if (node.range.low > value) return;
  if (isInRange(node.range, value)) take(node.bucket, hits);
  look(node.right, value, hits);
}

function compare(a: Range, b: Range): number {
  if (a.low !== b.low) return a.low < b.low ? -1 : 1;
  if (a.high !== b.high) return a.high < b.high ? -1 : 1;
  return Number(a.lowIncluded) - Number(b.lowIncluded) || Number(a.highIncluded) - Number(b.highIncluded);
}

function findNode(root: Node | null, range: Range): Node | null {
  let node = root;
  while (node !== null) {
    const order = compare(range, node.range);
    if (order === 0) return node;
    node = order < 0 ? node.left : node.right;
  }
  return null;
}

function insert(node: Node | null, added: Node): Node {
  if (node === null) return added;
  if (compare(added.range, node.range) < 0) {
    node.left = insert(node.left, added);
    if (node.left.priority > node.priority) return rotated(node, "left");
  } else {
    node.right = insert(node.right, added);
    if (node.right.priority > node.priority) return rotated(node, "right");
  }
  return settled(node);
}

function remove(node: Node | null, range: Range): Node | null {
  if (node === null) return null;
  const order = compare(range, node.range);
  if (order === 0) return joined(node.left, node.right);
  if (order < 0) node.left = remove(node.left, range);
  else node.right = remove(node.right, range);
  return settled(node);
}

/** One tree of two, of which all of the left come before all of the right. */
function joined(left: Node | null, right: Node | null): Node | null {
  if (left === null || right === null) return left ?? right;
  if (left.priority > right.priority) {
    left.right = joined(left.right, right);
    return settled(left);
  }
  right.left = joined(left, right.left);
  return settled(right);
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

function settled(node: Node): Node {
  node.top = Math.max(
    node.range.high,
    node.left?.top ?? Number.NEGATIVE_INFINITY,
    node.right?.top ?? Number.NEGATIVE_INFINITY,
  );
  return node;
}

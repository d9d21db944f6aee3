/**
 * Buckets by the beginning of a text, or by its end: a tree in which texts share the characters that they have in common. A look-up reads each
 * character of the value once, whatever the number of texts.
 */
import type { Range, Scalar } from "../filters/test.ts";
import { type Bucket, type Hits, take, type Tally } from "./bucket.ts";
import type { Buckets } from "./keyed.ts";

interface Node {
  /** What it adds to the nodes above it, in the direction of reading. Empty only at the top. */
  label: string;
  bucket: Bucket | null;
  /** By the code unit that their labels begin with; null without any. */
  children: Map<number, Node> | null;
}

export type End = "beginning" | "end";

export class Affixes implements Buckets<string> {
  readonly tally: Tally;
  private readonly end: End;
  private readonly root: Node = { label: "", bucket: null, children: null };

  constructor(end: End, tally: Tally) {
    this.end = end;
    this.tally = tally;
  }

  bucket(key: string): Bucket {
    const node = insert(this.root, this.inOrder(key));
    node.bucket ??= { entries: null, home: this, key, seen: 0 };
    return node.bucket;
  }

  find(key: string): Bucket | undefined {
    return descend(this.root, this.inOrder(key))?.at(-1)?.bucket ?? undefined;
  }

  drop({ key }: Bucket): void {
    const path = descend(this.root, this.inOrder(textOf(key)));
    if (path !== null) prune(path);
  }

  /** Looks at the buckets of all texts that the value begins with, or ends with. */
  look(value: string, hits: Hits): void {
    const { end } = this;
    let node = this.root;
    let length = 0;
    for (;;) {
      if (node.bucket !== null) take(node.bucket, hits);
      if (node.children === null || length >= value.length) return;
      const next = node.children.get(value.charCodeAt(end === "beginning" ? length : value.length - 1 - length));
      if (next === undefined || !continues(value, next.label, { end, length })) return;
      length += next.label.length;
      node = next;
    }
  }

  private inOrder(text: string): string {
    return this.end === "beginning" ? text : reversed(text);
  }
}

/** Whether the value goes on with the label, `length` characters behind where the reading began. */
function continues(value: string, label: string, { end, length }: { end: End; length: number }): boolean {
  if (end === "beginning") return value.startsWith(label, length);
  const last = value.length - 1 - length;
  if (label.length > last + 1) return false;
  for (let index = 0; index < label.length; index++)
    if (label.charCodeAt(index) !== value.charCodeAt(last - index)) return false;
  return true;
}

/** By code unit: characters of two units stand in the tree the wrong way round on both sides. */
function reversed(text: string): string {
  let result = "";
  for (let index = text.length - 1; index >= 0; index--) result += text.charAt(index);
  return result;
}

const textOf = (key: Scalar | Range): string => (typeof key === "string" ? key : "");

/** The node of the text, with all that lead to it, made where there is none. */
function insert(root: Node, text: string): Node {
  let node = root;
  let rest = text;
  while (rest !== "") {
    node.children ??= new Map();
    const code = rest.charCodeAt(0);
    const child = node.children.get(code);
    if (child === undefined) {
      const leaf: Node = { label: rest, bucket: null, children: null };
      node.children.set(code, leaf);
      return leaf;
    }
    const common = commonLength(child.label, rest);
    if (common < child.label.length) split(child, common);
    node = child;
    rest = rest.slice(common);
  }
  return node;
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length += 1;
  return length;
}

function split(node: Node, length: number): void {
  const lower: Node = { label: node.label.slice(length), bucket: node.bucket, children: node.children };
  node.label = node.label.slice(0, length);
  node.bucket = null;
  node.children = new Map([[lower.label.charCodeAt(0), lower]]);
}

/** The nodes from the top to that of the text, null when it has none. */
function descend(root: Node, text: string): Node[] | null {
  const path = [root];
  let node = root;
  let length = 0;
  while (length < text.length) {
    const next = node.children?.get(text.charCodeAt(length));
    if (next === undefined || !text.startsWith(next.label, length)) return null;
    length += next.label.length;
    node = next;
    path.push(node);
  }
  return path;
}

/** Takes the last node's bucket away, and what is of no use without it. */
function prune(path: readonly Node[]): void {
  const node = path.at(-1);
  const parent = path.at(-2);
  if (node === undefined) return;
  node.bucket = null;
  if (parent === undefined) return;
  if (node.children === null) {
    parent.children?.delete(node.label.charCodeAt(0));
    if (parent.children?.size === 0) parent.children = null;
    if (path.length > 2) merge(parent);
  } else merge(node);
}

/** A node without a bucket and with one child is one with it. */
function merge(node: Node): void {
  if (node.bucket !== null || node.children === null || node.children.size !== 1) return;
  for (const child of node.children.values()) {
    node.label += child.label;
    node.bucket = child.bucket;
    node.children = child.children;
  }
}

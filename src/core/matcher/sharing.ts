/**
 * One object for equal conditions: on a large bus most subscriptions differ in a tenant or a type and ask for the same besides. What they share
 * takes memory once, and is near at hand for the processor.
 */
import type { Condition } from "../filters/holds.ts";
import type { Field } from "../filters/pattern.ts";
import type { Test } from "../filters/test.ts";

/** Objects that are remembered at most: a power of two. What is forgotten is only not shared. */
const SLOTS = 4_096;
/** Characters of the JSON of what is remembered: what is long is rarely asked for twice. */
const TEXT_CHARS_MAX = 256;
/** What such a text and its object cost at most, with their place. */
const SLOT_BYTES = 1_500;

interface Slot {
  readonly text: string;
  readonly value: object;
}

export class Sharing {
  private readonly slots = new Map<number, Slot>();

  /** Estimate of what is remembered. */
  get bytes(): number {
    return this.slots.size * SLOT_BYTES;
  }

  forget(): void {
    this.slots.clear();
  }

  /** An equal condition that was given before, or one whose parts are shared. */
  share(condition: Condition): Condition {
    if (condition.kind === "all") return this.one({ kind: "all", of: condition.of.map((inner) => this.share(inner)) });
    if (condition.kind === "fields") return this.one({ kind: "fields", fields: this.fields(condition.fields) });
    return this.one(condition);
  }

  private fields(first: Field): Field {
    return {
      ...first,
      test: first.test === null ? null : this.one(first.test),
      inner: first.inner === null ? null : this.fields(first.inner),
      next: first.next === null ? null : this.fields(first.next),
    };
  }

  private one<T extends Condition | Test>(value: T): T {
    const text = JSON.stringify(value, readable);
    if (text.length > TEXT_CHARS_MAX) return value;
    const at = hashOf(text) & (SLOTS - 1);
    const slot = this.slots.get(at);
    if (slot?.text === text && isLike(slot.value, value)) return slot.value;
    this.slots.set(at, { text, value });
    return value;
  }
}

/** Of the same kind, for what is written the same. */
const isLike = <T extends Condition | Test>(known: object, value: T): known is T =>
  "kind" in known && known.kind === value.kind;

/** Sets and maps as arrays; that infinity becomes null does no harm, for no bound is null. Functions go by a name beside them. */
const readable = (_: string, value: unknown): unknown =>
  value instanceof Set || value instanceof Map ? [...value] : value;

/** FNV-1a over code units, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

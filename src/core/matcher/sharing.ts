/**
 * One object for equal conditions: on a large bus most subscriptions differ in a tenant or a type and ask for the same besides. What they share
 * takes memory once, and is near at hand for the processor.
 */
import type { Condition } from "../filters/holds.ts";

/** Conditions that are remembered at most: a power of two. What is forgotten is only not shared. */
const SLOTS = 8_192;

interface Slot {
  readonly text: string;
  readonly condition: Condition;
}

/** The condition, or an equal one that was given before. */
export type Share = (condition: Condition) => Condition;

export function sharing(): Share {
  const slots = new Map<number, Slot>();
  return (condition) => {
    const text = JSON.stringify(condition, readable);
    const at = hashOf(text) & (SLOTS - 1);
    const slot = slots.get(at);
    if (slot?.text === text) return slot.condition;
    slots.set(at, { text, condition });
    return condition;
  };
}

/** Sets as arrays; maps are only ever made of what stands beside them. That infinity becomes null does no harm, for no bound is null. */
const readable = (_: string, value: unknown): unknown => (value instanceof Set ? [...value] : value);

/** FNV-1a over code units, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

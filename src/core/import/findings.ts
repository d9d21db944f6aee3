/** What a translator finds on its way: why something is refused, and what the user must know. It knows none of the languages. */
import { isList, isMembers, type Members } from "../json-value.ts";
import { IMPORT_BYTES_MAX, JSON_DEPTH_MAX } from "../limits.ts";
import type { Fault } from "../problem.ts";
import { utf8Bytes } from "../utf8.ts";
import { atMost, faultAt, mustBe, REQUIRED } from "../words.ts";

/** One translation: with a fault there is none. Notes are whole sentences, each once. */
export interface Findings {
  readonly faults: Fault[];
  readonly notes: Set<string>;
}

/** Null, so that a reader can return it. The words follow the name of what the pointer points to. */
export function refuse({ faults }: Findings, pointer: string, words: string): null {
  faults.push(faultAt(pointer, words));
  return null;
}

/**
 * What the pointer points to, if it is an object that may be walked: at most JSON_DEPTH_MAX levels and IMPORT_BYTES_MAX bytes as JSON.
 * Null with a fault otherwise.
 */
export function readObject(value: unknown, pointer: string, findings: Findings): Members | null {
  if (value === undefined) return refuse(findings, pointer, REQUIRED);
  if (!isMembers(value)) return refuse(findings, pointer, mustBe("an object"));
  // Depth first: JSON.stringify and the translators are recursive.
  if (!nestsAtMost(value, JSON_DEPTH_MAX)) {
    return refuse(findings, pointer, `must nest at most ${JSON_DEPTH_MAX} levels`);
  }
  if (utf8Bytes(JSON.stringify(value)) > IMPORT_BYTES_MAX) {
    return refuse(findings, pointer, `${atMost(IMPORT_BYTES_MAX, "bytes")} as JSON`);
  }
  return value;
}

function nestsAtMost(value: unknown, levels: number): boolean {
  if (!isList(value) && !isMembers(value)) return true;
  return levels > 0 && Object.values(value).every((member) => nestsAtMost(member, levels - 1));
}

/** Faults inside a JSON text: a pointer ends at the text, and the name goes on. */
export function insideText(faults: readonly Fault[], pointer: string): readonly Fault[] {
  return faults.map(({ detail }) => ({ pointer, detail }));
}

/** What a translator finds on its way: why something is refused, and what the user must know. It knows none of the languages. */
import type { IsExact } from "../filters/reading.ts";
import { exactness } from "../inexact.ts";
import { isList, isMembers, type Members, parsedJson } from "../json-value.ts";
import { IMPORT_BYTES_MAX, JSON_DEPTH_MAX } from "../limits.ts";
import type { Fault } from "../problem.ts";
import { utf8Bytes } from "../utf8.ts";
import { atMost, faultAt, mustBe, REQUIRED } from "../words.ts";

/** One translation: with a fault there is none. Notes are whole sentences, each once. */
export interface Findings {
  readonly faults: Fault[];
  readonly notes: Set<string>;
  /** Of the number at a JSON Pointer into the request: whether its value is the one that was written. */
  readonly isExact: IsExact;
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

/** What is wrong with a number that is another one once it is read, like 9007199254740993 and 1e400; null when it is kept. */
export function exactnessFault(value: number, pointer: string, { isExact }: Findings): string | null {
  return Number.isFinite(value) && isExact(pointer)
    ? null
    : "must be a number that a double keeps exactly, as RFC 8259 §6 advises";
}

/**
 * What `read` makes of the value of a JSON text; null with a fault when it is none. Inside the text a pointer goes on from that to the text;
 * of a fault it ends there, and the name goes on.
 */
export function readJsonText<T>(
  text: string,
  { pointer, findings }: { readonly pointer: string; readonly findings: Findings },
  read: (value: unknown, inside: Findings) => T | null,
): T | null {
  const json = parsedJson(text);
  if (json === undefined) return refuse(findings, pointer, "must be JSON text");
  const isExact = exactness(text);
  const inside: Findings = {
    faults: [],
    notes: findings.notes,
    isExact: (inner) => isExact(inner.slice(pointer.length)),
  };
  const result = read(json, inside);
  findings.faults.push(...inside.faults.map(({ detail }) => ({ pointer, detail })));
  return result;
}

/** One walk over something that a request holds: where it is, and what is wrong there. */
import { PATTERN_WORK_MAX } from "../limits.ts";
import { memberPointer, type Fault } from "../problem.ts";
import { faultAt, memberName, shortName, UNKNOWN } from "../words.ts";

/** Where a value stands, as a list from the inside out: most places never have a fault, so their pointers are not written. */
export type Place = { readonly parent: Place; readonly name: string | number } | { readonly pointer: string };

/** JSON Pointer (RFC 6901) to the place. */
function pointerOf(place: Place): string {
  return "pointer" in place ? place.pointer : memberPointer(pointerOf(place.parent), String(place.name));
}

/** Of the number at a JSON Pointer: whether its value is the one that was written. */
export type IsExact = (pointer: string) => boolean;

export interface Reading {
  readonly faults: Fault[];
  /** Whether the number at that place is kept as it was written. */
  readonly isExact: (place: Place) => boolean;
  /** Null, so that a reader can return it. `words` say what it must be. */
  readonly fault: (place: Place, words: string) => null;
  /** Counts work; false when there has been too much of it in this walk, which is then over: whoever reads returns at once. */
  readonly spend: (work: number) => boolean;
  readonly isSpent: () => boolean;
  /** What the patterns of this walk have in all, for limits that hold for all of them together. */
  readonly patterns: { alternatives: number; fields: number };
  /** That a name is not known, and `words` which are. */
  readonly unknown: (place: Place, name: string, words: string) => null;
}

/** A walk; `isExact` is for numbers, whose text is gone when they are read: by default it takes all for exact. */
export function createReading(isExact?: IsExact): Reading {
  const faults: Fault[] = [];
  let left = PATTERN_WORK_MAX;
  return {
    faults,
    patterns: { alternatives: 0, fields: 0 },
    spend(work) {
      left -= work;
      return left >= 0;
    },
    isSpent: () => left < 0,
    isExact: (place) => isExact === undefined || isExact(pointerOf(place)),
    fault(place, words) {
      faults.push(faultAt(pointerOf(place), words));
      return null;
    },
    unknown(place, name, words) {
      const pointer = pointerOf(place);
      faults.push({ pointer, detail: `${shortName(name, memberName(pointer))} ${UNKNOWN}, ${words}` });
      return null;
    },
  };
}

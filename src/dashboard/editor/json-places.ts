/** Where in a JSON text the values are that JSON Pointers point to. */
import { pointerToken } from "../../core/problem.ts";

/** In UTF-16 units. */
export interface Place {
  readonly from: number;
  readonly to: number;
}

/** A string, a sign, or anything else without spaces: a number or a word. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** An object or an array that is not closed yet. */
interface Open {
  readonly pointer: string;
  readonly isObject: boolean;
  /** Of the element that comes, or that is read. */
  index: number;
  /** Of the member whose value comes, and where the name is. */
  name: string | null;
  nameAt: Place;
}

/**
 * The place of each value of a valid JSON text, by its pointer. A member is marked from its name to the end of its value, but if that has
 * parts, only its name is: what is wrong inside has places of its own.
 */
export function placesOf(text: string): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>([["", { from: 0, to: text.length }]]);
  const open: Open[] = [];
  for (const { 0: token, index: from } of text.matchAll(TOKENS)) {
    const to = from + token.length;
    const around = open.at(-1);
    if (token === ":") continue;
    if (token === "}" || token === "]") open.pop();
    else if (token === ",") next(around);
    else if (around?.isObject === true && around.name === null) {
      around.name = String(JSON.parse(token));
      around.nameAt = { from, to };
    } else {
      const pointer = around === undefined ? "" : pointerIn(around);
      const hasParts = token === "{" || token === "[";
      if (around?.isObject === true)
        places.set(pointer, { from: around.nameAt.from, to: hasParts ? around.nameAt.to : to });
      else if (around !== undefined) places.set(pointer, { from, to });
      if (hasParts) open.push({ pointer, isObject: token === "{", index: 0, name: null, nameAt: { from, to } });
    }
  }
  return places;
}

/** That place, or of what is around it: a fault may be of something that is not there, or whose name is too long to be told. */
export function placeAt(places: ReadonlyMap<string, Place>, pointer: string): Place | null {
  let near = pointer;
  while (!places.has(near) && near !== "") near = near.slice(0, near.lastIndexOf("/"));
  return places.get(near) ?? null;
}

function next(around: Open | undefined): void {
  if (around === undefined) return;
  around.index += 1;
  around.name = null;
}

const pointerIn = ({ pointer, isObject, index, name }: Open): string =>
  `${pointer}/${pointerToken(isObject ? (name ?? "") : index)}`;

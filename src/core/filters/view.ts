/** One event as conditions look at it. What is made of it is made once, when it is first asked for, whatever the number of subscriptions. */
import { isList, isMembers, type Members } from "../json-value.ts";
import { Spelling } from "./dots.ts";
import { isScalar, type Scalar } from "./test.ts";

/** Keys without dots, from the outermost inwards. */
export type Keys = readonly string[];

/** What an event has at a path. */
export interface Found {
  /** Values without parts, in the order of the event. */
  readonly values: readonly Scalar[];
  /** What else is there: an object, or an empty array. */
  readonly parts: "object" | "empty array" | null;
}

export class EventView {
  /** The JSON form. It is only read. */
  readonly form: Members;
  /** How its keys are read. */
  readonly spelling = new Spelling();
  private known: Map<string, Found> | null = null;
  private walked = 0;

  constructor(form: Members) {
    this.form = form;
  }

  /** How often the event was walked over for `look` and `at`. */
  get walks(): number {
    return this.walked;
  }

  /** Looks for what is at all of these paths in one walk over the event. */
  look(paths: readonly Keys[]): void {
    const known = (this.known ??= new Map<string, Found>());
    const root = createPlace();
    for (const path of paths) if (!known.has(path.join("."))) placeAt(root, path).isAsked = true;
    if (root.below.size === 0) return;
    this.walked += 1;
    walk(root, this.form, this.spelling);
    for (const path of paths) {
      const name = path.join(".");
      if (!known.has(name)) known.set(name, placeAt(root, path));
    }
  }

  at(path: Keys): Found {
    const name = path.join(".");
    if (this.known?.has(name) !== true) this.look([path]);
    return this.known?.get(name) ?? NOTHING;
  }
}

const NOTHING: Found = { values: [], parts: null };

/** A path on the way, and what is found there. */
interface Place {
  readonly below: Map<string, Place>;
  readonly values: Scalar[];
  parts: Found["parts"];
  isAsked: boolean;
}

const createPlace = (): Place => ({ below: new Map(), values: [], parts: null, isAsked: false });

function placeAt(root: Place, path: Keys): Place {
  let place = root;
  for (const key of path) {
    const next = place.below.get(key) ?? createPlace();
    place.below.set(key, next);
    place = next;
  }
  return place;
}

function walk(place: Place, value: unknown, spelling: Spelling): void {
  if (isList(value)) {
    if (value.length === 0 && place.isAsked) place.parts ??= "empty array";
    for (const element of value) walk(place, element, spelling);
  } else if (isMembers(value)) {
    if (place.isAsked) place.parts = "object";
    if (place.below.size === 0) return;
    const object = spelling.plain(value);
    for (const key in object) {
      const next = place.below.get(key);
      if (next !== undefined) walk(next, object[key], spelling);
    }
  } else if (place.isAsked && isScalar(value)) place.values.push(value);
}

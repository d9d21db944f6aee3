/** The values that an event has at single paths: for whoever asks about each field by itself, not about fields together. */
import { isList, isMembers, type Members } from "../json-value.ts";
import { withoutDots } from "./dots.ts";
import { isScalar, own } from "./fields.ts";
import type { Scalar } from "./test.ts";

export interface EventValues {
  readonly form: Members;
  /** The values without parts at a path (keys without dots), in the order of the event. Looked for once. */
  at(path: readonly string[]): readonly Scalar[];
  /** How often the event has been walked for that. */
  readonly walks: number;
}

export function eventValues(form: Members): EventValues {
  const known = new Map<string, readonly Scalar[]>();
  return {
    form,
    at(path) {
      const name = path.join(".");
      const values = known.get(name) ?? collected(form, path);
      known.set(name, values);
      return values;
    },
    get walks() {
      return known.size;
    },
  };
}

function collected(form: Members, path: readonly string[]): readonly Scalar[] {
  const values: Scalar[] = [];
  collect(form, path, values);
  return values;
}

function collect(value: unknown, path: readonly string[], values: Scalar[]): void {
  if (isList(value)) {
    for (const element of value) collect(element, path, values);
    return;
  }
  const [key, ...rest] = path;
  if (isMembers(value)) {
    if (key !== undefined) collect(own(withoutDots(value) ?? value, key), rest, values);
  } else if (key === undefined && isScalar(value)) values.push(value);
}

/** What a path leads to that has no such values: an object, or an empty array. Null where there is nothing. */
export function partsAt(value: unknown, path: readonly string[]): "object" | "empty array" | null {
  const [key, ...rest] = path;
  if (isList(value)) {
    if (value.length === 0) return key === undefined ? "empty array" : null;
    for (const element of value) {
      const found = partsAt(element, path);
      if (found !== null) return found;
    }
    return null;
  }
  if (!isMembers(value)) return null;
  return key === undefined ? "object" : partsAt(own(withoutDots(value) ?? value, key), rest);
}

/** One event as conditions look at it. What is made of it is made once, when it is first asked for, whatever the number of subscriptions. */
import { isList, isMembers, type Members } from "../json-value.ts";
import { Spelling } from "./dots.ts";
import { own } from "./fields.ts";
import { isScalar, type Scalar } from "./test.ts";

export class EventView {
  /** The JSON form. It is only read. */
  readonly form: Members;
  /** How its keys are read. */
  readonly spelling = new Spelling();
  private values: Map<string, readonly Scalar[]> | null = null;

  constructor(form: Members) {
    this.form = form;
  }

  /** The values without parts at a path (keys without dots), in the order of the event. */
  at(path: readonly string[]): readonly Scalar[] {
    this.values ??= new Map();
    const name = path.join(".");
    let values = this.values.get(name);
    if (values === undefined) {
      values = valuesAt(this, path);
      this.values.set(name, values);
    }
    return values;
  }

  /** How often the event was walked over for `at`. */
  get walks(): number {
    return this.values?.size ?? 0;
  }
}

function valuesAt({ form, spelling }: EventView, path: readonly string[]): readonly Scalar[] {
  const values: Scalar[] = [];
  const collect = (value: unknown, depth: number): void => {
    if (isList(value)) {
      for (const element of value) collect(element, depth);
      return;
    }
    const key = path[depth];
    if (isMembers(value)) {
      if (key !== undefined) collect(own(spelling.plain(value), key), depth + 1);
    } else if (key === undefined && isScalar(value)) values.push(value);
  };
  collect(form, 0);
  return values;
}

/** What a path leads to that has no such values: an object, or an empty array. Null where there is nothing. */
export function partsAt({ form, spelling }: EventView, path: readonly string[]): "object" | "empty array" | null {
  const look = (value: unknown, depth: number): ReturnType<typeof partsAt> => {
    const key = path[depth];
    if (isList(value)) {
      if (value.length === 0) return key === undefined ? "empty array" : null;
      for (const element of value) {
        const found = look(element, depth);
        if (found !== null) return found;
      }
      return null;
    }
    if (!isMembers(value)) return null;
    return key === undefined ? "object" : look(own(spelling.plain(value), key), depth + 1);
  };
  return look(form, 0);
}

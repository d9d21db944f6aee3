/** Keys with dots: in the pattern language `{"a.b": 1}` and `{"a": {"b": 1}}` have the same path. */
import { isList, isMembers, type Members } from "../json-value.ts";

/**
 * The object, all the way down, with each key that has dots spelled as objects in objects; null when it has no such key itself. Where a
 * path is spelled in two ways its values stand beside each other in an array, as if either were an element.
 */
export function withoutDots(object: Members): Members | null {
  for (const key in object) if (key.includes(".") && Object.hasOwn(object, key)) return plainObject(object);
  return null;
}

function plainValue(value: unknown): unknown {
  if (isList(value)) return value.map(plainValue);
  return isMembers(value) ? plainObject(value) : value;
}

function plainObject(object: Members): Members {
  const result: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(object)) put(result, key.split("."), plainValue(value));
  return result;
}

/** Everything in `object` was made here, so it may be changed. */
function put(object: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = object;
  for (const [depth, key] of path.entries()) {
    const before = at[key];
    if (depth === path.length - 1) {
      at[key] = before === undefined ? value : joined(before, value);
      return;
    }
    const inner: Record<string, unknown> = Object.create(null);
    if (before === undefined) at[key] = inner;
    else if (isRecord(before)) {
      at = before;
      continue;
    } else at[key] = [before, inner];
    at = inner;
  }
}

function joined(before: unknown, value: unknown): unknown {
  if (!isRecord(before) || !isMembers(value)) return [before, value];
  for (const [key, inner] of Object.entries(value)) put(before, [key], inner);
  return before;
}

const isRecord = (value: unknown): value is Record<string, unknown> => isMembers(value);

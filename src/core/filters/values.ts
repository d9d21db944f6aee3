/** The values that an event has at a path, one by one: for whoever asks about a single field, not about fields together. */
import { isList, isMembers } from "../json-value.ts";
import { withoutDots } from "./dots.ts";
import { isScalar, own } from "./fields.ts";
import type { Scalar } from "./test.ts";

/** Whether `visit` says so of one of the values at the path (keys without dots); those behind it are not visited. */
export function someValue(value: unknown, path: readonly string[], visit: (value: Scalar) => boolean): boolean {
  if (isList(value)) return value.some((element) => someValue(element, path, visit));
  const [key, ...rest] = path;
  if (!isMembers(value)) return key === undefined && isScalar(value) && visit(value);
  return key !== undefined && someValue(own(withoutDots(value) ?? value, key), rest, visit);
}

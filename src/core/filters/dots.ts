/** Keys with dots: in the pattern language `{"a.b": 1}` and `{"a": {"b": 1}}` have the same path. */
import { isMembers, type Members } from "../json-value.ts";
import { PATTERN_PATH_CHARS_MAX } from "../limits.ts";

/** An object with more keys is remembered for good. */
const FEW_KEYS = 16;

/** How the keys of one event are read: each object is looked through once, or has few keys. */
export class Spelling {
  // The last two objects, which is as many as lie on the way to the fields that most subscriptions ask for.
  private last: Members | null = null;
  private lastPlain: Members | null = null;
  private before: Members | null = null;
  private beforePlain: Members | null = null;
  private large: Map<Members, Members> | null = null;

  /**
   * The object with each of its own keys that has dots spelled as objects in objects; itself when it has none. What lies deeper is as it
   * was. Where a path is spelled in two ways its values stand beside each other in an array, as if either were an element. A key that is
   * longer than any path that is asked for is left out.
   */
  plain(object: Members): Members {
    if (object === this.last && this.lastPlain !== null) return this.lastPlain;
    if (object === this.before && this.beforePlain !== null) return this.beforePlain;
    // Before its keys are asked for: the engine lists all of them first.
    const plain = this.large?.get(object) ?? this.looked(object);
    this.before = this.last;
    this.beforePlain = this.lastPlain;
    this.last = object;
    this.lastPlain = plain;
    return plain;
  }

  private looked(object: Members): Members {
    let count = 0;
    for (const key in object) {
      count += 1;
      if (count > FEW_KEYS || key.includes(".")) return this.remembered(object);
    }
    return object;
  }

  private remembered(object: Members): Members {
    const plain = hasDots(object) ? plainKeys(object) : object;
    this.large ??= new Map();
    this.large.set(object, plain);
    return plain;
  }
}

function hasDots(object: Members): boolean {
  for (const key in object) if (key.includes(".")) return true;
  return false;
}

/**
 * One level of it: what stands behind the first dot of a key becomes a key of an object, dots and all, until somebody looks into that. So it
 * costs what is looked for, however long keys are.
 */
function plainKeys(object: Members): Members {
  const result: Record<string, unknown> = Object.create(null);
  const below = new Map<string, Record<string, unknown>>();
  for (const [key, value] of Object.entries(object)) {
    if (key.length > PATTERN_PATH_CHARS_MAX) continue;
    const dot = key.indexOf(".");
    if (dot < 0) {
      result[key] = value;
      continue;
    }
    const first = key.slice(0, dot);
    const inner = below.get(first) ?? Object.create(null);
    inner[key.slice(dot + 1)] = value;
    below.set(first, inner);
  }
  for (const [first, inner] of below) result[first] = both(result[first], inner);
  return result;
}

/** Two values of one path: objects are one object, anything else stands side by side. */
function both(one: unknown, other: unknown): unknown {
  if (one === undefined) return other;
  if (!isMembers(one) || !isMembers(other)) return [one, other];
  const result: Record<string, unknown> = Object.assign(Object.create(null), one);
  for (const [key, value] of Object.entries(other)) result[key] = both(result[key], value);
  return result;
}

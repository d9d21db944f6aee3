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

/** Arrays that were made here, by themselves: they hold what is spelled in several ways. */
type Several = Map<unknown, unknown[]>;

/** Objects that were made here, which may be changed. */
type Own = Set<unknown>;

function plainKeys(object: Members): Members {
  const result: Record<string, unknown> = Object.create(null);
  const made = { several: new Map<unknown, unknown[]>(), own: new Set<unknown>([result]) };
  for (const [key, value] of Object.entries(object)) put(result, key, value, made);
  return result;
}

interface Made {
  readonly several: Several;
  readonly own: Own;
}

function put(object: Record<string, unknown>, spelled: string, value: unknown, made: Made): void {
  if (spelled.length > PATTERN_PATH_CHARS_MAX) return;
  const path = spelled.split(".");
  let at = object;
  for (const key of path.slice(0, -1)) at = inside(at, key, made);
  const last = path.at(-1) ?? "";
  const before = at[last];
  if (before === undefined) at[last] = value;
  else if (isMembers(before) && isMembers(value)) {
    const target = inside(at, last, made);
    for (const [key, inner] of Object.entries(value)) put(target, key, inner, made);
  } else at[last] = beside(before, value, made);
}

/** The object at the key, made when there is none, and copied when it is the event's. */
function inside(at: Record<string, unknown>, key: string, made: Made): Record<string, unknown> {
  const before = at[key];
  const list = made.several.get(before);
  const known = list === undefined ? before : list.find((value) => made.own.has(value));
  if (isOwn(known, made)) return known;
  const inner: Record<string, unknown> = Object.create(null);
  made.own.add(inner);
  if (isMembers(before)) for (const [name, value] of Object.entries(before)) put(inner, name, value, made);
  at[key] = before === undefined || isMembers(before) ? inner : beside(before, inner, made);
  return inner;
}

const isOwn = (value: unknown, { own }: Made): value is Record<string, unknown> => own.has(value);

function beside(before: unknown, value: unknown, { several }: Made): readonly unknown[] {
  const list = several.get(before) ?? [before];
  list.push(value);
  several.set(list, list);
  return list;
}

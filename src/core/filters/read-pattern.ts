/**
 * Patterns: the event pattern language of EventBridge, read from its JSON into what is evaluated. `docs/filters.md` is normative. A pattern
 * with `$or` becomes one alternative for each way to choose, because fields of different branches must agree on the elements of arrays.
 */
import { isList, isMembers, type Members } from "../json-value.ts";
import { PATTERN_ALTERNATIVES_MAX, PATTERN_DEPTH_MAX, PATTERN_FIELDS_MAX, PATTERN_PATH_CHARS_MAX } from "../limits.ts";
import { atMost, mustBe, NOT_EMPTY } from "../words.ts";
import type { Field, Leaf } from "./pattern.ts";
import type { Place, Reading } from "./reading.ts";
import { isOperator, readLeaf } from "./read-values.ts";

/** Leaves by path, the keys of which are joined by dots: a key with a dot is a path too. */
type Leaves = Map<string, Leaf>;

const OR = "$or";
/** Beside operators: the reference keeps these names free too. */
const RESERVED: ReadonlySet<string> = new Set(["=", "<", "<=", ">", ">=", "regex"]);

interface Inside {
  readonly place: Place;
  /** With a dot behind it, or empty at the top. */
  readonly path: string;
  readonly depth: number;
  /** What is wrong with a key at the top, null when nothing is. `isBranch`: it has fields below it. */
  readonly keyFault: (key: string, isBranch: boolean) => string | null;
}

/**
 * The alternatives of a pattern, at least one; null with faults told. Limits: PATTERN_DEPTH_MAX levels, PATTERN_ALTERNATIVES_MAX ways to choose
 * from `$or`, PATTERN_FIELDS_MAX fields in all of them, PATTERN_PATH_CHARS_MAX characters of a path. `keyFault` says which keys no event has
 * at its top, as words for a fault: a field for one of them would silently never hold.
 */
export function readPattern(
  value: unknown,
  at: Pick<Inside, "place" | "keyFault">,
  reading: Reading,
): readonly Field[] | null {
  if (!isMembers(value)) return reading.fault(at.place, mustBe("an object"));
  const found = readObject(value, { ...at, path: "", depth: 1 }, [new Map()], reading);
  if (found === null) return null;
  const { patterns } = reading;
  patterns.alternatives += found.length;
  patterns.fields += fieldsIn(found);
  if (patterns.alternatives > PATTERN_ALTERNATIVES_MAX) return reading.fault(at.place, TOO_MANY_ALTERNATIVES);
  if (patterns.fields > PATTERN_FIELDS_MAX) return reading.fault(at.place, TOO_MANY_FIELDS);
  return found.map(fieldsOfLeaves);
}

const TOO_MANY_ALTERNATIVES = `must make at most ${PATTERN_ALTERNATIVES_MAX} alternatives with all $or and all patterns of the filters`;
const TOO_MANY_FIELDS = `${atMost(PATTERN_FIELDS_MAX, "fields")} in all alternatives of the filters together`;

function fieldsIn(found: readonly Leaves[]): number {
  let fields = 0;
  for (const { size } of found) fields += size;
  return fields;
}

/** `before` with what this object adds to each. In order: of two leaves for one path the later counts. */
function readObject(
  value: Members,
  inside: Inside,
  before: readonly Leaves[],
  reading: Reading,
): readonly Leaves[] | null {
  if (inside.depth > PATTERN_DEPTH_MAX)
    return reading.fault(inside.place, `must nest at most ${PATTERN_DEPTH_MAX} levels`);
  const members = Object.entries(value);
  if (members.length === 0) return reading.fault(inside.place, NOT_EMPTY);
  let found: readonly Leaves[] | null = before;
  for (const member of members) {
    const added = readMember(member, inside, found ?? before, reading);
    // The others are read all the same, to tell their faults.
    found = found === null || added === null ? null : added;
  }
  return found;
}

function readMember(
  [name, value]: readonly [string, unknown],
  inside: Inside,
  before: readonly Leaves[],
  reading: Reading,
): readonly Leaves[] | null {
  const place = { parent: inside.place, name };
  if (reading.isSpent()) return null;
  if (name === OR) return readOr(value, { ...inside, place }, before, reading);
  const wrong = inside.path === "" ? inside.keyFault(name, isMembers(value)) : null;
  if (wrong !== null) return reading.fault(place, wrong);
  const path = inside.path + name;
  if (path.length > PATTERN_PATH_CHARS_MAX)
    return reading.fault(inside.place, `must have paths of at most ${PATTERN_PATH_CHARS_MAX} characters`);
  if (isMembers(value))
    return readObject(value, { ...inside, place, path: `${path}.`, depth: inside.depth + 1 }, before, reading);
  if (!isList(value)) return reading.fault(place, "must be an object or an array of values");
  const leaf = readLeaf(value, place, reading);
  if (leaf === null) return null;
  if (!reading.spend(before.length)) return reading.fault(place, TOO_MANY_FIELDS);
  for (const leaves of before) leaves.set(path, leaf);
  return before;
}

/** Each branch goes on from `before`, so each has its own copy. */
function readOr(value: unknown, inside: Inside, before: readonly Leaves[], reading: Reading): readonly Leaves[] | null {
  const { place } = inside;
  if (!isList(value)) return reading.fault(place, mustBe("an array"));
  if (value.length < 2) return reading.fault(place, "must have at least 2 entries");
  if (inside.depth >= PATTERN_DEPTH_MAX) return reading.fault(place, `must nest at most ${PATTERN_DEPTH_MAX} levels`);
  let found: Leaves[] | null = [];
  for (const [index, branch] of value.entries()) {
    const at = { parent: place, name: index };
    if (reading.isSpent()) return null;
    if (!reading.spend(fieldsIn(before) + before.length)) return reading.fault(at, TOO_MANY_FIELDS);
    const copy = before.map((leaves) => new Map(leaves));
    const added = readBranch(branch, { ...inside, place: at, depth: inside.depth + 1 }, copy, reading);
    if (found !== null && added !== null && found.length + added.length > PATTERN_ALTERNATIVES_MAX)
      return reading.fault(place, TOO_MANY_ALTERNATIVES);
    if (found === null || added === null) found = null;
    else found.push(...added);
  }
  return found;
}

function readBranch(branch: unknown, inside: Inside, before: readonly Leaves[], reading: Reading) {
  if (!isMembers(branch)) return reading.fault(inside.place, mustBe("an object"));
  // What looks like a value with an operator is not one here.
  const operator = Object.keys(branch).find((name) => isOperator(name) || RESERVED.has(name));
  if (operator !== undefined)
    return reading.fault(
      { parent: inside.place, name: operator },
      "is the name of an operator, which no field in $or may have",
    );
  return readObject(branch, inside, before, reading);
}

// ---- Alternatives ------------------------------------------------------------------------------------------------

interface Branch {
  leaf: Leaf | null;
  readonly inner: Map<string, Branch>;
}

function fieldsOfLeaves(leaves: Leaves): Field {
  const root: Branch = { leaf: null, inner: new Map() };
  for (const [path, leaf] of leaves) {
    let branch = root;
    for (const key of path.split(".")) {
      const next: Branch = branch.inner.get(key) ?? { leaf: null, inner: new Map() };
      branch.inner.set(key, next);
      branch = next;
    }
    branch.leaf = leaf;
  }
  const fields = fieldsOf(root.inner);
  if (fields === null) throw new Error("A pattern has at least one field");
  return fields;
}

function fieldsOf(branches: ReadonlyMap<string, Branch>): Field | null {
  return [...branches].toSorted(byPath).reduceRight<Field | null>((next, [key, { leaf, inner: below }]) => {
    const inner = fieldsOf(below);
    const { test = null, orAbsent = false } = leaf ?? {};
    const mayBeAbsent = [orAbsent, inner?.mayBeAbsent, next?.mayBeAbsent].includes(true);
    return { key, test, orAbsent, inner, next, mayBeAbsent };
  }, null);
}

/** By code units, as paths that go on behind the key. */
function byPath(
  [a, { inner: innerOfA }]: readonly [string, Branch],
  [b, { inner: innerOfB }]: readonly [string, Branch],
) {
  const [left, right] = [innerOfA.size > 0 ? `${a}.` : a, innerOfB.size > 0 ? `${b}.` : b];
  return left < right ? -1 : 1;
}

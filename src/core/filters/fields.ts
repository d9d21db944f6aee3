/**
 * Whether an event has the fields of a pattern. Arrays are no part of a path: where one lies on the way, one element of it must have all
 * that is asked below it. The work is at most the size of the event times that of the pattern.
 */
import { isList, isMembers, type Members } from "../json-value.ts";
import type { Spelling } from "./dots.ts";
import { type Field, isLeaf } from "./pattern.ts";
import { isScalar, passes } from "./test.ts";

/**
 * How a field holds: with a value that is there, or only because there is none. The difference matters to arrays: one element may have
 * what is asked for.
 */
type Found = 0 | 1 | 2;
const FAILS = 0;
const ABSENT = 1;
const PRESENT = 2;

/** Keys, from the outermost inwards, null at the end of the path. */
type Path = { readonly key: string; readonly rest: Path } | null;

interface Search {
  readonly spelling: Spelling;
  /**
   * Where nothing was found, before the first value was: it is not clear yet of which elements that is asked. Null: it is not asked for.
   * An array settles it: what was found fixes the element, and what came before must be absent in all elements. (So the reference does
   * it, in the order of paths.)
   */
  readonly absent: Path[] | null;
}

/** An event, and how its keys are read. */
interface Spelled {
  readonly form: Members;
  readonly spelling: Spelling;
}

export function hasFields(first: Field, { form, spelling }: Spelled): boolean {
  return findFields(first, form, { spelling, absent: null }) !== FAILS;
}

function findFields(first: Field, written: Members, search: Search): Found {
  const { spelling, absent } = search;
  const object = spelling.plain(written);
  if (!first.mayBeAbsent) return findPresent(first, object, search);
  let result: Found = ABSENT;
  for (let field: Field | null = first; field !== null; field = field.next) {
    const inner: Path[] | null = result === ABSENT && absent !== null ? [] : null;
    const found = findField(field, own(object, field.key), { spelling, absent: inner });
    if (found === FAILS) return FAILS;
    for (const rest of inner ?? []) absent?.push({ key: field.key, rest });
    if (found === PRESENT) result = PRESENT;
  }
  return result;
}

/** The same where nothing may be absent: as nearly all patterns are. */
function findPresent(first: Field, object: Members, search: Search): Found {
  for (let field: Field | null = first; field !== null; field = field.next) {
    const value = own(object, field.key);
    if (value === undefined || findField(field, value, search) === FAILS) return FAILS;
  }
  return PRESENT;
}

function findField(field: Field, value: unknown, search: Search): Found {
  if (isList(value)) return findInElements(field, value, search);
  const { test, orAbsent, inner } = field;
  if (isMembers(value)) {
    if (test !== null && !orAbsent) return FAILS;
    if (orAbsent) search.absent?.push(null);
    return inner === null ? ABSENT : findFields(inner, value, search);
  }
  if (!isScalar(value)) return whenAbsent(field, search.absent);
  if (!isLeaf(field)) return inner === null ? FAILS : whenAllAbsent(inner, search.absent);
  if (test === null || !passes(test, value)) return FAILS;
  // The value comes before what is asked below its path, and fixes the elements of that.
  return inner !== null && whenAllAbsent(inner, null) === FAILS ? FAILS : PRESENT;
}

function findInElements(field: Field, elements: readonly unknown[], search: Search): Found {
  if (field.inner !== null && isLeaf(field)) return findBoth(field, elements, search);
  return findInOne(field, elements, search);
}

/** One element has all of the field, or all elements have nothing of it. */
function findInOne(field: Field, elements: readonly unknown[], search: Search): Found {
  if (!field.mayBeAbsent) {
    for (const element of elements) if (findField(field, element, search) !== FAILS) return PRESENT;
    return FAILS;
  }
  const { spelling, absent } = search;
  let result = whenAbsent(field, null);
  const present = new Map<string, boolean>();
  const isPresent = (path: Path): boolean => {
    const key = JSON.stringify(path);
    const known = present.get(key) ?? hasValue(elements, path, spelling);
    present.set(key, known);
    return known;
  };
  for (const element of elements) {
    const here: Path[] = [];
    const found = findField(field, element, { spelling, absent: here });
    if (found === FAILS) result = FAILS;
    if (found !== PRESENT || here.some(isPresent)) continue;
    absent?.push(...here);
    return PRESENT;
  }
  if (result === ABSENT) whenAbsent(field, absent);
  return result;
}

/** A path and another one below it: values that are elements themselves say nothing about which element the rest is in. */
function findBoth(field: Field, elements: readonly unknown[], search: Search): Found {
  const { test } = field;
  const values = elements.filter(isScalar);
  if (test !== null && values.some((value) => passes(test, value))) {
    const below = { ...field, test: null, orAbsent: false };
    if (findInOne(below, elements, { ...search, absent: null }) !== FAILS) return PRESENT;
  }
  const others = elements.filter((element) => !isScalar(element));
  if (values.length === 0) return findInOne(field, others, search);
  // There is a value: what is left is another one, further inside.
  return test === null ? FAILS : findInOne({ ...field, orAbsent: false }, others, search);
}

/** What holds where there is no value; what is absent is told in `absent`. */
function whenAbsent({ test, orAbsent, inner }: Field, absent: Path[] | null): Found {
  if (test !== null && !orAbsent) return FAILS;
  if (orAbsent) absent?.push(null);
  return inner === null ? ABSENT : whenAllAbsent(inner, absent);
}

function whenAllAbsent(first: Field, absent: Path[] | null): Found {
  for (let field: Field | null = first; field !== null; field = field.next) {
    const inner: Path[] = [];
    if (whenAbsent(field, inner) === FAILS) return FAILS;
    for (const rest of inner) absent?.push({ key: field.key, rest });
  }
  return ABSENT;
}

/** Whether a value without parts stands anywhere at that path. */
function hasValue(value: unknown, path: Path, spelling: Spelling): boolean {
  if (isList(value)) return value.some((element) => hasValue(element, path, spelling));
  if (!isMembers(value)) return path === null && isScalar(value);
  return path !== null && hasValue(own(spelling.plain(value), path.key), path.rest, spelling);
}

/**
 * The member, undefined without it. Every object inherits some, all of which are functions but one; `Object.hasOwn` on each look-up would
 * take longer than all the rest.
 */
export function own(object: Members, key: string): unknown {
  const value = object[key];
  if (typeof value === "function" || (key === "__proto__" && !Object.hasOwn(object, key))) return undefined;
  return value;
}

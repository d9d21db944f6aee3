/**
 * Many alternatives of one pattern, evaluated together: one walk over the event finds which of them hold, so that the work does not grow with
 * their number, but with what the event has of them.
 */
import { isList, isMembers, type Members } from "../json-value.ts";
import type { Spelling } from "./dots.ts";
import { own } from "./fields.ts";
import { type Field, isLeaf } from "./pattern.ts";
import { isScalar, passes, type Scalar, type Test } from "./test.ts";

/** One path of the alternatives. They are known by their number. */
export interface ChoiceNode {
  readonly children: Map<string, ChoiceNode>;
  /** Those that ask for a value, by the value. */
  readonly equal: Map<Scalar, number[]>;
  /** Those that ask for something else of the value. */
  readonly others: { readonly test: Test; readonly alternative: number }[];
  /** For those that ask for several members of an object here: for how many. */
  readonly needs: Map<number, number>;
}

const createNode = (): ChoiceNode => ({ children: new Map(), equal: new Map(), others: [], needs: new Map() });

/** Whether an alternative can be one of many: what may be absent is a matter of all elements of an array, and of their order. */
export const isPlainAlternative = (first: Field): boolean => !first.mayBeAbsent && hasPlainFields(first);

function hasPlainFields(first: Field): boolean {
  for (let field: Field | null = first; field !== null; field = field.next)
    if (field.inner !== null && (isLeaf(field) || !hasPlainFields(field.inner))) return false;
  return true;
}

/** Plain alternatives as one. */
export function choiceOf(alternatives: readonly Field[]): ChoiceNode {
  const root = createNode();
  for (const [alternative, fields] of alternatives.entries()) add(root, fields, alternative);
  return root;
}

function add(node: ChoiceNode, first: Field, alternative: number): void {
  let count = 0;
  for (let field: Field | null = first; field !== null; field = field.next) {
    count += 1;
    const child = node.children.get(field.key) ?? createNode();
    node.children.set(field.key, child);
    if (field.inner !== null) add(child, field.inner, alternative);
    else if (field.test !== null) addTest(child, field.test, alternative);
  }
  if (count > 1) node.needs.set(alternative, count);
}

function addTest({ equal, others }: ChoiceNode, test: Test, alternative: number): void {
  const values = test.kind === "equal" ? [test.value] : test.kind === "among" ? test.values : null;
  if (values === null) others.push({ test, alternative });
  else for (const value of values) append(equal, value, alternative);
}

function append(lists: Map<Scalar, number[]>, value: Scalar, alternative: number): void {
  const list = lists.get(value);
  if (list === undefined) lists.set(value, [alternative]);
  else list.push(alternative);
}

/** Whether any of the alternatives holds. */
export function choiceHolds(
  root: ChoiceNode,
  { form, spelling }: { readonly form: Members; readonly spelling: Spelling },
): boolean {
  const found = new Set<number>();
  findInMembers(root, form, { spelling, found, lists: new Set() });
  return found.size > 0;
}

interface Search {
  readonly spelling: Spelling;
  /** Receives the alternatives that hold on the value that is looked at, as far as they lie below the node. */
  readonly found: Set<number>;
  /** Lists of alternatives that are all in `found`: the elements of an array may have the same value many times. */
  readonly lists: Set<readonly number[]>;
}

function find(node: ChoiceNode, value: unknown, search: Search): void {
  if (isList(value)) for (const element of value) find(node, element, search);
  else if (isMembers(value)) findInMembers(node, value, search);
  else if (isScalar(value)) findByValue(node, value, search);
}

function findByValue({ equal, others }: ChoiceNode, value: Scalar, { found, lists }: Search): void {
  const list = equal.get(value);
  if (list !== undefined && !lists.has(list)) {
    lists.add(list);
    for (const alternative of list) found.add(alternative);
  }
  for (const { test, alternative } of others)
    if (!found.has(alternative) && passes(test, value)) found.add(alternative);
}

function findInMembers({ children, needs }: ChoiceNode, written: Members, search: Search): void {
  if (children.size === 0) return;
  const { spelling, found } = search;
  const object = spelling.plain(written);
  /** Members of the object that are found, of each alternative that asks for several. */
  const counts = new Map<number, number>();
  for (const key in object) {
    const child = children.get(key);
    if (child === undefined) continue;
    if (needs.size === 0) {
      find(child, own(object, key), search);
      continue;
    }
    const inMember = new Set<number>();
    find(child, own(object, key), { spelling, found: inMember, lists: new Set() });
    for (const alternative of inMember) {
      const count = (counts.get(alternative) ?? 0) + 1;
      counts.set(alternative, count);
      if (count === (needs.get(alternative) ?? 1)) found.add(alternative);
    }
  }
}

/**
 * Where a subscription can be found: look-ups of which at least one finds it for every event that it takes. They may find it for others
 * too, so what is found is evaluated, unless the look-up says all. It puts nothing anywhere: that is `matcher.ts`.
 */
import { type Field, isLeaf } from "../filters/pattern.ts";
import type { Condition } from "../filters/holds.ts";
import type { Network } from "../filters/cidr.ts";
import type { Range, Scalar, Test } from "../filters/test.ts";
import { sqlRequires } from "../sql/requires.ts";
import { GRAM_CHARS_MAX } from "./grams.ts";

/** One look-up among the values at a path. */
export type Probe =
  | { readonly kind: "equal"; readonly value: Scalar }
  | { readonly kind: AffixKind; readonly text: string }
  | { readonly kind: "folded-equal"; readonly text: string }
  | { readonly kind: "gram"; readonly text: string }
  | { readonly kind: "range"; readonly range: Range }
  | { readonly kind: "network"; readonly network: Network }
  | { readonly kind: "present" };

export type AffixKind = "prefix" | "suffix" | "folded-prefix" | "folded-suffix";

/** Look-ups at one path, any of which may find it. */
export interface Access {
  /** Keys without dots. */
  readonly path: readonly string[];
  readonly probes: readonly Probe[];
  /** They are made with the attribute's canonical string, whatever its kind. */
  readonly isCanonical: boolean;
}

/** How likely a cover is to find something. */
interface Weighed extends Cover {
  readonly weight: number;
}

/** Where a subscription is found, and what is to be evaluated then. */
export interface Cover {
  /** Any of them may find it. */
  readonly accesses: readonly Access[];
  /** Null where nothing remains. Made when it is asked for: of many ways to find it one is chosen. */
  readonly rest: () => Condition | null;
}

/** How often an access would find something, between 0 (never) and 1 (for each event). */
export type Likelihood = (access: Access) => number;

/** The cover that finds it for the fewest events; null when it is to be looked at for every one. */
export function bestCover(condition: Condition, likelihood: Likelihood): Weighed | null {
  switch (condition.kind) {
    case "all":
      return coverOfAll(condition, likelihood);
    case "any":
      return together(condition, condition.of, likelihood);
    case "choice":
      return together(
        condition,
        condition.of.map((fields) => ({ kind: "fields", fields })),
        likelihood,
      );
    case "not":
      return null;
    case "attribute":
      return lightest(attributeChoices(condition), likelihood);
    case "fields":
      return lightest(fieldChoices(condition), likelihood);
    case "sql":
      return lightest(sqlChoices(condition), likelihood);
  }
}

/** The best of several ways to find it. */
function lightest(choices: readonly Cover[], likelihood: Likelihood): Weighed | null {
  let best: Weighed | null = null;
  for (const choice of choices) {
    const weight = choice.accesses.reduce((sum, access) => sum + likelihood(access), 0);
    if (best === null || weight < best.weight) best = { ...choice, weight };
  }
  return best;
}

/** By one of them; the others remain, and what that one leaves. */
function coverOfAll({ of }: Condition & { kind: "all" }, likelihood: Likelihood): Weighed | null {
  let best: Weighed | null = null;
  for (const [index, inner] of of.entries()) {
    const found = bestCover(inner, likelihood);
    if (found === null || (best !== null && found.weight >= best.weight)) continue;
    best = { ...found, rest: () => remaining(of, index, found.rest()) };
  }
  return best;
}

function remaining(of: readonly Condition[], index: number, rest: Condition | null): Condition | null {
  const others = rest === null ? of.toSpliced(index, 1) : of.with(index, rest);
  return others.length > 1 ? { kind: "all", of: others } : (others[0] ?? null);
}

/** By all of them: which one finds it is not known then, so all remains, unless nothing of any does. */
function together(condition: Condition, of: readonly Condition[], likelihood: Likelihood): Weighed | null {
  const parts: Weighed[] = [];
  for (const inner of of) {
    const found = bestCover(inner, likelihood);
    if (found === null) return null;
    parts.push(found);
  }
  return {
    accesses: parts.flatMap(({ accesses }) => accesses),
    weight: parts.reduce((sum, { weight }) => sum + weight, 0),
    rest: () => (parts.every(({ rest }) => rest() === null) ? null : condition),
  };
}

// ---- Attributes --------------------------------------------------------------------------------------------------

/** Attributes that are always strings (CloudEvents 1.0.2 §3.1.1): as they stand they are their canonical strings. */
const STRINGS: ReadonlySet<string> = new Set(["type", "source", "id", "specversion"]);

function attributeChoices(condition: Condition & { kind: "attribute" }): readonly Cover[] {
  const path = [condition.name];
  const isCanonical = !STRINGS.has(condition.name);
  return probesOf(condition.test).map(({ probes, isExact }) => ({
    accesses: [{ path, probes, isCanonical }],
    rest: () => (isExact ? null : condition),
  }));
}

function sqlChoices(condition: Condition & { kind: "sql" }): readonly Cover[] {
  return sqlRequires(condition.expression).map(({ attribute, values, prefixes, suffixes }) => {
    const probes: readonly Probe[] = [
      ...values.map((value) => ({ kind: "equal", value }) as const),
      ...prefixes.map((text) => ({ kind: "prefix", text }) as const),
      ...suffixes.map((text) => ({ kind: "suffix", text }) as const),
    ];
    return { accesses: [{ path: [attribute], probes, isCanonical: !STRINGS.has(attribute) }], rest: () => condition };
  });
}

// ---- Patterns ----------------------------------------------------------------------------------------------------

function fieldChoices(condition: Condition & { kind: "fields" }): readonly Cover[] {
  const choices: Cover[] = [];
  for (let field: Field | null = condition.fields; field !== null; field = field.next) {
    const proven = field;
    const isAlone = isChain(field);
    addChoices(field, [], ({ path, probes, isExact }) => {
      choices.push({
        accesses: [{ path, probes, isCanonical: false }],
        rest: () => (isExact && isAlone ? restOf(condition, proven) : condition),
      });
    });
  }
  return choices;
}

function restOf({ fields }: Condition & { kind: "fields" }, proven: Field): Condition | null {
  const others = withoutField(fields, proven);
  return others === null ? null : { kind: "fields", fields: others };
}

/** A single leaf at the end of keys: it has no array in common with another one, so it holds whatever the others do. */
function isChain(field: Field): boolean {
  if (field.inner === null) return !field.orAbsent;
  return !isLeaf(field) && field.inner.next === null && isChain(field.inner);
}

function withoutField(first: Field | null, without: Field): Field | null {
  if (first === null) return null;
  if (first === without) return first.next;
  return { ...first, next: withoutField(first.next, without) };
}

type FieldChoice = Choice & { readonly path: readonly string[] };

function addChoices(field: Field, above: readonly string[], add: (choice: FieldChoice) => void): void {
  const path = [...above, field.key];
  if (field.test !== null && !field.orAbsent) for (const choice of probesOf(field.test)) add({ ...choice, path });
  for (let inner = field.inner; inner !== null; inner = inner.next) addChoices(inner, path, add);
}

// ---- Tests -------------------------------------------------------------------------------------------------------

interface Choice {
  readonly probes: readonly Probe[];
  /** The test holds whenever one of them finds the value. */
  readonly isExact: boolean;
}

const exactly = (...probes: readonly Probe[]): Choice => ({ probes, isExact: true });
const roughly = (...probes: readonly Probe[]): Choice => ({ probes, isExact: false });

/** Ways to find the values on which the test holds, at least one. */
function probesOf(test: Test): readonly Choice[] {
  switch (test.kind) {
    case "equal":
      return [exactly(test)];
    case "among":
      return [exactly(...[...test.values].map((value) => ({ kind: "equal", value }) as const))];
    case "folded-among":
      return [exactly(...[...test.texts].map((text) => ({ kind: "folded-equal", text }) as const))];
    case "folded-equal":
    case "prefix":
    case "suffix":
    case "folded-prefix":
    case "folded-suffix":
      return [exactly(test)];
    case "range":
      return [exactly(test)];
    case "cidr":
      return [exactly({ kind: "network", network: test.network })];
    case "present":
      return [exactly(test)];
    case "wildcard":
      return wildcardChoices(test.parts);
    case "none-of":
      return [roughly({ kind: "present" })];
    case "one-of":
      return oneOfChoices(test.tests);
  }
}

function wildcardChoices(parts: readonly string[]): readonly Choice[] {
  const choices: Choice[] = [];
  const [first = ""] = parts;
  const last = parts.at(-1) ?? "";
  if (first !== "") choices.push(roughly({ kind: "prefix", text: first }));
  if (last !== "") choices.push(roughly({ kind: "suffix", text: last }));
  const longest = parts.slice(1, -1).toSorted((a, b) => b.length - a.length)[0] ?? "";
  for (const text of gramsOf(longest)) choices.push(roughly({ kind: "gram", text }));
  return choices.length > 0 ? choices : [roughly({ kind: "present" })];
}

/** Parts of a text among which to choose: what texts have in common they have at one end, mostly. */
const GRAMS_MAX = 8;

function gramsOf(text: string): readonly string[] {
  if (text === "") return [];
  const last = Math.max(0, text.length - GRAM_CHARS_MAX);
  const step = Math.max(1, Math.ceil((last + 1) / GRAMS_MAX));
  const starts = new Set([last]);
  for (let start = 0; start < last; start += step) starts.add(start);
  return [...starts].map((start) => text.slice(start, start + GRAM_CHARS_MAX));
}

/** Each test by the first of its ways: they are all needed. */
function oneOfChoices(tests: readonly Test[]): readonly Choice[] {
  const probes: Probe[] = [];
  let isExact = true;
  for (const test of tests) {
    const [choice] = probesOf(test);
    probes.push(...(choice?.probes ?? []));
    if (choice?.isExact !== true) isExact = false;
  }
  return [{ probes, isExact }];
}

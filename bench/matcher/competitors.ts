/** What a user would do otherwise, each behind one shape: it is given the rules once and then one event after the other. */
import { Query } from "mingo";
import sift from "sift";
import { predicates, type Predicate } from "./loop.ts";
import { mongoQuery, type Query as MongoQuery } from "./mongo.ts";
import type { Form } from "./subject.ts";

export const COMPETITORS = ["loop", "mingo", "sift"] as const;
export type Competitor = (typeof COMPETITORS)[number];

/** Ids of the rules that take the event. */
export type Match = (form: Form) => string[];

export interface Rule {
  readonly id: string;
  /** An event pattern as JSON text. */
  readonly pattern: string;
}

type Compile = (pattern: string) => Predicate | null;

const COMPILERS: Readonly<Record<Competitor, () => Compile>> = {
  loop: predicates,
  mingo: () => (pattern) => ofQuery(pattern, mingoPredicate),
  sift: () => (pattern) => ofQuery(pattern, sift),
};

function ofQuery(pattern: string, predicateOf: (query: MongoQuery) => Predicate): Predicate | null {
  const query = mongoQuery(pattern);
  return query === null ? null : predicateOf(query);
}

function mingoPredicate(criteria: MongoQuery): Predicate {
  const query = new Query(criteria, {});
  return (form) => query.test(form);
}

/** All rules made ready; null when the competitor cannot express one of them. */
export function compete(competitor: Competitor, rules: readonly Rule[]): Match | null {
  const compile = COMPILERS[competitor]();
  const ready: { id: string; holds: Predicate }[] = [];
  for (const { id, pattern } of rules) {
    const holds = compile(pattern);
    if (holds === null) return null;
    ready.push({ id, holds });
  }
  return (form) => {
    const ids: string[] = [];
    for (const { id, holds } of ready) if (holds(form)) ids.push(id);
    return ids;
  };
}

/** How many of the first `count` events it answers otherwise than `expected`. */
export function wrongAnswers(match: Match, forms: readonly Form[], expected: readonly (readonly string[])[]): number {
  let wrong = 0;
  for (const [index, ids] of expected.entries()) {
    const form = forms[index];
    if (form !== undefined && match(form).toSorted().join() !== ids.toSorted().join()) wrong += 1;
  }
  return wrong;
}

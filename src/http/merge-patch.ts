/** JSON Merge Patch (RFC 7396) on documents whose members are known, and what of an answer may be sent back in one. */
import type { Members } from "../core/json-value.ts";
import type { Fault } from "../core/problem.ts";

export const PATCH_TYPES = ["application/merge-patch+json", "application/json"];

export interface Naming {
  /** The same for two spellings of one name. */
  readonly fold: (name: string) => string;
  readonly isKnown: (name: string) => boolean;
}

/** The members of that shape, each spelt as it is. */
export const namedAs = (shape: Readonly<Record<string, unknown>>): Naming => ({
  fold: (name) => name,
  isKnown: (name) => Object.hasOwn(shape, name),
});

/** One level of a merge: what the patch names is replaced, null removes. */
export function merged(target: Members, patch: Members, { fold, isKnown }: Naming): Members {
  const changed = new Set(Object.keys(patch).map(fold));
  const kept = Object.entries(target).filter(([name]) => !changed.has(fold(name)));
  // An unknown member stays although it is null, for the schema to refuse: it is a typo like any other.
  const given = Object.entries(patch).filter(([name, value]) => value !== null || !isKnown(name));
  // Defines its members one by one, so that one named __proto__ is a member as well.
  return Object.fromEntries([...kept, ...given]);
}

/**
 * What a patch changes: without what it repeats of an answer, so that an answer can be edited and sent back. `readOnly` are the members that
 * answers show and nobody sets: one that is not as it is now is a fault. `passing` differ in answers about the same version.
 */
export function withoutRepeated(
  patch: Members,
  shown: Members,
  { readOnly, passing }: { readonly readOnly: readonly string[]; readonly passing: readonly string[] },
): { readonly changes: Members; readonly faults: readonly Fault[] } {
  const faults = readOnly
    .filter((name) => Object.hasOwn(patch, name) && patch[name] !== shown[name])
    .map((name) => ({
      pointer: `/${name}`,
      detail: `${name} cannot be changed, it is ${JSON.stringify(shown[name])}`,
    }));
  const repeated = new Set([...readOnly, ...passing]);
  return { changes: Object.fromEntries(Object.entries(patch).filter(([name]) => !repeated.has(name))), faults };
}

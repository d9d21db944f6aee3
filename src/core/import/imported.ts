/** What every translation ends with: the three members of a subscription that say which events it takes. It reads no foreign language. */
import { isList, isMembers, type Members } from "../json-value.ts";
import { ATTRIBUTE_VALUE_BYTES_MAX, FILTERS_MAX, TYPES_MAX } from "../limits.ts";
import { fitsUtf8 } from "../utf8.ts";

/** A translation. `types`, `source` and `filters` are members of a subscription, ANDed; each note is a sentence for whoever takes it over. */
export interface ImportedFilters {
  readonly types: readonly string[] | null;
  readonly source: string | null;
  /** Filters in their JSON, still to be read by `parseFilters`: how large they are together has not been looked at. */
  readonly filters: readonly unknown[];
  readonly notes: readonly string[];
}

/** The same without its notes. */
export type Translation = Omit<ImportedFilters, "notes">;

/**
 * A pattern on the event's JSON form, with what a person would rather read as `types` and `source` taken out of it. Only exact strings
 * are: there a list of values and `types` mean the same.
 */
export function translationOf(pattern: Members): Translation {
  const types = plainStrings(pattern, "type");
  const sources = plainStrings(pattern, "source");
  const [source, ...otherSources] = sources ?? [];
  const hoistsSource = source !== undefined && otherSources.length === 0;
  const rest = Object.entries(pattern).filter(
    ([name]) => !(name === "type" && types !== null) && !(name === "source" && hoistsSource),
  );
  return {
    types,
    source: hoistsSource ? source : null,
    filters: rest.length === 0 ? [] : [{ pattern: Object.fromEntries(rest) }],
  };
}

/** Filters that all must hold, as the array of a subscription, which has FILTERS_MAX entries; an `all` has more. */
export const allOf = (filters: readonly unknown[]): readonly unknown[] =>
  filters.length > FILTERS_MAX ? [{ all: filters }] : filters;

/** Values under a path of names. */
export const nested = (path: readonly string[], values: readonly unknown[]): unknown =>
  path.reduceRight<unknown>((inside, name) => Object.fromEntries([[name, inside]]), values);

function plainStrings(pattern: Members, name: string): readonly string[] | null {
  const values = Object.hasOwn(pattern, name) ? pattern[name] : undefined;
  // In a pattern, a branch of `$or` that names the field again replaces what is outside of it: it cannot be taken apart.
  if (!isList(values) || values.length > TYPES_MAX || branchesName(pattern, name)) return null;
  const strings = values.filter((value): value is string => typeof value === "string" && isAttributeValue(value));
  return strings.length === values.length ? strings : null;
}

const isAttributeValue = (value: string): boolean =>
  value !== "" && value.isWellFormed() && fitsUtf8(value, ATTRIBUTE_VALUE_BYTES_MAX);

function branchesName(pattern: Members, name: string): boolean {
  const branches = Object.hasOwn(pattern, "$or") ? pattern["$or"] : undefined;
  return (
    isList(branches) &&
    branches.some((branch) => isMembers(branch) && (Object.hasOwn(branch, name) || branchesName(branch, name)))
  );
}

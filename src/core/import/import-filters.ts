/** Filters of other event services, translated to Fantail's. Pure; the limits of the result are for whoever stores it. */
import { isList, isMembers } from "../json-value.ts";
import type { Fault } from "../problem.ts";
import { err, ok, type Result } from "../result.ts";
import { faultAt, mustBe } from "../words.ts";

interface ImportedFilters {
  readonly types: readonly string[] | null;
  readonly source: string | null;
  readonly filters: readonly unknown[];
  /** What is different here, in sentences. */
  readonly notes: readonly string[];
}

/** What to translate, members as they stand in a JSON request: all but `from` are still to be read. */
export type ImportRequest =
  | { readonly from: "eventbridge"; readonly rule: unknown; readonly attributes?: unknown }
  | { readonly from: "sns"; readonly policy: unknown; readonly scope?: unknown; readonly attributes?: unknown }
  | { readonly from: "eventgrid"; readonly filter: unknown; readonly schema?: unknown; readonly no_arrays?: unknown };

export function importFilters(request: ImportRequest): Result<ImportedFilters, readonly Fault[]> {
  const [pointer, subject] =
    request.from === "eventbridge"
      ? ["/rule", request.rule]
      : request.from === "sns"
        ? ["/policy", request.policy]
        : ["/filter", request.filter];
  if (!isMembers(subject)) return err([faultAt(pointer, mustBe("an object"))]);
  const { source, "detail-type": type } = subject;
  const [types, sources] = [type, source].map((values) =>
    isList(values) ? values.filter((value) => typeof value === "string") : null,
  );
  return ok({ types: types ?? null, source: sources?.[0] ?? null, filters: [], notes: [] });
}

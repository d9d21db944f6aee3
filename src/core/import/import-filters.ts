/**
 * Filters of other event services, translated to Fantail's: exactly, or refused with the reason. It reads no event, keeps nothing, and
 * does not look at the sizes that all filters together may have: `parseWanted` does.
 */
import type { IsExact } from "../filters/reading.ts";
import type { Fault } from "../problem.ts";
import { err, ok, type Result } from "../result.ts";
import { type EventBridgeRequest, importEventBridge } from "./eventbridge.ts";
import { type EventGridRequest, importEventGrid } from "./eventgrid.ts";
import type { Findings } from "./findings.ts";
import type { ImportedFilters, Translation } from "./imported.ts";
import { importSns, type SnsRequest } from "./sns.ts";

/** What to translate, members as they stand in a JSON request: all but `from` are still to be read. */
export type ImportRequest =
  | ({ readonly from: "eventbridge" } & EventBridgeRequest)
  | ({ readonly from: "sns" } & SnsRequest)
  | ({ readonly from: "eventgrid" } & EventGridRequest);

/**
 * The filters of another service as Fantail's:
 *
 * - `{ from: "eventbridge", rule, attributes? }`: an event pattern, or what `aws events describe-rule` answers. `attributes` names for
 *   `account`, `region` and `version` the attribute that the producer puts each in.
 * - `{ from: "sns", policy, scope?, attributes? }`: a filter policy, or what `aws sns get-subscription-attributes` answers. `scope` is the
 *   FilterPolicyScope, by default `MessageAttributes`; there `attributes` names for each message attribute the attribute of the event, or the
 *   member of its data as `data.<name>`, that the producer puts it in.
 * - `{ from: "eventgrid", filter, schema?, no_arrays? }`: the `filter` of an event subscription. `schema` is `EventGridSchema` or
 *   `CloudEventSchemaV1_0`; with `no_arrays` the caller says that no event has an array where the filter looks.
 *
 * A translation takes an event exactly when the other service takes the event that corresponds to it: the same members under the names that
 * the notes say. What its documentation leaves open is refused, or told in a note. Faults point into the request; all of them are told.
 * Limits: IMPORT_BYTES_MAX bytes and JSON_DEPTH_MAX levels of each of `rule`, `policy` and `filter`, ATTRIBUTES_MAX `attributes`.
 * `isExact` tells of the number at a pointer into the request whether it is kept as it was written: one that is not is refused. Of JSON
 * texts in the request that is seen here.
 */
export function importFilters(
  request: ImportRequest,
  isExact: IsExact = () => true,
): Result<ImportedFilters, readonly Fault[]> {
  const findings: Findings = { faults: [], notes: new Set(), isExact };
  const translation = translate(request, findings);
  if (translation === null || findings.faults.length > 0) return err(findings.faults);
  return ok({ ...translation, notes: [...findings.notes] });
}

function translate(request: ImportRequest, findings: Findings): Translation | null {
  switch (request.from) {
    case "eventbridge":
      return importEventBridge(request, findings);
    case "sns":
      return importSns(request, findings);
    case "eventgrid":
      return importEventGrid(request, findings);
  }
}

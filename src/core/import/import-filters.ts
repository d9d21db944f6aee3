/** The filters of another service as filters of ours. Pure. */
import type { Members } from "../json-value.ts";
import type { Fault } from "../problem.ts";
import { err, ok, type Result } from "../result.ts";
import { faultAt, oneOf, REQUIRED } from "../words.ts";

interface Imported {
  readonly types: readonly string[] | null;
  readonly source: string | null;
  readonly filters: readonly unknown[];
  /** What is different here, in sentences. */
  readonly notes: readonly string[];
}

const SERVICES = ["eventbridge", "sns", "eventgrid"] as const;

export function importFilters(request: Members): Result<Imported, readonly Fault[]> {
  const from = request["from"];
  if (from === undefined) return err([faultAt("/from", REQUIRED)]);
  if (!SERVICES.some((service) => service === from)) return err([faultAt("/from", oneOf(SERVICES))]);
  const { type, filters } = request;
  return ok({
    types: typeof type === "string" ? [type] : null,
    source: null,
    filters: Array.isArray(filters) ? filters : [],
    notes: [],
  });
}

/** What went wrong, as one line for a person. */
import { NetworkError, ProblemError, TimeoutError } from "../../client/index.ts";

/** The problem's own words with the members they are about; of all else what is known. */
export function lineOf(error: unknown): string {
  if (error instanceof ProblemError) return problemLine(error);
  if (error instanceof TimeoutError) return `The router did not answer within ${error.timeoutMs / 1000} s`;
  if (error instanceof NetworkError) return "The router cannot be reached";
  return error instanceof Error ? error.message : String(error);
}

/** The line about the member of the body that a field edits, by its JSON Pointer (`/sink`); null: there is none. */
export function faultAt(error: unknown, pointer: string): string | null {
  if (!(error instanceof ProblemError)) return null;
  return error.errors.find((fault) => fault.pointer === pointer)?.detail ?? null;
}

function problemLine({ detail, title, errors }: ProblemError): string {
  const said = detail ?? title;
  const faults = errors.map((fault) => (fault.pointer === "" ? fault.detail : `${fault.pointer}: ${fault.detail}`));
  const more = faults.filter((fault) => !said.includes(fault));
  return more.length === 0 ? said : `${said} (${more.join("; ")})`;
}

/** Bulk rows travel as one JSON parameter each statement (D1 binds at most 100), cut where a parameter would grow too long. */
import { D1_PARAMETER_BYTES_MAX } from "../core/limits.ts";
import { utf8Bytes } from "../core/utf8.ts";

/** JSON arrays of at most D1_PARAMETER_BYTES_MAX bytes that hold the items in order; one empty array for no items. */
export function jsonParameters(items: readonly unknown[]): string[] {
  const parameters: string[] = [];
  let members: string[] = [];
  let bytes = 2;
  for (const item of items) {
    const member = JSON.stringify(item);
    const memberBytes = utf8Bytes(member) + 1;
    if (members.length > 0 && bytes + memberBytes > D1_PARAMETER_BYTES_MAX) {
      parameters.push(`[${members.join(",")}]`);
      members = [];
      bytes = 2;
    }
    members.push(member);
    bytes += memberBytes;
  }
  if (members.length > 0 || parameters.length === 0) parameters.push(`[${members.join(",")}]`);
  return parameters;
}

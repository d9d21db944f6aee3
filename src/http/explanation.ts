/** Why an event is taken or not, as answers show it: what is compared is shown, and nothing that is too large to be read. */
import { EXPLAIN_OBSERVED_BYTES_MAX } from "../core/limits.ts";
import type { Explanation } from "../core/filters/explain.ts";
import { utf8Bytes } from "../core/utf8.ts";

/** An explanation as members of an answer. */
export function renderedExplanation({ matched, clauses }: Explanation) {
  // Several clauses may observe the same object, and measuring one means writing it out.
  const measured = new Map<unknown, number>();
  const bytesOf = (observed: unknown): number => {
    const known = measured.get(observed);
    if (known !== undefined) return known;
    const bytes = utf8Bytes(JSON.stringify(observed));
    measured.set(observed, bytes);
    return bytes;
  };
  const explain = clauses.map(({ pointer, wanted, observed, matched: isMet }) => {
    if (observed === undefined) return { pointer, wanted, matched: isMet };
    const bytes = bytesOf(observed);
    const shown = bytes <= EXPLAIN_OBSERVED_BYTES_MAX ? { observed } : { observed_bytes: bytes };
    return { pointer, wanted, ...shown, matched: isMet };
  });
  return { matched, explain };
}

/** Why an event is taken or not, as answers show it. */
import type { Explanation } from "../core/filters/explain.ts";

/** An explanation as members of an answer. */
export const renderedExplanation = ({ matched, clauses }: Explanation) => ({ matched, explain: clauses });

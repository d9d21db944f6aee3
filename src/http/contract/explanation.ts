/** Explanations in the document: why an event is taken, or is not. */
import * as z from "zod";
import { EXPLAIN_CHARS_MAX, EXPLAIN_VALUES_MAX } from "../../core/limits.ts";
import { idOf } from "./parts.ts";

const clause = z
  .object({
    pointer: z.string().meta({ description: "JSON Pointer into an object of `types`, `source` and `filters`." }),
    wanted: z.unknown().meta({ description: "What is asked for there." }),
    observed: z
      .unknown()
      .optional()
      .meta({
        description: `What the event has in its place: a value, or the values of the elements of arrays, the first ${EXPLAIN_VALUES_MAX}. Texts end in … after ${EXPLAIN_CHARS_MAX} characters. For \`sql\`, what it evaluates to, and the error if there is one. Absent where the event has nothing, and of what holds other conditions.`,
      }),
    matched: z.boolean().meta({ description: "Whether the event meets it." }),
  })
  .meta({ id: "ExplainedClause", description: "One condition, and what the event has for it." });

export const explanation = {
  matched: z.boolean().meta({ description: "Whether the event is taken." }),
  explain: z.array(clause).meta({ description: "All conditions that were looked at; none: everything is taken." }),
};

export const subscriptionExplained = z
  .object({ subscription_id: idOf("subscription", "Whose conditions they are."), ...explanation })
  .meta({ id: "SubscriptionExplained", description: "Why a subscription takes an event, or does not." });

export const EXPLAINED_CLAUSES = [
  { pointer: "/types", wanted: ["order.created"], observed: "order.created", matched: true },
  { pointer: "/filters/0/prefix/subject", wanted: "eu/", observed: "us/42", matched: false },
];

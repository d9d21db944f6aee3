/** What requests say of filters that are tried: the schemas that validate them, nulls merged away. */
import * as z from "zod";
import { BACKTEST_EVENTS_MAX } from "../../core/limits.ts";
import { cursorText, ruledByCore, subscriptionId, timeText, type JsonSchema } from "./parts.ts";
import { FILTERS, SOURCE, TYPES } from "./subscriptions.ts";

/** What is tried, as a subscription states it: its rules are core's, here its names are only known. */
const wantedMembers = {
  types: ruledByCore(TYPES),
  source: ruledByCore(SOURCE),
  filters: ruledByCore({ ...FILTERS, type: ["array", "null"] }),
};

/** The event is core's too; here it must but be there. */
export const filterTestMembers = z.strictObject({ ...wantedMembers, event: z.unknown() });

const time = (description: string) => timeText.meta({ override: { type: "string", format: "date-time", description } });

export const backtestMembers = z.strictObject({
  ...wantedMembers,
  subscription_id: subscriptionId
    .meta({ description: "Compare it with what this subscription takes." })
    .exactOptional(),
  since: time("Only events that were accepted at that time or after.").exactOptional(),
  until: time("Only events that were accepted before that time.").exactOptional(),
  limit: z
    .int()
    .min(1)
    .max(BACKTEST_EVENTS_MAX)
    .meta({ description: "Events of one answer, at most." })
    .default(BACKTEST_EVENTS_MAX),
  cursor: cursorText("backtest")
    .meta({
      description:
        "`next_cursor` of the answer before, with the same filters, subscription and span. It is refused once the subscription has other filters.",
    })
    .exactOptional(),
});

// ---- Import ------------------------------------------------------------------------------------------------------

/** What core/ reads and must be there. */
const foreign = (description: string) => z.unknown().meta({ override: { type: "object", description } });

const attributes = (description: string) =>
  ruledByCore({ type: ["object", "null"], description, additionalProperties: { type: "string" } } satisfies JsonSchema);

/** Whose filter it is: asked first, because it says what else there may be. */
export const filterOrigin = z.looseObject({ from: z.string().pipe(z.enum(["eventbridge", "sns", "eventgrid"])) });

export const filterImport = z
  .discriminatedUnion("from", [
    z
      .strictObject({
        from: z.literal("eventbridge"),
        rule: foreign("The event pattern, or what `aws events describe-rule` answers."),
        attributes: attributes("Of `account`, `region` and `version`: the attribute that the producer puts it in."),
      })
      .meta({ id: "FilterImportEventBridge", description: "A rule of Amazon EventBridge." }),
    z
      .strictObject({
        from: z.literal("sns"),
        policy: foreign("The filter policy, or what `aws sns get-subscription-attributes` answers."),
        scope: ruledByCore({
          enum: ["MessageAttributes", "MessageBody", null],
          description: "The FilterPolicyScope; by default as the subscription has it, or MessageAttributes.",
        }),
        attributes: attributes(
          "Of message attributes: the attribute of the event, or as `data.<name>` the member of its data, that the producer puts it in.",
        ),
      })
      .meta({ id: "FilterImportSns", description: "A filter policy of Amazon SNS." }),
    z
      .strictObject({
        from: z.literal("eventgrid"),
        filter: foreign("The `filter` of an event subscription."),
        schema: ruledByCore({
          enum: ["EventGridSchema", "CloudEventSchemaV1_0", null],
          description: "The schema of the events that it was written for.",
        }),
        no_arrays: ruledByCore({
          type: ["boolean", "null"],
          description: "True: no event has an array where the filter looks.",
        }),
      })
      .meta({ id: "FilterImportEventGrid", description: "A filter of Azure Event Grid." }),
  ])
  .meta({ id: "FilterImport", description: "A filter of another service." });

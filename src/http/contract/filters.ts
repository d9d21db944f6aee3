/** What requests say of filters that are tried: the schemas that validate them, nulls merged away. */
import * as z from "zod";
import { BACKTEST_EVENTS_MAX } from "../../core/limits.ts";
import { cursorText, ruledByCore, subscriptionId, timeText } from "./parts.ts";
import { FILTERS, SOURCE, TYPES } from "./subscriptions.ts";

/** What is tried, as a subscription states it: its rules are core's, here its names are only known. */
export const wantedMembers = {
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

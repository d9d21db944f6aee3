/** What requests say of deliveries: the schema that validates them. */
import * as z from "zod";
import { ID_PATTERNS, isEventId } from "../../core/ids.ts";
import { idParameter, pageParameters, spanParameters, subscriptionId, wordParameter } from "./parts.ts";

export const STATUSES = ["pending", "retrying", "held", "delivered", "dead", "cancelled"] as const;

export const deliveryQuery = z.strictObject({
  subscription_id: subscriptionId.exactOptional().meta({ param: { description: "Only those of this subscription." } }),
  event_id: idParameter("must be the id of an event, evt_ and 26 characters", {
    isId: isEventId,
    pattern: ID_PATTERNS.event,
    description: "Only those of this event.",
  }),
  status: wordParameter(STATUSES, "Only those with this status."),
  ...spanParameters("accepted"),
  ...pageParameters("deliveries"),
});

/** What requests say of events on record: the schemas that validate them, and the parameters of a publish. */
import * as z from "zod";
import { pageParameters, spanParameters, subscriptionId, textParameter, wordParameter } from "./parts.ts";

export const eventQuery = z.strictObject({
  id: textParameter("Only events with this id of their producer."),
  type: textParameter("Only events of this type."),
  source: textParameter("Only events of this source."),
  subject: textParameter("Only events with this subject."),
  ...spanParameters("accepted"),
  ...pageParameters("events"),
});

export const publishQuery = z.strictObject({
  explain: wordParameter(
    ["1", "true"],
    "Explains which subscriptions take the event and which nearly do, and why. Only of a request with exactly one event, not as NDJSON; the key needs the scope `read` too, because filters are shown.",
  ),
});

export const explainQuery = z.strictObject({
  subscription_id: subscriptionId.meta({
    param: { description: "The subscription whose filters it is held against." },
  }),
});

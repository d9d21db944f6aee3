/** What requests say of events on record: the schema that validates them. */
import * as z from "zod";
import { pageParameters, spanParameters, textParameter } from "./parts.ts";

export const eventQuery = z.strictObject({
  type: textParameter("Only events of this type."),
  source: textParameter("Only events of this source."),
  subject: textParameter("Only events with this subject."),
  ...spanParameters("accepted"),
  ...pageParameters("events"),
});

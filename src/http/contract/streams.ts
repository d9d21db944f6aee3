/** What requests say of streams: the schema that validates them. */
import * as z from "zod";
import { STREAM_REPLAY_MAX } from "../../core/limits.ts";
import { countParameter, textParameter } from "./parts.ts";

export const eventStreamQuery = z.strictObject({
  type: textParameter("Only events of this type."),
  source: textParameter("Only events of this source."),
  subject: textParameter("Only events with this subject."),
  replay: countParameter(
    { min: 0, max: STREAM_REPLAY_MAX, otherwise: 0 },
    "So many of the last events come first, the oldest of them at first. Not with `last-event-id`.",
  ),
});

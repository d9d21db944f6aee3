/** What requests say of the health of sinks: the schema that validates them. */
import * as z from "zod";
import { BREAKERS, LANES } from "../../core/health.ts";
import { pageParameters, wordParameter } from "./parts.ts";

export const sinkHealthQuery = z.strictObject({
  lane: wordParameter(LANES, "Only those on this lane."),
  breaker: wordParameter(BREAKERS, "Only those whose breaker is so."),
  ...pageParameters("health"),
});

/** What requests say of metrics: the schemas that validate them. */
import * as z from "zod";
import { METRIC_SUBSCRIPTIONS_MAX } from "../../core/limits.ts";
import { integerOf, oneOf } from "../../core/words.ts";
import { pageParameters, spanParameters, subscriptionId } from "./parts.ts";

/** Seconds. */
export const METRIC_STEPS = [60, 300, 3_600, 86_400] as const;

const step = z
  .string()
  .transform((text, context) => {
    const found = METRIC_STEPS.find((one) => one === integerOf(text));
    if (found !== undefined) return found;
    context.addIssue(oneOf(METRIC_STEPS));
    return z.NEVER;
  })
  .meta({ override: { type: "integer", enum: [...METRIC_STEPS] } })
  .exactOptional()
  .meta({ param: { description: "Seconds of one point. Else the finest that gives at most 180 points." } });

export const metricQuery = z.strictObject({
  subscription_id: subscriptionId
    .exactOptional()
    .meta({ param: { description: "Of this subscription alone. Else of the whole bus." } }),
  ...spanParameters("counted"),
  step,
});

export const metricSubscriptionQuery = z.strictObject(
  pageParameters("metrics", { max: METRIC_SUBSCRIPTIONS_MAX, otherwise: METRIC_SUBSCRIPTIONS_MAX }),
);

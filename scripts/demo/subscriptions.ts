/** The three consumers of the demo and what they ask the router for. Data only. */
import type { SubscriptionCreate } from "../../src/client/index.ts";

export type ConsumerName = "audit" | "releases" | "alerts";

export interface ConsumerPlan {
  readonly name: ConsumerName;
  /** What it takes, for people. */
  readonly takes: string;
  readonly format: "structured" | "binary" | "reference";
  /** It answers 503 to so many requests before it recovers. */
  readonly failures: number;
  /** What else is asked for. */
  readonly subscription: Omit<SubscriptionCreate, "name" | "sink" | "format">;
}

/** Seconds between attempts: short, because one consumer fails on purpose and the demo waits for it. */
const RETRY = { schedule_s: [1, 1, 2, 3, 5] };

const ALERT_TYPES = [
  "com.github.dependabot_alert.",
  "com.github.code_scanning_alert.",
  "com.github.secret_scanning_alert.",
  "com.github.security_advisory.",
  "com.github.repository_vulnerability_alert.",
];

export const PLANS: readonly ConsumerPlan[] = [
  { name: "audit", takes: "everything", format: "structured", failures: 0, subscription: { retry: RETRY } },
  {
    name: "releases",
    takes: "pushes and releases of one repository",
    format: "binary",
    failures: 5,
    subscription: {
      source: "https://github.com/Codertocat/Hello-World",
      filters: [{ any: [{ exact: { type: "com.github.push" } }, { prefix: { type: "com.github.release." } }] }],
      retry: RETRY,
    },
  },
  {
    name: "alerts",
    takes: "failed checks and security alerts",
    format: "reference",
    failures: 0,
    subscription: {
      filters: [
        {
          any: [
            ...["failure", "timed_out", "error"].map((conclusion) => ({ exact: { conclusion } })),
            ...ALERT_TYPES.map((type) => ({ prefix: { type } })),
          ],
        },
      ],
      retry: RETRY,
    },
  },
];

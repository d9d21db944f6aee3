/**
 * Who must get what, read off GitHub's payloads. It never looks at an event's attributes, at a filter or at the router's code:
 * it is what the router is measured by.
 */
import type { ConsumerName } from "./subscriptions.ts";
import { at, type Example } from "./payloads.ts";

const REPOSITORY = "Codertocat/Hello-World";
const CHECKS = ["check_run", "check_suite", "workflow_run", "workflow_job"];
const FAILURES = ["failure", "timed_out", "error"];
const SECURITY = [
  "dependabot_alert",
  "code_scanning_alert",
  "secret_scanning_alert",
  "security_advisory",
  "repository_vulnerability_alert",
];

const WANTED: Readonly<Record<ConsumerName, (example: Example) => boolean>> = {
  audit: () => true,
  releases: ({ name, payload }) =>
    (name === "push" || name === "release") && at(payload, "repository.full_name") === REPOSITORY,
  alerts: ({ name, payload }) =>
    SECURITY.includes(name) ||
    (CHECKS.includes(name) && FAILURES.includes(String(at(payload, `${name}.conclusion`)))) ||
    (name === "status" && FAILURES.includes(String(at(payload, "state")))),
};

/** The examples that this consumer must receive, each once, by event id. */
export function expectedOf(consumer: ConsumerName, examples: readonly Example[]): ReadonlyMap<string, Example> {
  return new Map(examples.filter(WANTED[consumer]).map((example) => [example.event.id, example]));
}

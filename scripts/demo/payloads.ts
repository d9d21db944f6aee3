/**
 * GitHub's example webhooks as CloudEvents. It decides the attributes: what a filter is to see must be one of them. It
 * never publishes anything.
 */
import { CloudEvent } from "cloudevents";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One real webhook of GitHub, and the event made of it. */
export interface Example {
  /** GitHub's name of the webhook: `push`, `check_run`, … */
  readonly name: string;
  readonly payload: unknown;
  readonly event: CloudEvent<unknown>;
  /** `fingerprintOf(event)`. */
  readonly fingerprint: string;
}

/** All examples of `@octokit/webhooks-examples` for api.github.com, in its order; ids are the same in every run. */
export function loadExamples(): readonly Example[] {
  const file = fileURLToPath(import.meta.resolve("@octokit/webhooks-examples/api.github.com/index.json"));
  const webhooks: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!Array.isArray(webhooks)) throw new Error("The examples are not a list of webhooks");
  return webhooks.flatMap((webhook: unknown) => {
    const name = at(webhook, "name");
    const payloads = at(webhook, "examples");
    if (typeof name !== "string" || !Array.isArray(payloads)) throw new Error("A webhook has no name or no examples");
    return payloads.map((payload: unknown, index) => {
      const event = toEvent(name, payload, `github-${name}-${index + 1}`);
      return { name, payload, event, fingerprint: fingerprintOf(event) };
    });
  });
}

/** SHA-256 over the attributes and the data (in key order) that must arrive as they were sent. */
export function fingerprintOf(event: unknown): string {
  const parts = ["id", "source", "type", "subject", "time", "conclusion", "severity", "data"];
  return createHash("sha256")
    .update(JSON.stringify(parts.map((part) => at(event, part) ?? null)))
    .digest("hex");
}

/** The member at a dotted path, undefined when there is none. */
export function at(value: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce(
      (inner: unknown, name) =>
        typeof inner === "object" && inner !== null
          ? Object.entries(inner).find(([key]) => key === name)?.[1]
          : undefined,
      value,
    );
}

function toEvent(name: string, payload: unknown, id: string): CloudEvent<unknown> {
  const action = text(payload, ["action"]);
  const attributes = {
    id,
    type: `com.github.${name}${action === undefined ? "" : `.${action}`}`,
    source: sourceOf(payload),
    subject: subjectOf(name, payload),
    time: timeOf(name, payload),
    // The outcome of a check: its own member of the webhook, or the state of a commit status.
    conclusion: text(payload, name === "status" ? ["state"] : [`${name}.conclusion`]),
    severity: text(payload, [
      "security_advisory.severity",
      "alert.severity",
      "alert.security_advisory.severity",
      "alert.rule.severity",
    ]),
  };
  const present = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
  // The SDK writes header values as they are, and headers are ASCII.
  const foreign = Object.keys(present).find((attribute) => !/^[\x20-\x7e]*$/.test(String(present[attribute])));
  if (foreign !== undefined) throw new Error(`The attribute ${foreign} of ${id} is not ASCII`);
  return new CloudEvent({ ...present, datacontenttype: "application/json", data: payload });
}

function sourceOf(payload: unknown): string {
  const path = text(payload, [
    "repository.full_name",
    "organization.login",
    "installation.account.login",
    "sender.login",
  ]);
  return `https://github.com/${path ?? "advisories"}`;
}

function subjectOf(name: string, payload: unknown): string | undefined {
  return text(payload, [
    `${name}.number`,
    "issue.number",
    "pull_request.number",
    "discussion.number",
    "alert.number",
    "alert.ghsa_id",
    "security_advisory.ghsa_id",
    "release.tag_name",
    "ref",
    "sha",
    `${name}.id`,
    "comment.id",
    "team.slug",
    "member.login",
    "label.name",
  ]);
}

/** Undefined where the webhook does not say; the SDK then puts the present. */
function timeOf(name: string, payload: unknown): string | undefined {
  const objects = [name, "comment", "issue", "pull_request", "alert", "discussion", "build", "forkee"];
  const paths = [
    "head_commit.timestamp",
    ...objects.flatMap((object) => [`${object}.updated_at`, `${object}.created_at`]),
  ];
  const time = text(payload, paths);
  return time === undefined || Number.isNaN(Date.parse(time)) ? undefined : new Date(time).toISOString();
}

/** The first of the paths that holds a text or a number. */
function text(payload: unknown, paths: readonly string[]): string | undefined {
  const value = paths
    .map((path) => at(payload, path))
    .find((found) => typeof found === "string" || typeof found === "number");
  return value === undefined ? undefined : String(value);
}

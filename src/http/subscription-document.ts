/**
 * A subscription as its JSON document: how a request's members become settings, how a merge patch applies, how it is shown.
 * Every rule of a member is here or in core/; what is stored, and when, is not decided here.
 */
import * as z from "zod";
import { parseWanted } from "../core/filter.ts";
import {
  EFFECTIVE_MS,
  RETRY_DELAY_SECONDS_MAX,
  RETRY_PERMANENT_DEFAULT,
  RETRY_PERMANENT_MAX,
  RETRY_SCHEDULE_MAX,
  RETRY_SCHEDULE_SECONDS_DEFAULT,
  TIMEOUT_MS_DEFAULT,
  TIMEOUT_MS_MAX,
  TIMEOUT_MS_MIN,
} from "../core/limits.ts";
import type { Fault } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { parseSecret } from "../core/signature.ts";
import { checkSink, checkSinkHeaders, type SinkPolicy } from "../core/sink.ts";
import { FORMATS, type Format, type RetryPolicy, type Subscription, type Wanted } from "../core/subscription.ts";
import { isMembers, type Members } from "./body.ts";
import { check, nameMember } from "./schema.ts";

const document = z.strictObject({
  name: nameMember,
  sink: z.string(),
  // The rules of these four are core's; here they are only known.
  types: z.unknown().optional(),
  source: z.unknown().optional(),
  filters: z.unknown().optional(),
  headers: z.unknown().optional(),
  format: z.enum(FORMATS).default("structured"),
  timeout_ms: z.int().min(TIMEOUT_MS_MIN).max(TIMEOUT_MS_MAX).default(TIMEOUT_MS_DEFAULT),
  retry: z
    .strictObject({
      schedule_s: z
        .array(z.int().min(1).max(RETRY_DELAY_SECONDS_MAX))
        .max(RETRY_SCHEDULE_MAX)
        .default([...RETRY_SCHEDULE_SECONDS_DEFAULT]),
      permanent: z
        .array(z.int().min(400).max(599))
        .max(RETRY_PERMANENT_MAX)
        .default([...RETRY_PERMANENT_DEFAULT]),
    })
    .prefault({}),
  status: z.enum(["active", "paused"]).default("active"),
  secret: z.string().nullable().default(null),
});

/** What a caller sets of a subscription, checked, with defaults. */
export interface Settings extends Wanted {
  readonly name: string | null;
  readonly sink: string;
  readonly format: Format;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly status: "active" | "paused";
  /** Null when the caller gives none. */
  readonly secret: string | null;
}

/** The settings that a document states, or all its faults. `knownSink` was checked when it was set, and before each attempt. */
export function readDocument(
  members: Members,
  policy: SinkPolicy,
  knownSink: string | null,
): Result<Settings, readonly Fault[]> {
  const checked = check(document, members);
  const wanted = parseWanted(members);
  const headers = checkSinkHeaders(members["headers"] ?? {}, "/headers");
  const { sink, secret } = members;
  const faults = [
    ...(checked.ok ? [] : checked.error),
    ...(typeof sink === "string" && sink !== knownSink ? sinkFaults(sink, policy) : []),
    ...(wanted.ok ? [] : wanted.error),
    ...(headers.ok ? [] : headers.error),
    ...(typeof secret === "string" ? secretFaults(secret) : []),
  ];
  if (!checked.ok || !wanted.ok || !headers.ok || faults.length > 0) return err(faults);
  const { timeout_ms, retry, name, format, status } = checked.value;
  return ok({
    name,
    sink: checked.value.sink,
    ...wanted.value,
    format,
    headers: headers.value,
    timeoutMs: timeout_ms,
    retry: { scheduleSeconds: retry.schedule_s, permanent: retry.permanent },
    status,
    secret: checked.value.secret,
  });
}

function sinkFaults(sink: string, policy: SinkPolicy): readonly Fault[] {
  const result = checkSink(sink, policy);
  return result.ok ? [] : [{ pointer: "/sink", detail: result.error }];
}

function secretFaults(secret: string): readonly Fault[] {
  const result = parseSecret(secret);
  return result.ok ? [] : [{ pointer: "/secret", detail: result.error }];
}

/** The document of a subscription, as a target for merging. Status and secret are not in it: they change only when a patch names them. */
export const documentOf = (subscription: Subscription): Members => ({
  name: subscription.name,
  sink: subscription.sink,
  types: subscription.types,
  source: subscription.source,
  filters: subscription.filters,
  format: subscription.format,
  headers: subscription.headers,
  timeout_ms: subscription.timeoutMs,
  retry: retryOf(subscription),
});

/** RFC 7396 on a document whose members `headers` and `retry` are objects; the names of headers have no case. */
export function mergedDocument(target: Members, patch: Members): Members {
  const nested = (name: string, fold: (member: string) => string): Members => {
    const [before, change] = [target[name], patch[name]];
    return isMembers(change) ? { [name]: merged(isMembers(before) ? before : {}, change, fold) } : {};
  };
  return {
    ...merged(target, patch, (name) => name),
    ...nested("headers", (name) => name.toLowerCase()),
    ...nested("retry", (name) => name),
  };
}

function merged(target: Members, patch: Members, fold: (name: string) => string): Members {
  const changed = new Set(Object.keys(patch).map(fold));
  const kept = Object.entries(target).filter(([name]) => !changed.has(fold(name)));
  const given = Object.entries(patch).filter(([, value]) => value !== null);
  // Defines its members one by one, so that one named __proto__ is a member as well.
  return Object.fromEntries([...kept, ...given]);
}

const retryOf = ({ retry }: Subscription) => ({ schedule_s: retry.scheduleSeconds, permanent: retry.permanent });

/** The subscription as an answer shows it: no secret, no value of a header. `committedMs` is when its last change was stored. */
export function renderedSubscription(subscription: Subscription, committedMs: number) {
  return {
    id: subscription.id,
    bus: subscription.bus,
    ...documentOf(subscription),
    headers: Object.fromEntries(Object.keys(subscription.headers).map((name) => [name, "…"])),
    status: subscription.status,
    disabled_reason: subscription.disabledReason,
    created_at: new Date(subscription.createdMs).toISOString(),
    updated_at: new Date(subscription.updatedMs).toISOString(),
    version: subscription.version,
    effective_at: new Date(committedMs + EFFECTIVE_MS).toISOString(),
  };
}

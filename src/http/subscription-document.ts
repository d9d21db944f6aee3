/**
 * A subscription as its JSON document: how a request's members become settings, how a merge patch applies, how it is shown.
 * Every rule of a member is in contract/ or core/; what is stored, and when, is not decided here.
 */
import { parseWanted } from "../core/filters/read-filters.ts";
import type { IsExact } from "../core/filters/reading.ts";
import { isMembers, type Members } from "../core/json-value.ts";
import type { Fault } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { parseSecret } from "../core/signature.ts";
import { checkSink, checkSinkHeaders, type SinkPolicy } from "../core/sink.ts";
import type { Format, Pace, RetryPolicy, Wanted } from "../core/subscription.ts";
import { faultAt } from "../core/words.ts";
import type { StoredSubscription } from "../ports.ts";
import { merged, namedAs, type Naming, withoutRepeated } from "./merge-patch.ts";
import { rateMembers, retryMembers, subscriptionDocument } from "./contract/subscriptions.ts";
import { check } from "./schema.ts";
import { versioned } from "./versioned.ts";

/** What a caller sets of a subscription, checked, with defaults. */
export interface Settings extends Wanted {
  readonly name: string | null;
  readonly sink: string;
  readonly format: Format;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly pace: Pace;
  readonly status: "active" | "paused";
  /** Null when the caller gives none. */
  readonly secret: string | null;
}

/**
 * The settings that a document states, or all its faults. `knownSink` was checked when it was set, and before each attempt. `isExact` tells of
 * the numbers of the request.
 */
export function readDocument(
  members: Members,
  { policy, knownSink, isExact }: { policy: SinkPolicy; knownSink: string | null; isExact: IsExact },
): Result<Settings, readonly Fault[]> {
  const checked = check(subscriptionDocument, members);
  const wanted = parseWanted(members, isExact);
  const headers = checkSinkHeaders(members["headers"] ?? {}, "/headers");
  const sink = readSink(members["sink"], policy, knownSink);
  const { secret } = members;
  const faults = [
    ...(checked.ok ? [] : checked.error),
    ...(sink.ok ? [] : sink.error),
    ...(wanted.ok ? [] : wanted.error),
    ...(headers.ok ? [] : headers.error),
    ...(typeof secret === "string" ? secretFaults(secret) : []),
  ];
  if (!checked.ok || !sink.ok || !wanted.ok || !headers.ok || faults.length > 0) return err(faults);
  const { timeout_ms, retry, rate, concurrency, name, format, status } = checked.value;
  return ok({
    name,
    sink: sink.value,
    ...wanted.value,
    format,
    headers: headers.value,
    timeoutMs: timeout_ms,
    retry: { scheduleSeconds: retry.schedule_s, permanent: retry.permanent },
    pace: { rate: rate === null ? null : { limit: rate.limit, periodSeconds: rate.period_s }, concurrency },
    status,
    secret: checked.value.secret,
  });
}

/** The sink as it was checked, so that nothing else is stored and called. */
function readSink(sink: unknown, policy: SinkPolicy, knownSink: string | null): Result<string, readonly Fault[]> {
  // What is not a text is a fault that the schema tells.
  if (typeof sink !== "string") return err([]);
  if (sink === knownSink) return ok(sink);
  const checked = checkSink(sink, policy);
  return checked.ok ? checked : err([faultAt("/sink", checked.error)]);
}

function secretFaults(secret: string): readonly Fault[] {
  const result = parseSecret(secret);
  return result.ok ? [] : [faultAt("/secret", result.error)];
}

/**
 * The document of a subscription, as a target for merging. Status and secret are not in it: they change only when a patch names them.
 * Headers that cannot be opened are not in it either.
 */
export const documentOf = (subscription: StoredSubscription): Members => ({
  name: subscription.name,
  sink: subscription.sink,
  types: subscription.types,
  source: subscription.source,
  filters: subscription.filters,
  format: subscription.format,
  ...(subscription.headers === null ? {} : { headers: subscription.headers }),
  timeout_ms: subscription.timeoutMs,
  retry: retryOf(subscription),
  rate: rateOf(subscription),
  concurrency: subscription.pace.concurrency,
});

/** RFC 7396 on a document whose members `headers`, `retry` and `rate` are objects; the names of headers have no case. */
export function mergedDocument(target: Members, patch: Members): Members {
  const nested = (name: string, naming: Naming): Members => {
    const [before, change] = [target[name], patch[name]];
    return isMembers(change) ? { [name]: merged(isMembers(before) ? before : {}, change, naming) } : {};
  };
  return {
    ...merged(target, patch, namedAs(subscriptionDocument.shape)),
    ...nested("headers", { fold: (name) => name.toLowerCase(), isKnown: () => true }),
    ...nested("retry", namedAs(retryMembers.shape)),
    ...nested("rate", namedAs(rateMembers.shape)),
  };
}

/** Stands for a secret, such as the value of a header. No value of a header can be this. */
const HIDDEN = "…";

/** What answers show and nobody sets. */
const READ_ONLY = ["id", "bus", "disabled_reason", "created_at", "updated_at", "version"];
/** The same, but different in answers about the same version. */
const PASSING = ["effective_at", "unreadable"];

/** What a patch changes: without what it repeats of an answer, the dots that stand for the values of headers included. */
export function changesOf(
  patch: Members,
  current: StoredSubscription,
): { readonly changes: Members; readonly faults: readonly Fault[] } {
  const shown: Members = renderedSubscription(current, current.updatedMs);
  const passing = patch["status"] === shown["status"] ? [...PASSING, "status"] : PASSING;
  const { changes, faults } = withoutRepeated(patch, shown, { readOnly: READ_ONLY, passing });
  const { headers } = changes;
  return { changes: isMembers(headers) ? { ...changes, headers: headerChanges(headers, current) } : changes, faults };
}

function headerChanges(headers: Members, current: StoredSubscription): Members {
  const known = current.headers ?? {};
  const changes = Object.entries(headers).filter(
    ([name, value]) => value !== HIDDEN || !Object.hasOwn(known, name.toLowerCase()),
  );
  return Object.fromEntries(changes);
}

const retryOf = ({ retry }: StoredSubscription) => ({ schedule_s: retry.scheduleSeconds, permanent: retry.permanent });

const rateOf = ({ pace: { rate } }: StoredSubscription) =>
  rate === null ? null : { limit: rate.limit, period_s: rate.periodSeconds };

/**
 * The subscription as an answer shows it: no secret, no value of a header. `unreadable` names what cannot be opened, when there is such.
 * `committedMs` is when its last change was stored.
 */
export function renderedSubscription(subscription: StoredSubscription, committedMs: number) {
  const { secrets, headers } = subscription;
  const unreadable = [...(secrets === null ? ["secret"] : []), ...(headers === null ? ["headers"] : [])];
  return {
    id: subscription.id,
    bus: subscription.bus,
    ...documentOf(subscription),
    ...(headers === null ? {} : { headers: Object.fromEntries(Object.keys(headers).map((name) => [name, HIDDEN])) }),
    status: subscription.status,
    disabled_reason: subscription.disabledReason,
    ...versioned(subscription, committedMs),
    ...(unreadable.length === 0 ? {} : { unreadable }),
  };
}

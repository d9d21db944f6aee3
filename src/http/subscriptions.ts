/** `/v1/subscriptions`: making, reading, changing and deleting them. A change is applied to this isolate before it is answered. */
import { Hono, type Context } from "hono";
import type { IsExact } from "../core/filters/reading.ts";
import { ID_RANDOM_BYTES, isSubscriptionId, timeOrderedId } from "../core/ids.ts";
import { exactness } from "../core/inexact.ts";
import type { Members } from "../core/json-value.ts";
import { SECRET_BYTES_DEFAULT, SECRET_OVERLAP_MS, SECRETS_MAX, SUBSCRIPTIONS_PER_BUS_MAX } from "../core/limits.ts";
import { refusal, type Fault } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { newSecret } from "../core/signature.ts";
import type { SinkPolicy } from "../core/sink.ts";
import type { SigningSecret } from "../core/subscription.ts";
import type { StoredSubscription } from "../ports.ts";
import { auditMark, auditNote } from "./audit.ts";
import { requires } from "./auth.ts";
import { ANY_OBJECT, readObject } from "./body.ts";
import { changed, notMade } from "./change.ts";
import { answered, etagOf, unconditional } from "./conditions.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { drawOf, idempotent } from "./idempotency.ts";
import { PATCH_TYPES } from "./merge-patch.ts";
import { subscriptionQuery } from "./contract/subscriptions.ts";
import { problem } from "./problem.ts";
import { nextCursor, placeOf, readQuery } from "./query.ts";
import { readResumption, type Resumption } from "./resume.ts";
import { invalidRequest } from "./schema.ts";
import { deliveryStream } from "./tail.ts";
import { changesOf, documentOf, mergedDocument, readDocument, renderedSubscription } from "./subscription-document.ts";

const missing = refusal("not-found", "There is no such subscription");

export const subscriptions = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .post("/", requires(deps, ["manage"]), unconditional, idempotent(deps), (c) => create(c, deps))
    .get("/", requires(deps, ["read", "manage"], { readsQuery: true }), async (c) => {
      const query = readQuery(c.req.url, subscriptionQuery);
      if (!query.ok) return problem(c, query.error);
      const place = placeOf(query.value.cursor, isSubscriptionId);
      if (!place.ok) return problem(c, place.error);
      const { limit } = query.value;
      const { rows, next } = await deps.subscriptions.list(c.var.access.bus, { limit, before: place.value });
      const data = rows.map((row) => renderedSubscription(row, row.updatedMs));
      return c.json({ data, next_cursor: nextCursor("subscriptions", next) });
    })
    .get("/:id/stream", requires(deps, ["read"]), (c) => deliveryStream(c, deps, c.req.param("id")))
    .get("/:id", requires(deps, ["read", "manage"]), async (c) => {
      const found = await find(deps, c.var.access.bus, c.req.param("id"));
      if (found === null) return problem(c, missing);
      const shown = renderedSubscription(found, found.updatedMs);
      // What became unreadable did so without a version.
      return answered(c, found, { noun: "subscription", shown, isVersioned: !("unreadable" in shown) });
    })
    .patch("/:id", requires(deps, ["manage"]), (c) => change(c, deps, c.req.param("id")))
    .delete("/:id", requires(deps, ["manage"]), (c) => remove(c, deps, c.req.param("id")));

async function find(deps: HttpDeps, bus: string, id: string): Promise<StoredSubscription | null> {
  return isSubscriptionId(id) ? deps.subscriptions.get(bus, id) : null;
}

async function create(c: Context<HttpEnv>, deps: HttpDeps): Promise<Response> {
  const body = await readObject(c, ANY_OBJECT);
  if (!body.ok) return problem(c, body.error);
  const settings = readDocument(mergedDocument({}, body.value.members), {
    policy: deps.sinkPolicy,
    knownSink: null,
    isExact: exactness(body.value.text),
  });
  if (!settings.ok) return problem(c, invalidRequest(settings.error));
  const { secret: given, ...rest } = settings.value;
  const { bus } = c.var.access;
  const draw = drawOf(c, deps);
  const secret = given ?? newSecret(draw.random.bytes(SECRET_BYTES_DEFAULT));
  const row = {
    ...rest,
    id: `sub_${timeOrderedId(draw.now, draw.random.bytes(ID_RANDOM_BYTES))}`,
    bus,
    disabledReason: null,
    secrets: [{ secret, untilMs: null }],
    createdMs: draw.now,
    updatedMs: draw.now,
  };
  const after = renderedSubscription({ ...row, version: 0 }, draw.now);
  const note = auditNote(auditMark(c, draw), { action: "subscription.created", before: null, after });
  c.set("isMaking", true);
  const stored = await deps.subscriptions.create(row, note);
  if (typeof stored === "string")
    return problem(c, notMade(stored, { bus, limit: `${SUBSCRIPTIONS_PER_BUS_MAX} subscriptions` }));
  const { subscription, change: made } = stored;
  deps.routes.applied(made);
  const shown = renderedSubscription(subscription, deps.clock.now());
  const headers = { ...etagOf(subscription), location: `/v1/subscriptions/${subscription.id}` };
  return c.json(given === null ? { ...shown, secret } : shown, 201, headers);
}

async function change(c: Context<HttpEnv>, deps: HttpDeps, id: string): Promise<Response> {
  const patch = await readObject(c, { ...ANY_OBJECT, mediaTypes: PATCH_TYPES });
  if (!patch.ok) return problem(c, patch.error);
  const isExact = exactness(patch.value.text);
  const draw = drawOf(c, deps);
  const mark = auditMark(c, draw);
  return changed(c, {
    noun: "subscription",
    find: () => find(deps, c.var.access.bus, id),
    absent: async () => problem(c, missing),
    apply: async (current) => {
      const next = patched(current, patch.value.members, { policy: deps.sinkPolicy, now: draw.now, isExact });
      if (!next.ok) return problem(c, invalidRequest(next.error));
      const { resumption } = next.value;
      const note = auditNote(mark, { action: "subscription.changed", ...notedChange(current, next.value) });
      const isResumed = next.value.subscription.status === "active" && current.status !== "active";
      const isNewSink = isResumed || next.value.subscription.sink !== current.sink;
      const options = { expected: current.version, note, resumeFromMs: resumption.fromMs };
      const stored = await deps.subscriptions.replace(next.value.subscription, options);
      if (stored === null) return null;
      const { subscription } = stored;
      deps.routes.applied(stored.change);
      // Settled, because the sweep does the same a little later.
      if (subscription.status === "active" && isNewSink) c.env.background(Promise.allSettled([deps.resumed()]));
      return c.json(renderedSubscription(subscription, deps.clock.now()), 200, etagOf(subscription));
    },
  });
}

/** A change as the audit notes it. No document has a secret or the value of a header: `hidden_changes` names those that are others since. */
function notedChange(current: StoredSubscription, { subscription: next, resumption }: Patched) {
  const isReplaced = next.secrets?.[0]?.secret !== current.secrets?.[0]?.secret;
  const names = new Set([...Object.keys(current.headers ?? {}), ...Object.keys(next.headers ?? {})]);
  const headers = [...names].filter((name) => next.headers?.[name] !== current.headers?.[name]);
  const hidden = [...(isReplaced ? ["secret"] : []), ...headers.map((name) => `headers.${name}`)];
  return {
    before: renderedSubscription(current, current.updatedMs),
    after: {
      ...renderedSubscription(next, next.updatedMs),
      ...(resumption.asked === null ? {} : { resume_from: resumption.asked }),
      ...(hidden.length === 0 ? {} : { hidden_changes: hidden }),
    },
  };
}

async function remove(c: Context<HttpEnv>, deps: HttpDeps, id: string): Promise<Response> {
  const { bus } = c.var.access;
  const draw = drawOf(c, deps);
  const mark = auditMark(c, draw);
  return changed(c, {
    noun: "subscription",
    find: () => find(deps, bus, id),
    absent: async () => problem(c, missing),
    apply: async (current) => {
      const before = renderedSubscription(current, current.updatedMs);
      const note = auditNote(mark, { action: "subscription.deleted", before, after: null });
      const options = { expected: current.version, now: draw.now, note };
      const deletion = await deps.subscriptions.delete(bus, id, options);
      if (deletion === null) return null;
      deps.routes.applied(deletion);
      return c.body(null, 204);
    },
  });
}

/** What a patch makes of a subscription, and from where that goes on if it is resumed by it. */
interface Patched {
  readonly subscription: StoredSubscription;
  readonly resumption: Resumption;
}

function patched(
  current: StoredSubscription,
  patch: Members,
  { policy, now, isExact }: { policy: SinkPolicy; now: number; isExact: IsExact },
): Result<Patched, readonly Fault[]> {
  const {
    changes: { resume_from: resumeFrom, ...changes },
    faults,
  } = changesOf(patch, current);
  const settings = readDocument(mergedDocument(documentOf(current), changes), {
    policy,
    knownSink: current.sink,
    isExact,
  });
  const secrets = secretsAfter(current.secrets, changes["secret"], now);
  const isActivated = changes["status"] === "active";
  const resumption = readResumption(resumeFrom, { isActive: current.status === "active", isActivated, now });
  if (!settings.ok || !secrets.ok || !resumption.ok || faults.length > 0)
    return err([...faults, ...[settings, secrets, resumption].flatMap((result) => (result.ok ? [] : result.error))]);
  const { secret: _, status, headers: given, ...rest } = settings.value;
  // Only a patch that names the status changes it: a paused or disabled subscription stays so while others correct its sink.
  const state = Object.hasOwn(changes, "status")
    ? { status, disabledReason: null }
    : { status: current.status, disabledReason: current.disabledReason };
  // Headers that cannot be opened give way to others, or to null; a patch that names none must not end them.
  const isKept = current.headers === null && changes["headers"] !== null && Object.keys(given).length === 0;
  const headers = isKept ? null : given;
  const subscription = { ...current, ...rest, ...state, headers, secrets: secrets.value, updatedMs: now };
  return ok({ subscription, resumption: resumption.value });
}

const secretFault = (detail: string) => err([{ pointer: "/secret", detail }]);

/**
 * The secrets after a patch whose member `secret` is `given`: the one that it replaces signs along for SECRET_OVERLAP_MS. Those that
 * cannot be opened stay, or end with it.
 */
function secretsAfter(
  secrets: readonly SigningSecret[] | null,
  given: unknown,
  now: number,
): Result<readonly SigningSecret[] | null, readonly Fault[]> {
  if (given === null) return secretFault("secret cannot be removed, only replaced");
  if (secrets === null) return ok(typeof given === "string" ? [{ secret: given, untilMs: null }] : null);
  const living = secrets.filter(({ untilMs }) => untilMs === null || untilMs > now);
  // What is not a text is a fault that the document's schema tells.
  if (typeof given !== "string" || living.some(({ secret, untilMs }) => secret === given && untilMs === null))
    return ok(living);
  const before = living.filter(({ secret }) => secret !== given);
  if (before.length >= SECRETS_MAX)
    return secretFault(`secret must be one of at most ${SECRETS_MAX} that sign; the oldest ends within 24 h`);
  return ok([
    { secret: given, untilMs: null },
    ...before.map(({ secret, untilMs }) => ({ secret, untilMs: untilMs ?? now + SECRET_OVERLAP_MS })),
  ]);
}

/** `/v1/subscriptions`: making, reading, changing and deleting them. A change is applied to this isolate before it is answered. */
import { Hono, type Context } from "hono";
import { encodeCursor } from "../core/cursor.ts";
import { ID_RANDOM_BYTES, isSubscriptionId, timeOrderedId } from "../core/ids.ts";
import type { Members } from "../core/json-value.ts";
import {
  CHANGE_TRIES_MAX,
  SECRET_BYTES_DEFAULT,
  SECRET_OVERLAP_MS,
  SECRETS_MAX,
  SUBSCRIPTIONS_PER_BUS_MAX,
} from "../core/limits.ts";
import { refusal, type Fault } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { newSecret } from "../core/signature.ts";
import type { SinkPolicy } from "../core/sink.ts";
import type { SigningSecret } from "../core/subscription.ts";
import { Unavailable, type StoredSubscription } from "../ports.ts";
import { requires } from "./auth.ts";
import { readMembers } from "./body.ts";
import { refuses, versionsOf } from "./conditions.ts";
import { subscriptionQuery } from "./contract/subscriptions.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";
import { placeOf, readQuery } from "./query.ts";
import { invalidRequest } from "./schema.ts";
import { changesOf, documentOf, mergedDocument, readDocument, renderedSubscription } from "./subscription-document.ts";

const missing = refusal("not-found", "There is no such subscription");
const PATCH_TYPES = ["application/merge-patch+json", "application/json"];

export const subscriptions = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .post("/", requires(deps, ["manage"]), refuses("idempotency-key"), (c) => create(c, deps))
    .get("/", requires(deps, ["read", "manage"]), async (c) => {
      const query = readQuery(c.req.url, subscriptionQuery);
      if (!query.ok) return problem(c, query.error);
      const place = placeOf(query.value.cursor, isSubscriptionId);
      if (!place.ok) return problem(c, place.error);
      const { limit } = query.value;
      const { rows, next } = await deps.subscriptions.list(c.var.access.bus, { limit, before: place.value });
      const data = rows.map((row) => renderedSubscription(row, row.updatedMs));
      return c.json({ data, next_cursor: next === null ? null : encodeCursor("subscriptions", [next]) });
    })
    .get("/:id", requires(deps, ["read", "manage"]), async (c) => {
      const found = await find(deps, c.var.access.bus, c.req.param("id"));
      return found === null
        ? problem(c, missing)
        : c.json(renderedSubscription(found, found.updatedMs), 200, etagOf(found));
    })
    .patch("/:id", requires(deps, ["manage"]), (c) => change(c, deps, c.req.param("id")))
    .delete("/:id", requires(deps, ["manage"]), (c) => remove(c, deps, c.req.param("id")));

async function find(deps: HttpDeps, bus: string, id: string): Promise<StoredSubscription | null> {
  return isSubscriptionId(id) ? deps.subscriptions.get(bus, id) : null;
}

const etagOf = ({ version }: StoredSubscription) => ({ etag: `"${version}"` });

const mismatch = ({ version }: StoredSubscription) =>
  refusal("version-mismatch", `The subscription has version ${version} by now`);

async function create(c: Context<HttpEnv>, deps: HttpDeps): Promise<Response> {
  const body = await readMembers(c.req.raw);
  if (!body.ok) return problem(c, body.error);
  const settings = readDocument(mergedDocument({}, body.value), deps.sinkPolicy, null);
  if (!settings.ok) return problem(c, invalidRequest(settings.error));
  const { secret: given, ...rest } = settings.value;
  const secret = given ?? newSecret(deps.random.bytes(SECRET_BYTES_DEFAULT));
  const now = deps.clock.now();
  c.set("isMaking", true);
  const stored = await deps.subscriptions.create({
    ...rest,
    id: `sub_${timeOrderedId(now, deps.random.bytes(ID_RANDOM_BYTES))}`,
    bus: c.var.access.bus,
    disabledReason: null,
    secrets: [{ secret, untilMs: null }],
    createdMs: now,
    updatedMs: now,
  });
  if (stored === "limit-reached")
    return problem(c, refusal("limit-reached", `The bus has ${SUBSCRIPTIONS_PER_BUS_MAX} subscriptions, the limit`));
  const { subscription, change: made } = stored;
  deps.routes.applied(made);
  const shown = renderedSubscription(subscription, deps.clock.now());
  const headers = { ...etagOf(subscription), location: `/v1/subscriptions/${subscription.id}` };
  return c.json(given === null ? { ...shown, secret } : shown, 201, headers);
}

async function change(c: Context<HttpEnv>, deps: HttpDeps, id: string): Promise<Response> {
  const wantedVersions = versionsOf(c.req.header("if-match"));
  if (!wantedVersions.ok) return problem(c, wantedVersions.error);
  const patch = await readMembers(c.req.raw, PATCH_TYPES);
  if (!patch.ok) return problem(c, patch.error);
  for (let tries = 0; tries < CHANGE_TRIES_MAX; tries++) {
    const current = await find(deps, c.var.access.bus, id);
    if (current === null) return problem(c, missing);
    if (wantedVersions.value !== "any" && !wantedVersions.value.includes(current.version))
      return problem(c, mismatch(current));
    const next = patched(current, patch.value, { policy: deps.sinkPolicy, now: deps.clock.now() });
    if (!next.ok) return problem(c, invalidRequest(next.error));
    const stored = await deps.subscriptions.replace(next.value, current.version);
    if (stored !== null) {
      const { subscription } = stored;
      deps.routes.applied(stored.change);
      // Settled, because the sweep does the same a little later.
      if (subscription.status === "active" && current.status !== "active")
        c.env.background(Promise.allSettled([deps.resumed()]));
      return c.json(renderedSubscription(subscription, deps.clock.now()), 200, etagOf(subscription));
    }
  }
  throw new Unavailable(`Others changed the subscription ${CHANGE_TRIES_MAX} times in between`);
}

async function remove(c: Context<HttpEnv>, deps: HttpDeps, id: string): Promise<Response> {
  const versions = versionsOf(c.req.header("if-match"));
  if (!versions.ok) return problem(c, versions.error);
  const { bus } = c.var.access;
  const options = { versions: versions.value, now: deps.clock.now() };
  const deletion = isSubscriptionId(id) ? await deps.subscriptions.delete(bus, id, options) : null;
  if (deletion === null) {
    const current = versions.value === "any" ? null : await find(deps, bus, id);
    return problem(c, current === null ? missing : mismatch(current));
  }
  deps.routes.applied(deletion);
  return c.body(null, 204);
}

function patched(
  current: StoredSubscription,
  patch: Members,
  { policy, now }: { policy: SinkPolicy; now: number },
): Result<StoredSubscription, readonly Fault[]> {
  const { changes, faults } = changesOf(patch, current);
  const settings = readDocument(mergedDocument(documentOf(current), changes), policy, current.sink);
  const secrets = secretsAfter(current.secrets, changes["secret"], now);
  if (!settings.ok || !secrets.ok || faults.length > 0)
    return err([...faults, ...[settings, secrets].flatMap((result) => (result.ok ? [] : result.error))]);
  const { secret: _, status, headers: given, ...rest } = settings.value;
  // Only a patch that names the status changes it: a paused or disabled subscription stays so while others correct its sink.
  const state = Object.hasOwn(changes, "status")
    ? { status, disabledReason: null }
    : { status: current.status, disabledReason: current.disabledReason };
  // Headers that cannot be opened give way to others, or to null; a patch that names none must not end them.
  const isKept = current.headers === null && changes["headers"] !== null && Object.keys(given).length === 0;
  const headers = isKept ? null : given;
  return ok({ ...current, ...rest, ...state, headers, secrets: secrets.value, updatedMs: now });
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
    return secretFault(`${SECRETS_MAX} secrets sign already, which is the limit; the oldest ends within 24 h`);
  return ok([
    { secret: given, untilMs: null },
    ...before.map(({ secret, untilMs }) => ({ secret, untilMs: untilMs ?? now + SECRET_OVERLAP_MS })),
  ]);
}

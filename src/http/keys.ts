/** `/v1/keys`: keys of a bus. A key is shown once, in the answer that makes it, and nobody grants what they may not do themselves. */
import { Hono, type Context } from "hono";
import { API_KEY_RANDOM_BYTES, hashApiKey, makeApiKey } from "../core/api-key.ts";
import { ID_RANDOM_BYTES, isKeyId, timeOrderedId } from "../core/ids.ts";
import { KEYS_PER_BUS_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { timestamp } from "../core/timestamp.ts";
import type { Key, NewKey, NotMade, Scope } from "../ports.ts";
import { auditMark, auditNote } from "./audit.ts";
import { requires } from "./auth.ts";
import { readMembers, readMembersIfAny } from "./body.ts";
import { changed, notMade } from "./change.ts";
import { answered, etagOf, unconditional } from "./conditions.ts";
import { keyQuery, rotateBody } from "./contract/keys.ts";
import type { Draw, HttpDeps, HttpEnv } from "./deps.ts";
import { drawOf, idempotent } from "./idempotency.ts";
import {
  changeOfKey,
  documentOf,
  isExpired,
  KEY_MEMBERS,
  KEY_SHOWN,
  readKey,
  renderedKey,
  sameSettings,
} from "./key-document.ts";
import { merged, PATCH_TYPES, withoutRepeated } from "./merge-patch.ts";
import { problem } from "./problem.ts";
import { nextCursor, placeOf, readQuery } from "./query.ts";
import { check, invalidRequest } from "./schema.ts";

const missing = refusal("not-found", "There is no such key");
const replaced = (by: string): Refusal =>
  refusal(
    "invalid-request",
    `The key is replaced by ${by} already, whose successor it would not be: rotate that one, or set the expires_at of this one anew`,
  );
const expired = refusal("invalid-request", "The key has expired, and its successor would be: make another one");

export const keys = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .post("/", requires(deps, ["manage"]), unconditional, idempotent(deps), (c) => create(c, deps))
    .get("/", requires(deps, ["manage"], { readsQuery: true }), async (c) => {
      const query = readQuery(c.req.url, keyQuery);
      if (!query.ok) return problem(c, query.error);
      const place = placeOf(query.value.cursor, isKeyId);
      if (!place.ok) return problem(c, place.error);
      const { limit } = query.value;
      const { rows, next } = await deps.keys.list(c.var.access.bus, { limit, before: place.value });
      const now = deps.clock.now();
      const data = rows.map((row) => renderedKey(row, { now, committedMs: row.updatedMs }));
      return c.json({ data, next_cursor: nextCursor("keys", next) });
    })
    .get("/:id", requires(deps, ["manage"]), async (c) => {
      const found = await find(deps, c.var.access.bus, c.req.param("id"));
      if (found === null) return problem(c, missing);
      const shown = renderedKey(found, { now: deps.clock.now(), committedMs: found.updatedMs });
      return answered(c, found, { noun: "key", shown, isVersioned: false });
    })
    .patch("/:id", requires(deps, ["manage"]), (c) => change(c, deps, c.req.param("id")))
    .delete("/:id", requires(deps, ["manage"]), (c) => revoke(c, deps, c.req.param("id")))
    .post("/:id/rotate", requires(deps, ["manage"]), idempotent(deps), (c) => rotate(c, deps, c.req.param("id")));

async function find(deps: HttpDeps, bus: string, id: string): Promise<Key | null> {
  return isKeyId(id) ? deps.keys.get(bus, id) : null;
}

/** Why the caller may not grant these scopes, or touch a key that has them; null when it may. */
function beyond(c: Context<HttpEnv>, scopes: readonly Scope[]): Refusal | null {
  const more = new Set(scopes.filter((scope) => !c.var.access.scopes.includes(scope)));
  return more.size === 0 ? null : refusal("forbidden", `A key cannot grant what it has not: ${[...more].join(", ")}`);
}

const refusedFor = (c: Context<HttpEnv>, reason: NotMade): Response =>
  problem(c, notMade(reason, { bus: c.var.access.bus, limit: `${KEYS_PER_BUS_MAX} keys` }));

/**
 * What is drawn for a key that is not stored yet. `texts` is that key as each check key makes it, the current one first: between a request
 * and its repetition the encryption key may have been rotated.
 */
async function drawn(c: Context<HttpEnv>, deps: HttpDeps, draw: Draw) {
  const { bus } = c.var.access;
  const random = draw.random.bytes(API_KEY_RANDOM_BYTES);
  const checkKeys = await deps.auth.checkKeys();
  const texts = await Promise.all(
    checkKeys.map(async (checkKey) => {
      const key = await makeApiKey({ bus, random, checkKeys: [checkKey] });
      return { key, hash: await hashApiKey(key) };
    }),
  );
  const [current] = texts;
  if (current === undefined) throw new Error("There is no key to make checks with");
  const id = `key_${timeOrderedId(draw.now, draw.random.bytes(ID_RANDOM_BYTES))}`;
  return { identity: { id, hash: current.hash, bus, createdMs: draw.now }, texts };
}

type Drawn = Awaited<ReturnType<typeof drawn>>;

/** The answer that shows a key this once. */
function shownOnce(c: Context<HttpEnv>, deps: HttpDeps, made: { key: Key; texts: Drawn["texts"]; more?: object }) {
  const text = made.texts.find(({ hash }) => hash === made.key.hash);
  if (text === undefined) throw new Error("The check key that this key was made with is gone");
  const now = deps.clock.now();
  const shown = { ...renderedKey(made.key, { now, committedMs: now }), ...made.more, key: text.key };
  return c.json(shown, 201, { ...etagOf(made.key), location: `/v1/keys/${made.key.id}` });
}

/** A new key as the audit notes it. */
const notedNew = (row: NewKey) => ({ id: row.id, bus: row.bus, ...documentOf(row), status: "active" });

async function create(c: Context<HttpEnv>, deps: HttpDeps): Promise<Response> {
  const body = await readMembers(c);
  if (!body.ok) return problem(c, body.error);
  const draw = drawOf(c, deps);
  const settings = readKey(merged({}, body.value, KEY_MEMBERS), { now: draw.now, knownMs: null });
  if (!settings.ok) return problem(c, invalidRequest(settings.error));
  const refused = beyond(c, settings.value.scopes);
  if (refused !== null) return problem(c, refused);

  const { identity, texts } = await drawn(c, deps, draw);
  const row: NewKey = { ...settings.value, ...identity };
  const note = auditNote(auditMark(c, draw), { action: "key.created", before: null, after: notedNew(row) });
  c.set("isMaking", true);
  const stored = await deps.keys.create(row, note);
  if (typeof stored === "string") return refusedFor(c, stored);
  deps.routes.applied(changeOfKey(stored));
  return shownOnce(c, deps, { key: stored, texts });
}

async function change(c: Context<HttpEnv>, deps: HttpDeps, id: string): Promise<Response> {
  const patch = await readMembers(c, PATCH_TYPES);
  if (!patch.ok) return problem(c, patch.error);
  const draw = drawOf(c, deps);
  const { now } = draw;
  const mark = auditMark(c, draw);
  return changed(c, {
    noun: "key",
    find: () => find(deps, c.var.access.bus, id),
    absent: async () => problem(c, missing),
    apply: async (current) => {
      const before = renderedKey(current, { now, committedMs: now });
      const { changes, faults } = withoutRepeated(patch.value, before, KEY_SHOWN);
      const document = merged(documentOf(current), changes, KEY_MEMBERS);
      const settings = readKey(document, { now, knownMs: current.expiresMs });
      if (!settings.ok || faults.length > 0)
        return problem(c, invalidRequest([...faults, ...(settings.ok ? [] : settings.error)]));
      const refused = beyond(c, [...current.scopes, ...settings.value.scopes]);
      if (refused !== null) return problem(c, refused);
      if (sameSettings(current, settings.value))
        return c.json(renderedKey(current, { now, committedMs: current.updatedMs }), 200, etagOf(current));
      const replacedBy = settings.value.expiresMs === current.expiresMs ? current.replacedBy : null;
      const next = { ...current, ...settings.value, replacedBy, updatedMs: now };
      const after = renderedKey(next, { now, committedMs: now });
      const note = auditNote(mark, { action: "key.changed", before, after });
      const stored = await deps.keys.replace(next, { expected: current.version, note });
      if (stored === null) return null;
      deps.routes.applied(changeOfKey(stored));
      const answeredMs = deps.clock.now();
      return c.json(renderedKey(stored, { now: answeredMs, committedMs: answeredMs }), 200, etagOf(stored));
    },
  });
}

async function revoke(c: Context<HttpEnv>, deps: HttpDeps, id: string): Promise<Response> {
  const { bus } = c.var.access;
  const draw = drawOf(c, deps);
  const { now } = draw;
  const mark = auditMark(c, draw);
  return changed(c, {
    noun: "key",
    find: () => find(deps, bus, id),
    absent: async () => problem(c, missing),
    apply: async (current) => {
      const before = renderedKey(current, { now, committedMs: now });
      const note = auditNote(mark, { action: "key.revoked", before, after: null });
      const version = await deps.keys.revoke(bus, id, { expected: current.version, now, note });
      if (version === null) return null;
      deps.routes.applied({ kind: "key", version, bus, id, grant: null });
      return c.body(null, 204);
    },
  });
}

async function rotate(c: Context<HttpEnv>, deps: HttpDeps, id: string): Promise<Response> {
  const body = await readMembersIfAny(c);
  if (!body.ok) return problem(c, body.error);
  const checked = check(rotateBody, body.value ?? {});
  if (!checked.ok) return problem(c, invalidRequest(checked.error));
  const { bus } = c.var.access;
  const draw = drawOf(c, deps);
  const untilMs = draw.now + checked.value.overlap_s * 1_000;
  /** Of the former key; a successor ends when it would have. */
  const endOf = ({ expiresMs }: NewKey): number => Math.min(expiresMs ?? untilMs, untilMs);
  // Everything is drawn before the key is looked at: a repetition may find it changed.
  const { identity, texts } = await drawn(c, deps, draw);
  const marks = { created: auditMark(c, draw), rotated: auditMark(c, draw) };
  const show = (successor: Key, former: Key | null): Response => {
    deps.routes.applied(changeOfKey(successor));
    if (former !== null) deps.routes.applied(changeOfKey(former));
    const ends = former?.expiresMs ?? endOf(successor);
    return shownOnce(c, deps, { key: successor, texts, more: { replaces: { id, expires_at: timestamp(ends) } } });
  };
  const answer = await changed(c, {
    noun: "key",
    find: () => find(deps, bus, id),
    absent: async () => problem(c, missing),
    apply: async (current) => {
      const { replacedBy } = current;
      // Its end is that of the overlap by now, which a successor must not take for its own.
      const unfit = replacedBy !== null ? replaced(replacedBy) : isExpired(current, draw.now) ? expired : null;
      const refused = beyond(c, current.scopes) ?? unfit;
      if (refused !== null) return problem(c, refused);
      const { name, scopes, types, allowedOrigins, rateLimit, expiresMs } = current;
      const row: NewKey = { ...identity, name, scopes, types, allowedOrigins, rateLimit, expiresMs };
      const before = renderedKey(current, { now: draw.now, committedMs: draw.now });
      const after = { ...before, expires_at: timestamp(endOf(current)), replaced_by: row.id };
      const notes = {
        created: auditNote(marks.created, { action: "key.created", before: null, after: notedNew(row) }),
        rotated: auditNote(marks.rotated, { action: "key.rotated", before, after }),
      };
      c.set("isMaking", true);
      const rotated = await deps.keys.rotate(row, { id, expected: current.version, untilMs, notes });
      if (typeof rotated === "string") return refusedFor(c, rotated);
      return rotated && show(rotated.successor, rotated.former);
    },
  });
  if (answer.ok || c.var.draw === undefined) return answer;
  // A repetition finds the former key changed, ended or gone: by what the request did the first time.
  const successor = await deps.keys.get(bus, identity.id);
  if (successor === null || beyond(c, successor.scopes) !== null) return answer;
  return show(successor, await find(deps, bus, id));
}

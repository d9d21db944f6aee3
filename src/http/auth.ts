/**
 * Who may do what: the key of a request, and the bus it acts on. A key that nobody made is refused before anything is looked up.
 * Compares secrets in constant time only, and never puts one into an answer.
 */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { hashApiKey, parseApiKey } from "../core/api-key.ts";
import { isSecret } from "../core/digest.ts";
import { isBusName } from "../core/ids.ts";
import { KEY_USE_WRITE_MS, KEY_USES_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { BUS_NAME } from "../core/words.ts";
import { SCOPES, type Scope } from "../ports.ts";
import type { Access, Holder, HttpDeps, HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";
import { queryRefusal } from "./query.ts";
import { sessionOf } from "./session-cookie.ts";

/** The bus that every installation has. */
export const BUS_DEFAULT = "default";

/** One of these scopes is enough; `root` is for the root key alone, and names no bus. */
export type Requirement = readonly Scope[] | "root";

/**
 * Lets a request pass when its key allows it, with `access` and `reauthorize` set. Only what `readsQuery` may have parameters: elsewhere they
 * are mistakes, and who sends `?dry_run=1` must not find that it was none.
 */
export const requires = (deps: HttpDeps, required: Requirement, { readsQuery = false } = {}) =>
  createMiddleware<HttpEnv>(async (c, next) => {
    const authorized = async (): Promise<Refusal | null> => {
      const access = await authorize(c, deps, { required });
      if (!access.ok) return access.error;
      c.set("access", access.value);
      return null;
    };
    c.set("reauthorize", authorized);
    const refused = (await authorized()) ?? (readsQuery ? null : queryRefusal(c.req.url));
    return refused === null ? next() : problem(c, refused);
  });

/**
 * What the request's key allows by now, or that key where the request only brings it. While the routes are warm nothing waits for I/O.
 * @throws Unavailable
 */
export async function authorize(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  { required, key }: { readonly required: Requirement; readonly key?: string },
): Promise<Result<Access, Refusal>> {
  const holder = await holderOf(c, deps, key);
  if (!holder.ok) return holder;
  const asked = { required, namedBus: c.req.header("fantail-bus") ?? null };
  return holder.value === "root" ? asRoot(c, deps, asked) : asKey(c, deps, { ...holder.value, ...asked });
}

const unknown = err(refusal("unauthorized", "The key is not valid"));

/** Whose key the request carries, known or not. Worked out once, because a publish asks again when its body has come. */
async function holderOf(c: Context<HttpEnv>, deps: HttpDeps, given?: string): Promise<Result<Holder, Refusal>> {
  if (c.var.holder !== undefined) return ok(c.var.holder);
  const carried = given === undefined ? await keyOf(c, deps) : ok(given);
  if (!carried.ok) return carried;
  const key = carried.value;
  const { auth } = deps;
  const matches = auth.rootKeys.map((rootKey) => isSecret(rootKey, key));
  const parsed = matches.includes(true) ? "root" : await parseApiKey(key, await auth.checkKeys());
  if (parsed === null) return unknown;
  const holder = parsed === "root" ? parsed : { ...parsed, hash: await hashApiKey(key) };
  c.set("holder", holder);
  return ok(holder);
}

/** The key that the request carries: in its header, or, of a page that is signed in, in its session. */
async function keyOf(c: Context<HttpEnv>, deps: HttpDeps): Promise<Result<string, Refusal>> {
  const header = c.req.header("authorization");
  const session = header === undefined ? await sessionOf(c, deps) : ok(null);
  if (!session.ok) return session;
  if (session.value !== null) {
    c.set("sessionMs", session.value.untilMs);
    return ok(session.value.key);
  }
  const [, key] = /^Bearer +(\S+)$/i.exec(header ?? "") ?? [];
  return key === undefined ? err(refusal("unauthorized", "authorization must be Bearer and a key")) : ok(key);
}

async function asRoot(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  { required, namedBus }: { required: Requirement; namedBus: string | null },
): Promise<Result<Access, Refusal>> {
  const bus = namedBus ?? BUS_DEFAULT;
  if (!isBusName(bus)) return err(refusal("invalid-header", `fantail-bus ${BUS_NAME}`));
  if (required !== "root" && (await deps.routes.bus(bus, c.env.background)) === null)
    return err(refusal("bus-not-found", `There is no bus ${bus}`));
  return ok({ bus, scopes: SCOPES, actor: "root", grant: null });
}

async function asKey(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  { bus, hash, required, namedBus }: { bus: string; hash: string; required: Requirement; namedBus: string | null },
): Promise<Result<Access, Refusal>> {
  const grant = await deps.routes.key(bus, hash, c.env.background);
  if (grant === null) return unknown;
  if (grant.expiresMs !== null && grant.expiresMs <= deps.clock.now())
    return err(refusal("unauthorized", "The key has expired"));
  if (namedBus !== null && namedBus !== bus)
    return err(refusal("forbidden", "The key belongs to another bus than fantail-bus"));
  if (required === "root") return err(refusal("forbidden", "Only the root key may do this"));
  if (!required.some((scope) => grant.scopes.includes(scope)))
    return err(refusal("forbidden", `The key has not the scope ${required.join(" or ")}`));
  noteUse(c, deps, { bus, id: grant.id });
  return ok({ bus, scopes: grant.scopes, actor: grant.id, grant });
}

/**
 * Notes behind the answer that a key was used, at most once in KEY_USE_WRITE_MS by this isolate, also when that fails: it is a hint, and a
 * database that is away is not asked by every request.
 */
function noteUse(
  c: Context<HttpEnv>,
  { clock, keys, keyUses, logger }: HttpDeps,
  key: { bus: string; id: string },
): void {
  const now = clock.now();
  const notedMs = keyUses.get(key.id);
  if (notedMs !== undefined && now - notedMs < KEY_USE_WRITE_MS) return;
  keyUses.delete(key.id);
  keyUses.set(key.id, now);
  for (const oldest of keyUses.keys()) {
    if (keyUses.size <= KEY_USES_MAX) break;
    keyUses.delete(oldest);
  }
  const failed = (error: unknown) => logger.warn("key.use_not_noted", { key_id: key.id, error: String(error) });
  c.env.background(keys.used(key.bus, key.id, now).catch(failed));
}

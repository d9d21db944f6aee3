/**
 * The session of a page: its key, sealed, in a cookie that no script can read. Nothing of it is stored here: a session ends when its time is
 * over, or its key. Decides what the cookie is; who may do what is decided by the key in it.
 */
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { isMembers, parsedJson } from "../core/json-value.ts";
import { SESSION_MS } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { VAULT_IV_BYTES } from "../core/vault.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";

/** Over HTTPS with the prefix `__Host-` (RFC 6265bis §4.1.3.2): no other host of the domain can set it. */
const COOKIE = "fantail_session";
const isSecure = (c: Context<HttpEnv>): boolean => new URL(c.req.url).protocol === "https:";
const CONTEXT = "session";
/**
 * Whatever its value, with it comes the cookie of a page of ours: a page of another origin can send it only after a preflight that is refused
 * (Fetch standard, CORS protocol).
 */
const SESSION_HEADER = "fantail-session";

export interface Session {
  readonly key: string;
  /** It is refused from then on. */
  readonly untilMs: number;
}

const invalid = err(refusal("unauthorized", "The session is not valid: sign in again"));
const over = err(refusal("unauthorized", "The session has expired: sign in again"));
const bare = err(refusal("unauthorized", `A request with a session must carry the header ${SESSION_HEADER}`));

/** The session of the request, null when it carries none. */
export async function sessionOf(
  c: Context<HttpEnv>,
  { vault, clock }: Pick<HttpDeps, "vault" | "clock">,
): Promise<Result<Session | null, Refusal>> {
  const sealed = isSecure(c) ? getCookie(c, COOKIE, "host") : getCookie(c, COOKIE);
  if (sealed === undefined) return ok(null);
  if (c.req.header(SESSION_HEADER) === undefined) return bare;
  let text: string;
  try {
    text = await vault.open(sealed, CONTEXT);
  } catch {
    // Whoever holds it may have made it up; or the key that sealed it is rotated away. There is nothing else to learn from it.
    return invalid;
  }
  const value = parsedJson(text);
  if (!isMembers(value) || typeof value["key"] !== "string" || typeof value["until_ms"] !== "number") return invalid;
  return value["until_ms"] > clock.now() ? ok({ key: value["key"], untilMs: value["until_ms"] }) : over;
}

const attributesOf = (c: Context<HttpEnv>) =>
  ({
    path: "/",
    httpOnly: true,
    sameSite: "Strict",
    secure: isSecure(c),
    ...(isSecure(c) ? { prefix: "host" as const } : {}),
  }) as const;

/** Begins a session of that key with the answer. */
export async function beginSession(
  c: Context<HttpEnv>,
  { vault, clock, random }: Pick<HttpDeps, "vault" | "clock" | "random">,
  key: string,
): Promise<Session> {
  const session = { key, untilMs: clock.now() + SESSION_MS };
  const text = JSON.stringify({ key, until_ms: session.untilMs });
  const sealed = await vault.seal(text, { iv: random.bytes(VAULT_IV_BYTES), context: CONTEXT });
  setCookie(c, COOKIE, sealed, { ...attributesOf(c), maxAge: SESSION_MS / 1_000 });
  return session;
}

/** Has the browser forget it. */
export function endSession(c: Context<HttpEnv>): void {
  deleteCookie(c, COOKIE, attributesOf(c));
}

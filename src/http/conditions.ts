/**
 * Request headers that say when or how often a change may happen. A condition that is not evaluated where a change is asked for is
 * refused, never passed over: who sends it relies on it.
 */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { IDEMPOTENCY_KEY_CHARS_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";

/** Of something that has a version. It names a state of what is set: counts, times of use and what is in effect change without it. */
export const etagOf = ({ version }: { readonly version: number }) => ({ etag: `"${version}"` });

/**
 * The versions that such a header names (RFC 9110 §13.1); any with `*`. A weak tag counts as the strong one: a version names one state
 * whatever stands before the quote, and Cloudflare's network writes `W/` there when it compresses an answer.
 */
function versionsIn(name: string, header: string): Result<readonly number[] | "any", Refusal> {
  if (header.trim() === "*") return ok("any");
  const tags = header.split(",").map((tag) => /^(?:W\/)?"([^"]*)"$/.exec(tag.trim())?.[1]);
  if (tags.includes(undefined))
    return err(refusal("invalid-header", `${name} must be * or versions in quotes, as in "12"`));
  return ok(tags.flatMap((tag) => (tag !== undefined && /^\d{1,15}$/.test(tag) ? [Number(tag)] : [])));
}

/** What a change is allowed on. */
export interface Precondition {
  /** Null: whatever is there, also nothing. `any`: something must be there. */
  readonly match: readonly number[] | "any" | null;
  /** The same, of what must not be there. */
  readonly noneMatch: readonly number[] | "any" | null;
}

/** `If-Match` and `If-None-Match` of a request. */
export function preconditionOf(c: Context<HttpEnv>): Result<Precondition, Refusal> {
  const [match, noneMatch] = ["if-match", "if-none-match"].map((name) => {
    const header = c.req.header(name);
    return header === undefined ? ok(null) : versionsIn(name, header);
  });
  if (match?.ok !== true) return match ?? ok({ match: null, noneMatch: null });
  if (noneMatch?.ok !== true) return noneMatch ?? ok({ match: match.value, noneMatch: null });
  return ok({ match: match.value, noneMatch: noneMatch.value });
}

const includes = (versions: readonly number[] | "any", version: number): boolean =>
  versions === "any" || versions.includes(version);

/** Whether the precondition allows a change of what has that version; null: there is no such thing. */
export function allows({ match, noneMatch }: Precondition, version: number | null): boolean {
  if (version === null) return match === null;
  return (match === null || includes(match, version)) && (noneMatch === null || !includes(noneMatch, version));
}

/** Why nothing is done to something, or shown of it, that is not as the caller has it. `noun` is as a sentence names it. */
export const versionMismatch = (noun: string, { version }: { readonly version: number }): Refusal =>
  refusal("version-mismatch", `The ${noun} has version ${version} by now`);

/**
 * The answer to a GET of one thing, 304 when the caller has that version already (RFC 9110 §13.1.2); not when it shows more than a version
 * names (`isVersioned` false): what changes without one would stay unseen.
 */
export function answered(
  c: Context<HttpEnv>,
  current: { readonly version: number },
  {
    noun,
    shown,
    isVersioned = true,
  }: { readonly noun: string; readonly shown: object; readonly isVersioned?: boolean },
): Response {
  const precondition = preconditionOf(c);
  if (!precondition.ok) return problem(c, precondition.error);
  const { match, noneMatch } = precondition.value;
  const headers = etagOf(current);
  if (match !== null && !includes(match, current.version)) return problem(c, versionMismatch(noun, current));
  if (isVersioned && noneMatch !== null && includes(noneMatch, current.version)) return c.body(null, 304, headers);
  return c.json(shown, 200, headers);
}

const IDEMPOTENCY_KEY = new RegExp(`^[!-~]{1,${IDEMPOTENCY_KEY_CHARS_MAX}}$`);

/** The `Idempotency-Key` of a request, null without one. */
export function idempotencyKeyOf(headers: Headers): Result<string | null, Refusal> {
  const key = headers.get("idempotency-key");
  if (key === null || IDEMPOTENCY_KEY.test(key)) return ok(key);
  return err(
    refusal("invalid-header", `idempotency-key must be 1 to ${IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters`),
  );
}

/** Refuses a request that makes its change depend on a version where there is none. */
export const unconditional = createMiddleware<HttpEnv>(async (c, next) => {
  const name = ["if-match", "if-none-match"].find((one) => c.req.header(one) !== undefined);
  if (name === undefined) return next();
  return problem(c, refusal("invalid-header", `${name} must be absent, it is not evaluated on this path`));
});

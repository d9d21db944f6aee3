/**
 * Request headers that say when or how often a change may happen. One that is not evaluated where it is sent is refused, never passed
 * over: who sends it relies on it.
 */
import { createMiddleware } from "hono/factory";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";

/**
 * The versions that `If-Match` allows (RFC 9110 §13.1.1); any without it and with `*`. A weak tag counts as the strong one: a version
 * names one state whatever stands before the quote, and Cloudflare's network writes `W/` there when it compresses an answer.
 */
export function versionsOf(header: string | undefined): Result<readonly number[] | "any", Refusal> {
  if (header === undefined || header.trim() === "*") return ok("any");
  const tags = header.split(",").map((tag) => /^(?:W\/)?"([^"]*)"$/.exec(tag.trim())?.[1]);
  if (tags.includes(undefined))
    return err(refusal("invalid-header", 'if-match must be * or versions in quotes, as in "12"'));
  return ok(tags.flatMap((tag) => (tag !== undefined && /^\d{1,15}$/.test(tag) ? [Number(tag)] : [])));
}

/** Refuses a request that carries a header which means nothing here. */
export const refuses = (name: "if-match" | "idempotency-key") =>
  createMiddleware<HttpEnv>(async (c, next) => {
    if (c.req.header(name) === undefined) return next();
    return problem(c, refusal("invalid-header", `${name} is not evaluated on this path and must be absent`));
  });

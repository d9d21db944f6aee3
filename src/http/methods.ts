/** What each path allows, told by all of them alike: OPTIONS, and 405 for what is not allowed. Derived from the routes, never listed. */
import type { Hono } from "hono";
import { refusal } from "../core/problem.ts";
import type { HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";

/**
 * Answers OPTIONS on every path that is known, which needs no key (RFC 9110 §9.3.7), and 405 where the path is known and the method is
 * not (§15.5.6). Comes after all routes: a route's own handler of OPTIONS goes first, and reaches this answer by its `next`.
 */
export function answerOtherMethods(app: Hono<HttpEnv>): void {
  const known = app.routes.filter(({ method }) => method !== "ALL" && method !== "OPTIONS");
  for (const [path, routes] of Map.groupBy(known, (route) => route.path)) {
    const methods = new Set(routes.map(({ method }) => method));
    // Hono answers HEAD wherever it answers GET.
    if (methods.has("GET")) methods.add("HEAD");
    const allow = [...methods, "OPTIONS"].join(", ");
    const refused = { ...refusal("method-not-allowed", `The methods here are ${allow}`), headers: { allow } };
    app.options(path, (c) => c.body(null, 204, { allow }));
    app.all(path, (c) => problem(c, refused));
  }
}

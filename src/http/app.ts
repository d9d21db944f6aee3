/**
 * The HTTP API: which path belongs to which resource, and what every request has in common: an id, a problem for each failure, one line
 * in the log. No rule of a resource is here.
 */
import { Hono } from "hono";
import { matchedRoutes } from "hono/route";
import { createMiddleware } from "hono/factory";
import { ID_RANDOM_BYTES, timeOrderedId } from "../core/ids.ts";
import { refusal } from "../core/problem.ts";
import { Unavailable } from "../ports.ts";
import { audit } from "./audit.ts";
import { buses } from "./buses.ts";
import { deliveries } from "./deliveries.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { events } from "./events.ts";
import { filters } from "./filters.ts";
import { health } from "./health.ts";
import { keys } from "./keys.ts";
import { answerOtherMethods } from "./methods.ts";
import { metrics } from "./metrics.ts";
import { openapi } from "./openapi.ts";
import { prometheus } from "./prometheus.ts";
import { session } from "./session.ts";
import { causeOf, problem, problemOfError } from "./problem.ts";
import { sinkHealth } from "./sink-health.ts";
import { subscriptions } from "./subscriptions.ts";

export type { HttpDeps } from "./deps.ts";

/** The API, to be called as `app.fetch(request, { background })`. It never throws and never answers without an `x-request-id`. */
export function createApp(deps: HttpDeps): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.use(observed(deps));
  app.onError((error, c) => problemOfError(c, error));
  app.notFound((c) => problem(c, refusal("not-found", "There is nothing at this path")));
  app.route("/healthz", health(deps));
  app.route("/openapi.json", openapi(deps));
  app.route("/v1/events", events(deps));
  app.route("/v1/deliveries", deliveries(deps));
  app.route("/v1/subscriptions", subscriptions(deps));
  app.route("/v1", sinkHealth(deps));
  app.route("/v1/filters", filters(deps));
  app.route("/v1/metrics", metrics(deps));
  app.route("/metrics", prometheus(deps));
  app.route("/v1/keys", keys(deps));
  app.route("/v1/buses", buses(deps));
  app.route("/v1/audit", audit(deps));
  app.route("/v1/session", session(deps));
  answerOtherMethods(app);
  return app;
}

/** Names the request, and writes one line about it when it is answered. Neither paths nor queries are logged: they hold other people's ids. */
const observed = ({ clock, random, logger }: HttpDeps) =>
  createMiddleware<HttpEnv>(async (c, next) => {
    const startMs = clock.now();
    const requestId = `req_${timeOrderedId(startMs, random.bytes(ID_RANDOM_BYTES))}`;
    c.set("requestId", requestId);
    await next();
    c.res.headers.set("x-request-id", requestId);
    // no-transform, because a network that compresses an answer makes its ETag a weak one.
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store, no-transform");
    const line = {
      request_id: requestId,
      method: c.req.method,
      route: matchedRoutes(c).at(-1)?.path,
      status: c.res.status,
      duration_ms: clock.now() - startMs,
    };
    const { error } = c;
    if (error === undefined) logger.info("http.request", line);
    else if (error instanceof Unavailable)
      logger.warn("http.request", { ...line, error: String(error), ...causeOf(error) });
    else logger.error("http.request", { ...line, error: error.stack, ...causeOf(error) });
  });

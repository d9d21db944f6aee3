/**
 * `POST /v1/events`: authenticate, read, decode, hand to ingest, and say per event what became of it. It answers 202 or 207 only
 * when every event it calls accepted is confirmed.
 */
import type { Context } from "hono";
import { decodeRequest } from "../core/cloudevents/request.ts";
import { ID_RANDOM_BYTES, timeOrderedId } from "../core/ids.ts";
import { admission, admit, permitted, rateRefusal, requestLimit } from "./admission.ts";
import { readBody } from "./body.ts";
import { publishQuery } from "./contract/events.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { linesTypeOf, publishLines } from "./ndjson.ts";
import { confirmed } from "./confirm.ts";
import { MINIMAL_APPLIED } from "./prefer.ts";
import { problem } from "./problem.ts";
import { answerOf, nothingValid } from "./publish-answer.ts";
import { explainRefusal, explainsOneEvent, publishExplained } from "./publish-explain.ts";
import { readPublishHeaders, type PublishHeaders } from "./publish-headers.ts";
import { readQuery } from "./query.ts";

/** Takes what the request publishes. `access` is set, its origin checked. */
export async function publish(c: Context<HttpEnv>, deps: HttpDeps): Promise<Response> {
  const tooMany = await rateRefusal(deps, c.var.access.grant);
  if (tooMany !== null) return problem(c, tooMany);
  const query = readQuery(c.req.url, publishQuery);
  if (!query.ok) return problem(c, query.error);
  const explains = query.value.explain !== undefined;
  const unreadable = explains ? explainRefusal(c.var.access.grant) : null;
  if (unreadable !== null) return problem(c, unreadable);
  const headers = readPublishHeaders(c.req.raw.headers);
  if (!headers.ok) return problem(c, headers.error);
  const mediaType = linesTypeOf(c.req.raw.headers);
  if (mediaType === null) return publishWhole(c, deps, { ...headers.value, explains });
  return explains ? problem(c, explainsOneEvent) : publishLines(c, deps, { how: headers.value, mediaType });
}

async function publishWhole(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  { idempotencyKey, hops, trace, minimal, explains }: PublishHeaders & { readonly explains: boolean },
): Promise<Response> {
  const { headers } = c.req.raw;
  const before = await admission(c, deps, c.var.access);
  if (!before.ok) return problem(c, before.error);
  const body = await readBody(c.req.raw, requestLimit(before.value.rules));
  if (!body.ok) return problem(c, body.error);
  // The upload may have taken minutes: a key that was revoked meanwhile must not publish.
  const admitted = await admit(c, deps);
  if (!admitted.ok) return problem(c, admitted.error);
  const { bus, grant } = admitted.value;
  const unreadable = explains ? explainRefusal(grant) : null;
  if (unreadable !== null) return problem(c, unreadable);

  const decoded = decodeRequest({
    contentType: headers.get("content-type"),
    headers,
    body: body.value,
    bus,
    idempotencyKey,
    freshId: timeOrderedId(deps.clock.now(), deps.random.bytes(ID_RANDOM_BYTES)),
    now: deps.clock.now(),
  });
  if (!decoded.ok) return problem(c, decoded.error);
  const { batch } = decoded.value;
  if (explains && decoded.value.entries.length !== 1) return problem(c, explainsOneEvent);
  const entries = decoded.value.entries.map((entry, index) =>
    entry.ok ? permitted(entry.value, admitted.value, { pointer: batch ? `/${index}` : "", trace }) : entry,
  );
  const events = entries.flatMap((entry) => (entry.ok ? [entry.value] : []));
  if (events.length === 0 && entries.length > 0) return problem(c, nothingValid(entries, batch));
  const receipts = await confirmed(c, deps, { bus, hops, events, requestId: c.var.requestId });
  if (!receipts.ok) return problem(c, receipts.error);
  // It was asked for, which says more than a preference.
  const isMinimal = minimal && !explains;
  const [event] = events;
  const explained = explains && event !== undefined ? await publishExplained(c, deps, { bus, event }) : null;
  const answer = answerOf(entries, receipts.value, {
    requestId: c.var.requestId,
    minimal: isMinimal,
    explained,
  });
  return c.json(answer, events.length < entries.length ? 207 : 202, isMinimal ? MINIMAL_APPLIED : {});
}

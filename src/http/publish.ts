/**
 * `POST /v1/events`: authenticate, read, decode, hand to ingest, and say per event what became of it. It answers 202 or 207 only
 * when every event it calls accepted is confirmed.
 */
import type { Context } from "hono";
import { decodeRequest } from "../core/cloudevents/request.ts";
import type { CloudEvent } from "../core/event.ts";
import { ID_RANDOM_BYTES, timeOrderedId } from "../core/ids.ts";
import { HOPS_MAX, IDEMPOTENCY_KEY_CHARS_MAX, RECEIPT_SUBSCRIPTIONS_MAX, REQUEST_BYTES_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { traceOf, withTrace } from "../core/trace.ts";
import { authorize } from "./auth.ts";
import { readBody } from "./body.ts";
import type { Accepted } from "../ingest.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { problem, problemOf } from "./problem.ts";

const IDEMPOTENCY_KEY = new RegExp(`^[!-~]{1,${IDEMPOTENCY_KEY_CHARS_MAX}}$`);

export async function publish(c: Context<HttpEnv>, deps: HttpDeps): Promise<Response> {
  const { headers } = c.req.raw;
  const idempotencyKey = idempotencyKeyOf(headers);
  if (!idempotencyKey.ok) return problem(c, idempotencyKey.error);
  const hops = hopsOf(headers);
  if (!hops.ok) return problem(c, hops.error);
  const body = await readBody(c.req.raw, { bytesMax: REQUEST_BYTES_MAX });
  if (!body.ok) return problem(c, body.error);
  // The upload may have taken minutes: a key that was revoked meanwhile must not publish.
  const access = await authorize(c, deps, ["publish"]);
  if (!access.ok) return problem(c, access.error);
  const { bus } = access.value;

  const decoded = decodeRequest({
    contentType: headers.get("content-type"),
    headers,
    body: body.value,
    bus,
    idempotencyKey: idempotencyKey.value,
    freshId: timeOrderedId(deps.clock.now(), deps.random.bytes(ID_RANDOM_BYTES)),
    now: deps.clock.now(),
  });
  if (!decoded.ok) return problem(c, decoded.error);
  const { entries } = decoded.value;
  const trace = traceOf(headers.get("traceparent"), headers.get("tracestate"));
  const accepted = entries.flatMap((entry) => (entry.ok ? [withTrace(entry.value, trace)] : []));
  if (accepted.length === 0 && entries.length > 0) return problem(c, nothingValid(entries));
  const receipts = await confirmed(c, deps, { bus, hops: hops.value, events: accepted });
  if (!receipts.ok) return problem(c, receipts.error);
  return c.json(answerOf(entries, receipts.value, c.var.requestId), accepted.length < entries.length ? 207 : 202);
}

/** Runs ingest to its end even when the producer hangs up: half a publish is what nobody wants to find. */
async function confirmed(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  publication: { bus: string; hops: number; events: readonly CloudEvent[] },
): Promise<Result<readonly Accepted[], Refusal>> {
  if (publication.events.length === 0) return ok([]);
  const { background } = c.env;
  const work = deps.ingest({ ...publication, requestId: c.var.requestId, background });
  // Settled, because its failure is told by the answer.
  background(Promise.allSettled([work]));
  return work;
}

type Entry = Result<CloudEvent, Refusal>;

function answerOf(entries: readonly Entry[], receipts: readonly Accepted[], requestId: string) {
  const rest = receipts.values();
  const events = entries.map((entry) =>
    entry.ok ? acceptedEntry(rest.next().value) : { status: "rejected", problem: problemOf(entry.error, requestId) },
  );
  return { accepted: receipts.length, rejected: entries.length - receipts.length, events };
}

function acceptedEntry(receipt: Accepted | undefined) {
  if (receipt === undefined) throw new Error("Ingest answered fewer events than it took");
  return {
    status: "accepted",
    event_id: receipt.eventId,
    id: receipt.event.id,
    source: receipt.event.source,
    matched: receipt.matched,
    subscription_ids: receipt.subscriptionIds.slice(0, RECEIPT_SUBSCRIPTIONS_MAX),
  };
}

/** A batch of which nothing can be accepted, as one problem with the faults of all entries: of their kind, if they share one. */
function nothingValid(entries: readonly Entry[]): Refusal {
  const refused = entries.flatMap((entry, index) => (entry.ok ? [] : [{ ...entry.error, index }]));
  const faults = refused.flatMap(({ detail, index, errors = [{ pointer: `/${index}`, detail }] }) => errors);
  const [slug = "invalid-event", ...others] = new Set(refused.map((one) => one.slug));
  const detail = `None of the ${entries.length} events can be accepted`;
  return refusal(others.length === 0 ? slug : "invalid-event", detail, faults);
}

function idempotencyKeyOf(headers: Headers): Result<string | null, Refusal> {
  const key = headers.get("idempotency-key");
  if (key === null || IDEMPOTENCY_KEY.test(key)) return ok(key);
  return err(
    refusal("invalid-header", `idempotency-key must be 1 to ${IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters`),
  );
}

function hopsOf(headers: Headers): Result<number, Refusal> {
  const text = headers.get("fantail-hops") ?? "0";
  if (!/^\d{1,9}$/.test(text)) return err(refusal("invalid-header", "fantail-hops must be a whole number"));
  const hops = Number(text);
  return hops <= HOPS_MAX
    ? ok(hops)
    : err(refusal("too-many-hops", `The event has made ${hops} hops, the limit is ${HOPS_MAX}`));
}

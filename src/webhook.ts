/**
 * The adapter that calls sinks, the only outbound fetch beside `resolver.ts`. One request per push: checked, rendered, signed, timed out,
 * never redirected; whatever goes wrong becomes an answer.
 */
import { byteBuffer } from "./core/byte-buffer.ts";
import type { Answer } from "./core/delivery.ts";
import type { CloudEvent } from "./core/event.ts";
import { ANSWER_BYTES_MAX, ANSWER_SAMPLE_BYTES_MAX, HEADER_SECRET_CHARS_MIN, SIGNING_KEYS_MAX } from "./core/limits.ts";
import { renderDelivery } from "./core/render.ts";
import { parseRetryAfter } from "./core/retry-after.ts";
import { importSecret, signatureOf } from "./core/signature.ts";
import { addressRefusal, checkSink, nameToResolve } from "./core/sink.ts";
import { statedLength } from "./core/stated-length.ts";
import { parseSteering } from "./core/steering.ts";
import { traceOf } from "./core/trace.ts";
import type { Clock, PushRequest, Resolver, Webhooks } from "./ports.ts";

type Answered = Extract<Answer, { readonly kind: "answered" }>;
type Failure = Extract<Answer, { readonly kind: "failed" }>["error"];

export interface WebhookDeps {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly policy: { readonly allowInsecure: boolean; readonly publicHost: string | null };
  /** Asked before each attempt; null: names are called as they are. */
  readonly resolver: Resolver | null;
  /** Scheme and host of our API, without a slash at the end: the base of links in `reference` deliveries. */
  readonly baseUrl: string;
  /** Fantail's own, for `user-agent`. */
  readonly version: string;
}

export function createWebhooks(deps: WebhookDeps): Webhooks {
  // Called without a receiver: the platform's fetch refuses any other.
  const { fetch: send, clock, policy } = deps;
  const keyOf = signingKeys();

  return {
    async push(request) {
      const { sink, timeoutMs, headers } = request.push;
      let startedMs = clock.now();
      const failed = (error: Failure, detail: string): Answer => {
        return { kind: "failed", error, detail, durationMs: clock.now() - startedMs };
      };
      const checked = checkSink(sink, policy);
      if (!checked.ok) return failed("refused", `sink ${checked.error}`);
      let outgoing: Outgoing;
      try {
        outgoing = await prepare(request, { ...deps, keyOf, now: startedMs });
      } catch {
        // The error may quote a header or a secret.
        return failed("internal", "The subscription's headers or secrets make no valid request");
      }
      const signal = AbortSignal.timeout(timeoutMs);
      const astray = await nameRefusal(checked.value, deps, signal);
      // How long the resolver takes says nothing of the sink.
      startedMs = clock.now();
      if (astray !== null) return failed(astray.error, astray.detail);
      try {
        const response = await send(checked.value, { method: "POST", redirect: "manual", signal, ...outgoing });
        const body = await readBody(response);
        const now = clock.now();
        return {
          kind: "answered",
          status: response.status,
          ...askedBy(response, now),
          sample: response.ok ? "" : masked(sampleOf(body), Object.values(headers)),
          durationMs: now - startedMs,
        };
      } catch {
        // The platform's error may quote the URL, and says no more than these two.
        if (signal.aborted) return failed("timeout", `The sink did not finish its answer within ${timeoutMs} ms`);
        return failed("connection", "The connection could not be made, or broke before the answer was complete");
      }
    },
  };
}

/** What the headers of an answer ask for. Of a success only an end of all requests: there is no further attempt to ask about. */
function askedBy(response: Response, now: number): Pick<Answered, "retryAtMs" | "steering" | "ignored"> {
  const retryAfter = response.headers.get("retry-after");
  const steering = parseSteering(response.headers.get("webhook-delivery"));
  const known = steering === "ignored" ? null : steering;
  if (response.ok) {
    const asked = known?.kind === "disable" ? known : null;
    return { retryAtMs: null, steering: asked, ignored: steering === asked ? 0 : 1 };
  }
  const retryAtMs = parseRetryAfter(retryAfter, now);
  const ignored = [steering === "ignored", retryAfter !== null && retryAtMs === null].filter(Boolean).length;
  return { retryAtMs, steering: known, ignored };
}

/** Why a sink is not called although its URL may be: what its name resolves to now. Null: it is called. */
async function nameRefusal(
  url: string,
  { resolver, policy }: Pick<WebhookDeps, "resolver" | "policy">,
  signal: AbortSignal,
): Promise<{ readonly error: Failure; readonly detail: string } | null> {
  if (resolver === null) return null;
  const name = nameToResolve(url);
  if (name === null) return null;
  const found = await resolver.addresses(name, signal);
  // A name that nobody could look up may lead anywhere.
  if (!found.ok) return { error: "internal", detail: `The resolver of DOH_URL did not answer: ${found.error}` };
  if (found.value.length === 0) return { error: "connection", detail: "The sink's name has no address" };
  const refused = found.value.map((address) => addressRefusal(address, policy)).find((rule) => rule !== null);
  return refused === undefined
    ? null
    : { error: "refused", detail: `sink must resolve to public addresses only: ${refused}` };
}

interface Outgoing {
  readonly headers: Headers;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/** @throws Error on a header that HTTP forbids, and when no valid secret is left to sign with. */
async function prepare(
  request: PushRequest,
  context: {
    readonly keyOf: (secret: string) => Promise<CryptoKey>;
    readonly now: number;
    readonly baseUrl: string;
    readonly version: string;
  },
): Promise<Outgoing> {
  const { deliveryId, attempt, event, hops, push } = request;
  const { keyOf, now, baseUrl, version } = context;
  const rendered = renderDelivery({ ...request, format: push.format, baseUrl });
  const secrets = push.secrets.filter(({ untilMs }) => untilMs === null || untilMs > now);
  if (secrets.length === 0) throw new Error("There is no secret to sign with");
  const keys = await Promise.all(secrets.map(({ secret }) => keyOf(secret)));
  const timestampSeconds = Math.floor(now / 1_000);

  // Ours come last: each `set` replaces what the subscription or the event may have put there.
  const headers = new Headers(Object.entries(push.headers));
  for (const [name, value] of [...traceHeaders(event), ...rendered.headers]) headers.set(name, value);
  headers.set("user-agent", `Fantail/${version}`);
  // A few compressed bytes may stand for a thousand times as many. Who compresses all the same is cut at what they stand for.
  headers.set("accept-encoding", "identity");
  headers.set("fantail-attempt", String(attempt));
  headers.set("fantail-hops", String(hops + 1));
  headers.set("webhook-id", deliveryId);
  headers.set("webhook-timestamp", String(timestampSeconds));
  headers.set("webhook-signature", await signatureOf({ id: deliveryId, timestampSeconds, body: rendered.body, keys }));
  return { headers, body: rendered.body };
}

/** The Distributed Tracing extension of CloudEvents as the headers of W3C Trace Context; none when it is no trace. */
function traceHeaders({ attributes }: CloudEvent): (readonly [string, string])[] {
  const trace = traceOf(attributes["traceparent"], attributes["tracestate"]);
  if (trace === null) return [];
  const { traceparent, tracestate } = trace;
  return tracestate === undefined
    ? [["traceparent", traceparent]]
    : [
        ["traceparent", traceparent],
        ["tracestate", tracestate],
      ];
}

/** Imported keys by secret, the least recently used out. Keys are kept, not promises: a promise belongs to one request. */
function signingKeys(): (secret: string) => Promise<CryptoKey> {
  const kept = new Map<string, CryptoKey>();
  return async (secret) => {
    const key = kept.get(secret) ?? (await importSecret(secret));
    kept.delete(secret);
    kept.set(secret, key);
    const [oldest] = kept.keys();
    if (kept.size > SIGNING_KEYS_MAX && oldest !== undefined) kept.delete(oldest);
    return key;
  };
}

const MASK = "…";

/**
 * A sample without the header values that its sink may have sent back: what is shown of a delivery shows none of them. Also masked:
 * values as JSON writes them, what follows a scheme as in `Bearer …`, and the beginning of one where the sample ends within it.
 */
function masked(sample: string, values: readonly string[]): string {
  const secrets = values
    .map((value) => value.trim())
    .flatMap((value) => [value, value.slice(value.indexOf(" ") + 1)])
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])
    .filter(({ length }) => length >= HEADER_SECRET_CHARS_MIN)
    // The longest first: one may be part of another.
    .toSorted((a, b) => b.length - a.length);
  const tail = Math.max(0, ...secrets.map((secret) => beginningAtEnd(sample, secret)));
  const whole = tail === 0 ? sample : sample.slice(0, -tail) + MASK;
  return secrets.reduce((text, secret) => text.replaceAll(secret, MASK), whole);
}

/** How many characters at the end of the text are the secret's beginning; 0 when too few to tell. */
function beginningAtEnd(text: string, secret: string): number {
  for (let length = Math.min(text.length, secret.length); length >= HEADER_SECRET_CHARS_MIN; length--)
    if (text.endsWith(secret.slice(0, length))) return length;
  return 0;
}

/**
 * The body, or its beginning. About ANSWER_BYTES_MAX are waited for, so that a sink sees its short answer through and no long one holds us.
 * What is small comes in one go: piece by piece, each costs a call into the runtime.
 * @throws Error when the connection breaks before the end, or the signal of the request aborts, which ends its body too (Fetch standard §4.1).
 */
async function readBody(response: Response): Promise<Uint8Array> {
  const { body, headers } = response;
  const length = statedLength(headers);
  if (body === null || (length !== null && length <= ANSWER_BYTES_MAX))
    return new Uint8Array(await response.arrayBuffer());
  const bytes = byteBuffer();
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  while (bytes.length < ANSWER_BYTES_MAX) {
    const { done, value } = await reader.read();
    if (done) return bytes.take();
    bytes.append(value);
  }
  // That cancelling itself may fail is of no interest: the rest is given up either way.
  void reader.cancel().catch(() => undefined);
  return bytes.take();
}

/** The first ANSWER_SAMPLE_BYTES_MAX of a body as text, cut between characters; bytes that are no UTF-8 become U+FFFD. */
function sampleOf(body: Uint8Array): string {
  // `stream` keeps back a character that the cut left incomplete; one that the sink itself broke is shown.
  const stream = body.length > ANSWER_SAMPLE_BYTES_MAX;
  return new TextDecoder().decode(body.subarray(0, ANSWER_SAMPLE_BYTES_MAX), { stream });
}

/**
 * One request of the API and its answer: sent, given up when it takes too long, sent again when that is safe. The only place that calls
 * `fetch`. It knows nothing of events.
 */
import type { Problem } from "./api.ts";
import { isMembers, parsedJson } from "../core/json-value.ts";
import { parseRetryAfter } from "../core/retry-after.ts";
import { FantailError, NetworkError, ProblemError, TimeoutError, UnexpectedAnswerError } from "./errors.ts";
import { patienceOf, type CallOptions, type Settings } from "./options.ts";
import { backoffMs, mayRepeat, type Repeatable } from "./retry.ts";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From `/v1` on, encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly repeatable: Repeatable;
  /** Told why the try before failed, before each further one. */
  readonly onRetry?: (error: unknown) => void;
}

export interface ApiAnswer {
  /** 2xx or 304. */
  readonly status: number;
  /** The parsed JSON; null without a body. */
  readonly value: unknown;
}

export interface Transport {
  /**
   * @throws ProblemError, NetworkError, TimeoutError or UnexpectedAnswerError of the last try; the signal's reason when it was aborted.
   */
  send(request: ApiRequest, options: CallOptions): Promise<ApiAnswer>;
  /**
   * Sends NDJSON that is still being made, once, and hands out the NDJSON of the answer as it comes.
   * @throws ProblemError, UnexpectedAnswerError, and what `fetch` throws.
   */
  open(request: LinesRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /**
   * Hands out a stream of server-sent events as it comes.
   * @throws ProblemError, UnexpectedAnswerError, and what `fetch` throws.
   */
  follow(request: FollowRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

export interface FollowRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LinesRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ReadableStream<Uint8Array>;
}

export function createTransport(settings: Settings): Transport {
  const { runtime } = settings;
  return {
    open: (request, signal) => openLines(settings, request, signal),
    follow: (request, signal) => followEvents(settings, request, signal),
    async send(request, options) {
      const { signal } = options;
      signal?.throwIfAborted();
      const patience = patienceOf(options, settings);
      const deadline = runtime.now() + patience.deadlineMs;
      for (let tries = 1; ; tries += 1) {
        try {
          return await once(settings, request, { ...patience, signal });
        } catch (error) {
          signal?.throwIfAborted();
          if (!mayRepeat(error, request.repeatable) || tries > patience.retries) throw error;
          const wait = backoffMs(tries, error, runtime.fraction());
          // Coming back sooner than the server asks is of no use.
          if (runtime.now() + wait > deadline) throw error;
          await runtime.sleep(wait, signal ?? new AbortController().signal);
          signal?.throwIfAborted();
          request.onRetry?.(error);
        }
      }
    },
  };
}

async function once(
  settings: Settings,
  request: ApiRequest,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<ApiAnswer> {
  const { runtime } = settings;
  const place = `${request.method} ${request.path.split("?", 1)[0]}`;
  const sending = new AbortController();
  const waiting = new AbortController();
  const stop = () => sending.abort();
  signal?.addEventListener("abort", stop);
  const tooLate = runtime.sleep(timeoutMs, waiting.signal).then((): never | Promise<never> => {
    if (waiting.signal.aborted) return new Promise<never>(() => {});
    throw new TimeoutError(`${place}: no answer within ${timeoutMs} ms`, timeoutMs);
  });
  try {
    // A race, because not every `fetch` hears of an abort while it reads a body.
    return await Promise.race([exchange(settings, request, sending.signal), tooLate, aborted(sending.signal)]);
  } catch (error) {
    if (error instanceof FantailError) throw error;
    throw new NetworkError(`${place}: no whole answer`, { cause: error });
  } finally {
    waiting.abort();
    signal?.removeEventListener("abort", stop);
    sending.abort();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new NetworkError("The request was given up")));
  });
}

const NDJSON = "application/x-ndjson";

async function openLines(
  settings: Settings,
  { path, headers, body }: LinesRequest,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const init = {
    method: "POST",
    headers: {
      ...headersOf(settings),
      accept: `${NDJSON}, application/problem+json`,
      "content-type": NDJSON,
      ...headers,
    },
    body,
    // What there is; runtimes that know no other word go on reading the answer meanwhile all the same.
    duplex: "half",
    redirect: "manual",
    signal,
  } as const;
  const response = await settings.fetch(`${settings.url}${path}`, init);
  const isLines = (response.headers.get("content-type") ?? "").startsWith(NDJSON);
  if (response.status === 200 && isLines && response.body !== null) return response.body;
  throw refusalOf({ method: "POST", path }, response, {
    value: parsedJson(await response.text()),
    now: settings.runtime.now(),
  });
}

const EVENT_STREAM = "text/event-stream";

async function followEvents(
  settings: Settings,
  { path, headers }: FollowRequest,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const response = await settings.fetch(`${settings.url}${path}`, {
    method: "GET",
    headers: { ...headersOf(settings), accept: `${EVENT_STREAM}, application/problem+json`, ...headers },
    // A browser's cache would hold a stream back until it ends.
    cache: "no-store",
    redirect: "manual",
    signal,
  });
  const isStream = (response.headers.get("content-type") ?? "").startsWith(EVENT_STREAM);
  if (response.status === 200 && isStream && response.body !== null) return response.body;
  throw refusalOf({ method: "GET", path }, response, {
    value: parsedJson(await response.text()),
    now: settings.runtime.now(),
  });
}

/** A session is a cookie, which comes by itself; the header says that it is a page of the router's own that sends it. */
const headersOf = ({ key, bus }: Settings): Record<string, string> => ({
  ...(key === null ? { "fantail-session": "1" } : { authorization: `Bearer ${key}` }),
  ...(bus === null ? {} : { "fantail-bus": bus }),
});

async function exchange(settings: Settings, request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
  const response = await settings.fetch(`${settings.url}${request.path}`, {
    method: request.method,
    headers: { ...headersOf(settings), accept: "application/json, application/problem+json", ...request.headers },
    ...(request.body === undefined ? {} : { body: request.body }),
    // Followed, it could take the key to another server.
    redirect: "manual",
    signal,
  });
  const text = await response.text();
  const value = parsedJson(text);
  const { status } = response;
  if (status === 304 || (response.ok && text === "")) return { status, value: null };
  if (response.ok && value !== undefined) return { status, value };
  // A 2xx whose JSON is cut off is an answer that broke off.
  if (response.ok && isJson(response)) throw new NetworkError(`The answer ${status} broke off`);
  throw refusalOf(request, response, { value, now: settings.runtime.now() });
}

/** What an answer that is not the one that was asked for means. */
function refusalOf(
  request: Pick<ApiRequest, "method" | "path">,
  response: Response,
  { value, now }: { readonly value: unknown; readonly now: number },
): FantailError {
  if (response.ok || !isProblem(value))
    return new UnexpectedAnswerError(unexpected(request, response), response.status);
  const after = parseRetryAfter(response.headers.get("retry-after"), now);
  return new ProblemError(value, after === null ? null : after - now);
}

function unexpected(request: Pick<ApiRequest, "method" | "path">, { status, headers }: Response): string {
  const place = `${request.method} ${request.path.split("?", 1)[0]}`;
  // Browsers show a redirect as status 0.
  if (status === 0 || (status >= 300 && status < 400))
    return `${place}: the answer is a redirect, which is not followed: check the url`;
  const kind = headers.get("content-type") ?? "no content type";
  return `${place}: the answer ${status} (${kind.slice(0, 100)}) is not one of Fantail's`;
}

const isJson = ({ headers }: Response): boolean =>
  /^application\/(?:[^;]+\+)?json\b/i.test(headers.get("content-type") ?? "");

const isProblem = (value: unknown): value is Problem =>
  isMembers(value) &&
  typeof value["type"] === "string" &&
  typeof value["title"] === "string" &&
  typeof value["status"] === "number" &&
  typeof value["instance"] === "string";

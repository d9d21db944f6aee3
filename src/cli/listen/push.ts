/** One event pushed to a local server as Fantail pushes it to a sink: the same formats, headers and signature. */
import { signWebhook } from "../../client/webhook.ts";
import { systemFetch, systemRuntime } from "../../client/runtime.ts";
import type { CloudEvent } from "../../core/event.ts";
import { renderDelivery } from "../../core/render.ts";
import type { Format } from "../../core/subscription.ts";
import { traceOf } from "../../core/trace.ts";
import { VERSION } from "../../version.ts";
import { innermost } from "../failure.ts";

/** Where events go, and how. */
export interface Target {
  readonly url: string;
  readonly format: Format;
  /** `whsec_…` */
  readonly secret: string;
  readonly timeoutMs: number;
  /** The router, for the format `reference`. */
  readonly baseUrl: string;
}

export interface Push {
  readonly event: CloudEvent;
  /** The event's canonical text. */
  readonly text: string;
  readonly eventId: string;
  readonly acceptedMs: number;
  /** From 1. */
  readonly attempt: number;
}

/** What came of one request. */
export interface PushAnswer {
  /** Null: there was no answer. */
  readonly status: number | null;
  /** Why there was none. */
  readonly error: string | null;
  readonly durationMs: number;
}

/** Sends one request. It never throws for what the server does. @throws the signal's reason when that aborts. */
export async function pushLocally(target: Target, push: Push, signal: AbortSignal): Promise<PushAnswer> {
  const { headers, body } = await requestOf(target, push);
  const startedMs = systemRuntime.now();
  const durationMs = () => systemRuntime.now() - startedMs;
  const patience = AbortSignal.timeout(target.timeoutMs);
  try {
    const response = await systemFetch(target.url, {
      method: "POST",
      redirect: "manual",
      headers,
      body,
      signal: AbortSignal.any([signal, patience]),
    });
    await response.arrayBuffer();
    return { status: response.status, error: null, durationMs: durationMs() };
  } catch (error) {
    signal.throwIfAborted();
    const words = patience.aborted ? `no answer within ${target.timeoutMs} ms` : innermost(error);
    return { status: null, error: words, durationMs: durationMs() };
  }
}

async function requestOf({ secret, ...target }: Target, { attempt, ...push }: Push) {
  const { headers, body } = renderDelivery({ ...target, ...push });
  // There is no subscription, so no delivery: the event's own id is what stays the same on every attempt.
  const signed = await signWebhook({ id: push.eventId, body, secrets: secret });
  const trace = traceOf(push.event.attributes["traceparent"], push.event.attributes["tracestate"]);
  return {
    body,
    headers: {
      ...Object.fromEntries(trace === null ? [] : Object.entries(trace).filter(([, value]) => value !== undefined)),
      ...Object.fromEntries(headers),
      ...signed,
      "user-agent": `Fantail/${VERSION}`,
      "fantail-attempt": String(attempt),
      "fantail-hops": "1",
    },
  };
}

/** `http://localhost:3000/hooks`, of which the beginning may be left out: `localhost:3000/hooks`, `3000/hooks`. Null: it is no such address. */
export function targetUrl(text: string): string | null {
  const whole = /^\d{1,5}(\/|$)/.test(text)
    ? `http://localhost:${text}`
    : /^https?:\/\//i.test(text)
      ? text
      : `http://${text}`;
  if (!URL.canParse(whole)) return null;
  const url = new URL(whole);
  return url.username === "" && url.password === "" && url.hostname !== "" ? url.href : null;
}

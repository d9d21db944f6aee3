/**
 * Publishes the examples as a producer would: encoded by the `cloudevents` SDK, a third each in structured, binary and batch
 * mode, a few requests at a time. It never looks at what becomes of them.
 */
import { HTTP, type CloudEvent } from "cloudevents";
import { setTimeout as delay } from "node:timers/promises";
import { at, type Example } from "./payloads.ts";

export const MODES = ["structured", "binary", "batch"] as const;
type Mode = (typeof MODES)[number];

/** What happened to the producer's events so far. */
export interface Publications {
  /** Entries sent, by mode. */
  readonly sent: Record<Mode, number>;
  accepted: number;
  /** What the router did not accept, each with its problem. */
  readonly refused: string[];
  /** By the event's own id: when its first request was sent (Unix ms), and the router's id of it once accepted. */
  readonly events: Map<string, { readonly startedMs: number; eventId: string | null }>;
}

export interface Target {
  readonly url: string;
  /** A key with the scope `publish`. */
  readonly key: string;
  readonly signal: AbortSignal;
}

interface Request {
  readonly mode: Mode;
  readonly events: readonly CloudEvent<unknown>[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const BATCH_EVENTS = 25;
const CONCURRENCY = 4;
const TRIES = 5;

export function newPublications(): Publications {
  return { sent: { structured: 0, binary: 0, batch: 0 }, accepted: 0, refused: [], events: new Map() };
}

/** Publishes all of them. @throws Error when the router does not answer, or answers what a publish never does. */
export async function publish(examples: readonly Example[], target: Target, publications: Publications): Promise<void> {
  const requests = requestsOf(examples.map(({ event }) => event)).values();
  const work = async () => {
    for (const request of requests) await send(request, target, publications);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

function requestsOf(events: readonly CloudEvent<unknown>[]): readonly Request[] {
  const ofMode = (mode: Mode) => events.filter((_, index) => MODES[index % MODES.length] === mode);
  const batched = ofMode("batch");
  const starts = Array.from({ length: Math.ceil(batched.length / BATCH_EVENTS) }, (_, index) => index * BATCH_EVENTS);
  return [
    ...ofMode("structured").map((event) => single("structured", event)),
    ...ofMode("binary").map((event) => single("binary", event)),
    ...starts.map((start) => batch(batched.slice(start, start + BATCH_EVENTS))),
  ];
}

function single(mode: "structured" | "binary", event: CloudEvent<unknown>): Request {
  const { headers, body } = HTTP[mode](event);
  const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  return { mode, events: [event], headers: flat, body: String(body) };
}

/** The SDK reads batches but does not write them: a batch is the array of its events' JSON. */
function batch(events: readonly CloudEvent<unknown>[]): Request {
  return {
    mode: "batch",
    events,
    headers: { "content-type": "application/cloudevents-batch+json; charset=utf-8" },
    body: `[${events.map((event) => event.toString()).join(",")}]`,
  };
}

async function send(request: Request, target: Target, publications: Publications): Promise<void> {
  const startedMs = Date.now();
  for (const { id } of request.events) {
    if (!publications.events.has(id)) publications.events.set(id, { startedMs, eventId: null });
  }
  publications.sent[request.mode] += request.events.length;
  const answer = await post(request, target);
  const entries = at(answer, "events");
  if (!Array.isArray(entries)) {
    publications.refused.push(`${request.mode}: ${JSON.stringify(answer)}`);
    return;
  }
  for (const entry of entries) record(entry, publications);
}

/** The body of the answer; the same request is sent again while the router says 503, which repeats nothing. */
async function post({ headers, body }: Request, { url, key, signal }: Target): Promise<unknown> {
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(`${url}/v1/events`, {
      method: "POST",
      headers: { ...headers, authorization: `Bearer ${key}` },
      body,
      signal,
    });
    if (response.status !== 503 || tries === TRIES) return response.json();
    await response.body?.cancel();
    await delay(1_000 * Number(response.headers.get("retry-after") ?? 1), undefined, { signal });
  }
}

function record(entry: unknown, publications: Publications): void {
  const eventId = at(entry, "event_id");
  const known = publications.events.get(String(at(entry, "id")));
  if (at(entry, "status") !== "accepted" || typeof eventId !== "string" || known === undefined) {
    publications.refused.push(JSON.stringify(entry));
    return;
  }
  publications.accepted += 1;
  known.eventId = eventId;
}

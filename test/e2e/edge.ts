// The router as its users meet it: requests go in at the edge, messages come back from the local queues by themselves, and sinks
// are real HTTP servers. Nothing is driven by hand.
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import worker from "../../src/index.ts";
import { checkExchange } from "../contract.ts";
import { knownBody, ROOT, type Answered, type Asked } from "../http.ts";
import { sink, type SinkClient } from "../sink-client.ts";

/** A poll of the record: it ends with the first answer that holds, and fails with the last one that did not. */
export const POLL = { timeout: 10_000, interval: 20 };

/** What the API shows of a delivery. */
export interface Delivery {
  readonly id: string;
  readonly event_id: string;
  readonly subscription_id: string;
  readonly type: string;
  readonly status: string;
  readonly cause: string | null;
  readonly attempt: number;
  readonly due_at: string | null;
}

/** What the API shows of an event. */
export interface EventSummary {
  readonly event_id: string;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  readonly accepted_at: string;
  readonly matched: number;
  readonly duplicates: number;
}

export interface List<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

export interface Consumer {
  /** Of its subscription. */
  readonly id: string;
  readonly secret: string;
  readonly sink: SinkClient;
}

/** One request. The key is the root key unless another is given. */
export async function ask(method: string, path: string, asked: Asked = {}): Promise<Answered> {
  const { key = ROOT, json, body = json === undefined ? null : JSON.stringify(json) } = asked;
  const headers = new Headers(asked.headers);
  if (key !== null) headers.set("authorization", `Bearer ${key}`);
  if (json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
  const request = new Request<unknown, IncomingRequestCfProperties>(`https://router.test${path}`, {
    method,
    headers,
    body,
  });
  const response = await worker.fetch(request, env, createExecutionContext());
  const text = await response.text();
  const isJson = /^application\/(problem\+)?json\b/.test(response.headers.get("content-type") ?? "");
  const answered = { status: response.status, headers: response.headers, text };
  await checkExchange({ method, url: request.url, headers, body: knownBody(body) }, answered);
  return { ...answered, json: isJson && text !== "" ? JSON.parse(text) : undefined };
}

const OPEN = new Set(["pending", "retrying", "held"]);

/** A bus that nobody else uses. */
export async function newBus() {
  const name = `bus-${crypto.randomUUID().slice(0, 23)}`;
  const made = await ask("PUT", `/v1/buses/${name}`);
  expect(made.status).toBe(201);

  const here = (method: string, path: string, asked: Asked = {}): Promise<Answered> =>
    ask(method, path, { ...asked, headers: { "fantail-bus": name, ...asked.headers } });

  async function expecting<T>(status: number, method: string, path: string, asked?: Asked): Promise<T> {
    const answer = await here(method, path, asked);
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  /** The answer to a GET. */
  const get = <T>(path: string): Promise<T> => expecting(200, "GET", path);

  return {
    name,
    ask: here,
    get,
    async subscribe(members: object = {}, client = sink()): Promise<Consumer> {
      const json = { sink: client.url, ...members };
      const { id, secret } = await expecting<{ id: string; secret: string }>(201, "POST", "/v1/subscriptions", {
        json,
      });
      return { id, secret, sink: client };
    },
    change: (consumer: Consumer, members: object) =>
      expecting<{ version: number }>(200, "PATCH", `/v1/subscriptions/${consumer.id}`, { json: members }),
    /** Publishes one event as `application/json`: in full or in its short form. */
    async publish(event: object, headers: Readonly<Record<string, string>> = {}) {
      const answer = await expecting<{ events: [Published] }>(202, "POST", "/v1/events", { json: event, headers });
      return answer.events[0];
    },
    /** The delivery with all its attempts, as soon as it has that status. */
    deliveryAs: (id: string, status: string) =>
      vi.waitFor(async () => {
        const delivery = await get<DeliveryInFull>(`/v1/deliveries/${id}`);
        expect(delivery.status).toBe(status);
        return delivery;
      }, POLL),
    /** All deliveries of the bus, at most 200, as soon as it has so many events on record and none is open. */
    settled: (events: number) =>
      vi.waitFor(async () => {
        const recorded = await get<List<EventSummary>>("/v1/events?limit=200");
        expect(recorded.data).toHaveLength(events);
        const { data } = await get<List<Delivery>>("/v1/deliveries?limit=200");
        expect(data).toHaveLength(recorded.data.reduce((sum, { matched }) => sum + matched, 0));
        expect(data.filter(({ status }) => OPEN.has(status))).toEqual([]);
        return data;
      }, POLL),
  };
}

export interface Published {
  readonly event_id: string;
  readonly id: string;
  readonly source: string;
  readonly matched: number;
  readonly subscription_ids: readonly string[];
}

export interface DeliveryInFull extends Delivery {
  readonly attempts: readonly {
    readonly attempt: number;
    readonly at: string;
    readonly status: number | null;
    readonly error: string | null;
    readonly answer: string | null;
  }[];
}

/** The id of what a publish made for a subscription: `webhook-id` of its requests. */
export function deliveryIdFor(published: Published, consumer: Consumer): string {
  return `dlv_${published.event_id.slice(4)}${consumer.id.slice(4)}`;
}

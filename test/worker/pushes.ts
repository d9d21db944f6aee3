// Pushes to sinks inside workerd, without a router around them: what the adapter makes of one answer.
import type { CloudEvent } from "../../src/core/event.ts";
import { newSecret } from "../../src/core/signature.ts";
import type { Push } from "../../src/core/subscription.ts";
import type { PushRequest } from "../../src/ports.ts";
import { createWebhooks, type WebhookDeps } from "../../src/webhook.ts";

const TEXT = '{"specversion":"1.0","id":"A-1","source":"/shop","type":"order.created","data":1}';
const attributes = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };
const event: CloudEvent = { ...attributes, attributes, data: { kind: "json", text: "1" } };
const secrets = [{ secret: newSecret(new Uint8Array(32).fill(1)), untilMs: null }];

function requestTo(sink: string, push: Partial<Push> = {}): PushRequest {
  const retry = { scheduleSeconds: [5], permanent: [] };
  const all: Push = {
    sink,
    format: "structured",
    headers: {},
    timeoutMs: 30_000,
    retry,
    pace: { rate: null, concurrency: null },
    secrets,
    ...push,
  };
  return { deliveryId: "dlv_1", attempt: 1, event, text: TEXT, eventId: "evt_1", acceptedMs: 0, hops: 0, push: all };
}

/** Without a resolver and with insecure sinks, unless told otherwise. */
export function pushes(more: Partial<WebhookDeps> = {}) {
  const webhooks = createWebhooks({
    fetch,
    clock: { now: () => Date.now(), sleep: async () => {} },
    policy: { allowInsecure: true, publicHost: null },
    resolver: null,
    baseUrl: "https://events.example.com",
    version: "1.2.3",
    ...more,
  });
  return { push: (sink: string, push: Partial<Push> = {}) => webhooks.push(requestTo(sink, push)) };
}

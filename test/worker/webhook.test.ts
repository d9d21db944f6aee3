// The webhook adapter and the Web Crypto it rests on, inside workerd: its fetch, streams and timers differ from Node's. The whole
// table of misbehaviour is in test/core/webhook.test.ts.
import { expect, it } from "vitest";
import { API_KEY_RANDOM_BYTES, importCheckKeys, makeApiKey, parseApiKey } from "../../src/core/api-key.ts";
import { decodeBase64 } from "../../src/core/base64.ts";
import type { CloudEvent } from "../../src/core/event.ts";
import { ANSWER_SAMPLE_BYTES_MAX } from "../../src/core/limits.ts";
import { newSecret, verifySignature } from "../../src/core/signature.ts";
import { createVault } from "../../src/core/vault.ts";
import type { Push } from "../../src/core/subscription.ts";
import type { PushRequest } from "../../src/ports.ts";
import { createWebhooks } from "../../src/webhook.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import type { Step } from "../sinks.ts";

const secret = newSecret(new Uint8Array(32).fill(1));
const clock = { now: () => Date.now(), sleep: async () => {} };
const webhooks = createWebhooks({
  // As a plain reference: calling it with a receiver is refused by the platform.
  fetch,
  clock,
  policy: { allowInsecure: true, publicHost: null },
  resolver: null,
  baseUrl: "https://events.example.com",
  version: "1.2.3",
});

const TEXT = '{"specversion":"1.0","id":"A-1","source":"/shop","type":"order.created","data":{"name":"é😀","n":1.10}}';
const event: CloudEvent = {
  id: "A-1",
  source: "/shop",
  type: "order.created",
  attributes: {
    specversion: "1.0",
    id: "A-1",
    source: "/shop",
    type: "order.created",
    datacontenttype: "application/json",
  },
  data: { kind: "json", text: '{"name":"é😀","n":1.10}' },
};

function requestTo(url: string, push: Partial<Push> = {}): PushRequest {
  const retry = { scheduleSeconds: [5], permanent: [] };
  const pace = { rate: null, concurrency: null };
  const secrets = [{ secret, untilMs: null }];
  const all: Push = { sink: url, format: "structured", headers: {}, timeoutMs: 30_000, retry, pace, secrets, ...push };
  return { deliveryId: "dlv_1", attempt: 1, event, text: TEXT, eventId: "evt_1", acceptedMs: 0, hops: 0, push: all };
}

async function sinkThat(step: Step): Promise<SinkClient> {
  const client = sink();
  await client.program([], step);
  return client;
}

it("push() sends every format with a signature over the bytes that arrive", async () => {
  const client = sink();
  for (const format of ["structured", "binary", "standard", "reference"] as const) {
    expect(await webhooks.push(requestTo(client.url, { format }))).toMatchObject({ kind: "answered", status: 200 });
  }
  const requests = await client.waitFor(4);
  for (const { headers, bodyBase64 } of requests) {
    const verified = await verifySignature({
      id: headers["webhook-id"] ?? null,
      timestamp: headers["webhook-timestamp"] ?? null,
      signature: headers["webhook-signature"] ?? null,
      body: decodeBase64(bodyBase64) ?? expect.fail(),
      secrets: [secret],
      now: Date.now(),
    });
    expect(verified.ok).toBe(true);
    expect(headers["user-agent"]).toBe("Fantail/1.2.3");
  }
  expect(new TextDecoder().decode(decodeBase64(requests[0]?.bodyBase64 ?? "") ?? undefined)).toBe(TEXT);
});

it("push() follows no redirect", async () => {
  const target = sink();
  const client = await sinkThat({ status: 307, headers: { location: target.url } });
  expect(await webhooks.push(requestTo(client.url))).toMatchObject({ kind: "answered", status: 307 });
  expect(await target.requests()).toHaveLength(0);
});

it("push() reads the start of a huge failure and cancels the rest", async () => {
  const client = await sinkThat({ status: 500, bodyBytes: 10_000_000, headers: { "retry-after": "60" } });
  const before = Date.now();
  const answer = await webhooks.push(requestTo(client.url));
  expect(answer).toMatchObject({ kind: "answered", status: 500 });
  if (answer.kind !== "answered") return;
  expect(answer.sample).toHaveLength(ANSWER_SAMPLE_BYTES_MAX);
  expect(answer.retryAtMs).toBeGreaterThanOrEqual(before + 60_000);
});

it("push() takes an answer without a body", async () => {
  const client = await sinkThat({ status: 204 });
  expect(await webhooks.push(requestTo(client.url))).toMatchObject({ kind: "answered", status: 204, sample: "" });
});

it("push() times out on a sink that hangs before its headers, in its body, or drips", async () => {
  for (const step of [
    { hang: true },
    { hangBody: true },
    { drip: { chunks: 1_000, bytes: 1, everyMs: 20 } },
  ] as const) {
    const client = await sinkThat(step);
    const answer = await webhooks.push(requestTo(client.url, { timeoutMs: 300 }));
    expect(answer, JSON.stringify(step)).toMatchObject({ kind: "failed", error: "timeout" });
    // It ends on the sink's side too: the connection was given up.
    await client.waitFor(1);
  }
});

it("push() calls a reset connection what it is", async () => {
  const client = await sinkThat({ reset: true });
  expect(await webhooks.push(requestTo(client.url))).toMatchObject({ kind: "failed", error: "connection" });
});

it("the vault and API keys work on this runtime's Web Crypto", async () => {
  const key = new Uint8Array(32).fill(7);
  const vault = createVault([key]);
  const sealed = await vault.seal("secret", { iv: new Uint8Array(12), context: "here" });
  expect(await vault.open(sealed, "here")).toBe("secret");
  await expect(vault.open(sealed, "there")).rejects.toThrow("was changed, or belongs to another place");

  const checkKeys = await importCheckKeys([key]);
  const apiKey = await makeApiKey({ bus: "default", random: new Uint8Array(API_KEY_RANDOM_BYTES), checkKeys });
  expect(await parseApiKey(apiKey, checkKeys)).toEqual({ bus: "default" });
  expect(await parseApiKey(`${apiKey.slice(0, -1)}!`, checkKeys)).toBeNull();
});

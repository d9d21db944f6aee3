// The adapter against real HTTP sinks on loopback: what reaches them, and what each kind of misbehaviour becomes.
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { HTTP } from "cloudevents";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { afterEach, expect, it, vi } from "vitest";
import type { Answer } from "../../src/core/delivery.ts";
import type { AttributeValue, CloudEvent, EventData } from "../../src/core/event.ts";
import {
  ANSWER_BYTES_MAX,
  ANSWER_SAMPLE_BYTES_MAX,
  DNS_TIMEOUT_MS,
  HEADER_SECRET_CHARS_MIN,
  SIGNING_KEYS_MAX,
  SLOW_ATTEMPT_MS,
} from "../../src/core/limits.ts";
import { ok } from "../../src/core/result.ts";
import { newSecret } from "../../src/core/signature.ts";
import type { Push } from "../../src/core/subscription.ts";
import type { PushRequest, Resolver } from "../../src/ports.ts";
import { createWebhooks, type WebhookDeps } from "../../src/webhook.ts";

// The library of the sink compares with the real time, so the hand-moved clock begins there.
const clock = { ms: Date.now(), now: () => clock.ms, sleep: async () => {} };
const secretOf = (value: number) => newSecret(new Uint8Array(32).fill(value));
const secret = secretOf(1);
const HEADER_VALUE = "a-value-that-is-secret";
const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const servers: Server[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
});

/** A sink that records requests and answers as told; its URL ends in a path that no message may repeat. */
async function sinkThat(answer: (response: ServerResponse, request: IncomingMessage) => void) {
  const received: Received[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const headers = Object.fromEntries(
        Object.entries(request.headersDistinct).map(([k, v]) => [k, (v ?? []).join("|")]),
      );
      received.push({ method: request.method ?? "", url: request.url ?? "", headers, body: Buffer.concat(chunks) });
      answer(response, request);
    });
  };
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}/private-path?token=private`, received, server };
}

const accepts = (response: ServerResponse) => response.writeHead(204).end();
const answers = (status: number, body: string | Uint8Array = "", headers: Record<string, string> = {}) =>
  sinkThat((response) => response.writeHead(status, headers).end(body));

function eventOf(data: EventData, more: Record<string, AttributeValue> = {}): CloudEvent {
  const required = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" };
  return { id: "A-1", source: "/shop", type: "order.created", attributes: { ...required, ...more }, data };
}

const TEXT = '{"specversion":"1.0","id":"A-1","source":"/shop","type":"order.created","data":{"name":"é😀","n":1.10}}';

function requestTo(sink: string, push: Partial<Push> = {}, more: Partial<PushRequest> = {}): PushRequest {
  return {
    deliveryId: "dlv_1",
    attempt: 3,
    event: eventOf({ kind: "json", text: '{"name":"é😀","n":1.10}' }, { datacontenttype: "application/json" }),
    text: TEXT,
    eventId: "evt_1",
    acceptedMs: clock.ms,
    hops: 2,
    push: {
      sink,
      format: "structured",
      headers: { "x-team": HEADER_VALUE },
      timeoutMs: 30_000,
      retry: { scheduleSeconds: [5], permanent: [] },
      pace: { rate: null, concurrency: null },
      secrets: [{ secret, untilMs: null }],
      ...push,
    },
    ...more,
  };
}

function webhooks(more: Partial<WebhookDeps> = {}) {
  const policy = { allowInsecure: true, publicHost: null };
  const baseUrl = "https://events.example.com";
  return createWebhooks({ fetch, clock, policy, resolver: null, baseUrl, version: "1.2.3", ...more });
}

/** A failure's words are kept on record and shown: they may quote nothing. */
function expectFailure(answer: Answer, error: string): void {
  expect(answer).toMatchObject({ kind: "failed", error });
  if (answer.kind !== "failed") return;
  expect(answer.detail.length).toBeGreaterThan(10);
  expect(answer.detail.length).toBeLessThan(200);
  for (const hidden of ["private", "127.0.0.1", HEADER_VALUE, "whsec_", secret.slice(6, 20)])
    expect(answer.detail).not.toContain(hidden);
}

it("push() sends one signed POST that the library of Standard Webhooks verifies", async () => {
  const sink = await sinkThat(accepts);
  const answer = await webhooks().push(requestTo(sink.url));
  expect(answer).toEqual({
    kind: "answered",
    status: 204,
    retryAtMs: null,
    steering: null,
    ignored: 0,
    sample: "",
    durationMs: 0,
  });
  expect(sink.received).toHaveLength(1);
  const [{ method, url, headers, body } = expect.fail()] = sink.received;
  expect([method, url, body.toString()]).toEqual(["POST", "/private-path?token=private", TEXT]);
  expect(headers).toMatchObject({
    "webhook-id": "dlv_1",
    "webhook-timestamp": String(Math.floor(clock.ms / 1_000)),
    "fantail-attempt": "3",
    "fantail-hops": "3",
    "user-agent": "Fantail/1.2.3",
    "content-type": "application/cloudevents+json",
    "content-length": String(Buffer.byteLength(TEXT)),
    "x-team": HEADER_VALUE,
  });
  expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(TEXT));
  expect(() => new Webhook(secretOf(2)).verify(body, headers)).toThrow(WebhookVerificationError);
});

it("push() sends every format signed, and the CloudEvents SDK reads back the event", async () => {
  const sink = await sinkThat(accepts);
  for (const format of ["structured", "binary", "standard", "reference"] as const) {
    await webhooks().push(requestTo(sink.url, { format }));
    const { headers, body } = sink.received.pop() ?? expect.fail();
    new Webhook(secret).verify(body, headers);
    if (format === "standard" || format === "reference") {
      expect(headers["content-type"]).toBe("application/json");
      expect(JSON.parse(body.toString())).toMatchObject({ type: "order.created" });
      continue;
    }
    const event = HTTP.toEvent({ headers, body: body.toString() });
    expect(event).toMatchObject({ id: "A-1", source: "/shop", type: "order.created", data: { name: "é😀", n: 1.1 } });
  }
});

it("push() sends binary data as its bytes and signs exactly those", async () => {
  const sink = await sinkThat(accepts);
  const event = eventOf({ kind: "binary", base64: "/wD+" }, { datacontenttype: "image/png" });
  await webhooks().push(requestTo(sink.url, { format: "binary" }, { event }));
  const { headers, body } = sink.received.pop() ?? expect.fail();
  expect([...body]).toEqual([0xff, 0x00, 0xfe]);
  expect(headers["content-type"]).toBe("image/png");
  const content = Buffer.concat([Buffer.from(`dlv_1.${headers["webhook-timestamp"]}.`), body]);
  const mac = createHmac("sha256", Buffer.from(secret.slice(6), "base64"))
    .update(content)
    .digest("base64");
  expect(headers["webhook-signature"]).toBe(`v1,${mac}`);
});

it("push() sends no content type that the event does not have", async () => {
  const sink = await sinkThat(accepts);
  await webhooks().push(requestTo(sink.url, { format: "binary" }, { event: eventOf({ kind: "none" }) }));
  const { headers, body } = sink.received.pop() ?? expect.fail();
  expect(body).toHaveLength(0);
  expect(headers).not.toHaveProperty("content-type");
});

it("push() signs with each secret that is valid at the moment", async () => {
  const sink = await sinkThat(accepts);
  const secrets = [
    { secret, untilMs: null },
    { secret: secretOf(2), untilMs: clock.ms + 1 },
    { secret: secretOf(3), untilMs: clock.ms },
  ];
  await webhooks().push(requestTo(sink.url, { secrets }));
  const { headers, body } = sink.received.pop() ?? expect.fail();
  expect(headers["webhook-signature"]?.split(" ")).toHaveLength(2);
  for (const value of [1, 2]) new Webhook(secretOf(value)).verify(body, headers);
  expect(() => new Webhook(secretOf(3)).verify(body, headers)).toThrow(WebhookVerificationError);
});

it("push() sends nothing unsigned, and nothing that is no valid header", async () => {
  const sink = await sinkThat(accepts);
  const bad: Partial<Push>[] = [
    { secrets: [] },
    { secrets: [{ secret, untilMs: clock.ms }] },
    { secrets: [{ secret: "whsec_!", untilMs: null }] },
    { headers: { "x-team": `${HEADER_VALUE}\nx: y` } },
    { headers: { "x team": HEADER_VALUE } },
    { headers: { "x-team": "😀" } },
  ];
  for (const push of bad) expectFailure(await webhooks().push(requestTo(sink.url, push)), "internal");
  expect(sink.received).toHaveLength(0);
});

it("push() lets no header of the subscription or the event replace ours", async () => {
  const sink = await sinkThat(accepts);
  const ours = [
    "webhook-id",
    "Webhook-Timestamp",
    "WEBHOOK-SIGNATURE",
    "fantail-attempt",
    "Fantail-Hops",
    "User-Agent",
    "Accept-Encoding",
    "Content-Type",
  ];
  const headers = Object.fromEntries([...ours, "traceparent"].map((name) => [name, "theirs"]));
  const event = eventOf({ kind: "none" }, { traceparent: TRACEPARENT });
  await webhooks().push(requestTo(sink.url, { headers }, { event }));
  const received = sink.received.pop() ?? expect.fail();
  for (const name of ours) expect(received.headers[name.toLowerCase()]).not.toContain("theirs");
  expect(received.headers["traceparent"]).toBe(TRACEPARENT);
  new Webhook(secret).verify(received.body, received.headers);
});

it("push() passes on the event's trace context when a header can hold it", async () => {
  const sink = await sinkThat(accepts);
  const trace = { traceparent: TRACEPARENT, tracestate: "a=1,b=2" };
  await webhooks().push(requestTo(sink.url, {}, { event: eventOf({ kind: "none" }, trace) }));
  expect(sink.received.pop()?.headers).toMatchObject(trace);
  for (const value of ["é", "a\r\nwebhook-id: x", "a\0", "", "😀", 1, true]) {
    const event = eventOf({ kind: "none" }, { traceparent: TRACEPARENT, tracestate: value });
    expect((await webhooks().push(requestTo(sink.url, {}, { event }))).kind).toBe("answered");
    const { headers } = sink.received.pop() ?? expect.fail();
    expect([headers["traceparent"], headers["tracestate"]]).toEqual([TRACEPARENT, undefined]);
  }
});

it("push() sends no traceparent that is none, and no tracestate without one", async () => {
  const sink = await sinkThat(accepts);
  const zeros = TRACEPARENT.replace(/-[^-]{32}-/, `-${"0".repeat(32)}-`);
  for (const traceparent of ["garbage", "00-1-2-01", `${TRACEPARENT}-more`, zeros, "é", "", 1, true]) {
    const event = eventOf({ kind: "none" }, { traceparent, tracestate: "a=1" });
    expect((await webhooks().push(requestTo(sink.url, {}, { event }))).kind).toBe("answered");
    const { headers } = sink.received.pop() ?? expect.fail();
    expect(headers).not.toHaveProperty("traceparent");
    expect(headers).not.toHaveProperty("tracestate");
  }
});

it("push() refuses a sink that the policy forbids, without a request", async () => {
  const sink = await sinkThat(accepts);
  const strict = webhooks({ policy: { allowInsecure: false, publicHost: null } });
  expectFailure(await strict.push(requestTo(sink.url)), "refused");
  const own = webhooks({ policy: { allowInsecure: true, publicHost: "private.example.com" } });
  expectFailure(await own.push(requestTo("https://private.example.com/hook")), "refused");
  expectFailure(await webhooks().push(requestTo("no url, private")), "refused");
  expect(sink.received).toHaveLength(0);
});

it("push() answers with status, sample and duration, and keeps no sample of a 2xx", async () => {
  for (const status of [200, 201, 299, 300, 400, 404, 410, 429, 500, 503, 599]) {
    const sink = await sinkThat((response) => {
      clock.ms += 250;
      response.writeHead(status).end("why");
    });
    const answer = await webhooks().push(requestTo(sink.url));
    const sample = status < 300 ? "" : "why";
    expect(answer).toEqual({
      kind: "answered",
      status,
      retryAtMs: null,
      steering: null,
      ignored: 0,
      sample,
      durationMs: 250,
    });
  }
});

it("push() does not count the lookup of a name as the sink's latency", async () => {
  const sink = await sinkThat((response) => {
    clock.ms += 250;
    response.writeHead(204).end();
  });
  const lookingUp = (addresses: readonly string[]): Resolver => ({
    addresses: async () => {
      clock.ms += DNS_TIMEOUT_MS - 1;
      return ok(addresses);
    },
  });
  const named = requestTo(sink.url.replace("127.0.0.1", "sink.example"));
  const toSink = ((url: string, init?: RequestInit) =>
    fetch(url.replace("sink.example", "127.0.0.1"), init)) as typeof fetch;
  const found = webhooks({ resolver: lookingUp(["93.184.216.34"]), fetch: toSink });
  expect(await found.push(named)).toMatchObject({ kind: "answered", durationMs: 250 });
  const lost = webhooks({ resolver: lookingUp([]), fetch: toSink });
  expect(await lost.push(named)).toMatchObject({ kind: "failed", durationMs: 0 });
  expect(DNS_TIMEOUT_MS).toBeLessThan(SLOW_ATTEMPT_MS);
});

it("push() follows no redirect", async () => {
  const target = await sinkThat(accepts);
  for (const status of [301, 302, 303, 307, 308]) {
    const sink = await answers(status, "moved", { location: target.url });
    expect(await webhooks().push(requestTo(sink.url))).toMatchObject({ kind: "answered", status, sample: "moved" });
  }
  expect(target.received).toHaveLength(0);
});

it("push() reads Retry-After from the end of the attempt on", async () => {
  const sink = await answers(503, "", { "retry-after": "120" });
  expect(await webhooks().push(requestTo(sink.url))).toMatchObject({ status: 503, retryAtMs: clock.ms + 120_000 });
  const vague = await answers(503, "", { "retry-after": "later" });
  expect(await webhooks().push(requestTo(vague.url))).toMatchObject({ status: 503, retryAtMs: null });
});

async function sampleOf(body: string | Uint8Array): Promise<string> {
  const answer = await webhooks().push(requestTo((await answers(500, body)).url));
  return answer.kind === "answered" ? answer.sample : expect.fail();
}

it("push() keeps the first bytes of a failure's answer, cut between characters", async () => {
  expect(await sampleOf("x".repeat(ANSWER_SAMPLE_BYTES_MAX))).toBe("x".repeat(ANSWER_SAMPLE_BYTES_MAX));
  expect(await sampleOf("x".repeat(ANSWER_SAMPLE_BYTES_MAX + 1))).toBe("x".repeat(ANSWER_SAMPLE_BYTES_MAX));
  expect(await sampleOf(`a${"é".repeat(1_000)}`)).toBe(`a${"é".repeat(511)}`);
  expect(await sampleOf(`abc${"😀".repeat(1_000)}`)).toBe(`abc${"😀".repeat(255)}`);
  expect(await sampleOf(new Uint8Array([0x61, 0xff, 0x62, 0xc3]))).toBe("a\ufffdb\ufffd");
});

/** The sample of a sink that answers what `echo` makes of the headers it got. */
async function echoed(headers: Record<string, string>, echo: (got: Record<string, string>) => string): Promise<string> {
  const sink = await sinkThat((response) => response.writeHead(400).end(echo(sink.received.at(-1)?.headers ?? {})));
  const answer = await webhooks().push(requestTo(sink.url, { headers }));
  return answer.kind === "answered" ? answer.sample : expect.fail();
}

it("push() keeps no header value that the sink sends back, however it is written", async () => {
  const headers = {
    "x-team": HEADER_VALUE,
    "x-more": `${HEADER_VALUE}-and-more`,
    authorization: "Bearer t0p",
    "x-quoted": 'say "friend" \\ enter',
  };
  const names = Object.keys(headers);
  const listed = await echoed(headers, (got) => names.map((name) => `${name}: ${got[name]}`).join("\n"));
  expect(listed).toBe(names.map((name) => `${name}: …`).join("\n"));
  const asJson = await echoed(headers, (got) => JSON.stringify(names.map((name) => got[name])));
  expect(asJson).toBe('["…","…","…","…"]');
  const token = "Bearer a-token-of-theirs";
  expect(await echoed({ authorization: token }, () => "unknown token a-token-of-theirs")).toBe("unknown token …");
});

it("push() keeps no part of a header value either where the sample ends within it", async () => {
  for (let shown = 0; shown <= HEADER_VALUE.length; shown++) {
    const before = "x".repeat(ANSWER_SAMPLE_BYTES_MAX - shown);
    const sample = await echoed({ "x-team": HEADER_VALUE }, (got) => `${before}${got["x-team"]} and more`);
    const rest = sample.slice(before.length);
    expect([shown, rest]).toEqual([shown, shown < HEADER_SECRET_CHARS_MIN ? HEADER_VALUE.slice(0, shown) : "…"]);
    expect(Buffer.byteLength(sample)).toBeLessThanOrEqual(ANSWER_SAMPLE_BYTES_MAX);
  }
});

it("push() does not blot out words for values too short to be secrets", async () => {
  expect(await echoed({ "x-a": "a", "x-eu": "eu", "x-empty": "" }, () => "a queue is full")).toBe("a queue is full");
});

it("push() stops reading an endless answer and lets go of the connection", async () => {
  for (const status of [200, 500]) {
    let sent = 0;
    const closed = Promise.withResolvers<void>();
    const sink = await sinkThat((response) => {
      response.writeHead(status);
      response.on("close", () => closed.resolve());
      const chunk = "x".repeat(65_536);
      const more = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
      };
      response.on("drain", more);
      more();
    });
    const answer = await webhooks().push(requestTo(sink.url));
    const sample = status === 200 ? "" : "x".repeat(ANSWER_SAMPLE_BYTES_MAX);
    expect(answer).toMatchObject({ kind: "answered", status, sample });
    await closed.promise;
    expect(sent).toBeLessThan(10_000_000);
  }
});

/** Sends that much of an answer, and never its end. */
const hangsAfter = (bytes: number) => sinkThat((response) => void response.writeHead(500).write("x".repeat(bytes)));

it("push() waits for no byte past the limit", async () => {
  const enough = await hangsAfter(ANSWER_BYTES_MAX);
  expect(await webhooks().push(requestTo(enough.url))).toMatchObject({ kind: "answered", status: 500 });
  const short = await hangsAfter(ANSWER_BYTES_MAX - 1);
  expectFailure(await webhooks().push(requestTo(short.url, { timeoutMs: 200 })), "timeout");
});

it("push() times out on a sink that hangs before its headers or in its body, whatever the status", async () => {
  const silent = await sinkThat(() => {});
  expectFailure(await webhooks().push(requestTo(silent.url, { timeoutMs: 200 })), "timeout");
  for (const status of [200, 410, 503]) {
    const closed = Promise.withResolvers<void>();
    const hanging = await sinkThat((response) => {
      response.on("close", () => closed.resolve());
      response.writeHead(status).write("begun");
    });
    expectFailure(await webhooks().push(requestTo(hanging.url, { timeoutMs: 200 })), "timeout");
    await closed.promise;
  }
});

it("push() times out on a sink that drips", async () => {
  const sink = await sinkThat((response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write("x"), 20);
    response.on("close", () => clearInterval(drip));
  });
  expectFailure(await webhooks().push(requestTo(sink.url, { timeoutMs: 200 })), "timeout");
});

it("push() calls a cut connection what it is, before the answer and within it", async () => {
  const cutting = await sinkThat((_, request) => request.socket.destroy());
  expectFailure(await webhooks().push(requestTo(cutting.url)), "connection");
  const breaking = await sinkThat((response, request) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("half", () => request.socket.resetAndDestroy());
  });
  expectFailure(await webhooks().push(requestTo(breaking.url)), "connection");
  const gone = await sinkThat(accepts);
  gone.server.close();
  await once(gone.server, "close");
  servers.splice(servers.indexOf(gone.server), 1);
  expectFailure(await webhooks().push(requestTo(gone.url)), "connection");
});

it("push() survives an answer that is no HTTP or whose headers are too large", async () => {
  const garbled = await sinkThat((_, request) => request.socket.end("SSH-2.0-private\r\n\r\n"));
  expectFailure(await webhooks().push(requestTo(garbled.url)), "connection");
  const huge = await answers(200, "", { "x-huge": "private".repeat(20_000) });
  expectFailure(await webhooks().push(requestTo(huge.url)), "connection");
});

it("push() never throws, also when fetch does, and calls fetch without a receiver", async () => {
  const receivers: unknown[] = [];
  const throwing: typeof fetch = function throwing(this: unknown) {
    receivers.push(this);
    throw new TypeError(`cannot reach private ${HEADER_VALUE} ${secret}`);
  };
  expectFailure(await webhooks({ fetch: throwing }).push(requestTo("http://127.0.0.1:1/")), "connection");
  expectFailure(
    await webhooks({ fetch: () => Promise.reject("private") }).push(requestTo("http://127.0.0.1:1/")),
    "connection",
  );
  expect(receivers).toEqual([undefined]);
});

it("push() imports a secret once, and keeps a bounded number of them", async () => {
  const imports = vi.spyOn(crypto.subtle, "importKey");
  const answering = webhooks({ fetch: () => Promise.resolve(new Response(null, { status: 204 })) });
  const secrets = Array.from({ length: SIGNING_KEYS_MAX + 1 }, (_, index) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, index);
    return newSecret(bytes);
  });
  const pushWith = (index: number) =>
    answering.push(
      requestTo("http://127.0.0.1:1/", { secrets: [{ secret: secrets[index] ?? expect.fail(), untilMs: null }] }),
    );
  const importsOf = async (index: number) => {
    imports.mockClear();
    expect((await pushWith(index)).kind).toBe("answered");
    return imports.mock.calls.length;
  };
  for (let index = 0; index < SIGNING_KEYS_MAX; index++) expect(await importsOf(index)).toBe(1);
  expect(await importsOf(0)).toBe(0);
  expect(await importsOf(SIGNING_KEYS_MAX)).toBe(1);
  // The one that was used again stayed; the one least recently used went.
  expect(await importsOf(0)).toBe(0);
  expect(await importsOf(1)).toBe(1);
});

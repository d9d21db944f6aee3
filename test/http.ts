/** The HTTP API over the fakes, and requests to it. */
import { API_KEY_RANDOM_BYTES, hashApiKey, importCheckKeys, makeApiKey } from "../src/core/api-key.ts";
import { createVault } from "../src/core/vault.ts";
import { createApp, type HttpDeps } from "../src/http/app.ts";
import { checkExchange, type SentRequest } from "./contract.ts";
import type { KeyLimits } from "../src/ports.ts";
import { fakeIdempotency } from "./fake-idempotency.ts";
import { fakeMetrics, fakeTail } from "./fake-tail.ts";
import { fakeStores } from "./fake-stores.ts";
import {
  fakeClock,
  fakeIngest,
  fakeLogger,
  fakeRandom,
  fakeRateLimits,
  fakeRecord,
  fakeRoutes,
  fakeWakes,
} from "./fakes.ts";

export const ROOT = "root-key-for-tests";

/** What a test looks at in an answer. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of whatever shape: an expectation fails on a wrong one. Undefined when the body is not JSON. */
  readonly json: ReturnType<typeof JSON.parse>;
}

export interface Asked {
  /** The bearer key; null for none. The root key when it is left out. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: BodyInit;
}

export function fakeHttp(limits?: Parameters<typeof fakeStores>[0], overrides: Partial<HttpDeps> = {}) {
  // Nobody waits for as long as the work goes on: a test that lets a wait end has a clock of its own.
  const clock = { ...fakeClock(), sleep: () => new Promise<never>(() => {}) };
  const random = fakeRandom();
  const logger = fakeLogger();
  const routes = fakeRoutes();
  const stores = fakeStores(limits);
  const record = fakeRecord();
  const tail = fakeTail();
  const ingest = fakeIngest(routes);
  const wakes = fakeWakes();
  const rateLimits = fakeRateLimits();
  const checkKeys = importCheckKeys([new Uint8Array(32).fill(7)]);
  const idempotency = fakeIdempotency();
  const keyUses = new Map<string, number>();
  const counts = { resumed: 0, background: 0 };
  const app = createApp({
    clock,
    random,
    logger,
    routes,
    buses: stores.busStore,
    keys: stores.keyStore,
    subscriptions: stores.subscriptionStore,
    record,
    tail: tail.tail,
    metrics: fakeMetrics(),
    health: stores.healthRecord,
    audit: stores.audit,
    idempotency,
    rateLimits: rateLimits.rateLimits,
    ingest: ingest.ingest,
    wake: wakes.wake,
    resumed: async () => void counts.resumed++,
    auth: {
      rootKeys: [ROOT, "the-key-before"],
      checkKeys: () => checkKeys,
    },
    vault: createVault([new Uint8Array(32).fill(7)]),
    sinkPolicy: { allowInsecure: false, publicHost: "events.example.com" },
    deployment: { retentionDays: 7, databaseBytes: 10_000_000_000 },
    keyUses,
    version: "1.2.3",
    ...overrides,
  });
  const background = () => void counts.background++;

  /** `body` is what the request was made of, to be checked against the contract; undefined when it is a stream. */
  async function send(request: Request, body: SentRequest["body"]): Promise<Answered> {
    const { method, url, headers } = request;
    const response = await app.fetch(request, { background });
    const text = await textOf(response);
    await checkExchange({ method, url, headers, body }, { status: response.status, headers: response.headers, text });
    const isJson = /^application\/(problem\+)?json\b/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== "" ? JSON.parse(text) : undefined,
    };
  }

  function ask(method: string, path: string, { key = ROOT, headers = {}, json, body }: Asked = {}): Promise<Answered> {
    const all = new Headers(headers);
    if (key !== null) all.set("authorization", `Bearer ${key}`);
    if (json !== undefined && !all.has("content-type")) all.set("content-type", "application/json");
    const content = json === undefined ? body : JSON.stringify(json);
    return send(
      new Request(`https://events.example.com${path}`, {
        method,
        headers: all,
        ...(content === undefined ? {} : { body: content }),
        ...(content instanceof ReadableStream ? { duplex: "half" } : {}),
      }),
      knownBody(content),
    );
  }

  return {
    app,
    ask,
    clock,
    logger,
    routes,
    stores,
    idempotency,
    keyUses,
    record,
    tail,
    ingest,
    wakes,
    rateLimits,
    counts,
    checkKeys,
  };
}

export type FakeHttp = ReturnType<typeof fakeHttp>;

/** All of the answer; of a stream, which has no end here, what comes first. */
async function textOf(response: Response): Promise<string> {
  if (response.headers.get("content-type") !== "text/event-stream") return response.text();
  const reader = (response.body ?? new Response("").body)?.getReader();
  const first = await reader?.read();
  await reader?.cancel();
  return new TextDecoder().decode(first?.value);
}

/** A publish key of the bus `default` as the routes know it, with those limits; `change` gives it others, or revokes it. */
export async function limitedKey({ checkKeys, routes }: FakeHttp, limits: Partial<KeyLimits>, number = 1) {
  const random = new Uint8Array(API_KEY_RANDOM_BYTES).fill(number);
  const key = await makeApiKey({ bus: "default", random, checkKeys: await checkKeys });
  const [id, hash] = [`key_${String(number).padStart(26, "0")}`, await hashApiKey(key)];
  const defaults = { types: null, allowedOrigins: null, rateLimit: "standard", expiresMs: null } as const;
  let version = 1_000 * number;
  const change = (changed: Partial<KeyLimits> | null): void => {
    const grant = changed && { id, hash, scopes: ["publish"] as const, ...defaults, ...changed };
    routes.applied({ kind: "key", version: ++version, bus: "default", id, grant });
  };
  change(limits);
  return { key, id, change };
}

/** A body as far as it can be looked at without using it up. */
export function knownBody(body: BodyInit | null | undefined): SentRequest["body"] {
  if (body === null || body === undefined) return null;
  return typeof body === "string" || body instanceof Uint8Array ? body : undefined;
}

/** A key with those scopes, made through the API by root. */
export async function keyWith({ ask }: FakeHttp, scopes: readonly string[], bus = "default"): Promise<string> {
  const made = await ask("POST", "/v1/keys", { headers: { "fantail-bus": bus }, json: { scopes } });
  return made.json.key;
}

/**
 * The consumer's side of a push: whether a request comes from Fantail, and what it says. Signatures are those of `core/signature.ts`, the
 * same code that signs.
 */
import { isMembers, parsedJson } from "../core/json-value.ts";
import { SIGNATURE_TOLERANCE_SECONDS } from "../core/limits.ts";
import { importSecret, signatureOf, verifySignature } from "../core/signature.ts";
import { FantailError } from "./errors.ts";
import { systemRuntime } from "./runtime.ts";

/**
 * Why a request is not to be believed: a `VerificationFault`, written out because its file declares a `CryptoKey`, which not every user of
 * the package has a type of.
 */
export type WebhookFault =
  /** One of `webhook-id`, `webhook-timestamp` and `webhook-signature` is not there. */
  | "header-missing"
  | "timestamp-invalid"
  /** Its time is too far in the past: it may be a recording. */
  | "too-old"
  | "too-new"
  /** The body or the headers are not what was signed, or the secret is another. */
  | "signature-mismatch";

/**
 * The request is not one of Fantail's, or was changed on its way. Answer it with 400 or 401.
 *
 * @example
 * if (error instanceof WebhookVerificationError) return new Response(error.reason, { status: 401 });
 */
export class WebhookVerificationError extends FantailError {
  override readonly name = "WebhookVerificationError";
  readonly reason: WebhookFault;

  constructor(reason: WebhookFault) {
    super(`The webhook cannot be believed: ${reason}`);
    this.reason = reason;
  }
}

/** Headers as they come: of a `Request`, of whatever has a `get()` that knows no case, or of Node's `request.headers`. */
export type WebhookHeaders =
  | { readonly get: (name: string) => string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** A request as it was received, and the secrets to hold against it. */
export type ReceivedWebhook = {
  /** The subscription's secret; several while one replaces another. */
  readonly secrets: string | readonly string[];
  /** Unix milliseconds. Else the clock is read. */
  readonly now?: number;
  /** How far the request's time may be from ours. Default: 300. */
  readonly toleranceSeconds?: number;
} & (
  | {
      /** Its body must not have been read. */
      readonly request: Request;
    }
  | {
      readonly headers: WebhookHeaders;
      /** As it was received, before anybody parsed it. */
      readonly body: string | Uint8Array | ArrayBuffer;
    }
);

/** A webhook that is Fantail's. */
export interface VerifiedWebhook {
  /** The delivery, `dlv_…`: the same on every attempt. Seen before, it needs no more than an answer 2xx. */
  readonly id: string;
  /** Of this attempt. */
  readonly timestamp: Date;
  /** Counts from 1; null when the sender does not tell. Not signed. */
  readonly attempt: number | null;
  /** For `publish()` of what this webhook causes; 0 when the sender does not tell. Not signed. */
  readonly hops: number;
  /** Null without one. Not signed. */
  readonly contentType: string | null;
  /** The body. */
  readonly bytes: Uint8Array;
  /** The body as text. */
  readonly text: string;
  /** The body as JSON: the event, in the format that the subscription asked for; undefined when it is not JSON. */
  readonly payload: unknown;
}

/**
 * Believes a webhook, or throws. Give it the body as it was received: parsed and written again it is another text.
 *
 * @throws WebhookVerificationError; TypeError on secrets that are none, on a time or a tolerance that is no number, and on a body that
 * somebody has parsed.
 * @example
 * export default {
 *   async fetch(request: Request, env: { WEBHOOK_SECRET: string }): Promise<Response> {
 *     const webhook = await verifyWebhook({ request, secrets: env.WEBHOOK_SECRET });
 *     console.log(webhook.id, webhook.payload);
 *     return new Response(null, { status: 204 });
 *   },
 * };
 */
export async function verifyWebhook(received: ReceivedWebhook): Promise<VerifiedWebhook> {
  const { now = systemRuntime.now(), toleranceSeconds = SIGNATURE_TOLERANCE_SECONDS } = received;
  // Compared with what is no number, no request is too old.
  if (!Number.isFinite(now)) throw new TypeError("now must be a number of milliseconds");
  if (!(toleranceSeconds >= 0)) throw new TypeError("toleranceSeconds must be 0 or more");
  const secrets = await checkedSecrets(received.secrets);
  const header = headerReader("request" in received ? received.request.headers : received.headers);
  const bytes = bytesOf("request" in received ? await received.request.arrayBuffer() : received.body);
  const id = header("webhook-id");
  const [timestamp, signature] = [header("webhook-timestamp"), header("webhook-signature")];
  const verified = await verifySignature({ id, timestamp, signature, body: bytes, secrets, now, toleranceSeconds });
  if (!verified.ok) throw new WebhookVerificationError(verified.error);
  const text = new TextDecoder().decode(bytes);
  return {
    id: id ?? "",
    timestamp: new Date(verified.value * 1_000),
    attempt: countOf(header("fantail-attempt")),
    hops: countOf(header("fantail-hops")) ?? 0,
    contentType: header("content-type"),
    bytes,
    text,
    payload: parsedJson(text),
  };
}

/**
 * The headers that sign a webhook, to test a consumer with.
 *
 * @throws TypeError on secrets that are none.
 * @example
 * const body = JSON.stringify({ specversion: "1.0", id: "A-1", source: "/shop", type: "order.created" });
 * const headers = await signWebhook({ id: "dlv_1", body, secrets: "whsec_…" });
 * await app.request("/hooks", { method: "POST", headers, body });
 */
export async function signWebhook(webhook: {
  readonly id: string;
  readonly body: string | Uint8Array;
  readonly secrets: string | readonly string[];
  /** Unix milliseconds. Else the clock is read. */
  readonly now?: number;
}): Promise<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>> {
  const { id, body, now = systemRuntime.now() } = webhook;
  const timestampSeconds = Math.floor(now / 1_000);
  const keys = await Promise.all((await checkedSecrets(webhook.secrets)).map((secret) => importSecret(secret)));
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestampSeconds),
    "webhook-signature": await signatureOf({ id, timestampSeconds, body, keys }),
  };
}

/** Wrong secrets are the caller's fault, whatever the request says. */
async function checkedSecrets(secrets: string | readonly string[]): Promise<readonly string[]> {
  const list = typeof secrets === "string" ? [secrets] : secrets;
  if (!Array.isArray(list) || list.length === 0) throw new TypeError("secrets must hold at least one secret");
  for (const secret of list) {
    await importSecret(secret).catch(() => {
      throw new TypeError("secrets must be whsec_ and base64");
    });
  }
  return list;
}

function headerReader(headers: WebhookHeaders): (name: string) => string | null {
  // Not by its class: those of a library, or of another realm, are of another one.
  if (hasGet(headers)) return (name) => headers.get(name) ?? null;
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => {
    const value = byName.get(name);
    return value === undefined ? null : typeof value === "string" ? value : value.join(", ");
  };
}

const hasGet = (headers: WebhookHeaders): headers is Extract<WebhookHeaders, { readonly get: unknown }> =>
  typeof headers.get === "function";

function bytesOf(body: unknown): Uint8Array {
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  const hint = isMembers(body) ? ": has a middleware parsed it?" : "";
  throw new TypeError(`body must be the text or the bytes that were received${hint}`);
}

const countOf = (text: string | null): number | null => (text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null);

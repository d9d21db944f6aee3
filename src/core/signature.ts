/**
 * Signatures of Standard Webhooks 1.0: secrets, signing and verifying, one implementation for both sides of a push.
 * It decides whether a signature holds; it never reads a clock and never looks into a body.
 */
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { equalInConstantTime } from "./digest.ts";
import { SECRET_BYTES_MAX, SECRET_BYTES_MIN, SIGNATURE_TOLERANCE_SECONDS } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";
import { atLeast, atMost } from "./words.ts";

const SECRET_PREFIX = "whsec_";
const HMAC_SHA256 = { name: "HMAC", hash: "SHA-256" };
const encoder = new TextEncoder();

/** A secret in its text form, `whsec_<base64>`, of SECRET_BYTES_DEFAULT random bytes or as many as are given. */
export function newSecret(random: Uint8Array): string {
  return SECRET_PREFIX + encodeBase64(random);
}

/** The bytes of a secret that somebody chose. The error is read after `secret` and holds no part of it. */
export function parseSecret(text: string): Result<Uint8Array<ArrayBuffer>, string> {
  if (!text.startsWith(SECRET_PREFIX)) return err(`must begin with ${SECRET_PREFIX}`);
  const bytes = decodeBase64(text.slice(SECRET_PREFIX.length));
  if (bytes === null) return err(`must be base64 with padding (RFC 4648 §4) after ${SECRET_PREFIX}`);
  if (bytes.length < SECRET_BYTES_MIN) return err(`${atLeast(SECRET_BYTES_MIN, "bytes")} in base64`);
  if (bytes.length > SECRET_BYTES_MAX) return err(`${atMost(SECRET_BYTES_MAX, "bytes")} in base64`);
  return ok(bytes);
}

/**
 * A secret as a key that signs. Like the libraries of Standard Webhooks it takes the prefix or none, and any length but zero:
 * how strong a secret must be is decided once, by `parseSecret`, where it is chosen.
 * @throws Error on a text that holds no secret; the message holds no part of it.
 */
export async function importSecret(secret: string): Promise<CryptoKey> {
  const bytes = decodeBase64(secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret);
  if (bytes === null || bytes.length === 0) throw new Error("The signing secret is empty or not base64");
  return crypto.subtle.importKey("raw", bytes, HMAC_SHA256, false, ["sign"]);
}

export interface Signed {
  /** `webhook-id`. */
  readonly id: string;
  /** `webhook-timestamp`: Unix seconds of the attempt. */
  readonly timestampSeconds: number;
  /** Signed byte by byte; a string as its UTF-8. */
  readonly body: string | Uint8Array;
}

/** The header `webhook-signature`: `v1,<base64 of HMAC-SHA256>` per key, in their order, with a space between. */
export async function signatureOf(message: Signed & { readonly keys: readonly CryptoKey[] }): Promise<string> {
  const content = signedContent(message);
  const signatures = await Promise.all(message.keys.map((key) => crypto.subtle.sign(HMAC_SHA256, key, content)));
  return signatures.map((signature) => `v1,${encodeBase64(new Uint8Array(signature))}`).join(" ");
}

function signedContent({ id, timestampSeconds, body }: Signed) {
  const start = `${id}.${timestampSeconds}.`;
  if (typeof body === "string") return encoder.encode(start + body);
  const head = encoder.encode(start);
  const content = new Uint8Array(head.length + body.length);
  content.set(head);
  content.set(body, head.length);
  return content;
}

/** A request as it was received: header values as they came, null for one that is absent. */
export interface ReceivedWebhook {
  readonly id: string | null;
  readonly timestamp: string | null;
  readonly signature: string | null;
  /** The body before anybody parsed it. */
  readonly body: string | Uint8Array;
  /** All secrets that are valid at the moment: two while one replaces the other. */
  readonly secrets: readonly string[];
  /** Unix milliseconds. */
  readonly now: number;
  readonly toleranceSeconds?: number;
}

export type VerificationFault = "header-missing" | "timestamp-invalid" | "too-old" | "too-new" | "signature-mismatch";

/**
 * Whether one `v1` entry of the signature header was made with one of the secrets, at a time near enough; entries of other versions are
 * passed over. The value is the time of the attempt in Unix seconds.
 * @throws Error on a secret that holds none.
 */
export async function verifySignature(received: ReceivedWebhook): Promise<Result<number, VerificationFault>> {
  const { id, timestamp, signature, body, secrets, now } = received;
  const { toleranceSeconds = SIGNATURE_TOLERANCE_SECONDS } = received;
  if (!id || !timestamp || !signature) return err("header-missing");
  // Only the spelling that is signed again as it stands: "01" and "1e3" are numbers too.
  if (!/^(0|[1-9]\d{0,11})$/.test(timestamp)) return err("timestamp-invalid");
  const timestampSeconds = Number(timestamp);
  const ageSeconds = Math.floor(now / 1_000) - timestampSeconds;
  if (ageSeconds > toleranceSeconds) return err("too-old");
  if (ageSeconds < -toleranceSeconds) return err("too-new");

  const keys = await Promise.all(secrets.map(importSecret));
  const expected = (await signatureOf({ id, timestampSeconds, body, keys })).split(" ");
  const given = signature.split(" ");
  const matches = expected.some((own) => own !== "" && given.some((entry) => equalInConstantTime(own, entry)));
  return matches ? ok(timestampSeconds) : err("signature-mismatch");
}

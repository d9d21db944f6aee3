// Signatures: ours verify with the library of Standard Webhooks and its with ours; secrets are judged where they are chosen.
import * as fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { expect, it } from "vitest";
import { SECRET_BYTES_MAX, SECRET_BYTES_MIN } from "../../src/core/limits.ts";
import {
  importSecret,
  newSecret,
  parseSecret,
  type ReceivedWebhook,
  signatureOf,
  verifySignature,
} from "../../src/core/signature.ts";

const secret = newSecret(new Uint8Array(32).fill(7));
const other = newSecret(new Uint8Array(32).fill(8));
const id = "dlv_1";
const timestampSeconds = 1_800_000_000;

async function sign(body: string | Uint8Array, secrets: readonly string[] = [secret]): Promise<string> {
  return signatureOf({ id, timestampSeconds, body, keys: await Promise.all(secrets.map(importSecret)) });
}

/** What a receiver sees when all is well, with something changed. */
async function verify(change: Partial<ReceivedWebhook>) {
  const signature = await sign("body");
  const now = timestampSeconds * 1_000;
  return verifySignature({
    id,
    timestamp: String(timestampSeconds),
    signature,
    body: "body",
    secrets: [secret],
    now,
    ...change,
  });
}

it("signatureOf() gives what the reference library gives, and verifySignature() takes it", async () => {
  const bytes = fc.uint8Array({ minLength: SECRET_BYTES_MIN, maxLength: SECRET_BYTES_MAX });
  await fc.assert(
    fc.asyncProperty(bytes, fc.string({ unit: "grapheme" }), async (random, body) => {
      const text = newSecret(random);
      const signature = await sign(body, [text]);
      expect(signature).toBe(new Webhook(text).sign(id, new Date(timestampSeconds * 1_000), body));
      expect(await verify({ signature, body, secrets: [text] })).toEqual({ ok: true, value: timestampSeconds });
    }),
  );
});

it("signatureOf() signs bytes as they are, also those that are no UTF-8", async () => {
  expect(await sign(new TextEncoder().encode("é"))).toBe(await sign("é"));
  const bytes = new Uint8Array([0xff, 0x00, 0xfe]);
  expect(await sign(bytes)).not.toBe(await sign(new TextDecoder().decode(bytes)));
  expect((await verify({ signature: await sign(bytes), body: bytes })).ok).toBe(true);
});

it("signatureOf() gives one entry per key in their order, and none without a key", async () => {
  expect(await sign("body", [secret, other])).toBe(`${await sign("body", [secret])} ${await sign("body", [other])}`);
  expect(await sign("body", [])).toBe("");
});

it("verifySignature() takes either secret while one replaces the other", async () => {
  const both = await sign("body", [secret, other]);
  for (const secrets of [[secret], [other], [other, secret]]) {
    expect((await verify({ signature: both, secrets })).ok).toBe(true);
  }
  expect((await verify({ signature: await sign("body", [other]), secrets: [secret, other] })).ok).toBe(true);
});

it("verifySignature() refuses what was signed otherwise", async () => {
  const mismatch = { ok: false, error: "signature-mismatch" };
  const signature = await sign("body");
  expect(await verify({ body: "Body" })).toEqual(mismatch);
  expect(await verify({ id: "dlv_2" })).toEqual(mismatch);
  expect(await verify({ timestamp: String(timestampSeconds + 1) })).toEqual(mismatch);
  expect(await verify({ secrets: [other] })).toEqual(mismatch);
  expect(await verify({ secrets: [] })).toEqual(mismatch);
  for (const changed of [
    signature.slice(3),
    `v2${signature.slice(2)}`,
    signature.slice(0, -1),
    `${signature}=`,
    ` `,
    "v1,",
  ])
    expect(await verify({ signature: changed }), changed).toEqual(mismatch);
  expect(await verify({ signature: " ", secrets: [] })).toEqual(mismatch);
});

it("verifySignature() refuses a missing or empty header", async () => {
  for (const header of ["id", "timestamp", "signature"])
    for (const value of [null, ""])
      expect(await verify({ [header]: value }), header).toEqual({ ok: false, error: "header-missing" });
});

it("verifySignature() refuses a timestamp that is no plain number of seconds", async () => {
  for (const timestamp of ["x", "1.5", "-1", "1e9", " 1", "01800000000", "0x1", "1".repeat(13), "NaN"])
    expect(await verify({ timestamp }), timestamp).toEqual({ ok: false, error: "timestamp-invalid" });
});

/** Verified so many seconds after it was signed. */
const at = (seconds: number, tolerance: { toleranceSeconds?: number } = {}) =>
  verify({ now: (timestampSeconds + seconds) * 1_000, ...tolerance });

it("verifySignature() keeps to the tolerance, 300 s either way by default", async () => {
  for (const seconds of [-300, 0, 300]) expect((await at(seconds)).ok).toBe(true);
  expect(await at(301)).toEqual({ ok: false, error: "too-old" });
  expect(await at(-301)).toEqual({ ok: false, error: "too-new" });
  expect((await at(10, { toleranceSeconds: 10 })).ok).toBe(true);
  expect(await at(11, { toleranceSeconds: 10 })).toEqual({ ok: false, error: "too-old" });
});

it("parseSecret() takes 24 to 64 bytes and undoes newSecret()", () => {
  for (const length of [SECRET_BYTES_MIN, 32, SECRET_BYTES_MAX]) {
    const bytes = new Uint8Array(length).fill(200);
    expect(parseSecret(newSecret(bytes))).toEqual({ ok: true, value: bytes });
  }
  for (const length of [0, SECRET_BYTES_MIN - 1, SECRET_BYTES_MAX + 1])
    expect(parseSecret(newSecret(new Uint8Array(length)))).toEqual({
      ok: false,
      error: `must have at ${length > SECRET_BYTES_MAX ? "most 64" : "least 24"} bytes in base64`,
    });
});

it("parseSecret() refuses another form and says no part of the secret", () => {
  const base64 = secret.slice("whsec_".length);
  const texts = [
    "",
    base64,
    `WHSEC_${base64}`,
    `whsk_${base64}`,
    ` ${secret}`,
    `${secret}\n`,
    `whsec_${base64.slice(1)}`,
    "whsec_hunter2!",
  ];
  for (const text of texts) {
    const parsed = parseSecret(text);
    expect(parsed.ok, text).toBe(false);
    if (!parsed.ok)
      expect(parsed.error).toMatch(/^must (begin with|be base64 with padding \(RFC 4648 §4\) after) whsec_$/);
  }
});

it("importSecret() refuses an empty secret and one that is not base64, without quoting it", async () => {
  for (const text of ["", "whsec_", "whsec_hunter2", "whsec_whsec_AAAA"])
    await expect(importSecret(text), text).rejects.toThrow(/^The signing secret is empty or not base64$/);
});

it("importSecret() gives a key that cannot be taken out", async () => {
  await expect(crypto.subtle.exportKey("raw", await importSecret(secret))).rejects.toThrow();
});

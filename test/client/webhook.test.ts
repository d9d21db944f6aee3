// The consumer's side of a webhook: against the signing side, the library of Standard Webhooks, and the recorded vectors.
import { existsSync, readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { signWebhook, verifyWebhook, WebhookVerificationError, type ReceivedWebhook } from "../../src/client/index.ts";
import { SIGNATURE_TOLERANCE_SECONDS } from "../../src/core/limits.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const NOW = Date.parse("2026-11-25T12:00:00.999Z");
const BODY = '{"specversion":"1.0","id":"A-1","data":{"total":1.10,"name":"é"}}';

const signed = (body: string | Uint8Array = BODY, secrets: string | string[] = SECRET) =>
  signWebhook({ id: "dlv_1", body, secrets, now: NOW });

const reasonOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "believed",
    (error: unknown) => {
      if (!(error instanceof WebhookVerificationError)) throw error;
      return error.reason;
    },
  );

test("what signWebhook() signs, verifyWebhook() believes", async () => {
  const headers = {
    ...(await signed()),
    "fantail-attempt": "3",
    "fantail-hops": "2",
    "content-type": "application/json",
  };
  const webhook = await verifyWebhook({ headers, body: BODY, secrets: SECRET, now: NOW });
  expect(webhook).toEqual({
    id: "dlv_1",
    timestamp: new Date("2026-11-25T12:00:00.000Z"),
    attempt: 3,
    hops: 2,
    contentType: "application/json",
    bytes: new TextEncoder().encode(BODY),
    text: BODY,
    payload: JSON.parse(BODY),
  });
});

test("headers come as Headers, also another's, as Node has them, in any case, and in a Request", async () => {
  const headers = await signed();
  const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
  const request = new Request("https://a.example/hooks", { method: "POST", headers, body: BODY });
  const ours = { secrets: [SECRET], now: NOW };
  const received: readonly ReceivedWebhook[] = [
    { ...ours, headers: new Headers(headers), body: BODY },
    { ...ours, headers: { get: (name: string) => new Headers(headers).get(name) ?? undefined }, body: BODY },
    { ...ours, headers: { ...headers, get: "a header of this name" }, body: BODY },
    { ...ours, headers: { ...headers, host: undefined, "set-cookie": ["a"] }, body: Buffer.from(BODY) },
    { ...ours, headers: upper, body: await new Blob([BODY]).arrayBuffer() },
    { ...ours, request },
  ];
  for (const one of received) {
    const webhook = await verifyWebhook(one);
    expect(webhook).toMatchObject({ id: "dlv_1", text: BODY, attempt: null, hops: 0 });
  }
});

test("bytes that are no text are kept, and are no payload", async () => {
  const body = new Uint8Array([0xff, 0, 0xfe]);
  const webhook = await verifyWebhook({ headers: await signed(body), body, secrets: SECRET, now: NOW });
  expect(webhook).toMatchObject({ bytes: body, payload: undefined });
});

test("while a secret is replaced, the old and the new one hold", async () => {
  const headers = await signed(BODY, [SECRET, OTHER]);
  for (const secrets of [SECRET, OTHER, [OTHER, SECRET]])
    expect(await reasonOf(verifyWebhook({ headers, body: BODY, secrets, now: NOW }))).toBe("believed");
  const old = await signed(BODY, OTHER);
  expect(await reasonOf(verifyWebhook({ headers: old, body: BODY, secrets: [SECRET, OTHER], now: NOW }))).toBe(
    "believed",
  );
});

describe("what is not believed", () => {
  const age = SIGNATURE_TOLERANCE_SECONDS * 1_000;

  test.each<[string, object]>([
    ["signature-mismatch", { body: `${BODY} ` }],
    ["signature-mismatch", { secrets: OTHER }],
    ["signature-mismatch", { headers: { "webhook-id": "dlv_2" } }],
    ["signature-mismatch", { headers: { "webhook-timestamp": "1795608001" } }],
    ["signature-mismatch", { headers: { "webhook-signature": "v1,AAAA" } }],
    ["timestamp-invalid", { headers: { "webhook-timestamp": "1e9" } }],
    ["header-missing", { headers: { "webhook-id": undefined } }],
    ["header-missing", { headers: { "webhook-timestamp": undefined } }],
    ["header-missing", { headers: { "webhook-signature": undefined } }],
    ["too-old", { now: NOW + age + 1_000 }],
    ["too-new", { now: NOW - age - 1_000 }],
    ["too-old", { now: NOW + 11_000, toleranceSeconds: 10 }],
    ["believed", { now: NOW + age }],
    ["believed", { now: NOW - age }],
    ["believed", { now: NOW + 10_000, toleranceSeconds: 10 }],
  ])("%s: %j", async (reason, change: { headers?: object }) => {
    const headers = { ...(await signed()), ...change.headers };
    const received = { body: BODY, secrets: SECRET, now: NOW, ...change, headers };
    expect(await reasonOf(verifyWebhook(received))).toBe(reason);
  });
});

describe("what is the caller's fault is told as that, and no secret", () => {
  test.each([[""], ["whsec_"], ["whsec_not base64!"], [[]], [[SECRET, "whsec_x"]]])("secrets %j", async (secrets) => {
    const headers = await signed();
    const work = verifyWebhook({ headers, body: BODY, secrets, now: NOW });
    await expect(work).rejects.toThrow(TypeError);
    await expect(work).rejects.not.toThrow(/not base64!|MfKQ/);
    await expect(signWebhook({ id: "x", body: "", secrets })).rejects.toThrow(TypeError);
  });

  // As of a variable that is not set: the check of the time must not be lost without a word.
  test.each<[string, object]>([
    ["toleranceSeconds must be 0 or more", { toleranceSeconds: Number.NaN }],
    ["toleranceSeconds must be 0 or more", { toleranceSeconds: -1 }],
    ["now must be a number of milliseconds", { now: Number.NaN }],
  ])("%s: %j", async (message, change) => {
    const received = { headers: await signed(), body: BODY, secrets: SECRET, now: NOW, ...change };
    await expect(verifyWebhook(received)).rejects.toThrow(new TypeError(message));
  });

  test("a body that was parsed", async () => {
    const body = JSON.parse(BODY) as string;
    const work = verifyWebhook({ headers: await signed(), body, secrets: SECRET, now: NOW });
    await expect(work).rejects.toThrow("has a middleware parsed it?");
  });
});

describe("the npm package standardwebhooks", () => {
  test("believes what signWebhook() signs", async () => {
    const headers = await signWebhook({ id: "msg_1", body: BODY, secrets: SECRET });
    expect(new Webhook(SECRET).verify(BODY, headers)).toEqual(JSON.parse(BODY));
  });

  test("signs what verifyWebhook() believes", async () => {
    const signature = new Webhook(SECRET).sign("msg_1", new Date(NOW), BODY);
    const timestamp = String(Math.floor(NOW / 1_000));
    const headers = { "webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": signature };
    expect(await verifyWebhook({ headers, body: BODY, secrets: SECRET, now: NOW })).toMatchObject({ id: "msg_1" });
  });
});

interface Vector {
  readonly name: string;
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string;
  readonly now: number;
  readonly valid: boolean;
}

const file = `${process.env["FANTAIL_CORPORA"] ?? "../shared/corpora"}/standard-webhooks.json`;

if (existsSync(file)) {
  // Recorded data of a known shape.
  const { verify }: { verify: readonly Vector[] } = JSON.parse(readFileSync(file, "utf8"));

  test("verifyWebhook() agrees with every recorded verdict", async () => {
    expect(verify).toHaveLength(23);
    for (const { name, secret, headers, payload, now, valid } of verify) {
      const received = { headers, body: payload, secrets: secret, now: now * 1_000 };
      expect((await reasonOf(verifyWebhook(received))) === "believed", name).toBe(valid);
    }
  });
} else {
  test.skip(`Standard Webhooks vectors: no corpora at ${file} (set FANTAIL_CORPORA)`, () => {});
}

// Standard Webhooks 1.0: the vectors of its libraries, recorded in the shared corpora.
import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { importSecret, signatureOf, verifySignature } from "../../src/core/signature.ts";

interface SignVector {
  readonly source: string;
  readonly name?: string;
  readonly secret: string;
  readonly id: string;
  readonly timestamp: number;
  readonly payload: string;
  readonly signature: string;
}
interface VerifyVector {
  readonly name: string;
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: string;
  readonly now: number;
  readonly valid: boolean;
}
interface Corpus {
  readonly sign: readonly SignVector[];
  readonly signDerived: readonly SignVector[];
  readonly verify: readonly VerifyVector[];
  readonly invalidSecrets: readonly { readonly secret: string }[];
}

const folder = process.env["FANTAIL_CORPORA"] ?? "../shared/corpora";
const file = `${folder}/standard-webhooks.json`;

if (existsSync(file)) {
  // Recorded data of a known shape: each member is held against the implementation below.
  const corpus: Corpus = JSON.parse(readFileSync(file, "utf8"));

  it("signatureOf() gives every recorded signature", async () => {
    const vectors = [...corpus.sign, ...corpus.signDerived];
    expect(vectors).toHaveLength(9);
    for (const vector of vectors) {
      const keys = [await importSecret(vector.secret)];
      const signature = await signatureOf({
        id: vector.id,
        timestampSeconds: vector.timestamp,
        body: vector.payload,
        keys,
      });
      expect(signature, vector.name ?? vector.source).toBe(vector.signature);
    }
  });

  it("verifySignature() agrees with every recorded verdict", async () => {
    expect(corpus.verify.length).toBeGreaterThan(0);
    for (const vector of corpus.verify) {
      const headers = new Headers(Object.entries(vector.headers));
      const verified = await verifySignature({
        id: headers.get("webhook-id"),
        timestamp: headers.get("webhook-timestamp"),
        signature: headers.get("webhook-signature"),
        body: vector.payload,
        secrets: [vector.secret],
        now: vector.now * 1_000,
      });
      expect(verified.ok, vector.name).toBe(vector.valid);
    }
  });

  it("importSecret() refuses every recorded invalid secret", async () => {
    expect(corpus.invalidSecrets).toHaveLength(2);
    for (const { secret } of corpus.invalidSecrets) await expect(importSecret(secret)).rejects.toThrow();
  });
} else {
  it.skip(`Standard Webhooks vectors: no corpora at ${file} (set FANTAIL_CORPORA)`, () => {});
}

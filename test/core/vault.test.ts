// Secrets at rest: what is sealed opens again, at its own place only, and nothing else opens.
import { createCipheriv, createHash } from "node:crypto";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { decodeBase64, encodeBase64 } from "../../src/core/base64.ts";
import { createVault } from "../../src/core/vault.ts";

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);
const iv = Uint8Array.from({ length: 12 }, (_, index) => index);
const context = "subscription/default/sub_1/secrets";
const first = bytes(32, 1);
const second = bytes(32, 2);

it("open() gives back what seal() took", async () => {
  const vault = createVault([first]);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme" }), fc.string(), async (plain, place) => {
      expect(await vault.open(await vault.seal(plain, { iv, context: place }), place)).toBe(plain);
    }),
  );
  expect(await vault.open(await vault.seal("\ufeffa", { iv, context }), context)).toBe("\ufeffa");
});

it("seal() names the key and hides the text", async () => {
  const sealed = await createVault([first]).seal("whsec_secret", { iv, context });
  const digest = Buffer.from(await crypto.subtle.digest("SHA-256", first)).toString("hex");
  const [version, id, text = ""] = sealed.split(".");
  expect([version, id]).toEqual(["v1", digest.slice(0, 8)]);
  const stored = decodeBase64(text) ?? bytes(0, 0);
  expect(stored.subarray(0, 12)).toEqual(iv);
  expect(stored).toHaveLength(12 + "whsec_secret".length + 16);
  expect(Buffer.from(stored).includes("secret")).toBe(false);
});

it("open() reads what another implementation of AES-GCM sealed in this form", async () => {
  const cipher = createCipheriv("aes-256-gcm", first, iv).setAAD(Buffer.from(context));
  const parts = [iv, cipher.update("whsec_secret", "utf8"), cipher.final(), cipher.getAuthTag()];
  const id = createHash("sha256").update(first).digest("hex").slice(0, 8);
  const sealed = `v1.${id}.${Buffer.concat(parts).toString("base64")}`;
  expect(await createVault([first]).open(sealed, context)).toBe("whsec_secret");
});

it("the first key seals and all keys open, so that keys can be rotated", async () => {
  const old = await createVault([first]).seal("a", { iv, context });
  const rotating = createVault([second, first]);
  expect(await rotating.open(old, context)).toBe("a");
  const fresh = await rotating.seal("a", { iv, context });
  expect(await createVault([second]).open(fresh, context)).toBe("a");
  await expect(createVault([first]).open(fresh, context)).rejects.toThrow(
    `The encryption key ${fresh.slice(3, 11)} is missing`,
  );
});

it("open() says which key is missing and no key material", async () => {
  const sealed = await createVault([first]).seal("secret", { iv, context });
  const error: unknown = await createVault([second])
    .open(sealed, context)
    .catch((cause: unknown) => cause);
  expect(String(error)).toContain(sealed.slice(3, 11));
  for (const key of [first, second]) {
    expect(String(error)).not.toContain(encodeBase64(key));
    expect(String(error)).not.toContain(Buffer.from(key).toString("hex"));
  }
});

it("open() refuses another context", async () => {
  const vault = createVault([first]);
  const sealed = await vault.seal("secret", { iv, context });
  for (const other of ["", "subscription/default/sub_2/secrets", `${context} `])
    await expect(vault.open(sealed, other), other).rejects.toThrow("was changed, or belongs to another place");
});

it("open() refuses a text with any one bit changed", async () => {
  const vault = createVault([first]);
  const sealed = await vault.seal("secret", { iv, context });
  const head = sealed.slice(0, 12);
  const whole = decodeBase64(sealed.slice(12)) ?? bytes(0, 0);
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const changed = whole.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await expect(vault.open(head + encodeBase64(changed), context), `bit ${bit}`).rejects.toThrow("was changed");
  }
  for (let length = 1; length < whole.length; length++)
    await expect(vault.open(head + encodeBase64(whole.subarray(0, length)), context)).rejects.toThrow("was changed");
});

it("open() refuses what has another form", async () => {
  const vault = createVault([first]);
  const sealed = await vault.seal("secret", { iv, context });
  const others = [
    "",
    "v1",
    "secret",
    sealed.slice(3),
    `v2${sealed.slice(2)}`,
    sealed.toUpperCase(),
    `${sealed}=`,
    ` ${sealed}`,
  ];
  others.push(`${sealed}.`, sealed.slice(0, 12), `${sealed.slice(0, 12)}!!!!`, sealed.replace(".", ""));
  for (const text of others) await expect(vault.open(text, context), text).rejects.toThrow("not of the form");
});

it("createVault() refuses no key and a key that is not of 32 bytes", () => {
  expect(() => createVault([])).toThrow("no encryption key");
  for (const length of [0, 16, 31, 33]) expect(() => createVault([first, bytes(length, 3)])).toThrow("32 bytes");
});

it("seal() refuses an initialisation vector that is not of 12 bytes", async () => {
  for (const length of [0, 11, 13, 16])
    await expect(createVault([first]).seal("a", { iv: bytes(length, 0), context })).rejects.toThrow("12 bytes");
});

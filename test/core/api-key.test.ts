// API keys: what is made is recognised, what is made up is not, and no character of a key is likelier than another.
import { createHmac, hkdfSync } from "node:crypto";
import * as fc from "fast-check";
import { expect, it, vi } from "vitest";
import { API_KEY_RANDOM_BYTES, hashApiKey, importCheckKeys, makeApiKey, parseApiKey } from "../../src/core/api-key.ts";
import { equalInConstantTime, isSecret, sha256Hex } from "../../src/core/digest.ts";

const random = Uint8Array.from({ length: API_KEY_RANDOM_BYTES }, (_, index) => (index * 37) & 255);
const [first, second] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
const checkKeys = await importCheckKeys([first]);

it("parseApiKey() names the bus of what makeApiKey() made", async () => {
  const bus = fc.string({ unit: fc.constantFrom("a", "b", "z", "0", "9", "-"), minLength: 1, maxLength: 32 });
  const bytes = fc.uint8Array({ minLength: API_KEY_RANDOM_BYTES, maxLength: API_KEY_RANDOM_BYTES, max: 247 });
  await fc.assert(
    fc.asyncProperty(bus, bytes, async (name, drawn) => {
      const key = await makeApiKey({ bus: name, random: drawn, checkKeys });
      expect(key).toMatch(/^ftk_[a-z0-9-]{1,32}_[0-9A-Za-z]{22}_[0-9A-Za-z]{8}$/);
      expect(await parseApiKey(key, checkKeys)).toEqual({ bus: name });
    }),
  );
});

it("makeApiKey() gives the same key for the same input, and its form is on record", async () => {
  const key = await makeApiKey({ bus: "default", random, checkKeys });
  expect(await makeApiKey({ bus: "default", random, checkKeys })).toBe(key);
  // HKDF and HMAC again, with node:crypto, so that keys already given out go on being valid.
  const derived = Buffer.from(hkdfSync("sha256", first, new Uint8Array(), "fantail api key check", 32));
  const digest = createHmac("sha256", derived).update(key.slice(0, -9)).digest();
  const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const check = [...digest]
    .filter((byte) => byte < 248)
    .slice(0, 8)
    .map((byte) => digits[byte % 62]);
  expect(key.slice(-8)).toBe(check.join(""));
});

it("parseApiKey() refuses a key with any one character changed", async () => {
  const key = await makeApiKey({ bus: "b-1", random, checkKeys });
  for (let index = 0; index < key.length; index++) {
    for (const other of ["a", "B", "7", "_", "-", ""]) {
      const changed = key.slice(0, index) + other + key.slice(index + 1);
      if (changed !== key) expect(await parseApiKey(changed, checkKeys), changed).toBeNull();
    }
  }
});

it("parseApiKey() refuses what is no key at all", async () => {
  const key = await makeApiKey({ bus: "default", random, checkKeys });
  const texts = [
    "",
    "ftk_",
    "ftk___",
    key.toUpperCase(),
    ` ${key}`,
    `${key}\n`,
    `Bearer ${key}`,
    key.slice(4),
    key + key,
    "x".repeat(100_000),
  ];
  for (const text of texts) expect(await parseApiKey(text, checkKeys), text.slice(0, 60)).toBeNull();
  expect(await parseApiKey(key, [])).toBeNull();
});

it("parseApiKey() computes no check for a text of another form", async () => {
  const sign = vi.spyOn(crypto.subtle, "sign");
  const rest = `${"a".repeat(22)}_${"b".repeat(8)}`;
  for (const text of ["", `ftk_UPPER_${rest}`, `ftk_${"x".repeat(33)}_${rest}`, `ftk__${rest}`, `ftk_b_${rest}c`])
    expect(await parseApiKey(text, checkKeys), text).toBeNull();
  expect(sign).not.toHaveBeenCalled();
  expect(await parseApiKey(`ftk_b_${rest}`, checkKeys)).toBeNull();
  expect(sign).toHaveBeenCalledTimes(1);
  sign.mockRestore();
});

it("the first check key makes and all of them verify, so that encryption keys can be rotated", async () => {
  const old = await makeApiKey({ bus: "default", random, checkKeys });
  const rotating = await importCheckKeys([second, first]);
  const fresh = await makeApiKey({ bus: "default", random, checkKeys: rotating });
  expect(fresh).not.toBe(old);
  for (const key of [old, fresh]) expect(await parseApiKey(key, rotating)).toEqual({ bus: "default" });
  expect(await parseApiKey(fresh, checkKeys)).toBeNull();
  expect(await parseApiKey(old, await importCheckKeys([second]))).toBeNull();
});

it("makeApiKey() spreads bytes evenly: each character stands for four of them", async () => {
  const counts = new Map<string, number>();
  for (let byte = 0; byte < 248; byte++) {
    const key = await makeApiKey({ bus: "b", random: new Uint8Array(API_KEY_RANDOM_BYTES).fill(byte), checkKeys });
    const character = key.charAt("ftk_b_".length);
    counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  expect(counts.size).toBe(62);
  expect(new Set(counts.values())).toEqual(new Set([4]));
});

it("makeApiKey() refuses too few random bytes, a bad bus and no check key", async () => {
  await expect(makeApiKey({ bus: "b", random: random.subarray(0, 21), checkKeys })).rejects.toThrow(
    "too few random bytes",
  );
  await expect(makeApiKey({ bus: "b", random: new Uint8Array(64).fill(248), checkKeys })).rejects.toThrow(
    "too few random bytes",
  );
  await expect(makeApiKey({ bus: "B_", random, checkKeys })).rejects.toThrow("name of the bus");
  await expect(makeApiKey({ bus: "b", random, checkKeys: [] })).rejects.toThrow("no key");
});

it("importCheckKeys() gives keys that cannot be taken out", async () => {
  for (const key of checkKeys) await expect(crypto.subtle.exportKey("raw", key)).rejects.toThrow();
});

it("hashApiKey() is SHA-256 in hex, of the UTF-8", async () => {
  expect(await hashApiKey("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(await sha256Hex("é")).toBe(await sha256Hex(new Uint8Array([0xc3, 0xa9])));
});

it("isSecret() and equalInConstantTime() agree with equality", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "é"), maxLength: 4 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      if (a === "") expect(() => isSecret(a, b)).toThrow("not empty");
      else expect(isSecret(a, b)).toBe(a === b);
      expect(equalInConstantTime(a, b)).toBe(a === b);
    }),
  );
});

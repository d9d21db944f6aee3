/**
 * API keys: `ftk_<bus>_<22 base62>_<8 base62 check>`. The check is a cut HMAC of what stands before it, so that a made-up key is
 * refused without a look-up. Pure: random bytes are passed in; which keys are valid is decided elsewhere, by their hash.
 */
import { equalInConstantTime, sha256Hex } from "./digest.ts";
import { isBusName } from "./ids.ts";

const HMAC_SHA256 = { name: "HMAC", hash: "SHA-256" };
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** The bytes below are spread evenly over 62 characters; those from here on are passed over. */
const UNBIASED_BYTES = 248;
const SECRET_CHARS = 22;
const CHECK_CHARS = 8;
const KEY = new RegExp(`^(ftk_([^_]+)_[0-9A-Za-z]{${SECRET_CHARS}})_([0-9A-Za-z]{${CHECK_CHARS}})$`);

/** Random bytes that `makeApiKey` asks for: that too few of them are below 248 is less likely than 2^-128. */
export const API_KEY_RANDOM_BYTES = 64;

/** A new key of that bus; the first check key makes its check. `random` is API_KEY_RANDOM_BYTES random bytes. */
export async function makeApiKey(options: {
  readonly bus: string;
  readonly random: Uint8Array;
  readonly checkKeys: readonly CryptoKey[];
}): Promise<string> {
  const [checkKey] = options.checkKeys;
  if (checkKey === undefined) throw new Error("There is no key to make checks with");
  if (!isBusName(options.bus)) throw new Error("The name of the bus is not valid");
  const unchecked = `ftk_${options.bus}_${base62(options.random, SECRET_CHARS)}`;
  return `${unchecked}_${await checkOf(unchecked, checkKey)}`;
}

/** The bus that a key names, if one of the check keys made its check; null for any other text. It may be revoked all the same. */
export async function parseApiKey(
  text: string,
  checkKeys: readonly CryptoKey[],
): Promise<{ readonly bus: string } | null> {
  const [, unchecked = "", bus = "", check = ""] = KEY.exec(text) ?? [];
  if (!isBusName(bus)) return null;
  const checks = await Promise.all(checkKeys.map((key) => checkOf(unchecked, key)));
  return checks.some((right) => equalInConstantTime(right, check)) ? { bus } : null;
}

/** The form in which a key is stored and looked up: SHA-256 in hex. It has 130 random bits, so a slow hash would protect nothing. */
export function hashApiKey(text: string): Promise<string> {
  return sha256Hex(text);
}

/** Keys for checks, one per encryption key and derived from it (HKDF, RFC 5869), so that no key serves two purposes. */
export function importCheckKeys(encryptionKeys: readonly Uint8Array<ArrayBuffer>[]): Promise<CryptoKey[]> {
  const derivation = {
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(),
    info: new TextEncoder().encode("fantail api key check"),
  };
  return Promise.all(
    encryptionKeys.map(async (bytes) => {
      const base = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey"]);
      return crypto.subtle.deriveKey(derivation, base, { ...HMAC_SHA256, length: 256 }, false, ["sign"]);
    }),
  );
}

async function checkOf(text: string, key: CryptoKey): Promise<string> {
  const digest = await crypto.subtle.sign(HMAC_SHA256, key, new TextEncoder().encode(text));
  return base62(new Uint8Array(digest), CHECK_CHARS);
}

/** `count` characters, each as likely as any other if the bytes are. */
function base62(bytes: Uint8Array, count: number): string {
  let text = "";
  for (const byte of bytes) {
    if (text.length === count) break;
    if (byte < UNBIASED_BYTES) text += BASE62.charAt(byte % 62);
  }
  if (text.length < count) throw new Error(`There are too few random bytes for ${count} characters`);
  return text;
}

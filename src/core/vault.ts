/**
 * Secrets at rest: AES-256-GCM under keys that can be rotated. It decides the form of a sealed text; it draws no randomness, and
 * no message of it holds a key or a secret.
 */
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { sha256Hex } from "./digest.ts";
import { ENCRYPTION_KEY_BYTES } from "./limits.ts";

const ALGORITHM = "AES-GCM";
/** Bytes of the initialisation vector that `seal` asks for. NIST SP 800-38D §8.2.2: random, 96 bits, at most 2^32 under one key. */
export const VAULT_IV_BYTES = 12;
/** `v1.<key id>.<base64 of iv and ciphertext>` */
const SEALED = /^v1\.([0-9a-f]{8})\.([^.]+)$/;

/**
 * `context` says where a secret is kept ("subscription/<bus>/<id>/secrets"): what was sealed for one place cannot be opened in
 * another, so that a ciphertext copied to another row is as good as a changed one.
 */
export interface Vault {
  /** The text sealed with the first key. `iv` is VAULT_IV_BYTES random bytes, fresh for each call. */
  seal(plain: string, options: { readonly iv: Uint8Array<ArrayBuffer>; readonly context: string }): Promise<string>;
  /** @throws Error when the text has another form, its key is not among ours, or it was changed or sealed for another context. */
  open(sealed: string, context: string): Promise<string>;
}

interface LoadedKey {
  /** The first 8 hex digits of the key's SHA-256. */
  readonly id: string;
  readonly key: CryptoKey;
}

/**
 * The first key writes, all read.
 * @throws Error when there is no key, or one has not ENCRYPTION_KEY_BYTES.
 */
export function createVault(keys: readonly Uint8Array<ArrayBuffer>[]): Vault {
  if (keys.length === 0) throw new Error("The vault has no encryption key");
  if (keys.some((key) => key.length !== ENCRYPTION_KEY_BYTES))
    throw new Error(`An encryption key has not ${ENCRYPTION_KEY_BYTES} bytes`);

  // Keys are kept, not the promise of them: on Workers a promise belongs to the request that began it.
  let loaded: readonly LoadedKey[] = [];
  async function loadedKeys(): Promise<readonly LoadedKey[]> {
    if (loaded.length === 0) loaded = await Promise.all(keys.map(loadKey));
    return loaded;
  }

  return {
    async seal(plain, { iv, context }) {
      if (iv.length !== VAULT_IV_BYTES) throw new Error(`The initialisation vector has not ${VAULT_IV_BYTES} bytes`);
      const [current] = await loadedKeys();
      if (current === undefined) throw new Error("The vault has no encryption key");
      const ciphertext = await crypto.subtle.encrypt(
        parameters(iv, context),
        current.key,
        new TextEncoder().encode(plain),
      );
      const bytes = new Uint8Array(iv.length + ciphertext.byteLength);
      bytes.set(iv);
      bytes.set(new Uint8Array(ciphertext), iv.length);
      return `v1.${current.id}.${encodeBase64(bytes)}`;
    },

    async open(sealed, context) {
      const [, id, text = ""] = SEALED.exec(sealed) ?? [];
      const bytes = decodeBase64(text);
      if (id === undefined || bytes === null)
        throw new Error("The sealed text is not of the form v1.<key id>.<base64>");
      const key = (await loadedKeys()).find((known) => known.id === id)?.key;
      if (key === undefined)
        throw new Error(`The encryption key ${id} is missing, and what it sealed cannot be opened`);
      const iv = bytes.subarray(0, VAULT_IV_BYTES);
      try {
        const plain = await crypto.subtle.decrypt(parameters(iv, context), key, bytes.subarray(VAULT_IV_BYTES));
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plain);
      } catch (cause) {
        throw new Error(`A text sealed with the key ${id} was changed, or belongs to another place`, { cause });
      }
    },
  };
}

function parameters(iv: Uint8Array<ArrayBuffer>, context: string) {
  return { name: ALGORITHM, iv, additionalData: new TextEncoder().encode(context) };
}

async function loadKey(bytes: Uint8Array<ArrayBuffer>): Promise<LoadedKey> {
  const [id, key] = await Promise.all([
    sha256Hex(bytes),
    crypto.subtle.importKey("raw", bytes, ALGORITHM, false, ["encrypt", "decrypt"]),
  ]);
  return { id: id.slice(0, 8), key };
}

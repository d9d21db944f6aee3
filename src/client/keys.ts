/** Keys: who may do what on a bus. */
import type { Key, KeyCreate, KeyCreated, KeyPatch, KeyRotate, KeyRotated } from "./api.ts";
import type { Calls, ChangeOptions, List, MakeOptions } from "./calls.ts";
import type { CallOptions } from "./options.ts";

/**
 * The keys of the bus.
 *
 * @example
 * const { key } = await client.keys.create({ name: "shop", scopes: ["publish"], types: ["order.*"] });
 */
export interface Keys {
  /** Makes one. `key` is in this answer and never again. */
  create(key: KeyCreate, options?: MakeOptions): Promise<KeyCreated>;
  /** All of the bus, newest first. `limit`: items of one page. */
  list(query?: { readonly limit?: number }, options?: CallOptions): List<Key>;
  get(id: string, options?: CallOptions): Promise<Key>;
  /** A merge patch. */
  update(id: string, patch: KeyPatch, options?: ChangeOptions): Promise<Key>;
  /** Makes a successor that may do the same, and lets this key end after the overlap. */
  rotate(id: string, rotation?: KeyRotate, options?: MakeOptions): Promise<KeyRotated>;
  revoke(id: string, options?: ChangeOptions): Promise<void>;
}

const PATH = "/v1/keys";
const pathOf = (id: string) => `${PATH}/${encodeURIComponent(id)}`;

export const createKeys = (calls: Calls): Keys => ({
  create: (key, options = {}) => calls.make(PATH, key, options),
  list: (query = {}, options = {}) => calls.list(PATH, { ...query }, options),
  get: (id, options = {}) => calls.get(pathOf(id), options),
  update: (id, patch, options = {}) => calls.patch(pathOf(id), patch, options),
  rotate: (id, rotation = {}, options = {}) => calls.make(`${pathOf(id)}/rotate`, rotation, options),
  revoke: (id, options = {}) => calls.delete(pathOf(id), options),
});

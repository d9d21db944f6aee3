/** Buses: namespaces of events, subscriptions and keys. */
import type { Bus, BusPatch, BusSettings, BusSummary } from "./api.ts";
import type { Calls, ChangeOptions, List, PutOptions } from "./calls.ts";
import type { CallOptions } from "./options.ts";

/**
 * The buses of the deployment: for the root key, but `get()` of its own bus for any key that reads or manages.
 *
 * @example
 * await client.buses.put("eu");
 */
export interface Buses {
  /** Without settings: makes it unless it is there, and changes nothing of one that is. With settings: makes it, or replaces them all. */
  put(bus: string, settings?: BusSettings, options?: PutOptions): Promise<Bus>;
  /** All, by name. `limit`: items of one page. */
  list(query?: { readonly limit?: number }, options?: CallOptions): List<BusSummary>;
  get(bus: string, options?: CallOptions): Promise<Bus>;
  /** A merge patch: null is the default. */
  update(bus: string, patch: BusPatch, options?: ChangeOptions): Promise<Bus>;
  /** Everything on it is refused at once, and removed in the background. */
  delete(bus: string, options?: ChangeOptions): Promise<void>;
}

const PATH = "/v1/buses";
const pathOf = (bus: string) => `${PATH}/${encodeURIComponent(bus)}`;

export const createBuses = (calls: Calls): Buses => ({
  put: (bus, settings, options = {}) => calls.put(pathOf(bus), settings, options),
  list: (query = {}, options = {}) => calls.list(PATH, { ...query }, options),
  get: (bus, options = {}) => calls.get(pathOf(bus), options),
  update: (bus, patch, options = {}) => calls.patch(pathOf(bus), patch, options),
  delete: (bus, options = {}) => calls.delete(pathOf(bus), options),
});

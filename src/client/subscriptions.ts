/** Subscriptions: what one consumer wants, and how it wants it. */
import type {
  SinkHealthInFull,
  Subscription,
  SubscriptionCreate,
  SubscriptionCreated,
  SubscriptionPatch,
} from "./api.ts";
import type { Calls, ChangeOptions, List, MakeOptions } from "./calls.ts";
import type { CallOptions } from "./options.ts";

/**
 * The subscriptions of the bus.
 *
 * @example
 * const { id, secret } = await client.subscriptions.create({ sink: "https://billing.example.com/hooks", types: ["order.created"] });
 */
export interface Subscriptions {
  /** Makes one. `secret` is in this answer and never again, unless the request gave one. */
  create(subscription: SubscriptionCreate, options?: MakeOptions): Promise<SubscriptionCreated>;
  /** All of the bus, newest first. `limit`: items of one page. */
  list(query?: { readonly limit?: number }, options?: CallOptions): List<Subscription>;
  get(id: string, options?: CallOptions): Promise<Subscription>;
  /** How its sink is doing, and how far it is behind. */
  health(id: string, options?: CallOptions): Promise<SinkHealthInFull>;
  /** A merge patch: lists are replaced, null is the default. */
  update(id: string, patch: SubscriptionPatch, options?: ChangeOptions): Promise<Subscription>;
  /** Open deliveries of it are cancelled. */
  delete(id: string, options?: ChangeOptions): Promise<void>;
}

const PATH = "/v1/subscriptions";
const pathOf = (id: string) => `${PATH}/${encodeURIComponent(id)}`;

export const createSubscriptions = (calls: Calls): Subscriptions => ({
  create: (subscription, options = {}) => calls.make(PATH, subscription, options),
  list: (query = {}, options = {}) => calls.list(PATH, { ...query }, options),
  get: (id, options = {}) => calls.get(pathOf(id), options),
  health: (id, options = {}) => calls.get(`${pathOf(id)}/health`, options),
  update: (id, patch, options = {}) => calls.patch(pathOf(id), patch, options),
  delete: (id, options = {}) => calls.delete(pathOf(id), options),
});

/** Subscriptions: what one consumer wants, and how it wants it. */
import type {
  Delivery,
  SinkHealthInFull,
  Subscription,
  SubscriptionCreate,
  SubscriptionCreated,
  SubscriptionPatch,
} from "./api.ts";
import type { Calls, ChangeOptions, List, MakeOptions } from "./calls.ts";
import type { CallOptions } from "./options.ts";
import type { Entry, Follow, StreamOptions } from "./stream.ts";

/**
 * What was settled of a delivery, as a stream tells it.
 *
 * @example
 * for await (const { delivery } of client.subscriptions.stream(id)) console.log(delivery.id, delivery.status);
 */
export interface FollowedDelivery {
  /** For `lastEventId`. */
  readonly id: string;
  readonly delivery: Delivery;
}

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
  /**
   * Its deliveries each time that they are settled, for as long as it is looped over; as `client.events.stream`. An id may be an hour old.
   * @throws ProblemError and UnexpectedAnswerError of what coming again does not mend.
   */
  stream(id: string, options?: StreamOptions): AsyncGenerator<FollowedDelivery, void, undefined>;
  /** A merge patch: lists are replaced, null is the default. */
  update(id: string, patch: SubscriptionPatch, options?: ChangeOptions): Promise<Subscription>;
  /** Open deliveries of it are cancelled. */
  delete(id: string, options?: ChangeOptions): Promise<void>;
}

const PATH = "/v1/subscriptions";
const pathOf = (id: string) => `${PATH}/${encodeURIComponent(id)}`;

async function* followDeliveries(
  entries: AsyncGenerator<Entry, void, undefined>,
): AsyncGenerator<FollowedDelivery, void, undefined> {
  for await (const { id, data } of entries) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types are made of the contract that the server's streams keep
    yield { id, delivery: JSON.parse(data) as Delivery };
  }
}

export const createSubscriptions = (calls: Calls, follow: Follow): Subscriptions => ({
  stream: (id, options = {}) => followDeliveries(follow(`${pathOf(id)}/stream`, "delivery", options)),
  create: (subscription, options = {}) => calls.make(PATH, subscription, options),
  list: (query = {}, options = {}) => calls.list(PATH, { ...query }, options),
  get: (id, options = {}) => calls.get(pathOf(id), options),
  health: (id, options = {}) => calls.get(`${pathOf(id)}/health`, options),
  update: (id, patch, options = {}) => calls.patch(pathOf(id), patch, options),
  delete: (id, options = {}) => calls.delete(pathOf(id), options),
});

/** What is on record: events, deliveries, and who changed what. */
import type {
  AuditEntry,
  Delivery,
  DeliveryInFull,
  DeliveryRetried,
  EventExplained,
  EventOnRecord,
  EventSummary,
  ListAuditQuery,
  ListDeliveriesQuery,
  ListEventsQuery,
  StreamedEvent,
  StreamEventsQuery,
} from "./api.ts";
import { type Calls, type List, type MakeOptions, search } from "./calls.ts";
import type { CallOptions } from "./options.ts";
import type { Entry, Follow, StreamOptions } from "./stream.ts";

/** From when to when: RFC 3339 texts, or dates. */
interface Span {
  /** At that time or after. */
  readonly since?: string | Date;
  /** Before that time. */
  readonly until?: string | Date;
}

/**
 * Which events a list has; filters are combined.
 *
 * @example
 * client.events.list({ type: "order.created", since: new Date(Date.now() - 3_600_000) });
 */
export interface EventQuery extends Omit<ListEventsQuery, keyof Span | "cursor">, Span {}

/**
 * Which deliveries a list has; filters are combined.
 *
 * @example
 * client.deliveries.list({ subscription_id: subscription.id, status: "dead" });
 */
export interface DeliveryQuery extends Omit<ListDeliveriesQuery, keyof Span | "cursor">, Span {}

/**
 * Which changes a list has; filters are combined.
 *
 * @example
 * client.audit.list({ actor: "root", action: "key.created" });
 */
export interface AuditQuery extends Omit<ListAuditQuery, keyof Span | "cursor">, Span {}

/**
 * One event of a stream.
 *
 * @example
 * for await (const { id, event } of client.events.stream()) console.log(id, event.type);
 */
export interface FollowedEvent {
  /** For `lastEventId`. */
  readonly id: string;
  readonly event: StreamedEvent;
  /** The same as it was sent: `JSON.parse` rounds numbers that JavaScript cannot hold. */
  readonly json: string;
}

/**
 * The events of the bus.
 *
 * @example
 * for await (const event of client.events.list({ type: "order.created" })) console.log(event.event_id);
 */
export interface Events {
  /** Newest first. An event is on record within a second of its 202, usually. */
  list(query?: EventQuery, options?: CallOptions): List<EventSummary>;
  /**
   * Those that come on record from now on, for as long as it is looped over: a connection that is lost is made again, and what was missed comes first.
   * `replay`: begins with so many of the last ones.
   * @throws ProblemError and UnexpectedAnswerError of what coming again does not mend.
   */
  stream(query?: StreamEventsQuery, options?: StreamOptions): AsyncGenerator<FollowedEvent, void, undefined>;
  /** The event itself, how it was routed, and its deliveries. */
  get(eventId: string, options?: CallOptions): Promise<EventOnRecord>;
  /** Why a subscription takes the event, or does not, by the filters that it has at this moment. */
  explain(eventId: string, subscriptionId: string, options?: CallOptions): Promise<EventExplained>;
  /** Removes what it says; twice is once. */
  erase(eventId: string, options?: CallOptions): Promise<void>;
}

/**
 * What became of each event for each subscription.
 *
 * @example
 * for await (const { id } of client.deliveries.list({ status: "dead" })) await client.deliveries.retry(id);
 */
export interface Deliveries {
  /** Newest first. */
  list(query?: DeliveryQuery, options?: CallOptions): List<Delivery>;
  /** With all its attempts. */
  get(deliveryId: string, options?: CallOptions): Promise<DeliveryInFull>;
  /** Tries again, at once. */
  retry(deliveryId: string, options?: MakeOptions): Promise<DeliveryRetried>;
}

/**
 * Who changed what.
 *
 * @example
 * for await (const { actor, action, target } of client.audit.list()) console.log(actor, action, target);
 */
export interface Audit {
  /** Newest first. Changes of buses are on the bus `default`. */
  list(query?: AuditQuery, options?: CallOptions): List<AuditEntry>;
}

const eventPath = (id: string) => `/v1/events/${encodeURIComponent(id)}`;
const deliveryPath = (id: string) => `/v1/deliveries/${encodeURIComponent(id)}`;

async function* followEvents(
  entries: AsyncGenerator<Entry, void, undefined>,
): AsyncGenerator<FollowedEvent, void, undefined> {
  for await (const { id, data } of entries) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types are made of the contract that the server's streams keep
    yield { id, event: JSON.parse(data) as StreamedEvent, json: data };
  }
}

export const createEvents = (calls: Calls, follow: Follow): Events => ({
  stream: (query = {}, options = {}) =>
    followEvents(follow(`/v1/events/stream${search({ ...query })}`, "event", options)),
  list: (query = {}, options = {}) => calls.list("/v1/events", { ...query }, options),
  get: (eventId, options = {}) => calls.get(eventPath(eventId), options),
  explain: (eventId, subscriptionId, options = {}) =>
    calls.get(
      `${eventPath(eventId)}/explain?${new URLSearchParams({ subscription_id: subscriptionId }).toString()}`,
      options,
    ),
  erase: (eventId, options = {}) => calls.delete(eventPath(eventId), options),
});

export const createDeliveries = (calls: Calls): Deliveries => ({
  list: (query = {}, options = {}) => calls.list("/v1/deliveries", { ...query }, options),
  get: (deliveryId, options = {}) => calls.get(deliveryPath(deliveryId), options),
  retry: (deliveryId, options = {}) => calls.make(`${deliveryPath(deliveryId)}/retry`, undefined, options),
});

export const createAudit = (calls: Calls): Audit => ({
  list: (query = {}, options = {}) => calls.list("/v1/audit", { ...query }, options),
});

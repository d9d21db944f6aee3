/** The client as one object: it joins what `client/` has. No rules. */
import { createBatcher, type Batcher, type BatcherOptions } from "./batcher.ts";
import { createBuses, type Buses } from "./buses.ts";
import { createCalls } from "./calls.ts";
import type { AcceptedEvent, RejectedEvent } from "./errors.ts";
import type { EventInput } from "./event.ts";
import { createFilters, type Filters } from "./filters.ts";
import { createHealth, type Health } from "./health.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createFollow } from "./stream.ts";
import { createKeys, type Keys } from "./keys.ts";
import { settingsOf, type ClientOptions } from "./options.ts";
import type { EventSource } from "./event-reader.ts";
import { publishLines } from "./publish-lines.ts";
import { publishBatches, type PublishStreamOptions } from "./publish-stream.ts";
import { createPublisher, type PublishOneOptions, type PublishOptions, type PublishSummary } from "./publish.ts";
import { createAudit, createDeliveries, createEvents, type Audit, type Deliveries, type Events } from "./record.ts";
import { createSession, type Sessions } from "./session.ts";
import { createSubscriptions, type Subscriptions } from "./subscriptions.ts";
import { createTransport } from "./transport.ts";

/**
 * Fantail, as one key sees it.
 *
 * @example
 * const client: Client = createClient({ url: "https://events.example.com", key: process.env.FANTAIL_KEY ?? "" });
 */
export interface Client {
  /**
   * Publishes one event. It has its id before it is sent: whatever is retried is the same event.
   *
   * @throws ProblemError when it is refused; PublishError when it is not confirmed, or the call was aborted; TypeError on what is no event.
   * @example
   * const { event_id, matched } = await client.publish({ type: "order.created", data: { total: 42 } });
   */
  publish(event: EventInput, options?: PublishOneOptions): Promise<AcceptedEvent>;
  /**
   * Publishes events, in as many requests as it takes. A refused event does not stop the others: look at `rejected`.
   *
   * @throws PublishError when not all are confirmed, with what is known of each; TypeError, before anything is sent, on what is no event.
   * @example
   * const { rejected, events } = await client.publish(orders.map((order) => ({ type: "order.created", data: order })));
   */
  publish(events: readonly EventInput[], options?: PublishOptions): Promise<PublishSummary>;
  /**
   * Publishes events as they come, and yields what became of each, in order. Nothing is sent until it is looped over.
   *
   * @throws PublishError when some are not confirmed.
   * @example
   * for await (const outcome of client.publishStream(readOrders())) if (outcome.status === "rejected") console.error(outcome.problem);
   */
  publishStream(
    events: EventSource,
    options?: PublishStreamOptions,
  ): AsyncGenerator<AcceptedEvent | RejectedEvent, void, undefined>;
  /**
   * Collects events that are published one by one into requests.
   *
   * @example
   * const batcher = client.batcher({ maxDelayMs: 20 });
   */
  batcher(options?: BatcherOptions): Batcher;
  readonly events: Events;
  readonly deliveries: Deliveries;
  readonly subscriptions: Subscriptions;
  readonly health: Health;
  readonly filters: Filters;
  readonly metrics: Metrics;
  readonly keys: Keys;
  readonly buses: Buses;
  readonly audit: Audit;
  readonly session: Sessions;
}

/**
 * A client. It sends nothing until it is asked to, and holds nothing that must be closed.
 *
 * @throws TypeError that names the option which is wrong.
 * @example
 * const client = createClient({ url: "https://events.example.com", key: process.env.FANTAIL_KEY ?? "", source: "/shop" });
 * await client.publish({ type: "order.created", data: { total: 42 } });
 */
export function createClient(options: ClientOptions): Client {
  const settings = settingsOf(options);
  const { runtime, source } = settings;
  const transport = createTransport(settings);
  const publisher = createPublisher(transport, { source, runtime });
  const calls = createCalls(transport, runtime.uuid);
  const follow = createFollow({ transport, runtime });
  return {
    publish: createPublish(publisher),
    publishStream: (events, streamOptions = {}) =>
      streamOptions.as === "lines"
        ? publishLines({ publisher, transport, runtime, patience: settings }, events, streamOptions)
        : publishBatches({ publisher, runtime }, events, streamOptions),
    batcher: (batcherOptions = {}) => createBatcher({ publisher, runtime }, batcherOptions),
    events: createEvents(calls, follow),
    deliveries: createDeliveries(calls),
    subscriptions: createSubscriptions(calls, follow),
    health: createHealth(calls),
    filters: createFilters(calls),
    metrics: createMetrics(calls),
    keys: createKeys(calls),
    buses: createBuses(calls),
    audit: createAudit(calls),
    session: createSession(calls),
  };
}

function createPublish(publisher: ReturnType<typeof createPublisher>): Client["publish"] {
  function publish(event: EventInput, options?: PublishOneOptions): Promise<AcceptedEvent>;
  function publish(events: readonly EventInput[], options?: PublishOptions): Promise<PublishSummary>;
  function publish(
    given: EventInput | readonly EventInput[],
    options: PublishOptions = {},
  ): Promise<AcceptedEvent | PublishSummary> {
    return isMany(given) ? publisher.many(given, options) : publisher.one(given, options);
  }
  return publish;
}

/** `Array.isArray` knows no read-only arrays. */
const isMany = (given: EventInput | readonly EventInput[]): given is readonly EventInput[] => Array.isArray(given);

/** The entry of the package `@fantail/client`: what its users see, and nothing else. Inside `client/`, files import each other directly. */
export { createClient, type Client } from "./client.ts";
export { signWebhook, verifyWebhook, WebhookVerificationError } from "./webhook.ts";
export type { ReceivedWebhook, VerifiedWebhook, WebhookFault, WebhookHeaders } from "./webhook.ts";
export {
  FantailError,
  NetworkError,
  ProblemError,
  PublishError,
  TimeoutError,
  UnexpectedAnswerError,
} from "./errors.ts";
export type { AcceptedEvent, RejectedEvent, Slug, UnconfirmedEvent } from "./errors.ts";
export type { EventInput, ShortEvent, StructuredEvent } from "./event.ts";
export type { CallOptions, ClientOptions, Patience } from "./options.ts";
export type { Fetch, Runtime } from "./runtime.ts";
export type { PublishOneOptions, PublishOptions, PublishSummary } from "./publish.ts";
export type { EventSource } from "./event-reader.ts";
export type { PublishStreamOptions } from "./publish-stream.ts";
export type { Batcher, BatcherOptions } from "./batcher.ts";
export type { ChangeOptions, List, MakeOptions, Page, Pages, PutOptions } from "./calls.ts";
export type { Sessions } from "./session.ts";
export type { FollowedDelivery, Subscriptions } from "./subscriptions.ts";
export type { BacktestQuery, Filters } from "./filters.ts";
export type { Health, HealthQuery } from "./health.ts";
export type { Keys } from "./keys.ts";
export type { Buses } from "./buses.ts";
export type { Audit, AuditQuery, Deliveries, DeliveryQuery, Events, EventQuery, FollowedEvent } from "./record.ts";
export type { StreamOptions } from "./stream.ts";
export type { Metrics, MetricsQuery } from "./metrics.ts";
export type {
  Attempt,
  AuditEntry,
  Bus,
  BusPatch,
  BusSettings,
  BusSummary,
  Delivery,
  DeliveryInFull,
  DeliveryRetried,
  EventExplained,
  EventOnRecord,
  EventSummary,
  ExplainedClause,
  Fault,
  Filter,
  FilterBacktested,
  FilterImport,
  FilterImported,
  FilterTest,
  FilterTested,
  Key,
  KeyCreate,
  KeyCreated,
  KeyPatch,
  KeyRotate,
  KeyRotated,
  Problem,
  Metrics as MetricsInSteps,
  Session,
  SessionCreate,
  SinkHealth,
  SinkHealthInFull,
  StreamedEvent,
  Subscription,
  SubscriptionCreate,
  SubscriptionCreated,
  SubscriptionExplained,
  SubscriptionMetrics,
  SubscriptionPatch,
} from "./api.ts";

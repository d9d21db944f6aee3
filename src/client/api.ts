/** The documents of the HTTP API, as requests and answers have them. Types only, and no imports. */

export interface Fault {
  /** JSON Pointer (RFC 6901) into the body that was sent. */
  pointer: string;
  detail: string;
}

/** What went wrong, as in RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  /** The id of the request. */
  instance: string;
  errors?: Fault[];
}

export interface PublishAccepted {
  status: "accepted";
  event_id: string;
  id: string;
  source: string;
  /** Subscriptions that take it. */
  matched: number;
  /** The first 100 of them. */
  subscription_ids: string[];
}
export interface PublishRejected {
  status: "rejected";
  problem: Problem;
}
export type PublishEntry = PublishAccepted | PublishRejected;
export interface PublishResult {
  accepted: number;
  rejected: number;
  events?: PublishEntry[];
}

/** An event in the JSON format of CloudEvents 1.0. */
export interface Event {
  specversion: "1.0";
  id: string;
  source: string;
  type: string;
  subject?: string | null;
  time?: string | null;
  datacontenttype?: string | null;
  dataschema?: string | null;
  data?: unknown;
  data_base64?: string | null;
  [k: string]: unknown;
}

/** An event as lists show it. */
export interface EventSummary {
  event_id: string;
  bus: string;
  id: string | null;
  source: string | null;
  type: string;
  subject: string | null;
  accepted_at: string;
  matched: number;
  duplicates: number;
  bytes: number;
  erased_at: string | null;
}
export interface EventOnRecord extends EventSummary {
  event: Event | null;
  deliveries: Delivery[];
  deliveries_next_cursor: string | null;
}

export type DeliveryStatus = "pending" | "retrying" | "held" | "delivered" | "dead" | "cancelled";
export interface Attempt {
  attempt: number;
  at: string;
  duration_ms: number;
  status: number | null;
  error: string | null;
  answer: string | null;
}
export interface Delivery {
  id: string;
  event_id: string;
  subscription_id: string;
  type: string;
  status: DeliveryStatus;
  cause: string | null;
  attempt: number;
  due_at: string | null;
  last_attempt: Attempt | null;
}
export interface DeliveryInFull extends Delivery {
  attempts: Attempt[];
}
export interface DeliveryRetried {
  id: string;
  status: DeliveryStatus;
}

export type Filter =
  | { exact: Record<string, string> }
  | { prefix: Record<string, string> }
  | { suffix: Record<string, string> }
  | { all: Filter[] }
  | { any: Filter[] }
  | { not: Filter };
export type Format = "structured" | "binary" | "standard" | "reference";
export interface SubscriptionCreate {
  sink: string;
  name?: string | null;
  types?: string[] | null;
  source?: string | null;
  filters?: Filter[] | null;
  headers?: Record<string, string | null> | null;
  format?: Format | null;
  timeout_ms?: number | null;
  retry?: { schedule_s?: number[] | null; permanent?: number[] | null } | null;
  status?: "active" | "paused" | null;
  secret?: string | null;
}
export interface SubscriptionPatch {
  sink?: string;
  name?: string | null;
  types?: string[] | null;
  source?: string | null;
  filters?: Filter[] | null;
  headers?: Record<string, string | null> | null;
  format?: Format | null;
  timeout_ms?: number | null;
  retry?: { schedule_s?: number[] | null; permanent?: number[] | null } | null;
  status?: "active" | "paused" | "disabled" | null;
  secret?: string;
}
export interface Subscription {
  id: string;
  bus: string;
  name: string | null;
  sink: string;
  types: string[] | null;
  source: string | null;
  filters: Filter[];
  format: Format;
  headers?: Record<string, "…">;
  timeout_ms: number;
  retry: { schedule_s: number[]; permanent: number[] };
  status: "active" | "paused" | "disabled";
  disabled_reason: string | null;
  created_at: string;
  updated_at: string;
  version: number;
  effective_at: string;
  unreadable?: ("secret" | "headers")[];
}
export interface SubscriptionCreated extends Subscription {
  /** Shown once, unless the request gave one. */
  secret?: string;
}

export type Scope = "publish" | "read" | "manage";
export interface KeyCreate {
  name?: string | null;
  scopes: Scope[];
  types?: string[] | null;
  allowed_origins?: string[] | null;
  rate_limit?: "low" | "standard" | "high" | null;
  expires_at?: string | null;
}
export type KeyPatch = Partial<KeyCreate>;
export interface KeyRotate {
  /** For how long the former key goes on. */
  overlap_s?: number;
}
export interface Key {
  id: string;
  bus: string;
  name: string | null;
  scopes: Scope[];
  types: string[] | null;
  allowed_origins: string[] | null;
  rate_limit: "low" | "standard" | "high";
  expires_at: string | null;
  last_used_at: string | null;
  status: "active" | "expired";
  created_at: string;
  updated_at: string;
  version: number;
  effective_at: string;
}
export interface KeyCreated extends Key {
  /** The key itself, shown once. */
  key: string;
}
export interface KeyRotated extends KeyCreated {
  replaces: { id: string; expires_at: string };
}

export interface BusSettings {
  retention_days?: number | null;
  log_level?: "all" | "failures";
  event_bytes_max?: number | null;
  request_bytes_max?: number | null;
}
export interface BusPatch {
  retention_days?: number | null;
  log_level?: "all" | "failures" | null;
  event_bytes_max?: number | null;
  request_bytes_max?: number | null;
}
export interface BusSummary {
  bus: string;
  retention_days: number | null;
  log_level: "all" | "failures";
  event_bytes_max: number | null;
  request_bytes_max: number | null;
  subscriptions: number;
  keys: number;
  created_at: string;
  updated_at: string;
  version: number;
  effective_at: string;
}
export interface BusEffective {
  retention_days: number;
  log_level: "all" | "failures";
  event_bytes_max: number;
  request_bytes_max: number;
  events_since: string;
  database_used: number;
}
export interface Bus extends BusSummary {
  effective: BusEffective;
}

export interface AuditEntry {
  id: string;
  bus: string;
  at: string;
  actor: string;
  request_id: string | null;
  action:
    | "bus.created"
    | "bus.changed"
    | "bus.deleted"
    | "subscription.created"
    | "subscription.changed"
    | "subscription.disabled"
    | "subscription.deleted"
    | "key.created"
    | "key.changed"
    | "key.rotated"
    | "key.revoked"
    | "event.erased";
  target: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

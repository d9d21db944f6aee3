/** The doors outward. Types only: adapters implement them, use cases and `http/` receive them. */
import type { CloudEvent } from "./core/event.ts";
import type { Answer, DeliveryKey, Settlement } from "./core/delivery.ts";
import type { EventParcel, WakeParcel } from "./core/parcel.ts";
import type { Push, RetryPolicy, Subscription } from "./core/subscription.ts";
import type { Wake } from "./core/wakes.ts";

export interface Clock {
  /** Unix milliseconds. On Workers it moves only when I/O happens. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export interface Random {
  bytes(count: number): Uint8Array<ArrayBuffer>;
  /** Uniform in [0, 1). */
  fraction(): number;
}

/** Runs work beyond the answer (waitUntil). */
export type Background = (work: Promise<unknown>) => void;

/** One structured line. Values are plain; no secret, no body. */
export interface Logger {
  info(name: string, fields: Readonly<Record<string, unknown>>): void;
  warn(name: string, fields: Readonly<Record<string, unknown>>): void;
  error(name: string, fields: Readonly<Record<string, unknown>>): void;
}

/** Thrown by adapters when the platform is away: the caller repeats later. HTTP: 503 + Retry-After. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

// ---- Routes ------------------------------------------------------------------------------------------------------

export const SCOPES = ["publish", "read", "manage"] as const;
export type Scope = (typeof SCOPES)[number];

/** A key as the edge needs it. The key itself is never stored: `hash` is its SHA-256 in hex. */
export interface KeyGrant {
  readonly id: string;
  readonly hash: string;
  readonly scopes: readonly Scope[];
}

/** Subscriptions and keys of one bus, as this isolate knows them. */
export interface BusRoutes {
  readonly bus: string;
  /** Ids of the active subscriptions that take the event, in no order. */
  match(event: CloudEvent): readonly string[];
}

export interface Routes {
  /**
   * The bus as fresh as the rules ask (docs/architecture.md): null when there is no such bus.
   * @throws Unavailable when the last good copy is too old, or there is none, and D1 does not answer.
   */
  bus(name: string, background: Background): Promise<BusRoutes | null>;
  /** The key with that hash on that bus, equally fresh; null when there is none. @throws Unavailable */
  key(bus: string, hash: string, background: Background): Promise<KeyGrant | null>;
  /** Makes a change visible to this isolate at once. */
  applied(change: Change): void;
}

/** One changed row, as the caches see it. A deletion is a change. */
export type Change =
  | { readonly kind: "bus"; readonly version: number; readonly bus: string }
  | {
      readonly kind: "subscription";
      readonly version: number;
      readonly bus: string;
      readonly id: string;
      /** What it takes, as JSON text of `Wanted`; null unless it is active. */
      readonly wanted: string | null;
    }
  | {
      readonly kind: "key";
      readonly version: number;
      readonly bus: string;
      readonly id: string;
      /** Null when it is revoked. */
      readonly grant: KeyGrant | null;
    };

/** The read side of the change counter. */
export interface ChangeFeed {
  /** Changes of those buses after `version`, oldest first, at most ROUTES_CHANGES_MAX, of one snapshot. */
  since(
    version: number,
    buses: readonly string[],
  ): Promise<{
    readonly changes: readonly Change[];
    /** The counter in that snapshot. */
    readonly version: number;
    /** Who knows less than this must load from 0: tombstones up to here are gone. */
    readonly purgedVersion: number;
  }>;
}

// ---- Delivering --------------------------------------------------------------------------------------------------

export interface ClaimedDelivery {
  readonly key: DeliveryKey;
  readonly eventId: string;
  readonly attempt: number;
  readonly tries: number;
  /** Number of the last attempt that is on record, null without one: a gap before `attempt` was a crash. */
  readonly lastRecorded: number | null;
  /** As of the claim. Secrets that cannot be opened leave an error text, and the attempt fails. */
  readonly push: Push | { readonly error: string; readonly retry: RetryPolicy };
}

export interface ClaimedEvent {
  readonly bus: string;
  readonly seq: string;
  readonly eventId: string;
  readonly acceptedMs: number;
  readonly hops: number;
  /** The canonical text; null when it is no longer on record. */
  readonly body: string | null;
}

export interface Claimed {
  /** Ours until the lease ends. */
  readonly deliveries: readonly ClaimedDelivery[];
  /** By event id. A delivery whose event is not in here came over the byte budget: release it. */
  readonly events: ReadonlyMap<string, ClaimedEvent>;
  /** Deliveries of these parcels that a live batch holds, with the end of its lease. */
  readonly elsewhere: readonly { readonly key: DeliveryKey; readonly eventId: string; readonly leaseMs: number }[];
}

/** The log of deliveries. Each method is one D1 `batch()`, a transaction; all may be repeated with the same token. */
export interface Log {
  claim(
    parcels: readonly (EventParcel | WakeParcel)[],
    options: {
      readonly token: string;
      readonly now: number;
      /** Whether the parcel's publish, if it is a duplicate, is to be counted: not when its message comes again. */
      readonly isCounted: (parcel: EventParcel) => boolean;
    },
  ): Promise<Claimed>;
  /** Writes outcomes; the claim ends with the last delivery that carries its token. */
  settle(settlements: readonly Settlement[], options: { readonly token: string }): Promise<void>;
  /** Puts on record what a queue gave up on: rows become `waiting`, due now. Returns the keys to wake. */
  adopt(parcels: readonly EventParcel[], now: number): Promise<readonly DeliveryKey[]>;
  /** Stores bodies that travel by reference; the first body of an event stays. */
  storeBodies(bodies: readonly { readonly eventId: string; readonly body: string }[], now: number): Promise<void>;
}

/** The sweep's steps: each is bounded, and one D1 `batch()`. */
export interface SweepLog {
  /** S1-S3: frees what dead batches held, reads what is overdue. At most SWEEP_ROWS_MAX. */
  lostAlarms(now: number): Promise<{ readonly freed: number; readonly wakes: readonly Wake[]; readonly more: boolean }>;
  /** S3: the alarms of these are sent; they are due again now, and left alone for SWEEP_REPEAT_MS. */
  woken(wakes: readonly Wake[], now: number): Promise<void>;
  /** Held rows whose subscription is active again become due, those whose subscription is gone `cancelled`. */
  unhold(
    now: number,
  ): Promise<{ readonly resumed: readonly Wake[]; readonly cancelled: number; readonly more: boolean }>;
  /** Closes and removes what is older than `beforeMs`, from a place onward. */
  retain(
    beforeMs: number,
    now: number,
    after: { readonly bus: string; readonly seq: string } | null,
  ): Promise<{
    readonly expired: number;
    readonly removed: number;
    readonly next: { readonly bus: string; readonly seq: string } | null;
  }>;
  /** Orphaned bodies and old tombstones. */
  purge(
    beforeMs: number,
    now: number,
  ): Promise<{ readonly bodies: number; readonly tombstones: number; readonly more: boolean }>;
}

export type Lane = "fast" | "slow";

export interface Outgoing {
  readonly lane: Lane;
  /** Which queue of the lane; taken modulo their number. */
  readonly shard: number;
  readonly text: string;
  readonly delaySeconds: number;
}

export interface Lanes {
  /** Resolves when every message is confirmed. @throws Unavailable when one is not, others may be on their way. */
  send(messages: readonly Outgoing[]): Promise<void>;
  /** Puts a raw text on the poison queue. @throws Unavailable */
  poison(text: string): Promise<void>;
}

export interface Webhooks {
  /** One signed request to the sink. Never throws: what goes wrong is the answer. */
  push(request: PushRequest): Promise<Answer>;
}

export interface PushRequest {
  readonly deliveryId: string;
  readonly attempt: number;
  readonly event: CloudEvent;
  /** The event's canonical text. */
  readonly text: string;
  readonly eventId: string;
  readonly acceptedMs: number;
  readonly hops: number;
  readonly push: Push;
}

// ---- Management and record ---------------------------------------------------------------------------------------

/** One page of rows, newest first. A page may be short and still have a `next`: lists read at most LIST_ROWS_READ_MAX rows. */
export interface Rows<T, Place> {
  readonly rows: readonly T[];
  /** Where the next page goes on, null at the end. */
  readonly next: Place | null;
}

/** A subscription as it is stored. What cannot be opened, because its encryption key is gone or it was changed, is null. */
export interface StoredSubscription extends Omit<Subscription, "secrets" | "headers"> {
  readonly secrets: Subscription["secrets"] | null;
  readonly headers: Subscription["headers"] | null;
}

/** What a change made of a subscription, and the same as the caches take it. */
export interface ChangedSubscription {
  readonly subscription: StoredSubscription;
  readonly change: Change;
}

export interface SubscriptionStore {
  /** Stores it with its version; repeated with the same id it answers the one that is there. The bus exists. */
  create(subscription: Omit<Subscription, "version">): Promise<ChangedSubscription | "limit-reached">;
  get(bus: string, id: string): Promise<StoredSubscription | null>;
  /** Newest first. `before` is the `next` of the page before. */
  list(
    bus: string,
    options: { readonly limit: number; readonly before: string | null },
  ): Promise<Rows<StoredSubscription, string>>;
  /**
   * Replaces it if its version is still `expected`; null when it is not (changed or gone). Secrets and headers that are null stay as
   * they are stored: what cannot be read is not lost by a change of something else.
   */
  replace(subscription: StoredSubscription, expected: number): Promise<ChangedSubscription | null>;
  /** Deletes it if it has one of the versions; null when there is none to delete. */
  delete(
    bus: string,
    id: string,
    options: { readonly versions: readonly number[] | "any"; readonly now: number },
  ): Promise<Change | null>;
  /** Disables it, unless it is not active or was changed after the attempt that says so; null then. */
  disable(
    bus: string,
    id: string,
    options: { readonly reason: string; readonly attemptedMs: number; readonly now: number },
  ): Promise<Change | null>;
}

export interface Bus {
  readonly bus: string;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly version: number;
}

export interface BusStore {
  /** Makes it unless it exists. */
  put(bus: string, now: number): Promise<{ readonly bus: Bus; readonly created: boolean } | "limit-reached">;
}

export interface Key extends KeyGrant {
  readonly bus: string;
  readonly name: string | null;
  readonly createdMs: number;
  readonly version: number;
}

export interface KeyStore {
  /** Stores it with its version; repeated with the same id it answers the one that is there. The bus exists. */
  create(key: Omit<Key, "version">): Promise<Key | "limit-reached">;
  /** Newest first. `before` is the `next` of the page before. */
  list(bus: string, options: { readonly limit: number; readonly before: string | null }): Promise<Rows<Key, string>>;
  get(bus: string, id: string): Promise<Key | null>;
  /** Answers the version of the revocation, null when there is none to revoke. */
  revoke(bus: string, id: string, now: number): Promise<number | null>;
}

export interface EventSummary {
  readonly eventId: string;
  readonly bus: string;
  readonly seq: string;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  readonly acceptedMs: number;
  readonly matched: number;
  readonly duplicates: number;
  readonly bytes: number;
}

export interface EventOnRecord extends EventSummary {
  /** The canonical text; null when it is no longer on record. */
  readonly body: string | null;
}

export type DeliveryStatus = "pending" | "retrying" | "held" | "delivered" | "dead" | "cancelled";

export interface DeliveryOnRecord {
  readonly key: DeliveryKey;
  readonly eventId: string;
  readonly type: string;
  readonly state: string;
  readonly attempt: number;
  readonly dueMs: number | null;
  readonly cause: string | null;
  /** JSON text of AttemptRecord[], oldest first. In lists only the last one: a hundred for each row would be megabytes. */
  readonly attempts: string;
}

/** What is on record, for people. Lists are newest first and read at most LIST_ROWS_READ_MAX rows. */
export interface EventRecord {
  events(
    bus: string,
    filters: {
      readonly type?: string;
      readonly source?: string;
      readonly subject?: string;
      /** Accepted at or after. */
      readonly sinceMs?: number;
      /** Accepted before. */
      readonly untilMs?: number;
    },
    page: { readonly limit: number; readonly cursor: readonly string[] | null },
  ): Promise<Rows<EventSummary, readonly string[]>>;
  event(bus: string, eventId: string): Promise<EventOnRecord | null>;
  deliveries(
    bus: string,
    filters: {
      readonly eventId?: string;
      readonly subscriptionId?: string;
      readonly status?: DeliveryStatus;
      readonly sinceMs?: number;
      readonly untilMs?: number;
    },
    page: { readonly limit: number; readonly cursor: readonly string[] | null },
  ): Promise<Rows<DeliveryOnRecord, readonly string[]>>;
  delivery(bus: string, eventId: string, subscriptionId: string, run: string): Promise<DeliveryOnRecord | null>;
  /** Manual retry: `waiting`, due now; twice = once. Null when there is no such delivery (any more). */
  retry(key: DeliveryKey, now: number): Promise<"waiting" | "attempt-in-progress" | null>;
}

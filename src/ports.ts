/** The doors outward. Types only: adapters implement them, use cases and `http/` receive them. */
import type { BusRules, BusSettings } from "./core/bus.ts";
import type { CloudEvent } from "./core/event.ts";
import type { EventView } from "./core/filters/view.ts";
import type { NearestBounds } from "./core/matcher/nearest.ts";
import type { Answer, DeliveryKey, Settlement } from "./core/delivery.ts";
import type { Breaker, Lane, SinkChange, KnownHealth } from "./core/health.ts";
import type { Grant, PaceAsk } from "./core/pace.ts";
import type { EventParcel, WakeParcel } from "./core/parcel.ts";
import type { Result } from "./core/result.ts";
import type { SinkKey } from "./core/sink-key.ts";
import type { Push, RetryPolicy, Subscription, Wanted } from "./core/subscription.ts";
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

/** How many requests a key may make: RATE_REQUESTS. */
export const RATE_TIERS = ["low", "standard", "high"] as const;
export type RateTier = (typeof RATE_TIERS)[number];

/** What a key allows. */
export interface KeyLimits {
  readonly scopes: readonly Scope[];
  /** Event types that it may publish, each exactly, or all that begin so when it ends in `*`; null: all. Of publish-only keys. */
  readonly types: readonly string[] | null;
  /** Origins (scheme, host, port) from which browsers may use it, and nobody else may; null: it is not for browsers. Of publish-only keys. */
  readonly allowedOrigins: readonly string[] | null;
  readonly rateLimit: RateTier;
  /** It is refused from then on; null: never. */
  readonly expiresMs: number | null;
}

/** A key as the edge needs it. The key itself is never stored: `hash` is its SHA-256 in hex. */
export interface KeyGrant extends KeyLimits {
  readonly id: string;
  readonly hash: string;
}

/** Subscriptions and keys of one bus, as this isolate knows them. */
export interface BusRoutes {
  readonly bus: string;
  readonly rules: BusRules;
  /** Ids of the subscriptions that take the event, in no order: what is paused or disabled holds it. */
  match(event: CloudEvent): readonly string[];
  /** The lane of a subscription's sink: `fast` unless it is known to be slow. */
  laneOf(subscriptionId: string): Lane;
  /** Ids of subscriptions: those that take the event, then those that miss it by the least. */
  nearest(event: EventView, bounds: NearestBounds): readonly string[];
  /** How many subscriptions the bus has. */
  readonly size: number;
}

export interface Routes {
  /**
   * The bus as fresh as the rules ask (docs/architecture.md): null when there is no such bus.
   * @throws Unavailable when the last good copy is too old, or there is none, and D1 does not answer.
   */
  bus(name: string, background: Background): Promise<BusRoutes | null>;
  /** The key with that hash on that bus, equally fresh; null when there is none. @throws Unavailable */
  key(bus: string, hash: string, background: Background): Promise<KeyGrant | null>;
  /**
   * What a publish to the bus meets as far as this isolate knows, for whoever has just asked for one of its keys or for itself: while D1 is
   * away each further question would be waited for again. Null: it is not held.
   */
  rules(name: string): BusRules | null;
  /** Makes a change visible to this isolate at once. */
  applied(change: Change): void;
}

/** One changed row, as the caches see it. A deletion is a change. */
export type Change =
  | {
      readonly kind: "bus";
      readonly version: number;
      readonly bus: string;
      /** Tells a bus from an earlier one of the same name. */
      readonly createdMs: number;
      /** Null when it is deleted. */
      readonly settings: BusSettings | null;
    }
  | {
      readonly kind: "subscription";
      readonly version: number;
      readonly bus: string;
      readonly id: string;
      /** What it takes, as JSON text of `Wanted`, whether it is active or not; null when it is deleted. */
      readonly wanted: string | null;
    }
  | {
      /** The lane of its sink: health, not configuration. */
      readonly kind: "lane";
      readonly version: number;
      readonly bus: string;
      /** Of the subscription. */
      readonly id: string;
      readonly lane: Lane;
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
  /**
   * Changes of those buses after `version`, oldest first, at most ROUTES_CHANGES_MAX, of one snapshot. After 0 they come behind the buses
   * themselves, which may be in there a second time.
   */
  since(
    version: number,
    buses: readonly string[],
  ): Promise<{
    readonly changes: readonly Change[];
    /** The counter in that snapshot. */
    readonly version: number;
    /** Who knows less than this must load from 0: tombstones up to here are gone. */
    readonly purgedVersion: number;
    /** The database is nearly full: all buses record failures only. */
    readonly failuresOnly: boolean;
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
  /** Its rate deferred it before. */
  readonly returns: boolean;
  /** Of its sink, as of the claim. */
  readonly health: KnownHealth;
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
  /** Deliveries of these parcels that are for lane `slow`, now or a little later: they wait for an alarm there. */
  readonly forwarded: readonly Wake[];
}

/** First attempts that are recorded only when they fail. Nothing was written: no lease keeps others from making them too. */
export interface Peeked {
  /** Of active subscriptions whose sinks are neither shut nor slow, not on record. `attempt` and `tries` are 1. */
  readonly deliveries: readonly ClaimedDelivery[];
  /** As in `Claimed`. */
  readonly events: ReadonlyMap<string, ClaimedEvent>;
  /** The rest goes the way of the log level `all`: it is on record already, or is not to be pushed now. Parcels that name only that. */
  readonly others: readonly EventParcel[];
}

/** What to keep of first attempts. */
export interface FirstOutcomes {
  /** Of these events. */
  readonly parcels: readonly EventParcel[];
  /** Those that are to be written, and those that say something new of their sinks: these leave nothing else. */
  readonly settlements: readonly Settlement[];
  /** All of them, to be counted. */
  readonly noted: readonly Settlement[];
  /** Deliveries whose push is open for longer than SLOW_ATTEMPT_MS. */
  readonly open: readonly DeliveryKey[];
  /** Event ids of bodies by reference that nobody needs any more. */
  readonly spentBodies: readonly string[];
}

/** What a settle did. */
export interface Settled {
  readonly changes: readonly SinkChange[];
  readonly written: readonly DeliveryKey[];
}

/** The log of deliveries. Each method is one D1 `batch()`, a transaction; all may be repeated with the same token. */
export interface Log {
  claim(
    parcels: readonly (EventParcel | WakeParcel)[],
    options: {
      readonly token: string;
      readonly now: number;
      /** Of the batch: on `fast` nothing is pushed to a slow sink. */
      readonly lane: Lane;
      /** Whether the parcel's publish, if it is a duplicate, is to be counted: not when its message comes again. */
      readonly isCounted: (parcel: EventParcel) => boolean;
    },
  ): Promise<Claimed>;
  /** Reads what the deliveries of these parcels need to be pushed, of events that are recorded only when they fail. */
  peek(parcels: readonly EventParcel[], now: number): Promise<Peeked>;
  /**
   * Puts on record what `peek` gave and was not delivered, event and delivery; what is on record by now stays. Answers these settlements under
   * the keys that they have on record, without those of erased events and deleted buses.
   */
  recordFirst(
    outcomes: FirstOutcomes,
    now: number,
  ): Promise<{ readonly settlements: readonly Settlement[]; readonly changes: readonly SinkChange[] }>;
  /**
   * Writes outcomes, and what they and the pushes that are still open say of their sinks; the claim ends with the last delivery that carries its
   * token. Answers which sinks that changed, and which deliveries it wrote. Run again, it changes nothing, and answers so.
   */
  settle(
    settlements: readonly Settlement[],
    options: {
      readonly token: string;
      readonly now: number;
      /** Deliveries of the batch whose push is open for longer than SLOW_ATTEMPT_MS. */
      readonly open: readonly DeliveryKey[];
    },
  ): Promise<Settled>;
  /**
   * Of the deliveries that wait for the breaker or pause of a sink, the oldest become due now: until `limit` of them are and are not taken yet, one if it
   * is to be the probe, none while the sink is shut. Answers which, and whether another step is to follow. Where the subscription is not active, or skips
   * them, they are held or end.
   */
  resume(
    sink: SinkKey,
    options: { readonly limit: number; readonly now: number },
  ): Promise<{ readonly freed: readonly DeliveryKey[]; readonly more: boolean }>;
  /** Puts on record what a queue gave up on: rows become `waiting`, due now. Returns the keys to wake. */
  adopt(parcels: readonly EventParcel[], now: number): Promise<readonly DeliveryKey[]>;
  /** Stores bodies that travel by reference; the first body of an event stays. */
  storeBodies(bodies: readonly { readonly eventId: string; readonly body: string }[], now: number): Promise<void>;
}

/** What the sweep removes step by step when its time has come, beside events. */
export const PURGES = [
  "buses",
  "keys",
  "tombstones",
  "bodies",
  "erasures",
  "audit",
  "idempotency",
  "metrics",
  "news",
] as const;
export type Purge = (typeof PURGES)[number];

/** The sweep's steps: each is bounded, and one D1 `batch()`, of which a read may come first. */
export interface SweepLog {
  /** S1-S3: frees what dead batches held, reads what is overdue. At most SWEEP_ROWS_MAX. */
  lostAlarms(now: number): Promise<{ readonly freed: number; readonly wakes: readonly Wake[]; readonly more: boolean }>;
  /** S3: the alarms of these are sent; they are due again now, and left alone for SWEEP_REPEAT_MS. */
  woken(wakes: readonly Wake[], now: number): Promise<void>;
  /** Held rows whose subscription is active again become due, those that it skips or whose subscription is gone `cancelled`. */
  unhold(
    now: number,
  ): Promise<{ readonly resumed: readonly Wake[]; readonly cancelled: number; readonly more: boolean }>;
  /** Sinks that may have parked deliveries, and have been ready for them since `before`: a page, in order, from behind that one. */
  readySinks(before: number, after: SinkKey | null): Promise<readonly SinkKey[]>;
  /**
   * Active subscriptions of which something waits that was accepted before, and that was not told yet: a page of subscriptions, from behind that one,
   * and where the next page goes on.
   */
  lagging(
    before: number,
    after: string | null,
  ): Promise<{ readonly lagging: readonly Lagging[]; readonly next: string | null }>;
  /** Notes that these were told. */
  told(lagging: readonly Lagging[]): Promise<void>;
  /** Forgets it of those of which nothing waits any more that was accepted before. */
  caughtUp(before: number): Promise<void>;
  /** Counts what settles and claims wrote since the last time, METRIC_ROWS_MAX rows of each. */
  count(): Promise<{ readonly more: boolean }>;
  /** Goes on with erasures of events that have more deliveries than one request may touch. */
  erase(): Promise<{ readonly deliveries: number; readonly more: boolean }>;
  /** Closes and removes what is older than the retention of its bus, from a place onward. */
  retain(
    options: RetentionOptions,
    after: { readonly bus: string; readonly seq: string } | null,
  ): Promise<{
    readonly expired: readonly ExpiredDelivery[];
    readonly removed: number;
    readonly next: { readonly bus: string; readonly seq: string } | null;
  }>;
  /** The size of the database now, and what is noted of it. */
  database(): Promise<{ readonly bytes: number; readonly notedBytes: number; readonly failuresOnly: boolean }>;
  /** Notes it for all isolates. */
  noteDatabase(state: { readonly bytes: number; readonly failuresOnly: boolean }): Promise<void>;
  /**
   * Closes and removes the oldest events of all buses, until so many bytes of them are gone or the step is full: from a place onward, for
   * what is in flight stays, and so does what is younger than SHORTEN_SPARES_MS. What goes ahead of its retention is noted as
   * DatabaseState.shortenedMs.
   */
  shorten(
    options: RetentionOptions & { readonly bytes: number },
    after: string | null,
  ): Promise<{
    readonly expired: readonly ExpiredDelivery[];
    readonly removed: number;
    /** When the last event of the step was accepted; null without one. */
    readonly reachedMs: number | null;
    /** The size of the database after it. */
    readonly bytes: number;
    readonly next: string | null;
  }>;
  /**
   * `buses`: what deleted buses had. `keys`: those that expired KEY_EXPIRED_KEPT_MS ago become tombstones. `tombstones`: after
   * TOMBSTONE_MS, of buses once nothing of them is left. `bodies`: without an event after ORPHAN_BODIES_KEPT_MS. `metrics`: minutes are added up to
   * hours. `news`: of events when no bus keeps any that old. The others: after the time that limits.ts names.
   */
  purge(what: Purge, options: RetentionOptions): Promise<{ readonly removed: number; readonly more: boolean }>;
}

/** A delivery that retention closed. */
export interface ExpiredDelivery {
  readonly key: DeliveryKey;
  readonly eventId: string;
  readonly attempt: number;
}

/** A subscription whose oldest delivery that waits was accepted then. */
export interface Lagging extends SinkKey {
  readonly oldestMs: number;
}

export interface RetentionOptions {
  readonly now: number;
  /** Of buses that have no retention of their own. */
  readonly retentionDays: number;
}

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

/** What sinks' names resolve to at this moment. */
export interface Resolver {
  /**
   * The addresses of both families, none when the name has none. Never throws: an error says why not all are known, to be read after the
   * resolver. The signal's end is one.
   */
  addresses(name: string, signal: AbortSignal): Promise<Result<readonly string[], string>>;
}

/** What one batch wants of one subscription that has a pace. */
export interface PaceRequest extends SinkKey, Omit<PaceAsk, "token"> {}

export interface Permits extends Grant {
  /** So many were granted, or may have been: `allowed`, or without an answer all that was asked for. Those that are not used are to be given back. */
  readonly granted: number;
  /** No push of these starts later; null: none has to hurry. */
  readonly untilMs: number | null;
}

/** What holds the pace of subscriptions across all consumers. Neither method throws, and no answer fails. */
export interface Limiters {
  /**
   * Asked once per batch, and only of subscriptions with a rate or a concurrency; answers each for itself, in the order of the requests. One that
   * does not answer grants nothing, and all it was asked for is due again some seconds later.
   */
  ask(requests: readonly PaceRequest[], token: string): readonly Promise<Permits>[];
  /**
   * The batch has ended its pushes of this one: frees its places, and the permits that it did not use. Best effort: places free themselves after
   * LEASE_MS, and permits are over.
   */
  done(use: SinkKey & { readonly unused: number }, token: string): Promise<void>;
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

/** Why nothing was made: the bus is full; it is deleted; what was made under that id before is deleted since. */
export type NotMade = "limit-reached" | "bus-gone" | "deleted-since";

export interface SubscriptionStore {
  /** Stores it with its version; repeated with the same id it answers the one that is there, whatever became of it. */
  create(subscription: Omit<Subscription, "version">, note: AuditNote): Promise<ChangedSubscription | NotMade>;
  get(bus: string, id: string): Promise<StoredSubscription | null>;
  /** What those of these take that the bus has, by id, whatever their status is. */
  wanted(bus: string, ids: readonly string[]): Promise<ReadonlyMap<string, Wanted>>;
  /** Newest first. `before` is the `next` of the page before. */
  list(
    bus: string,
    options: { readonly limit: number; readonly before: string | null },
  ): Promise<Rows<StoredSubscription, string>>;
  /**
   * Replaces it if its version is still `expected`; null when it is not (changed or gone). Secrets and headers that are null stay as
   * they are stored: what cannot be read is not lost by a change of something else. What it holds of events accepted before `resumeFromMs`
   * is skipped, from now on whenever it is active. The health of a sink that is another, or active again, begins anew.
   */
  replace(
    subscription: StoredSubscription,
    options: { readonly expected: number; readonly note: AuditNote; readonly resumeFromMs?: number },
  ): Promise<ChangedSubscription | null>;
  /** Deletes it if its version is still `expected`; null when it is not (changed or gone). */
  delete(
    bus: string,
    id: string,
    options: { readonly expected: number; readonly now: number; readonly note: AuditNote },
  ): Promise<Change | null>;
  /** Disables it, unless it is not active or was changed after the attempt that says so; null then. */
  disable(
    bus: string,
    id: string,
    options: { readonly reason: string; readonly attemptedMs: number; readonly now: number; readonly auditId: string },
  ): Promise<Change | null>;
}

/** Who changed what: written with the change, in its `batch()`, and only if it was made. */
export interface AuditNote {
  /** `aud_` and a time-ordered id of `atMs`. */
  readonly id: string;
  readonly atMs: number;
  /** `root`, the id of a key, or `system`. */
  readonly actor: string;
  /** Null when no request asked for it. */
  readonly requestId: string | null;
  readonly action: AuditAction;
  /** JSON text of what it was and is, without secrets; null where there was, or is, nothing. */
  readonly before: string | null;
  readonly after: string | null;
}

export const AUDIT_ACTIONS = [
  "bus.created",
  "bus.changed",
  "bus.deleted",
  "subscription.created",
  "subscription.changed",
  "subscription.disabled",
  "subscription.deleted",
  "key.created",
  "key.changed",
  "key.rotated",
  "key.revoked",
  "event.erased",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export interface AuditEntry extends AuditNote {
  readonly bus: string;
  /** Id of what was changed. */
  readonly target: string;
}

/** Append-only, newest first. Changes of buses are in the audit of the bus `default`: only root makes them. */
export interface Audit {
  list(
    bus: string,
    filters: {
      readonly target?: string;
      readonly actor?: string;
      readonly action?: AuditAction;
      /** At or after. */
      readonly sinceMs?: number;
      /** Before. */
      readonly untilMs?: number;
    },
    page: { readonly limit: number; readonly before: string | null },
  ): Promise<Rows<AuditEntry, string>>;
}

export interface Bus {
  readonly bus: string;
  readonly settings: BusSettings;
  /** How many it has. */
  readonly subscriptions: number;
  readonly keys: number;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly version: number;
}

/** What the size guard last saw. */
export interface DatabaseState {
  readonly bytes: number;
  readonly failuresOnly: boolean;
  /** Events accepted before were removed ahead of their retention; 0: none. */
  readonly shortenedMs: number;
}

export interface BusStore {
  /**
   * Makes it with these settings unless it exists; then `created` is false and nothing is changed. `being-deleted`: what a bus of that name
   * had is not all removed yet.
   */
  create(
    bus: string,
    options: { readonly settings: BusSettings; readonly now: number; readonly note: AuditNote },
  ): Promise<{ readonly bus: Bus; readonly created: boolean } | "limit-reached" | "being-deleted">;
  get(bus: string): Promise<Bus | null>;
  /** By name. `after` is the `next` of the page before. */
  list(options: { readonly limit: number; readonly after: string | null }): Promise<Rows<Bus, string>>;
  /** Replaces the settings if its version is still `expected`; null when it is not (changed or gone). */
  replace(
    bus: string,
    options: {
      readonly settings: BusSettings;
      readonly expected: number;
      readonly now: number;
      readonly note: AuditNote;
    },
  ): Promise<Bus | null>;
  /** Leaves a tombstone, if its version is still `expected`; the sweep removes what it had. Answers the version of the deletion. */
  delete(
    bus: string,
    options: { readonly expected: number; readonly now: number; readonly note: AuditNote },
  ): Promise<number | null>;
  database(): Promise<DatabaseState>;
}

export interface Key extends KeyGrant {
  readonly bus: string;
  readonly name: string | null;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** To within KEY_USE_WRITE_MS; null: never. */
  readonly lastUsedMs: number | null;
  /** The successor that a rotation made of it; null: none, or its end was set anew since. */
  readonly replacedBy: string | null;
  readonly version: number;
}

export interface KeyStore {
  /** Stores it with its version; repeated with the same id it answers the one that is there, whatever became of it. */
  create(key: NewKey, note: AuditNote): Promise<Key | NotMade>;
  /**
   * Stores a successor and lets the key with that id and version end at `untilMs`, if that is before its own end: both or neither. Repeated
   * with the same id of the successor it answers what is there; the former key may be gone then. Null when there is no such key at that
   * version.
   */
  rotate(
    successor: NewKey,
    options: {
      readonly id: string;
      readonly expected: number;
      readonly untilMs: number;
      /** `created` is of the successor, `rotated` of the former key. */
      readonly notes: { readonly created: AuditNote; readonly rotated: AuditNote };
    },
  ): Promise<{ readonly successor: Key; readonly former: Key | null } | NotMade | null>;
  /** Newest first. `before` is the `next` of the page before. */
  list(bus: string, options: { readonly limit: number; readonly before: string | null }): Promise<Rows<Key, string>>;
  get(bus: string, id: string): Promise<Key | null>;
  /** Replaces name and limits if its version is still `expected`; null when it is not (changed or gone). */
  replace(key: Key, options: { readonly expected: number; readonly note: AuditNote }): Promise<Key | null>;
  /** Answers the version of the revocation, null when there is none to revoke at that version. */
  revoke(
    bus: string,
    id: string,
    options: { readonly expected: number; readonly now: number; readonly note: AuditNote },
  ): Promise<number | null>;
  /** Notes that it was used, unless that is noted within KEY_USE_WRITE_MS. No change: it takes no version. */
  used(bus: string, id: string, now: number): Promise<void>;
}

export type NewKey = Omit<Key, "version" | "updatedMs" | "lastUsedMs" | "replacedBy">;

/** What an earlier request with the same `Idempotency-Key` left. */
export interface Remembered {
  /** SHA-256 of method, path and body, hex. */
  readonly fingerprint: string;
  readonly beganMs: number;
  /** IDEMPOTENCY_SEED_BYTES: what it draws its ids and secrets from. */
  readonly seed: Uint8Array<ArrayBuffer>;
  /** Null when it was never answered, or not heard of. */
  readonly answer: IdempotentAnswer | null;
}

export interface IdempotentAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Which requests were made under which `Idempotency-Key`; kept IDEMPOTENCY_KEPT_MS, seed and answer sealed. */
export interface IdempotencyStore {
  /** Remembers the request unless one is remembered under that key, younger than IDEMPOTENCY_KEPT_MS; answers what is there now. */
  begin(place: IdempotencyPlace, fresh: Omit<Remembered, "answer">): Promise<Remembered>;
  /** The first answer stays; it is remembered even if a refused repetition of the request was forgotten meanwhile. */
  finish(place: IdempotencyPlace, request: Omit<Remembered, "answer">, answer: IdempotentAnswer): Promise<void>;
  /** For a request that was refused: nothing of it stays. Another request under the key, or an answer, does. */
  forget(place: IdempotencyPlace, fingerprint: string): Promise<void>;
}

export interface IdempotencyPlace {
  readonly bus: string;
  readonly actor: string;
  readonly key: string;
}

export interface RateLimits {
  /** Counts one request of the key; false when it has made too many. No promise of exactness: each location counts for itself. */
  take(tier: RateTier, keyId: string): Promise<boolean>;
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
  /** When it was erased; id, source and subject are empty then. Null for all others. */
  readonly erasedMs: number | null;
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
      /** The producer's. */
      readonly id?: string;
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
  /**
   * Events with their bodies: at most `limit`, and no more than have `bytesMax` bytes together, but for the first. Accepted at or after
   * `sinceMs` and before `untilMs`.
   */
  bodies(
    bus: string,
    span: { readonly sinceMs?: number; readonly untilMs?: number },
    page: { readonly limit: number; readonly bytesMax: number; readonly cursor: readonly string[] | null },
  ): Promise<Rows<EventOnRecord, readonly string[]>>;
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
  retry(key: DeliveryKey, now: number): Promise<"waiting" | "attempt-in-progress" | "event-erased" | null>;
  /**
   * Erases what the event says: id, source, subject, data, and what sinks answered. Its row stays until its retention, open deliveries are
   * `cancelled`, and no message brings anything back. Twice is once. False when it is not on record. Of an event with very many
   * deliveries the sweep erases the rest.
   */
  erase(bus: string, eventId: string, options: { readonly now: number; readonly note: AuditNote }): Promise<boolean>;
}

/** How the sink of a subscription is doing, as the last settle left it. */
export interface SinkHealth extends SinkKey {
  readonly lane: Lane;
  readonly breaker: Breaker;
  /** What an attempt takes on average; null before the first. */
  readonly latencyMs: number | null;
  /** Which part of its attempts fails, of late. */
  readonly failureRate: number;
  /** In a row. */
  readonly failures: number;
  readonly failingSinceMs: number | null;
  /** When the breaker opened, and when its next probe may be made; null while it is closed. */
  readonly openedMs: number | null;
  readonly probeMs: number | null;
  /** It asked for no request before this; 0: it never did. */
  readonly pausedUntilMs: number;
}

/** The health of sinks, for people. */
export interface HealthRecord {
  /** Of a subscription, whatever its status is, with its lag; null when there is none. */
  get(
    bus: string,
    subscriptionId: string,
  ): Promise<
    | (SinkHealth & {
        /** When the oldest event on record was accepted whose delivery has not ended; null without one. */
        readonly oldestUndeliveredMs: number | null;
      })
    | null
  >;
  /**
   * Those of the bus that are in trouble at `now`: on lane `slow`, with a breaker that is not closed, with failures in a row, or paused. Newest
   * subscription first; reads at most LIST_ROWS_READ_MAX rows. `before` is the `next` of the page before.
   */
  list(
    bus: string,
    filters: { readonly lane?: Lane; readonly breaker?: Breaker },
    page: { readonly limit: number; readonly before: string | null; readonly now: number },
  ): Promise<Rows<SinkHealth, string>>;
}

/** Where a stream goes on: behind entry `n` of the row at that place. */
export interface TailPlace {
  /** Unix milliseconds of what stands there, or a little more. */
  readonly place: number;
  readonly n: number;
}

/** What happens, in the order in which it is written. Places are of all buses; each look reads a bounded number of rows. */
export interface Tail {
  /** Where it ends now. */
  end(of: "events" | "deliveries"): Promise<TailPlace>;
  /** Whether news of deliveries behind the place may be gone, because it is older than SETTLES_KEPT_MS at `now`. */
  isOver(place: TailPlace, now: number): Promise<boolean>;
  /**
   * Events that came on record behind the place, with their bodies: at most STREAM_ENTRIES_MAX, and no more than have `bytesMax` bytes together, but
   * for the first. `place`: where the next look begins, which may be further than the last entry.
   */
  events(
    bus: string,
    filters: { readonly type?: string; readonly source?: string; readonly subject?: string },
    from: { readonly after: TailPlace; readonly bytesMax: number },
  ): Promise<News<{ readonly place: TailPlace; readonly event: EventOnRecord }>>;
  /** Deliveries of a subscription that were settled behind the place, as they are now; kept SETTLES_KEPT_MS. At most STREAM_ENTRIES_MAX. */
  deliveries(
    bus: string,
    subscriptionId: string,
    from: { readonly after: TailPlace },
  ): Promise<News<{ readonly place: TailPlace; readonly delivery: DeliveryOnRecord }>>;
  /** The events at these places of the record, with their bodies, in no order. */
  bodies(bus: string, seqs: readonly string[]): Promise<readonly EventOnRecord[]>;
  /** Counts a stream until it is closed, or its lease is over; false when the bus has STREAMS_PER_BUS_MAX. */
  open(bus: string, id: string, times: { readonly now: number; readonly leaseMs: number }): Promise<boolean>;
  close(bus: string, id: string): Promise<void>;
}

export interface News<T> {
  readonly entries: readonly T[];
  readonly place: TailPlace;
  /** There is more behind the place, of this reader or of others. */
  readonly more: boolean;
}

// ---- Metrics -----------------------------------------------------------------------------------------------------

/** What is counted of a bus or a subscription, over some time. */
export interface Counts {
  /** That came on record. 0 of a subscription. */
  readonly events: number;
  /** Attempts. */
  readonly succeeded: number;
  readonly failed: number;
  /** Of these attempts, those that lane `slow` made. */
  readonly slowLane: number;
  /** Deliveries that ended so. */
  readonly delivered: number;
  readonly dead: number;
  /** What attempts took. */
  readonly attemptMs: LatencyCounts;
  /** From acceptance to delivered. */
  readonly deliveryMs: LatencyCounts;
}

/** Milliseconds: their sum, and how many there are up to each of LATENCY_BOUNDS_MS and over the last. */
export interface LatencyCounts {
  readonly sum: number;
  readonly counts: readonly number[];
}

interface MetricSpan {
  readonly sinceMs: number;
  /** Not included. */
  readonly untilMs: number;
}

/** Counts for people. Minutes are kept METRIC_MINUTES_KEPT_MS, hours METRIC_HOURS_KEPT_MS. */
export interface Metrics {
  /** Steps in which something was counted, in order; times are multiples of the step. Null: of the whole bus. */
  series(
    bus: string,
    options: MetricSpan & { readonly subscriptionId: string | null; readonly stepMs: number; readonly now: number },
  ): Promise<readonly { readonly atMs: number; readonly counts: Counts }[]>;
  /** Of each of these subscriptions that has any, as far as the sweep has counted: looks up each minute of each. */
  bySubscription(
    bus: string,
    subscriptionIds: readonly string[],
    span: MetricSpan,
  ): Promise<ReadonlyMap<string, Counts>>;
  /** Of all time, as far as the sweep has counted; of METRIC_SERIES_MAX subscriptions at most. */
  totals(bus: string): Promise<{
    readonly bus: Counts;
    readonly subscriptions: readonly { readonly subscriptionId: string; readonly counts: Counts }[];
    readonly isCut: boolean;
  }>;
  /** What has not ended: reads LIST_SCAN_ROWS_MAX rows of what waits and of what is held, of all buses. */
  backlog(bus: string): Promise<{
    readonly waiting: number;
    readonly held: number;
    /** There may be more of both. */
    readonly isLeast: boolean;
    /** Of those that wait. */
    readonly oldestAcceptedMs: number | null;
  }>;
}

/** What the HTTP API is given, and what each request carries through it. Types only. */
import type { Refusal } from "../core/problem.ts";
import type { Vault } from "../core/vault.ts";
import type { SinkPolicy } from "../core/sink.ts";
import type { Wake } from "../core/wakes.ts";
import type { Ingest } from "../ingest.ts";
import type {
  Audit,
  Background,
  BusStore,
  Clock,
  EventRecord,
  HealthRecord,
  IdempotencyStore,
  KeyGrant,
  KeyStore,
  Logger,
  Metrics,
  Random,
  RateLimits,
  Routes,
  Scope,
  SubscriptionStore,
  Tail,
} from "../ports.ts";

export interface HttpDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly routes: Routes;
  readonly buses: BusStore;
  readonly keys: KeyStore;
  readonly subscriptions: SubscriptionStore;
  readonly record: EventRecord;
  readonly tail: Tail;
  readonly health: HealthRecord;
  readonly metrics: Metrics;
  readonly audit: Audit;
  readonly idempotency: IdempotencyStore;
  readonly rateLimits: RateLimits;
  readonly ingest: Ingest;
  /** Sends alarms for deliveries that are due. Never throws: the sweep finds what it could not send. */
  readonly wake: (wakes: readonly Wake[]) => Promise<void>;
  /** Frees what subscriptions held that are active again, sooner than the sweep would. Runs in the background; may throw. */
  readonly resumed: () => Promise<void>;
  readonly auth: {
    readonly rootKeys: readonly string[];
    readonly checkKeys: () => Promise<readonly CryptoKey[]>;
  };
  /** Seals the keys of sessions. */
  readonly vault: Vault;
  readonly sinkPolicy: SinkPolicy;
  /** What holds for a bus that sets nothing. */
  readonly deployment: { readonly retentionDays: number; readonly databaseBytes: number };
  /** When this isolate last noted that a key was used, by its id, the oldest first. Plain data, at most KEY_USES_MAX. */
  readonly keyUses: Map<string, number>;
  /** Of Fantail, as `GET /healthz` shows it. */
  readonly version: string;
}

/** What a valid key allows: everything on that bus (root), or its scopes there. */
export interface Access {
  readonly bus: string;
  readonly scopes: readonly Scope[];
  /** Whom the audit names: `root`, or the id of the key. */
  readonly actor: string;
  /** Null for root. */
  readonly grant: KeyGrant | null;
}

/** Whose key a request carries: the root key, or one that was made for that bus and is looked up by its hash. */
export type Holder = "root" | { readonly bus: string; readonly hash: string };

/** What one request draws its ids, secrets and times from: from chance, or from what its `Idempotency-Key` remembers. */
export interface Draw {
  /** Unix milliseconds: when the request, or the first of its repetitions, began. */
  readonly now: number;
  readonly random: Pick<Random, "bytes">;
}

/**
 * Hono's environment. `access` is set behind `requires`, and read nowhere else; `reauthorize` sets it anew, or answers why the key does
 * not allow the request any more. `holder` is set once the key's check is known to be right; `sessionMs`, when it came in a session, is its end. `body` holds the bytes of a management body once they are
 * read. `isMaking` is set before something is stored under an id that a repeated request would not have, unless it carries an
 * `Idempotency-Key`: then `draw` is set, and the repetition makes the same thing.
 */
export interface HttpEnv {
  Bindings: { background: Background };
  Variables: {
    requestId: string;
    access: Access;
    reauthorize: () => Promise<Refusal | null>;
    holder?: Holder;
    sessionMs?: number;
    body?: Uint8Array<ArrayBuffer>;
    draw?: Draw;
    isMaking?: true;
  };
}

/**
 * What the API takes and answers, as types. Made from the contract by `npm run api-types`: change src/http/contract/, not this file.
 */

/** A condition on an event: one dialect. `exact`, `prefix`, `suffix`, `all`, `any`, `not` and `sql` are of the CloudEvents Subscriptions API and see attributes; `pattern` is the event pattern language of EventBridge and sees data too. All filters of a subscription together have at most 200 dialect objects, and 8 levels of `all`, `any` and `not`. */
export type Filter =
  | {
      /** Every attribute equals its string. */
      readonly exact: Readonly<Record<string, string>>;
    }
  | {
      /** Every attribute begins with its string. */
      readonly prefix: Readonly<Record<string, string>>;
    }
  | {
      /** Every attribute ends with its string. */
      readonly suffix: Readonly<Record<string, string>>;
    }
  | {
      /** Every filter holds. */
      readonly all: readonly Filter[];
    }
  | {
      /** At least one filter holds. */
      readonly any: readonly Filter[];
    }
  | {
      readonly not: Filter;
    }
  | {
      readonly pattern: Pattern;
    }
  | {
      /** An expression of CloudEvents SQL 1.0. It holds when it is true, without an error. */
      readonly sql: string;
    };

/** Fields of the event's JSON form that must all hold: attributes, and `data`. A value is an object of more fields, or an array of which any entry holds. `$or` lists at least two such objects of which any holds. At most 32 levels, and 1000 alternatives. */
export interface Pattern {
  readonly $or?: readonly Pattern[];
  readonly [name: string]: unknown;
}

/** Any of them holds: a value that is equal, or an operator. */
export type PatternValues = readonly (
  | string
  | number
  | boolean
  | null
  | {
      readonly prefix:
        | string
        | {
            readonly "equals-ignore-case": string;
          };
    }
  | {
      readonly suffix:
        | string
        | {
            readonly "equals-ignore-case": string;
          };
    }
  | {
      readonly "equals-ignore-case": string;
    }
  | {
      /** `*` is any text; `\*` and `\\` are themselves. */
      readonly wildcard: string;
    }
  | {
      readonly "anything-but":
        | string
        | readonly string[]
        | number
        | readonly number[]
        | {
            readonly prefix: string | readonly string[];
          }
        | {
            readonly suffix: string | readonly string[];
          }
        | {
            readonly "equals-ignore-case": string | readonly string[];
          }
        | {
            readonly wildcard: string | readonly string[];
          };
    }
  | {
      /** One comparison, or a lower and an upper bound. */
      readonly numeric: readonly (string | number)[];
    }
  | {
      /** A network of IPv4 or IPv6. */
      readonly cidr: string;
    }
  | {
      /** Whether there is a value at all. */
      readonly exists: boolean;
    }
  | {
      readonly exactly: string;
    }
)[];

/** An event in the JSON format of CloudEvents 1.0, at most 1048576 bytes. All other members are extension attributes: strings, booleans or 32-bit integers, 64 attributes in all, named with up to 64 of a-z and 0-9. */
export interface Event {
  readonly specversion: "1.0";
  /** Names the event, together with `source`: published again it is the same event. */
  readonly id: string;
  /** Where it happened: a URI-reference. */
  readonly source: string;
  /** What happened. */
  readonly type: string;
  /** What it happened to, within the source. */
  readonly subject?: string | null;
  /** When it happened. */
  readonly time?: string | null;
  /** The media type of `data`; JSON without one. */
  readonly datacontenttype?: string | null;
  /** What `data` adheres to: an absolute URI. */
  readonly dataschema?: string | null;
  /** The payload: any JSON. It is kept as it was sent, character by character. */
  readonly data?: unknown;
  /** A payload of bytes, instead of `data`. */
  readonly data_base64?: string | null;
  readonly [name: string]: unknown;
}

/** What a person types: an object without `specversion`. The rest is filled in. */
export interface ShortEvent {
  /** What happened. */
  readonly type: string;
  /** The payload: any JSON. It is kept as it was sent, character by character. */
  readonly data?: unknown;
  /** Where it happened: a URI-reference. Needed with an `id`; else it is `/buses/<bus>`. */
  readonly source?: string | null;
  /** Names the event; else it is the `idempotency-key`, or made. */
  readonly id?: string | null;
  /** What it happened to, within the source. */
  readonly subject?: string | null;
  /** When it happened. */
  readonly time?: string | null;
}

/** Events in one request. Those that are not valid do not stop the others. */
export type EventBatch = readonly Event[];

/** A subscription to be made. Only `sink` is needed. */
export interface SubscriptionCreate {
  /** The consumer's webhook: a public https URL without credentials and fragment. */
  readonly sink: string;
  /** What people call it. */
  readonly name?: string | null;
  /** Takes events of these types; null and an empty list: of all. */
  readonly types?: readonly string[] | null;
  /** Takes events of this source; null: of all. */
  readonly source?: string | null;
  /** Takes events for which every filter holds. With `types` and `source` at most 16384 bytes of JSON. */
  readonly filters?: readonly Filter[] | null;
  /** Headers added to every request. Their values are secrets: stored encrypted, shown as `…`. Names that Fantail, HTTP or the network set are refused. */
  readonly headers?: Readonly<Record<string, string | null>> | null;
  /** What the sink receives: the event as JSON, in binary mode, as a Standard Webhooks payload, or only its identity. */
  readonly format?: "structured" | "binary" | "standard" | "reference" | null;
  /** How long one attempt may take. */
  readonly timeout_ms?: number | null;
  readonly retry?: {
    /** Seconds to wait after the first, second, … attempt. One attempt more than its length is made. */
    readonly schedule_s?: readonly number[] | null;
    /** Statuses of the sink that are final after three attempts. */
    readonly permanent?: readonly number[] | null;
  } | null;
  /** At most so many pushes in so many seconds, evenly spread; held over at least 60 s. What is over it waits. Null: no limit. */
  readonly rate?: {
    /** Pushes in the period, at most 1000 a second. */
    readonly limit: number;
    /** The period in seconds. */
    readonly period_s: number;
  } | null;
  /** Requests that are open at a time, of all consumers together. Null: no limit. */
  readonly concurrency?: number | null;
  /** A paused one is matched as ever: its deliveries are held until it is resumed. */
  readonly status?: "active" | "paused" | null;
  /** Signs every request (Standard Webhooks 1.0): `whsec_` and the base64 of 24 to 64 bytes. */
  readonly secret?: string | null;
}

/** What is to change (RFC 7396): lists are replaced, null is the default. An answer can be edited and sent back: what it repeats changes nothing. */
export interface SubscriptionPatch {
  /** The consumer's webhook: a public https URL without credentials and fragment. */
  readonly sink?: string;
  /** What people call it. */
  readonly name?: string | null;
  /** Takes events of these types; null and an empty list: of all. */
  readonly types?: readonly string[] | null;
  /** Takes events of this source; null: of all. */
  readonly source?: string | null;
  /** Takes events for which every filter holds. With `types` and `source` at most 16384 bytes of JSON. */
  readonly filters?: readonly Filter[] | null;
  /** Headers added to every request. Their values are secrets: stored encrypted, shown as `…`. Names that Fantail, HTTP or the network set are refused. */
  readonly headers?: Readonly<Record<string, string | null>> | null;
  /** What the sink receives: the event as JSON, in binary mode, as a Standard Webhooks payload, or only its identity. */
  readonly format?: "structured" | "binary" | "standard" | "reference" | null;
  /** How long one attempt may take. */
  readonly timeout_ms?: number | null;
  readonly retry?: {
    /** Seconds to wait after the first, second, … attempt. One attempt more than its length is made. */
    readonly schedule_s?: readonly number[] | null;
    /** Statuses of the sink that are final after three attempts. */
    readonly permanent?: readonly number[] | null;
  } | null;
  /** At most so many pushes in so many seconds, evenly spread; held over at least 60 s. What is over it waits. Null: no limit. */
  readonly rate?: {
    /** Pushes in the period, at most 1000 a second. */
    readonly limit?: number;
    /** The period in seconds. */
    readonly period_s?: number;
  } | null;
  /** Requests that are open at a time, of all consumers together. Null: no limit. */
  readonly concurrency?: number | null;
  /** `disabled` cannot be set, only repeated. */
  readonly status?: "active" | "paused" | "disabled" | null;
  /** Only with `status` set to `active` on one that is not: which of the held deliveries go out. `last`, the default: all of them. `latest`: none, only what is accepted from now on. A time, not in the future: those of events accepted then or later. The others end as `cancelled`, cause `skipped`. */
  readonly resume_from?: string | null;
  /** Signs every request (Standard Webhooks 1.0): `whsec_` and the base64 of 24 to 64 bytes. */
  readonly secret?: string;
  /** Read-only: as it is, or absent. */
  readonly id?: unknown;
  /** Read-only: as it is, or absent. */
  readonly bus?: unknown;
  /** Read-only: as it is, or absent. */
  readonly disabled_reason?: unknown;
  /** Read-only: as it is, or absent. */
  readonly created_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly updated_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly version?: unknown;
  /** Read-only: as it is, or absent. */
  readonly effective_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly unreadable?: unknown;
}

/** What a subscription would state, and an event in full or in the short form. */
export interface FilterTest {
  /** Takes events of these types; null and an empty list: of all. */
  readonly types?: readonly string[] | null;
  /** Takes events of this source; null: of all. */
  readonly source?: string | null;
  /** Takes events for which every filter holds. With `types` and `source` at most 16384 bytes of JSON. */
  readonly filters?: readonly Filter[] | null;
  readonly event: Event | ShortEvent;
}

/** What a subscription would state, and on which events it is tried. */
export interface FilterBacktest {
  /** Takes events of these types; null and an empty list: of all. */
  readonly types?: readonly string[] | null;
  /** Takes events of this source; null: of all. */
  readonly source?: string | null;
  /** Takes events for which every filter holds. With `types` and `source` at most 16384 bytes of JSON. */
  readonly filters?: readonly Filter[] | null;
  /** Compare it with what this subscription takes. */
  readonly subscription_id?: string | null;
  /** Only events that were accepted at that time or after. */
  readonly since?: string | null;
  /** Only events that were accepted before that time. */
  readonly until?: string | null;
  /** Events of one answer, at most. */
  readonly limit?: number | null;
  /** `next_cursor` of the answer before, with the same filters, subscription and span. It is refused once the subscription has other filters. */
  readonly cursor?: string | null;
}

/** A filter of another service. */
export type FilterImport = FilterImportEventBridge | FilterImportSns | FilterImportEventGrid;

/** A rule of Amazon EventBridge. */
export interface FilterImportEventBridge {
  readonly from: "eventbridge";
  /** The event pattern, or what `aws events describe-rule` answers. */
  readonly rule: Readonly<Record<string, unknown>>;
  /** Of `account`, `region` and `version`: the attribute that the producer puts it in. */
  readonly attributes?: Readonly<Record<string, string>> | null;
}

/** A filter policy of Amazon SNS. */
export interface FilterImportSns {
  readonly from: "sns";
  /** The filter policy, or what `aws sns get-subscription-attributes` answers. */
  readonly policy: Readonly<Record<string, unknown>>;
  /** The FilterPolicyScope; by default as the subscription has it, or MessageAttributes. */
  readonly scope?: "MessageAttributes" | "MessageBody" | null;
  /** Of message attributes: the attribute of the event, or as `data.<name>` the member of its data, that the producer puts it in. */
  readonly attributes?: Readonly<Record<string, string>> | null;
}

/** A filter of Azure Event Grid. */
export interface FilterImportEventGrid {
  readonly from: "eventgrid";
  /** The `filter` of an event subscription. */
  readonly filter: Readonly<Record<string, unknown>>;
  /** The schema of the events that it was written for. */
  readonly schema?: "EventGridSchema" | "CloudEventSchemaV1_0" | null;
  /** True: no event has an array where the filter looks. */
  readonly no_arrays?: boolean | null;
}

/** A key to be made. It grants nothing that its maker may not do. */
export interface KeyCreate {
  /** What people call it. */
  readonly name?: string | null;
  /** What it may do: publish events; read what is on record; manage everything of the bus. */
  readonly scopes: readonly ("publish" | "read" | "manage")[];
  /** Event types that it may publish: each exactly, or all that begin so when it ends in `*`. Null: all. Only of a key that can but publish. */
  readonly types?: readonly string[] | null;
  /** Origins whose pages may use it, and nobody else may. Null: it is not for browsers. Only of a key that can but publish. */
  readonly allowed_origins?: readonly string[] | null;
  /** Publishes in 10 s at one location: 100, 1000 or 10000. */
  readonly rate_limit?: "low" | "standard" | "high" | null;
  /** It is refused from then on, within ten years; null: never. */
  readonly expires_at?: string | null;
}

/** What is to change (RFC 7396). An answer can be edited and sent back. */
export interface KeyPatch {
  /** What people call it. */
  readonly name?: string | null;
  /** What it may do: publish events; read what is on record; manage everything of the bus. */
  readonly scopes?: readonly ("publish" | "read" | "manage")[];
  /** Event types that it may publish: each exactly, or all that begin so when it ends in `*`. Null: all. Only of a key that can but publish. */
  readonly types?: readonly string[] | null;
  /** Origins whose pages may use it, and nobody else may. Null: it is not for browsers. Only of a key that can but publish. */
  readonly allowed_origins?: readonly string[] | null;
  /** Publishes in 10 s at one location: 100, 1000 or 10000. */
  readonly rate_limit?: "low" | "standard" | "high" | null;
  /** It is refused from then on, within ten years; null: never. */
  readonly expires_at?: string | null;
  /** Read-only: as it is, or absent. */
  readonly id?: unknown;
  /** Read-only: as it is, or absent. */
  readonly bus?: unknown;
  /** Read-only: as it is, or absent. */
  readonly last_used_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly replaced_by?: unknown;
  /** Read-only: as it is, or absent. */
  readonly status?: unknown;
  /** Read-only: as it is, or absent. */
  readonly created_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly updated_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly version?: unknown;
  /** Read-only: as it is, or absent. */
  readonly effective_at?: unknown;
}

export interface KeyRotate {
  /** For how long the former key goes on. */
  readonly overlap_s?: number;
}

/** How one bus is set: what is absent or null has its default. An answer about it can be edited and sent back. */
export interface BusSettings {
  /** Days that its events stay on record; null: as the deployment has it. */
  readonly retention_days?: number | null;
  /** `all`: every event is on record. `failures`: only what was not delivered at its first attempt. */
  readonly log_level?: "all" | "failures" | null;
  /** Bytes of one event as JSON; null: as many as there can be. */
  readonly event_bytes_max?: number | null;
  /** Bytes of one publish, inflated; null: as many as there can be. */
  readonly request_bytes_max?: number | null;
  /** Read-only: as it is, or absent. */
  readonly bus?: unknown;
  /** Read-only: as it is, or absent. */
  readonly subscriptions?: unknown;
  /** Read-only: as it is, or absent. */
  readonly keys?: unknown;
  /** Read-only: as it is, or absent. */
  readonly created_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly updated_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly version?: unknown;
  /** Read-only: as it is, or absent. */
  readonly effective_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly effective?: unknown;
}

/** What is to change (RFC 7396): null is the default. An answer can be edited and sent back. */
export interface BusPatch {
  /** Days that its events stay on record; null: as the deployment has it. */
  readonly retention_days?: number | null;
  /** `all`: every event is on record. `failures`: only what was not delivered at its first attempt. */
  readonly log_level?: "all" | "failures" | null;
  /** Bytes of one event as JSON; null: as many as there can be. */
  readonly event_bytes_max?: number | null;
  /** Bytes of one publish, inflated; null: as many as there can be. */
  readonly request_bytes_max?: number | null;
  /** Read-only: as it is, or absent. */
  readonly bus?: unknown;
  /** Read-only: as it is, or absent. */
  readonly subscriptions?: unknown;
  /** Read-only: as it is, or absent. */
  readonly keys?: unknown;
  /** Read-only: as it is, or absent. */
  readonly created_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly updated_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly version?: unknown;
  /** Read-only: as it is, or absent. */
  readonly effective_at?: unknown;
  /** Read-only: as it is, or absent. */
  readonly effective?: unknown;
}

/** Who signs in. */
export interface SessionCreate {
  /** The root key, or a key of a bus. */
  readonly key: string;
}

/** An event that every queue confirmed. */
export interface PublishLineAccepted {
  /** Which line of the request it is, from 1. */
  readonly line: number;
  readonly status: "accepted";
  /** A function of bus, source and id: the same event has the same. */
  readonly event_id: string;
  readonly id: string;
  readonly source: string;
  /** Subscriptions that take it; one that is paused or disabled holds it. */
  readonly matched: number;
  /** The first 100 of them. */
  readonly subscription_ids: readonly string[];
}

/** A line that is refused, and why. */
export interface PublishLineRejected {
  /** Which line of the request it is, from 1. */
  readonly line: number;
  readonly status: "rejected";
  readonly problem: Problem;
}

/** What went wrong, as in RFC 9457. `docs/problems.md` says what to do about each type. */
export interface Problem {
  /** What kind of problem it is, for programs. */
  readonly type:
    | "https://fantail.dev/problems/malformed-body"
    | "https://fantail.dev/problems/malformed-json"
    | "https://fantail.dev/problems/invalid-parameter"
    | "https://fantail.dev/problems/invalid-header"
    | "https://fantail.dev/problems/unauthorized"
    | "https://fantail.dev/problems/forbidden"
    | "https://fantail.dev/problems/not-found"
    | "https://fantail.dev/problems/bus-not-found"
    | "https://fantail.dev/problems/method-not-allowed"
    | "https://fantail.dev/problems/attempt-in-progress"
    | "https://fantail.dev/problems/event-erased"
    | "https://fantail.dev/problems/bus-being-deleted"
    | "https://fantail.dev/problems/limit-reached"
    | "https://fantail.dev/problems/version-mismatch"
    | "https://fantail.dev/problems/payload-too-large"
    | "https://fantail.dev/problems/unsupported-media-type"
    | "https://fantail.dev/problems/invalid-event"
    | "https://fantail.dev/problems/invalid-request"
    | "https://fantail.dev/problems/idempotency-key-reused"
    | "https://fantail.dev/problems/too-many-hops"
    | "https://fantail.dev/problems/too-many-streams"
    | "https://fantail.dev/problems/rate-limited"
    | "https://fantail.dev/problems/internal-error"
    | "https://fantail.dev/problems/unavailable";
  /** The same for every problem of a type. */
  readonly title: string;
  readonly status: number;
  /** What is wrong with this request. */
  readonly detail?: string;
  /** The id of the request, also in `x-request-id`. */
  readonly instance: string;
  /** Everything that is wrong with the body; the detail says when there is more. */
  readonly errors?: readonly Fault[];
}

/** One thing that is wrong with the body. */
export interface Fault {
  /** JSON Pointer (RFC 6901) into the body that was sent. */
  readonly pointer: string;
  readonly detail: string;
}

/** The last line: the request was read to its end. */
export interface PublishDone {
  readonly status: "done";
  /** Lines that are dealt with. */
  readonly lines: number;
  /** Entries that are accepted. */
  readonly accepted: number;
  /** Entries that are refused. */
  readonly rejected: number;
}

/** The last line: why the rest was not dealt with. */
export interface PublishStopped {
  readonly status: "stopped";
  /** Lines that are dealt with. */
  readonly lines: number;
  /** Entries that are accepted. */
  readonly accepted: number;
  /** Entries that are refused. */
  readonly rejected: number;
  /** From here on it may be sent again: under another `idempotency-key`, if short forms have their ids from it. */
  readonly next_line: number;
  readonly problem: Problem;
}

/** The receipt of a publish. */
export interface PublishResult {
  /** Entries that are accepted. */
  readonly accepted: number;
  /** Entries that are refused. */
  readonly rejected: number;
  /** One for each entry, in the order sent. With `prefer: return=minimal` only those that are refused, and absent without any. */
  readonly events?: readonly PublishEntry[];
}

/** What became of one entry of a publish. */
export type PublishEntry = PublishAccepted | PublishRejected;

/** An event that every queue confirmed. */
export interface PublishAccepted {
  readonly status: "accepted";
  /** A function of bus, source and id: the same event has the same. */
  readonly event_id: string;
  readonly id: string;
  readonly source: string;
  /** Subscriptions that take it; one that is paused or disabled holds it. */
  readonly matched: number;
  /** The first 100 of them. */
  readonly subscription_ids: readonly string[];
  /** Only with `explain`: the subscriptions that take it, then those that miss it by the least, at most 100 and 1000000 bytes of them, and fewer of an event that is large: its size times what is asked of it is bounded. Null: it is accepted, and they could not be looked up. */
  readonly explain?: readonly SubscriptionExplained[] | null;
  /** Only with `explain`: the subscriptions of the bus that are not among them. */
  readonly unexplained?: number;
}

/** Why a subscription takes an event, or does not. */
export interface SubscriptionExplained {
  /** Whose conditions they are. */
  readonly subscription_id: string;
  /** Whether the event is taken. */
  readonly matched: boolean;
  /** All conditions that were looked at; none: everything is taken. */
  readonly explain: readonly ExplainedClause[];
}

/** One condition, and what the event has for it. */
export interface ExplainedClause {
  /** JSON Pointer into an object of `types`, `source` and `filters`. */
  readonly pointer: string;
  /** What is asked for there. */
  readonly wanted: unknown;
  /** What the event has in its place: a value, or the values of the elements of arrays, the first 20. Texts end in … after 256 characters. For `sql`, what it evaluates to, and the error if there is one. Absent where the event has nothing, and of what holds other conditions. */
  readonly observed?: unknown;
  /** Whether the event meets it. */
  readonly matched: boolean;
}

/** An entry that is refused, and why. It stops none of the others. */
export interface PublishRejected {
  /** Which entry it is, from 0: only with `prefer: return=minimal`. */
  readonly index?: number;
  readonly status: "rejected";
  readonly problem: Problem;
}

export interface EventPage {
  readonly data: readonly EventSummary[];
  /** The `cursor` of the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** An event as lists show it. */
export interface EventSummary {
  /** A function of bus, source and id. */
  readonly event_id: string;
  /** The bus it was published to. */
  readonly bus: string;
  /** The producer's id; null when it is erased. */
  readonly id: string | null;
  /** Null when it is erased. */
  readonly source: string | null;
  readonly type: string;
  /** Null without one, and when it is erased. */
  readonly subject: string | null;
  /** When it was published first. */
  readonly accepted_at: string;
  /** Subscriptions that took it. */
  readonly matched: number;
  /** How often it was published again. */
  readonly duplicates: number;
  /** Of its JSON. */
  readonly bytes: number;
  /** When it was erased; null: it was not. */
  readonly erased_at: string | null;
}

/** An event, how it was routed, and its deliveries. */
export interface EventOnRecord {
  /** A function of bus, source and id. */
  readonly event_id: string;
  /** The bus it was published to. */
  readonly bus: string;
  /** The producer's id; null when it is erased. */
  readonly id: string | null;
  /** Null when it is erased. */
  readonly source: string | null;
  readonly type: string;
  /** Null without one, and when it is erased. */
  readonly subject: string | null;
  /** When it was published first. */
  readonly accepted_at: string;
  /** Subscriptions that took it. */
  readonly matched: number;
  /** How often it was published again. */
  readonly duplicates: number;
  /** Of its JSON. */
  readonly bytes: number;
  /** When it was erased; null: it was not. */
  readonly erased_at: string | null;
  /** The event itself, with its data as it was sent; null when it is erased or no longer kept. */
  readonly event: Event | null;
  readonly deliveries: readonly Delivery[];
  /** The `cursor` of `GET /v1/deliveries?event_id=` for more; null: these are all. */
  readonly deliveries_next_cursor: string | null;
}

/** One event for one subscription: what became of it. */
export interface Delivery {
  /** Of this delivery: the `webhook-id` of all its attempts. */
  readonly id: string;
  /** The event that is delivered. */
  readonly event_id: string;
  /** The subscription that it is delivered for. */
  readonly subscription_id: string;
  /** The type of the event. */
  readonly type: string;
  /** `pending`: no attempt has finished. `retrying`: one failed, another comes. `held`: its subscription is paused or disabled. `delivered`, `dead` and `cancelled` are the end. */
  readonly status: "pending" | "retrying" | "held" | "delivered" | "dead" | "cancelled";
  /** Why it waits, is held, or ended so; null where there is nothing to say. */
  readonly cause: string | null;
  /** Attempts that were begun. */
  readonly attempt: number;
  /** When the next attempt is due; null: none is, or it waits for its sink (`cause`). */
  readonly due_at: string | null;
  /** The last that is on record; null: none is. */
  readonly last_attempt: Attempt | null;
}

/** One request that was made for a delivery. */
export interface Attempt {
  /** Counts from 1 over the whole life of the delivery: `fantail-attempt`. */
  readonly attempt: number;
  /** When it was made. */
  readonly at: string;
  /** How long it took. */
  readonly duration_ms: number;
  /** What the sink answered; null: it did not. */
  readonly status: number | null;
  /** Why there was no answer; null: there was one. */
  readonly error: string | null;
  /** The first kilobyte of a failure's answer. */
  readonly answer: string | null;
}

/** Why a subscription takes an event on record, or does not. */
export interface EventExplained {
  /** The event that is explained. */
  readonly event_id: string;
  /** Whose filters it is held against. */
  readonly subscription_id: string;
  /** What is not active holds what it takes. */
  readonly subscription_status: "active" | "paused" | "disabled";
  /** Whether the event is taken. */
  readonly matched: boolean;
  /** All conditions that were looked at; none: everything is taken. */
  readonly explain: readonly ExplainedClause[];
  /** What was made of it when it was published; null: nothing. */
  readonly delivery_id: string | null;
}

export interface DeliveryPage {
  readonly data: readonly Delivery[];
  /** The `cursor` of the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** A delivery with its attempts. */
export interface DeliveryInFull {
  /** Of this delivery: the `webhook-id` of all its attempts. */
  readonly id: string;
  /** The event that is delivered. */
  readonly event_id: string;
  /** The subscription that it is delivered for. */
  readonly subscription_id: string;
  /** The type of the event. */
  readonly type: string;
  /** `pending`: no attempt has finished. `retrying`: one failed, another comes. `held`: its subscription is paused or disabled. `delivered`, `dead` and `cancelled` are the end. */
  readonly status: "pending" | "retrying" | "held" | "delivered" | "dead" | "cancelled";
  /** Why it waits, is held, or ended so; null where there is nothing to say. */
  readonly cause: string | null;
  /** Attempts that were begun. */
  readonly attempt: number;
  /** When the next attempt is due; null: none is, or it waits for its sink (`cause`). */
  readonly due_at: string | null;
  /** The last that is on record; null: none is. */
  readonly last_attempt: Attempt | null;
  /** Oldest first; the last 100 are kept. */
  readonly attempts: readonly Attempt[];
}

/** A delivery that is due at once. */
export interface DeliveryRetried {
  /** Of the delivery. */
  readonly id: string;
  /** `pending`: no attempt has finished. `retrying`: one failed, another comes. `held`: its subscription is paused or disabled. `delivered`, `dead` and `cancelled` are the end. */
  readonly status: "pending" | "retrying" | "held" | "delivered" | "dead" | "cancelled";
}

/** A new subscription, with its signing secret. */
export interface SubscriptionCreated {
  /** Of this subscription. */
  readonly id: string;
  /** The bus it belongs to. */
  readonly bus: string;
  /** What people call it. */
  readonly name: string | null;
  /** The consumer's webhook: a public https URL without credentials and fragment. */
  readonly sink: string;
  /** Takes events of these types; null and an empty list: of all. */
  readonly types: readonly string[] | null;
  /** Takes events of this source; null: of all. */
  readonly source: string | null;
  /** Takes events for which every filter holds. With `types` and `source` at most 16384 bytes of JSON. */
  readonly filters: readonly Filter[];
  /** What the sink receives: the event as JSON, in binary mode, as a Standard Webhooks payload, or only its identity. */
  readonly format: "structured" | "binary" | "standard" | "reference";
  /** Names of the headers; absent when they cannot be opened. */
  readonly headers?: Readonly<Record<string, "…">>;
  /** How long one attempt may take. */
  readonly timeout_ms: number;
  readonly retry: {
    /** Seconds to wait after the first, second, … attempt. One attempt more than its length is made. */
    readonly schedule_s: readonly number[];
    /** Statuses of the sink that are final after three attempts. */
    readonly permanent: readonly number[];
  };
  /** At most so many pushes in so many seconds, evenly spread; held over at least 60 s. What is over it waits. Null: no limit. */
  readonly rate: {
    /** Pushes in the period, at most 1000 a second. */
    readonly limit: number;
    /** The period in seconds. */
    readonly period_s: number;
  } | null;
  readonly concurrency: number | null;
  /** What is paused or disabled is matched as ever, and holds its deliveries. */
  readonly status: "active" | "paused" | "disabled";
  /** `gone`: the sink answered 410. `receiver`: it answered `webhook-delivery: disable`. `failing`: it did nothing but fail for five days. Null unless `status` is `disabled`. */
  readonly disabled_reason: string | null;
  /** When it was made. */
  readonly created_at: string;
  /** When it was changed last. */
  readonly updated_at: string;
  /** Rises with every change. In quotes it is the ETag. */
  readonly version: number;
  /** From then on the last change holds at every location of the network. */
  readonly effective_at: string;
  /** What cannot be opened, because its encryption key is gone: set it again. */
  readonly unreadable?: readonly ("secret" | "headers")[];
  /** Signs every request (Standard Webhooks 1.0): `whsec_` and the base64 of 24 to 64 bytes. */
  readonly secret?: string;
}

export interface SubscriptionPage {
  readonly data: readonly Subscription[];
  /** The `cursor` of the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What one consumer wants, and how it wants it. */
export interface Subscription {
  /** Of this subscription. */
  readonly id: string;
  /** The bus it belongs to. */
  readonly bus: string;
  /** What people call it. */
  readonly name: string | null;
  /** The consumer's webhook: a public https URL without credentials and fragment. */
  readonly sink: string;
  /** Takes events of these types; null and an empty list: of all. */
  readonly types: readonly string[] | null;
  /** Takes events of this source; null: of all. */
  readonly source: string | null;
  /** Takes events for which every filter holds. With `types` and `source` at most 16384 bytes of JSON. */
  readonly filters: readonly Filter[];
  /** What the sink receives: the event as JSON, in binary mode, as a Standard Webhooks payload, or only its identity. */
  readonly format: "structured" | "binary" | "standard" | "reference";
  /** Names of the headers; absent when they cannot be opened. */
  readonly headers?: Readonly<Record<string, "…">>;
  /** How long one attempt may take. */
  readonly timeout_ms: number;
  readonly retry: {
    /** Seconds to wait after the first, second, … attempt. One attempt more than its length is made. */
    readonly schedule_s: readonly number[];
    /** Statuses of the sink that are final after three attempts. */
    readonly permanent: readonly number[];
  };
  /** At most so many pushes in so many seconds, evenly spread; held over at least 60 s. What is over it waits. Null: no limit. */
  readonly rate: {
    /** Pushes in the period, at most 1000 a second. */
    readonly limit: number;
    /** The period in seconds. */
    readonly period_s: number;
  } | null;
  readonly concurrency: number | null;
  /** What is paused or disabled is matched as ever, and holds its deliveries. */
  readonly status: "active" | "paused" | "disabled";
  /** `gone`: the sink answered 410. `receiver`: it answered `webhook-delivery: disable`. `failing`: it did nothing but fail for five days. Null unless `status` is `disabled`. */
  readonly disabled_reason: string | null;
  /** When it was made. */
  readonly created_at: string;
  /** When it was changed last. */
  readonly updated_at: string;
  /** Rises with every change. In quotes it is the ETag. */
  readonly version: number;
  /** From then on the last change holds at every location of the network. */
  readonly effective_at: string;
  /** What cannot be opened, because its encryption key is gone: set it again. */
  readonly unreadable?: readonly ("secret" | "headers")[];
}

/** How the sink of a subscription is doing, and how far it is behind. */
export interface SinkHealthInFull {
  /** The subscription whose sink it is. */
  readonly subscription_id: string;
  /** The bus it belongs to. */
  readonly bus: string;
  /** `slow`: it takes long or fails, and is pushed to apart from the others. `fast` before its first attempt. */
  readonly lane: "fast" | "slow";
  /** `open`: it failed too often, and nothing is pushed to it. `half-open`: one delivery is tried, as a probe. `closed`: neither. */
  readonly breaker: "closed" | "open" | "half-open";
  /** What an attempt takes on average; null before the first. */
  readonly latency_ms: number | null;
  /** Which part of its last attempts, some twenty, failed. */
  readonly failure_rate: number;
  /** Failures in a row. */
  readonly failures: number;
  /** When the first of these was made; null without any. */
  readonly failing_since: string | null;
  /** When the breaker opened; null while it is closed. */
  readonly opened_at: string | null;
  /** When the next probe may be made; null while the breaker is closed. */
  readonly probe_at: string | null;
  /** It asked for no request before this; null: it did not, or that is over. */
  readonly paused_until: string | null;
  /** When the oldest event on record was accepted whose delivery is pending, retrying or held; null without one. */
  readonly oldest_undelivered_at: string | null;
  /** Seconds since then; null without one. */
  readonly lag_s: number | null;
}

export interface SinkHealthPage {
  readonly data: readonly SinkHealth[];
  /** The `cursor` of the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** How the sink of a subscription is doing, by the attempts that were made. */
export interface SinkHealth {
  /** The subscription whose sink it is. */
  readonly subscription_id: string;
  /** The bus it belongs to. */
  readonly bus: string;
  /** `slow`: it takes long or fails, and is pushed to apart from the others. `fast` before its first attempt. */
  readonly lane: "fast" | "slow";
  /** `open`: it failed too often, and nothing is pushed to it. `half-open`: one delivery is tried, as a probe. `closed`: neither. */
  readonly breaker: "closed" | "open" | "half-open";
  /** What an attempt takes on average; null before the first. */
  readonly latency_ms: number | null;
  /** Which part of its last attempts, some twenty, failed. */
  readonly failure_rate: number;
  /** Failures in a row. */
  readonly failures: number;
  /** When the first of these was made; null without any. */
  readonly failing_since: string | null;
  /** When the breaker opened; null while it is closed. */
  readonly opened_at: string | null;
  /** When the next probe may be made; null while the breaker is closed. */
  readonly probe_at: string | null;
  /** It asked for no request before this; null: it did not, or that is over. */
  readonly paused_until: string | null;
}

/** Whether the event would be taken, and why. */
export interface FilterTested {
  /** Whether the event is taken. */
  readonly matched: boolean;
  /** All conditions that were looked at; none: everything is taken. */
  readonly explain: readonly ExplainedClause[];
}

/** What the filters take of one page of events. */
export interface FilterBacktested {
  /** Events that the filters were tried on. */
  readonly examined: number;
  /** Events that they could not be tried on: erased, or no longer kept. */
  readonly skipped: number;
  /** How many of the examined are taken. */
  readonly matched: number;
  /** The newest of these, at most 10. */
  readonly sample: readonly EventSummary[];
  /** Null without a `subscription_id`. */
  readonly difference: {
    /** Whom it is compared with. */
    readonly subscription_id: string;
    readonly gained: {
      /** How many the filters take and the subscription does not. */
      readonly count: number;
      /** The newest of them, at most 10. */
      readonly sample: readonly EventSummary[];
    };
    readonly lost: {
      /** How many the subscription takes and the filters do not. */
      readonly count: number;
      /** The newest of them, at most 10. */
      readonly sample: readonly EventSummary[];
    };
  } | null;
  /** The `cursor` of the next page; null: all were looked at. */
  readonly next_cursor: string | null;
}

/** What a subscription states to take the same events. */
export interface FilterImported {
  /** Takes events of these types; null and an empty list: of all. */
  readonly types: readonly string[] | null;
  /** Takes events of this source; null: of all. */
  readonly source: string | null;
  /** Takes events for which every filter holds. With `types` and `source` at most 16384 bytes of JSON. */
  readonly filters: readonly Filter[];
  /** What is different here, for people. */
  readonly notes: readonly string[];
}

/** What was counted, in steps. */
export interface Metrics {
  /** The bus. */
  readonly bus: string;
  /** The subscription; null: all of the bus. */
  readonly subscription_id: string | null;
  /** The start of the first point. */
  readonly since: string;
  /** The end of the last one. */
  readonly until: string;
  /** Seconds of one point. */
  readonly step_s: 60 | 300 | 3600 | 86400;
  /** Upper bounds of the counts of latencies, in milliseconds; null: none. */
  readonly bounds_ms: readonly (number | null)[];
  /** One point for each step. */
  readonly data: readonly {
    /** Its start. */
    readonly at: string;
    /** That came on record; null of a subscription. */
    readonly events: number | null;
    readonly attempts: {
      /** Requests that a sink answered with 2xx. */
      readonly succeeded: number;
      /** All others. */
      readonly failed: number;
      /** Those of both that lane `slow` made. */
      readonly slow_lane: number;
    };
    readonly deliveries: {
      /** That ended so. */
      readonly delivered: number;
      /** That ended so, without those that the retention closed. */
      readonly dead: number;
    };
    /** What requests took. */
    readonly attempt_ms: {
      /** Milliseconds below which 50 % are, to within the bounds; null: there are none. */
      readonly p50: number | null;
      /** Milliseconds below which 95 % are, to within the bounds; null: there are none. */
      readonly p95: number | null;
      /** Milliseconds below which 99 % are, to within the bounds; null: there are none. */
      readonly p99: number | null;
      /** How many took up to each of `bounds_ms`, and more than the one before. */
      readonly counts: readonly number[];
    };
    /** From acceptance to delivered. */
    readonly delivery_ms: {
      /** Milliseconds below which 50 % are, to within the bounds; null: there are none. */
      readonly p50: number | null;
      /** Milliseconds below which 95 % are, to within the bounds; null: there are none. */
      readonly p95: number | null;
      /** Milliseconds below which 99 % are, to within the bounds; null: there are none. */
      readonly p99: number | null;
      /** How many took up to each of `bounds_ms`, and more than the one before. */
      readonly counts: readonly number[];
    };
  }[];
  /** Of all points. */
  readonly total: {
    /** That came on record; null of a subscription. */
    readonly events: number | null;
    readonly attempts: {
      /** Requests that a sink answered with 2xx. */
      readonly succeeded: number;
      /** All others. */
      readonly failed: number;
      /** Those of both that lane `slow` made. */
      readonly slow_lane: number;
    };
    readonly deliveries: {
      /** That ended so. */
      readonly delivered: number;
      /** That ended so, without those that the retention closed. */
      readonly dead: number;
    };
    /** What requests took. */
    readonly attempt_ms: {
      /** Milliseconds below which 50 % are, to within the bounds; null: there are none. */
      readonly p50: number | null;
      /** Milliseconds below which 95 % are, to within the bounds; null: there are none. */
      readonly p95: number | null;
      /** Milliseconds below which 99 % are, to within the bounds; null: there are none. */
      readonly p99: number | null;
      /** How many took up to each of `bounds_ms`, and more than the one before. */
      readonly counts: readonly number[];
    };
    /** From acceptance to delivered. */
    readonly delivery_ms: {
      /** Milliseconds below which 50 % are, to within the bounds; null: there are none. */
      readonly p50: number | null;
      /** Milliseconds below which 95 % are, to within the bounds; null: there are none. */
      readonly p95: number | null;
      /** Milliseconds below which 99 % are, to within the bounds; null: there are none. */
      readonly p99: number | null;
      /** How many took up to each of `bounds_ms`, and more than the one before. */
      readonly counts: readonly number[];
    };
  };
  /** What has not ended by now; null of a subscription. */
  readonly backlog: {
    /** Deliveries that wait for an attempt. */
    readonly waiting: number;
    /** Deliveries whose subscription is not active. */
    readonly held: number;
    /** There may be more of both: no more rows were read. */
    readonly is_least: boolean;
    /** When the oldest event of those that wait was accepted; null without one. */
    readonly oldest_accepted_at: string | null;
  } | null;
}

export interface SubscriptionMetricsPage {
  readonly data: readonly SubscriptionMetrics[];
  /** The `cursor` of the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** What was counted of a subscription in the last hour. */
export interface SubscriptionMetrics {
  /** The subscription. */
  readonly subscription_id: string;
  /** That came on record; null of a subscription. */
  readonly events: number | null;
  readonly attempts: {
    /** Requests that a sink answered with 2xx. */
    readonly succeeded: number;
    /** All others. */
    readonly failed: number;
    /** Those of both that lane `slow` made. */
    readonly slow_lane: number;
  };
  readonly deliveries: {
    /** That ended so. */
    readonly delivered: number;
    /** That ended so, without those that the retention closed. */
    readonly dead: number;
  };
  /** What requests took. */
  readonly attempt_ms: {
    /** Milliseconds below which 50 % are, to within the bounds; null: there are none. */
    readonly p50: number | null;
    /** Milliseconds below which 95 % are, to within the bounds; null: there are none. */
    readonly p95: number | null;
    /** Milliseconds below which 99 % are, to within the bounds; null: there are none. */
    readonly p99: number | null;
    /** How many took up to each of `bounds_ms`, and more than the one before. */
    readonly counts: readonly number[];
  };
  /** From acceptance to delivered. */
  readonly delivery_ms: {
    /** Milliseconds below which 50 % are, to within the bounds; null: there are none. */
    readonly p50: number | null;
    /** Milliseconds below which 95 % are, to within the bounds; null: there are none. */
    readonly p95: number | null;
    /** Milliseconds below which 99 % are, to within the bounds; null: there are none. */
    readonly p99: number | null;
    /** How many took up to each of `bounds_ms`, and more than the one before. */
    readonly counts: readonly number[];
  };
}

/** A new key. */
export interface KeyCreated {
  /** Of this key: not the key itself. */
  readonly id: string;
  /** The bus it belongs to. */
  readonly bus: string;
  /** What people call it. */
  readonly name: string | null;
  /** What it may do: publish events; read what is on record; manage everything of the bus. */
  readonly scopes: readonly ("publish" | "read" | "manage")[];
  /** Event types that it may publish: each exactly, or all that begin so when it ends in `*`. Null: all. Only of a key that can but publish. */
  readonly types: readonly string[] | null;
  /** Origins whose pages may use it, and nobody else may. Null: it is not for browsers. Only of a key that can but publish. */
  readonly allowed_origins: readonly string[] | null;
  /** Publishes in 10 s at one location: 100, 1000 or 10000. */
  readonly rate_limit: "low" | "standard" | "high";
  /** It is refused from then on; null: never. */
  readonly expires_at: string | null;
  /** To within an hour; null: never. */
  readonly last_used_at: string | null;
  /** The successor that a rotation made of it; null: none, or its end was set anew since. */
  readonly replaced_by: string | null;
  readonly status: "active" | "expired";
  /** When it was made. */
  readonly created_at: string;
  /** When it was changed last. */
  readonly updated_at: string;
  /** Rises with every change. In quotes it is the ETag. */
  readonly version: number;
  /** From then on the last change holds at every location of the network. */
  readonly effective_at: string;
  /** The key itself. It is shown here and never again. */
  readonly key: string;
}

export interface KeyPage {
  readonly data: readonly Key[];
  /** The `cursor` of the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** A key of a bus, as it is known: the key itself is not stored. */
export interface Key {
  /** Of this key: not the key itself. */
  readonly id: string;
  /** The bus it belongs to. */
  readonly bus: string;
  /** What people call it. */
  readonly name: string | null;
  /** What it may do: publish events; read what is on record; manage everything of the bus. */
  readonly scopes: readonly ("publish" | "read" | "manage")[];
  /** Event types that it may publish: each exactly, or all that begin so when it ends in `*`. Null: all. Only of a key that can but publish. */
  readonly types: readonly string[] | null;
  /** Origins whose pages may use it, and nobody else may. Null: it is not for browsers. Only of a key that can but publish. */
  readonly allowed_origins: readonly string[] | null;
  /** Publishes in 10 s at one location: 100, 1000 or 10000. */
  readonly rate_limit: "low" | "standard" | "high";
  /** It is refused from then on; null: never. */
  readonly expires_at: string | null;
  /** To within an hour; null: never. */
  readonly last_used_at: string | null;
  /** The successor that a rotation made of it; null: none, or its end was set anew since. */
  readonly replaced_by: string | null;
  readonly status: "active" | "expired";
  /** When it was made. */
  readonly created_at: string;
  /** When it was changed last. */
  readonly updated_at: string;
  /** Rises with every change. In quotes it is the ETag. */
  readonly version: number;
  /** From then on the last change holds at every location of the network. */
  readonly effective_at: string;
}

/** The successor of a key, with what it replaces. */
export interface KeyRotated {
  /** Of this key: not the key itself. */
  readonly id: string;
  /** The bus it belongs to. */
  readonly bus: string;
  /** What people call it. */
  readonly name: string | null;
  /** What it may do: publish events; read what is on record; manage everything of the bus. */
  readonly scopes: readonly ("publish" | "read" | "manage")[];
  /** Event types that it may publish: each exactly, or all that begin so when it ends in `*`. Null: all. Only of a key that can but publish. */
  readonly types: readonly string[] | null;
  /** Origins whose pages may use it, and nobody else may. Null: it is not for browsers. Only of a key that can but publish. */
  readonly allowed_origins: readonly string[] | null;
  /** Publishes in 10 s at one location: 100, 1000 or 10000. */
  readonly rate_limit: "low" | "standard" | "high";
  /** It is refused from then on; null: never. */
  readonly expires_at: string | null;
  /** To within an hour; null: never. */
  readonly last_used_at: string | null;
  /** The successor that a rotation made of it; null: none, or its end was set anew since. */
  readonly replaced_by: string | null;
  readonly status: "active" | "expired";
  /** When it was made. */
  readonly created_at: string;
  /** When it was changed last. */
  readonly updated_at: string;
  /** Rises with every change. In quotes it is the ETag. */
  readonly version: number;
  /** From then on the last change holds at every location of the network. */
  readonly effective_at: string;
  /** The key itself. It is shown here and never again. */
  readonly key: string;
  readonly replaces: {
    /** The former key. */
    readonly id: string;
    /** Its end. */
    readonly expires_at: string;
  };
}

export interface BusPage {
  readonly data: readonly BusSummary[];
  /** The `cursor` of the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** A bus as lists show it. */
export interface BusSummary {
  /** Its name. */
  readonly bus: string;
  /** Days that its events stay on record; null: as the deployment has it. */
  readonly retention_days: number | null;
  /** `all`: every event is on record. `failures`: only what was not delivered at its first attempt. */
  readonly log_level: "all" | "failures";
  /** Bytes of one event as JSON; null: as many as there can be. */
  readonly event_bytes_max: number | null;
  /** Bytes of one publish, inflated; null: as many as there can be. */
  readonly request_bytes_max: number | null;
  /** How many it has. */
  readonly subscriptions: number;
  /** How many it has. */
  readonly keys: number;
  /** When it was made. */
  readonly created_at: string;
  /** When it was changed last. */
  readonly updated_at: string;
  /** Rises with every change. In quotes it is the ETag. */
  readonly version: number;
  /** From then on the last change holds at every location of the network. */
  readonly effective_at: string;
}

/** A namespace of events, subscriptions and keys. */
export interface Bus {
  /** Its name. */
  readonly bus: string;
  /** Days that its events stay on record; null: as the deployment has it. */
  readonly retention_days: number | null;
  /** `all`: every event is on record. `failures`: only what was not delivered at its first attempt. */
  readonly log_level: "all" | "failures";
  /** Bytes of one event as JSON; null: as many as there can be. */
  readonly event_bytes_max: number | null;
  /** Bytes of one publish, inflated; null: as many as there can be. */
  readonly request_bytes_max: number | null;
  /** How many it has. */
  readonly subscriptions: number;
  /** How many it has. */
  readonly keys: number;
  /** When it was made. */
  readonly created_at: string;
  /** When it was changed last. */
  readonly updated_at: string;
  /** Rises with every change. In quotes it is the ETag. */
  readonly version: number;
  /** From then on the last change holds at every location of the network. */
  readonly effective_at: string;
  readonly effective: BusEffective;
}

/** What applies in effect: settings, defaults, and the state of the database. */
export interface BusEffective {
  readonly retention_days: number;
  /** `failures` on every bus while the database is nearly full. */
  readonly log_level: "all" | "failures";
  readonly event_bytes_max: number;
  readonly request_bytes_max: number;
  /** Events accepted from then on are on record: a database that fills up keeps less than the retention. */
  readonly events_since: string;
  /** How full the database is; 1 is full. */
  readonly database_used: number;
}

export interface AuditPage {
  readonly data: readonly AuditEntry[];
  /** The `cursor` of the next page; null at the end. */
  readonly next_cursor: string | null;
}

/** One change, and who made it. */
export interface AuditEntry {
  /** Of this entry. */
  readonly id: string;
  /** The bus in whose audit it is. Changes of buses are in that of `default`. */
  readonly bus: string;
  /** When it was done. */
  readonly at: string;
  /** `root`, the id of a key, or `system`. */
  readonly actor: string;
  /** The request that asked for it; null: none did. */
  readonly request_id: string | null;
  readonly action:
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
  /** The id of what was changed, or the name of the bus. */
  readonly target: string;
  /** As it was, without secrets; null: there was nothing. */
  readonly before: Readonly<Record<string, unknown>> | null;
  /** As it is after it, without secrets; null: there is nothing. */
  readonly after: Readonly<Record<string, unknown>> | null;
}

/** What the key of a request allows. */
export interface Session {
  /** The bus that requests act on. */
  readonly bus: string;
  /** What the key may do there. */
  readonly scopes: readonly ("publish" | "read" | "manage")[];
  /** Whom the audit names: `root`, or the id of the key. */
  readonly actor: string;
  /** It is the root key, which may name any bus in `fantail-bus`. */
  readonly is_root: boolean;
  /** When the session or the key ends, whichever is first; null: neither does. */
  readonly expires_at: string | null;
}

export interface Health {
  readonly status: "ok";
  /** Of Fantail. */
  readonly version: string;
}

/** An OpenAPI 3.1 document. */
export interface OpenApi {
  readonly openapi: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly paths: Readonly<Record<string, unknown>>;
  readonly [name: string]: unknown;
}

/** A line of the answer to an NDJSON publish. */
export type PublishLine = PublishLineAccepted | PublishLineRejected | PublishDone | PublishStopped;

/** An event, as a stream tells it. */
export interface StreamedEvent {
  /** A function of bus, source and id. */
  readonly event_id: string;
  /** The bus it was published to. */
  readonly bus: string;
  /** The producer's id; null when it is erased. */
  readonly id: string | null;
  /** Null when it is erased. */
  readonly source: string | null;
  readonly type: string;
  /** Null without one, and when it is erased. */
  readonly subject: string | null;
  /** When it was published first. */
  readonly accepted_at: string;
  /** Subscriptions that took it. */
  readonly matched: number;
  /** How often it was published again. */
  readonly duplicates: number;
  /** Of its JSON. */
  readonly bytes: number;
  /** When it was erased; null: it was not. */
  readonly erased_at: string | null;
  /** The event itself, with its data as it was sent; null when it is erased or no longer kept. */
  readonly event: Event | null;
}

/** The query of `publishEvents`. */
export interface PublishEventsQuery {
  /** Explains which subscriptions take the event and which nearly do, and why. Only of a request with exactly one event, not as NDJSON; the key needs the scope `read` too, because filters are shown. */
  readonly explain?: "1" | "true";
}

/** The query of `listEvents`. */
export interface ListEventsQuery {
  /** Only events with this id of their producer. */
  readonly id?: string;
  /** Only events of this type. */
  readonly type?: string;
  /** Only events of this source. */
  readonly source?: string;
  /** Only events with this subject. */
  readonly subject?: string;
  /** Only what was accepted at that time or after. */
  readonly since?: string;
  /** Only what was accepted before that time. */
  readonly until?: string;
  /** Entries of one page, at most. A page may be shorter and still not be the last. */
  readonly limit?: number;
  /** `next_cursor` of the page before, as it is. */
  readonly cursor?: string;
}

/** The query of `explainEvent`. */
export interface ExplainEventQuery {
  /** The subscription whose filters it is held against. */
  readonly subscription_id: string;
}

/** The query of `streamEvents`. */
export interface StreamEventsQuery {
  /** Only events of this type. */
  readonly type?: string;
  /** Only events of this source. */
  readonly source?: string;
  /** Only events with this subject. */
  readonly subject?: string;
  /** So many of the last events come first, the oldest of them at first. Not with `last-event-id`. */
  readonly replay?: number;
}

/** The query of `listDeliveries`. */
export interface ListDeliveriesQuery {
  /** Only those of this subscription. */
  readonly subscription_id?: string;
  /** Only those of this event. */
  readonly event_id?: string;
  /** Only those with this status. */
  readonly status?: "pending" | "retrying" | "held" | "delivered" | "dead" | "cancelled";
  /** Only what was accepted at that time or after. */
  readonly since?: string;
  /** Only what was accepted before that time. */
  readonly until?: string;
  /** Entries of one page, at most. A page may be shorter and still not be the last. */
  readonly limit?: number;
  /** `next_cursor` of the page before, as it is. */
  readonly cursor?: string;
}

/** The query of `listSubscriptions`. */
export interface ListSubscriptionsQuery {
  /** Entries of one page, at most. A page may be shorter and still not be the last. */
  readonly limit?: number;
  /** `next_cursor` of the page before, as it is. */
  readonly cursor?: string;
}

/** The query of `listSinkHealth`. */
export interface ListSinkHealthQuery {
  /** Only those on this lane. */
  readonly lane?: "fast" | "slow";
  /** Only those whose breaker is so. */
  readonly breaker?: "closed" | "open" | "half-open";
  /** Entries of one page, at most. A page may be shorter and still not be the last. */
  readonly limit?: number;
  /** `next_cursor` of the page before, as it is. */
  readonly cursor?: string;
}

/** The query of `getMetrics`. */
export interface GetMetricsQuery {
  /** Of this subscription alone. Else of the whole bus. */
  readonly subscription_id?: string;
  /** Only what was counted at that time or after. */
  readonly since?: string;
  /** Only what was counted before that time. */
  readonly until?: string;
  /** Seconds of one point. Else the finest that gives at most 180 points. */
  readonly step?: 60 | 300 | 3600 | 86400;
}

/** The query of `listSubscriptionMetrics`. */
export interface ListSubscriptionMetricsQuery {
  /** Entries of one page, at most. A page may be shorter and still not be the last. */
  readonly limit?: number;
  /** `next_cursor` of the page before, as it is. */
  readonly cursor?: string;
}

/** The query of `listKeys`. */
export interface ListKeysQuery {
  /** Entries of one page, at most. A page may be shorter and still not be the last. */
  readonly limit?: number;
  /** `next_cursor` of the page before, as it is. */
  readonly cursor?: string;
}

/** The query of `listBuses`. */
export interface ListBusesQuery {
  /** Entries of one page, at most. A page may be shorter and still not be the last. */
  readonly limit?: number;
  /** `next_cursor` of the page before, as it is. */
  readonly cursor?: string;
}

/** The query of `listAudit`. */
export interface ListAuditQuery {
  /** Only changes of what has this id, or of the bus of this name. */
  readonly target?: string;
  /** Only what this key did, by its id; `root` and `system` are actors too. */
  readonly actor?: string;
  /** Only changes of this kind. */
  readonly action?:
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
  /** Only what was done at that time or after. */
  readonly since?: string;
  /** Only what was done before that time. */
  readonly until?: string;
  /** Entries of one page, at most. A page may be shorter and still not be the last. */
  readonly limit?: number;
  /** `next_cursor` of the page before, as it is. */
  readonly cursor?: string;
}

/** Every operation by its name: where it is, what it takes and what it answers. `null` is an answer without a body. */
export interface Operations {
  /** The content type says the mode: one event in full or short, a batch, NDJSON, or binary mode with `ce-` headers. 202 means that every delivery of every event is confirmed by a queue. After 503 the same request completes it and repeats nothing, if its events carry their ids. With `explain` the event is published all the same, and the answer says why subscriptions take it or not, each time anew; `prefer` is passed over then. */
  readonly publishEvents: {
    readonly method: "POST";
    readonly path: "/v1/events";
    readonly query: PublishEventsQuery;
    readonly body?: Event | ShortEvent | EventBatch;
    readonly answer: PublishResult;
  };

  /** Newest first. Filters are combined. An event is on record within a second of its 202, usually. */
  readonly listEvents: {
    readonly method: "GET";
    readonly path: "/v1/events";
    readonly query: ListEventsQuery;
    readonly answer: EventPage;
  };

  /** The event as it was published, how it was routed, and what became of each delivery. */
  readonly getEvent: {
    readonly method: "GET";
    readonly path: "/v1/events/{event_id}";
    readonly params: {
      /** The id of the event, `evt_…`. */
      readonly event_id: string;
    };
    readonly answer: EventOnRecord;
  };

  /** Removes what it says: id, source, subject, data, and what sinks answered. Type and counts stay; open deliveries end as `cancelled`. */
  readonly eraseEvent: {
    readonly method: "DELETE";
    readonly path: "/v1/events/{event_id}";
    readonly params: {
      /** The id of the event, `evt_…`. */
      readonly event_id: string;
    };
    readonly answer: null;
  };

  /** The event as it is on record, held against the filters that the subscription has at this moment, whether it is active or not: what they were when the event was published may be in the audit. An event that is erased or no longer kept cannot be explained. */
  readonly explainEvent: {
    readonly method: "GET";
    readonly path: "/v1/events/{event_id}/explain";
    readonly params: {
      /** The id of the event, `evt_…`. */
      readonly event_id: string;
    };
    readonly query: ExplainEventQuery;
    readonly answer: EventExplained;
  };

  /** Server-sent events. `open` comes first, then an `event` for each event that comes on record, a StreamedEvent, in that order. With `last-event-id` the stream goes on behind that event, from the record: what came meanwhile is told first, and nothing that is still on record is left out. What `replay` asked for has no ids, and then comes `place`: who is cut off before that begins anew. A stream ends by itself after some minutes: come again with the last id as `last-event-id`. Every 15 seconds, and at its end, `place` tells an id up to which everything is told. A bus has 50 at a time. */
  readonly streamEvents: {
    readonly method: "GET";
    readonly path: "/v1/events/stream";
    readonly query: StreamEventsQuery;
    readonly answer: null;
  };

  /** Server-sent events. `open` comes first, then a `delivery` each time that one was settled: it was delivered, is to be tried again, or is dead. Its data is what lists show of it, as it is by then. `last-event-id` may be an hour old. What succeeds at once on a bus that records failures only is not told. A stream ends by itself after some minutes: come again with the last id as `last-event-id`. Every 15 seconds, and at its end, `place` tells an id up to which everything is told. A bus has 50 at a time. */
  readonly streamDeliveries: {
    readonly method: "GET";
    readonly path: "/v1/subscriptions/{id}/stream";
    readonly params: {
      /** The id of the subscription. */
      readonly id: string;
    };
    readonly answer: null;
  };

  /** Newest first. Filters are combined. */
  readonly listDeliveries: {
    readonly method: "GET";
    readonly path: "/v1/deliveries";
    readonly query: ListDeliveriesQuery;
    readonly answer: DeliveryPage;
  };

  /** With its attempts: what the sink answered, and when. */
  readonly getDelivery: {
    readonly method: "GET";
    readonly path: "/v1/deliveries/{delivery_id}";
    readonly params: {
      /** The id of the delivery. */
      readonly delivery_id: string;
    };
    readonly answer: DeliveryInFull;
  };

  /** It is due at once, whatever its status was, with its whole schedule before it. The `webhook-id` stays. */
  readonly retryDelivery: {
    readonly method: "POST";
    readonly path: "/v1/deliveries/{delivery_id}/retry";
    readonly params: {
      /** The id of the delivery. */
      readonly delivery_id: string;
    };
    readonly answer: DeliveryRetried;
  };

  /** Every event of the bus that it takes is pushed to its sink from `effective_at` on, at the latest. */
  readonly createSubscription: {
    readonly method: "POST";
    readonly path: "/v1/subscriptions";
    readonly body: SubscriptionCreate;
    readonly answer: SubscriptionCreated;
  };

  /** Newest first. */
  readonly listSubscriptions: {
    readonly method: "GET";
    readonly path: "/v1/subscriptions";
    readonly query: ListSubscriptionsQuery;
    readonly answer: SubscriptionPage;
  };

  /** Its secret and the values of its headers are not shown. */
  readonly getSubscription: {
    readonly method: "GET";
    readonly path: "/v1/subscriptions/{id}";
    readonly params: {
      /** The id of the subscription. */
      readonly id: string;
    };
    readonly answer: Subscription;
  };

  /** A merge patch. A new `secret` signs beside the one before it for 24 h. Setting `status` to `active` also ends `disabled`, and frees what was held, from where `resume_from` says. */
  readonly changeSubscription: {
    readonly method: "PATCH";
    readonly path: "/v1/subscriptions/{id}";
    readonly params: {
      /** The id of the subscription. */
      readonly id: string;
    };
    readonly body: SubscriptionPatch;
    readonly answer: Subscription;
  };

  /** Its open deliveries end as `cancelled`. */
  readonly deleteSubscription: {
    readonly method: "DELETE";
    readonly path: "/v1/subscriptions/{id}";
    readonly params: {
      /** The id of the subscription. */
      readonly id: string;
    };
    readonly answer: null;
  };

  /** And how far it is behind. It has no version: every attempt may change it. */
  readonly getSinkHealth: {
    readonly method: "GET";
    readonly path: "/v1/subscriptions/{id}/health";
    readonly params: {
      /** The id of the subscription. */
      readonly id: string;
    };
    readonly answer: SinkHealthInFull;
  };

  /** Those on lane `slow`, with a breaker that is not closed, with failures in a row, or paused; newest subscription first. Filters are combined. How far one is behind is in its own. */
  readonly listSinkHealth: {
    readonly method: "GET";
    readonly path: "/v1/health";
    readonly query: ListSinkHealthQuery;
    readonly answer: SinkHealthPage;
  };

  /** Whether a subscription that states these would take the event, and which of its conditions decide that. The event is not published, and meets no limits but its own: 1048576 bytes, in a body of at most 1310720. It changes nothing and may be sent again as often as you like: an `idempotency-key` is not needed. */
  readonly testFilters: {
    readonly method: "POST";
    readonly path: "/v1/filters/test";
    readonly body: FilterTest;
    readonly answer: FilterTested;
  };

  /** What a subscription that states these would have taken, newest first. Each answer tells of one page of events, up to 1000 with up to 8000000 bytes: go on with `next_cursor` until it is null, and add the counts up. A page may be short and not be the last: it ends sooner where the filters look into large events over and over. With a `subscription_id` it is compared with what that subscription takes as it is now, whether it is active or not. Where only failures are on record, it is tried on these. It changes nothing and may be sent again as often as you like: an `idempotency-key` is not needed. */
  readonly backtestFilters: {
    readonly method: "POST";
    readonly path: "/v1/filters/backtest";
    readonly body: FilterBacktest;
    readonly answer: FilterBacktested;
  };

  /** Says what a subscription states to take the same events, to be read before it is used: nothing is made of it. What cannot be said here is refused, never left out. It changes nothing and may be sent again as often as you like: an `idempotency-key` is not needed. */
  readonly importFilters: {
    readonly method: "POST";
    readonly path: "/v1/filters/import";
    readonly body: FilterImport;
    readonly answer: FilterImported;
  };

  /** Of the last hour, unless `since` and `until` say otherwise. Minutes can be told for two days, hours for thirty. What is counted was settled: an attempt that is under way is not. On a bus that records failures only events are not counted but for those that failed. */
  readonly getMetrics: {
    readonly method: "GET";
    readonly path: "/v1/metrics";
    readonly query: GetMetricsQuery;
    readonly answer: Metrics;
  };

  /** In the order of `GET /v1/subscriptions`. To within a minute or two. */
  readonly listSubscriptionMetrics: {
    readonly method: "GET";
    readonly path: "/v1/metrics/subscriptions";
    readonly query: ListSubscriptionMetricsQuery;
    readonly answer: SubscriptionMetricsPage;
  };

  /** Counters of the bus and of its subscriptions, to within a minute or two, and what waits. */
  readonly getPrometheusMetrics: {
    readonly method: "GET";
    readonly path: "/metrics";
    readonly answer: null;
  };

  /** The key is shown once, in this answer. It works at every location from `effective_at` on. */
  readonly createKey: {
    readonly method: "POST";
    readonly path: "/v1/keys";
    readonly body: KeyCreate;
    readonly answer: KeyCreated;
  };

  /** Newest first. An expired one stays in the list for a week. */
  readonly listKeys: {
    readonly method: "GET";
    readonly path: "/v1/keys";
    readonly query: ListKeysQuery;
    readonly answer: KeyPage;
  };

  /** What it may do, and when it was used last; never the key itself. */
  readonly getKey: {
    readonly method: "GET";
    readonly path: "/v1/keys/{id}";
    readonly params: {
      /** The id of the key. */
      readonly id: string;
    };
    readonly answer: Key;
  };

  /** A merge patch. The caller must hold every scope that the key has or gets. */
  readonly changeKey: {
    readonly method: "PATCH";
    readonly path: "/v1/keys/{id}";
    readonly params: {
      /** The id of the key. */
      readonly id: string;
    };
    readonly body: KeyPatch;
    readonly answer: Key;
  };

  /** It is refused at every location five seconds later. */
  readonly revokeKey: {
    readonly method: "DELETE";
    readonly path: "/v1/keys/{id}";
    readonly params: {
      /** The id of the key. */
      readonly id: string;
    };
    readonly answer: null;
  };

  /** Makes a successor that may do the same, and lets the key end after the overlap. */
  readonly rotateKey: {
    readonly method: "POST";
    readonly path: "/v1/keys/{id}/rotate";
    readonly params: {
      /** The id of the key. */
      readonly id: string;
    };
    readonly body?: KeyRotate;
    readonly answer: KeyRotated;
  };

  /** By name. */
  readonly listBuses: {
    readonly method: "GET";
    readonly path: "/v1/buses";
    readonly query: ListBusesQuery;
    readonly answer: BusPage;
  };

  /** Its settings, and what applies in effect. A key reads its own bus. */
  readonly getBus: {
    readonly method: "GET";
    readonly path: "/v1/buses/{bus}";
    readonly params: {
      /** The name of the bus. */
      readonly bus: string;
    };
    readonly answer: Bus;
  };

  /** Without a body it makes the bus unless it is there, and changes nothing of one that is. With settings it makes it with them, or replaces them all. */
  readonly putBus: {
    readonly method: "PUT";
    readonly path: "/v1/buses/{bus}";
    readonly params: {
      /** The name of the bus. */
      readonly bus: string;
    };
    readonly body?: BusSettings;
    readonly answer: Bus;
  };

  /** A merge patch of its settings. */
  readonly changeBus: {
    readonly method: "PATCH";
    readonly path: "/v1/buses/{bus}";
    readonly params: {
      /** The name of the bus. */
      readonly bus: string;
    };
    readonly body: BusPatch;
    readonly answer: Bus;
  };

  /** Everything on it is refused at once, and removed in the background; until that is done, and for 20 minutes, its name cannot be used. `default` cannot be deleted. */
  readonly deleteBus: {
    readonly method: "DELETE";
    readonly path: "/v1/buses/{bus}";
    readonly params: {
      /** The name of the bus. */
      readonly bus: string;
    };
    readonly answer: null;
  };

  /** Newest first. Entries are written with the change they tell of, and cannot be changed. */
  readonly listAudit: {
    readonly method: "GET";
    readonly path: "/v1/audit";
    readonly query: ListAuditQuery;
    readonly answer: AuditPage;
  };

  /** For pages of this host: the key comes back sealed in the cookie `fantail_session`, which no script can read, for 12 hours. Requests that carry the cookie and the header `fantail-session` are made with that key. */
  readonly signIn: {
    readonly method: "POST";
    readonly path: "/v1/session";
    readonly body: SessionCreate;
    readonly answer: Session;
  };

  /** Of the key, or the session, that the request carries. */
  readonly getSession: {
    readonly method: "GET";
    readonly path: "/v1/session";
    readonly answer: Session;
  };

  /** The browser forgets the cookie. The key stays valid. */
  readonly signOut: {
    readonly method: "DELETE";
    readonly path: "/v1/session";
    readonly answer: null;
  };

  /** It asks neither the database nor the queues. */
  readonly getHealth: {
    readonly method: "GET";
    readonly path: "/healthz";
    readonly answer: Health;
  };

  /** Made from the schemas that validate requests. */
  readonly getOpenApi: {
    readonly method: "GET";
    readonly path: "/openapi.json";
    readonly answer: OpenApi;
  };
}

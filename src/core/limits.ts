/**
 * Every limit of Fantail, with its unit in its name. Nothing here reads anything; nothing elsewhere invents a number.
 * Sources: CloudEvents 1.0.2, Standard Webhooks 1.0, Cloudflare's limits pages for Workers, Queues and D1.
 */

// ---- Events ------------------------------------------------------------------------------------------------------

/** One event in its canonical JSON text, UTF-8. Sixteen times what CloudEvents asks every intermediary to forward (64 kB). */
export const EVENT_BYTES_MAX = 1_048_576;
/** One HTTP request body. */
export const REQUEST_BYTES_MAX = 4_194_304;
/** Events of one batch request. */
export const BATCH_EVENTS_MAX = 100;
/** Deliveries that all events of one request make: an isolate has 128 MB for the messages of all its requests. One event always fits. */
export const REQUEST_DELIVERIES_MAX = 100_000;
/** Attributes of one event, required ones included. */
export const ATTRIBUTES_MAX = 64;
/** Characters of an attribute name. CloudEvents 1.0.2 §3.1 advises 20; longer ones are in use. */
export const ATTRIBUTE_NAME_CHARS_MAX = 64;
/** UTF-8 bytes of one attribute's value: in binary mode attributes are HTTP headers, and receivers cap those at 8 kB. */
export const ATTRIBUTE_VALUE_BYTES_MAX = 4_096;
/**
 * Bytes of all attributes of one event as the headers of binary mode: names with `ce-`, values percent-encoded, which makes two
 * bytes of UTF-8 six. The servers of sinks take from 16 kB of headers upward: an event over it could never be delivered so.
 */
export const ATTRIBUTES_BYTES_MAX = 16_384;
/** Nesting of arrays and objects in an event's JSON, `data` included. */
export const JSON_DEPTH_MAX = 128;
/** `fantail-hops` of a publish; over it the event is refused, because it runs in a circle. */
export const HOPS_MAX = 5;

// ---- Subscriptions -----------------------------------------------------------------------------------------------

export const SUBSCRIPTIONS_PER_BUS_MAX = 100_000;
export const BUSES_MAX = 10_000;
export const KEYS_PER_BUS_MAX = 1_000;
/** Event types that one key is limited to. */
export const KEY_TYPES_MAX = 100;
/** Characters of one of them. */
export const KEY_TYPE_CHARS_MAX = 255;
/** Origins from which browsers may use one key. */
export const KEY_ORIGINS_MAX = 20;
export const KEY_ORIGIN_CHARS_MAX = 255;
/** How far ahead a key may expire: what is meant to last longer does not expire. */
export const KEY_EXPIRY_MS_MAX = 3_650 * 86_400_000;
/** For so long a rotated key goes on beside its successor, unless the request says otherwise. */
export const KEY_OVERLAP_SECONDS_DEFAULT = 86_400;
export const KEY_OVERLAP_SECONDS_MAX = 2_592_000;
/** A key's last use is written at most so often: it is a hint for people, not a record. */
export const KEY_USE_WRITE_MS = 3_600_000;
/** Keys whose use an isolate remembers to have noted; of what it forgets it may note the use again. */
export const KEY_USES_MAX = 10_000;
/** An expired key stays in the list for so long, so that it can be seen why it is refused. */
export const KEY_EXPIRED_KEPT_MS = 7 * 86_400_000;
/**
 * Requests of one key in RATE_PERIOD_SECONDS at one location of Cloudflare's network. The binding counts, not we: wrangler.toml has the
 * same figures, and a test holds them equal.
 */
export const RATE_REQUESTS = { low: 100, standard: 1_000, high: 10_000 } as const;
/** The binding knows 10 and 60. */
export const RATE_PERIOD_SECONDS = 10;
/**
 * The name of a deleted bus is free again so much later: isolates without a database serve what they know for ROUTES_OUTAGE_MS, and what
 * they accept must not reach the next bus of the name.
 */
export const BUS_NAME_REST_MS = 1_200_000;
/** An event may seem older than its bus by the difference of two clocks. Far less than BUS_NAME_REST_MS - ROUTES_OUTAGE_MS. */
export const BUS_CLOCK_MS = 60_000;
/** The least that a bus may set as its own limits: what it refuses must not be everything. */
export const BUS_BYTES_MIN = 1_024;
export const NAME_CHARS_MAX = 100;
export const TYPES_MAX = 100;
export const FILTERS_MAX = 20;
/** Dialect objects of one subscription's filters, all levels together. */
export const FILTER_NODES_MAX = 200;
/** Levels of `all`, `any` and `not`. */
export const FILTER_DEPTH_MAX = 8;
/** UTF-16 code units of one expression of the dialect `sql`. */
export const SQL_CHARS_MAX = 4_096;
/** Levels of parentheses, argument lists, lists of IN, NOT and minus around one another in an expression. */
export const SQL_DEPTH_MAX = 64;
/** Literals, attributes, operators and function calls of one expression. A chain of operators is evaluated as deep as it is long. */
export const SQL_NODES_MAX = 1_000;
/**
 * UTF-16 code units of any string that a function of an expression makes; over it the function fails. As many as all attributes of one
 * event have bytes (ATTRIBUTES_BYTES_MAX), so that an expression which joins them over and over cannot fill an isolate.
 */
export const SQL_STRING_CHARS_MAX = 16_384;
/** Levels of objects and of `$or` in one pattern. */
export const PATTERN_DEPTH_MAX = 32;
/** Ways to choose from all `$or` of a pattern, in all patterns of a subscription together: what EventBridge takes of a rule. */
export const PATTERN_ALTERNATIVES_MAX = 1_000;
/** Fields of all these ways together: each is a part of what is evaluated, and kept in memory. */
export const PATTERN_FIELDS_MAX = 5_000;
/** Fields that are put into some alternative while the patterns of one request are read: twenty times what may be left of them. */
export const PATTERN_WORK_MAX = 100_000;
/** Characters of a path in a pattern, its dots included. */
export const PATTERN_PATH_CHARS_MAX = 1_024;
/** Stars of one wildcard. */
export const WILDCARD_STARS_MAX = 32;
/** Values of an event that an explanation shows of one clause. */
export const EXPLAIN_VALUES_MAX = 20;
/** Characters of a text that it shows. */
export const EXPLAIN_CHARS_MAX = 256;
/** UTF-8 bytes of one subscription's `types`, `source` and `filters` as JSON. */
export const FILTER_BYTES_MAX = 16_384;
/** UTF-8 bytes of a foreign rule, policy or filter as JSON that is translated to filters: four times what those may have. */
export const IMPORT_BYTES_MAX = 65_536;
export const SINK_CHARS_MAX = 2_048;
export const SINK_HEADERS_MAX = 20;
export const SINK_HEADER_NAME_CHARS_MAX = 100;
export const SINK_HEADER_VALUE_CHARS_MAX = 2_048;
export const TIMEOUT_MS_MIN = 1_000;
export const TIMEOUT_MS_MAX = 60_000;
export const TIMEOUT_MS_DEFAULT = 15_000;
/** Entries of a retry schedule: one attempt more than that is made in all. */
export const RETRY_SCHEDULE_MAX = 30;
/** The longest wait between two attempts: a queue delays a message for at most 24 h. */
export const RETRY_DELAY_SECONDS_MAX = 86_400;
export const RETRY_SCHEDULE_SECONDS_DEFAULT = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400] as const;
export const RETRY_PERMANENT_DEFAULT = [400, 413, 415, 422] as const;
export const RETRY_PERMANENT_MAX = 50;
/** Attempts made on a status of `retry.permanent` before the delivery is dead. */
export const PERMANENT_TRIES_MAX = 3;
/** Jitter is added to a delay, never taken away: delay × (1 + uniform(0, JITTER_MAX)). */
export const JITTER_MAX = 0.1;
/** The longest period of a subscription's rate: what is over it waits, and a queue delays a message for at most 24 h. */
export const PACE_PERIOD_SECONDS_MAX = 86_400;
/**
 * Pushes a second of a subscription's rate: the one Durable Object that counts them takes some 1,000 requests a second, and a batch may
 * carry a single delivery.
 */
export const PACE_PER_SECOND_MAX = 1_000;
export const PACE_LIMIT_MAX = PACE_PER_SECOND_MAX * PACE_PERIOD_SECONDS_MAX;
/** Open requests of one subscription: what 200 consumers, as many as wrangler.toml allows, can have open of anything (PUSHES_MAX). */
export const PACE_CONCURRENCY_MAX = 1_000;
/** Bytes of a signing secret. Standard Webhooks 1.0: between 24 and 64. */
export const SECRET_BYTES_MIN = 24;
export const SECRET_BYTES_MAX = 64;
export const SECRET_BYTES_DEFAULT = 32;
/** A replaced secret goes on signing beside its successor for so long. */
export const SECRET_OVERLAP_MS = 86_400_000;
/** A time to resume from may seem to lie ahead by the difference of two clocks: so far it counts as now. */
export const RESUME_AHEAD_MS = 60_000;
/** How far a signature's timestamp may be from the receiver's clock. Standard Webhooks 1.0 leaves it open; its libraries take this. */
export const SIGNATURE_TOLERANCE_SECONDS = 300;
/** Bytes of an encryption key: AES-256. */
export const ENCRYPTION_KEY_BYTES = 32;

// ---- Queues ------------------------------------------------------------------------------------------------------

/** Deliveries of one event in one queue message: operations are billed per message. */
export const PARCEL_DELIVERIES_MAX = 10;
/** UTF-8 bytes of a message that carries its event: below 64,000 a message is one billed operation each way. */
export const INLINE_BYTES_MAX = 60_000;
/**
 * UTF-8 bytes of all messages of one event that travels inline on a bus that records failures only, in as many sends as they need: by
 * reference its body would be written, and kept for a day at the least.
 */
export const UNRECORDED_BYTES_MAX = 500_000;
/** The same of all events of one request: an isolate has 128 MB, and a text outside Latin-1 takes two bytes a character. */
export const REQUEST_UNRECORDED_BYTES_MAX = 25_000_000;
/** UTF-8 bytes of any message we send. Queues take 128,000 with some 100 B of their own. */
export const MESSAGE_BYTES_MAX = 120_000;
/** UTF-8 bytes of one `sendBatch`, MESSAGE_OVERHEAD_BYTES of each message included. Queues take 256,000. */
export const SEND_BYTES_MAX = 250_000;
/** What Queues adds to a message of ours and counts with it. */
export const MESSAGE_OVERHEAD_BYTES = 100;
/** Messages of one `sendBatch`, a limit of Queues. */
export const SEND_MESSAGES_MAX = 100;
/** A send not confirmed by then is tried once on the sibling shard: an overloaded queue may hang for almost a minute. */
export const SEND_TIMEOUT_MS = 5_000;
/** Shards of each lane. */
export const SHARDS = 2;
/** First wait before a queue message is tried again, doubled each time up to the second figure. */
export const MESSAGE_RETRY_SECONDS_MIN = 5;
export const MESSAGE_RETRY_SECONDS_MAX = 600;
/** What nobody can decode is kept on the poison queue and looked at so often: a later version may know it. */
export const POISON_RETRY_SECONDS = 3_600;

// ---- Delivering --------------------------------------------------------------------------------------------------

/** Requests in flight per invocation: fetch, queue sends and D1 share six connections. */
export const PUSHES_MAX = 5;
export const PUSHES_PER_SUBSCRIPTION_MAX = 2;
/** No push starts later than that after its batch began; what is left is released. */
export const PUSH_START_MS = 30_000;
/** While a push stays open, what has finished is settled at this interval. */
export const SETTLE_EARLY_MS = 2_000;
/**
 * A claim's lease: PUSH_START_MS + TIMEOUT_MS_MAX + an early settle under way + the settles and the waits between them, with room; under the
 * platform's 15 min. What follows from a settle is waited for when the lease guards nothing any more.
 */
export const LEASE_MS = 180_000;
/**
 * What a queue hands out more often is claimed at any log level. Waits for a database that is away come first: these are 40 minutes of them.
 */
export const UNCLAIMED_HANDOUTS_MAX = 10;
/** The wait before a failed claim is repeated with the same token. */
export const CLAIM_RETRY_MS = 200;
/** A claim or settle that has not answered by then is repeated with the same token. */
export const D1_CALL_TIMEOUT_MS = 10_000;
/** Outcomes that travel as a message are tried so often: before the sweep frees their rows, once D1 is back. */
export const OUTCOMES_RETRY_SECONDS = 15;
/** A lease's end is waited for with up to so much more, so that messages of one crash do not come back as one batch. */
export const LEASE_SPREAD_MS = 10_000;
/** What operators are to hear that is not on its way by then is not told: it holds up no batch. */
export const NOTICES_TIMEOUT_MS = 5_000;
/** The waits before a failed settle is repeated with the same token. */
export const SETTLE_RETRY_MS = [200, 1_000, 5_000, 15_000] as const;
/** A wake-up may come this much before the due time: queue delays are whole seconds. */
export const DUE_TOLERANCE_MS = 1_000;
/** An attempt that took longer wakes on the slow lane. */
export const SLOW_ATTEMPT_MS = 2_000;
/** Bytes of a sink's answer that are read at most; the rest is cancelled. */
export const ANSWER_BYTES_MAX = 16_384;
/** Bytes of a failure's answer that are kept. */
export const ANSWER_SAMPLE_BYTES_MAX = 1_024;
/** Shorter header values of a subscription are no secrets: masking them in an answer would blot out its words. */
export const HEADER_SECRET_CHARS_MIN = 4;
/**
 * The wait for all addresses of a sink's name, part of its timeout: a resolver answers in some ten milliseconds, or is away. Less than
 * SLOW_ATTEMPT_MS: it makes no sink slow.
 */
export const DNS_TIMEOUT_MS = 1_500;
/** Bytes of one answer of the resolver: twice what DNS over UDP carries. */
export const DNS_ANSWER_BYTES_MAX = 8_192;
/** Records of one answer: names with the most addresses have some dozens. What is over is not trusted, for all must be looked at. */
export const DNS_RECORDS_MAX = 100;
/** Imported signing keys that an isolate keeps; importing costs more than signing. */
export const SIGNING_KEYS_MAX = 1_000;
/** What did not start in its batch is due again so much later, and up to as much more. */
export const RELEASE_DELAY_MS = 2_000;
/** Attempts that may vanish beyond the schedule before a delivery is dead: a deploy in mid-flight is not its fault. */
export const CRASHES_SPARE = 2;
/** Attempts kept on record per delivery; `attempt` goes on counting. */
export const ATTEMPTS_KEPT_MAX = 100;
/** Bytes of bodies that one claim loads from D1; deliveries of what is over are released. */
export const CLAIM_BODIES_BYTES_MAX = 8_000_000;

// ---- Health of sinks ---------------------------------------------------------------------------------------------

/** A sink comes back to lane `fast` when its attempts take less than this on average and none fails: half of what made it slow. */
export const LANE_FAST_LATENCY_MS = 1_000;
/** Weight of one attempt in the average latency; of several in one batch, as much each, up to all. */
export const LATENCY_WEIGHT = 0.3;
/** An average latency is written anew when a batch's is off by half of it, and by this at the least. */
export const LATENCY_NOTED_MS = 50;
/** Failures in a row that open the breaker. */
export const BREAKER_FAILURES = 5;
/** Weight of one attempt in the failure rate: it remembers some twenty. */
export const FAILURE_WEIGHT = 0.05;
/** The failure rate that opens the breaker. */
export const BREAKER_FAILURE_RATE = 0.5;
/** Below it a failure rate counts as none, so that a healthy sink is not written after each batch. */
export const FAILURE_RATE_NOTED = 0.02;
/**
 * The first wait of an open breaker for its probe, doubled with each probe that fails, BREAKER_DOUBLINGS_MAX times: 21 min. A sink that was only
 * restarted is not kept waiting for long.
 */
export const BREAKER_OPEN_MS = 5_000;
export const BREAKER_DOUBLINGS_MAX = 8;
/** A sink that has done nothing but fail for so long, and BREAKER_FAILURES times at the least, is disabled. */
export const FAILING_DISABLE_MS = 5 * 86_400_000;
/** What waits for a breaker or a pause is woken when that ends; should nobody do so, it is looked at again after so long. */
export const PARKED_MS = 86_400_000;
/** Parked deliveries that are let go first when their sink is back; ten times as many with each further step, if it is still well. */
export const RESUME_DELIVERIES_MIN = 10;
/** The most that are let go and not taken yet. */
export const RESUME_DELIVERIES_MAX = 1_000;
/** From one such step to the next: time for the first to show how the sink is. */
export const RESUME_STEP_SECONDS = 2;
/** Sinks that one step of the sweep finds ready for what is parked. */
export const RESUME_SINKS_MAX = 100;
/** Batches of lane `slow` that deliveries of one bus fill at a time: half of the lane's concurrency, so that another bus finds room. */
export const SLOW_BATCHES_PER_BUS_MAX = 40;
/** What is over comes back so much later. */
export const CROWDED_DELAY_MS = 30_000;
/** A subscription of which something waits that was accepted so long ago lags, and operators are told once. */
export const LAG_TOLD_MS = 3_600_000;
/** It has caught up when all that waits is younger: half of it, so that it is not told over and over. */
export const LAG_OVER_MS = 1_800_000;
/** Subscriptions of which something waits that one step of the sweep looks at. */
export const LAG_SUBSCRIPTIONS_MAX = 500;
/** The longest wait that a sink can ask for with `webhook-delivery: defer=`. */
export const DEFER_SECONDS_MAX = 86_400;

// ---- Pace --------------------------------------------------------------------------------------------------------

/** A rate holds over its own period, and over this time if that is longer. */
export const PACE_WINDOW_MS_MIN = 60_000;
/** For so long a permit may be used after it was asked for. */
export const PACE_PERMIT_MS = 1_000;
/** A push may be early, against even spacing, by this part of the time over which the rate holds: wake-ups come in whole seconds. */
export const PACE_TOLERANCE_FRACTION = 1 / 30;
/** Deferred deliveries whose turn came so long ago are not waited for: they were cancelled, or held, or their alarms are late. */
export const PACE_ABSENT_MS = 10_000;
/** Batches that a limiter remembers, so that one that asks again is not given twice: as many as wrangler.toml lets run at a time. */
export const PACE_BATCHES_MAX = 200;
/** A limiter that has not answered by then grants nothing: its permits would be over. */
export const PACE_TIMEOUT_MS = 1_500;
/** How long an attempt is expected to take where none was made yet. */
export const PACE_EXPECTED_MS = 200;
/** Limiters that one batch asks at a time. */
export const PACE_ASKS_MAX = 10;
/** What an unanswered ask was for is due again so much later, and up to as much more. */
export const PACE_RETRY_MS = 5_000;
/** A limiter forgets what it knows when nobody has asked for so long. */
export const PACE_IDLE_MS = 86_400_000;

// ---- D1 ----------------------------------------------------------------------------------------------------------

/** UTF-8 bytes of one JSON parameter. D1 takes strings of 2,000,000. */
export const D1_PARAMETER_BYTES_MAX = 1_800_000;
/** Rows that one page of a list reads at most; such a page may be short. */
export const LIST_ROWS_READ_MAX = 5_000;
/** Rows that the scan behind such a page passes: a filtered list reads them twice, and each row it keeps may join another. */
export const LIST_SCAN_ROWS_MAX = 2_300;
export const LIST_LIMIT_DEFAULT = 50;
export const LIST_LIMIT_MAX = 200;

// ---- Routes (the isolate's cache) --------------------------------------------------------------------------------

/** Up to this age the cache is used as it is. */
export const ROUTES_FRESH_MS = 2_000;
/** Up to this age it is used while a refresh runs behind; older: one query first. */
export const ROUTES_STALE_MS = 5_000;
/** The wait for that one query. */
export const ROUTES_QUERY_TIMEOUT_MS = 1_000;
/** The wait for a bus that this isolate has never loaded. */
export const ROUTES_LOAD_TIMEOUT_MS = 10_000;
/** While D1 is away the last good routes serve for so long. */
export const ROUTES_OUTAGE_MS = 900_000;
/** An unknown key or bus is looked up again unless that was done so recently. */
export const ROUTES_UNKNOWN_MS = 1_000;
/** Changes read by one query. */
export const ROUTES_CHANGES_MAX = 1_000;
/** Estimated bytes of all cached buses; the least recently used goes first. An isolate has 128 MB. */
export const ROUTES_BYTES_MAX = 64_000_000;
/** What an empty bus, a cached key beside its texts, and a character of those cost in memory: measured, rounded up. */
export const ROUTES_BUS_BYTES = 2_000;
export const ROUTES_KEY_BYTES = 500;
export const ROUTES_CHAR_BYTES = 2;
/** What a subscription on lane `slow` costs beside itself. */
export const ROUTES_SLOW_BYTES = 100;
/** Buses that were looked for and do not exist, remembered for ROUTES_UNKNOWN_MS. */
export const ROUTES_UNKNOWN_BUSES_MAX = 1_000;
/** Every change is live everywhere this long after its commit. */
export const EFFECTIVE_MS = 5_000;
/** A deletion stays visible to the caches for so long. */
export const TOMBSTONE_MS = 86_400_000;

// ---- Sweep -------------------------------------------------------------------------------------------------------

/** An alarm is lost when its row is overdue by so much. */
export const SWEEP_GRACE_MS = 60_000;
/** The same for a row that was woken before, or given back: its alarm is more likely late than lost. */
export const SWEEP_REPEAT_MS = 600_000;
/** Rows that one step of the sweep takes. */
export const SWEEP_ROWS_MAX = 1_000;
/** Dead batches that one step of the sweep frees. */
export const SWEEP_CLAIMS_MAX = 50;
/** Events that one step of retention looks at. */
export const RETENTION_EVENTS_MAX = 500;
/** Deliveries that one step of retention closes or removes: D1 has one writer, and a batch has 30 s. */
export const RETENTION_DELIVERIES_MAX = 5_000;
/** Steps of one part of one sweep: an invocation has 1,000 queries of D1, and one step of every part makes 49. */
export const SWEEP_STEPS_MAX = 20;
/** Each part of the sweep starts no further step after so long. */
export const SWEEP_BUDGET_MS = 10_000;
export const RETENTION_DAYS_MIN = 1;
export const RETENTION_DAYS_DEFAULT = 7;
export const RETENTION_DAYS_MAX = 30;
/** A delivery that retention closed (`expired`) stays on record for so long. */
export const EXPIRED_KEPT_MS = 86_400_000;
/** Bodies without an event: longer than a lane (15 h) and the poison queue (100 h) try to make one of them. */
export const ORPHAN_BODIES_KEPT_MS = 6 * 86_400_000;
/** The same while only failures are recorded, because they fill the database and no event goes for them: still longer than a lane tries. */
export const ORPHAN_BODIES_KEPT_TIGHT_MS = 86_400_000;
/** A body that nobody needs any more goes so much later: the same event may be on its way a second time. */
export const SPENT_BODY_KEPT_MS = 3_600_000;
/** An erasure is remembered for longer than an event can be on record (RETENTION_DAYS_MAX) or a queue can carry it (14 days). */
export const ERASURE_KEPT_MS = 45 * 86_400_000;
/** Steps of RETENTION_DELIVERIES_MAX that the request of an erasure makes; what is left of a wider event is the sweep's. */
export const ERASURE_STEPS_MAX = 4;
export const AUDIT_KEPT_MS = 400 * 86_400_000;
/** The sweep removes an entry so much later: the trigger that keeps it for AUDIT_KEPT_MS goes by the clock of the database. */
export const AUDIT_MARGIN_MS = 3_600_000;
export const IDEMPOTENCY_KEPT_MS = 86_400_000;

// ---- Size of the database ----------------------------------------------------------------------------------------

/** Megabytes (10^6 bytes) of a D1 database on the paid plan: it cannot be raised. */
export const DATABASE_MB_DEFAULT = 10_000;
export const DATABASE_MB_MIN = 10;
export const DATABASE_MB_MAX = 10_000;
/** Over this part of it the oldest events go before their retention. */
export const SHORTEN_FRACTION = 0.7;
/** What is younger stays whatever the size: its first attempts may still be on their way, and something else may be what fills it. */
export const SHORTEN_SPARES_MS = 3_600_000;
/** Over this part of it all buses record failures only, until it is under the second figure. */
export const FAILURES_ONLY_FRACTION = 0.85;
export const FAILURES_ONLY_END_FRACTION = 0.8;
/** The size is noted when it changed by more than this part of it, the last digit that the API shows. */
export const DATABASE_NOTED_FRACTION = 0.001;

// ---- HTTP API ----------------------------------------------------------------------------------------------------

/** One request body that is not a publish. Sixteen times what a subscription's filters may have. */
export const MANAGEMENT_BYTES_MAX = 262_144;
/** What one byte of gzip can stand for at most: 258 bytes in two bits (RFC 1951 §3.2.5), 1,032 with what is around them. */
export const DEFLATE_RATIO_MAX = 1_032;
/** Bytes of a gzip body that are inflated at a time: whatever they stand for is in memory at once. */
export const INFLATE_PIECE_BYTES_MAX = 4_096;
/** Characters of `Idempotency-Key`, visible ASCII. */
export const IDEMPOTENCY_KEY_CHARS_MAX = 255;
/** Random bytes that one request with an `Idempotency-Key` can draw: a rotated key takes 94, a subscription 52. */
export const IDEMPOTENCY_SEED_BYTES = 256;
/**
 * Lines of one NDJSON publish: in full groups its sends stay far below the 10,000 subrequests of an invocation. Lines that come one at a
 * time, or match very many subscriptions, can use those up: what fails then is not confirmed, and the stream ends at its `next_line`.
 */
export const NDJSON_LINES_MAX = 100_000;
/** Bytes of one NDJSON publish, inflated: what the smallest plan takes as a request body. */
export const NDJSON_BYTES_MAX = 100_000_000;
/** Lines of an NDJSON publish are confirmed together, up to BATCH_EVENTS_MAX of them and so many bytes; a longer line goes alone. */
export const NDJSON_CHUNK_BYTES_MAX = 1_048_576;
/** Bytes of one line: an event of EVENT_BYTES_MAX with as much again of white space and escapes. */
export const NDJSON_LINE_BYTES_MAX = 2_097_152;
/** Browsers keep the answer to a preflight for at most two hours. */
export const PREFLIGHT_SECONDS = 7_200;
/** The API description may be kept for so long: a deployment changes it. */
export const OPENAPI_MAX_AGE_SECONDS = 300;
/** Characters of `tracestate`: what W3C Trace Context §3.3.1.5 asks everyone to carry. A longer one is left behind. */
export const TRACESTATE_CHARS_MAX = 512;
/** Ids of subscriptions that the answer to a publish lists for each event; `matched` counts all. */
export const RECEIPT_SUBSCRIPTIONS_MAX = 100;
/** Subscriptions that the answer to an explained publish explains. */
export const EXPLAIN_SUBSCRIPTIONS_MAX = 100;
/** UTF-8 bytes, as JSON, of all explanations of one answer: what is over is left out, but for the first. */
export const EXPLAIN_BYTES_MAX = 1_000_000;
/** It waits no longer for the database. */
export const EXPLAIN_TIMEOUT_MS = 2_000;
/** Characters of an event's data, times how often it is walked over for the explanations of one publish: about a second of work. */
export const EXPLAIN_WORK_BYTES_MAX = 50_000_000;
/** What a walk over the smallest event counts as. */
export const EVENT_WALK_BYTES_MIN = 1_000;
/** One body of a filter to be tried on an event: room for both. */
export const FILTER_TEST_BYTES_MAX = EVENT_BYTES_MAX + MANAGEMENT_BYTES_MAX;
/** Events that one page of a backtest looks at; each reads up to four rows, so that a page stays under LIST_ROWS_READ_MAX. */
export const BACKTEST_EVENTS_MAX = 1_000;
/** UTF-8 bytes of the bodies that it loads: what a claim loads too. */
export const BACKTEST_BODIES_BYTES_MAX = 8_000_000;
/**
 * Characters of all these bodies, each times how often it is walked over and once more for reading it: a second or two of work. The page
 * ends before the event that would be over it, but has one.
 */
export const BACKTEST_WORK_BYTES_MAX = 100_000_000;
/** Events that it shows of each kind. */
export const BACKTEST_SAMPLE_MAX = 10;
/** Faults that one problem lists; its detail says how many there are. */
export const FAULTS_MAX = 100;
/** Characters of a member's name that a fault repeats: a longer one is not repeated. */
export const FAULT_NAME_CHARS_MAX = 100;
/** Characters of a cursor. Ours have some 150. */
export const CURSOR_CHARS_MAX = 512;
/** `Retry-After` of an answer 503. */
export const UNAVAILABLE_RETRY_SECONDS = 5;
/** Times that a change without `If-Match` is tried when others change the same thing meanwhile: so many at once all get their turn. */
export const CHANGE_TRIES_MAX = 20;
/** Secrets of one subscription: the current one, and replaced ones that still sign along. */
export const SECRETS_MAX = 4;

// ---- Streams -----------------------------------------------------------------------------------------------------

/** Open at a time on one bus: each asks the database once a second. */
export const STREAMS_PER_BUS_MAX = 50;
/** A stream ends by then, and whoever reads it comes again; or when it has asked so often: an invocation has 1,000 queries of D1. */
export const STREAM_MS_MAX = 300_000;
export const STREAM_READS_MAX = 350;
/** From one look to the next: after one that found something, and after one that did not. */
export const STREAM_BUSY_MS = 250;
export const STREAM_IDLE_MS = 1_000;
/** So often a stream says how far it is, and looks whether its key still allows it. */
export const STREAM_HEARTBEAT_MS = 15_000;
/** What whoever reads it should wait before it comes again. */
export const STREAM_RETRY_MS = 1_000;
/** `Retry-After` of an answer that there are too many. */
export const STREAM_FULL_RETRY_SECONDS = 10;
/** How long a stream counts whose end nobody noted: longer than it can last. */
export const STREAM_LEASE_MS = 330_000;
/** Rows of `arrivals` or `settles`, of all buses, that one look reads: each has some 25 events. */
export const STREAM_ROWS_MAX = 100;
/** Events or deliveries of one look, and UTF-8 bytes of the events: what is over comes with the next one, but one event always comes. */
export const STREAM_ENTRIES_MAX = 200;
export const STREAM_BYTES_MAX = 1_000_000;
/** Events from before that a stream can begin with. */
export const STREAM_REPLAY_MAX = 200;
/** News of deliveries can be had for so long. Where failures alone are recorded it is all that a delivery leaves, and so what fills the database. */
export const SETTLES_KEPT_MS = 3_600_000;

// ---- Metrics -----------------------------------------------------------------------------------------------------

/** Rows of `settles`, and of `arrivals`, that one step of the sweep counts, and that an answer adds which are not counted yet: 33 a second of each for a minute. */
export const METRIC_ROWS_MAX = 2_000;
/** Minutes are kept for so long, then added up to hours. */
export const METRIC_MINUTES_KEPT_MS = 2 * 86_400_000;
export const METRIC_HOURS_KEPT_MS = 30 * 86_400_000;
/** Points of one answer; without a `step` the finest with no more than the second figure. */
export const METRIC_POINTS_MAX = 1_500;
export const METRIC_POINTS_DEFAULT = 180;
/** Subscriptions of one page of their counts: each minute of the last hour is looked up for each of them. */
export const METRIC_SUBSCRIPTIONS_MAX = 50;
/** Subscriptions whose series one answer in Prometheus' format has: those with the least ids of the bus. */
export const METRIC_SERIES_MAX = 2_000;

// ---- Deployment --------------------------------------------------------------------------------------------------

/** Characters of the root key: what a person makes up is shorter. */
export const ROOT_KEY_CHARS_MIN = 16;
/** A page that is signed in has to sign in again after so long. */
export const SESSION_MS = 43_200_000;
/** Characters of a key that is signed in with: the sealed cookie stays below the 4,096 bytes that browsers keep (RFC 6265 §6.1). */
export const SESSION_KEY_CHARS_MAX = 2_000;

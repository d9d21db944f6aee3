/**
 * Use case: accepted events → match → parcels → receipt. It returns only when every parcel is confirmed by a queue.
 */
import type { LogLevel } from "./core/bus.ts";
import { encodeEvent } from "./core/cloudevents/json.ts";
import { cutByCount } from "./core/cut.ts";
import type { CloudEvent } from "./core/event.ts";
import type { Lane } from "./core/health.ts";
import { eventIdOf, ID_RANDOM_BYTES, shardOf, timeOrderedId } from "./core/ids.ts";
import {
  INLINE_BYTES_MAX,
  MESSAGE_OVERHEAD_BYTES,
  PARCEL_DELIVERIES_MAX,
  REQUEST_DELIVERIES_MAX,
  REQUEST_UNRECORDED_BYTES_MAX,
  SEND_BYTES_MAX,
  SEND_MESSAGES_MAX,
  UNRECORDED_BYTES_MAX,
} from "./core/limits.ts";
import { encodeParcel, withBody } from "./core/parcel.ts";
import { refusal, type Refusal } from "./core/problem.ts";
import { err, ok, type Result } from "./core/result.ts";
import { utf8Bytes } from "./core/utf8.ts";
import {
  type Background,
  type BusRoutes,
  type Clock,
  type Lanes,
  type Log,
  type Outgoing,
  type Random,
  type Routes,
  Unavailable,
} from "./ports.ts";

export interface Publish {
  readonly bus: string;
  readonly requestId: string;
  /** `fantail-hops` of the request. */
  readonly hops: number;
  readonly events: readonly CloudEvent[];
  readonly background: Background;
}

export interface Accepted {
  readonly eventId: string;
  readonly event: CloudEvent;
  readonly matched: number;
  readonly subscriptionIds: readonly string[];
}

/**
 * Accepts events, in the order given. The same publish again completes what was not confirmed and repeats nothing, because every
 * id in it is derived from the event.
 * The error: they match more than REQUEST_DELIVERIES_MAX in all, and none is accepted.
 * @throws Unavailable when something was not confirmed: parts may be on their way.
 */
export type Ingest = (publish: Publish) => Promise<Result<readonly Accepted[], Refusal>>;

export interface IngestDeps {
  readonly routes: Routes;
  readonly log: Pick<Log, "storeBodies">;
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly random: Random;
}

/** One event, ready to be sent. */
interface Prepared {
  readonly accepted: Accepted;
  /** The body, when it travels by reference. */
  readonly stored: { readonly eventId: string; readonly body: string } | null;
  readonly messages: readonly Outgoing[];
}

/** Deliveries that share a parcel, and where it goes. */
interface Part {
  readonly lane: Lane;
  readonly shard: number;
  readonly subscriptionIds: readonly string[];
}

/**
 * Whose deliveries share a parcel. Those to slow sinks go to lane `slow`, each subscription for itself, so that it fills only messages of its own. An
 * event that matches nothing travels too, with none, for every event is on record; not where only failures are: there it ends here.
 */
function partsOf(
  subscriptionIds: readonly string[],
  { eventId, routes }: { readonly eventId: string; readonly routes: Pick<BusRoutes, "laneOf" | "rules"> },
): Part[] {
  const shard = shardOf(eventId);
  if (subscriptionIds.length === 0 && routes.rules.logLevel === "all")
    return [{ lane: "fast", shard, subscriptionIds }];
  const fast = subscriptionIds.filter((id) => routes.laneOf(id) === "fast");
  const slow = subscriptionIds.filter((id) => routes.laneOf(id) === "slow");
  return [
    ...cutByCount(fast, PARCEL_DELIVERIES_MAX).map((ids): Part => ({ lane: "fast", shard, subscriptionIds: ids })),
    ...slow.map((id): Part => ({ lane: "slow", shard: shardOf(id), subscriptionIds: [id] })),
  ];
}

/**
 * Whether the body goes into every parcel: not when a message would be over the inline limit, nor when one send could not hold them
 * all; where only failures are recorded it may take several, up to its part of what one request may take. Decided by arithmetic: to make
 * the texts first would mean a thousand copies of a body that then travels by reference.
 */
function travelsInline(
  heads: readonly string[],
  bodyBytes: number,
  { logLevel, events }: { readonly logLevel: LogLevel; readonly events: number },
): boolean {
  const [messagesMax, bytesMax] =
    logLevel === "all"
      ? [SEND_MESSAGES_MAX, SEND_BYTES_MAX]
      : [Number.POSITIVE_INFINITY, Math.min(UNRECORDED_BYTES_MAX, REQUEST_UNRECORDED_BYTES_MAX / events)];
  if (heads.length > messagesMax) return false;
  const sizes = heads.map((head) => utf8Bytes(head) + 1 + bodyBytes);
  const total = sizes.reduce((sum, size) => sum + size + MESSAGE_OVERHEAD_BYTES, 0);
  return total <= bytesMax && sizes.every((size) => size <= INLINE_BYTES_MAX);
}

export function createIngest({ routes, log, lanes, clock, random }: IngestDeps): Ingest {
  return async function ingest(publish) {
    const known = await routes.bus(publish.bus, publish.background);
    if (known === null) throw new Unavailable(`The bus ${publish.bus} is not known here`);
    const busRoutes = known;
    const acceptedMs = clock.now();
    const { logLevel } = busRoutes.rules;
    const matches = publish.events.map((event) => busRoutes.match(event));
    const deliveries = matches.reduce((sum, { length }) => sum + length, 0);
    if (deliveries > REQUEST_DELIVERIES_MAX) return err(tooManyDeliveries(deliveries));

    async function prepare(event: CloudEvent, index: number): Promise<Prepared> {
      const eventId = await eventIdOf(publish.bus, event.source, event.id);
      const subscriptionIds = matches[index] ?? [];
      const body = encodeEvent(event);
      const subject = event.attributes["subject"];
      const envelope = {
        kind: "event",
        bus: publish.bus,
        seq: timeOrderedId(acceptedMs, random.bytes(ID_RANDOM_BYTES)),
        eventId,
        // An entry of a batch is a publish of its own: the same id twice in one request is a duplicate too.
        receipt: `${publish.requestId}.${index}`,
        acceptedMs,
        hops: publish.hops,
        matched: subscriptionIds.length,
        bytes: utf8Bytes(body),
        id: event.id,
        source: event.source,
        type: event.type,
        subject: typeof subject === "string" ? subject : null,
        logLevel,
        body: null,
      } as const;
      const parts = partsOf(subscriptionIds, { eventId, routes: busRoutes });
      const heads = parts.map((part, number) =>
        encodeParcel({ ...envelope, part: number, subscriptionIds: part.subscriptionIds }),
      );
      const inline = travelsInline(heads, envelope.bytes, { logLevel, events: publish.events.length });
      return {
        accepted: { eventId, event, matched: subscriptionIds.length, subscriptionIds },
        stored: inline ? null : { eventId, body },
        messages: parts.flatMap(({ lane, shard }, number): Outgoing[] => {
          const head = heads[number];
          return head === undefined
            ? []
            : [{ lane, shard, text: inline ? withBody(head, body) : head, delaySeconds: 0 }];
        }),
      };
    }

    const prepared = await Promise.all(publish.events.map(prepare));
    const stored = prepared.flatMap((event) => event.stored ?? []);
    if (stored.length > 0) await log.storeBodies(stored, acceptedMs);
    const messages = prepared.flatMap((event) => event.messages);
    if (messages.length > 0) await lanes.send(messages);
    return ok(prepared.map(({ accepted }) => accepted));
  };
}

function tooManyDeliveries(deliveries: number): Refusal {
  const detail = `The events match ${deliveries} subscriptions in all, the limit of one request is ${REQUEST_DELIVERIES_MAX}: send fewer at a time`;
  return refusal("payload-too-large", detail);
}

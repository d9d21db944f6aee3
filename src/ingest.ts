/**
 * Use case: accepted events → match → parcels → receipt. It returns only when every parcel is confirmed by a queue.
 */
import { encodeEvent } from "./core/cloudevents/json.ts";
import type { CloudEvent } from "./core/event.ts";
import { eventIdOf, ID_RANDOM_BYTES, shardOf, timeOrderedId } from "./core/ids.ts";
import {
  INLINE_BYTES_MAX,
  MESSAGE_OVERHEAD_BYTES,
  PARCEL_DELIVERIES_MAX,
  SEND_BYTES_MAX,
  SEND_MESSAGES_MAX,
} from "./core/limits.ts";
import { encodeParcel, type EventParcel } from "./core/parcel.ts";
import {
  type Background,
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
 * @throws Unavailable when something was not confirmed: parts may be on their way.
 */
export type Ingest = (publish: Publish) => Promise<readonly Accepted[]>;

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

const encoder = new TextEncoder();
const byteLength = (text: string): number => encoder.encode(text).byteLength;

/** An event that matches nothing travels too, with no deliveries: every event is on record. */
function chunks(subscriptionIds: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (let start = 0; start < subscriptionIds.length; start += PARCEL_DELIVERIES_MAX) {
    parts.push(subscriptionIds.slice(start, start + PARCEL_DELIVERIES_MAX));
  }
  return parts.length === 0 ? [[]] : parts;
}

/** A message over the inline limit, or parcels that one send cannot hold, would carry the body many times. */
function travelsInline(texts: readonly string[]): boolean {
  const sizes = texts.map(byteLength);
  const total = sizes.reduce((sum, size) => sum + size + MESSAGE_OVERHEAD_BYTES, 0);
  return (
    texts.length <= SEND_MESSAGES_MAX && total <= SEND_BYTES_MAX && sizes.every((size) => size <= INLINE_BYTES_MAX)
  );
}

export function createIngest({ routes, log, lanes, clock, random }: IngestDeps): Ingest {
  return async function ingest(publish) {
    const busRoutes = await routes.bus(publish.bus, publish.background);
    if (busRoutes === null) throw new Unavailable(`The bus ${publish.bus} is not known here`);
    const acceptedMs = clock.now();

    async function prepare(event: CloudEvent, index: number): Promise<Prepared> {
      const eventId = await eventIdOf(publish.bus, event.source, event.id);
      const subscriptionIds = busRoutes?.match(event) ?? [];
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
        bytes: byteLength(body),
        id: event.id,
        source: event.source,
        type: event.type,
        subject: typeof subject === "string" ? subject : null,
        body,
      } as const;
      const parcels = chunks(subscriptionIds).map((ids): EventParcel => ({ ...envelope, subscriptionIds: ids }));
      const inline = parcels.map(encodeParcel);
      const byReference = !travelsInline(inline);
      const texts = byReference ? parcels.map((parcel) => encodeParcel({ ...parcel, body: null })) : inline;
      const shard = shardOf(eventId);
      return {
        accepted: { eventId, event, matched: subscriptionIds.length, subscriptionIds },
        stored: byReference ? { eventId, body } : null,
        messages: texts.map((text) => ({ lane: "fast", shard, text, delaySeconds: 0 })),
      };
    }

    const prepared = await Promise.all(publish.events.map(prepare));
    const stored = prepared.flatMap((event) => event.stored ?? []);
    if (stored.length > 0) await log.storeBodies(stored, acceptedMs);
    const messages = prepared.flatMap((event) => event.messages);
    if (messages.length > 0) await lanes.send(messages);
    return prepared.map(({ accepted }) => accepted);
  };
}

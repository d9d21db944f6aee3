/**
 * What a sink receives: an event in the format of its subscription, as headers and body. It decides the shape of the four formats;
 * the producer's JSON is spliced as text and never parsed or written anew.
 */
import { encodeBinary } from "./cloudevents/binary.ts";
import type { CloudEvent, EventData } from "./event.ts";
import type { Format } from "./subscription.ts";

export interface RenderInput {
  readonly format: Format;
  readonly event: CloudEvent;
  /** The event's canonical text. */
  readonly text: string;
  readonly eventId: string;
  /** Unix milliseconds. */
  readonly acceptedMs: number;
  /** Scheme and host of our API, without a slash at the end. */
  readonly baseUrl: string;
}

export interface Rendered {
  /** `content-type` among them, unless the event says none for its data. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/**
 * - `structured`: the canonical text, `application/cloudevents+json` (CloudEvents HTTP binding 1.0.2 §3.2).
 * - `binary`: the data as body, attributes as `ce-*` headers (ibid. §3.1).
 * - `standard`: `{type, timestamp, data}`, the payload that Standard Webhooks 1.0 advises. Text data is a JSON string, binary data
 *   is base64 under `data_base64` instead, no data is null.
 * - `reference`: `{type, timestamp, data: {event_id, id, source, subject, url}}`, the event to be fetched at `url`.
 */
export function renderDelivery(input: RenderInput): Rendered {
  switch (input.format) {
    case "structured":
      return { headers: [["content-type", "application/cloudevents+json"]], body: input.text };
    case "binary":
      return encodeBinary(input.event);
    case "standard":
      return payload(input, dataMember(input.event.data));
    case "reference":
      return payload(input, `"data":${JSON.stringify(referenceOf(input))}`);
  }
}

function payload({ event, acceptedMs }: RenderInput, member: string): Rendered {
  const timestamp = event.attributes["time"] ?? new Date(acceptedMs).toISOString();
  const head = `"type":${JSON.stringify(event.type)},"timestamp":${JSON.stringify(timestamp)}`;
  return { headers: [["content-type", "application/json"]], body: `{${head},${member}}` };
}

function dataMember(data: EventData): string {
  switch (data.kind) {
    case "none":
      return `"data":null`;
    case "json":
      return `"data":${data.text}`;
    case "text":
      return `"data":${JSON.stringify(data.text)}`;
    case "binary":
      return `"data_base64":"${data.base64}"`;
  }
}

function referenceOf({ event, eventId, baseUrl }: RenderInput) {
  return {
    event_id: eventId,
    id: event.id,
    source: event.source,
    subject: event.attributes["subject"] ?? null,
    url: `${baseUrl}/v1/events/${eventId}`,
  };
}

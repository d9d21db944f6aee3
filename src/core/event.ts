/** The domain's view of a CloudEvents 1.0 event. Types only: `core/cloudevents/` reads and writes them. */

export type AttributeValue = string | number | boolean;

export const isAttributeValue = (value: unknown): value is AttributeValue =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean";

/**
 * An event's payload as it travels. JSON data is the producer's own text, never re-serialised, so that 12345678901234567890,
 * 1.10 and key order arrive as sent. `value` is what it was parsed to when it was checked, for whoever looks into it then; an event off the
 * record has none.
 */
export type EventData =
  | { readonly kind: "none" }
  | { readonly kind: "json"; readonly text: string; readonly value?: unknown }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "binary"; readonly base64: string };

export interface CloudEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** All context attributes by name, `specversion`, `id`, `source` and `type` included. Absent and null attributes are not listed. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly data: EventData;
}

/** An attribute's canonical string (CloudEvents 1.0.2 §3.1), which filters compare. */
export function canonicalString(value: AttributeValue): string {
  return typeof value === "string" ? value : String(value);
}

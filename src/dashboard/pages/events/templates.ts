/** What the form that publishes an event begins with. */
import type { EventOnRecord } from "../../../client/index.ts";

export type TemplateName = "short" | "full" | "extended" | "like";

interface Template {
  readonly value: TemplateName;
  readonly label: string;
  readonly event: unknown;
}

const DATA = { order_id: "A-1001", total: 129.5, currency: "EUR" };

export const TEMPLATES: readonly Template[] = [
  { value: "short", label: "In short: a type and data", event: { type: "order.created", data: DATA } },
  {
    value: "full",
    label: "In full: a CloudEvent",
    event: {
      specversion: "1.0",
      id: "A-1001",
      source: "/shop",
      type: "order.created",
      subject: "eu/A-1001",
      data: DATA,
    },
  },
  {
    value: "extended",
    label: "With attributes of one's own",
    event: {
      specversion: "1.0",
      id: "A-1001",
      source: "/shop",
      type: "order.created",
      tenant: "acme",
      region: "eu",
      data: DATA,
    },
  },
];

/** The text of a template. */
export const textOf = (event: unknown): string => JSON.stringify(event, null, 2);

/** An event like that on record, but another one: without its id and time. Null: there is nothing to be like. */
export function likeOf({ event }: EventOnRecord): Template | null {
  if (event === null) return null;
  const { id: _, time: __, ...rest } = event;
  return { value: "like", label: `Like the event ${event.id}`, event: { ...rest, id: `${event.id}-again` } };
}

/** What is published: events of a stated size, and real ones. The same texts in every run. */
import examples from "@octokit/webhooks-examples" with { type: "json" };

export type PayloadName = "1 kB" | "10 kB" | "GitHub";

const BYTES: Readonly<Record<"1 kB" | "10 kB", number>> = { "1 kB": 1_000, "10 kB": 10_000 };

export interface EventParts {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  /** JSON text. */
  readonly data: string;
}

/** A CloudEvent as JSON text. The id stands first: a sink finds it without parsing the rest. */
export const eventText = ({ id, type, subject, data }: EventParts): string =>
  `{"specversion":"1.0","id":"${id}","source":"/bench","type":"${type}","subject":"${subject}","datacontenttype":"application/json","data":${data}}`;

/** What an event has besides its data. */
const HEAD_BYTES = eventText({ id: "publish-1.12345", type: "bench.one", subject: "12345:1", data: "" }).length;

/** An order with as many items as make an event of so many bytes. */
function order(bytes: number): string {
  const items: object[] = [];
  const text = (note: string): string =>
    JSON.stringify({
      order: "A-17",
      customer: { id: 4_711, tier: "gold", country: "DE" },
      total: 1_299.95,
      items,
      note,
    });
  while (HEAD_BYTES + text("").length < bytes - 120)
    items.push({ sku: `book-${items.length}`, quantity: (items.length % 3) + 1, price: 19.99, tags: ["paper", "new"] });
  return text("x".repeat(bytes - HEAD_BYTES - text("").length));
}

const made = new Map<PayloadName, readonly string[]>();

/** Texts of `data`, to be used in turn. */
export function payloads(name: PayloadName): readonly string[] {
  const known = made.get(name);
  if (known !== undefined) return known;
  const texts =
    name === "GitHub"
      ? examples.flatMap((event) => event.examples.map((example) => JSON.stringify(example)))
      : [order(BYTES[name])];
  made.set(name, texts);
  return texts;
}

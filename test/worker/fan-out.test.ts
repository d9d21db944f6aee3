// Fan-out: how many parcels and sends an event takes, when its body travels by reference, and that every subscription gets it once.
import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import {
  INLINE_BYTES_MAX,
  MESSAGE_OVERHEAD_BYTES,
  PARCEL_DELIVERIES_MAX,
  RECEIPT_SUBSCRIPTIONS_MAX,
  SEND_BYTES_MAX,
  SEND_MESSAGES_MAX,
} from "../../src/core/limits.ts";
import { decodeParcel, type EventParcel } from "../../src/core/parcel.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import { createTestRouter, type Held } from "./router.ts";

const SIZES = [1, 10, 11, 41, 100, 101, 1_000, 1_001];
const SUBSCRIPTIONS = Math.max(...SIZES);
/** Deliveries go to a few sinks, each subscription to a path of its own. */
const SINKS = 4;

let sinks: SinkClient[] = [];
const router = createTestRouter();

beforeAll(async () => {
  sinks = Array.from({ length: SINKS }, () => sink());
  for (let start = 0; start < SUBSCRIPTIONS; start += 50) {
    const indexes = Array.from({ length: Math.min(50, SUBSCRIPTIONS - start) }, (_, index) => start + index);
    await Promise.all(
      indexes.map((index) =>
        router.subscribe({
          sink: `${sinks[index % SINKS]?.url}/${index}`,
          types: SIZES.filter((size) => index < size).map((size) => `fan-${size}`),
        }),
      ),
    );
  }
});

interface Receipt {
  readonly event_id: string;
  readonly matched: number;
  readonly subscription_ids: string[];
}

async function publish(type: string, id: string, data: unknown): Promise<Receipt> {
  const answer = await router.publish({ type, source: "/fan-out", id, data });
  expect(answer.status).toBe(202);
  const { events } = await answer.json<{ events: [Receipt] }>();
  return events[0];
}

const eventParcel = ({ body }: Held): EventParcel => {
  const decoded = decodeParcel(body);
  if (!decoded.ok || decoded.value.kind !== "event") throw new Error("A message that is no event parcel");
  return decoded.value;
};
const bytesOf = ({ body }: Held): number => new TextEncoder().encode(String(body)).byteLength;
const storedBodies = async (): Promise<number> =>
  (await env.DB.prepare("SELECT count(*) AS count FROM bodies").first<number>("count")) ?? 0;

it.each([
  { fanOut: 1, parcels: 1, sends: 1 },
  { fanOut: 10, parcels: 1, sends: 1 },
  { fanOut: 11, parcels: 2, sends: 1 },
  { fanOut: 100, parcels: 10, sends: 1 },
  { fanOut: 101, parcels: 11, sends: 1 },
  { fanOut: 1_000, parcels: 100, sends: 1 },
])(
  "$fanOut subscriptions are $parcels parcels, and each receives the event once",
  async ({ fanOut, parcels, sends }) => {
    const before = await storedBodies();
    const sentBefore = router.sends.length;
    const receipt = await publish(`fan-${fanOut}`, `F-${fanOut}`, { fanOut });
    expect(receipt.matched).toBe(fanOut);
    expect(new Set(receipt.subscription_ids).size).toBe(Math.min(fanOut, RECEIPT_SUBSCRIPTIONS_MAX));

    const sent = router.held.map(eventParcel);
    expect(sent).toHaveLength(parcels);
    expect(router.sends.slice(sentBefore)).toHaveLength(sends);
    expect(new Set(router.held.map(({ queue }) => queue)).size).toBe(1);
    expect(Math.max(...sent.map(({ subscriptionIds }) => subscriptionIds.length))).toBeLessThanOrEqual(
      PARCEL_DELIVERIES_MAX,
    );
    const ids = sent.flatMap(({ subscriptionIds }) => subscriptionIds);
    expect([ids.length, new Set(ids).size]).toEqual([fanOut, fanOut]);
    expect(sent.every(({ body }) => body !== null)).toBe(true);
    expect(await storedBodies()).toBe(before);

    const handled = await router.drain();
    expect(handled.every(({ verdict }) => verdict === "ack")).toBe(true);
    const requests = (await Promise.all(sinks.map((one) => one.requests()))).flat();
    const mine = requests.filter(({ bodyBase64 }) => JSON.parse(atob(bodyBase64)).id === `F-${fanOut}`);
    expect(mine).toHaveLength(fanOut);
    expect(new Set(mine.map(({ url }) => url.split("/").at(-1)))).toEqual(
      new Set(Array.from({ length: fanOut }, (_, index) => String(index))),
    );
    expect(new Set(mine.map(({ headers }) => headers["webhook-id"])).size).toBe(fanOut);
    const { results } = await env.DB.prepare(
      "SELECT d.state, count(*) AS count FROM deliveries d JOIN events e ON e.bus = d.bus AND e.seq = d.seq WHERE e.event_id = ?1 GROUP BY 1",
    )
      .bind(receipt.event_id)
      .all();
    expect(results).toEqual([{ state: "delivered", count: fanOut }]);
    for (const one of sinks) await one.forget();
  },
);

it("an event of more than SEND_MESSAGES_MAX parcels goes by reference, in two sends", async () => {
  const before = await storedBodies();
  const sentBefore = router.sends.length;
  const receipt = await publish("fan-1001", "F-1001", 1);
  expect([receipt.matched, receipt.subscription_ids.length]).toEqual([1_001, RECEIPT_SUBSCRIPTIONS_MAX]);
  const messages = router.take();
  const sent = messages.map(eventParcel);
  expect(sent).toHaveLength(SEND_MESSAGES_MAX + 1);
  expect(router.sends.slice(sentBefore).map((send) => send.messages)).toEqual([SEND_MESSAGES_MAX, 1]);
  expect(sent.every(({ body, matched }) => body === null && matched === 1_001)).toBe(true);
  expect(new Set(sent.flatMap(({ subscriptionIds }) => subscriptionIds)).size).toBe(1_001);
  expect(await storedBodies()).toBe(before + 1);
  // Its last parcel alone knows the one delivery that came over; the body is there for it.
  await router.handle(messages.slice(-1));
  const requests = (await Promise.all(sinks.map((one) => one.requests()))).flat();
  expect(requests.map(({ bodyBase64 }) => JSON.parse(atob(bodyBase64)).id)).toEqual(["F-1001"]);
});

it.each([
  { fanOut: 41, limit: "5 parcels", maxBytes: INLINE_BYTES_MAX },
  { fanOut: 1_000, limit: "100 parcels", maxBytes: SEND_BYTES_MAX / SEND_MESSAGES_MAX + 200 },
])(
  "parcels that fill one send carry the event, one byte more and it goes by reference: $limit",
  async ({ fanOut, maxBytes }) => {
    // The largest data that still travels inline, found as a producer would: by trying.
    const travelsInline = async (bytes: number): Promise<boolean> => {
      const before = router.sends.length;
      await publish(`fan-${fanOut}`, `S-${fanOut}-${bytes}`, "x".repeat(bytes));
      const messages = router.take();
      const inline = messages.every((message) => eventParcel(message).body !== null);
      // Either way no parcel is split off: one send holds them all.
      expect(router.sends.slice(before).map((send) => send.messages)).toEqual([
        Math.ceil(fanOut / PARCEL_DELIVERIES_MAX),
      ]);
      if (inline) largest = messages;
      return inline;
    };
    let largest: Held[] = [];
    let [low, high] = [0, maxBytes];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (await travelsInline(middle)) low = middle;
      else high = middle;
    }
    const total = largest.reduce((sum, message) => sum + bytesOf(message) + MESSAGE_OVERHEAD_BYTES, 0);
    expect(total).toBeLessThanOrEqual(SEND_BYTES_MAX);
    // Full but for less than one byte a parcel.
    expect(total).toBeGreaterThan(SEND_BYTES_MAX - largest.length);
  },
);

it("an event that matches nothing travels, and is on record without deliveries", async () => {
  const receipt = await publish("nobody-wants-it", "N-1", 1);
  expect(receipt).toMatchObject({ matched: 0, subscription_ids: [] });
  expect(router.held.map(eventParcel)).toEqual([expect.objectContaining({ matched: 0, subscriptionIds: [] })]);
  expect((await router.drain()).map(({ verdict }) => verdict)).toEqual(["ack"]);
  expect(await router.json(`/v1/events/${receipt.event_id}`)).toMatchObject({
    matched: 0,
    duplicates: 0,
    deliveries: [],
  });
  expect(await env.DB.prepare("SELECT count(*) AS count FROM claims").first("count")).toBe(0);
});

/**
 * What a user of the client does, from publishing to a verified webhook: run by `client-package.test.ts` from a project that has
 * nothing but the package, in Node and in workerd. Who runs it receives the webhook and hands it over.
 */
import { createClient, type VerifiedWebhook } from "../../../src/client/index.ts";

export interface Place {
  readonly url: string;
  readonly rootKey: string;
  /** Where the webhook goes. */
  readonly sink: string;
  /** The bus of this run. */
  readonly bus: string;
}

export interface Sink {
  /** The secret that webhooks are signed with. */
  readonly expect: (secret: string) => void;
  /** What was verified last; null: nothing yet. */
  readonly received: () => VerifiedWebhook | null;
}

/** What a run publishes and the router accepts. */
const EVENTS = 6;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Tells what happened, as JSON. */
export async function run({ url, rootKey, sink, bus }: Place, { expect, received }: Sink) {
  const root = createClient({ url, key: rootKey, bus });
  const made = await root.buses.put(bus);
  const { key, id: keyId } = await root.keys.create({ name: "shop", scopes: ["publish", "read", "manage"] });
  const client = createClient({ url, key });
  const subscription = await client.subscriptions.create({ sink, types: ["order.created"] });
  expect(subscription.secret ?? "");

  const accepted = await client.publish({ type: "order.created", id: "A-1", data: { total: 120.1 } });
  const again = await client.publish({ type: "order.created", id: "A-1", data: { total: 120.1 } });
  const many = await client.publish([{ type: "order.seen" }, { type: "" }, { type: "order.seen" }]);
  const refusal: unknown = await client.publish({ type: "" }).catch((error: unknown) => error);
  const streamed: string[] = [];
  for await (const { status } of client.publishStream([{ type: "order.seen" }])) streamed.push(status);
  const lines: string[] = [];
  const first = Promise.withResolvers<void>();
  async function* source() {
    yield { type: "order.heard" };
    // Only a request that is answered while it is sent comes past this.
    await first.promise;
    yield { type: "" };
    yield { type: "order.heard" };
  }
  for await (const { status } of client.publishStream(source(), { as: "lines" })) {
    lines.push(status);
    first.resolve();
  }

  const webhook = await until(async () => received());
  const delivered = await until(async () => {
    const { data } = await client.deliveries.list({ event_id: accepted.event_id, status: "delivered" }).page();
    return data[0] ?? null;
  });
  const record = await client.events.get(accepted.event_id);
  await client.events.erase(accepted.event_id);
  const erased = await client.events.get(accepted.event_id);
  const types = await until(async () => {
    const found: string[] = [];
    for await (const { type } of client.events.list({ limit: 2 })) found.push(type);
    return found.length < EVENTS ? null : found;
  });
  const paused = await client.subscriptions.update(
    subscription.id,
    { status: "paused" },
    { ifMatch: subscription.version },
  );
  const stale: unknown = await client.subscriptions
    .delete(subscription.id, { ifMatch: subscription.version })
    .catch((error: unknown) => error);
  await client.subscriptions.delete(subscription.id);
  const rotated = await client.keys.rotate(keyId, { overlap_s: 60 });
  const audited: string[] = [];
  for await (const { action } of client.audit.list({ limit: 2 })) audited.push(action);
  await root.keys.revoke(rotated.id);

  return {
    bus: made.bus,
    accepted: accepted.event_id === again.event_id,
    matched: accepted.matched,
    many: many.events.map(({ status }) => status),
    refusal: String(refusal).replace(/req_\w+/, "req_…"),
    streamed,
    lines,
    webhook: { isDelivery: webhook.id === delivered.id, attempt: webhook.attempt, payload: webhook.payload },
    recorded: record.event?.data,
    erased: erased.erased_at !== null && erased.event === null,
    types,
    paused: paused.status,
    stale: stale instanceof Error && "slug" in stale ? stale.slug : null,
    replaces: rotated.replaces.id === keyId,
    audited,
  };
}

/** Asks until there is one: a delivery takes its time, and the record is behind it. */
async function until<T>(find: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await find();
    if (found !== null) return found;
    await pause(100);
  }
  throw new Error("It did not come within 20 s");
}

/** What compiles, and what must not. It is never run. */
import {
  createClient,
  ProblemError,
  signWebhook,
  verifyWebhook,
  type AcceptedEvent,
  type Client,
  type List,
  type PublishSummary,
  type Subscription,
} from "../../../src/client/index.ts";

export async function uses(client: Client): Promise<void> {
  const one: AcceptedEvent = await client.publish({ type: "t", data: new Uint8Array(1), time: new Date() });
  const many: PublishSummary = await client.publish([{ type: "t" }, { specversion: "1.0", type: "t", tenant: "a" }]);
  for (const event of many.events) {
    if (event.status === "rejected") console.log(event.problem.detail);
    else console.log(event.event_id);
  }
  const subscriptions: List<Subscription> = client.subscriptions.list({ limit: 1 });
  for await (const { filters } of subscriptions) console.log(filters);
  await client.events.erase(one.event_id);
  await client.deliveries.retry((await client.deliveries.get("dlv_1")).id);
  const key = await client.keys.get("key_1");
  await client.keys.update(key.id, { ...key, name: "shop" }, { ifMatch: key.version });
  const bus = await client.buses.get("eu", { signal: AbortSignal.timeout(1_000) });
  await client.buses.update(bus.bus, { ...bus, retention_days: null });
  console.log((await client.audit.list({ action: "key.created" }).page()).next_cursor);
  const headers: Record<string, string> = await signWebhook({ id: "dlv_1", body: "", secrets: "whsec_" });
  console.log((await verifyWebhook({ headers, body: "", secrets: [] })).timestamp.getTime());
  await client.publish({ type: "t" }).catch((error: unknown) => {
    if (error instanceof ProblemError && error.slug === "invalid-event") console.log(error.errors[0]?.pointer);
  });
}

export function misuses(client: Client): void {
  // @ts-expect-error -- a client needs a key
  createClient({ url: "https://a.example" });
  // @ts-expect-error -- an event has a type
  void client.publish({ data: 1 });
  // @ts-expect-error -- a batch has no event_id of its own
  void client.publish([{ type: "t" }]).then(({ event_id }) => event_id);
  // @ts-expect-error -- there is no such scope
  void client.keys.create({ scopes: ["admin"] });
  // @ts-expect-error -- a subscription needs a sink
  void client.subscriptions.create({ types: ["t"] });
  // @ts-expect-error -- there is no such status
  void client.subscriptions.update("sub_1", { status: "stopped" });
  // @ts-expect-error -- there is no such filter
  client.events.list({ kind: "t" });
  // @ts-expect-error -- a list is no promise of its items
  void client.keys.list().then(String);
  // @ts-expect-error -- versions are numbers
  void client.keys.revoke("key_1", { ifMatch: '"12"' });
  // @ts-expect-error -- a bus has no such setting
  void client.buses.put("eu", { retention: 7 });
  // @ts-expect-error -- a body that was parsed cannot be verified
  void verifyWebhook({ headers: {}, body: { id: 1 }, secrets: "whsec_" });
  // @ts-expect-error -- there is no such action
  client.audit.list({ action: "key.lost" });
}

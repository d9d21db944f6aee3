// The client and the contract: every operation has its call, which goes where the contract says and answers what it says.
import { expect, test } from "vitest";
import type { Operations } from "../../src/client/api.ts";
import { createClient, type Client } from "../../src/client/index.ts";
import { acceptsAll, fakeFantail, json } from "./fake-fantail.ts";

/** What the client has no call for: it needs no key, or no types. */
type Left = "getHealth" | "getOpenApi" | "getPrometheusMetrics";
type Called = Exclude<keyof Operations, Left>;

interface Call<Name extends Called> {
  /** Where the contract has it. */
  readonly at: `${Operations[Name]["method"]} ${Operations[Name]["path"]}`;
  /** A call without a document answers nothing. */
  readonly call: (
    client: Client,
  ) => Promise<Operations[Name]["answer"] extends null ? void : Operations[Name]["answer"]>;
}

/** Until the fake's answer, which is no stream. */
async function follow(stream: AsyncGenerator<unknown>): Promise<void> {
  await expect(stream.next()).rejects.toThrow("is not one of Fantail's");
}

/** One that is missing does not compile, nor one whose types are not those of the contract. */
const CALLS: { readonly [Name in Called]: Call<Name> } = {
  publishEvents: { at: "POST /v1/events", call: (client) => client.publish([{ type: "t" }]) },
  listEvents: {
    at: "GET /v1/events",
    call: (client) => client.events.list({ type: "t", source: "/s", subject: "x" }).page(),
  },
  getEvent: { at: "GET /v1/events/{event_id}", call: (client) => client.events.get("1") },
  streamEvents: { at: "GET /v1/events/stream", call: (client) => follow(client.events.stream({ type: "t" })) },
  streamDeliveries: {
    at: "GET /v1/subscriptions/{id}/stream",
    call: (client) => follow(client.subscriptions.stream("1")),
  },
  getMetrics: { at: "GET /v1/metrics", call: (client) => client.metrics.get({ step: 60 }) },
  listSubscriptionMetrics: {
    at: "GET /v1/metrics/subscriptions",
    call: (client) => client.metrics.subscriptions({ limit: 1 }).page(),
  },
  explainEvent: { at: "GET /v1/events/{event_id}/explain", call: (client) => client.events.explain("1", "2") },
  eraseEvent: { at: "DELETE /v1/events/{event_id}", call: (client) => client.events.erase("1") },
  listDeliveries: { at: "GET /v1/deliveries", call: (client) => client.deliveries.list({ status: "dead" }).page() },
  getDelivery: { at: "GET /v1/deliveries/{delivery_id}", call: (client) => client.deliveries.get("1") },
  retryDelivery: { at: "POST /v1/deliveries/{delivery_id}/retry", call: (client) => client.deliveries.retry("1") },
  createSubscription: { at: "POST /v1/subscriptions", call: (client) => client.subscriptions.create({ sink: "s" }) },
  listSubscriptions: { at: "GET /v1/subscriptions", call: (client) => client.subscriptions.list({ limit: 1 }).page() },
  getSubscription: { at: "GET /v1/subscriptions/{id}", call: (client) => client.subscriptions.get("1") },
  changeSubscription: { at: "PATCH /v1/subscriptions/{id}", call: (client) => client.subscriptions.update("1", {}) },
  deleteSubscription: { at: "DELETE /v1/subscriptions/{id}", call: (client) => client.subscriptions.delete("1") },
  getSinkHealth: { at: "GET /v1/subscriptions/{id}/health", call: (client) => client.subscriptions.health("1") },
  listSinkHealth: { at: "GET /v1/health", call: (client) => client.health.list({ breaker: "open" }).page() },
  testFilters: { at: "POST /v1/filters/test", call: (client) => client.filters.test({ event: { type: "t" } }) },
  backtestFilters: {
    at: "POST /v1/filters/backtest",
    call: (client) => client.filters.backtest({ types: ["t"] }).page(),
  },
  importFilters: {
    at: "POST /v1/filters/import",
    call: (client) => client.filters.import({ from: "sns", policy: {} }),
  },
  createKey: { at: "POST /v1/keys", call: (client) => client.keys.create({ scopes: ["read"] }) },
  listKeys: { at: "GET /v1/keys", call: (client) => client.keys.list().page("c") },
  getKey: { at: "GET /v1/keys/{id}", call: (client) => client.keys.get("1") },
  changeKey: { at: "PATCH /v1/keys/{id}", call: (client) => client.keys.update("1", {}) },
  revokeKey: { at: "DELETE /v1/keys/{id}", call: (client) => client.keys.revoke("1") },
  rotateKey: { at: "POST /v1/keys/{id}/rotate", call: (client) => client.keys.rotate("1") },
  listBuses: { at: "GET /v1/buses", call: (client) => client.buses.list().page() },
  getBus: { at: "GET /v1/buses/{bus}", call: (client) => client.buses.get("eu") },
  putBus: { at: "PUT /v1/buses/{bus}", call: (client) => client.buses.put("eu", {}) },
  changeBus: { at: "PATCH /v1/buses/{bus}", call: (client) => client.buses.update("eu", {}) },
  deleteBus: { at: "DELETE /v1/buses/{bus}", call: (client) => client.buses.delete("eu") },
  signIn: { at: "POST /v1/session", call: (client) => client.session.signIn({ key: "k" }) },
  getSession: { at: "GET /v1/session", call: (client) => client.session.get() },
  signOut: { at: "DELETE /v1/session", call: (client) => client.session.signOut() },
  listAudit: { at: "GET /v1/audit", call: (client) => client.audit.list({ actor: "root" }).page() },
};

test.each(Object.entries(CALLS))("%s", async (_, { at, call }) => {
  const server = await fakeFantail();
  server.always((response, request) => {
    const answer =
      request.url === "/v1/events" && request.method === "POST"
        ? acceptsAll
        : json(200, { data: [], next_cursor: null });
    answer(response, request);
  });
  await call(createClient({ url: server.url, key: "some-key" }));
  const [request] = server.requests;
  const path = request?.url.split("?", 1)[0];
  const expected = at.replaceAll(/\{\w+\}/g, (name) => (name === "{bus}" ? "eu" : "1"));
  expect(`${request?.method} ${path}`).toBe(expected);
});

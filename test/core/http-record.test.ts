// Events and deliveries on record, over HTTP: what is shown, what filters and cursors take, retrying by hand.
import { expect, it } from "vitest";
import { encodeCursor } from "../../src/core/cursor.ts";
import { deliveryIdOf, timeOrderedId } from "../../src/core/ids.ts";
import type { DeliveryOnRecord } from "../../src/ports.ts";
import { fakeHttp, type Answered, type FakeHttp } from "../http.ts";

const START_MS = Date.parse("2026-01-02T03:04:05.678Z");
const slug = (answer: Answered) => answer.json.type.split("/").at(-1);
const idOf = (prefix: string, number: number) => prefix + String(number).padStart(26, "0");
const BODY =
  '{"specversion":"1.0","id":"A-1","source":"/shop","type":"a","data":{"b":12345678901234567890,"a":1.10,"b":1e400}}';

function putEvent(
  { record }: FakeHttp,
  number: number,
  change: { bus?: string; type?: string; body?: string | null } = {},
): string {
  const eventId = idOf("evt_", number);
  record.eventRows.push({
    eventId,
    bus: "default",
    seq: timeOrderedId(START_MS + number, new Uint8Array(10)),
    id: `A-${number}`,
    source: "/shop",
    type: "order.created",
    subject: null,
    acceptedMs: START_MS + number,
    matched: 1,
    duplicates: 0,
    bytes: 9,
    body: BODY,
    erasedMs: null,
    ...change,
  });
  return eventId;
}

const attempt = (number: number, change: object = {}) => ({
  attempt: number,
  at_ms: START_MS + number,
  duration_ms: 20,
  status: 500,
  error: null,
  answer: "no",
  ...change,
});

function putDelivery(
  { record }: FakeHttp,
  number: number,
  {
    event = 1,
    attempts = [],
    ...change
  }: Partial<Omit<DeliveryOnRecord, "attempts">> & { event?: number; attempts?: readonly object[] } = {},
): string {
  const eventId = idOf("evt_", event);
  const key = {
    bus: "default",
    seq: timeOrderedId(START_MS + event, new Uint8Array(10)),
    subscriptionId: idOf("sub_", number),
    run: "",
  };
  const row = {
    key,
    eventId,
    type: "order.created",
    state: "waiting",
    attempt: 0,
    dueMs: START_MS,
    cause: null,
    attempts: JSON.stringify(attempts),
    ...change,
  };
  record.deliveryRows.push(row);
  return deliveryIdOf(eventId, row.key.subscriptionId, row.key.run);
}

it("GET of an event splices its text as it is, and shows its deliveries", async () => {
  const http = fakeHttp();
  const eventId = putEvent(http, 1);
  const deliveryId = putDelivery(http, 7, {
    state: "delivered",
    dueMs: null,
    attempt: 1,
    attempts: [attempt(1, { status: 200, answer: null })],
  });
  const answer = await http.ask("GET", `/v1/events/${eventId}`);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
  expect(answer.text).toContain(`,"event":${BODY},`);
  expect(answer.json).toMatchObject({
    event_id: eventId,
    bus: "default",
    id: "A-1",
    source: "/shop",
    type: "order.created",
    subject: null,
    accepted_at: "2026-01-02T03:04:05.679Z",
    matched: 1,
    duplicates: 0,
    bytes: 9,
    deliveries: [{ id: deliveryId, status: "delivered" }],
    deliveries_next_cursor: null,
  });
});

it("GET of an event whose body is gone says null", async () => {
  const http = fakeHttp();
  const { json } = await http.ask("GET", `/v1/events/${putEvent(http, 1, { body: null })}`);
  expect(json.event).toBe(null);
});

it("GET of an event shows 200 deliveries; its cursor goes on in the list of deliveries", async () => {
  const http = fakeHttp();
  const eventId = putEvent(http, 1);
  for (let number = 1; number <= 201; number++) putDelivery(http, number);
  const { json } = await http.ask("GET", `/v1/events/${eventId}`);
  expect(json.deliveries).toHaveLength(200);
  const rest = await http.ask("GET", `/v1/deliveries?event_id=${eventId}&cursor=${json.deliveries_next_cursor}`);
  expect(rest.json).toMatchObject({ data: [{ subscription_id: idOf("sub_", 1) }], next_cursor: null });
});

it("what is on another bus, unknown or no id at all is 404", async () => {
  const http = fakeHttp();
  await http.ask("PUT", "/v1/buses/eu");
  const eventId = putEvent(http, 1);
  const deliveryId = putDelivery(http, 1);
  const headers = { "fantail-bus": "eu" };
  expect((await http.ask("GET", `/v1/events/${eventId}`, { headers })).status).toBe(404);
  expect((await http.ask("GET", `/v1/deliveries/${deliveryId}`, { headers })).status).toBe(404);
  expect((await http.ask("POST", `/v1/deliveries/${deliveryId}/retry`, { headers })).status).toBe(404);
  for (const id of [idOf("evt_", 2), "1", "%00", "%ff", `${eventId}%20`, deliveryId.replace("dlv", "evt")])
    expect((await http.ask("GET", `/v1/events/${id}`)).status).toBe(404);
  for (const id of [deliveryIdOf(eventId, idOf("sub_", 2), ""), "dlv_1", "%00", eventId, `${deliveryId}0`]) {
    expect((await http.ask("GET", `/v1/deliveries/${id}`)).status).toBe(404);
    expect((await http.ask("POST", `/v1/deliveries/${id}/retry`)).status).toBe(404);
  }
  expect(http.wakes.wakes).toEqual([]);
});

it("GET lists events newest first, page by page", async () => {
  const http = fakeHttp();
  for (const number of [1, 2, 3]) putEvent(http, number);
  const first = await http.ask("GET", "/v1/events?limit=2");
  expect(first.json.data.map(({ id }: { id: string }) => id)).toEqual(["A-3", "A-2"]);
  expect(first.json.data[0]).not.toHaveProperty("event");
  expect(first.json.data[0]).not.toHaveProperty("body");
  const second = await http.ask("GET", `/v1/events?limit=2&cursor=${first.json.next_cursor}`);
  expect(second.json).toMatchObject({ data: [{ id: "A-1" }], next_cursor: null });
});

it("events are filtered by what the parameters say", async () => {
  const http = fakeHttp();
  putEvent(http, 1);
  putEvent(http, 2, { type: "order.paid" });
  const ids = async (query: string) =>
    (await http.ask("GET", `/v1/events?${query}`)).json.data.map(({ id }: { id: string }) => id);
  expect(await ids("type=order.paid")).toEqual(["A-2"]);
  expect(await ids("source=%2Fshop")).toEqual(["A-2", "A-1"]);
  expect(await ids("subject=none")).toEqual([]);
  expect(await ids("since=2026-01-02T03:04:05.680Z")).toEqual(["A-2"]);
  expect(await ids("until=2026-01-02T03:04:05.680Z")).toEqual(["A-1"]);
  expect(await ids("since=2026-01-02T04:04:05.680%2B01:00")).toEqual(["A-2"]);
  expect(await ids("since=2026-01-02t03:04:05.680z")).toEqual(["A-2"]);
  expect(await ids("since=2025-12-31T23:59:60Z")).toEqual(["A-2", "A-1"]);
  expect(await ids("until=2025-12-31T23:59:60Z")).toEqual([]);
  expect(await ids("since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59.999Z")).toEqual(["A-2", "A-1"]);
});

it("deliveries are filtered by what the parameters say", async () => {
  const http = fakeHttp();
  putEvent(http, 1);
  putEvent(http, 2);
  putDelivery(http, 1, { state: "dead", cause: "exhausted", dueMs: null });
  putDelivery(http, 2, { event: 2 });
  putDelivery(http, 3, { event: 2, attempts: [attempt(1)] });
  putDelivery(http, 4, { event: 2, state: "claimed", dueMs: null });
  const found = async (query: string) =>
    (await http.ask("GET", `/v1/deliveries?${query}`)).json.data.map(
      ({ subscription_id }: { subscription_id: string }) => Number(subscription_id.slice(4)),
    );
  expect(await found("")).toEqual([4, 3, 2, 1]);
  expect(await found(`event_id=${idOf("evt_", 1)}`)).toEqual([1]);
  expect(await found(`subscription_id=${idOf("sub_", 2)}`)).toEqual([2]);
  expect(await found("status=pending")).toEqual([4, 2]);
  expect(await found("status=retrying")).toEqual([3]);
  expect(await found("status=dead")).toEqual([1]);
  expect(await found("since=2026-01-02T03:04:05.680Z&status=pending&limit=1")).toEqual([4]);
});

it("a parameter that is unknown, repeated or out of its range is 400 and named with its limit", async () => {
  const http = fakeHttp();
  for (const [path, words] of [
    ["/v1/events?limit=0", "limit must be at least 1"],
    ["/v1/events?limit=201", "limit must be at most 200"],
    ["/v1/events?limit=1e2", "limit must be an integer"],
    ["/v1/events?limit=", "limit must be an integer"],
    ["/v1/events?limit=-1", "limit must be at least 1"],
    ["/v1/events?limit=1&limit=2", "limit must be given once"],
    ["/v1/events?tpye=a&limit=1&limit=2&limit=3", "tpye is not known; limit must be given once"],
    [`/v1/events?${"n".repeat(101)}&${"n".repeat(101)}`, "A name of 101 characters must be given once"],
    ["/v1/events?cursor=", "cursor"],
    ["/v1/events?cursor=%00", "cursor"],
    ["/v1/events?cursor=eyJ9", "cursor"],
    ["/v1/events?since=yesterday", "since must be a time as in RFC 3339"],
    ["/v1/events?since=2026-02-30T00:00:00Z", "since"],
    ["/v1/events?since=2026-01-02T03:04:60Z", "since must be a time as in RFC 3339"],
    ["/v1/events?until=2026-01-02", "until"],
    ["/v1/events?until=2026-01-02T03:04:05", "until"],
    ["/v1/events?until=1700000000", "until"],
    ["/v1/events?type=", "type must not be empty"],
    [`/v1/events?source=${"s".repeat(4_097)}`, "source must have at most 4096 characters"],
    ["/v1/events?tpye=a", "tpye is not known"],
    ["/v1/events?__proto__=a", "__proto__ is not known"],
    ["/v1/events?status=dead", "status is not known"],
    ["/v1/events?limit=0&tpye=a", "limit must be at least 1; tpye is not known"],
    ["/v1/deliveries?status=claimed", "status must be one of pending, retrying, held, delivered, dead, cancelled"],
    ["/v1/deliveries?subscription_id=1", "subscription_id must be the id of a subscription, sub_ and 26 characters"],
    ["/v1/deliveries?event_id=sub_1", "event_id must be the id of an event, evt_ and 26 characters"],
    ["/v1/subscriptions?type=a", "type is not known"],
    ["/v1/keys?cursor=a", "cursor"],
  ] as const) {
    const answer = await http.ask("GET", path);
    expect([path.slice(0, 60), answer.status, slug(answer)]).toEqual([path.slice(0, 60), 400, "invalid-parameter"]);
    expect(answer.json.detail).toContain(words);
  }
  for (const path of ["/v1/events?limit=1", "/v1/events?limit=200", `/v1/events?source=${"s".repeat(4_096)}`])
    expect((await http.ask("GET", path)).status).toBe(200);
});

it("GET of a delivery shows all its attempts", async () => {
  const http = fakeHttp();
  putEvent(http, 1);
  const id = putDelivery(http, 1, {
    attempt: 2,
    cause: "retry",
    attempts: [attempt(1), attempt(2, { status: null, error: "timeout", answer: null })],
  });
  const { json } = await http.ask("GET", `/v1/deliveries/${id}`);
  const second = {
    attempt: 2,
    at: "2026-01-02T03:04:05.680Z",
    duration_ms: 20,
    status: null,
    error: "timeout",
    answer: null,
  };
  expect(json).toEqual({
    id,
    event_id: idOf("evt_", 1),
    subscription_id: idOf("sub_", 1),
    type: "order.created",
    status: "retrying",
    cause: "retry",
    attempt: 2,
    due_at: "2026-01-02T03:04:05.678Z",
    last_attempt: second,
    attempts: [
      { attempt: 1, at: "2026-01-02T03:04:05.679Z", duration_ms: 20, status: 500, error: null, answer: "no" },
      second,
    ],
  });
});

it("GET of a replay's delivery finds it apart from the publish's own", async () => {
  const http = fakeHttp();
  putEvent(http, 1);
  const own = putDelivery(http, 1, { state: "dead" });
  const seq = timeOrderedId(START_MS + 1, new Uint8Array(10));
  const replay = putDelivery(http, 1, {
    key: { bus: "default", seq, subscriptionId: idOf("sub_", 1), run: idOf("job_", 1) },
    state: "delivered",
  });
  expect((await http.ask("GET", `/v1/deliveries/${own}`)).json.status).toBe("dead");
  expect((await http.ask("GET", `/v1/deliveries/${replay}`)).json).toMatchObject({ id: replay, status: "delivered" });
});

it("POST retry makes it due and wakes it on the lane that its last attempt asks for", async () => {
  const http = fakeHttp();
  putEvent(http, 1);
  for (const [number, attempts, slow, status] of [
    [1, [], false, "pending"],
    [2, [attempt(1)], false, "retrying"],
    [3, [attempt(1, { duration_ms: 2_000 })], false, "retrying"],
    [4, [attempt(1, { duration_ms: 2_001 })], true, "retrying"],
    [5, [attempt(1, { status: null, error: "timeout" })], true, "retrying"],
    [6, [attempt(1, { error: "timeout" }), attempt(2)], false, "retrying"],
  ] as const) {
    const id = putDelivery(http, number, { state: "dead", dueMs: null, attempts });
    const answer = await http.ask("POST", `/v1/deliveries/${id}/retry`);
    expect([answer.status, answer.json]).toEqual([202, { id, status }]);
    const { key } = http.record.deliveryRows.at(-1) ?? {};
    expect(http.wakes.wakes.at(-1)).toEqual({ key, slow, dueMs: http.clock.now() });
    expect(http.record.deliveryRows.at(-1)).toMatchObject({ state: "waiting", dueMs: http.clock.now() });
  }
});

it("POST retry during an attempt is 409 and wakes nobody; of one erased meanwhile 404", async () => {
  const http = fakeHttp();
  putEvent(http, 1);
  const answer = await http.ask(
    "POST",
    `/v1/deliveries/${putDelivery(http, 1, { state: "claimed", dueMs: null })}/retry`,
  );
  expect([answer.status, slug(answer)]).toEqual([409, "attempt-in-progress"]);
  const erased = fakeHttp(undefined, { record: { ...http.record, retry: async () => null } });
  expect((await erased.ask("POST", `/v1/deliveries/${putDelivery(http, 2)}/retry`)).status).toBe(404);
  expect([...http.wakes.wakes, ...erased.wakes.wakes]).toEqual([]);
});

it("an erased event shows when, and null for what it said; DELETE twice is 204, of what is not there 404", async () => {
  const http = fakeHttp();
  const eventId = putEvent(http, 1);
  const deliveryId = putDelivery(http, 1, { state: "dead" });
  const shown = async () => (await http.ask("GET", `/v1/events/${eventId}`)).json;
  expect(await shown()).toMatchObject({ id: "A-1", source: "/shop", erased_at: null });
  for (let times = 0; times < 2; times++) {
    const answer = await http.ask("DELETE", `/v1/events/${eventId}`);
    expect([answer.status, answer.text]).toEqual([204, ""]);
  }
  const erased_at = expect.stringMatching(/^\d{4}-.*Z$/);
  const erased = { event_id: eventId, id: null, source: null, subject: null, type: "order.created", erased_at };
  expect(await shown()).toMatchObject({ ...erased, event: null });
  expect((await http.ask("GET", "/v1/events")).json.data).toMatchObject([erased]);
  expect(http.record.notes).toMatchObject([
    { action: "event.erased", bus: "default", target: eventId, actor: "root", before: null, after: null },
  ]);
  const retried = await http.ask("POST", `/v1/deliveries/${deliveryId}/retry`);
  expect([retried.status, slug(retried)]).toEqual([409, "event-erased"]);
  expect(http.wakes.wakes).toEqual([]);
  for (const id of [idOf("evt_", 2), "evt_1", "x"]) {
    const missing = await http.ask("DELETE", `/v1/events/${id}`);
    expect([missing.status, slug(missing)]).toEqual([404, "not-found"]);
  }
  const conditional = await http.ask("DELETE", `/v1/events/${eventId}`, { headers: { "if-match": "*" } });
  expect([conditional.status, slug(conditional)]).toEqual([400, "invalid-header"]);
});

it("a cursor that names no place is refused, not taken for the end of the list", async () => {
  const http = fakeHttp();
  const [seq, subscription, run] = ["0".repeat(26), `sub_${"0".repeat(26)}`, `job_${"0".repeat(26)}`];
  for (const [kind, parts, status] of [
    ["events", [seq], 200],
    ["events", [], 400],
    ["events", [""], 400],
    ["events", [`${seq}0`], 400],
    ["events", [seq.toUpperCase().replace("0", "U")], 400],
    ["events", [seq, seq], 400],
    ["deliveries", [seq, subscription, ""], 200],
    ["deliveries", [seq, subscription, run], 200],
    ["deliveries", [seq, subscription], 400],
    ["deliveries", [seq, subscription, "job_1"], 400],
    ["deliveries", [seq, "", ""], 400],
    ["deliveries", ["~", subscription, ""], 400],
  ] as const) {
    const answer = await http.ask("GET", `/v1/${kind}?cursor=${encodeCursor(kind, parts)}`);
    expect([kind, parts, answer.status]).toEqual([kind, parts, status]);
    if (status === 400) expect(answer.json.detail).toBe("cursor must be a next_cursor of this list");
  }
});

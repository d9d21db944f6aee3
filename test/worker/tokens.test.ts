// Claims and settles as their SQL has it: what a repetition may do, what a token fences, what absorbs.
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import type { Settlement } from "../../src/core/delivery.ts";
import type { EventParcel } from "../../src/core/parcel.ts";
import { LEASE_MS, SWEEP_GRACE_MS } from "../../src/core/limits.ts";
import { createVault } from "../../src/core/vault.ts";
import { d1Log } from "../../src/d1/log.ts";
import { d1Record } from "../../src/d1/record.ts";
import type { Subscription } from "../../src/core/subscription.ts";
import { d1Subscriptions } from "../../src/d1/subscriptions.ts";
import { noteFor } from "../fake-stores.ts";
import { d1Sweep } from "../../src/d1/sweep.ts";
import type { ClaimedDelivery } from "../../src/ports.ts";
import { fakeRandom } from "../fakes.ts";

const NOW = 1_800_000_000_000;
const db = env.DB;
const vault = createVault([new Uint8Array(32)]);
const log = d1Log({ db, vault });
const ids = ["a", "b", "c"].map((name) => `sub_${name.repeat(26)}`);
const [A = "", B = "", C = ""] = ids;

beforeEach(async () => {
  for (const table of ["deliveries", "events", "bodies", "claims", "subscriptions", "health"])
    await db.exec(`DELETE FROM ${table}`);
  const subscriptions = d1Subscriptions({ db, vault, random: fakeRandom() });
  for (const id of ids) {
    const settings: Omit<Subscription, "version"> = {
      id,
      bus: "default",
      name: null,
      sink: "https://sink.example/",
      types: null,
      source: null,
      filters: [],
      format: "structured",
      headers: {},
      timeoutMs: 1_000,
      retry: { scheduleSeconds: [10], permanent: [] },
      pace: { rate: null, concurrency: null },
      secrets: [{ secret: `whsec_${btoa("x".repeat(24))}`, untilMs: null }],
      status: "active",
      disabledReason: null,
      createdMs: NOW,
      updatedMs: NOW,
    };
    await subscriptions.create(settings, noteFor("subscription.created"));
  }
});

const parcel = (id: string, subscriptionIds: readonly string[], receipt = "r"): EventParcel => ({
  kind: "event",
  logLevel: "all",
  bus: "default",
  seq: `${receipt}${id}`,
  eventId: id,
  receipt,
  acceptedMs: NOW,
  hops: 0,
  matched: subscriptionIds.length,
  part: 0,
  bytes: 2,
  id,
  source: "/s",
  type: "t",
  subject: null,
  subscriptionIds,
  body: `{"from":"${receipt}"}`,
});

const claim = (parcels: readonly EventParcel[], token: string, now = NOW) =>
  log.claim(parcels, { token, now, lane: "fast", isCounted: () => true });
const settle = (token: string) => ({ token, now: NOW, open: [] });
const settled = (delivery: ClaimedDelivery, outcome: Settlement["outcome"]): Settlement => ({
  key: delivery.key,
  eventId: delivery.eventId,
  outcome,
  attempt: { attempt: delivery.attempt, at_ms: NOW, duration_ms: 1, status: 200, error: null, answer: null },
  sign: null,
});
const rows = async () =>
  (
    await db
      .prepare(
        "SELECT subscription_id AS id, state, claim, json_array_length(attempts) AS attempts FROM deliveries ORDER BY 1",
      )
      .all<{ id: string; state: string; claim: string | null; attempts: number }>()
  ).results;

it("a repeated claim that takes more than the first is under one lease with all of it, and found by the sweep", async () => {
  // Another batch holds B; it gives it back between the two runs of the claim.
  const other = await claim([parcel("e1", [B])], "other");
  await claim([parcel("e1", [A, B])], "mine");
  const [held] = other.deliveries;
  if (held === undefined) throw new Error("Nothing was claimed");
  await log.settle(
    [
      {
        key: held.key,
        eventId: held.eventId,
        outcome: { kind: "released", dueMs: NOW, cause: "released", slow: true },
        attempt: null,
        sign: null,
      },
    ],
    settle("other"),
  );
  const again = await claim([parcel("e1", [A, B])], "mine");
  expect(again.deliveries.map(({ key }) => key.subscriptionId).toSorted()).toEqual([A, B]);
  // The batch dies: nothing of it stays claimed for ever.
  await d1Sweep({ db }).lostAlarms(NOW + LEASE_MS + SWEEP_GRACE_MS);
  expect((await rows()).map(({ state }) => state)).toEqual(["waiting", "waiting"]);
});

it("a claim ends with the last delivery that carries its token, in whatever parts it is settled", async () => {
  const { deliveries } = await claim([parcel("e1", [A, B, C])], "mine");
  for (const [index, delivery] of deliveries.entries()) {
    expect((await db.prepare("SELECT token FROM claims").all()).results).toHaveLength(1);
    await log.settle([settled(delivery, { kind: "delivered" })], settle("mine"));
    expect((await rows()).filter(({ state }) => state === "delivered")).toHaveLength(index + 1);
  }
  expect((await db.prepare("SELECT token FROM claims").all()).results).toEqual([]);
});

it("a claim that was given up, and that the database makes after its repetition, does not shorten the lease", async () => {
  const { deliveries } = await claim([parcel("e1", [A])], "mine", NOW + 10_200);
  expect(deliveries).toHaveLength(1);
  await claim([parcel("e1", [A])], "mine", NOW);
  const other = await claim([parcel("e1", [A])], "other", NOW + LEASE_MS + 1);
  expect(other.deliveries).toEqual([]);
  expect(other.elsewhere).toMatchObject([{ leaseMs: NOW + 10_200 + LEASE_MS }]);
});

it("a claim that is repeated keeps what it took before its sink was shut, and takes no probe from another batch", async () => {
  await claim([parcel("e1", [A])], "mine");
  await db
    .prepare(
      "INSERT INTO health (bus, subscription_id, breaker, opened_ms, probe, probe_ms) VALUES ('default', ?1, 'half-open', ?2, 'other', ?3)",
    )
    .bind(A, NOW, NOW + LEASE_MS)
    .run();
  const again = await claim([parcel("e1", [A]), parcel("e2", [A])], "mine", NOW + 200);
  expect(again.deliveries.map(({ eventId }) => eventId)).toEqual(["e1"]);
  const health = await db.prepare("SELECT breaker, probe, probe_ms FROM health").first();
  expect(health).toEqual({ breaker: "half-open", probe: "other", probe_ms: NOW + LEASE_MS });
});

it("a settle that is repeated late does not undo a manual retry", async () => {
  const { deliveries } = await claim([parcel("e1", [A])], "mine");
  const [delivery] = deliveries;
  if (delivery === undefined) throw new Error("Nothing was claimed");
  await log.settle([settled(delivery, { kind: "delivered" })], settle("mine"));
  await d1Record({ db }).retry(delivery.key, NOW);
  await log.settle([settled(delivery, { kind: "delivered" })], settle("mine"));
  expect(await rows()).toEqual([{ id: A, state: "waiting", claim: null, attempts: 1 }]);
});

it("a success of a batch whose lease is over stands, its failure does not", async () => {
  const stale = await claim([parcel("e1", [A, B])], "stale");
  const fresh = await claim([parcel("e1", [A, B])], "fresh", NOW + LEASE_MS + 1);
  expect(fresh.deliveries.map(({ attempt, lastRecorded }) => [attempt, lastRecorded])).toEqual([
    [2, null],
    [2, null],
  ]);
  await log.settle(
    stale.deliveries.map((delivery) =>
      settled(
        delivery,
        delivery.key.subscriptionId === A ? { kind: "delivered" } : { kind: "dead", cause: "exhausted" },
      ),
    ),
    settle("stale"),
  );
  expect(await rows()).toEqual([
    { id: A, state: "delivered", claim: null, attempts: 1 },
    { id: B, state: "claimed", claim: "fresh", attempts: 0 },
  ]);
});

it("publishes of one id that are claimed together are one record, its body, and one duplicate", async () => {
  const claimed = await claim([parcel("e1", [A], "one"), parcel("e1", [A, B], "two")], "mine");
  expect(claimed.deliveries).toHaveLength(2);
  expect(claimed.events.get("e1")?.body).toBe('{"from":"one"}');
  await claim([parcel("e1", [A], "one"), parcel("e1", [A, B], "two")], "mine");
  expect(await db.prepare("SELECT duplicates FROM events").first("duplicates")).toBe(1);
});

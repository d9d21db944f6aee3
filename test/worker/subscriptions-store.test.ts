import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { DEFAULT_BUS_SETTINGS } from "../../src/core/bus.ts";
import { timeOrderedFloor, timeOrderedId } from "../../src/core/ids.ts";
import { LIST_ROWS_READ_MAX, LIST_SCAN_ROWS_MAX, SUBSCRIPTIONS_PER_BUS_MAX } from "../../src/core/limits.ts";
import type { Subscription } from "../../src/core/subscription.ts";
import { createVault } from "../../src/core/vault.ts";
import { d1Audit } from "../../src/d1/audit.ts";
import { d1Buses } from "../../src/d1/buses.ts";
import { d1Changes } from "../../src/d1/changes.ts";
import { d1Subscriptions, openPush, type SubscriptionRow } from "../../src/d1/subscriptions.ts";
import { Unavailable, type StoredSubscription } from "../../src/ports.ts";
import { noteFor } from "../fake-stores.ts";
import { watched } from "./watched-db.ts";

const db = env.DB;
const random = {
  bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)),
  fraction: () => Math.random(),
};
const vault = createVault([new Uint8Array(32).fill(7)]);
const store = d1Subscriptions({ db, vault, random });
const NOW = 1_800_000_000_000;

let buses = 0;
async function newBus(): Promise<string> {
  const bus = `subscriptions-${++buses}`;
  await d1Buses({ db }).create(bus, { settings: DEFAULT_BUS_SETTINGS, now: NOW, note: noteFor("bus.created") });
  return bus;
}

let made = 0;
function subscription(bus: string, changes: Partial<Subscription> = {}): Omit<Subscription, "version"> {
  return {
    id: `sub_${timeOrderedId(NOW + ++made, random.bytes(10))}`,
    bus,
    name: "billing",
    status: "active",
    disabledReason: null,
    createdMs: NOW,
    updatedMs: NOW + 1,
    sink: "https://billing.example.com/hooks",
    format: "binary",
    headers: { "x-team": "header-value-in-the-clear" },
    timeoutMs: 12_345,
    retry: { scheduleSeconds: [5, 300], permanent: [400] },
    pace: { rate: { limit: 100, periodSeconds: 60 }, concurrency: 4 },
    secrets: [{ secret: "whsec_c2VjcmV0LWluLXRoZS1jbGVhcg==", untilMs: null }],
    types: ["order.created"],
    source: "/shop",
    filters: [],
    ...changes,
  };
}

async function created(bus: string, changes: Partial<Subscription> = {}): Promise<StoredSubscription> {
  const stored = await store.create(subscription(bus, changes), noteFor("subscription.created"));
  if (typeof stored === "string") throw new Error(`Not made: ${stored}`);
  return stored.subscription;
}

/** A change of what has that version. */
const at = (expected: number, now = NOW) => ({ expected, now, note: noteFor("subscription.changed") });
const GONE = { reason: "gone", attemptedMs: NOW + 2, now: NOW + 3, auditId: "aud_disabled" };
/** Entries of the audit about one subscription, oldest first. */
const audited = async (bus: string, id: string) =>
  (await d1Audit({ db }).list(bus, { target: id }, { limit: 200, before: null })).rows.toReversed();
/** Another installation: its key opens nothing that this one sealed. */
const stranger = d1Subscriptions({ db, vault: createVault([new Uint8Array(32).fill(8)]), random });

const rowOf = (bus: string, id: string) =>
  db.prepare("SELECT * FROM subscriptions WHERE bus = ? AND id = ?").bind(bus, id).first<SubscriptionRow>();
const counted = (bus: string) =>
  db.prepare("SELECT subscriptions FROM buses WHERE bus = ?").bind(bus).first<number>("subscriptions");
const setCount = (bus: string, count: number) =>
  db.prepare("UPDATE buses SET subscriptions = ?2 WHERE bus = ?1").bind(bus, count).run();
const counter = () => db.prepare("SELECT version FROM meta").first<number>("version");

describe("create()", () => {
  test("reads every column back as it was given", async () => {
    const bus = await newBus();
    const given = subscription(bus, { name: null, status: "paused", types: null, source: null });
    const version = await counter();
    const stored = { ...given, version: (version ?? 0) + 1 };
    const wanted = '{"types":null,"source":null,"filters":[]}';
    const change = { kind: "subscription", version: stored.version, bus, id: given.id, wanted };
    expect(await store.create(given, noteFor("subscription.created"))).toEqual({ subscription: stored, change });
    expect(await store.get(bus, given.id)).toEqual(stored);
    const full = await created(bus);
    expect(await store.get(bus, full.id)).toEqual(full);
    expect((await rowOf(bus, full.id))?.wanted).toBe('{"types":["order.created"],"source":"/shop","filters":[]}');
  });

  test("stores no secret and no header value in the clear", async () => {
    const { bus, id } = await created(await newBus());
    expect(JSON.stringify(await rowOf(bus, id))).not.toMatch(/c2VjcmV0|in-the-clear/);
  });

  test("repeated with the same id answers the same version and counts once", async () => {
    const bus = await newBus();
    const given = subscription(bus);
    const first = await store.create(given, noteFor("subscription.created"));
    expect(await store.create(given, noteFor("subscription.created"))).toEqual(first);
    expect(await counted(bus)).toBe(1);
  });

  test("fills a bus up to its limit and refuses one more, leaving nothing", async () => {
    const bus = await newBus();
    await setCount(bus, SUBSCRIPTIONS_PER_BUS_MAX - 1);
    const last = await created(bus);
    const over = subscription(bus);
    expect(await store.create(over, noteFor("subscription.created"))).toBe("limit-reached");
    expect(await rowOf(bus, over.id)).toBeNull();
    expect(await counted(bus)).toBe(SUBSCRIPTIONS_PER_BUS_MAX);
    await store.delete(bus, last.id, at(last.version));
    expect(await store.create(over, noteFor("subscription.created"))).not.toBe("limit-reached");
  });

  test("never passes the limit when many create at once", async () => {
    const bus = await newBus();
    await setCount(bus, SUBSCRIPTIONS_PER_BUS_MAX - 3);
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => store.create(subscription(bus), noteFor("subscription.created"))),
    );
    expect(answers.filter((answer) => answer !== "limit-reached")).toHaveLength(3);
    expect(await counted(bus)).toBe(SUBSCRIPTIONS_PER_BUS_MAX);
  });

  test("gives each change a version of its own when many change at once", async () => {
    const bus = await newBus();
    const stored = await Promise.all(Array.from({ length: 10 }, () => created(bus)));
    expect(new Set(stored.map(({ version }) => version)).size).toBe(10);
  });
});

describe("replace()", () => {
  test("stores all columns under the next version", async () => {
    const before = await created(await newBus());
    const wanted = {
      ...before,
      name: null,
      status: "disabled",
      disabledReason: "gone",
      sink: "https://other.example.com/",
      format: "reference",
      headers: {},
      timeoutMs: 1_000,
      retry: { scheduleSeconds: [], permanent: [] },
      pace: { rate: null, concurrency: null },
      secrets: [{ secret: "whsec_bmV3", untilMs: NOW + 5 }],
      types: null,
      source: "/other",
      updatedMs: NOW + 9,
    } as const;
    const after = await store.replace(wanted, at(before.version));
    expect(after?.subscription).toEqual({ ...wanted, version: await counter() });
    expect(await store.get(before.bus, before.id)).toEqual(after?.subscription);
  });

  test("answers the change that the feed tells, of an active one and of one that is not", async () => {
    const { bus, id, ...before } = await created(await newBus());
    const feed = async (version: number) => (await d1Changes({ db }).since(version - 1, [bus])).changes;
    const active = await store.replace({ ...before, bus, id, types: ["é"], source: null }, at(before.version));
    expect(active?.change).toMatchObject({ wanted: '{"types":["é"],"source":null,"filters":[]}' });
    expect(await feed(active?.change.version ?? 0)).toEqual([active?.change]);
    const paused = await store.replace({ ...before, bus, id, status: "paused" }, at(active?.change.version ?? 0));
    expect(await feed(paused?.change.version ?? 0)).toEqual([paused?.change]);
  });

  test("keeps the latest place that it was resumed from, whatever changes", async () => {
    const { bus, id, ...rest } = await created(await newBus());
    let { version } = rest;
    for (const [resumeFromMs, kept] of [
      [undefined, ""],
      [0, ""],
      [NOW, timeOrderedFloor(NOW)],
      [undefined, timeOrderedFloor(NOW)],
      [NOW - 1, timeOrderedFloor(NOW)],
      [NOW + 1, timeOrderedFloor(NOW + 1)],
    ] as const) {
      const place = resumeFromMs === undefined ? {} : { resumeFromMs };
      const after = await store.replace({ ...rest, bus, id, version }, { ...at(version), ...place });
      version = after?.subscription.version ?? 0;
      expect((await rowOf(bus, id))?.resume_from).toBe(kept);
    }
    // Who loses a race moves nothing.
    expect(await store.replace({ ...rest, bus, id, version }, { ...at(1), resumeFromMs: NOW + 9 })).toBeNull();
    expect((await rowOf(bus, id))?.resume_from).toBe(timeOrderedFloor(NOW + 1));
  });

  test("leaves secrets and headers that are null as they are stored", async () => {
    const before = await created(await newBus());
    const row = await rowOf(before.bus, before.id);
    const after = await store.replace({ ...before, secrets: null, headers: null, name: "other" }, at(before.version));
    expect(await rowOf(before.bus, before.id)).toMatchObject({
      name: "other",
      secrets: row?.secrets,
      headers: row?.headers,
    });
    const given = { ...before, secrets: null, headers: { "x-new": "1" } };
    const version = after?.change.version ?? 0;
    expect(await store.replace(given, at(version))).toMatchObject({ subscription: { secrets: null } });
    expect(await store.get(before.bus, before.id)).toMatchObject({
      secrets: before.secrets,
      headers: { "x-new": "1" },
    });
  });

  test("refuses a version that is not the stored one, and leaves the row untouched", async () => {
    const stored = await created(await newBus());
    const row = await rowOf(stored.bus, stored.id);
    expect(await store.replace({ ...stored, name: "late" }, at(stored.version - 1))).toBeNull();
    expect(await rowOf(stored.bus, stored.id)).toEqual(row);
  });

  test("lets one of many win that expect the same version", async () => {
    const stored = await created(await newBus());
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        store.replace({ ...stored, name: `writer ${index}` }, at(stored.version)),
      ),
    );
    const won = answers.filter((answer) => answer !== null);
    expect(won).toHaveLength(1);
    expect(await store.get(stored.bus, stored.id)).toEqual(won[0]?.subscription);
  });

  test("does not bring a deleted one back", async () => {
    const stored = await created(await newBus());
    const deletion = await store.delete(stored.bus, stored.id, at(stored.version));
    expect(await store.replace(stored, at(deletion?.version ?? 0))).toBeNull();
    expect((await rowOf(stored.bus, stored.id))?.status).toBe("deleted");
  });
});

describe("delete()", () => {
  test("leaves a tombstone without secrets, that no read shows", async () => {
    const { bus, id, version } = await created(await newBus());
    const deletion = await store.delete(bus, id, at(version, NOW + 7));
    expect(deletion).toEqual({ kind: "subscription", version: await counter(), bus, id, wanted: null });
    expect(await rowOf(bus, id)).toMatchObject({
      status: "deleted",
      version: deletion?.version,
      updated_ms: NOW + 7,
      sink: "",
      secrets: "",
      headers: "",
    });
    expect(await store.get(bus, id)).toBeNull();
    expect(await store.list(bus, { limit: 10, before: null })).toEqual({ rows: [], next: null });
  });

  test("of another version than the stored one deletes nothing and counts nothing", async () => {
    const { bus, id, version } = await created(await newBus());
    const row = await rowOf(bus, id);
    for (const expected of [version - 1, version + 1, 0])
      expect(await store.delete(bus, id, at(expected, NOW + 9))).toBeNull();
    expect(await rowOf(bus, id)).toEqual(row);
    expect(await counted(bus)).toBe(1);
    expect(await store.delete(bus, id, at(version, NOW + 9))).not.toBeNull();
    expect(await counted(bus)).toBe(0);
  });

  test("counts once, whoever repeats it", async () => {
    const bus = await newBus();
    const kept = await created(bus);
    const { id, version } = await created(bus);
    const answers = await Promise.all(Array.from({ length: 6 }, () => store.delete(bus, id, at(version))));
    expect(answers.filter((answer) => answer !== null)).toHaveLength(1);
    expect(await store.delete(bus, id, at(version))).toBeNull();
    expect(await counted(bus)).toBe(1);
    expect(await store.get(bus, kept.id)).toEqual(kept);
  });

  test("of one bus does not reach another's", async () => {
    const { bus, id, version } = await created(await newBus());
    const other = await newBus();
    expect(await store.delete(other, id, at(version))).toBeNull();
    expect(await store.get(other, id)).toBeNull();
    expect(await store.get(bus, id)).not.toBeNull();
  });
});

describe("disable()", () => {
  test("disables an active one and says so as a change", async () => {
    const { bus, id } = await created(await newBus());
    const change = await store.disable(bus, id, GONE);
    // It goes on taking what it took: that is held.
    const wanted = (await rowOf(bus, id))?.wanted;
    expect(change).toEqual({ kind: "subscription", version: await counter(), bus, id, wanted });
    const { changes } = await d1Changes({ db }).since((change?.version ?? 0) - 1, [bus]);
    expect(changes).toEqual([change]);
    expect(await store.get(bus, id)).toMatchObject({
      status: "disabled",
      disabledReason: "gone",
      updatedMs: NOW + 3,
      version: change?.version,
    });
    expect((await audited(bus, id)).slice(1)).toEqual([
      {
        bus,
        target: id,
        id: "aud_disabled",
        atMs: NOW + 3,
        actor: "system",
        requestId: null,
        action: "subscription.disabled",
        before: '{"status":"active","disabled_reason":null}',
        after: '{"status":"disabled","disabled_reason":"gone"}',
      },
    ]);
  });

  test("leaves one alone that was changed after the attempt", async () => {
    const unchanged = await created(await newBus());
    const { bus, id, updatedMs } = unchanged;
    expect(await store.disable(bus, id, { ...GONE, attemptedMs: updatedMs - 1 })).toBeNull();
    expect(await store.get(bus, id)).toEqual(unchanged);
  });

  test("leaves a paused, a disabled and a deleted one as it is", async () => {
    const bus = await newBus();
    const paused = await created(bus, { status: "paused" });
    const deleted = await created(bus);
    await store.delete(bus, deleted.id, at(deleted.version));
    expect(await store.disable(bus, paused.id, GONE)).toBeNull();
    expect(await store.disable(bus, deleted.id, GONE)).toBeNull();
    expect(await store.get(bus, paused.id)).toEqual(paused);
    expect((await rowOf(bus, deleted.id))?.status).toBe("deleted");
  });
});

describe("the audit", () => {
  test("has one entry for each change that was made, and none for those that were not", async () => {
    const bus = await newBus();
    const given = subscription(bus);
    await store.create(given, noteFor("subscription.created"));
    await store.create(given, noteFor("subscription.created"));
    const stored = await store.get(bus, given.id);
    if (stored === null) throw new Error("It was not stored");
    await Promise.all(Array.from({ length: 4 }, () => store.replace(stored, at(stored.version))));
    const version = (await store.get(bus, given.id))?.version ?? 0;
    const deletion = { expected: version, now: NOW, note: noteFor("subscription.deleted") };
    await store.delete(bus, given.id, { ...deletion, expected: version - 1 });
    await store.delete(bus, given.id, deletion);
    await store.delete(bus, given.id, { ...deletion, note: noteFor("subscription.deleted") });
    const actions = (await audited(bus, given.id)).map(({ action }) => action);
    expect(actions).toEqual(["subscription.created", "subscription.changed", "subscription.deleted"]);
  });
});

describe("on a deleted bus", () => {
  test("nothing is made, read or changed, and what was deleted is not made again under its id", async () => {
    const bus = await newBus();
    const there = await created(bus);
    const given = subscription(bus);
    await store.create(given, noteFor("subscription.created"));
    const stored = await store.get(bus, given.id);
    await store.delete(bus, given.id, at(stored?.version ?? 0));
    expect(await store.create(given, noteFor("subscription.created"))).toBe("deleted-since");
    await db.prepare("UPDATE buses SET status = 'deleted' WHERE bus = ?1").bind(bus).run();
    expect(await store.create(subscription(bus), noteFor("subscription.created"))).toBe("bus-gone");
    expect(await store.create(subscription("nowhere"), noteFor("subscription.created"))).toBe("bus-gone");
    expect(await store.get(bus, there.id)).toBeNull();
    expect(await store.replace(there, at(there.version))).toBeNull();
    expect(await store.delete(bus, there.id, at(there.version))).toBeNull();
    expect((await rowOf(bus, there.id))?.status).toBe("active");
  });
});

describe("list()", () => {
  test("pages newest first, without repeating or skipping while others write", async () => {
    const bus = await newBus();
    const all: StoredSubscription[] = [];
    for (let index = 0; index < 5; index++) all.push(await created(bus));
    const newest = all.toReversed();
    const first = await store.list(bus, { limit: 2, before: null });
    expect(first.rows).toEqual(newest.slice(0, 2));
    await created(bus);
    const second = await store.list(bus, { limit: 2, before: first.next });
    expect(second.rows).toEqual(newest.slice(2, 4));
    expect(await store.list(bus, { limit: 2, before: second.next })).toEqual({ rows: newest.slice(4), next: null });
  });

  test("ends without a next when the page is just full", async () => {
    const bus = await newBus();
    await created(bus);
    await created(bus);
    expect((await store.list(bus, { limit: 2, before: null })).next).toBeNull();
  });

  test("reads a bounded number of rows, however many tombstones lie between", async () => {
    const bus = await newBus();
    const oldest = await created(bus);
    await db
      .prepare(
        `INSERT INTO subscriptions (bus, id, version, status, sink, format, timeout_ms, created_ms, updated_ms, retry, wanted, secrets, headers)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
         SELECT ?1, printf('sub_t%025d', i), 1, 'deleted', '', 'binary', 1000, 0, 0, '{}', '{}', '', '' FROM n`,
      )
      .bind(bus, 2 * LIST_SCAN_ROWS_MAX)
      .run();
    const { db: reading, rowsRead } = watched(db);
    const bounded = d1Subscriptions({ db: reading, vault, random });
    const ids: string[] = [];
    let before: string | null = null;
    let pages = 0;
    do {
      const page = await bounded.list(bus, { limit: 200, before });
      expect(rowsRead()).toBeLessThanOrEqual(LIST_ROWS_READ_MAX);
      ids.push(...page.rows.map(({ id }) => id));
      before = page.next;
      pages++;
    } while (before !== null);
    expect({ ids, pages }).toEqual({ ids: [oldest.id], pages: 3 });
  });
});

describe("what cannot be opened", () => {
  test("is null, column by column, and hides neither its row nor another", async () => {
    const bus = await newBus();
    const whole = await created(bus);
    const broken = await created(bus);
    await db.prepare("UPDATE subscriptions SET secrets = headers WHERE bus = ? AND id = ?").bind(bus, broken.id).run();
    const shown = { ...broken, secrets: null };
    expect(await store.get(bus, broken.id)).toEqual(shown);
    expect((await store.list(bus, { limit: 10, before: null })).rows).toEqual([shown, whole]);
    expect((await stranger.list(bus, { limit: 10, before: null })).rows).toEqual([
      { ...broken, secrets: null, headers: null },
      { ...whole, secrets: null, headers: null },
    ]);
  });

  test("survives changes under another key, and heals with new values or with its key", async () => {
    const { bus, id, ...rest } = await created(await newBus());
    const unread = await stranger.get(bus, id);
    const paused = unread && (await stranger.replace({ ...unread, status: "paused" }, at(rest.version)));
    expect(await store.get(bus, id)).toEqual({ ...rest, bus, id, status: "paused", version: paused?.change.version });
    const secrets = [{ secret: "whsec_bmV3", untilMs: null }];
    const healed = unread && (await stranger.replace({ ...unread, secrets }, at(paused?.change.version ?? 0)));
    expect(await stranger.get(bus, id)).toEqual({ ...rest, ...healed?.subscription, secrets, headers: null });
    expect(await store.get(bus, id)).toMatchObject({ secrets: null, headers: rest.headers });
  });
});

describe("openPush()", () => {
  test("answers how to push, secrets in the clear", async () => {
    const { bus, id, sink, format, headers, timeoutMs, retry, pace, secrets } = await created(await newBus());
    const row = await rowOf(bus, id);
    expect(row && (await openPush(row, vault))).toEqual({ sink, format, headers, timeoutMs, retry, pace, secrets });
  });

  test("answers an error without any secret when a text belongs to another row or its key is gone", async () => {
    const bus = await newBus();
    const one = await rowOf(bus, (await created(bus)).id);
    const two = await rowOf(bus, (await created(bus)).id);
    if (one === null || two === null) throw new Error("The rows are missing");
    const retry = { scheduleSeconds: [5, 300], permanent: [400] };
    const failed = { error: expect.not.stringMatching(/whsec|in-the-clear/), retry };
    expect(await openPush({ ...one, secrets: two.secrets }, vault)).toEqual(failed);
    expect(await openPush({ ...one, headers: one.secrets }, vault)).toEqual(failed);
    expect(await openPush(one, createVault([new Uint8Array(32).fill(8)]))).toEqual(failed);
    expect(await openPush({ ...one, secrets: "", headers: "" }, vault)).toEqual(failed);
  });
});

test("every method throws Unavailable when the database is away", async () => {
  const away = new Proxy(db, {
    get: (target, name) =>
      name === "batch"
        ? () => Promise.reject(new Error("D1_ERROR: D1 DB is overloaded. Requests queued for too long."))
        : Reflect.get(target, name, target),
  });
  const lost = d1Subscriptions({ db: away, vault, random });
  await expect(lost.create(subscription("default"), noteFor("subscription.created"))).rejects.toThrow(Unavailable);
  await expect(lost.delete("default", "sub_x", at(1))).rejects.toThrow(Unavailable);
});

import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { DeliveryKey } from "../../src/core/delivery.ts";
import { timeOrderedFloor } from "../../src/core/ids.ts";
import { LIST_ROWS_READ_MAX, LIST_SCAN_ROWS_MAX } from "../../src/core/limits.ts";
import { d1Record } from "../../src/d1/record.ts";
import type { EventRecord } from "../../src/ports.ts";
import { watched } from "./watched-db.ts";

const db = env.DB;
const record = d1Record({ db });
const NOW = 1_800_000_000_000;
const ALL = { limit: 200, cursor: null };

let buses = 0;
const newBus = () => `record-${++buses}`;
const seqAt = (ms: number, nth = 0) => timeOrderedFloor(ms).slice(0, 20) + String(nth).padStart(6, "0");

interface EventSeed {
  readonly bus: string;
  readonly seq: string;
  readonly type?: string;
  readonly subject?: string | null;
  readonly body?: string | null;
}

async function event({
  bus,
  seq,
  type = "a.created",
  subject = null,
  body = '{"id":"x"}',
}: EventSeed): Promise<string> {
  const eventId = `evt_${bus}_${seq}`;
  await db
    .prepare(
      `INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, duplicates, bytes, id, source, type, subject, body)
       VALUES (?1, ?2, ?3, 'r', ?4, 0, 2, 1, 10, 'id-' || ?2, '/s', ?5, ?6, ?7)`,
    )
    .bind(bus, seq, eventId, NOW, type, subject, body)
    .run();
  return eventId;
}

interface DeliverySeed extends Partial<DeliveryKey> {
  readonly bus: string;
  readonly seq: string;
  readonly state?: string;
  readonly claim?: string | null;
  readonly attempts?: string;
  readonly dueMs?: number | null;
  readonly tries?: number;
}

async function delivery(seed: DeliverySeed): Promise<DeliveryKey> {
  const { bus, seq, subscriptionId = "sub_a", run = "", state = "waiting", claim = null } = seed;
  const { attempts = "[]", dueMs = state === "waiting" ? NOW : null, tries = 3 } = seed;
  await db
    .prepare("INSERT INTO deliveries VALUES (?1, ?2, ?3, ?4, ?5, 7, ?6, ?7, ?8, 'some-cause', ?9)")
    .bind(bus, seq, subscriptionId, run, state, tries, dueMs, claim, attempts)
    .run();
  return { bus, seq, subscriptionId, run };
}

const rowOf = ({ bus, seq, subscriptionId, run }: DeliveryKey) =>
  db
    .prepare("SELECT * FROM deliveries WHERE bus = ?1 AND seq = ?2 AND subscription_id = ?3 AND run = ?4")
    .bind(bus, seq, subscriptionId, run)
    .first();

type Cursor = readonly string[] | null;

/** All pages of a list; fails if one reads too much. */
async function everyPage<T>(
  list: (record: EventRecord, cursor: Cursor) => Promise<{ readonly rows: readonly T[]; readonly next: Cursor }>,
): Promise<{ rows: T[]; pages: number; plans: string[] }> {
  const { db: reading, rowsRead, plans } = watched(db);
  const reader = d1Record({ db: reading });
  const rows: T[] = [];
  let cursor: Cursor = null;
  let pages = 0;
  do {
    const page = await list(reader, cursor);
    expect(rowsRead()).toBeLessThanOrEqual(LIST_ROWS_READ_MAX);
    rows.push(...page.rows);
    cursor = page.next;
    pages++;
  } while (cursor !== null);
  return { rows, pages, plans: await plans() };
}

describe("events()", () => {
  test("answers every column, newest first, of that bus alone", async () => {
    const bus = newBus();
    await event({ bus, seq: seqAt(NOW), subject: "eu/1" });
    await event({ bus, seq: seqAt(NOW, 1) });
    await event({ bus: newBus(), seq: seqAt(NOW) });
    const { rows, next } = await record.events(bus, {}, ALL);
    expect(next).toBeNull();
    expect(rows.map(({ seq }) => seq)).toEqual([seqAt(NOW, 1), seqAt(NOW)]);
    const seq = seqAt(NOW);
    expect(rows[1]).toEqual({
      eventId: `evt_${bus}_${seq}`,
      bus,
      seq,
      id: `id-${seq}`,
      source: "/s",
      type: "a.created",
      subject: "eu/1",
      acceptedMs: NOW,
      matched: 2,
      duplicates: 1,
      bytes: 10,
      erasedMs: null,
    });
  });

  test("filters by type, source, subject, since (inclusive) and until (exclusive)", async () => {
    const bus = newBus();
    for (const [at, type, subject] of [
      [0, "a", "x"],
      [1, "b", "x"],
      [2, "a", null],
      [3, "a", "x"],
    ] as const)
      await event({ bus, seq: seqAt(NOW + at), type, subject });
    const times = async (filters: Parameters<EventRecord["events"]>[1]) =>
      (await record.events(bus, filters, ALL)).rows.map(({ seq }) =>
        [0, 1, 2, 3].find((at) => seqAt(NOW + at) === seq),
      );
    expect(await times({ type: "a" })).toEqual([3, 2, 0]);
    expect(await times({ type: "a", subject: "x", source: "/s" })).toEqual([3, 0]);
    expect(await times({ source: "/other" })).toEqual([]);
    expect(await times({ sinceMs: NOW + 1, untilMs: NOW + 3 })).toEqual([2, 1]);
    expect(await times({ sinceMs: NOW + 1, untilMs: NOW + 3, type: "b" })).toEqual([1]);
    expect(await times({ sinceMs: -1 })).toEqual([3, 2, 1, 0]);
    expect(await times({ untilMs: -1 })).toEqual([]);
  });

  test("repeats and skips nothing while events arrive, and an `until` holds on every page", async () => {
    const bus = newBus();
    for (let at = 0; at < 7; at++) await event({ bus, seq: seqAt(NOW + at) });
    let arrived = 100;
    const { rows, pages } = await everyPage(async (reader, cursor) => {
      const page = await reader.events(bus, { untilMs: NOW + 6 }, { limit: 2, cursor });
      await event({ bus, seq: seqAt(NOW + ++arrived) });
      return page;
    });
    expect(rows.map(({ seq }) => seq)).toEqual([5, 4, 3, 2, 1, 0].map((at) => seqAt(NOW + at)));
    expect(pages).toBe(3);
  });

  test("reads a bounded number of rows and goes on, when the filter keeps few, and the last row read too", async () => {
    const bus = newBus();
    const count = 2 * LIST_SCAN_ROWS_MAX + 10;
    // The scan of the first page ends on a row that the filter keeps, the scan of the second on one that it drops.
    await db
      .prepare(
        `INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type, body)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
         SELECT ?1, printf('0%025d', i), ?1 || i, 'r', 0, 0, 0, 1, 'i', '/s', iif(i IN (1, ?3, ?2), 'rare', 'common'), NULL FROM n`,
      )
      .bind(bus, count, count - LIST_SCAN_ROWS_MAX + 1)
      .run();
    const { rows, pages, plans } = await everyPage((reader, cursor) =>
      reader.events(bus, { type: "rare" }, { limit: 50, cursor }),
    );
    expect(rows.map(({ seq }) => Number(seq))).toEqual([count, count - LIST_SCAN_ROWS_MAX + 1, 1]);
    expect(pages).toBe(3);
    expect(plans.filter((line) => /TEMP B-TREE|SCAN events/.test(line))).toEqual([]);
    const unfiltered = await everyPage((reader, cursor) => reader.events(bus, {}, { limit: 200, cursor }));
    expect(unfiltered.rows).toHaveLength(count);
    expect(unfiltered.pages).toBe(Math.ceil(count / 200));
  });
});

describe("event()", () => {
  test("answers the body from the row or from where it travelled by reference, null when it is gone", async () => {
    const bus = newBus();
    const inline = await event({ bus, seq: seqAt(NOW) });
    const referred = await event({ bus, seq: seqAt(NOW, 1), body: null });
    const lost = await event({ bus, seq: seqAt(NOW, 2), body: null });
    await db.prepare("INSERT INTO bodies VALUES (?1, 0, '{\"big\":1}')").bind(referred).run();
    expect(await record.event(bus, inline)).toMatchObject({
      eventId: inline,
      bus,
      seq: seqAt(NOW),
      body: '{"id":"x"}',
    });
    expect((await record.event(bus, referred))?.body).toBe('{"big":1}');
    expect((await record.event(bus, lost))?.body).toBeNull();
  });

  test("answers nothing for another bus or an unknown id", async () => {
    const bus = newBus();
    const eventId = await event({ bus, seq: seqAt(NOW) });
    expect(await record.event(newBus(), eventId)).toBeNull();
    expect(await record.event(bus, "evt_none")).toBeNull();
  });
});

const ATTEMPTS = JSON.stringify([
  { attempt: 1, status: 503 },
  { attempt: 2, status: 500, answer: "no" },
]);

describe("deliveries()", () => {
  test("answers every column, newest first, with the last attempt only", async () => {
    const bus = newBus();
    const seq = seqAt(NOW);
    const eventId = await event({ bus, seq });
    const a = await delivery({ bus, seq, attempts: ATTEMPTS });
    const replay = await delivery({ bus, seq, run: "job_1", state: "delivered" });
    const b = await delivery({ bus, seq, subscriptionId: "sub_b", state: "held" });
    const { rows, next } = await record.deliveries(bus, {}, ALL);
    expect(next).toBeNull();
    expect(rows.map(({ key }) => key)).toEqual([b, replay, a]);
    expect(rows[2]).toEqual({
      key: a,
      eventId,
      type: "a.created",
      state: "waiting",
      attempt: 7,
      dueMs: NOW,
      cause: "some-cause",
      attempts: '[{"attempt":2,"status":500,"answer":"no"}]',
    });
    expect(rows[1]).toMatchObject({ dueMs: null, attempts: "[]" });
  });

  test("filters by event, subscription, status and time", async () => {
    const bus = newBus();
    const seqs = [0, 1, 2].map((at) => seqAt(NOW + at));
    const ids: string[] = [];
    for (const seq of seqs) ids.push(await event({ bus, seq }));
    const [first = "", second = "", third = ""] = seqs;
    const pending = await delivery({ bus, seq: first, state: "waiting" });
    const pushing = await delivery({ bus, seq: second, state: "claimed", claim: "t" });
    const retrying = await delivery({ bus, seq: third, state: "waiting", attempts: ATTEMPTS });
    const again = await delivery({ bus, seq: third, subscriptionId: "sub_b", state: "claimed", attempts: ATTEMPTS });
    const final = new Map<string, DeliveryKey>();
    for (const state of ["held", "delivered", "dead", "cancelled"])
      final.set(state, await delivery({ bus, seq: second, subscriptionId: `sub_${state}`, state, attempts: ATTEMPTS }));
    const keys = async (filters: Parameters<EventRecord["deliveries"]>[1]) =>
      (await record.deliveries(bus, filters, ALL)).rows.map(({ key }) => key);

    expect(await keys({ status: "pending" })).toEqual([pushing, pending]);
    expect(await keys({ status: "retrying" })).toEqual([again, retrying]);
    for (const status of ["held", "delivered", "dead", "cancelled"] as const) {
      expect(await keys({ status })).toEqual([final.get(status)]);
      expect(await keys({ status, subscriptionId: `sub_${status}` })).toEqual([final.get(status)]);
      expect(await keys({ status, subscriptionId: "sub_a" })).toEqual([]);
      expect(await keys({ status, untilMs: NOW + 1 })).toEqual([]);
      expect(await keys({ status, sinceMs: NOW + 2 })).toEqual([]);
    }
    expect(await keys({ subscriptionId: "sub_a" })).toEqual([retrying, pushing, pending]);
    expect(await keys({ subscriptionId: "sub_a", sinceMs: NOW + 1, untilMs: NOW + 2 })).toEqual([pushing]);
    expect(await keys({ eventId: ids[2] ?? "" })).toEqual([again, retrying]);
    expect(await keys({ eventId: ids[2] ?? "", status: "retrying", subscriptionId: "sub_b" })).toEqual([again]);
    expect(await keys({ eventId: ids[0] ?? "", sinceMs: NOW + 1 })).toEqual([]);
    expect(await keys({ eventId: ids[2] ?? "", untilMs: NOW + 2 })).toEqual([]);
    expect(await keys({ eventId: "evt_none" })).toEqual([]);
    expect((await record.deliveries(newBus(), { eventId: ids[2] ?? "" }, ALL)).rows).toEqual([]);
  });

  test.each([
    ["all", {}],
    ["held ones of a subscription", { status: "held", subscriptionId: "sub_a" }],
    ["dead ones", { status: "dead" }],
    ["those of one event", { eventId: true }],
  ] as const)("repeats and skips nothing of %s while rows are written", async (_, filters) => {
    const bus = newBus();
    const state = "status" in filters ? filters.status : "waiting";
    const oneEvent = "eventId" in filters;
    const seqs = oneEvent ? [seqAt(NOW)] : [0, 1, 2, 3].map((at) => seqAt(NOW + at));
    const expected: DeliveryKey[] = [];
    let eventId = "";
    for (const seq of seqs) {
      eventId = await event({ bus, seq });
      for (const subscriptionId of oneEvent ? ["sub_a", "sub_b", "sub_c"] : ["sub_a"])
        for (const run of ["", "job_1", "job_2"])
          expected.unshift(await delivery({ bus, seq, subscriptionId, run, state }));
    }
    const after = seqAt(NOW + 50);
    await event({ bus, seq: after });
    let written = 0;
    const { rows } = await everyPage(async (reader, cursor) => {
      const page = await reader.deliveries(bus, oneEvent ? { eventId } : filters, { limit: 2, cursor });
      await delivery({ bus, seq: after, run: `job_${++written}`, state });
      return page;
    });
    expect(rows.map(({ key }) => key)).toEqual(expected);
  });

  test("reads a bounded number of rows for every filter, from the index that fits it", async () => {
    const bus = newBus();
    const count = 2 * LIST_SCAN_ROWS_MAX;
    const numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)";
    await db.batch([
      db
        .prepare(
          `INSERT INTO events (bus, seq, event_id, receipt, accepted_ms, hops, matched, bytes, id, source, type, body)
           ${numbers} SELECT ?1, printf('0%025d', i), ?1 || i, 'r', 0, 0, 0, 1, 'i', '/s', 'a', NULL FROM n`,
        )
        .bind(bus, count),
      db
        .prepare(
          `INSERT INTO deliveries (bus, seq, subscription_id, run, state, attempt, tries)
           ${numbers} SELECT ?1, printf('0%025d', i), iif(i % 1000 = 1, 'sub_rare', 'sub_common'), '',
             CASE i % 1000 WHEN 2 THEN 'dead' WHEN 3 THEN 'held' ELSE 'delivered' END, 1, 1 FROM n`,
        )
        .bind(bus, count),
    ]);
    const list = (filters: Parameters<EventRecord["deliveries"]>[1]) =>
      everyPage((reader, cursor) => reader.deliveries(bus, filters, { limit: 200, cursor }));

    const rare = await list({ subscriptionId: "sub_rare" });
    expect({ rows: rare.rows.length, pages: rare.pages }).toEqual({ rows: 5, pages: 3 });
    const dead = await list({ status: "dead" });
    expect({ rows: dead.rows.length, pages: dead.pages }).toEqual({ rows: 5, pages: 1 });
    expect(dead.plans).toContainEqual(
      expect.stringContaining("USING INDEX deliveries_dead (bus=? AND seq>? AND (seq,subscription_id,run)<"),
    );
    const held = await list({ status: "held", subscriptionId: "sub_common" });
    expect({ rows: held.rows.length, pages: held.pages }).toEqual({ rows: 5, pages: 1 });
    expect(held.plans).toContainEqual(
      expect.stringContaining("USING INDEX deliveries_held (subscription_id=? AND bus=? AND seq>? AND seq<"),
    );
    expect((await list({ status: "pending" })).rows).toEqual([]);
    expect((await list({})).rows).toHaveLength(count);
    for (const { plans } of [rare, dead, held])
      expect(plans.filter((line) => /TEMP B-TREE|SCAN (events|deliveries|e\b)/.test(line))).toEqual([]);
  });
});

describe("delivery()", () => {
  test("answers one with all its attempts, and none for another bus, subscription or run", async () => {
    const bus = newBus();
    const seq = seqAt(NOW);
    const eventId = await event({ bus, seq });
    const key = await delivery({ bus, seq, run: "job_1", attempts: ATTEMPTS });
    expect(await record.delivery(bus, eventId, "sub_a", "job_1")).toEqual({
      key,
      eventId,
      type: "a.created",
      state: "waiting",
      attempt: 7,
      dueMs: NOW,
      cause: "some-cause",
      attempts: ATTEMPTS,
    });
    expect(await record.delivery(bus, eventId, "sub_a", "")).toBeNull();
    expect(await record.delivery(bus, eventId, "sub_b", "job_1")).toBeNull();
    expect(await record.delivery(newBus(), eventId, "sub_a", "job_1")).toBeNull();
  });
});

describe("retry()", () => {
  test.each(["delivered", "dead", "cancelled", "held"])(
    "makes a %s one wait, due now, its schedule anew",
    async (state) => {
      const key = await delivery({ bus: newBus(), seq: seqAt(NOW), state, attempts: ATTEMPTS });
      expect(await record.retry(key, NOW + 9)).toBe("waiting");
      const due = { state: "waiting", due_ms: NOW + 9, tries: 0, attempt: 7, claim: null, cause: "retry" };
      expect(await rowOf(key)).toMatchObject({ ...due, attempts: ATTEMPTS });
    },
  );

  test("of a waiting one makes it due and keeps its place in the schedule; twice is once", async () => {
    const key = await delivery({ bus: newBus(), seq: seqAt(NOW), dueMs: NOW + 99_999, tries: 3 });
    expect(await record.retry(key, NOW)).toBe("waiting");
    expect(await record.retry(key, NOW)).toBe("waiting");
    expect(await rowOf(key)).toMatchObject({ state: "waiting", due_ms: NOW, tries: 3, attempt: 7 });
  });

  test("twice of a dead one starts the schedule once", async () => {
    const key = await delivery({ bus: newBus(), seq: seqAt(NOW), state: "dead" });
    await Promise.all([record.retry(key, NOW), record.retry(key, NOW)]);
    expect(await rowOf(key)).toMatchObject({ state: "waiting", tries: 0, attempt: 7 });
  });

  test("is refused while the lease is live, and leaves the row untouched; takes it when the lease is over or gone", async () => {
    const bus = newBus();
    const claim = `token-${bus}`;
    await db
      .prepare("INSERT INTO claims (token, lease_ms, keys) VALUES (?1, ?2, '[]')")
      .bind(claim, NOW + 10)
      .run();
    const key = await delivery({ bus, seq: seqAt(NOW), state: "claimed", claim });
    const row = await rowOf(key);
    expect(await record.retry(key, NOW + 9)).toBe("attempt-in-progress");
    expect(await rowOf(key)).toEqual(row);
    expect(await record.retry(key, NOW + 10)).toBe("waiting");
    expect(await rowOf(key)).toMatchObject({ state: "waiting", claim: null, tries: 0, due_ms: NOW + 10 });
    const orphan = await delivery({ bus, seq: seqAt(NOW, 1), state: "claimed", claim: "token-of-nobody" });
    expect(await record.retry(orphan, NOW)).toBe("waiting");
  });

  test("answers null for a delivery that is not there, and makes none", async () => {
    const key = { bus: newBus(), seq: seqAt(NOW), subscriptionId: "sub_a", run: "" };
    expect(await record.retry(key, NOW)).toBeNull();
    expect(await rowOf(key)).toBeNull();
  });
});

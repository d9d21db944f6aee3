// A page of a backtest ends when its work is spent: by the characters of its events and how often they are walked over, with one event at the
// least, and nothing is lost between pages.
import { expect, it } from "vitest";
import { backtest, type BacktestPlace, type BacktestRequest } from "../../src/backtest.ts";
import { encodeEvent } from "../../src/core/cloudevents/json.ts";
import { BACKTEST_WORK_BYTES_MAX } from "../../src/core/limits.ts";
import type { Wanted } from "../../src/core/subscription.ts";
import type { EventOnRecord } from "../../src/ports.ts";

const ID = "sub_1";

/** Walks over each event so many times. */
const walking = (walks: number): Wanted => ({
  types: null,
  source: null,
  filters: [{ any: Array.from({ length: walks }, () => ({ pattern: { data: { a: [{ exists: true }] } } })) }],
});

function eventOf(index: number, chars: number | null): EventOnRecord {
  const attributes = { specversion: "1.0", id: `${index}`, source: "/s", type: "t" };
  const encoded = (padding: string): string =>
    encodeEvent({ id: `${index}`, source: "/s", type: "t", attributes, data: { kind: "text", text: padding } });
  const body = chars === null ? null : encoded("x".repeat(chars - encoded("").length));
  const seq = String(1_000 - index).padStart(26, "0");
  const summary = {
    eventId: `evt_${index}`,
    bus: "default",
    seq,
    id: `${index}`,
    source: "/s",
    type: "t",
    subject: null,
  };
  return { ...summary, acceptedMs: 0, matched: 0, duplicates: 0, bytes: chars ?? 0, body, erasedMs: null };
}

/** Examined and skipped of each page, to the end, of events of so many characters, the first one first; null: without a body. */
async function pages(sizes: readonly (number | null)[], asked: Partial<BacktestRequest>, current?: Wanted) {
  const rows = sizes.map((chars, index) => eventOf(index, chars));
  const ports = {
    record: {
      bodies: async (_bus: string, _span: object, { limit, cursor }: Parameters<typeof bodies>[0]) =>
        bodies({ limit, cursor }),
    },
    subscriptions: { wanted: async () => new Map(current === undefined ? [] : [[ID, current]]) },
  };
  function bodies({ limit, cursor }: { readonly limit: number; readonly cursor: readonly string[] | null }) {
    const from = cursor === null ? 0 : rows.findIndex(({ seq }) => seq === cursor[0]) + 1;
    const page = rows.slice(from, from + limit);
    const last = page.at(-1);
    return { rows: page, next: from + limit < rows.length && last !== undefined ? [last.seq] : null };
  }
  const found: (readonly [examined: number, skipped: number])[] = [];
  let cursor: BacktestPlace | null = null;
  do {
    const request = { bus: "default", wanted: walking(1), subscriptionId: null, sinceMs: null, untilMs: null };
    const page = await backtest(ports, { ...request, limit: 100, ...asked, cursor });
    if (!page.ok) throw new Error(JSON.stringify(page.error));
    found.push([page.value.examined, page.value.skipped]);
    cursor = page.value.next;
  } while (cursor !== null);
  return found;
}

const WALKS = 199;
/** Four of these are all the work of a page whose condition walks WALKS times. */
const QUARTER = BACKTEST_WORK_BYTES_MAX / (WALKS + 1) / 4;

it("at the limit it takes them all, and over it the rest is the next page's", async () => {
  const wanted = walking(WALKS);
  expect(await pages([QUARTER, QUARTER, QUARTER, QUARTER], { wanted })).toEqual([[4, 0]]);
  expect(await pages([QUARTER, QUARTER, QUARTER, QUARTER + 1], { wanted })).toEqual([
    [3, 0],
    [1, 0],
  ]);
  expect(
    await pages(
      Array.from({ length: 9 }, () => QUARTER),
      { wanted },
    ),
  ).toEqual([
    [4, 0],
    [4, 0],
    [1, 0],
  ]);
});

it("counts what the subscription walks too", async () => {
  const [half, other] = [walking((WALKS - 1) / 2), walking((WALKS + 1) / 2)];
  const sizes = Array.from({ length: 5 }, () => QUARTER);
  expect(await pages(sizes, { wanted: half })).toEqual([[5, 0]]);
  expect(await pages(sizes, { wanted: half, subscriptionId: ID }, other)).toEqual([
    [4, 0],
    [1, 0],
  ]);
});

it("has one event at the least, however large", async () => {
  const wanted = walking(WALKS);
  expect(await pages([4 * QUARTER + 1, 4 * QUARTER + 1], { wanted })).toEqual([
    [1, 0],
    [1, 0],
  ]);
});

it("passes events without a body for nothing", async () => {
  const wanted = walking(WALKS);
  expect(await pages([null, 4 * QUARTER, null, null, 1_000, null], { wanted })).toEqual([
    [1, 3],
    [1, 1],
  ]);
  expect(await pages([null, null], { wanted })).toEqual([[0, 2]]);
});

it("a filter of attributes alone is held against as many events as a page has", async () => {
  const sizes = Array.from({ length: 12 }, () => QUARTER);
  const wanted = { types: ["t"], source: null, filters: [] };
  expect(await pages(sizes, { wanted, limit: 12 })).toEqual([[12, 0]]);
  expect(await pages(sizes, { wanted, limit: 5 })).toEqual([
    [5, 0],
    [5, 0],
    [2, 0],
  ]);
});

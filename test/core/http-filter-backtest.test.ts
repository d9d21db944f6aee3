// Filters tried on the events on record over HTTP: page by page, and against what a subscription takes.
import { describe, expect, it } from "vitest";
import { encodeCursor } from "../../src/core/cursor.ts";
import { BACKTEST_EVENTS_MAX, MANAGEMENT_BYTES_MAX } from "../../src/core/limits.ts";
import { fakeHttp } from "../http.ts";
import { EVENT, JSON_TYPE, START_MS, idOf, pointersOf, putEvent, slug, subscribe } from "./http-filters-world.ts";

const BACKTEST = "/v1/filters/backtest";

describe("POST /v1/filters/backtest", () => {
  it("counts what would have been taken and shows the newest ten", async () => {
    const http = fakeHttp();
    for (let number = 1; number <= 12; number++) putEvent(http, number);
    putEvent(http, 13, { type: "order.paid" });
    putEvent(http, 14, { body: null });
    putEvent(http, 15, { body: null, id: "", source: "", erasedMs: START_MS });
    putEvent(http, 16, { bus: "eu" });
    const { status, json } = await http.ask("POST", BACKTEST, { json: { types: ["order.created"] } });
    expect(status).toBe(200);
    expect(json).toMatchObject({ examined: 13, skipped: 2, matched: 12, difference: null, next_cursor: null });
    expect(json.sample.map(({ id }: { id: string }) => id)).toEqual(
      Array.from({ length: 10 }, (_, index) => `A-${12 - index}`),
    );
    expect(json.sample[0]).not.toHaveProperty("body");
    expect((await http.ask("POST", BACKTEST, { json: {} })).json).toMatchObject({ examined: 13, matched: 13 });
  });

  it("compares with a subscription, both ways", async () => {
    const http = fakeHttp();
    for (const [number, type] of ["a", "b", "c", "c"].entries()) putEvent(http, number + 1, { type });
    const id = await subscribe(http, { types: ["a", "b"], status: "paused" });
    const { json } = await http.ask("POST", BACKTEST, { json: { types: ["b", "c"], subscription_id: id } });
    expect(json).toMatchObject({
      examined: 4,
      matched: 3,
      difference: {
        subscription_id: id,
        gained: { count: 2, sample: [{ id: "A-4" }, { id: "A-3" }] },
        lost: { count: 1, sample: [{ id: "A-1" }] },
      },
    });
  });

  it("goes on from page to page, within its span; counts add up", async () => {
    const http = fakeHttp();
    for (let number = 1; number <= 7; number++) putEvent(http, number, { type: number % 2 === 0 ? "even" : "odd" });
    const asked = {
      types: ["odd"],
      since: new Date(START_MS + 2).toISOString(),
      until: new Date(START_MS + 7).toISOString(),
      limit: 2,
    };
    const pages: { examined: number; matched: number }[] = [];
    let cursor: string | null = null;
    do {
      const { json } = await http.ask("POST", BACKTEST, { json: { ...asked, cursor } });
      pages.push(json);
      cursor = json.next_cursor;
      // What comes in meanwhile is newer than all of it.
      putEvent(http, 100 + pages.length, { type: "odd" });
    } while (cursor !== null);
    expect(pages.map(({ examined, matched }) => [examined, matched])).toEqual([
      [2, 1],
      [2, 1],
      [1, 0],
    ]);
  });

  it("a cursor is good for what it was made for, with any limit, and for nothing else", async () => {
    const http = fakeHttp();
    for (let number = 1; number <= 5; number++) putEvent(http, number);
    const id = await subscribe(http, { types: ["a"] });
    const asked = { types: ["order.created"], subscription_id: id, since: "2026-01-01T00:00:00Z" };
    const cursor = (await http.ask("POST", BACKTEST, { json: { ...asked, limit: 1 } })).json.next_cursor;
    const again = (change: object) => http.ask("POST", BACKTEST, { json: { ...asked, cursor, ...change } });
    expect((await again({ limit: 3 })).json).toMatchObject({ examined: 3 });
    // The same instant in other words.
    expect((await again({ since: "2026-01-01T01:00:00+01:00" })).status).toBe(200);
    for (const change of [
      { types: ["order.paid"] },
      { types: null },
      { source: "/shop" },
      { filters: [{ exact: { type: "order.created" } }] },
      { subscription_id: null },
      { since: null },
      { since: "2026-01-01T00:00:01Z" },
      { until: "2026-02-01T00:00:00Z" },
    ]) {
      const answer = await again(change);
      expect([change, answer.status, slug(answer)]).toEqual([change, 422, "invalid-request"]);
      expect(pointersOf(answer)).toEqual(["/cursor"]);
    }
    await http.ask("PATCH", `/v1/subscriptions/${id}`, { json: { name: "renamed" } });
    expect((await again({})).status).toBe(200);
    await http.ask("PATCH", `/v1/subscriptions/${id}`, { json: { types: ["b"] } });
    expect(pointersOf(await again({}))).toEqual(["/cursor"]);
  });

  it("what only looks like a cursor is refused", async () => {
    const http = fakeHttp();
    const [seq, mark] = ["0".repeat(26), "0".repeat(16)];
    for (const cursor of [
      "",
      "%",
      5,
      encodeCursor("events", [seq]),
      encodeCursor("backtest", [seq]),
      encodeCursor("backtest", [seq, mark, mark]),
      encodeCursor("backtest", ["~", mark]),
      encodeCursor("backtest", [seq, `${mark}0`]),
      encodeCursor("backtest", [seq, mark]),
    ]) {
      const answer = await http.ask("POST", BACKTEST, { json: { cursor } });
      expect([cursor, answer.status, pointersOf(answer)]).toEqual([cursor, 422, ["/cursor"]]);
    }
  });

  it("refuses every fault at once, each where it is, with its limit", async () => {
    const http = fakeHttp();
    const answer = await http.ask("POST", BACKTEST, {
      json: {
        types: "a",
        filters: [{ sql: "1 =" }],
        subscription_id: "sub_1",
        since: "yesterday",
        until: 5,
        limit: BACKTEST_EVENTS_MAX + 1,
        event: EVENT,
      },
    });
    expect([answer.status, slug(answer)]).toEqual([422, "invalid-request"]);
    expect(pointersOf(answer).toSorted()).toEqual([
      "/event",
      "/filters/0/sql",
      "/limit",
      "/since",
      "/subscription_id",
      "/types",
      "/until",
    ]);
    expect(answer.text).toContain(`limit must be at most ${BACKTEST_EVENTS_MAX}`);
    for (const limit of [0, -1, 1.5, "1"])
      expect(pointersOf(await http.ask("POST", BACKTEST, { json: { limit } }))).toEqual(["/limit"]);
    for (const limit of [1, BACKTEST_EVENTS_MAX, null])
      expect((await http.ask("POST", BACKTEST, { json: { limit } })).status).toBe(200);
    const unknown = await http.ask("POST", BACKTEST, { json: { subscription_id: idOf("sub_", 1) } });
    expect([unknown.status, unknown.json.errors]).toEqual([
      422,
      [{ pointer: "/subscription_id", detail: "subscription_id must be the id of a subscription of this bus" }],
    ]);
    expect(slug(await http.ask("POST", `${BACKTEST}?limit=1`, { json: {} }))).toBe("invalid-parameter");
    const body = " ".repeat(MANAGEMENT_BYTES_MAX + 1);
    expect((await http.ask("POST", BACKTEST, { body, headers: JSON_TYPE })).status).toBe(413);
  });
});

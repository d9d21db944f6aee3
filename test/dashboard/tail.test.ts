// The live tail: what is shown, what waits, and its bound.
import { describe, expect, test } from "vitest";
import type { EventSummary } from "../../src/client/index.ts";
import { added, caughtUp, EMPTY_TAIL, TAIL_MAX, type Tail } from "../../src/dashboard/pages/events/tail.ts";

const event = (event_id: string): EventSummary => ({
  event_id,
  bus: "default",
  id: event_id,
  source: "/shop",
  type: "order.created",
  subject: null,
  accepted_at: "2026-11-26T09:00:00.000Z",
  matched: 0,
  duplicates: 0,
  bytes: 1,
  erased_at: null,
});
const events = (...ids: readonly string[]) => ids.map(event);
const idsOf = (list: Tail["shown"]) => list.map(({ event_id }) => event_id);

describe("a tail", () => {
  test("has the newest on top, and marks those that came last", () => {
    const tail = added(added(EMPTY_TAIL, events("a", "b"), false), events("c"), false);
    expect(idsOf(tail.shown)).toEqual(["c", "b", "a"]);
    expect([...tail.fresh]).toEqual(["c"]);
  });

  test("keeps what comes while it is paused, in order, and shows it afterwards", () => {
    const paused = added(added(added(EMPTY_TAIL, events("a"), false), events("b"), true), events("c"), true);
    expect([idsOf(paused.shown), idsOf(paused.waiting)]).toEqual([["a"], ["c", "b"]]);
    const shown = caughtUp(paused);
    expect([idsOf(shown.shown), idsOf(shown.waiting)]).toEqual([["c", "b", "a"], []]);
    expect(idsOf(added(paused, events("d"), false).shown)).toEqual(["d", "c", "b", "a"]);
  });

  test("has an event once that comes again", () => {
    const tail = added(added(EMPTY_TAIL, events("a", "b"), false), events("b", "c"), false);
    expect(idsOf(tail.shown)).toEqual(["c", "b", "a"]);
  });

  test.each([true, false])("is bounded, paused or not: %s", (isPaused) => {
    const many = events(...Array.from({ length: TAIL_MAX + 5 }, (_, index) => `e${index}`));
    const tail = added(EMPTY_TAIL, many, isPaused);
    const kept = isPaused ? tail.waiting : tail.shown;
    expect([kept.length, kept[0]?.event_id]).toEqual([TAIL_MAX, `e${TAIL_MAX + 4}`]);
  });
});

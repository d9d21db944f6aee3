// The outcome table and the schedule: every cell of the table, and the promises that the delays keep.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Answer, Outcome, Settlement } from "../../src/core/delivery.ts";
import type { Sign } from "../../src/core/health.ts";
import {
  DEFER_SECONDS_MAX,
  JITTER_MAX,
  PERMANENT_TRIES_MAX,
  RETRY_DELAY_SECONDS_MAX,
  SLOW_ATTEMPT_MS,
} from "../../src/core/limits.ts";
import { isNews, judge, recordOf, signOf, wasSlow } from "../../src/core/outcome.ts";
import type { Steering } from "../../src/core/steering.ts";
import { parseRetryAfter } from "../../src/core/retry-after.ts";

const NOW = Date.UTC(2026, 10, 23, 12);
const DAY_MS = RETRY_DELAY_SECONDS_MAX * 1_000;
const retry = { scheduleSeconds: [5, 300, 1_800, 7_200], permanent: [400, 422, 503] };

interface More {
  readonly retryAtMs?: number | null;
  readonly durationMs?: number;
  readonly steering?: Steering | null;
  readonly ignored?: number;
}

function answered(status: number, more: More = {}): Answer {
  return { kind: "answered", status, retryAtMs: null, steering: null, ignored: 0, sample: "", durationMs: 10, ...more };
}
function failed(error: "timeout" | "connection" | "refused" | "internal", durationMs = 10): Answer {
  return { kind: "failed", error, detail: "", durationMs };
}
function at(tries: number, fraction = 0) {
  return { tries, retry, now: NOW, fraction };
}
function dueAfter(seconds: number, slow = false): Outcome {
  return { kind: "retry", dueMs: NOW + seconds * 1_000, slow };
}
const dead = (cause: "gone" | "aborted" | "rejected" | "exhausted"): Outcome => ({ kind: "dead", cause });

it("judge() follows the table for every status and every try", () => {
  const statuses = [0, ...Array.from({ length: 500 }, (_, index) => 100 + index), 999];
  for (const status of statuses) {
    for (let tries = 1; tries <= retry.scheduleSeconds.length + 2; tries++) {
      const wait = retry.scheduleSeconds[tries - 1];
      let expected = wait === undefined ? dead("exhausted") : dueAfter(wait);
      if ([400, 422, 503].includes(status) && tries >= 3) expected = dead("rejected");
      if (status === 410) expected = dead("gone");
      if (status >= 200 && status <= 299) expected = { kind: "delivered" };
      expect(judge(answered(status), at(tries)), `${status} at try ${tries}`).toEqual(expected);
    }
  }
});

it("judge() treats each kind of failure as one to repeat, until the schedule is used up", () => {
  for (const error of ["timeout", "connection", "refused", "internal"] as const) {
    expect(judge(failed(error), at(1))).toEqual(dueAfter(5, error === "timeout"));
    expect(judge(failed(error), at(4))).toEqual(dueAfter(7_200, error === "timeout"));
    expect(judge(failed(error), at(5))).toEqual(dead("exhausted"));
  }
});

it("judge() makes one attempt only when the schedule is empty", () => {
  const none = { scheduleSeconds: [], permanent: [400] };
  expect(judge(answered(500), { ...at(1), retry: none })).toEqual(dead("exhausted"));
  expect(judge(answered(400), { ...at(1), retry: none })).toEqual(dead("exhausted"));
  expect(judge(answered(204), { ...at(1), retry: none })).toEqual({ kind: "delivered" });
});

it("judge() lets 2xx and 410 win over retry.permanent", () => {
  const odd = { ...at(PERMANENT_TRIES_MAX), retry: { ...retry, permanent: [200, 410] } };
  expect(judge(answered(200), odd)).toEqual({ kind: "delivered" });
  expect(judge(answered(410), odd)).toEqual(dead("gone"));
});

it("judge() calls an attempt slow over the limit, not at it, and whenever it timed out", () => {
  expect(judge(answered(500, { durationMs: SLOW_ATTEMPT_MS }), at(1))).toEqual(dueAfter(5));
  expect(judge(answered(500, { durationMs: SLOW_ATTEMPT_MS + 1 }), at(1))).toEqual(dueAfter(5, true));
  expect(judge(failed("connection", SLOW_ATTEMPT_MS + 1), at(1))).toEqual(dueAfter(5, true));
  expect(judge(failed("timeout", 1), at(1))).toEqual(dueAfter(5, true));
});

it("judge() waits for the later of Retry-After and the schedule, for any failing status", () => {
  for (const status of [429, 503, 500, 302, 400]) {
    expect(judge(answered(status, { retryAtMs: NOW + 60_000 }), at(1)), `${status}`).toEqual(dueAfter(60));
    expect(judge(answered(status, { retryAtMs: NOW + 60_000 }), at(2)), `${status}`).toEqual(dueAfter(300));
  }
});

it("judge() lets Retry-After neither revive a dead delivery nor undo a delivered one", () => {
  expect(judge(answered(503, { retryAtMs: NOW + 1 }), at(5))).toEqual(dead("rejected"));
  expect(judge(answered(429, { retryAtMs: NOW + 1 }), at(5))).toEqual(dead("exhausted"));
  expect(judge(answered(410, { retryAtMs: NOW + 1 }), at(1))).toEqual(dead("gone"));
  expect(judge(answered(200, { retryAtMs: NOW + 1 }), at(1))).toEqual({ kind: "delivered" });
});

it("judge() never waits over 24 h, whatever the schedule, the jitter and the sink say", () => {
  const long = { ...at(1, 0.999), retry: { scheduleSeconds: [RETRY_DELAY_SECONDS_MAX], permanent: [] } };
  expect(judge(answered(500), long)).toEqual(dueAfter(RETRY_DELAY_SECONDS_MAX));
  expect(judge(answered(500, { retryAtMs: NOW + DAY_MS + 1 }), at(1))).toEqual(dueAfter(RETRY_DELAY_SECONDS_MAX));
});

it("judge() keeps the promise of the schedule: never earlier, at most a tenth later", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: RETRY_DELAY_SECONDS_MAX }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.integer({ min: 100, max: 599 }).filter((status) => status < 200 || status > 299),
      (seconds, fraction, status) => {
        const context = { tries: 1, retry: { scheduleSeconds: [seconds], permanent: [] }, now: NOW, fraction };
        const outcome = judge(answered(status), context);
        if (outcome.kind !== "retry") {
          // 410 ends a delivery, and nothing else does at its first try. No value: a property fails by returning one that is false.
          expect(status).toBe(410);
          return;
        }
        const delayMs = outcome.dueMs - NOW;
        expect(Number.isInteger(outcome.dueMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(seconds * 1_000);
        expect(delayMs).toBeLessThanOrEqual(Math.min(seconds * 1_100 + 1, DAY_MS));
      },
    ),
  );
});

it("judge() ends every delivery: at the latest when the schedule is used up", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 86_400 }), { maxLength: 30 }), (scheduleSeconds) => {
      let tries = 1;
      while (judge(answered(500), { ...at(tries), retry: { scheduleSeconds, permanent: [] } }).kind === "retry")
        tries++;
      expect(tries).toBe(scheduleSeconds.length + 1);
    }),
  );
});

const STATUSES = [0, ...Array.from({ length: 500 }, (_, index) => 100 + index), 999];
const STEERINGS: readonly (Steering | null)[] = [
  null,
  { kind: "disable" },
  { kind: "abort" },
  { kind: "defer", seconds: 90 },
];
const isSuccess = (status: number): boolean => status >= 200 && status <= 299;

it("judge() follows the table for every status, steering and try", () => {
  for (const status of STATUSES) {
    for (const steering of STEERINGS) {
      for (let tries = 1; tries <= retry.scheduleSeconds.length + 2; tries++) {
        const wait = retry.scheduleSeconds[tries - 1];
        const isDeferred = steering?.kind === "defer";
        let expected = wait === undefined ? dead("exhausted") : dueAfter(isDeferred ? 90 : wait);
        if (retry.permanent.includes(status) && tries >= PERMANENT_TRIES_MAX && !isDeferred)
          expected = dead("rejected");
        if (steering?.kind === "abort") expected = dead("aborted");
        if (status === 410 || steering?.kind === "disable") expected = dead("gone");
        if (isSuccess(status)) expected = { kind: "delivered" };
        expect(judge(answered(status, { steering }), at(tries)), `${status} ${steering?.kind} try ${tries}`).toEqual(
          expected,
        );
      }
    }
  }
});

it.each([1, 4, 301, DEFER_SECONDS_MAX])(
  "judge() takes defer=%i for the next attempt, before and after the schedule's, whatever Retry-After says",
  (seconds) => {
    for (const status of [429, 500, 503, 400]) {
      for (const retryAtMs of [null, NOW + 1, NOW + DAY_MS]) {
        const answer = answered(status, { steering: { kind: "defer", seconds }, retryAtMs });
        expect(judge(answer, at(1)), `${status} ${retryAtMs}`).toEqual(dueAfter(seconds));
      }
    }
  },
);

it("judge() spreads what is deferred too: never earlier, at most a tenth later, never over 24 h", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: DEFER_SECONDS_MAX }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (seconds, fraction) => {
        const outcome = judge(answered(503, { steering: { kind: "defer", seconds } }), at(1, fraction));
        if (outcome.kind !== "retry") throw new Error("It is given up");
        expect(Number.isInteger(outcome.dueMs)).toBe(true);
        expect(outcome.dueMs - NOW).toBeGreaterThanOrEqual(seconds * 1_000);
        expect(outcome.dueMs - NOW).toBeLessThanOrEqual(Math.min(seconds * 1_000 * (1 + JITTER_MAX) + 1, DAY_MS));
      },
    ),
  );
});

it("judge() lets defer neither outlast the schedule nor undo a delivered event", () => {
  const steering = { kind: "defer", seconds: 90 } as const;
  expect(judge(answered(500, { steering }), at(retry.scheduleSeconds.length + 1))).toEqual(dead("exhausted"));
  expect(judge(answered(204, { steering }), at(1))).toEqual({ kind: "delivered" });
  expect(judge(answered(410, { steering }), at(1))).toEqual(dead("gone"));
});

it("signOf() follows its table for every status, steering and Retry-After", () => {
  for (const status of STATUSES) {
    for (const steering of STEERINGS) {
      for (const retryAtMs of [null, NOW + 60_000]) {
        const pauses = status === 429 || status === 503;
        const expected: Sign = {
          works:
            isSuccess(status) ||
            steering !== null ||
            retry.permanent.includes(status) ||
            (status === 429 && retryAtMs !== null),
          pausedUntilMs: pauses ? retryAtMs : null,
          disables: status === 410 ? "gone" : steering?.kind === "disable" ? "receiver" : null,
          ignored: 0,
        };
        const name = `${status} ${steering?.kind} ${retryAtMs}`;
        expect(signOf(answered(status, { steering, retryAtMs }), retry), name).toEqual(expected);
      }
    }
  }
});

it("signOf() says nothing of the sink when the fault is ours, and that it fails when it cannot be reached", () => {
  expect(signOf(failed("internal"), retry)).toBeNull();
  for (const error of ["timeout", "connection", "refused"] as const)
    expect(signOf(failed(error), retry)).toEqual({ works: false, pausedUntilMs: null, disables: null, ignored: 0 });
});

it("signOf() tells how many headers were not obeyed", () => {
  for (const ignored of [0, 1, 2]) expect(signOf(answered(500, { ignored }), retry)).toMatchObject({ ignored });
});

it("wasSlow() says of an attempt on record what judge() said of it", () => {
  const answers = [
    answered(500, { durationMs: SLOW_ATTEMPT_MS }),
    answered(500, { durationMs: SLOW_ATTEMPT_MS + 1 }),
    failed("timeout", 1),
    failed("connection", SLOW_ATTEMPT_MS),
    failed("connection", SLOW_ATTEMPT_MS + 1),
    failed("internal"),
  ];
  for (const answer of answers)
    expect(judge(answer, at(1))).toMatchObject({ kind: "retry", slow: wasSlow(recordOf(answer, 1, NOW)) });
});

it("parseRetryAfter() reads seconds and the three forms of an HTTP date", () => {
  const now = Date.UTC(1994, 10, 6, 8, 0, 0);
  const expected = Date.UTC(1994, 10, 6, 8, 49, 37);
  expect(parseRetryAfter("120", now)).toBe(now + 120_000);
  expect(parseRetryAfter("0", now)).toBe(now);
  expect(parseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", now)).toBe(expected);
  expect(parseRetryAfter("Sunday, 06-Nov-94 08:49:37 GMT", now)).toBe(expected);
  expect(parseRetryAfter("Sun Nov  6 08:49:37 1994", now)).toBe(expected);
  expect(parseRetryAfter("Sun, 06 Nov 1994 08:59:60 GMT", now)).toBe(Date.UTC(1994, 10, 6, 9));
});

it("parseRetryAfter() reads two digits of a year within 50 years ahead, across a century too", () => {
  const newYearsEve = Date.UTC(2099, 11, 31, 23);
  expect(parseRetryAfter("Friday, 01-Jan-00 00:00:00 GMT", newYearsEve)).toBe(Date.UTC(2100, 0, 1));
  expect(parseRetryAfter("Friday, 31-Dec-49 00:00:00 GMT", newYearsEve)).toBe(newYearsEve + DAY_MS);
  expect(parseRetryAfter("Friday, 31-Dec-50 00:00:00 GMT", newYearsEve)).toBeNull();
  expect(parseRetryAfter("Sunday, 06-Nov-94 08:49:37 GMT", NOW)).toBeNull();
});

it("parseRetryAfter() takes a date of this second and refuses one of the past", () => {
  const now = Date.UTC(2026, 10, 23, 12, 0, 0);
  expect(parseRetryAfter("Mon, 23 Nov 2026 12:00:00 GMT", now)).toBe(now);
  expect(parseRetryAfter("Mon, 23 Nov 2026 11:59:59 GMT", now)).toBeNull();
});

it("parseRetryAfter() cuts what is huge to 24 h", () => {
  expect(parseRetryAfter("86400", NOW)).toBe(NOW + DAY_MS);
  for (const value of ["86401", "9".repeat(400), "Fri, 31 Dec 9999 23:59:59 GMT"])
    expect(parseRetryAfter(value, NOW), value.slice(0, 40)).toBe(NOW + DAY_MS);
});

it("parseRetryAfter() answers null for everything else", () => {
  const refused = [
    "",
    " ",
    "-1",
    "+1",
    "1.5",
    "1e3",
    "0x10",
    "120, 120",
    "120;",
    "soon",
    "٣",
    "1\n",
    "2026-11-24T00:00:00Z",
    "Tue, 24 Nov 2026",
    "Tue, 24 Nov 2026 00:00:00 UTC",
    "Tue, 24 Nov 2026 00:00:00 +0000",
    "tue, 24 nov 2026 00:00:00 gmt",
    "24 Nov 2026 00:00:00 GMT",
    "Tue, 24 Nov 26 00:00:00 GMT",
    "Tue, 24 Nov 2026 24:00:00 GMT",
    "Tue, 24 Nov 2026 00:60:00 GMT",
    "Tue, 24 Nov 2026 00:00:61 GMT",
    "Tue, 31 Nov 2026 00:00:00 GMT",
    "Tue, 30 Feb 2027 00:00:00 GMT",
    "Tue, 00 Dec 2026 00:00:00 GMT",
    "Tue Nov 24 00:00:00 2026 GMT",
    "Tue Nov 4 00:00:00 2027",
    " Tue, 24 Nov 2026 00:00:00 GMT",
  ];
  for (const value of refused) expect(parseRetryAfter(value, NOW), JSON.stringify(value)).toBeNull();
  expect(parseRetryAfter(null, NOW)).toBeNull();
});

it("parseRetryAfter() never throws, and its instants lie between now and 24 h ahead", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.nat().map(String),
        fc.date({ noInvalidDate: true }).map((d) => d.toUTCString()),
      ),
      (value) => {
        const instant = parseRetryAfter(value, NOW);
        if (instant !== null) expect(instant >= NOW && instant <= NOW + DAY_MS).toBe(true);
      },
    ),
  );
});

it("isNews() is false only of what a clean sink takes about as fast as it does", () => {
  const well = { failures: 0, latencyMs: 200, lane: "fast", isClean: true } as const;
  const took = (duration_ms: number): Settlement => ({
    key: { bus: "b", seq: "s", subscriptionId: "sub", run: "" },
    eventId: "e",
    outcome: { kind: "delivered" },
    attempt: { attempt: 1, at_ms: 0, duration_ms, status: 200, error: null, answer: null },
    sign: { works: true, pausedUntilMs: null, disables: null, ignored: 0 },
  });
  // Half of the average, or LATENCY_NOTED_MS if that is more.
  expect([100, 300, 99, 301].map((ms) => isNews(took(ms), well))).toEqual([false, false, true, true]);
  expect([0, 70, 71].map((ms) => isNews(took(ms), { ...well, latencyMs: 20 }))).toEqual([false, false, true]);
  expect(isNews(took(200), { ...well, isClean: false })).toBe(true);
  expect(isNews(took(200), { ...well, latencyMs: null })).toBe(true);
  expect(isNews(took(200), undefined)).toBe(true);
  expect(isNews({ ...took(200), outcome: { kind: "retry", dueMs: 1, slow: false } }, well)).toBe(true);
  expect(isNews({ ...took(200), attempt: null }, well)).toBe(true);
  const steady = { ...well, latencyMs: SLOW_ATTEMPT_MS };
  expect([SLOW_ATTEMPT_MS, SLOW_ATTEMPT_MS + 1].map((ms) => isNews(took(ms), steady))).toEqual([false, true]);
});

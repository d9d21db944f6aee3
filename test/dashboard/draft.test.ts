// A subscription as it is typed: what is read out of the fields, and what saving them would change.
import { describe, expect, test } from "vitest";
import type { Subscription } from "../../src/client/index.ts";
import {
  changesOf,
  creationOf,
  draftOf,
  EMPTY_DRAFT,
  patchOf,
  readDraft,
  type Draft,
} from "../../src/dashboard/subscription-form/draft.ts";
import { durationOf, secondsOf } from "../../src/dashboard/subscription-form/durations.ts";

const SAVED: Subscription = {
  id: "sub_x",
  bus: "default",
  name: "billing",
  sink: "https://billing.example.com/hooks",
  types: [],
  source: null,
  filters: [{ prefix: { subject: "eu/" } }],
  format: "structured",
  headers: { "x-team": "…", "x-token": "…" },
  timeout_ms: 15_000,
  retry: { schedule_s: [5, 300, 7_200], permanent: [400] },
  rate: { limit: 10, period_s: 60 },
  concurrency: null,
  status: "active",
  disabled_reason: null,
  created_at: "2026-01-01T00:00:00.000Z",
  updated_at: "2026-01-01T00:00:00.000Z",
  version: 7,
  effective_at: "2026-01-01T00:00:00.000Z",
};

const read = (draft: Draft) => {
  const result = readDraft(draft);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
const faults = (change: Partial<Draft>) => {
  const result = readDraft({ ...draftOf(SAVED), ...change });
  return result.ok ? [] : result.error.map(({ detail }) => detail);
};

describe("what saving changes", () => {
  test("nothing of what is not touched", () => {
    expect(changesOf(SAVED, read(draftOf(SAVED)))).toEqual([]);
    expect(patchOf(SAVED, read(draftOf(SAVED)), "")).toEqual({});
  });

  test("members that differ, and only those", () => {
    const next = read({ ...draftOf(SAVED), types: "order.paid", rateLimit: "", ratePeriod: "" });
    expect(changesOf(SAVED, next)).toEqual([
      { member: "types", before: null, after: ["order.paid"] },
      { member: "rate", before: { limit: 10, period_s: 60 }, after: null },
    ]);
    expect(patchOf(SAVED, next, " whsec_x ")).toEqual({ types: ["order.paid"], rate: null, secret: "whsec_x" });
  });

  test("a header that is kept stays hidden, one that is gone is removed, another is set", () => {
    const draft = draftOf(SAVED);
    const headers = [
      ...draft.headers.filter(({ name }) => name === "x-team"),
      { key: 9, name: "X-New", value: "v", isKept: false },
    ];
    expect(patchOf(SAVED, read({ ...draft, headers }), "")).toEqual({
      headers: { "x-team": "…", "x-new": "v", "x-token": null },
    });
  });
});

test("one that is made says all that is typed", () => {
  const draft = { ...EMPTY_DRAFT, sink: " https://a.example.com/x ", status: "paused" as const };
  expect(creationOf(read(draft), draft)).toMatchObject({
    sink: "https://a.example.com/x",
    status: "paused",
    name: null,
    types: null,
    rate: null,
  });
});

test.each([
  [{ sink: "" }, "sink is required"],
  [{ sink: "nowhere" }, "sink must be an absolute URL"],
  [{ name: "x".repeat(101) }, "name must have at most 100 characters"],
  [{ timeout: "999" }, "timeout_ms must be at least 1000"],
  [{ timeout: "1s" }, "timeout_ms must be an integer"],
  [{ schedule: "5s, never" }, "never is no duration: write 30s, 5m or 2h"],
  [{ schedule: "25h" }, "retry.schedule_s must be at most 86400"],
  [{ permanent: "200" }, "retry.permanent must be at least 400"],
  [{ concurrency: "0" }, "concurrency must be at least 1"],
  [{ rateLimit: "10", ratePeriod: "" }, "rate.period_s must be an integer"],
  [{ rateLimit: "1001", ratePeriod: "1s" }, "rate.limit must be at most 1000"],
  [{ secret: "hush" }, "secret must begin with whsec_"],
  [{ headers: [{ key: 0, name: "host", value: "x", isKept: false }] }, expect.stringContaining("headers.host must")],
  [
    {
      headers: [
        { key: 0, name: "x-a", value: "1", isKept: false },
        { key: 1, name: "X-A", value: "2", isKept: false },
      ],
    },
    "headers.X-A must be given once",
  ],
])("%o is refused", (change, detail) => {
  expect(faults(change)).toContainEqual(detail);
});

test.each([
  [5, "5s"],
  [90, "90s"],
  [300, "5m"],
  [7_200, "2h"],
  [0, "0s"],
])("%d seconds are %s", (seconds, text) => {
  expect(durationOf(seconds)).toBe(text);
  expect(secondsOf(text)).toBe(seconds);
});

test.each(["", "s", "-1s", "1d", "1.5h", "1e3"])("%s is no duration", (text) => {
  expect(secondsOf(text)).toBeNaN();
});

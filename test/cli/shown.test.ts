// What stands on the screen: columns, bars, patterns of types. Pure.
import { describe, expect, test } from "vitest";
import { progressLine } from "../../src/cli/progress.ts";
import { details, table } from "../../src/cli/table.ts";
import { patternsOf } from "../../src/cli/listen/patterns.ts";
import { targetUrl } from "../../src/cli/listen/push.ts";

describe("table()", () => {
  const columns = [
    { name: "id", of: ({ id }: Row) => id },
    { name: "count", of: ({ count }: Row) => count, isNumber: true },
    { name: "note", of: ({ note }: Row) => note },
  ];
  interface Row {
    readonly id: string;
    readonly count: number;
    readonly note: string | null;
  }

  test("stands in columns, numbers at the right, and no line ends in spaces", () => {
    const rows = [
      { id: "a", count: 7, note: null },
      { id: "long-id", count: 12_345, note: "x" },
    ];
    expect(table(columns, rows)).toEqual(["ID       COUNT  NOTE", "a            7  –", "long-id  12345  x"]);
  });

  test("colours do not move columns, and what others wrote is harmless", () => {
    const [first, ...others] = columns;
    const painted = [
      { ...(first ?? { name: "id", of: () => "" }), paint: (_: Row, cell: string) => `<${cell}>` },
      ...others,
    ];
    expect(table(painted, [{ id: "\u001B[2Ja", count: 1, note: "b\nc" }])).toEqual([
      "ID     COUNT  NOTE",
      "<\uFFFD[2Ja>      1  b\uFFFDc",
    ]);
  });

  test("without rows there is the heading", () => expect(table(columns, [])).toEqual(["ID  COUNT  NOTE"]));
});

test("details() stand below each other", () => {
  expect(
    details([
      ["id", "a"],
      ["last used", null],
    ]),
  ).toEqual(["id         a", "last used  –"]);
});

describe("progressLine()", () => {
  test.each([
    [{ done: 50, total: 100 }, "████████████░░░░░░░░░░░░  50 %  5 accepted, 1,200/s"],
    [{ done: 0, total: 100 }, "░░░░░░░░░░░░░░░░░░░░░░░░   0 %  5 accepted, 1,200/s"],
    [{ done: 300, total: 100 }, "████████████████████████ 100 %  5 accepted, 1,200/s"],
    [{ done: 300, total: null }, "5 accepted, 1,200/s"],
    [{ done: 0, total: 0 }, "5 accepted, 1,200/s"],
  ])("of %j", (place, line) => expect(progressLine({ ...place, told: "5 accepted", perSecond: 1_199.6 })).toBe(line));
});

describe("patternsOf()", () => {
  test.each([
    [["order.*"], ["order.", "order.created", "order.a.b"], ["order", "preorder.x", "Order.created"]],
    [
      ["*.failed", "a"],
      ["x.failed", "a", ".failed"],
      ["failed", "ab", "x.failed.y"],
    ],
    [["a.c"], ["a.c"], ["abc", "a.c "]],
    [["*"], ["", "a", "a\nb"], []],
    [["a+(*)"], ["a+(x)"], ["aa(x)", "a+x"]],
    [[], ["a", ""], []],
  ])("%j", (patterns, yes, no) => {
    const { matches } = patternsOf(patterns);
    expect([yes.filter(matches), no.filter(matches)]).toEqual([yes, []]);
  });

  test.each([
    [["a"], "a"],
    [["a*"], null],
    [["a", "b"], null],
    [[], null],
  ])("the router can choose %j: %j", (patterns, only) => expect(patternsOf(patterns).only).toBe(only));
});

test.each([
  ["http://localhost:3000/hooks", "http://localhost:3000/hooks"],
  ["https://127.0.0.1", "https://127.0.0.1/"],
  ["localhost:3000/hooks", "http://localhost:3000/hooks"],
  ["3000", "http://localhost:3000/"],
  ["3000/hooks?a=1", "http://localhost:3000/hooks?a=1"],
  ["http://", null],
  ["", null],
  ["http://user:pass@localhost", null],
  ["local host", null],
])("targetUrl() of %j is %j", (text, url) => expect(targetUrl(text)).toBe(url));

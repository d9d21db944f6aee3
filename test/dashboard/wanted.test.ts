// What is typed of filters: judged as the router judges it, and each fault at its place in the text.
import { describe, expect, test } from "vitest";
import { mistakesOf, readWanted } from "../../src/dashboard/subscription-form/wanted.ts";

const marked = (text: string) =>
  mistakesOf(text).map(({ message, from, to }) => [message, text.slice(from ?? 0, to ?? text.length)]);

describe("mistakes", () => {
  test.each([
    ["", []],
    ["[]", []],
    ['[{"prefix": {"subject": "eu/"}}]', []],
    ["{}", [["filters must be an array", "{}"]]],
    ['[ {"prefix": {"subject": ""}} ]', [["filters.0.prefix.subject must not be empty", '"subject": ""']]],
    ['[{"exact": {"a": "x"}}, 7]', [["filters.1 must be an object", "7"]]],
    [
      '[{"all": [{"exact": {"a\\"b/c": "x"}}]}]',
      [['filters.0.all.0.exact.a"b/c must be named with a-z and 0-9 only', '"a\\"b/c": "x"']],
    ],
    [
      '[{"pattern": {"data": {"n": [{"numeric": ["=", 9007199254740993]}]}}}]',
      [[expect.stringContaining("filters.0.pattern.data.n.0.numeric.1"), "9007199254740993"]],
    ],
  ])("%s", (text, expected) => {
    expect(marked(text)).toEqual(expected);
  });

  test("a name that is no dialect is marked, and what is below it is not", () => {
    const text = '[{"sufix": {"type": ".v1"}}]';
    expect(marked(text)).toEqual([[expect.stringContaining("sufix is not known"), '"sufix"']]);
  });

  test("what is deep breaks nothing", () => {
    const text = "[".repeat(5_000) + "]".repeat(5_000);
    expect(marked(text)).toHaveLength(1);
  });

  test("a text that is no JSON is the editor's to mark", () => {
    expect(mistakesOf("[{")).toEqual([]);
    expect(readWanted({ types: "", source: "", filters: "[{" })).toEqual({
      ok: false,
      error: [{ pointer: "/filters", detail: "filters must be JSON" }],
    });
  });
});

test("lines are types, and what is empty asks for nothing", () => {
  expect(readWanted({ types: " a.b \n\nc", source: " ", filters: "" })).toEqual({
    ok: true,
    value: { types: ["a.b", "c"], source: null, filters: [] },
  });
});

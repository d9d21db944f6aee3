// What imported filters take, by the matcher that routes: the documents of the rivals on events of their own. And that whatever is translated
// is a filter here, unless it is too large.
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parseWanted } from "../../../src/core/filters/read-filters.ts";
import { importFilters, type ImportRequest } from "../../../src/core/import/import-filters.ts";
import { createMatcher } from "../../../src/core/matcher/matcher.ts";

interface Vector {
  readonly name: string;
  readonly request: ImportRequest;
  readonly yes: readonly Readonly<Record<string, unknown>>[];
  readonly no: readonly Readonly<Record<string, unknown>>[];
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL("../../vectors/import.json", import.meta.url).pathname, "utf8"),
);

it.each(vectors)("$name", ({ request, yes, no }) => {
  const imported = importFilters(request);
  if (!imported.ok) throw new Error(JSON.stringify(imported.error));
  const wanted = parseWanted(imported.value);
  if (!wanted.ok) throw new Error(JSON.stringify(wanted.error));
  const matcher = createMatcher();
  matcher.set("sub", wanted.value);
  const takes = (event: Readonly<Record<string, unknown>>): boolean => matcher.match(event).length > 0;
  expect(yes.filter((event) => !takes(event))).toEqual([]);
  expect(no.filter(takes)).toEqual([]);
});

const names = fc.constantFrom(
  "a",
  "a.b",
  "",
  "regex",
  "=",
  "<",
  "prefix",
  "exactly",
  "source",
  "id",
  "id.x",
  "detail-type",
  "detail",
  "detail.a",
);
const texts = ["a", "a*", "**", "a\\", "10.0.0.1/32", "10.0.0.0/8", "010.0.0.1/8", "::/127", "\ud800", ""];
const lists = [[], ["a"], ["a", 1], [">", 1], ["=", 1, "<", 2], [">", 2, "<", 1], [">=", 1, "<", 2, "x"]];
const objects = [{ prefix: "a" }, { wildcard: "**" }, { "equals-ignore-case": "a" }, { "equals-ignore-case": 1 }, {}];
const operand = fc.constantFrom<unknown>(...texts, ...lists, ...objects, 5, 1e10, 0.1234567, null, true);
const operators = fc.constantFrom(
  "prefix",
  "suffix",
  "equals-ignore-case",
  "wildcard",
  "anything-but",
  "numeric",
  "cidr",
  "exists",
);
const value = fc.oneof(
  operand,
  fc.tuple(operators, operand).map(([name, inner]) => ({ [name]: inner })),
);
const { document } = fc.letrec<{ document: Readonly<Record<string, unknown>> }>((tie) => ({
  document: fc
    .tuple(
      fc.dictionary(
        names,
        fc.oneof({ depthSize: "small" }, fc.array(value, { minLength: 1, maxLength: 2 }), tie("document")),
        {
          minKeys: 1,
          maxKeys: 2,
        },
      ),
      fc.option(fc.array(tie("document"), { minLength: 2, maxLength: 2 }), {
        nil: undefined,
        depthSize: "small",
        freq: 1,
      }),
    )
    .map(([members, branches]) => (branches === undefined ? members : { ...members, $or: branches })),
}));

it("what is translated is a filter", () => {
  let translated = 0;
  const places = { a: "a", "a.b": "prefix", source: "source", id: "data.id", regex: "regex", "": "data.a" };
  const request = fc.oneof(
    document.map((rule): ImportRequest => ({ from: "eventbridge", rule })),
    document.map((policy): ImportRequest => ({ from: "sns", policy, scope: "MessageBody" })),
    document.map((policy): ImportRequest => ({ from: "sns", policy, attributes: places })),
  );
  fc.assert(
    fc.property(request, (asked) => {
      const imported = importFilters(asked);
      if (!imported.ok) return;
      translated += 1;
      expect(parseWanted(imported.value)).toMatchObject({ ok: true });
    }),
    { numRuns: 5_000 },
  );
  expect(translated).toBeGreaterThan(100);
});

// CloudEvents Subscriptions API 1.0-wip §3.2.4: verdicts of knative/eventing and the examples of the spec, recorded in the shared corpora.
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AttributeValue } from "../../src/core/event.ts";
import { compileFilter } from "../../src/core/filters/compile.ts";
import { holds } from "../../src/core/filters/holds.ts";
import { EventView } from "../../src/core/filters/view.ts";
import { parseFilters } from "../../src/core/filters/read-filters.ts";

interface Corpus {
  readonly match: readonly {
    readonly id: string;
    readonly name: string;
    readonly filter: unknown;
    readonly event: Readonly<Record<string, AttributeValue>>;
    readonly expected: boolean;
  }[];
  readonly invalid: readonly { readonly filter: unknown; readonly why: string }[];
  readonly notes: readonly string[];
}

/** Where the recorded implementation and the specs part, and Fantail follows the specs. */
const DEVIATIONS = [
  {
    note: 'knative also rejects attribute names that START with a digit ("123"); the CloudEvents spec only says SHOULD start with a letter',
    filter: { exact: { "123": "x" } },
    accepted: true,
  },
  {
    note: 'knative treats empty all/any as "no filter"; the Subscriptions spec forbids them',
    filter: { all: [] },
    accepted: false,
  },
];

const folder = process.env["FANTAIL_CORPORA"] ?? "../shared/corpora";
const file = `${folder}/ce-subscriptions-filters.json`;

const pointsAt = (filter: unknown) => {
  const result = parseFilters([filter], "/filters");
  return result.ok ? [] : result.error;
};

if (existsSync(file)) {
  // Recorded data of a known shape: each member is held against the implementation below.
  const corpus: Corpus = JSON.parse(readFileSync(file, "utf8"));

  describe("holds() gives every recorded verdict", () => {
    it.each(corpus.match)("$id $name", ({ filter, event, expected }) => {
      const result = parseFilters([filter], "/filters");
      if (!result.ok) throw new Error(JSON.stringify(result.error));
      expect(result.value.every((parsed) => holds(compileFilter(parsed), new EventView(event)))).toBe(expected);
    });
  });

  it.each(corpus.invalid)("parseFilters() refuses what is not valid: $why $filter", ({ filter }) => {
    expect(pointsAt(filter)).toHaveLength(1);
  });

  it("knows every deviation that the corpus notes", () => {
    expect(corpus.notes).toEqual(DEVIATIONS.map(({ note }) => note));
  });
} else {
  it.skip(`the recorded filters are not at ${file}: set FANTAIL_CORPORA`, () => {});
}

it.each(DEVIATIONS)("parseFilters() follows the spec where $note", ({ filter, accepted }) => {
  expect(pointsAt(filter).length === 0).toBe(accepted);
});

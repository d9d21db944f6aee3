// What imported filters take, by the matcher that routes: the documents of the rivals on events of their own.
import { readFileSync } from "node:fs";
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

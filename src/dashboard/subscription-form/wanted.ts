/** What is typed of the events that a subscription takes, judged as the router judges it. */
import type { Filter } from "../../client/index.ts";
import { parseFilters, parseWanted } from "../../core/filters/read-filters.ts";
import { exactness } from "../../core/inexact.ts";
import type { Fault } from "../../core/problem.ts";
import { err, type Result } from "../../core/result.ts";
import { placeAt, placesOf } from "../editor/json-places.ts";
import type { Mistake } from "../editor/mistake.ts";

/** As it is typed. */
export interface WantedDraft {
  /** One a line. */
  readonly types: string;
  readonly source: string;
  /** JSON; empty: none. */
  readonly filters: string;
}

/** As the API states it; core takes it as well. */
export interface Wanted {
  readonly types: readonly string[] | null;
  readonly source: string | null;
  readonly filters: readonly Filter[];
}

const FILTERS = "/filters";

/** What the draft asks for, or its faults with their JSON Pointers. */
export function readWanted({ types, source, filters }: WantedDraft): Result<Wanted, readonly Fault[]> {
  const lines = linesOf(types);
  const parsed = parsedJson(filters);
  if (!parsed.ok) return err([{ pointer: FILTERS, detail: "filters must be JSON" }]);
  return parseWanted(
    { types: lines.length === 0 ? null : lines, source: source.trim() || null, filters: parsed.value },
    isExactIn(filters),
  );
}

/** What is wrong with a text of filters that is JSON, each at its place. */
export function mistakesOf(text: string): readonly Mistake[] {
  const parsed = parsedJson(text);
  if (!parsed.ok) return [];
  const result = parseFilters(parsed.value, FILTERS, isExactIn(text));
  if (result.ok) return [];
  const places = placesOf(text);
  return result.error.map(({ pointer, detail }) => ({
    message: detail,
    ...placeAt(places, pointer.slice(FILTERS.length)),
  }));
}

/** The lines that say something. */
const linesOf = (text: string): readonly string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

function parsedJson(text: string): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  if (text.trim() === "") return { ok: true, value: [] };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

/** Pointers are of the subscription, the text is of one member of it. */
function isExactIn(text: string): (pointer: string) => boolean {
  const isExact = exactness(text);
  return (pointer) => isExact(pointer.slice(FILTERS.length));
}

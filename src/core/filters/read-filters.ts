/**
 * What a subscription takes: how `types`, `source` and `filters` are read out of a request. `docs/filters.md` is normative. What they mean for an
 * event is decided elsewhere (`compile.ts`, `holds.ts`).
 */
import { isMembers } from "../json-value.ts";
import { missingFunction } from "../sql/missing-function.ts";
import { parseSql } from "../sql/parse.ts";
import {
  ATTRIBUTE_NAME_CHARS_MAX,
  ATTRIBUTES_MAX,
  FILTER_BYTES_MAX,
  FILTER_DEPTH_MAX,
  FILTER_NODES_MAX,
  FILTERS_MAX,
  TYPES_MAX,
} from "../limits.ts";
import { type Fault, memberPointer } from "../problem.ts";
import { err, ok, type Result } from "../result.ts";
import { fitsUtf8 } from "../utf8.ts";
import {
  atMost,
  ATTRIBUTE_NAME,
  faultAt,
  longName,
  memberName,
  mustBe,
  NOT_EMPTY,
  shortName,
  UNKNOWN,
} from "../words.ts";

import type { Comparisons, Filter } from "./filter.ts";
import { readPattern } from "./read-pattern.ts";
import { textFault } from "./read-values.ts";
import { createReading, type IsExact, type Reading } from "./reading.ts";

/** One walk over filters: the limits hold for all of them together. */
interface Walk {
  /** JSON Pointer of all of them. */
  readonly pointer: string;
  readonly faults: Fault[];
  nodes: number;
  readonly reading: Reading;
}

interface Place {
  readonly pointer: string;
  /** How many `all`, `any` and `not` are around it. */
  readonly depth: number;
}

/** Reads what stands under a dialect's name; null when it is not valid, and then there are faults. */
type Reader = (value: unknown, place: Place, walk: Walk) => Filter | null;

const DIALECTS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["exact", comparisonsReader((exact) => ({ exact }))],
  ["prefix", comparisonsReader((prefix) => ({ prefix }))],
  ["suffix", comparisonsReader((suffix) => ({ suffix }))],
  ["all", listReader((all) => ({ all }))],
  ["any", listReader((any) => ({ any }))],
  ["not", readNot],
  ["pattern", readPatternFilter],
  ["sql", readSql],
]);
const SUPPORTED = [...DIALECTS.keys()].join(", ");

/**
 * Filters as they stand in a request. `pointer` is the JSON Pointer of `value`. Limits: FILTERS_MAX filters, FILTER_NODES_MAX dialect
 * objects in all of them, FILTER_DEPTH_MAX levels of nesting, and those of `readPattern` and `parseSql`. Past FILTER_NODES_MAX nothing is
 * read, and the last fault says so. `isExact` tells of the number at a pointer whether it is kept as it was written.
 */
export function parseFilters(
  value: unknown,
  pointer: string,
  isExact?: IsExact,
): Result<readonly Filter[], readonly Fault[]> {
  if (!Array.isArray(value)) return err([faultAt(pointer, mustBe("an array"))]);
  if (value.length > FILTERS_MAX) return err([faultAt(pointer, atMost(FILTERS_MAX, "entries"))]);
  const reading = createReading(isExact);
  const walk: Walk = { pointer, faults: reading.faults, nodes: 0, reading };
  const filters = readFilters(value, { pointer, depth: 0 }, walk);
  return walk.faults.length === 0 ? ok(filters) : err(walk.faults);
}

function readFilters(values: readonly unknown[], place: Place, walk: Walk): readonly Filter[] {
  const filters: Filter[] = [];
  for (const [index, value] of values.entries()) {
    // Whoever sends more than the limit allows must not have all of it walked.
    if (walk.nodes > FILTER_NODES_MAX) break;
    const filter = readFilter(value, { ...place, pointer: `${place.pointer}/${index}` }, walk);
    if (filter !== null) filters.push(filter);
  }
  return filters;
}

function readFilter(value: unknown, { pointer, depth }: Place, walk: Walk): Filter | null {
  walk.nodes += 1;
  if (walk.nodes > FILTER_NODES_MAX) return tooMany(walk, pointer);
  if (!isMembers(value)) return fault(walk, pointer, mustBe("an object"));
  const [name, ...others] = Object.keys(value);
  if (name === undefined || others.length > 0)
    return fault(walk, pointer, `must have exactly one member, a dialect of ${SUPPORTED}`);
  const inside = { pointer: memberPointer(pointer, name), depth };
  const read = DIALECTS.get(name);
  if (read === undefined) {
    const subject = shortName(name, memberName(inside.pointer));
    return told(walk, inside.pointer, `${subject} ${UNKNOWN}, a dialect is one of ${SUPPORTED}`);
  }
  return read(value[name], inside, walk);
}

/** CloudEvents SQL. A fault tells the place in the text, from 1. */
function readSql(value: unknown, { pointer }: Place, walk: Walk): Filter | null {
  if (typeof value !== "string") return fault(walk, pointer, mustBe("a string"));
  const parsed = parseSql(value);
  const missing = parsed.ok ? missingFunction(parsed.value) : null;
  // By the specification that is an error when it is called; an expression that has it could not hold.
  if (missing !== null) return fault(walk, pointer, `calls ${missing}, which is no function of CloudEvents SQL`);
  if (parsed.ok) return { sql: value };
  return fault(walk, pointer, `${parsed.error.detail}, at character ${parsed.error.position + 1}`);
}

function readPatternFilter(value: unknown, { pointer }: Place, walk: Walk): Filter | null {
  const alternatives = readPattern(value, { place: { pointer }, keyFault: topFault }, walk.reading);
  return alternatives === null || !isMembers(value) ? null : { pattern: value };
}

/** What an event's JSON form has at its top: attributes, `data` or `data_base64` (CloudEvents JSON format §3). A dot begins what is below. */
function topFault(key: string, isBranch: boolean): string | null {
  const [first = "", ...below] = key.split(".");
  if (first === "data" || first === "data_base64") return null;
  if (!ATTRIBUTE_PATTERN.test(first))
    return "is at no event's top: there are attributes, named with a-z and 0-9, and data";
  if (first.length > ATTRIBUTE_NAME_CHARS_MAX) return atMost(ATTRIBUTE_NAME_CHARS_MAX, "characters");
  return isBranch || below.length > 0
    ? "is an attribute, and those have no parts: what a producer sends is below data"
    : null;
}

function listReader(make: (filters: readonly Filter[]) => Filter): Reader {
  return (value, { pointer, depth }, walk) => {
    if (depth >= FILTER_DEPTH_MAX) return tooDeep(walk, pointer);
    if (!Array.isArray(value)) return fault(walk, pointer, mustBe("an array"));
    if (value.length === 0) return fault(walk, pointer, NOT_EMPTY);
    const filters = readFilters(value, { pointer, depth: depth + 1 }, walk);
    return filters.length === value.length ? make(filters) : null;
  };
}

function readNot(value: unknown, { pointer, depth }: Place, walk: Walk): Filter | null {
  if (depth >= FILTER_DEPTH_MAX) return tooDeep(walk, pointer);
  const not = readFilter(value, { pointer, depth: depth + 1 }, walk);
  return not === null ? null : { not };
}

function tooDeep(walk: Walk, pointer: string): null {
  return fault(walk, pointer, `must nest at most ${FILTER_DEPTH_MAX} levels of all, any and not`);
}

function tooMany(walk: Walk, pointer: string): null {
  const words = `must have at most ${FILTER_NODES_MAX} dialect objects in all; what follows was not read`;
  return told(walk, pointer, `${memberName(walk.pointer)} ${words}`);
}

function comparisonsReader(make: (comparisons: Comparisons) => Filter): Reader {
  return (value, { pointer }, walk) => {
    if (!isMembers(value)) return fault(walk, pointer, mustBe("an object"));
    const entries = Object.entries(value);
    if (entries.length === 0) return fault(walk, pointer, NOT_EMPTY);
    if (entries.length > ATTRIBUTES_MAX) return fault(walk, pointer, atMost(ATTRIBUTES_MAX, "entries"));
    const comparisons: [string, string][] = [];
    for (const [name, wanted] of entries) {
      const at = memberPointer(pointer, name);
      const wrong = nameFault(name) ?? attributeValueFault(wanted);
      if (name.length > ATTRIBUTE_NAME_CHARS_MAX) told(walk, at, longName(name, ATTRIBUTE_NAME_CHARS_MAX));
      else if (wrong !== null) fault(walk, at, wrong);
      else if (typeof wanted === "string") comparisons.push([name, wanted]);
    }
    return comparisons.length === entries.length ? make(Object.fromEntries(comparisons)) : null;
  };
}

const ATTRIBUTE_PATTERN = /^[a-z0-9]+$/;

/** CloudEvents 1.0.2 §3.1: names are of lower-case letters and digits, and `data` is no attribute. */
function nameFault(name: string): string | null {
  if (!ATTRIBUTE_PATTERN.test(name)) return ATTRIBUTE_NAME;
  return name === "data" ? "must be an attribute, which data is not" : null;
}

/** Of what an attribute is compared to. */
function attributeValueFault(value: unknown): string | null {
  if (typeof value !== "string") return mustBe("a string");
  return value === "" ? NOT_EMPTY : textFault(value);
}

/** Null, so that a reader can return it. */
function fault(walk: Walk, pointer: string, words: string): null {
  walk.faults.push(faultAt(pointer, words));
  return null;
}

/** The same where the pointer does not name what is at fault. */
function told(walk: Walk, pointer: string, detail: string): null {
  walk.faults.push({ pointer, detail });
  return null;
}

/**
 * The members of a subscription that say which events it takes, as they stand in the request's object: a `Wanted`. Absent and null mean
 * "all". Limits: TYPES_MAX types, FILTER_BYTES_MAX bytes as JSON, and those of `parseFilters`.
 */
export function parseWanted(
  request: { readonly types?: unknown; readonly source?: unknown; readonly filters?: unknown },
  isExact?: IsExact,
): Result<
  { readonly types: readonly string[] | null; readonly source: string | null; readonly filters: readonly Filter[] },
  readonly Fault[]
> {
  const types = parseTypes(request.types ?? null);
  const source = parseSource(request.source ?? null);
  // What is too large in any case is not walked.
  const isLarge = !fitsUtf8(JSON.stringify(request.filters ?? []), FILTER_BYTES_MAX);
  const filters = isLarge ? err([TOO_LARGE]) : parseFilters(request.filters ?? [], "/filters", isExact);
  if (!types.ok || !source.ok || !filters.ok) {
    return err([types, source, filters].flatMap((result) => (result.ok ? [] : result.error)));
  }
  const wanted = { types: types.value, source: source.value, filters: filters.value };
  return fitsUtf8(JSON.stringify(wanted), FILTER_BYTES_MAX) ? ok(wanted) : err([TOO_LARGE]);
}

const TOO_LARGE: Fault = {
  pointer: "",
  detail: `types, source and filters ${atMost(FILTER_BYTES_MAX, "bytes")} as JSON together`,
};

function parseTypes(value: unknown): Result<readonly string[] | null, readonly Fault[]> {
  if (value === null) return ok(null);
  if (!Array.isArray(value)) return err([faultAt("/types", mustBe("an array"))]);
  if (value.length > TYPES_MAX) return err([faultAt("/types", atMost(TYPES_MAX, "entries"))]);
  const faults = value.flatMap((type, index) => {
    const words = attributeValueFault(type);
    return words === null ? [] : [faultAt(`/types/${index}`, words)];
  });
  return faults.length === 0 ? ok(value.filter((type) => typeof type === "string")) : err(faults);
}

function parseSource(value: unknown): Result<string | null, readonly Fault[]> {
  const words = value === null ? null : attributeValueFault(value);
  if (words !== null) return err([faultAt("/source", words)]);
  return ok(typeof value === "string" ? value : null);
}

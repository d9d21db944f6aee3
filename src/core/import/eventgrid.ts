/**
 * Filters of Azure Event Grid subscriptions. Sources: "Understand event filtering for Event Grid subscriptions" (the operators, what they do
 * with arrays and without the key), "Advanced filtering" of Event Grid on IoT Edge (arrays where they are not enabled), and
 * EventSubscriptionFilter of the Azure REST API.
 *
 * Documented there: strings are compared without regard to case; without the key, NumberNotIn and StringNotIn hold and every other
 * operator of numbers, booleans and strings does not, but for NumberInRange and NumberNotInRange, of which nothing is said; an array
 * does not match unless enableAdvancedFilteringOnArrays is true, and then its elements are compared one by one; all filters must hold, and
 * of the values of one filter any; keys cannot escape a dot.
 */
import { isList, type Members } from "../json-value.ts";
import { TYPES_MAX } from "../limits.ts";
import { memberPointer } from "../problem.ts";
import { mustBe, NOT_EMPTY, oneOf, UNKNOWN } from "../words.ts";
import { readAdvanced } from "./eventgrid-advanced.ts";
import { EVENT_TYPE_NOTE, SCHEMAS } from "./eventgrid-keys.ts";
import { type Findings, readObject, refuse } from "./findings.ts";
import { caseFault, patternValue } from "./ignore-case.ts";
import { allOf, type Translation } from "./imported.ts";
import { valueFault } from "./verdicts.ts";

const MEMBERS = [
  "includedEventTypes",
  "subjectBeginsWith",
  "subjectEndsWith",
  "isSubjectCaseSensitive",
  "enableAdvancedFilteringOnArrays",
  "advancedFilters",
];

const NOTE_TYPES =
  "types respect case; Event Grid's documentation says that strings in advanced filters do not, and nothing of includedEventTypes.";

export interface EventGridRequest {
  /** The `filter` of an event subscription. */
  readonly filter: unknown;
  /** Which schema the events have that the filter was written for; absent: only keys are taken that mean the same in both. */
  readonly schema?: unknown;
  /** True: the caller says that no event has an array at a key of a filter, so that it does not matter what becomes of arrays. */
  readonly no_arrays?: unknown;
}

/** A filter as filters; null with faults. `includedEventTypes` becomes `types`. */
export function importEventGrid(request: EventGridRequest, findings: Findings): Translation | null {
  const schema = SCHEMAS.find((known) => known === request.schema) ?? null;
  if (schema === null && request.schema !== undefined && request.schema !== null) {
    refuse(findings, "/schema", oneOf(SCHEMAS));
  }
  const saysNoArrays = readFlag(request.no_arrays, "/no_arrays", findings);
  const filter = readObject(request.filter, "/filter", findings);
  if (filter === null) return null;
  for (const name of Object.keys(filter)) {
    if (!MEMBERS.includes(name)) refuse(findings, memberPointer("/filter", name), `${UNKNOWN} as a member of a filter`);
  }
  const types = readTypes(filter["includedEventTypes"], findings);
  if (types.length > 0 && schema === "EventGridSchema") findings.notes.add(EVENT_TYPE_NOTE);
  const readsArrays = readFlag(
    filter["enableAdvancedFilteringOnArrays"],
    "/filter/enableAdvancedFilteringOnArrays",
    findings,
  );
  const advanced = readAdvanced(filter["advancedFilters"], "/filter/advancedFilters", {
    findings,
    schema,
    arrays: readsArrays ? "read" : saysNoArrays ? "none" : "refused",
  });
  const filters = [...manyTypes(types), ...readSubject(filter, findings), ...advanced];
  return {
    types: types.length === 0 || types.length > TYPES_MAX ? null : types,
    source: null,
    filters: allOf(filters),
  };
}

function readFlag(value: unknown, pointer: string, findings: Findings): boolean {
  if (value !== undefined && value !== null && typeof value !== "boolean")
    refuse(findings, pointer, "must be true or false");
  return value === true;
}

/** More types than a subscription has room for in `types`. */
const manyTypes = (types: readonly string[]): readonly unknown[] =>
  types.length > TYPES_MAX ? [{ pattern: { type: types } }] : [];

/** Empty means all: that is null, and `All` in whatever company. */
function readTypes(value: unknown, findings: Findings): readonly string[] {
  const pointer = "/filter/includedEventTypes";
  if (value === undefined || value === null) return [];
  if (!isList(value)) refuse(findings, pointer, mustBe("an array"));
  else if (value.length === 0) refuse(findings, pointer, `${NOT_EMPTY}: all event types are null, or "All"`);
  else if (value.includes("All")) return [];
  else {
    findings.notes.add(NOTE_TYPES);
    return value.flatMap((type, index) => {
      const wrong = type === "" ? NOT_EMPTY : typeof type === "string" ? valueFault(type) : mustBe("a string");
      if (wrong === null && typeof type === "string") return [type];
      refuse(findings, `${pointer}/${index}`, wrong ?? "");
      return [];
    });
  }
  return [];
}

/** `subjectBeginsWith` and `subjectEndsWith`: an empty string is no condition. */
function readSubject(filter: Members, findings: Findings): readonly unknown[] {
  const respectsCase = readFlag(filter["isSubjectCaseSensitive"], "/filter/isSubjectCaseSensitive", findings);
  const parts = [
    { name: "subjectBeginsWith", part: "begins", dialect: "prefix" },
    { name: "subjectEndsWith", part: "ends", dialect: "suffix" },
  ] as const;
  return parts.flatMap(({ name, part, dialect }): readonly unknown[] => {
    const text = filter[name];
    if (text === undefined || text === null || text === "") return [];
    if (typeof text !== "string") {
      refuse(findings, `/filter/${name}`, mustBe("a string"));
      return [];
    }
    const wrong = (respectsCase ? null : caseFault(text)) ?? valueFault({ [dialect]: text });
    if (wrong !== null) refuse(findings, `/filter/${name}`, wrong);
    if (respectsCase) return [{ [dialect]: { subject: text } }];
    return [{ pattern: { subject: [patternValue(part, text)] } }];
  });
}

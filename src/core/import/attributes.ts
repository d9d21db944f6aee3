/**
 * Where the caller says that values go which a CloudEvent has no place of its own for. It is the caller's word: nothing is derived from
 * a name.
 */
import { isMembers } from "../json-value.ts";
import { ATTRIBUTE_NAME_CHARS_MAX, ATTRIBUTES_MAX, JSON_DEPTH_MAX } from "../limits.ts";
import { memberPointer } from "../problem.ts";
import { atMost, ATTRIBUTE_NAME, longName, mustBe, shortName } from "../words.ts";
import { type Findings, refuse } from "./findings.ts";

/** Foreign names, each with the path in the event's JSON form: one name for an attribute, `data` and more for a member of the data. */
export type Places = ReadonlyMap<string, readonly string[]>;

/** Attributes that every event's envelope fills or that say how to read it: nothing else can be put there. */
const TAKEN = ["id", "time", "specversion", "datacontenttype", "dataschema"];

/**
 * The request's `attributes`: foreign names, each with the name of an attribute (`subject`, or an extension) or, where `intoData`, with a
 * member of the data as `data.<name>`, deeper with more dots. No two may meet. Limit: ATTRIBUTES_MAX names.
 */
export function readPlaces(
  value: unknown,
  { findings, taken, intoData }: { findings: Findings; taken: readonly string[]; intoData: boolean },
): Places {
  const places = new Map<string, readonly string[]>();
  if (value === undefined || value === null) return places;
  if (!isMembers(value)) {
    refuse(findings, "/attributes", mustBe("an object"));
    return places;
  }
  const entries = Object.entries(value);
  if (entries.length > ATTRIBUTES_MAX) {
    refuse(findings, "/attributes", atMost(ATTRIBUTES_MAX, "entries"));
    return places;
  }
  for (const [name, target] of entries) {
    const pointer = memberPointer("/attributes", name);
    const path = typeof target === "string" ? target.split(".") : [];
    const wrong = placeFault(path, { taken: [...TAKEN, ...taken], intoData });
    const met = [...places].find(([, other]) => startsWith(path, other) || startsWith(other, path));
    if (wrong !== null) refuse(findings, pointer, wrong);
    else if (met !== undefined) refuse(findings, pointer, `must not share its place with ${shortName(met[0])}`);
    else places.set(name, path);
  }
  return places;
}

const startsWith = (path: readonly string[], start: readonly string[]): boolean =>
  start.every((name, index) => path[index] === name);

function placeFault(
  path: readonly string[],
  { taken, intoData }: { readonly taken: readonly string[]; readonly intoData: boolean },
): string | null {
  const [name, ...members] = path;
  const kinds = `the name of an attribute${intoData ? " or a member of the data like data.color" : ""}`;
  if (name === undefined) return `must be ${kinds}`;
  if (name === "data") return intoData && areMembers(members) ? null : `must be ${kinds}`;
  if (members.length > 0) return `must be ${kinds}`;
  if (name.length > ATTRIBUTE_NAME_CHARS_MAX) return `must be ${kinds}. ${longName(name, ATTRIBUTE_NAME_CHARS_MAX)}`;
  if (!/^[a-z0-9]+$/.test(name)) return `${ATTRIBUTE_NAME}, as attributes are`;
  return taken.includes(name) ? `must be an attribute that is free, which ${name} is not` : null;
}

/** Names of members that a pattern can ask for; `$or` is no name there. */
const areMembers = (names: readonly string[]): boolean =>
  names.length > 0 &&
  names.length < JSON_DEPTH_MAX &&
  names.every((name) => name !== "" && name !== "$or" && name.isWellFormed());

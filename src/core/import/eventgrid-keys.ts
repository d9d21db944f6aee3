/** Keys of Event Grid's advanced filters: what each is in a CloudEvent. */
import { ATTRIBUTE_NAME_CHARS_MAX, JSON_DEPTH_MAX } from "../limits.ts";
import { isSqlName } from "./ignore-case.ts";

export const SCHEMAS = ["EventGridSchema", "CloudEventSchemaV1_0"] as const;
/** Event Grid's names of the schemas that its events come in. */
export type Schema = (typeof SCHEMAS)[number];

/**
 * `text`: an attribute that is always a string; `extension`: one whose type is known only to its producer; `data`: a member of the data, its
 * path without `data`.
 */
export type Key =
  | { readonly kind: "text"; readonly name: string; readonly required: boolean }
  | { readonly kind: "extension"; readonly name: string }
  | { readonly kind: "data"; readonly path: readonly string[] };

const REQUIRED = ["id", "source", "type", "specversion"];
const OPTIONAL = ["subject", "time", "datacontenttype", "dataschema"];

export const EVENT_TYPE_NOTE = "The producer must set type to what was eventType.";

/** Keys of the Event Grid schema with the same meaning in a CloudEvent. */
const EVENT_GRID: ReadonlyMap<string, string> = new Map([
  ["id", "id"],
  ["subject", "subject"],
  ["eventtype", "type"],
]);
const UNMATCHED = ["topic", "dataversion", "metadataversion", "eventtime"];

/**
 * What a key names; a string is what is wrong with it. Attributes are found whatever their case, as the documentation writes them both
 * ways; members of the data as they are written. Without a schema only keys are taken that mean the same in both.
 */
export function readKey(key: string, schema: Schema | null): Key | string {
  const [head = "", ...path] = key.split(".");
  const name = head.toLowerCase();
  if (name === "data") return readPath(path);
  if (path.length > 0) return "must begin with data where it has dots: attributes have no members";
  if (schema !== "CloudEventSchemaV1_0" && UNMATCHED.includes(name)) return unmatched(name);
  const same = schema === "CloudEventSchemaV1_0" ? undefined : EVENT_GRID.get(name);
  if (same !== undefined) return { kind: "text", name: same, required: REQUIRED.includes(same) };
  if (schema === "EventGridSchema")
    return `must be a key of the Event Grid schema: ID, Subject, EventType or one that begins with data.`;
  if (REQUIRED.includes(name) || OPTIONAL.includes(name)) {
    return { kind: "text", name, required: REQUIRED.includes(name) };
  }
  if (!/^[a-z0-9]+$/.test(head) || head.length > ATTRIBUTE_NAME_CHARS_MAX) {
    return "must be an attribute of a CloudEvent, named with a-z and 0-9, or begin with data.";
  }
  return { kind: "extension", name: head };
}

const unmatched = (name: string): string =>
  name === "topic"
    ? "is the Azure resource that the event came through, which a CloudEvent does not have: filter by source instead, if the producer sets it to that"
    : `is ${name} of the Event Grid schema, which a CloudEvent does not have: have the producer put it into the data, and filter by that`;

function readPath(path: readonly string[]): Key | string {
  if (path.length === 0 || path.includes("")) return "must name a member of the data, like data.color";
  if (path.includes("$or")) return "must not name a member $or, which is an operator in a pattern";
  if (path.length >= JSON_DEPTH_MAX) return `must name at most ${JSON_DEPTH_MAX - 1} levels`;
  return path.every((name) => name.isWellFormed()) ? { kind: "data", path } : "must not hold lone surrogates";
}

/** The extension under its name in CESQL; a string is what is wrong with it. */
export const extensionFault = (name: string): string | null =>
  isSqlName(name)
    ? null
    : `must be a name in CESQL, in which extensions are compared: letters first, and no word of it`;

/**
 * Events in the JSON format (CloudEvents JSON format 1.0.2), and their canonical text: the form in which an event is kept and carried.
 * JSON data is cut out of the source and spliced into what is written, character by character; it is never written anew.
 */
import { decodeBase64 } from "../base64.ts";
import type { AttributeValue, CloudEvent, EventData } from "../event.ts";
import { ATTRIBUTES_BYTES_MAX, ATTRIBUTES_MAX, EVENT_BYTES_MAX } from "../limits.ts";
import type { Fault, Refusal } from "../problem.ts";
import { err, ok, type Result } from "../result.ts";
import { fitsUtf8 } from "../utf8.ts";
import { REQUIRED, UNKNOWN, WELL_FORMED } from "../words.ts";
import { attributeFault, invalidEvent, readContext, tooManyFault, type Place } from "./attributes.ts";
import type { Span } from "./json-text.ts";
import { isJsonContentType } from "./media-type.ts";

const NO_DATA: EventData = { kind: "none" };
const DATA_MEMBER = ',"data":';
const BASE64_MEMBER = ',"data_base64":"';

/** A JSON object out of a request, as value and as text. */
export interface JsonObject {
  readonly members: Readonly<Record<string, unknown>>;
  /** Where in `text` the value of the member `data` stands, null without one. */
  readonly data: Span | null;
  readonly text: string;
  /** JSON Pointer to the object in the request. */
  readonly pointer: string;
}

/** The event that a JSON object is. Refused (`invalid-event`): with a pointer to each fault. */
export function decodeStructured(object: JsonObject): Result<CloudEvent, Refusal> {
  const place = placeOf(object);
  const faults: Fault[] = [];
  const context = readContext(object.members, place, faults);
  const data = readData(object, place, faults);
  if (context === null || faults.length > 0) return err(invalidEvent(faults));
  return ok({ ...context, data });
}

const SHORT_NAMES = new Set(["type", "data", "source", "id", "subject", "time"]);

export interface ShortFormDefaults {
  readonly source: string;
  readonly id: string;
  /** RFC 3339. */
  readonly time: string;
}

/**
 * The event that the short form `{type, data?, source?, id?, subject?, time?}` stands for. An `id` says something only together with its
 * source, so whoever gives one must give the other. Refused (`invalid-event`): other members too, they are typos.
 */
export function decodeShortForm(object: JsonObject, defaults: ShortFormDefaults): Result<CloudEvent, Refusal> {
  const { members } = object;
  const place = placeOf(object);
  const unknown = Object.keys(members).filter((name) => !SHORT_NAMES.has(name));
  if (unknown.length > ATTRIBUTES_MAX) return err(invalidEvent([tooManyFault(place)]));
  const faults = unknown.map((name) =>
    attributeFault(name, `${UNKNOWN} in the short form, a full event has a specversion`, place),
  );
  const { type, subject, source = null, id = null, time = null } = members;
  if (id !== null && source === null) faults.push(attributeFault("source", `${REQUIRED} with an id`, place));
  const given = {
    specversion: "1.0",
    id: id ?? defaults.id,
    source: source ?? defaults.source,
    type,
    subject,
    time: time ?? defaults.time,
    datacontenttype: object.data !== null ? "application/json" : null,
  };
  const context = readContext(given, place, faults);
  const data = readData(object, place, faults);
  if (context === null || faults.length > 0) return err(invalidEvent(faults));
  return ok({ ...context, data });
}

const placeOf = ({ pointer }: JsonObject): Place => ({ pointer, label, dataNames: DATA_NAMES });
const label = (name: string): string => name;
const DATA_NAMES = ["data", "data_base64"];

/** JSON format §3.1.2. */
function readData({ members, data: span, text }: JsonObject, place: Place, faults: Fault[]): EventData {
  const { data, datacontenttype } = members;
  const base64 = members["data_base64"] ?? null;
  if (base64 !== null && span !== null) faults.push(attributeFault("data_base64", "must be absent beside data", place));
  else if (base64 !== null && typeof base64 === "string" && decodeBase64(base64) !== null)
    return { kind: "binary", base64 };
  else if (base64 !== null)
    faults.push(attributeFault("data_base64", "must be base64 with padding (RFC 4648 §4)", place));
  if (base64 !== null || span === null) return NO_DATA;

  if (typeof data !== "string" || isJsonData(datacontenttype))
    return { kind: "json", text: text.slice(span.start, span.end), value: data };
  // Text is bytes in the end, and half a surrogate pair has none.
  if (!data.isWellFormed()) faults.push(attributeFault("data", `${WELL_FORMED} unless it is JSON`, place));
  return { kind: "text", text: data };
}

/** §3.1.1: without a content type, data is JSON. */
const isJsonData = (contentType: unknown): boolean => typeof contentType !== "string" || isJsonContentType(contentType);

/** The canonical text: a JSON object with the attributes in their order and the data last. */
export function encodeEvent({ attributes, data }: CloudEvent): string {
  const head = JSON.stringify(attributes).slice(0, -1);
  switch (data.kind) {
    case "none":
      return `${head}}`;
    case "json":
      return `${head}${DATA_MEMBER}${data.text}}`;
    case "text":
      return `${head}${DATA_MEMBER}${JSON.stringify(data.text)}}`;
    case "binary":
      return `${head}${BASE64_MEMBER}${data.base64}"}`;
  }
}

/** The most that attributes can take: in JSON a character has at most twice the bytes of its header, and names their punctuation. */
const CONTEXT_BYTES_MAX = 2 * ATTRIBUTES_BYTES_MAX + 8 * ATTRIBUTES_MAX;
/** The most that a character of data can take: "\u0000". */
const DATA_CHARACTER_BYTES_MAX = 6;

/** Whether the canonical text has at most so many bytes. Only an event that might be over them is written out to see. */
export function fitsEventLimit(event: CloudEvent, bytesMax = EVENT_BYTES_MAX): boolean {
  const { data } = event;
  const length = data.kind === "none" ? 0 : data.kind === "binary" ? data.base64.length : data.text.length;
  if (length * DATA_CHARACTER_BYTES_MAX + CONTEXT_BYTES_MAX <= bytesMax) return true;
  return fitsUtf8(encodeEvent(event), bytesMax);
}

/**
 * The event of a canonical text; JSON data is not looked at.
 * @throws Error on a text that `encodeEvent` did not make.
 */
export function decodeEvent(text: string): CloudEvent {
  // Inside a string the quotation mark would be escaped, and attributes have no members: the first of these is the event's own.
  const dataAt = text.indexOf(DATA_MEMBER);
  const base64At = dataAt < 0 ? text.indexOf(BASE64_MEMBER) : -1;
  const headEnd = Math.max(dataAt, base64At);
  const attributes = trustedAttributes(headEnd < 0 ? text : `${text.slice(0, headEnd)}}`);
  const { id, source, type } = attributes;
  if (typeof id !== "string" || typeof source !== "string" || typeof type !== "string" || !text.endsWith("}"))
    throw new Error("The text is not the canonical text of an event");
  const data =
    dataAt < 0 ? base64Data(text, base64At) : jsonOrText(text.slice(dataAt + DATA_MEMBER.length, -1), attributes);
  return { id, source, type, attributes, data };
}

function base64Data(text: string, at: number): EventData {
  return at < 0 ? NO_DATA : { kind: "binary", base64: text.slice(at + BASE64_MEMBER.length, -2) };
}

function jsonOrText(text: string, attributes: CloudEvent["attributes"]): EventData {
  if (!text.startsWith('"') || isJsonData(attributes["datacontenttype"])) return { kind: "json", text };
  return { kind: "text", text: String(JSON.parse(text)) };
}

function trustedAttributes(text: string): Record<string, AttributeValue> {
  const parsed: unknown = JSON.parse(text);
  const attributes: Record<string, AttributeValue> = Object.create(null);
  for (const [name, value] of Object.entries(parsed ?? {})) {
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
      throw new Error(`The attribute ${name} of a canonical text is not a plain value`);
    attributes[name] = value;
  }
  return attributes;
}

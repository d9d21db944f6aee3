/**
 * Binary content mode (CloudEvents HTTP binding 1.0.2 §3.1): attributes in `ce-` headers, data as body. The bytes that a producer
 * sent are the bytes that a sink receives; only white space and a byte order mark around JSON are left behind.
 */
import { decodeBase64, encodeBase64 } from "../base64.ts";
import { canonicalString, type CloudEvent, type EventData } from "../event.ts";
import { EVENT_BYTES_MAX, JSON_DEPTH_MAX } from "../limits.ts";
import { refusal, type Fault, type Refusal } from "../problem.ts";
import { err, ok, type Result } from "../result.ts";
import { decodeUtf8Exactly } from "../utf8.ts";
import { atMost } from "../words.ts";
import { invalidEvent, readContext, UNREADABLE, type Place } from "./attributes.ts";
import { decodeHeaderValue, encodeHeaderValue, HEADER_PREFIX } from "./header-value.ts";
import { readJsonBody } from "./json-body.ts";
import { valueSpan } from "./json-text.ts";
import { isJson, isText, isUtf8, parseMediaType, withUtf8Charset } from "./media-type.ts";

const PLACE: Place = {
  pointer: "",
  label: (name) => (name === "datacontenttype" ? "content-type" : HEADER_PREFIX + name),
  dataNames: [],
};

export interface BinaryRequest {
  /** The header `content-type`: the event's `datacontenttype`. */
  readonly contentType: string | null;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/**
 * The event in a request. Its data is
 * - `none` for an empty body,
 * - `json` for a JSON content type: refused when it is not valid,
 * - `text` for a type known to be text, when the body is UTF-8,
 * - `binary` for all else, and without a content type: the binding has no default, and guessing by the look of the body would make
 *   one producer's events differ in kind.
 */
export function decodeBinary({ contentType, headers, body }: BinaryRequest): Result<CloudEvent, Refusal> {
  const given: Record<string, unknown> = Object.create(null);
  const decoded = new Set<string>();
  const faults: Fault[] = [];
  for (const [header, value] of headers) {
    if (!header.toLowerCase().startsWith(HEADER_PREFIX)) continue;
    const name = header.slice(HEADER_PREFIX.length).toLowerCase();
    const text = decodeHeaderValue(value);
    given[name] = text ?? UNREADABLE;
    if (text !== null && value.includes("%")) decoded.add(name);
  }
  // §3.1.1: the content type alone carries it.
  if ("datacontenttype" in given)
    faults.push({
      pointer: "/datacontenttype",
      detail: "ce-datacontenttype must be absent, content-type stands for it",
    });
  given["datacontenttype"] = contentType;
  const context = readContext(given, { ...PLACE, decoded }, faults);
  if (context === null || faults.length > 0) return err(invalidEvent(faults));
  const data = readBody(body, contentType);
  return data.ok ? ok({ ...context, data: data.value }) : data;
}

function readBody(body: Uint8Array, contentType: string | null): Result<EventData, Refusal> {
  if (body.byteLength === 0) return ok({ kind: "none" });
  const mediaType = contentType === null ? null : parseMediaType(contentType);
  if (mediaType !== null && isUtf8(mediaType)) {
    if (isJson(mediaType)) return readJson(body);
    const text = isText(mediaType) ? decodeUtf8Exactly(body) : null;
    if (text !== null) return ok({ kind: "text", text });
  }
  return body.byteLength > EVENT_BYTES_MAX ? err(tooLarge()) : ok({ kind: "binary", base64: encodeBase64(body) });
}

function readJson(body: Uint8Array): Result<EventData, Refusal> {
  // As data it is one level deeper in an event's JSON.
  const read = readJsonBody(body, { depthMax: JSON_DEPTH_MAX - 1, outlineOf: valueSpan });
  if (!read.ok) return read;
  const { text, value, outline } = read.value;
  return ok({ kind: "json", text: text.slice(outline.start, outline.end), value });
}

/** The refusal of an event whose canonical text would be over the limit. */
export function tooLarge(): Refusal {
  return refusal("payload-too-large", `The event ${atMost(EVENT_BYTES_MAX, "bytes")} as JSON`);
}

/** An event as headers and body. */
export interface BinaryMessage {
  /** `ce-` headers, and `content-type` if the event has one or implies it. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/** The event in binary content mode. JSON data without a content type is told to be `application/json` (JSON format §3.1.2). */
export function encodeBinary({ attributes, data }: CloudEvent): BinaryMessage {
  const headers: [string, string][] = [];
  for (const [name, value] of Object.entries(attributes)) {
    if (name !== "datacontenttype") headers.push([HEADER_PREFIX + name, encodeHeaderValue(canonicalString(value))]);
  }
  const contentType = attributes["datacontenttype"];
  if (typeof contentType === "string") headers.push(["content-type", labelOf(contentType, data)]);
  else if (data.kind === "json") headers.push(["content-type", "application/json"]);
  return { headers, body: bodyOf(data) };
}

/** A text was decoded on its way, so it leaves as UTF-8 whatever its producer called it; bytes are what they were. */
function labelOf(contentType: string, data: EventData): string {
  const mediaType = parseMediaType(contentType);
  const isTrue = data.kind !== "text" || mediaType === null || isUtf8(mediaType);
  return isTrue ? contentType : withUtf8Charset(contentType);
}

function bodyOf(data: EventData): string | Uint8Array<ArrayBuffer> {
  switch (data.kind) {
    case "none":
      // An empty string would be sent with a content type of its own.
      return new Uint8Array();
    case "json":
    case "text":
      return data.text;
    case "binary": {
      const bytes = decodeBase64(data.base64);
      if (bytes === null) throw new Error("The binary data of an event is not base64");
      return bytes;
    }
  }
}

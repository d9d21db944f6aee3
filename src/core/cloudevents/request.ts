/**
 * The body of a publish as events: which content mode it is in (CloudEvents HTTP binding 1.0.2 §3), what an event of it is, and what is
 * wrong with one that is none. It accepts nothing: that is for the use case.
 */
import type { CloudEvent } from "../event.ts";
import { isList, isMembers } from "../json-value.ts";
import { BATCH_EVENTS_MAX, JSON_DEPTH_MAX } from "../limits.ts";
import { refusal, refusalOfFaults, type Refusal } from "../problem.ts";
import { err, ok, type Result } from "../result.ts";
import { atMost, faultAt, mustBe } from "../words.ts";
import { invalidEvent } from "./attributes.ts";
import { decodeBinary, tooLarge, type BinaryRequest } from "./binary.ts";
import { decodeShortForm, decodeStructured, fitsEventLimit } from "./json.ts";
import { readJsonBody, type JsonBody } from "./json-body.ts";
import { elementMemberSpans, memberSpan, type Span } from "./json-text.ts";
import { charsetRefusal, parseMediaType } from "./media-type.ts";

const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";
const JSON_TYPE = "application/json";
/** One event a line; `decodeLine` reads it, because it is answered while it comes in. */
export const NDJSON = "application/x-ndjson";
const SUPPORTED = `content-type must be ${STRUCTURED}, ${BATCH}, ${JSON_TYPE} or ${NDJSON}, or any type with a header ce-specversion`;

const DATA = memberSpan("data");
const DATA_OF_EACH = elementMemberSpans("data");

/** What a short form takes from elsewhere. */
export interface ShortFormSource {
  /** The bus that is published to: it is the source of short forms that have none. */
  readonly bus: string;
  /** The header `Idempotency-Key`: the id of a short form that has none. */
  readonly idempotencyKey: string | null;
  /** The id of a short form that has neither. */
  readonly freshId: string;
  /** Unix milliseconds: the `time` of a short form that has none. */
  readonly now: number;
}

/** JSON that is one event. */
export interface JsonRequest extends ShortFormSource {
  readonly body: Uint8Array;
}

export interface EventRequest extends BinaryRequest, JsonRequest {}

export interface DecodedRequest {
  /** Whether the events came as a batch, which may be empty. A request that is none has exactly one entry, an event. */
  readonly batch: boolean;
  /** In the order sent. A refused one says nothing about the others. */
  readonly entries: readonly Result<CloudEvent, Refusal>[];
}

/**
 * The events of a publish. Refused as a whole: an unknown content type (415), a body that is not UTF-8 or not JSON (400), a batch that is
 * no array or has over BATCH_EVENTS_MAX (422), and what is not a batch with an event that is not valid (422) or too large (413).
 */
export function decodeRequest(request: EventRequest): Result<DecodedRequest, Refusal> {
  const mediaType = request.contentType === null ? null : parseMediaType(request.contentType);
  const name = mediaType === null ? "" : `${mediaType.type}/${mediaType.subtype}`;
  if (!name.startsWith("application/cloudevents") && request.headers.has("ce-specversion"))
    return single(decodeBinary(request));
  if (mediaType === null || (name !== STRUCTURED && name !== BATCH && name !== JSON_TYPE))
    return err(refusal("unsupported-media-type", SUPPORTED));
  const otherCharset = charsetRefusal(mediaType);
  if (otherCharset !== null) return err(otherCharset);
  if (name === BATCH) return decodeBatch(request.body);
  return single(name === STRUCTURED ? decodeObject(request.body) : decodeAnyJson(request));
}

function single(decoded: Result<CloudEvent, Refusal>): Result<DecodedRequest, Refusal> {
  const entry = withinLimit(decoded);
  return entry.ok ? ok({ batch: false, entries: [entry] }) : entry;
}

function decodeObject(body: Uint8Array): Result<CloudEvent, Refusal> {
  const read = readJsonBody(body, { depthMax: JSON_DEPTH_MAX, outlineOf: DATA });
  return read.ok ? decodeElement({ ...read.value, pointer: "" }) : read;
}

/** The event of one line of NDJSON: in full if it has a `specversion`, else the short form. */
export function decodeLine(line: JsonRequest): Result<CloudEvent, Refusal> {
  const read = readJsonBody(line.body, { depthMax: JSON_DEPTH_MAX, outlineOf: DATA, of: "line" });
  return read.ok ? withinLimit(decodeMembers({ ...read.value, pointer: "" }, line)) : read;
}

/** `application/json`: the same, but an array has a content type of its own. */
function decodeAnyJson(request: JsonRequest): Result<CloudEvent, Refusal> {
  const read = readJsonBody(request.body, { depthMax: JSON_DEPTH_MAX, outlineOf: DATA });
  if (!read.ok) return read;
  return isList(read.value.value)
    ? err(refusal("unsupported-media-type", `content-type must be ${BATCH} for an array of events`))
    : decodeMembers({ ...read.value, pointer: "" }, request);
}

/** A value that may be an event, and the place of its data in the text. */
type Element = JsonBody<Span | null> & { readonly pointer: string };

/**
 * The event that is the member of a larger body: in full if it has a `specversion`, else the short form. `outline` is that of its member
 * `data`; faults point into the body.
 */
export const decodeMember = (element: Element, source: ShortFormSource): Result<CloudEvent, Refusal> =>
  withinLimit(decodeMembers(element, source));

function decodeMembers(element: Element, given: ShortFormSource): Result<CloudEvent, Refusal> {
  const { text, value, outline: data, pointer } = element;
  if (!isMembers(value) || Object.hasOwn(value, "specversion")) return decodeElement(element);
  const defaults = {
    source: `/buses/${given.bus}`,
    id: given.idempotencyKey ?? given.freshId,
    time: new Date(given.now).toISOString(),
  };
  return decodeShortForm({ members: value, data, text, pointer }, defaults);
}

function decodeBatch(body: Uint8Array): Result<DecodedRequest, Refusal> {
  // The array around the events is a level of its own.
  const read = readJsonBody(body, { depthMax: JSON_DEPTH_MAX + 1, outlineOf: DATA_OF_EACH });
  if (!read.ok) return read;
  const { text, value, outline } = read.value;
  if (!isList(value)) return err(refusalOfFaults("invalid-request", [faultAt("", mustBe("an array"))]));
  if (value.length > BATCH_EVENTS_MAX)
    return err(refusalOfFaults("invalid-request", [faultAt("", atMost(BATCH_EVENTS_MAX, "entries"))]));
  const entries = value.map((element, index) =>
    withinLimit(decodeElement({ value: element, text, outline: outline[index] ?? null, pointer: `/${index}` })),
  );
  return ok({ batch: true, entries });
}

function decodeElement({ value, text, outline, pointer }: Element): Result<CloudEvent, Refusal> {
  if (!isMembers(value)) return err(invalidEvent([{ pointer, detail: `The event ${mustBe("an object")}` }]));
  return decodeStructured({ members: value, data: outline, text, pointer });
}

function withinLimit(decoded: Result<CloudEvent, Refusal>): Result<CloudEvent, Refusal> {
  return !decoded.ok || fitsEventLimit(decoded.value) ? decoded : err(tooLarge());
}

/**
 * The body of a publish as events: which content mode it is in (CloudEvents HTTP binding 1.0.2 §3), what an event of it is, and what is
 * wrong with one that is none. It accepts nothing: that is for the use case.
 */
import type { CloudEvent } from "../event.ts";
import {
  ATTRIBUTE_NAME_CHARS_MAX,
  ATTRIBUTE_VALUE_BYTES_MAX,
  ATTRIBUTES_MAX,
  BATCH_EVENTS_MAX,
  EVENT_BYTES_MAX,
} from "../limits.ts";
import { refusal, type Refusal } from "../problem.ts";
import { err, ok, type Result } from "../result.ts";
import { invalidEvent } from "./attributes.ts";
import { decodeBinary, tooLarge, type BinaryRequest } from "./binary.ts";
import { decodeShortForm, decodeStructured, encodeEvent } from "./json.ts";
import { elementMemberSpans, memberSpans, parseJson, type MemberSpans } from "./json-text.ts";
import { isUtf8, parseMediaType, type MediaType } from "./media-type.ts";
import { decodeUtf8, fitsUtf8 } from "./utf8.ts";

const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";
const JSON_TYPE = "application/json";
const SUPPORTED = `content-type must be ${STRUCTURED}, ${BATCH} or ${JSON_TYPE}, or any type with a header ce-specversion`;

export interface EventRequest extends BinaryRequest {
  /** The bus that is published to: it is the source of short forms that have none. */
  readonly bus: string;
  /** The header `Idempotency-Key`: the id of a short form that has none. */
  readonly idempotencyKey: string | null;
  /** The id of a short form that has neither. */
  readonly freshId: string;
  /** Unix milliseconds: the `time` of a short form that has none. */
  readonly now: number;
}

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
  const body = readJson(request.body, mediaType);
  if (!body.ok) return body;
  if (name === BATCH) return decodeBatch(body.value);
  return single(name === STRUCTURED ? decodeObject(body.value) : decodeAnyJson(body.value, request));
}

interface JsonBody {
  readonly text: string;
  readonly value: unknown;
}

function readJson(body: Uint8Array, mediaType: MediaType): Result<JsonBody, Refusal> {
  if (!isUtf8(mediaType))
    return err(
      refusal("unsupported-media-type", `charset must be utf-8, not ${String(mediaType.charset).slice(0, 40)}`),
    );
  const text = decodeUtf8(body);
  if (text === null) return err(refusal("malformed-body", "The body is not valid UTF-8"));
  const parsed = parseJson(text);
  if (!parsed.ok) return err(refusal("malformed-json", `The body is not valid JSON at ${parsed.error}`));
  return ok({ text, value: parsed.value });
}

function single(decoded: Result<CloudEvent, Refusal>): Result<DecodedRequest, Refusal> {
  const entry = withinLimit(decoded);
  return entry.ok ? ok({ batch: false, entries: [entry] }) : entry;
}

function decodeObject({ text, value }: JsonBody): Result<CloudEvent, Refusal> {
  return decodeMembers({ value, text, spans: memberSpans(text), pointer: "" });
}

/** `application/json`: an event in full if it has a `specversion`, else the short form. */
function decodeAnyJson({ text, value }: JsonBody, request: EventRequest): Result<CloudEvent, Refusal> {
  if (Array.isArray(value))
    return err(refusal("unsupported-media-type", `An array of events must be sent as ${BATCH}`));
  const spans = memberSpans(text);
  if (spans === null || !isMembers(value) || spans.has("specversion"))
    return decodeMembers({ value, text, spans, pointer: "" });
  return decodeShortForm(
    { members: value, text, spans, pointer: "" },
    {
      source: `/buses/${request.bus}`,
      id: request.idempotencyKey ?? request.freshId,
      time: new Date(request.now).toISOString(),
    },
  );
}

function decodeBatch({ text, value }: JsonBody): Result<DecodedRequest, Refusal> {
  if (!isList(value)) return err(refusal("invalid-request", "A batch must be a JSON array of events"));
  if (value.length > BATCH_EVENTS_MAX)
    return err(refusal("invalid-request", `The batch has ${value.length} events, the limit is ${BATCH_EVENTS_MAX}`));
  const entries = elementMemberSpans(text).map((spans, index) =>
    withinLimit(decodeMembers({ value: value[index], text, spans, pointer: `/${index}` })),
  );
  return ok({ batch: true, entries });
}

function decodeMembers(source: {
  readonly value: unknown;
  readonly text: string;
  readonly spans: MemberSpans | null;
  readonly pointer: string;
}): Result<CloudEvent, Refusal> {
  const { value, text, spans, pointer } = source;
  if (spans === null || !isMembers(value))
    return err(invalidEvent([{ pointer, detail: "An event must be a JSON object" }]));
  return decodeStructured({ members: value, text, spans, pointer });
}

const isMembers = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** The most that attributes can take: their values in UTF-8 with each character escaped, their names, and punctuation. */
const CONTEXT_BYTES_MAX = ATTRIBUTES_MAX * (ATTRIBUTE_NAME_CHARS_MAX + 2 * ATTRIBUTE_VALUE_BYTES_MAX + 8);
/** The most that a character of data can take: "\u0000". */
const DATA_CHARACTER_BYTES_MAX = 6;

/** Only an event that might be over the limit is written out to see. */
function withinLimit(decoded: Result<CloudEvent, Refusal>): Result<CloudEvent, Refusal> {
  if (!decoded.ok) return decoded;
  const { data } = decoded.value;
  const length = data.kind === "none" ? 0 : data.kind === "binary" ? data.base64.length : data.text.length;
  if (length * DATA_CHARACTER_BYTES_MAX + CONTEXT_BYTES_MAX <= EVENT_BYTES_MAX) return decoded;
  return fitsUtf8(encodeEvent(decoded.value), EVENT_BYTES_MAX) ? decoded : err(tooLarge());
}

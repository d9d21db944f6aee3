/**
 * Events as a producer writes them, made complete and put into JSON once: what a retry sends is the same text. It sends nothing, and
 * leaves it to the server whether an attribute is valid.
 */
import { encodeBase64 } from "../core/base64.ts";
import { isMembers, type Members } from "../core/json-value.ts";
import { utf8Bytes } from "../core/utf8.ts";
import type { Runtime } from "./runtime.ts";

/**
 * An event in short. What is left out is filled in before it is sent: an `id`, the client's `source`, and the `time`.
 *
 * @example
 * const event: ShortEvent = { type: "order.created", subject: "eu/42", data: { total: 42 }, extensions: { tenant: "acme" } };
 */
export interface ShortEvent {
  /** What happened: `order.created`. */
  readonly type: string;
  /** Any JSON value; bytes (an `ArrayBuffer`, or any view of one) travel as `data_base64`. */
  readonly data?: unknown;
  /** Names the event, together with `source`: published again it is the same event. Else it is a new UUID. */
  readonly id?: string;
  /** Where it happened, a URI-reference. Else it is the client's `source`. */
  readonly source?: string;
  /** What it happened to, within the source. */
  readonly subject?: string;
  /** When it happened. Else it is now. */
  readonly time?: string | Date;
  /** The media type of `data`. Else it is JSON, or `application/octet-stream` for bytes. */
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  /** Extension attributes: names of a-z and 0-9. */
  readonly extensions?: Readonly<Record<string, string | number | boolean>>;
}

/**
 * An event in the JSON format of CloudEvents 1.0, extension attributes among its members; also one of the `cloudevents` SDK. It is sent as
 * it is; an `id` and a `source` are added if it has none, and bytes in `data` travel as `data_base64`.
 *
 * @example
 * const event: StructuredEvent = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created", data: { total: 42 } };
 */
export interface StructuredEvent {
  readonly specversion: string;
  readonly type: string;
  readonly id?: string;
  readonly source?: string;
  readonly data?: unknown;
  readonly [attribute: string]: unknown;
}

/** What `publish()` takes. */
export type EventInput = ShortEvent | StructuredEvent;

/** An event that can be sent, any number of times. */
export interface PreparedEvent {
  readonly id: string;
  readonly source: string;
  /** The event in full as JSON. */
  readonly text: string;
  /** Of the text in UTF-8. */
  readonly bytes: number;
}

/** Who fills in what is left out. */
export interface Defaults {
  readonly source: string;
  readonly runtime: Pick<Runtime, "uuid" | "now">;
}

const SHORT_MEMBERS = new Set([
  "type",
  "data",
  "id",
  "source",
  "subject",
  "time",
  "datacontenttype",
  "dataschema",
  "extensions",
]);

/**
 * The event, complete and written. `place` names it in errors: `events[3]`.
 * @throws TypeError on what no JSON of an event can be made of; nothing has been sent then.
 */
export function prepareEvent(input: unknown, place: string, defaults: Defaults): PreparedEvent {
  if (!isMembers(input)) throw new TypeError(`${place} must be an object`);
  const given = "specversion" in input ? plain(input, place) : fromShort(input, place, defaults);
  const id = given["id"] === undefined ? defaults.runtime.uuid() : given["id"];
  const source = given["source"] === undefined ? defaults.source : given["source"];
  if (typeof id !== "string") throw new TypeError(`${place}.id must be a string`);
  if (typeof source !== "string") throw new TypeError(`${place}.source must be a string`);
  if (typeof given["type"] !== "string") throw new TypeError(`${place}.type must be a string`);
  const complete = withBytes({ ...given, id, source });
  const text = jsonOf(complete, place);
  return { id, source, text, bytes: utf8Bytes(text) };
}

/** A class of an SDK says itself what its JSON is. */
function plain(input: Members, place: string): Members {
  const { toJSON } = input;
  if (typeof toJSON !== "function") return input;
  const members: unknown = toJSON.call(input, "");
  if (!isMembers(members)) throw new TypeError(`${place}.toJSON() must return an object`);
  return members;
}

function fromShort(input: Members, place: string, { runtime }: Defaults): Members {
  const unknown = Object.keys(input).find((name) => !SHORT_MEMBERS.has(name));
  if (unknown !== undefined)
    throw new TypeError(
      `${place} has an unknown member ${unknown.slice(0, 100)}; extension attributes go into extensions`,
    );
  const { extensions = {}, time = new Date(runtime.now()), ...members } = input;
  if (time instanceof Date && Number.isNaN(time.getTime())) throw new TypeError(`${place}.time is not a valid date`);
  if (!isMembers(extensions)) throw new TypeError(`${place}.extensions must be an object`);
  const taken = Object.keys(extensions).find((name) => SHORT_MEMBERS.has(name) || name === "data_base64");
  if (taken !== undefined) throw new TypeError(`${place}.extensions must not have ${taken}`);
  return { specversion: "1.0", ...members, time, ...extensions };
}

/** JSON has no bytes: CloudEvents writes them as base64 (JSON format 1.0.2 §3.1.1). */
function withBytes(event: Members): Members {
  const { data, ...attributes } = event;
  const bytes = bytesOf(data);
  if (bytes === null) return event;
  return { datacontenttype: "application/octet-stream", ...defined(attributes), data_base64: encodeBase64(bytes) };
}

/** Null: it is no bytes. JSON would make `{}` of most that are. */
function bytesOf(data: unknown): Uint8Array | null {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : null;
}

/** Without members that are undefined, as JSON leaves them out: they must not hide a default. */
const defined = (members: Members): Members =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

/** What JSON leaves out, or makes `{}` of, without a word; a promise is mostly an await that is missing. Null for all else. */
function unwritable(data: unknown): string | null {
  if (typeof data === "function" || typeof data === "symbol") return typeof data;
  const kinds = { Promise, Map, Set, Blob };
  return Object.entries(kinds).find(([, kind]) => data instanceof kind)?.[0] ?? null;
}

function jsonOf(event: Members, place: string): string {
  const { data } = event;
  const kind = unwritable(data);
  if (kind !== null) throw new TypeError(`${place}.data cannot be written as JSON: it is a ${kind}`);
  try {
    return JSON.stringify(event);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TypeError(`${place} cannot be written as JSON: ${reason}`, { cause: error });
  }
}

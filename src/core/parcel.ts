/**
 * The queue messages: what one is and how it becomes text. Pure.
 *
 * A message is text (contentType "text"): one line of JSON, and for an event that travels inline a line feed and the event's
 * canonical JSON text as it is, neither escaped nor parsed on the way.
 */
import type { LogLevel } from "./bus.ts";
import type { AttemptRecord, DeliveryKey, Settlement } from "./delivery.ts";
import { cut } from "./cut.ts";
import { DISABLED_REASONS, type Sign } from "./health.ts";
import { isMembers, type Members } from "./json-value.ts";
import { MESSAGE_BYTES_MAX } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";
import { utf8Bytes } from "./utf8.ts";
import type { SinkKey } from "./sink-key.ts";

const PARCEL_VERSION = 1;
/** Room for everything in an outcomes parcel that is not an outcome. */
const OUTCOMES_HEAD_BYTES = 200;

/** An event with up to PARCEL_DELIVERIES_MAX deliveries of it; with none when it matched nothing. */
export interface EventParcel {
  readonly kind: "event";
  readonly bus: string;
  readonly seq: string;
  readonly eventId: string;
  /** The publish that made it: another receipt for a known event is a duplicate publish. */
  readonly receipt: string;
  readonly acceptedMs: number;
  readonly hops: number;
  /** Deliveries of the event in all its parcels. */
  readonly matched: number;
  /** Which of its parcels this is, from 0: the first stands for the publish where publishes are counted. */
  readonly part: number;
  /** UTF-8 bytes of the event's canonical text. */
  readonly bytes: number;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  /** Of the bus when it was published. */
  readonly logLevel: LogLevel;
  readonly subscriptionIds: readonly string[];
  /** The canonical text, or null when the body travels by reference (D1 `bodies`). */
  readonly body: string | null;
}

/** Keys of deliveries to look at. */
export interface WakeParcel {
  readonly kind: "wake";
  readonly keys: readonly DeliveryKey[];
}

/** A sink whose breaker or pause may be over: deliveries that wait for that go on, up to `limit` of them now. */
export interface ResumeParcel extends SinkKey {
  readonly kind: "resume";
  readonly limit: number;
}

/** Outcomes that could not be settled, with the token they were claimed under. */
export interface OutcomesParcel {
  readonly kind: "outcomes";
  readonly token: string;
  readonly settlements: readonly Settlement[];
}

export type Parcel = EventParcel | WakeParcel | ResumeParcel | OutcomesParcel;

/** The parcel as message text. */
export function encodeParcel(parcel: Parcel): string {
  if (parcel.kind !== "event") return JSON.stringify({ v: PARCEL_VERSION, ...parcel });
  const { body, ...head } = parcel;
  const line = JSON.stringify({ v: PARCEL_VERSION, ...head });
  return body === null ? line : withBody(line, body);
}

/** The text of an event parcel that was encoded without its body, with it: for the same body in many parcels. */
export const withBody = (head: string, body: string): string => `${head}\n${body}`;

/**
 * A message text as a parcel. The error says what is wrong: the text is from another version of Fantail or not ours at all, and
 * whoever reads it keeps it for one that can.
 */
export function decodeParcel(text: unknown): Result<Parcel, string> {
  if (typeof text !== "string") return err("The message is not text");
  const lineEnd = text.indexOf("\n");
  let head: unknown;
  try {
    head = JSON.parse(lineEnd < 0 ? text : text.slice(0, lineEnd));
  } catch {
    return err("The message's first line is not JSON");
  }
  if (!isMembers(head)) return err("The message's first line is not an object");
  if (head["v"] !== PARCEL_VERSION)
    return err(`The message has version ${JSON.stringify(head["v"])}, known is ${PARCEL_VERSION}`);
  const body = lineEnd < 0 ? null : text.slice(lineEnd + 1);
  switch (head["kind"]) {
    case "event":
      return eventParcel(head, body);
    case "wake":
      return wakeParcel(head);
    case "resume":
      return resumeParcel(head);
    case "outcomes":
      return outcomesParcel(head);
    default:
      return err("The message has an unknown kind");
  }
}

const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);
const isCountOrNull = (value: unknown): value is number | null => value === null || isCount(value);
const isList = <T>(value: unknown, is: (item: unknown) => item is T): value is T[] =>
  Array.isArray(value) && value.every((item) => is(item));

function eventParcel(head: Members, body: string | null): Result<EventParcel, string> {
  const { bus, seq, eventId, receipt, id, source, type, subject, subscriptionIds } = head;
  const { acceptedMs, hops, matched, part, bytes } = head;
  if (!(isText(bus) && isText(seq) && isText(eventId) && isText(receipt)))
    return err("An event parcel lacks its identity");
  if (!(isText(id) && isText(source) && isText(type) && isTextOrNull(subject)))
    return err("An event parcel lacks attributes");
  if (!(isCount(acceptedMs) && isCount(hops) && isCount(matched) && isCount(part) && isCount(bytes)))
    return err("An event parcel lacks counts");
  if (!isList(subscriptionIds, isText)) return err("An event parcel lacks its deliveries");
  const identity = { bus, seq, eventId, receipt, id, source, type, subject };
  const counts = { acceptedMs, hops, matched, part, bytes };
  // Messages from before there were levels have none.
  const logLevel = head["logLevel"] === "failures" ? "failures" : "all";
  return ok({ kind: "event", ...identity, ...counts, logLevel, subscriptionIds, body });
}

const isKey = (value: unknown): value is DeliveryKey =>
  isMembers(value) &&
  isText(value["bus"]) &&
  isText(value["seq"]) &&
  isText(value["subscriptionId"]) &&
  isText(value["run"]);

function wakeParcel(head: Members): Result<WakeParcel, string> {
  const { keys } = head;
  return isList(keys, isKey) ? ok({ kind: "wake", keys }) : err("A wake parcel lacks its keys");
}

function resumeParcel(head: Members): Result<ResumeParcel, string> {
  const { bus, subscriptionId, limit } = head;
  if (!(isText(bus) && isText(subscriptionId) && isCount(limit))) return err("A resume parcel lacks its sink");
  return ok({ kind: "resume", bus, subscriptionId, limit });
}

function isOutcome(value: unknown): value is Settlement["outcome"] {
  if (!isMembers(value)) return false;
  switch (value["kind"]) {
    case "delivered":
      return true;
    case "released":
      return (
        isCount(value["dueMs"]) &&
        ["released", "rate"].includes(String(value["cause"])) &&
        typeof value["slow"] === "boolean"
      );
    case "retry":
      return isCount(value["dueMs"]) && typeof value["slow"] === "boolean";
    case "dead":
      return isText(value["cause"]);
    default:
      return false;
  }
}

const isAttempt = (value: unknown): value is AttemptRecord =>
  isMembers(value) &&
  isCount(value["attempt"]) &&
  isCount(value["at_ms"]) &&
  isCount(value["duration_ms"]) &&
  isCountOrNull(value["status"]) &&
  isTextOrNull(value["error"]) &&
  isTextOrNull(value["answer"]);

const isDisabledReason = (value: unknown): boolean => DISABLED_REASONS.some((reason) => reason === value);

const isSign = (value: unknown): value is Sign =>
  isMembers(value) &&
  typeof value["works"] === "boolean" &&
  isCountOrNull(value["pausedUntilMs"]) &&
  (value["disables"] === null || isDisabledReason(value["disables"])) &&
  isCount(value["ignored"]);

const isSettlement = (value: unknown): value is Settlement =>
  isMembers(value) &&
  isKey(value["key"]) &&
  isText(value["eventId"]) &&
  isOutcome(value["outcome"]) &&
  (value["attempt"] === null || isAttempt(value["attempt"])) &&
  (value["sign"] === null || isSign(value["sign"]));

/**
 * Messages from before there were signs, and causes of a release, have none, and do not name the event. Those from before a release had a lane are
 * for lane `slow`.
 */
function completed(value: unknown): unknown {
  if (!isMembers(value)) return value;
  const { outcome } = value;
  const laned = isMembers(outcome) && outcome["kind"] === "released" ? { slow: true, ...outcome } : outcome;
  if ("sign" in value) return { ...value, outcome: laned };
  const caused = isMembers(laned) ? { cause: "released", ...laned } : laned;
  return { ...value, eventId: "", outcome: caused, sign: null };
}

function outcomesParcel(head: Members): Result<OutcomesParcel, string> {
  const { token } = head;
  const settlements = Array.isArray(head["settlements"]) ? head["settlements"].map(completed) : null;
  if (!isText(token) || !isList(settlements, isSettlement)) return err("An outcomes parcel lacks its outcomes");
  return ok({ kind: "outcomes", token, settlements });
}

/** Outcomes of one token, in as many parcels as MESSAGE_BYTES_MAX asks for. */
export function outcomesParcels(token: string, settlements: readonly Settlement[]): OutcomesParcel[] {
  const room = { itemsMax: Number.POSITIVE_INFINITY, bytesMax: MESSAGE_BYTES_MAX - OUTCOMES_HEAD_BYTES };
  const parts = cut(settlements, (settlement) => utf8Bytes(JSON.stringify(settlement)) + 1, room);
  return parts.map((part) => ({ kind: "outcomes", token, settlements: part }));
}

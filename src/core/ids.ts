/**
 * Identifiers: how they are made and told apart. Pure: time and random bytes are passed in.
 * All are lower-case Crockford base32 after a prefix that names the thing.
 */

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
/** Characters of an id's body: 130 bits, room for a 48-bit time and 80 random bits, or a cut SHA-256. */
const BODY_CHARS = 26;
const BODY = `[${ALPHABET}]{${BODY_CHARS}}`;

/** What of a SHA-256 makes a body. */
const BODY_BYTES = Math.ceil((BODY_CHARS * 5) / 8);

const encoder = new TextEncoder();

/** Random bytes that `timeOrderedId` asks for. */
export const ID_RANDOM_BYTES = 10;

function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >>> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  if (bits > 0) text += ALPHABET[(value << (5 - bits)) & 31];
  return text;
}

function timePart(ms: number): string {
  let text = "";
  let rest = ms;
  for (let index = 0; index < 10; index++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** 26 characters that sort by time: 48 bits of Unix milliseconds, 80 random bits. The form of a ULID. */
export function timeOrderedId(ms: number, random: Uint8Array): string {
  return timePart(ms) + base32(random);
}

/** The smallest time-ordered id of that millisecond, for ranges. */
export function timeOrderedFloor(ms: number): string {
  return timePart(ms) + "0".repeat(16);
}

/** The Unix milliseconds of a time-ordered id. */
export function timeOf(id: string): number {
  return Array.from(id.slice(0, 10)).reduce((ms, character) => ms * 32 + ALPHABET.indexOf(character), 0);
}

/**
 * The event's id: derived, not drawn, so that every isolate and every retry of a publish names the same event without asking
 * anybody. NUL separates, because no part can hold it.
 */
export async function eventIdOf(bus: string, source: string, id: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(`${bus}\0${source}\0${id}`));
  return `evt_${base32(new Uint8Array(digest, 0, BODY_BYTES)).slice(0, BODY_CHARS)}`;
}

/**
 * The delivery's id, the `webhook-id` of all its attempts. Cases it keeps apart: two subscriptions of one event, two events of
 * one subscription, and each replay (`run`) of a delivery from the publish's own.
 */
export function deliveryIdOf(eventId: string, subscriptionId: string, run: string): string {
  return `dlv_${eventId.slice(4)}${subscriptionId.slice(4)}${run === "" ? "" : run.slice(4)}`;
}

const DELIVERY_ID = new RegExp(`^dlv_(${BODY})(${BODY})(${BODY})?$`);

/** The parts of a delivery id, null when it is none. */
export function parseDeliveryId(text: string): { eventId: string; subscriptionId: string; run: string } | null {
  const parts = DELIVERY_ID.exec(text);
  if (parts === null) return null;
  const [, event = "", subscription = "", run] = parts;
  return { eventId: `evt_${event}`, subscriptionId: `sub_${subscription}`, run: run === undefined ? "" : `job_${run}` };
}

const SEQ = new RegExp(`^${BODY}$`);
const RUN = new RegExp(`^(job_${BODY})?$`);
const EVENT_ID = new RegExp(`^evt_${BODY}$`);
const SUBSCRIPTION_ID = new RegExp(`^sub_${BODY}$`);
const KEY_ID = new RegExp(`^key_${BODY}$`);
const AUDIT_ID = new RegExp(`^aud_${BODY}$`);
const BUS_NAME = /^[a-z0-9-]{1,32}$/;

/** The forms of ids as regular expressions, for those who describe them. */
export const ID_PATTERNS = {
  event: EVENT_ID.source,
  delivery: DELIVERY_ID.source,
  subscription: SUBSCRIPTION_ID.source,
  key: KEY_ID.source,
  audit: AUDIT_ID.source,
  request: `^req_${BODY}$`,
  bus: BUS_NAME.source,
} as const;

/** A time-ordered id without a prefix, as an event has one for its place on record. */
export const isSeq = (text: string): boolean => SEQ.test(text);
/** The replay that a delivery belongs to; empty: the publish itself. */
export const isRun = (text: string): boolean => RUN.test(text);
export const isEventId = (text: string): boolean => EVENT_ID.test(text);
export const isSubscriptionId = (text: string): boolean => SUBSCRIPTION_ID.test(text);
export const isKeyId = (text: string): boolean => KEY_ID.test(text);
export const isAuditId = (text: string): boolean => AUDIT_ID.test(text);
/** 1-32 of a-z, 0-9 and hyphen. */
export const isBusName = (text: string): boolean => BUS_NAME.test(text);

/** A small hash for choosing shards: FNV-1a, 32 bits. Not for anything that an adversary may steer. */
export function shardOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

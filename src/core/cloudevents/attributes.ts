/**
 * The context attributes of an event (CloudEvents 1.0.2 "Context Attributes"): which names and values are allowed, whatever the
 * content mode they came in. It reports every fault, not the first; it never looks at the data.
 */
import { canonicalString, type AttributeValue, type CloudEvent } from "../event.ts";
import {
  ATTRIBUTE_NAME_CHARS_MAX,
  ATTRIBUTE_VALUE_BYTES_MAX,
  ATTRIBUTES_BYTES_MAX,
  ATTRIBUTES_MAX,
} from "../limits.ts";
import { pointerToken, refusalOfFaults, type Fault, type Refusal } from "../problem.ts";
import { parseTimestamp } from "../timestamp.ts";
import { fitsUtf8 } from "../utf8.ts";
import {
  atMost,
  ATTRIBUTE_NAME,
  integerFault,
  longName,
  mustBe,
  NOT_EMPTY,
  REQUIRED,
  TIME,
  WELL_FORMED,
} from "../words.ts";
import { encodeHeaderValue, HEADER_PREFIX } from "./header-value.ts";
import { parseMediaType } from "./media-type.ts";

/** Stands in for the value of a header that cannot be decoded. */
export const UNREADABLE = Symbol("unreadable header");

/** Where an event's attributes came from, for the words of its faults. */
export interface Place {
  /** JSON Pointer to the event: "" unless it is an element of a batch. */
  readonly pointer: string;
  /** What the sender calls the attribute: its name, or the header it came in. */
  readonly label: (name: string) => string;
  /** Attributes whose values were percent-encoded: faults speak of what these stood for. */
  readonly decoded?: ReadonlySet<string>;
  /** Members that carry the data and are no attributes. */
  readonly dataNames: readonly string[];
}

/** An event without its data. */
export type Context = Omit<CloudEvent, "data">;

/** What is wrong with the value, to be read after the attribute's name; null when nothing is. */
type Rule = (value: string) => string | null;

/** That none of these is empty is said of all alike. */
const anyText: Rule = () => null;

/** RFC 3986 §2, without the structure: what is written with these characters is read alike by everyone. */
const URI_CHARACTERS = /^[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/;
const STRAY_PERCENT = /%(?![0-9a-f]{2})/i;
const SCHEME = /^[a-z][a-z\d+.-]*:/i;

const uriReference: Rule = (value) =>
  URI_CHARACTERS.test(value) && !STRAY_PERCENT.test(value)
    ? null
    : "must be a URI-reference (RFC 3986): no spaces, other characters percent-encoded";

const absoluteUri: Rule = (value) =>
  SCHEME.test(value) && uriReference(value) === null ? null : "must be an absolute URI (RFC 3986)";

const mediaType: Rule = (value) => (parseMediaType(value) === null ? "must be a media type (RFC 2046)" : null);

const timestamp: Rule = (value) => (parseTimestamp(value) !== null ? null : TIME);

/** The attributes of the specification, in the order of the canonical text. */
const CORE: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["specversion", (value) => (value === "1.0" ? null : 'must be "1.0"')],
  ["id", anyText],
  ["source", uriReference],
  ["type", anyText],
  ["subject", anyText],
  ["time", timestamp],
  ["datacontenttype", mediaType],
  ["dataschema", absoluteUri],
]);
const NEEDED = new Set(["specversion", "id", "source", "type"]);

const NAME = /^[a-z0-9]+$/;
const PLAIN = /^[ -~]*$/;
/** Not allowed in a String, and neither is a lone surrogate ("Type System"). */
const FORBIDDEN = /[\p{Cc}\p{NChar}]/u;
const INTEGER_MIN = -2_147_483_648;
const INTEGER_MAX = 2_147_483_647;

/**
 * The attributes among `given`, in canonical order; null when there are faults, which are added to `faults`. Members that are null
 * or undefined are absent attributes (JSON format §2.2).
 */
export function readContext(given: Readonly<Record<string, unknown>>, place: Place, faults: Fault[]): Context | null {
  const faultsBefore = faults.length;
  const names = Object.keys(given).filter(
    (name) => given[name] !== null && given[name] !== undefined && !place.dataNames.includes(name),
  );
  if (names.length > ATTRIBUTES_MAX) {
    faults.push(tooManyFault(place));
    return null;
  }
  // Without a prototype, because "constructor" is a valid name, and one that is absent must read as undefined.
  const attributes: Record<string, AttributeValue> = Object.create(null);
  const read = (name: string, value: unknown): void => {
    const fault = nameFault(name, place) ?? valueFault(name, value, place);
    if (fault !== null) faults.push(fault);
    else if (typeof value === "string" || typeof value === "boolean") attributes[name] = value;
    // Negative zero has the canonical string of zero.
    else if (typeof value === "number") attributes[name] = value === 0 ? 0 : value;
  };
  for (const name of CORE.keys()) {
    const value = given[name] ?? null;
    if (value !== null) read(name, value);
    else if (NEEDED.has(name)) faults.push(attributeFault(name, REQUIRED, place));
  }
  for (const name of names) if (!CORE.has(name)) read(name, given[name]);
  if (!fitHeaders(attributes)) {
    const detail = `The attributes ${atMost(ATTRIBUTES_BYTES_MAX, "bytes")} as headers`;
    faults.push({ pointer: place.pointer, detail });
  }

  const { id, source, type } = attributes;
  if (faults.length > faultsBefore || typeof id !== "string" || typeof source !== "string" || typeof type !== "string")
    return null;
  return { id, source, type, attributes };
}

/** The most that a UTF-16 unit of a value takes in a header: three bytes of UTF-8, each percent-encoded. */
const HEADER_UNIT_BYTES_MAX = 9;

/**
 * Whether the attributes are within their limit as headers of binary mode, names and values, whatever mode they came in. Those that are
 * short beyond doubt are not encoded to find out.
 */
function fitHeaders(attributes: CloudEvent["attributes"]): boolean {
  const entries = Object.entries(attributes);
  const bytes = (ofValue: (text: string) => number): number =>
    entries.reduce(
      (sum, [name, value]) => sum + HEADER_PREFIX.length + name.length + ofValue(canonicalString(value)),
      0,
    );
  return (
    bytes(({ length }) => length * HEADER_UNIT_BYTES_MAX) <= ATTRIBUTES_BYTES_MAX ||
    bytes((text) => encodeHeaderValue(text).length) <= ATTRIBUTES_BYTES_MAX
  );
}

/** Whether an event may have these attributes together; each of them is taken to be valid. */
export function fitTogether(attributes: CloudEvent["attributes"]): boolean {
  return Object.keys(attributes).length <= ATTRIBUTES_MAX && fitHeaders(attributes);
}

/** A fault of one attribute; `detail` is read after the attribute's label. A name over the limit is not repeated. */
export function attributeFault(name: string, detail: string, place: Place): Fault {
  if (name.length > ATTRIBUTE_NAME_CHARS_MAX)
    return { pointer: place.pointer, detail: longName(name, ATTRIBUTE_NAME_CHARS_MAX) };
  return { pointer: `${place.pointer}/${pointerToken(name)}`, detail: `${place.label(name)} ${detail}` };
}

/** Said instead of the faults of so many. */
export function tooManyFault({ pointer }: Place): Fault {
  return { pointer, detail: `The event ${atMost(ATTRIBUTES_MAX, "attributes")}` };
}

/** The refusal of an event, with all that is wrong with it. `faults` has at least one. */
export const invalidEvent = (faults: readonly Fault[]): Refusal => refusalOfFaults("invalid-event", faults);

function nameFault(name: string, place: Place): Fault | null {
  if (name === "data") return attributeFault(name, "must not be an attribute, the name is reserved", place);
  const isAllowed = name.length <= ATTRIBUTE_NAME_CHARS_MAX && NAME.test(name);
  return isAllowed ? null : attributeFault(name, ATTRIBUTE_NAME, place);
}

function valueFault(name: string, value: unknown, place: Place): Fault | null {
  const rule = CORE.get(name);
  const detail = typeof value === "string" ? stringFault(value, rule) : otherFault(value, rule !== undefined);
  if (detail === null) return null;
  const isDecoded = place.decoded?.has(name) === true;
  return attributeFault(name, isDecoded ? `after percent-decoding ${detail}` : detail, place);
}

function stringFault(value: string, rule: Rule | undefined): string | null {
  if (!fitsUtf8(value, ATTRIBUTE_VALUE_BYTES_MAX)) return atMost(ATTRIBUTE_VALUE_BYTES_MAX, "bytes");
  if (!PLAIN.test(value)) {
    if (!value.isWellFormed()) return WELL_FORMED;
    if (FORBIDDEN.test(value)) return "must not hold control characters or noncharacters";
  }
  if (rule === undefined) return null;
  return value === "" ? NOT_EMPTY : rule(value);
}

function otherFault(value: unknown, isCore: boolean): string | null {
  if (value === UNREADABLE) return "must be printable ASCII, anything else as percent-encoded UTF-8, quotes closed";
  if (isCore) return mustBe("a string");
  if (typeof value === "boolean") return null;
  if (typeof value !== "number") return "must be a string, a boolean or an integer";
  return integerFault(value, { min: INTEGER_MIN, max: INTEGER_MAX });
}

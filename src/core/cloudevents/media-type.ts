/** Media types (RFC 2046, in the grammar of RFC 9110 §8.3.1): what one says about the data it labels. Never looks at the data. */
import { refusal, type Refusal } from "../problem.ts";

const TOKEN = "[!#$%&'*+.^_`{|}~0-9A-Za-z-]+";
const ESSENCE = new RegExp(`(${TOKEN})/(${TOKEN})`, "y");
// ASCII only: what lies beyond has no agreed meaning in a header, and not every client can send it.
const QUOTED = '"((?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*)"';
// A parameter may be empty: "text/plain;" is sent by many.
const PARAMETER = `[ \\t]*;[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|${QUOTED}))?`;

export interface MediaType {
  /** Lower case, as are the next two. */
  readonly type: string;
  readonly subtype: string;
  /** Null when there is no such parameter. */
  readonly charset: string | null;
}

const APPLICATION_JSON: MediaType = { type: "application", subtype: "json", charset: null };

/** The parts of a media type, null when the text is none. */
export function parseMediaType(text: string): MediaType | null {
  if (text === "application/json") return APPLICATION_JSON;
  ESSENCE.lastIndex = 0;
  const [essence, type, subtype] = ESSENCE.exec(text) ?? [];
  if (essence === undefined || type === undefined || subtype === undefined) return null;
  let charset: string | null = null;
  const parameter = new RegExp(PARAMETER, "y");
  for (let index = essence.length; index < text.length; index = parameter.lastIndex) {
    parameter.lastIndex = index;
    const found = parameter.exec(text);
    if (found === null) return null;
    const [, name, token, quoted] = found;
    if (name?.toLowerCase() === "charset") charset ??= (token ?? quoted?.replace(/\\(.)/g, "$1") ?? "").toLowerCase();
  }
  return { type: type.toLowerCase(), subtype: subtype.toLowerCase(), charset };
}

/** CloudEvents JSON format 1.0.2 §3.1.1: the subtype is `json` or ends in `+json`, whatever the parameters. */
export function isJson({ subtype }: MediaType): boolean {
  return subtype === "json" || subtype.endsWith("+json");
}

/** `isJson` of a `datacontenttype`; false for a text that is no media type. */
export function isJsonContentType(contentType: string): boolean {
  const mediaType = parseMediaType(contentType);
  return mediaType !== null && isJson(mediaType);
}

/** No charset is UTF-8 here, and US-ASCII is a part of it. */
export function isUtf8({ charset }: MediaType): boolean {
  return charset === null || charset === "utf-8" || charset === "utf8" || charset === "us-ascii";
}

/** Why text in that charset is not read, null when it is UTF-8. */
export function charsetRefusal(mediaType: MediaType): Refusal | null {
  if (isUtf8(mediaType)) return null;
  return refusal("unsupported-media-type", `charset must be utf-8, not ${String(mediaType.charset).slice(0, 40)}`);
}

const TEXT_SUBTYPES = new Set([
  "xml",
  "yaml",
  "x-yaml",
  "javascript",
  "ecmascript",
  "graphql",
  "toml",
  "x-ndjson",
  "x-www-form-urlencoded",
]);

/** Whether data of that type is made for reading as text, JSON aside. What is not known to be is bytes. */
export function isText({ type, subtype }: MediaType): boolean {
  if (type === "text") return true;
  return (
    (type === "application" && TEXT_SUBTYPES.has(subtype)) || subtype.endsWith("+xml") || subtype.endsWith("+yaml")
  );
}

/** The content type with its charset told to be UTF-8, all else as it was. */
export function withUtf8Charset(contentType: string): string {
  return contentType.replace(new RegExp(PARAMETER, "g"), (parameter, name?: string) =>
    name?.toLowerCase() === "charset" ? "; charset=utf-8" : parameter,
  );
}

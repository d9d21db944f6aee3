/** Headers of requests and answers as the document shows them. The routes read and write them; nothing here does. */
import * as z from "zod";
import type { oas31 } from "zod-openapi";
import { ID_PATTERNS } from "../../core/ids.ts";
import { HOPS_MAX, IDEMPOTENCY_KEY_CHARS_MAX } from "../../core/limits.ts";

// ---- Requests ----------------------------------------------------------------------------------------------------

interface Read {
  readonly description: string;
  readonly schema?: oas31.SchemaObject;
  readonly example?: string;
}

/** A header that an operation reads, as a component of the document. */
const read = (name: string, { description, schema = {}, example }: Read) =>
  z
    .string()
    .meta({ override: { ...schema } })
    .optional()
    .meta({
      param: { id: name, in: "header", name, description, ...(example === undefined ? {} : { example }) },
    });

/** Headers that are read. */
export const requestHeaders = {
  "fantail-bus": read("fantail-bus", {
    description:
      "The bus that the root key acts on. Other keys belong to one bus: they need not name it, and may not name another.",
    schema: { pattern: ID_PATTERNS.bus, default: "default" },
  }),
  "idempotency-key": read("idempotency-key", {
    description:
      "Makes the request safe to repeat for 24 h: the same key with the same request gets the same answer, and nothing is made twice. A publish it makes safe in another way: it is the `id` of a short form that has none (of NDJSON with `.` and the number of the line behind it), so that the same key is the same event, whatever the body says; the first one stays. Events with an `id` do not need it.",
    schema: { pattern: `^[!-~]{1,${IDEMPOTENCY_KEY_CHARS_MAX}}$` },
  }),
  "if-match": read("if-match", {
    description: "Do it only if the version is one of these (`ETag`), else 412. With `*`: only if it is there.",
    schema: { pattern: '^\\s*(\\*|(W/)?"[^"]*"(\\s*,\\s*(W/)?"[^"]*")*)\\s*$' },
    example: '"12"',
  }),
  "if-none-match": read("if-none-match", {
    description:
      "Do it only if the version is none of these (`ETag`): the read of a subscription answers 304 then, a change 412.",
    example: '"12"',
  }),
  "last-event-id": read("last-event-id", {
    description: "The `id` of the last event of the stream that was read: it goes on behind that.",
    schema: { pattern: "^([0-9]{1,15}-[0-9]{1,7})?$" },
    example: "1764147601033-0",
  }),
  "fantail-hops": read("fantail-hops", {
    description: "How often the event was delivered and published again. Pass on the one that the sink received.",
    schema: { type: "integer", minimum: 0, maximum: HOPS_MAX, default: 0 },
  }),
  "content-encoding": read("content-encoding", {
    description: "`gzip`, if the body is compressed; else `identity`, or absent.",
    example: "gzip",
  }),
  prefer: read("prefer", {
    description: "`return=minimal` leaves `events` out of the answer.",
    example: "return=minimal",
  }),
  traceparent: read("traceparent", {
    description: "A trace (W3C Trace Context), handed on to events that have none.",
  }),
  tracestate: read("tracestate", { description: "Belongs to `traceparent`." }),
  // Attributes of binary mode.
  "ce-specversion": attribute("specversion", "Makes the request one of binary mode: the body is the data.", "1.0"),
  "ce-id": attribute("id", "Needed in binary mode: `id`.", "B-7"),
  "ce-source": attribute("source", "Needed in binary mode: `source`.", "/shop"),
  "ce-type": attribute("type", "Needed in binary mode: `type`.", "order.created"),
  "ce-subject": attribute("subject", "`subject`.", "eu/42"),
  "ce-time": attribute("time", "`time`.", "2026-11-23T09:00:00Z"),
  "ce-dataschema": attribute("dataschema", "`dataschema`.", "https://example.com/order.json"),
} as const;

function attribute(name: string, meaning: string, example: string) {
  // Outside of binary mode nobody looks at it, whatever it is.
  const description = `${meaning} Percent-encoded UTF-8, not empty; any other \`ce-\` header is an extension attribute.`;
  return read(`ce-${name}`, { description, example });
}

export type RequestHeader = keyof typeof requestHeaders;

// ---- Answers -----------------------------------------------------------------------------------------------------

const text = (description: string, schema: oas31.SchemaObject = {}, required = true): oas31.HeaderObject => ({
  description,
  required,
  schema: { type: "string", ...schema },
});

/** Headers of answers, as components of the document. */
export const answerHeaders = {
  "set-cookie": text("The cookie of the session."),
  "x-request-id": text("Names the request: in the log, and when you ask for help.", { pattern: ID_PATTERNS.request }),
  etag: text("The version, for `if-match` and `if-none-match`.", { pattern: '^(W/)?"[^"]+"$' }),
  location: text("Where it is.", { format: "uri-reference", pattern: "^/v1/" }),
  "retry-after": text("Seconds to wait before the request is sent again.", { pattern: "^[0-9]+$" }),
  "www-authenticate": text("The scheme of keys.", { const: "Bearer" }),
  accept: text("Content types that are taken here, where that helps.", {}, false),
  "accept-patch": text("Content types of a patch that are taken here, where that helps.", {}, false),
  "accept-encoding": text("Encodings of the body that are taken here, where that helps.", {}, false),
  "idempotent-replayed": text(
    "Only on the answer to a repeated `idempotency-key`: it is the answer that was given before.",
    { const: "true" },
    false,
  ),
  "preference-applied": text(
    "The preference of the request that was followed.",
    { pattern: "^return=minimal$" },
    false,
  ),
  "access-control-allow-origin": text("The origin of the page, if the key is made for it.", {}, false),
  "cache-control": text("For how long the answer may be kept.", {}),
} as const;

export type AnswerHeader = keyof typeof answerHeaders;

/** Those headers of an answer, by reference. */
export const headers = (names: readonly AnswerHeader[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` as const }]));

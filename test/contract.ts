// Every request and answer of the tests against the OpenAPI document, in Node and in workerd: what is not in it does not happen, and what
// it says does. Answers are held to it strictly: a member that it does not name is a mistake here, and may be there for clients.
import { dereference, initialBaseURI, validate, type Schema } from "@cfworker/json-schema";
import { isList, isMembers, type Members } from "../src/core/json-value.ts";
import { serverSentEvents } from "../src/core/server-sent-events.ts";
import { openApiDocument } from "../src/http/contract/document.ts";

/** What was sent. `body` is undefined when it cannot be known: it was a stream. */
export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string | Uint8Array | null | undefined;
}

export interface GivenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface Parameter {
  readonly in: "path" | "query" | "header";
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
}
interface Media {
  readonly schema?: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value?: unknown }>>;
}
type Content = Readonly<Record<string, Media>>;
interface Described {
  readonly headers?: Readonly<Record<string, { readonly $ref: string }>>;
  readonly content?: Content;
}
export interface DescribedOperation {
  readonly operationId: string;
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, Described>>;
}
interface DescribedApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: {
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly headers: Readonly<Record<string, { readonly required?: boolean; readonly schema: Schema }>>;
  };
}

/** The document as a client gets it. */
export const DOCUMENT = JSON.parse(JSON.stringify(openApiDocument("0.1.0"))) as DescribedApi;

/** Operation and status of every exchange that was checked in this run of a file, as `listEvents 200`. */
export const SEEN = new Set<string>();

/** A path of that operation at which nothing is, but for the bus of whoever reads one. */
export const pathAt = (template: string, method: string): string =>
  template.replace("{bus}", method === "GET" ? "default" : "other").replaceAll(/\{\w+\}/g, "x");

// ---- Schemas -----------------------------------------------------------------------------------------------------

/** A value and all in it, each object passed through `change`. */
function mapped(value: unknown, change: (object: Members) => Members): unknown {
  if (isList(value)) return value.map((one) => mapped(one, change));
  if (!isMembers(value)) return value;
  return Object.fromEntries(Object.entries(change(value)).map(([name, one]) => [name, mapped(one, change)]));
}

/** Every object of an answer closed: only what is named may be in it. */
function closed(object: Members): Members {
  const isOpen = isMembers(object["properties"]) && object["type"] === "object" && !("additionalProperties" in object);
  return isOpen ? { ...object, additionalProperties: false } : object;
}

/**
 * Without examples, whose members would be taken for keywords, and without formats that are for people: `uri-reference` means more in RFC
 * 3986 than CloudEvents needs.
 */
function checkable(object: Members): Members {
  const kept = Object.entries(object).filter(
    ([name, value]) =>
      name !== "example" && name !== "examples" && (name !== "format" || isMembers(value) || value === "date-time"),
  );
  return Object.fromEntries(kept);
}

const REQUESTS = mapped(DOCUMENT, checkable) as DescribedApi;
const ANSWERS = mapped(REQUESTS, closed) as DescribedApi;
const lookupOf = (document: DescribedApi) => dereference(document);
const LOOKUPS = new Map([REQUESTS, ANSWERS].map((document) => [document, lookupOf(document)]));

/** What is wrong with a value that a schema of the document describes, such as an example; null when nothing is. */
export const exampleFault = (schema: unknown, value: unknown): string | null =>
  faultOf(REQUESTS, mapped(mapped(schema, checkable), absolute) as Schema, value);

/** References as they are known by, for a schema that is not looked up in the document. */
function absolute(object: Members): Members {
  const { $ref } = object;
  return typeof $ref === "string" ? { ...object, $ref: new URL($ref, initialBaseURI).href } : object;
}

/** What is wrong with the value, the innermost fault first; null when nothing is. */
function faultOf(document: DescribedApi, schema: Schema, value: unknown): string | null {
  const { valid, errors } = validate(value, schema, "2020-12", LOOKUPS.get(document), false);
  if (valid) return null;
  const deepest = errors.toSorted((a, b) => b.instanceLocation.length - a.instanceLocation.length);
  return deepest
    .slice(0, 4)
    .map(({ instanceLocation, error }) => `${instanceLocation.slice(1) || "the whole"}: ${error}`)
    .join("; ");
}

// ---- Operations --------------------------------------------------------------------------------------------------

interface Route {
  readonly template: string;
  readonly pattern: RegExp;
  readonly operations: Readonly<Record<string, DescribedOperation>>;
}

/** A path that is written down goes before one that has a parameter in its place. */
const routesOf = (document: DescribedApi): readonly Route[] =>
  Object.entries(document.paths)
    .toSorted(([a], [b]) => a.split("{").length - b.split("{").length)
    .map(([template, operations]) => ({
      template,
      operations,
      pattern: new RegExp(`^${template.replaceAll(/[.]/g, "\\.").replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
    }));

const REQUEST_ROUTES = routesOf(REQUESTS);
const ANSWER_ROUTES = routesOf(ANSWERS);

/** @throws Error that names operation, status and place, when request and answer are not as the document says. */
export async function checkExchange(request: SentRequest, given: GivenAnswer): Promise<void> {
  const url = new URL(request.url);
  const method = request.method.toLowerCase();
  const index = REQUEST_ROUTES.findIndex(({ pattern }) => pattern.test(url.pathname));
  const [route, answerRoute] = [REQUEST_ROUTES[index], ANSWER_ROUTES[index]];
  const fail = (what: string): never => {
    throw new Error(`${request.method} ${url.pathname} → ${given.status} is not as the contract says: ${what}`);
  };
  if (!/^req_[0-9a-z]{26}$/.test(given.headers.get("x-request-id") ?? "")) fail("no x-request-id");
  // The door of the host is for people: no operation of the API.
  if (route === undefined && url.pathname === "/" && given.status === 302) return;
  if (route === undefined) return given.status === 404 ? checkBare(request, given, fail) : fail("the path is unknown");
  if (method === "options") return checkOptions(given, fail);
  const name = method === "head" ? "get" : method;
  const [operation, answers] = [route.operations[name], answerRoute?.operations[name]];
  if (operation === undefined || answers === undefined)
    return given.status === 405 ? checkBare(request, given, fail) : fail("the method is unknown");
  SEEN.add(`${operation.operationId} ${given.status}`);
  const described = answers.responses[given.status] ?? fail(`${operation.operationId} has no such status`);
  const inAnswer =
    headerFault(described, given.headers) ??
    (method === "head" ? null : (answerFault(described, given) ?? slugFault(operation.operationId, given)));
  if (inAnswer !== null) fail(`${operation.operationId}, in the answer, ${inAnswer}`);
  if (given.status >= 400) return;
  const inRequest =
    parameterFault(operation, request, route.pattern.exec(url.pathname)?.groups ?? {}) ??
    (given.status === 207 ? null : await bodyFault(operation, request));
  if (inRequest !== null) fail(`${operation.operationId}, in the request, ${inRequest}`);
}

function checkOptions({ status, headers }: GivenAnswer, fail: (what: string) => never): void {
  if (status !== 204) fail("OPTIONS answers 204");
  if (!headers.has("allow")) fail("no allow");
}

const PROBLEM = mapped({ $ref: "#/components/schemas/Problem" }, absolute) as Schema;

/** What no operation answers, and what the document says in words: 404 and 405. */
function checkBare(
  { method }: SentRequest,
  { status, headers, text }: GivenAnswer,
  fail: (what: string) => never,
): void {
  if (status === 405 && !headers.has("allow")) fail("no allow");
  if (essenceOf(headers) !== "application/problem+json") fail("it is no problem");
  const slug = status === 404 ? "not-found" : "method-not-allowed";
  const fault = method === "HEAD" ? null : jsonFault(ANSWERS, PROBLEM, text);
  if (fault !== null) fail(fault);
  if (method !== "HEAD" && !JSON.parse(text).type.endsWith(`/${slug}`)) fail(`the problem is not ${slug}`);
}

// ---- Answers -----------------------------------------------------------------------------------------------------

function headerFault({ headers = {} }: Described, given: Headers): string | null {
  for (const name of Object.keys(headers)) {
    const header = ANSWERS.components.headers[name];
    const value = given.get(name);
    if (value === null && header?.required === true) return `header ${name} is missing`;
    const fault = value === null || header === undefined ? null : faultOf(ANSWERS, header.schema, value);
    if (fault !== null) return `header ${name}: ${fault}`;
  }
  return null;
}

const essenceOf = (headers: Headers): string =>
  (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";

function answerFault({ content }: Described, { headers, text }: GivenAnswer): string | null {
  if (content === undefined) return text === "" ? null : "there is a body";
  const media = content[essenceOf(headers)];
  if (media === undefined) return `the content type ${headers.get("content-type")} is unknown`;
  if (essenceOf(headers) === "text/event-stream") return streamFault(media, text);
  // Prometheus' text: its form is no matter of the document.
  if (essenceOf(headers) === "text/plain") return null;
  return mediaFault(ANSWERS, media, text);
}

/** Of the entries that are whole, but for those that tell how far the stream is. */
function streamFault({ schema = {} }: Media, text: string): string | null {
  const entries = serverSentEvents()
    .read(text)
    .filter(({ event }) => !["open", "place"].includes(event));
  const told: Schema = schema["contentSchema"] ?? {};
  return entries.map(({ data }) => jsonFault(ANSWERS, told, data)).find((fault) => fault !== null) ?? null;
}

/** Slugs that the document gives each operation and status, as `listEvents 400`. */
const SLUGS = new Map(
  Object.values(DOCUMENT.paths).flatMap((operations) =>
    Object.values(operations).flatMap(({ operationId, responses }) =>
      Object.entries(responses).map(
        ([status, { content }]) =>
          [`${operationId} ${status}`, Object.keys(content?.["application/problem+json"]?.examples ?? {})] as const,
      ),
    ),
  ),
);

/** A problem of a kind that the operation is not said to have. */
function slugFault(operationId: string, { status, text }: GivenAnswer): string | null {
  if (status < 400) return null;
  const { type }: { type: string } = JSON.parse(text);
  const slugs = SLUGS.get(`${operationId} ${status}`) ?? [];
  return slugs.some((slug) => type.endsWith(`/${slug}`)) ? null : `the problem ${type} is none of ${slugs.join(", ")}`;
}

function mediaFault(document: DescribedApi, { schema = {} }: Media, text: string): string | null {
  const line: Schema | undefined = schema["contentSchema"]?.items;
  if (line === undefined) return jsonFault(document, schema, text);
  const lines = text.split(/\r?\n/).filter((one) => one.trim() !== "");
  return lines.map((one) => jsonFault(document, line, one)).find((fault) => fault !== null) ?? null;
}

function jsonFault(document: DescribedApi, schema: Schema, text: string): string | null {
  let value: unknown;
  try {
    // RFC 8259 §8.1 lets a parser ignore a byte order mark, and ours does.
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return `the body is no JSON: ${text.slice(0, 80)}`;
  }
  return faultOf(document, schema, value);
}

// ---- Requests ----------------------------------------------------------------------------------------------------

function parameterFault(
  { parameters = [] }: DescribedOperation,
  { url, headers }: SentRequest,
  path: Readonly<Record<string, string>>,
): string | null {
  const query = new URL(url).searchParams;
  const known = parameters.map((one) =>
    "$ref" in one ? REQUESTS.components.parameters[one.$ref.split("/").at(-1) ?? ""] : one,
  );
  const names = new Set(known.flatMap((one) => (one?.in === "query" ? [one.name] : [])));
  const unknown = [...query.keys()].find((name) => !names.has(name));
  if (unknown !== undefined && names.size > 0) return `the parameter ${unknown} is unknown`;
  for (const one of known) {
    if (one === undefined) return "a parameter is described nowhere";
    const { name, schema } = one;
    const values = { path: path[name] ?? null, query: query.get(name), header: headers.get(name) };
    const text = values[one.in];
    if (text === null && one.required === true) return `${name} is missing`;
    const value = schema.type === "integer" && text !== null && /^\d+$/.test(text) ? Number(text) : text;
    const fault = text === null ? null : faultOf(REQUESTS, schema, value);
    if (fault !== null) return `${name}: ${fault}`;
  }
  return null;
}

/** The attributes that binary mode cannot do without: in the document they are headers that any mode may lack. */
const BINARY = ["ce-id", "ce-source", "ce-type"];

async function bodyFault({ requestBody }: DescribedOperation, request: SentRequest): Promise<string | null> {
  const { body, headers } = request;
  if (body === undefined || requestBody === undefined) return null;
  const essence = essenceOf(headers);
  const takesAnything = requestBody.content["*/*"] !== undefined;
  if (takesAnything && headers.has("ce-specversion") && !essence.startsWith("application/cloudevents")) {
    const missing = BINARY.find((name) => !headers.has(name));
    return missing === undefined ? null : `header ${missing} is missing`;
  }
  const text = await textOf(body, headers.get("content-encoding"));
  if (text === null) return null;
  if (text === "") return requestBody.required === true ? "there is no body" : null;
  const media = requestBody.content[essence];
  if (media === undefined) return `the content type ${essence} is unknown`;
  // Lines are taken or refused one by one, as the entries of a 207.
  return media.schema?.["contentSchema"] === undefined ? mediaFault(REQUESTS, media, text) : null;
}

/** Null when it is compressed in a way that only the router reads: several members, or bytes behind them. */
async function textOf(body: string | Uint8Array | null, encoding: string | null): Promise<string | null> {
  if (body === null || typeof body === "string") return body ?? "";
  if (!/^\s*(?:x-)?gzip\s*$/i.test(encoding ?? "")) return new TextDecoder().decode(body);
  try {
    const inflated = new Response(new Uint8Array(body)).body?.pipeThrough(new DecompressionStream("gzip"));
    return await new Response(inflated ?? null).text();
  } catch {
    return null;
  }
}
